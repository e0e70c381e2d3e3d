//! Frames in hexadecimal, what they say in text.

use super::*;
use proptest::prelude::*;

const ETHERNET: u16 = 1;
const RAW: u16 = 101;
const NONE: Decap = Decap {
    gre: false,
    ip_in_ip: false,
    vxlan: false,
    gtp_u: false,
};

/// 192.0.2.1:12345 > 198.51.100.2:53, UDP, payload `hi`, 30 octets.
const V4: &str = "4500001e 00010000 40110000 c0000201 c6336402  30390035 000a0000 6869";
/// 2001:db8::1 > 2001:db8::2, port 443 from 40000, TCP SYN, 60 octets.
const V6: &str = "60000000 00140640 20010db8000000000000000000000001 20010db8000000000000000000000002
                  9c4001bb 00000000 00000000 50020000 00000000";
const ADDRESSES6: &str = "20010db8000000000000000000000001 20010db8000000000000000000000002";
const MACS: &str = "020000000002 020000000001";

const V4_SAYS: &str = "192.0.2.1:12345 > 198.51.100.2:53 proto 17, 30 bytes, payload hi";
const V6_SAYS: &str = "2001:db8::1:40000 > 2001:db8::2:443 proto 6, 60 bytes, ......S.";

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|octet| !octet.is_ascii_whitespace())
        .map(|octet| char::from(octet).to_digit(16).unwrap() as u8)
        .collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn say(packet: &Packet<'_>) -> String {
    let key = packet.key;
    let mut text = format!(
        "{}:{} > {}:{} proto {}, {} bytes",
        key.src, key.src_port, key.dst, key.dst_port, key.protocol, packet.bytes
    );
    if packet.tcp_flags.0 != 0 {
        text += &format!(", {}", packet.tcp_flags);
    }
    match packet.fragment {
        Fragment::None => {}
        Fragment::First { id } => text += &format!(", first fragment of {id}"),
        Fragment::Later { id } => text += &format!(", later fragment of {id}"),
    }
    if packet.vlan != 0 {
        text += &format!(", vlan {}", packet.vlan);
    }
    if !packet.payload.is_empty() {
        text += &format!(", payload {}", String::from_utf8_lossy(packet.payload));
    }
    text
}

fn read(link: u16, octets: &[u8], decap: Decap) -> String {
    match decode(LinkType(link), octets, octets.len() as u32, decap) {
        Ok(packet) => say(&packet),
        Err(reason) => reason.to_string(),
    }
}

/// Each case: link type, frame, what it says.
fn check(decap: Decap, cases: &[(u16, String, &str)]) {
    for (link, frame, says) in cases {
        assert_eq!(read(*link, &hex(frame), decap), *says, "link {link}: {frame}");
    }
}

/// A frame on Ethernet.
fn eth(rest: &str, says: &'static str) -> (u16, String, &'static str) {
    (ETHERNET, format!("{MACS} {rest}"), says)
}

/// A frame on another link.
fn f(link: u16, head: &str, body: &str, says: &'static str) -> (u16, String, &'static str) {
    (link, format!("{head} {body}"), says)
}

/// A frame of each link, and each encapsulation that links have, around `V4` or `V6`.
fn links() -> Vec<(u16, String, &'static str)> {
    let mut all = ethernet_links();
    all.extend(other_links());
    all
}

