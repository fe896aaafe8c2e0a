// SPDX-License-Identifier: GPL-2.0

//! The configuration of a main interface: options KEY=VALUE, as in `add` and `set`, and the request
//! that they make. The keys and values of `add` are those of the module parameters.

use std::fmt;

use crate::escape;
use crate::netlink::Request;
use crate::uapi;
use crate::uapi::attribute;
use crate::uapi::channel;
use crate::uapi::mode;
use crate::uapi::settings;

/// Default of the MTU in bytes.
pub const MTU_DEFAULT: u32 = 1500;

/// A word KEY=VALUE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigOption {
    key: Key,
    value: Vec<u8>,
}

/// Declares the keys.
macro_rules! keys {
    ($($key:ident $word:literal,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        enum Key {
            $($key,)*
        }

        impl Key {
            const ALL: &'static [(&'static str, Key)] = &[$(($word, Key::$key),)*];
        }
    };
}

keys! {
    In "in",
    Out "out",
    ReaderProtocol "reader_protocol",
    WriterProtocol "writer_protocol",
    Flags "flags",
    Mtu "mtu",
    Pmtu "pmtu",
    Mac "mac",
    Poll "poll",
    Pause "pause",
    CarrierFollowsPeer "carrier_follows_peer",
    RestartWithPeer "restart_with_peer",
}

impl Key {
    fn word(self) -> &'static str {
        let found = Key::ALL.iter().find(|(_, key)| *key == self);
        found.map_or("", |(word, _)| word)
    }
}

/// The reason why options are invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionError(String);

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for OptionError {}

impl ConfigOption {
    /// Parses a word. The value is checked later.
    ///
    /// # Errors
    ///
    /// The word has no `=`, or the key is unknown.
    pub fn parse(word: &[u8]) -> Result<Self, OptionError> {
        let mut parts = word.splitn(2, |byte| *byte == b'=');
        let (key, value) = (parts.next().unwrap_or_default(), parts.next());
        let found = Key::ALL
            .iter()
            .find(|(name, _)| name.as_bytes() == key)
            .map(|(_, key)| *key);
        match (found, value) {
            (Some(key), Some(value)) => Ok(ConfigOption {
                key,
                value: value.to_owned(),
            }),
            _ => {
                let keys: Vec<_> = Key::ALL.iter().map(|(name, _)| *name).collect();
                Err(OptionError(format!(
                    "expected KEY=VALUE, where KEY is one of {}",
                    keys.join(", ")
                )))
            }
        }
    }

    fn error(&self, why: &str) -> OptionError {
        OptionError(format!("{self}: {why}"))
    }

    fn text(&self) -> Result<&str, OptionError> {
        std::str::from_utf8(&self.value).map_err(|_| self.error("not valid UTF-8"))
    }

    /// Returns the name of a memory region.
    fn region(&self) -> Result<Vec<u8>, OptionError> {
        if self.value.is_empty()
            || self.value.len() > uapi::REGION_NAME_MAX
            || self.value.contains(&0)
        {
            return Err(self.error("the name must have 1 to 63 bytes"));
        }
        Ok(self.value.clone())
    }

