//! Byte order of a capture: numbers out of octets, never failing.

/// How a file (pcap) or a section (pcapng) writes its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    /// Two octets at `at`; 0 where `octets` ends before.
    #[inline]
    pub(super) fn u16(self, octets: &[u8], at: usize) -> u16 {
        let two = octets.get(at..).and_then(|o| o.first_chunk::<2>());
        let value = two.map_or(0, |o| u16::from_le_bytes(*o));
        match self {
            Self::Little => value,
            Self::Big => value.swap_bytes(),
        }
    }

    /// Four octets at `at`; 0 where `octets` ends before.
    #[inline]
    pub(super) fn u32(self, octets: &[u8], at: usize) -> u32 {
        let four = octets.get(at..).and_then(|o| o.first_chunk::<4>());
        let value = four.map_or(0, |o| u32::from_le_bytes(*o));
        match self {
            Self::Little => value,
            Self::Big => value.swap_bytes(),
        }
    }

    /// Eight octets at `at`; 0 where `octets` ends before.
    pub(super) fn u64(self, octets: &[u8], at: usize) -> u64 {
        let (first, second) = (
            u64::from(self.u32(octets, at)),
            u64::from(self.u32(octets, at + 4)),
        );
        match self {
            Self::Little => second << 32 | first,
            Self::Big => first << 32 | second,
        }
    }
}