fn ethernet_links() -> Vec<(u16, String, &'static str)> {
    vec![
        eth(&format!("0800 {V4}"), V4_SAYS),
        eth(&format!("86dd {V6}"), V6_SAYS),
        eth(
            &format!("8100 a007 0800 {V4}"),
            "192.0.2.1:12345 > 198.51.100.2:53 proto 17, 30 bytes, vlan 7, payload hi",
        ),
        eth(
            &format!("88a8 0064 8100 0007 86dd {V6}"),
            "2001:db8::1:40000 > 2001:db8::2:443 proto 6, 60 bytes, ......S., vlan 100",
        ),
        eth(
            &format!("9100 0000 8100 0007 0800 {V4}"),
            "192.0.2.1:12345 > 198.51.100.2:53 proto 17, 30 bytes, vlan 7, payload hi",
        ),
        eth(&format!("0026 aaaa03 000000 0800 {V4}"), V4_SAYS),
        eth(&format!("0021 060603 {V4}"), V4_SAYS),
        eth(&format!("8864 1100 0001 0020 0021 {V4}"), V4_SAYS),
        eth(&format!("8864 1100 0001 003e 0057 {V6}"), V6_SAYS),
        eth(&format!("8847 00064140 {V4}"), V4_SAYS),
        eth(&format!("8847 00064040 00065140 {V6}"), V6_SAYS),
        eth(&format!("8847 00064140 00000000 {MACS} 0800 {V4}"), V4_SAYS),
        eth(&format!("8848 00064140 {MACS} 0800 {V4}"), V4_SAYS),
        eth(&format!("88e7 00000064 {MACS} 0800 {V4}"), V4_SAYS),
        eth(&format!("8903 4020 {MACS} 0800 {V4}"), V4_SAYS),
        eth(&format!("8909 0101 0001 0002 0800 {V4}"), V4_SAYS),
        f(RAW, "", V4, V4_SAYS),
        f(12, "", V6, V6_SAYS),
        f(14, "", V4, V4_SAYS),
        f(228, "", V4, V4_SAYS),
        f(229, "", V6, V6_SAYS),
        f(0, "02000000", V4, V4_SAYS),
        f(0, "00000002", V4, V4_SAYS),
        f(0, "1e000000", V6, V6_SAYS),
        f(108, "00000018", V6, V6_SAYS),
        f(9, "ff03 0021", V4, V4_SAYS),
        f(9, "0057", V6, V6_SAYS),
        f(9, "21", V4, V4_SAYS),
        f(9, &format!("ff03 0031 0001 {MACS} 0800"), V4, V4_SAYS),
        f(9, "ff03 0281 00064140", V4, V4_SAYS),
        f(50, "ff03 0021", V4, V4_SAYS),
        f(50, "0f00 0800", V4, V4_SAYS),
        f(51, "1100 0001 0020 0021", V4, V4_SAYS),
        f(104, "8f00 86dd", V6, V6_SAYS),
        f(113, "0000 0001 0006 0200000000010000 0800", V4, V4_SAYS),
        f(
            113,
            "0000 0001 0006 0200000000010000 8100 0007 0800",
            V4,
            "192.0.2.1:12345 > 198.51.100.2:53 proto 17, 30 bytes, vlan 7, payload hi",
        ),
    ]
}

fn other_links() -> Vec<(u16, String, &'static str)> {
    vec![
        f(
            113,
            "0000 0001 0006 0200000000010000 0004 aaaa03 000000 0800",
            V4,
            V4_SAYS,
        ),
        f(276, "86dd 0000 00000002 0001 00 06 0200000000010000", V6, V6_SAYS),
        f(
            105,
            &format!("0801 0000 {MACS} 020000000003 0000 aaaa03 000000 0800"),
            V4,
            V4_SAYS,
        ),
        f(
            105,
            &format!("8803 0000 {MACS} 020000000003 0000 020000000004 0000 aaaa03 000000 86dd"),
            V6,
            V6_SAYS,
        ),
        f(
            105,
            &format!("8882 0000 {MACS} 020000000003 0000 0000 00000000 aaaa03 000000 0800"),
            V4,
            V4_SAYS,
        ),
        f(
            105,
            &format!("8802 0000 {MACS} 020000000003 0000 8000 {MACS} 0026 aaaa03 000000 0800"),
            V4,
            V4_SAYS,
        ),
        f(
            127,
            &format!("0000 0900 02000000 00 0802 0000 {MACS} 020000000003 0000 aaaa03 000000 0800"),
            V4,
            V4_SAYS,
        ),
        // Timestamp, flags that say the header is padded to four octets, a second presence word.
        f(
            127,
            &format!(
                "0000 1a00 03000080 00000000 00000000 0000000000000000 2000
                 8802 0000 {MACS} 020000000003 0000 0000 0000 aaaa03 000000 0800"
            ),
            V4,
            V4_SAYS,
        ),
    ]
}

