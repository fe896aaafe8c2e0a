// SPDX-License-Identifier: GPL-2.0

//! JSON output. README.md and the manual page document its format. Members may be added, but must
//! not change or be removed.

use serde::Serialize;

use super::Node;
use crate::model;
use crate::model::NotificationKind;
use crate::model::Pause;
use crate::model::Stats;
use crate::netns::NetnsNames;

/// Example in the documentation.
pub const EXAMPLE: &str = include_str!("example.json");

/// A main interface, or a child.
#[derive(Debug, Serialize)]
pub struct Interface {
    #[serde(flatten)]
    link: Link,
    kind: Kind,
    parent: Option<Link>,
    mode: String,
    mtu: u32,
    up: bool,
    #[serde(rename = "in")]
    input: Option<Channel>,
    #[serde(rename = "out")]
    output: Option<Channel>,
    peer: Option<String>,
    pause: Option<Pause>,
    stats: Stats,
    marks: Vec<u32>,
    children: Vec<Interface>,
}

/// Identification of an interface.
#[derive(Debug, Serialize)]
pub struct Link {
    ifname: String,
    ifindex: u32,
    netnsid: Option<i32>,
    netns: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Main,
    Child,
}

#[derive(Debug, Serialize)]
struct Channel {
    name: String,
    // A string, because many JSON parsers lose digits of 64-bit numbers.
    protocol: String,
    region_size: u64,
    element_size: Option<u64>,
    elements: Option<u64>,
}

/// A notification.
#[derive(Debug, Serialize)]
pub struct Event {
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    interface: Option<Link>,
    #[serde(skip_serializing_if = "Option::is_none")]
    child: Option<Link>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<Link>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mark: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mark_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Link>,
}

/// An event that is not about a child.
#[derive(Debug, Serialize)]
pub struct BareEvent {
    event: &'static str,
}

/// Converts a tree.
pub fn interfaces(nodes: Vec<Node>, netns: NetnsNames<'_>) -> Vec<Interface> {
    nodes
        .into_iter()
        .map(|node| {
            let interface = node.interface;
            Interface {
                link: link(interface.link, netns),
                kind: match interface.parent {
                    None => Kind::Main,
                    Some(_) => Kind::Child,
                },
                pause: interface.parent.is_none().then_some(interface.pause),
                parent: interface.parent.map(|parent| link(parent, netns)),
                mode: interface.mode,
                mtu: interface.mtu,
                up: interface.up,
                input: interface.input.map(channel),
                output: interface.output.map(channel),
                peer: interface.peer,
                stats: interface.stats,
                marks: node.marks,
                children: interfaces(node.children, netns),
            }
        })
        .collect()
}

/// A notification.
pub fn event(event: model::Notification, netns: NetnsNames<'_>) -> Event {
    let name = match event.kind {
        NotificationKind::InterfaceAdded => "interface_added",
        NotificationKind::InterfaceDeleted => "interface_deleted",
        NotificationKind::InterfaceChanged => "interface_changed",
        NotificationKind::ChildAdded => "child_added",
        NotificationKind::ChildDeleted(_) => "child_deleted",
        NotificationKind::MarkAdded(_) => "mark_added",
        NotificationKind::MarkDeleted(_) => "mark_deleted",
        NotificationKind::MarkMoved(..) => "mark_moved",
    };
    let (mark, mark_count, from) = match event.kind {
        NotificationKind::InterfaceAdded
        | NotificationKind::InterfaceDeleted
        | NotificationKind::InterfaceChanged
        | NotificationKind::ChildAdded => (None, None, None),
        NotificationKind::ChildDeleted(count) => (None, Some(count), None),
        NotificationKind::MarkAdded(mark) | NotificationKind::MarkDeleted(mark) => {
            (Some(mark), None, None)
        }
        NotificationKind::MarkMoved(mark, from) => (Some(mark), None, Some(link(from, netns))),
    };
    let of = link(event.link, netns);
    let (interface, child) = match event.parent {
        None => (Some(of), None),
        Some(_) => (None, Some(of)),
    };
    Event {
        event: name,
        interface,
        child,
        parent: event.parent.map(|parent| link(parent, netns)),
        mark,
        mark_count,
        from,
    }
}

/// Notifications were lost.
pub fn lost() -> BareEvent {
    BareEvent {
        event: "events_lost",
    }
}

