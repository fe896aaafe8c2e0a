// SPDX-License-Identifier: GPL-2.0

//! Virtual network over the shared-memory channels of the Muen separation kernel.
//!
//! The module registers the network interfaces in its parameters, each over a pair of channels. Its
//! modules depend only on modules below them in this list:
//!
//! - [`child`]: child interfaces, which share the channels of an interface, and their marks.
//! - [`netdev`]: the interfaces.
//! - [`channel`]: the stream of elements in shared memory. [`muen`]: the separation kernel.
//! - [`abstractions`]: safe wrappers of C interfaces that the `kernel` crate lacks. All `unsafe`
//!   code is in this module.

#![deny(unsafe_code)]

use abstractions::{
    mapping::Mapping,
    netdevice::{
        NotifierBlock,
        RegisterError,
        Registration, //
    },
    params::{
        list_param,
        module_version,
        string_param,
        ListParam,
        MAX_ENTRIES, //
    },
    platform::Platform, //
};
use child::{
    Children,
    NetdevEvents, //
};
use kernel::{
    fmt::Display,
    prelude::*,
    sync::Arc, //
};
use muen::{
    event::{
        self,
        Event, //
    },
    sinfo::{
        Access,
        Guest, //
    },
    subject::{
        self,
        Subject, //
    }, //
};
use netdev::{
    params::{
        self,
        ChannelConfig,
        InterfaceConfig,
        Lists,
        Text, //
    },
    Interface,
    PollTimer,
    Setup, //
};

mod abstractions;
mod channel;
mod child;
mod muen;
mod netdev;

module! {
    type: Muennet,
    name: "muennet",
    authors: ["The muennet authors"],
    description: "Virtual network over Muen shared-memory channels",
    license: "GPL",
}

module_version!("0.1.0");

list_param!(
    NAME,
    "name",
    "Names of the interfaces; %d becomes a number; none = load without an interface"
);
list_param!(
    IN,
    "in",
    "Name of the in channel of each interface; empty = none"
);
list_param!(
    OUT,
    "out",
    "Name of the out channel of each interface; empty = none"
);
list_param!(
    READER_PROTOCOL,
    "reader_protocol",
    "Protocol number of each in channel, hexadecimal, not zero"
);
list_param!(
    WRITER_PROTOCOL,
    "writer_protocol",
    "Protocol number of each out channel, hexadecimal, not zero"
);
list_param!(
    FLAGS,
    "flags",
    "Flags of each interface: net_hdr[+offload] or eth_dev[+vlan], each also +pause; empty = raw"
);
list_param!(MTU, "mtu", "MTU of each interface in bytes (default 1500)");
list_param!(
    PMTU,
    "pmtu",
    "Memory region with the path MTU of each mark (net_hdr only); empty = none"
);
list_param!(
    MAC,
    "mac",
    "MAC address of each interface (eth_dev only); empty = random"
);
string_param!(
    POLL,
    "poll",
    c"4000",
    "Longest poll period of idle in channels without a vector, 50 to 1000000 microseconds \
     (default 4000)"
);
string_param!(
    hardware SINFO,
    "sinfo",
    c"0xe00000000",
    "Physical address of the subject information of processor 0, hexadecimal (default 0xe00000000)"
);
#[cfg(CONFIG_MUENNET_BENCH)]
list_param!(
    BENCH,
    "bench",
    "Benchmark: number of rounds, then the size of each ring in bytes; empty = none"
);

/// The loaded module. The fields are dropped in the order of their declaration: the children before
/// the interfaces, and the notifier last, because it owns the directory in debugfs that they use.
struct Muennet {
    _children: Children,
    _interfaces: KVec<Registration<Interface>>,
    _notifier: Pin<KBox<NotifierBlock<NetdevEvents>>>,
}

impl params::List for ListParam {
    fn count(&self) -> usize {
        self.len()
    }

    fn get(&self, index: usize) -> Option<&[u8]> {
        self.get(index).map(CStr::to_bytes)
    }
}

impl kernel::Module for Muennet {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let lists = Lists {
            name: &NAME,
            in_channel: &IN,
            out_channel: &OUT,
            reader_protocol: &READER_PROTOCOL,
            writer_protocol: &WRITER_PROTOCOL,
            flags: &FLAGS,
            mtu: &MTU,
            pmtu: &PMTU,
            mac: &MAC,
        };
        lists.check().inspect_err(log_error)?;
        let poll = params::Poll::parse(Some(POLL.get().to_bytes())).inspect_err(log_error)?;
        let address = params::parse_sinfo(Some(SINFO.get().to_bytes())).inspect_err(log_error)?;
        // The benchmark overwrites the memory at `address`, where interfaces need the subject
        // information. It runs only without interfaces.
        #[cfg(CONFIG_MUENNET_BENCH)]
        if lists.is_empty() {
            netdev::bench::run(&BENCH, address)?;
        }
        if let Some(asked) = poll.raised_from {
            pr_info!(
                "poll={} is below the minimum, using {} microseconds\n",
                asked,
                poll.period_us
            );
        }

