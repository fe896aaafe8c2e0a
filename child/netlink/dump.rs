// SPDX-License-Identifier: GPL-2.0

//! The dumps of interfaces and of marks.
//!
//! A dump walks the devices of the requester's namespace in the order of their indices. Children
//! and marks follow the main interface to which they belong. The RTNL is released between two
//! buffers. Objects that are added or deleted meanwhile may be in the dump or not; every other
//! object is in it once. The dump sequence tells the requester of such a change.

use super::*;
use pin_init::Zeroable;

/// Identifies a child, also after it was renamed. All zeroes mean no child.
///
/// If a main interface is deleted while a dump runs, another one may get its address. The endpoints
/// of that one have been numbered anew, so the dump may continue with another child of the same
/// name, but the dump sequence has changed then.
#[derive(Clone, Copy, PartialEq, Eq, Zeroable)]
#[repr(C)]
struct ChildId {
    /// The address of the parent.
    parent: u64,
    endpoint: EndpointId,
}

impl ChildId {
    fn of(child: &Child) -> Self {
        Self {
            parent: core::ptr::from_ref(child.parent()).addr() as u64,
            endpoint: child.endpoint(),
        }
    }
}

/// The position of a dump between two buffers.
#[derive(Clone, Copy, Zeroable)]
#[repr(C)]
pub(super) struct DumpCtx {
    /// The index of the next device.
    ifindex: u64,
    /// The endpoint or the mark to continue with at this device, or at `child`.
    next: u64,
    /// The child, in a dump of the marks of one child.
    child: ChildId,
}

impl DumpCtx {
    /// The start of a device.
    fn at(ifindex: u64) -> Self {
        Self {
            ifindex,
            next: 0,
            child: ChildId::zeroed(),
        }
    }

    /// Returns the device to continue with. If the last one is gone, this is the start of the one
    /// that follows it.
    fn dev<'a>(&mut self, request: &GenlInfo<'_>, rtnl: &'a Rtnl) -> Option<&'a NetDevice> {
        let dev = NetDevice::next(request.net(), u32::try_from(self.ifindex).ok()?, rtnl)?;
        let ifindex = u64::from(dev.ifindex());
        if ifindex != self.ifindex {
            *self = Self::at(ifindex);
        }
        Some(dev)
    }

    /// Continues with the next device.
    fn next_dev(&mut self) {
        *self = Self::at(self.ifindex.saturating_add(1));
    }
}

/// Returns `dev` as a child whose parent is not in the requester's namespace. A dump finds all
/// other children by their parent.
fn child_without_parent<'a>(
    dev: &'a NetDevice,
    request: &GenlInfo<'_>,
    rtnl: &Rtnl,
) -> Option<&'a Device<Child>> {
    dev.downcast::<Child>()
        .filter(|child| child.data().parent().net(rtnl) != request.net())
}

impl Dumpit for DevGet {
    const POLICY: &'static [Policy] = &[];

    type Position = DumpCtx;

    fn family() -> &'static Family {
        &FAMILY
    }

    fn dumpit(request: &GenlInfo<'_>, ctx: &mut DumpCtx, dump: &mut Dump<'_>) -> Result {
        let rtnl = &*rtnl::lock();
        dump.set_seq(dump_seq(rtnl));
        let net = request.net();
        while let Some(dev) = ctx.dev(request, rtnl) {
            if let Some(interface) = dev.downcast::<Interface>() {
                // Endpoints are numbered from 1; 0 is the interface itself.
                if ctx.next == 0 {
                    dump.put_msg(|message| fill_interface(message, net, interface, rtnl))?;
                    ctx.next = 1;
                }
                while let Some((endpoint, _)) = interface.data().endpoints().next(ctx.next) {
                    if let Some(child) = endpoint.device().downcast::<Child>() {
                        dump.put_msg(|message| fill_child(message, net, child, rtnl))?;
                    }
                    ctx.next = endpoint.id().saturating_add(1);
                }
            } else if let Some(child) = child_without_parent(dev, request, rtnl) {
                dump.put_msg(|message| fill_child(message, net, child, rtnl))?;
            }
            ctx.next_dev();
        }
        Ok(())
    }
}

/// Dumps the marks of all children of a parent.
fn dump_parent_marks(
    request: &GenlInfo<'_>,
    parent: &Device<Interface>,
    ctx: &mut DumpCtx,
    dump: &mut Dump<'_>,
    rtnl: &Rtnl,
) -> Result {
    while let Ok(from) = u32::try_from(ctx.next) {
        let Some((mark, endpoint)) = parent.data().endpoints().next_mark(from) else {
            break;
        };
        if let Some(child) = endpoint.device().downcast::<Child>() {
            dump.put_msg(|message| fill_mark(message, request.net(), child, mark, rtnl))?;
        }
        ctx.next = u64::from(mark) + 1;
    }
    Ok(())
}

/// Dumps the marks of one child.
fn dump_child_marks(
    request: &GenlInfo<'_>,
    child: &Device<Child>,
    ctx: &mut DumpCtx,
    dump: &mut Dump<'_>,
    rtnl: &Rtnl,
) -> Result {
    let endpoints = child.data().parent().data().endpoints();
    while let Ok(from) = u32::try_from(ctx.next) {
        let Some(mark) = endpoints.next_mark_of(child.data().endpoint(), from) else {
            break;
        };
        dump.put_msg(|message| fill_mark(message, request.net(), child, mark, rtnl))?;
        ctx.next = u64::from(mark) + 1;
    }
    Ok(())
}

impl Dumpit for MarkGet {
    const POLICY: &'static [Policy] = &DEV_POLICY;

    type Position = DumpCtx;

    fn family() -> &'static Family {
        &FAMILY
    }

    fn dumpit(request: &GenlInfo<'_>, ctx: &mut DumpCtx, dump: &mut Dump<'_>) -> Result {
        let rtnl = &*rtnl::lock();
        dump.set_seq(dump_seq(rtnl));
        if request.attr(DEV.ifname).is_some() {
            let Named { dev: child, attr } = lookup_child(request, DEV, rtnl)?;
            let id = ChildId::of(child.data());
            if ctx.child == ChildId::zeroed() {
                ctx.child = id;
            } else if ctx.child != id {
                // The marks of two children would look like those of one.
                let name = text(child.name(rtnl));
                return Err(request.err_attr(
                    attr,
                    ENODEV,
                    fmt!("{name} became another child during the dump"),
                ));
            }
            return dump_child_marks(request, child, ctx, dump, rtnl);
        }
        while let Some(dev) = ctx.dev(request, rtnl) {
            if let Some(interface) = dev.downcast::<Interface>() {
                dump_parent_marks(request, interface, ctx, dump, rtnl)?;
            } else if let Some(child) = child_without_parent(dev, request, rtnl) {
                dump_child_marks(request, child, ctx, dump, rtnl)?;
            }
            ctx.next_dev();
        }
        Ok(())
    }
}
