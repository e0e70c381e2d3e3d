//! Flow Records on their way to disk: compact rows as they arrive, and those rows as sorted columns.
//!
//! Rows are sorted by source, then destination. So the codes of sources become a few long runs, records of one host lie
//! side by side, and a query for a host or a network reads only the pages with its rows.

use super::coding::{Coder, OctetCoder, Pool, SEED, follow};
use super::ends::{DST, Ends, SRC};
use crate::model::{Column, Columns, Exported, Field, FlowRecord, Ip, Origin, Reverse, Timestamp};
use foldhash::fast::FixedState;
use std::collections::HashMap;

/// Rows that are turned into columns at once: few enough to stay in the cache while each field is taken.
const BLOCK: usize = 512;

/// What each record says for itself.
#[derive(Clone, Copy, Debug)]
struct Row {
    src: u128,
    dst: u128,
    start: i64,
    end: i64,
    received: i64,
    packets: i64,
    bytes: i64,
    src_as: u32,
    dst_as: u32,
    /// Place among the circumstances.
    setting: u32,
    /// Place among what few records say; 0 for nothing.
    rest: u32,
    src_port: u16,
    dst_port: u16,
    protocol: u8,
    tcp_flags: u8,
    end_reason: u8,
    handshake: u8,
    initiator: bool,
}

/// What many records say alike: by whom, where and how they were seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Setting {
    exporter: u128,
    domain: u32,
    in_if: u32,
    out_if: u32,
    sampling_rate: u32,
    vlan: u16,
    scaled: bool,
    tos: u8,
    src_mask: u8,
    dst_mask: u8,
    direction: u8,
    event: u8,
}

/// What few records say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Rest {
    agent: u128,
    next_hop: u128,
    nat_src: u128,
    nat_dst: u128,
    nat_src_port: u16,
    nat_dst_port: u16,
    mpls_label: u32,
    reverse_packets: u64,
    reverse_bytes: u64,
    reverse_flags: u8,
}

/// Flow Records in the order in which they came.
#[derive(Debug)]
pub struct Rows {
    rows: Vec<Row>,
    settings: Vec<Setting>,
    known: HashMap<Setting, u32, FixedState>,
    /// The first says nothing.
    rests: Vec<Rest>,
    pool: Pool,
}

impl Rows {
    /// None yet, with room for `count`.
    pub fn with_capacity(count: usize) -> Self {
        Self {
            rows: Vec::with_capacity(count),
            settings: Vec::new(),
            known: HashMap::with_hasher(FixedState::with_seed(SEED)),
            rests: vec![Rest::default()],
            pool: Pool::default(),
        }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Forgets all; the room stays.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.settings.clear();
        self.known.clear();
        self.rests.truncate(1);
    }

    /// Octets it occupies.
    pub fn memory(&self) -> usize {
        self.pool.memory()
            + self.rows.capacity() * size_of::<Row>()
            + self.rests.capacity() * size_of::<Rest>()
            + self.settings.capacity() * 2 * size_of::<(Setting, u32)>()
    }

    /// When the first and the last were told of.
    pub fn received(&self) -> Option<[Timestamp; 2]> {
        let at = |row: &Row| Timestamp::from_nanos(row.received * 1000);
        Some([at(self.rows.first()?), at(self.rows.last()?)])
    }

    /// Adds a record that was told of at `received`. Its origins are not kept: [`Rows::columns`] asks for them.
    #[inline]
    pub fn push(&mut self, record: &FlowRecord, received: Timestamp) {
        let amount = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let unsaid = Exported::by(Ip::from_bits(0));
        let export = record.export.as_ref().unwrap_or(&unsaid);
        let row = Row {
            src: record.key.src.bits(),
            dst: record.key.dst.bits(),
            start: micros(record.start),
            end: micros(record.end),
            received: micros(received),
            packets: amount(record.packets),
            bytes: amount(record.bytes),
            src_as: export.src_as,
            dst_as: export.dst_as,
            setting: self.setting(record, export),
            rest: rest(&mut self.rests, export, record.reverse.as_ref()),
            src_port: record.key.src_port,
            dst_port: record.key.dst_port,
            protocol: record.key.protocol,
            tcp_flags: record.tcp_flags.0,
            end_reason: Field::code_of_reason(record.end_reason),
            handshake: Field::code_of_handshake(record.handshake),
            initiator: record.initiator,
        };
        self.rows.push(row);
    }

