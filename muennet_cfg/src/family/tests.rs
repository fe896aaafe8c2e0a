// SPDX-License-Identifier: GPL-2.0

//! Tests against a mocked kernel: parsing of replies and notifications, and error messages.

use std::io;

use nix::errno::Errno;

use super::*;
use crate::model::Channel;
use crate::model::More;
use crate::model::NotificationKind;
use crate::model::Pause;
use crate::model::Stats;
use crate::netlink::mock::MockKernel;
use crate::netlink::mock::MockReply;
use crate::netlink::mock::MockRequest;
use crate::netlink::mock::CHANGES_GROUP;
use crate::netlink::mock::FAMILY_ID;
use crate::netns::Netnsid;
use crate::show::tests::link;
use crate::uapi::channel;
use crate::uapi::stats;
use crate::uapi::user;

/// One network namespace, with the name blue and the ID 3.
struct MockNetns;

impl NetnsLookup for MockNetns {
    fn netnsid(&mut self, name: &str) -> Result<Netnsid, Error> {
        match name {
            "blue" => Ok(Netnsid::fixed(3)),
            _ => Err(Error::Usage(format!("no namespace {name}"))),
        }
    }

    fn names(&mut self) -> HashMap<i32, String> {
        HashMap::from([(3, "blue".to_owned())])
    }
}

/// Opens the family on a mocked kernel with this request handler.
pub fn mock_family<'a>(
    handler: impl FnMut(&MockRequest<'_>) -> MockReply + 'a,
) -> Family<MockKernel<'a>> {
    open(MockKernel::new(handler))
}

/// Opens the family on this mocked kernel.
pub fn open(kernel: MockKernel<'_>) -> Family<MockKernel<'_>> {
    Family::open(kernel, Box::new(MockNetns)).unwrap()
}

fn no_requests() -> MockKernel<'static> {
    MockKernel::new(|_| panic!("nothing is asked"))
}

fn reply() -> Request {
    Request::genl(0, command::DEV_GET, VERSION)
}

/// Returns the reply for a main interface, with all attributes.
pub fn main_reply() -> Request {
    let channel = |name| {
        Request::new(0, &[])
            .string(channel::NAME, name)
            .u64(channel::PROTOCOL, u64::MAX)
            .u32(channel::REGION_SIZE, 4096)
            .u32(channel::ELEMENT_SIZE, 1508)
            .u32(channel::ELEMENTS, 2)
            .u32(channel::CONFIGURED_PROTOCOL, 2)
    };
    let stats = (1..=10).fold(Request::new(0, &[]), |all, n| match n {
        stats::RX_BYTES => all.u64(n, u64::MAX),
        _ => all.u32(n, u32::from(n) * 10),
    });
    reply()
        .u32(attribute::IFINDEX, 3)
        .string(attribute::IFNAME, "net0")
        .u32(attribute::MARK_COUNT, 0)
        .u32(attribute::MODE, 1)
        .u32(attribute::MTU, 1500)
        .flag(attribute::UP)
        .nest(attribute::IN_CHANNEL, channel("in"))
        .nest(attribute::OUT_CHANNEL, channel("out"))
        .u32(attribute::PEER_STATE, 2)
        .nest(attribute::STATS, stats)
        .flag(attribute::RX_PAUSE)
        .flag(attribute::TX_PAUSE)
        .flag(attribute::VLAN)
        .string(attribute::PMTU, "pmtu")
        .binary(attribute::MAC, &[2, 0, 0, 0, 0, 1])
        .u32(attribute::POLL, 4000)
        .u32(attribute::SETTINGS, 12)
        // From a newer kernel.
        .string(4711, "more")
}

/// Returns the reply for a child of that interface.
pub fn child_reply(ifindex: u32, ifname: &str) -> Request {
    reply()
        .u32(attribute::IFINDEX, ifindex)
        .string(attribute::IFNAME, ifname)
        .u32(attribute::PARENT_IFINDEX, 3)
        .string(attribute::PARENT_IFNAME, "net0")
        .u32(attribute::MODE, 1)
        .u32(attribute::MTU, 1500)
}

/// Returns the reply for a mark of a child.
pub fn mark_reply(ifindex: u32, ifname: &str, mark: u32) -> Request {
    child_reply(ifindex, ifname).u32(attribute::MARK, mark)
}

