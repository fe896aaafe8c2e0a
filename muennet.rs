// SPDX-License-Identifier: GPL-2.0

//! Virtual network over the shared-memory channels of the Muen separation kernel.
//!
//! The module registers the network interfaces in its parameters, each over a pair of channels. Its
//! modules depend only on modules below them in this list:
//!
//! - [`notifier`]: what follows when network devices change.
//! - [`child`]: child interfaces, which share the channels of an interface, and their marks.
//! - [`netdev`]: the interfaces.
//! - [`channel`]: the stream of elements in shared memory. [`muen`]: the separation kernel.
//! - [`abstractions`]: safe wrappers of C interfaces that the `kernel` crate lacks. All `unsafe`
//!   code is in this module.

#![deny(unsafe_code)]

use abstractions::{
    netdevice::NotifierBlock,
    netns::Net,
    params::{
        list_param,
        module_version,
        string_param,
        ListParam, //
    }, //
};
use child::Children;
use kernel::{
    fmt,
    prelude::*,
    sync::Arc, //
};
use netdev::{
    params::{
        self,
        Lists, //
    },
    Interfaces,
    Part, //
};
use notifier::NetdevEvents;

mod abstractions;
mod channel;
mod child;
mod muen;
mod netdev;
mod notifier;

module! {
    type: Muennet,
    name: "muennet",
    authors: ["The muennet authors"],
    description: "Virtual network over Muen shared-memory channels",
    license: "GPL",
    // So that `ip link add ... type muennet` and the users of the netlink family load the module.
    alias: ["rtnl-link-muennet", "net-pf-16-proto-16-family-muennet"],
}

module_version!("muennet", "0.1.0");

list_param!(
    "muennet",
    NAME,
    "name",
    "Names of the interfaces; %d becomes a number; none = load without an interface"
);
list_param!(
    "muennet",
    IN,
    "in",
    "Name of the in channel of each interface; empty = none"
);
list_param!(
    "muennet",
    OUT,
    "out",
    "Name of the out channel of each interface; empty = none"
);
list_param!(
    "muennet",
    READER_PROTOCOL,
    "reader_protocol",
    "Protocol number of each in channel, hexadecimal, not zero"
);
list_param!(
    "muennet",
    WRITER_PROTOCOL,
    "writer_protocol",
    "Protocol number of each out channel, hexadecimal, not zero"
);
list_param!(
    "muennet",
    FLAGS,
    "flags",
    "Flags of each interface: net_hdr[+offload] or eth_dev[+vlan], each also +pause; empty = raw"
);
list_param!(
    "muennet",
    MTU,
    "mtu",
    "MTU of each interface in bytes (default 1500)"
);
list_param!(
    "muennet",
    PMTU,
    "pmtu",
    "Memory region with the path MTU of each mark (net_hdr only); empty = none"
);
list_param!(
    "muennet",
    MAC,
    "mac",
    "MAC address of each interface (eth_dev only); empty = random"
);
string_param!(
    "muennet",
    POLL,
    "poll",
    c"4000",
    "Longest poll period of idle in channels without a vector, 50 to 1000000 microseconds \
     (default 4000)"
);
string_param!(
    "muennet",
    hardware SINFO,
    "sinfo",
    c"0xe00000000",
    "Physical address of the subject information of processor 0, hexadecimal (default 0xe00000000)"
);
#[cfg(CONFIG_MUENNET_BENCH)]
list_param!(
    "muennet",
    BENCH,
    "bench",
    "Benchmark: number of rounds, then the size of each ring in bytes; empty = none"
);

/// The loaded module. The fields are dropped in the order of their declaration: the children before
/// the interfaces, and the notifier last, because it owns the directory in debugfs that they use.
struct Muennet {
    _children: Children,
    _interfaces: Arc<Interfaces>,
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
        if lists.indices().next().is_none() {
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
        let interfaces = Interfaces::new(address, poll.period_us)?;
        for index in lists.indices() {
            let config = lists.interface(index).inspect_err(log_error)?;
            let name = NAME.get(index).ok_or(EINVAL)?;
            let report = |part, why: fmt::Arguments<'_>| match part {
                // It is in the log already.
                Part::Subject => {}
                _ => pr_err!("{}: {}\n", config.name, why),
            };
            interfaces.add(&config, name, Net::init(), &report, |_, _| {})?;
        }
        Ok(Self {
            _children: Children::register(interfaces.clone())?,
            _interfaces: interfaces,
            _notifier: notifier,
        })
    }
}

fn log_error(error: &impl kernel::fmt::Display) {
    pr_err!("{}\n", error);
}
