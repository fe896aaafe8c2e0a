// SPDX-License-Identifier: GPL-2.0

//! The driver's family of generic netlink: what can be asked of it.

use std::collections::HashMap;
use std::io::ErrorKind;

use nix::errno::Errno;

use crate::args::Place;
use crate::change::Change;
use crate::error::Error;
use crate::model::Event;
use crate::model::Heard;
use crate::model::Interface;
use crate::model::Owned;
use crate::netlink::Attributes;
use crate::netlink::Conversation;
use crate::netlink::Failure;
use crate::netlink::Malformed;
use crate::netlink::Refusal;
use crate::netlink::Request;
use crate::netlink::Transport;
use crate::netlink::Value;
use crate::netns::Namespaces;
use crate::netns::Numbers;
use crate::uapi;
use crate::uapi::attribute;
use crate::uapi::command;
use crate::uapi::VERSION;

/// `include/uapi/linux/genetlink.h`: the family that tells about families.
mod control {
    pub const FAMILY: u16 = 0x10;
    pub const VERSION: u8 = 2;
    pub const NEWFAMILY: u8 = 1;
    pub const DELFAMILY: u8 = 2;
    pub const GETFAMILY: u8 = 3;
    /// The multicast group that is told when a family comes or goes; of a fixed number.
    pub const GROUP_NOTIFY: u32 = 0x10;
    pub const FAMILY_ID: u16 = 1;
    pub const FAMILY_NAME: u16 = 2;
    pub const MCAST_GROUPS: u16 = 7;
    pub const GROUP_NAME: u16 = 1;
    pub const GROUP_ID: u16 = 2;
}

/// How often a dump is begun again that changes came between.
const DUMPS: usize = 8;

/// How many datagrams are taken before what they tell is handed on.
const DATAGRAMS: usize = 256;

/// The family, and the conversation with it.
pub struct Kernel<T> {
    conversation: Conversation<T>,
    namespaces: Box<dyn Namespaces>,
    family: u16,
}

/// What the kernel tells about a family.
#[derive(Default)]
struct Family {
    name: Option<String>,
    number: Option<u16>,
    // The group that is told of changes.
    changes: Option<u32>,
}

impl Family {
    fn parse(attributes: Attributes<'_>) -> Result<Self, Malformed> {
        let mut family = Family::default();
        for attribute in attributes.iter() {
            match attribute? {
                (control::FAMILY_NAME, value) => family.name = Some(value.text()),
                (control::FAMILY_ID, value) => family.number = Some(value.u16()?),
                (control::MCAST_GROUPS, value) => {
                    family.changes = group(value, uapi::GROUP_CHANGES)?;
                }
                _ => {}
            }
        }
        Ok(family)
    }
}

impl<T: Transport> Kernel<T> {
    /// Looks the family up.
    ///
    /// # Errors
    ///
    /// [`Error::NotLoaded`] where the kernel does not know it.
    pub fn connect(transport: T, namespaces: Box<dyn Namespaces>) -> Result<Self, Error> {
        let mut kernel = Kernel {
            conversation: Conversation::new(transport),
            namespaces,
            family: 0,
        };
        kernel.look_up()?;
        Ok(kernel)
    }

    /// Looks the family up: the number of the group that is told of changes.
    fn look_up(&mut self) -> Result<Option<u32>, Error> {
        let mut family = Family::default();
        let answer = self.conversation.ask(&mut who_is_it(), |answer| {
            family = Family::parse(answer.generic()?.1)?;
            Ok(())
        });
        match answer {
            Err(Failure::Refused(refusal)) if refusal.errno == Errno::ENOENT as i32 => {
                return Err(Error::NotLoaded);
            }
            other => other?,
        }
        let number = family.number;
        self.family = number.ok_or_else(|| malformed("the number of the family is missing"))?;
        Ok(family.changes)
    }

    /// Carries out a change.
    ///
    /// # Errors
    ///
    /// The kernel refuses, or the conversation fails.
    pub fn change(&mut self, change: &Change) -> Result<(), Error> {
        let mut numbers = Numbers::default();
        let mut request = self.request(change, &mut numbers)?;
        match self.conversation.ask(&mut request, |_| Ok(())) {
            Err(Failure::Refused(refusal)) => Err(refused(change, &request, &refusal)),
            other => Ok(other?),
        }
    }

