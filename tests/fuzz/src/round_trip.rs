// SPDX-License-Identifier: GPL-2.0

//! Round trips: the driver's own writer sends packets, and its reader must deliver them unchanged.

use std::{
    marker::PhantomData,
    num::NonZeroU64, //
};

use crate::{
    abstractions::{
        mapping::Mapping,
        napi::{
            Delivery,
            MIN_CHILD_MARK, //
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

/// The maximum number of packets in one check.
const MAX_PACKETS: u64 = 20;

/// Returns a packet that the mode can carry in at most `elements` elements of `size` bytes.
fn packet(mode: Mode, size: usize, elements: usize, random: &Random) -> SkBuff<'static> {
    let (min, max) = match mode {
        Mode::Raw => (1, size),
        Mode::Ip => (40, size - 8),
        Mode::Offload => (40, elements.min(3) * (size - 28)),
        Mode::Ethernet | Mode::Vlan => (14, size - 2),
    };
    let length = min + random.below((max - min + 1) as u64) as usize;
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
    // The driver reads the start of a packet before it copies all of it. Other owners of the data
    // may change it in between. In offload mode, the reader compares the two.
    let changed = (mode == Mode::Ip && random.once_in(4)).then(|| {
        let mut changed = bytes.clone();
        changed[..8].fill_with(|| random.next() as u8);
        changed
    });
    let mark = random.below(u64::from(MIN_CHILD_MARK)) as u32;
    SkBuff {
        bytes,
        changed,
        mark,
        dev: PhantomData,
    }
}

/// Sends packets through the region of an attack to its reader. Checks that all arrive unchanged.
pub(crate) fn check(attack: &mut Attack) {
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
    for _ in 0..attack.random.below(MAX_PACKETS) + 1 {
        let sent = packet(attack.mode, size, elements, &attack.random);
        assert!(
            netdev::write(attack.mode, &mut writer, &memory, &sent),
            "the driver did not send a packet"
        );
        writer.publish(&memory);

        let mut packets = attack.poll(64, Box::new(|_, _| ())).packets;
        let received = packets.pop().expect("no packet was delivered");
        assert!(packets.is_empty(), "more than one packet was delivered");
        let mut bytes = sent.bytes;
        if attack.mode == Mode::Raw {
            bytes.resize(size, 0);
        }
        assert!(
            received.bytes[received.pulled..] == bytes,
            "the packet was changed"
        );
        match received.delivery {
            Delivery::Packet { mark, .. } if attack.mode == Mode::Raw => assert_eq!(mark, 0),
            Delivery::Packet { mark, .. } | Delivery::Offload { mark, .. } => {
                assert_eq!(mark, sent.mark)
            }
            Delivery::Frame => {}
        }
        attack.stats.borrow_mut().round_trips += 1;
    }
}
