// SPDX-License-Identifier: GPL-2.0

//! The generic netlink family `muennet`, which `muennet.yaml` specifies.
//!
//! # Notifications
//!
//! A notification goes to the namespace of the interface and, if it is a child, to that of its
//! parent. Rtnetlink notifies of new names and of moves to another namespace. A notification for
//! which there is no memory is lost, because the change has been made already. The sockets of the
//! listeners report `ENOBUFS` then, and a dump tells the listeners what has changed.

use super::{
    device::{
        delete_children,
        Child,
        LINK_OPS, //
    },
    marks,
    uapi, //
};
use crate::{
    abstractions::{
        netdevice::{
            is_valid_name,
            Device,
            NetDevice, //
        },
        netlink::{
            policy_table,
            Attribute,
            Doit,
            Dump,
            Dumpit,
            Family,
            GenlInfo,
            GenlMsg,
            MulticastGroup,
            OpFlags,
            Policy,
            SplitOp, //
        },
        netns::Net,
        rtnl::{
            self,
            Rtnl, //
        }, //
    },
    netdev::{
        mode::Mode,
        params::{
            self,
            Text, //
        },
        ChannelInfo,
        EndpointId,
        Interface,
        Peer,
        Sums, //
    }, //
};
use core::num::NonZero;
use kernel::{
    prelude::*,
    sync::atomic::{
        ordering::Relaxed,
        Atomic, //
    }, //
};

mod dump;
mod interface;

pub(super) use self::interface::INTERFACES;
use self::interface::{
    put_config,
    ChannelGet,
    DevAdd,
    DevDel,
    DevSet, //
};

/// The length of the longest name that a new interface can have: `IFNAMSIZ` without the NUL.
const NEW_NAME_MAX: usize = 15;

/// The policy of all interface names.
const IFNAME: Policy = Policy::string(uapi::MUENNET_IFNAME_MAX_LEN as u16);

const DEV_POLICY: [Policy; uapi::MUENNET_A_NETNSID as usize + 1] = policy_table(&[
    (uapi::MUENNET_A_IFNAME as u16, IFNAME),
    (uapi::MUENNET_A_NETNSID as u16, Policy::i32()),
]);

const CHILD_ADD_POLICY: [Policy; uapi::MUENNET_A_PARENT_IFNAME as usize + 1] = policy_table(&[
    (uapi::MUENNET_A_PARENT_IFNAME as u16, IFNAME),
    (uapi::MUENNET_A_IFNAME as u16, IFNAME),
]);

const MARK_GET_POLICY: [Policy; uapi::MUENNET_A_MARK as usize + 1] = policy_table(&[
    (uapi::MUENNET_A_PARENT_IFNAME as u16, IFNAME),
    (uapi::MUENNET_A_MARK as u16, Policy::u32()),
]);

const MARK_POLICY: [Policy; uapi::MUENNET_A_MARK as usize + 1] = policy_table(&[
    (uapi::MUENNET_A_IFNAME as u16, IFNAME),
    (uapi::MUENNET_A_NETNSID as u16, Policy::i32()),
    (uapi::MUENNET_A_MARK as u16, Policy::u32()),
]);

const MARK_MOVE_POLICY: [Policy; uapi::MUENNET_A_MARK as usize + 1] = policy_table(&[
    (uapi::MUENNET_A_FROM_IFNAME as u16, IFNAME),
    (uapi::MUENNET_A_FROM_NETNSID as u16, Policy::i32()),
    (uapi::MUENNET_A_IFNAME as u16, IFNAME),
    (uapi::MUENNET_A_NETNSID as u16, Policy::i32()),
    (uapi::MUENNET_A_MARK as u16, Policy::u32()),
]);

/// The attributes that identify one interface of a message.
#[derive(Clone, Copy)]
struct DevAttrs {
    ifindex: u16,
    ifname: u16,
    netnsid: u16,
    /// The name of `ifname` in the specification.
    ifname_spec: &'static str,
}

/// The interface itself.
const DEV: DevAttrs = DevAttrs {
    ifindex: uapi::MUENNET_A_IFINDEX as u16,
    ifname: uapi::MUENNET_A_IFNAME as u16,
    netnsid: uapi::MUENNET_A_NETNSID as u16,
    ifname_spec: "ifname",
};

