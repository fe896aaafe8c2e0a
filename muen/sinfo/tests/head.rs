// SPDX-License-Identifier: GPL-2.0

//! Tests of the parser: the magic, the number of resources, names and kinds.

#[cfg_attr(CONFIG_KUNIT = "y", kernel::macros::kunit_tests(muennet_sinfo_head))]
mod cases {
    use super::super::super::*;
    use super::super::shows::shows;
    use super::super::*;

    #[test]
    fn real_images() {
        let sinfo = Sinfo::parse(SUBJECT).unwrap();
        assert_eq!(sinfo.event(b"Evt1"), Some(12));
        assert_eq!(sinfo.vector(b"Vec1"), Some(13));
        assert_eq!(sinfo.event(b"Vec1"), None);
        assert_eq!(sinfo.vector(b"Evt1"), None);
        assert_eq!(sinfo.event(b"Evt"), None);
        assert_eq!(sinfo.event(b"Evt11"), None);
        assert_eq!(sinfo.event(b"evt1"), None);
        assert_eq!(sinfo.memory(b"Evt1"), Ok(None));
        assert_eq!(sinfo.memories().count(), 0);

        let null = Sinfo::parse(NULL).unwrap();
        assert_eq!(null.event(b""), None);
        assert_eq!(null.vector(b""), None);
        assert_eq!(null.memory(b""), Ok(None));
        assert_eq!(null.memories().count(), 0);
    }

    #[test]
    fn heads() {
        // (magic, version or the number that the error contains)
        let table: [(&[u8; 8], Result<Version, u64>); 13] = [
            (b"muinfo\0\x03", Ok(Version::V3)),
            (b"muinfo\0\x04", Ok(Version::V4)),
            (b"muinfo\0\x05", Ok(Version::V5)),
            (b"muinfo\0\x00", Err(0x0000_6f66_6e69_756d)),
            (b"muinfo\0\x02", Err(0x0200_6f66_6e69_756d)),
            (b"muinfo\0\x06", Err(0x0600_6f66_6e69_756d)),
            (b"muinfo\0\x83", Err(0x8300_6f66_6e69_756d)),
            (b"muinfo\x01\x03", Err(0x0301_6f66_6e69_756d)),
            (b"muinfO\0\x03", Err(0x0300_4f66_6e69_756d)),
            (b"Muinfo\0\x03", Err(0x0300_6f66_6e69_754d)),
            (b"\x03\0ofnium", Err(0x6d75_696e_666f_0003)),
            (&[0; 8], Err(0)),
            (&[0xff; 8], Err(u64::MAX)),
        ];
        for (magic, expected) in table {
            let image = image(&[(0, magic)]);
            let error = Sinfo::parse(&image).err();
            assert_eq!(
                (magic, error),
                (magic, expected.err().map(ImageError::Magic))
            );
            assert_eq!(Version::from_magic(*magic), expected.ok());
            assert_eq!(
                (magic, Version::is_unknown(*magic)),
                (magic, magic.starts_with(b"muinfo\0") && expected.is_err())
            );
        }

        for size in [0, 7, 8, 79, 80, IMAGE_SIZE - 1] {
            let error = Sinfo::parse(&SUBJECT[..size]).err();
            assert_eq!(error, Some(ImageError::Size(size)));
        }
        assert!(Sinfo::parse(&copy(&[SUBJECT])).is_ok());
        assert_eq!(
            Sinfo::parse(&copy(&[SUBJECT, &[0]])).err(),
            Some(ImageError::Size(IMAGE_SIZE + 1))
        );
    }

