//! Promises of the Collecting Process: messages in, Flow Records as text out.

use super::samples::*;
use super::{Config, Memory};
use crate::model::{EndReason, Handshake, Ip, Transport};
use proptest::prelude::*;
use std::time::Duration;

/// The address pair, ports, counters and times of NetFlow v9.
const ORDINARY: [Said; 9] = [
    PAIR[0],
    PAIR[1],
    (0, 7, 2, 40000),
    (0, 11, 2, 443),
    (0, 4, 1, 6),
    (0, 1, 4, 700),
    (0, 2, 4, 7),
    (0, 22, 4, UPTIME as u128 - 5000),
    (0, 21, 4, UPTIME as u128 - 1000),
];
const ORDINARY_SAID: &str = "10.0.0.1:40000 10.0.0.2:443 6 7p 700b -5.000..-1.000 /1";

fn template(version: u16, id: u16, fields: &[Said]) -> Vec<u8> {
    templates(version, false, &definition(version, id, fields, None))
}

fn scene() -> Scene {
    Scene::new(Config::default())
}

#[test]
fn fixed_records_say_what_cisco_wrote_into_them() {
    for version in [5, 7] {
        let mut scene = scene();
        assert_eq!(
            scene.send(&fixed(version, 0, 0, 2)),
            [ORDINARY_SAID; 2],
            "{version}"
        );
        let flow = scene.taken.last.take().unwrap();
        let export = flow.export.unwrap();
        assert_eq!((export.in_if, export.out_if, flow.tcp_flags.0), (3, 4, 0x18));
        assert_eq!((export.src_as, export.dst_as), (64500, 64501));
        assert_eq!((export.src_mask, export.dst_mask), (24, 16));
        assert_eq!(export.next_hop, Some(Ip::v4(0xc000_0201)));
        assert_eq!(export.domain, if version == 5 { 0x102 } else { 0 });
        assert_eq!(flow.end_reason, EndReason::Unknown);
    }
}

#[test]
fn the_sampling_mode_of_a_v5_header_is_no_part_of_the_rate() {
    let flows = scene().send(&fixed(5, 0, 0x4000 | 100, 1));
    assert_eq!(flows, [ORDINARY_SAID.replace("/1", "/100")]);
}

#[test]
fn a_template_and_its_data_may_share_a_message() {
    assert_eq!(scene().send(&both(9, &ORDINARY)), [ORDINARY_SAID]);
    // IPFIX has no uptime in its header: what ends last ends at export.
    let told = scene().send(&both(10, &ORDINARY));
    assert_eq!(told, ["10.0.0.1:40000 10.0.0.2:443 6 7p 700b -4.000..0.000 /1"]);
}

#[test]
fn data_waits_for_its_template_and_keeps_the_clock_of_its_message() {
    let mut scene = scene();
    let data = set(256, &record(&ORDINARY));
    assert_eq!(scene.send(&message(9, 0, 1, &[data])), [""; 0]);
    scene.wait(Duration::from_secs(60));
    let late = stamped(
        9,
        1,
        1,
        (NOW + 60, UPTIME + 60_000),
        &[template(9, 256, &ORDINARY)],
    );
    assert_eq!(scene.send(&late), [ORDINARY_SAID]);
    let account = scene.account();
    assert_eq!(
        (account.untemplated, account.recovered, account.given_up),
        (1, 1, 0)
    );
}

#[test]
fn what_waits_too_long_or_is_too_much_is_given_up() {
    let mut scene = Scene::new(Config {
        waiting_limit: 1000,
        ..Config::default()
    });
    for sequence in 0..20 {
        scene.send(&message(9, sequence, 1, &[set(256, &record(&ORDINARY))]));
    }
    let before = scene.account();
    assert_eq!(before.untemplated, 20);
    assert!(before.given_up > 10, "{before:?}");
    assert_eq!(scene.taken.faults.len() as u64, before.given_up);
    scene.wait(Duration::from_secs(3600));
    assert_eq!(scene.account().given_up, 20);
}

