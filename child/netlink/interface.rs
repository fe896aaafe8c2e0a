// SPDX-License-Identifier: GPL-2.0

//! The operations on main interfaces, and the dump of the subject's channels.
//!
//! The operations that add and delete take the lock of the interfaces before the RTNL.

use super::*;
use crate::{
    abstractions::rtnl::RtnlCell,
    muen::sinfo::{
        Guest,
        MemoryResource, //
    },
    netdev::{
        params::{
            ChannelConfig,
            Conflict,
            InterfaceConfig,
            Settings,
            MTU_DEFAULT,
            POLL_MAX_US,
            POLL_MIN_US, //
        },
        Interfaces,
        Part, //
    }, //
};
use core::{
    num::NonZeroU64,
    ops::RangeInclusive, //
};
use kernel::{
    fmt,
    sync::Arc, //
};

/// The main interfaces of the module: there are some before the family is registered, and until it
/// has been unregistered, so that each operation finds them.
pub(in super::super) static INTERFACES: RtnlCell<Option<Arc<Interfaces>>> = RtnlCell::new(None);

/// Returns the main interfaces of the module.
///
/// # Errors
///
/// - `ENODEV`: there are none, which does not happen.
fn interfaces(rtnl: &Rtnl) -> Result<Arc<Interfaces>> {
    INTERFACES.get_arc(rtnl).ok_or(ENODEV)
}

/// All bits of the attributes with settings.
const SETTINGS_MASK: u32 = uapi::muennet_settings_MUENNET_SETTINGS_CARRIER_FOLLOWS_PEER
    | uapi::muennet_settings_MUENNET_SETTINGS_RESTART_WITH_PEER
    | uapi::muennet_settings_MUENNET_SETTINGS_RX_PAUSE
    | uapi::muennet_settings_MUENNET_SETTINGS_TX_PAUSE;

const _: () = {
    assert!(uapi::MUENNET_POLL_MIN == POLL_MIN_US && uapi::MUENNET_POLL_MAX == POLL_MAX_US);
};

/// The policy of the name of a memory region.
const REGION: Policy = Policy::string(uapi::MUENNET_REGION_NAME_MAX_LEN as u16);

const CHANNEL_POLICY: [Policy; uapi::MUENNET_A_CHANNEL_CONFIGURED_PROTOCOL as usize + 1] =
    policy_table(&[
        (uapi::MUENNET_A_CHANNEL_NAME as u16, REGION),
        (
            uapi::MUENNET_A_CHANNEL_CONFIGURED_PROTOCOL as u16,
            Policy::uint(),
        ),
    ]);

const DEV_ADD_POLICY: [Policy; uapi::MUENNET_A_SETTINGS as usize + 1] = policy_table(&[
    (uapi::MUENNET_A_IFNAME as u16, IFNAME),
    (
        uapi::MUENNET_A_IN_CHANNEL as u16,
        Policy::nested(&CHANNEL_POLICY),
    ),
    (
        uapi::MUENNET_A_OUT_CHANNEL as u16,
        Policy::nested(&CHANNEL_POLICY),
    ),
    (uapi::MUENNET_A_MODE as u16, Policy::u32()),
    (uapi::MUENNET_A_VLAN as u16, Policy::flag()),
    (uapi::MUENNET_A_MTU as u16, Policy::u32()),
    (uapi::MUENNET_A_PMTU as u16, REGION),
    (uapi::MUENNET_A_MAC as u16, Policy::bytes(6)),
    (uapi::MUENNET_A_POLL as u16, Policy::u32()),
    (uapi::MUENNET_A_SETTINGS as u16, Policy::mask(SETTINGS_MASK)),
]);

const DEV_DEL_POLICY: [Policy; uapi::MUENNET_A_IFNAME as usize + 1] =
    policy_table(&[(uapi::MUENNET_A_IFNAME as u16, IFNAME)]);

