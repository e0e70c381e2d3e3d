//! That filters over columns pass what they pass record by record, and that bounds never leave out what would pass.

use super::expr::Expr;
use super::tests::expression;
use super::*;
use crate::model::{
    Column, Country, EndReason, Exported, FlowKey, FlowRecord, Handshake, Ip, Origin, TcpFlags, Timestamp,
};
use proptest::prelude::*;

fn ip() -> impl Strategy<Value = Ip> {
    prop_oneof![
        (0u32..4).prop_map(|n| Ip::v4(0x0a00_0000 | n << 14)),
        (0u32..3).prop_map(|n| Ip::v4(0xc000_0200 | n)),
        (0u128..3).prop_map(|n| Ip::from_bits(0x2001_0db8 << 96 | n << 64)),
    ]
}

fn origin() -> impl Strategy<Value = Origin> {
    (
        prop::sample::select(vec![0, 1, 64_500, u32::MAX]),
        prop::sample::select(vec![Country::default(), Country(*b"DE"), Country(*b"IN")]),
        any::<bool>(),
    )
        .prop_map(|(asn, country, internal)| Origin {
            asn,
            country,
            internal,
        })
}

/// Records with few values of each field, so that conditions hold for some.
fn record() -> impl Strategy<Value = FlowRecord> {
    let numbers = (
        prop::sample::select(vec![1u8, 6, 17, 47, 58, 132]),
        prop::sample::select(vec![0u16, 80, 443, 2048, 65_535]),
        prop::sample::select(vec![0u16, 53, 443, 769, 40_000]),
        prop::sample::select(vec![0u64, 1, 1000, 1 << 40, u64::MAX >> 1]),
        prop::sample::select(vec![0u64, 1, 10, 1 << 50]),
        prop::sample::select(vec![0i64, 1, 1_000_000, 3_600_000_000]),
        any::<u8>(),
        prop::sample::select(vec![0u16, 7, 4095]),
    );
    let handshakes = vec![
        Handshake::Unknown,
        Handshake::Answered,
        Handshake::Refused,
        Handshake::Unanswered,
        Handshake::Unsolicited,
    ];
    let export = prop::option::of((ip(), 0u32..3, 0u32..3));
    (
        (ip(), ip(), origin(), origin()),
        numbers,
        prop::sample::select(handshakes),
        any::<bool>(),
        export,
    )
        .prop_map(
            |((src, dst, src_origin, dst_origin), numbers, handshake, initiator, export)| {
                let (protocol, src_port, dst_port, bytes, packets, micros, flags, vlan) = numbers;
                FlowRecord {
                    key: FlowKey {
                        src,
                        dst,
                        src_port,
                        dst_port,
                        protocol,
                    },
                    start: Timestamp::from_secs(1_000),
                    end: Timestamp::from_nanos(1_000_000_000_000 + micros * 1000),
                    packets,
                    bytes,
                    tcp_flags: TcpFlags(flags),
                    end_reason: EndReason::Unknown,
                    handshake,
                    initiator,
                    reverse: None,
                    src_origin,
                    dst_origin,
                    vlan,
                    sampling_rate: 1,
                    export: export.map(|(exporter, in_if, out_if)| Exported {
                        in_if,
                        out_if,
                        ..Exported::by(exporter)
                    }),
                }
            },
        )
}

/// Any expression, and such as hold for some of [`record`].
fn likely() -> impl Strategy<Value = Expr> {
    let texts = "tcp|udp port 53|port 443 or 80|src port > 100|src and dst port <= 443|src net 10.0.0.0/17|net 10/8|\
                 dst ip in [192.0.2.1 2001:db8::/32]|net ::/0|as 64500|src as 0|dst country DE|country in [IN unknown]|\
                 src internal|external|bytes > 1|packets <= 10|bpp > 100|pps > 1|bps < 1G|duration >= 1s|flags SA|\
                 vlan 7|vlan != 7|icmp_type 8|icmp_code 1|request|failed|answered|unsolicited|exporter 10.0.0.0|\
                 exporter ::/0|in if 1|out_if > 0|if != 2|ipv6";
    let one = prop::sample::select(texts.split('|').collect::<Vec<_>>())
        .prop_map(|text| Filter::parse(text).unwrap().expr);
    let both = prop_oneof![one, expression()];
    prop::collection::vec((both, any::<bool>()), 1..4).prop_flat_map(|parts| {
        let turned = parts
            .into_iter()
            .map(|(part, not)| if not { Expr::Not(Box::new(part)) } else { part })
            .collect::<Vec<_>>();
        prop_oneof![Just(Expr::all(turned.clone())), Just(Expr::one_of(turned))]
    })
}

