//! The flow cache: a slab of entries under an index of 32-bit slots, bounded.

use super::entry::{CacheKey, Entry};
use hashbrown::HashTable;

/// How many entries are compared when one must go.
const SAMPLE: usize = 16;

/// Conversations being metered. Slots are reused; the order of a sweep is the order of slots, so the same input
/// gives the same output whatever the hash seed.
#[derive(Debug)]
pub(super) struct Cache {
    index: HashTable<u32>,
    entries: Vec<Entry>,
    free: Vec<u32>,
    state: foldhash::fast::FixedState,
    limit: usize,
    hand: usize,
}

impl Cache {
    /// At most `limit` conversations (at least one).
    pub(super) fn new(limit: usize, seed: u64) -> Self {
        Self {
            index: HashTable::new(),
            entries: Vec::new(),
            free: Vec::new(),
            state: foldhash::fast::FixedState::with_seed(seed),
            limit: limit.clamp(1, u32::MAX as usize),
            hand: 0,
        }
    }

    #[inline]
    pub(super) fn hash(&self, key: &CacheKey) -> u64 {
        key.hash(&self.state)
    }

    #[inline]
    pub(super) fn find(&self, hash: u64, key: &CacheKey) -> Option<u32> {
        let entries = &self.entries;
        self.index
            .find(hash, |&slot| {
                entries.get(slot as usize).is_some_and(|e| e.key == *key)
            })
            .copied()
    }

    #[inline]
    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut Entry> {
        self.entries.get_mut(slot as usize)
    }

    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.index.len() >= self.limit
    }

    pub(super) fn memory(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>() + self.free.capacity() * 4 + self.index.allocation_size()
    }

    /// Adds an entry whose key is not in the cache; the caller keeps the limit.
    pub(super) fn insert(&mut self, hash: u64, entry: Entry) -> u32 {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => self.entries.len() as u32,
        };
        match self.entries.get_mut(slot as usize) {
            Some(place) => *place = entry,
            None => self.entries.push(entry),
        }
        let (entries, state) = (&self.entries, &self.state);
        self.index.insert_unique(hash, slot, |&s| {
            entries.get(s as usize).map_or(0, |e| e.key.hash(state))
        });
        slot
    }

    /// Visits every entry in slot order and lets go of those for which `keep` is false.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&mut Entry) -> bool) {
        for slot in 0..self.entries.len() {
            let Some(entry) = self.entries.get_mut(slot) else {
                break;
            };
            if entry.used && !keep(entry) {
                self.release(slot);
            }
        }
        // Most recently freed slots last, so that the slab stays dense at its start.
        self.free.sort_unstable_by(|a, b| b.cmp(a));
    }

    /// Lets go of the longest silent of a sample, after `farewell`.
    pub(super) fn evict(&mut self, farewell: impl FnOnce(&mut Entry)) {
        let n = self.entries.len();
        let sample = (0..n.min(SAMPLE)).map(|i| (self.hand + i) % n);
        let victim = sample
            .filter(|&s| self.entries[s].used)
            .min_by_key(|&s| self.entries[s].last());
        self.hand = (self.hand + SAMPLE) % n.max(1);
        if let Some(slot) = victim {
            farewell(&mut self.entries[slot]);
            self.release(slot);
        }
    }

    fn release(&mut self, slot: usize) {
        let Some(entry) = self.entries.get_mut(slot) else {
            return;
        };
        entry.used = false;
        let hash = entry.key.hash(&self.state);
        if let Ok(found) = self.index.find_entry(hash, |&s| s as usize == slot) {
            found.remove();
            self.free.push(slot as u32);
        }
    }
}