#[test]
fn a_template_serves_other_ports_of_its_exporter_but_no_other_domain() {
    let mut scene = scene();
    let data = |domain| message(9, 1, domain, &[set(256, &record(&ORDINARY))]);
    let exporter = Ip::v4(0xc000_0201);
    scene.send_from(exporter, 1000, &message(9, 0, 1, &[template(9, 256, &ORDINARY)]));
    assert_eq!(scene.send_from(exporter, 2000, &data(1)), [ORDINARY_SAID]);
    assert_eq!(scene.account().borrowed, 1);
    assert_eq!(scene.send_from(exporter, 1000, &data(2)), [""; 0]);
    assert_eq!(scene.send_from(Ip::v4(9), 1000, &data(1)), [""; 0]);
}

#[test]
fn values_of_unknown_makers_and_of_variable_length_are_passed_over() {
    let mut fields = vec![(4242, 7, 65535, 123), (0, 291, 65535, 99_999), (4242, 8, 300, 0)];
    fields.extend(ORDINARY);
    fields.push((0, 96, 65535, 1));
    let flow = said(10, &fields);
    assert_eq!((flow.key.src_port, flow.bytes, flow.packets), (40000, 700, 7));
}

#[test]
fn a_length_of_three_octets_is_passed_over_too() {
    let fields = [PAIR[0], (0, 82, 65535, 0), PAIR[1]];
    let long = [
        &record(&PAIR[..1])[..],
        &[255, 1, 44],
        &[1; 300],
        &record(&PAIR[1..]),
    ]
    .concat();
    let sets = [
        template(10, 256, &fields),
        set(256, &[long.clone(), long].concat()),
    ];
    assert_eq!(scene().send(&message(10, 0, 1, &sets)).len(), 2);
}

#[test]
fn both_directions_are_known_by_any_of_their_names() {
    for (version, forward, back) in [
        (
            10,
            [(0, 1, 4, 70), (0, 2, 4, 7)],
            [(29305, 1, 4, 50), (29305, 2, 4, 5)],
        ),
        (
            9,
            [(0, 231, 4, 70), (0, 298, 4, 7)],
            [(0, 232, 4, 50), (0, 299, 4, 5)],
        ),
        (9, [(0, 1, 4, 70), (0, 2, 4, 7)], [(0, 23, 4, 50), (0, 24, 4, 5)]),
    ] {
        let flow = said(version, &[&PAIR[..], &forward, &back].concat());
        let reverse = flow.reverse.unwrap();
        assert_eq!((flow.bytes, flow.packets), (70, 7), "{back:?}");
        assert_eq!((reverse.bytes, reverse.packets), (50, 5), "{back:?}");
        assert_eq!((flow.handshake, flow.initiator), (Handshake::Answered, true));
    }
}

#[test]
fn octets_on_the_way_out_stand_in_for_none_on_the_way_in() {
    let out = [(0, 1, 4, 0), (0, 2, 4, 0), (0, 23, 4, 50), (0, 24, 4, 5)];
    let flow = said(9, &[&PAIR[..], &out].concat());
    assert_eq!((flow.bytes, flow.packets, flow.reverse), (50, 5, None));
}

#[test]
fn icmp_type_and_code_stand_in_the_destination_port() {
    for (protocol, fields) in [
        (1, vec![(0, 32, 2, 0x0301)]),
        (58, vec![(0, 139, 2, 0x0301)]),
        (1, vec![(0, 176, 1, 3), (0, 177, 1, 1)]),
        (58, vec![(0, 178, 1, 3), (0, 179, 1, 1)]),
        (1, vec![(0, 7, 2, 99), (0, 11, 2, 0x0301)]),
    ] {
        let flow = said(10, &[&PAIR[..], &[(0, 4, 1, protocol)], &fields].concat());
        assert_eq!((flow.key.src_port, flow.key.dst_port), (0, 0x0301), "{fields:?}");
    }
}

#[test]
fn fields_beyond_the_key_are_told() {
    let flow = said(
        10,
        &[
            &PAIR[..],
            &[
                (0, 6, 2, 0x0112),
                (0, 58, 2, 77),
                (0, 70, 3, 0x12345 << 4 | 1),
                (0, 136, 1, 2),
            ],
            &[
                (0, 10, 4, 5),
                (0, 14, 2, 6),
                (0, 233, 1, 2),
                (0, 61, 1, 1),
                (0, 5, 1, 0xb8),
            ],
            &[(0, 225, 4, 0xcb00_7101), (0, 227, 2, 50000), (0, 62, 16, 7)],
        ]
        .concat(),
    );
    let export = flow.export.unwrap();
    assert_eq!(
        (flow.tcp_flags.0, flow.vlan, export.mpls_label),
        (0x12, 77, 0x12345)
    );
    assert_eq!(flow.end_reason, EndReason::ActiveTimeout);
    assert_eq!((export.in_if, export.out_if, export.event), (5, 6, 2));
    assert_eq!(
        (export.direction, export.tos, export.nat_src_port),
        (Some(1), 0xb8, 50000)
    );
    assert_eq!(export.nat_src, Some(Ip::v4(0xcb00_7101)));
    assert_eq!(export.next_hop, Some(Ip::from_bits(7)));
}