    /// The place of a record's circumstances; mostly they are those of the record before it.
    #[inline]
    fn setting(&mut self, record: &FlowRecord, export: &Exported) -> u32 {
        let setting = Setting {
            exporter: export.exporter.bits(),
            domain: export.domain,
            in_if: export.in_if,
            out_if: export.out_if,
            sampling_rate: record.sampling_rate,
            vlan: record.vlan,
            scaled: export.scaled,
            tos: export.tos,
            src_mask: export.src_mask,
            dst_mask: export.dst_mask,
            direction: export
                .direction
                .map_or(0, |direction| direction.saturating_add(1)),
            event: export.event,
        };
        let newest = self.rows.last().map(|row| row.setting);
        match newest {
            Some(at) if self.settings.get(at as usize) == Some(&setting) => at,
            _ => *self.known.entry(setting).or_insert_with(|| {
                self.settings.push(setting);
                self.settings.len() as u32 - 1
            }),
        }
    }

    /// All by column, sorted by source, destination and then as they came. `origin` says where an address belongs; it
    /// is asked once for each.
    pub fn columns(&mut self, origin: impl Fn(Ip) -> Origin) -> Columns {
        let mut pool = std::mem::take(&mut self.pool);
        let mut columns = Columns::new(self.rows.len());
        let src = Ends::of(self.rows.iter().map(|row| row.src), &mut pool);
        let dst = Ends::of(self.rows.iter().map(|row| row.dst), &mut pool);
        let mut order = pool.codes();
        order.extend(0..self.rows.len() as u32);
        let order = src.sort(dst.sort(order, &mut pool), &mut pool);
        src.put(&mut columns, &order, &origin, SRC, &mut pool);
        dst.put(&mut columns, &order, &origin, DST, &mut pool);
        self.common(&mut columns, &order, &mut pool);
        self.circumstances(&mut columns, &order, &mut pool);
        self.rare(&mut columns, &order, &mut pool);
        columns.set(Field::Flows, Column::Constant(1));
        pool.take_codes(order);
        self.pool = pool;
        columns
    }

    /// Takes columns back that are no longer needed, for the room they occupy: fresh memory costs more than what is
    /// written into it.
    pub fn recycle(&mut self, columns: Columns) {
        self.pool.take_all(columns);
    }

    /// The fields that most records have. Sorted rows lie far apart in memory: each is fetched once, some at a time, and
    /// then all its fields are taken.
    fn common(&self, columns: &mut Columns, order: &[u32], pool: &mut Pool) {
        let mut block: Vec<Row> = Vec::with_capacity(BLOCK);
        let mut octets: Vec<u8> = Vec::with_capacity(BLOCK);
        macro_rules! take {
            (plain: $($field:ident $part:ident),*; octets: $($small:ident $octet:ident),*;
             coded: $($code:ident $value:ident),*;) => {{
                $(let mut $part = pool.numbers();)*
                $(let mut $octet = OctetCoder::new(order.len(), pool);)*
                $(let mut $value = Coder::new(order.len(), pool);)*
                for places in order.chunks(BLOCK) {
                    block.clear();
                    block.extend(places.iter().map(|at| self.rows[*at as usize]));
                    $($part.extend(block.iter().map(|row| i64::from(row.$part)));)*
                    $(
                        octets.clear();
                        octets.extend(block.iter().map(|row| u8::from(row.$octet)));
                        $octet.add(&octets);
                    )*
                    $(block.iter().for_each(|row| $value.push(row.$value.into()));)*
                }
                $(columns.set(Field::$field, Column::Plain($part));)*
                $(columns.set(Field::$small, $octet.column(pool));)*
                $(columns.set(Field::$code, $value.column(pool));)*
            }};
        }
        take! {
            plain: Start start, End end, Received received, Packets packets, Bytes bytes, SrcPort src_port;
            octets: Protocol protocol, TcpFlags tcp_flags, EndReason end_reason, Handshake handshake,
                    Initiator initiator;
            coded: DstPort dst_port, ExportedSrcAs src_as, ExportedDstAs dst_as;
        }
    }