    #[test]
    fn counts() {
        const EVENT: u32 = 2;

        let all = [
            (0, "first"),
            (1, "second"),
            (253, "last but one"),
            (254, "last"),
        ];
        // (count, how many of these are found)
        let table = [
            (0u16, 0),
            (1, 1),
            (2, 2),
            (253, 2),
            (254, 3),
            (255, 4),
            (256, 4),
            (u16::MAX, 4),
        ];
        // (version, offset of its count, offset of a byte that is not part of the count)
        for (version, at, other) in [(3, 77, 79), (4, 77, 79), (5, 78, 77)] {
            for (count, seen) in table {
                let mut image = image(&[
                    (7, &[version]),
                    (other, &[0xff]),
                    (at, &count.to_le_bytes()),
                ]);
                for (index, name) in all {
                    image = resource(image, index, EVENT, name);
                    image[entry(index) + 72] = index as u8;
                }
                let sinfo = Sinfo::parse(&image).unwrap();
                for (position, (index, name)) in all.into_iter().enumerate() {
                    let number = (position < seen).then_some(index as u8);
                    assert_eq!(
                        (version, count, sinfo.event(name.as_bytes())),
                        (version, count, number)
                    );
                }
            }
        }
    }

    #[test]
    fn names() {
        let letters = [b'x'; 64];
        // (length byte, length that it encodes)
        let table = [
            (0x00, 0),
            (0x01, 1),
            (0x3e, 62),
            (0x3f, 63),
            (0x40, 0),
            (0x7f, 63),
            (0x81, 1),
            (0xc0, 0),
            (0xff, 63),
        ];
        for (byte, length) in table {
            let image = image(&[
                (77, &[1]),
                (entry(0), &[3]),
                (entry(0) + 4, &[byte]),
                (entry(0) + 5, &letters[..63]),
                (entry(0) + 72, &[0x55]),
            ]);
            let sinfo = Sinfo::parse(&image).unwrap();
            for asked in 0..=letters.len() {
                let number = (asked == length).then_some(0x55);
                assert_eq!(
                    (byte, asked, sinfo.vector(&letters[..asked])),
                    (byte, asked, number)
                );
            }
        }

        // A name may contain any bytes. None of them breaks a log line.
        let image = change(
            with_memory(&[channel("", RO, 0x1000, 0x1000)]),
            &[(entry(0) + 4, b"\x07a\0|\n\xe9'\\")],
        );
        let sinfo = Sinfo::parse(&image).unwrap();
        let memory = sinfo.memory(b"a\0|\n\xe9'\\").unwrap().unwrap();
        assert!(shows(&memory.name, r"a\x00|\n\xe9\'\\"));
    }

    #[test]
    fn kinds() {
        // (kind, whether it is found as memory, event, vector)
        let table = [
            (0, (false, false, false)),
            (1, (true, false, false)),
            (2, (false, true, false)),
            (3, (false, false, true)),
            (4, (false, false, false)),
            (5, (false, false, false)),
            (6, (false, false, false)),
            (7, (false, false, false)),
            (0x101, (false, false, false)),
            (0x0100_0002, (false, false, false)),
            (u32::MAX, (false, false, false)),
        ];
        for (kind, expected) in table {
            let image = resource(image(&[(77, &[1])]), 0, kind, "x");
            let sinfo = Sinfo::parse(&image).unwrap();
            let found = (
                sinfo.memories().any(|memory| memory.name.is(b"x")),
                sinfo.event(b"x").is_some(),
                sinfo.vector(b"x").is_some(),
            );
            assert_eq!((kind, found), (kind, expected));
        }

        // Three resources have the same name, with others between them. The first one of a kind is
        // found.
        let mut image = with_memory(&[channel("x", RW, 0x1000, 0x1000)]);
        image[77] = 9;
        for (index, kind) in [(2, 2), (4, 3), (5, 4), (6, 2), (7, 3), (8, 1)] {
            image = resource(image, index, kind, "x");
            image[entry(index) + 72] = index as u8;
        }
        let sinfo = Sinfo::parse(&image).unwrap();
        assert_eq!(sinfo.event(b"x"), Some(2));
        assert_eq!(sinfo.vector(b"x"), Some(4));
        let memory = sinfo.memory(b"x").unwrap().unwrap();
        assert_eq!((memory.index, memory.address), (0, 0x1000));
        assert_eq!(sinfo.memories().count(), 2);
    }
}