    fn number(&self, least: u32, most: u32) -> Result<u32, OptionError> {
        let digits = self.text()?;
        let number = match digits.bytes().all(|byte| byte.is_ascii_digit()) {
            true => digits.parse().ok(),
            false => None,
        };
        number
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| self.error(&format!("expected a decimal number, {least} to {most}")))
    }

    fn protocol(&self) -> Result<u64, OptionError> {
        let word = self.text()?;
        let digits = word.strip_prefix("0x").or(word.strip_prefix("0X"));
        let digits = digits.unwrap_or(word);
        let hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u64::from_str_radix(digits, 16).ok();
        number
            .filter(|number| hexadecimal && *number != 0)
            .ok_or_else(|| self.error("expected a hexadecimal number of at most 64 bits, not zero"))
    }

    fn mac(&self) -> Result<[u8; 6], OptionError> {
        let mut address = [0; 6];
        let mut pairs = self.text()?.split(':');
        let pair = |pair: &str| match pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_hexdigit())
        {
            true => u8::from_str_radix(pair, 16).ok(),
            false => None,
        };
        for byte in &mut address {
            *byte = pairs
                .next()
                .and_then(pair)
                .ok_or_else(|| self.error("expected a MAC address, such as 02:00:00:00:00:01"))?;
        }
        match pairs.next() {
            None => Ok(address),
            Some(_) => Err(self.error("expected a MAC address, such as 02:00:00:00:00:01")),
        }
    }

    fn on_off(&self) -> Result<bool, OptionError> {
        match self.value.as_slice() {
            b"on" => Ok(true),
            b"off" => Ok(false),
            _ => Err(self.error("expected on or off")),
        }
    }

    /// Returns the bits of the directions of flow control.
    fn pause(&self) -> Result<u32, OptionError> {
        match self.value.as_slice() {
            b"off" => Ok(0),
            b"rx" => Ok(settings::RX_PAUSE),
            b"tx" => Ok(settings::TX_PAUSE),
            b"rx+tx" | b"on" => Ok(PAUSE),
            _ => Err(self.error("expected off, rx, tx or rx+tx")),
        }
    }
}

impl fmt::Display for ConfigOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key.word(), escape::word(&self.value))
    }
}

/// Both directions of flow control.
const PAUSE: u32 = settings::RX_PAUSE | settings::TX_PAUSE;

/// One of the two channels of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigChannel {
    /// Name of the memory region.
    pub name: Vec<u8>,
    /// Configured number of the protocol.
    pub protocol: u64,
}

/// The configuration of a main interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Channel for incoming packets.
    pub input: Option<ConfigChannel>,
    /// Channel for outgoing packets.
    pub output: Option<ConfigChannel>,
    /// Mode, a value of [`mode`].
    pub mode: u32,
    /// Whether elements have room for the tags of a VLAN.
    pub vlan: bool,
    /// MTU in bytes; `None` for the default.
    pub mtu: Option<u32>,
    /// Name of the region with the path MTUs.
    pub pmtu: Option<Vec<u8>>,
    /// MAC address; `None` for a random one.
    pub mac: Option<[u8; 6]>,
    /// Longest poll period in microseconds; `None` for the default of the module.
    pub poll: Option<u32>,
    /// Settings, bits of [`settings`].
    pub settings: u32,
}

/// A change of a main interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// MTU in bytes.
    pub mtu: Option<u32>,
    /// Longest poll period in microseconds.
    pub poll: Option<u32>,
    /// Values of settings, bits of [`settings`].
    pub settings: u32,
    /// The settings that change.
    pub mask: u32,
}

/// Returns an error if a key is given twice.
fn check_keys(options: &[ConfigOption]) -> Result<(), OptionError> {
    let mut keys = Vec::new();
    for option in options {
        if keys.contains(&option.key.word()) {
            return Err(option.error("given twice"));
        }
        keys.push(option.key.word());
    }
    Ok(())
}

