// SPDX-License-Identifier: GPL-2.0

//! `monitor`: tells of every change.

use std::io::Write;

use crate::error::Error;
use crate::family::Kernel;
use crate::model::Event;
use crate::model::Happening;
use crate::model::Heard;
use crate::netlink::Transport;
use crate::show::json;
use crate::show::text::place;

/// Writes a line for each change, for ever.
///
/// # Errors
///
/// The conversation fails, or the output does; [`Error::NotLoaded`] when the module is unloaded.
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

/// Looks up names of namespaces.
type Names<'a> = &'a dyn Fn(i32) -> Option<String>;

/// Waits for changes once.
fn listen<T: Transport>(
    kernel: &mut Kernel<T>,
    json: bool,
    out: &mut impl Write,
) -> Result<(), Error> {
    let mut heard = Vec::new();
    let result = kernel.changes(&mut heard);
    // Names are looked up anew, but only once for what came together.
    let unloaded = heard.contains(&Heard::Unloaded);
    let names = kernel.netns_names(heard.iter().flat_map(namespaces));
    let netns = |number: i32| names.get(&number).cloned();
    let lines = heard.into_iter().map(|heard| line(heard, json, &netns));
    let text: String = lines.flat_map(|line| [line, "\n".to_owned()]).collect();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Error::system("can not write", error))?;
    if unloaded {
        return Err(Error::NotLoaded);
    }
    result
}

fn line(heard: Heard, json: bool, netns: Names<'_>) -> String {
    match heard {
        Heard::Event(event) if json => to_json(&json::event(event, netns)),
        Heard::Event(event) => describe(&event, netns),
        Heard::Lost if json => to_json(&json::lost()),
        Heard::Lost => "some changes were lost".to_owned(),
        Heard::Unloaded if json => to_json(&json::unloaded()),
        Heard::Unloaded => "the module was unloaded".to_owned(),
    }
}

/// The numbers of the namespaces that are spoken of.
fn namespaces(heard: &Heard) -> impl Iterator<Item = i32> {
    let numbers = match heard {
        Heard::Event(event) => {
            let from = match &event.happening {
                Happening::MarkMoved(_, from) => from.netnsid,
                _ => None,
            };
            [event.child.netnsid, event.parent.netnsid, from]
        }
        Heard::Lost | Heard::Unloaded => [None; 3],
    };
    numbers.into_iter().flatten()
}

fn to_json(value: &impl serde::Serialize) -> String {
    // Fails only for maps with keys that are no text, and there are none.
    serde_json::to_string(value).unwrap_or_default()
}