/// The parent of a child.
const PARENT: DevAttrs = DevAttrs {
    ifindex: uapi::MUENNET_A_PARENT_IFINDEX as u16,
    ifname: uapi::MUENNET_A_PARENT_IFNAME as u16,
    netnsid: uapi::MUENNET_A_PARENT_NETNSID as u16,
    ifname_spec: "parent-ifname",
};

/// The child from which a mark is moved.
const FROM: DevAttrs = DevAttrs {
    ifindex: uapi::MUENNET_A_FROM_IFINDEX as u16,
    ifname: uapi::MUENNET_A_FROM_IFNAME as u16,
    netnsid: uapi::MUENNET_A_FROM_NETNSID as u16,
    ifname_spec: "from-ifname",
};

/// An interface that uses a channel.
const USER: DevAttrs = DevAttrs {
    ifindex: uapi::MUENNET_A_USER_IFINDEX as u16,
    ifname: uapi::MUENNET_A_USER_IFNAME as u16,
    netnsid: uapi::MUENNET_A_USER_NETNSID as u16,
    ifname_spec: "ifname",
};

/// A device, and the attribute of the request that names it.
#[derive(Clone, Copy)]
struct Named<'a, D: ?Sized> {
    dev: &'a D,
    attr: Attribute<'a>,
}

/// The dump sequence. Written under the RTNL.
static DUMP_SEQ: Atomic<u32> = Atomic::new(1);

/// Returns the dump sequence, which is never 0, as netlink takes 0 for none.
///
/// If it changes between two buffers of a dump, netlink sets `NLM_F_DUMP_INTR` in the dump. One
/// sequence counts for all namespaces, so that a change in one namespace can interrupt a dump in
/// another; a requester that repeats the dump for that reason only loses time.
fn dump_seq(_rtnl: &Rtnl) -> NonZero<u32> {
    NonZero::new(DUMP_SEQ.load(Relaxed)).unwrap_or(NonZero::<u32>::MIN)
}

/// Increments the dump sequence: an interface was added or deleted, its name or namespace changed,
/// or a mark has another owner.
pub(super) fn dump_seq_inc(rtnl: &Rtnl) {
    let next = dump_seq(rtnl).checked_add(1).unwrap_or(NonZero::<u32>::MIN);
    DUMP_SEQ.store(next.get(), Relaxed);
}

/// Formats a name for messages.
fn text(name: &CStr) -> Text<'_> {
    Text::new(name.to_bytes())
}

fn no_such_dev(request: &GenlInfo<'_>, attr: Attribute<'_>, name: &CStr) -> Error {
    request.err_attr(attr, ENODEV, fmt!("there is no interface {}", text(name)))
}

/// Looks up the interface that a request names.
///
/// # Errors
///
/// - `EINVAL`: the request has no name, or the ID of a namespace that does not exist.
/// - `ENODEV`: there is no interface of this name or, where the request has the ID of another
///   namespace, it is not a child of an interface in the requester's namespace.
fn lookup_dev<'a>(
    request: &'a GenlInfo<'_>,
    attrs: DevAttrs,
    rtnl: &'a Rtnl,
) -> Result<Named<'a, NetDevice>> {
    let attr = request.require_attr(attrs.ifname, attrs.ifname_spec)?;
    let name = attr.string()?;
    let Some(netnsid) = request.attr(attrs.netnsid) else {
        let dev = NetDevice::by_name(request.net(), name, rtnl);
        return dev
            .map(|dev| Named { dev, attr })
            .ok_or_else(|| no_such_dev(request, attr, name));
    };
    let id = netnsid.i32()?;
    let Some(net) = request.net().by_id(id) else {
        let error = request.err_attr(
            netnsid,
            EINVAL,
            fmt!("there is no namespace with the id {id}"),
        );
        return Err(error);
    };
    // Do not disclose any other interfaces of that namespace.
    NetDevice::by_name(&net, name, rtnl)
        .filter(|dev| {
            dev.downcast::<Child>()
                .is_some_and(|child| child.data().parent().net(rtnl) == request.net())
        })
        .map(|dev| Named { dev, attr })
        .ok_or_else(|| no_such_dev(request, attr, name))
}