fn tunnels() -> Vec<(u16, String, &'static str)> {
    // An IPv4 header of 203.0.113.1 > 203.0.113.2 for `protocol`, stating 200 octets.
    let over = |protocol: &str, rest: &str, says| {
        let head = format!("450000c8 00010000 40{protocol}0000 cb007101 cb007102");
        (RAW, format!("{head} {rest}"), says)
    };
    let over6 =
        |next: &str, rest: &str, says| (RAW, format!("60000000 00c8{next}40 {ADDRESSES6} {rest}"), says);
    let gre = |rest: &str, says| over("2f", rest, says);
    let udp = |port: &str, rest: &str, says| over("11", &format!("8000{port} 00b40000 {rest}"), says);
    vec![
        over("04", V4, V4_SAYS),
        over("29", V6, V6_SAYS),
        over6("04", V4, V4_SAYS),
        over6("29", V6, V6_SAYS),
        gre(&format!("0000 0800 {V4}"), V4_SAYS),
        gre(&format!("b000 86dd 00000000 00000001 00000002 {V6}"), V6_SAYS),
        gre(
            &format!("4000 0800 00000000 0800 00 04 c0000201 0000 00 00 {V4}"),
            V4_SAYS,
        ),
        gre(&format!("2000 6558 00000001 {MACS} 0800 {V4}"), V4_SAYS),
        gre(&format!("0000 8847 00064140 {V4}"), V4_SAYS),
        gre(
            &format!("3081 880b 0020 0001 00000001 00000001 ff03 0021 {V4}"),
            V4_SAYS,
        ),
        gre(
            &format!("1000 88be 00000001 10000001 00000000 {MACS} 0800 {V4}"),
            V4_SAYS,
        ),
        gre(&format!("0000 88be {MACS} 0800 {V4}"), V4_SAYS),
        gre(
            &format!("1000 22eb 00000001 20000001 00000000 00000001 0000000000000000 {MACS} 0800 {V4}"),
            V4_SAYS,
        ),
        gre(&format!("0000 883e 00000000 {V4}"), V4_SAYS),
        udp("12b5", &format!("08000000 00000100 {MACS} 0800 {V4}"), V4_SAYS),
        udp("2118", &format!("08000000 00000100 {MACS} 86dd {V6}"), V6_SAYS),
        udp("0868", &format!("30ff 001e 00000001 {V4}"), V4_SAYS),
        udp(
            "0868",
            &format!("34ff 0026 00000001 0000 00 85 01 1000 00 {V4}"),
            V4_SAYS,
        ),
        // Tunnels in tunnels.
        over(
            "04",
            &format!("450000b4 00010000 402f0000 c0000201 c6336402 0000 86dd {V6}"),
            V6_SAYS,
        ),
    ]
}

#[test]
fn every_link_leads_to_the_same_packet() {
    check(NONE, &links());
    check(Decap::ALL, &links());
}

#[test]
fn tunnels_are_looked_into_when_asked_for() {
    check(Decap::ALL, &tunnels());
}

#[test]
fn without_asking_the_outer_header_counts() {
    for (link, frame, _) in tunnels() {
        let says = read(link, &hex(&frame), NONE);
        let v4 = says.starts_with("203.0.113.1:") && says.contains(" 200 bytes");
        let v6 = says.starts_with("2001:db8::1:0 > 2001:db8::2:0") && says.contains(" 240 bytes");
        assert!(v4 || v6, "{frame}: {says}");
    }
}

