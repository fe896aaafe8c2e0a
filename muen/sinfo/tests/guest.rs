// SPDX-License-Identifier: GPL-2.0

//! Tests of guests with several processors, each of which has its own image.

#[cfg_attr(CONFIG_KUNIT = "y", kernel::macros::kunit_tests(muennet_sinfo_guest))]
mod cases {
    use super::super::super::*;
    use super::super::shows::shows;
    use super::super::*;

    const EVENT: u32 = 2;
    const VECTOR: u32 = 3;

    /// Returns processors 0, 1 and 3 with these images.
    fn guest(images: &[Image; 3]) -> [Processor<'_>; 3] {
        let mut numbers = [0, 1, 3].into_iter();
        images.each_ref().map(|image| {
            let number = numbers.next().unwrap();
            Processor {
                number,
                ..alone(image, address_of(number, BASE).unwrap())
            }
        })
    }

    fn with(memories: &[Memory], numbers: &[(u32, &str, u8)]) -> Image {
        let mut image = with_memory(memories);
        let first = memories.len();
        for (index, &(kind, name, number)) in numbers.iter().enumerate() {
            image = resource(image, first + index, kind, name);
            image[entry(first + index) + 72] = number;
        }
        image[77] = (first + numbers.len()) as u8;
        image
    }

    #[test]
    fn addresses() {
        let table = [
            (0, BASE, Some(BASE)),
            (1, BASE, Some(0xe_0000_9000)),
            (63, BASE, Some(0xe_0023_7000)),
            (u32::MAX, BASE, Some(BASE + 0xffff_ffff * 0x9000)),
            (0, u64::MAX - 0xfff, Some(u64::MAX - 0xfff)),
            (1, u64::MAX - 0xfff, None),
            (1, u64::MAX - 0x9000, Some(u64::MAX)),
        ];
        for (number, base, expected) in table {
            assert_eq!(
                (number, base, address_of(number, base)),
                (number, base, expected)
            );
        }
    }

    /// Each processor has its own events and vectors.
    #[test]
    fn numbers() {
        let images = [
            with(
                &[],
                &[
                    (EVENT, "of 0", 10),
                    (VECTOR, "of 0", 0x40),
                    (EVENT, "all", 1),
                    (VECTOR, "0 and 3", 0x50),
                ],
            ),
            with(&[], &[(EVENT, "all", 1), (VECTOR, "of 1", 0x41)]),
            with(
                &[],
                &[
                    (VECTOR, "0 and 3", 0x50),
                    (EVENT, "of 3", 10),
                    (EVENT, "all", 2),
                    (VECTOR, "of 0 ", 0x43),
                ],
            ),
        ];
        let processors = guest(&images);
        let guest = Guest::new(&processors);

        let events: [(&str, &[(u32, u8)]); 6] = [
            ("of 0", &[(0, 10)]),
            ("of 1", &[]),
            ("of 3", &[(3, 10)]),
            ("all", &[(0, 1), (1, 1), (3, 2)]),
            ("none", &[]),
            ("", &[]),
        ];
        for (name, expected) in events {
            assert!(guest.events(name.as_bytes()).eq(expected.iter().copied()));
        }

        let two = TwoVectors {
            first: 0,
            second: 3,
        };
        let vectors = [
            ("of 0", Ok(Some(0x40))),
            ("of 1", Ok(Some(0x41))),
            ("of 0 ", Ok(Some(0x43))),
            ("0 and 3", Err(two)),
            ("all", Ok(None)),
            ("", Ok(None)),
        ];
        for (name, expected) in vectors {
            assert_eq!((name, guest.vector(name.as_bytes())), (name, expected));
        }
        assert!(shows(
            &two,
            "processors 0 and 3 both list a vector of this name"
        ));
    }