/// The module was unloaded.
pub fn unloaded() -> BareEvent {
    BareEvent {
        event: "module_unloaded",
    }
}

/// Converts the identification of an interface.
pub fn link(link: model::Link, netns: NetnsNames<'_>) -> Link {
    Link {
        ifname: link.ifname,
        ifindex: link.ifindex,
        netnsid: link.netnsid,
        netns: link.netnsid.and_then(netns),
    }
}

fn channel(channel: model::Channel) -> Channel {
    Channel {
        name: channel.name,
        protocol: format!("{:#x}", channel.protocol),
        region_size: channel.region_size,
        element_size: channel.element_size,
        elements: channel.elements,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use serde_json::to_value;

    use super::super::build_tree;
    use super::super::tests::interfaces as all_interfaces;
    use super::super::tests::link;
    use super::super::tests::owned;
    use super::*;

    fn netns(number: i32) -> Option<String> {
        (number == 0).then(|| "blue".to_owned())
    }

    /// The documentation contains the same example.
    #[test]
    fn tree_format() {
        let mut all = all_interfaces();
        all.remove(1);
        let foreign_child = all.pop().unwrap();
        let mut owned = owned();
        owned.retain(|owned| owned.child.ifname == "child1");
        owned.push(owned[0].clone());
        owned[0].mark = 24;
        let found = interfaces(build_tree(all, &owned), &netns);
        let text = serde_json::to_string_pretty(&found).unwrap() + "\n";
        assert_eq!(text, EXAMPLE);

        // A child without its parent in the list.
        let found = interfaces(build_tree(vec![foreign_child], &[]), &netns);
        let found = to_value(found).unwrap();
        assert_eq!(found[0]["ifname"], "foreign");
        assert_eq!(found[0]["kind"], "child");
        assert_eq!(
            found[0]["parent"],
            json!({"ifname": "net1", "ifindex": 9, "netnsid": 1, "netns": null})
        );
    }

    #[test]
    fn readme_contains_the_example() {
        let readme = include_str!("../../README.md");
        assert!(readme.contains(&format!("```json\n{EXAMPLE}```\n")));
    }

    #[test]
    fn event_format() {
        let child = json!({"ifname": "child0", "ifindex": 4, "netnsid": 0, "netns": "blue"});
        let parent = json!({"ifname": "net0", "ifindex": 3, "netnsid": null, "netns": null});
        let table = [
            (
                NotificationKind::ChildAdded,
                json!({"event": "child_added", "child": child, "parent": parent}),
            ),
            (
                NotificationKind::ChildDeleted(2),
                json!({
                    "event": "child_deleted", "child": child, "parent": parent, "mark_count": 2,
                }),
            ),
            (
                NotificationKind::MarkAdded(24),
                json!({"event": "mark_added", "child": child, "parent": parent, "mark": 24}),
            ),
            (
                NotificationKind::MarkDeleted(24),
                json!({"event": "mark_deleted", "child": child, "parent": parent, "mark": 24}),
            ),
            (
                NotificationKind::MarkMoved(24, link(5, "child1", None)),
                json!({
                    "event": "mark_moved", "child": child, "parent": parent, "mark": 24,
                    "from": {"ifname": "child1", "ifindex": 5, "netnsid": null, "netns": null},
                }),
            ),
        ];
        for (kind, expected) in table {
            let change = model::Notification {
                kind,
                link: link(4, "child0", Some(0)),
                parent: Some(link(3, "net0", None)),
            };
            assert_eq!(to_value(event(change, &netns)).unwrap(), expected);
        }
        for (kind, name) in [
            (NotificationKind::InterfaceAdded, "interface_added"),
            (NotificationKind::InterfaceDeleted, "interface_deleted"),
            (NotificationKind::InterfaceChanged, "interface_changed"),
        ] {
            let change = model::Notification {
                kind,
                link: link(3, "net0", None),
                parent: None,
            };
            let interface = json!({"ifname": "net0", "ifindex": 3, "netnsid": null, "netns": null});
            assert_eq!(
                to_value(event(change, &netns)).unwrap(),
                json!({"event": name, "interface": interface})
            );
        }
        for (alone, name) in [(lost(), "events_lost"), (unloaded(), "module_unloaded")] {
            assert_eq!(to_value(alone).unwrap(), json!({"event": name}));
        }
    }
}
