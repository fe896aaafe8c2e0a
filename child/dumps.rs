// SPDX-License-Identifier: GPL-2.0

//! The commands that ask for all there are.
//!
//! A dump walks the devices of the asker's namespace by their indices, and from a main interface on
//! to its ports or marks. Between two buffers the RTNL is released: what comes and goes meanwhile
//! may be in the dump or not, all else is in it once.

use super::{
    family::FAMILY,
    find,
    link::Child,
    show,
    uapi::muennet as attr, //
};
use crate::{
    abstractions::{
        netdevice::{
            Device,
            NetDevice, //
        },
        netlink::{
            policies,
            Dump,
            Dumper,
            Family,
            Policy,
            Request, //
        },
        rtnl::{
            self,
            Rtnl, //
        }, //
    },
    netdev::Interface, //
};
use kernel::prelude::*;
use pin_init::Zeroable;

/// Where a dump goes on: at which device of the asker's namespace, and where with that.
#[derive(Clone, Copy, Zeroable)]
#[repr(C)]
pub(super) struct Position {
    index: u64,
    inner: u64,
}

impl Position {
    /// The device to go on with; goes on to the start of the next one where the last is gone.
    fn device<'a>(&mut self, request: &Request<'_>, rtnl: &'a Rtnl) -> Option<&'a NetDevice> {
        let dev = request
            .net()
            .next_device(u32::try_from(self.index).ok()?, rtnl)?;
        let index = u64::from(dev.index());
        if index != self.index {
            *self = Self { index, inner: 0 };
        }
        Some(dev)
    }

    fn next_device(&mut self) {
        *self = Self {
            index: self.index.saturating_add(1),
            inner: 0,
        };
    }
}

/// A child whose parent is not in the namespace of the asker, so that the walk does not come to it
/// by way of its parent.
fn orphan<'a>(dev: &'a NetDevice, request: &Request<'_>, rtnl: &Rtnl) -> Option<&'a Device<Child>> {
    dev.downcast::<Child>()
        .filter(|child| child.data().parent().any().net(rtnl) != request.net())
}

/// Asks for all interfaces.
pub(super) struct Interfaces;

impl Dumper for Interfaces {
    const POLICY: &'static [Policy] = &[];

    type Position = Position;

    fn family() -> &'static Family {
        &FAMILY
    }

    fn run(request: &Request<'_>, position: &mut Position, dump: &mut Dump<'_>) -> Result {
        let rtnl = &*rtnl::lock();
        let net = request.net();
        while let Some(dev) = position.device(request, rtnl) {
            if let Some(interface) = dev.downcast::<Interface>() {
                // Ports have numbers from 1 on, so that 0 stands for the interface itself.
                if position.inner == 0 {
                    dump.entry(|message| show::interface(message, net, interface, rtnl))?;
                    position.inner = 1;
                }
                while let Some((port, _)) = interface.data().ports().next(position.inner) {
                    if let Some(child) = port.device().downcast::<Child>() {
                        dump.entry(|message| show::child(message, net, child, rtnl))?;
                    }
                    position.inner = port.id().saturating_add(1);
                }
            } else if let Some(child) = orphan(dev, request, rtnl) {
                dump.entry(|message| show::child(message, net, child, rtnl))?;
            }
            position.next_device();
        }
        Ok(())
    }
}

/// Asks for all marks, or for those of one child.
pub(super) struct Marks;

impl Marks {
    /// Adds the marks of a parent's children.
    fn add_all(
        request: &Request<'_>,
        parent: &Device<Interface>,
        position: &mut Position,
        dump: &mut Dump<'_>,
        rtnl: &Rtnl,
    ) -> Result {
        while let Ok(from) = u32::try_from(position.inner) {
            let Some((mark, port)) = parent.data().ports().next_mark(from) else {
                break;
            };
            if let Some(child) = port.device().downcast::<Child>() {
                dump.entry(|message| show::mark(message, request.net(), child, mark, rtnl))?;
            }
            position.inner = u64::from(mark) + 1;
        }
        Ok(())
    }

    /// Adds the marks of a child.
    fn add_own(
        request: &Request<'_>,
        child: &Device<Child>,
        position: &mut Position,
        dump: &mut Dump<'_>,
        rtnl: &Rtnl,
    ) -> Result {
        let ports = child.data().parent().data().ports();
        while let Ok(from) = u32::try_from(position.inner) {
            let Some(mark) = ports.next_mark_of(child.data().port(), from) else {
                break;
            };
            dump.entry(|message| show::mark(message, request.net(), child, mark, rtnl))?;
            position.inner = u64::from(mark) + 1;
        }
        Ok(())
    }
}

impl Dumper for Marks {
    const POLICY: &'static [Policy] = &policies::<{ attr::NETNSID as usize + 1 }>(&[
        (attr::IFNAME, find::NAME),
        (attr::NETNSID, Policy::i32()),
    ]);

    type Position = Position;

    fn family() -> &'static Family {
        &FAMILY
    }

    fn run(request: &Request<'_>, position: &mut Position, dump: &mut Dump<'_>) -> Result {
        let rtnl = &*rtnl::lock();
        if request.attribute(attr::IFNAME).is_some() {
            let child = find::child(request, find::SUBJECT, rtnl)?.dev;
            return Self::add_own(request, child, position, dump, rtnl);
        }
        while let Some(dev) = position.device(request, rtnl) {
            if let Some(interface) = dev.downcast::<Interface>() {
                Self::add_all(request, interface, position, dump, rtnl)?;
            } else if let Some(child) = orphan(dev, request, rtnl) {
                Self::add_own(request, child, position, dump, rtnl)?;
            }
            position.next_device();
        }
        Ok(())
    }
}
