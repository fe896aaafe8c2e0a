// SPDX-License-Identifier: GPL-2.0

//! The driver's own writer and formats: its reader and formats must receive all packets that they
//! send.

use std::num::NonZeroU64;

use crate::{
    abstractions::{
        mapping::Mapping,
        napi::{
            As,
            FOREIGN, //
        },
        skbuff::SkBuff, //
    },
    attack::{
        Attack,
        PROTOCOL, //
    },
    channel::{
        Memory,
        Writer, //
    },
    netdev::{
        self,
        mode::Mode, //
    },
    random::Random, //
};

/// The largest number of packets that are sent.
const MOST: u64 = 20;

/// Returns a packet that the mode can carry in elements of `size` bytes, in at most `elements` of
/// them.
fn packet(mode: Mode, size: usize, elements: usize, random: &Random) -> SkBuff {
    let (least, most) = match mode {
        Mode::Raw => (1, size),
        Mode::Ip => (40, size - 8),
        Mode::Offload => (40, elements.min(3) * (size - 28)),
        Mode::Ethernet | Mode::Vlan => (14, size - 2),
    };
    let length = least + random.below((most - least + 1) as u64) as usize;
    let mut bytes: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
    if mode == Mode::Ip || mode == Mode::Offload {
        if random.once_in(2) {
            bytes[0] = 0x45;
            bytes[2..4].copy_from_slice(&(length as u16).to_be_bytes());
        } else {
            bytes[0] = 0x60;
            bytes[4..6].copy_from_slice(&((length - 40) as u16).to_be_bytes());
        }
    }
    // The driver peeks at the start of a packet and then copies all of it. Others that share the
    // packet may write it in between. (For large packets the reader compares the two.)
    let copied = (mode == Mode::Ip && random.once_in(4)).then(|| {
        let mut copied = bytes.clone();
        copied[..8].fill_with(|| random.next() as u8);
        copied
    });
    let mark = random.below(u64::from(FOREIGN)) as u32;
    SkBuff {
        bytes,
        copied,
        mark,
    }
}

/// Sends packets through the region of an attack to its reader. All of them must arrive unchanged.
pub(crate) fn sends(attack: &mut Attack) {
    let size = attack.element_size();
    let elements = attack.elements(size);
    let memory = netdev::out_memory(Mapping(attack.shared.clone()));
    let region = Memory::size(attack.region());
    let protocol = NonZeroU64::new(PROTOCOL).expect("not zero");
    let mut writer = Writer::new(protocol, size, region).expect("it fits");
    writer.start_epoch(
        &memory,
        NonZeroU64::new(attack.new_epoch()).expect("not zero"),
    );
    for _ in 0..attack.random.below(MOST) + 1 {
        let sent = packet(attack.mode, size, elements, &attack.random);
        assert!(
            netdev::write(attack.mode, &mut writer, &memory, &sent),
            "a packet was not sent"
        );
        writer.publish(&memory);

        let mut handed = attack.poll(64, Box::new(|_, _| ())).handed;
        let received = handed.pop().expect("nothing arrived");
        assert!(handed.is_empty(), "more arrived than was sent");
        let mut bytes = sent.bytes;
        if attack.mode == Mode::Raw {
            bytes.resize(size, 0);
        }
        assert!(received.bytes[received.pulled..] == bytes, "changed");
        match received.how {
            As::Packet { mark, .. } if attack.mode == Mode::Raw => assert_eq!(mark, 0),
            As::Packet { mark, .. } | As::Large { mark, .. } => assert_eq!(mark, sent.mark),
            As::Frame => {}
        }
        attack.figures.borrow_mut().own += 1;
    }
}