/// A start of 5 s and an end of 1 s before export, in each form.
#[test]
fn times_are_read_in_whatever_form() {
    let (s, e) = (u128::from(NOW) - 5, u128::from(NOW) - 1);
    let ntp = |at: u128| (at + 2_208_988_800) << 32;
    for (version, fields) in [
        (
            9,
            vec![
                (0, 22, 4, u128::from(UPTIME) - 5000),
                (0, 21, 4, u128::from(UPTIME) - 1000),
            ],
        ),
        (10, vec![(0, 150, 4, s), (0, 151, 4, e)]),
        (10, vec![(0, 152, 8, s * 1000), (0, 153, 8, e * 1000)]),
        (10, vec![(0, 154, 8, ntp(s)), (0, 155, 8, ntp(e))]),
        (10, vec![(0, 156, 8, ntp(s)), (0, 157, 8, ntp(e))]),
        (10, vec![(0, 154, 8, s * 1_000_000), (0, 155, 8, e * 1_000_000)]),
        (10, vec![(0, 158, 4, 5_000_000), (0, 159, 4, 1_000_000)]),
        (10, vec![(0, 152, 8, s * 1000), (0, 161, 4, 4000)]),
        (10, vec![(0, 153, 8, e * 1000), (0, 162, 4, 4_000_000)]),
        (10, vec![(0, 152, 8, s * 1000), (0, 323, 8, e * 1000)]),
        (10, vec![(0, 160, 8, s * 1000), (0, 22, 4, 0), (0, 21, 4, 4000)]),
        // The finer of two forms.
        (
            10,
            vec![(0, 150, 4, 1), (0, 152, 8, s * 1000), (0, 153, 8, e * 1000)],
        ),
    ] {
        let flows = scene().send(&both(version, &[&PAIR[..], &fields].concat()));
        assert_eq!(
            flows,
            ["10.0.0.1:0 10.0.0.2:0 0 0p 0b -5.000..-1.000 /1"],
            "{fields:?}"
        );
    }
    let flows = scene().send(&both(10, &PAIR));
    assert_eq!(
        flows,
        ["10.0.0.1:0 10.0.0.2:0 0 0p 0b 0.000..0.000 /1"],
        "no times"
    );
}

#[test]
fn times_across_the_wrap_of_the_uptime_are_right() {
    let fields = [
        PAIR[0],
        PAIR[1],
        (0, 22, 4, u128::from(u32::MAX) - 1999),
        (0, 21, 4, 1000),
    ];
    let sets = [template(9, 256, &fields), set(256, &record(&fields))];
    let flows = scene().send(&stamped(9, 0, 1, (NOW, 3000), &sets));
    assert_eq!(flows, ["10.0.0.1:0 10.0.0.2:0 0 0p 0b -5.000..-2.000 /1"]);
}

#[test]
fn times_that_cannot_be_are_corrected_and_counted() {
    let now = u128::from(NOW);
    for (start, end, told, counted) in [
        (now - 1, now - 5, "-5.000..-5.000", 1),
        (now - 200_000, now - 1, "-86401.000..-1.000", 1),
        (now + 4000, now + 4010, "-10.000..0.000", 1),
        (1, 5, "-4.000..0.000", 1),
        (now, now + 3, "0.000..3.000", 0),
    ] {
        let mut scene = scene();
        let fields = [PAIR[0], PAIR[1], (0, 150, 4, start), (0, 151, 4, end)];
        let flows = scene.send(&both(10, &fields));
        assert_eq!(flows, [format!("10.0.0.1:0 10.0.0.2:0 0 0p 0b {told} /1")]);
        assert_eq!(scene.account().corrected, counted, "{told}");
    }
}

