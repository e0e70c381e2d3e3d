//! The groups of a request: values as small numbers, and combinations of these as one number.

use super::request::MOST_DIMENSIONS;
use crate::model::{Index, mix_step};

/// The group of what has no value, or of values that no group was made of.
pub(super) const NOBODY: u32 = 0;

/// More cannot be numbered.
const MOST: usize = u32::MAX as usize - 2;

/// A hash of a word.
#[inline]
pub(super) fn hash(word: u128) -> u64 {
    mix_step(mix_step(word as u64) ^ (word >> 64) as u64)
}

/// Words with a number each, from 1 on.
#[derive(Debug, Default)]
struct Numbered<T> {
    words: Vec<T>,
    index: Index,
    /// The number that was looked up last.
    newest: u32,
}

/// So many numbers after the newest are tried first: what is sorted comes in the same order again, batch after batch.
const AHEAD: usize = 4;

impl<T: Copy + PartialEq> Numbered<T> {
    /// The number of a word; of a new one the next, unless there are `most` already.
    #[inline]
    fn number(&mut self, word: T, most: usize, hash: impl FnOnce(T) -> u64) -> u32 {
        let next = self.newest as usize;
        let ahead = self.words.iter().skip(next).take(AHEAD);
        if let Some(steps) = ahead.into_iter().position(|known| *known == word) {
            self.newest += steps as u32 + 1;
            return self.newest;
        }
        self.look_up(word, most, hash(word))
    }

    fn look_up(&mut self, word: T, most: usize, hash: u64) -> u32 {
        let same = |at: u32| self.words.get(at as usize).is_some_and(|known| *known == word);
        let at = match self.index.find(hash, same) {
            Some(at) => at,
            None if self.words.len() >= most.min(MOST) => return NOBODY,
            None => {
                let at = self.words.len() as u32;
                self.words.push(word);
                self.index.insert(hash, at);
                at
            }
        };
        self.newest = at + 1;
        self.newest
    }

    fn memory(&self) -> usize {
        self.words.capacity() * size_of::<T>() + self.index.memory()
    }
}

/// Combinations of values. A combination of three is one of two and a value, and so on.
#[derive(Debug)]
pub(super) struct Keys {
    values: Vec<Numbered<u128>>,
    /// Of the combination before and a value; one less than there are dimensions.
    pairs: Vec<Numbered<[u32; 2]>>,
    /// So many are taken, of values and of combinations.
    most: usize,
}

impl Keys {
    /// No combination yet, of so many dimensions.
    pub(super) fn new(dimensions: usize) -> Self {
        Self {
            values: (0..dimensions).map(|_| Numbered::default()).collect(),
            pairs: (1..dimensions).map(|_| Numbered::default()).collect(),
            most: u32::MAX as usize,
        }
    }

    /// These combinations and no others; the first has number 1.
    pub(super) fn only(dimensions: usize, keys: &[Vec<u128>]) -> Self {
        let mut only = Self::new(dimensions);
        for key in keys {
            only.group(key);
        }
        only.most = 0;
        only
    }

    /// How many groups there are, [`NOBODY`] left out. Without dimensions there is one.
    pub(super) fn len(&self) -> usize {
        match (self.pairs.last(), self.values.first()) {
            (Some(pairs), _) => pairs.words.len(),
            (None, Some(values)) => values.words.len(),
            (None, None) => 1,
        }
    }

    /// The number of a value of a dimension.
    #[inline]
    pub(super) fn value(&mut self, dimension: usize, word: u128) -> u32 {
        let most = self.most;
        self.values
            .get_mut(dimension)
            .map_or(NOBODY, |values| values.number(word, most, hash))
    }

    /// The number of the combination of one of the dimensions before `dimension` and a value of it.
    #[inline]
    pub(super) fn pair(&mut self, dimension: usize, before: u32, value: u32) -> u32 {
        if before == NOBODY || value == NOBODY {
            return NOBODY;
        }
        let most = self.most;
        let hash = |[before, value]: [u32; 2]| mix_step(u64::from(before) << 32 | u64::from(value));
        let pairs = dimension
            .checked_sub(1)
            .and_then(|level| self.pairs.get_mut(level));
        pairs.map_or(NOBODY, |pairs| pairs.number([before, value], most, hash))
    }

    /// The group of a key.
    pub(super) fn group(&mut self, key: &[u128]) -> u32 {
        let mut group = 1;
        for (dimension, word) in key.iter().enumerate() {
            let value = self.value(dimension, *word);
            group = if dimension == 0 {
                value
            } else {
                self.pair(dimension, group, value)
            };
        }
        group
    }

    /// The key of a group; what is beyond its dimensions is 0.
    pub(super) fn words(&self, group: u32) -> [u128; MOST_DIMENSIONS] {
        let mut words = [0; MOST_DIMENSIONS];
        let mut group = group;
        for (dimension, values) in self.values.iter().enumerate().rev() {
            let mut value = group;
            if let Some(pairs) = dimension.checked_sub(1).and_then(|level| self.pairs.get(level)) {
                let at = (group as usize).wrapping_sub(1);
                [group, value] = pairs.words.get(at).copied().unwrap_or_default();
            }
            let word = values.words.get((value as usize).wrapping_sub(1));
            if let (Some(place), Some(word)) = (words.get_mut(dimension), word) {
                *place = *word;
            }
        }
        words
    }

    /// The key of a group.
    pub(super) fn key(&self, group: u32) -> Vec<u128> {
        self.words(group).into_iter().take(self.values.len()).collect()
    }

    /// Takes no more than `most` from now on, unless it takes no new ones at all.
    pub(super) fn limit(&mut self, most: usize) {
        if self.most > 0 {
            self.most = most;
        }
    }

    /// Whether there are so many that new ones may have been refused.
    pub(super) fn is_full(&self, most: usize) -> bool {
        let values = self.values.iter().map(|values| values.words.len());
        let pairs = self.pairs.iter().map(|pairs| pairs.words.len());
        self.most > 0 && values.chain(pairs).any(|length| length >= most)
    }

    /// Octets it occupies.
    pub(super) fn memory(&self) -> usize {
        let values: usize = self.values.iter().map(Numbered::memory).sum();
        values + self.pairs.iter().map(Numbered::memory).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_group_is_found_again_and_has_its_key(
            (dimensions, keys) in (0usize..4).prop_flat_map(|n| {
                (Just(n), prop::collection::vec(prop::collection::vec(0u128..5, n..=n), 1..60))
            }),
        ) {
            let mut open = Keys::new(dimensions);
            let groups: Vec<u32> = keys.iter().map(|key| open.group(key)).collect();
            for (key, group) in keys.iter().zip(&groups) {
                prop_assert_eq!(open.group(key), *group);
                prop_assert_eq!(&open.key(*group), key);
                prop_assert!((1..=open.len() as u32).contains(group));
            }
            let mut closed = Keys::only(dimensions, &keys[..1]);
            for key in &keys {
                let known = *key == keys[0];
                prop_assert_eq!(closed.group(key), if known { 1 } else { NOBODY });
            }
        }
    }
}
