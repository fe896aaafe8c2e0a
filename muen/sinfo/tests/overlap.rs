// SPDX-License-Identifier: GPL-2.0

//! Tests of memory resources that overlap.

#[cfg_attr(CONFIG_KUNIT = "y", kernel::macros::kunit_tests(muennet_sinfo_overlap))]
mod cases {
    use super::super::super::*;
    use super::super::*;

    const TOP: u64 = u64::MAX - 0xfff;

    #[test]
    fn ranges() {
        let range = Range::new;
        let table = [
            // Adjacent ranges, and ranges with one byte in common.
            (range(0x1000, 0x1000), range(0x2000, 0x1000), false),
            (range(0x1000, 0x1001), range(0x2000, 0x1000), true),
            (range(0x1000, 0x1000), range(0x1fff, 0x1000), true),
            // A range within another one, and equal ranges.
            (range(0x1000, 0x4000), range(0x2000, 0x1000), true),
            (range(0x1000, 0x4000), range(0x1000, 0x1000), true),
            (range(0x1000, 0x4000), range(0x4000, 0x1000), true),
            (range(0x1000, 0x1000), range(0x1000, 0x1000), true),
            // An empty range does not overlap any other range.
            (range(0x1000, 0), range(0x1000, 0x1000), false),
            (range(0x1800, 0), range(0x1000, 0x1000), false),
            (range(0x1000, 0), range(0x1000, 0), false),
            // A range that would wrap ends at the end of the address space.
            (range(TOP, 0x2000), range(0, 0x1000), false),
            (range(TOP, 0x2000), range(TOP, 0x1000), true),
            (range(0, u64::MAX), range(TOP, 0x1000), true),
            (range(0, TOP), range(TOP, 0x1000), false),
            (range(1, u64::MAX), range(0, 1), false),
        ];
        for (one, other, expected) in table {
            assert_eq!((one, other, one.overlaps(&other)), (one, other, expected));
            assert_eq!((other, one, other.overlaps(&one)), (other, one, expected));
        }
        assert_eq!(Range::of_image(0xe_0000_0000), range(0xe_0000_0000, 0x7fd0));
    }

    #[test]
    fn beside_the_image() {
        // The image ends in the middle of its eighth page.
        let table = [
            (0x1000, 0x1000, true),
            (0x1000, 0xf000, true),
            (0x1000, 0x1_0000, false),
            (0x1_0000, 0x1000, false),
            (0x1_7000, 0x1000, false),
            (0x1_8000, 0x1000, true),
        ];
        for (address, size, usable) in table {
            let image = with_memory(&[channel("x", RO, address, size)]);
            let guest = [alone(&image, 0x1_0000)];
            let found = Guest::new(&guest).channel(b"x", Access::Read);
            let expected = if usable {
                Ok(address)
            } else {
                Err(ResourceError::Overlap(Conflict::Image))
            };
            assert_eq!(
                (address, size, found.map(|memory| memory.address)),
                (address, size, expected)
            );
        }
    }