/// Looks up the child that a request names.
///
/// # Errors
///
/// - `EINVAL`: as [`lookup_dev`], or the interface is not a child.
/// - `ENODEV`: as [`lookup_dev`].
fn lookup_child<'a>(
    request: &'a GenlInfo<'_>,
    attrs: DevAttrs,
    rtnl: &'a Rtnl,
) -> Result<Named<'a, Device<Child>>> {
    let Named { dev, attr } = lookup_dev(request, attrs, rtnl)?;
    if let Some(dev) = dev.downcast::<Child>() {
        return Ok(Named { dev, attr });
    }
    let name = text(dev.name(rtnl));
    Err(match dev.downcast::<Interface>() {
        Some(_) => request.err_attr(
            attr,
            EINVAL,
            fmt!("{name} is a main interface, not a child"),
        ),
        None => request.err_attr(attr, EINVAL, fmt!("{name} is not a muennet interface")),
    })
}

/// Looks up the interface that a request names as the parent, in the requester's namespace. It need
/// not be a main interface.
///
/// # Errors
///
/// - `EINVAL`: the request has no name of a parent.
/// - `ENODEV`: there is no interface of this name.
fn lookup_parent<'a>(request: &'a GenlInfo<'_>, rtnl: &'a Rtnl) -> Result<Named<'a, NetDevice>> {
    let attr = request.require_attr(PARENT.ifname, PARENT.ifname_spec)?;
    let name = attr.string()?;
    NetDevice::by_name(request.net(), name, rtnl)
        .map(|dev| Named { dev, attr })
        .ok_or_else(|| no_such_dev(request, attr, name))
}

/// Checks that the requester may change where the packets of `parent` go.
///
/// # Errors
///
/// - `EPERM`: it does not have `CAP_NET_ADMIN` over the namespace of the parent.
fn check_parent_admin(
    request: &GenlInfo<'_>,
    parent: &NetDevice,
    attr: Attribute<'_>,
    rtnl: &Rtnl,
) -> Result {
    if request.has_net_admin(parent.net(rtnl)) {
        return Ok(());
    }
    let name = text(parent.name(rtnl));
    Err(request.err_attr(
        attr,
        EPERM,
        fmt!("CAP_NET_ADMIN is required in the namespace of the parent {name}"),
    ))
}

/// Looks up the child that a request names, and checks that the requester may change its marks.
///
/// # Errors
///
/// - `EPERM`: as [`check_parent_admin`].
/// - otherwise as [`lookup_child`].
fn lookup_child_as_admin<'a>(
    request: &'a GenlInfo<'_>,
    attrs: DevAttrs,
    rtnl: &'a Rtnl,
) -> Result<Named<'a, Device<Child>>> {
    let child = lookup_child(request, attrs, rtnl)?;
    let parent = child.dev.data().parent();
    check_parent_admin(request, parent, child.attr, rtnl)?;
    Ok(child)
}

/// Puts the attributes that identify an interface, as seen from the namespace `net`.
fn put_dev(
    message: &mut GenlMsg<'_>,
    attrs: DevAttrs,
    net: &Net,
    dev: &NetDevice,
    rtnl: &Rtnl,
) -> Result {
    message.put_u32(attrs.ifindex, dev.ifindex())?;
    message.put_string(attrs.ifname, dev.name(rtnl))?;
    let own = dev.net(rtnl);
    if own != net {
        message.put_s32(attrs.netnsid, net.peernet2id(own))?;
    }
    Ok(())
}

/// Puts the attributes that identify a child and its parent, as seen from the namespace `net`.
fn put_child(message: &mut GenlMsg<'_>, net: &Net, child: &Device<Child>, rtnl: &Rtnl) -> Result {
    put_dev(message, DEV, net, child, rtnl)?;
    put_dev(message, PARENT, net, child.data().parent(), rtnl)
}

/// Puts the attributes that all interfaces have, except those of [`put_dev`] and [`put_stats`].
fn put_common(message: &mut GenlMsg<'_>, dev: &NetDevice, mode: Mode) -> Result {
    let mode = match mode {
        Mode::Raw => uapi::muennet_mode_MUENNET_MODE_RAW,
        Mode::Ip => uapi::muennet_mode_MUENNET_MODE_IP,
        Mode::Ethernet | Mode::Vlan => uapi::muennet_mode_MUENNET_MODE_ETHERNET,
        Mode::Offload => uapi::muennet_mode_MUENNET_MODE_IP_OFFLOAD,
    };
    message.put_u32(uapi::MUENNET_A_MODE as u16, mode)?;
    message.put_u32(uapi::MUENNET_A_MTU as u16, dev.mtu())?;
    if dev.is_running() {
        message.put_flag(uapi::MUENNET_A_UP as u16)?;
    }
    Ok(())
}

