// SPDX-License-Identifier: GPL-2.0

//! Commands that change interfaces, children or marks.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::OsStrExt;

use clap::Subcommand;
use clap::ValueHint;
use nix::errno::Errno;

use crate::args::parser;
use crate::args::ArgError;
use crate::args::IfName;
use crate::args::IfSpec;
use crate::args::Mark;
use crate::config::Changes;
use crate::config::Config;
use crate::config::ConfigOption;
use crate::config::OptionError;
use crate::error::Error;
use crate::escape;
use crate::netlink::Extack;
use crate::netlink::Request;
use crate::uapi::attribute;
use crate::uapi::command;
use crate::uapi::VERSION;

/// A change of interfaces, children or marks.
// clap prints the documentation of variants and fields as the help of the commands.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
#[command(rename_all = "snake_case")]
pub enum Change {
    /// Add a main interface over one or two channels
    ///
    /// The interface is created in the current network namespace (see --netns) and is down. The
    /// options are those of the module parameters (see muennet(4)): in, out, reader_protocol,
    /// writer_protocol, flags, mtu, pmtu, mac and poll. Three options have no parameter: pause
    /// (off, rx, tx or rx+tx), carrier_follows_peer and restart_with_peer (on or off).
    Add {
        /// Name of the new interface, at most 15 bytes; %d becomes a number
        #[arg(value_parser = parser(IfName::parse_new), value_hint = ValueHint::Other)]
        name: IfName,
        /// Options, such as in=channel_in reader_protocol=2
        #[arg(
            value_name = "KEY=VALUE",
            value_parser = parser(ConfigOption::parse),
            value_hint = ValueHint::Other
        )]
        options: Vec<ConfigOption>,
    },
    /// Delete a main interface and its children
    Del {
        /// Main interface
        #[arg(value_parser = parser(IfName::parse), value_hint = ValueHint::Other)]
        name: IfName,
    },
    /// Change a main interface while it exists
    ///
    /// The options are mtu, poll, pause, carrier_follows_peer and restart_with_peer, with values as
    /// for add.
    Set {
        /// Main interface
        #[arg(value_parser = parser(IfName::parse), value_hint = ValueHint::Other)]
        name: IfName,
        /// Options, such as mtu=1400
        #[arg(
            value_name = "KEY=VALUE",
            value_parser = parser(ConfigOption::parse),
            value_hint = ValueHint::Other,
            required = true
        )]
        options: Vec<ConfigOption>,
    },
    /// Add a child to a main interface
    ///
    /// The child is created in the current network namespace (see --netns) and is down.
    AddChild {
        /// Main interface
        #[arg(value_parser = parser(IfName::parse), value_hint = ValueHint::Other)]
        parent: IfName,
        /// Name of the new child, at most 15 bytes
        #[arg(value_parser = parser(IfName::parse_new), value_hint = ValueHint::Other)]
        child: IfName,
    },
    /// Delete a child
    ///
    /// The marks that it owns are deleted as well.
    DelChild {
        /// Child, [NETNS/]NAME
        #[arg(value_parser = parser(IfSpec::parse), value_hint = ValueHint::Other)]
        child: IfSpec,
    },
    /// Assign a mark to a child
    ///
    /// Incoming packets with this mark then go to the child. Fails if another child of the same
    /// parent owns the mark.
    AddMark {
        /// Child, [NETNS/]NAME
        #[arg(value_parser = parser(IfSpec::parse), value_hint = ValueHint::Other)]
        child: IfSpec,
        /// Mark, 1 to 4294967295, decimal or hexadecimal with 0x
        mark: Mark,
    },
    /// Remove a mark from the child that owns it
    ///
    /// Incoming packets with this mark then go to the parent.
    DelMark {
        /// Child, [NETNS/]NAME
        #[arg(value_parser = parser(IfSpec::parse), value_hint = ValueHint::Other)]
        child: IfSpec,
        /// Mark, 1 to 4294967295, decimal or hexadecimal with 0x
        mark: Mark,
    },
    /// Move a mark to another child of the same parent
    ///
    /// The move is atomic: at any time one of the two children owns the mark, and no packet goes to
    /// the parent.
    MoveMark {
        /// Child that owns the mark, [NETNS/]NAME
        #[arg(value_parser = parser(IfSpec::parse), value_hint = ValueHint::Other)]
        from: IfSpec,
        /// New owner, [NETNS/]NAME
        #[arg(value_parser = parser(IfSpec::parse), value_hint = ValueHint::Other)]
        to: IfSpec,
        /// Mark, 1 to 4294967295, decimal or hexadecimal with 0x
        mark: Mark,
    },
}