    /// Each name is listed once, and other memory not at all.
    #[test]
    fn channels() {
        let plain = Memory {
            name: "plain",
            kind: 0,
            flags: RO,
            address: 0x9_0000,
            size: 0x1000,
        };
        let images = [
            with(
                &[
                    channel("b", RO, 0x1_0000, 0x1000),
                    plain,
                    channel("a", RW, 0x2_0000, 0x2000),
                    channel("b", RW, 0x3_0000, 0x1000),
                ],
                &[(EVENT, "a", 1), (VECTOR, "d", 2)],
            ),
            with(
                &[
                    channel("a", RW, 0x2_0000, 0x2000),
                    channel("c", RO, 0x4_0000, 0x1000),
                ],
                &[],
            ),
            with(&[channel("c", RO, 0x5_0000, 0x1000)], &[]),
        ];
        let processors = guest(&images);
        let guest = Guest::new(&processors);
        let expected = [
            (&b"b"[..], false, 0x1_0000),
            (b"a", true, 0x2_0000),
            (b"c", false, 0x4_0000),
        ];
        let mut position = 0;
        for expected in expected {
            let (found, next) = guest.next_channel(position).unwrap();
            let found = (found.name.as_bytes(), found.writable, found.address);
            assert_eq!(found, expected);
            position = next;
        }
        assert!(guest.next_channel(position).is_none());
        assert!(guest.next_channel(usize::MAX).is_none());
    }

    /// The processors share memory, and their images must agree about it.
    #[test]
    fn memory() {
        use Access::{
            Read,
            Write, //
        };
        use ResourceError::{
            Differs,
            Empty,
            NotFound,
            Overlap, //
        };

        let plain = |name, kind, flags, address, size| Memory {
            name,
            kind,
            flags,
            address,
            size,
        };
        let images = [
            with(
                &[
                    channel("all", RO, 0x1_0000, 0x1000),
                    channel("own in", RO, 0x2_0000, 0x1000),
                    channel("own out", RW, 0x2_0000, 0x1000),
                    channel("moved", RO, 0x3_0000, 0x1000),
                    channel("grown", RO, 0x4_0000, 0x1000),
                    channel("written", RO, 0x5_0000, 0x1000),
                    channel("other kind", RO, 0x6_0000, 0x1000),
                    channel("other rights", RO, 0x7_0000, 0x1000),
                    channel("under two names", RO, 0x8_0000, 0x1000),
                    channel("overlapped", RO, 0x9_0000, 0x1000),
                    channel("on image 3", RO, 0xe_0001_b000, 0x1000),
                    channel("behind image 0", RO, 0xe_0000_8000, 0x1000),
                    channel("own in 2", RO, 0xa_0000, 0x1000),
                    channel("empty in 1", RO, 0xb_0000, 0x1000),
                ],
                &[],
            ),
            with(
                &[
                    // In another order.
                    channel("own out", RW, 0x2_0000, 0x1000),
                    channel("own in", RO, 0x2_0000, 0x1000),
                    channel("all", RO, 0x1_0000, 0x1000),
                    channel("moved", RO, 0x3_1000, 0x1000),
                    channel("grown", RO, 0x4_0000, 0x2000),
                    channel("written", RW, 0x5_0000, 0x1000),
                    plain("other kind", 4, RO, 0x6_0000, 0x1000),
                    plain("other rights", 5, 2, 0x7_0000, 0x1000),
                    channel("of 1", RW, 0x10_0000, 0x1000),
                    channel("own out 2", RW, 0xa_0000, 0x1000),
                    channel("empty in 1", RO, 0xb_0000, 0),
                    channel("empty", RO, 0xc_0000, 0),
                ],
                &[],
            ),
            with(
                &[
                    channel("all", RO, 0x1_0000, 0x1000),
                    channel("a second name", RO, 0x8_0000, 0x1000),
                    plain("overlapping", 0, RW, 0x8_f000, 0x2000),
                    channel("of 3", RO, 0x11_0000, 0x1000),
                    channel("of 1", RW, 0x10_0000, 0x1000),
                    channel("own out 3", RW, 0xa_0000, 0x1000),
                ],
                &[],
            ),
        ];
        let processors = guest(&images);
        let guest = Guest::new(&processors);
        let name = |at: usize, name: &str| {
            let memory = processors[at].sinfo.memory(name.as_bytes());
            Conflict::Memory(memory.unwrap().unwrap().name)
        };
        let differs = |one, other| Err(Differs { one, other });
        let table = [
            ("all", Read, Ok(0x1_0000)),
            ("of 1", Write, Ok(0x10_0000)),
            ("of 3", Read, Ok(0x11_0000)),
            ("own in", Read, Ok(0x2_0000)),
            ("own out", Write, Ok(0x2_0000)),
            ("moved", Read, differs(0, 1)),
            ("grown", Read, differs(0, 1)),
            ("written", Read, differs(0, 1)),
            ("other kind", Read, differs(0, 1)),
            ("other rights", Read, differs(0, 1)),
            ("empty in 1", Read, differs(0, 1)),
            ("empty", Read, Err(Empty)),
            (
                "under two names",
                Read,
                Err(Overlap(name(2, "a second name"))),
            ),
            (
                "a second name",
                Read,
                Err(Overlap(name(0, "under two names"))),
            ),
            ("overlapped", Read, Err(Overlap(name(2, "overlapping")))),
            ("on image 3", Read, Err(Overlap(Conflict::Image))),
            ("behind image 0", Read, Ok(0xe_0000_8000)),
            // A subject needs only one pair to communicate with itself, whichever images list it.
            ("own in 2", Read, Err(Overlap(name(2, "own out 3")))),
            ("none", Read, Err(NotFound)),
        ];
        for (name, access, expected) in table {
            let found = guest.channel(name.as_bytes(), access);
            assert_eq!((name, found.map(|memory| memory.address)), (name, expected));
            if access == Read {
                let found = guest.read_only(name.as_bytes());
                assert_eq!((name, found.map(|memory| memory.address)), (name, expected));
            }
        }
    }

