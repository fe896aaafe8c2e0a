// SPDX-License-Identifier: GPL-2.0

//! The driver's family of generic netlink: what can be asked of it.

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
use crate::netlink::Attributes;
use crate::netlink::Connection;
use crate::netlink::Extack;
use crate::netlink::Malformed;
use crate::netlink::NetlinkError;
use crate::netlink::Request;
use crate::netlink::Transport;
use crate::netlink::Value;
use crate::netns::NetnsLookup;
use crate::netns::NetnsidCache;
use crate::uapi;
use crate::uapi::attribute;
use crate::uapi::command;
use crate::uapi::VERSION;

/// `include/uapi/linux/genetlink.h`: the family that tells about families.
mod ctrl {
    pub const GENL_ID_CTRL: u16 = 0x10;
    pub const VERSION: u8 = 2;
    pub const CMD_NEWFAMILY: u8 = 1;
    pub const CMD_DELFAMILY: u8 = 2;
    pub const CMD_GETFAMILY: u8 = 3;
    /// The multicast group that is told when a family comes or goes; of a fixed number.
    pub const NOTIFY_GROUP: u32 = 0x10;
    pub const ATTR_FAMILY_ID: u16 = 1;
    pub const ATTR_FAMILY_NAME: u16 = 2;
    pub const ATTR_MCAST_GROUPS: u16 = 7;
    pub const ATTR_MCAST_GRP_NAME: u16 = 1;
    pub const ATTR_MCAST_GRP_ID: u16 = 2;
}

/// How often a dump is begun again that changes came between.
const MAX_DUMPS: usize = 8;

/// How many datagrams are taken before what they tell is handed on.
const MAX_DATAGRAMS: usize = 256;

/// The family, and the connection with it.
pub struct Family<T> {
    connection: Connection<T>,
    netns: Box<dyn NetnsLookup>,
    id: u16,
}

/// What the kernel tells about a family.
#[derive(Default)]
struct FamilyInfo {
    name: Option<String>,
    id: Option<u16>,
    // The group that is told of changes.
    changes_group: Option<u32>,
}

impl FamilyInfo {
    fn parse(attributes: Attributes<'_>) -> Result<Self, Malformed> {
        let mut info = FamilyInfo::default();
        for attribute in attributes.iter() {
            match attribute? {
                (ctrl::ATTR_FAMILY_NAME, value) => info.name = Some(value.string()),
                (ctrl::ATTR_FAMILY_ID, value) => info.id = Some(value.u16()?),
                (ctrl::ATTR_MCAST_GROUPS, value) => {
                    info.changes_group = find_group(value, uapi::GROUP_CHANGES)?;
                }
                _ => {}
            }
        }
        Ok(info)
    }
}

impl<T: Transport> Family<T> {
    /// Looks the family up.
    ///
    /// # Errors
    ///
    /// [`Error::NotLoaded`] where the kernel does not know it.
    pub fn open(transport: T, netns: Box<dyn NetnsLookup>) -> Result<Self, Error> {
        let mut family = Family {
            connection: Connection::new(transport),
            netns,
            id: 0,
        };
        family.resolve()?;
        Ok(family)
    }

