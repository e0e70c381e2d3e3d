//! Sorted tables of disjoint ranges with an index of the first 16 bits.

use crate::model::Country;

/// What is known of a range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) asn: u32,
    pub(super) country: Country,
}

/// An address as a number.
pub(super) trait Key: Copy + Ord + Default {
    /// Its first 16 bits.
    fn high(self) -> usize;
}

impl Key for u32 {
    fn high(self) -> usize {
        (self >> 16) as usize
    }
}

impl Key for u128 {
    fn high(self) -> usize {
        (self >> 112) as usize
    }
}

/// Ranges that cover everything without gaps: each lasts until the next begins.
#[derive(Clone, Debug)]
pub(super) struct Table<K> {
    /// For each value of the first 16 bits how many ranges begin below it; 65,537 entries, or none without ranges.
    index: Vec<u32>,
    starts: Vec<K>,
    /// As long as `starts`; kept apart so that the search touches only what it compares.
    places: Vec<Place>,
}

impl<K> Default for Table<K> {
    fn default() -> Self {
        Self {
            index: Vec::new(),
            starts: Vec::new(),
            places: Vec::new(),
        }
    }
}

impl<K: Key> Table<K> {
    /// From sorted starts, none twice.
    pub(super) fn new(ranges: Vec<(K, Place)>) -> Self {
        if ranges.iter().all(|(_, place)| *place == Place::default()) {
            return Self::default();
        }
        let mut index = Vec::with_capacity((1 << 16) + 1);
        for (at, (start, _)) in ranges.iter().enumerate() {
            // Ranges are limited far below 2^32 when they are read.
            index.resize(index.len().max(start.high() + 1), at as u32);
        }
        index.resize((1 << 16) + 1, ranges.len() as u32);
        let (starts, places) = ranges.into_iter().unzip();
        Self {
            index,
            starts,
            places,
        }
    }

    #[inline]
    pub(super) fn get(&self, key: K) -> Place {
        let high = key.high();
        let (Some(&from), Some(&to)) = (self.index.get(high), self.index.get(high + 1)) else {
            return Place::default();
        };
        let bucket = self.starts.get(from as usize..to as usize).unwrap_or_default();
        let at = from as usize + bucket.partition_point(|&start| start <= key);
        // Where none of the bucket begins early enough, it is the last range of the buckets below.
        let place = at.checked_sub(1).and_then(|at| self.places.get(at));
        place.copied().unwrap_or_default()
    }

    pub(super) fn memory(&self) -> usize {
        self.index.len() * size_of::<u32>()
            + self.starts.len() * size_of::<K>()
            + self.places.len() * size_of::<Place>()
    }
}

/// Both tables in one: a range begins wherever one of either begins and the two together differ from before.
pub(super) fn merge<K: Key>(systems: &[(K, u32)], countries: &[(K, Country)]) -> Vec<(K, Place)> {
    let (mut systems, mut countries) = (systems.iter().peekable(), countries.iter().peekable());
    let mut merged: Vec<(K, Place)> = Vec::new();
    let mut place = Place::default();
    loop {
        let next = [
            systems.peek().map(|(start, _)| *start),
            countries.peek().map(|(start, _)| *start),
        ];
        let Some(start) = next.into_iter().flatten().min() else {
            merged.shrink_to_fit();
            return merged;
        };
        if let Some((_, asn)) = systems.next_if(|(at, _)| *at == start) {
            place.asn = *asn;
        }
        if let Some((_, country)) = countries.next_if(|(at, _)| *at == start) {
            place.country = *country;
        }
        if merged.last().is_none_or(|(_, last)| *last != place) {
            merged.push((start, place));
        }
    }
}
