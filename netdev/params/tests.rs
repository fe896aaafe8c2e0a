// SPDX-License-Identifier: GPL-2.0

//! Tests of the module parameters.

use super::{
    super::mode::Mode,
    error::Place,
    *, //
};
use core::num::NonZeroU64;

/// A list as on a command line; [`None`] if the parameter is not given.
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

/// The settings of an interface without the flag `pause`.
const NO_SETTINGS: Settings = Settings {
    follow_peer: false,
    restart_with_peer: false,
    rx_pause: false,
    tx_pause: false,
};

/// Names of the list parameters, in the order of [`Parameters`].
const LISTS: [&str; 9] = [
    "name",
    "in",
    "out",
    "reader_protocol",
    "writer_protocol",
    "flags",
    "mtu",
    "pmtu",
    "mac",
];

/// The parameters of a valid interface.
const GOOD: &str = "name=a in=x reader_protocol=1 flags=net_hdr";

/// All list parameters.
struct Parameters([Commas; 9]);

impl Parameters {
    /// Returns the parameters of a command line: "parameter=list", separated by spaces.
    fn new(line: &'static str) -> Self {
        Self(LISTS.map(|list| {
            let value = |word: &'static str| word.strip_prefix(list)?.strip_prefix('=');
            Commas(line.split(' ').find_map(value))
        }))
    }

    /// Returns the valid interface with another value for one of its parameters.
    fn good_but(parameter: &str, value: &'static str) -> Self {
        Self::new(GOOD).with(parameter, value)
    }

    /// Returns the parameters with another value for one of them.
    fn with(mut self, parameter: &str, value: &'static str) -> Self {
        for (list, name) in self.0.iter_mut().zip(LISTS) {
            if name == parameter {
                *list = Commas(Some(value));
            }
        }
        self
    }

    fn lists(&self) -> Lists<'_> {
        let [name, in_channel, out_channel, reader_protocol, writer_protocol, ..] = &self.0;
        let [.., flags, mtu, pmtu, mac] = &self.0;
        Lists {
            name,
            in_channel,
            out_channel,
            reader_protocol,
            writer_protocol,
            flags,
            mtu,
            pmtu,
            mac,
        }
    }

    fn check(&self) -> Result<(), ConfigError<'_>> {
        self.lists().check()
    }
}

fn text(text: &str) -> Text<'_> {
    Text::new(text.as_bytes())
}

/// Returns the error for the interface of this name.
fn wrong<'a>(name: &'a str, problem: Problem<'a>) -> Result<(), ConfigError<'a>> {
    Err(ConfigError {
        place: Place::Interface(text(name)),
        problem,
    })
}

fn channel(name: &str, protocol: u64) -> Option<ChannelConfig<'_>> {
    Some(ChannelConfig {
        name: text(name),
        protocol: NonZeroU64::new(protocol)?,
    })
}

#[cfg_attr(CONFIG_KUNIT = "y", kernel::macros::kunit_tests(muennet_params_lists))]
mod lists {
    use super::*;

    #[test]
    fn interfaces() {
        const RAW: InterfaceConfig<'_> = InterfaceConfig {
            name: Text::new(b"net0"),
            in_channel: None,
            out_channel: None,
            mode: Mode::Raw,
            settings: NO_SETTINGS,
            poll_us: None,
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
                    settings: NO_SETTINGS,
                    poll_us: None,
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
                    settings: NO_SETTINGS,
                    poll_us: None,
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
            // Parameters without a value are defaults.
            (
                "name=net0 in= out=b writer_protocol=2 flags= mtu= pmtu=",
                1,
                0,
                InterfaceConfig {
                    out_channel: channel("b", 2),
                    ..RAW
                },
            ),
            // Empty names are skipped with their entries, also at the end. So are entries that are
            // empty.
            (
                "name=a,,c, in=x,bad,y,worse reader_protocol=1,none,2,none flags=,?,net_hdr,,,",
                2,
                2,
                InterfaceConfig {
                    name: text("c"),
                    in_channel: channel("y", 2),
                    mode: Mode::Ip,
                    settings: NO_SETTINGS,
                    poll_us: None,
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
            // Names and a protocol as those of a unikernel.
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
                    settings: NO_SETTINGS,
                    poll_us: None,
                    ..RAW
                },
            ),
        ];
        for (line, count, index, expected) in table {
            let parameters = Parameters::new(line);
            let lists = parameters.lists();
            assert_eq!((line, lists.indices().count()), (line, count));
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
            assert_eq!(parameters.lists().indices().count(), 0);
            assert_eq!((line, parameters.check()), (line, Ok(())));
        }
    }

    #[test]
    fn lengths() {
        // (parameters, the list that is too long, its entries, positions of name, first excess
        // entry)
        let table = [
            ("in=a", "in", 1, 0, "a"),
            ("in=a,b", "in", 2, 0, "a"),
            ("name=a in=x,y", "in", 2, 1, "y"),
            ("name=a out=x,y,z", "out", 3, 1, "y"),
            ("name=a out=x,,z", "out", 3, 1, "z"),
            ("name=,a in=x,y,z", "in", 3, 2, "z"),
            ("name= in=x,y", "in", 2, 1, "y"),
            ("name=a,,b mtu=1,2,3,4", "mtu", 4, 3, "4"),
            ("name=a, mtu=1,2,,4,5,,", "mtu", 5, 2, "4"),
            ("name=a reader_protocol=1,2", "reader_protocol", 2, 1, "2"),
            ("name=a writer_protocol=1,2", "writer_protocol", 2, 1, "2"),
            ("name=a flags=,net_hdr", "flags", 2, 1, "net_hdr"),
            ("name=a mtu=1,2", "mtu", 2, 1, "2"),
            ("name=a,b pmtu=p,q,r", "pmtu", 3, 2, "r"),
        ];
        for (line, parameter, entries, positions, first) in table {
            let expected = ConfigError {
                place: Place::Parameter(parameter),
                problem: Problem::TooManyEntries {
                    entries,
                    positions,
                    first: text(first),
                },
            };
            let parameters = Parameters::new(line);
            assert_eq!((line, parameters.check()), (line, Err(expected)));
        }
    }

    /// Missing channels and missing protocols.
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
            // One channel in both directions is accepted here. The look-up in the subject
            // information refuses it.
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

    /// Interfaces that are valid by themselves.
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

