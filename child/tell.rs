// SPDX-License-Identifier: GPL-2.0

//! Notifications, to the namespace of the child and to that of its parent. Of moves and new names
//! rtnetlink tells.
//!
//! A notification that cannot be made is lost: the change has happened. Those who would have had it
//! are told so (`ENOBUFS`), and ask for a dump.

use super::{
    device::Child,
    family::{
        CHANGES,
        FAMILY, //
    },
    show,
    uapi::{
        command,
        muennet as attr, //
    }, //
};
use crate::abstractions::{
    netdevice::Device,
    netlink::Message,
    netns::Net,
    rtnl::Rtnl, //
};
use kernel::prelude::*;

/// Tells all namespaces that are concerned by one of `children`, once each.
fn tell(
    children: &[&Device<Child>],
    command: u8,
    rtnl: &Rtnl,
    fill: impl Fn(&mut Message<'_>, &Net) -> Result,
) {
    let nets = || {
        children
            .iter()
            .flat_map(|child| [child.any().net(rtnl), child.data().parent().any().net(rtnl)])
    };
    for (index, net) in nets().enumerate() {
        if nets().take(index).all(|earlier| earlier != net) {
            FAMILY.notify(net, CHANGES, command, rtnl, |message| fill(message, net));
        }
    }
}

/// A child has been added.
pub(super) fn child_added(child: &Device<Child>, rtnl: &Rtnl) {
    tell(&[child], command::CHILD_ADD_NTF, rtnl, |message, net| {
        show::child(message, net, child, rtnl)
    });
}

/// A child is about to go, and its marks with it.
pub(super) fn child_deleted(child: &Device<Child>, rtnl: &Rtnl) {
    tell(&[child], command::CHILD_DEL_NTF, rtnl, |message, net| {
        show::child_names(message, net, child, rtnl)?;
        message.u32(attr::MARK_COUNT, child.data().mark_count())
    });
}

/// A child owns a mark that nobody owned.
pub(super) fn mark_added(child: &Device<Child>, mark: u32, rtnl: &Rtnl) {
    tell(&[child], command::MARK_ADD_NTF, rtnl, |message, net| {
        show::mark(message, net, child, mark, rtnl)
    });
}

/// A child does not own a mark any more, and nobody does.
pub(super) fn mark_deleted(child: &Device<Child>, mark: u32, rtnl: &Rtnl) {
    tell(&[child], command::MARK_DEL_NTF, rtnl, |message, net| {
        show::mark(message, net, child, mark, rtnl)
    });
}

/// A mark went from one child to another.
pub(super) fn mark_moved(from: &Device<Child>, to: &Device<Child>, mark: u32, rtnl: &Rtnl) {
    tell(&[to, from], command::MARK_MOVE_NTF, rtnl, |message, net| {
        show::mark(message, net, to, mark, rtnl)?;
        show::names(message, &show::FROM, net, from.any(), rtnl)
    });
}
