// SPDX-License-Identifier: GPL-2.0

//! Command `top`: the rates of interfaces and children, from their counters.

use std::io::Write;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use serde::Serialize;

use crate::error::Error;
use crate::family::Family;
use crate::model::Interface;
use crate::model::Stats;
use crate::netlink::Transport;
use crate::netns::NetnsNames;
use crate::show::json;
use crate::show::text::link_name;

/// The titles of the columns.
const TITLES: [&str; 9] = [
    "interface",
    "rx p/s",
    "rx B/s",
    "overruns",
    "missed",
    "errors",
    "tx p/s",
    "tx B/s",
    "dropped",
];

/// The rates of an interface, per second.
#[derive(Debug, Default, PartialEq, Serialize)]
struct Rates {
    rx_packets: f64,
    rx_bytes: f64,
    rx_over_errors: f64,
    rx_missed_errors: f64,
    rx_frame_errors: f64,
    tx_packets: f64,
    tx_bytes: f64,
    /// Received and sent packets.
    dropped: f64,
}

/// An interface in JSON output.
#[derive(Serialize)]
struct Row {
    #[serde(flatten)]
    link: json::Link,
    #[serde(flatten)]
    rates: Rates,
}

impl Rates {
    /// Returns the rates of counters that were `before` some `seconds` ago.
    fn new(before: &Stats, now: &Stats, seconds: f64) -> Self {
        // A counter of an interface that was replaced by another one begins again.
        let rate = |get: fn(&Stats) -> u64| get(now).saturating_sub(get(before)) as f64 / seconds;
        Rates {
            rx_packets: rate(|it| it.rx_packets),
            rx_bytes: rate(|it| it.rx_bytes),
            rx_over_errors: rate(|it| it.rx_over_errors),
            rx_missed_errors: rate(|it| it.rx_missed_errors),
            rx_frame_errors: rate(|it| it.rx_frame_errors),
            tx_packets: rate(|it| it.tx_packets),
            tx_bytes: rate(|it| it.tx_bytes),
            dropped: rate(|it| it.rx_dropped.saturating_add(it.tx_dropped)),
        }
    }
}

/// Formats a rate with at most six characters.
fn rate(value: f64) -> String {
    let mut value = value;
    for unit in ["", "k", "M", "G", "T"] {
        if value < 9999.5 {
            return match unit {
                "" if value > 0.0 && value < 9.95 => format!("{value:.1}"),
                _ => format!("{value:.0}{unit}"),
            };
        }
        value /= 1000.0;
    }
    format!("{value:.0}P")
}

/// Returns the interfaces that were there before as well, with their rates.
fn rates<'a>(
    before: &[Interface],
    now: &'a [Interface],
    seconds: f64,
) -> Vec<(&'a Interface, Rates)> {
    let rows = now.iter().filter_map(|interface| {
        let same = |it: &&Interface| it.link == interface.link && it.parent == interface.parent;
        let earlier = before.iter().find(same)?;
        Some((
            interface,
            Rates::new(&earlier.stats, &interface.stats, seconds),
        ))
    });
    rows.collect()
}

/// Formats a table.
fn table(rows: &[(&Interface, Rates)], netns: NetnsNames<'_>) -> String {
    let names: Vec<String> = rows
        .iter()
        .map(|(interface, _)| {
            let name = link_name(&interface.link, netns);
            match interface.parent {
                None => name,
                Some(_) => format!("  {name}"),
            }
        })
        .collect();
    let first = names.iter().map(|name| name.chars().count());
    let width = first.max().unwrap_or(0).max(15);
    let line = |name: &str, cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| format!(" {cell:>9}")).collect();
        format!("{name:width$}{}\n", cells.concat())
    };
    let [title, titles @ ..] = TITLES;
    let mut text = line(title, &titles.map(str::to_owned));
    for ((_, it), name) in rows.iter().zip(&names) {
        let values = [
            it.rx_packets,
            it.rx_bytes,
            it.rx_over_errors,
            it.rx_missed_errors,
            it.rx_frame_errors,
            it.tx_packets,
            it.tx_bytes,
            it.dropped,
        ];
        text += &line(name, &values.map(rate));
    }
    text
}

/// Where the tables go.
pub struct Screen<'a> {
    out: &'a mut dyn Write,
    terminal: bool,
    json: bool,
    count: u64,
}

impl<'a> Screen<'a> {
    /// Creates a screen. On a terminal a table replaces the one before.
    pub fn new(out: &'a mut dyn Write, terminal: bool, json: bool) -> Self {
        Screen {
            out,
            terminal,
            json,
            count: 0,
        }
    }

