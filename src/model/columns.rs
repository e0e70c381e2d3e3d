//! Flow Records by column, as stores keep them and queries read them: each field of many records side by side.
//!
//! A query looks at three fields out of forty and at millions of records; so each field stands for itself, and most
//! fields as codes into the few values that occur.

use super::field::{Field, HANDSHAKES, REASONS, place};
use super::{
    Country, EndReason, Exported, FlowKey, FlowRecord, Handshake, Ip, Origin, Reverse, TcpFlags, Timestamp,
};
use std::time::Duration;

/// One field of many records. A value is a word of 128 bits, meant as [`Field::kind`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Column {
    /// All records have the same value.
    Constant(u128),
    /// A value for each record; none is wider than 64 bits, and times may be negative.
    Plain(Vec<i64>),
    /// Codes into the values that occur; these are distinct.
    Coded {
        /// Which value, by record.
        codes: Vec<u32>,
        /// The values.
        values: Vec<u128>,
    },
}

impl Column {
    /// A column of `values`, coded; a constant where all are the same.
    pub fn coded(values: impl Iterator<Item = u128>) -> Column {
        let mut known = std::collections::BTreeMap::new();
        let mut distinct = Vec::new();
        let codes: Vec<u32> = values
            .map(|value| {
                *known.entry(value).or_insert_with(|| {
                    distinct.push(value);
                    distinct.len() as u32 - 1
                })
            })
            .collect();
        match distinct.as_slice() {
            [only] => Self::Constant(*only),
            _ => Self::Coded {
                codes,
                values: distinct,
            },
        }
    }

    /// The value of record `row`; 0 beyond the last.
    #[inline]
    pub fn get(&self, row: usize) -> u128 {
        match self {
            Self::Constant(value) => *value,
            Self::Plain(values) => values.get(row).map_or(0, |value| *value as u128),
            Self::Coded { codes, values } => codes
                .get(row)
                .and_then(|code| values.get(*code as usize))
                .map_or(0, |value| *value),
        }
    }

    /// The value of record `row` as 64 bits: counts, numbers, times.
    #[inline]
    pub fn number(&self, row: usize) -> i64 {
        self.get(row) as i64
    }
}

/// Some Flow Records by column. Fields nobody asked for are not there and read as 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    rows: usize,
    columns: Vec<Option<Column>>,
}

impl Columns {
    /// `rows` records of which no field is known yet.
    pub fn new(rows: usize) -> Self {
        Self {
            rows,
            columns: vec![None; Field::COUNT],
        }
    }

