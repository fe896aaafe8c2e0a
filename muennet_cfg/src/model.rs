// SPDX-License-Identifier: GPL-2.0

//! Objects in messages of the kernel: interfaces, marks and notifications.

use serde::Serialize;

use crate::netlink::Attributes;
use crate::netlink::Malformed;
use crate::netlink::Value;
use crate::uapi::attribute;
use crate::uapi::channel;
use crate::uapi::command;
use crate::uapi::mode;
use crate::uapi::name_of;
use crate::uapi::peer_state;
use crate::uapi::stats;
use crate::uapi::user;

/// Identification of an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Link {
    /// Index in its network namespace.
    pub ifindex: u32,
    /// Name.
    pub ifname: String,
    /// ID of its network namespace in the current one. -1 if it has no ID, `None` for the current
    /// namespace.
    pub netnsid: Option<i32>,
}

/// A channel of a main interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Channel {
    /// Name of the memory region.
    pub name: String,
    /// Protocol number, which must be the same on both sides.
    pub protocol: u64,
    /// Size of the memory region in bytes.
    pub region_size: u64,
    /// Size of an element in bytes. `None` if no epoch is followed.
    pub element_size: Option<u64>,
    /// Number of elements. `None` if no epoch is followed.
    pub elements: Option<u64>,
    /// Protocol number as configured.
    pub configured: u64,
}

/// A channel of the subject.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    /// Name of the memory region.
    pub name: String,
    /// Size of the memory region in bytes.
    pub size: u64,
    /// The subject writes to it.
    pub writable: bool,
    /// Number of the event of the same name.
    pub event: Option<u32>,
    /// Vector of the same name.
    pub vector: Option<u32>,
    /// Interfaces that use it, and the state of the peer on an in channel.
    pub users: Vec<(Link, Option<String>)>,
}

/// Counters of an interface, without those of its children.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Packets received.
    pub rx_packets: u64,
    /// Bytes received, without element headers.
    pub rx_bytes: u64,
    /// Sum of `rx_over_errors` and `rx_frame_errors`.
    pub rx_errors: u64,
    /// Packets received but not passed to the network stack.
    pub rx_dropped: u64,
    /// Overruns: the writer overtook the reader.
    pub rx_over_errors: u64,
    /// Elements without a valid packet.
    pub rx_frame_errors: u64,
    /// Elements lost in overruns.
    pub rx_missed_errors: u64,
    /// Packets sent.
    pub tx_packets: u64,
    /// Bytes sent, with element headers.
    pub tx_bytes: u64,
    /// Packets that were not sent.
    pub tx_dropped: u64,
}

/// Flow control of a main interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pause {
    /// The interface waits for the peer's reader.
    pub rx: bool,
    /// The interface reports to the peer how far it has read.
    pub tx: bool,
}

/// A muennet interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// Identification.
    pub link: Link,
    /// Main interface of a child. `None` for a main interface.
    pub parent: Option<Link>,
    /// Format of the elements of its channels.
    pub mode: String,
    /// MTU in bytes.
    pub mtu: u32,
    /// The interface is up.
    pub up: bool,
    /// Channel for incoming packets. `None` if there is none, and for a child.
    pub input: Option<Channel>,
    /// Channel for outgoing packets. `None` if there is none, and for a child.
    pub output: Option<Channel>,
    /// State of the writer of the in channel. `None` if there is no in channel, and for a child.
    pub peer: Option<String>,
    /// Flow control. Off for a child.
    pub pause: Pause,
    /// Counters.
    pub stats: Stats,
    /// What the text and JSON output of `show` do not have. Meaningless for a child.
    pub more: More,
}

/// More of the configuration of a main interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct More {
    /// The mode, a value of [`mode`].
    pub mode: u32,
    /// Elements have room for the tags of a VLAN.
    pub vlan: bool,
    /// Name of the region with the path MTUs.
    pub pmtu: Option<String>,
    /// MAC address.
    pub mac: Option<[u8; 6]>,
    /// Poll period in microseconds. `None` if the interface is not polled.
    pub poll: Option<u32>,
    /// Settings, bits of [`settings`](crate::uapi::settings).
    pub settings: u32,
}

/// A mark and the child that owns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedMark {
    /// The mark.
    pub mark: u32,
    /// The child.
    pub child: Link,
    /// Its parent.
    pub parent: Link,
}

/// The change that a notification is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotificationKind {
    /// A main interface was added.
    InterfaceAdded,
    /// A main interface was deleted.
    InterfaceDeleted,
    /// A main interface was changed.
    InterfaceChanged,
    /// A child was added.
    ChildAdded,
    /// A child was deleted, and with it this number of marks.
    ChildDeleted(u32),
    /// A mark without an owner was assigned to the child.
    MarkAdded(u32),
    /// A mark of the child was removed. The mark has no owner now.
    MarkDeleted(u32),
    /// A mark was moved to the child from this other child.
    MarkMoved(u32, Link),
}

