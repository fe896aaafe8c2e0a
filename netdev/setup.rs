// SPDX-License-Identifier: GPL-2.0

//! How an interface is made.

use super::{
    config::MacAddress,
    counters::Counters,
    interface::Interface,
    mode::Mode,
    poller::Poller,
    ports::Ports,
    receive::Receiver,
    transmit::Sender, //
};
use crate::{
    abstractions::{
        mapping::Mapping,
        netdevice::{
            netdev_info,
            Irq,
            RegisterError,
            Registration, //
        }, //
    },
    channel::HEADER_SIZE,
    muen::event::Event, //
};
use core::num::NonZeroU64;
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            AtomicFlag, //
        },
        Arc, //
    }, //
};

/// One direction of an interface, ready to be used.
pub(crate) struct Channel<'a> {
    /// Its name in the subject information.
    pub(crate) name: &'a [u8],
    /// Its memory.
    pub(crate) mapping: Mapping,
    /// The number that both ends must agree on.
    pub(crate) protocol: NonZeroU64,
}

/// What an interface is made of.
pub(crate) struct Setup<'a> {
    /// Its name, in which `%d` stands for a number.
    pub(crate) name: &'a CStr,
    /// What the elements of its channels hold.
    pub(crate) mode: Mode,
    /// Its MTU at first, in bytes, within the range of the mode.
    pub(crate) mtu: u32,
    /// Where packets come from.
    pub(crate) in_channel: Option<Channel<'a>>,
    /// The interrupt that is raised for packets; none: the channel is polled.
    pub(crate) irq: Option<Irq>,
    /// Where packets go to.
    pub(crate) out_channel: Option<Channel<'a>>,
    /// What tells the peer of them, if it wants to be told.
    pub(crate) event: Option<Event>,
    /// The table of path MTUs, in IP mode.
    pub(crate) pmtu: Option<Mapping>,
    /// Its address in Ethernet mode; none: a random one.
    pub(crate) mac: Option<MacAddress>,
}

impl Setup<'_> {
    /// The largest MTU that the mode has and the out channel has room for, in bytes.
    pub(crate) fn max_mtu(&self) -> u32 {
        let largest = *self.mode.mtu_range().end();
        let Some(channel) = &self.out_channel else {
            return largest;
        };
        let overhead = HEADER_SIZE + self.mode.overhead();
        let room = channel.mapping.size().saturating_sub(overhead);
        u32::try_from(room).map_or(largest, |room| room.min(largest))
    }

    /// Registers the interface; it is down at first.
    ///
    /// # Errors
    ///
    /// As [`Registration::new`], and [`RegisterError::Device`] of `EINVAL` if the MTU is above
    /// [`Self::max_mtu`].
    pub(crate) fn register(
        self,
        poller: &Arc<Poller>,
    ) -> Result<Registration<Interface>, RegisterError> {
        let range = self.mode.mtu_range();
        let max_mtu = self.max_mtu();
        if self.mtu > max_mtu {
            return Err(EINVAL.into());
        }
        let Setup {
            name,
            mode,
            mtu,
            in_channel,
            irq,
            out_channel,
            event,
            pmtu,
            mac,
        } = self;
        let (mut protocol, mut region_size) = (0, 0);
        let (mut in_name, mut out_name) = (KVec::new(), KVec::new());

        let receiver = match in_channel {
            Some(Channel {
                name,
                mapping,
                protocol: number,
            }) => {
                in_name
                    .extend_from_slice(name, GFP_KERNEL)
                    .map_err(Error::from)?;
                (protocol, region_size) = (number.get(), mapping.size());
                Some(KBox::pin_init(
                    Receiver::new(mapping, mode.published(number), mode),
                    GFP_KERNEL,
                )?)
            }
            None => None,
        };
        let link = Interface::link(mode, pmtu.is_some());
        let sender = match out_channel {
            Some(Channel {
                name,
                mapping,
                protocol: number,
            }) => {
                out_name
                    .extend_from_slice(name, GFP_KERNEL)
                    .map_err(Error::from)?;
                (protocol, region_size) = (number.get(), mapping.size());
                Some(KBox::pin_init(
                    Sender::new(mapping, mode.published(number), mode, event, pmtu),
                    GFP_KERNEL,
                )?)
            }
            None => None,
        };
        let link = mac.map_or(link, |mac| link.address(mac));
        let link = link.mtu(mtu, *range.start(), max_mtu);
        let interface = Interface {
            in_name,
            out_name,
            receiver,
            sender,
            protocol,
            region_size,
            mode,
            irq,
            poll_us: Atomic::new(poller.default_us()),
            follow_peer: AtomicFlag::new(false),
            restart_with_peer: AtomicFlag::new(false),
            counters: Counters::new()?,
            ports: KBox::pin_init(Ports::new(), GFP_KERNEL)?,
            poller: poller.clone(),
        };
        let registration = Registration::new(name, link, irq, Ok(interface))?;
        netdev_info!(registration.device(), "Interface added\n");
        Ok(registration)
    }
}
