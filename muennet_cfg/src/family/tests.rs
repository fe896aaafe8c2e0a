// SPDX-License-Identifier: GPL-2.0

//! The kernel as tests play it: what it tells comes out right, what it refuses is said well.

use std::io;

use nix::errno::Errno;

use super::*;
use crate::model::Channel;
use crate::model::Happening;
use crate::model::Stats;
use crate::netlink::mock::Asked;
use crate::netlink::mock::Fake;
use crate::netlink::mock::Told;
use crate::netlink::mock::CHANGES;
use crate::netlink::mock::FAMILY;
use crate::netns::Number;
use crate::show::gather;
use crate::show::tests::link;
use crate::show::Node;
use crate::uapi::channel;
use crate::uapi::stats;

/// Namespaces: one of the name blue and the number 3.
struct Blue;

impl Namespaces for Blue {
    fn number(&mut self, name: &str) -> Result<Number, Error> {
        match name {
            "blue" => Ok(Number::given(3)),
            _ => Err(Error::Usage(format!("there is no {name}"))),
        }
    }

    fn names(&mut self) -> HashMap<i32, String> {
        HashMap::from([(3, "blue".to_owned())])
    }
}

/// A kernel that answers so.
pub fn kernel<'a>(answer: impl FnMut(&Asked<'_>) -> Told + 'a) -> Kernel<Fake<'a>> {
    connect(Fake::new(answer))
}

/// That kernel.
pub fn connect(fake: Fake<'_>) -> Kernel<Fake<'_>> {
    Kernel::connect(fake, Box::new(Blue)).unwrap()
}

fn silent() -> Fake<'static> {
    Fake::new(|_| panic!("nothing is asked"))
}

fn answer() -> Request {
    Request::generic(0, command::GET, VERSION)
}

/// What the kernel tells of a main interface with all there can be.
pub fn told_main() -> Request {
    let channel = |name| {
        Request::new(0, &[])
            .text(channel::NAME, name)
            .u64(channel::PROTOCOL, u64::MAX)
            .u32(channel::REGION_SIZE, 4096)
            .u32(channel::ELEMENT_SIZE, 1508)
            .u32(channel::ELEMENTS, 2)
    };
    let stats = (1..=10).fold(Request::new(0, &[]), |all, n| match n {
        stats::RX_BYTES => all.u64(n, u64::MAX),
        _ => all.u32(n, u32::from(n) * 10),
    });
    answer()
        .u32(attribute::IFINDEX, 3)
        .text(attribute::IFNAME, "net0")
        .u32(attribute::MARK_COUNT, 0)
        .u32(attribute::MODE, 1)
        .u32(attribute::MTU, 1500)
        .flag(attribute::UP)
        .nest(attribute::IN_CHANNEL, channel("in"))
        .nest(attribute::OUT_CHANNEL, channel("out"))
        .u32(attribute::PEER_STATE, 2)
        .nest(attribute::STATS, stats)
        // Of a newer kernel.
        .text(4711, "more")
}

/// What it tells of a child of that.
pub fn told_child(ifindex: u32, ifname: &str) -> Request {
    answer()
        .u32(attribute::IFINDEX, ifindex)
        .text(attribute::IFNAME, ifname)
        .u32(attribute::PARENT_IFINDEX, 3)
        .text(attribute::PARENT_IFNAME, "net0")
        .u32(attribute::MODE, 1)
        .u32(attribute::MTU, 1500)
}

/// What it tells of a mark.
pub fn told_mark(ifindex: u32, ifname: &str, mark: u32) -> Request {
    told_child(ifindex, ifname).u32(attribute::MARK, mark)
}

#[test]
fn the_family() {
    struct Refusing(i32);
    impl Transport for Refusing {
        fn send(&mut self, _: &[u8]) -> io::Result<()> {
            Ok(())
        }
        fn receive(&mut self, datagram: &mut Vec<u8>, _: bool) -> io::Result<()> {
            let mut request = Request::generic(0x10, 3, 2);
            let request = request.seal(0, 1);
            *datagram = crate::netlink::mock::acknowledge(request, self.0, None, None);
            Ok(())
        }
        fn subscribe(&mut self, _: u32) -> io::Result<()> {
            Ok(())
        }
    }
    for (errno, status) in [(Errno::ENOENT, 3), (Errno::ENOMEM, 1)] {
        let kernel = Kernel::connect(Refusing(errno as i32), Box::new(Blue));
        assert_eq!(kernel.err().unwrap().status(), status, "{errno}");
    }
    // A kernel that knows the family but does not say its number.
    assert!(Kernel::connect(Refusing(0), Box::new(Blue)).is_err());

    let fake = silent();
    let groups = fake.groups.clone();
    connect(fake).subscribe().unwrap();
    assert_eq!(*groups.borrow(), [control::GROUP_NOTIFY, CHANGES]);
}

