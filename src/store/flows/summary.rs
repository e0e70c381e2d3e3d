//! Sums of Flow Records over a minute, five, an hour: Aggregated Flows (RFC 7015), which are stored as records are.
//!
//! Of the key, the client's port is left out: port, protocol and who made contact say what service it is. What many
//! records have in common stays (ends, exporter, interfaces, sampling, outcome), the rest (routes, NAT, labels) is not
//! told of a sum. Amounts are scaled by the sampling rate already. A record that lasts over several buckets is cut
//! where they meet, by the arithmetic of live intervals; its flow counts where it begins.

use super::coding::SEED;
use crate::model::{Column, Columns, Field, passed};
use foldhash::fast::FixedState;
use hashbrown::HashMap;

/// Fields that make records one sum, beside bucket and ports.
const KEY: [Field; 15] = [
    Field::SrcIp,
    Field::DstIp,
    Field::Protocol,
    Field::Handshake,
    Field::Initiator,
    Field::SrcAs,
    Field::DstAs,
    Field::SrcCountry,
    Field::DstCountry,
    Field::SrcInternal,
    Field::DstInternal,
    Field::SamplingRate,
    Field::Exporter,
    Field::InIf,
    Field::OutIf,
];

/// What one sum is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Key {
    fields: [u128; KEY.len()],
    bucket: i64,
    src_port: u16,
    dst_port: u16,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    packets: u64,
    bytes: u64,
    flows: u64,
    flags: u8,
    reverse: [u64; 2],
}

/// Sums that are being made.
pub(super) struct Summary {
    /// Length of a bucket, microseconds.
    length: i64,
    sums: HashMap<Key, Sum, FixedState>,
}

impl Summary {
    /// Over buckets of so many seconds.
    pub(super) fn new(seconds: i64) -> Self {
        Self {
            length: seconds.max(1).saturating_mul(1_000_000),
            sums: HashMap::with_hasher(FixedState::with_seed(SEED)),
        }
    }

    /// How many sums.
    pub(super) fn len(&self) -> usize {
        self.sums.len()
    }

    /// The fields it reads.
    pub(super) fn fields() -> impl Iterator<Item = Field> {
        let summed = [
            Field::Start,
            Field::End,
            Field::Received,
            Field::SrcPort,
            Field::DstPort,
            Field::Packets,
            Field::Bytes,
            Field::Flows,
            Field::TcpFlags,
            Field::Scaled,
            Field::ReversePackets,
            Field::ReverseBytes,
        ];
        KEY.into_iter().chain(summed)
    }

    /// Takes in record `row` of `columns`.
    pub(super) fn add(&mut self, columns: &Columns, row: usize) {
        let number = |field| columns.word(field, row) as u64;
        let [start, end] = [Field::Start, Field::End].map(|field| columns.word(field, row) as i64);
        let end = end.max(start);
        let [first, last] = [start, end].map(|at| at.div_euclid(self.length));
        let is_request = columns.word(Field::Initiator, row) != 0;
        let mut key = Key {
            fields: KEY.map(|field| columns.word(field, row)),
            bucket: first,
            src_port: if is_request {
                0
            } else {
                number(Field::SrcPort) as u16
            },
            dst_port: if is_request {
                number(Field::DstPort) as u16
            } else {
                0
            },
        };
        // Scaled before it is cut, as live traffic is: what is rounded is a packet, not a hundred of them.
        let scale = match number(Field::Scaled) {
            0 => number(Field::SamplingRate).max(1),
            _ => 1,
        };
        let amounts = [
            Field::Packets,
            Field::Bytes,
            Field::ReversePackets,
            Field::ReverseBytes,
        ]
        .map(|field| number(field).saturating_mul(scale));
        for bucket in first..=last {
            key.bucket = bucket;
            let edges = [bucket, bucket + 1].map(|at| at.saturating_mul(self.length));
            let part = |amount| match (bucket == first, bucket == last) {
                (true, true) => amount,
                (true, false) => passed(amount, start, end, edges[1]),
                (false, true) => amount - passed(amount, start, end, edges[0]),
                (false, false) => passed(amount, start, end, edges[1]) - passed(amount, start, end, edges[0]),
            };
            let [packets, bytes, reverse_packets, reverse_bytes] = amounts.map(part);
            let sum = self.sums.entry(key).or_default();
            sum.packets = sum.packets.saturating_add(packets);
            sum.bytes = sum.bytes.saturating_add(bytes);
            sum.flows += if bucket == first { number(Field::Flows) } else { 0 };
            sum.flags |= number(Field::TcpFlags) as u8;
            sum.reverse[0] = sum.reverse[0].saturating_add(reverse_packets);
            sum.reverse[1] = sum.reverse[1].saturating_add(reverse_bytes);
        }
    }

    /// The sums so far, in order; it is empty afterwards.
    pub(super) fn take(&mut self) -> Columns {
        let mut sums: Vec<(Key, Sum)> = self.sums.drain().collect();
        sums.sort_unstable_by_key(|(key, _)| *key);
        let mut columns = Columns::new(sums.len());
        for (at, field) in KEY.into_iter().enumerate() {
            columns.set(field, Column::coded(sums.iter().map(|(key, _)| key.fields[at])));
        }
        columns.set(Field::Scaled, Column::Constant(1));
        let length = self.length;
        let plain = |value: &dyn Fn(&(Key, Sum)) -> i64| Column::Plain(sums.iter().map(value).collect());
        let amount = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        // The last microsecond of the bucket is its end, so that a sum lies in its own bucket alone.
        columns.set(Field::Start, plain(&|(key, _)| key.bucket.saturating_mul(length)));
        let end = plain(&|(key, _)| (key.bucket + 1).saturating_mul(length) - 1);
        columns.set(Field::Received, end.clone());
        columns.set(Field::End, end);
        columns.set(Field::SrcPort, plain(&|(key, _)| key.src_port.into()));
        columns.set(Field::Packets, plain(&|(_, sum)| amount(sum.packets)));
        columns.set(Field::Bytes, plain(&|(_, sum)| amount(sum.bytes)));
        let coded = |value: &dyn Fn(&(Key, Sum)) -> u128| Column::coded(sums.iter().map(value));
        columns.set(Field::DstPort, coded(&|(key, _)| key.dst_port.into()));
        columns.set(Field::Flows, coded(&|(_, sum)| sum.flows.into()));
        columns.set(Field::TcpFlags, coded(&|(_, sum)| sum.flags.into()));
        columns.set(
            Field::ReversePackets,
            coded(&|(_, sum)| amount(sum.reverse[0]) as u128),
        );
        columns.set(
            Field::ReverseBytes,
            coded(&|(_, sum)| amount(sum.reverse[1]) as u128),
        );
        columns
    }
}
