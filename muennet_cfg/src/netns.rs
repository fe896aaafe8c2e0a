// SPDX-License-Identifier: GPL-2.0

//! Network namespaces, by their names as `ip netns` gives them.

use std::collections::HashMap;
use std::fs;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::sched::setns;
use nix::sched::CloneFlags;

use crate::error::Error;
use crate::netlink::Conversation;
use crate::netlink::Failure;
use crate::netlink::Protocol;
use crate::netlink::Request;
use crate::netlink::Socket;

/// Where `ip netns` keeps them.
const FOLDER: &str = "/run/netns";

/// `include/uapi/linux/rtnetlink.h`, `net_namespace.h`.
mod route {
    pub const RTM_GETNSID: u16 = 90;
    /// Bytes of `struct rtgenmsg`, aligned.
    pub const HEADER: usize = 4;
    pub const NETNSA_NSID: u16 = 1;
    pub const NETNSA_FD: u16 = 3;
}

/// The number of a namespace.
///
/// The kernel gives the number of a namespace that is gone to the next one at once. As long as this
/// is there, so is the namespace, and the number is no other's.
pub struct Number {
    number: i32,
    // Keeps the namespace. None where the number was given instead of a name.
    _namespace: Option<File>,
}

impl Number {
    /// A number that was given as it is.
    pub fn given(number: i32) -> Self {
        Number {
            number,
            _namespace: None,
        }
    }
}

/// The numbers of the namespaces that requests name, until those are answered and not longer: by
/// then a name can be that of another namespace.
#[derive(Default)]
pub struct Numbers(HashMap<String, Number>);

impl Numbers {
    /// The number of a namespace, the same each time.
    ///
    /// # Errors
    ///
    /// As [`Namespaces::number`].
    pub fn get(&mut self, namespaces: &mut dyn Namespaces, name: &str) -> Result<i32, Error> {
        if let Some(known) = self.0.get(name) {
            return Ok(known.number);
        }
        let new = namespaces.number(name)?;
        Ok(self.0.entry(name.to_owned()).or_insert(new).number)
    }
}

/// The numbers that other namespaces have in the one of the process.
pub trait Namespaces {
    /// The number of a namespace that is given by its name, or by its number as it is.
    ///
    /// # Errors
    ///
    /// There is no such namespace, or it has no number.
    fn number(&mut self, name: &str) -> Result<Number, Error>;

    /// The names of all namespaces that have one and a number, as they are now.
    fn names(&mut self) -> HashMap<i32, String>;
}

/// The namespaces of this machine.
pub struct Named;

impl Namespaces for Named {
    fn number(&mut self, name: &str) -> Result<Number, Error> {
        match (file_of(name)?, name.parse()) {
            // A name that looks like a number is a name.
            ((path, Err(error)), Err(_)) => Err(no_namespace(name, &path, error)),
            ((_, Err(_)), Ok(number)) => Ok(Number::given(number)),
            ((_, Ok(file)), _) => route()
                .and_then(|mut conversation| number_of(&mut conversation, &file))
                .map_err(|failure| Error::system(format!("namespace {name}"), to_io(failure)))?
                .map(|number| Number {
                    number,
                    _namespace: Some(file),
                })
                .ok_or_else(|| Error::Refused {
                    what: format!("namespace {name}"),
                    refusal: "it has no number in this namespace".into(),
                    advice: Some(format!("try: ip netns set {name} auto")),
                }),
        }
    }

    fn names(&mut self) -> HashMap<i32, String> {
        // Without a name there still is the number.
        let Ok(mut conversation) = route() else {
            return HashMap::new();
        };
        let entries = fs::read_dir(FOLDER).into_iter().flatten().flatten();
        entries
            .filter_map(|entry| {
                let file = File::open(entry.path()).ok()?;
                let number = number_of(&mut conversation, &file).ok()??;
                Some((number, entry.file_name().into_string().ok()?))
            })
            .collect()
    }
}

/// Moves the process into a namespace: the name of one, or a path.
///
/// # Errors
///
/// There is no such namespace, or the process may not enter it.
pub fn enter(name: &str) -> Result<(), Error> {
    let (path, file) = file_of(name)?;
    let file = file.map_err(|error| no_namespace(name, &path, error))?;
    setns(file, CloneFlags::CLONE_NEWNET).map_err(|errno| {
        let what = format!("can not enter network namespace {name}");
        match errno {
            Errno::EINVAL => Error::Usage(format!("{}: not a network namespace", path.display())),
            Errno::EPERM => Error::Refused {
                what,
                refusal: "Operation not permitted (EPERM)".into(),
                advice: Some("this takes CAP_SYS_ADMIN, try sudo".into()),
            },
            errno => Error::system(what, errno),
        }
    })
}

fn file_of(name: &str) -> Result<(PathBuf, io::Result<File>), Error> {
    let path = match name {
        "" | "." | ".." => {
            return Err(Error::Usage(format!("no namespace can be called {name:?}")))
        }
        path if path.starts_with('/') => PathBuf::from(path),
        name if name.contains('/') => {
            return Err(Error::Usage(format!(
                "{name:?} is neither the name of a namespace nor an absolute path"
            )));
        }
        name => Path::new(FOLDER).join(name),
    };
    let file = File::open(&path);
    Ok((path, file))
}

fn no_namespace(name: &str, path: &Path, error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::NotFound {
        Error::Refused {
            what: format!("network namespace {name}"),
            refusal: "there is none of this name".into(),
            advice: Some("ip netns list shows what there is".into()),
        }
    } else {
        Error::system(path.display().to_string(), error)
    }
}

fn route() -> Result<Conversation<Socket>, Failure> {
    Ok(Conversation::new(Socket::open(Protocol::Route)?))
}

/// The number of a namespace; none where it has none here.
fn number_of(
    conversation: &mut Conversation<Socket>,
    namespace: &File,
) -> Result<Option<i32>, Failure> {
    let mut request = Request::new(route::RTM_GETNSID, &[0; route::HEADER])
        .u32(route::NETNSA_FD, namespace.as_raw_fd().unsigned_abs());
    let mut number = None;
    conversation.ask(&mut request, |answer| {
        for attribute in answer.attributes_after(route::HEADER)?.iter() {
            if let (route::NETNSA_NSID, value) = attribute? {
                number = Some(value.i32()?);
            }
        }
        Ok(())
    })?;
    // The kernel's word for "none" is -1.
    Ok(number.filter(|number| *number >= 0))
}

fn to_io(failure: Failure) -> io::Error {
    match failure {
        Failure::Socket(error) => error,
        Failure::Refused(refusal) => io::Error::from_raw_os_error(refusal.errno),
        Failure::Malformed(malformed) => io::Error::other(malformed),
    }
}