#[test]
fn refusals() {
    let add = ["add_mark", "child0", "24"];
    let table: &[(&[&str], Told, &str)] = &[
        (
            &add,
            Told::Refused(16, Some("mark 24 is owned by child1"), Some(36)),
            "add_mark child0 24: mark 24 is owned by child1 (EBUSY); to take it from its owner: \
             move_mark OWNER child0 24",
        ),
        (
            &add,
            Told::Refused(17, Some("child0 owns mark 24 already"), Some(36)),
            "add_mark child0 24: child0 owns mark 24 already (EEXIST)",
        ),
        (
            &add,
            Told::Refused(1, Some("this needs CAP_NET_ADMIN over there"), None),
            "add_mark child0 24: this needs CAP_NET_ADMIN over there (EPERM)",
        ),
        (
            &add,
            Told::Refused(22, None, Some(36)),
            "add_mark child0 24: Invalid argument (EINVAL): mark is wrong",
        ),
        (
            &add,
            Told::Missing(10),
            "add_mark child0 24: Invalid argument (EINVAL): mark is missing",
        ),
        (
            &add,
            Told::Refused(1, None, None),
            "add_mark child0 24: Operation not permitted (EPERM); this takes CAP_NET_ADMIN over \
             the network namespace of the parent, try sudo there",
        ),
        (
            &["del_child", "blue/child0"],
            Told::Refused(1, None, None),
            "del_child blue/child0: Operation not permitted (EPERM); this takes CAP_NET_ADMIN, \
             try sudo",
        ),
        (&["del_child", "red/child0"], Told::Done, "there is no red"),
    ];
    for (words, told, text) in table {
        let change = Change::parse(words).unwrap();
        let mut kernel = kernel(|_| told.clone());
        let error = kernel.change(&change).unwrap_err();
        assert_eq!(error.to_string(), *text);
        // The same in a crowd, where the others are carried out.
        let good = Change::parse(&["del_child", "other"]).unwrap();
        let all = [&good, &change, &good];
        let mut kernel = super::tests::kernel(|asked| match asked.text(attribute::IFNAME) {
            Some(name) if name == "other" => Told::Done,
            _ => told.clone(),
        });
        let results = kernel.change_all(&all).unwrap();
        let texts: Vec<_> = results
            .into_iter()
            .map(|result| result.map_err(|error| error.to_string()))
            .collect();
        assert_eq!(texts, [Ok(()), Err((*text).to_owned()), Ok(())]);
    }
}