#[test]
fn records_of_a_clock_that_is_off_are_shifted_to_their_arrival() {
    let mut scene = scene();
    let sets = [template(9, 256, &ORDINARY), set(256, &record(&ORDINARY))];
    let flows = scene.send(&stamped(9, 0, 1, (NOW - 7200, UPTIME), &sets));
    assert_eq!(flows, [ORDINARY_SAID]);
    let account = scene.account();
    assert_eq!((account.skewed, account.clock_offset), (1, 7_200_000_000_000));
    assert_eq!(account.lateness, 1_000_000_000);
}

#[test]
fn sampling_rates_come_from_the_record_its_sampler_its_domain_or_the_configuration() {
    let rate = |options: &[Said], own: &[Said]| {
        let mut scene = Scene::new(Config {
            sampling: [(Ip::v4(0xc000_0201), 9)].into(),
            ..Config::default()
        });
        if !options.is_empty() {
            let defined = templates(9, true, &definition(9, 300, options, Some(1)));
            scene.send(&message(9, 0, 1, &[defined, set(300, &record(options))]));
        }
        scene.send(&both(9, &[&PAIR[..], own].concat()));
        scene.taken.last.unwrap().sampling_rate
    };
    let scope = (0, 1, 4, 0);
    assert_eq!(rate(&[], &[]), 9);
    assert_eq!(rate(&[scope, (0, 34, 4, 100), (0, 35, 1, 1)], &[]), 100);
    assert_eq!(
        rate(&[scope, (0, 48, 1, 3), (0, 50, 4, 200)], &[(0, 48, 1, 3)]),
        200
    );
    assert_eq!(
        rate(&[scope, (0, 48, 1, 3), (0, 50, 4, 200)], &[(0, 48, 1, 4)]),
        200,
        "the only one"
    );
    assert_eq!(
        rate(
            &[(0, 302, 8, 3), (0, 305, 4, 1), (0, 306, 4, 999)],
            &[(0, 302, 8, 3)]
        ),
        1000
    );
    assert_eq!(rate(&[scope, (0, 309, 4, 2), (0, 310, 4, 100)], &[]), 50);
    assert_eq!(rate(&[scope, (0, 34, 4, 100)], &[(0, 34, 4, 7)]), 7);
}

#[test]
fn templates_are_withdrawn_one_by_one_or_all_at_once() {
    let data = message(10, 0, 1, &[set(256, &record(&ORDINARY))]);
    for (withdrawal, left) in [(256, 0), (2, 0), (257, 1), (3, 1)] {
        let mut scene = scene();
        scene.send(&message(10, 0, 1, &[template(10, 256, &ORDINARY)]));
        let id = if withdrawal == 3 { 3 } else { 2 };
        scene.send(&message(10, 0, 1, &[set(id, &number(withdrawal << 16, 4))]));
        assert_eq!(scene.send(&data).len(), left, "{withdrawal}");
        assert_eq!(scene.account().templates, left as u64);
    }
}

#[test]
fn templates_that_are_not_renewed_are_forgotten() {
    let mut scene = scene();
    let hour = Duration::from_secs(3600);
    scene.send(&message(9, 0, 1, &[template(9, 256, &ORDINARY)]));
    scene.wait(2 * hour);
    scene.send(&message(9, 1, 1, &[template(9, 256, &ORDINARY)]));
    scene.wait(2 * hour);
    assert_eq!(scene.account().templates, 1);
    scene.wait(2 * hour);
    assert_eq!(scene.account().templates, 0);
}

#[test]
fn templates_of_a_stream_end_with_it() {
    let mut scene = scene();
    scene.transport = Transport::Tcp;
    scene.send(&both(10, &ORDINARY));
    scene.wait(Duration::from_secs(24 * 3600));
    assert_eq!(scene.account().templates, 1, "they need no renewal");
    scene.collector.close(Ip::v4(0xc000_0201), 2055, 4739);
    assert_eq!(scene.account().templates, 0);
}

#[test]
fn a_template_defined_anew_replaces_the_old_one() {
    let mut scene = scene();
    scene.send(&both(9, &ORDINARY));
    let swapped = [ORDINARY[1], ORDINARY[0]];
    let told = scene.send(&both(9, &swapped));
    assert_eq!(told, ["10.0.0.1:0 10.0.0.2:0 0 0p 0b 0.000..0.000 /1"]);
    assert_eq!(scene.account().templates, 1);
}

