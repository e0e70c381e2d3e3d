//! Octets with a time, as an input hands them over, and what can be wrong with them.

use super::Timestamp;
use std::fmt;
use std::sync::Arc;

/// A link type as capture files number them (the LINKTYPE_ registry of tcpdump.org).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkType(pub u16);

impl LinkType {
    /// IEEE 802.3.
    pub const ETHERNET: Self = Self(1);
}

/// One captured frame: octets with a time.
#[derive(Clone, Copy, Debug)]
pub struct RawPacket<'a> {
    /// When the capture says it passed.
    pub at: Timestamp,
    /// How its first octets are to be read.
    pub link: LinkType,
    /// What was captured of it, link header first.
    pub octets: &'a [u8],
    /// How long it was on the wire, never less than `octets.len()`.
    pub original_length: u32,
}

/// What kind of trouble a [`Fault`] is; each kind has a counter in the summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultKind {
    /// The file ends inside a record.
    Truncated,
    /// A record or block contradicts itself; it was skipped, or reading stopped where nothing could be trusted.
    BadRecord,
    /// The capture is of a link type that is not read.
    UnknownLinkType,
    /// The file is no capture, or cannot be opened or decompressed.
    Unreadable,
    /// A header inside a frame contradicts itself or is cut before the addresses.
    BadPacket,
}

impl FaultKind {
    /// The name under which it is counted.
    pub fn name(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::BadRecord => "bad_record",
            Self::UnknownLinkType => "unknown_link_type",
            Self::Unreadable => "unreadable",
            Self::BadPacket => "bad_packet",
        }
    }
}

/// Bad input, named: what and where.
///
/// Reads as `office.pcap: byte 1048576: record of 70000 octets is longer than ...`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// For counting.
    pub kind: FaultKind,
    /// The file as it was named on the command line, `-` for standard input.
    pub file: Arc<str>,
    /// Offset of the record's first octet in the uncompressed file.
    pub offset: u64,
    /// What is wrong, in words.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: byte {}: {}", self.file, self.offset, self.what)
    }
}

impl std::error::Error for Fault {}
