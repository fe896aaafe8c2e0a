// SPDX-License-Identifier: GPL-2.0

//! Text output.

use super::Node;
use crate::escape::Escaped;
use crate::model::Channel;
use crate::model::Interface;
use crate::model::Link;
use crate::model::Pause;
use crate::netns::NetnsNames;

/// Example in the documentation.
pub const EXAMPLE: &str = "\
net0: up, mode ip, mtu 1500
|   in:  b_to_a, protocol 0x2, 1048576 bytes, 695 elements of 1508 bytes, peer active
|   out: a_to_b, protocol 0x2, 1048576 bytes, 695 elements of 1508 bytes
|   pause: rx, tx
|   rx:  7 packets, 588 bytes, 3 errors (overruns 1, frames 2), 9 missed, 4 dropped
|   tx:  8 packets, 736 bytes, 5 dropped
|-- child0: up, mtu 1500
|       marks: 24, 100-102, 4294967295
|       rx:  0 packets, 0 bytes, 0 errors (overruns 0, frames 0), 0 missed, 0 dropped
|       tx:  0 packets, 0 bytes, 0 dropped
`-- blue/child1: down, mtu 1500
        marks: 25
        rx:  0 packets, 0 bytes, 0 errors (overruns 0, frames 0), 0 missed, 0 dropped
        tx:  0 packets, 0 bytes, 0 dropped
";

/// Characters for the branches of the tree.
#[derive(Clone, Copy)]
pub struct TreeStyle {
    child: &'static str,
    last: &'static str,
    down: &'static str,
    none: &'static str,
}

impl TreeStyle {
    /// For terminals that support only ASCII.
    pub const ASCII: TreeStyle = TreeStyle {
        child: "|-- ",
        last: "`-- ",
        down: "|   ",
        none: "    ",
    };
    /// For all other terminals.
    pub const UNICODE: TreeStyle = TreeStyle {
        child: "├── ",
        last: "└── ",
        down: "│   ",
        none: "    ",
    };

    /// Selects the style for the locale. The first non-empty environment variable takes precedence.
    pub fn for_locale<'a>(variables: impl IntoIterator<Item = Option<&'a str>>) -> Self {
        let mut values = variables.into_iter().flatten().filter(|v| !v.is_empty());
        let locale = values.next().unwrap_or("C").to_ascii_lowercase();
        if locale.contains("utf-8") || locale.contains("utf8") {
            TreeStyle::UNICODE
        } else {
            TreeStyle::ASCII
        }
    }
}

/// Formats a tree.
pub fn tree(nodes: &[Node], style: TreeStyle, netns: NetnsNames<'_>) -> String {
    let mut text = String::new();
    for node in nodes {
        write_node(&mut text, node, style, ("", ""), netns);
    }
    text
}

/// Appends an interface and its children. The first line begins with `prefixes.0`, the others with
/// `prefixes.1`.
fn write_node(
    text: &mut String,
    node: &Node,
    style: TreeStyle,
    prefixes: (&str, &str),
    netns: NetnsNames<'_>,
) {
    let (first, others) = prefixes;
    let is_root = others.is_empty();
    *text += &format!("{first}{}\n", title(&node.interface, is_root, netns));
    let detail_prefix = if node.children.is_empty() {
        style.none
    } else {
        style.down
    };
    for line in details(node) {
        *text += &format!("{others}{detail_prefix}{line}\n");
    }
    let mut children = node.children.iter().peekable();
    while let Some(child) = children.next() {
        let (branch, below) = match children.peek() {
            Some(_) => (style.child, style.down),
            None => (style.last, style.none),
        };
        let prefixes = (format!("{others}{branch}"), format!("{others}{below}"));
        write_node(text, child, style, (&prefixes.0, &prefixes.1), netns);
    }
}