#[test]
fn gaps_in_the_sequence_are_counted_in_the_units_of_the_protocol() {
    let ipfix = |sequence| message(10, sequence, 1, &[set(256, &record(&ORDINARY).repeat(2))]);
    let mut scene = scene();
    scene.send(&message(10, 0, 1, &[template(10, 256, &ORDINARY)]));
    for sequence in [0, 2, 7] {
        scene.send(&ipfix(sequence));
    }
    assert_eq!((scene.account().lost, scene.account().records), (3, 6));
    let mut scene = self::scene();
    for sequence in [0, 3, 10, 3] {
        scene.send(&fixed(5, sequence, 0, 3));
    }
    assert_eq!((scene.account().lost, scene.account().reordered), (4, 1));
}

#[test]
fn a_bad_set_costs_that_set_only() {
    let good = [template(9, 256, &ORDINARY), set(256, &record(&ORDINARY))].concat();
    for (bad, told) in [
        (set(9, &[1; 8]), "malformed_set"),
        (templates(9, false, &[1, 0, 0, 9, 0, 1]), "bad_template"),
        (
            templates(9, false, &definition(9, 200, &ORDINARY, None)),
            "bad_template",
        ),
        (
            templates(9, false, &definition(9, 300, &[(0, 8, 0, 0)], None)),
            "bad_template",
        ),
    ] {
        let mut scene = scene();
        let flows = scene.send(&message(9, 0, 1, &[bad, good.clone()]));
        assert_eq!(flows, [ORDINARY_SAID]);
        assert_eq!(scene.taken.faults.len(), 1);
        assert!(
            scene.taken.faults[0].starts_with(told),
            "{:?}",
            scene.taken.faults
        );
    }
    let mut scene = scene();
    let flows = scene.send(&message(9, 0, 1, &[good, vec![1, 0, 0, 3, 9, 9, 9, 9]]));
    assert_eq!(
        (flows.len(), scene.taken.faults.len()),
        (1, 1),
        "a length below the header's"
    );
}

#[test]
fn padding_is_no_record_and_a_wrong_count_is_not_believed() {
    let padded = [record(&ORDINARY), vec![0; 3]].concat();
    let mut octets = message(9, 0, 1, &[template(9, 256, &ORDINARY), set(256, &padded)]);
    octets[3] = 99;
    let mut scene = scene();
    assert_eq!(scene.send(&octets), [ORDINARY_SAID]);
    assert_eq!(scene.taken.faults, [""; 0]);
}

#[test]
fn what_has_no_address_pair_is_no_flow() {
    let mut scene = scene();
    assert_eq!(scene.send(&both(9, &[PAIR[0], (0, 1, 4, 99)])), [""; 0]);
    assert_eq!((scene.account().options, scene.account().records), (1, 0));
}

#[test]
fn a_raw_section_gives_the_key_and_the_counters() {
    let packet: u128 = 0x4500_001c_0001_0000_4011_0000_c000_0201;
    let rest: u128 = 0xc000_0202_3039_0035_0008_0000;
    for (element, link) in [(313, vec![]), (315, vec![2; 12]), (104, vec![2; 12])] {
        let mut octets = link.clone();
        if !link.is_empty() {
            octets.extend([8, 0]);
        }
        octets.extend([number(packet, 16), number(rest, 12)].concat());
        let field = [(0, element, octets.len() as u16, 0)];
        let sets = [template(10, 256, &field), set(256, &octets)];
        let flows = scene().send(&message(10, 0, 1, &sets));
        assert_eq!(flows, ["192.0.2.1:12345 192.0.2.2:53 17 1p 28b 0.000..0.000 /1"]);
    }
}

#[test]
fn what_was_learned_survives_a_restart() {
    let mut before = scene();
    let options = [(0, 1, 4, 0), (0, 34, 4, 100)];
    let defined = templates(9, true, &definition(9, 300, &options, Some(1)));
    before.send(&message(9, 0, 1, &[defined, set(300, &record(&options))]));
    before.send(&both(9, &ORDINARY));
    let kept = postcard::to_allocvec(&before.collector.snapshot()).unwrap();
    let kept: Memory = postcard::from_bytes(&kept).unwrap();
    assert_eq!(kept, before.collector.snapshot());
    let mut after = scene();
    after.collector.restore(kept);
    let flows = after.send(&message(9, 1, 1, &[set(256, &record(&ORDINARY))]));
    assert_eq!(flows, [ORDINARY_SAID.replace("/1", "/100")]);
    assert_eq!(after.account().templates, 2);
    assert_eq!(after.account().messages, 3);
}

