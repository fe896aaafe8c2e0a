// SPDX-License-Identifier: GPL-2.0

//! Command `monitor`: prints changes as they happen.

use std::io::Write;

use crate::error::Error;
use crate::family::Family;
use crate::model::Event;
use crate::model::Notification;
use crate::model::NotificationKind;
use crate::netlink::Transport;
use crate::netns::NetnsNames;
use crate::show::json;
use crate::show::text::link_name;

/// Prints one line for each change, until an error occurs.
///
/// # Errors
///
/// The communication or the output fails. [`Error::NotLoaded`] if the module is unloaded.
pub fn run<T: Transport>(
    family: &mut Family<T>,
    json: bool,
    out: &mut impl Write,
) -> Result<(), Error> {
    family.subscribe()?;
    loop {
        poll(family, json, out)?;
    }
}

/// Waits for events once, and prints them.
fn poll<T: Transport>(
    family: &mut Family<T>,
    json: bool,
    out: &mut impl Write,
) -> Result<(), Error> {
    let mut events = Vec::new();
    let result = family.receive_events(&mut events);
    // Look up the names of namespaces once for all events received together. Do not keep them,
    // because the kernel reuses IDs.
    let unloaded = events.contains(&Event::Unloaded);
    let names = family.netns_names(events.iter().flat_map(netnsids));
    let netns = |number: i32| names.get(&number).cloned();
    let lines = events
        .into_iter()
        .map(|event| format_event(event, json, &netns));
    let text: String = lines.flat_map(|line| [line, "\n".to_owned()]).collect();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Error::io("standard output", error))?;
    if unloaded {
        return Err(Error::NotLoaded);
    }
    result
}

fn format_event(event: Event, json: bool, netns: NetnsNames<'_>) -> String {
    match event {
        Event::Notification(event) if json => to_json(&json::event(event, netns)),
        Event::Notification(event) => describe(&event, netns),
        Event::Lost if json => to_json(&json::lost()),
        Event::Lost => "some changes were lost".to_owned(),
        Event::Unloaded if json => to_json(&json::unloaded()),
        Event::Unloaded => "the module was unloaded".to_owned(),
    }
}

/// Returns the IDs of the network namespaces in an event.
fn netnsids(event: &Event) -> impl Iterator<Item = i32> {
    let numbers = match event {
        Event::Notification(event) => {
            let from = match &event.kind {
                NotificationKind::MarkMoved(_, from) => from.netnsid,
                _ => None,
            };
            let parent = event.parent.as_ref().and_then(|it| it.netnsid);
            [event.link.netnsid, parent, from]
        }
        Event::Lost | Event::Unloaded => [None; 3],
    };
    numbers.into_iter().flatten()
}

fn to_json(value: &impl serde::Serialize) -> String {
    // Serialization fails only for maps with keys that are not strings. There are none.
    serde_json::to_string(value).unwrap_or_default()
}