#[cfg_attr(CONFIG_KUNIT = "y", kernel::macros::kunit_tests(muennet_params_values))]
mod values {
    use super::*;

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

        // `interface()` fails for an empty name, which `indices()` does not include.
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

            // Without a channel, zero is valid, too.
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
            ("net_hdr+offload", Ok(Mode::Offload)),
            ("offload+net_hdr", Ok(Mode::Offload)),
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

    const BOTH: &str = "name=a in=x reader_protocol=1 out=y writer_protocol=1";
    const IN: &str = "name=a in=x reader_protocol=1";
    const OUT: &str = "name=a out=y writer_protocol=1";

    #[test]
    fn flow_control() {
        let refused = |flags| Err(Problem::PauseWithOneChannel(text(flags)));
        let table = [
            (BOTH, "", Ok((Mode::Raw, false))),
            (BOTH, "pause", Ok((Mode::Raw, true))),
            (BOTH, "net_hdr", Ok((Mode::Ip, false))),
            (BOTH, "net_hdr+pause", Ok((Mode::Ip, true))),
            (BOTH, "pause+net_hdr+offload", Ok((Mode::Offload, true))),
            (BOTH, "eth_dev+pause+pause", Ok((Mode::Ethernet, true))),
            (BOTH, "eth_dev+vlan+pause", Ok((Mode::Vlan, true))),
            (BOTH, "pauses", Err(Problem::FlagUnknown(text("pauses")))),
            (IN, "net_hdr", Ok((Mode::Ip, false))),
            (IN, "net_hdr+pause", refused("net_hdr+pause")),
            (OUT, "pause", refused("pause")),
        ];
        for (line, flags, expected) in table {
            let parameters = Parameters::new(line).with("flags", flags);
            let found = parameters
                .lists()
                .interface(0)
                .map(|interface| (interface.mode, interface.settings.rx_pause));
            let expected = expected.map_err(|problem| ConfigError {
                place: Place::Interface(text("a")),
                problem,
            });
            assert_eq!((line, flags, found), (line, flags, expected));
        }
    }

    #[test]
    fn conflicts() {
        type Change = fn(&mut InterfaceConfig<'_>);
        // What no parameter can say, too.
        let table: [(&str, &str, Change, Result<(), Conflict>); 17] = [
            (BOTH, "", |_| {}, Ok(())),
            (IN, "", |it| it.in_channel = None, Err(Conflict::NoChannel)),
            (IN, "", |it| it.settings.follow_peer = true, Ok(())),
            (
                OUT,
                "",
                |it| it.settings.follow_peer = true,
                Err(Conflict::CarrierWithoutInChannel),
            ),
            (
                BOTH,
                "eth_dev+vlan",
                |it| it.settings.restart_with_peer = true,
                Ok(()),
            ),
            (
                BOTH,
                "net_hdr",
                |it| it.settings.restart_with_peer = true,
                Err(Conflict::RestartWithoutEthernet),
            ),
            (
                IN,
                "eth_dev",
                |it| it.settings.restart_with_peer = true,
                Err(Conflict::RestartWithoutEthernet),
            ),
            (BOTH, "", |it| it.settings.tx_pause = true, Ok(())),
            (
                IN,
                "",
                |it| it.settings.tx_pause = true,
                Err(Conflict::PauseWithOneChannel),
            ),
            (
                OUT,
                "",
                |it| it.settings.rx_pause = true,
                Err(Conflict::PauseWithOneChannel),
            ),
            (
                BOTH,
                "eth_dev",
                |it| it.pmtu = Some(text("p")),
                Err(Conflict::PmtuWithoutIp),
            ),
            (
                BOTH,
                "net_hdr+offload",
                |it| it.pmtu = Some(text("p")),
                Err(Conflict::PmtuWithOffload),
            ),
            (BOTH, "net_hdr", |it| it.mtu = 68, Ok(())),
            (
                BOTH,
                "net_hdr",
                |it| it.mtu = 67,
                Err(Conflict::MtuOutOfRange),
            ),
            (
                BOTH,
                "net_hdr",
                |it| it.mac = Some([2, 0, 0, 0, 0, 1]),
                Err(Conflict::MacWithoutEthernet),
            ),
            (
                BOTH,
                "eth_dev",
                |it| it.mac = Some([3, 0, 0, 0, 0, 1]),
                Err(Conflict::MacInvalid),
            ),
            (
                BOTH,
                "eth_dev",
                |it| it.mac = Some([0; 6]),
                Err(Conflict::MacInvalid),
            ),
        ];
        for (index, (line, flags, change, expected)) in table.into_iter().enumerate() {
            let parameters = Parameters::new(line).with("flags", flags);
            let lists = parameters.lists();
            let found = lists.interface(0).map(|mut config| {
                change(&mut config);
                config.check()
            });
            assert_eq!((index, found), (index, Ok(expected)));
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
            // One below and above the range, 2^32 + 1500, 2^64 + 1500.
            for value in [below, above, "4294968796", "18446744073709553116"] {
                assert_eq!(
                    (flags, value, parse(value)),
                    (flags, value, Err("out of range"))
                );
            }
            // Not numbers, even if they are long.
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