#[test]
fn resolves_the_family() {
    struct Rejecting(i32);
    impl Transport for Rejecting {
        fn send(&mut self, _: &[u8]) -> io::Result<()> {
            Ok(())
        }
        fn receive(&mut self, datagram: &mut Vec<u8>, _: bool) -> io::Result<()> {
            let mut request = Request::genl(0x10, 3, 2);
            let request = request.finalize(0, 1);
            *datagram = crate::netlink::mock::ack(request, self.0, None, None);
            Ok(())
        }
        fn subscribe(&mut self, _: u32) -> io::Result<()> {
            Ok(())
        }
    }
    for (errno, status) in [(Errno::ENOENT, 3), (Errno::ENOMEM, 1)] {
        let family = Family::open(Rejecting(errno as i32), Box::new(MockNetns));
        assert_eq!(family.err().unwrap().exit_status(), status, "{errno}");
    }
    // The kernel has the family but does not return its ID.
    assert!(Family::open(Rejecting(0), Box::new(MockNetns)).is_err());

    let kernel = no_requests();
    let groups = kernel.groups.clone();
    open(kernel).subscribe().unwrap();
    assert_eq!(*groups.borrow(), [ctrl::NOTIFY_GROUP, CHANGES_GROUP]);
}

#[test]
fn rejections() {
    let add = ["add_mark", "child0", "24"];
    let table: &[(&[&str], MockReply, &str)] = &[
        (
            &add,
            MockReply::Error(16, Some("mark 24 is owned by child1"), Some(36)),
            "add_mark child0 24: mark 24 is owned by child1 (EBUSY); to move it: \
             move_mark OWNER child0 24",
        ),
        (
            &add,
            MockReply::Error(17, Some("child0 owns mark 24 already"), Some(36)),
            "add_mark child0 24: child0 owns mark 24 already (EEXIST)",
        ),
        (
            &add,
            MockReply::Error(
                1,
                Some("CAP_NET_ADMIN is required in the namespace of the parent"),
                None,
            ),
            "add_mark child0 24: CAP_NET_ADMIN is required in the namespace of the parent (EPERM)",
        ),
        (
            &add,
            MockReply::Error(22, None, Some(36)),
            "add_mark child0 24: Invalid argument (EINVAL): attribute mark is invalid",
        ),
        (
            &add,
            MockReply::MissingAttribute(10),
            "add_mark child0 24: Invalid argument (EINVAL): attribute mark is missing",
        ),
        (
            &add,
            MockReply::Error(1, None, None),
            "add_mark child0 24: Operation not permitted (EPERM); requires CAP_NET_ADMIN in \
             the network namespace of the parent, try sudo there",
        ),
        (
            &["del_child", "blue/child0"],
            MockReply::Error(1, None, None),
            "del_child blue/child0: Operation not permitted (EPERM); requires CAP_NET_ADMIN, \
             try sudo",
        ),
        (
            &["del_child", "red/child0"],
            MockReply::Ack,
            "no namespace red",
        ),
    ];
    for (words, reply, text) in table {
        let change = Change::parse(words).unwrap();
        let mut family = mock_family(|_| reply.clone());
        let error = family.apply(&change).unwrap_err();
        assert_eq!(error.to_string(), *text);
        // The same in a batch, in which the other commands succeed.
        let good = Change::parse(&["del_child", "other"]).unwrap();
        let all = [&good, &change, &good];
        let mut family = mock_family(|request| match request.string(attribute::IFNAME) {
            Some(name) if name == "other" => MockReply::Ack,
            _ => reply.clone(),
        });
        let results = family.apply_all(&all).unwrap();
        let texts: Vec<_> = results
            .into_iter()
            .map(|result| result.map_err(|error| error.to_string()))
            .collect();
        assert_eq!(texts, [Ok(()), Err((*text).to_owned()), Ok(())]);
    }
}

