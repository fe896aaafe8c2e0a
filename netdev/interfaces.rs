// SPDX-License-Identifier: GPL-2.0

//! The main interfaces of the module: adds one from its configuration, and deletes it.
//!
//! The module parameters and the netlink family use the same [`Interfaces::add`]. It finds the
//! resources of a new interface in the subject information, which it reads when the first interface
//! needs it.

use super::{
    params::{
        ChannelConfig,
        InterfaceConfig,
        Text, //
    },
    Interface,
    MappedChannel,
    PollTimer,
    Setup, //
};
use crate::{
    abstractions::{
        irq::Irq,
        mapping::Mapping,
        netdevice::{
            Device,
            RegisterError,
            Registration, //
        },
        netns::Net,
        platform::Platform,
        rtnl::{
            self,
            Rtnl, //
        }, //
    },
    muen::{
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
            ChannelError,
            Subject, //
        }, //
    }, //
};
use kernel::{
    fmt,
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    }, //
};

/// The largest number of main interfaces.
pub(crate) const INTERFACES_MAX: usize = crate::abstractions::params::MAX_ENTRIES;

/// The main interfaces. Dropping it deletes them: they must not have children then.
#[pin_data]
pub(crate) struct Interfaces {
    /// The physical address of the subject information of processor 0.
    sinfo: u64,
    /// Taken before the RTNL.
    #[pin]
    table: Mutex<Table>,
}

struct Table {
    /// [`None`] until an interface or a user needs it.
    subject: Option<Subject>,
    poll_timer: Arc<PollTimer>,
    list: KVec<Registration<Interface>>,
}

/// The part of a configuration that an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The interface as a whole, or its name.
    Name,
    /// The in channel.
    InChannel,
    /// The out channel.
    OutChannel,
    /// The region with the path MTUs.
    Pmtu,
    /// The MTU.
    Mtu,
    /// The poll period.
    Poll,
    /// None: there is no subject information. The log says why.
    Subject,
}