/// Formats the first line of an interface. A child without its parent above has the name of its
/// parent.
fn title(interface: &Interface, is_root: bool, netns: NetnsNames<'_>) -> String {
    let mut title = link_name(&interface.link, netns);
    let state = if interface.up { "up" } else { "down" };
    match &interface.parent {
        None => title += &format!(": {state}, mode {}, mtu {}", interface.mode, interface.mtu),
        Some(parent) if is_root => {
            let parent = link_name(parent, netns);
            title += &format!(": {state}, mtu {}, child of {parent}", interface.mtu);
        }
        Some(_) => title += &format!(": {state}, mtu {}", interface.mtu),
    }
    title
}

/// Formats an interface as `[NETNS/]NAME`, as in commands, except that control characters are
/// escaped.
pub fn link_name(link: &Link, netns: NetnsNames<'_>) -> String {
    let name = Escaped(&link.ifname);
    match link.netnsid {
        None => name.to_string(),
        Some(-1) => format!("?/{name}"),
        Some(number) => {
            let netns = netns(number).unwrap_or_else(|| number.to_string());
            format!("{}/{name}", Escaped(netns))
        }
    }
}

/// Formats the other lines of an interface.
fn details(node: &Node) -> Vec<String> {
    let interface = &node.interface;
    let mut lines = Vec::new();
    if interface.parent.is_none() {
        let peer = interface.peer.as_deref();
        lines.push(format!(
            "in:  {}",
            format_channel(interface.input.as_ref(), peer)
        ));
        lines.push(format!(
            "out: {}",
            format_channel(interface.output.as_ref(), None)
        ));
        lines.extend(format_pause(interface.pause));
    } else {
        lines.push(format!("marks: {}", format_marks(&node.marks)));
    }
    let stats = &interface.stats;
    lines.push(format!(
        "rx:  {} packets, {} bytes, {} errors (overruns {}, frames {}), {} missed, {} dropped",
        stats.rx_packets,
        stats.rx_bytes,
        stats.rx_errors,
        stats.rx_over_errors,
        stats.rx_frame_errors,
        stats.rx_missed_errors,
        stats.rx_dropped
    ));
    lines.push(format!(
        "tx:  {} packets, {} bytes, {} dropped",
        stats.tx_packets, stats.tx_bytes, stats.tx_dropped
    ));
    lines
}

fn format_channel(channel: Option<&Channel>, peer: Option<&str>) -> String {
    let Some(channel) = channel else {
        return "none".to_owned();
    };
    let mut text = format!(
        "{}, protocol {:#x}, {} bytes",
        Escaped(&channel.name),
        channel.protocol,
        channel.region_size
    );
    if let (Some(elements), Some(size)) = (channel.elements, channel.element_size) {
        text += &format!(", {elements} elements of {size} bytes");
    }
    if let Some(peer) = peer {
        text += &format!(", peer {peer}");
    }
    text
}

/// Formats the line about flow control. Returns `None` if it is off.
fn format_pause(pause: Pause) -> Option<String> {
    let directions = match (pause.rx, pause.tx) {
        (false, false) => return None,
        (true, false) => "rx",
        (false, true) => "tx",
        (true, true) => "rx, tx",
    };
    Some(format!("pause: {directions}"))
}

