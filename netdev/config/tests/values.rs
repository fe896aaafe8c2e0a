// SPDX-License-Identifier: GPL-2.0

//! The values of one interface.

#[cfg_attr(CONFIG_KUNIT = "y", kernel::macros::kunit_tests(muennet_config_values))]
mod cases {
    use super::super::*;
    use crate::netdev::mode::Mode;

    #[test]
    fn names() {
        for name in [
            "a",
            "abcdefghijklmno",
            "net%d",
            "%d",
            "abcdefghijklm%d",
            "...",
            ".a",
            "a.b",
            "a|b",
            "\u{e9}t\u{e9}",
        ] {
            let parameters = Parameters::good_but("name", name);
            assert_eq!((name, parameters.check()), (name, Ok(())));
        }

        let refused = |name, problem| {
            let parameters = Parameters::good_but("name", name);
            let place = Place::Name(0);
            assert_eq!(parameters.check(), Err(ConfigError { place, problem }));
        };
        for name in ["abcdefghijklmnop", "abcdefghijklmn%d"] {
            refused(name, Problem::NameTooLong(text(name)));
        }
        for name in [
            ".", "..", "a/b", "a:1", "a b", "a\tb", "a\n", "a\u{b}", "\r", "a\0b",
            // Its second byte, 0xa0, is a space in the kernel's table.
            "\u{e0}", "net%", "net%i", "net%5d", "%d%d", "%%d",
        ] {
            refused(name, Problem::NameInvalid(text(name)));
        }

        for name in ["all", "default"] {
            refused(name, Problem::NameReserved(text(name)));
        }

        // Nobody asks for the interface of an empty name; there is none.
        let parameters = Parameters::new("name=a, in=x,y reader_protocol=1,1");
        let expected = ConfigError {
            place: Place::Name(1),
            problem: Problem::NameMissing,
        };
        assert_eq!(parameters.lists().interface(1), Err(expected));
    }

    #[test]
    fn protocols() {
        for (value, protocol) in [
            ("1", 1),
            ("ffffffffffffffff", u64::MAX),
            ("0XFFFFFFFFFFFFFFFF", u64::MAX),
            ("0x0000000000000000000a", 10),
            ("7Ade5c549B08e814", 0x7ade_5c54_9b08_e814),
        ] {
            let parameters = Parameters::good_but("reader_protocol", value);
            let channel = parameters
                .lists()
                .interface(0)
                .map(|interface| interface.in_channel);
            let expected = Ok(self::channel("x", protocol));
            assert_eq!((value, channel), (value, expected));
        }

        for value in [
            "0",
            "0x0",
            "0000",
            "0x",
            "x1",
            "0x0x1",
            "+1",
            "-1",
            "g",
            "1 ",
            "1\n",
            "1_0",
            "10000000000000000",
            "0x10000000000000000",
            "ffffffffffffffffffffffffffffffffffffffff",
        ] {
            let invalid = |parameter| Problem::ProtocolInvalid {
                parameter,
                value: text(value),
            };
            let parameters = Parameters::good_but("reader_protocol", value);
            let expected = wrong("a", invalid("reader_protocol"));
            assert_eq!((value, parameters.check()), (value, expected));

            // Where nobody needs it, only zero will do.
            let parameters = Parameters::good_but("writer_protocol", value);
            let expected = match value.trim_start_matches(['0', 'x']) {
                "" if value != "0x" => Ok(()),
                _ => wrong("a", invalid("writer_protocol")),
            };
            assert_eq!((value, parameters.check()), (value, expected));
        }
    }

    #[test]
    fn addresses() {
        let invalid = |value| Err(Problem::MacInvalid(text(value)));
        let table = [
            ("", Ok(None)),
            ("02:00:00:00:00:01", Ok(Some([2, 0, 0, 0, 0, 1]))),
            (
                "fE:dC:Ba:98:76:54",
                Ok(Some([0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54])),
            ),
            ("00:00:00:00:00:01", Ok(Some([0, 0, 0, 0, 0, 1]))),
            ("00:00:00:00:00:00", invalid("00:00:00:00:00:00")),
            ("01:00:5e:00:00:01", invalid("01:00:5e:00:00:01")),
            ("ff:ff:ff:ff:ff:ff", invalid("ff:ff:ff:ff:ff:ff")),
            ("02:00:00:00:00", invalid("02:00:00:00:00")),
            ("02:00:00:00:00:01:", invalid("02:00:00:00:00:01:")),
            ("02:00:00:00:00:01:02", invalid("02:00:00:00:00:01:02")),
            ("2:0:0:0:0:1", invalid("2:0:0:0:0:1")),
            ("02-00-00-00-00-01", invalid("02-00-00-00-00-01")),
            ("02:00:00:00:00:+1", invalid("02:00:00:00:00:+1")),
            ("02:00:00:00:00:0x", invalid("02:00:00:00:00:0x")),
            ("02:00:00:00:00:0g", invalid("02:00:00:00:00:0g")),
            ("020000000001", invalid("020000000001")),
            (":", invalid(":")),
        ];
        for (value, expected) in table {
            let parameters = Parameters::good_but("flags", "eth_dev").with("mac", value);
            let address = parameters
                .lists()
                .interface(0)
                .map(|interface| interface.mac);
            let expected = expected.map_err(|problem| ConfigError {
                place: Place::Interface(text("a")),
                problem,
            });
            assert_eq!((value, address), (value, expected));
        }
        for flags in ["", "net_hdr", "net_hdr+offload"] {
            let address = "02:00:00:00:00:01";
            let parameters = Parameters::good_but("flags", flags).with("mac", address);
            let expected = wrong("a", Problem::MacWithoutEthernet(text(address)));
            assert_eq!((flags, parameters.check()), (flags, expected));
        }
    }

