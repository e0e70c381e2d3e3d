//! What is measured of groups of flows, and what has to be counted for it.

use std::fmt;

/// A quantity of which percentiles are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Of {
    /// Octets of a flow.
    Bytes,
    /// Packets of a flow.
    Packets,
    /// Seconds from first to last packet of a flow.
    Duration,
    /// Bits per second of a step of time.
    BitRate,
    /// Packets per second of a step.
    PacketRate,
    /// Flows per second of a step.
    FlowRate,
}

impl Of {
    const ALL: [Self; 6] = [
        Self::Bytes,
        Self::Packets,
        Self::Duration,
        Self::BitRate,
        Self::PacketRate,
        Self::FlowRate,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Packets => "packets",
            Self::Duration => "duration",
            Self::BitRate => "bps",
            Self::PacketRate => "pps",
            Self::FlowRate => "fps",
        }
    }
}

/// What is measured of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// Octets of the IP layer.
    Bytes,
    /// Packets.
    Packets,
    /// Flows that began.
    Flows,
    /// Distinct source addresses.
    Sources,
    /// Distinct destination addresses.
    Destinations,
    /// Distinct destination ports of requests.
    Ports,
    /// TCP requests with a SYN and without an answer.
    SynOnly,
    /// Requests that were refused or not answered.
    Failed,
    /// Flows of answers without a question.
    Unsolicited,
    /// Bits per second of the time asked for.
    BitRate,
    /// Packets per second.
    PacketRate,
    /// Flows per second.
    FlowRate,
    /// Octets per packet.
    BytesPerPacket,
    /// Mean seconds from first to last packet of a flow.
    Duration,
    /// A percentile, from 1 to 99.
    Percentile(u8, Of),
}

/// What a number of a measure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Octets.
    Bytes,
    /// Bits per second.
    BitRate,
    /// Things.
    Count,
    /// Things per second.
    Rate,
    /// Seconds.
    Seconds,
}

/// What is counted while flows are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tally {
    Bytes,
    Packets,
    Flows,
    SynOnly,
    Failed,
    Unsolicited,
    /// Sum of durations, microseconds.
    Time,
    Sources,
    Destinations,
    Ports,
    /// Distributions over flows.
    EachBytes,
    EachPackets,
    EachTime,
}

impl Measure {
    /// All but percentiles.
    pub const PLAIN: [Self; 14] = [
        Self::Bytes,
        Self::Packets,
        Self::Flows,
        Self::Sources,
        Self::Destinations,
        Self::Ports,
        Self::SynOnly,
        Self::Failed,
        Self::Unsolicited,
        Self::BitRate,
        Self::PacketRate,
        Self::FlowRate,
        Self::BytesPerPacket,
        Self::Duration,
    ];

    /// What is shown of groups when nothing in particular is asked for.
    pub const USUAL: [Self; 3] = [Self::Bytes, Self::Packets, Self::Flows];