const DEV_SET_POLICY: [Policy; uapi::MUENNET_A_SETTINGS_MASK as usize + 1] = policy_table(&[
    (uapi::MUENNET_A_IFNAME as u16, IFNAME),
    (uapi::MUENNET_A_MTU as u16, Policy::u32()),
    (uapi::MUENNET_A_POLL as u16, Policy::u32()),
    (uapi::MUENNET_A_SETTINGS as u16, Policy::mask(SETTINGS_MASK)),
    (
        uapi::MUENNET_A_SETTINGS_MASK as u16,
        Policy::mask(SETTINGS_MASK),
    ),
]);

/// Returns the settings with these bits.
fn settings_of(bits: u32) -> Settings {
    let is_set = |bit| bits & bit != 0;
    Settings {
        follow_peer: is_set(uapi::muennet_settings_MUENNET_SETTINGS_CARRIER_FOLLOWS_PEER),
        restart_with_peer: is_set(uapi::muennet_settings_MUENNET_SETTINGS_RESTART_WITH_PEER),
        rx_pause: is_set(uapi::muennet_settings_MUENNET_SETTINGS_RX_PAUSE),
        tx_pause: is_set(uapi::muennet_settings_MUENNET_SETTINGS_TX_PAUSE),
    }
}

/// Returns the bits of settings.
fn settings_bits(settings: Settings) -> u32 {
    let Settings {
        follow_peer,
        restart_with_peer,
        rx_pause,
        tx_pause,
    } = settings;
    let bit = |is_set, bit| if is_set { bit } else { 0 };
    bit(
        follow_peer,
        uapi::muennet_settings_MUENNET_SETTINGS_CARRIER_FOLLOWS_PEER,
    ) | bit(
        restart_with_peer,
        uapi::muennet_settings_MUENNET_SETTINGS_RESTART_WITH_PEER,
    ) | bit(rx_pause, uapi::muennet_settings_MUENNET_SETTINGS_RX_PAUSE)
        | bit(tx_pause, uapi::muennet_settings_MUENNET_SETTINGS_TX_PAUSE)
}

/// Puts the configuration of a main interface, except what [`put_channel`] and [`put_common`] put.
pub(super) fn put_config(message: &mut GenlMsg<'_>, this: &Interface) -> Result {
    if this.mode() == Mode::Vlan {
        message.put_flag(uapi::MUENNET_A_VLAN as u16)?;
    }
    if !this.pmtu_name().is_empty() {
        message.put_bytes(uapi::MUENNET_A_PMTU as u16, this.pmtu_name())?;
    }
    if let Some(mac) = this.configured_mac() {
        message.put(uapi::MUENNET_A_MAC as u16, &mac)?;
    }
    if let Some(us) = this.poll_us() {
        message.put_u32(uapi::MUENNET_A_POLL as u16, us)?;
    }
    message.put_u32(
        uapi::MUENNET_A_SETTINGS as u16,
        settings_bits(this.settings()),
    )
}

