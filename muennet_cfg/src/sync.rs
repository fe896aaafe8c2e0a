// SPDX-License-Identifier: GPL-2.0

//! Commands `dump` and `sync`: the whole configuration as commands, and the commands that make the
//! differences.
//!
//! A file for `sync` has the commands `add`, `add_child` and `add_mark`, one per line, each after
//! those that it needs. Words are escaped as [`escape::word`] does.

use std::collections::BTreeMap;
use std::io::Read;
use std::io::Write;

use crate::args::IfName;
use crate::args::IfSpec;
use crate::args::Mark;
use crate::change::Change;
use crate::config::Config;
use crate::config::ConfigChannel;
use crate::config::ConfigOption;
use crate::error::Error;
use crate::escape;
use crate::family::Family;
use crate::model::Channel;
use crate::model::Interface;
use crate::model::Resource;
use crate::netlink::Transport;
use crate::show;
use crate::show::Node;

/// Largest size of a file in bytes.
const SIZE_MAX: u64 = 64 << 20;

/// The configuration that a file asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted(Vec<WantedInterface>);

#[derive(Debug, PartialEq, Eq)]
struct WantedInterface {
    line: usize,
    name: IfName,
    options: Vec<ConfigOption>,
    config: Config,
    children: Vec<WantedChild>,
}

#[derive(Debug, PartialEq, Eq)]
struct WantedChild {
    line: usize,
    name: IfName,
    /// The marks, with their lines.
    marks: BTreeMap<Mark, usize>,
}

/// A change that is to be made, and the line of the file that asks for it. A deletion has no line.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    line: Option<usize>,
    change: Change,
}

impl Wanted {
    /// Parses a file.
    ///
    /// # Errors
    ///
    /// The number of the line and what is wrong with it.
    fn parse(file: &[u8]) -> Result<Self, (usize, String)> {
        let mut wanted = Wanted::default();
        for (index, line) in file.split(|byte| *byte == b'\n').enumerate() {
            let number = index + 1;
            wanted.line(line, number).map_err(|why| (number, why))?;
        }
        Ok(wanted)
    }

    fn line(&mut self, line: &[u8], number: usize) -> Result<(), String> {
        let words = line
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty())
            .take_while(|word| !word.starts_with(b"#"))
            .map(|word| escape::unescape(word).ok_or(word));
        let words: Vec<_> = words.collect::<Result<_, _>>().map_err(|word| {
            let word = String::from_utf8_lossy(word);
            format!(r#""{word}": after a \ only \ or xHH is allowed"#)
        })?;
        if words.is_empty() {
            return Ok(());
        }
        let words: Vec<&[u8]> = words.iter().map(AsRef::as_ref).collect();
        // A name may be any that the kernel allows: the file escapes what others would not see.
        let name = |word: &[u8]| {
            IfName::parse_exact(word).map_err(|why| format!("{}: {why}", escape::word(word)))
        };
        match words.as_slice() {
            [b"add", it, options @ ..] => {
                let options = options.iter().map(|word| {
                    ConfigOption::parse(word)
                        .map_err(|why| format!("{}: {why}", escape::word(word)))
                });
                self.add(name(it)?, options.collect::<Result<_, _>>()?, number)
            }
            [b"add_child", parent, child] => self.add_child(&name(parent)?, name(child)?, number),
            [b"add_mark", child, mark] => {
                let mark = Mark::parse(mark).map_err(|why| why.to_string())?;
                self.add_mark(&name(child)?, mark, number)
            }
            [b"add", ..] => Err("usage: add NAME KEY=VALUE...".to_owned()),
            [b"add_child", ..] => Err("usage: add_child PARENT CHILD".to_owned()),
            [b"add_mark", ..] => Err("usage: add_mark CHILD MARK".to_owned()),
            _ => Err("only add, add_child and add_mark are allowed here".to_owned()),
        }
    }