    /// Looks the family up: the number of the group that is told of changes.
    fn resolve(&mut self) -> Result<Option<u32>, Error> {
        let mut info = FamilyInfo::default();
        let result = self
            .connection
            .transact(&mut get_family_request(), |payload| {
                info = FamilyInfo::parse(payload.genl()?.1)?;
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

    /// Carries out a change.
    ///
    /// # Errors
    ///
    /// The kernel refuses, or the connection fails.
    pub fn apply(&mut self, change: &Change) -> Result<(), Error> {
        let mut nsids = NetnsidCache::default();
        let mut request = self.change_request(change, &mut nsids)?;
        match self.connection.transact(&mut request, |_| Ok(())) {
            Err(NetlinkError::Rejected(extack)) => Err(rejected_change(change, &request, &extack)),
            other => Ok(other?),
        }
    }

    /// Carries out changes at once, also those after one that fails; a result for each. Not more
    /// than 64 at a time, for what the kernel says about them to fit into the socket's buffer.
    ///
    /// # Errors
    ///
    /// The connection fails.
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
        // The requests are those of the changes that had no error yet.
        let sent = changes.iter().zip(&mut results).filter(|(_, r)| r.is_ok());
        for ((change, result), (request, ack)) in sent.zip(requests.iter().zip(acks)) {
            *result = ack.map_err(|extack| rejected_change(change, request, &extack));
        }
        Ok(results)
    }

    /// One interface.
    ///
    /// # Errors
    ///
    /// The kernel refuses, or the connection fails.
    pub fn get(&mut self, spec: &IfSpec) -> Result<Interface, Error> {
        let mut nsids = NetnsidCache::default();
        let mut request = self.get_request(command::GET, Some(spec), &mut nsids)?;
        let mut interface = None;
        self.connection
            .transact(&mut request, |payload| {
                interface = Some(Interface::parse(payload.genl()?.1)?);
                Ok(())
            })
            .map_err(|error| rejected_get(Some(spec), &request, error))?;
        interface.ok_or_else(|| malformed("reply is missing").into())
    }

    /// All interfaces: those here, and children elsewhere whose parent is here.
    ///
    /// # Errors
    ///
    /// The kernel refuses, or the connection fails.
    pub fn dump_interfaces(&mut self) -> Result<Vec<Interface>, Error> {
        self.dump(command::GET, None, Interface::parse)
    }

    /// All marks of those interfaces, or of the one that is named.
    ///
    /// # Errors
    ///
    /// The kernel refuses, or the connection fails.
    pub fn dump_marks(&mut self, child: Option<&IfSpec>) -> Result<Vec<OwnedMark>, Error> {
        self.dump(command::GET_MARK, child, OwnedMark::parse)
    }

    /// Joins the group that is told of changes.
    ///
    /// # Errors
    ///
    /// There is no such group, or the socket fails; [`Error::NotLoaded`] where the family is gone.
    pub fn subscribe(&mut self) -> Result<(), Error> {
        // The kernel takes the groups of a family that goes from who has joined them, without a
        // word. So that no moment is left in which it could go unseen, it is looked up only after
        // the group is joined that is told so.
        self.connection.subscribe(ctrl::NOTIFY_GROUP)?;
        let group = self.resolve()?;
        let group = group.ok_or_else(|| malformed("multicast group is missing"))?;
        Ok(self.connection.subscribe(group)?)
    }

    /// Waits for changes, and adds those that have come to `events`. After [`Event::Unloaded`]
    /// nothing will come.
    ///
    /// # Errors
    ///
    /// The connection fails; what came before that is in `events` all the same.
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
                // To what is asked below.
                Err(NetlinkError::Rejected(extack)) if extack.errno == Errno::ENOENT as i32 => {
                    events.push(Event::Unloaded);
                }
                other => other?,
            }
            if events.last() == Some(&Event::Unloaded) {
                return Ok(());
            }
            // When some were lost the kernel tells nothing more before all are taken that it has
            // told.
            if count >= MAX_DATAGRAMS && !lost {
                break;
            }
        }
        if lost {
            // That the family goes may be among what was lost. The answer comes as changes do.
            self.connection.send(&mut get_family_request())?;
        }
        Ok(())
    }

    /// Takes a datagram of what is told.
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
                let info = FamilyInfo::parse(attributes)?;
                let ours = info.id == Some(id);
                let gone = match command {
                    ctrl::CMD_DELFAMILY => ours,
                    // It has gone, and come again.
                    ctrl::CMD_NEWFAMILY => info.name.as_deref() == Some(uapi::FAMILY) && !ours,
                    _ => false,
                };
                events.extend(gone.then_some(Event::Unloaded));
            }
            Ok(())
        })
    }

    /// The names of namespaces, by their numbers here, if any of these numbers is that of one. They
    /// are of now: the kernel uses numbers again.
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

    /// A request about an interface, or about all. It is good as long as `nsids` are there.
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
                .map_err(|error| rejected_get(spec, &request, error))?;
            if consistent {
                break;
            }
        }
        // Where changes never stop, the last answer is as good as any.
        Ok(objects)
    }
}

/// The request that looks the family up.
fn get_family_request() -> Request {
    Request::genl(ctrl::GENL_ID_CTRL, ctrl::CMD_GETFAMILY, ctrl::VERSION)
        .string(ctrl::ATTR_FAMILY_NAME, uapi::FAMILY)
}

/// The number of a multicast group.
fn find_group(groups: Value<'_>, wanted: &str) -> Result<Option<u32>, Malformed> {
    for group in groups.nested().iter() {
        let (mut name, mut id) = (None, None);
        for attribute in group?.1.nested().iter() {
            match attribute? {
                (ctrl::ATTR_MCAST_GRP_NAME, value) => name = Some(value.string()),
                (ctrl::ATTR_MCAST_GRP_ID, value) => id = Some(value.u32()?),
                _ => {}
            }
        }
        if name.as_deref() == Some(wanted) {
            return Ok(id);
        }
    }
    Ok(None)
}

/// The error that tells about a refused change.
fn rejected_change(change: &Change, request: &Request, extack: &Extack) -> Error {
    Error::rejected(change.to_string(), request, extack, change.hint(extack))
}

/// The error that tells about a question that was not answered.
fn rejected_get(spec: Option<&IfSpec>, request: &Request, error: NetlinkError) -> Error {
    match error {
        NetlinkError::Rejected(extack) => {
            let what = spec.map_or_else(|| "show".to_owned(), |spec| format!("show {spec}"));
            Error::rejected(what, request, &extack, None)
        }
        other => Error::Netlink(other),
    }
}

fn malformed(what: &str) -> NetlinkError {
    NetlinkError::Malformed(Malformed(what.to_owned()))
}

#[cfg(test)]
pub mod tests;