/// Notifies the namespace of a main interface.
fn notify(
    dev: &Device<Interface>,
    cmd: u32,
    rtnl: &Rtnl,
    fill: impl FnOnce(&mut GenlMsg<'_>, &Net) -> Result,
) {
    let net = dev.net(rtnl);
    FAMILY.multicast(net, CHANGES, cmd as u8, rtnl, |message| fill(message, net));
}

/// Returns the error for a conflict in a request: sets the attribute and the text.
fn conflict_error(request: &GenlInfo<'_>, conflict: Conflict, mode: Mode) -> Error {
    let (number, error, why) = match conflict {
        Conflict::NoChannel => {
            request
                .extack()
                .set_miss_type(uapi::MUENNET_A_IN_CHANNEL as u16);
            (
                0,
                EINVAL,
                "the request has no in-channel and no out-channel",
            )
        }
        Conflict::CarrierWithoutInChannel => (
            uapi::MUENNET_A_SETTINGS,
            EOPNOTSUPP,
            "carrier-follows-peer needs an in channel",
        ),
        Conflict::RestartWithoutEthernet => (
            uapi::MUENNET_A_SETTINGS,
            EOPNOTSUPP,
            "restart-with-peer needs mode ethernet and both channels",
        ),
        Conflict::PauseWithOneChannel => (
            uapi::MUENNET_A_SETTINGS,
            EOPNOTSUPP,
            "flow control needs an in channel and an out channel",
        ),
        Conflict::PmtuWithoutIp => (uapi::MUENNET_A_PMTU, EINVAL, "path MTUs need mode ip"),
        Conflict::PmtuWithOffload => (
            uapi::MUENNET_A_PMTU,
            EINVAL,
            "path MTUs cannot be used in mode ip-offload",
        ),
        Conflict::MtuOutOfRange => return mtu_error(request, mode.mtu_range()),
        Conflict::MacWithoutEthernet => (
            uapi::MUENNET_A_MAC,
            EINVAL,
            "a MAC address needs mode ethernet",
        ),
        Conflict::MacInvalid => (
            uapi::MUENNET_A_MAC,
            EINVAL,
            "the MAC address is not a unicast address",
        ),
    };
    set_error(request, number, fmt!("{why}"));
    error
}

/// Returns the error for an MTU that is out of range: sets the attribute and the text.
fn mtu_error(request: &GenlInfo<'_>, range: RangeInclusive<u32>) -> Error {
    let (least, most) = (range.start(), range.end());
    set_error(
        request,
        uapi::MUENNET_A_MTU,
        fmt!("the MTU must be {least} to {most}"),
    );
    EINVAL
}

/// Sets the error text, and the bad attribute if the request has it.
fn set_error(request: &GenlInfo<'_>, number: u32, why: fmt::Arguments<'_>) {
    if let Some(attr) = request.attr(number as u16) {
        request.extack().set_bad_attr(attr);
    }
    request.extack().set_err_msg(why);
}

/// Returns the channel in an attribute of a request, if it is present.
///
/// # Errors
///
/// - `EINVAL`: the channel has no name or no protocol.
fn channel<'a>(request: &'a GenlInfo<'_>, number: u32) -> Result<Option<ChannelConfig<'a>>> {
    let Some(nest) = request.attr(number as u16) else {
        return Ok(None);
    };
    let name = match nest.nested(uapi::MUENNET_A_CHANNEL_NAME as u16) {
        Some(name) => name.string()?.to_bytes(),
        None => &[],
    };
    if name.is_empty() {
        return Err(request.err_attr(nest, EINVAL, fmt!("the channel has no name")));
    }
    let name = Text::new(name);
    let protocol = match nest.nested(uapi::MUENNET_A_CHANNEL_CONFIGURED_PROTOCOL as u16) {
        Some(protocol) => protocol.uint()?,
        None => 0,
    };
    let Some(protocol) = NonZeroU64::new(protocol) else {
        return Err(request.err_attr(
            nest,
            EINVAL,
            fmt!("the configured-protocol of channel '{name}' is missing or 0"),
        ));
    };
    Ok(Some(ChannelConfig { name, protocol }))
}

/// Returns the mode in a request.
///
/// # Errors
///
/// - `EINVAL`: there is no such mode, or `vlan` is set in another mode than Ethernet.
fn mode(request: &GenlInfo<'_>) -> Result<Mode> {
    let mode = match request.attr(uapi::MUENNET_A_MODE as u16) {
        None => Mode::Raw,
        Some(attr) => match attr.u32()? {
            uapi::muennet_mode_MUENNET_MODE_RAW => Mode::Raw,
            uapi::muennet_mode_MUENNET_MODE_IP => Mode::Ip,
            uapi::muennet_mode_MUENNET_MODE_ETHERNET => Mode::Ethernet,
            uapi::muennet_mode_MUENNET_MODE_IP_OFFLOAD => Mode::Offload,
            other => {
                return Err(request.err_attr(attr, EINVAL, fmt!("there is no mode {other}")));
            }
        },
    };
    match (request.attr(uapi::MUENNET_A_VLAN as u16), mode) {
        (None, mode) => Ok(mode),
        (Some(_), Mode::Ethernet) => Ok(Mode::Vlan),
        (Some(attr), _) => Err(request.err_attr(attr, EINVAL, fmt!("vlan needs mode ethernet"))),
    }
}

/// Returns the poll period in a request in microseconds, if it is present.
///
/// # Errors
///
/// - `EINVAL`: it is out of range.
fn poll_us(request: &GenlInfo<'_>) -> Result<Option<u32>> {
    const RANGE: RangeInclusive<u32> = uapi::MUENNET_POLL_MIN..=uapi::MUENNET_POLL_MAX;
    let Some(attr) = request.attr(uapi::MUENNET_A_POLL as u16) else {
        return Ok(None);
    };
    let us = attr.u32()?;
    if !RANGE.contains(&us) {
        let (least, most) = (RANGE.start(), RANGE.end());
        return Err(request.err_attr(
            attr,
            EINVAL,
            fmt!("the poll period must be {least} to {most} microseconds"),
        ));
    }
    Ok(Some(us))
}

/// Returns the bits of settings that a request asks for, if they are `before` now.
///
/// # Errors
///
/// - `EINVAL`: there are settings that the mask does not have.
fn changed_bits(request: &GenlInfo<'_>, before: u32) -> Result<u32> {
    let mask = match request.attr(uapi::MUENNET_A_SETTINGS_MASK as u16) {
        Some(attr) => attr.u32()?,
        None => 0,
    };
    let Some(attr) = request.attr(uapi::MUENNET_A_SETTINGS as u16) else {
        return Ok(before & !mask);
    };
    let bits = attr.u32()?;
    if bits & !mask != 0 {
        let why = fmt!("settings has bits that settings-mask does not have");
        return Err(request.err_attr(attr, EINVAL, why));
    }
    Ok(before & !mask | bits)
}

/// Reports why a request fails: sets the attribute of the part and the text.
fn report(request: &GenlInfo<'_>, part: Part, why: fmt::Arguments<'_>) {
    let attr = match part {
        Part::Name => uapi::MUENNET_A_IFNAME,
        Part::InChannel => uapi::MUENNET_A_IN_CHANNEL,
        Part::OutChannel => uapi::MUENNET_A_OUT_CHANNEL,
        Part::Pmtu => uapi::MUENNET_A_PMTU,
        Part::Mtu => uapi::MUENNET_A_MTU,
        Part::Poll => uapi::MUENNET_A_POLL,
        Part::Subject => 0,
    };
    set_error(request, attr, why);
}

/// Adds a main interface.
pub(super) struct DevAdd;

impl Doit for DevAdd {
    const POLICY: &'static [Policy] = &DEV_ADD_POLICY;

    fn doit(request: &GenlInfo<'_>) -> Result {
        let (name, interfaces) = {
            let rtnl = rtnl::lock();
            let Named { dev: name, .. } = new_name(request, &rtnl)?;
            (name, interfaces(&rtnl)?)
        };
        let mode = mode(request)?;
        let attr_u32 = |number: u32| request.attr(number as u16).map(Attribute::u32).transpose();
        let pmtu = request.attr(uapi::MUENNET_A_PMTU as u16);
        let mac = request.attr(uapi::MUENNET_A_MAC as u16);
        let config = InterfaceConfig {
            name: text(name),
            in_channel: channel(request, uapi::MUENNET_A_IN_CHANNEL)?,
            out_channel: channel(request, uapi::MUENNET_A_OUT_CHANNEL)?,
            mode,
            settings: settings_of(attr_u32(uapi::MUENNET_A_SETTINGS)?.unwrap_or(0)),
            poll_us: poll_us(request)?,
            mtu: attr_u32(uapi::MUENNET_A_MTU)?.unwrap_or(MTU_DEFAULT),
            pmtu: pmtu.map(Attribute::string).transpose()?.map(text),
            mac: mac.map(Attribute::bytes).transpose()?,
        };
        config
            .check()
            .map_err(|conflict| conflict_error(request, conflict, mode))?;
        let report = |part, why: fmt::Arguments<'_>| report(request, part, why);
        interfaces.add(&config, name, request.net(), &report, |dev, rtnl| {
            notify(dev, uapi::MUENNET_CMD_DEV_ADD_NTF, rtnl, |message, net| {
                fill_interface(message, net, dev, rtnl)
            });
            // The interface has been added. Without memory for the reply, the acknowledgment
            // alone says so.
            let _ = request.reply(&FAMILY, uapi::MUENNET_CMD_DEV_ADD as u8, |message| {
                fill_interface(message, request.net(), dev, rtnl)
            });
        })
    }
}

/// Looks up the main interface that a request names.
///
/// # Errors
///
/// - `EINVAL`: as [`lookup_dev`], or the interface is not a main interface.
/// - `ENODEV`: as [`lookup_dev`].
fn lookup_interface<'a>(
    request: &'a GenlInfo<'_>,
    rtnl: &'a Rtnl,
) -> Result<Named<'a, Device<Interface>>> {
    let Named { dev, attr } = lookup_dev(request, DEV, rtnl)?;
    if let Some(dev) = dev.downcast::<Interface>() {
        return Ok(Named { dev, attr });
    }
    let name = text(dev.name(rtnl));
    Err(match dev.downcast::<Child>() {
        Some(_) => request.err_attr(attr, EINVAL, fmt!("{name} is a child interface")),
        None => request.err_attr(attr, EINVAL, fmt!("{name} is not a muennet interface")),
    })
}

