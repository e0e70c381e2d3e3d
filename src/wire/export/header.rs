//! Which protocol a message speaks, and what its header says.

use super::super::cursor::Cursor;
use crate::model::Timestamp;

/// A protocol of flow export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// NetFlow version 5: fixed records, IPv4.
    V5,
    /// NetFlow version 7: version 5 of Catalyst switches, with the router's address.
    V7,
    /// NetFlow version 9 (RFC 3954).
    V9,
    /// IPFIX (RFC 7011), version 10 in its header.
    Ipfix,
    /// sFlow version 5.
    Sflow,
}

impl Version {
    /// Its name as people write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V5 => "NetFlow v5",
            Self::V7 => "NetFlow v7",
            Self::V9 => "NetFlow v9",
            Self::Ipfix => "IPFIX",
            Self::Sflow => "sFlow v5",
        }
    }
}

/// The protocol of a message, by its version field: 16 bits for NetFlow and IPFIX, 32 for sFlow.
pub fn version(message: &[u8]) -> Option<Version> {
    let at = Cursor::new(message);
    match (at.u16(0)?, at.u32(0)) {
        (5, _) => Some(Version::V5),
        (7, _) => Some(Version::V7),
        (9, _) => Some(Version::V9),
        (10, _) => Some(Version::Ipfix),
        (0, Some(5)) => Some(Version::Sflow),
        _ => None,
    }
}

/// What the header of a NetFlow or IPFIX message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its protocol; never sFlow.
    pub version: Version,
    /// Octets of the header: 24 (v5, v7), 20 (v9), 16 (IPFIX).
    pub length: usize,
    /// Octets of the message as it says itself (IPFIX only).
    pub stated: Option<u16>,
    /// Records (v5, v7), or records and Templates (v9), as it says itself; 0 for IPFIX.
    pub count: u16,
    /// Milliseconds since the exporter started (NetFlow only); wraps after 49.7 days.
    pub uptime: Option<u32>,
    /// When the message left the exporter, by its own clock.
    pub exported: Timestamp,
    /// Sequence number: of flows (v5, v7), messages (v9) or Data Records (IPFIX).
    pub sequence: u32,
    /// observationDomainId, source ID (v9), or engine type and ID as 16 bits (v5).
    pub domain: u32,
    /// Sampling interval of a v5 header: one in how many packets; 0 where it does not say. 14 bits.
    pub sampling: u16,
}

impl Header {
    /// Reads the header of a message of one of the protocols of this room; `None` where the message ends inside it.
    pub fn read(version: Version, message: &[u8]) -> Option<Self> {
        let at = Cursor::new(message);
        match version {
            Version::V5 | Version::V7 => Self::fixed(version, at),
            Version::V9 => Self::v9(at),
            Version::Ipfix => Self::ipfix(at),
            Version::Sflow => None,
        }
    }

    /// 24 octets, the last four of which version 7 leaves reserved.
    fn fixed(version: Version, at: Cursor<'_>) -> Option<Self> {
        let last = at.u32(20)?;
        let last = if version == Version::V5 { last } else { 0 };
        Some(Self {
            version,
            length: 24,
            stated: None,
            count: at.u16(2)?,
            uptime: Some(at.u32(4)?),
            exported: Timestamp::from_parts(i64::from(at.u32(8)?), i64::from(at.u32(12)?)),
            sequence: at.u32(16)?,
            domain: last >> 16,
            // The upper two bits name the mode of sampling.
            sampling: (last & 0x3fff) as u16,
        })
    }

    /// RFC 3954 section 5.1.
    fn v9(at: Cursor<'_>) -> Option<Self> {
        Some(Self {
            version: Version::V9,
            length: 20,
            stated: None,
            count: at.u16(2)?,
            uptime: Some(at.u32(4)?),
            exported: Timestamp::from_secs(i64::from(at.u32(8)?)),
            sequence: at.u32(12)?,
            domain: at.u32(16)?,
            sampling: 0,
        })
    }

    /// RFC 7011 section 3.1.
    fn ipfix(at: Cursor<'_>) -> Option<Self> {
        Some(Self {
            version: Version::Ipfix,
            length: 16,
            stated: Some(at.u16(2)?),
            count: 0,
            uptime: None,
            exported: Timestamp::from_secs(i64::from(at.u32(4)?)),
            sequence: at.u32(8)?,
            domain: at.u32(12)?,
            sampling: 0,
        })
    }
}