/// Reports why an interface cannot be added: the part of its configuration, and a text.
pub(crate) type Report<'a> = &'a dyn Fn(Part, fmt::Arguments<'_>);

impl Interfaces {
    /// Returns a table without interfaces. `sinfo` is the physical address of the subject
    /// information, `poll_us` the default of the longest poll period in microseconds.
    ///
    /// # Errors
    ///
    /// - `ENOMEM`: there is no memory.
    pub(crate) fn new(sinfo: u64, poll_us: u32) -> Result<Arc<Self>> {
        let table = Table {
            subject: None,
            poll_timer: PollTimer::new(poll_us, INTERFACES_MAX)?,
            list: KVec::with_capacity(INTERFACES_MAX, GFP_KERNEL)?,
        };
        Arc::pin_init(
            pin_init!(Self {
                sinfo,
                table <- new_mutex!(table, "muennet_interfaces"),
            }),
            GFP_KERNEL,
        )
    }

    /// Adds an interface in `net`: maps its channels and registers its device, which is down.
    /// `name` is that of the configuration. Calls `registered` before the RTNL is released. Takes
    /// the RTNL, and may sleep.
    ///
    /// # Errors
    ///
    /// `report` gets the reason, except for some failures to allocate memory.
    ///
    /// - `ENOSPC`: there are [`INTERFACES_MAX`] interfaces already.
    /// - `EBUSY`: another interface writes to the out channel.
    /// - `EEXIST`: there is a device of this name.
    /// - `EOPNOTSUPP`: the configuration has a poll period, but the interface is not polled.
    /// - `EINVAL`: the vector of the in channel is invalid, or the out channel has no room for the
    ///   MTU.
    /// - Those of [`Subject::load`], [`Event::of_channel`], [`subject::map_channel`],
    ///   [`subject::map_read_only`] and [`Setup::register`].
    pub(crate) fn add(
        &self,
        config: &InterfaceConfig<'_>,
        name: &CStr,
        net: &Net,
        report: Report<'_>,
        registered: impl FnOnce(&Device<Interface>, &Rtnl),
    ) -> Result {
        let mut guard = self.table.lock();
        let table = &mut *guard;
        if table.list.len() >= INTERFACES_MAX {
            report(
                Part::Name,
                fmt!("there are {INTERFACES_MAX} interfaces already"),
            );
            return Err(ENOSPC);
        }
        table.check_writer(config, net, report)?;
        let subject = load_subject(&mut table.subject, self.sinfo, report)?;
        let platform = subject.platform();
        let processors = subject.processors()?;
        let setup = setup(config, name, &processors.guest(), platform, report)?;
        let irq = setup.irq.as_ref().map(Irq::number);
        let registration = setup
            .register(net, &table.poll_timer, registered)
            .map_err(|error| report_register(config, irq, error, report))?;
        // There is room: the capacity is the largest number of interfaces.
        Ok(table.list.push(registration, GFP_KERNEL)?)
    }

    /// Deletes the interface that `find` returns. Calls `before` with the RTNL held before the
    /// device is unregistered: it must delete the children. Takes the RTNL, and may sleep.
    ///
    /// # Errors
    ///
    /// - Those of `find`.
    pub(crate) fn delete(
        &self,
        find: impl FnOnce(&Rtnl) -> Result<*const Device<Interface>>,
        before: impl FnOnce(&Device<Interface>, &Rtnl),
    ) -> Result {
        let mut table = self.table.lock();
        let index = {
            let rtnl = rtnl::lock();
            let dev = find(&rtnl)?;
            let mut list = table.list.iter();
            list.position(|it| core::ptr::eq(it.device(), dev))
                .ok_or(ENODEV)?
        };
        // Nobody else deletes it: that needs the lock of the table.
        let registration = table.list.remove(index).map_err(|_| ENODEV)?;
        registration.unregister(before);
        Ok(())
    }

    /// Calls `f` with what the subject information offers and with the interfaces. Takes the RTNL,
    /// and may sleep.
    ///
    /// # Errors
    ///
    /// - Those of [`Subject::load`], which `report` gets, and of `f`.
    pub(crate) fn with_resources(
        &self,
        report: Report<'_>,
        f: impl FnOnce(&Guest<'_>, &[Registration<Interface>], &Rtnl) -> Result,
    ) -> Result {
        let mut guard = self.table.lock();
        let table = &mut *guard;
        let subject = load_subject(&mut table.subject, self.sinfo, report)?;
        let processors = subject.processors()?;
        f(&processors.guest(), &table.list, &rtnl::lock())
    }
}

impl Table {
    /// Checks that no interface writes to the out channel of a new one. Takes the RTNL.
    fn check_writer(&self, config: &InterfaceConfig<'_>, net: &Net, report: Report<'_>) -> Result {
        let Some(channel) = config.out_channel else {
            return Ok(());
        };
        let name = channel.name.as_bytes();
        let mut list = self.list.iter().map(Registration::device);
        let Some(other) = list.find(|dev| dev.data().out_name() == name) else {
            return Ok(());
        };
        let rtnl = rtnl::lock();
        let place = match other.net(&rtnl) == net {
            true => "",
            false => " in another network namespace",
        };
        report(
            Part::OutChannel,
            fmt!(
                "out channel '{}' is already used by interface '{}'{}",
                channel.name,
                Text::new(other.name(&rtnl).to_bytes()),
                place
            ),
        );
        Err(EBUSY)
    }
}

/// Returns the subject information at `address`. Reads it if nobody has needed it before.
fn load_subject<'a>(
    subject: &'a mut Option<Subject>,
    address: u64,
    report: Report<'_>,
) -> Result<&'a Subject> {
    let loaded = match subject.take() {
        Some(loaded) => loaded,
        None => Subject::load(address).inspect_err(|_| {
            report(
                Part::Subject,
                fmt!("no subject information at {address:#x}: the kernel log says why"),
            );
        })?,
    };
    Ok(subject.insert(loaded))
}

