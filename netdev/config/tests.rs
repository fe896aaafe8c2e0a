// SPDX-License-Identifier: GPL-2.0

//! Tables for the module parameters.

#[cfg_attr(CONFIG_KUNIT = "y", kernel::macros::kunit_tests(muennet_config))]
mod cases {
    use super::super::*;
    use crate::muen::sinfo::shows::shows;
    use crate::netdev::mode::Mode;
    use core::num::NonZeroU64;

    /// A list as it stands on a command line; `None` if it does not.
    #[derive(Clone, Copy)]
    struct Commas(Option<&'static str>);

    impl List for Commas {
        fn count(&self) -> usize {
            self.0.map_or(0, |list| list.split(',').count())
        }

        fn get(&self, index: usize) -> Option<&[u8]> {
            self.0?.split(',').nth(index).map(str::as_bytes)
        }
    }

    /// The parameters of a row: "parameter=list" with a space between them.
    struct Parameters([Commas; 8]);

    impl Parameters {
        fn new(line: &'static str) -> Self {
            let names = [
                "name",
                "in",
                "out",
                "reader_protocol",
                "writer_protocol",
                "flags",
                "mtu",
                "pmtu",
            ];
            Self(names.map(|name| {
                Commas(
                    line.split(' ')
                        .find_map(|word| word.strip_prefix(name)?.strip_prefix('=')),
                )
            }))
        }

        fn lists(&self) -> Lists<'_> {
            let [name, in_channel, out_channel, reader_protocol, writer_protocol, flags, mtu, pmtu] =
                &self.0;
            Lists {
                name,
                in_channel,
                out_channel,
                reader_protocol,
                writer_protocol,
                flags,
                mtu,
                pmtu,
            }
        }
    }

