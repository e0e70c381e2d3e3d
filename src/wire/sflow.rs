//! sFlow version 5 (sflow.org, July 2004): datagrams to sampled packets.
//!
//! A datagram names its agent and holds samples; a flow sample holds records about one sampled packet: its first
//! octets, and what the switch knew of it (section 5 of the memo, "sFlow Datagram Format"). All of it is XDR (RFC 4506):
//! numbers of four octets, opaque data with a length and padding to a multiple of four. Every structure carries its
//! length, so that what is unknown is skipped and what is bad costs only itself.

mod record;
#[cfg(test)]
mod tests;

use super::cursor::Cursor;
use crate::model::{ExportTrouble, Exported, FlowKey, Ip, TcpFlags};

/// The version this reads.
const VERSION: u32 = 5;

/// Formats of `sample_data`, enterprise 0.
const FLOW_SAMPLE: u32 = 1;
const EXPANDED_FLOW_SAMPLE: u32 = 3;

/// The header of a datagram (`sample_datagram_v5`).
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// Address of the agent; `None` where it does not know one (address type 0).
    pub agent: Option<Ip>,
    /// Which of the agent's processes sent it; each has its own sequence.
    pub sub_agent: u32,
    /// Counts the datagrams of the sub-agent; wraps.
    pub sequence: u32,
    /// Milliseconds since the agent started; wraps after 49 days.
    pub uptime: u32,
    /// Its samples.
    pub samples: Samples<'a>,
}

/// A sampled packet with what the agent knew of it (`flow_sample`, `flow_sample_expanded`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowSample {
    /// Offset in the datagram of the sample's first octet.
    pub offset: u32,
    /// One in how many packets is sampled, 1 or more.
    pub sampling_rate: u32,
    /// The packet; `None` where it carries no IP, is of a link that is not read, or is spoiled (see `flaw`).
    pub packet: Option<Sampled>,
    /// VLAN identifier of the frame, or of the port it came in by; 0 where there is none.
    pub vlan: u16,
    /// Agent, sub-agent, interfaces, and what the extended records say. Who sent it only the transport knows.
    pub export: Exported,
    /// The first thing that is wrong with its records; the others are used.
    pub flaw: Option<Flaw>,
}

/// What is known of a sampled packet itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampled {
    /// Its Flow Key: that of the outermost IP header.
    pub key: FlowKey,
    /// Octets of the IP layer, header and payload.
    pub bytes: u32,
    /// Flags of its TCP header; none for other protocols and where cut.
    pub tcp_flags: TcpFlags,
}

/// What is wrong, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// For counting.
    pub kind: ExportTrouble,
    /// Offset in the datagram.
    pub offset: u32,
    /// In words.
    pub what: &'static str,
}

/// Whether `octets` may be an sFlow datagram: version 5 and an address type that exists.
///
/// NetFlow and IPFIX have their version in the first two octets, which here are 0.
pub fn is_likely(octets: &[u8]) -> bool {
    let at = Cursor::new(octets);
    at.u32(0) == Some(VERSION) && at.u32(4).is_some_and(|family| family <= 2)
}

/// Reads the header of a datagram.
///
/// # Errors
///
/// A [`Flaw`]: another version, an unknown kind of address, or an end before the samples. Without the header there is
/// nobody to account the samples to.
pub fn datagram(octets: &[u8]) -> Result<Datagram<'_>, Flaw> {
    let start = Cursor::new(octets);
    let version = start.u32(0).ok_or(cut(start, "the sFlow header is cut"))?;
    if version != VERSION {
        return Err(flaw(
            ExportTrouble::UnknownVersion,
            start,
            "sFlow of another version than 5",
        ));
    }
    let at = start.skip_or_end(4);
    let (agent, at) = address(at).ok_or_else(|| bad_address(at))?;
    let words = |n: usize| at.u32(n * 4).ok_or(cut(at, "the sFlow header is cut"));
    let (sub_agent, sequence, uptime, count) = (words(0)?, words(1)?, words(2)?, words(3)?);
    Ok(Datagram {
        agent,
        sub_agent,
        sequence,
        uptime,
        samples: Samples {
            agent,
            sub_agent,
            left: count,
            at: at.skip_or_end(16),
        },
    })
}

/// The samples of a datagram, in order; `None` is one that is no packet: counters of an interface, a notice of dropped
/// packets, or a format that is not read. It ends when as many as the header counts were given, or nothing is left.
#[derive(Clone, Copy, Debug)]
pub struct Samples<'a> {
    agent: Option<Ip>,
    sub_agent: u32,
    left: u32,
    at: Cursor<'a>,
}

