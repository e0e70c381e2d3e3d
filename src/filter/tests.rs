//! What the filter language promises: what matches, what is refused and how, and that it prints back.

use super::expr::{Addresses, Numbers};
use super::*;
use crate::model::{
    Conversation, ConversationKey, Counters, Country, EndReason, Exported, FlowKey, FlowRecord, Handshake,
    Ip, Origin, Prefix, Role, TcpFlags, Timestamp,
};
use proptest::prelude::*;

/// 10.0.0.5:50000 -> 192.0.2.80:443 over TCP, 10 packets, 2,000,000 bytes in 2 s, on VLAN 7, from our AS 64500.
fn flow() -> FlowRecord {
    FlowRecord {
        key: FlowKey {
            src: "10.0.0.5".parse().unwrap(),
            dst: "192.0.2.80".parse().unwrap(),
            src_port: 50_000,
            dst_port: 443,
            protocol: FlowKey::TCP,
        },
        start: Timestamp::from_secs(100),
        end: Timestamp::from_secs(102),
        packets: 10,
        bytes: 2_000_000,
        tcp_flags: TcpFlags(TcpFlags::SYN | TcpFlags::ACK),
        end_reason: EndReason::EndOfFlow,
        handshake: Handshake::Answered,
        initiator: true,
        reverse: None,
        src_origin: Origin {
            asn: 64_500,
            country: Country(*b"DE"),
            internal: true,
        },
        dst_origin: Origin::default(),
        vlan: 7,
        sampling_rate: 1,
        export: None,
    }
}

fn conversation(role: Role) -> Conversation {
    Conversation {
        key: ConversationKey {
            src: "10.0.0.5".parse().unwrap(),
            dst: "2001:db8::1".parse().unwrap(),
            port: 53,
            protocol: FlowKey::UDP,
            role,
        },
        src_origin: Origin::default(),
        dst_origin: Origin::default(),
        counters: Counters {
            bytes: 1000,
            packets: 10,
            flows: 3,
            unsolicited: 1,
            ..Counters::default()
        },
    }
}

