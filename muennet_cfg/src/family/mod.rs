// SPDX-License-Identifier: GPL-2.0

//! Client of the driver's generic netlink family.

mod ctrl;

use std::collections::HashMap;
use std::io::ErrorKind;

use nix::errno::Errno;

use crate::args::IfSpec;
use crate::change::Change;
use crate::error::Error;
use crate::model::Event;
use crate::model::Interface;
use crate::model::Notification;
use crate::model::OwnedMark;
use crate::model::Resource;
use crate::netlink::Attributes;
use crate::netlink::Connection;
use crate::netlink::Extack;
use crate::netlink::Malformed;
use crate::netlink::NetlinkError;
use crate::netlink::Request;
use crate::netlink::Transport;
use crate::netns::NetnsLookup;
use crate::netns::NetnsidCache;
use crate::uapi;
use crate::uapi::attribute;
use crate::uapi::command;
use crate::uapi::VERSION;

/// Maximum number of dumps until one is consistent.
const MAX_DUMPS: usize = 8;

/// Maximum number of datagrams to receive before events are returned.
const MAX_DATAGRAMS: usize = 256;

/// The generic netlink family, and a connection to it.
pub struct Family<T> {
    connection: Connection<T>,
    netns: Box<dyn NetnsLookup>,
    id: u16,
    /// A dump was still inconsistent after [`MAX_DUMPS`] attempts.
    inconsistent: bool,
}

impl<T: Transport> Family<T> {
    /// Resolves the family.
    ///
    /// # Errors
    ///
    /// [`Error::NotLoaded`] if the kernel does not have the family.
    pub fn open(transport: T, netns: Box<dyn NetnsLookup>) -> Result<Self, Error> {
        Family::with(Connection::new(transport), netns)
    }

    fn with(connection: Connection<T>, netns: Box<dyn NetnsLookup>) -> Result<Self, Error> {
        let mut family = Family {
            connection,
            netns,
            id: 0,
            inconsistent: false,
        };
        family.resolve()?;
        Ok(family)
    }

    /// Resolves the family if the module is loaded. The kernel does not load it.
    ///
    /// # Errors
    ///
    /// [`Error::NotLoaded`] if the kernel does not have the family.
    pub fn open_loaded(transport: T, netns: Box<dyn NetnsLookup>) -> Result<Self, Error> {
        let mut connection = Connection::new(transport);
        let mut loaded = false;
        connection.dump(&mut ctrl::get_families_request(), |payload| {
            let info = ctrl::FamilyInfo::parse(payload.genl()?.1)?;
            loaded |= info.name.as_deref() == Some(uapi::FAMILY);
            Ok(())
        })?;
        if !loaded {
            return Err(Error::NotLoaded);
        }
        Family::with(connection, netns)
    }

    /// Returns whether a dump was inconsistent, because of changes while it was made.
    pub fn is_inconsistent(&self) -> bool {
        self.inconsistent
    }

    /// Resolves the family. Returns the ID of the multicast group for changes.
    fn resolve(&mut self) -> Result<Option<u32>, Error> {
        let mut info = ctrl::FamilyInfo::default();
        let result = self
            .connection
            .transact(&mut ctrl::get_family_request(), |payload| {
                info = ctrl::FamilyInfo::parse(payload.genl()?.1)?;
                Ok(())
            });
        match result {
            Err(NetlinkError::Rejected(extack)) if extack.errno == Errno::ENOENT as i32 => {
                return Err(Error::NotLoaded);
            }
            other => other?,
        }
        let id = info.id;
        self.id = id.ok_or_else(|| malformed("family ID is missing"))?;
        Ok(info.changes_group)
    }

    /// Executes a command.
    ///
    /// # Errors
    ///
    /// The kernel rejects the request, or the communication fails.
    pub fn apply(&mut self, change: &Change) -> Result<(), Error> {
        let mut nsids = NetnsidCache::default();
        let mut request = self.change_request(change, &mut nsids)?;
        match self.connection.transact(&mut request, |_| Ok(())) {
            Err(NetlinkError::Rejected(extack)) => Err(rejected_change(change, &request, &extack)),
            other => Ok(other?),
        }
    }

