//! Fragmented UDP datagrams put together (RFC 791 section 3.2, RFC 8200 section 4.5).
//!
//! Exporters that fill messages beyond the path's MTU are rare and real. Pieces may come in any order and twice.

use super::Datagram;
use crate::model::Timestamp;
use crate::wire::carried::Carried;
use etherparse::defrag::IpDefragBuf;
use etherparse::{IpFragOffset, IpNumber};
use std::collections::BTreeMap;
use std::time::Duration;

/// Most datagrams under way; each takes at most 64 KiB.
const MOST: usize = 128;
/// Pieces further apart belong to different datagrams with the same number (RFC 8200 section 4.5: 60 s).
const PATIENCE: Duration = Duration::from_secs(60);

/// Datagrams of which some pieces have come.
#[derive(Debug, Default)]
pub(super) struct Fragments {
    under_way: BTreeMap<Datagram, Pieces>,
    /// Datagrams that stayed incomplete or contradicted themselves.
    pub given_up: u64,
}

#[derive(Debug)]
struct Pieces {
    begun: Timestamp,
    buffer: IpDefragBuf,
}

impl Fragments {
    /// Adds a piece; the payload of the whole datagram when this was the last one missing.
    pub fn add(&mut self, at: Timestamp, carried: &Carried<'_>) -> Option<Vec<u8>> {
        let piece = carried.piece?;
        let key = (carried.src, carried.dst, piece.id);
        let stale = |pieces: &Pieces| at.since(pieces.begun) > PATIENCE;
        if self.under_way.get(&key).is_some_and(stale) {
            self.give_up(key);
        }
        if !self.under_way.contains_key(&key) {
            self.make_room();
            self.under_way.insert(key, Pieces::new(at));
        }
        let pieces = self.under_way.get_mut(&key)?;
        let offset = IpFragOffset::try_new(piece.offset).ok();
        let added = offset
            .filter(|_| !carried.cut)
            .is_some_and(|offset| pieces.buffer.add(offset, piece.more, carried.body).is_ok());
        if !added {
            self.give_up(key);
            return None;
        }
        if !pieces.buffer.is_complete() {
            return None;
        }
        let whole = self.under_way.remove(&key)?;
        Some(whole.buffer.take_bufs().0)
    }

    /// The one that was begun first gives way.
    fn make_room(&mut self) {
        if self.under_way.len() < MOST {
            return;
        }
        let oldest = self.under_way.iter().min_by_key(|(_, pieces)| pieces.begun);
        if let Some(key) = oldest.map(|(key, _)| *key) {
            self.give_up(key);
        }
    }

    fn give_up(&mut self, key: Datagram) {
        self.under_way.remove(&key);
        self.given_up += 1;
    }
}

impl Pieces {
    fn new(begun: Timestamp) -> Self {
        Self {
            begun,
            buffer: IpDefragBuf::new(IpNumber::UDP, Vec::new(), Vec::new()),
        }
    }
}