/// Formats a notification as text.
fn describe(event: &Notification, netns: NetnsNames<'_>) -> String {
    let child = link_name(&event.link, netns);
    let parent = event.parent.as_ref();
    let parent = parent.map_or_else(|| "?".to_owned(), |it| link_name(it, netns));
    match &event.kind {
        NotificationKind::InterfaceAdded => format!("{child}: added"),
        NotificationKind::InterfaceDeleted => format!("{child}: deleted"),
        NotificationKind::InterfaceChanged => format!("{child}: changed"),
        NotificationKind::ChildAdded => format!("{child}: added to {parent}"),
        NotificationKind::ChildDeleted(count) => {
            format!("{child}: deleted from {parent}, with {count} marks")
        }
        NotificationKind::MarkAdded(mark) => format!("{child}: mark {mark} added"),
        NotificationKind::MarkDeleted(mark) => format!("{child}: mark {mark} deleted"),
        NotificationKind::MarkMoved(mark, from) => {
            format!("{child}: mark {mark} moved from {}", link_name(from, netns))
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
    use crate::family::tests::open;
    use crate::netlink::mock::MockKernel;
    use crate::netlink::mock::RxQueue;
    use crate::netlink::mock::FAMILY_ID;
    use crate::netlink::Request;
    use crate::netns::NetnsLookup;
    use crate::netns::Netnsid;
    use crate::show::tests::link;
    use crate::uapi::attribute;
    use crate::uapi::command;
    use crate::uapi::VERSION;

    /// Each lookup returns another name for the same namespace ID. Counts the lookups.
    struct MockNetns(Rc<Cell<usize>>);

    impl NetnsLookup for MockNetns {
        fn netnsid(&mut self, _: &str) -> Result<Netnsid, Error> {
            Ok(Netnsid::fixed(0))
        }

        fn names(&mut self) -> HashMap<i32, String> {
            self.0.set(self.0.get() + 1);
            HashMap::from([(0, format!("ns{}", self.0.get()))])
        }
    }

    /// Queues a notification that a mark was added to a child in a namespace.
    fn notify_mark_added(rx_queue: &RxQueue, mark: u32, netnsid: Option<i32>) {
        let notification = Request::genl(0, command::MARK_ADD_NTF, VERSION)
            .u32(attribute::IFINDEX, 4)
            .string(attribute::IFNAME, "a")
            .u32(attribute::PARENT_IFINDEX, 3)
            .string(attribute::PARENT_IFNAME, "net0")
            .u32(attribute::MARK, mark);
        rx_queue.notify(
            FAMILY_ID,
            Ok(match netnsid {
                Some(nsid) => notification.i32(attribute::NETNSID, nsid),
                None => notification,
            }),
        );
    }

    #[test]
    fn looks_up_names_once_for_all_events_of_a_poll() {
        let table: &[(&[Option<i32>], usize, &str)] = &[
            (&[None, Some(-1)], 0, "a: mark 0 added\n?/a: mark 1 added\n"),
            (
                &[Some(0), None, Some(0), Some(7)],
                1,
                "ns1/a: mark 0 added\na: mark 1 added\nns1/a: mark 2 added\n7/a: mark 3 added\n",
            ),
        ];
        for (netnsids, lookups, expected) in table {
            let kernel = MockKernel::new(|_| panic!("nothing is asked"));
            let rx_queue = kernel.rx_queue();
            let count = Rc::new(Cell::new(0));
            let netns = Box::new(MockNetns(count.clone()));
            let mut family = Family::open(kernel, netns).unwrap();
            let mut out = Vec::new();
            for (mark, netnsid) in (0..).zip(*netnsids) {
                notify_mark_added(&rx_queue, mark, *netnsid);
            }
            poll(&mut family, false, &mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), *expected);
            assert_eq!(count.get(), *lookups, "{netnsids:?}");
            // A later notification is in the namespace that has the ID at that time.
            let mut out = Vec::new();
            notify_mark_added(&rx_queue, 5, Some(0));
            poll(&mut family, false, &mut out).unwrap();
            let expected = format!("ns{}/a: mark 5 added\n", lookups + 1);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    #[test]
    fn ends_when_the_module_is_unloaded() {
        const CONTROL: u16 = 0x10;
        let ctrl_message =
            |command, id| Request::genl(0, command, 2).string(2, "muennet").u16(1, id);
        // CTRL_CMD_NEWFAMILY is 1, CTRL_CMD_DELFAMILY is 2.
        let delfamily = || Ok(ctrl_message(2, FAMILY_ID));
        let newfamily = || Ok(ctrl_message(1, FAMILY_ID + 1));
        let lost = || Err(io::Error::from_raw_os_error(Errno::ENOBUFS as i32));
        for (last, json, expected) in [
            (
                delfamily(),
                false,
                "a: mark 24 added\nthe module was unloaded\n",
            ),
            (delfamily(), true, "\n{\"event\":\"module_unloaded\"}\n"),
            (newfamily(), false, "added\nthe module was unloaded\n"),
            (
                lost(),
                false,
                "added\nsome changes were lost\nthe module was unloaded\n",
            ),
        ] {
            let kernel = MockKernel::new(|_| panic!("nothing is asked"));
            let rx_queue = kernel.rx_queue();
            let unloaded = kernel.unloaded.clone();
            let mut family = open(kernel);
            family.subscribe().unwrap();
            unloaded.set(true);
            notify_mark_added(&rx_queue, 24, None);
            // Messages about other families are ignored.
            rx_queue.notify(CONTROL, Ok(ctrl_message(2, FAMILY_ID + 1)));
            rx_queue.notify(CONTROL, Ok(Request::genl(0, 1, 2).u16(1, FAMILY_ID + 2)));
            rx_queue.notify(CONTROL, last);
            let mut out = Vec::new();
            let result = (0..2).try_for_each(|_| poll(&mut family, json, &mut out));
            assert_eq!(result.unwrap_err().exit_status(), 3);
            let text = String::from_utf8(out).unwrap();
            assert!(text.ends_with(expected), "{text}");
        }
    }

    #[test]
    fn continues_after_lost_notifications() {
        let kernel = MockKernel::new(|_| panic!("nothing is asked"));
        let rx_queue = kernel.rx_queue();
        let mut family = open(kernel);
        let lost = io::Error::from_raw_os_error(Errno::ENOBUFS as i32);
        rx_queue.notify(FAMILY_ID, Err(lost));
        let mut out = Vec::new();
        poll(&mut family, false, &mut out).unwrap();
        notify_mark_added(&rx_queue, 24, None);
        poll(&mut family, false, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "some changes were lost\na: mark 24 added\n");
    }

    #[test]
    fn lines() {
        let netns = |number: i32| (number == 0).then(|| "blue".to_owned());
        for (kind, expected) in [
            (NotificationKind::ChildAdded, "child0: added to blue/net0"),
            (
                NotificationKind::ChildDeleted(2),
                "child0: deleted from blue/net0, with 2 marks",
            ),
            (NotificationKind::MarkAdded(24), "child0: mark 24 added"),
            (NotificationKind::MarkDeleted(24), "child0: mark 24 deleted"),
            (
                NotificationKind::MarkMoved(24, link(5, "child1", Some(1))),
                "child0: mark 24 moved from 1/child1",
            ),
            (
                NotificationKind::MarkMoved(24, link(5, "a\u{1b}[31m", Some(0))),
                r"child0: mark 24 moved from blue/a\u{1b}[31m",
            ),
        ] {
            let event = Notification {
                kind,
                link: link(4, "child0", None),
                parent: Some(link(3, "net0", Some(0))),
            };
            assert_eq!(describe(&event, &netns), expected);
        }
    }
}