    fn print(
        &mut self,
        rows: Vec<(&Interface, Rates)>,
        netns: NetnsNames<'_>,
    ) -> Result<(), Error> {
        let text = if self.json {
            let rows = rows.into_iter().map(|(interface, rates)| Row {
                link: json::link(interface.link.clone(), netns),
                rates,
            });
            // Serialization fails only for maps with keys that are not strings. There are none.
            serde_json::to_string(&rows.collect::<Vec<_>>()).unwrap_or_default() + "\n"
        } else if self.terminal {
            // Cursor to the corner; clears each line behind its text, and the rest at the end.
            let table = table(&rows, netns).replace('\n', "\x1b[K\n");
            let start = if self.count == 0 { "\x1b[2J" } else { "" };
            format!("{start}\x1b[H{table}\x1b[J")
        } else {
            let gap = if self.count == 0 { "" } else { "\n" };
            format!("{gap}{}", table(&rows, netns))
        };
        self.count += 1;
        self.out
            .write_all(text.as_bytes())
            .and_then(|()| self.out.flush())
            .map_err(|error| Error::io("standard output", error))
    }
}

/// Prints the rates `count` times, or until an error occurs.
///
/// # Errors
///
/// The communication or the output fails.
pub fn run<T: Transport>(
    family: &mut Family<T>,
    interval: Duration,
    count: Option<u64>,
    screen: &mut Screen<'_>,
) -> Result<(), Error> {
    let mut before = family.dump_interfaces()?;
    let mut since = Instant::now();
    while count.is_none_or(|count| screen.count < count) {
        thread::sleep(interval);
        let now = family.dump_interfaces()?;
        let at = Instant::now();
        let seconds = at.duration_since(since).as_secs_f64();
        let names = family.netns_names(now.iter().filter_map(|it| it.link.netnsid));
        let netns = |number: i32| names.get(&number).cloned();
        screen.print(rates(&before, &now, seconds), &netns)?;
        (before, since) = (now, at);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::tests::child_reply;
    use crate::family::tests::main_reply;
    use crate::family::tests::mock_family;
    use crate::netlink::mock::MockReply;
    use crate::netlink::mock::MockRequest;
    use crate::show::tests::interfaces;
    use crate::show::tests::link;

    #[test]
    fn numbers() {
        for (value, expected) in [
            (0.0, "0"),
            (0.04, "0.0"),
            (1.25, "1.2"),
            (9.94, "9.9"),
            (9.96, "10"),
            (9999.0, "9999"),
            (9999.6, "10k"),
            (1_234_567.0, "1235k"),
            (12_345_678.0, "12M"),
            (1e18, "1000P"),
        ] {
            assert_eq!(rate(value), expected, "{value}");
        }
    }

    #[test]
    fn tables() {
        let before = interfaces();
        let mut now = before.clone();
        let mut new = now[0].clone();
        new.link = link(30, "new", None);
        now.push(new);
        now[0].stats.rx_packets += 3000;
        now[0].stats.rx_bytes += 50_000_000;
        now[0].stats.tx_dropped += 1;
        now[0].stats.rx_dropped += 2;
        now[1].stats.tx_packets += 1;
        // One that was replaced.
        now[2].stats.rx_packets = 0;
        let rows = rates(&before, &now, 2.0);
        let netns = |number: i32| (number == 0).then(|| "blue".to_owned());
        let expected = "\
interface          rx p/s    rx B/s  overruns    missed    errors    tx p/s    tx B/s   dropped
net0                 1500       25M         0         0         0         0         0       1.5
  child0                0         0         0         0         0       0.5         0         0
  blue/child1           0         0         0         0         0         0         0         0
  foreign               0         0         0         0         0         0         0         0
";
        assert_eq!(table(&rows, &netns), expected);

        let mut out = Vec::new();
        let mut screen = Screen::new(&mut out, true, false);
        screen.print(rates(&before, &now, 2.0), &netns).unwrap();
        screen.print(Vec::new(), &netns).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("\x1b[2J\x1b[Hinterface"), "{text:?}");
        assert_eq!(text.matches("\x1b[H").count(), 2);
        assert!(text.contains("0\x1b[K\n"));
    }

    #[test]
    fn screens() {
        let handler =
            |_: &MockRequest<'_>| MockReply::Messages(vec![main_reply(), child_reply(4, "child0")]);
        let print = |json| {
            let mut out = Vec::new();
            let mut screen = Screen::new(&mut out, false, json);
            run(
                &mut mock_family(handler),
                Duration::ZERO,
                Some(2),
                &mut screen,
            )
            .unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(print(false).matches("interface").count(), 2);
        assert_eq!(print(false).lines().count(), 7);
        let lines: Vec<serde_json::Value> = print(true)
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[1][1]["ifname"], "child0");
        assert_eq!(lines[0][0]["rx_packets"], 0.0);
    }
}