        let notifier = KBox::pin_init(NotifierBlock::new(NetdevEvents::new()?), GFP_KERNEL)?;
        let mut interfaces = KVec::with_capacity(lists.len(), GFP_KERNEL)?;
        if lists.is_empty() {
            return Ok(Self {
                _children: Children::register()?,
                _interfaces: interfaces,
                _notifier: notifier,
            });
        }
        let subject = Subject::load(address)?;
        let processors = subject.processors()?;
        let poll_timer = PollTimer::new(poll.period_us, MAX_ENTRIES)?;
        for index in lists.indices() {
            let config = lists.interface(index).inspect_err(log_error)?;
            let name = NAME.get(index).ok_or(EINVAL)?;
            let interface = add(
                &config,
                name,
                &processors.guest(),
                subject.platform(),
                &poll_timer,
            )?;
            interfaces.push(interface, GFP_KERNEL)?;
        }
        Ok(Self {
            _children: Children::register()?,
            _interfaces: interfaces,
            _notifier: notifier,
        })
    }
}

fn log_error(error: &impl kernel::fmt::Display) {
    pr_err!("{}\n", error);
}

/// Logs that a resource of an interface is not available: what it is, its name, and the reason.
fn log_interface(config: &InterfaceConfig<'_>, what: &str, name: Text<'_>, why: &impl Display) {
    pr_err!("{}: {} '{}': {}\n", config.name, what, name, why);
}

/// Maps one of the channels of an interface, if it is configured.
///
/// # Errors
///
/// - Those of [`subject::map_channel`].
fn map_channel<'a>(
    config: &InterfaceConfig<'_>,
    channel: Option<ChannelConfig<'a>>,
    access: Access,
    guest: &Guest<'_>,
) -> Result<Option<netdev::MappedChannel<'a>>> {
    let Some(ChannelConfig { name, protocol }) = channel else {
        return Ok(None);
    };
    let name_bytes = name.as_bytes();
    match subject::map_channel(guest, name_bytes, access) {
        Ok(mapping) => Ok(Some(netdev::MappedChannel {
            name: name_bytes,
            mapping,
            protocol,
        })),
        Err(error) => {
            let what = match access {
                Access::Read => "in channel",
                Access::Write => "out channel",
            };
            log_interface(config, what, name, &error);
            Err(error.into())
        }
    }
}

/// Maps the table of path MTUs of an interface, if it is configured.
///
/// # Errors
///
/// - Those of [`subject::map_read_only`].
fn map_pmtu(config: &InterfaceConfig<'_>, guest: &Guest<'_>) -> Result<Option<Mapping>> {
    let Some(name) = config.pmtu else {
        return Ok(None);
    };
    match subject::map_read_only(guest, name.as_bytes()) {
        Ok(mapping) => Ok(Some(mapping)),
        Err(error) => {
            log_interface(config, "pmtu region", name, &error);
            Err(error.into())
        }
    }
}

/// Maps the channels of an interface and registers the interface.
///
/// # Errors
///
/// - `EINVAL`: the vector of the in channel is invalid, or the out channel has no room for the MTU.
/// - Those of [`Event::of_channel`], [`subject::map_channel`], [`subject::map_read_only`] and
///   [`Setup::register`].
fn add(
    config: &InterfaceConfig<'_>,
    name: &CStr,
    guest: &Guest<'_>,
    platform: Platform,
    poll_timer: &Arc<PollTimer>,
) -> Result<Registration<Interface>> {
    let irq = match config.in_channel {
        Some(channel) => {
            event::irq_of_channel(guest, channel.name.as_bytes()).map_err(|error| {
                log_interface(config, "in channel", channel.name, &error);
                EINVAL
            })?
        }
        None => None,
    };
    let setup = Setup {
        name,
        mode: config.mode,
        pause: config.pause,
        mtu: config.mtu,
        in_channel: map_channel(config, config.in_channel, Access::Read, guest)?,
        irq,
        out_channel: map_channel(config, config.out_channel, Access::Write, guest)?,
        event: match config.out_channel {
            Some(channel) => Event::of_channel(guest, platform, channel.name.as_bytes())?,
            None => None,
        },
        pmtu: map_pmtu(config, guest)?,
        mac: config.mac,
    };
    let max_mtu = setup.max_mtu();
    if config.mtu > max_mtu {
        pr_err!(
            "{}: mtu {} is too large for the out channel, maximum {}\n",
            config.name,
            config.mtu,
            max_mtu
        );
        return Err(EINVAL);
    }
    setup.register(poll_timer).map_err(|error| {
        let why = match error {
            RegisterError::Receive(EINVAL) => ": no such interrupt",
            RegisterError::Receive(EBUSY) => ": in use",
            RegisterError::Receive(_) => "",
            RegisterError::Device(EEXIST) => "an interface of this name exists already",
            RegisterError::Device(ENOMEM) => "no memory",
            RegisterError::Device(_) => "registering the interface failed",
        };
        let is_irq = matches!(error, RegisterError::Receive(_));
        let error = Error::from(error);
        match (irq, config.in_channel) {
            (Some(irq), Some(channel)) if is_irq => pr_err!(
                "{}: cannot request interrupt {} of in channel '{}'{} ({:?})\n",
                config.name,
                irq.as_u32(),
                channel.name,
                why,
                error
            ),
            _ => pr_err!("{}: {} ({:?})\n", config.name, why, error),
        }
        error
    })
}