/// The same records with columns that are not coded where they need not be.
fn plain(columns: &Columns) -> Columns {
    let mut plain = Columns::new(columns.rows());
    for &field in Field::ALL {
        let wide = field.kind() == crate::model::FieldKind::Address;
        let values = (0..columns.rows()).map(|row| columns.word(field, row) as i64);
        let column = match columns.get(field) {
            Some(column) if wide => column.clone(),
            _ => Column::Plain(values.collect()),
        };
        plain.set(field, column);
    }
    plain
}

fn bounds(columns: &Columns, field: Field) -> Option<[u128; 2]> {
    let words = || (0..columns.rows()).map(|row| columns.word(field, row));
    Some([words().min()?, words().max()?])
}

proptest! {
    #[test]
    fn columns_pass_what_their_records_pass(
        expr in likely(),
        records in prop::collection::vec(record(), 1..150),
    ) {
        let filter = Filter { text: String::new(), expr };
        let columns = Columns::of(records.iter().map(|record| (record, record.end)));
        let want: Vec<u32> = (0..columns.rows() as u32)
            .filter(|row| filter.matches(&columns.record(*row as usize)))
            .collect();
        let all: Vec<u32> = (0..columns.rows() as u32).collect();
        for columns in [columns.clone(), plain(&columns), columns.only(&filter.fields())] {
            let selection = filter.select(&columns);
            prop_assert_eq!(selection.rows().unwrap_or_else(|| all.clone()), want.clone());
            prop_assert_eq!(selection.count(), want.len());
        }
    }

    #[test]
    fn bounds_leave_out_nothing_that_passes(
        expr in likely(),
        records in prop::collection::vec(record(), 1..6),
        known in any::<u64>(),
    ) {
        let filter = Filter { text: String::new(), expr };
        let columns = Columns::of(records.iter().map(|record| (record, record.end)));
        let passed = filter.select(&columns).count();
        let told = |field: Field| bounds(&columns, field).filter(|_| known >> (field as u64) & 1 == 1);
        match filter.chance(&told) {
            Chance::Never => prop_assert_eq!(passed, 0),
            Chance::Always => prop_assert_eq!(passed, columns.rows()),
            Chance::Perhaps => {}
        }
    }
}

#[test]
fn bounds_leave_out_what_is_far_from_what_is_asked() {
    let narrow = |field: Field| match field {
        Field::SrcIp => Some(["10.0.0.0", "10.0.255.255"].map(|text| text.parse::<Ip>().unwrap().bits())),
        Field::DstPort => Some([1, 1023]),
        Field::Protocol => Some([6, 17]),
        Field::Bytes => Some([40, 1500]),
        _ => None,
    };
    for (text, chance) in [
        ("src net 10.1.0.0/16", Chance::Never),
        ("src net 10.0.0.0/8", Chance::Always),
        ("not src net 10.0.0.0/8", Chance::Never),
        ("src host 10.0.0.7", Chance::Perhaps),
        ("dst port 8080", Chance::Never),
        ("dst port < 1024", Chance::Perhaps),
        ("proto 47", Chance::Never),
        ("bytes > 1M", Chance::Never),
        ("bytes >= 40", Chance::Always),
        ("bytes > 1M or src net 10.0.0.0/8", Chance::Always),
        ("icmp_type 8", Chance::Never),
        ("ipv6", Chance::Never),
        ("ipv4", Chance::Always),
        ("exporter 192.0.2.1", Chance::Perhaps),
    ] {
        assert_eq!(Filter::parse(text).unwrap().chance(&narrow), chance, "{text}");
    }
}

#[test]
fn an_expression_without_parts_has_no_fields() {
    assert!(Expr::Any.fields().is_empty());
}
