//! The table of conversations of one stretch of time.

use crate::model::{Conversation, ConversationKey, Counters, Index, Ip, Origin, Prefix};
use std::hash::{BuildHasher, Hasher};

/// What became of an addition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// The conversation is new; its row.
    New(u32),
    /// It was known; its row.
    Known(u32),
    /// The table is full even for networks: nothing was kept but a count.
    Refused,
}

/// Aggregated Flows by key, bounded.
///
/// What is given up when the table is full: external addresses of new conversations are folded into their /24 or
/// /48 (the internal side, ports and AS stay exact); once a tenth beyond the limit is full too, new conversations
/// are refused and counted.
#[derive(Clone, Debug)]
pub struct Conversations {
    index: Index,
    rows: Vec<Conversation>,
    state: foldhash::fast::FixedState,
    seed: u64,
    limit: usize,
    folded: u64,
    refused: u64,
}

impl Conversations {
    /// At most `limit` conversations in full detail; `seed` is for the hash alone and changes no output.
    pub fn new(limit: usize, seed: u64) -> Self {
        Self {
            index: Index::new(),
            rows: Vec::new(),
            state: foldhash::fast::FixedState::with_seed(seed),
            seed,
            limit: limit.clamp(16, 1 << 30),
            folded: 0,
            refused: 0,
        }
    }

    /// Adds `counters` to the conversation of `key`; `origins` is asked only for a new one.
    #[inline]
    pub fn add(
        &mut self,
        key: &ConversationKey,
        counters: &Counters,
        origins: impl FnOnce() -> (Origin, Origin),
    ) -> Added {
        self.add_hashed(self.hash(key), key, counters, origins)
    }

    /// The hash of `key`.
    #[inline]
    pub fn hash(&self, key: &ConversationKey) -> u64 {
        hash(&self.state, key)
    }

    /// Where the row of a key of that hash probably is.
    #[inline]
    pub fn guess(&self, hash: u64) -> Option<u32> {
        self.index.guess(hash)
    }

    /// Something of the index near a hash, read so that it is near when it is used.
    #[inline]
    pub fn touch_index(&self, hash: u64) -> u64 {
        self.index.touch(hash)
    }

    /// Something of both cache lines of a row, read so that they are near when it is used.
    #[inline]
    pub fn touch(&self, row: u32) -> u64 {
        let near =
            |row: &Conversation| row.key.src.bits() as u64 ^ row.counters.bytes ^ u64::from(row.key.port);
        self.get(row).map_or(0, near)
    }

    /// [`Self::add`], where the hash of the key is known.
    #[inline]
    pub fn add_hashed(
        &mut self,
        hash: u64,
        key: &ConversationKey,
        counters: &Counters,
        origins: impl FnOnce() -> (Origin, Origin),
    ) -> Added {
        let rows = &self.rows;
        let same = |r: u32| rows.get(r as usize).is_some_and(|c| c.key == *key);
        if let Some(row) = self.index.find(hash, same) {
            if let Some(known) = self.rows.get_mut(row as usize) {
                known.counters.add(counters);
            }
            return Added::Known(row);
        }
        let (src_origin, dst_origin) = origins();
        let row = Conversation {
            key: *key,
            src_origin,
            dst_origin,
            counters: *counters,
        };
        if self.rows.len() < self.limit {
            return Added::New(self.push(hash, row));
        }
        self.insert_folded(row)
    }

    /// Merges one row of another table; `hash` is that of its key.
    #[inline]
    pub fn merge(&mut self, hash: u64, row: &Conversation) -> Added {
        self.add_hashed(hash, &row.key, &row.counters, || (row.src_origin, row.dst_origin))
    }

    /// Takes over all of another table, in its order, and leaves it empty; false, and nothing happens, when this one
    /// is not empty, or the other has more than this one holds in full detail.
    pub fn adopt(&mut self, other: &mut Self) -> bool {
        let fits = self.rows.is_empty() && other.rows.len() <= self.limit && self.seed == other.seed;
        if fits {
            self.swap_rows(other);
        }
        fits
    }

    fn swap_rows(&mut self, other: &mut Self) {
        std::mem::swap(&mut self.rows, &mut other.rows);
        std::mem::swap(&mut self.index, &mut other.index);
    }

    fn fold(&mut self, mut row: Conversation) -> Conversation {
        for (ip, origin) in [
            (&mut row.key.src, row.src_origin),
            (&mut row.key.dst, row.dst_origin),
        ] {
            if !origin.internal {
                *ip = network_of(*ip);
            }
        }
        self.folded += 1;
        row
    }

    #[cold]
    fn insert_folded(&mut self, row: Conversation) -> Added {
        let row = self.fold(row);
        let (rows, hash) = (&mut self.rows, hash(&self.state, &row.key));
        let same = |r: u32| rows.get(r as usize).is_some_and(|c| c.key == row.key);
        if let Some(known) = self.index.find(hash, same) {
            if let Some(known) = rows.get_mut(known as usize) {
                known.counters.add(&row.counters);
            }
            return Added::Known(known);
        }
        if rows.len() >= self.limit + self.limit / 10 {
            self.refused += 1;
            return Added::Refused;
        }
        Added::New(self.push(hash, row))
    }

    /// Appends a row whose key is not in the table.
    fn push(&mut self, hash: u64, row: Conversation) -> u32 {
        let slot = self.rows.len() as u32;
        self.rows.push(row);
        self.index.insert(hash, slot);
        slot
    }

