// SPDX-License-Identifier: GPL-2.0

//! What a refusal means to who asked, and what to do about it.

use nix::errno::Errno;

use crate::args::Place;
use crate::change::Change;
use crate::error::Error;
use crate::netlink::Failure;
use crate::netlink::Refusal;
use crate::netlink::Request;
use crate::uapi::attribute;
use crate::uapi::name_of;

/// The error that tells about a refused change.
pub fn on_change(change: &Change, request: &Request, refusal: &Refusal) -> Error {
    Error::Refused {
        what: change.to_string(),
        refusal: describe(request, refusal),
        advice: advice(change, refusal),
    }
}

/// The error that tells about a question that was not answered.
pub fn on_show(place: Option<&Place>, request: &Request, failure: Failure) -> Error {
    match failure {
        Failure::Refused(refusal) => Error::Refused {
            what: place.map_or_else(|| "show".to_owned(), |place| format!("show {place}")),
            refusal: describe(request, &refusal),
            advice: None,
        },
        other => Error::Netlink(other),
    }
}

/// The refusal; where the kernel has no words for it, also what in the request it is about.
fn describe(request: &Request, refusal: &Refusal) -> String {
    let wrong = refusal
        .offset
        .and_then(|offset| request.attribute_at(offset));
    let missing = refusal.missing.and_then(|kind| u16::try_from(kind).ok());
    let named = |kind| name_of(attribute::ALL, kind);
    match (missing.and_then(named), wrong.and_then(named)) {
        (Some(name), _) => format!("{refusal}: {name} is missing"),
        (None, Some(name)) if refusal.message.is_none() => format!("{refusal}: {name} is wrong"),
        _ => refusal.to_string(),
    }
}

/// What to do, where the refusal does not say it.
fn advice(change: &Change, refusal: &Refusal) -> Option<String> {
    let errno = Errno::from_raw(refusal.errno);
    match (change, errno) {
        (Change::AddMark { child, mark }, Errno::EBUSY) => Some(format!(
            "to take it from its owner: move_mark OWNER {child} {mark}"
        )),
        // The kernel has said whose namespace it is about.
        (_, Errno::EPERM) if refusal.message.is_some() => None,
        (Change::DelChild { .. }, Errno::EPERM) => {
            Some("this takes CAP_NET_ADMIN, try sudo".to_owned())
        }
        (_, Errno::EPERM) => Some(
            "this takes CAP_NET_ADMIN over the network namespace of the parent, try sudo there"
                .to_owned(),
        ),
        _ => None,
    }
}
