// SPDX-License-Identifier: GPL-2.0

//! The driver's family of generic netlink: what can be asked of it.

use std::collections::HashMap;
use std::io::ErrorKind;

use nix::errno::Errno;

use crate::advice;
use crate::change::Change;
use crate::error::Error;
use crate::model::Event;
use crate::model::Heard;
use crate::model::Interface;
use crate::model::Owned;
use crate::names::Place;
use crate::netlink::Conversation;
use crate::netlink::Failure;
use crate::netlink::Malformed;
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
    pub const GETFAMILY: u8 = 3;
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
    changes: Option<u32>,
}

impl<T: Transport> Kernel<T> {
    /// Looks the family up.
    ///
    /// # Errors
    ///
    /// [`Error::NotLoaded`] where the kernel does not know it.
    pub fn connect(transport: T, namespaces: Box<dyn Namespaces>) -> Result<Self, Error> {
        let mut conversation = Conversation::new(transport);
        let mut request = Request::generic(control::FAMILY, control::GETFAMILY, control::VERSION)
            .text(control::FAMILY_NAME, uapi::FAMILY);
        let mut family = None;
        let mut changes = None;
        let answer = conversation.ask(&mut request, |answer| {
            for attribute in answer.generic()?.1.iter() {
                match attribute? {
                    (control::FAMILY_ID, value) => family = Some(value.u16()?),
                    (control::MCAST_GROUPS, value) => changes = group(value, uapi::GROUP_CHANGES)?,
                    _ => {}
                }
            }
            Ok(())
        });
        match answer {
            Err(Failure::Refused(refusal)) if refusal.errno == Errno::ENOENT as i32 => {
                return Err(Error::NotLoaded);
            }
            other => other?,
        }
        Ok(Kernel {
            conversation,
            namespaces,
            family: family.ok_or_else(|| malformed("the number of the family is missing"))?,
            changes,
        })
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
            Err(Failure::Refused(refusal)) => Err(advice::on_change(change, &request, &refusal)),
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
            *result = end.map_err(|refusal| advice::on_change(change, request, &refusal));
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
            .map_err(|failure| advice::on_show(Some(place), &request, failure))?;
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
    /// There is no such group, or the socket fails.
    pub fn subscribe(&mut self) -> Result<(), Error> {
        let group = self.changes;
        let group = group.ok_or_else(|| malformed("the multicast group is missing"))?;
        Ok(self.conversation.subscribe(group)?)
    }

    /// Waits for changes, and adds those that have come to `heard`.
    ///
    /// # Errors
    ///
    /// The conversation fails; what came before that is in `heard` all the same.
    pub fn changes(&mut self, heard: &mut Vec<Heard>) -> Result<(), Error> {
        let family = self.family;
        for number in 0..DATAGRAMS {
            let wait = number == 0;
            let came = self.conversation.listen(wait, |answer| {
                if answer.kind == family {
                    let (command, attributes) = answer.generic()?;
                    heard.extend(Event::parse(command, attributes)?.map(Heard::Event));
                }
                Ok(())
            });
            match came {
                Err(Failure::Socket(error)) if !wait && error.kind() == ErrorKind::WouldBlock => {
                    break;
                }
                Err(Failure::Socket(error))
                    if error.raw_os_error() == Some(Errno::ENOBUFS as i32) =>
                {
                    heard.push(Heard::Lost);
                }
                other => other?,
            }
        }
        Ok(())
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
            request = request.text(attribute::IFNAME, place.name.as_str());
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
        parse: fn(crate::netlink::Attributes<'_>) -> Result<R, Malformed>,
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
                .map_err(|failure| advice::on_show(place, &request, failure))?;
            if whole {
                break;
            }
        }
        // Where changes never stop, the last answer is as good as any.
        Ok(all)
    }
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

fn malformed(what: &str) -> Failure {
    Failure::Malformed(Malformed(what.to_owned()))
}

#[cfg(test)]
#[path = "kernel_tests.rs"]
pub mod tests;
