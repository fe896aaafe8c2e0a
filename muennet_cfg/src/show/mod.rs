// SPDX-License-Identifier: GPL-2.0

//! Command `show`: prints a tree of main interfaces, with their children and marks.

pub mod channels;
pub mod json;
pub mod text;

use std::collections::HashMap;
use std::io::Write;

use crate::args::IfSpec;
use crate::error::Error;
use crate::family::Family;
use crate::model::Interface;
use crate::model::Link;
use crate::model::OwnedMark;
use crate::netlink::Transport;

/// An interface with its marks and children.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Interface.
    pub interface: Interface,
    /// Marks that the interface owns, in ascending order.
    pub marks: Vec<u32>,
    /// Children, in the order of the kernel.
    pub children: Vec<Node>,
}

/// Gets all interfaces from the kernel, or one interface and its children.
///
/// # Errors
///
/// The kernel rejects the request, or the communication fails.
pub fn query<T: Transport>(
    family: &mut Family<T>,
    spec: Option<&IfSpec>,
) -> Result<Vec<Node>, Error> {
    let Some(spec) = spec else {
        let interfaces = family.dump_interfaces()?;
        return Ok(build_tree(interfaces, &family.dump_marks(None)?));
    };
    let root = family.get(spec)?;
    if root.parent.is_some() {
        let marks = family.dump_marks(Some(spec))?;
        return Ok(build_tree(vec![root], &marks));
    }
    let mut interfaces = family.dump_interfaces()?;
    interfaces.retain(|interface| interface.parent.as_ref() == Some(&root.link));
    interfaces.insert(0, root);
    Ok(build_tree(interfaces, &family.dump_marks(None)?))
}

/// Prints the result of [`query`].
///
/// # Errors
///
/// As [`query`], or the output fails.
pub fn print<T: Transport>(
    family: &mut Family<T>,
    spec: Option<&IfSpec>,
    json: bool,
    out: &mut (impl Write + ?Sized),
) -> Result<(), Error> {
    let nodes = query(family, spec)?;
    let names = family.netns_names(netnsids(&nodes));
    let netns = |number: i32| names.get(&number).cloned();
    let output = if json {
        let shape = json::interfaces(nodes, &netns);
        // Serialization fails only for maps with keys that are not strings. There are none.
        serde_json::to_string(&shape).unwrap_or_default() + "\n"
    } else {
        let variables = ["LC_ALL", "LC_CTYPE", "LANG"].map(|name| std::env::var(name).ok());
        let style = text::TreeStyle::for_locale(variables.iter().map(Option::as_deref));
        text::tree(&nodes, style, &netns)
    };
    out.write_all(output.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Error::io("standard output", error))
}

/// Builds a tree. A child whose parent is in the list becomes a node below it.
pub fn build_tree(interfaces: Vec<Interface>, owned: &[OwnedMark]) -> Vec<Node> {
    let mut marks: HashMap<&Link, Vec<u32>> = HashMap::new();
    for owned in owned {
        marks.entry(&owned.child).or_default().push(owned.mark);
    }
    let mut roots: Vec<Node> = Vec::new();
    let mut root_of: HashMap<Link, usize> = HashMap::new();
    for interface in interfaces {
        let node = Node {
            marks: marks.remove(&interface.link).unwrap_or_default(),
            interface,
            children: Vec::new(),
        };
        let parent = node.interface.parent.as_ref();
        let root = parent.and_then(|parent| root_of.get(parent)).copied();
        match root.and_then(|root| roots.get_mut(root)) {
            Some(parent) => parent.children.push(node),
            None => {
                root_of.insert(node.interface.link.clone(), roots.len());
                roots.push(node);
            }
        }
    }
    roots
}

