// SPDX-License-Identifier: GPL-2.0

//! The generic netlink controller, which resolves families (`include/uapi/linux/genetlink.h`).

use crate::netlink::Attributes;
use crate::netlink::Malformed;
use crate::netlink::Request;
use crate::netlink::Value;
use crate::uapi;

/// Message type of the controller.
pub const GENL_ID_CTRL: u16 = 0x10;
const VERSION: u8 = 2;
pub const CMD_NEWFAMILY: u8 = 1;
pub const CMD_DELFAMILY: u8 = 2;
const CMD_GETFAMILY: u8 = 3;
/// ID of the multicast group `notify`, which announces that families are added or removed. The
/// kernel has this group at a fixed ID.
pub const NOTIFY_GROUP: u32 = 0x10;
const ATTR_FAMILY_ID: u16 = 1;
const ATTR_FAMILY_NAME: u16 = 2;
const ATTR_MCAST_GROUPS: u16 = 7;
const ATTR_MCAST_GRP_NAME: u16 = 1;
const ATTR_MCAST_GRP_ID: u16 = 2;

/// A message of the controller about a family.
#[derive(Default)]
pub struct FamilyInfo {
    /// Name of the family.
    pub name: Option<String>,
    /// ID of the family.
    pub id: Option<u16>,
    /// ID of the multicast group for changes.
    pub changes_group: Option<u32>,
}

impl FamilyInfo {
    /// Parses a message of the controller.
    ///
    /// # Errors
    ///
    /// An attribute is malformed.
    pub fn parse(attributes: Attributes<'_>) -> Result<Self, Malformed> {
        let mut info = FamilyInfo::default();
        for attribute in attributes.iter() {
            match attribute? {
                (ATTR_FAMILY_NAME, value) => info.name = Some(value.string()),
                (ATTR_FAMILY_ID, value) => info.id = Some(value.u16()?),
                (ATTR_MCAST_GROUPS, value) => {
                    info.changes_group = find_group(value, uapi::GROUP_CHANGES)?;
                }
                _ => {}
            }
        }
        Ok(info)
    }
}

/// Builds the request that resolves the family.
pub fn get_family_request() -> Request {
    Request::genl(GENL_ID_CTRL, CMD_GETFAMILY, VERSION).string(ATTR_FAMILY_NAME, uapi::FAMILY)
}

/// Builds the request for all families, a dump.
pub fn get_families_request() -> Request {
    Request::genl(GENL_ID_CTRL, CMD_GETFAMILY, VERSION)
}

/// Builds the request for the family of an ID. Unlike that for the name, it does not make the
/// kernel load the module.
pub fn get_id_request(id: u16) -> Request {
    Request::genl(GENL_ID_CTRL, CMD_GETFAMILY, VERSION).u16(ATTR_FAMILY_ID, id)
}

/// Returns the ID of a multicast group.
fn find_group(groups: Value<'_>, wanted: &str) -> Result<Option<u32>, Malformed> {
    for group in groups.nested().iter() {
        let (mut name, mut id) = (None, None);
        for attribute in group?.1.nested().iter() {
            match attribute? {
                (ATTR_MCAST_GRP_NAME, value) => name = Some(value.string()),
                (ATTR_MCAST_GRP_ID, value) => id = Some(value.u32()?),
                _ => {}
            }
        }
        if name.as_deref() == Some(wanted) {
            return Ok(id);
        }
    }
    Ok(None)
}
