// SPDX-License-Identifier: GPL-2.0

//! The lists together.

#[cfg_attr(CONFIG_KUNIT = "y", kernel::macros::kunit_tests(muennet_config_lists))]
mod cases {
    use super::super::*;
    use crate::netdev::mode::Mode;

    #[test]
    fn interfaces() {
        const RAW: InterfaceConfig<'_> = InterfaceConfig {
            name: Text::new(b"net0"),
            in_channel: None,
            out_channel: None,
            mode: Mode::Raw,
            mtu: 1_500,
            pmtu: None,
            mac: None,
        };
        const SPARSE: &str = "name=a,b,c in=,i out=o,,o2 reader_protocol=,2 \
                              writer_protocol=1,,3 flags=,net_hdr mtu=,,9000 pmtu=,q";

        // (parameters, number of interfaces, index of one of them, its configuration)
        let table = [
            (
                "name=net0 in=a out=b reader_protocol=1 writer_protocol=2",
                1,
                0,
                InterfaceConfig {
                    in_channel: channel("a", 1),
                    out_channel: channel("b", 2),
                    ..RAW
                },
            ),
            (
                "name=net0 in=a reader_protocol=0xFF flags=net_hdr mtu=1400 pmtu=p",
                1,
                0,
                InterfaceConfig {
                    in_channel: channel("a", 0xff),
                    mode: Mode::Ip,
                    mtu: 1_400,
                    pmtu: Some(text("p")),
                    ..RAW
                },
            ),
            // Empty entries are defaults; entries at the end may be missing.
            (
                SPARSE,
                3,
                0,
                InterfaceConfig {
                    name: text("a"),
                    out_channel: channel("o", 1),
                    ..RAW
                },
            ),
            (
                SPARSE,
                3,
                1,
                InterfaceConfig {
                    name: text("b"),
                    in_channel: channel("i", 2),
                    mode: Mode::Ip,
                    pmtu: Some(text("q")),
                    ..RAW
                },
            ),
            (
                SPARSE,
                3,
                2,
                InterfaceConfig {
                    name: text("c"),
                    out_channel: channel("o2", 3),
                    mtu: 9_000,
                    ..RAW
                },
            ),
            // A protocol that is not needed may be zero.
            (
                "name=net0 in=a reader_protocol=1 writer_protocol=0",
                1,
                0,
                InterfaceConfig {
                    in_channel: channel("a", 1),
                    ..RAW
                },
            ),
            // Parameters without a value say nothing.
            (
                "name=net0 in= out=b writer_protocol=2 flags= mtu= pmtu=",
                1,
                0,
                InterfaceConfig {
                    out_channel: channel("b", 2),
                    ..RAW
                },
            ),
            // Empty names are skipped with their entries, also at the end, and so are entries that
            // are empty.
            (
                "name=a,,c, in=x,bad,y,worse reader_protocol=1,none,2,none flags=,?,net_hdr,,,",
                2,
                2,
                InterfaceConfig {
                    name: text("c"),
                    in_channel: channel("y", 2),
                    mode: Mode::Ip,
                    ..RAW
                },
            ),
            (
                "name=,a in=,x reader_protocol=,1",
                1,
                1,
                InterfaceConfig {
                    name: text("a"),
                    in_channel: channel("x", 1),
                    ..RAW
                },
            ),
            // What a unikernel's names and protocol look like.
            (
                "name=tap in=service|out out=service|in reader_protocol=0x7ade5c549b08e814 \
                 writer_protocol=7ADE5C549B08E814 flags=eth_dev",
                1,
                0,
                InterfaceConfig {
                    name: text("tap"),
                    in_channel: channel("service|out", 0x7ade_5c54_9b08_e814),
                    out_channel: channel("service|in", 0x7ade_5c54_9b08_e814),
                    mode: Mode::Ethernet,
                    ..RAW
                },
            ),
        ];
        for (line, count, index, expected) in table {
            let parameters = Parameters::new(line);
            let lists = parameters.lists();
            assert_eq!((line, lists.len()), (line, count));
            let found = lists.indices().any(|each| each == index);
            assert_eq!((line, found), (line, true));
            assert_eq!((line, lists.check()), (line, Ok(())));
            assert_eq!((line, lists.interface(index)), (line, Ok(expected)));
        }
    }

    #[test]
    fn no_interfaces() {
        for line in [
            "",
            "name=",
            "name= in= mtu=",
            "name=, in=,,",
            "name=,, in=x,y flags=?",
        ] {
            let parameters = Parameters::new(line);
            assert!(parameters.lists().is_empty());
            assert_eq!((line, parameters.check()), (line, Ok(())));
        }
    }

    #[test]
    fn lengths() {
        // (parameters, the one that is too long, its entries, names, first entry too many)
        let table = [
            ("in=a", "in", 1, 0, "a"),
            ("in=a,b", "in", 2, 0, "a"),
            ("name=a in=x,y", "in", 2, 1, "y"),
            ("name=a out=x,y,z", "out", 3, 1, "y"),
            ("name=a out=x,,z", "out", 3, 1, "z"),
            ("name=,a in=x,y,z", "in", 3, 1, "z"),
            ("name= in=x,y", "in", 2, 0, "y"),
            ("name=a reader_protocol=1,2", "reader_protocol", 2, 1, "2"),
            ("name=a writer_protocol=1,2", "writer_protocol", 2, 1, "2"),
            ("name=a flags=,net_hdr", "flags", 2, 1, "net_hdr"),
            ("name=a mtu=1,2", "mtu", 2, 1, "2"),
            ("name=a,b pmtu=p,q,r", "pmtu", 3, 2, "r"),
        ];
        for (line, parameter, entries, names, first) in table {
            let expected = ConfigError {
                place: Place::Parameter(parameter),
                problem: Problem::TooManyEntries {
                    entries,
                    names,
                    first: text(first),
                },
            };
            let parameters = Parameters::new(line);
            assert_eq!((line, parameters.check()), (line, Err(expected)));
        }
    }

    /// Channels, and protocols that are not there.
    #[test]
    fn channels() {
        let missing = |parameter, channel| Problem::ProtocolMissing {
            parameter,
            channel: text(channel),
        };
        let table = [
            ("name=a", wrong("a", Problem::NoChannel)),
            ("name=a in= out=", wrong("a", Problem::NoChannel)),
            (
                "name=a reader_protocol=1 writer_protocol=1",
                wrong("a", Problem::NoChannel),
            ),
            (
                "name=a,b in=x reader_protocol=1,1",
                wrong("b", Problem::NoChannel),
            ),
            ("name=a in=x", wrong("a", missing("reader_protocol", "x"))),
            ("name=a out=x", wrong("a", missing("writer_protocol", "x"))),
            (
                "name=a in=x writer_protocol=1",
                wrong("a", missing("reader_protocol", "x")),
            ),
            (
                "name=a in=x out=y reader_protocol=1",
                wrong("a", missing("writer_protocol", "y")),
            ),
            (
                "name=a,b out=x,y writer_protocol=1",
                wrong("b", missing("writer_protocol", "y")),
            ),
            // One channel in both directions is for the subject information to refuse.
            (
                "name=a in=x out=x reader_protocol=1 writer_protocol=1 flags=net_hdr",
                Ok(()),
            ),
        ];
        for (line, expected) in table {
            let parameters = Parameters::new(line);
            assert_eq!((line, parameters.check()), (line, expected));
        }
    }

    /// Interfaces that are right one by one.
    #[test]
    fn together() {
        let writer_taken = Problem::WriterTaken {
            channel: text("x"),
            other: text("a"),
        };
        let table = [
            (
                "name=a,b in=x,x reader_protocol=1,1 flags=net_hdr,net_hdr",
                Ok(()),
            ),
            (
                "name=net%d,net%d in=x,y reader_protocol=1,1 flags=net_hdr,net_hdr",
                Ok(()),
            ),
            (
                "name=a,b,a in=x,y,z reader_protocol=1,1,1",
                wrong("a", Problem::NameTaken),
            ),
            (
                "name=a,b,c out=x,y,x writer_protocol=1,1,2",
                wrong("c", writer_taken),
            ),
        ];
        for (line, expected) in table {
            let parameters = Parameters::new(line);
            assert_eq!((line, parameters.check()), (line, expected));
        }
    }

    #[test]
    fn path_mtu() {
        let without_ip = |name| wrong(name, Problem::PmtuWithoutIp(text("p")));
        let table = [
            ("name=a in=x reader_protocol=1 flags=net_hdr pmtu=p", Ok(())),
            (
                "name=a,b in=x,y reader_protocol=1,1 flags=net_hdr,net_hdr pmtu=p,p",
                Ok(()),
            ),
            (
                "name=a,b in=x,y reader_protocol=1,1 flags=,net_hdr pmtu=,p",
                Ok(()),
            ),
            (
                "name=a in=x reader_protocol=1 flags=net_hdr+offload pmtu=p",
                wrong("a", Problem::PmtuWithOffload(text("p"))),
            ),
            ("name=a in=x reader_protocol=1 pmtu=p", without_ip("a")),
            (
                "name=a in=x reader_protocol=1 flags=eth_dev pmtu=p",
                without_ip("a"),
            ),
            (
                "name=a,b in=x,y reader_protocol=1,1 flags=net_hdr pmtu=,p",
                without_ip("b"),
            ),
        ];
        for (line, expected) in table {
            let parameters = Parameters::new(line);
            assert_eq!((line, parameters.check()), (line, expected));
        }
    }
}