    /// `records` with the time each was told of.
    pub fn of<'a>(records: impl IntoIterator<Item = (&'a FlowRecord, Timestamp)>) -> Self {
        Self::of_fields(records, Field::ALL)
    }

    /// These fields of `records` with the time each was told of.
    pub fn of_fields<'a>(
        records: impl IntoIterator<Item = (&'a FlowRecord, Timestamp)>,
        fields: &[Field],
    ) -> Self {
        let records: Vec<_> = records.into_iter().collect();
        let mut columns = Self::new(records.len());
        for &field in fields {
            let values = records
                .iter()
                .map(|(record, received)| word(record, *received, field));
            columns.set(field, Column::coded(values));
        }
        columns
    }

    /// How many records.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Puts a field in; its values are as many as [`Columns::rows`].
    pub fn set(&mut self, field: Field, column: Column) {
        if let Some(place) = self.columns.get_mut(field as usize) {
            *place = Some(column);
        }
    }

    /// All that are there, to use their room again.
    pub fn into_columns(self) -> impl Iterator<Item = Column> {
        self.columns.into_iter().flatten()
    }

    /// A field, if it is there.
    #[inline]
    pub fn get(&self, field: Field) -> Option<&Column> {
        self.columns.get(field as usize)?.as_ref()
    }

    /// The value of a field of record `row`; 0 where the field is not there.
    #[inline]
    pub fn word(&self, field: Field, row: usize) -> u128 {
        self.get(field).map_or(0, |column| column.get(row))
    }

    /// When record `row` was told of.
    pub fn received(&self, row: usize) -> Timestamp {
        self.time(Field::Received, row)
    }

    /// Record `row` as it was, to the microsecond; fields that are not there are unknown.
    pub fn record(&self, row: usize) -> FlowRecord {
        FlowRecord {
            key: FlowKey {
                src: self.ip(Field::SrcIp, row),
                dst: self.ip(Field::DstIp, row),
                src_port: self.word(Field::SrcPort, row) as u16,
                dst_port: self.word(Field::DstPort, row) as u16,
                protocol: self.word(Field::Protocol, row) as u8,
            },
            start: self.time(Field::Start, row),
            end: self.time(Field::End, row),
            packets: self.word(Field::Packets, row) as u64,
            bytes: self.word(Field::Bytes, row) as u64,
            tcp_flags: TcpFlags(self.word(Field::TcpFlags, row) as u8),
            end_reason: pick(&REASONS, self.word(Field::EndReason, row), EndReason::Unknown),
            handshake: pick(&HANDSHAKES, self.word(Field::Handshake, row), Handshake::Unknown),
            initiator: self.word(Field::Initiator, row) != 0,
            reverse: self.reverse(row),
            src_origin: self.origin([Field::SrcAs, Field::SrcCountry, Field::SrcInternal], row),
            dst_origin: self.origin([Field::DstAs, Field::DstCountry, Field::DstInternal], row),
            vlan: self.word(Field::Vlan, row) as u16,
            sampling_rate: self.word(Field::SamplingRate, row) as u32,
            export: self.export(row),
        }
    }

    fn ip(&self, field: Field, row: usize) -> Ip {
        Ip::from_bits(self.word(field, row))
    }

    fn some_ip(&self, field: Field, row: usize) -> Option<Ip> {
        Some(self.word(field, row))
            .filter(|bits| *bits != 0)
            .map(Ip::from_bits)
    }

    fn time(&self, field: Field, row: usize) -> Timestamp {
        let micros = self.word(field, row) as i64;
        Timestamp::from_nanos(micros.saturating_mul(1000))
    }

    fn reverse(&self, row: usize) -> Option<Reverse> {
        let reverse = Reverse {
            packets: self.word(Field::ReversePackets, row) as u64,
            bytes: self.word(Field::ReverseBytes, row) as u64,
            tcp_flags: TcpFlags(self.word(Field::ReverseTcpFlags, row) as u8),
        };
        (reverse.packets > 0 || reverse.bytes > 0).then_some(reverse)
    }

    fn origin(&self, [asn, country, internal]: [Field; 3], row: usize) -> Origin {
        Origin {
            asn: self.word(asn, row) as u32,
            country: Country((self.word(country, row) as u16).to_be_bytes()),
            internal: self.word(internal, row) != 0,
        }
    }

    fn export(&self, row: usize) -> Option<Exported> {
        let number = |field| self.word(field, row) as u32;
        let short = |field| self.word(field, row) as u16;
        let octet = |field| self.word(field, row) as u8;
        Some(Exported {
            exporter: self.some_ip(Field::Exporter, row)?,
            agent: self.some_ip(Field::Agent, row),
            domain: number(Field::ObservationDomain),
            in_if: number(Field::InIf),
            out_if: number(Field::OutIf),
            next_hop: self.some_ip(Field::NextHop, row),
            src_as: number(Field::ExportedSrcAs),
            dst_as: number(Field::ExportedDstAs),
            nat_src: self.some_ip(Field::NatSrcIp, row),
            nat_dst: self.some_ip(Field::NatDstIp, row),
            nat_src_port: short(Field::NatSrcPort),
            nat_dst_port: short(Field::NatDstPort),
            mpls_label: number(Field::MplsLabel),
            tos: octet(Field::Tos),
            src_mask: octet(Field::SrcMask),
            dst_mask: octet(Field::DstMask),
            direction: octet(Field::FlowDirection).checked_sub(1),
            event: octet(Field::Event),
            scaled: octet(Field::Scaled) != 0,
        })
    }
}

fn pick<T: Copy>(choices: &[T], code: u128, otherwise: T) -> T {
    choices.get(code as usize).copied().unwrap_or(otherwise)
}

/// Microseconds since 1970, rounded down.
fn micros(at: Timestamp) -> u128 {
    at.as_nanos()
        .div_euclid(Duration::from_micros(1).as_nanos() as i64) as u128
}

/// A field of a record as a word. Amounts beyond 63 bits stand as the largest.
fn word(record: &FlowRecord, received: Timestamp, field: Field) -> u128 {
    let count = |amount: u64| u128::from(amount.min(i64::MAX as u64));
    let country = |country: Country| u128::from(u16::from_be_bytes(country.0));
    let reverse = record.reverse;
    match field {
        Field::Start => micros(record.start),
        Field::End => micros(record.end),
        Field::Received => micros(received),
        Field::SrcIp => record.key.src.bits(),
        Field::DstIp => record.key.dst.bits(),
        Field::SrcPort => record.key.src_port.into(),
        Field::DstPort => record.key.dst_port.into(),
        Field::Protocol => record.key.protocol.into(),
        Field::Packets => count(record.packets),
        Field::Bytes => count(record.bytes),
        Field::Flows => 1,
        Field::TcpFlags => record.tcp_flags.0.into(),
        Field::EndReason => place(&REASONS, &record.end_reason).into(),
        Field::Handshake => place(&HANDSHAKES, &record.handshake).into(),
        Field::Initiator => record.initiator.into(),
        Field::ReversePackets => reverse.map_or(0, |reverse| count(reverse.packets)),
        Field::ReverseBytes => reverse.map_or(0, |reverse| count(reverse.bytes)),
        Field::ReverseTcpFlags => reverse.map_or(0, |reverse| reverse.tcp_flags.0.into()),
        Field::SrcAs => record.src_origin.asn.into(),
        Field::DstAs => record.dst_origin.asn.into(),
        Field::SrcCountry => country(record.src_origin.country),
        Field::DstCountry => country(record.dst_origin.country),
        Field::SrcInternal => record.src_origin.internal.into(),
        Field::DstInternal => record.dst_origin.internal.into(),
        Field::Vlan => record.vlan.into(),
        Field::SamplingRate => record.sampling_rate.into(),
        _ => record.export.as_ref().map_or(0, |export| exported(export, field)),
    }
}

