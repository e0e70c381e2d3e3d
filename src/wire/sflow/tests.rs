//! sFlow datagrams put together from numbers, what they say in text, and what damage to them costs.

use super::*;
use proptest::prelude::*;

/// Words in network order.
fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// A format, the length of the octets, and the octets with their padding.
fn opaque_of(format: u32, octets: &[u8]) -> Vec<u8> {
    let mut all = words(&[format, octets.len() as u32]);
    all.extend_from_slice(octets);
    all.resize(8 + padded(octets.len()), 0);
    all
}

/// A datagram of agent 192.0.2.9, sub-agent 3, sequence 77.
fn datagram_of(samples: &[Vec<u8>]) -> Vec<u8> {
    let mut all = words(&[5, 1, 0xc000_0209, 3, 77, 60_000, samples.len() as u32]);
    all.extend(samples.concat());
    all
}

/// A flow sample: one in 512, in by interface 7, out by 8.
fn sample_of(records: &[Vec<u8>]) -> Vec<u8> {
    let mut body = words(&[1, 7, 512, 10_000, 0, 7, 8, records.len() as u32]);
    body.extend(records.concat());
    opaque_of(FLOW_SAMPLE, &body)
}

/// A sampled header of `header_protocol`, with 4 octets of checksum stripped.
fn header_of(protocol: u32, octets: &[u8]) -> Vec<u8> {
    let length = octets.len() as u32;
    let mut body = words(&[protocol, length + 4, 4, length]);
    body.extend_from_slice(octets);
    opaque_of(1, &body)
}

/// A SYN from 198.51.100.1 port 40000 to 192.0.2.80 port 443: 40 octets of IPv4, then two that pad the frame.
const SYN: [u8; 42] = [
    0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0, 198, 51, 100, 1, 192, 0, 2, 80, // IPv4
    0x9c, 0x40, 1, 187, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0, // TCP
    0, 0,
];

/// The same in Ethernet with VLAN 12.
fn tagged() -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x81, 0, 0, 12, 8, 0];
    frame.extend_from_slice(&SYN);
    frame
}

/// What a datagram says, a line for its header, one for each sample.
fn told(octets: &[u8]) -> Vec<String> {
    let datagram = match datagram(octets) {
        Ok(datagram) => datagram,
        Err(flaw) => return vec![flaw_in_words(&flaw)],
    };
    let agent = datagram.agent.map_or("-".to_owned(), |ip| ip.to_string());
    let head = format!("{agent}/{} #{}", datagram.sub_agent, datagram.sequence);
    let samples = datagram.samples.map(|sample| match sample {
        Ok(Some(flow)) => flow_in_words(&flow),
        Ok(None) => "other".to_owned(),
        Err(flaw) => flaw_in_words(&flaw),
    });
    [head].into_iter().chain(samples).collect()
}

fn flaw_in_words(flaw: &Flaw) -> String {
    format!("{} at {}: {}", flaw.kind.name(), flaw.offset, flaw.what)
}

fn flow_in_words(flow: &FlowSample) -> String {
    let packet = flow.packet.map_or("no IP".to_owned(), |packet| {
        let key = packet.key;
        format!(
            "{}:{} > {}:{} proto {} {} octets {}",
            key.src, key.src_port, key.dst, key.dst_port, key.protocol, packet.bytes, packet.tcp_flags
        )
    });
    let (rate, export) = (flow.sampling_rate, flow.export);
    let flaw = flow
        .flaw
        .map_or(String::new(), |flaw| format!("; {}", flaw_in_words(&flaw)));
    format!(
        "1/{rate} {packet} if {}>{} vlan {}{flaw}",
        export.in_if, export.out_if, flow.vlan
    )
}

const PLAIN: &str = "1/512 198.51.100.1:40000 > 192.0.2.80:443 proto 6 40 octets ......S. if 7>8 vlan 0";

#[test]
fn a_sampled_frame_is_read_down_to_its_flow_key() {
    let octets = datagram_of(&[sample_of(&[header_of(1, &tagged())])]);
    assert_eq!(
        told(&octets),
        ["192.0.2.9/3 #77", &PLAIN.replace("vlan 0", "vlan 12")]
    );
}

#[test]
fn each_link_that_is_sampled_is_read_and_others_say_nothing() {
    let mut ppp = vec![0xff, 3, 0, 0x21];
    ppp.extend_from_slice(&SYN);
    let mut labelled = vec![0, 1, 0x41, 64];
    labelled.extend_from_slice(&SYN);
    let links: [(u32, &[u8]); 5] = [(11, &SYN), (7, &ppp), (7, &ppp[2..]), (14, &ppp), (13, &labelled)];
    for (protocol, octets) in links {
        let octets = datagram_of(&[sample_of(&[header_of(protocol, octets)])]);
        assert_eq!(told(&octets)[1], PLAIN, "header protocol {protocol}");
    }
    let token_ring = datagram_of(&[sample_of(&[header_of(3, &SYN)])]);
    assert_eq!(told(&token_ring)[1], "1/512 no IP if 7>8 vlan 0");
}