    const fn plain_name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Packets => "packets",
            Self::Flows => "flows",
            Self::Sources => "sources",
            Self::Destinations => "destinations",
            Self::Ports => "ports",
            Self::SynOnly => "syn_only",
            Self::Failed => "failed",
            Self::Unsolicited => "unsolicited",
            Self::BitRate => "bps",
            Self::PacketRate => "pps",
            Self::FlowRate => "fps",
            Self::BytesPerPacket => "bpp",
            Self::Duration => "duration",
            Self::Percentile(..) => "percentile",
        }
    }

    /// The measure of a name: `bytes`, `p95_bps`.
    pub fn named(name: &str) -> Option<Self> {
        if let Some(plain) = Self::PLAIN.into_iter().find(|m| m.plain_name() == name) {
            return Some(plain);
        }
        let (percent, of) = name.strip_prefix('p')?.split_once('_')?;
        let percent = percent.parse().ok().filter(|p| (1..=99).contains(p))?;
        let of = Of::ALL.into_iter().find(|o| o.name() == of)?;
        Some(Self::Percentile(percent, of))
    }

    /// Names to suggest.
    pub fn names() -> impl Iterator<Item = String> {
        let plain = Self::PLAIN.into_iter().map(|m| m.to_string());
        plain.chain(Of::ALL.into_iter().map(|of| Self::Percentile(95, of).to_string()))
    }

    /// What its numbers are.
    pub const fn unit(self) -> Unit {
        match self {
            Self::Bytes | Self::BytesPerPacket | Self::Percentile(_, Of::Bytes) => Unit::Bytes,
            Self::BitRate | Self::Percentile(_, Of::BitRate) => Unit::BitRate,
            Self::PacketRate | Self::FlowRate => Unit::Rate,
            Self::Percentile(_, Of::PacketRate | Of::FlowRate) => Unit::Rate,
            Self::Duration | Self::Percentile(_, Of::Duration) => Unit::Seconds,
            _ => Unit::Count,
        }
    }

    /// Whether parts add up to the whole, so that a row has a share of the total.
    pub const fn adds_up(self) -> bool {
        matches!(
            self,
            Self::Bytes
                | Self::Packets
                | Self::Flows
                | Self::SynOnly
                | Self::Failed
                | Self::Unsolicited
                | Self::BitRate
                | Self::PacketRate
                | Self::FlowRate
        )
    }

    /// Whether it is an estimate of a number of distinct things.
    pub const fn is_distinct(self) -> bool {
        matches!(self, Self::Sources | Self::Destinations | Self::Ports)
    }

    /// Whether it is a percentile over steps of time.
    pub const fn is_over_steps(self) -> bool {
        matches!(
            self,
            Self::Percentile(_, Of::BitRate | Of::PacketRate | Of::FlowRate)
        )
    }

    /// Whether the length of time must be known.
    pub const fn is_rate(self) -> bool {
        matches!(self, Self::BitRate | Self::PacketRate | Self::FlowRate)
    }

    /// What has to be counted.
    pub(super) const fn tallies(self) -> &'static [Tally] {
        match self {
            Self::Bytes | Self::BitRate | Self::Percentile(_, Of::BitRate) => &[Tally::Bytes],
            Self::Packets | Self::PacketRate | Self::Percentile(_, Of::PacketRate) => &[Tally::Packets],
            Self::Flows | Self::FlowRate | Self::Percentile(_, Of::FlowRate) => &[Tally::Flows],
            Self::Sources => &[Tally::Sources],
            Self::Destinations => &[Tally::Destinations],
            Self::Ports => &[Tally::Ports],
            Self::SynOnly => &[Tally::SynOnly],
            Self::Failed => &[Tally::Failed],
            Self::Unsolicited => &[Tally::Unsolicited],
            Self::BytesPerPacket => &[Tally::Bytes, Tally::Packets],
            Self::Duration => &[Tally::Time, Tally::Flows],
            Self::Percentile(_, Of::Bytes) => &[Tally::EachBytes],
            Self::Percentile(_, Of::Packets) => &[Tally::EachPackets],
            Self::Percentile(_, Of::Duration) => &[Tally::EachTime],
        }
    }
}

impl fmt::Display for Measure {
    /// The name in requests, JSON and CSV.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percentile(percent, of) => f.pad(&format!("p{percent}_{}", of.name())),
            plain => f.pad(plain.plain_name()),
        }
    }
}

impl Tally {
    /// The fields it reads, scaling and times aside.
    pub(super) const fn fields(self) -> &'static [crate::model::Field] {
        use crate::model::Field as F;
        match self {
            Self::Bytes | Self::EachBytes => &[F::Bytes],
            Self::Packets | Self::EachPackets => &[F::Packets],
            Self::Flows => &[F::Flows],
            Self::SynOnly => &[F::Flows, F::Initiator, F::Handshake, F::TcpFlags, F::Protocol],
            Self::Failed => &[F::Flows, F::Initiator, F::Handshake],
            Self::Unsolicited => &[F::Flows, F::Handshake],
            Self::Time | Self::EachTime => &[F::Start, F::End],
            Self::Sources => &[F::SrcIp],
            Self::Destinations => &[F::DstIp],
            Self::Ports => &[F::DstPort, F::Initiator],
        }
    }

    /// Whether sampling scales it.
    pub(super) const fn is_scaled(self) -> bool {
        matches!(
            self,
            Self::Bytes | Self::Packets | Self::EachBytes | Self::EachPackets
        )
    }
}
