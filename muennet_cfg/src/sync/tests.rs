// SPDX-License-Identifier: GPL-2.0

//! Changes that bring about a file, applied to a model of the kernel.

use super::*;
use crate::model::Link;
use crate::uapi::mode;

/// Returns the kernel's answers if these commands are its whole configuration.
fn nodes(file: &str) -> Vec<Node> {
    let mut nodes = Vec::new();
    let wanted = Wanted::parse(file.as_bytes()).unwrap();
    for step in wanted.steps(&[]) {
        apply(&mut nodes, &step.change);
    }
    nodes
}

fn link(name: &IfName) -> Link {
    Link {
        ifindex: 1,
        ifname: escape::name(name.as_ref()),
        netnsid: None,
    }
}

fn set(interface: &mut Interface, config: &Config) {
    let channel = |it: &ConfigChannel| Channel {
        name: escape::name(&it.name),
        configured: it.protocol,
        ..Channel::default()
    };
    interface.input = config.input.as_ref().map(channel);
    interface.output = config.output.as_ref().map(channel);
    interface.mtu = config.mtu.unwrap_or(1500);
    interface.more.mode = config.mode;
    interface.more.vlan = config.vlan;
    interface.more.pmtu = config.pmtu.as_deref().map(escape::name);
    interface.more.settings = config.settings;
    // Defaults of the kernel.
    let ethernet = config.mode == mode::ETHERNET;
    let random = ethernet.then_some([2, 0, 0, 0, 0, 9]);
    interface.more.mac = config.mac.or(random);
    interface.more.poll = config.poll.or(Some(4000));
}

/// Makes a change as the kernel does. Panics where the kernel refuses.
fn apply(nodes: &mut Vec<Node>, change: &Change) {
    let text = |name: &IfName| escape::name(name.as_ref());
    let exists = |nodes: &[Node], name: &IfName| {
        let mut all = nodes.iter().chain(nodes.iter().flat_map(|it| &it.children));
        all.any(|it| it.interface.link.ifname == text(name))
    };
    fn find<'a>(nodes: &'a mut [Node], name: &str) -> &'a mut Node {
        let mut all = nodes.iter_mut();
        all.find(|it| it.interface.link.ifname == name).unwrap()
    }
    match change {
        Change::Add { name, options } => {
            assert!(!exists(nodes, name));
            let config = Config::new(options).unwrap();
            let out = |it: &Config| it.output.as_ref().map(|it| it.name.clone());
            assert!(nodes
                .iter()
                .all(|it| out(&config).is_none() || out(&configured(it)) != out(&config)));
            let mut node = Node::default();
            node.interface.link = link(name);
            set(&mut node.interface, &config);
            nodes.push(node);
        }
        Change::Del { name } => {
            assert!(exists(nodes, name));
            nodes.retain(|it| it.interface.link.ifname != text(name));
        }
        Change::Set { name, options } => {
            let changes = crate::config::Changes::new(options).unwrap();
            let node = find(nodes, &text(name));
            let config = configured(node);
            let config = Config {
                mtu: changes.mtu.or(config.mtu),
                poll: changes.poll.or(config.poll),
                settings: config.settings & !changes.mask | changes.settings,
                ..config
            };
            set(&mut node.interface, &config);
        }
        Change::AddChild { parent, child } => {
            assert!(!exists(nodes, child));
            let parent = find(nodes, &text(parent));
            let mut node = Node::default();
            node.interface.link = link(child);
            node.interface.parent = Some(parent.interface.link.clone());
            parent.children.push(node);
        }
        Change::DelChild { child } => {
            assert!(exists(nodes, &child.ifname));
            for node in nodes {
                node.children
                    .retain(|it| it.interface.link.ifname != text(&child.ifname));
            }
        }
        Change::AddMark { child, mark }
        | Change::DelMark { child, mark }
        | Change::MoveMark {
            to: child, mark, ..
        } => {
            let name = text(&child.ifname);
            let has = |it: &&mut Node| {
                let mut all = it.children.iter();
                all.any(|it| it.interface.link.ifname == name)
            };
            let parent = nodes.iter_mut().find(has).unwrap();
            let owner = parent
                .children
                .iter_mut()
                .find(|it| it.marks.contains(&mark.get()));
            let owner_name = owner.as_ref().map(|it| it.interface.link.ifname.clone());
            match change {
                Change::AddMark { .. } => assert_eq!(owner_name, None),
                Change::DelMark { .. } => assert_eq!(owner_name.as_ref(), Some(&name)),
                Change::MoveMark { from, .. } => {
                    assert_eq!(owner_name, Some(text(&from.ifname)));
                }
                _ => unreachable!(),
            }
            if let Some(owner) = owner {
                owner.marks.retain(|it| *it != mark.get());
            }
            if !matches!(change, Change::DelMark { .. }) {
                let child = find(&mut parent.children, &name);
                child.marks.push(mark.get());
                child.marks.sort_unstable();
            }
        }
    }
}