#[test]
fn each_tunnel_has_its_own_switch() {
    let kinds = [
        ("0000 0800", "2f", Decap { gre: true, ..NONE }),
        (
            "",
            "04",
            Decap {
                ip_in_ip: true,
                ..NONE
            },
        ),
        (
            "800012b5 00b40000 08000000 00000100 020000000002 020000000001 0800",
            "11",
            Decap { vxlan: true, ..NONE },
        ),
        (
            "80000868 00b40000 30ff 001e 00000001",
            "11",
            Decap { gtp_u: true, ..NONE },
        ),
    ];
    for (head, protocol, its_own) in kinds {
        let frame = hex(&format!(
            "450000c8 00010000 40{protocol}0000 cb007101 cb007102 {head} {V4}"
        ));
        for (_, _, decap) in kinds {
            assert_eq!(
                read(RAW, &frame, decap) == V4_SAYS,
                decap == its_own,
                "{protocol} {decap:?}"
            );
        }
    }
}

#[test]
fn a_tunnel_that_cannot_be_read_counts_as_itself() {
    let outer = "450000c8 00010000 40110000 cb007101 cb007102 800012b5 00b40000 08000000 00000100";
    let says = "203.0.113.1:32768 > 203.0.113.2:4789 proto 17, 200 bytes, payload ";
    for inside in [
        format!("{MACS} 0806 0001"),
        format!("{MACS} 0800 4500"),
        String::new(),
    ] {
        let text = read(RAW, &hex(&format!("{outer} {inside}")), Decap::ALL);
        assert!(text.starts_with(says), "{text}");
    }
    check(
        Decap::ALL,
        &[(
            RAW,
            format!("45000050 00010005 40040000 cb007101 cb007102 {V4}"),
            "203.0.113.1:0 > 203.0.113.2:0 proto 4, 80 bytes, later fragment of 1",
        )],
    );
}

#[test]
fn transports_give_what_they_have() {
    let v4 = |protocol: &str, rest: &str, says| {
        let head = format!("45000028 00010000 40{protocol}0000 c0000201 c6336402");
        (RAW, format!("{head} {rest}"), says)
    };
    check(
        NONE,
        &[
            v4(
                "06",
                "01bb9c40 00000000 00000000 60120000 00000000 01010101 4142",
                // The stated length of 40 ends before the TCP options do.
                "192.0.2.1:443 > 198.51.100.2:40000 proto 6, 40 bytes, ...A..S.",
            ),
            v4(
                "06",
                "01bb9c40 00000000 00000000 10180000 00000000",
                "192.0.2.1:443 > 198.51.100.2:40000 proto 6, 40 bytes, ...AP...",
            ),
            v4(
                "01",
                "0800 0000",
                "192.0.2.1:0 > 198.51.100.2:2048 proto 1, 40 bytes",
            ),
            v4(
                "01",
                "0304 0000",
                "192.0.2.1:0 > 198.51.100.2:772 proto 1, 40 bytes",
            ),
            v4(
                "3a",
                "8700 0000",
                "192.0.2.1:0 > 198.51.100.2:34560 proto 58, 40 bytes",
            ),
            v4(
                "84",
                "0b590b5a 00000000",
                "192.0.2.1:2905 > 198.51.100.2:2906 proto 132, 40 bytes",
            ),
            v4(
                "21",
                "00010002",
                "192.0.2.1:1 > 198.51.100.2:2 proto 33, 40 bytes",
            ),
            v4(
                "88",
                "00010002",
                "192.0.2.1:1 > 198.51.100.2:2 proto 136, 40 bytes",
            ),
            v4(
                "32",
                "00010002",
                "192.0.2.1:0 > 198.51.100.2:0 proto 50, 40 bytes",
            ),
            v4(
                "2f",
                "0000 0800",
                "192.0.2.1:0 > 198.51.100.2:0 proto 47, 40 bytes",
            ),
            v4(
                "11",
                "00010002 00090000 4142",
                "192.0.2.1:1 > 198.51.100.2:2 proto 17, 40 bytes, payload A",
            ),
        ],
    );
}

#[test]
fn padding_is_no_payload() {
    let frame = format!("{MACS} 0800 {V4} 00000000000000000000000000000000");
    check(NONE, &[(ETHERNET, frame, V4_SAYS)]);
}