#[test]
fn a_frame_without_ip_is_no_fault() {
    let mut arp = vec![0xff; 12];
    arp.extend_from_slice(&[8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
    let octets = datagram_of(&[sample_of(&[header_of(1, &arp)])]);
    assert_eq!(told(&octets)[1], "1/512 no IP if 7>8 vlan 0");
}

#[test]
fn agents_that_send_no_header_say_the_packets_fields() {
    let v4 = words(&[1500, 6, 0xc633_6401, 0xc000_0250, 40_000, 443, 0x18, 0x28]);
    let mut v6 = words(&[1280, 17]);
    v6.extend("2001:db8::1".parse::<Ip>().unwrap().bits().to_be_bytes());
    v6.extend("2001:db8::2".parse::<Ip>().unwrap().bits().to_be_bytes());
    v6.extend(words(&[5353, 53, 0xff, 0]));
    let octets = datagram_of(&[sample_of(&[opaque_of(3, &v4)]), sample_of(&[opaque_of(4, &v6)])]);
    assert_eq!(
        told(&octets)[1..],
        [
            "1/512 198.51.100.1:40000 > 192.0.2.80:443 proto 6 1500 octets ...AP... if 7>8 vlan 0",
            "1/512 2001:db8::1:5353 > 2001:db8::2:53 proto 17 1280 octets ........ if 7>8 vlan 0",
        ]
    );
}

#[test]
fn what_switch_router_and_gateway_know_is_kept() {
    let records = [
        opaque_of(1001, &words(&[30, 0, 31, 0])),
        opaque_of(1002, &words(&[1, 0x0a00_0001, 24, 16])),
        // Border router, our AS, source AS, its peer, a path of a sequence and a set, no communities, preference.
        opaque_of(
            1003,
            &words(&[
                1,
                0x0a00_0002,
                64500,
                64501,
                64502,
                2,
                2,
                2,
                64503,
                64504,
                1,
                1,
                64505,
                0,
                100,
            ]),
        ),
        opaque_of(1004, b"a user's name, in no structure of ours"),
        opaque_of(1006, &words(&[1, 0x0a00_0003, 2, 0x0001_0040, 0x0002_0140, 0])),
        opaque_of(1007, &words(&[1, 0xcb00_7101, 1, 0xc000_0250])),
        opaque_of(1020, &words(&[1024, 443])),
        header_of(11, &SYN),
    ];
    let octets = datagram_of(&[sample_of(&records)]);
    let Some(Ok(Some(flow))) = datagram(&octets).unwrap().samples.next() else {
        panic!("no flow sample");
    };
    let want = Exported {
        domain: 3,
        in_if: 7,
        out_if: 8,
        next_hop: "10.0.0.1".parse().ok(),
        src_mask: 24,
        dst_mask: 16,
        src_as: 64501,
        dst_as: 64505,
        mpls_label: 16,
        nat_src: "203.0.113.1".parse().ok(),
        nat_dst: "192.0.2.80".parse().ok(),
        nat_src_port: 1024,
        nat_dst_port: 443,
        agent: "192.0.2.9".parse().ok(),
        ..Exported::by(Ip::default())
    };
    assert_eq!((flow.export, flow.vlan, flow.flaw), (want, 30, None));
}

#[test]
fn an_expanded_sample_has_wide_interfaces_and_any_sample_may_have_none() {
    let mut wide = words(&[1, 0, 7, 64, 0, 0, 0, 0x4000_0001, 0, 9, 1]);
    wide.extend(header_of(11, &SYN));
    let mut nowhere = words(&[1, 7, 64, 0, 0, 0x3fff_ffff, 0x8000_0003, 1]);
    nowhere.extend(header_of(11, &SYN));
    let octets = datagram_of(&[opaque_of(3, &wide), opaque_of(1, &nowhere)]);
    let lines = told(&octets);
    assert!(lines[1].contains(" if 1073741825>9 "), "{}", lines[1]);
    assert!(lines[2].contains(" if 0>0 "), "{}", lines[2]);
}

#[test]
fn counters_and_unknown_samples_are_skipped_by_their_length() {
    let octets = datagram_of(&[
        opaque_of(2, &words(&[1, 7, 0])),
        opaque_of(4300 << 12 | 1002, b"odd"),
        sample_of(&[header_of(11, &SYN)]),
    ]);
    assert_eq!(told(&octets)[1..], ["other", "other", PLAIN]);
}

#[test]
fn an_agent_may_have_an_ipv6_address_or_none() {
    let mut v6 = words(&[5, 2]);
    v6.extend("2001:db8::9".parse::<Ip>().unwrap().bits().to_be_bytes());
    v6.extend(words(&[0, 1, 2, 0]));
    assert_eq!(told(&v6), ["2001:db8::9/0 #1"]);
    assert_eq!(told(&words(&[5, 0, 4, 1, 2, 0])), ["-/4 #1"]);
}

#[test]
fn another_version_or_kind_of_address_is_named() {
    assert_eq!(
        told(&words(&[4, 1, 2, 3])),
        ["unknown_version at 0: sFlow of another version than 5"]
    );
    assert_eq!(
        told(&words(&[5, 9, 0, 0, 0, 0, 0])),
        ["malformed_set at 4: the agent's address is neither IPv4 nor IPv6"]
    );
}

#[test]
fn a_bad_sample_costs_only_itself() {
    let absurd_records = {
        let mut body = words(&[1, 7, 512, 0, 0, 7, 8, u32::MAX]);
        body.extend(header_of(11, &SYN));
        opaque_of(1, &body)
    };
    let samples = [
        opaque_of(1, &words(&[1, 7])),
        absurd_records,
        sample_of(&[opaque_of(1003, &words(&[1, 2, 3, 4, 5, u32::MAX, 2, u32::MAX]))]),
        sample_of(&[opaque_of(1, &words(&[11, 40, 0, u32::MAX, 0x4500_0028]))]),
        sample_of(&[header_of(11, &SYN[..12])]),
        sample_of(&[header_of(11, &[0x41; 40])]),
        sample_of(&[header_of(11, &SYN)]),
    ];
    let told = told(&datagram_of(&samples));
    assert_eq!(
        told[1..],
        [
            "malformed_set at 36: a flow sample is shorter than its own fields".to_owned(),
            format!(
                "{PLAIN}; cut_message at 152: a flow sample ends inside a record, or has fewer than it counts"
            ),
            "1/512 no IP if 7>8 vlan 0; malformed_set at 200: a record is shorter than its own fields"
                .to_owned(),
            "1/512 no IP if 7>8 vlan 0; malformed_set at 280: a record is shorter than its own fields"
                .to_owned(),
            "1/512 no IP if 7>8 vlan 0; cut_message at 376: the sampled header ends before its addresses"
                .to_owned(),
            "1/512 no IP if 7>8 vlan 0; malformed_set at 440: header length is below 20".to_owned(),
            PLAIN.to_owned(),
        ]
    );
}

#[test]
fn more_samples_counted_than_sent_is_one_fault() {
    let mut octets = datagram_of(&[sample_of(&[header_of(11, &SYN)])]);
    octets[24..28].copy_from_slice(&u32::MAX.to_be_bytes());
    let want = "cut_message at 136: the datagram ends inside a sample, or has fewer than it counts";
    assert_eq!(told(&octets)[1..], [PLAIN, want]);
}

#[test]
fn every_shorter_datagram_gives_its_whole_samples_and_one_fault() {
    let sample = sample_of(&[header_of(1, &tagged()), opaque_of(1002, &words(&[1, 9, 24, 24]))]);
    let whole = datagram_of(&[sample.clone(), sample.clone()]);
    for length in 0..whole.len() {
        let lines = told(&whole[..length]);
        let read = lines.iter().filter(|line| line.contains("proto 6")).count();
        assert_eq!(read, length.saturating_sub(28) / sample.len(), "{length} octets");
        let faults = lines
            .iter()
            .filter(|line| line.starts_with("cut_message"))
            .count();
        assert_eq!(faults, 1, "{length} octets: {lines:?}");
    }
}

proptest! {
    #[test]
    fn any_octets_are_read_to_an_end(octets in prop::collection::vec(any::<u8>(), 0..600)) {
        let mut all = words(&[5, 1, 1, 0, 0, 0, u32::MAX]);
        all.extend(octets);
        // Each sample takes at least eight octets.
        prop_assert!(told(&all).len() <= 2 + all.len() / 8);
    }

    #[test]
    fn changed_octets_never_give_more_samples_than_fit(
        changes in prop::collection::vec((0usize..400, any::<u8>()), 1..8)
    ) {
        let records = [
            header_of(1, &tagged()),
            opaque_of(1003, &words(&[1, 1, 2, 3, 4, 1, 2, 1, 5, 0, 1])),
            opaque_of(1007, &words(&[1, 1, 1, 1])),
        ];
        let mut octets = datagram_of(&[sample_of(&records), opaque_of(2, &[0; 40]), sample_of(&records)]);
        for (at, value) in changes {
            let at = at % octets.len();
            octets[at] = value;
        }
        let lines = told(&octets);
        prop_assert!(!lines.is_empty() && lines.len() <= 2 + octets.len() / 8);
    }
}
