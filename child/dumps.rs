// SPDX-License-Identifier: GPL-2.0

//! The commands that ask for all there are.
//!
//! A dump walks the devices of the asker's namespace by their indices, and from a main interface on
//! to its ports or marks. Between two buffers the RTNL is released: what comes and goes meanwhile
//! may be in the dump or not, all else is in it once. The asker is told if there was such a change.

use super::{
    device::Child,
    family::FAMILY,
    find::{
        self,
        text,
        Found, //
    },
    generation,
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
    netdev::{
        Interface,
        PortId, //
    }, //
};
use kernel::prelude::*;
use pin_init::Zeroable;

/// Where a dump goes on: at which device of the asker's namespace, and where with that. A dump of
/// one child goes on with that child.
#[derive(Clone, Copy, Zeroable)]
#[repr(C)]
pub(super) struct Position {
    index: u64,
    inner: u64,
    child: Identity,
}

/// What tells a child from all others, by whatever name: its parent, whose address is nobody else's
/// for as long as the module is there, which a dump holds; and its port. All zeroes: no child.
#[derive(Clone, Copy, PartialEq, Eq, Zeroable)]
#[repr(C)]
struct Identity {
    parent: u64,
    port: PortId,
}

impl Identity {
    fn of(child: &Child) -> Self {
        Self {
            parent: core::ptr::from_ref(child.parent()).addr() as u64,
            port: child.port(),
        }
    }
}

impl Position {
    /// The start of a device.
    fn at(index: u64) -> Self {
        Self {
            index,
            inner: 0,
            child: Identity::zeroed(),
        }
    }

    /// The device to go on with; goes on to the start of the next one where the last is gone.
    fn device<'a>(&mut self, request: &Request<'_>, rtnl: &'a Rtnl) -> Option<&'a NetDevice> {
        let dev = request
            .net()
            .next_device(u32::try_from(self.index).ok()?, rtnl)?;
        let index = u64::from(dev.index());
        if index != self.index {
            *self = Self::at(index);
        }
        Some(dev)
    }

    fn next_device(&mut self) {
        *self = Self::at(self.index.saturating_add(1));
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
        dump.of_state(generation::current(rtnl));
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
        dump.of_state(generation::current(rtnl));
        if request.attribute(attr::IFNAME).is_some() {
            let Found { dev: child, by } = find::child(request, find::SUBJECT, rtnl)?;
            let identity = Identity::of(child.data());
            if position.child == Identity::zeroed() {
                position.child = identity;
            } else if position.child != identity {
                // Marks of two children would look like those of one.
                let name = text(child.any().name(rtnl));
                return Err(request.refuse(
                    by,
                    ENODEV,
                    fmt!("{name} is another child than when the dump began"),
                ));
            }
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