/// A notification of the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// The change that a notification is about.
    pub kind: NotificationKind,
    /// The child, or the main interface.
    pub link: Link,
    /// The parent of the child.
    pub parent: Option<Link>,
}

/// An event for `monitor`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A notification.
    Notification(Notification),
    /// Notifications were lost.
    Lost,
    /// The module was unloaded.
    Unloaded,
}

/// All attributes of a message, before validation.
#[derive(Default)]
struct Attrs {
    link: LinkAttrs,
    parent: LinkAttrs,
    from: LinkAttrs,
    mark: Option<u32>,
    mark_count: Option<u32>,
    interface: Interface,
}

#[derive(Default)]
struct LinkAttrs {
    ifindex: Option<u32>,
    ifname: Option<String>,
    netnsid: Option<i32>,
}

impl LinkAttrs {
    fn into_link(self) -> Option<Link> {
        Some(Link {
            ifindex: self.ifindex?,
            ifname: self.ifname?,
            netnsid: self.netnsid,
        })
    }

    fn require_link(self) -> Result<Link, Malformed> {
        self.into_link().ok_or_else(|| missing("interface"))
    }
}

fn missing(what: &str) -> Malformed {
    Malformed(format!("{what} is missing"))
}

impl Attrs {
    fn parse(attributes: Attributes<'_>) -> Result<Self, Malformed> {
        let mut attrs = Attrs::default();
        for attribute in attributes.iter() {
            let (kind, value) = attribute?;
            let interface = &mut attrs.interface;
            match kind {
                attribute::IFINDEX => attrs.link.ifindex = Some(value.u32()?),
                attribute::IFNAME => attrs.link.ifname = Some(value.name()),
                attribute::NETNSID => attrs.link.netnsid = Some(value.i32()?),
                attribute::PARENT_IFINDEX => attrs.parent.ifindex = Some(value.u32()?),
                attribute::PARENT_IFNAME => attrs.parent.ifname = Some(value.name()),
                attribute::PARENT_NETNSID => attrs.parent.netnsid = Some(value.i32()?),
                attribute::FROM_IFINDEX => attrs.from.ifindex = Some(value.u32()?),
                attribute::FROM_IFNAME => attrs.from.ifname = Some(value.name()),
                attribute::FROM_NETNSID => attrs.from.netnsid = Some(value.i32()?),
                attribute::MARK => attrs.mark = Some(value.u32()?),
                attribute::MARK_COUNT => attrs.mark_count = Some(value.u32()?),
                attribute::MODE => {
                    interface.mode = enum_name(mode::ALL, value)?;
                    interface.more.mode = value.u32()?;
                }
                attribute::MTU => interface.mtu = value.u32()?,
                attribute::UP => interface.up = true,
                attribute::IN_CHANNEL => interface.input = Some(parse_channel(value.nested())?),
                attribute::OUT_CHANNEL => interface.output = Some(parse_channel(value.nested())?),
                attribute::PEER_STATE => interface.peer = Some(enum_name(peer_state::ALL, value)?),
                attribute::STATS => interface.stats = parse_stats(value.nested())?,
                attribute::RX_PAUSE => interface.pause.rx = true,
                attribute::TX_PAUSE => interface.pause.tx = true,
                attribute::VLAN => interface.more.vlan = true,
                attribute::PMTU => interface.more.pmtu = Some(value.name()),
                attribute::MAC => interface.more.mac = Some(value.bytes()?),
                attribute::POLL => interface.more.poll = Some(value.u32()?),
                attribute::SETTINGS => interface.more.settings = value.u32()?,
                // From a newer kernel.
                _ => {}
            }
        }
        Ok(attrs)
    }

    fn mark(&self) -> Result<u32, Malformed> {
        self.mark.ok_or_else(|| missing("mark"))
    }
}

impl Interface {
    /// Parses a reply to `dev-get`.
    ///
    /// # Errors
    ///
    /// An attribute is missing or malformed.
    pub fn parse(attributes: Attributes<'_>) -> Result<Self, Malformed> {
        let mut attrs = Attrs::parse(attributes)?;
        attrs.interface.link = attrs.link.require_link()?;
        attrs.interface.parent = attrs.parent.into_link();
        Ok(attrs.interface)
    }
}

impl Resource {
    /// Parses a reply to `channel-get`.
    ///
    /// # Errors
    ///
    /// An attribute is missing or malformed.
    pub fn parse(attributes: Attributes<'_>) -> Result<Self, Malformed> {
        let mut parsed = Resource::default();
        for attribute in attributes.iter() {
            let (attribute::CHANNEL, nest) = attribute? else {
                continue;
            };
            for attribute in nest.nested().iter() {
                let (kind, value) = attribute?;
                match kind {
                    channel::NAME => parsed.name = value.name(),
                    channel::REGION_SIZE => parsed.size = value.uint()?,
                    channel::WRITABLE => parsed.writable = true,
                    channel::EVENT => parsed.event = Some(value.u32()?),
                    channel::VECTOR => parsed.vector = Some(value.u32()?),
                    channel::USER => parsed.users.push(parse_user(value.nested())?),
                    _ => {}
                }
            }
        }
        Ok(parsed)
    }
}