    fn circumstances(&self, columns: &mut Columns, order: &[u32], pool: &mut Pool) {
        let mut codes = pool.codes();
        if self.settings.len() > 1 {
            codes.extend(order.iter().map(|at| self.rows[*at as usize].setting));
        }
        macro_rules! put {
            ($($field:ident $part:ident,)*) => {{
                $(columns.set(Field::$field, follow(&codes, &self.settings, |setting| setting.$part.into(), pool));)*
            }};
        }
        put! {
            Exporter exporter, ObservationDomain domain, InIf in_if, OutIf out_if, SamplingRate sampling_rate,
            Vlan vlan, Scaled scaled, Tos tos, SrcMask src_mask, DstMask dst_mask, FlowDirection direction,
            Event event,
        }
        pool.take_codes(codes);
    }

    fn rare(&self, columns: &mut Columns, order: &[u32], pool: &mut Pool) {
        macro_rules! coders {
            ($($field:ident $part:ident,)*) => {{
                $(
                    let column = if self.rests.len() > 1 {
                        let mut coder = Coder::new(order.len(), pool);
                        for at in order {
                            let rest = self.rows[*at as usize].rest;
                            coder.push(self.rests[rest as usize].$part.into());
                        }
                        coder.column(pool)
                    } else {
                        Column::Constant(0)
                    };
                    columns.set(Field::$field, column);
                )*
            }};
        }
        coders! {
            Agent agent, NextHop next_hop, NatSrcIp nat_src, NatDstIp nat_dst, NatSrcPort nat_src_port,
            NatDstPort nat_dst_port, MplsLabel mpls_label, ReversePackets reverse_packets,
            ReverseBytes reverse_bytes, ReverseTcpFlags reverse_flags,
        }
    }
}

fn micros(at: Timestamp) -> i64 {
    at.as_nanos().div_euclid(1000)
}

/// Where what few records say stands. Neighbours often say the same.
fn rest(rests: &mut Vec<Rest>, export: &Exported, reverse: Option<&Reverse>) -> u32 {
    let address = |ip: Option<Ip>| ip.map_or(0, Ip::bits);
    let rest = Rest {
        agent: address(export.agent),
        next_hop: address(export.next_hop),
        nat_src: address(export.nat_src),
        nat_dst: address(export.nat_dst),
        nat_src_port: export.nat_src_port,
        nat_dst_port: export.nat_dst_port,
        mpls_label: export.mpls_label,
        reverse_packets: reverse.map_or(0, |reverse| reverse.packets.min(i64::MAX as u64)),
        reverse_bytes: reverse.map_or(0, |reverse| reverse.bytes.min(i64::MAX as u64)),
        reverse_flags: reverse.map_or(0, |reverse| reverse.tcp_flags.0),
    };
    if rest == Rest::default() {
        return 0;
    }
    if rests.last() != Some(&rest) {
        rests.push(rest);
    }
    rests.len() as u32 - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::flows::test_data::{origin, records};

    #[test]
    fn records_come_out_as_they_went_in_sorted_by_their_ends() {
        let records = records(1, 2_000);
        let mut rows = Rows::with_capacity(0);
        // Twice, the second time in the room of the first.
        for _ in 0..2 {
            rows.clear();
            records
                .iter()
                .for_each(|(record, received)| rows.push(record, *received));
            let columns = rows.columns(origin);
            let mut sorted = records.clone();
            sorted.sort_by_key(|(record, _)| (record.key.src, record.key.dst));
            for (row, (record, received)) in sorted.iter().enumerate() {
                assert_eq!(columns.record(row), *record);
                assert_eq!(columns.received(row), *received);
            }
            rows.recycle(columns);
        }
    }

    #[test]
    fn what_no_record_says_is_a_constant() {
        let records: Vec<_> = records(1, 100)
            .into_iter()
            .filter(|(record, _)| record.vlan == 0)
            .collect();
        let mut rows = Rows::with_capacity(0);
        records
            .iter()
            .for_each(|(record, received)| rows.push(record, *received));
        let columns = rows.columns(|_| Origin::default());
        for field in [
            Field::Vlan,
            Field::SrcAs,
            Field::DstCountry,
            Field::MplsLabel,
            Field::Flows,
        ] {
            assert!(
                matches!(columns.get(field), Some(Column::Constant(_))),
                "{field:?}"
            );
        }
    }

    #[test]
    fn nothing_is_no_rows() {
        assert_eq!(Rows::with_capacity(0).columns(origin).rows(), 0);
    }
}
