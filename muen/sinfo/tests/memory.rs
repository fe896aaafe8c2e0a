// SPDX-License-Identifier: GPL-2.0

//! Tests of single memory resources: their ranges, and whether they are channels.

#[cfg_attr(CONFIG_KUNIT = "y", kernel::macros::kunit_tests(muennet_sinfo_memory))]
mod cases {
    use super::super::super::*;
    use super::super::shows::shows;
    use super::super::*;

    #[test]
    fn memory_flags() {
        for flags in 0..=u8::MAX {
            let image = with_memory(&[Memory {
                name: "x",
                kind: flags,
                flags,
                address: 0x0123_4567_89ab_c000,
                size: 0xf000,
            }]);
            let memory = Sinfo::parse(&image).unwrap().memory(b"x").unwrap().unwrap();
            assert_eq!(memory.kind, flags);
            assert_eq!(memory.writable, flags % 2 == 1);
            assert_eq!(memory.executable, flags / 2 % 2 == 1);
            assert_eq!(memory.address, 0x0123_4567_89ab_c000);
            assert_eq!(memory.size, 0xf000);
        }
    }

    #[test]
    fn memory_ranges() {
        use ResourceError::Empty;

        const TOP: u64 = u64::MAX - 0xfff;

        let unaligned = |address, size| Err(ResourceError::Unaligned { address, size });
        let wraps = |address, size| Err(ResourceError::Wraps { address, size });
        let table = [
            (0, 0x1000, Ok(())),
            (0x1000, 0x1000, Ok(())),
            (0xe_0000_0000, 0x10_0000, Ok(())),
            // Sizes.
            (0x1000, 0, Err(Empty)),
            (0x1001, 0, Err(Empty)),
            (0x1000, 1, unaligned(0x1000, 1)),
            (0x1000, 0xfff, unaligned(0x1000, 0xfff)),
            (0x1000, 0x1001, unaligned(0x1000, 0x1001)),
            // Addresses.
            (1, 0x1000, unaligned(1, 0x1000)),
            (0xfff, 0x1000, unaligned(0xfff, 0x1000)),
            (0x1800, 0x1000, unaligned(0x1800, 0x1000)),
            (u64::MAX, u64::MAX, unaligned(u64::MAX, u64::MAX)),
            // The end of the address space.
            (0, TOP, Ok(())),
            (TOP - 0x1000, 0x1000, Ok(())),
            (TOP, 0x1000, wraps(TOP, 0x1000)),
            (TOP - 0x1000, 0x2000, wraps(TOP - 0x1000, 0x2000)),
            (0x1000, TOP, wraps(0x1000, TOP)),
            (TOP, TOP, wraps(TOP, TOP)),
        ];
        for (address, size, expected) in table {
            let image = with_memory(&[
                channel("good", RO, 0x8000_0000, 0x1000),
                channel("x", RO, address, size),
            ]);
            let sinfo = Sinfo::parse(&image).unwrap();
            let found = sinfo.memory(b"x").map(|memory| {
                memory.is_some_and(|memory| (memory.address, memory.size) == (address, size))
            });
            assert_eq!(
                (address, size, found),
                (address, size, expected.map(|()| true))
            );
            // The other memory resources are not affected.
            assert!(matches!(sinfo.memory(b"good"), Ok(Some(_))));
            assert_eq!(sinfo.memories().count(), 2);
        }
    }

    #[test]
    fn channels() {
        use Access::{
            Read,
            Write, //
        };
        use ResourceError::{
            NotAChannel,
            NotFound,
            Writability, //
        };

        let region = |name, kind, flags| Memory {
            name,
            kind,
            flags,
            address: 0,
            size: 0,
        };
        let mut resources = [
            region("ro", 5, 0),
            region("rw", 5, 1),
            region("rox", 5, 2),
            region("rwx", 5, 3),
            region("kind 4", 4, 1),
            region("kind 6", 6, 0),
            region("kind 0", 0, 0),
            region("kind 255", 255, 1),
        ];
        for (index, resource) in resources.iter_mut().enumerate() {
            resource.address = (index as u64 + 1) * 0x1000;
            resource.size = 0x1000;
        }
        let image = with_memory(&resources);
        let guest = [alone(&image, BASE)];
        let guest = Guest::new(&guest);

        let table = [
            ("ro", Read, Ok(0x1000)),
            ("ro", Write, Err(Writability(Write))),
            ("rw", Read, Err(Writability(Read))),
            ("rw", Write, Ok(0x2000)),
            ("rox", Read, Ok(0x3000)),
            ("rwx", Write, Ok(0x4000)),
            ("kind 4", Write, Err(NotAChannel { kind: 4 })),
            ("kind 4", Read, Err(NotAChannel { kind: 4 })),
            ("kind 6", Read, Err(NotAChannel { kind: 6 })),
            ("kind 0", Read, Err(NotAChannel { kind: 0 })),
            ("kind 255", Write, Err(NotAChannel { kind: 255 })),
            ("none", Read, Err(NotFound)),
            ("", Write, Err(NotFound)),
        ];
        for (name, access, expected) in table {
            let found = guest.channel(name.as_bytes(), access);
            assert_eq!((name, found.map(|memory| memory.address)), (name, expected));
        }
    }