    #[test]
    fn flags() {
        let unknown = |flag| Err(Problem::FlagUnknown(text(flag)));
        let without_ip = |flags| Err(Problem::OffloadWithoutIp(text(flags)));
        let without_ethernet = |flags| Err(Problem::VlanWithoutEthernet(text(flags)));
        let exclusive = |flags| Err(Problem::FlagsExclusive(text(flags)));
        let table = [
            ("", Ok(Mode::Raw)),
            ("net_hdr", Ok(Mode::Ip)),
            ("eth_dev", Ok(Mode::Ethernet)),
            ("net_hdr+net_hdr", Ok(Mode::Ip)),
            ("net_hdr+offload", Ok(Mode::Large)),
            ("offload+net_hdr", Ok(Mode::Large)),
            ("offload", without_ip("offload")),
            ("eth_dev+offload", without_ip("eth_dev+offload")),
            ("eth_dev+vlan", Ok(Mode::Vlan)),
            ("vlan+eth_dev+vlan", Ok(Mode::Vlan)),
            ("vlan", without_ethernet("vlan")),
            ("net_hdr+vlan", without_ethernet("net_hdr+vlan")),
            (
                "net_hdr+offload+vlan",
                without_ethernet("net_hdr+offload+vlan"),
            ),
            ("eth_dev+offload+vlan", without_ip("eth_dev+offload+vlan")),
            ("offload+vlan", without_ip("offload+vlan")),
            ("eth_dev+vlans", unknown("vlans")),
            ("net_hdr+offloads", unknown("offloads")),
            ("raw", unknown("raw")),
            ("net_hdrs", unknown("net_hdrs")),
            ("net_hd", unknown("net_hd")),
            ("NET_HDR", unknown("NET_HDR")),
            ("+", unknown("")),
            ("net_hdr+", unknown("")),
            ("+eth_dev", unknown("")),
            ("net_hdr+foo", unknown("foo")),
            ("net_hdr|eth_dev", unknown("net_hdr|eth_dev")),
            ("net_hdr+eth_dev", exclusive("net_hdr+eth_dev")),
            ("eth_dev+net_hdr", exclusive("eth_dev+net_hdr")),
        ];
        for (flags, expected) in table {
            let parameters = Parameters::good_but("flags", flags);
            let mode = parameters
                .lists()
                .interface(0)
                .map(|interface| interface.mode);
            let expected = expected.map_err(|problem| ConfigError {
                place: Place::Interface(text("a")),
                problem,
            });
            assert_eq!((flags, mode), (flags, expected));
        }
    }

    #[test]
    fn mtus() {
        // (flags, smallest, one less, largest, one more)
        let ranges = [
            ("", ("1", 1), "0", ("65535", 65_535), "65536"),
            ("net_hdr", ("68", 68), "67", ("65535", 65_535), "65536"),
            ("eth_dev", ("68", 68), "67", ("65521", 65_521), "65522"),
        ];
        for (flags, smallest, below, largest, above) in ranges {
            let parse = |mtu| {
                let mut parameters = Parameters::good_but("flags", flags);
                parameters.0[6] = Commas(Some(mtu));
                let interface = parameters.lists().interface(0);
                interface
                    .map(|interface| interface.mtu)
                    .map_err(|error| match error.problem {
                        Problem::MtuInvalid(_) => "no number",
                        Problem::MtuOutOfRange { .. } => "out of range",
                        _ => "something else",
                    })
            };
            for (value, mtu) in [
                smallest,
                largest,
                ("", 1_500),
                ("1500", 1_500),
                ("01400", 1_400),
            ] {
                assert_eq!((flags, value, parse(value)), (flags, value, Ok(mtu)));
            }
            // 2^32 + 1500, 2^64 + 1500, and what is no number even if it is a long one.
            for value in [below, above, "4294968796", "18446744073709553116"] {
                assert_eq!(
                    (flags, value, parse(value)),
                    (flags, value, Err("out of range"))
                );
            }
            for value in [
                "abc",
                "0x5dc",
                "-1",
                "+1500",
                "1500k",
                "1 500",
                "99999999999999999999k",
            ] {
                assert_eq!(
                    (flags, value, parse(value)),
                    (flags, value, Err("no number"))
                );
            }
        }
    }
}
