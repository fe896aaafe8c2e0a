// SPDX-License-Identifier: GPL-2.0

//! `monitor`: tells of every change.

use std::io::Write;

use crate::error::Error;
use crate::kernel::Kernel;
use crate::model::Event;
use crate::model::Happening;
use crate::netlink::Transport;
use crate::show::json;
use crate::show::text::place;

/// Writes a line for each change, for ever.
///
/// # Errors
///
/// The conversation fails, or the output does.
pub fn run<T: Transport>(
    kernel: &mut Kernel<T>,
    json: bool,
    out: &mut impl Write,
) -> Result<(), Error> {
    kernel.subscribe()?;
    loop {
        listen(kernel, json, out)?;
    }
}

/// Waits for changes once.
fn listen<T: Transport>(
    kernel: &mut Kernel<T>,
    json: bool,
    out: &mut impl Write,
) -> Result<(), Error> {
    let mut text = String::new();
    match kernel.changes()? {
        Some(events) => {
            for event in events {
                text += &line(kernel, event, json);
                text.push('\n');
            }
        }
        None if json => text = format!("{}\n", to_json(&json::lost())),
        None => text = "some changes were lost\n".to_owned(),
    }
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Error::system("can not write", error))
}

fn line<T: Transport>(kernel: &mut Kernel<T>, event: Event, json: bool) -> String {
    let mut numbers = vec![event.child.netnsid, event.parent.netnsid];
    if let Happening::MarkMoved(_, from) = &event.happening {
        numbers.push(from.netnsid);
    }
    let names = kernel.netns_names(numbers.into_iter().flatten());
    let netns = |number: i32| names.get(&number).cloned();
    if json {
        to_json(&json::event(event, &netns))
    } else {
        describe(&event, &netns)
    }
}

fn to_json(value: &impl serde::Serialize) -> String {
    // Fails only for maps with keys that are no text, and there are none.
    serde_json::to_string(value).unwrap_or_default()
}

/// A change as a person reads it.
fn describe(event: &Event, netns: &dyn Fn(i32) -> Option<String>) -> String {
    let child = place(&event.child, netns);
    match &event.happening {
        Happening::ChildAdded => format!("{child}: added to {}", place(&event.parent, netns)),
        Happening::ChildDeleted(count) => format!(
            "{child}: deleted from {}, with {count} marks",
            place(&event.parent, netns)
        ),
        Happening::MarkAdded(mark) => format!("{child}: mark {mark} added"),
        Happening::MarkDeleted(mark) => format!("{child}: mark {mark} deleted"),
        Happening::MarkMoved(mark, from) => {
            format!("{child}: mark {mark} moved from {}", place(from, netns))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::show::tests::link;

    #[test]
    fn lines() {
        let netns = |number: i32| (number == 0).then(|| "blue".to_owned());
        for (happening, expected) in [
            (Happening::ChildAdded, "child0: added to blue/net0"),
            (
                Happening::ChildDeleted(2),
                "child0: deleted from blue/net0, with 2 marks",
            ),
            (Happening::MarkAdded(24), "child0: mark 24 added"),
            (Happening::MarkDeleted(24), "child0: mark 24 deleted"),
            (
                Happening::MarkMoved(24, link(5, "child1", Some(1))),
                "child0: mark 24 moved from 1/child1",
            ),
            (
                Happening::MarkMoved(24, link(5, "a\u{1b}[31m", Some(0))),
                r"child0: mark 24 moved from blue/a\u{1b}[31m",
            ),
        ] {
            let event = Event {
                happening,
                child: link(4, "child0", None),
                parent: link(3, "net0", Some(0)),
            };
            assert_eq!(describe(&event, &netns), expected);
        }
    }
}