    /// Memory that the subject can only read need not be a channel.
    #[test]
    fn read_only() {
        use ResourceError::{
            Empty,
            NotFound,
            Overlap,
            Writability, //
        };

        let region = |name, kind, flags, address, size| Memory {
            name,
            kind,
            flags,
            address,
            size,
        };
        let image = with_memory(&[
            region("channel", 5, 0, 0x1000, 0x1000),
            region("plain", 1, 0, 0x2000, 0x2000),
            region("executable", 0, 2, 0x4000, 0x1000),
            region("writable", 1, 1, 0x5000, 0x1000),
            region("empty", 1, 0, 0x6000, 0),
            region("unaligned", 1, 0, 0x7800, 0x800),
            region("on the image", 1, 0, 0xe_0000_7000, 0x1000),
            region("one", 1, 0, 0x1_0000, 0x2000),
            region("other", 1, 0, 0x1_1000, 0x2000),
            // Readable under one name and writable under another: a subject that communicates with
            // itself.
            region("own in", 1, 0, 0x2_0000, 0x1000),
            region("own out", 1, 1, 0x2_0000, 0x1000),
        ]);
        let sinfo = Sinfo::parse(&image).unwrap();
        let name = |name: &str| sinfo.memory(name.as_bytes()).unwrap().unwrap().name;
        let guest = [alone(&image, BASE)];
        let guest = Guest::new(&guest);
        let table = [
            ("channel", Ok(0x1000)),
            ("plain", Ok(0x2000)),
            ("executable", Ok(0x4000)),
            ("writable", Err(Writability(Access::Read))),
            ("empty", Err(Empty)),
            (
                "unaligned",
                Err(ResourceError::Unaligned {
                    address: 0x7800,
                    size: 0x800,
                }),
            ),
            ("on the image", Err(Overlap(Conflict::Image))),
            ("one", Err(Overlap(Conflict::Memory(name("other"))))),
            ("other", Err(Overlap(Conflict::Memory(name("one"))))),
            ("own in", Ok(0x2_0000)),
            ("own out", Err(Writability(Access::Read))),
            ("none", Err(NotFound)),
            ("", Err(NotFound)),
        ];
        for (name, expected) in table {
            let found = guest.read_only(name.as_bytes());
            assert_eq!((name, found.map(|memory| memory.address)), (name, expected));
        }
    }

    #[test]
    fn errors_show() {
        let image = with_memory(&[channel("o'ther", RW, 0x1000, 0x1000)]);
        let name = Sinfo::parse(&image)
            .unwrap()
            .memories()
            .next()
            .unwrap()
            .name;
        let table = [
            (
                ResourceError::NotFound,
                "not found in the subject information",
            ),
            (
                ResourceError::NotAChannel { kind: 7 },
                "memory of kind 7, not a channel",
            ),
            (
                ResourceError::Writability(Access::Read),
                "writable, but the policy must make it read-only",
            ),
            (
                ResourceError::Writability(Access::Write),
                "read-only, but the policy must make it writable",
            ),
            (
                ResourceError::Differs { one: 0, other: 3 },
                "processors 0 and 3 list different regions of this name",
            ),
            (
                ResourceError::Overlap(Conflict::Image),
                "overlaps the subject information",
            ),
            (
                ResourceError::Overlap(Conflict::Memory(name)),
                r"overlaps memory region 'o\'ther'",
            ),
            (ResourceError::Empty, "its size is 0"),
            (
                ResourceError::Unaligned {
                    address: 0x1001,
                    size: 0x1000,
                },
                "not aligned to pages: 0x1000 bytes at 0x1001",
            ),
            (
                ResourceError::Wraps {
                    address: 0x1000,
                    size: u64::MAX - 0xfff,
                },
                "exceeds the address space: 0xfffffffffffff000 bytes at 0x1000",
            ),
        ];
        for (error, text) in table {
            assert_eq!((text, shows(&error, text)), (text, true));
        }

        assert!(shows(
            &ImageError::Magic(0x0600_6f66_6e69_756d),
            "an unsupported version (magic 0x06006f666e69756d); versions 3, 4 and 5 are supported"
        ));
        assert!(shows(&ImageError::Magic(0), "magic 0x0000000000000000"));
        assert!(shows(&ImageError::Size(7), "7 bytes instead of 32720"));
    }

    #[test]
    #[cfg(CONFIG_RUST)]
    fn errno() {
        use kernel::error::{
            code::*,
            Error, //
        };

        assert_eq!(Error::from(ImageError::Size(0)), ENODEV);
        assert_eq!(Error::from(ImageError::Magic(0)), ENODEV);
        let table = [
            (ResourceError::NotFound, ENXIO),
            (ResourceError::NotAChannel { kind: 0 }, EPERM),
            (ResourceError::Writability(Access::Read), EPERM),
            (ResourceError::Differs { one: 0, other: 1 }, EPERM),
            (ResourceError::Overlap(Conflict::Image), EPERM),
            (ResourceError::Empty, EFAULT),
            (
                ResourceError::Unaligned {
                    address: 1,
                    size: 1,
                },
                EFAULT,
            ),
            (
                ResourceError::Wraps {
                    address: 1,
                    size: 1,
                },
                EFAULT,
            ),
        ];
        for (error, errno) in table {
            assert_eq!((error, Error::from(error)), (error, errno));
        }
    }
}