    fn add(&mut self, name: IfName, options: Vec<ConfigOption>, line: usize) -> Result<(), String> {
        self.check_new(&name)?;
        let config = Config::new(&options).map_err(|error| error.to_string())?;
        let output = |config: &Config| config.output.as_ref().map(|it| it.name.clone());
        if let (Some(out), Some(other)) = (
            output(&config),
            self.0
                .iter()
                .find(|it| output(&it.config).is_some() && output(&it.config) == output(&config)),
        ) {
            return Err(format!(
                "out channel {} is already that of {}, line {}",
                escape::word(&out),
                other.name,
                other.line
            ));
        }
        self.0.push(WantedInterface {
            line,
            name,
            options,
            config,
            children: Vec::new(),
        });
        Ok(())
    }

    fn add_child(&mut self, parent: &IfName, name: IfName, line: usize) -> Result<(), String> {
        self.check_new(&name)?;
        let Some(parent) = self.0.iter_mut().find(|it| it.name == *parent) else {
            return Err(format!("no line before adds {parent}"));
        };
        parent.children.push(WantedChild {
            line,
            name,
            marks: BTreeMap::new(),
        });
        Ok(())
    }

    fn add_mark(&mut self, name: &IfName, mark: Mark, line: usize) -> Result<(), String> {
        let has = |it: &WantedInterface| it.children.iter().any(|child| child.name == *name);
        let Some(parent) = self.0.iter_mut().find(|it| has(it)) else {
            return Err(format!("no line before adds the child {name}"));
        };
        let mut owners = parent.children.iter();
        if let Some(owner) = owners.find(|it| it.marks.contains_key(&mark)) {
            let earlier = owner.marks.get(&mark).copied().unwrap_or(0);
            return Err(format!(
                "mark {mark} is already that of {}, line {earlier}",
                owner.name
            ));
        }
        if let Some(child) = parent.children.iter_mut().find(|it| it.name == *name) {
            child.marks.insert(mark, line);
        }
        Ok(())
    }

    /// Checks that no line before adds an interface of this name.
    fn check_new(&self, name: &IfName) -> Result<(), String> {
        for interface in &self.0 {
            let mut children = interface.children.iter();
            let child = children.find(|it| it.name == *name).map(|it| it.line);
            let own = (interface.name == *name).then_some(interface.line);
            if let Some(line) = own.or(child) {
                return Err(format!("{name} is added already, line {line}"));
            }
        }
        Ok(())
    }

