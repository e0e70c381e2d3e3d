//! An index of slots by hash: one cache line a look-up.

/// Most slots taken of each four.
const FULL_IN_4: usize = 3;
/// Places of a table that holds anything.
const FIRST: usize = 1 << 10;

/// Open addressing with linear probing. A place holds the upper 32 bits of a hash, which also say where it belongs,
/// and a slot; so look-ups, removals and growing touch nothing else.
#[derive(Clone, Debug)]
pub struct Index {
    /// Tag in the upper half, slot + 1 in the lower; 0 where free. A power of two of them, not all taken.
    places: Vec<u64>,
    /// A tag shifted right by this is its home.
    shift: u32,
    len: usize,
}

impl Default for Index {
    fn default() -> Self {
        Self::new()
    }
}

impl Index {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::of(FIRST)
    }

    fn of(places: usize) -> Self {
        Self {
            places: vec![0; places],
            shift: 64 - places.ilog2(),
            len: 0,
        }
    }

    /// How many slots are in it.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no slot is in it.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Forgets every slot.
    pub fn clear(&mut self) {
        self.places.fill(0);
        self.len = 0;
    }

    /// The slot that probably is the one of `hash`.
    #[inline]
    pub fn guess(&self, hash: u64) -> Option<u32> {
        self.find(hash, |_| true)
    }

    /// What lies where the look-up of `hash` begins: read for many, they come from memory at the same time.
    #[inline]
    pub fn touch(&self, hash: u64) -> u64 {
        self.places
            .get((hash >> self.shift) as usize)
            .copied()
            .unwrap_or(0)
    }

    /// Octets it occupies.
    pub fn memory(&self) -> usize {
        self.places.capacity() * size_of::<u64>()
    }

    /// Slots below `u32::MAX` that may be the one of `hash`: the first for which `is` holds.
    #[inline]
    pub fn find(&self, hash: u64, mut is: impl FnMut(u32) -> bool) -> Option<u32> {
        let mask = self.places.len() - 1;
        let mut at = (hash >> self.shift) as usize;
        loop {
            let place = *self.places.get(at)?;
            if place == 0 {
                return None;
            }
            let slot = (place as u32) - 1;
            if (place ^ hash) >> 32 == 0 && is(slot) {
                return Some(slot);
            }
            at = (at + 1) & mask;
        }
    }

    /// Adds a slot that is not in it.
    pub fn insert(&mut self, hash: u64, slot: u32) {
        if (self.len + 1) * 4 > self.places.len() * FULL_IN_4 {
            self.grow();
        }
        self.put(place_of(hash, slot));
        self.len += 1;
    }

    /// Forgets a slot of `hash`; whether it was there.
    pub fn remove(&mut self, hash: u64, slot: u32) -> bool {
        let mask = self.places.len() - 1;
        let wanted = place_of(hash, slot);
        let mut hole = self.home(wanted);
        while self.places[hole] != wanted {
            if self.places[hole] == 0 {
                return false;
            }
            hole = (hole + 1) & mask;
        }
        self.len -= 1;
        // Whatever follows without a gap moves up unless it would then lie before its home.
        let mut next = hole;
        loop {
            next = (next + 1) & mask;
            let place = self.places[next];
            if place == 0 {
                break;
            }
            let from_home = next.wrapping_sub(self.home(place)) & mask;
            if from_home >= next.wrapping_sub(hole) & mask {
                self.places[hole] = place;
                hole = next;
            }
        }
        self.places[hole] = 0;
        true
    }

    fn home(&self, place: u64) -> usize {
        (place >> self.shift) as usize
    }

    fn put(&mut self, place: u64) {
        let mask = self.places.len() - 1;
        let mut at = self.home(place);
        while self.places[at] != 0 {
            at = (at + 1) & mask;
        }
        self.places[at] = place;
    }

    #[cold]
    fn grow(&mut self) {
        let mut larger = Self::of(self.places.len() * 2);
        larger.len = self.len;
        for &place in self.places.iter().filter(|&&place| place != 0) {
            larger.put(place);
        }
        *self = larger;
    }
}

fn place_of(hash: u64, slot: u32) -> u64 {
    (hash & !u64::from(u32::MAX)) | (u64::from(slot) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// Hashes that share tags and homes often.
    fn crowded(n: u8) -> u64 {
        (u64::from(n % 23) << 60) | (u64::from(n % 5) << 33) | u64::from(n)
    }

    proptest! {
        #[test]
        fn it_finds_what_was_put_in_and_not_taken_out(
            steps in proptest::collection::vec((any::<bool>(), any::<u8>()), 0..3000),
        ) {
            let (mut index, mut model) = (Index::new(), BTreeMap::new());
            for (n, (insert, key)) in steps.into_iter().enumerate() {
                if insert {
                    if let std::collections::btree_map::Entry::Vacant(place) = model.entry(key) {
                        place.insert(n as u32);
                        index.insert(crowded(key), n as u32);
                    }
                } else if let Some(slot) = model.remove(&key) {
                    prop_assert!(index.remove(crowded(key), slot));
                    prop_assert!(!index.remove(crowded(key), slot));
                }
                prop_assert_eq!(index.len(), model.len());
            }
            for key in 0..=u8::MAX {
                let slot = model.get(&key).copied();
                let found = index.find(crowded(key), |s| Some(s) == slot);
                prop_assert_eq!(found, slot);
            }
        }
    }

    #[test]
    fn it_grows_beyond_its_first_size() {
        let mut index = Index::new();
        let hash = |n: u32| u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (0..5000).for_each(|n| index.insert(hash(n), n));
        assert!((0..5000).all(|n| index.find(hash(n), |s| s == n) == Some(n)));
        assert_eq!(index.find(hash(5000), |s| s == 5000), None);
    }
}