#[test]
fn one_interface() {
    let mut kernel = kernel(|asked| {
        assert_eq!((asked.command, asked.dump), (command::GET, false));
        match asked.text(attribute::IFNAME).as_deref() {
            Some("net0") => Told::All(vec![told_main()]),
            Some("child0") => {
                assert_eq!(asked.u32(attribute::NETNSID), Some(3));
                Told::All(vec![told_child(4, "child0").i32(attribute::NETNSID, 3)])
            }
            Some("empty") => Told::Done,
            Some("odd") => Told::All(vec![answer().u32(attribute::IFINDEX, 1)]),
            _ => Told::Refused(19, Some("there is no such interface"), Some(20)),
        }
    });
    let mut get = |word: &str| kernel.interface(&word.as_bytes().try_into().unwrap());
    let channel = |name: &str| {
        Some(Channel {
            name: name.into(),
            protocol: u64::MAX,
            region_size: 4096,
            element_size: Some(1508),
            elements: Some(2),
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
    };
    assert_eq!(get("net0").unwrap(), expected);
    let child = get("blue/child0").unwrap();
    assert_eq!(child.link, link(4, "child0", Some(3)));
    assert_eq!(child.parent, Some(link(3, "net0", None)));
    assert!(!child.up);
    for (word, text) in [
        ("lo", "show lo: there is no such interface (ENODEV)"),
        ("empty", "the kernel's answer is malformed: it is empty"),
        (
            "odd",
            "the kernel's answer is malformed: an interface is missing",
        ),
        ("red/child0", "there is no red"),
    ] {
        assert_eq!(get(word).unwrap_err().to_string(), text);
    }
}

#[test]
fn dumps_begin_again() {
    // As often as it is interrupted, but not for ever.
    for (interruptions, dumps) in [(0, 1), (1, 2), (7, 8), (100, 8)] {
        let mut asked = 0;
        let mut kernel = kernel(|_| {
            asked += 1;
            let all = vec![told_mark(4, "child0", 24), told_mark(4, "child0", asked)];
            if asked <= interruptions {
                Told::Interrupted(all)
            } else {
                Told::All(all)
            }
        });
        let marks: Vec<_> = kernel.marks(None).unwrap();
        let marks: Vec<_> = marks.iter().map(|owned| owned.mark).collect();
        assert_eq!(marks, [24, dumps]);
    }
}

#[test]
fn changes() {
    let told = |command| {
        Request::generic(0, command, VERSION)
            .u32(attribute::IFINDEX, 4)
            .text(attribute::IFNAME, "child0")
            .u32(attribute::PARENT_IFINDEX, 3)
            .text(attribute::PARENT_IFNAME, "net0")
            .i32(attribute::PARENT_NETNSID, 3)
    };
    let moved = told(command::MARK_MOVE_NTF)
        .u32(attribute::MARK, 24)
        .u32(attribute::FROM_IFINDEX, 5)
        .text(attribute::FROM_IFNAME, "child1");
    let table = [
        (told(command::CHILD_ADD_NTF), Some(Happening::ChildAdded)),
        (
            told(command::CHILD_DEL_NTF).u32(attribute::MARK_COUNT, 2),
            Some(Happening::ChildDeleted(2)),
        ),
        (
            told(command::MARK_ADD_NTF).u32(attribute::MARK, 24),
            Some(Happening::MarkAdded(24)),
        ),
        (
            told(command::MARK_DEL_NTF).u32(attribute::MARK, 24),
            Some(Happening::MarkDeleted(24)),
        ),
        (
            moved,
            Some(Happening::MarkMoved(24, link(5, "child1", None))),
        ),
        // Of a newer kernel.
        (told(99), None),
    ];
    for (notification, happening) in table {
        let fake = silent();
        let mailbox = fake.mailbox();
        let mut kernel = connect(fake);
        // Of another family; nobody's to hear.
        mailbox.notify(FAMILY + 1, Ok(notification.clone()));
        mailbox.notify(FAMILY, Ok(notification));
        let mut heard = Vec::new();
        kernel.changes(&mut heard).unwrap();
        let expected = happening.map(|happening| {
            Heard::Event(Event {
                happening,
                child: link(4, "child0", None),
                parent: link(3, "net0", Some(3)),
            })
        });
        assert_eq!(heard, Vec::from_iter(expected));
    }
}

#[test]
fn changes_that_were_lost() {
    let fake = silent();
    let mailbox = fake.mailbox();
    let mut kernel = connect(fake);
    let fail = |errno| Err(io::Error::from_raw_os_error(errno as i32));
    let mut heard = Vec::new();
    mailbox.notify(FAMILY, fail(Errno::ENOBUFS));
    kernel.changes(&mut heard).unwrap();
    assert_eq!(heard, [Heard::Lost]);
    mailbox.notify(FAMILY, fail(Errno::ENOBUFS));
    mailbox.notify(FAMILY, fail(Errno::EIO));
    assert_eq!(kernel.changes(&mut heard).unwrap_err().status(), 1);
    assert_eq!(heard, [Heard::Lost, Heard::Lost]);
}

#[test]
fn gathering() {
    let answer = |asked: &Asked<'_>| match (asked.command, asked.dump) {
        (command::GET, true) => Told::All(vec![
            told_main(),
            told_child(4, "child0"),
            told_child(5, "child1").u32(attribute::PARENT_IFINDEX, 9),
        ]),
        (command::GET, false) if asked.text(attribute::IFNAME).as_deref() == Some("child0") => {
            Told::All(vec![told_child(4, "child0")])
        }
        (command::GET, false) => Told::All(vec![told_main()]),
        (command::GET_MARK, true) => {
            Told::All(vec![told_mark(4, "child0", 24), told_mark(5, "child1", 25)])
        }
        _ => Told::Refused(22, None, None),
    };
    // What is asked for; the interfaces at the root, each with its marks and children.
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
        let place = word.map(|word| word.as_bytes().try_into().unwrap());
        let nodes = gather(&mut kernel(answer), place.as_ref()).unwrap();
        assert_eq!(names(&nodes), expected);
    }
}