/// A syntax error in a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// Unknown command.
    UnknownCommand(OsString),
    /// Wrong number of arguments. Contains the usage.
    Usage(&'static str),
    /// Invalid argument.
    Argument(OsString, ArgError),
    /// Invalid option KEY=VALUE.
    Option(OsString, OptionError),
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParseError::UnknownCommand(word) => write!(f, "{word:?}: not a batch command"),
            ParseError::Usage(usage) => write!(f, "usage: {usage}"),
            ParseError::Argument(word, error) => write!(f, "{word:?}: {error}"),
            ParseError::Option(word, error) => write!(f, "{word:?}: {error}"),
        }
    }
}

impl std::error::Error for ParseError {}

impl Change {
    /// Parses a command. The first word is its name.
    ///
    /// # Errors
    ///
    /// The syntax error.
    pub fn parse<W: AsRef<[u8]>>(words: &[W]) -> Result<Self, ParseError> {
        let words: Vec<&[u8]> = words.iter().map(AsRef::as_ref).collect();
        Ok(match words.as_slice() {
            [b"add", name, options @ ..] => Change::Add {
                name: argument(name, IfName::parse_new)?,
                options: options.iter().map(option).collect::<Result<_, _>>()?,
            },
            [b"del", name] => Change::Del {
                name: argument(name, IfName::parse)?,
            },
            [b"set", name, options @ ..] if !options.is_empty() => Change::Set {
                name: argument(name, IfName::parse)?,
                options: options.iter().map(option).collect::<Result<_, _>>()?,
            },
            [b"add_child", parent, child] => Change::AddChild {
                parent: argument(parent, IfName::parse)?,
                child: argument(child, IfName::parse_new)?,
            },
            [b"del_child", child] => Change::DelChild {
                child: argument(child, IfSpec::parse)?,
            },
            [b"add_mark", child, mark] => Change::AddMark {
                child: argument(child, IfSpec::parse)?,
                mark: argument(mark, Mark::parse)?,
            },
            [b"del_mark", child, mark] => Change::DelMark {
                child: argument(child, IfSpec::parse)?,
                mark: argument(mark, Mark::parse)?,
            },
            [b"move_mark", from, to, mark] => Change::MoveMark {
                from: argument(from, IfSpec::parse)?,
                to: argument(to, IfSpec::parse)?,
                mark: argument(mark, Mark::parse)?,
            },
            [b"add", ..] => return Err(ParseError::Usage("add NAME [KEY=VALUE]...")),
            [b"del", ..] => return Err(ParseError::Usage("del NAME")),
            [b"set", ..] => return Err(ParseError::Usage("set NAME KEY=VALUE...")),
            [b"add_child", ..] => return Err(ParseError::Usage("add_child PARENT CHILD")),
            [b"del_child", ..] => return Err(ParseError::Usage("del_child CHILD")),
            [b"add_mark", ..] => return Err(ParseError::Usage("add_mark CHILD MARK")),
            [b"del_mark", ..] => return Err(ParseError::Usage("del_mark CHILD MARK")),
            [b"move_mark", ..] => return Err(ParseError::Usage("move_mark FROM TO MARK")),
            [] => return Err(ParseError::UnknownCommand(OsString::new())),
            [other, ..] => {
                return Err(ParseError::UnknownCommand(
                    OsStr::from_bytes(other).to_owned(),
                ))
            }
        })
    }

