//! One frame of any link: down to its Flow Key with every tunnel, to what IP carries, and to names and messages in it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidemark::input::messages::Messages;
use tidemark::model::{LinkType, RawPacket, Timestamp};
use tidemark::wire::{Decap, decode};

fuzz_target!(|input: &[u8]| {
    let [link, octets @ ..] = input else { return };
    let link = LinkType(u16::from(*link));
    let length = octets.len() as u32;
    for decap in [Decap::default(), Decap::ALL] {
        if let Ok(packet) = decode(link, octets, length, decap) {
            assert!(packet.payload.len() <= octets.len());
        }
    }
    // The frame in two halves as well: what waits for its rest must be let go.
    let mut messages = Messages::default();
    let (first, second) = octets.split_at(octets.len() / 2);
    for octets in [octets, first, second, octets] {
        let frame = RawPacket {
            at: Timestamp::from_secs(0),
            link,
            octets,
            original_length: octets.len() as u32,
        };
        let _ = messages.frame(&frame, |message| assert!(!message.octets.is_empty()));
    }
});