impl Config {
    /// Combines the options of `add`.
    ///
    /// # Errors
    ///
    /// An option is invalid, or options do not fit each other. The kernel checks the rest.
    pub fn new(options: &[ConfigOption]) -> Result<Self, OptionError> {
        check_keys(options)?;
        let mut config = Config::default();
        let (mut input, mut output) = (None, None);
        let (mut reader, mut writer, mut pause) = (None, None, None);
        for option in options {
            match option.key {
                Key::In => input = Some(option.region()?),
                Key::Out => output = Some(option.region()?),
                Key::ReaderProtocol => reader = Some(option.protocol()?),
                Key::WriterProtocol => writer = Some(option.protocol()?),
                Key::Flags => config.set_flags(option)?,
                Key::Mtu => config.mtu = Some(option.number(1, 65535)?),
                Key::Pmtu => config.pmtu = Some(option.region()?),
                Key::Mac => config.mac = Some(option.mac()?),
                Key::Poll => config.poll = Some(option.number(uapi::POLL_MIN, uapi::POLL_MAX)?),
                Key::Pause => pause = Some(option.pause()?),
                Key::CarrierFollowsPeer if option.on_off()? => {
                    config.settings |= settings::CARRIER_FOLLOWS_PEER;
                }
                Key::RestartWithPeer if option.on_off()? => {
                    config.settings |= settings::RESTART_WITH_PEER;
                }
                Key::CarrierFollowsPeer | Key::RestartWithPeer => {}
            }
        }
        // The option has both directions, whatever the flags say.
        if let Some(pause) = pause {
            config.settings = config.settings & !PAUSE | pause;
        }
        let combine =
            |name: Option<Vec<u8>>, protocol: Option<u64>, key: Key| match (name, protocol) {
                (Some(name), Some(protocol)) => Ok(Some(ConfigChannel { name, protocol })),
                (None, _) => Ok(None),
                (Some(_), None) => Err(OptionError(format!("{} is missing", key.word()))),
            };
        config.input = combine(input, reader, Key::ReaderProtocol)?;
        config.output = combine(output, writer, Key::WriterProtocol)?;
        if config.input.is_none() && config.output.is_none() {
            return Err(OptionError("neither in nor out is given".to_owned()));
        }
        Ok(config)
    }

    /// Sets the mode and flow control as the module parameter `flags` does.
    fn set_flags(&mut self, option: &ConfigOption) -> Result<(), OptionError> {
        let (mut chosen, mut offload, mut vlan) = (None, false, false);
        for word in option.value.split(|byte| *byte == b'+') {
            let new = match word {
                b"net_hdr" => mode::IP,
                b"eth_dev" => mode::ETHERNET,
                b"offload" => {
                    offload = true;
                    continue;
                }
                b"vlan" => {
                    vlan = true;
                    continue;
                }
                b"pause" => {
                    self.settings |= PAUSE;
                    continue;
                }
                b"" if option.value.is_empty() => continue,
                _ => return Err(option.error("unknown flag")),
            };
            if chosen.is_some_and(|chosen| chosen != new) {
                return Err(option.error("use either net_hdr or eth_dev"));
            }
            chosen = Some(new);
        }
        self.mode = match (chosen, offload, vlan) {
            (None, false, false) => mode::RAW,
            (Some(mode), false, false) => mode,
            (Some(mode::IP), true, false) => mode::IP_OFFLOAD,
            (Some(mode::ETHERNET), false, true) => mode::ETHERNET,
            (_, true, _) => return Err(option.error("offload needs net_hdr")),
            _ => return Err(option.error("vlan needs eth_dev")),
        };
        self.vlan = vlan;
        Ok(())
    }