    /// The rows, in order of arrival.
    pub fn rows(&self) -> &[Conversation] {
        &self.rows
    }

    /// One row.
    pub fn get(&self, row: u32) -> Option<&Conversation> {
        self.rows.get(row as usize)
    }

    /// The row of `key`.
    pub fn find(&self, key: &ConversationKey) -> Option<&Conversation> {
        let same = |row: u32| self.get(row).is_some_and(|c| c.key == *key);
        self.get(self.index.find(hash(&self.state, key), same)?)
    }

    /// Whether there is a row of `key`.
    pub fn contains(&self, key: &ConversationKey) -> bool {
        let same = |row: u32| self.get(row).is_some_and(|c| c.key == *key);
        self.index.find(hash(&self.state, key), same).is_some()
    }

    /// Shows every row; where something is given back, that is counted from now on.
    pub fn amend(&mut self, mut amended: impl FnMut(&Conversation) -> Option<Counters>) {
        for row in &mut self.rows {
            row.counters = amended(row).unwrap_or(row.counters);
        }
    }

    /// Takes the rows out and starts empty, with room for about as many.
    pub fn take(&mut self) -> Vec<Conversation> {
        self.index.clear();
        let room = self.rows.len();
        std::mem::replace(&mut self.rows, Vec::with_capacity(room))
    }

    /// Gives away the rows, to be adopted by another table, and starts empty; what was folded and refused stays
    /// counted here.
    pub fn hand_over(&mut self) -> Self {
        let mut away = Self::new(self.limit, self.seed);
        away.swap_rows(self);
        away
    }

    /// Forgets the rows and keeps the room for them.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.index.clear();
    }

    /// Takes over the room of an empty table, if this one is empty and has less.
    pub fn reuse(&mut self, mut spare: Self) {
        if self.rows.is_empty() && spare.rows.is_empty() && spare.rows.capacity() > self.rows.capacity() {
            self.swap_rows(&mut spare);
        }
    }

    /// Conversations whose external address was folded into its network.
    pub fn folded(&self) -> u64 {
        self.folded
    }

    /// Conversations refused.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Octets it occupies.
    pub fn memory(&self) -> usize {
        self.rows.capacity() * size_of::<Conversation>() + self.index.memory()
    }
}

/// The network that stands for an address when there is no room for it alone.
pub fn network_of(ip: Ip) -> Ip {
    Prefix::new(ip, if ip.is_v4() { 24 } else { 48 }).first()
}

fn hash(state: &foldhash::fast::FixedState, key: &ConversationKey) -> u64 {
    let mut hasher = state.build_hasher();
    hasher.write_u128(key.src.bits());
    hasher.write_u128(key.dst.bits());
    hasher.write_u32(u32::from(key.port) << 16 | u32::from(key.protocol) << 8 | key.role as u32);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Role;

    fn key(src: u32, dst: u32) -> ConversationKey {
        ConversationKey {
            src: Ip::v4(src),
            dst: Ip::v4(dst),
            port: 443,
            protocol: 6,
            role: Role::Request,
        }
    }

    fn one(bytes: u64) -> Counters {
        Counters {
            bytes,
            packets: 1,
            flows: 1,
            ..Counters::default()
        }
    }

    #[test]
    fn the_same_conversation_adds_up() {
        let mut table = Conversations::new(100, 7);
        assert_eq!(table.add(&key(1, 2), &one(10), Default::default), Added::New(0));
        assert_eq!(
            table.add(&key(1, 2), &one(5), || panic!("asked once only")),
            Added::Known(0)
        );
        assert_eq!(
            table.rows()[0].counters,
            Counters {
                bytes: 15,
                packets: 2,
                flows: 2,
                ..Counters::default()
            }
        );
    }

    #[test]
    fn a_full_table_folds_external_addresses_then_refuses_and_counts_both() {
        let mut table = Conversations::new(20, 7);
        let internal = Origin {
            internal: true,
            ..Origin::default()
        };
        let mut sum = 0;
        for n in 0..2000u32 {
            let refused = table.add(&key(0x0100_0000 + n, 9), &one(1), || {
                (Origin::default(), internal)
            });
            sum += u64::from(refused != Added::Refused);
        }
        // 2000 addresses lie in eight /24s: the first twenty stand alone, the rest in their networks.
        assert!(table.rows().len() <= 22);
        let kept: u64 = table.rows().iter().map(|r| r.counters.packets).sum();
        assert_eq!(kept, sum);
        assert_eq!(kept + table.refused(), 2000);
        assert_eq!(table.folded(), 1980);
        assert!(
            table.rows().iter().all(|r| r.key.dst == Ip::v4(9)),
            "the internal side stays exact"
        );
    }

    #[test]
    fn merging_two_halves_equals_the_whole() {
        let rows: Vec<_> = (0..50).map(|n| (key(n % 7, n % 5), one(u64::from(n)))).collect();
        let whole = |parts: &[&[(ConversationKey, Counters)]]| {
            let mut all = Conversations::new(100, 3);
            for part in parts {
                let mut table = Conversations::new(100, 4);
                part.iter()
                    .for_each(|(k, c)| _ = table.add(k, c, Default::default));
                table
                    .rows()
                    .iter()
                    .for_each(|row| _ = all.merge(all.hash(&row.key), row));
            }
            let mut rows = all.take();
            rows.sort();
            rows
        };
        assert_eq!(whole(&[&rows]), whole(&[&rows[30..], &rows[..30]]));
    }
}
