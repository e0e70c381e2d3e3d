//! Flow Records for tests of the store: the same for the same seed.

use super::{Archive, Rows};
use crate::model::{
    Columns, Country, EndReason, Exported, FlowKey, FlowRecord, Handshake, Ip, Origin, Reverse, TcpFlags,
    Timestamp, mix_step,
};
use std::path::Path;

/// The first instant of test traffic: the beginning of an hour.
pub(super) const BEGIN: i64 = 1_790_000_000 / 3_600 * 3_600;

/// Where addresses of tests belong.
pub(super) fn origin(ip: Ip) -> Origin {
    let number = ip.bits() as u32;
    Origin {
        asn: 64_500 + number % 3,
        country: if number.is_multiple_of(2) {
            Country(*b"DE")
        } else {
            Country::default()
        },
        internal: number % 5 < 2,
    }
}

/// `count` records with the times at which they were told of, a few seconds apart.
pub(super) fn records(seed: u64, count: usize) -> Vec<(FlowRecord, Timestamp)> {
    let mut state = seed;
    let mut next = |most: u64| {
        state = mix_step(state);
        state % most
    };
    let mut records: Vec<_> = (0..count).map(|_| record(&mut next)).collect();
    records.sort_by_key(|(_, received)| *received);
    records
}

fn record(next: &mut impl FnMut(u64) -> u64) -> (FlowRecord, Timestamp) {
    let ip = |number: u64| match number % 7 {
        0 => Ip::from_bits(0x2001_0db8 << 96 | u128::from(number)),
        _ => Ip::v4(0x0a00_0000 + number as u32),
    };
    let (src, dst) = (ip(next(40)), ip(next(30)));
    let end = Timestamp::from_nanos((BEGIN * 1_000_000 + next(7_000_000_000) as i64) * 1_000);
    let record = FlowRecord {
        key: FlowKey {
            src,
            dst,
            src_port: 1_024 + next(60_000) as u16,
            dst_port: [443, 53, 22, 14_999][next(4) as usize],
            protocol: [6, 17, 1][next(3) as usize],
        },
        start: Timestamp::from_nanos(end.as_nanos() - next(200_000_000) as i64 * 1_000),
        end,
        packets: 1 + next(50),
        bytes: {
            let size = next(40);
            40 + next(1 << size)
        },
        tcp_flags: TcpFlags(next(64) as u8),
        end_reason: [EndReason::Unknown, EndReason::IdleTimeout, EndReason::EndOfFlow][next(3) as usize],
        handshake: [Handshake::Unknown, Handshake::Answered, Handshake::Unanswered][next(3) as usize],
        initiator: next(2) == 0,
        reverse: (next(4) == 0).then(|| Reverse {
            packets: 1 + next(9),
            bytes: 40 + next(999),
            tcp_flags: TcpFlags(next(64) as u8),
        }),
        src_origin: origin(src),
        dst_origin: origin(dst),
        vlan: if next(9) == 0 { 12 } else { 0 },
        sampling_rate: if next(9) == 0 { 100 } else { 1 },
        export: (next(5) > 0).then(|| Exported {
            domain: next(2) as u32,
            in_if: next(4) as u32,
            next_hop: (next(9) == 0).then_some(Ip::v4(7)),
            direction: (next(2) == 0).then_some(1),
            ..Exported::by(Ip::v4(1 + next(2) as u32))
        }),
    };
    let late = next(2_000_000) as i64 * 1_000;
    (record, Timestamp::from_nanos(end.as_nanos() + late))
}

/// Records as the keeper makes columns of them.
pub(super) fn columns(records: &[(FlowRecord, Timestamp)]) -> Columns {
    let mut rows = Rows::with_capacity(records.len());
    records
        .iter()
        .for_each(|(record, received)| rows.push(record, *received));
    rows.columns(origin)
}

/// Stores records in files of `each` records.
pub(super) fn store(root: &Path, records: &[(FlowRecord, Timestamp)], each: usize) {
    let mut archive = Archive::open(root, 0).unwrap();
    for records in records.chunks(each) {
        archive.add(&columns(records)).unwrap();
        archive.end().unwrap();
    }
}