/// Maps one of the channels of an interface, if it is configured.
fn map_channel<'a>(
    channel: Option<ChannelConfig<'a>>,
    access: Access,
    platform: Platform,
    guest: &Guest<'_>,
    report: Report<'_>,
) -> Result<Option<MappedChannel<'a>>> {
    let Some(ChannelConfig { name, protocol }) = channel else {
        return Ok(None);
    };
    let mapping = subject::map_channel(platform, guest, name.as_bytes(), access);
    let mapping = mapping.map_err(|error| {
        match access {
            Access::Read => report(Part::InChannel, fmt!("in channel '{name}': {error}")),
            Access::Write => report(Part::OutChannel, fmt!("out channel '{name}': {error}")),
        }
        Error::from(error)
    })?;
    Ok(Some(MappedChannel {
        name: name.as_bytes(),
        mapping,
        protocol,
    }))
}

/// Maps the table of path MTUs of an interface, if it is configured.
fn map_pmtu(
    config: &InterfaceConfig<'_>,
    platform: Platform,
    guest: &Guest<'_>,
    report: Report<'_>,
) -> Result<Option<Mapping>> {
    let Some(name) = config.pmtu else {
        return Ok(None);
    };
    let mapping = subject::map_read_only(platform, guest, name.as_bytes());
    let mapping = mapping.map_err(|error: ChannelError<'_>| {
        report(Part::Pmtu, fmt!("pmtu region '{name}': {error}"));
        Error::from(error)
    })?;
    Ok(Some(mapping))
}

/// Finds and maps the resources of a new interface.
///
/// # Errors
///
/// As [`Interfaces::add`].
fn setup<'a>(
    config: &InterfaceConfig<'a>,
    name: &'a CStr,
    guest: &Guest<'_>,
    platform: Platform,
    report: Report<'_>,
) -> Result<Setup<'a>> {
    let irq = match config.in_channel {
        Some(channel) => {
            let irq = event::irq_of_channel(guest, channel.name.as_bytes());
            irq.map_err(|error| {
                report(
                    Part::InChannel,
                    fmt!("in channel '{}': {error}", channel.name),
                );
                EINVAL
            })?
        }
        None => None,
    };
    if config.poll_us.is_some() && (irq.is_some() || config.in_channel.is_none()) {
        report(
            Part::Poll,
            fmt!("the interface is not polled: it has a vector, or no in channel"),
        );
        return Err(EOPNOTSUPP);
    }
    let setup = Setup {
        name,
        mode: config.mode,
        settings: config.settings,
        poll_us: config.poll_us,
        mtu: config.mtu,
        in_channel: map_channel(config.in_channel, Access::Read, platform, guest, report)?,
        irq,
        out_channel: map_channel(config.out_channel, Access::Write, platform, guest, report)?,
        event: match config.out_channel {
            Some(channel) => Event::of_channel(guest, platform, channel.name.as_bytes())?,
            None => None,
        },
        pmtu_name: config.pmtu.map_or(&[], |name| name.as_bytes()),
        pmtu: map_pmtu(config, platform, guest, report)?,
        mac: config.mac,
    };
    let max_mtu = setup.max_mtu();
    if config.mtu > max_mtu {
        report(
            Part::Mtu,
            fmt!(
                "mtu {} is too large for the out channel, maximum {max_mtu}",
                config.mtu
            ),
        );
        return Err(EINVAL);
    }
    Ok(setup)
}

/// Reports why a device was not registered, and returns the errno.
fn report_register(
    config: &InterfaceConfig<'_>,
    irq: Option<u32>,
    error: RegisterError,
    report: Report<'_>,
) -> Error {
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
        (Some(irq), Some(channel)) if is_irq => report(
            Part::InChannel,
            fmt!(
                "cannot request interrupt {} of in channel '{}'{why} ({error:?})",
                irq,
                channel.name
            ),
        ),
        _ => report(Part::Name, fmt!("{why} ({error:?})")),
    }
    error
}