fn parse_user(attributes: Attributes<'_>) -> Result<(Link, Option<String>), Malformed> {
    let mut link = LinkAttrs::default();
    let mut peer = None;
    for attribute in attributes.iter() {
        let (kind, value) = attribute?;
        match kind {
            user::IFINDEX => link.ifindex = Some(value.u32()?),
            user::IFNAME => link.ifname = Some(value.name()),
            user::NETNSID => link.netnsid = Some(value.i32()?),
            user::PEER_STATE => peer = Some(enum_name(peer_state::ALL, value)?),
            _ => {}
        }
    }
    Ok((link.require_link()?, peer))
}

impl OwnedMark {
    /// Parses a reply to `mark-get`.
    ///
    /// # Errors
    ///
    /// An attribute is missing or malformed.
    pub fn parse(attributes: Attributes<'_>) -> Result<Self, Malformed> {
        let attrs = Attrs::parse(attributes)?;
        Ok(OwnedMark {
            mark: attrs.mark()?,
            child: attrs.link.require_link()?,
            parent: attrs.parent.require_link()?,
        })
    }
}

impl Notification {
    /// Parses a notification. Returns `None` for an unknown notification of a newer kernel.
    ///
    /// # Errors
    ///
    /// An attribute is missing or malformed.
    pub fn parse(command: u8, attributes: Attributes<'_>) -> Result<Option<Self>, Malformed> {
        let attrs = Attrs::parse(attributes)?;
        let kind = match command {
            command::DEV_ADD_NTF => NotificationKind::InterfaceAdded,
            command::DEV_DEL_NTF => NotificationKind::InterfaceDeleted,
            command::DEV_SET_NTF => NotificationKind::InterfaceChanged,
            command::CHILD_ADD_NTF => NotificationKind::ChildAdded,
            command::CHILD_DEL_NTF => NotificationKind::ChildDeleted(attrs.mark_count.unwrap_or(0)),
            command::MARK_ADD_NTF => NotificationKind::MarkAdded(attrs.mark()?),
            command::MARK_DEL_NTF => NotificationKind::MarkDeleted(attrs.mark()?),
            command::MARK_MOVE_NTF => {
                NotificationKind::MarkMoved(attrs.mark()?, attrs.from.require_link()?)
            }
            _ => return Ok(None),
        };
        Ok(Some(Notification {
            kind,
            link: attrs.link.require_link()?,
            parent: attrs.parent.into_link(),
        }))
    }
}

/// Returns the name of an enum value, or its number if a newer kernel has more values.
fn enum_name(all: &[(&'static str, u32)], value: Value<'_>) -> Result<String, Malformed> {
    let number = value.u32()?;
    Ok(name_of(all, number).map_or_else(|| number.to_string(), str::to_owned))
}

fn parse_channel(attributes: Attributes<'_>) -> Result<Channel, Malformed> {
    let mut parsed = Channel::default();
    for attribute in attributes.iter() {
        let (kind, value) = attribute?;
        match kind {
            channel::NAME => parsed.name = value.name(),
            channel::PROTOCOL => parsed.protocol = value.uint()?,
            channel::REGION_SIZE => parsed.region_size = value.uint()?,
            channel::ELEMENT_SIZE => parsed.element_size = Some(value.uint()?),
            channel::ELEMENTS => parsed.elements = Some(value.uint()?),
            channel::CONFIGURED_PROTOCOL => parsed.configured = value.uint()?,
            _ => {}
        }
    }
    Ok(parsed)
}

fn parse_stats(attributes: Attributes<'_>) -> Result<Stats, Malformed> {
    let mut parsed = Stats::default();
    for attribute in attributes.iter() {
        let (kind, value) = attribute?;
        let counter = match kind {
            stats::RX_PACKETS => &mut parsed.rx_packets,
            stats::RX_BYTES => &mut parsed.rx_bytes,
            stats::RX_ERRORS => &mut parsed.rx_errors,
            stats::RX_DROPPED => &mut parsed.rx_dropped,
            stats::RX_OVER_ERRORS => &mut parsed.rx_over_errors,
            stats::RX_FRAME_ERRORS => &mut parsed.rx_frame_errors,
            stats::RX_MISSED_ERRORS => &mut parsed.rx_missed_errors,
            stats::TX_PACKETS => &mut parsed.tx_packets,
            stats::TX_BYTES => &mut parsed.tx_bytes,
            stats::TX_DROPPED => &mut parsed.tx_dropped,
            _ => continue,
        };
        *counter = value.uint()?;
    }
    Ok(parsed)
}