    /// Returns the options of `add` that make this configuration, without those that are the
    /// default.
    pub fn options(&self) -> Vec<ConfigOption> {
        let mut options = Vec::new();
        let mut add = |key: Key, value: &[u8]| {
            options.push(ConfigOption {
                key,
                value: value.to_owned(),
            });
        };
        for (channel, name, protocol) in [
            (&self.input, Key::In, Key::ReaderProtocol),
            (&self.output, Key::Out, Key::WriterProtocol),
        ] {
            if let Some(channel) = channel {
                add(name, &channel.name);
                add(protocol, format!("{:#x}", channel.protocol).as_bytes());
            }
        }
        let mut flags: Vec<&str> = match (self.mode, self.vlan) {
            (mode::IP, _) => vec!["net_hdr"],
            (mode::IP_OFFLOAD, _) => vec!["net_hdr", "offload"],
            (mode::ETHERNET, false) => vec!["eth_dev"],
            (mode::ETHERNET, true) => vec!["eth_dev", "vlan"],
            _ => Vec::new(),
        };
        let pause = self.settings & PAUSE;
        if pause == PAUSE {
            flags.push("pause");
        }
        if !flags.is_empty() {
            add(Key::Flags, flags.join("+").as_bytes());
        }
        if let Some(mtu) = self.mtu.filter(|mtu| *mtu != MTU_DEFAULT) {
            add(Key::Mtu, mtu.to_string().as_bytes());
        }
        if let Some(pmtu) = &self.pmtu {
            add(Key::Pmtu, pmtu);
        }
        if let Some(mac) = self.mac {
            let pairs = mac.map(|byte| format!("{byte:02x}"));
            add(Key::Mac, pairs.join(":").as_bytes());
        }
        if let Some(poll) = self.poll {
            add(Key::Poll, poll.to_string().as_bytes());
        }
        if pause != 0 && pause != PAUSE {
            add(Key::Pause, pause_word(pause).as_bytes());
        }
        for (bit, key) in FLAGS {
            if self.settings & bit != 0 {
                add(key, b"on");
            }
        }
        options
    }

    /// Adds the attributes of `dev-add` to a request.
    pub fn attributes(&self, mut request: Request) -> Request {
        for (channel, kind) in [
            (&self.input, attribute::IN_CHANNEL),
            (&self.output, attribute::OUT_CHANNEL),
        ] {
            if let Some(it) = channel {
                let nested = Request::genl(0, 0, 0)
                    .string(channel::NAME, &it.name)
                    .u64(channel::CONFIGURED_PROTOCOL, it.protocol);
                request = request.nest(kind, nested);
            }
        }
        request = request.u32(attribute::MODE, self.mode);
        if self.vlan {
            request = request.flag(attribute::VLAN);
        }
        request = request.u32(attribute::MTU, self.mtu.unwrap_or(MTU_DEFAULT));
        if let Some(pmtu) = &self.pmtu {
            request = request.string(attribute::PMTU, pmtu);
        }
        if let Some(mac) = self.mac {
            request = request.binary(attribute::MAC, &mac);
        }
        if let Some(poll) = self.poll {
            request = request.u32(attribute::POLL, poll);
        }
        request.u32(attribute::SETTINGS, self.settings)
    }

    /// Returns the changes that make an interface with this configuration one with `wanted`; `None`
    /// if it has to be deleted and added again. The MAC address and the poll period may be anything
    /// if `wanted` does not say them.
    pub fn changes_to(&self, wanted: &Config) -> Option<Changes> {
        let fixed = |it: &Config| {
            (
                it.input.clone(),
                it.output.clone(),
                it.mode,
                it.vlan,
                it.pmtu.clone(),
            )
        };
        let other_mac = wanted.mac.is_some() && wanted.mac != self.mac;
        if fixed(self) != fixed(wanted) || other_mac {
            return None;
        }
        let mtu = wanted.mtu.unwrap_or(MTU_DEFAULT);
        let mut mask = self.settings ^ wanted.settings;
        if mask & PAUSE != 0 {
            // One option has both directions.
            mask |= PAUSE;
        }
        Some(Changes {
            mtu: (self.mtu != Some(mtu)).then_some(mtu),
            poll: wanted.poll.filter(|_| wanted.poll != self.poll),
            settings: wanted.settings & mask,
            mask,
        })
    }
}

/// The settings with keys of their own.
const FLAGS: [(u32, Key); 2] = [
    (settings::CARRIER_FOLLOWS_PEER, Key::CarrierFollowsPeer),
    (settings::RESTART_WITH_PEER, Key::RestartWithPeer),
];

fn pause_word(bits: u32) -> &'static str {
    match (
        bits & settings::RX_PAUSE != 0,
        bits & settings::TX_PAUSE != 0,
    ) {
        (false, false) => "off",
        (true, false) => "rx",
        (false, true) => "tx",
        (true, true) => "rx+tx",
    }
}

