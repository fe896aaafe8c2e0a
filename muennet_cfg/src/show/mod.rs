// SPDX-License-Identifier: GPL-2.0

//! What there is: a tree of main interfaces, their children and the marks of those.

pub mod json;
pub mod text;

use std::collections::HashMap;
use std::io::Write;

use crate::args::Place;
use crate::error::Error;
use crate::family::Kernel;
use crate::model::Interface;
use crate::model::Link;
use crate::model::Owned;
use crate::netlink::Transport;

/// An interface with what belongs to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// The interface.
    pub interface: Interface,
    /// The marks that it owns, in ascending order.
    pub marks: Vec<u32>,
    /// Its children, in the order that the kernel has them in.
    pub children: Vec<Node>,
}

/// Asks the kernel for everything, or for one interface and its children.
///
/// # Errors
///
/// The kernel refuses, or the conversation fails.
pub fn gather<T: Transport>(
    kernel: &mut Kernel<T>,
    place: Option<&Place>,
) -> Result<Vec<Node>, Error> {
    let Some(place) = place else {
        let interfaces = kernel.interfaces()?;
        return Ok(tree(interfaces, &kernel.marks(None)?));
    };
    let asked = kernel.interface(place)?;
    if asked.parent.is_some() {
        let marks = kernel.marks(Some(place))?;
        return Ok(tree(vec![asked], &marks));
    }
    let mut interfaces = kernel.interfaces()?;
    interfaces.retain(|interface| interface.parent.as_ref() == Some(&asked.link));
    interfaces.insert(0, asked);
    Ok(tree(interfaces, &kernel.marks(None)?))
}

/// Prints what [`gather`] gives.
///
/// # Errors
///
/// As [`gather`], or the output fails.
pub fn print<T: Transport>(
    kernel: &mut Kernel<T>,
    place: Option<&Place>,
    json: bool,
    out: &mut (impl Write + ?Sized),
) -> Result<(), Error> {
    let nodes = gather(kernel, place)?;
    let names = kernel.netns_names(namespaces(&nodes));
    let netns = |number: i32| names.get(&number).cloned();
    let text = if json {
        let shape = json::interfaces(nodes, &netns);
        // Fails only for maps with keys that are no text, and there are none.
        serde_json::to_string(&shape).unwrap_or_default() + "\n"
    } else {
        let variables = ["LC_ALL", "LC_CTYPE", "LANG"].map(|name| std::env::var(name).ok());
        let branches = text::Branches::for_locale(variables.iter().map(Option::as_deref));
        text::tree(&nodes, branches, &netns)
    };
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Error::system("can not write", error))
}

/// Makes a tree: children go below their parent where that is there.
pub fn tree(interfaces: Vec<Interface>, owned: &[Owned]) -> Vec<Node> {
    let mut marks: HashMap<&Link, Vec<u32>> = HashMap::new();
    for owned in owned {
        marks.entry(&owned.child).or_default().push(owned.mark);
    }
    let mut roots: Vec<Node> = Vec::new();
    let mut places: HashMap<Link, usize> = HashMap::new();
    for interface in interfaces {
        let node = Node {
            marks: marks.remove(&interface.link).unwrap_or_default(),
            interface,
            children: Vec::new(),
        };
        let parent = node.interface.parent.as_ref();
        let place = parent.and_then(|parent| places.get(parent)).copied();
        match place.and_then(|place| roots.get_mut(place)) {
            Some(parent) => parent.children.push(node),
            None => {
                places.insert(node.interface.link.clone(), roots.len());
                roots.push(node);
            }
        }
    }
    roots
}

/// The numbers of the namespaces that the nodes are in, and their parents.
pub fn namespaces(nodes: &[Node]) -> Vec<i32> {
    let mut numbers = Vec::new();
    for node in nodes {
        numbers.extend(node.interface.link.netnsid);
        numbers.extend(node.interface.parent.as_ref().and_then(|p| p.netnsid));
        numbers.extend(namespaces(&node.children));
    }
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::model::Channel;
    use crate::model::Stats;

    pub fn link(ifindex: u32, ifname: &str, netnsid: Option<i32>) -> Link {
        Link {
            ifindex,
            ifname: ifname.into(),
            netnsid,
        }
    }

    /// net0 with child0 here, child1 in namespace 0, and a child of an interface elsewhere.
    pub fn interfaces() -> Vec<Interface> {
        let channel = |name: &str| Channel {
            name: name.into(),
            protocol: 2,
            region_size: 1 << 20,
            element_size: Some(1508),
            elements: Some(695),
        };
        let net0 = Interface {
            link: link(3, "net0", None),
            mode: "ip".into(),
            mtu: 1500,
            up: true,
            input: Some(channel("b_to_a")),
            output: Some(channel("a_to_b")),
            peer: Some("active".into()),
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
        let elsewhere = Interface {
            link: link(9, "net1", Some(1)),
            ..Default::default()
        };
        let stranger = child(link(5, "stranger", None), &elsewhere);
        vec![net0, child0, child1, stranger]
    }

    pub fn owned() -> Vec<Owned> {
        let all = interfaces();
        let owns = |at: usize, mark| Owned {
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
    fn children_go_below_their_parent() {
        let nodes = tree(interfaces(), &owned());
        let names = |nodes: &[Node]| -> Vec<String> {
            nodes
                .iter()
                .map(|node| format!("{} {:?}", node.interface.link.ifname, node.marks))
                .collect()
        };
        assert_eq!(names(&nodes), ["net0 []", "stranger []"]);
        assert_eq!(
            names(&nodes[0].children),
            ["child0 [24, 100, 101, 102, 4294967295]", "child1 [25]"]
        );
        assert_eq!(namespaces(&nodes), [0, 1]);
        assert_eq!(tree(Vec::new(), &owned()), []);
    }
}