/// Formats marks in ascending order, with ranges: `24, 100-102`.
fn format_marks(marks: &[u32]) -> String {
    let mut text = String::new();
    let mut rest = marks.iter().copied().peekable();
    while let Some(first) = rest.next() {
        let mut last = first;
        while let Some(next) = rest.next_if(|next| last.checked_add(1) == Some(*next)) {
            last = next;
        }
        let comma = if text.is_empty() { "" } else { ", " };
        text += &match last - first {
            0 => format!("{comma}{first}"),
            1 => format!("{comma}{first}, {last}"),
            _ => format!("{comma}{first}-{last}"),
        };
    }
    match marks.len() {
        0 => "none".to_owned(),
        count if count > 9 => format!("{text} ({count})"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::super::build_tree;
    use super::super::tests::interfaces;
    use super::super::tests::link;
    use super::super::tests::owned;
    use super::*;

    fn netns(number: i32) -> Option<String> {
        match number {
            0 => Some("blue".to_owned()),
            2 => Some("\u{9b}red".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn formats_a_tree() {
        let text = tree(
            &build_tree(interfaces(), &owned()),
            TreeStyle::ASCII,
            &netns,
        );
        let foreign = "\
foreign: down, mtu 1500, child of 1/net1
    marks: none
    rx:  0 packets, 0 bytes, 0 errors (overruns 0, frames 0), 0 missed, 0 dropped
    tx:  0 packets, 0 bytes, 0 dropped
";
        let expected = EXAMPLE.to_owned() + foreign;
        assert_eq!(text, expected);
    }

    #[test]
    fn channels() {
        let some = Channel {
            name: "c".into(),
            protocol: u64::MAX,
            region_size: 4096,
            ..Default::default()
        };
        let odd = Channel {
            name: "c\u{7}".into(),
            ..Default::default()
        };
        for (given, peer, expected) in [
            (None, None, "none"),
            (
                Some(&some),
                Some("inactive"),
                "c, protocol 0xffffffffffffffff, 4096 bytes, peer inactive",
            ),
            (
                Some(&some),
                None,
                "c, protocol 0xffffffffffffffff, 4096 bytes",
            ),
            (Some(&odd), None, r"c\u{7}, protocol 0x0, 0 bytes"),
        ] {
            assert_eq!(format_channel(given, peer), expected);
        }
    }

    #[test]
    fn pause() {
        for (rx, tx, expected) in [
            (false, false, None),
            (true, false, Some("pause: rx")),
            (false, true, Some("pause: tx")),
            (true, true, Some("pause: rx, tx")),
        ] {
            assert_eq!(format_pause(Pause { rx, tx }).as_deref(), expected);
        }
    }

    #[test]
    fn marks() {
        let table: &[(&[u32], &str)] = &[
            (&[], "none"),
            (&[1], "1"),
            (&[1, 2], "1, 2"),
            (&[1, 2, 3], "1-3"),
            (&[1, 3, 5], "1, 3, 5"),
            (&[1, 2, 4, 5, 6, 8], "1, 2, 4-6, 8"),
            (&[u32::MAX - 1, u32::MAX], "4294967294, 4294967295"),
            (&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], "1-10 (10)"),
        ];
        for (marks, text) in table {
            assert_eq!(format_marks(marks), *text, "{marks:?}");
        }
    }

    #[test]
    fn link_names() {
        for (given, text) in [
            (link(1, "child0", None), "child0"),
            (link(1, "child0", Some(0)), "blue/child0"),
            (link(1, "child0", Some(7)), "7/child0"),
            (link(1, "child0", Some(-1)), "?/child0"),
            (link(1, "a\u{1b}[31m", None), r"a\u{1b}[31m"),
            (link(1, "a\u{7f}", Some(2)), r"\u{9b}red/a\u{7f}"),
            (link(1, "a\u{1b}", Some(-1)), r"?/a\u{1b}"),
        ] {
            assert_eq!(link_name(&given, &netns), text);
        }
    }

    #[test]
    fn locales() {
        let table: &[(&[Option<&str>], bool)] = &[
            (&[None, None, Some("en_GB.UTF-8")], true),
            (&[None, Some("C.utf8"), Some("C")], true),
            (&[Some("C"), None, Some("en_GB.UTF-8")], false),
            (&[Some(""), None, Some("en_GB.UTF-8")], true),
            (&[None, None, None], false),
        ];
        for (variables, lines) in table {
            let style = TreeStyle::for_locale(variables.iter().copied());
            assert_eq!(style.child == TreeStyle::UNICODE.child, *lines);
        }
    }
}