fn steps(file: &str, nodes: &[Node]) -> Vec<String> {
    let steps = Wanted::parse(file.as_bytes()).unwrap().steps(nodes);
    steps.iter().map(|step| step.change.to_string()).collect()
}

fn dumped(nodes: &[Node]) -> String {
    dump_text(dump_lines(nodes))
}

const NET0: &str = "add net0 in=b_to_a reader_protocol=2 out=a_to_b writer_protocol=2 \
                    flags=net_hdr\n";

#[test]
fn differences() {
    let with = |more: &str| format!("{NET0}{more}");
    let other = "add net1 in=c reader_protocol=1\n";
    // What is, what is wanted, and the commands.
    let table: &[(String, String, &[&str])] = &[
        (String::new(), String::new(), &[]),
        (with(""), with(""), &[]),
        (with(""), "# nothing\n".to_owned(), &["del net0"]),
        (
            String::new(),
            with("add_child net0 a\nadd_mark a 0x18 # why\n"),
            &[
                "add net0 in=b_to_a reader_protocol=2 out=a_to_b writer_protocol=2 \
                 flags=net_hdr",
                "add_child net0 a",
                "add_mark a 24",
            ],
        ),
        (
            with("add_child net0 a\nadd_mark a 1\nadd_child net0 b\nadd_mark b 2\n"),
            with("add_child net0 b\nadd_mark b 3\nadd_child net0 c\nadd_mark c 2\n"),
            &[
                "del_child a",
                "add_child net0 c",
                "add_mark b 3",
                "move_mark b c 2",
            ],
        ),
        (
            with("add_child net0 a\nadd_mark a 1\nadd_mark a 2\n"),
            with("add_child net0 a\nadd_mark a 2\n"),
            &["del_mark a 1"],
        ),
        (
            with("add_child net0 a\nadd_mark a 1\nadd_child net0 b\nadd_mark b 2\n"),
            with("add_child net0 a\nadd_mark a 2\nadd_child net0 b\nadd_mark b 1\n"),
            &["move_mark b a 2", "move_mark a b 1"],
        ),
        // The mark has no owner once the child is deleted.
        (
            with("add_child net0 a\nadd_mark a 1\n"),
            with("add_child net0 b\nadd_mark b 1\n"),
            &["del_child a", "add_child net0 b", "add_mark b 1"],
        ),
        (
            with(other),
            with(&format!("{other}add_child net0 a\n")),
            &["add_child net0 a"],
        ),
        (
            with("add_child net0 a\nadd_mark a 1\n").replace("flags=net_hdr", "mtu=1400"),
            with("add_child net0 a\nadd_mark a 1\n"),
            &[
                "del net0",
                "add net0 in=b_to_a reader_protocol=2 out=a_to_b writer_protocol=2 \
                 flags=net_hdr",
                "add_child net0 a",
                "add_mark a 1",
            ],
        ),
        (
            with("add_child net0 a\n"),
            with("add_child net0 a\n").replace("net_hdr", "net_hdr+pause mtu=1400"),
            &["set net0 mtu=1400 pause=rx+tx"],
        ),
        // The name of a child becomes that of an interface.
        (
            with("add_child net0 net1\n"),
            with(other),
            &["del_child net1", "add net1 in=c reader_protocol=1"],
        ),
        // A channel goes from one interface to another.
        (
            with(""),
            with("").replace("net0", "net1"),
            &[
                "del net0",
                "add net1 in=b_to_a reader_protocol=2 out=a_to_b writer_protocol=2 \
                 flags=net_hdr",
            ],
        ),
    ];
    for (is, wanted, expected) in table {
        assert_eq!(steps(wanted, &nodes(is)), *expected, "{is}to\n{wanted}");
    }
}