/// A change as a person reads it.
fn describe(event: &Event, netns: Names<'_>) -> String {
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
    use std::cell::Cell;
    use std::collections::HashMap;
    use std::io;
    use std::rc::Rc;

    use nix::errno::Errno;

    use super::*;
    use crate::family::tests::connect;
    use crate::netlink::mock::Fake;
    use crate::netlink::mock::Mailbox;
    use crate::netlink::mock::FAMILY;
    use crate::netlink::Request;
    use crate::netns::Namespaces;
    use crate::netns::Number;
    use crate::show::tests::link;
    use crate::uapi::attribute;
    use crate::uapi::command;
    use crate::uapi::VERSION;

    /// Namespaces that are others, of other names, each time one looks; how often one has looked.
    struct Renamed(Rc<Cell<usize>>);

    impl Namespaces for Renamed {
        fn number(&mut self, _: &str) -> Result<Number, Error> {
            Ok(Number::given(0))
        }

        fn names(&mut self) -> HashMap<i32, String> {
            self.0.set(self.0.get() + 1);
            HashMap::from([(0, format!("ns{}", self.0.get()))])
        }
    }

    /// Lets the kernel tell that a child in a namespace has a mark more.
    fn tell(mailbox: &Mailbox, mark: u32, netnsid: Option<i32>) {
        let told = Request::generic(0, command::MARK_ADD_NTF, VERSION)
            .u32(attribute::IFINDEX, 4)
            .text(attribute::IFNAME, "a")
            .u32(attribute::PARENT_IFINDEX, 3)
            .text(attribute::PARENT_IFNAME, "net0")
            .u32(attribute::MARK, mark);
        mailbox.notify(
            FAMILY,
            Ok(match netnsid {
                Some(number) => told.i32(attribute::NETNSID, number),
                None => told,
            }),
        );
    }

    #[test]
    fn names_are_looked_up_once_for_what_comes_together() {
        let table: &[(&[Option<i32>], usize, &str)] = &[
            (&[None, Some(-1)], 0, "a: mark 0 added\n?/a: mark 1 added\n"),
            (
                &[Some(0), None, Some(0), Some(7)],
                1,
                "ns1/a: mark 0 added\na: mark 1 added\nns1/a: mark 2 added\n7/a: mark 3 added\n",
            ),
        ];
        for (netnsids, looked, expected) in table {
            let fake = Fake::new(|_| panic!("nothing is asked"));
            let mailbox = fake.mailbox();
            let count = Rc::new(Cell::new(0));
            let namespaces = Box::new(Renamed(count.clone()));
            let mut kernel = Kernel::connect(fake, namespaces).unwrap();
            let mut out = Vec::new();
            for (mark, netnsid) in (0..).zip(*netnsids) {
                tell(&mailbox, mark, *netnsid);
            }
            listen(&mut kernel, false, &mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), *expected);
            assert_eq!(count.get(), *looked, "{netnsids:?}");
            // What comes later is in the namespace that has the number by then.
            let mut out = Vec::new();
            tell(&mailbox, 5, Some(0));
            listen(&mut kernel, false, &mut out).unwrap();
            let expected = format!("ns{}/a: mark 5 added\n", looked + 1);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    #[test]
    fn ends_when_the_module_is_unloaded() {
        const CONTROL: u16 = 0x10;
        let told = |command, number| {
            Request::generic(0, command, 2)
                .text(2, "muennet")
                .u16(1, number)
        };
        // What the kernel tells: of itself (NEWFAMILY is 1, DELFAMILY 2), or where it was lost.
        let gone = || Ok(told(2, FAMILY));
        let come_again = || Ok(told(1, FAMILY + 1));
        let lost = || Err(io::Error::from_raw_os_error(Errno::ENOBUFS as i32));
        for (family, json, expected) in [
            (gone(), false, "a: mark 24 added\nthe module was unloaded\n"),
            (gone(), true, "\n{\"event\":\"module_unloaded\"}\n"),
            (come_again(), false, "added\nthe module was unloaded\n"),
            (
                lost(),
                false,
                "added\nsome changes were lost\nthe module was unloaded\n",
            ),
        ] {
            let fake = Fake::new(|_| panic!("nothing is asked"));
            let mailbox = fake.mailbox();
            let unloaded = fake.unloaded.clone();
            let mut kernel = connect(fake);
            kernel.subscribe().unwrap();
            unloaded.set(true);
            tell(&mailbox, 24, None);
            // Of others.
            mailbox.notify(CONTROL, Ok(told(2, FAMILY + 1)));
            mailbox.notify(CONTROL, Ok(Request::generic(0, 1, 2).u16(1, FAMILY + 2)));
            mailbox.notify(CONTROL, family);
            let mut out = Vec::new();
            let result = (0..2).try_for_each(|_| listen(&mut kernel, json, &mut out));
            assert_eq!(result.unwrap_err().status(), 3);
            let text = String::from_utf8(out).unwrap();
            assert!(text.ends_with(expected), "{text}");
        }
    }

    #[test]
    fn goes_on_when_changes_are_lost() {
        let fake = Fake::new(|_| panic!("nothing is asked"));
        let mailbox = fake.mailbox();
        let mut kernel = connect(fake);
        let lost = io::Error::from_raw_os_error(Errno::ENOBUFS as i32);
        mailbox.notify(FAMILY, Err(lost));
        let mut out = Vec::new();
        listen(&mut kernel, false, &mut out).unwrap();
        tell(&mailbox, 24, None);
        listen(&mut kernel, false, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "some changes were lost\na: mark 24 added\n");
    }

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