    /// Builds the netlink request. `netnsid` returns the ID of a network namespace.
    ///
    /// # Errors
    ///
    /// Those of `netnsid`, and [`Error::Usage`] if options do not fit each other.
    pub fn request(
        &self,
        family: u16,
        mut netnsid: impl FnMut(&str) -> Result<i32, Error>,
    ) -> Result<Request, Error> {
        let new = |command| Request::genl(family, command, VERSION);
        let mut add_spec = |request: Request, spec: &IfSpec, ifname_type, netnsid_type| {
            let request = request.string(ifname_type, &spec.ifname);
            Ok::<_, Error>(match &spec.netns {
                Some(netns) => request.i32(netnsid_type, netnsid(netns)?),
                None => request,
            })
        };
        let usage = |error: OptionError| Error::Usage(format!("{self}: {error}"));
        Ok(match self {
            Change::Add { name, options } => Config::new(options)
                .map_err(usage)?
                .attributes(new(command::DEV_ADD).string(attribute::IFNAME, name)),
            Change::Del { name } => new(command::DEV_DEL).string(attribute::IFNAME, name),
            Change::Set { name, options } => Changes::new(options)
                .map_err(usage)?
                .attributes(new(command::DEV_SET).string(attribute::IFNAME, name)),
            Change::AddChild { parent, child } => new(command::CHILD_ADD)
                .string(attribute::PARENT_IFNAME, parent)
                .string(attribute::IFNAME, child),
            Change::DelChild { child } => add_spec(
                new(command::CHILD_DEL),
                child,
                attribute::IFNAME,
                attribute::NETNSID,
            )?,
            Change::AddMark { child, mark } | Change::DelMark { child, mark } => {
                let command = match self {
                    Change::AddMark { .. } => command::MARK_ADD,
                    _ => command::MARK_DEL,
                };
                add_spec(new(command), child, attribute::IFNAME, attribute::NETNSID)?
                    .u32(attribute::MARK, mark.get())
            }
            Change::MoveMark { from, to, mark } => {
                let request = add_spec(
                    new(command::MARK_MOVE),
                    from,
                    attribute::FROM_IFNAME,
                    attribute::FROM_NETNSID,
                )?;
                add_spec(request, to, attribute::IFNAME, attribute::NETNSID)?
                    .u32(attribute::MARK, mark.get())
            }
        })
    }

    /// Returns the command as words, escaped as in a file for `sync`.
    pub fn words(&self) -> Vec<String> {
        let name = |name: &IfName| escape::word(name.as_ref());
        let spec = |spec: &IfSpec| match &spec.netns {
            Some(netns) => format!("{}/{}", escape::word(netns.as_bytes()), name(&spec.ifname)),
            None => name(&spec.ifname),
        };
        let with = |verb: &str, of: &IfName, options: &[ConfigOption]| {
            let options = options.iter().map(ToString::to_string);
            [verb.to_owned(), name(of)]
                .into_iter()
                .chain(options)
                .collect()
        };
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        match self {
            Change::Add { name, options } => with("add", name, options),
            Change::Del { name } => with("del", name, &[]),
            Change::Set { name, options } => with("set", name, options),
            Change::AddChild { parent, child } => {
                words(&["add_child", &name(parent), &name(child)])
            }
            Change::DelChild { child } => words(&["del_child", &spec(child)]),
            Change::AddMark { child, mark } => {
                words(&["add_mark", &spec(child), &mark.to_string()])
            }
            Change::DelMark { child, mark } => {
                words(&["del_mark", &spec(child), &mark.to_string()])
            }
            Change::MoveMark { from, to, mark } => {
                words(&["move_mark", &spec(from), &spec(to), &mark.to_string()])
            }
        }
    }