#[test]
fn ipv4_options_are_stepped_over_even_when_cut() {
    let head = "47000020 00010000 40110000 c0000201 c6336402";
    check(
        NONE,
        &[
            (
                RAW,
                format!("{head} 9404000000000000 0001 0002"),
                "192.0.2.1:1 > 198.51.100.2:2 proto 17, 32 bytes",
            ),
            (
                RAW,
                format!("{head} 940400"),
                "192.0.2.1:0 > 198.51.100.2:0 proto 17, 32 bytes",
            ),
        ],
    );
}

#[test]
fn fragments_say_which_datagram_they_belong_to() {
    let v4 = |fragment: &str, says| {
        let frame = format!("45000024 1234{fragment} 40110000 c0000201 c6336402 00010002 00640000");
        (RAW, frame, says)
    };
    let v6 = |fragment: &str, says| {
        let frame = format!(
            "60000000 00182c40 {ADDRESSES6} 1100 {fragment} 00012345 00010002 00640000 4142434445464748"
        );
        (RAW, frame, says)
    };
    check(
        NONE,
        &[
            v4(
                "2000",
                "192.0.2.1:1 > 198.51.100.2:2 proto 17, 36 bytes, first fragment of 4660",
            ),
            v4(
                "2001",
                "192.0.2.1:0 > 198.51.100.2:0 proto 17, 36 bytes, later fragment of 4660",
            ),
            v4(
                "00b9",
                "192.0.2.1:0 > 198.51.100.2:0 proto 17, 36 bytes, later fragment of 4660",
            ),
            v4("4000", "192.0.2.1:1 > 198.51.100.2:2 proto 17, 36 bytes"),
            v6(
                "0001",
                "2001:db8::1:1 > 2001:db8::2:2 proto 17, 64 bytes, first fragment of 74565, payload ABCDEFGH",
            ),
            v6(
                "0009",
                "2001:db8::1:0 > 2001:db8::2:0 proto 17, 64 bytes, later fragment of 74565",
            ),
            v6(
                "0000",
                "2001:db8::1:1 > 2001:db8::2:2 proto 17, 64 bytes, payload ABCDEFGH",
            ),
        ],
    );
}

#[test]
fn ipv6_extension_headers_are_stepped_over() {
    let v6 = |next: &str, rest: &str, says| (RAW, format!("60000000 0030{next}40 {ADDRESSES6} {rest}"), says);
    let udp = "2001:db8::1:1 > 2001:db8::2:2 proto 17, 88 bytes";
    let ports = "00010002 00080000";
    let none = "0104 00000000";
    check(
        NONE,
        &[
            v6("00", &format!("1100 {none} {ports}"), udp),
            v6(
                "2b",
                &format!("1102 0400 00000000 {} {ports}", "00".repeat(16)),
                udp,
            ),
            v6("3c", &format!("1100 {none} {ports}"), udp),
            v6(
                "33",
                &format!("1104 0000 00000001 00000001 {} {ports}", "00".repeat(12)),
                udp,
            ),
            v6("87", &format!("1100 {none} {ports}"), udp),
            v6("8b", &format!("1100 {none} {ports}"), udp),
            v6("8c", &format!("1100 {none} {ports}"), udp),
            v6("00", &format!("2b00 {none} 3c00 {none} 1100 {none} {ports}"), udp),
            v6(
                "87",
                &format!("3b00 {none}"),
                "2001:db8::1:0 > 2001:db8::2:0 proto 135, 88 bytes",
            ),
            v6("3b", "", "2001:db8::1:0 > 2001:db8::2:0 proto 59, 88 bytes"),
            v6(
                "32",
                "00000001",
                "2001:db8::1:0 > 2001:db8::2:0 proto 50, 88 bytes",
            ),
            v6("00", "3a", "2001:db8::1:0 > 2001:db8::2:0 proto 0, 88 bytes"),
            v6(
                "00",
                "3a00 0502",
                "2001:db8::1:0 > 2001:db8::2:0 proto 58, 88 bytes",
            ),
        ],
    );
}

