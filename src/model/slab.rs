//! A slab that grows without moving what is in it.

/// Entries of a segment, a power of two.
const SEGMENT: usize = 1 << 12;

/// Entries by number. One long vector would be copied, and its memory be asked for anew, at every doubling: entries
/// aligned to cache lines cannot be grown in place.
#[derive(Debug)]
pub struct Slab<T> {
    /// All but the last are full.
    segments: Vec<Vec<T>>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Slab<T> {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self { segments: Vec::new() }
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        let last = self.segments.last().map_or(0, Vec::len);
        self.segments.len().saturating_sub(1) * SEGMENT + last
    }

    /// Octets it occupies; what was never written of the last segment is not there yet.
    pub fn memory(&self) -> usize {
        self.len() * size_of::<T>()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An entry.
    #[inline]
    pub fn get(&self, at: usize) -> Option<&T> {
        self.segments.get(at / SEGMENT)?.get(at % SEGMENT)
    }

    /// An entry, to change.
    #[inline]
    pub fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        self.segments.get_mut(at / SEGMENT)?.get_mut(at % SEGMENT)
    }

    /// Adds an entry at the end.
    pub fn push(&mut self, entry: T) {
        match self.segments.last_mut() {
            Some(last) if last.len() < SEGMENT => last.push(entry),
            _ => {
                let mut segment = Vec::with_capacity(SEGMENT);
                segment.push(entry);
                self.segments.push(segment);
            }
        }
    }

    /// All entries.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.segments.iter().flatten()
    }

    /// All entries, to change.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.segments.iter_mut().flatten()
    }

    /// Lets go of the entries for which `keep` is false; the others move up and keep their order.
    pub fn retain_mut(&mut self, mut keep: impl FnMut(&mut T) -> bool) {
        let mut kept = 0;
        for at in 0..self.len() {
            if self.get_mut(at).is_some_and(&mut keep) {
                self.swap(kept, at);
                kept += 1;
            }
        }
        self.segments.truncate(kept.div_ceil(SEGMENT));
        if let Some(last) = self.segments.last_mut() {
            last.truncate(kept - (kept - 1) / SEGMENT * SEGMENT);
        }
    }

    /// Swaps two entries; `a` is not after `b`.
    fn swap(&mut self, a: usize, b: usize) {
        let (upper, lower) = self.segments.split_at_mut(b / SEGMENT);
        let Some(of_b) = lower.first_mut() else { return };
        match upper.get_mut(a / SEGMENT) {
            Some(of_a) => std::mem::swap(&mut of_a[a % SEGMENT], &mut of_b[b % SEGMENT]),
            None => of_b.swap(a % SEGMENT, b % SEGMENT),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_by_their_number_across_segments() {
        let mut slab = Slab::new();
        for n in 0..SEGMENT * 2 + 3 {
            assert_eq!(slab.len(), n);
            slab.push(n);
        }
        assert!((0..slab.len()).all(|n| slab.get(n) == Some(&n)));
        assert!(slab.get(slab.len()).is_none());
        assert!(slab.iter_mut().map(|n| *n).eq(0..SEGMENT * 2 + 3));
    }

    #[test]
    fn those_that_stay_keep_their_order_and_those_that_go_are_gone() {
        for every in [1, 2, 3, SEGMENT, SEGMENT * 4] {
            let mut slab = Slab::new();
            (0..SEGMENT * 2 + 3).for_each(|n| slab.push(n));
            slab.retain_mut(|n| *n % every == every - 1);
            let stay = (0..SEGMENT * 2 + 3).filter(|n| n % every == every - 1);
            assert!(slab.iter().copied().eq(stay.clone()), "every {every}");
            assert_eq!(slab.len(), stay.count());
            slab.push(7);
            assert_eq!(slab.iter().last(), Some(&7));
        }
    }
}