impl Iterator for Samples<'_> {
    type Item = Result<Option<FlowSample>, Flaw>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let at = self.at;
        let Some((format, body, behind)) = opaque(at) else {
            self.left = 0;
            return Some(Err(cut(
                at,
                "the datagram ends inside a sample, or has fewer than it counts",
            )));
        };
        self.at = behind;
        Some(match format {
            FLOW_SAMPLE => self.flow(at, body, false).map(Some),
            EXPANDED_FLOW_SAMPLE => self.flow(at, body, true).map(Some),
            _ => Ok(None),
        })
    }
}

impl Samples<'_> {
    /// A flow sample, plain (`flow_sample`) or with interfaces of 32 bits (`flow_sample_expanded`).
    fn flow(&self, sample: Cursor<'_>, body: Cursor<'_>, expanded: bool) -> Result<FlowSample, Flaw> {
        let head = head(body, expanded).ok_or(flaw(
            ExportTrouble::Malformed,
            body,
            "a flow sample is shorter than its own fields",
        ))?;
        let mut flow = FlowSample {
            offset: sample.offset(),
            sampling_rate: head.sampling_rate.max(1),
            packet: None,
            vlan: 0,
            export: Exported {
                agent: self.agent,
                domain: self.sub_agent,
                in_if: head.in_if,
                out_if: head.out_if,
                ..Exported::by(Ip::default())
            },
            flaw: None,
        };
        record::read_all(head.records, head.at, &mut flow);
        Ok(flow)
    }
}

/// The fields of a flow sample before its records.
struct Head<'a> {
    sampling_rate: u32,
    in_if: u32,
    out_if: u32,
    records: u32,
    at: Cursor<'a>,
}

fn head(body: Cursor<'_>, expanded: bool) -> Option<Head<'_>> {
    // Sequence number and source before; pool and drops between rate and interfaces.
    Some(if expanded {
        Head {
            sampling_rate: body.u32(12)?,
            in_if: interface(body.u32(24)?, body.u32(28)?),
            out_if: interface(body.u32(32)?, body.u32(36)?),
            records: body.u32(40)?,
            at: body.skip(44)?,
        }
    } else {
        Head {
            sampling_rate: body.u32(8)?,
            in_if: interface(body.u32(20)? >> 30, body.u32(20)? & INTERNAL),
            out_if: interface(body.u32(24)? >> 30, body.u32(24)? & INTERNAL),
            records: body.u32(28)?,
            at: body.skip(32)?,
        }
    })
}

/// The device itself, where an interface of 30 bits is asked for.
const INTERNAL: u32 = 0x3fff_ffff;

/// The ifIndex of an `interface`; 0 where there is none: format 1 is a reason why the packet was discarded, format 2
/// the number of ports it was copied to, and a value of all ones the device itself.
fn interface(format: u32, value: u32) -> u32 {
    if format == 0 && value != INTERNAL && value != u32::MAX {
        value
    } else {
        0
    }
}

/// `data_format` and `opaque<>`: the format, the octets, and what comes behind them and their padding.
fn opaque(at: Cursor<'_>) -> Option<(u32, Cursor<'_>, Cursor<'_>)> {
    let (format, length) = (at.u32(0)?, at.u32(4)? as usize);
    let body = at.skip(8)?;
    body.skip(length)?;
    Some((format, body.at_most(length), body.skip_or_end(padded(length))))
}

/// XDR pads opaque data to a multiple of four octets (RFC 4506 section 4.9).
fn padded(length: usize) -> usize {
    length.saturating_add(3) & !3
}

/// The union `address`, and what comes behind it; `None` where it is cut or of a kind that does not exist.
fn address(at: Cursor<'_>) -> Option<(Option<Ip>, Cursor<'_>)> {
    match at.u32(0)? {
        0 => Some((None, at.skip(4)?)),
        1 => Some((Some(Ip::from_v4_octets(at.array(4)?)), at.skip(8)?)),
        2 => Some((Some(Ip::from_v6_octets(at.array(4)?)), at.skip(20)?)),
        _ => None,
    }
}

fn bad_address(at: Cursor<'_>) -> Flaw {
    match at.u32(0) {
        Some(3..) => flaw(
            ExportTrouble::Malformed,
            at,
            "the agent's address is neither IPv4 nor IPv6",
        ),
        _ => cut(at, "the sFlow header is cut"),
    }
}

/// Where the octets end too early.
fn cut(at: Cursor<'_>, what: &'static str) -> Flaw {
    Flaw {
        kind: ExportTrouble::Cut,
        offset: at.end(),
        what,
    }
}

/// What contradicts itself at `at`.
fn flaw(kind: ExportTrouble, at: Cursor<'_>, what: &'static str) -> Flaw {
    Flaw {
        kind,
        offset: at.offset(),
        what,
    }
}
