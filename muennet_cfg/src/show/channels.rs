// SPDX-License-Identifier: GPL-2.0

//! Command `channels`: prints the channels of the subject.

use std::io::Write;

use serde::Serialize;

use super::json;
use super::text::link_name;
use crate::error::Error;
use crate::escape::Escaped;
use crate::family::Family;
use crate::model::Resource;
use crate::netlink::Transport;
use crate::netns::NetnsNames;

/// A channel in JSON output.
#[derive(Debug, Serialize)]
struct Channel {
    name: String,
    region_size: u64,
    access: &'static str,
    event: Option<u32>,
    vector: Option<u32>,
    interfaces: Vec<User>,
}

#[derive(Debug, Serialize)]
struct User {
    #[serde(flatten)]
    link: json::Link,
    peer: Option<String>,
}

fn access(channel: &Resource) -> &'static str {
    if channel.writable {
        "write"
    } else {
        "read"
    }
}

/// Formats a channel as a line of text.
fn line(channel: &Resource, netns: NetnsNames<'_>) -> String {
    let mut line = format!(
        "{}: {}, {} bytes",
        Escaped(&channel.name),
        access(channel),
        channel.size
    );
    if let Some(event) = channel.event {
        line += &format!(", event {event}");
    }
    if let Some(vector) = channel.vector {
        line += &format!(", vector {vector}");
    }
    for (link, peer) in &channel.users {
        line += &format!(", used by {}", link_name(link, netns));
        if let Some(peer) = peer {
            line += &format!(" (peer {peer})");
        }
    }
    line
}

fn to_json(channels: Vec<Resource>, netns: NetnsNames<'_>) -> String {
    let channels = channels.into_iter().map(|channel| Channel {
        access: access(&channel),
        name: channel.name,
        region_size: channel.size,
        event: channel.event,
        vector: channel.vector,
        interfaces: channel
            .users
            .into_iter()
            .map(|(link, peer)| User {
                link: json::link(link, netns),
                peer,
            })
            .collect(),
    });
    // Serialization fails only for maps with keys that are not strings. There are none.
    serde_json::to_string(&channels.collect::<Vec<_>>()).unwrap_or_default() + "\n"
}

/// Prints the channels of the subject.
///
/// # Errors
///
/// The kernel rejects the request, or the communication or the output fails.
pub fn print<T: Transport>(
    family: &mut Family<T>,
    json: bool,
    out: &mut impl Write,
) -> Result<(), Error> {
    let channels = family.dump_channels()?;
    let users = channels.iter().flat_map(|channel| &channel.users);
    let names = family.netns_names(users.filter_map(|(link, _)| link.netnsid));
    let netns = |number: i32| names.get(&number).cloned();
    let text = if json {
        to_json(channels, &netns)
    } else {
        let lines = channels.iter().map(|channel| line(channel, &netns) + "\n");
        lines.collect()
    };
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Error::io("standard output", error))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use serde_json::Value;

    use super::super::tests::link;
    use super::*;

    fn netns(number: i32) -> Option<String> {
        (number == 1).then(|| "blue".to_owned())
    }

    #[test]
    fn formats() {
        let reader = Resource {
            name: "b_to_a".to_owned(),
            size: 1 << 20,
            writable: false,
            event: None,
            vector: Some(64),
            users: vec![
                (link(3, "net0", None), Some("active".to_owned())),
                (link(4, "net1", Some(1)), Some("unknown".to_owned())),
            ],
        };
        let writer = Resource {
            name: "a_to\x1b_b".to_owned(),
            size: 4096,
            writable: true,
            event: Some(2),
            vector: None,
            users: vec![(link(3, "net0", None), None)],
        };
        let unused = Resource {
            name: "spare".to_owned(),
            size: 4096,
            ..Resource::default()
        };
        let table = [
            (
                &reader,
                "b_to_a: read, 1048576 bytes, vector 64, used by net0 (peer active), used by \
                 blue/net1 (peer unknown)",
            ),
            (
                &writer,
                r"a_to\u{1b}_b: write, 4096 bytes, event 2, used by net0",
            ),
            (&unused, "spare: read, 4096 bytes"),
        ];
        for (channel, expected) in table {
            assert_eq!(line(channel, &netns), expected);
        }
        let text = to_json(vec![reader, unused], &netns);
        let found: Value = serde_json::from_str(&text).unwrap();
        let expected = json!([
            {
                "name": "b_to_a", "region_size": 1_048_576, "access": "read", "event": null,
                "vector": 64, "interfaces": [
                    {
                        "ifname": "net0", "ifindex": 3, "netnsid": null, "netns": null,
                        "peer": "active",
                    },
                    {
                        "ifname": "net1", "ifindex": 4, "netnsid": 1, "netns": "blue",
                        "peer": "unknown",
                    },
                ],
            },
            {
                "name": "spare", "region_size": 4096, "access": "read", "event": null,
                "vector": null, "interfaces": [],
            },
        ]);
        assert_eq!(found, expected);
    }
}