/// Deletes a main interface and its children.
pub(super) struct DevDel;

impl Doit for DevDel {
    const POLICY: &'static [Policy] = &DEV_DEL_POLICY;

    fn doit(request: &GenlInfo<'_>) -> Result {
        let interfaces = interfaces(&rtnl::lock())?;
        let find = |rtnl: &Rtnl| {
            lookup_interface(request, rtnl).map(|named| core::ptr::from_ref(named.dev))
        };
        interfaces.delete(find, |dev, rtnl| {
            delete_children(dev, rtnl);
            notify(dev, uapi::MUENNET_CMD_DEV_DEL_NTF, rtnl, |message, net| {
                put_dev(message, DEV, net, dev, rtnl)
            });
            dump_seq_inc(rtnl);
        })
    }
}

/// Changes what can change of a main interface while it exists.
pub(super) struct DevSet;

impl Doit for DevSet {
    const POLICY: &'static [Policy] = &DEV_SET_POLICY;

    fn doit(request: &GenlInfo<'_>) -> Result {
        let rtnl = &*rtnl::lock();
        let Named { dev, .. } = lookup_interface(request, rtnl)?;
        let this = dev.data();
        // Everything is checked before anything changes.
        let poll_us = poll_us(request)?;
        if let (Some(_), None) = (poll_us, this.poll_us()) {
            set_error(
                request,
                uapi::MUENNET_A_POLL,
                fmt!("the interface is not polled: it has a vector, or no in channel"),
            );
            return Err(EOPNOTSUPP);
        }
        let before = settings_bits(this.settings());
        let settings = settings_of(changed_bits(request, before)?);
        this.check_settings(settings)
            .map_err(|conflict| conflict_error(request, conflict, this.mode()))?;
        let old = (dev.mtu(), this.poll_us(), this.settings());
        if let Some(attr) = request.attr(uapi::MUENNET_A_MTU as u16) {
            let mtu = attr.u32()?;
            let range = dev.mtu_range(rtnl);
            if !range.contains(&mtu) {
                return Err(mtu_error(request, range));
            }
            if mtu != dev.mtu() {
                dev.set_mtu(mtu, rtnl)?;
            }
        }
        if let Some(us) = poll_us {
            this.set_poll_us(us)?;
        }
        Interface::set_settings(dev, settings, rtnl)
            .map_err(|conflict| conflict_error(request, conflict, this.mode()))?;
        if old != (dev.mtu(), this.poll_us(), this.settings()) {
            notify(dev, uapi::MUENNET_CMD_DEV_SET_NTF, rtnl, |message, net| {
                fill_interface(message, net, dev, rtnl)
            });
        }
        Ok(())
    }
}

