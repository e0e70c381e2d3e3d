//! Traffic that benches share: frames of a drill, made once, so that making them is not measured.

use std::time::Duration;
use tidemark::drill::{Plan, Scenario, frames};
use tidemark::model::{LinkType, RawPacket, Timestamp};
use tidemark::wire::{Decap, Packet, decode};

/// A frame that owns its octets.
pub struct Frame {
    /// When it passes.
    pub at: Timestamp,
    octets: Vec<u8>,
    length: u32,
}

impl Frame {
    /// As an input hands it over.
    pub fn raw(&self) -> RawPacket<'_> {
        RawPacket {
            at: self.at,
            link: LinkType(1),
            octets: &self.octets,
            original_length: self.length,
        }
    }

    /// Decoded; a drill makes nothing that cannot be.
    pub fn packet(&self) -> Option<Packet<'_>> {
        decode(LinkType(1), &self.octets, self.length, Decap::default()).ok()
    }
}

/// Ten minutes of a SYN flood amid the usual traffic.
pub fn traffic() -> Vec<Frame> {
    let mut plan = Plan::new(Scenario::SynFlood, 1);
    plan.duration = Duration::from_secs(600);
    let (mut source, mut all) = (frames(&plan), Vec::new());
    while let Some(frame) = source.next_frame() {
        all.push(Frame {
            at: frame.at,
            octets: frame.octets.to_vec(),
            length: frame.original_length,
        });
    }
    all
}