#[test]
fn floods_of_exporters_templates_fields_and_domains_stay_bounded() {
    let mut scene = Scene::new(Config {
        exporter_limit: 3,
        template_limit: 10,
        field_limit: 20,
        ..Config::default()
    });
    for n in 0..100 {
        scene.send_from(Ip::v4(n), 1, &fixed(5, 0, 0, 1));
    }
    assert_eq!(scene.collector.accounts().count(), 3);
    assert_eq!(scene.collector.others().messages, 97);
    let exporter = Ip::v4(1);
    for id in 256..400 {
        scene.send_from(exporter, 1, &message(9, 0, 1, &[template(9, id, &ORDINARY)]));
    }
    let many = vec![(0, 999, 1, 0); 5000];
    scene.send_from(exporter, 1, &message(9, 0, 1, &[template(9, 256, &many)]));
    for domain in 0..5000 {
        scene.send_from(exporter, 1, &message(9, 0, domain, &[]));
    }
    let account = *scene.collector.accounts().nth(1).unwrap().1;
    assert!(account.templates <= 10, "{account:?}");
    assert!(account.faults > 3000, "{account:?}");
    assert!(scene.collector.memory() < 4 << 20, "{}", scene.collector.memory());
    // Known exporters are still read.
    assert_eq!(scene.send_from(Ip::v4(0), 1, &fixed(5, 1, 0, 1)).len(), 1);
}

#[test]
fn messages_that_speak_no_known_language_are_named() {
    for (octets, told) in [
        (vec![], "unknown_version"),
        (vec![0, 1, 2, 3], "unknown_version"),
        (vec![0, 9, 2, 3], "cut_message"),
    ] {
        let mut scene = scene();
        scene.send(&octets);
        assert!(scene.taken.faults[0].starts_with(told), "{octets:?}");
        assert_eq!(scene.collector.accounts().count(), 0);
        assert_eq!(scene.collector.others().faults, 1);
    }
}

/// Messages of every kind.
fn kinds() -> Vec<Vec<u8>> {
    let options = [(0, 1, 4, 0), (0, 48, 1, 1), (0, 50, 4, 10)];
    let variable = [&PAIR[..], &[(4242, 1, 65535, 77), (0, 315, 65535, 5)]].concat();
    let defined = templates(10, true, &definition(10, 300, &options, Some(1)));
    vec![
        fixed(5, 0, 0, 2),
        fixed(7, 0, 0, 2),
        both(9, &ORDINARY),
        both(10, &variable),
        message(
            10,
            0,
            1,
            &[defined, set(300, &record(&options)), set(2, &[1, 0, 0, 0])],
        ),
    ]
}

#[test]
fn messages_cut_at_any_octet_or_with_any_octet_flipped_do_no_harm() {
    for octets in kinds() {
        let mut scene = scene();
        for end in 0..octets.len() {
            scene.send(&octets[..end]);
            for flip in [1, 0x80, 0xff] {
                let mut flipped = octets.clone();
                flipped[end] ^= flip;
                scene.send(&flipped);
            }
        }
        // Others are read as ever.
        let told = scene.send_from(Ip::v4(77), 1, &both(9, &ORDINARY));
        assert_eq!(told, [ORDINARY_SAID]);
    }
}

proptest! {
    #[test]
    fn any_octets_are_read_without_harm_and_within_bounds(
        start in 0..5usize,
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20),
    ) {
        let mut scene = Scene::new(Config { template_limit: 8, waiting_limit: 4096, ..Config::default() });
        let starts: [&[u8]; 5] = [&[0, 5], &[0, 7], &[0, 9], &[0, 10], &[0, 10, 1, 0]];
        for tail in &messages {
            scene.send(&[starts[start], tail].concat());
            for kind in kinds() {
                let spoiled: Vec<u8> = kind.iter().zip(tail.iter().chain([&0; 400])).map(|(a, b)| a ^ (b & 1)).collect();
                scene.send(&spoiled);
            }
            scene.wait(Duration::from_secs(100));
        }
        prop_assert!(scene.collector.memory() < 1 << 20);
    }
}