    /// Carries out changes at once, also those after one that fails; a result for each. Not more
    /// than 64 at a time, for what the kernel says about them to fit into the socket's buffer.
    ///
    /// # Errors
    ///
    /// The conversation fails.
    pub fn change_all(&mut self, changes: &[&Change]) -> Result<Vec<Result<(), Error>>, Error> {
        let mut results = Vec::with_capacity(changes.len());
        let mut requests = Vec::with_capacity(changes.len());
        let mut numbers = Numbers::default();
        for change in changes {
            match self.request(change, &mut numbers) {
                Ok(request) => {
                    requests.push(request);
                    results.push(Ok(()));
                }
                Err(error) => results.push(Err(error)),
            }
        }
        let ends = self.conversation.pipeline(&mut requests)?;
        // The requests are those of the changes that had no error yet.
        let sent = changes.iter().zip(&mut results).filter(|(_, r)| r.is_ok());
        for ((change, result), (request, end)) in sent.zip(requests.iter().zip(ends)) {
            *result = end.map_err(|refusal| refused(change, request, &refusal));
        }
        Ok(results)
    }

    /// One interface.
    ///
    /// # Errors
    ///
    /// The kernel refuses, or the conversation fails.
    pub fn interface(&mut self, place: &Place) -> Result<Interface, Error> {
        let mut numbers = Numbers::default();
        let mut request = self.at(command::GET, Some(place), &mut numbers)?;
        let mut interface = None;
        self.conversation
            .ask(&mut request, |answer| {
                interface = Some(Interface::parse(answer.generic()?.1)?);
                Ok(())
            })
            .map_err(|failure| not_shown(Some(place), &request, failure))?;
        interface.ok_or_else(|| malformed("it is empty").into())
    }

    /// All interfaces: those here, and children elsewhere whose parent is here.
    ///
    /// # Errors
    ///
    /// The kernel refuses, or the conversation fails.
    pub fn interfaces(&mut self) -> Result<Vec<Interface>, Error> {
        self.dump(command::GET, None, Interface::parse)
    }

    /// All marks of those interfaces, or of the one that is named.
    ///
    /// # Errors
    ///
    /// The kernel refuses, or the conversation fails.
    pub fn marks(&mut self, child: Option<&Place>) -> Result<Vec<Owned>, Error> {
        self.dump(command::GET_MARK, child, Owned::parse)
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
        self.conversation.subscribe(control::GROUP_NOTIFY)?;
        let group = self.look_up()?;
        let group = group.ok_or_else(|| malformed("the multicast group is missing"))?;
        Ok(self.conversation.subscribe(group)?)
    }

    /// Waits for changes, and adds those that have come to `heard`. After [`Heard::Unloaded`]
    /// nothing will come.
    ///
    /// # Errors
    ///
    /// The conversation fails; what came before that is in `heard` all the same.
    pub fn changes(&mut self, heard: &mut Vec<Heard>) -> Result<(), Error> {
        let mut lost = false;
        for number in 0.. {
            match self.hear(number == 0, heard) {
                Err(Failure::Socket(error))
                    if number > 0 && error.kind() == ErrorKind::WouldBlock =>
                {
                    break;
                }
                Err(Failure::Socket(error))
                    if error.raw_os_error() == Some(Errno::ENOBUFS as i32) =>
                {
                    lost = true;
                    heard.push(Heard::Lost);
                }
                // To what is asked below.
                Err(Failure::Refused(refusal)) if refusal.errno == Errno::ENOENT as i32 => {
                    heard.push(Heard::Unloaded);
                }
                other => other?,
            }
            if heard.last() == Some(&Heard::Unloaded) {
                return Ok(());
            }
            // When some were lost the kernel tells nothing more before all are taken that it has
            // told.
            if number >= DATAGRAMS && !lost {
                break;
            }
        }
        if lost {
            // That the family goes may be among what was lost. The answer comes as changes do.
            self.conversation.tell(&mut who_is_it())?;
        }
        Ok(())
    }