fn put_channel(message: &mut GenlMsg<'_>, number: u16, channel: &ChannelInfo<'_>) -> Result {
    message.put_nest(number, |message| {
        message.put_bytes(uapi::MUENNET_A_CHANNEL_NAME as u16, channel.name)?;
        message.put_uint(uapi::MUENNET_A_CHANNEL_PROTOCOL as u16, channel.protocol)?;
        message.put_uint(
            uapi::MUENNET_A_CHANNEL_REGION_SIZE as u16,
            channel.region_size as u64,
        )?;
        if let Some(ring) = &channel.ring {
            message.put_uint(
                uapi::MUENNET_A_CHANNEL_ELEMENT_SIZE as u16,
                ring.size() as u64,
            )?;
            message.put_uint(uapi::MUENNET_A_CHANNEL_ELEMENTS as u16, ring.elements())?;
        }
        message.put_uint(
            uapi::MUENNET_A_CHANNEL_CONFIGURED_PROTOCOL as u16,
            channel.configured,
        )
    })
}

fn put_stats(message: &mut GenlMsg<'_>, sums: &Sums) -> Result {
    message.put_nest(uapi::MUENNET_A_STATS as u16, |message| {
        for (number, value) in [
            (uapi::MUENNET_A_STATS_RX_PACKETS, sums.rx_packets),
            (uapi::MUENNET_A_STATS_RX_BYTES, sums.rx_bytes),
            (uapi::MUENNET_A_STATS_RX_ERRORS, sums.rx_errors()),
            (uapi::MUENNET_A_STATS_RX_DROPPED, sums.rx_dropped()),
            (uapi::MUENNET_A_STATS_RX_OVER_ERRORS, sums.rx_overruns),
            (uapi::MUENNET_A_STATS_RX_FRAME_ERRORS, sums.rx_malformed),
            (uapi::MUENNET_A_STATS_RX_MISSED_ERRORS, sums.rx_missed),
            (uapi::MUENNET_A_STATS_TX_PACKETS, sums.tx_packets),
            (uapi::MUENNET_A_STATS_TX_BYTES, sums.tx_bytes),
            (uapi::MUENNET_A_STATS_TX_DROPPED, sums.tx_dropped),
        ] {
            message.put_uint(number as u16, value)?;
        }
        Ok(())
    })
}

/// Fills a message about a main interface, for a requester in the namespace `net`.
fn fill_interface(
    message: &mut GenlMsg<'_>,
    net: &Net,
    dev: &Device<Interface>,
    rtnl: &Rtnl,
) -> Result {
    let this = dev.data();
    put_dev(message, DEV, net, dev, rtnl)?;
    put_common(message, dev, this.mode())?;
    if let Some(channel) = this.in_channel() {
        put_channel(message, uapi::MUENNET_A_IN_CHANNEL as u16, &channel)?;
    }
    if let Some(channel) = this.out_channel() {
        put_channel(message, uapi::MUENNET_A_OUT_CHANNEL as u16, &channel)?;
    }
    message.put_u32(uapi::MUENNET_A_PEER_STATE as u16, peer_state(this))?;
    put_stats(message, &this.sums())?;
    let (rx, tx) = this.pause();
    if rx {
        message.put_flag(uapi::MUENNET_A_RX_PAUSE as u16)?;
    }
    if tx {
        message.put_flag(uapi::MUENNET_A_TX_PAUSE as u16)?;
    }
    put_config(message, this)
}

/// Returns the state of the peer on the in channel, as the specification numbers it.
fn peer_state(interface: &Interface) -> u32 {
    match interface.peer() {
        None | Some(Peer::Unknown) => uapi::muennet_peer_state_MUENNET_PEER_STATE_UNKNOWN,
        Some(Peer::Inactive) => uapi::muennet_peer_state_MUENNET_PEER_STATE_INACTIVE,
        Some(Peer::Active) => uapi::muennet_peer_state_MUENNET_PEER_STATE_ACTIVE,
        Some(Peer::Incompatible) => uapi::muennet_peer_state_MUENNET_PEER_STATE_INCOMPATIBLE,
        Some(Peer::Broken) => uapi::muennet_peer_state_MUENNET_PEER_STATE_BROKEN,
    }
}