/// Returns the IDs of the network namespaces of all nodes and their parents.
pub fn netnsids(nodes: &[Node]) -> Vec<i32> {
    let mut nsids = Vec::new();
    for node in nodes {
        nsids.extend(node.interface.link.netnsid);
        nsids.extend(node.interface.parent.as_ref().and_then(|p| p.netnsid));
        nsids.extend(netnsids(&node.children));
    }
    nsids.sort_unstable();
    nsids.dedup();
    nsids
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::family::tests::child_reply;
    use crate::family::tests::main_reply;
    use crate::family::tests::mark_reply;
    use crate::family::tests::mock_family;
    use crate::model::Channel;
    use crate::model::Pause;
    use crate::model::Stats;
    use crate::netlink::mock::MockReply;
    use crate::netlink::mock::MockRequest;
    use crate::uapi::attribute;
    use crate::uapi::command;

    pub fn link(ifindex: u32, ifname: &str, netnsid: Option<i32>) -> Link {
        Link {
            ifindex,
            ifname: ifname.into(),
            netnsid,
        }
    }

    /// net0 with child0 in the current namespace, child1 in namespace 0, and a child of an
    /// interface in another namespace.
    pub fn interfaces() -> Vec<Interface> {
        let channel = |name: &str| Channel {
            name: name.into(),
            protocol: 2,
            region_size: 1 << 20,
            element_size: Some(1508),
            elements: Some(695),
            configured: 2,
        };
        let net0 = Interface {
            link: link(3, "net0", None),
            mode: "ip".into(),
            mtu: 1500,
            up: true,
            input: Some(channel("b_to_a")),
            output: Some(channel("a_to_b")),
            peer: Some("active".into()),
            pause: Pause { rx: true, tx: true },
            stats: Stats {
                rx_packets: 7,
                rx_bytes: 588,
                rx_errors: 3,
                rx_dropped: 4,
                rx_over_errors: 1,
                rx_frame_errors: 2,
                rx_missed_errors: 9,
                tx_packets: 8,
                tx_bytes: 736,
                tx_dropped: 5,
            },
            ..Default::default()
        };
        let child = |at, parent: &Interface| Interface {
            link: at,
            parent: Some(parent.link.clone()),
            mode: "ip".into(),
            mtu: 1500,
            ..Default::default()
        };
        let mut child0 = child(link(4, "child0", None), &net0);
        child0.up = true;
        let child1 = child(link(4, "child1", Some(0)), &net0);
        let other_parent = Interface {
            link: link(9, "net1", Some(1)),
            ..Default::default()
        };
        let foreign = child(link(5, "foreign", None), &other_parent);
        vec![net0, child0, child1, foreign]
    }

    pub fn owned() -> Vec<OwnedMark> {
        let all = interfaces();
        let owns = |at: usize, mark| OwnedMark {
            mark,
            child: all[at].link.clone(),
            parent: all[at].parent.clone().unwrap(),
        };
        vec![
            owns(1, 24),
            owns(2, 25),
            owns(1, 100),
            owns(1, 101),
            owns(1, 102),
            owns(1, u32::MAX),
        ]
    }

    #[test]
    fn adds_children_below_their_parent() {
        let nodes = build_tree(interfaces(), &owned());
        let names = |nodes: &[Node]| -> Vec<String> {
            nodes
                .iter()
                .map(|node| format!("{} {:?}", node.interface.link.ifname, node.marks))
                .collect()
        };
        assert_eq!(names(&nodes), ["net0 []", "foreign []"]);
        assert_eq!(
            names(&nodes[0].children),
            ["child0 [24, 100, 101, 102, 4294967295]", "child1 [25]"]
        );
        assert_eq!(netnsids(&nodes), [0, 1]);
        assert_eq!(build_tree(Vec::new(), &owned()), []);
    }

    #[test]
    fn queries_trees() {
        let handler = |request: &MockRequest<'_>| match (request.command, request.dump) {
            (command::DEV_GET, true) => MockReply::Messages(vec![
                main_reply(),
                child_reply(4, "child0"),
                child_reply(5, "child1").u32(attribute::PARENT_IFINDEX, 9),
            ]),
            (command::DEV_GET, false)
                if request.string(attribute::IFNAME).as_deref() == Some("child0") =>
            {
                MockReply::Messages(vec![child_reply(4, "child0")])
            }
            (command::DEV_GET, false) => MockReply::Messages(vec![main_reply()]),
            (command::MARK_GET, true) => MockReply::Messages(vec![
                mark_reply(4, "child0", 24),
                mark_reply(5, "child1", 25),
            ]),
            _ => MockReply::Error(22, None, None),
        };
        // Argument, and the root interfaces, each with its marks and children.
        let table = [
            (None, "net0 [] [child0 [24] []], child1 [25] []"),
            (Some("net0"), "net0 [] [child0 [24] []]"),
            (Some("child0"), "child0 [24] []"),
        ];
        fn names(nodes: &[Node]) -> String {
            let all = nodes.iter().map(|node| {
                let name = &node.interface.link.ifname;
                format!("{name} {:?} [{}]", node.marks, names(&node.children))
            });
            all.collect::<Vec<_>>().join(", ")
        }
        for (word, expected) in table {
            let spec = word.map(|word| IfSpec::parse(word.as_bytes()).unwrap());
            let nodes = query(&mut mock_family(handler), spec.as_ref()).unwrap();
            assert_eq!(names(&nodes), expected);
        }
    }
}