#[test]
fn a_length_of_zero_means_what_was_on_the_wire() {
    let v4 = hex(&format!(
        "{MACS} 0800 45000000 00010000 40060000 c0000201 c6336402 01bb9c40 00000000 00000000 50180000 00000000 41"
    ));
    let packet = decode(LinkType(ETHERNET), &v4, 5014, NONE).unwrap();
    assert_eq!((packet.bytes, packet.payload), (5000, b"A".as_slice()));
    let v6 = hex(&format!(
        "{MACS} 8100 0007 86dd 60000000 00000640 {ADDRESSES6} 01bb9c40"
    ));
    assert_eq!(decode(LinkType(ETHERNET), &v6, 70018, NONE).unwrap().bytes, 70000);
    // A length on the wire that makes no sense does not make a packet shorter than its header.
    assert_eq!(decode(LinkType(ETHERNET), &v6, 0, NONE).unwrap().bytes, 40);
    let nothing = format!("60000000 00003b40 {ADDRESSES6} 000000000000");
    check(
        NONE,
        &[(RAW, nothing, "2001:db8::1:0 > 2001:db8::2:0 proto 59, 40 bytes")],
    );
}

#[test]
fn a_jumbogram_is_as_long_as_its_option_says() {
    let frame = format!("60000000 00000040 {ADDRESSES6} 1100 c204 00011170 00010002 00000000 4142");
    let says = "2001:db8::1:1 > 2001:db8::2:2 proto 17, 70040 bytes, payload AB";
    check(NONE, &[(RAW, frame, says)]);
}

#[test]
fn frames_without_ip_are_ordinary() {
    let cases = [
        (ETHERNET, format!("{MACS} 0806 0001"), 0x0806),
        (ETHERNET, format!("{MACS} 88cc 0207"), 0x88cc),
        (ETHERNET, format!("{MACS} 0026 424203 0000"), 0x42),
        (ETHERNET, format!("{MACS} 0026 aaaa03 00000c 2000 02"), 0x2000),
        (ETHERNET, format!("{MACS} 8863 1109 0000 0000"), 0x8863),
        (ETHERNET, format!("{MACS} 8847 00064140 1000 0000"), 0x8847),
        (9, "ff03 c021 0101".into(), 0xc021),
        (105, "8000 0000".into(), 0),
        (105, "0841 0000".into(), 0),
        (0, "07000000".into(), 7),
    ];
    for (link, frame, expected) in cases {
        let octets = hex(&frame);
        let result = decode(LinkType(link), &octets, 64, Decap::ALL);
        let expected = Undecoded::NotIp { ethertype: expected };
        assert_eq!(result, Err(expected), "{frame}");
        assert_eq!(expected.kind(), None);
    }
}

#[test]
fn a_fault_names_the_header_and_the_octet() {
    let eth = |rest: &str, says| (ETHERNET, format!("{MACS} {rest}"), says);
    check(
        NONE,
        &[
            (
                ETHERNET,
                "0200".into(),
                "frame ends inside its Ethernet header, at octet 2",
            ),
            eth("8100 00", "frame ends inside its VLAN header, at octet 15"),
            eth("0800", "frame ends inside its IPv4 header, at octet 14"),
            eth("0800 4500 0028", "frame ends inside its IPv4 header, at octet 18"),
            eth("86dd 6000", "frame ends inside its IPv6 header, at octet 16"),
            eth("0800 6500", "IPv4 header at octet 14: version is not 4"),
            eth("0800 4400", "IPv4 header at octet 14: header length is below 20"),
            eth("86dd 4500", "IPv6 header at octet 14: version is not 6"),
            eth(
                "0800 46000014 00010000 40060000 c0000201 c6336402 01010101",
                "IPv4 header at octet 14: total length is below the header length",
            ),
            eth(
                "8864 2100 0001 0020",
                "PPPoE header at octet 14: version and type are not 1",
            ),
            eth(
                &format!("8847 {}", "00064040".repeat(17)),
                "MPLS header at octet 14: more than 16 labels",
            ),
            (
                RAW,
                "00".into(),
                "IP header at octet 0: version is neither 4 nor 6",
            ),
            (
                127,
                "0100 0800 00000000".into(),
                "radiotap header at octet 0: version is not 0 or length is below 8",
            ),
            (147, "00".into(), "link type 147 is not read"),
        ],
    );
    let endless = hex(&format!("{MACS} {} 0800 {V4}", "8100 0001".repeat(40)));
    let says = read(ETHERNET, &endless, NONE);
    assert!(says.ends_with("more than 32 headers are nested"), "{says}");
}