    /// Sends commands at once. The kernel executes all of them, also those after one that fails.
    /// Returns a result for each. Callers must not pass more than 64 commands, so that the replies
    /// of the kernel fit into the receive buffer of the socket.
    ///
    /// # Errors
    ///
    /// The communication fails.
    pub fn apply_all(&mut self, changes: &[&Change]) -> Result<Vec<Result<(), Error>>, Error> {
        let mut results = Vec::with_capacity(changes.len());
        let mut requests = Vec::with_capacity(changes.len());
        let mut nsids = NetnsidCache::default();
        for change in changes {
            match self.change_request(change, &mut nsids) {
                Ok(request) => {
                    requests.push(request);
                    results.push(Ok(()));
                }
                Err(error) => results.push(Err(error)),
            }
        }
        let acks = self.connection.transact_batch(&mut requests)?;
        // Requests exist only for commands that have no error yet.
        let sent = changes.iter().zip(&mut results).filter(|(_, r)| r.is_ok());
        for ((change, result), (request, ack)) in sent.zip(requests.iter().zip(acks)) {
            *result = ack.map_err(|extack| rejected_change(change, request, &extack));
        }
        Ok(results)
    }

    /// Gets one interface.
    ///
    /// # Errors
    ///
    /// The kernel rejects the request, or the communication fails.
    pub fn get(&mut self, spec: &IfSpec) -> Result<Interface, Error> {
        let mut nsids = NetnsidCache::default();
        let mut request = self.get_request(command::DEV_GET, Some(spec), &mut nsids)?;
        let mut interface = None;
        self.connection
            .transact(&mut request, |payload| {
                interface = Some(Interface::parse(payload.genl()?.1)?);
                Ok(())
            })
            .map_err(|error| rejected_get(command::DEV_GET, Some(spec), &request, error))?;
        interface.ok_or_else(|| malformed("reply is missing").into())
    }

    /// Gets all interfaces in the current network namespace, and all children in other namespaces
    /// whose parent is in the current one.
    ///
    /// # Errors
    ///
    /// The kernel rejects the request, or the communication fails.
    pub fn dump_interfaces(&mut self) -> Result<Vec<Interface>, Error> {
        self.dump(command::DEV_GET, None, Interface::parse)
    }

    /// Gets the marks of all these interfaces, or of one child.
    ///
    /// # Errors
    ///
    /// The kernel rejects the request, or the communication fails.
    pub fn dump_marks(&mut self, child: Option<&IfSpec>) -> Result<Vec<OwnedMark>, Error> {
        self.dump(command::MARK_GET, child, OwnedMark::parse)
    }

    /// Gets the channels of the subject.
    ///
    /// # Errors
    ///
    /// The kernel rejects the request, or the communication fails.
    pub fn dump_channels(&mut self) -> Result<Vec<Resource>, Error> {
        self.dump(command::CHANNEL_GET, None, Resource::parse)
    }

    /// Joins the multicast group for changes.
    ///
    /// # Errors
    ///
    /// The group does not exist, or the communication fails. [`Error::NotLoaded`] if the family
    /// does not exist any more.
    pub fn subscribe(&mut self) -> Result<(), Error> {
        // When a family is removed, the kernel unsubscribes all members of its groups silently.
        // Join the group that announces the removal first, and resolve the family again afterwards,
        // so that no removal is missed.
        self.connection.subscribe(ctrl::NOTIFY_GROUP)?;
        let group = self.resolve()?;
        let group = group.ok_or_else(|| malformed("multicast group is missing"))?;
        Ok(self.connection.subscribe(group)?)
    }

    /// Waits for events, and appends them to `events`. [`Event::Unloaded`] is the last event.
    ///
    /// # Errors
    ///
    /// The communication fails. `events` has the events that were received before.
    pub fn receive_events(&mut self, events: &mut Vec<Event>) -> Result<(), Error> {
        let mut lost = false;
        for count in 0.. {
            match self.receive_datagram(count == 0, events) {
                Err(NetlinkError::Io(error))
                    if count > 0 && error.kind() == ErrorKind::WouldBlock =>
                {
                    break;
                }
                Err(NetlinkError::Io(error))
                    if error.raw_os_error() == Some(Errno::ENOBUFS as i32) =>
                {
                    lost = true;
                    events.push(Event::Lost);
                }
                // The reply to the request below.
                Err(NetlinkError::Rejected(extack)) if extack.errno == Errno::ENOENT as i32 => {
                    events.push(Event::Unloaded);
                }
                other => other?,
            }
            if events.last() == Some(&Event::Unloaded) {
                return Ok(());
            }
            // After a loss the kernel drops all notifications until the receive queue is empty.
            if count >= MAX_DATAGRAMS && !lost {
                break;
            }
        }
        if lost {
            // The announcement that the family was removed may be lost as well, so request the
            // family. The reply is received like a notification.
            self.connection.send(&mut ctrl::get_id_request(self.id))?;
        }
        Ok(())
    }