    /// The first one of these regions is looked up.
    #[test]
    fn beside_each_other() {
        let other = |kind, flags, address, size| Memory {
            name: "b",
            kind,
            flags,
            address,
            size,
        };
        let reader = || channel("a", RO, 0x4000, 0x4000);
        let writer = || channel("a", RW, 0x4000, 0x4000);

        // (number of the row, region, other regions, name of the conflicting one)
        let table: [(u32, Memory, &[Memory], Option<&str>); 25] = [
            (1, reader(), &[], None),
            // Regions around it.
            (2, reader(), &[channel("b", RO, 0x3000, 0x1000)], None),
            (3, reader(), &[channel("b", RO, 0x8000, 0x1000)], None),
            (4, reader(), &[channel("b", RO, 0x3000, 0x2000)], Some("b")),
            (5, reader(), &[channel("b", RO, 0x7000, 0x1000)], Some("b")),
            (6, reader(), &[channel("b", RO, 0x5000, 0x1000)], Some("b")),
            (7, reader(), &[channel("b", RO, 0x3000, 0x6000)], Some("b")),
            // Equal ranges are permitted for a reader and a writer, but not for two readers or two
            // writers.
            (8, reader(), &[channel("b", RW, 0x4000, 0x4000)], None),
            (9, writer(), &[channel("b", RO, 0x4000, 0x4000)], None),
            (10, reader(), &[channel("b", RO, 0x4000, 0x4000)], Some("b")),
            (11, writer(), &[channel("b", RW, 0x4000, 0x4000)], Some("b")),
            (12, reader(), &[channel("a", RO, 0x4000, 0x4000)], Some("a")),
            // Nearly equal ranges.
            (13, reader(), &[channel("b", RW, 0x4000, 0x3000)], Some("b")),
            (14, reader(), &[channel("b", RW, 0x4000, 0x5000)], Some("b")),
            (15, writer(), &[channel("b", RO, 0x5000, 0x3000)], Some("b")),
            (16, writer(), &[channel("b", RO, 0x5000, 0x4000)], Some("b")),
            // A third name is not permitted.
            (
                17,
                writer(),
                &[
                    channel("b", RO, 0x4000, 0x4000),
                    channel("c", RO, 0x4000, 0x4000),
                ],
                Some("c"),
            ),
            (
                18,
                reader(),
                &[
                    channel("b", RW, 0x4000, 0x4000),
                    channel("c", RO, 0x4000, 0x4000),
                ],
                Some("c"),
            ),
            (
                19,
                reader(),
                &[
                    channel("b", RW, 0x4000, 0x4000),
                    channel("c", RO, 0x4000, 0x1000),
                ],
                Some("c"),
            ),
            // Memory of any kind and at any address counts.
            (20, reader(), &[other(0, RO, 0x4000, 0x1000)], Some("b")),
            (21, reader(), &[other(17, RW, 0x7fff, 0x1)], Some("b")),
            (22, reader(), &[other(255, RW, 0, u64::MAX)], Some("b")),
            (23, reader(), &[other(1, RW, 0x3fff, 1)], None),
            (24, reader(), &[other(1, RW, 0x5000, 0)], None),
            (25, reader(), &[other(1, RW, TOP, u64::MAX)], None),
        ];
        for (row, region, others, expected) in table {
            let writable = region.flags & RW != 0;
            let image = with_memory([&region].into_iter().chain(others));
            let access = if writable {
                Access::Write
            } else {
                Access::Read
            };
            let guest = [alone(&image, BASE)];
            let conflict = match Guest::new(&guest).channel(b"a", access) {
                Err(ResourceError::Overlap(Conflict::Memory(name))) => Some(name.0),
                Err(_) => Some(&b"something else"[..]),
                Ok(_) => None,
            };
            assert_eq!((row, conflict), (row, expected.map(str::as_bytes)));
        }
    }

    /// A region does not conflict with itself, whatever its entry, but both regions of a pair
    /// conflict.
    #[test]
    fn both_sides() {
        let image = with_memory(&[
            channel("left", RO, 0x1000, 0x2000),
            channel("alone", RO, 0x8000, 0x1000),
            channel("right", RO, 0x2000, 0x2000),
        ]);
        let guest = [alone(&image, BASE)];
        for (name, expected) in [
            ("left", Some("right")),
            ("alone", None),
            ("right", Some("left")),
        ] {
            let region = guest[0].sinfo.memory(name.as_bytes()).unwrap().unwrap();
            let conflict = match Guest::new(&guest).conflict(0, &region) {
                Some(Conflict::Memory(name)) => Some(name.0),
                Some(Conflict::Image) => Some(&b"the image"[..]),
                None => None,
            };
            assert_eq!((name, conflict), (name, expected.map(str::as_bytes)));
        }
    }
}