#[test]
fn a_cut_frame_counts_from_its_addresses_on() {
    for (link, frame, says) in links() {
        let whole = hex(&frame);
        let Ok(packet) = decode(LinkType(link), &whole, 200, NONE) else {
            continue;
        };
        // Both transports stand 8 and 20 octets before the end, behind them `hi` or nothing.
        let header_ends = whole.len() - packet.bytes as usize + if packet.key.src.is_v4() { 20 } else { 40 };
        for end in 0..whole.len() {
            match decode(LinkType(link), &whole[..end], 200, NONE) {
                Ok(cut) => {
                    assert!(end >= header_ends, "{says} cut at {end}");
                    assert_eq!((cut.key.src, cut.key.dst), (packet.key.src, packet.key.dst));
                    assert_eq!((cut.bytes, cut.vlan), (packet.bytes, packet.vlan));
                    let has_ports = end >= header_ends + 4;
                    assert_eq!(cut.key.dst_port, if has_ports { packet.key.dst_port } else { 0 });
                }
                Err(reason) => {
                    assert!(end < header_ends, "{says} cut at {end}: {reason}");
                    let is_guess = matches!(reason, Undecoded::NotIp { ethertype: 0x8847 });
                    assert!(
                        is_guess || matches!(reason, Undecoded::Cut { offset, .. } if offset as usize == end)
                    );
                }
            }
        }
    }
}

const LINKS: [u16; 16] = [
    0, 1, 9, 12, 14, 50, 51, 101, 104, 105, 108, 113, 127, 228, 229, 276,
];

/// What must hold of any frame whatever.
fn sane(link: u16, octets: &[u8], original_length: u32) -> Result<(), TestCaseError> {
    for decap in [NONE, Decap::ALL] {
        match decode(LinkType(link), octets, original_length, decap) {
            Ok(packet) => {
                prop_assert!(packet.bytes >= 20 && packet.payload.len() < octets.len());
                prop_assert!(packet.payload.len() as u32 <= packet.bytes);
                prop_assert!(packet.vlan < 4096);
                let later = matches!(packet.fragment, Fragment::Later { .. });
                prop_assert!(!later || (packet.key.src_port, packet.key.dst_port) == (0, 0));
            }
            Err(Undecoded::Cut { offset, .. }) => prop_assert!(offset as usize <= octets.len()),
            Err(Undecoded::Malformed { offset, .. }) => prop_assert!(offset as usize <= octets.len()),
            Err(Undecoded::NotIp { .. }) => {}
            Err(unknown @ Undecoded::UnknownLinkType(_)) => prop_assert!(!LINKS.contains(&link), "{unknown}"),
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_octets_give_a_packet_or_a_reason(
        link in prop::sample::select(LINKS.to_vec()),
        octets in prop::collection::vec(any::<u8>(), 0..200),
        original_length in any::<u32>(),
    ) {
        sane(link, &octets, original_length)?;
    }

    #[test]
    fn a_damaged_frame_gives_a_packet_or_a_reason(
        which in any::<prop::sample::Index>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        end in any::<prop::sample::Index>(),
    ) {
        let frames = [links(), tunnels()].concat();
        let (link, frame, _) = &frames[which.index(frames.len())];
        let mut octets = hex(frame);
        for (place, value) in damage {
            let place = place.index(octets.len());
            octets[place] = value;
        }
        let length = octets.len() as u32;
        sane(*link, &octets, length)?;
        octets.truncate(end.index(octets.len()));
        sane(*link, &octets, length)?;
    }
}