    /// No image is accepted in memory that another subject may write.
    #[test]
    fn places_of_images() {
        let plain = |flags, address, size| Memory {
            name: "x",
            kind: 1,
            flags,
            address,
            size,
        };
        // (region, whether an image may be at 0xe_0000_9000)
        let table = [
            (channel("x", RO, 0xe_0000_9000, 0x1000), false),
            (channel("x", RO, 0xe_0001_0000, 0x1000), false),
            (channel("x", RW, 0xe_0000_0000, 0x10_0000), false),
            (channel("x", RO, 0xe_0000_9000, 0x8000), false),
            (channel("x", RO, 0xe_0000_8000, 0x1000), true),
            (channel("x", RO, 0xe_0001_1000, 0x1000), true),
            (plain(RW, 0xe_0000_a000, 0x1000), false),
            // Another subject may write memory that this subject can only read, such as a table.
            (plain(RO, 0xe_0000_9000, 0x1000), false),
            (plain(RO, 0xe_0000_9000, 0x9000), false),
            // The image itself.
            (plain(RW, 0xe_0000_9000, 0x8000), false),
            (plain(RO, 0xe_0000_9000, 0x8000), true),
        ];
        for (row, (region, usable)) in table.into_iter().enumerate() {
            let image = with_memory(&[region]);
            let guest = [alone(&image, BASE)];
            let pages = Range::new(BASE + 0x9000, IMAGE_PAGES);
            let conflict = Guest::new(&guest).image_conflict(pages);
            assert_eq!((row, conflict.is_none()), (row, usable));
        }
    }

    /// An image that cannot be parsed is not used. An invalid entry does not affect the other
    /// entries.
    #[test]
    fn broken_images() {
        let good = with(&[channel("x", RO, 0x1000, 0x1000)], &[(EVENT, "x", 1)]);
        let broken: [(&[Change<'_>], bool); 5] = [
            (&[(0, b"muinfo\0\x02")], false),
            (&[(0, &[0; 8])], false),
            // A count that is too large does not make an image invalid: all entries are in use.
            (&[(77, &[0xff, 0xff])], true),
            // Invalid kinds, names and numbers.
            (&[(entry(1), &[0xff; 128])], true),
            (&[(entry(0), &[0xff; 128]), (entry(1), &[0xff; 128])], true),
        ];
        for (row, (changes, readable)) in broken.into_iter().enumerate() {
            let second = change(copy(&[&good]), changes);
            assert_eq!((row, Sinfo::parse(&second).is_ok()), (row, readable));
            if !readable {
                continue;
            }
            let processors = [
                alone(&good, BASE),
                Processor {
                    number: 1,
                    ..alone(&second, BASE + 0x9000)
                },
            ];
            let guest = Guest::new(&processors);
            let found = guest.channel(b"x", Access::Read).map(|it| it.address);
            assert_eq!((row, found), (row, Ok(0x1000)));
            assert_eq!((row, guest.events(b"x").next()), (row, Some((0, 1))));
        }
    }
}