impl Changes {
    /// Combines the options of `set`.
    ///
    /// # Errors
    ///
    /// An option is invalid, or cannot change while the interface exists.
    pub fn new(options: &[ConfigOption]) -> Result<Self, OptionError> {
        check_keys(options)?;
        if options.is_empty() {
            return Err(OptionError("nothing to set".to_owned()));
        }
        let mut changes = Changes::default();
        for option in options {
            let flag = |bit| Ok((bit, if option.on_off()? { bit } else { 0 }));
            let (mask, bits) = match option.key {
                Key::Mtu => {
                    changes.mtu = Some(option.number(1, 65535)?);
                    continue;
                }
                Key::Poll => {
                    changes.poll = Some(option.number(uapi::POLL_MIN, uapi::POLL_MAX)?);
                    continue;
                }
                Key::Pause => (PAUSE, option.pause()?),
                Key::CarrierFollowsPeer => flag(settings::CARRIER_FOLLOWS_PEER)?,
                Key::RestartWithPeer => flag(settings::RESTART_WITH_PEER)?,
                _ => {
                    return Err(option.error(
                        "cannot be changed: delete the interface and add it again, or use sync",
                    ))
                }
            };
            changes.mask |= mask;
            changes.settings |= bits;
        }
        Ok(changes)
    }

    /// Returns whether nothing changes.
    pub fn is_empty(&self) -> bool {
        *self == Changes::default()
    }

    /// Returns the options of `set` that make this change.
    pub fn options(&self) -> Vec<ConfigOption> {
        let mut options = Vec::new();
        let mut add = |key: Key, value: &str| {
            options.push(ConfigOption {
                key,
                value: value.as_bytes().to_owned(),
            });
        };
        if let Some(mtu) = self.mtu {
            add(Key::Mtu, &mtu.to_string());
        }
        if let Some(poll) = self.poll {
            add(Key::Poll, &poll.to_string());
        }
        if self.mask & PAUSE != 0 {
            add(Key::Pause, pause_word(self.settings));
        }
        for (bit, key) in FLAGS {
            if self.mask & bit != 0 {
                add(
                    key,
                    if self.settings & bit != 0 {
                        "on"
                    } else {
                        "off"
                    },
                );
            }
        }
        options
    }