/// Gets the channels of the subject.
pub(super) struct ChannelGet;

/// The position of a dump between two buffers.
#[derive(Clone, Copy, Zeroable)]
#[repr(C)]
pub(super) struct ChannelCtx {
    /// As in [`Guest::next_channel`].
    position: usize,
}

/// Puts what the subject information says about a channel.
fn put_resource(
    message: &mut GenlMsg<'_>,
    guest: &Guest<'_>,
    channel: &MemoryResource<'_>,
) -> Result {
    let name = channel.name.as_bytes();
    message.put_bytes(uapi::MUENNET_A_CHANNEL_NAME as u16, name)?;
    message.put_uint(uapi::MUENNET_A_CHANNEL_REGION_SIZE as u16, channel.size)?;
    if channel.writable {
        message.put_flag(uapi::MUENNET_A_CHANNEL_WRITABLE as u16)?;
    }
    if let Some((_, event)) = guest.events(name).next() {
        message.put_u32(uapi::MUENNET_A_CHANNEL_EVENT as u16, event.into())?;
    }
    if let Ok(Some(vector)) = guest.vector(name) {
        message.put_u32(uapi::MUENNET_A_CHANNEL_VECTOR as u16, vector.into())?;
    }
    Ok(())
}

/// Puts an interface that uses a channel. `reads`: it reads from the channel.
fn put_user(
    message: &mut GenlMsg<'_>,
    net: &Net,
    dev: &Device<Interface>,
    reads: bool,
    rtnl: &Rtnl,
) -> Result {
    message.put_nest(uapi::MUENNET_A_CHANNEL_USER as u16, |message| {
        put_dev(message, USER, net, dev, rtnl)?;
        if reads {
            let state = peer_state(dev.data());
            message.put_u32(uapi::MUENNET_A_USER_PEER_STATE as u16, state)?;
        }
        Ok(())
    })
}