    /// Returns a hint on how to avoid a rejection, if the message of the kernel does not contain
    /// one.
    pub fn hint(&self, extack: &Extack) -> Option<String> {
        match (self, Errno::from_raw(extack.errno)) {
            (Change::AddMark { child, mark }, Errno::EBUSY) => {
                Some(format!("to move it: move_mark OWNER {child} {mark}"))
            }
            // The message of the kernel names the namespace.
            (_, Errno::EPERM) if extack.message.is_some() => None,
            (Change::Add { .. } | Change::Del { .. } | Change::Set { .. }, Errno::EPERM) => Some(
                "requires CAP_NET_ADMIN in the initial user namespace, try sudo there".to_owned(),
            ),
            (Change::DelChild { .. }, Errno::EPERM) => {
                Some("requires CAP_NET_ADMIN, try sudo".to_owned())
            }
            (_, Errno::EPERM) => Some(
                "requires CAP_NET_ADMIN in the network namespace of the parent, try sudo there"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}

/// Formats the command as the user types it.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = |f: &mut fmt::Formatter<'_>, options: &[ConfigOption]| {
            options.iter().try_for_each(|option| write!(f, " {option}"))
        };
        match self {
            Change::Add { name, options: all } => {
                write!(f, "add {name}")?;
                options(f, all)
            }
            Change::Del { name } => write!(f, "del {name}"),
            Change::Set { name, options: all } => {
                write!(f, "set {name}")?;
                options(f, all)
            }
            Change::AddChild { parent, child } => write!(f, "add_child {parent} {child}"),
            Change::DelChild { child } => write!(f, "del_child {child}"),
            Change::AddMark { child, mark } => write!(f, "add_mark {child} {mark}"),
            Change::DelMark { child, mark } => write!(f, "del_mark {child} {mark}"),
            Change::MoveMark { from, to, mark } => write!(f, "move_mark {from} {to} {mark}"),
        }
    }
}

/// Parses an argument. The error contains the argument.
///
/// # Errors
///
/// The syntax error.
pub fn argument<T>(word: &[u8], parse: fn(&[u8]) -> Result<T, ArgError>) -> Result<T, ParseError> {
    parse(word).map_err(|error| ParseError::Argument(OsStr::from_bytes(word).to_owned(), error))
}

