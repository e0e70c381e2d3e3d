//! A place in a frame: the octets that remain, and where in the frame they begin.

/// What remains of a frame. Every look is checked; nothing here can fail but by `None`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    octets: &'a [u8],
    offset: u32,
}

impl<'a> Cursor<'a> {
    /// At the first octet of a frame. Octets beyond 4 GiB are not looked at.
    #[inline]
    pub fn new(frame: &'a [u8]) -> Self {
        Self {
            octets: frame,
            offset: 0,
        }
    }

    /// All that remains.
    #[inline]
    pub fn octets(self) -> &'a [u8] {
        self.octets
    }

    /// Position in the frame of the next octet.
    #[inline]
    pub fn offset(self) -> u32 {
        self.offset
    }

    /// Position in the frame behind the last octet.
    pub fn end(self) -> u32 {
        self.offset.saturating_add(to_u32(self.octets.len()))
    }

    /// `N` octets, the first of them `at` octets from here.
    #[inline]
    pub fn array<const N: usize>(self, at: usize) -> Option<[u8; N]> {
        self.octets.get(at..)?.first_chunk::<N>().copied()
    }

    /// One octet.
    #[inline]
    pub fn u8(self, at: usize) -> Option<u8> {
        self.octets.get(at).copied()
    }

    /// Two octets in network order.
    #[inline]
    pub fn u16(self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_be_bytes)
    }

    /// Four octets in network order.
    #[inline]
    pub fn u32(self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_be_bytes)
    }

    /// Past `n` octets, if they are there.
    #[inline]
    pub fn skip(self, n: usize) -> Option<Self> {
        Some(Self {
            octets: self.octets.get(n..)?,
            offset: self.offset.saturating_add(to_u32(n)),
        })
    }

    /// Past `n` octets, or to the end.
    #[inline]
    pub fn skip_or_end(self, n: usize) -> Self {
        let n = n.min(self.octets.len());
        self.skip(n).unwrap_or(self)
    }

    /// The same place with at most `n` octets left.
    #[inline]
    pub fn at_most(self, n: usize) -> Self {
        Self {
            octets: self.octets.get(..n).unwrap_or(self.octets),
            ..self
        }
    }
}

#[inline]
fn to_u32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_knows_where_it_is_and_never_looks_past_the_end() {
        let at = Cursor::new(&[1, 2, 3, 4, 5]).skip(2).unwrap();
        assert_eq!((at.offset(), at.end()), (2, 5));
        assert_eq!(
            (at.u16(0), at.u16(1), at.u16(2)),
            (Some(0x0304), Some(0x0405), None)
        );
        assert_eq!((at.u8(usize::MAX), at.u32(usize::MAX)), (None, None));
        assert_eq!(at.at_most(1).octets(), [3]);
        assert_eq!(at.at_most(9).octets(), [3, 4, 5]);
        assert!(at.skip(3).is_some() && at.skip(4).is_none());
        assert_eq!(at.skip_or_end(9).offset(), 5);
    }
}
