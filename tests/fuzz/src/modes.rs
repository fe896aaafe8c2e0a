// SPDX-License-Identifier: GPL-2.0

//! The modes as the driver reads them (`netdev/format`), with a vector in place of a packet:
//! the length is peeked, as many bytes are copied once, and the copy is checked.

use crate::{
    channel::Element,
    memory::Shared,
    netdev::frame::{
        self,
        ethernet,
        large::{
            self,
            Piece, //
        },
        Malformed, //
    }, //
};

/// What elements hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Raw,
    Ip,
    Large,
    Ethernet,
}

/// All of them.
pub(crate) const MODES: [Mode; 4] = [Mode::Raw, Mode::Ip, Mode::Large, Mode::Ethernet];

impl Mode {
    /// The sizes of elements that a reader takes, in bytes.
    pub(crate) fn sizes(self) -> (usize, usize) {
        match self {
            Mode::Raw => (1, 65_535),
            Mode::Ip => (76, 65_543),
            Mode::Large => (96, 65_563),
            Mode::Ethernet => (84, 65_537),
        }
    }

    /// Where in an element the last of its copies begins.
    pub(crate) fn last_copy_at(self) -> usize {
        match self {
            // The header is copied for itself.
            Mode::Large => large::HEADER_SIZE,
            Mode::Raw | Mode::Ip | Mode::Ethernet => 0,
        }
    }

    /// Copies what the element claims to hold.
    pub(crate) fn copy(self, element: &Element<'_, Shared<'_>>) -> Result<Vec<u8>, Malformed> {
        let size = element.size();
        let length = match self {
            Mode::Raw => size,
            Mode::Ip => {
                let mut prefix = [0; frame::PREFIX_SIZE];
                if !element.peek(0, &mut prefix) {
                    return Err(Malformed::Length);
                }
                frame::peek_len(&prefix, size)?
            }
            Mode::Large => {
                let mut header = [0; large::HEADER_SIZE];
                if !element.peek(0, &mut header) {
                    return Err(Malformed::Length);
                }
                // The header is read once: its copy is the one that counts.
                let piece = Piece::decode(&header, size)?;
                let mut copy = header.to_vec();
                copy.resize(header.len() + piece.length, 0);
                let (_, to) = copy.split_at_mut(header.len());
                assert!(element.peek(header.len(), to));
                return Ok(copy);
            }
            Mode::Ethernet => {
                let mut trailer = [0; ethernet::TRAILER_SIZE];
                let at = ethernet::trailer_at(size).ok_or(Malformed::Length)?;
                if !element.peek(at, &mut trailer) {
                    return Err(Malformed::Length);
                }
                ethernet::frame_len(trailer, size)?
            }
        };
        assert!(length <= size, "{length} bytes of an element of {size}");
        let mut copy = vec![0; length];
        assert!(element.peek(0, &mut copy));
        Ok(copy)
    }

    /// Checks a copy.
    pub(crate) fn check(self, copy: &[u8]) -> Result<(), Malformed> {
        match self {
            Mode::Raw | Mode::Ethernet => Ok(()),
            Mode::Large => {
                let (header, bytes) = copy.split_first_chunk().ok_or(Malformed::Length)?;
                let piece = Piece::decode(header, copy.len())?;
                assert_eq!(piece.length, bytes.len());
                assert!(piece.at + piece.length <= piece.total);
                assert!(piece.total <= large::PACKET_MAX);
                match bytes.first_chunk() {
                    Some(ip) if piece.length == piece.total => piece.check(ip),
                    _ => Ok(()),
                }
            }
            Mode::Ip => {
                frame::check(copy)?;
                // What the checks promise to the stack, computed here in another way.
                let packet = &copy[frame::HEADER_SIZE..];
                let stated = match (copy[6], packet[0] >> 4) {
                    (4, 4) => {
                        let words = usize::from(packet[0] & 15);
                        assert!(words >= 5 && words * 4 <= packet.len());
                        (usize::from(packet[2]) << 8) | usize::from(packet[3])
                    }
                    (41, 6) => 40 + ((usize::from(packet[4]) << 8) | usize::from(packet[5])),
                    other => panic!("accepted {other:?}"),
                };
                assert_eq!(stated, packet.len());
                Ok(())
            }
        }
    }
}