    /// Takes a datagram of what is told.
    fn hear(&mut self, wait: bool, heard: &mut Vec<Heard>) -> Result<(), Failure> {
        let family = self.family;
        self.conversation.listen(wait, |answer| {
            if answer.kind == family {
                let (command, attributes) = answer.generic()?;
                heard.extend(Event::parse(command, attributes)?.map(Heard::Event));
            } else if answer.kind == control::FAMILY {
                let (command, attributes) = answer.generic()?;
                let told = Family::parse(attributes)?;
                let ours = told.number == Some(family);
                let gone = match command {
                    control::DELFAMILY => ours,
                    // It has gone, and come again.
                    control::NEWFAMILY => told.name.as_deref() == Some(uapi::FAMILY) && !ours,
                    _ => false,
                };
                heard.extend(gone.then_some(Heard::Unloaded));
            }
            Ok(())
        })
    }

    /// The names of namespaces, by their numbers here, if any of these numbers is that of one. They
    /// are of now: the kernel uses numbers again.
    pub fn netns_names(&mut self, numbers: impl IntoIterator<Item = i32>) -> HashMap<i32, String> {
        if numbers.into_iter().any(|number| number >= 0) {
            self.namespaces.names()
        } else {
            HashMap::new()
        }
    }

    fn request(&mut self, change: &Change, numbers: &mut Numbers) -> Result<Request, Error> {
        change.request(self.family, |name| {
            numbers.get(self.namespaces.as_mut(), name)
        })
    }

    /// A request about an interface, or about all. It is good as long as `numbers` are there.
    fn at(
        &mut self,
        command: u8,
        place: Option<&Place>,
        numbers: &mut Numbers,
    ) -> Result<Request, Error> {
        let mut request = Request::generic(self.family, command, VERSION);
        if let Some(place) = place {
            request = request.text(attribute::IFNAME, &place.name);
            if let Some(netns) = &place.netns {
                let number = numbers.get(self.namespaces.as_mut(), netns)?;
                request = request.i32(attribute::NETNSID, number);
            }
        }
        Ok(request)
    }

    fn dump<R>(
        &mut self,
        command: u8,
        place: Option<&Place>,
        parse: fn(Attributes<'_>) -> Result<R, Malformed>,
    ) -> Result<Vec<R>, Error> {
        let mut numbers = Numbers::default();
        let mut request = self.at(command, place, &mut numbers)?;
        let mut all = Vec::new();
        for _ in 0..DUMPS {
            all.clear();
            let whole = self
                .conversation
                .dump(&mut request, |answer| {
                    all.push(parse(answer.generic()?.1)?);
                    Ok(())
                })
                .map_err(|failure| not_shown(place, &request, failure))?;
            if whole {
                break;
            }
        }
        // Where changes never stop, the last answer is as good as any.
        Ok(all)
    }
}

/// The request that looks the family up.
fn who_is_it() -> Request {
    Request::generic(control::FAMILY, control::GETFAMILY, control::VERSION)
        .text(control::FAMILY_NAME, uapi::FAMILY)
}

/// The number of a multicast group.
fn group(groups: Value<'_>, wanted: &str) -> Result<Option<u32>, Malformed> {
    for group in groups.nested().iter() {
        let (mut name, mut number) = (None, None);
        for attribute in group?.1.nested().iter() {
            match attribute? {
                (control::GROUP_NAME, value) => name = Some(value.text()),
                (control::GROUP_ID, value) => number = Some(value.u32()?),
                _ => {}
            }
        }
        if name.as_deref() == Some(wanted) {
            return Ok(number);
        }
    }
    Ok(None)
}

/// The error that tells about a refused change.
fn refused(change: &Change, request: &Request, refusal: &Refusal) -> Error {
    Error::refused(change.to_string(), request, refusal, change.advice(refusal))
}

/// The error that tells about a question that was not answered.
fn not_shown(place: Option<&Place>, request: &Request, failure: Failure) -> Error {
    match failure {
        Failure::Refused(refusal) => {
            let what = place.map_or_else(|| "show".to_owned(), |place| format!("show {place}"));
            Error::refused(what, request, &refusal, None)
        }
        other => Error::Netlink(other),
    }
}

fn malformed(what: &str) -> Failure {
    Failure::Malformed(Malformed(what.to_owned()))
}

#[cfg(test)]
pub mod tests;