/// A field that only exporters fill.
fn exported(export: &Exported, field: Field) -> u128 {
    let address = |ip: Option<Ip>| ip.map_or(0, Ip::bits);
    match field {
        Field::Scaled => export.scaled.into(),
        Field::Exporter => export.exporter.bits(),
        Field::Agent => address(export.agent),
        Field::ObservationDomain => export.domain.into(),
        Field::InIf => export.in_if.into(),
        Field::OutIf => export.out_if.into(),
        Field::NextHop => address(export.next_hop),
        Field::ExportedSrcAs => export.src_as.into(),
        Field::ExportedDstAs => export.dst_as.into(),
        Field::NatSrcIp => address(export.nat_src),
        Field::NatDstIp => address(export.nat_dst),
        Field::NatSrcPort => export.nat_src_port.into(),
        Field::NatDstPort => export.nat_dst_port.into(),
        Field::MplsLabel => export.mpls_label.into(),
        Field::Tos => export.tos.into(),
        Field::SrcMask => export.src_mask.into(),
        Field::DstMask => export.dst_mask.into(),
        Field::FlowDirection => export.direction.map_or(0, |direction| u128::from(direction) + 1),
        Field::Event => export.event.into(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> FlowRecord {
        let ip = |text: &str| text.parse().unwrap();
        FlowRecord {
            key: FlowKey {
                src: ip("10.0.0.1"),
                dst: ip("2001:db8::1"),
                src_port: 40000,
                dst_port: 443,
                protocol: FlowKey::TCP,
            },
            start: Timestamp::from_parts(100, 1_000),
            end: Timestamp::from_parts(160, 999_999_000),
            packets: 7,
            bytes: 4_000,
            tcp_flags: TcpFlags(TcpFlags::SYN | TcpFlags::ACK),
            end_reason: EndReason::ForcedEnd,
            handshake: Handshake::Unsolicited,
            initiator: true,
            reverse: Some(Reverse {
                packets: 3,
                bytes: 180,
                tcp_flags: TcpFlags(TcpFlags::RST),
            }),
            src_origin: Origin {
                asn: 0,
                country: Country(*b"DE"),
                internal: true,
            },
            dst_origin: Origin {
                asn: 64500,
                country: Country::default(),
                internal: false,
            },
            vlan: 12,
            sampling_rate: 100,
            export: Some(Exported {
                agent: Some(ip("192.0.2.9")),
                domain: 5,
                in_if: 1,
                out_if: u32::MAX,
                next_hop: Some(ip("192.0.2.1")),
                src_as: 1,
                dst_as: 2,
                nat_src: Some(ip("198.51.100.1")),
                nat_dst: Some(ip("198.51.100.2")),
                nat_src_port: 3,
                nat_dst_port: 4,
                mpls_label: 6,
                tos: 7,
                src_mask: 24,
                dst_mask: 16,
                direction: Some(1),
                event: 3,
                scaled: true,
                ..Exported::by(ip("192.0.2.2"))
            }),
        }
    }

    #[test]
    fn a_record_comes_out_as_it_went_in_with_every_field() {
        let metered = FlowRecord {
            export: None,
            reverse: None,
            handshake: Handshake::Answered,
            ..record()
        };
        let received = Timestamp::from_secs(161);
        let columns = Columns::of([(&record(), received), (&metered, received)]);
        assert_eq!(columns.rows(), 2);
        assert_eq!(columns.record(0), record());
        assert_eq!(columns.record(1), metered);
        assert_eq!(columns.received(1), received);
    }

    #[test]
    fn a_time_before_1970_keeps_its_sign() {
        let early = FlowRecord {
            start: Timestamp::from_nanos(-1_500),
            ..record()
        };
        let columns = Columns::of([(&early, early.start)]);
        assert_eq!(columns.record(0).start, Timestamp::from_nanos(-2_000));
    }

    #[test]
    fn what_is_missing_reads_as_nothing() {
        let columns = Columns::new(1);
        assert_eq!(columns.word(Field::Bytes, 0), 0);
        assert_eq!(columns.record(0).export, None);
    }

    #[test]
    fn every_code_of_a_word_has_its_name() {
        assert_eq!(Field::EndReason.words().len(), REASONS.len());
        assert_eq!(Field::Handshake.words().len(), HANDSHAKES.len());
    }
}