    /// Adds the attributes of `dev-set` to a request.
    pub fn attributes(&self, mut request: Request) -> Request {
        if let Some(mtu) = self.mtu {
            request = request.u32(attribute::MTU, mtu);
        }
        if let Some(poll) = self.poll {
            request = request.u32(attribute::POLL, poll);
        }
        if self.mask != 0 {
            request = request
                .u32(attribute::SETTINGS, self.settings)
                .u32(attribute::SETTINGS_MASK, self.mask);
        }
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(line: &str) -> Result<Vec<ConfigOption>, OptionError> {
        line.split(' ')
            .filter(|word| !word.is_empty())
            .map(|word| ConfigOption::parse(word.as_bytes()))
            .collect()
    }

    fn config(line: &str) -> Result<Config, OptionError> {
        Config::new(&options(line)?)
    }

    fn text(options: &[ConfigOption]) -> String {
        let words: Vec<_> = options.iter().map(ToString::to_string).collect();
        words.join(" ")
    }

    #[test]
    fn configurations() {
        // Options, and the same without defaults or the error.
        let table: &[(&str, Result<&str, &str>)] = &[
            ("in=a reader_protocol=2", Ok("in=a reader_protocol=0x2")),
            (
                "flags=pause+net_hdr out=b writer_protocol=0XFF mtu=1500 in=a reader_protocol=2",
                Ok("in=a reader_protocol=0x2 out=b writer_protocol=0xff flags=net_hdr+pause"),
            ),
            (
                "in=a reader_protocol=2 flags=net_hdr+offload mtu=9000 poll=50 \
                 carrier_follows_peer=on restart_with_peer=off",
                Ok(
                    "in=a reader_protocol=0x2 flags=net_hdr+offload mtu=9000 poll=50 \
                    carrier_follows_peer=on",
                ),
            ),
            (
                "in=a reader_protocol=2 flags=eth_dev+vlan+pause pause=rx mac=02:00:00:00:00:0A \
                 restart_with_peer=on",
                Ok(
                    "in=a reader_protocol=0x2 flags=eth_dev+vlan mac=02:00:00:00:00:0a pause=rx \
                    restart_with_peer=on",
                ),
            ),
            (
                "out=b writer_protocol=ffffffffffffffff flags= pmtu=p pause=off",
                Ok("out=b writer_protocol=0xffffffffffffffff pmtu=p"),
            ),
            (
                "in=a reader_protocol=1 pause=rx flags=pause",
                Ok("in=a reader_protocol=0x1 pause=rx"),
            ),
            ("", Err("neither in nor out is given")),
            ("reader_protocol=2", Err("neither in nor out is given")),
            ("in=a", Err("reader_protocol is missing")),
            ("out=a", Err("writer_protocol is missing")),
            (
                "in=a reader_protocol=0",
                Err(
                    "reader_protocol=0: expected a hexadecimal number of at most 64 bits, not \
                     zero",
                ),
            ),
            (
                "in=a reader_protocol=+1",
                Err(
                    "reader_protocol=+1: expected a hexadecimal number of at most 64 bits, not \
                     zero",
                ),
            ),
            (
                "in=a reader_protocol=10000000000000000",
                Err(
                    "reader_protocol=10000000000000000: expected a hexadecimal number of at most \
                     64 bits, not zero",
                ),
            ),
            (
                "in= reader_protocol=1",
                Err("in=: the name must have 1 to 63 bytes"),
            ),
            ("in=a in=b", Err("in=b: given twice")),
            ("flags=net", Err("flags=net: unknown flag")),
            ("flags=+", Err("flags=+: unknown flag")),
            (
                "flags=net_hdr+eth_dev",
                Err("flags=net_hdr+eth_dev: use either net_hdr or eth_dev"),
            ),
            ("flags=offload", Err("flags=offload: offload needs net_hdr")),
            (
                "flags=net_hdr+vlan",
                Err("flags=net_hdr+vlan: vlan needs eth_dev"),
            ),
            ("mtu=0", Err("mtu=0: expected a decimal number, 1 to 65535")),
            (
                "mtu=65536",
                Err("mtu=65536: expected a decimal number, 1 to 65535"),
            ),
            (
                "mtu=+1",
                Err("mtu=+1: expected a decimal number, 1 to 65535"),
            ),
            (
                "poll=49",
                Err("poll=49: expected a decimal number, 50 to 1000000"),
            ),
            (
                "poll=",
                Err("poll=: expected a decimal number, 50 to 1000000"),
            ),
            (
                "mac=02",
                Err("mac=02: expected a MAC address, such as 02:00:00:00:00:01"),
            ),
            (
                "mac=02:00:00:00:00:01:02",
                Err("mac=02:00:00:00:00:01:02: expected a MAC address, such as 02:00:00:00:00:01"),
            ),
            (
                "mac=02:00:00:00:00:+1",
                Err("mac=02:00:00:00:00:+1: expected a MAC address, such as 02:00:00:00:00:01"),
            ),
            (
                "pause=both",
                Err("pause=both: expected off, rx, tx or rx+tx"),
            ),
            (
                "carrier_follows_peer=1",
                Err("carrier_follows_peer=1: expected on or off"),
            ),
        ];
        for (line, expected) in table {
            let found = config(line).map(|config| text(&config.options()));
            let found = found.map_err(|error| error.to_string());
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(found, expected, "{line}");
            // What `dump` prints is what was given.
            if let Ok(words) = found {
                let again = Config {
                    mtu: config(&words).unwrap().mtu.or(config(line).unwrap().mtu),
                    ..config(&words).unwrap()
                };
                assert_eq!(again, config(line).unwrap(), "{line}");
            }
        }
        let long = format!("in={}", "x".repeat(64));
        assert!(config(&long).is_err());
        assert!(ConfigOption::parse(b"in").is_err());
        assert!(ConfigOption::parse(b"=a").is_err());
        assert!(Config::new(&[ConfigOption::parse(b"mtu=\xff").unwrap()]).is_err());
    }

    #[test]
    fn changes() {
        let table: &[(&str, Result<&str, &str>)] = &[
            ("mtu=1400", Ok("mtu=1400")),
            ("poll=50 pause=rx+tx", Ok("poll=50 pause=rx+tx")),
            (
                "restart_with_peer=on carrier_follows_peer=off pause=tx",
                Ok("pause=tx carrier_follows_peer=off restart_with_peer=on"),
            ),
            ("", Err("nothing to set")),
            ("mtu=1 mtu=2", Err("mtu=2: given twice")),
            (
                "in=a",
                Err("in=a: cannot be changed: delete the interface and add it again, or use sync"),
            ),
        ];
        for (line, expected) in table {
            let found = options(line).and_then(|options| Changes::new(&options));
            let found = found.map(|changes| text(&changes.options()));
            let found = found.map_err(|error| error.to_string());
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(found, expected, "{line}");
        }
    }

    #[test]
    fn differences() {
        const IP: &str = "in=a reader_protocol=2 flags=net_hdr";
        const ETHERNET: &str = "in=a reader_protocol=2 flags=eth_dev";
        // What is, what is wanted beside the same, and the changes; None if it must be new.
        let table: &[(&str, &str, &str, Option<&str>)] = &[
            (IP, "", "", Some("")),
            (IP, "", "mtu=1500", Some("")),
            (IP, "mtu=1400", "", Some("mtu=1500")),
            (IP, "", "mtu=1400", Some("mtu=1400")),
            (IP, "poll=4000", "", Some("")),
            (IP, "poll=4000", "poll=4000", Some("")),
            (IP, "poll=4000", "poll=50", Some("poll=50")),
            (IP, "pause=rx", "", Some("pause=off")),
            (IP, "pause=rx", "pause=tx", Some("pause=tx")),
            (IP, "pause=rx", "pause=rx+tx", Some("pause=rx+tx")),
            (
                IP,
                "",
                "carrier_follows_peer=on",
                Some("carrier_follows_peer=on"),
            ),
            (
                IP,
                "carrier_follows_peer=on",
                "",
                Some("carrier_follows_peer=off"),
            ),
            (IP, "", "out=b writer_protocol=2", None),
            (IP, "pmtu=p", "", None),
            (ETHERNET, "mac=02:00:00:00:00:01", "", Some("")),
            (
                ETHERNET,
                "mac=02:00:00:00:00:01",
                "mac=02:00:00:00:00:01",
                Some(""),
            ),
            (
                ETHERNET,
                "mac=02:00:00:00:00:01",
                "mac=02:00:00:00:00:02",
                None,
            ),
        ];
        for (same, is, wanted, expected) in table {
            let parse = |more: &str| {
                let config = config(&format!("{same} {more}")).unwrap();
                Config {
                    mtu: Some(config.mtu.unwrap_or(MTU_DEFAULT)),
                    ..config
                }
            };
            let found = parse(is).changes_to(&parse(wanted));
            let found = found.map(|changes| text(&changes.options()));
            assert_eq!(found.as_deref(), *expected, "{is} to {wanted}");
        }
        let other = config("in=a reader_protocol=3 flags=net_hdr").unwrap();
        assert_eq!(config(IP).unwrap().changes_to(&other), None);
        let other = config("in=a reader_protocol=2 flags=eth_dev+vlan").unwrap();
        assert_eq!(config(ETHERNET).unwrap().changes_to(&other), None);
    }
}
