// SPDX-License-Identifier: GPL-2.0

//! Network namespaces by their names in `ip netns`, and their IDs.

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
use crate::netlink::Connection;
use crate::netlink::NetlinkError;
use crate::netlink::Protocol;
use crate::netlink::Request;
use crate::netlink::Socket;

/// Returns the name of the network namespace with an ID.
pub type NetnsNames<'a> = &'a dyn Fn(i32) -> Option<String>;

/// Directory in which `ip netns` has its namespaces, as in iproute2.
const NETNS_RUN_DIR: &str = "/run/netns";

/// `include/uapi/linux/rtnetlink.h`, `net_namespace.h`.
mod rtnl {
    pub const RTM_GETNSID: u16 = 90;
    /// Size of `struct rtgenmsg`, aligned.
    pub const RTGENMSG_LEN: usize = 4;
    pub const NETNSA_NSID: u16 = 1;
    pub const NETNSA_FD: u16 = 3;
}

/// ID of a network namespace.
///
/// The kernel reuses the ID of a namespace as soon as the namespace does not exist any more. This
/// keeps the namespace alive, so that the ID stays valid.
pub struct Netnsid {
    nsid: i32,
    // Keeps the namespace alive. `None` if the user gave an ID instead of a name.
    _file: Option<File>,
}

impl Netnsid {
    /// Creates an ID that the user gave.
    pub fn fixed(nsid: i32) -> Self {
        Netnsid { nsid, _file: None }
    }
}

/// IDs of the network namespaces in requests. Must not be kept after the replies to these requests,
/// because a name may belong to another namespace by then.
#[derive(Default)]
pub struct NetnsidCache(HashMap<String, Netnsid>);

impl NetnsidCache {
    /// Returns the ID of a namespace, which is the same on each call.
    ///
    /// # Errors
    ///
    /// As [`NetnsLookup::netnsid`].
    pub fn get(&mut self, netns: &mut dyn NetnsLookup, name: &str) -> Result<i32, Error> {
        if let Some(known) = self.0.get(name) {
            return Ok(known.nsid);
        }
        let new = netns.netnsid(name)?;
        Ok(self.0.entry(name.to_owned()).or_insert(new).nsid)
    }
}

/// Lookup of IDs of other network namespaces in the current one.
pub trait NetnsLookup {
    /// Returns the ID of a namespace. `name` is its name or its ID.
    ///
    /// # Errors
    ///
    /// The namespace does not exist, or has no ID.
    fn netnsid(&mut self, name: &str) -> Result<Netnsid, Error>;

    /// Returns the current names of all namespaces that have a name and an ID.
    fn names(&mut self) -> HashMap<i32, String>;
}

/// The namespaces of `ip netns`.
pub struct IpNetns;

impl NetnsLookup for IpNetns {
    fn netnsid(&mut self, name: &str) -> Result<Netnsid, Error> {
        match (open_netns(name)?, name.parse()) {
            // A name has precedence over an ID.
            ((path, Err(error)), Err(_)) => Err(open_error(name, &path, error)),
            ((_, Err(_)), Ok(nsid)) => Ok(Netnsid::fixed(nsid)),
            ((_, Ok(file)), _) => open_rtnl()
                .and_then(|mut connection| get_nsid(&mut connection, &file))
                .map_err(|error| Error::io(format!("network namespace {name}"), into_io(error)))?
                .map(|nsid| Netnsid {
                    nsid,
                    _file: Some(file),
                })
                .ok_or_else(|| Error::Rejected {
                    what: format!("network namespace {name}"),
                    reason: "has no ID in the current namespace".into(),
                    hint: Some(format!("try: ip netns set {name} auto")),
                }),
        }
    }

    fn names(&mut self) -> HashMap<i32, String> {
        // Names are optional: the output has the ID instead.
        let Ok(mut connection) = open_rtnl() else {
            return HashMap::new();
        };
        let entries = fs::read_dir(NETNS_RUN_DIR).into_iter().flatten().flatten();
        entries
            .filter_map(|entry| {
                let file = File::open(entry.path()).ok()?;
                let nsid = get_nsid(&mut connection, &file).ok()??;
                Some((nsid, entry.file_name().into_string().ok()?))
            })
            .collect()
    }
}

/// Moves the process into a network namespace, given by its name or by a path.
///
/// # Errors
///
/// The namespace does not exist, or the process has no permission to enter it.
pub fn enter(name: &str) -> Result<(), Error> {
    let (path, file) = open_netns(name)?;
    let file = file.map_err(|error| open_error(name, &path, error))?;
    setns(file, CloneFlags::CLONE_NEWNET).map_err(|errno| {
        let what = format!("network namespace {name}");
        match errno {
            Errno::EINVAL => Error::Usage(format!("{}: not a network namespace", path.display())),
            Errno::EPERM => Error::Rejected {
                what,
                reason: "Operation not permitted (EPERM)".into(),
                hint: Some("entering it requires CAP_SYS_ADMIN, try sudo".into()),
            },
            errno => Error::io(what + ": setns", errno),
        }
    })
}

fn open_netns(name: &str) -> Result<(PathBuf, io::Result<File>), Error> {
    let path = match name {
        "" | "." | ".." => {
            return Err(Error::Usage(format!(
                "{name:?}: invalid network namespace name"
            )))
        }
        path if path.starts_with('/') => PathBuf::from(path),
        name if name.contains('/') => {
            return Err(Error::Usage(format!(
                "{name:?}: neither a network namespace name nor an absolute path"
            )));
        }
        name => Path::new(NETNS_RUN_DIR).join(name),
    };
    let file = File::open(&path);
    Ok((path, file))
}

fn open_error(name: &str, path: &Path, error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::NotFound {
        Error::Rejected {
            what: format!("network namespace {name}"),
            reason: "no such namespace".into(),
            hint: Some("see: ip netns list".into()),
        }
    } else {
        Error::io(path.display().to_string(), error)
    }
}

fn open_rtnl() -> Result<Connection<Socket>, NetlinkError> {
    Ok(Connection::new(Socket::open(Protocol::Route)?))
}

/// Returns the ID of a namespace, or `None` if it has none in the current one.
fn get_nsid(
    connection: &mut Connection<Socket>,
    netns: &File,
) -> Result<Option<i32>, NetlinkError> {
    let mut request = Request::new(rtnl::RTM_GETNSID, &[0; rtnl::RTGENMSG_LEN])
        .u32(rtnl::NETNSA_FD, netns.as_raw_fd().unsigned_abs());
    let mut nsid = None;
    connection.transact(&mut request, |payload| {
        for attribute in payload.attributes_after(rtnl::RTGENMSG_LEN)?.iter() {
            if let (rtnl::NETNSA_NSID, value) = attribute? {
                nsid = Some(value.i32()?);
            }
        }
        Ok(())
    })?;
    // The kernel returns -1 if there is no ID.
    Ok(nsid.filter(|nsid| *nsid >= 0))
}

fn into_io(error: NetlinkError) -> io::Error {
    match error {
        NetlinkError::Io(error) => error,
        NetlinkError::Rejected(extack) => io::Error::from_raw_os_error(extack.errno),
        NetlinkError::Malformed(malformed) => io::Error::other(malformed),
    }
}