    fn channel(name: &str, protocol: u64) -> Option<Channel<'_>> {
        Some(Channel {
            name: Text::new(name.as_bytes()),
            protocol: NonZeroU64::new(protocol)?,
        })
    }

    #[test]
    fn interfaces() {
        let config =
            |name: &'static str, in_channel, out_channel, mode, mtu, pmtu: Option<&'static str>| {
                InterfaceConfig {
                    name: Text::new(name.as_bytes()),
                    in_channel,
                    out_channel,
                    mode,
                    mtu,
                    pmtu: pmtu.map(|pmtu| Text::new(pmtu.as_bytes())),
                }
            };
        // (parameters, number of interfaces, index of one of them, its configuration)
        let table = [
            (
                "name=net0 in=a out=b reader_protocol=1 writer_protocol=2",
                1,
                0,
                config("net0", channel("a", 1), channel("b", 2), Mode::Raw, 1_500, None),
            ),
            (
                "name=net0 in=a reader_protocol=0xFF flags=net_hdr mtu=1400 pmtu=p",
                1,
                0,
                config("net0", channel("a", 0xff), None, Mode::Ip, 1_400, Some("p")),
            ),
            // Empty entries are defaults; entries at the end may be missing.
            (
                "name=a,b,c in=,i out=o,,o2 reader_protocol=,2 writer_protocol=1,,3 flags=,net_hdr mtu=,,9000 pmtu=,q",
                3,
                0,
                config("a", None, channel("o", 1), Mode::Raw, 1_500, None),
            ),
            (
                "name=a,b,c in=,i out=o,,o2 reader_protocol=,2 writer_protocol=1,,3 flags=,net_hdr mtu=,,9000 pmtu=,q",
                3,
                1,
                config("b", channel("i", 2), None, Mode::Ip, 1_500, Some("q")),
            ),
            (
                "name=a,b,c in=,i out=o,,o2 reader_protocol=,2 writer_protocol=1,,3 flags=,net_hdr mtu=,,9000 pmtu=,q",
                3,
                2,
                config("c", None, channel("o2", 3), Mode::Raw, 9_000, None),
            ),
            // A protocol that is not needed may be zero.
            (
                "name=net0 in=a reader_protocol=1 writer_protocol=0",
                1,
                0,
                config("net0", channel("a", 1), None, Mode::Raw, 1_500, None),
            ),
            // Parameters without a value say nothing.
            (
                "name=net0 in= out=b writer_protocol=2 flags= mtu= pmtu=",
                1,
                0,
                config("net0", None, channel("b", 2), Mode::Raw, 1_500, None),
            ),
            // What a unikernel's names and protocol look like.
            (
                "name=tap in=service|out out=service|in reader_protocol=0x7ade5c549b08e814 writer_protocol=7ADE5C549B08E814 flags=eth_dev",
                1,
                0,
                config(
                    "tap",
                    channel("service|out", 0x7ade_5c54_9b08_e814),
                    channel("service|in", 0x7ade_5c54_9b08_e814),
                    Mode::Ethernet,
                    1_500,
                    None,
                ),
            ),
        ];
        for (line, count, index, expected) in table {
            let parameters = Parameters::new(line);
            let lists = parameters.lists();
            assert_eq!((line, lists.len()), (line, count));
            assert_eq!((line, lists.interface(index)), (line, Ok(expected)));
        }
    }

    #[test]
    fn no_interfaces() {
        for line in ["", "name=", "name= in= mtu="] {
            let parameters = Parameters::new(line);
            assert!(parameters.lists().is_empty());
            assert_eq!((line, parameters.lists().check()), (line, Ok(())));
        }
    }

    /// What [`Lists::check`] accepts: the values at their limits.
    #[test]
    fn accepted() {
        let table = [
            // Names.
            "name=a in=a reader_protocol=1 flags=net_hdr",
            "name=abcdefghijklmno in=a reader_protocol=1 flags=net_hdr",
            "name=net%d,net%d in=a,b reader_protocol=1,1 flags=net_hdr,net_hdr",
            "name=%d in=a reader_protocol=1 flags=net_hdr",
            "name=...,.a,a.b in=a,b,c reader_protocol=1,1,1 flags=net_hdr,net_hdr,net_hdr",
            "name=\u{e9}t\u{e9} in=a reader_protocol=1 flags=net_hdr",
            // Two readers of one channel; one channel in both directions is for others to refuse.
            "name=a,b in=x,x reader_protocol=1,1 flags=net_hdr,net_hdr",
            "name=a in=x out=x reader_protocol=1 writer_protocol=1 flags=net_hdr",
            // Protocols.
            "name=a in=x reader_protocol=ffffffffffffffff flags=net_hdr",
            "name=a in=x reader_protocol=0XFFFFFFFFFFFFFFFF flags=net_hdr",
            "name=a in=x reader_protocol=0x00000000000000000000001 flags=net_hdr",
            // MTUs.
            "name=a in=x reader_protocol=1 flags=net_hdr mtu=68",
            "name=a in=x reader_protocol=1 flags=net_hdr mtu=65535",
            "name=a in=x reader_protocol=1 flags=net_hdr mtu=01500",
            // The same flag twice.
            "name=a in=x reader_protocol=1 flags=net_hdr+net_hdr",
        ];
        for line in table {
            let parameters = Parameters::new(line);
            assert_eq!((line, parameters.lists().check()), (line, Ok(())));
        }
    }

    /// What [`Lists::check`] refuses, and the line that it has for it.
    #[test]
    fn refused() {
        let table = [
            // Lists of different lengths.
            ("in=a", "parameter in: 1 entries for 0 names, 'a' belongs to no interface"),
            ("name=a out=x,y,z", "parameter out: 3 entries for 1 names, 'y' belongs to no interface"),
            ("name=a out=x,", "parameter out: 2 entries for 1 names, '' belongs to no interface"),
            ("name=a reader_protocol=1,2", "parameter reader_protocol: 2 entries for 1 names, '2' belongs to no interface"),
            ("name=a writer_protocol=1,2", "parameter writer_protocol: 2 entries for 1 names, '2' belongs to no interface"),
            ("name=a flags=,net_hdr", "parameter flags: 2 entries for 1 names, 'net_hdr' belongs to no interface"),
            ("name=a mtu=1,2", "parameter mtu: 2 entries for 1 names, '2' belongs to no interface"),
            ("name=a pmtu=1,2", "parameter pmtu: 2 entries for 1 names, '2' belongs to no interface"),
            // Names.
            ("name=abcdefghijklmnop in=x", "interface number 0: name 'abcdefghijklmnop' is longer than 15 characters"),
            (
                "name=0123456789012345678901234567890123456789012345678901234567890123 in=x",
                "interface number 0: name '0123456789012345678901234567890123456789012345678901234567890123' is longer than 15 characters",
            ),
            (
                "name=01234567890123456789012345678901234567890123456789012345678901234 in=x",
                "interface number 0: name '0123456789012345678901234567890123456789012345678901234567890123...' is longer than 15 characters",
            ),
            ("name=a, in=x,x reader_protocol=1,1", "interface number 1: name is empty"),
            ("name=. in=x", "interface number 0: name '.' is not a valid interface name"),
            ("name=.. in=x", "interface number 0: name '..' is not a valid interface name"),
            ("name=a/b in=x", "interface number 0: name 'a/b' is not a valid interface name"),
            ("name=a:1 in=x", "interface number 0: name 'a:1' is not a valid interface name"),
            ("name=a\tb in=x", "interface number 0: name 'a\\tb' is not a valid interface name"),
            ("name=a\nb in=x", "interface number 0: name 'a\\nb' is not a valid interface name"),
            ("name=a\u{b}b in=x", "interface number 0: name 'a\\x0bb' is not a valid interface name"),
            // 0xa0 is a space in the kernel's table.
            ("name=\u{e0} in=x", "interface number 0: name '\\xc3\\xa0' is not a valid interface name"),
            ("name=net% in=x", "interface number 0: name 'net%' is not a valid interface name"),
            ("name=net%i in=x", "interface number 0: name 'net%i' is not a valid interface name"),
            ("name=net%% in=x", "interface number 0: name 'net%%' is not a valid interface name"),
            ("name=%d%d in=x", "interface number 0: name '%d%d' is not a valid interface name"),
            ("name=net%5d in=x", "interface number 0: name 'net%5d' is not a valid interface name"),
            ("name=a,a in=x,y reader_protocol=1,1", "interface 'a': name is used twice"),
            // Channels.
            ("name=a", "interface 'a': neither in nor out is given"),
            ("name=a,b in=x reader_protocol=1", "interface 'b': neither in nor out is given"),
            ("name=a in= out= reader_protocol=1 writer_protocol=1", "interface 'a': neither in nor out is given"),
            (
                "name=a,b out=x,x writer_protocol=1,2",
                "interface 'b': out channel 'x' is that of interface 'a' already",
            ),
            // Protocols.
            ("name=a in=x", "interface 'a': reader_protocol is missing for channel 'x'"),
            ("name=a in=x writer_protocol=1", "interface 'a': reader_protocol is missing for channel 'x'"),
            ("name=a out=x reader_protocol=1", "interface 'a': writer_protocol is missing for channel 'x'"),
            ("name=a,b out=x,y writer_protocol=1", "interface 'b': writer_protocol is missing for channel 'y'"),
            ("name=a in=x reader_protocol=0", "interface 'a': reader_protocol '0' is not a non-zero hexadecimal number of up to 64 bits"),
            ("name=a in=x reader_protocol=0x0", "interface 'a': reader_protocol '0x0' is not a non-zero hexadecimal number of up to 64 bits"),
            ("name=a in=x reader_protocol=0x", "interface 'a': reader_protocol '0x' is not a non-zero hexadecimal number of up to 64 bits"),
            ("name=a in=x reader_protocol=x1", "interface 'a': reader_protocol 'x1' is not a non-zero hexadecimal number of up to 64 bits"),
            ("name=a in=x reader_protocol=0x0x1", "interface 'a': reader_protocol '0x0x1' is not a non-zero hexadecimal number of up to 64 bits"),
            ("name=a in=x reader_protocol=+1", "interface 'a': reader_protocol '+1' is not a non-zero hexadecimal number of up to 64 bits"),
            ("name=a in=x reader_protocol=-1", "interface 'a': reader_protocol '-1' is not a non-zero hexadecimal number of up to 64 bits"),
            ("name=a in=x reader_protocol=g", "interface 'a': reader_protocol 'g' is not a non-zero hexadecimal number of up to 64 bits"),
            ("name=a in=x reader_protocol=1\n", "interface 'a': reader_protocol '1\\n' is not a non-zero hexadecimal number of up to 64 bits"),
            (
                "name=a out=x writer_protocol=10000000000000000",
                "interface 'a': writer_protocol '10000000000000000' is not a non-zero hexadecimal number of up to 64 bits",
            ),
            // Also when nobody needs it.
            ("name=a in=x reader_protocol=1 writer_protocol=no", "interface 'a': writer_protocol 'no' is not a non-zero hexadecimal number of up to 64 bits"),
            // Flags.
            ("name=a in=x reader_protocol=1 flags=raw", "interface 'a': flag 'raw' is unknown"),
            ("name=a in=x reader_protocol=1 flags=net_hdrs", "interface 'a': flag 'net_hdrs' is unknown"),
            ("name=a in=x reader_protocol=1 flags=NET_HDR", "interface 'a': flag 'NET_HDR' is unknown"),
            ("name=a in=x reader_protocol=1 flags=net_hdr+", "interface 'a': flag '' is unknown"),
            ("name=a in=x reader_protocol=1 flags=net_hdr+foo", "interface 'a': flag 'foo' is unknown"),
            ("name=a in=x reader_protocol=1 flags=net_hdr+eth_dev", "interface 'a': flags 'net_hdr+eth_dev' exclude each other"),
            ("name=a in=x reader_protocol=1 flags=eth_dev+net_hdr", "interface 'a': flags 'eth_dev+net_hdr' exclude each other"),
            // MTUs: no numbers, and the ranges of the three modes.
            ("name=a in=x reader_protocol=1 mtu=abc", "interface 'a': mtu 'abc' is not a decimal number"),
            ("name=a in=x reader_protocol=1 mtu=0x5dc", "interface 'a': mtu '0x5dc' is not a decimal number"),
            ("name=a in=x reader_protocol=1 mtu=-1", "interface 'a': mtu '-1' is not a decimal number"),
            ("name=a in=x reader_protocol=1 mtu=+1500", "interface 'a': mtu '+1500' is not a decimal number"),
            ("name=a in=x reader_protocol=1 mtu=1500k", "interface 'a': mtu '1500k' is not a decimal number"),
            ("name=a in=x reader_protocol=1 mtu=99999999999999999999k", "interface 'a': mtu '99999999999999999999k' is not a decimal number"),
            ("name=a in=x reader_protocol=1 mtu=0", "interface 'a': mtu '0' is not in the range of 1 to 65535"),
            ("name=a in=x reader_protocol=1 mtu=65536", "interface 'a': mtu '65536' is not in the range of 1 to 65535"),
            ("name=a in=x reader_protocol=1 mtu=4294967297", "interface 'a': mtu '4294967297' is not in the range of 1 to 65535"),
            ("name=a in=x reader_protocol=1 mtu=18446744073709551617", "interface 'a': mtu '18446744073709551617' is not in the range of 1 to 65535"),
            ("name=a in=x reader_protocol=1 flags=net_hdr mtu=67", "interface 'a': mtu '67' is not in the range of 68 to 65535"),
            ("name=a in=x reader_protocol=1 flags=net_hdr mtu=65536", "interface 'a': mtu '65536' is not in the range of 68 to 65535"),
            ("name=a in=x reader_protocol=1 flags=eth_dev mtu=67", "interface 'a': mtu '67' is not in the range of 68 to 65521"),
            ("name=a in=x reader_protocol=1 flags=eth_dev mtu=65522", "interface 'a': mtu '65522' is not in the range of 68 to 65521"),
            // What the driver cannot do, at the limits of what it would take otherwise.
            ("name=a in=x reader_protocol=1 mtu=1", "interface 'a': raw mode (no flags) is not supported yet"),
            ("name=a in=x reader_protocol=1 mtu=65535", "interface 'a': raw mode (no flags) is not supported yet"),
            ("name=a in=x reader_protocol=1 flags=eth_dev mtu=68", "interface 'a': flag eth_dev is not supported yet"),
            ("name=a in=x reader_protocol=1 flags=eth_dev mtu=65521", "interface 'a': flag eth_dev is not supported yet"),
            ("name=a in=x reader_protocol=1 flags=net_hdr pmtu=p", "interface 'a': pmtu is not supported yet"),
            // ... which comes last, whatever else is wrong and wherever.
            ("name=a,b in=x,y reader_protocol=1,1 mtu=,0", "interface 'b': mtu '0' is not in the range of 1 to 65535"),
            ("name=a,b in=x,y reader_protocol=1,1 flags=net_hdr", "interface 'b': raw mode (no flags) is not supported yet"),
        ];
        for (line, expected) in table {
            let parameters = Parameters::new(line);
            let error = parameters.lists().check().err();
            assert_eq!(
                (line, error, error.map(|error| shows(&error, expected))),
                (line, error, Some(true))
            );
        }
    }

    #[test]
    #[cfg(CONFIG_RUST)]
    fn errno() {
        use kernel::error::{
            code::*,
            Error, //
        };

        let table = [
            ("in=a", EINVAL),
            ("name=abcdefghijklmnop in=x", EINVAL),
            ("name=a", EINVAL),
            ("name=a in=x", EINVAL),
            ("name=a in=x reader_protocol=0", EINVAL),
            ("name=a in=x reader_protocol=1 flags=raw", EINVAL),
            (
                "name=a in=x reader_protocol=1 flags=net_hdr+eth_dev",
                EINVAL,
            ),
            ("name=a in=x reader_protocol=1 mtu=x", EINVAL),
            ("name=a in=x reader_protocol=1 mtu=0", EINVAL),
            ("name=a,a in=x,y reader_protocol=1,1", EEXIST),
            ("name=a,b out=x,x writer_protocol=1,1", EINVAL),
            ("name=a in=x reader_protocol=1 flags=eth_dev", EOPNOTSUPP),
        ];
        for (line, errno) in table {
            let parameters = Parameters::new(line);
            let error = parameters.lists().check().err().map(Error::from);
            assert_eq!((line, error), (line, Some(errno)));
        }
        assert_eq!(Poll::parse(Some(b"x")).err().map(Error::from), Some(EINVAL));
        assert_eq!(
            Poll::parse(Some(b"1000001")).err().map(Error::from),
            Some(EINVAL)
        );
        assert_eq!(parse_sinfo(Some(b"x")).err().map(Error::from), Some(EINVAL));
    }
}