#[test]
fn bad_files() {
    let table: &[(&str, usize, &str)] = &[
        (
            "what",
            1,
            "only add, add_child and add_mark are allowed here",
        ),
        ("add", 1, "usage: add NAME KEY=VALUE..."),
        ("add_child a", 1, "usage: add_child PARENT CHILD"),
        ("add_mark a 1 2", 1, "usage: add_mark CHILD MARK"),
        ("\n\nadd net0 in=a", 3, "reader_protocol is missing"),
        (
            "del net0",
            1,
            "only add, add_child and add_mark are allowed here",
        ),
        (
            "add net%d in=a reader_protocol=1",
            1,
            "net%d: invalid character '%' in interface name",
        ),
        ("add_child net0 a", 1, "no line before adds net0"),
        ("add_mark a 1", 1, "no line before adds the child a"),
        (
            "add a\\q in=a reader_protocol=1",
            1,
            r#""a\q": after a \ only \ or xHH is allowed"#,
        ),
    ];
    for (file, line, why) in table {
        let found = Wanted::parse(file.as_bytes()).unwrap_err();
        assert_eq!(found, (*line, (*why).to_owned()), "{file}");
    }
    let table: &[(&str, &str)] = &[
        (
            "add net0 in=c reader_protocol=1",
            "net0 is added already, line 1",
        ),
        ("add_child net0 net0", "net0 is added already, line 1"),
        (
            "add net1 out=a_to_b writer_protocol=3",
            "out channel a_to_b is already that of net0, line 1",
        ),
        (
            "add_mark blue/a 1",
            "blue/a: invalid character '/' in interface name",
        ),
        (
            "add_mark a 0",
            "mark 0 means no mark; marks are 1 to 4294967295",
        ),
        ("add_child net1 a", "no line before adds net1"),
    ];
    for (line, why) in table {
        let file = format!("{NET0}{line}\n");
        let found = Wanted::parse(file.as_bytes()).unwrap_err();
        assert_eq!(found, (2, (*why).to_owned()), "{line}");
    }
    let file = format!("{NET0}add_child net0 a\nadd_child net0 b\nadd_mark a 1\nadd_mark b 1");
    let found = Wanted::parse(file.as_bytes()).unwrap_err();
    assert_eq!(found, (5, "mark 1 is already that of a, line 4".to_owned()));
    // Noise has some error, and none that is not one of a line.
    let noise: Vec<u8> = (0..1u32 << 20)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    assert!(Wanted::parse(&noise).is_err());
    let long = format!("add {} in=a reader_protocol=1", "x".repeat(100_000));
    assert!(Wanted::parse(long.as_bytes()).is_err());
}

