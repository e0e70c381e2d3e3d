//! Which Front takes what: the same one all that must be looked at together.

use super::Engine;
use crate::model::{FlowKey, Ip};
use crate::wire::Packet;

impl Engine {
    /// Which Front collects from an exporter: all its sessions, for they share its Templates.
    pub(super) fn front_of_exporter(&self, exporter: Ip) -> usize {
        self.front_of_bits(exporter.bits())
    }

    /// Which Front meters a packet: both directions and all fragments of a conversation go to the same one.
    #[inline]
    pub(super) fn front_of(&self, packet: &Packet<'_>) -> usize {
        if self.fronts.len() == 1 {
            return 0;
        }
        self.front_of_ends(&packet.key)
    }

    #[inline]
    pub(super) fn front_of_ends(&self, key: &FlowKey) -> usize {
        self.front_of_bits(key.src.bits() ^ key.dst.bits())
    }

    #[inline]
    fn front_of_bits(&self, bits: u128) -> usize {
        let mixed = (bits as u64 ^ (bits >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 32) as usize % self.fronts.len().max(1)
    }
}