impl Dumpit for ChannelGet {
    const POLICY: &'static [Policy] = &[];

    type Position = ChannelCtx;

    fn family() -> &'static Family {
        &FAMILY
    }

    fn dumpit(request: &GenlInfo<'_>, ctx: &mut ChannelCtx, dump: &mut Dump<'_>) -> Result {
        let interfaces = interfaces(&rtnl::lock())?;
        let report = |part, why: fmt::Arguments<'_>| report(request, part, why);
        let net = request.net();
        interfaces.with_resources(&report, |guest: &Guest<'_>, list, rtnl| {
            dump.set_seq(dump_seq(rtnl));
            while let Some((channel, next)) = guest.next_channel(ctx.position) {
                dump.put_msg(|message| {
                    message.put_nest(uapi::MUENNET_A_CHANNEL as u16, |message| {
                        put_resource(message, guest, &channel)?;
                        let is = |it: Option<ChannelInfo<'_>>| {
                            it.is_some_and(|it| it.name == channel.name.as_bytes())
                        };
                        for dev in list.iter().map(|it| it.device()) {
                            if is(dev.data().in_channel()) {
                                put_user(message, net, dev, true, rtnl)?;
                            }
                            if is(dev.data().out_channel()) {
                                put_user(message, net, dev, false, rtnl)?;
                            }
                        }
                        Ok(())
                    })
                })?;
                ctx.position = next;
            }
            Ok(())
        })
    }
}
