//! Flow Records on their way to disk: compact rows as they arrive, and those rows as sorted columns.
//!
//! Rows are sorted by source, then destination. So the codes of sources become a few long runs, records of one host lie
//! side by side, and a query for a host or a network reads only the pages with its rows.

use crate::model::{Column, Columns, Exported, Field, FlowRecord, Ip, Origin, Reverse, Timestamp};
use foldhash::fast::FixedState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use std::collections::HashMap;
use std::hash::BuildHasher;

/// Rows that are turned into columns at once: few enough to stay in the cache while each field is taken.
const BLOCK: usize = 512;
/// Numbers below this are coded by a table, not by a hash table.
const SMALL: u128 = 1 << 16;
/// Of the hash tables; what an attacker can do with it is make storing slow, and storing gives way by itself.
const SEED: u64 = 0x7469_6465;

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
            direction: export.direction.map_or(0, |direction| direction.saturating_add(1)),
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
        columns.into_columns().for_each(|column| self.pool.take(column));
    }

    /// The fields that most records have. Sorted rows lie far apart in memory: each is fetched once, some at a time, and
    /// then all its fields are taken.
    fn common(&self, columns: &mut Columns, order: &[u32], pool: &mut Pool) {
        let mut block: Vec<Row> = Vec::with_capacity(BLOCK);
        macro_rules! take {
            (plain: $($field:ident $part:ident),*; coded: $($code:ident $value:ident),*;) => {{
                $(let mut $part = pool.numbers();)*
                $(let mut $value = Coder::new(order.len(), pool);)*
                for places in order.chunks(BLOCK) {
                    block.clear();
                    block.extend(places.iter().map(|at| self.rows[*at as usize]));
                    $($part.extend(block.iter().map(|row| i64::from(row.$part)));)*
                    $(block.iter().for_each(|row| $value.push(row.$value.into()));)*
                }
                $(columns.set(Field::$field, Column::Plain($part));)*
                $(columns.set(Field::$code, $value.column(pool));)*
            }};
        }
        take! {
            plain: Start start, End end, Received received, Packets packets, Bytes bytes, SrcPort src_port;
            coded: DstPort dst_port, Protocol protocol, TcpFlags tcp_flags, EndReason end_reason,
                   Handshake handshake, Initiator initiator, ExportedSrcAs src_as, ExportedDstAs dst_as;
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

/// The fields of one end of a flow.
struct EndFields {
    ip: Field,
    asn: Field,
    country: Field,
    internal: Field,
}

const SRC: EndFields = EndFields {
    ip: Field::SrcIp,
    asn: Field::SrcAs,
    country: Field::SrcCountry,
    internal: Field::SrcInternal,
};
const DST: EndFields = EndFields {
    ip: Field::DstIp,
    asn: Field::DstAs,
    country: Field::DstCountry,
    internal: Field::DstInternal,
};

/// The sources, or the destinations, of many rows: codes into the addresses that occur, which are in order.
struct Ends {
    codes: Vec<u32>,
    values: Vec<u128>,
}

impl Ends {
    fn of(addresses: impl ExactSizeIterator<Item = u128>, pool: &mut Pool) -> Self {
        let rows = addresses.len();
        let mut coder = Coder::new(rows, pool);
        addresses.for_each(|address| coder.push(address));
        let (mut codes, values) = (coder.codes, coder.values);
        codes.resize(rows, 0);
        let mut sorted: Vec<u32> = (0..values.len() as u32).collect();
        sorted.sort_unstable_by_key(|at| values[*at as usize]);
        let mut ranks = vec![0; values.len()];
        for (rank, at) in sorted.iter().enumerate() {
            ranks[*at as usize] = rank as u32;
        }
        codes.iter_mut().for_each(|code| *code = ranks[*code as usize]);
        Self {
            codes,
            values: sorted.iter().map(|at| values[*at as usize]).collect(),
        }
    }

    /// Rows in the order of these addresses; of equal ones the order stays (a counting sort).
    fn sort(&self, order: Vec<u32>, pool: &mut Pool) -> Vec<u32> {
        let mut starts = vec![0u32; self.values.len() + 1];
        self.codes.iter().for_each(|code| starts[*code as usize + 1] += 1);
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut sorted = pool.codes();
        sorted.resize(order.len(), 0);
        for row in &order {
            let place = &mut starts[self.codes[*row as usize] as usize];
            sorted[*place as usize] = *row;
            *place += 1;
        }
        pool.take_codes(order);
        sorted
    }

    fn put(
        self,
        columns: &mut Columns,
        order: &[u32],
        origin: &impl Fn(Ip) -> Origin,
        fields: EndFields,
        pool: &mut Pool,
    ) {
        let origins: Vec<Origin> = self.values.iter().map(|bits| origin(Ip::from_bits(*bits))).collect();
        let mut codes = pool.codes();
        codes.extend(order.iter().map(|row| self.codes[*row as usize]));
        let mut by_address = |value: &dyn Fn(&Origin) -> u128| follow(&codes, &origins, value, pool);
        columns.set(fields.asn, by_address(&|origin| origin.asn.into()));
        columns.set(
            fields.country,
            by_address(&|origin| u16::from_be_bytes(origin.country.0).into()),
        );
        columns.set(fields.internal, by_address(&|origin| origin.internal.into()));
        pool.take_codes(self.codes);
        let values = self.values;
        columns.set(fields.ip, Column::Coded { codes, values });
    }
}

/// A column of what follows from something else: `codes` into `things`, of each of which `value` is so. Where it is so
/// of all alike, no row is looked at.
fn follow<T>(codes: &[u32], things: &[T], value: impl Fn(&T) -> u128, pool: &mut Pool) -> Column {
    let mut coder = Coder::new(things.len(), pool);
    things.iter().for_each(|thing| coder.push(value(thing)));
    match coder.column(pool) {
        Column::Coded { codes: of, values } => {
            let mut followed = pool.codes();
            followed.extend(codes.iter().map(|code| of[*code as usize]));
            pool.take_codes(of);
            Column::Coded { codes: followed, values }
        }
        constant => constant,
    }
}

/// Room of columns that are written, to be used again.
#[derive(Debug, Default)]
struct Pool {
    codes: Vec<Vec<u32>>,
    numbers: Vec<Vec<i64>>,
}

impl Pool {
    fn codes(&mut self) -> Vec<u32> {
        self.codes.pop().unwrap_or_default()
    }

    fn numbers(&mut self) -> Vec<i64> {
        self.numbers.pop().unwrap_or_default()
    }

    fn memory(&self) -> usize {
        let codes: usize = self.codes.iter().map(Vec::capacity).sum();
        let numbers: usize = self.numbers.iter().map(Vec::capacity).sum();
        codes * size_of::<u32>() + numbers * size_of::<i64>()
    }

    fn take_codes(&mut self, mut codes: Vec<u32>) {
        codes.clear();
        self.codes.push(codes);
    }

    fn take(&mut self, column: Column) {
        match column {
            Column::Constant(_) => {}
            Column::Coded { codes, .. } => self.take_codes(codes),
            Column::Plain(mut numbers) => {
                numbers.clear();
                self.numbers.push(numbers);
            }
        }
    }
}

/// Gives codes to values in the order in which they first occur. While there is one value only, no code is written:
/// most fields never have another.
struct Coder {
    codes: Vec<u32>,
    /// How many values were given while no code was written.
    alike: usize,
    rows: usize,
    values: Vec<u128>,
    newest: Option<(u128, u32)>,
    /// Codes of small values, plus 1.
    small: Vec<u32>,
    large: HashTable<u32>,
    hasher: FixedState,
}

impl Coder {
    fn new(rows: usize, pool: &mut Pool) -> Self {
        Self {
            codes: pool.codes(),
            alike: 0,
            rows,
            values: Vec::new(),
            newest: None,
            small: Vec::new(),
            large: HashTable::new(),
            hasher: FixedState::with_seed(SEED),
        }
    }

    #[inline]
    fn push(&mut self, value: u128) {
        let code = match self.newest {
            Some((newest, code)) if newest == value => code,
            _ => self.next(value),
        };
        if self.values.len() == 1 {
            self.alike += 1;
        } else {
            self.codes.push(code);
        }
    }

    /// The code of a value that is not the one before it.
    #[inline]
    fn next(&mut self, value: u128) -> u32 {
        let code = self.look_up(value);
        self.newest = Some((value, code));
        if self.codes.is_empty() && self.values.len() == 2 {
            self.codes.reserve(self.rows);
            self.codes.resize(self.alike, 0);
        }
        code
    }

    #[inline]
    fn look_up(&mut self, value: u128) -> u32 {
        let next = self.values.len() as u32;
        if value < SMALL {
            if self.small.len() <= value as usize {
                self.small.resize((value as usize + 1).next_power_of_two(), 0);
            }
            let code = &mut self.small[value as usize];
            if *code == 0 {
                *code = next + 1;
                self.values.push(value);
            }
            return *code - 1;
        }
        let Self { values, large, hasher, .. } = self;
        let hash = |value: u128| hasher.hash_one(value);
        match large.entry(
            hash(value),
            |code| values[*code as usize] == value,
            |code| hash(values[*code as usize]),
        ) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                entry.insert(next);
                values.push(value);
                next
            }
        }
    }

    fn column(self, pool: &mut Pool) -> Column {
        match self.values.as_slice() {
            [only] => {
                pool.take_codes(self.codes);
                Column::Constant(*only)
            }
            _ => Column::Coded {
                codes: self.codes,
                values: self.values,
            },
        }
    }
}
