//! A slab that grows without moving what is in it.

/// Entries of a segment, a power of two.
const SEGMENT: usize = 1 << 12;

/// Entries by number. One long vector would be copied, and its memory be asked for anew, at every doubling: entries
/// aligned to cache lines cannot be grown in place.
#[derive(Debug)]
pub(super) struct Slab<T> {
    /// All but the last are full.
    segments: Vec<Vec<T>>,
}

impl<T> Slab<T> {
    pub(super) fn new() -> Self {
        Self { segments: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        let last = self.segments.last().map_or(0, Vec::len);
        self.segments.len().saturating_sub(1) * SEGMENT + last
    }

    /// Octets it occupies.
    pub(super) fn memory(&self) -> usize {
        self.segments.len() * SEGMENT * size_of::<T>()
    }

    #[inline]
    pub(super) fn get(&self, at: usize) -> Option<&T> {
        self.segments.get(at / SEGMENT)?.get(at % SEGMENT)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        self.segments.get_mut(at / SEGMENT)?.get_mut(at % SEGMENT)
    }

    pub(super) fn push(&mut self, entry: T) {
        match self.segments.last_mut() {
            Some(last) if last.len() < SEGMENT => last.push(entry),
            _ => {
                let mut segment = Vec::with_capacity(SEGMENT);
                segment.push(entry);
                self.segments.push(segment);
            }
        }
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.segments.iter_mut().flatten()
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
}