    /// Returns the changes that bring the configuration about.
    fn steps(&self, nodes: &[Node]) -> Vec<Step> {
        let mut steps = Steps::default();
        let is_main = |node: &&Node| node.interface.parent.is_none();
        for node in nodes.iter().filter(is_main) {
            let wanted = self.0.iter().find(|it| is(&it.name, node));
            let kept = wanted.and_then(|it| Some((it, configured(node).changes_to(&it.config)?)));
            let Some((wanted, changes)) = kept else {
                steps.delete.push(Step {
                    line: None,
                    change: Change::Del { name: name(node) },
                });
                continue;
            };
            if !changes.is_empty() {
                steps.change.push(Step {
                    line: Some(wanted.line),
                    change: Change::Set {
                        name: wanted.name.clone(),
                        options: changes.options(),
                    },
                });
            }
            for child in node.children.iter().filter(|it| is_here(it)) {
                if !wanted.children.iter().any(|it| is(&it.name, child)) {
                    steps.delete.push(Step {
                        line: None,
                        change: Change::DelChild { child: spec(child) },
                    });
                }
            }
            wanted.children_steps(Some(node), &mut steps);
        }
        for wanted in &self.0 {
            let mut mains = nodes.iter().filter(is_main);
            let found = mains.find(|node| is(&wanted.name, node));
            if found.is_some_and(|it| configured(it).changes_to(&wanted.config).is_some()) {
                continue;
            }
            steps.change.push(Step {
                line: Some(wanted.line),
                change: Change::Add {
                    name: wanted.name.clone(),
                    options: wanted.options.clone(),
                },
            });
            wanted.children_steps(None, &mut steps);
        }
        let Steps {
            delete,
            change,
            children,
            marks,
        } = steps;
        [delete, change, children, marks]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// Steps in the order in which they are made.
#[derive(Default)]
struct Steps {
    delete: Vec<Step>,
    change: Vec<Step>,
    children: Vec<Step>,
    marks: Vec<Step>,
}

impl WantedInterface {
    /// Adds the steps for the children and the marks of an interface that exists as `node`, or that
    /// is new. Children that are not wanted are deleted before.
    fn children_steps(&self, node: Option<&Node>, steps: &mut Steps) {
        let children = node.map_or(&[][..], |node| &node.children);
        let find = |wanted: &WantedChild| {
            let mut here = children.iter().filter(|it| is_here(it));
            here.find(|it| is(&wanted.name, it))
        };
        for wanted in self.children.iter().filter(|it| find(it).is_none()) {
            steps.children.push(Step {
                line: Some(wanted.line),
                change: Change::AddChild {
                    parent: self.name.clone(),
                    child: wanted.name.clone(),
                },
            });
        }
        let is_wanted = |mark: &Mark| self.children.iter().any(|it| it.marks.contains_key(mark));
        // The children that stay, with their marks.
        let mut owners: BTreeMap<Mark, &WantedChild> = BTreeMap::new();
        for child in &self.children {
            let Some(node) = find(child) else { continue };
            for mark in node.marks.iter().filter_map(|mark| Mark::new(*mark)) {
                owners.insert(mark, child);
                if !is_wanted(&mark) {
                    steps.marks.push(Step {
                        line: None,
                        change: Change::DelMark {
                            child: here(&child.name),
                            mark,
                        },
                    });
                }
            }
        }
        for child in &self.children {
            for (&mark, &line) in &child.marks {
                let change = match owners.get(&mark) {
                    Some(owner) if owner.name == child.name => continue,
                    Some(owner) => Change::MoveMark {
                        from: here(&owner.name),
                        to: here(&child.name),
                        mark,
                    },
                    None => Change::AddMark {
                        child: here(&child.name),
                        mark,
                    },
                };
                steps.marks.push(Step {
                    line: Some(line),
                    change,
                });
            }
        }
    }
}

/// Returns the name of an interface of this namespace as an argument.
fn here(name: &IfName) -> IfSpec {
    IfSpec {
        netns: None,
        ifname: name.clone(),
    }
}

/// Returns whether an interface has this name.
fn is(wanted: &IfName, node: &Node) -> bool {
    escape::name(wanted.as_ref()) == node.interface.link.ifname
}

/// Returns whether an interface is in this namespace.
fn is_here(node: &Node) -> bool {
    node.interface.link.netnsid.is_none()
}

/// Returns the bytes of a name that the kernel has sent.
fn bytes(text: &str) -> Vec<u8> {
    // `Value::name` escapes as `unescape` expects it.
    escape::unescape(text.as_bytes()).unwrap_or_else(|| text.as_bytes().to_owned())
}

fn name(node: &Node) -> IfName {
    IfName::of_kernel(bytes(&node.interface.link.ifname))
}

fn spec(node: &Node) -> IfSpec {
    here(&name(node))
}

/// Returns the configuration that a main interface has.
fn configured(node: &Node) -> Config {
    let Interface {
        input,
        output,
        mtu,
        more,
        ..
    } = &node.interface;
    let channel = |it: &Channel| ConfigChannel {
        name: bytes(&it.name),
        protocol: it.configured,
    };
    Config {
        input: input.as_ref().map(channel),
        output: output.as_ref().map(channel),
        mode: more.mode,
        vlan: more.vlan,
        mtu: Some(*mtu),
        pmtu: more.pmtu.as_deref().map(bytes),
        mac: more.mac,
        poll: more.poll,
        settings: more.settings,
    }
}

/// A line of `dump`: the words of a command, or a comment.
enum DumpLine {
    Command(Vec<String>),
    Comment(String),
}

/// Returns the commands that make the configuration. The first line is a comment, so that no
/// configuration makes an empty file.
fn dump_lines(nodes: &[Node]) -> Vec<DumpLine> {
    let mut lines = vec![DumpLine::Comment("For muennet_cfg sync".to_owned())];
    for node in nodes {
        let main = escape::word(name(node).as_ref());
        if node.interface.parent.is_some() {
            lines.push(DumpLine::Comment(format!(
                "{main} is not included: its parent is in another network namespace"
            )));
            continue;
        }
        let mut words = vec!["add".to_owned(), main.clone()];
        let options = configured(node).options();
        words.extend(options.iter().map(ToString::to_string));
        lines.push(DumpLine::Command(words));
        for child in &node.children {
            let name = escape::word(name(child).as_ref());
            if !is_here(child) {
                lines.push(DumpLine::Comment(format!(
                    "{name}, a child of {main}, is not included: it is in another network \
                     namespace"
                )));
                continue;
            }
            let words = ["add_child", &main, &name].map(str::to_owned);
            lines.push(DumpLine::Command(words.to_vec()));
            for mark in &child.marks {
                let words = ["add_mark", &name, &mark.to_string()].map(str::to_owned);
                lines.push(DumpLine::Command(words.to_vec()));
            }
        }
    }
    lines
}

/// Formats lines of [`dump_lines`] as text.
fn dump_text(lines: Vec<DumpLine>) -> String {
    let lines = lines.into_iter().map(|line| match line {
        DumpLine::Command(words) => words.join(" ") + "\n",
        DumpLine::Comment(text) => format!("# {text}\n"),
    });
    lines.collect()
}

/// Prints the configuration of the current network namespace.
///
/// # Errors
///
/// The kernel rejects the request, or the communication or the output fails.
pub fn dump<T: Transport>(
    family: &mut Family<T>,
    json: bool,
    out: &mut impl Write,
) -> Result<(), Error> {
    let lines = dump_lines(&query(family)?);
    let text = if json {
        let commands = lines.into_iter().filter_map(|line| match line {
            DumpLine::Command(words) => Some(words),
            DumpLine::Comment(_) => None,
        });
        to_json(&commands.collect::<Vec<_>>())
    } else {
        dump_text(lines)
    };
    print(out, &text)
}

/// Returns the interfaces, their children and marks.
///
/// # Errors
///
/// As [`show::query`], or they change all the time.
fn query<T: Transport>(family: &mut Family<T>) -> Result<Vec<Node>, Error> {
    let nodes = show::query(family, None)?;
    if family.is_inconsistent() {
        return Err(refused(
            "dump",
            "interfaces, children or marks change all the time",
        ));
    }
    Ok(nodes)
}

/// Creates the error for something that is refused without asking the kernel.
fn refused(what: &str, reason: &str) -> Error {
    Error::Rejected {
        what: what.to_owned(),
        reason: reason.to_owned(),
        hint: None,
    }
}

/// Checks that no interface is deleted that has children in other network namespaces.
fn check_children(steps: &[Step], nodes: &[Node]) -> Result<(), Error> {
    for step in steps {
        let Change::Del { name } = &step.change else {
            continue;
        };
        let mut mains = nodes.iter().filter(|node| is(name, node));
        if mains.any(|node| node.children.iter().any(|child| !is_here(child))) {
            return Err(refused(
                &step.change.to_string(),
                "it has children in other network namespaces, which would be deleted with it: \
                 delete them before",
            ));
        }
    }
    Ok(())
}

/// Checks that the subject has the channels of new interfaces.
fn check_channels(steps: &[Step], channels: &[Resource]) -> Result<(), (usize, Error)> {
    for step in steps {
        let Change::Add { options, .. } = &step.change else {
            continue;
        };
        let Ok(config) = Config::new(options) else {
            continue;
        };
        for (channel, what, writable) in
            [(&config.input, "in", false), (&config.output, "out", true)]
        {
            let Some(ConfigChannel { name, .. }) = channel else {
                continue;
            };
            let found = channels.iter().find(|it| it.name == escape::name(name));
            let reason = match found {
                None => "the subject has no such channel",
                Some(found) if found.writable != writable && writable => "it is not writable",
                Some(found) if found.writable != writable => "it is writable",
                Some(_) => continue,
            };
            let reason = format!("{what} channel '{}': {reason}", escape::word(name));
            let error = refused(&step.change.to_string(), &reason);
            return Err((step.line.unwrap_or(0), error));
        }
    }
    Ok(())
}

/// Makes changes that lead from `now` to `before`. Returns whether all of them were made.
fn restore<T: Transport>(family: &mut Family<T>, before: &[Node]) -> bool {
    let Ok(before) = Wanted::parse(dump_text(dump_lines(before)).as_bytes()) else {
        return false;
    };
    let Ok(now) = query(family) else { return false };
    let steps = before.steps(&now);
    steps
        .iter()
        .fold(true, |all, step| family.apply(&step.change).is_ok() && all)
}

/// Changes the configuration of the current network namespace to that in a file, of which `name` is
/// the name for messages. With `dry_run`, prints the changes instead.
///
/// # Errors
///
/// Nothing changes if the file is invalid, if the subject does not have a channel in it, or if it
/// deletes an interface with children in other network namespaces. The first change that the kernel
/// rejects ends it, and the changes before it are reverted.
pub fn sync<T: Transport>(
    family: &mut Family<T>,
    (name, input): (&str, impl Read),
    dry_run: bool,
    json: bool,
    out: &mut impl Write,
) -> Result<(), Error> {
    let mut file = Vec::new();
    input
        .take(SIZE_MAX + 1)
        .read_to_end(&mut file)
        .map_err(|error| Error::io(name, error))?;
    if file.len() as u64 > SIZE_MAX {
        return Err(Error::Usage(format!(
            "{name}: larger than {SIZE_MAX} bytes"
        )));
    }
    if file.iter().all(u8::is_ascii_whitespace) {
        let why = "empty: a file that deletes everything has at least a comment";
        return Err(Error::Usage(format!("{name}: {why}")));
    }
    let at = |line: usize, error: Error| Error::Line {
        location: format!("{name}:{line}"),
        error: Box::new(error),
    };
    let wanted = Wanted::parse(&file).map_err(|(line, why)| at(line, Error::Usage(why)))?;
    let nodes = query(family)?;
    let steps = wanted.steps(&nodes);
    check_children(&steps, &nodes)?;
    if steps
        .iter()
        .any(|step| matches!(step.change, Change::Add { .. }))
    {
        let channels = family.dump_channels()?;
        check_channels(&steps, &channels).map_err(|(line, error)| at(line, error))?;
    }
    if dry_run {
        let commands = steps.iter().map(|step| step.change.words());
        let text = match json {
            true => to_json(&commands.collect::<Vec<_>>()),
            false => commands.map(|words| words.join(" ") + "\n").collect(),
        };
        return print(out, &text);
    }
    for (done, Step { line, change }) in steps.iter().enumerate() {
        let Err(mut error) = family.apply(change) else {
            continue;
        };
        if done > 0 {
            let restored = restore(family, &nodes);
            if let Error::Rejected { hint, .. } = &mut error {
                *hint = Some(match restored {
                    true => "the changes before it were reverted".to_owned(),
                    false => "the changes before it could not all be reverted".to_owned(),
                });
            }
        }
        return Err(match line {
            Some(line) => at(*line, error),
            None => error,
        });
    }
    Ok(())
}

fn to_json(value: &impl serde::Serialize) -> String {
    // Serialization fails only for maps with keys that are not strings. There are none.
    serde_json::to_string(value).unwrap_or_default() + "\n"
}

fn print(out: &mut impl Write, text: &str) -> Result<(), Error> {
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Error::io("standard output", error))
}

#[cfg(test)]
mod tests;