fn filter(text: &str) -> Filter {
    Filter::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

/// Filters that [`flow`] passes.
const PASSED: &str = "
        any
        ip
        ipv4
        not ipv6
        tcp
        proto tcp
        proto 6
        proto in [udp tcp]
        protocol = tcp
        proto != udp
        host 10.0.0.5
        src host 10.0.0.5
        dst ip 192.0.2.80
        ip 192.0.2.80
        src 10.0.0.5
        10.0.0.5
        10.0.0.0/8
        src net 10/8
        net 192.0.2.0/24
        src_ip 10.0.0.5
        dst_net 192.0.2.0/24
        ip in [198.51.100.1, 10.0.0.0/24]
        src ip in [10.0.0.4 10.0.0.5]
        src ip != 10.0.0.6
        dst port 443
        dst port https
        port 443
        dst_port = 443
        src port > 1024
        port in [80 443]
        port in [400-500]
        dst portrange 1-1024
        port 80 or 443
        dst port 80 or 443
        dst port (80 or 443)
        src port != 443
        port != 80
        tcp port 443
        tcp dst port 80 or 443
        src or dst port 443
        src and dst port > 400
        as 64500
        src as AS64500
        as in [64500 64501]
        dst as unknown
        dst as 0
        country DE
        src country de
        src country in [FR DE]
        not country IN and not country in [IN FR]
        dst country unknown
        src internal
        internal
        dst external
        bytes > 1M
        bytes >= 2MB
        bytes = 2000k
        bytes 2M
        bytes < 2Mi
        bytes > 1.5M
        packets <= 10
        flows = 1
        duration = 2s
        duration < 5m
        duration > 1.5s
        duration < 1h30m
        bpp = 200k
        pps = 5
        bps = 8M
        flags S
        flags SA
        tcp_flags as
        vlan 7
        vlan in [1-10]
        request
        answered
        not failed
        not unsolicited
        src net 10.0.0.0/8 and dst port 443 and bytes > 1M and src as 64500
        (udp or tcp) && !(port 80 || 22)
        not not tcp
        udp and tcp or tcp # and binds tighter than or
";

#[test]
fn conditions_match_what_they_say() {
    for line in PASSED.lines().map(str::trim).filter(|line| !line.is_empty()) {
        assert!(filter(line).matches(&flow()), "should match: {line}");
    }
}

#[test]
fn conditions_leave_out_what_they_do_not_say() {
    let no = "
        ipv6
        udp
        proto != tcp
        host 10.0.0.6
        not host 10.0.0.5
        not host 192.0.2.80
        dst 10.0.0.5
        ip in [10.0.0.6 ::/0]
        net ::/0
        src port 443
        port != 443
        port < 443
        src and dst port 443
        udp port 443
        udp port 53 or 443
        as 64501
        dst as 64500
        country FR
        src external
        dst internal
        bytes > 2M
        bytes != 2M
        duration > 5m
        pps > 5
        flags F
        flags S and not flags A
        vlan 8
        reply
        failed
        unsolicited
        icmp_type 1
        tcp and (udp or icmp)
        not (tcp or udp)
    ";
    for line in no.lines().map(str::trim).filter(|line| !line.is_empty()) {
        assert!(!filter(line).matches(&flow()), "should not match: {line}");
    }
}

#[test]
fn a_test_of_a_field_that_is_not_there_is_false() {
    let request = conversation(Role::Request);
    let reply = conversation(Role::Reply);
    assert!(filter("dst port 53").matches(&request) && filter("src port 53").matches(&reply));
    for line in ["src port >= 0", "src port != 80", "src and dst port 53"] {
        assert!(!filter(line).matches(&request), "{line}");
    }
    for line in [
        "flags S",
        "vlan 1",
        "vlan != 1",
        "duration >= 0s",
        "pps >= 0",
        "icmp_type >= 0",
    ] {
        assert!(!filter(line).matches(&request), "{line}");
    }
    assert!(filter("unsolicited and not answered and flows 3 and bpp 100").matches(&request));
    let mut idle = flow();
    idle.packets = 0;
    idle.end = idle.start;
    assert!(!filter("bpp >= 0").matches(&idle) && !filter("bps >= 0").matches(&idle));
}

#[test]
fn a_message_has_a_type_and_code_and_no_port() {
    let mut ping = flow();
    ping.key.protocol = FlowKey::ICMP;
    ping.key.dst_port = 8 << 8 | 3;
    ping.key.src_port = 0;
    assert!(filter("icmp and icmp_type 8 and icmp-code 3").matches(&ping));
    assert!(!filter("port >= 0").matches(&ping) && !filter("flags S").matches(&ping));
}

#[test]
fn exporters_and_interfaces_are_those_of_exported_flows() {
    let exported = FlowRecord {
        export: Some(Exported {
            in_if: 3,
            out_if: 70_000,
            ..Exported::by("192.0.2.9".parse().unwrap())
        }),
        ..flow()
    };
    for line in [
        "exporter 192.0.2.9",
        "exporter in [10.0.0.1 192.0.2.0/24]",
        "exporter 10.0.0.1 or 192.0.2.9",
        "in if 3",
        "in_if = 3 and out if 70000",
        "out_if > 65535",
        "if 3 and if 70000",
        "in if in [1-3]",
        "not in if 4",
    ] {
        assert!(filter(line).matches(&exported), "{line}");
    }
    for line in [
        "exporter 192.0.2.8",
        "in if 70000",
        "out if 3",
        "if 4",
        "in_if != 3",
    ] {
        assert!(!filter(line).matches(&exported), "{line}");
    }
    for line in ["exporter 0.0.0.0/0", "exporter ::/0", "if >= 0", "in_if 0"] {
        assert!(!filter(line).matches(&flow()), "a metered flow has none: {line}");
    }
    assert!(!filter("country in or country IN and in if 3").matches(&exported));
}

#[test]
fn what_conversations_lack_is_known_before_any_arrives() {
    let lacks = |text: &str| filter(text).needs().lacking_in_conversations().join(", ");
    assert_eq!(
        lacks("tcp and (flags S or not vlan 3) or bps > 1"),
        "flags, duration, pps or bps, vlan"
    );
    assert_eq!(
        lacks("src internal and dst port 80 and bytes > 1 and failed and request"),
        ""
    );
    assert_eq!(
        lacks("not exporter 10.0.0.1 or in if 2"),
        "exporter or interfaces"
    );
    assert!(filter("port 80 and not bytes > 1").needs().counts && !filter("port 80").needs().counts);
}

#[test]
fn the_canonical_form_writes_everything_out() {
    for (text, canonical) in [
        ("", "any"),
        (
            "tcp dst port 80 or 443",
            "tcp and dst port 80 or tcp and dst port 443",
        ),
        ("dst port (80 or https)", "dst port 80 or dst port 443"),
        (
            "src net 10/8 or 172.16/12",
            "src net 10.0.0.0/8 or src net 172.16.0.0/12",
        ),
        ("port in [443,80, 81-90]", "port in [80-90 443]"),
        ("port >1024", "port >= 1025"),
        ("portrange 0-1023", "port <= 1023"),
        ("not src as 1 && bytes>1500000", "not src as 1 and bytes > 1500k"),
        ("duration >= 1.5h", "duration >= 90m"),
        ("flags sa", "flags AS"),
        ("ip host 10.0.0.1", "ipv4 and host 10.0.0.1"),
        ("ip", "ipv4"),
        ("in if 3 or 5", "in_if 3 or in_if 5"),
        ("exporter in [10.0.0.0/8 ::1]", "exporter in [::1 10.0.0.0/8]"),
        ("src country de or FR", "src country DE or src country FR"),
        ("port != 80", "port >= 0 and not port 80"),
        ("(tcp and (port 1 and (port 2)))", "tcp and port 1 and port 2"),
        ("host ::ffff:10.0.0.1", "host 10.0.0.1"),
        (
            "net 2001:DB8::/32 and not (udp or icmp6)",
            "net 2001:db8::/32 and not (udp or icmp6)",
        ),
    ] {
        assert_eq!(filter(text).to_string(), canonical, "{text}");
    }
}

/// Filters and all of what is said about them.
const MISTAKES: &[(&str, &str)] = &[
    (
        "src net 10.0.0.0/8 and dst_prot 80",
        "unknown word `dst_prot`, expected a condition; did you mean `dst_port`?
  src net 10.0.0.0/8 and dst_prot 80
                         ^^^^^^^^",
    ),
    (
        "tcp and",
        "the filter ends here, expected a condition
  tcp and
         ^",
    ),
    (
        "(tcp or udp",
        "this `(` is never closed
  (tcp or udp
  ^",
    ),
    (
        "tcp)",
        "this `)` closes nothing
  tcp)
     ^",
    ),
    (
        "tcp\n\tand port 99999",
        "`99999` is more than 65535, the largest for a port
  \tand port 99999
  \t         ^^^^^",
    ),
    (
        "host 10.0.0.256",
        "`10.0.0.256` is not an IP address
  host 10.0.0.256
       ^^^^^^^^^^",
    ),
    (
        "net 10.0.0.0/33",
        "prefix length `33` is not a number from 0 to 32
  net 10.0.0.0/33
      ^^^^^^^^^^^",
    ),
    (
        "bytes > 1X",
        "`1X` has an unknown unit, expected k, M, G, T, Ki, Mi, Gi or Ti
  bytes > 1X
          ^^",
    ),
    (
        "duration > 5",
        "`5` is not a duration, expected a number and unit such as `90s`, `5m` or `1h30m`
  duration > 5
             ^",
    ),
    (
        "bytes > 1M or 443",
        "`443` alone says nothing; write `port 443` or `as 443`
  bytes > 1M or 443
                ^^^",
    ),
    (
        "src prot 80",
        "unexpected `prot`, expected `host`, `net`, `port`, `as`, `country`, `internal` or `external`; \
             did you mean `port`?
  src prot 80
      ^^^^",
    ),
    (
        "proto tpc",
        "`tpc` is not a protocol; did you mean `tcp`?
  proto tpc
        ^^^",
    ),
    (
        "tcp udp",
        "unexpected `udp`, expected `and`, `or` or the end
  tcp udp
      ^^^",
    ),
    (
        "port in [1 2",
        "the filter ends here, expected a value or `]`
  port in [1 2
              ^",
    ),
    (
        "port < 0",
        "nothing is < this
  port < 0
         ^",
    ),
    (
        "bytes > 5 ; drop",
        "`;` is no part of the language
  bytes > 5 ; drop
            ^",
    ),
    (
        "flags XYZ",
        "`XYZ` are no TCP flags, expected letters out of `CEUAPRSF`, such as `S` or `SA`
  flags XYZ
        ^^^",
    ),
];

#[test]
fn an_error_shows_what_where_and_what_was_meant() {
    for &(text, expected) in MISTAKES {
        assert_eq!(Filter::parse(text).unwrap_err().to_string(), expected, "{text}");
    }
}

#[test]
fn the_place_of_an_error_is_in_bytes_of_the_text() {
    let error = Filter::parse("tcp and ⅓").unwrap_err();
    assert_eq!(error.span(), 8..11);
    assert_eq!(Filter::parse("tcp or ").unwrap_err().span(), 7..7);
}

#[test]
fn depth_and_length_are_bounded() {
    let nested = |depth: usize| format!("{}tcp{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Filter::parse(&nested(MAX_DEPTH - 1)).is_ok());
    let error = Filter::parse(&nested(MAX_DEPTH)).unwrap_err().to_string();
    assert!(error.starts_with("nested deeper than 64"), "{error}");
    assert!(Filter::parse(&"not ".repeat(10_000)).is_err());
    let long = vec!["tcp"; 20_000].join(" or ");
    let error = Filter::parse(&long).unwrap_err().message();
    assert_eq!(error, "the filter is longer than 65536 bytes");
    let wide = vec!["tcp"; 5000].join(" or ");
    assert!(filter(&wide).matches(&flow()));
}

fn side() -> impl Strategy<Value = Side> {
    prop::sample::select(vec![Side::Src, Side::Dst, Side::Either, Side::Both])
}

fn compare() -> impl Strategy<Value = Compare> {
    use Compare::{AtLeast, AtMost, Equal, Less, More, Unequal};
    prop::sample::select(vec![More, Less, AtLeast, AtMost, Equal, Unequal])
}

fn numbers(most: u32) -> impl Strategy<Value = Numbers> {
    prop::collection::vec((0..=most, 0..=most), 1..4).prop_map(Numbers::new)
}

fn prefix() -> impl Strategy<Value = Prefix> {
    prop_oneof![
        (any::<u32>(), 0..=32_u8).prop_map(|(bits, length)| Prefix::new(Ip::v4(bits), length)),
        (any::<u128>(), 0..=128_u8).prop_map(|(bits, length)| Prefix::new(Ip::from_bits(bits), length)),
    ]
}

fn condition() -> impl Strategy<Value = Expr> {
    let amounts = vec![
        Amount::Packets,
        Amount::Bytes,
        Amount::Flows,
        Amount::Duration,
        Amount::BytesPerPacket,
        Amount::PacketRate,
        Amount::BitRate,
    ];
    let countries = prop::sample::subsequence(
        vec![
            Country::default(),
            Country(*b"AS"),
            Country(*b"DE"),
            Country(*b"IN"),
        ],
        1..4,
    );
    let outcomes = vec![Outcome::Failed, Outcome::Answered, Outcome::Unsolicited];
    prop_oneof![
        Just(Expr::Any),
        any::<bool>().prop_map(Expr::Family),
        numbers(255).prop_map(Expr::Protocol),
        (side(), prop::collection::vec(prefix(), 1..4))
            .prop_map(|(side, prefixes)| Expr::Address(side, Addresses::new(prefixes))),
        (side(), numbers(65_535)).prop_map(|(side, set)| Expr::Port(side, set)),
        (side(), numbers(u32::MAX)).prop_map(|(side, set)| Expr::As(side, set)),
        (side(), countries).prop_map(|(side, set)| Expr::Country(side, set)),
        (side(), any::<bool>()).prop_map(|(side, inside)| Expr::Internal(side, inside)),
        (prop::sample::select(amounts), compare(), any::<u64>())
            .prop_map(|(amount, compare, value)| Expr::Amount(amount, compare, value)),
        (1..=255_u8).prop_map(Expr::Flags),
        numbers(65_535).prop_map(Expr::Vlan),
        numbers(255).prop_map(Expr::IcmpType),
        numbers(255).prop_map(Expr::IcmpCode),
        prop::sample::select(vec![Role::Request, Role::Reply]).prop_map(Expr::Role),
        prop::sample::select(outcomes).prop_map(Expr::Outcome),
        prop::collection::vec(prefix(), 1..4).prop_map(|prefixes| Expr::Exporter(Addresses::new(prefixes))),
        (
            prop::sample::select(vec![Side::Src, Side::Dst, Side::Either]),
            numbers(u32::MAX)
        )
            .prop_map(|(side, set)| Expr::Interface(side, set)),
    ]
}

pub(super) fn expression() -> impl Strategy<Value = Expr> {
    condition().prop_recursive(6, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Expr::all),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Expr::one_of),
            inner.prop_map(|part| Expr::Not(Box::new(part))),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_printed_reads_back_as_the_same(expr in expression()) {
        let text = expr.to_string();
        let read = Filter::parse(&text).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(read.expr(), &expr, "{}", text);
        prop_assert_eq!(read.to_string(), text);
    }

    #[test]
    fn any_text_is_read_or_refused_with_a_place_inside_it(text in "\\PC{0,60}") {
        if let Err(error) = Filter::parse(&text) {
            prop_assert!(text.get(error.span()).is_some());
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn any_words_in_any_order_are_read_or_refused(
        words in prop::collection::vec(prop::sample::select(vec![
            "tcp", "udp", "src", "dst", "or", "and", "not", "(", ")", "[", "]", ",", "in", "port", "host", "net",
            "ip", "as", "country", "80", "10.0.0.1", "10/8", "::/0", "DE", ">", "<", "=", "!=", "bytes", "duration",
            "5m", "flags", "S", "internal", "vlan", "any", "1-5", "http", "src_ip", "dst_port", "#\n",
        ]), 0..12),
    ) {
        if let Ok(read) = Filter::parse(&words.join(" ")) {
            prop_assert_eq!(Filter::parse(&read.to_string()).map_err(|e| e.to_string()), Ok(read));
        }
    }

    #[test]
    fn not_turns_every_answer_round(expr in expression()) {
        let negated = Expr::Not(Box::new(expr.clone()));
        prop_assert_ne!(eval::matches(&expr, &flow()), eval::matches(&negated, &flow()));
    }
}

/// What it costs is printed, not asserted: a busy machine must not fail the tests.
#[test]
fn the_same_flows_pass_however_often_they_are_asked() {
    let typical = filter("tcp and dst port in [80 443] and src net 10/8 and not (as 15169 or bytes < 100)");
    let flows: Vec<FlowRecord> = (0..1000_u16)
        .map(|at| {
            let mut flow = flow();
            flow.key.dst_port = if at % 2 == 0 { 443 } else { at };
            flow.key.protocol = if at % 7 == 0 { 17 } else { 6 };
            flow.bytes = u64::from(at);
            flow
        })
        .collect();
    let start = std::time::Instant::now();
    let passed: usize = (0..100)
        .map(|_| flows.iter().filter(|flow| typical.matches(*flow)).count())
        .sum();
    println!("{:?} per flow", start.elapsed() / 100_000);
    assert_eq!(passed, 100 * 387);
}