fn option(word: &&[u8]) -> Result<ConfigOption, ParseError> {
    ConfigOption::parse(word)
        .map_err(|error| ParseError::Option(OsStr::from_bytes(word).to_owned(), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        // Words of a command, and the formatted command or the error.
        let table: &[(&[&str], Result<&str, &str>)] = &[
            (
                &["add_child", "net0", "child0"],
                Ok("add_child net0 child0"),
            ),
            (&["del_child", "child0"], Ok("del_child child0")),
            (&["add_mark", "child0", "0x18"], Ok("add_mark child0 24")),
            (&["del_mark", "child0", "24"], Ok("del_mark child0 24")),
            (&["move_mark", "a", "b/c", "1"], Ok("move_mark a b/c 1")),
            (
                &["add", "net0", "in=a", "reader_protocol=0x2"],
                Ok("add net0 in=a reader_protocol=0x2"),
            ),
            (&["add", "net0"], Ok("add net0")),
            (&["del", "net0"], Ok("del net0")),
            (&["set", "net0", "mtu=1400"], Ok("set net0 mtu=1400")),
            (&["add"], Err("usage: add NAME [KEY=VALUE]...")),
            (&["del"], Err("usage: del NAME")),
            (&["set", "net0"], Err("usage: set NAME KEY=VALUE...")),
            (
                &["add", "a b"],
                Err("\"a b\": invalid character ' ' in interface name"),
            ),
            (
                &["add", "net0", "speed=1"],
                Err(
                    "\"speed=1\": expected KEY=VALUE, where KEY is one of in, out, \
                     reader_protocol, writer_protocol, flags, mtu, pmtu, mac, poll, pause, \
                     carrier_follows_peer, restart_with_peer",
                ),
            ),
            (&[], Err("\"\": not a batch command")),
            (&["add-child"], Err("\"add-child\": not a batch command")),
            (&["add_child", "net0"], Err("usage: add_child PARENT CHILD")),
            (&["del_child"], Err("usage: del_child CHILD")),
            (&["del_child", "a", "b"], Err("usage: del_child CHILD")),
            (&["add_mark", "a"], Err("usage: add_mark CHILD MARK")),
            (&["del_mark", "1"], Err("usage: del_mark CHILD MARK")),
            (
                &["move_mark", "a", "1"],
                Err("usage: move_mark FROM TO MARK"),
            ),
            (
                &["add_child", "net0", "a/b"],
                Err("\"a/b\": invalid character '/' in interface name"),
            ),
            (
                &["add_child", "net0", "\u{7f}"],
                Err("\"\\u{7f}\": invalid character '\\u{7f}' in interface name"),
            ),
            (
                &["add_mark", "child0", "x"],
                Err(
                    "\"x\": not a mark: expected a decimal number, or a hexadecimal number with 0x",
                ),
            ),
        ];
        for (words, expected) in table {
            if let Ok(change) = Change::parse(words) {
                assert_eq!(change.words().join(" "), change.to_string());
            }
            let found = Change::parse(words).map(|change| change.to_string());
            let found = found.map_err(|error| error.to_string());
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(found, expected, "{words:?}");
        }
    }

    #[test]
    fn requests() {
        let netnsid = |name: &str| match name {
            "blue" => Ok(3),
            _ => Err(Error::Usage(format!("no namespace {name}"))),
        };
        let new = |command| Request::genl(29, command, 1);
        let table: &[(&[&str], Request)] = &[
            (
                &["add_child", "net0", "child0"],
                new(3).string(5, "net0").string(2, "child0"),
            ),
            (
                &[
                    "add",
                    "net0",
                    "in=a",
                    "reader_protocol=2",
                    "out=b",
                    "writer_protocol=0xff",
                    "flags=eth_dev+vlan+pause",
                    "mac=02:00:00:00:00:01",
                    "poll=2000",
                ],
                new(13)
                    .string(2, "net0")
                    .nest(15, new(0).string(1, "a").u64(6, 2))
                    .nest(16, new(0).string(1, "b").u64(6, 0xff))
                    .u32(12, 2)
                    .flag(21)
                    .u32(13, 1500)
                    .binary(23, &[2, 0, 0, 0, 0, 1])
                    .u32(24, 2000)
                    .u32(25, 12),
            ),
            (
                &[
                    "add",
                    "net0",
                    "out=b",
                    "writer_protocol=2",
                    "pmtu=p",
                    "mtu=1400",
                ],
                new(13)
                    .string(2, "net0")
                    .nest(16, new(0).string(1, "b").u64(6, 2))
                    .u32(12, 0)
                    .u32(13, 1400)
                    .string(22, "p")
                    .u32(25, 0),
            ),
            (&["del", "net0"], new(14).string(2, "net0")),
            (
                &[
                    "set",
                    "net0",
                    "mtu=1400",
                    "poll=50",
                    "pause=tx",
                    "restart_with_peer=on",
                ],
                new(15)
                    .string(2, "net0")
                    .u32(13, 1400)
                    .u32(24, 50)
                    .u32(25, 8 | 2)
                    .u32(26, 4 | 8 | 2),
            ),
            (&["del_child", "child0"], new(4).string(2, "child0")),
            (
                &["del_child", "blue/child0"],
                new(4).string(2, "child0").i32(3, 3),
            ),
            (
                &["add_mark", "child0", "24"],
                new(5).string(2, "child0").u32(10, 24),
            ),
            (
                &["del_mark", "child0", "24"],
                new(6).string(2, "child0").u32(10, 24),
            ),
            (
                &["move_mark", "blue/child0", "child1", "24"],
                new(7)
                    .string(8, "child0")
                    .i32(9, 3)
                    .string(2, "child1")
                    .u32(10, 24),
            ),
        ];
        for (words, expected) in table {
            let mut request = Change::parse(words).unwrap().request(29, netnsid).unwrap();
            let mut expected = expected.clone();
            assert_eq!(request.finalize(4, 1), expected.finalize(4, 1), "{words:?}");
        }
        let bytes = Change::parse(&[&b"del_child"[..], b"a\xff"]).unwrap();
        let mut request = bytes.request(29, netnsid).unwrap();
        let mut expected = new(4).string(2, b"a\xff");
        assert_eq!(request.finalize(4, 1), expected.finalize(4, 1));
        let unknown = Change::parse(&["del_child", "red/child0"]).unwrap();
        assert!(unknown.request(29, netnsid).is_err());
        let alone = Change::parse(&["add", "net0", "in=a"]).unwrap();
        let error = alone.request(29, netnsid).unwrap_err();
        assert_eq!(
            error.to_string(),
            "add net0 in=a: reader_protocol is missing"
        );
        assert_eq!(error.exit_status(), 2);
    }
}