#[test]
fn gets_one_interface() {
    let mut family = mock_family(|request| {
        assert_eq!((request.command, request.dump), (command::DEV_GET, false));
        match request.string(attribute::IFNAME).as_deref() {
            Some("net0") => MockReply::Messages(vec![main_reply()]),
            Some("child0") => {
                assert_eq!(request.u32(attribute::NETNSID), Some(3));
                MockReply::Messages(vec![child_reply(4, "child0").i32(attribute::NETNSID, 3)])
            }
            Some("empty") => MockReply::Ack,
            Some("odd") => MockReply::Messages(vec![reply().u32(attribute::IFINDEX, 1)]),
            _ => MockReply::Error(19, Some("no such interface"), Some(20)),
        }
    });
    let mut get = |word: &str| family.get(&IfSpec::parse(word.as_bytes()).unwrap());
    let channel = |name: &str| {
        Some(Channel {
            name: name.into(),
            protocol: u64::MAX,
            region_size: 4096,
            element_size: Some(1508),
            elements: Some(2),
            configured: 2,
        })
    };
    let expected = Interface {
        link: link(3, "net0", None),
        parent: None,
        mode: "ip".into(),
        mtu: 1500,
        up: true,
        input: channel("in"),
        output: channel("out"),
        peer: Some("active".into()),
        pause: Pause { rx: true, tx: true },
        stats: Stats {
            rx_packets: 10,
            rx_bytes: u64::MAX,
            rx_errors: 30,
            rx_dropped: 40,
            rx_over_errors: 50,
            rx_frame_errors: 60,
            rx_missed_errors: 70,
            tx_packets: 80,
            tx_bytes: 90,
            tx_dropped: 100,
        },
        more: More {
            mode: 1,
            vlan: true,
            pmtu: Some("pmtu".into()),
            mac: Some([2, 0, 0, 0, 0, 1]),
            poll: Some(4000),
            settings: 12,
        },
    };
    assert_eq!(get("net0").unwrap(), expected);
    let child = get("blue/child0").unwrap();
    assert_eq!(child.link, link(4, "child0", Some(3)));
    assert_eq!(child.parent, Some(link(3, "net0", None)));
    assert!(!child.up);
    for (word, text) in [
        ("lo", "show lo: no such interface (ENODEV)"),
        ("empty", "malformed netlink message: reply is missing"),
        ("odd", "malformed netlink message: interface is missing"),
        ("red/child0", "no namespace red"),
    ] {
        assert_eq!(get(word).unwrap_err().to_string(), text);
    }
}

#[test]
fn parses_pause() {
    for (flags, rx, tx) in [
        (&[][..], false, false),
        (&[attribute::RX_PAUSE], true, false),
        (&[attribute::TX_PAUSE], false, true),
        (&[attribute::RX_PAUSE, attribute::TX_PAUSE], true, true),
    ] {
        let mut family = mock_family(|_| {
            let main = reply()
                .u32(attribute::IFINDEX, 3)
                .string(attribute::IFNAME, "net0");
            let main = flags.iter().fold(main, |all, &flag| all.flag(flag));
            MockReply::Messages(vec![main])
        });
        let found = family.dump_interfaces().unwrap();
        assert_eq!(found[0].pause, Pause { rx, tx }, "{flags:?}");
    }
}

#[test]
fn restarts_inconsistent_dumps() {
    // After each interruption, up to the maximum.
    for (interruptions, expected) in [(0, 1), (1, 2), (7, 8), (100, 8)] {
        let mut dumps = 0;
        let mut family = mock_family(|_| {
            dumps += 1;
            let all = vec![mark_reply(4, "child0", 24), mark_reply(4, "child0", dumps)];
            if dumps <= interruptions {
                MockReply::Interrupted(all)
            } else {
                MockReply::Messages(all)
            }
        });
        let marks: Vec<_> = family.dump_marks(None).unwrap();
        let marks: Vec<_> = marks.iter().map(|owned| owned.mark).collect();
        assert_eq!(marks, [24, expected]);
    }
}

