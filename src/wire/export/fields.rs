//! What a Data Record says, by meaning rather than by element: one slot for each thing of interest.

/// A value of up to 64 bits that a record may have. IPv4 addresses are numbers too.
///
/// The siblings named `...Second` hold the same thing from an element of less authority, for use where the first is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
#[allow(missing_docs)] // Each is named after what it holds; `elements.rs` says which elements fill it.
pub enum Number {
    Octets,
    OctetsSecond,
    Packets,
    PacketsSecond,
    ReverseOctets,
    ReversePackets,
    PostOctets,
    PostPackets,
    Src,
    Dst,
    NextHop,
    NatSrc,
    NatDst,
    SrcPort,
    SrcPortSecond,
    DstPort,
    DstPortSecond,
    NatSrcPort,
    NatDstPort,
    Protocol,
    Flags,
    FirstFlags,
    ReverseFlags,
    ReverseFirstFlags,
    Icmp,
    IcmpSecond,
    IcmpType,
    IcmpTypeSecond,
    IcmpCode,
    IcmpCodeSecond,
    InIf,
    OutIf,
    SrcAs,
    DstAs,
    Tos,
    SrcMask,
    SrcMaskSecond,
    DstMask,
    DstMaskSecond,
    Direction,
    Event,
    EndReason,
    BiflowDirection,
    Vlan,
    VlanSecond,
    Mpls,
    Start,
    End,
    Duration,
    SystemStart,
    FrameSize,
    Sampler,
    SamplingInterval,
    SamplingPackets,
    SamplingSpace,
    SampleSize,
    SamplePopulation,
    /// Where a raw section lies in the record: offset in the upper 32 bits, length in the lower.
    Section,
}

impl Number {
    /// How many there are.
    pub(super) const COUNT: usize = Self::Section as usize + 1;

    /// Its bit in [`Fields::has`]'s set.
    pub(super) const fn bit(self) -> u64 {
        1 << self as u64
    }

    /// Where the runner-up for this slot goes.
    pub(super) const fn second(self) -> Option<Self> {
        Some(match self {
            Self::Octets => Self::OctetsSecond,
            Self::Packets => Self::PacketsSecond,
            Self::SrcPort => Self::SrcPortSecond,
            Self::DstPort => Self::DstPortSecond,
            Self::Icmp => Self::IcmpSecond,
            Self::IcmpType => Self::IcmpTypeSecond,
            Self::IcmpCode => Self::IcmpCodeSecond,
            Self::SrcMask => Self::SrcMaskSecond,
            Self::DstMask => Self::DstMaskSecond,
            Self::Vlan => Self::VlanSecond,
            _ => return None,
        })
    }
}

/// An IPv6 address that a record may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
#[allow(missing_docs)] // As above.
pub enum Wide {
    Src,
    Dst,
    NextHop,
    NatSrc,
    NatDst,
}

impl Wide {
    /// How many there are.
    pub(super) const COUNT: usize = Self::NatDst as usize + 1;
}

/// What a raw section of a packet begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// An Ethernet header (elements 104 and 315).
    Ethernet,
    /// An IP header (element 313).
    Ip,
}

/// What the last Data Record said. Zero where it said nothing.
#[derive(Clone, Debug)]
pub struct Fields {
    numbers: [u64; Number::COUNT],
    wide: [u128; Wide::COUNT],
    /// Which numbers the Template at hand has.
    has: u64,
}

impl Default for Fields {
    fn default() -> Self {
        Self {
            numbers: [0; Number::COUNT],
            wide: [0; Wide::COUNT],
            has: 0,
        }
    }
}

impl Fields {
    /// All zero, for records that have the numbers of the set `has`.
    pub(super) fn reset(&mut self, has: u64) {
        *self = Self {
            has,
            ..Self::default()
        };
    }

    /// A number; 0 where the record does not have it.
    #[inline]
    pub fn number(&self, of: Number) -> u64 {
        self.numbers[of as usize]
    }

    /// A number, and where it is 0 its runner-up.
    #[inline]
    pub fn either(&self, first: Number, second: Number) -> u64 {
        match self.number(first) {
            0 => self.number(second),
            value => value,
        }
    }

    /// An IPv6 address; 0 where the record does not have it.
    #[inline]
    pub fn wide(&self, of: Wide) -> u128 {
        self.wide[of as usize]
    }

    /// Whether the Template has this number.
    #[inline]
    pub fn has(&self, of: Number) -> bool {
        self.has & of.bit() != 0
    }

    #[inline]
    pub(super) fn set(&mut self, to: Number, value: u64) {
        self.numbers[to as usize] = value;
    }

    #[inline]
    pub(super) fn set_wide(&mut self, to: Wide, value: u128) {
        self.wide[to as usize] = value;
    }
}