    /// Receives one datagram with notifications.
    fn receive_datagram(
        &mut self,
        wait: bool,
        events: &mut Vec<Event>,
    ) -> Result<(), NetlinkError> {
        let id = self.id;
        self.connection.receive(wait, |payload| {
            if payload.message_type == id {
                let (command, attributes) = payload.genl()?;
                events.extend(Notification::parse(command, attributes)?.map(Event::Notification));
            } else if payload.message_type == ctrl::GENL_ID_CTRL {
                let (command, attributes) = payload.genl()?;
                let info = ctrl::FamilyInfo::parse(attributes)?;
                let ours = info.id == Some(id);
                let gone = match command {
                    ctrl::CMD_DELFAMILY => ours,
                    // The family was removed and added again.
                    ctrl::CMD_NEWFAMILY => info.name.as_deref() == Some(uapi::FAMILY) && !ours,
                    _ => false,
                };
                events.extend(gone.then_some(Event::Unloaded));
            }
            Ok(())
        })
    }

    /// Returns the names of all network namespaces by their IDs, or nothing if no ID in `nsids` is
    /// valid. Callers must not keep the names, because the kernel reuses IDs.
    pub fn netns_names(&mut self, nsids: impl IntoIterator<Item = i32>) -> HashMap<i32, String> {
        if nsids.into_iter().any(|nsid| nsid >= 0) {
            self.netns.names()
        } else {
            HashMap::new()
        }
    }

    fn change_request(
        &mut self,
        change: &Change,
        nsids: &mut NetnsidCache,
    ) -> Result<Request, Error> {
        change.request(self.id, |name| nsids.get(self.netns.as_mut(), name))
    }

    /// Builds a request for one interface, or for all. The request is valid as long as `nsids`
    /// exists.
    fn get_request(
        &mut self,
        command: u8,
        spec: Option<&IfSpec>,
        nsids: &mut NetnsidCache,
    ) -> Result<Request, Error> {
        let mut request = Request::genl(self.id, command, VERSION);
        if let Some(spec) = spec {
            request = request.string(attribute::IFNAME, &spec.ifname);
            if let Some(netns) = &spec.netns {
                let nsid = nsids.get(self.netns.as_mut(), netns)?;
                request = request.i32(attribute::NETNSID, nsid);
            }
        }
        Ok(request)
    }

    fn dump<R>(
        &mut self,
        command: u8,
        spec: Option<&IfSpec>,
        parse: fn(Attributes<'_>) -> Result<R, Malformed>,
    ) -> Result<Vec<R>, Error> {
        let mut nsids = NetnsidCache::default();
        let mut request = self.get_request(command, spec, &mut nsids)?;
        let mut objects = Vec::new();
        for _ in 0..MAX_DUMPS {
            objects.clear();
            let consistent = self
                .connection
                .dump(&mut request, |payload| {
                    objects.push(parse(payload.genl()?.1)?);
                    Ok(())
                })
                .map_err(|error| rejected_get(command, spec, &request, error))?;
            if consistent {
                return Ok(objects);
            }
        }
        // Each dump was interrupted by changes. Return the last one.
        self.inconsistent = true;
        Ok(objects)
    }
}

/// Creates the error for a rejected command.
fn rejected_change(change: &Change, request: &Request, extack: &Extack) -> Error {
    Error::rejected(change.to_string(), request, extack, change.hint(extack))
}

/// Creates the error for a failed `show` or `channels`.
fn rejected_get(
    command: u8,
    spec: Option<&IfSpec>,
    request: &Request,
    error: NetlinkError,
) -> Error {
    let NetlinkError::Rejected(extack) = error else {
        return Error::Netlink(error);
    };
    let (what, hint) = match (command, spec) {
        (command::CHANNEL_GET, _) => {
            let hint = "requires CAP_NET_ADMIN in the initial user namespace, try sudo there";
            let refused = extack.errno == Errno::EPERM as i32;
            ("channels".to_owned(), refused.then(|| hint.to_owned()))
        }
        (_, Some(spec)) => (format!("show {spec}"), None),
        (_, None) => ("show".to_owned(), None),
    };
    Error::rejected(what, request, &extack, hint)
}

fn malformed(what: &str) -> NetlinkError {
    NetlinkError::Malformed(Malformed(what.to_owned()))
}

#[cfg(test)]
pub mod tests;