#[test]
fn parses_channels() {
    let mut family = mock_family(|request| {
        assert_eq!(
            (request.command, request.dump),
            (command::CHANNEL_GET, true)
        );
        let user = Request::new(0, &[])
            .u32(user::IFINDEX, 3)
            .string(user::IFNAME, "net0")
            .i32(user::NETNSID, 1)
            .u32(user::PEER_STATE, 2);
        let other = Request::new(0, &[])
            .u32(user::IFINDEX, 4)
            .string(user::IFNAME, "net1");
        let used = Request::new(0, &[])
            .string(channel::NAME, "a\\b")
            .u32(channel::REGION_SIZE, 4096)
            .flag(channel::WRITABLE)
            .u32(channel::EVENT, 7)
            .u32(channel::VECTOR, 64)
            .nest(channel::USER, user)
            .nest(channel::USER, other)
            .string(4711, "more");
        let unused = Request::new(0, &[]).string(channel::NAME, "c");
        let messages = [used, unused].map(|nest| reply().nest(attribute::CHANNEL, nest));
        MockReply::Messages(messages.to_vec())
    });
    let expected = [
        Resource {
            name: r"a\\b".into(),
            size: 4096,
            writable: true,
            event: Some(7),
            vector: Some(64),
            users: vec![
                (link(3, "net0", Some(1)), Some("active".into())),
                (link(4, "net1", None), None),
            ],
        },
        Resource {
            name: "c".into(),
            ..Resource::default()
        },
    ];
    assert_eq!(family.dump_channels().unwrap(), expected);
    let mut refused = mock_family(|_| MockReply::Error(1, None, None));
    assert_eq!(
        refused.dump_channels().unwrap_err().to_string(),
        "channels: Operation not permitted (EPERM); requires CAP_NET_ADMIN in the initial user \
         namespace, try sudo there"
    );
}

#[test]
fn parses_notifications() {
    let notification = |command| {
        Request::genl(0, command, VERSION)
            .u32(attribute::IFINDEX, 4)
            .string(attribute::IFNAME, "child0")
            .u32(attribute::PARENT_IFINDEX, 3)
            .string(attribute::PARENT_IFNAME, "net0")
            .i32(attribute::PARENT_NETNSID, 3)
    };
    let moved = notification(command::MARK_MOVE_NTF)
        .u32(attribute::MARK, 24)
        .u32(attribute::FROM_IFINDEX, 5)
        .string(attribute::FROM_IFNAME, "child1");
    let table = [
        (
            notification(command::CHILD_ADD_NTF),
            Some(NotificationKind::ChildAdded),
        ),
        (
            notification(command::CHILD_DEL_NTF).u32(attribute::MARK_COUNT, 2),
            Some(NotificationKind::ChildDeleted(2)),
        ),
        (
            notification(command::MARK_ADD_NTF).u32(attribute::MARK, 24),
            Some(NotificationKind::MarkAdded(24)),
        ),
        (
            notification(command::MARK_DEL_NTF).u32(attribute::MARK, 24),
            Some(NotificationKind::MarkDeleted(24)),
        ),
        (
            moved,
            Some(NotificationKind::MarkMoved(24, link(5, "child1", None))),
        ),
        // From a newer kernel.
        (notification(99), None),
    ];
    for (notification, kind) in table {
        let kernel = no_requests();
        let rx_queue = kernel.rx_queue();
        let mut family = open(kernel);
        // A notification of another family is ignored.
        rx_queue.notify(FAMILY_ID + 1, Ok(notification.clone()));
        rx_queue.notify(FAMILY_ID, Ok(notification));
        let mut events = Vec::new();
        family.receive_events(&mut events).unwrap();
        let expected = kind.map(|kind| {
            Event::Notification(Notification {
                kind,
                link: link(4, "child0", None),
                parent: Some(link(3, "net0", Some(3))),
            })
        });
        assert_eq!(events, Vec::from_iter(expected));
    }
}

#[test]
fn reports_lost_notifications() {
    let kernel = no_requests();
    let rx_queue = kernel.rx_queue();
    let mut family = open(kernel);
    let fail = |errno| Err(io::Error::from_raw_os_error(errno as i32));
    let mut events = Vec::new();
    rx_queue.notify(FAMILY_ID, fail(Errno::ENOBUFS));
    family.receive_events(&mut events).unwrap();
    assert_eq!(events, [Event::Lost]);
    rx_queue.notify(FAMILY_ID, fail(Errno::ENOBUFS));
    rx_queue.notify(FAMILY_ID, fail(Errno::EIO));
    assert_eq!(
        family
            .receive_events(&mut events)
            .unwrap_err()
            .exit_status(),
        1
    );
    assert_eq!(events, [Event::Lost, Event::Lost]);
}