/// Fills a message about a child, for a requester in the namespace `net`.
fn fill_child(message: &mut GenlMsg<'_>, net: &Net, child: &Device<Child>, rtnl: &Rtnl) -> Result {
    let this = child.data();
    put_child(message, net, child, rtnl)?;
    message.put_u32(uapi::MUENNET_A_MARK_COUNT as u16, this.mark_count())?;
    put_common(message, child, this.parent().data().mode())?;
    put_stats(message, &this.sums())
}

/// Fills a message about a mark and the child that owns it, for a requester in the namespace `net`.
fn fill_mark(
    message: &mut GenlMsg<'_>,
    net: &Net,
    child: &Device<Child>,
    mark: u32,
    rtnl: &Rtnl,
) -> Result {
    put_child(message, net, child, rtnl)?;
    message.put_u32(uapi::MUENNET_A_MARK as u16, mark)
}

/// Sends a notification to the namespaces of `children` and of their parents, once to each.
fn notify_netns(
    children: &[&Device<Child>],
    cmd: u32,
    rtnl: &Rtnl,
    fill: impl Fn(&mut GenlMsg<'_>, &Net) -> Result,
) {
    let nets = || {
        children
            .iter()
            .flat_map(|child| [child.net(rtnl), child.data().parent().net(rtnl)])
    };
    for (index, net) in nets().enumerate() {
        if nets().take(index).all(|earlier| earlier != net) {
            FAMILY.multicast(net, CHANGES, cmd as u8, rtnl, |message| fill(message, net));
        }
    }
}

/// Notifies that a child was added.
pub(super) fn notify_child_add(child: &Device<Child>, rtnl: &Rtnl) {
    notify_netns(
        &[child],
        uapi::MUENNET_CMD_CHILD_ADD_NTF,
        rtnl,
        |message, net| fill_child(message, net, child, rtnl),
    );
}

/// Notifies that a child is about to be deleted, together with its marks.
pub(super) fn notify_child_del(child: &Device<Child>, rtnl: &Rtnl) {
    notify_netns(
        &[child],
        uapi::MUENNET_CMD_CHILD_DEL_NTF,
        rtnl,
        |message, net| {
            put_child(message, net, child, rtnl)?;
            message.put_u32(uapi::MUENNET_A_MARK_COUNT as u16, child.data().mark_count())
        },
    );
}

/// Notifies that a child owns a mark that had no owner.
fn notify_mark_add(child: &Device<Child>, mark: u32, rtnl: &Rtnl) {
    notify_netns(
        &[child],
        uapi::MUENNET_CMD_MARK_ADD_NTF,
        rtnl,
        |message, net| fill_mark(message, net, child, mark, rtnl),
    );
}

/// Notifies that a mark which `child` owned has no owner any more.
fn notify_mark_del(child: &Device<Child>, mark: u32, rtnl: &Rtnl) {
    notify_netns(
        &[child],
        uapi::MUENNET_CMD_MARK_DEL_NTF,
        rtnl,
        |message, net| fill_mark(message, net, child, mark, rtnl),
    );
}

/// Notifies that a mark was moved from one child to another.
fn notify_mark_move(from: &Device<Child>, to: &Device<Child>, mark: u32, rtnl: &Rtnl) {
    notify_netns(
        &[to, from],
        uapi::MUENNET_CMD_MARK_MOVE_NTF,
        rtnl,
        |message, net| {
            fill_mark(message, net, to, mark, rtnl)?;
            put_dev(message, FROM, net, from, rtnl)
        },
    );
}

/// Gets one interface, or all.
struct DevGet;

impl Doit for DevGet {
    const POLICY: &'static [Policy] = &DEV_POLICY;

    fn doit(request: &GenlInfo<'_>) -> Result {
        let rtnl = &*rtnl::lock();
        let Named { dev, attr } = lookup_dev(request, DEV, rtnl)?;
        if let Some(child) = dev.downcast::<Child>() {
            return request.reply(&FAMILY, uapi::MUENNET_CMD_DEV_GET as u8, |message| {
                fill_child(message, request.net(), child, rtnl)
            });
        }
        if let Some(interface) = dev.downcast::<Interface>() {
            return request.reply(&FAMILY, uapi::MUENNET_CMD_DEV_GET as u8, |message| {
                fill_interface(message, request.net(), interface, rtnl)
            });
        }
        let name = text(dev.name(rtnl));
        Err(request.err_attr(attr, EINVAL, fmt!("{name} is not a muennet interface")))
    }
}

/// Gets the owner of one mark of a parent, all marks, or all marks of one child.
struct MarkGet;

impl Doit for MarkGet {
    const POLICY: &'static [Policy] = &MARK_GET_POLICY;

    fn doit(request: &GenlInfo<'_>) -> Result {
        let rtnl = &*rtnl::lock();
        let Named { dev, attr } = lookup_parent(request, rtnl)?;
        let name = text(dev.name(rtnl));
        let Some(parent) = dev.downcast::<Interface>() else {
            return Err(request.err_attr(
                attr,
                EINVAL,
                fmt!("{name} is not a main muennet interface"),
            ));
        };
        let attr = request.require_attr(uapi::MUENNET_A_MARK as u16, "mark")?;
        let mark = attr.u32()?;
        let owner = parent.data().endpoints().owner(mark);
        let child = owner
            .as_ref()
            .and_then(|endpoint| endpoint.device().downcast::<Child>())
            .ok_or_else(|| {
                request.err_attr(attr, ENOENT, fmt!("no child of {name} owns mark {mark}"))
            })?;
        request.reply(&FAMILY, uapi::MUENNET_CMD_MARK_GET as u8, |message| {
            fill_mark(message, request.net(), child, mark, rtnl)
        })
    }
}

/// Returns the name of the interface that a request adds in its namespace.
///
/// # Errors
///
/// - `EINVAL`: the request has no name, or it is not valid for a new interface.
/// - `EEXIST`: there is an interface of this name.
fn new_name<'a>(request: &'a GenlInfo<'_>, rtnl: &Rtnl) -> Result<Named<'a, CStr>> {
    let attr = request.require_attr(DEV.ifname, DEV.ifname_spec)?;
    let name = attr.string()?;
    if name.to_bytes().len() > NEW_NAME_MAX {
        return Err(request.err_attr(
            attr,
            EINVAL,
            fmt!("the name is longer than {NEW_NAME_MAX} characters"),
        ));
    }
    if NetDevice::by_name(request.net(), name, rtnl).is_some() {
        let name = text(name);
        return Err(request.err_attr(attr, EEXIST, fmt!("interface {name} already exists")));
    }
    if !is_valid_name(name) {
        let name = text(name);
        return Err(request.err_attr(attr, EINVAL, fmt!("'{name}' is not a valid interface name")));
    }
    if params::is_reserved_name(name.to_bytes()) {
        let name = text(name);
        return Err(request.err_attr(
            attr,
            EINVAL,
            fmt!("name '{name}' is reserved by the kernel"),
        ));
    }
    Ok(Named { dev: name, attr })
}

/// Adds a child.
struct ChildAdd;

impl Doit for ChildAdd {
    const POLICY: &'static [Policy] = &CHILD_ADD_POLICY;

    fn doit(request: &GenlInfo<'_>) -> Result {
        let rtnl = &*rtnl::lock();
        let parent = lookup_parent(request, rtnl)?;
        check_parent_admin(request, parent.dev, parent.attr, rtnl)?;
        let Named { dev: name, .. } = new_name(request, rtnl)?;
        // The parent is the reason for any other error.
        request.extack().set_bad_attr(parent.attr);
        LINK_OPS.add(
            request.net(),
            name,
            Some(parent.dev),
            request.extack(),
            rtnl,
        )?;
        Ok(())
    }
}

/// Deletes a child.
struct ChildDel;

impl Doit for ChildDel {
    const POLICY: &'static [Policy] = &DEV_POLICY;

    fn doit(request: &GenlInfo<'_>) -> Result {
        let rtnl = &*rtnl::lock();
        // CAP_NET_ADMIN over the namespace of the child or over that of its parent is enough. One
        // of them is the namespace of the requester, for which genetlink has checked it.
        let child = lookup_child(request, DEV, rtnl)?;
        LINK_OPS.delete(child.dev, rtnl);
        Ok(())
    }
}

/// Why the owner of a mark was not changed.
enum SetOwnerError {
    /// It is not allowed.
    Mark(marks::Error<EndpointId>),
    /// It failed.
    Other(Error),
}

impl From<marks::Error<EndpointId>> for SetOwnerError {
    fn from(error: marks::Error<EndpointId>) -> Self {
        Self::Mark(error)
    }
}

impl From<Error> for SetOwnerError {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

/// Returns the errno for an error of [`set_mark_owner`], and sets the extack message.
fn set_owner_error(
    request: &GenlInfo<'_>,
    attr: Attribute<'_>,
    mark: u32,
    child: &Device<Child>,
    error: SetOwnerError,
    rtnl: &Rtnl,
) -> Error {
    let name = text(child.name(rtnl));
    let error = match error {
        SetOwnerError::Mark(error) => error,
        SetOwnerError::Other(error) => return error,
    };
    match error {
        marks::Error::Zero => request.err_attr(
            attr,
            EINVAL,
            fmt!("mark 0 means no mark: no child can own it"),
        ),
        marks::Error::Exists => {
            request.err_attr(attr, EEXIST, fmt!("{name} owns mark {mark} already"))
        }
        marks::Error::NotOwned => request.err_attr(
            attr,
            ENOENT,
            fmt!("{name} does not own mark {mark}: no child does"),
        ),
        marks::Error::SameChild => request.err_attr(
            attr,
            EINVAL,
            fmt!("mark {mark} cannot be moved from {name} to itself"),
        ),
        marks::Error::OwnedBy(id) => {
            let endpoints = child.data().parent().data().endpoints();
            match endpoints.get(id) {
                Some((endpoint, _)) => {
                    let owner = text(endpoint.device().name(rtnl));
                    request.err_attr(attr, EBUSY, fmt!("mark {mark} is owned by {owner}"))
                }
                None => {
                    request.err_attr(attr, EBUSY, fmt!("mark {mark} is owned by another child"))
                }
            }
        }
    }
}

/// The new owner of a mark, [`None`] for no owner, or why it cannot be changed.
type NextOwner = Result<Option<EndpointId>, marks::Error<EndpointId>>;

/// Changes the owner of the mark in a request. `next` returns the new owner for a mark and its
/// current owner, both of them children of the parent of `child`. Error messages name `child`.
/// Returns the mark.
///
/// # Errors
///
/// - `EINVAL`: the request has no mark.
/// - `ENOMEM`: out of memory.
/// - that of [`set_owner_error`] for an error of `next`.
fn set_mark_owner(
    request: &GenlInfo<'_>,
    child: &Device<Child>,
    rtnl: &Rtnl,
    next: impl FnOnce(u32, Option<EndpointId>) -> NextOwner,
) -> Result<u32> {
    let attr = request.require_attr(uapi::MUENNET_A_MARK as u16, "mark")?;
    let mark = attr.u32()?;
    let endpoints = child.data().parent().data().endpoints();
    endpoints
        .set_mark_owner(mark, |owner| -> Result<_, SetOwnerError> {
            Ok(next(mark, owner)?)
        })
        .map_err(|error| set_owner_error(request, attr, mark, child, error, rtnl))?;
    dump_seq_inc(rtnl);
    Ok(mark)
}

/// Adds a mark to a child.
struct MarkAdd;

impl Doit for MarkAdd {
    const POLICY: &'static [Policy] = &MARK_POLICY;

    fn doit(request: &GenlInfo<'_>) -> Result {
        let rtnl = &*rtnl::lock();
        let Named { dev: child, .. } = lookup_child_as_admin(request, DEV, rtnl)?;
        let mark = set_mark_owner(request, child, rtnl, |mark, owner| {
            marks::add(mark, owner, child.data().endpoint()).map(Some)
        })?;
        notify_mark_add(child, mark, rtnl);
        Ok(())
    }
}

/// Deletes a mark from a child.
struct MarkDel;

impl Doit for MarkDel {
    const POLICY: &'static [Policy] = &MARK_POLICY;

    fn doit(request: &GenlInfo<'_>) -> Result {
        let rtnl = &*rtnl::lock();
        let Named { dev: child, .. } = lookup_child_as_admin(request, DEV, rtnl)?;
        let mark = set_mark_owner(request, child, rtnl, |mark, owner| {
            marks::del(mark, owner, child.data().endpoint()).map(|()| None)
        })?;
        notify_mark_del(child, mark, rtnl);
        Ok(())
    }
}

/// Moves a mark from one child to another.
struct MarkMove;

impl Doit for MarkMove {
    const POLICY: &'static [Policy] = &MARK_MOVE_POLICY;

    fn doit(request: &GenlInfo<'_>) -> Result {
        let rtnl = &*rtnl::lock();
        let Named { dev: from, .. } = lookup_child_as_admin(request, FROM, rtnl)?;
        let Named { dev: to, attr } = lookup_child_as_admin(request, DEV, rtnl)?;
        let parent = from.data().parent();
        if !core::ptr::eq(parent, to.data().parent()) {
            let name = text(to.name(rtnl));
            let parent = text(parent.name(rtnl));
            return Err(request.err_attr(
                attr,
                EINVAL,
                fmt!("{name} is not a child of {parent}: marks stay with their parent"),
            ));
        }
        let mark = set_mark_owner(request, from, rtnl, |mark, owner| {
            marks::move_to(mark, owner, from.data().endpoint(), to.data().endpoint()).map(Some)
        })?;
        notify_mark_move(from, to, mark, rtnl);
        Ok(())
    }
}

static OPS: [SplitOp; 13] = [
    SplitOp::doit::<DevGet>(uapi::MUENNET_CMD_DEV_GET as u8, OpFlags::None),
    SplitOp::dumpit::<DevGet>(uapi::MUENNET_CMD_DEV_GET as u8, OpFlags::None),
    SplitOp::doit::<MarkGet>(uapi::MUENNET_CMD_MARK_GET as u8, OpFlags::None),
    SplitOp::dumpit::<MarkGet>(uapi::MUENNET_CMD_MARK_GET as u8, OpFlags::None),
    SplitOp::doit::<ChildAdd>(uapi::MUENNET_CMD_CHILD_ADD as u8, OpFlags::UnsAdminPerm),
    SplitOp::doit::<ChildDel>(uapi::MUENNET_CMD_CHILD_DEL as u8, OpFlags::UnsAdminPerm),
    SplitOp::doit::<MarkAdd>(uapi::MUENNET_CMD_MARK_ADD as u8, OpFlags::UnsAdminPerm),
    SplitOp::doit::<MarkDel>(uapi::MUENNET_CMD_MARK_DEL as u8, OpFlags::UnsAdminPerm),
    SplitOp::doit::<MarkMove>(uapi::MUENNET_CMD_MARK_MOVE as u8, OpFlags::UnsAdminPerm),
    SplitOp::doit::<DevAdd>(uapi::MUENNET_CMD_DEV_ADD as u8, OpFlags::AdminPerm),
    SplitOp::doit::<DevDel>(uapi::MUENNET_CMD_DEV_DEL as u8, OpFlags::AdminPerm),
    SplitOp::doit::<DevSet>(uapi::MUENNET_CMD_DEV_SET as u8, OpFlags::AdminPerm),
    SplitOp::dumpit::<ChannelGet>(uapi::MUENNET_CMD_CHANNEL_GET as u8, OpFlags::AdminPerm),
];

/// The index of the multicast group for notifications in `GROUPS`.
const CHANGES: u32 = 0;

/// Returns a string of the uAPI header, which bindgen has as bytes with the terminator.
const fn c_str(bytes: &'static [u8]) -> &'static CStr {
    match CStr::from_bytes_with_nul(bytes) {
        Ok(text) => text,
        Err(_) => build_error!("the header has a string with an inner zero byte"),
    }
}

static GROUPS: [MulticastGroup; 1] = [MulticastGroup::new(c_str(uapi::MUENNET_MCGRP_CHANGES))];

/// The family `muennet`.
pub(super) static FAMILY: Family = Family::new(
    kernel::module::this_module::<crate::LocalModule>(),
    c_str(uapi::MUENNET_FAMILY_NAME),
    uapi::MUENNET_FAMILY_VERSION,
    &OPS,
    &GROUPS,
);