/// A random configuration with names from a few.
fn random(seed: &mut u64) -> String {
    let mut next = |below: u64| {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (*seed >> 33) % below
    };
    let mut file = String::new();
    let strange = [r"\x1b", r"\xe2\x80\x83", r"\x23e", r"\\f"];
    let mut names = [&["a", "g", "h", "i", "j"][..], &strange].concat();
    let mut outs = vec!["x", "y", r"z\x20z"];
    for _ in 0..next(4) {
        let main = names.remove(next(names.len() as u64) as usize);
        let out = outs.remove(next(outs.len() as u64) as usize);
        let flags = ["", "net_hdr", "net_hdr+offload", "eth_dev+pause"][next(4) as usize];
        let more = ["", " mtu=1400", " poll=50", " pause=tx"][next(4) as usize];
        file += &format!("add {main} in=i reader_protocol=1 out={out} writer_protocol=1");
        file += &format!(" flags={flags}{more}\n");
        let mut marks: Vec<u64> = (1..6).collect();
        for _ in 0..next(3).min(names.len() as u64) {
            let child = names.remove(next(names.len() as u64) as usize);
            file += &format!("add_child {main} {child}\n");
            for _ in 0..next(3).min(marks.len() as u64) {
                let mark = marks.remove(next(marks.len() as u64) as usize);
                file += &format!("add_mark {child} {mark}\n");
            }
        }
    }
    file
}

/// The commands lead from any configuration to any other one; no more are needed then, and
/// what `dump` prints is the same configuration.
#[test]
fn reaches_any_configuration() {
    let mut seed = 1;
    for _ in 0..2000 {
        let (is, wanted) = (random(&mut seed), random(&mut seed));
        let mut nodes = nodes(&is);
        for step in Wanted::parse(wanted.as_bytes()).unwrap().steps(&nodes) {
            apply(&mut nodes, &step.change);
        }
        assert_eq!(steps(&wanted, &nodes), [""; 0], "{is}to\n{wanted}");
        let dump = dumped(&nodes);
        assert_eq!(steps(&dump, &nodes), [""; 0], "{wanted}\n{dump}");
        assert_eq!(dumped(&self::nodes(&dump)), dump);
    }
}

#[test]
fn checks() {
    let mut all = nodes(&format!("{NET0}add_child net0 a\n"));
    let delete = Wanted::parse(b"#").unwrap().steps(&all);
    assert!(check_children(&delete, &all).is_ok());
    all[0].children[0].interface.link.netnsid = Some(0);
    assert_eq!(
        check_children(&delete, &all).unwrap_err().to_string(),
        "del net0: it has children in other network namespaces, which would be deleted with \
         it: delete them before"
    );

    let channel = |name: &str, writable| Resource {
        name: name.to_owned(),
        writable,
        ..Resource::default()
    };
    let add = Wanted::parse(NET0.as_bytes()).unwrap().steps(&[]);
    let table: &[(&[Resource], Option<&str>)] = &[
        (&[channel("b_to_a", false), channel("a_to_b", true)], None),
        (
            &[channel("a_to_b", true)],
            Some("in channel 'b_to_a': the subject has no such channel"),
        ),
        (
            &[channel("b_to_a", true), channel("a_to_b", true)],
            Some("in channel 'b_to_a': it is writable"),
        ),
        (
            &[channel("b_to_a", false), channel("a_to_b", false)],
            Some("out channel 'a_to_b': it is not writable"),
        ),
    ];
    for (channels, expected) in table {
        let found = check_channels(&add, channels).err();
        let found = found.map(|(line, error)| (line, error.to_string()));
        assert_eq!(found.is_some(), expected.is_some());
        if let (Some((line, found)), Some(expected)) = (found, expected) {
            assert_eq!(line, 1);
            assert!(found.ends_with(expected), "{found}");
        }
    }
}

#[test]
fn other_namespaces_are_left_alone() {
    let mut all = nodes(&format!("{NET0}add_child net0 a\nadd_mark a 1\n"));
    all[0].children[0].interface.link.netnsid = Some(0);
    let mut foreign = all[0].children[0].clone();
    foreign.interface.link.ifname = "foreign".to_owned();
    foreign.interface.link.netnsid = None;
    all.push(foreign);
    assert_eq!(steps(NET0, &all), [""; 0]);
    assert_eq!(
        dumped(&all),
        "# For muennet_cfg sync\n\
         add net0 in=b_to_a reader_protocol=0x2 out=a_to_b writer_protocol=0x2 flags=net_hdr \
         poll=4000\n\
         # a, a child of net0, is not included: it is in another network namespace\n\
         # foreign is not included: its parent is in another network namespace\n"
    );
}
