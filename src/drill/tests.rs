//! Promises of the drill, kept on the frames themselves.

use super::*;
use crate::model::{Ip, Timestamp};
use etherparse::{LaxSlicedPacket, TransportSlice};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What the tests look at of a frame.
struct Seen {
    at: Timestamp,
    from: Ip,
    to: Ip,
    ports: Option<(u16, u16)>,
    tcp: bool,
    syn: bool,
    rst: bool,
    length: u32,
    payload: Vec<u8>,
}

fn short(scenario: Scenario, minutes: u64) -> Plan {
    let mut plan = Plan::new(scenario, 1);
    plan.duration = Duration::from_secs(minutes * 60);
    plan
}

/// All IP frames of a plan; panics on a frame that does not decode.
fn seen(plan: &Plan) -> Vec<Seen> {
    let mut all = Vec::new();
    let mut traffic = frames(plan);
    while let Some(frame) = traffic.next_frame() {
        let packet = LaxSlicedPacket::from_ethernet(frame.octets).unwrap();
        // A frame cut by the snap length is no fault; anything else is.
        if let Some((error, layer)) = &packet.stop_err {
            assert!(
                frame.original_length as usize > frame.octets.len(),
                "{error} in {layer}"
            );
        }
        let (from, to): (Ip, Ip) = match packet.net.as_ref() {
            Some(etherparse::LaxNetSlice::Ipv4(ip)) => {
                let header = ip.header();
                assert_eq!(
                    header.to_header().calc_header_checksum(),
                    header.header_checksum()
                );
                (
                    Ip::from_v4_octets(header.source()),
                    Ip::from_v4_octets(header.destination()),
                )
            }
            Some(etherparse::LaxNetSlice::Ipv6(ip)) => (
                Ip::from_v6_octets(ip.header().source()),
                Ip::from_v6_octets(ip.header().destination()),
            ),
            _ => continue,
        };
        let mut one = Seen {
            at: frame.at,
            from,
            to,
            ports: None,
            tcp: false,
            syn: false,
            rst: false,
            length: frame.original_length,
            payload: Vec::new(),
        };
        match &packet.transport {
            Some(TransportSlice::Tcp(tcp)) => {
                one.ports = Some((tcp.source_port(), tcp.destination_port()));
                (one.tcp, one.syn, one.rst) = (true, tcp.syn() && !tcp.ack(), tcp.rst());
                one.payload = tcp.payload().to_vec();
            }
            Some(TransportSlice::Udp(udp)) => {
                one.ports = Some((udp.source_port(), udp.destination_port()));
                one.payload = udp.payload().to_vec();
            }
            _ => {}
        }
        all.push(one);
    }
    all
}

/// The frames within the incident.
fn within<'a>(all: &'a [Seen], truth: &Truth) -> Vec<&'a Seen> {
    let (start, end) = (truth.start.unwrap(), truth.end.unwrap());
    all.iter().filter(|one| start <= one.at && one.at < end).collect()
}

fn minutes(truth: &Truth) -> f64 {
    truth.end.unwrap().since(truth.start.unwrap()).as_secs_f64() / 60.0
}

fn sources(frames: &[&Seen], to: Ip) -> usize {
    frames
        .iter()
        .filter(|one| one.to == to)
        .map(|one| one.from)
        .collect::<BTreeSet<_>>()
        .len()
}

/// SYN segments a minute to a service.
fn opened(frames: &[&Seen], to: Ip, port: u16, over: f64) -> f64 {
    let syns = frames
        .iter()
        .filter(|one| one.syn && one.to == to && one.ports.is_some_and(|(_, p)| p == port));
    syns.count() as f64 / over
}

fn ip(text: &str) -> Ip {
    text.parse().unwrap()
}

/// FNV-1a over everything a frame is.
fn digest(plan: &Plan) -> (u64, u64) {
    let (mut hash, mut count) = (0xcbf2_9ce4_8422_2325u64, 0);
    let mut traffic = frames(plan);
    while let Some(frame) = traffic.next_frame() {
        count += 1;
        let head = [frame.at.as_nanos() as u64, u64::from(frame.original_length)];
        for octet in head
            .iter()
            .flat_map(|n| n.to_be_bytes())
            .chain(frame.octets.iter().copied())
        {
            hash = (hash ^ u64::from(octet)).wrapping_mul(0x100_0000_01b3);
        }
    }
    (hash, count)
}

#[test]
fn the_same_plan_makes_the_same_octets_and_another_seed_others() {
    for &scenario in Scenario::ALL {
        let plan = short(scenario, 10);
        let other = Plan { seed: 2, ..plan };
        assert_eq!(digest(&plan), digest(&plan), "{scenario}");
        assert_ne!(digest(&plan), digest(&other), "{scenario}");
        assert!(digest(&plan).1 > 1000, "{scenario}");
    }
}

#[test]
fn frames_come_in_time_order_within_the_capture_and_the_snap_length() {
    for &scenario in Scenario::ALL {
        let mut plan = short(scenario, 12);
        plan.snap = 96;
        let mut last = plan.start;
        let mut traffic = frames(&plan);
        while let Some(frame) = traffic.next_frame() {
            assert!(
                last <= frame.at && frame.at < plan.start + plan.duration,
                "{scenario}"
            );
            assert!(frame.octets.len() <= 96 && frame.octets.len() as u32 <= frame.original_length);
            last = frame.at;
        }
        assert!(
            last + Duration::from_secs(20) > plan.start + plan.duration,
            "{scenario} ends early"
        );
    }
}

#[test]
fn the_usual_traffic_keeps_its_volume_and_every_frame_decodes() {
    let all = seen(&short(Scenario::Quiet, 30));
    let per_second = all.len() as f64 / 1800.0;
    assert!((6.0..13.0).contains(&per_second), "{per_second}");
    let mut by_minute = BTreeMap::<_, f64>::new();
    for one in &all {
        *by_minute
            .entry(one.at.floor(Duration::from_secs(60)))
            .or_default() += 1.0;
    }
    let mean = by_minute.values().sum::<f64>() / 30.0;
    assert_eq!(by_minute.len(), 30);
    assert!(
        by_minute.values().all(|n| (0.5 * mean..2.0 * mean).contains(n)),
        "{by_minute:?}"
    );
}

#[test]
fn the_truth_lies_within_the_capture_and_its_actors_take_part() {
    for &scenario in Scenario::ALL {
        let plan = Plan::new(scenario, 1);
        let truth = truth(&plan);
        assert_eq!(truth.kind.is_none(), scenario == Scenario::Quiet);
        let (Some(start), Some(end)) = (truth.start, truth.end) else {
            continue;
        };
        assert!(plan.start < start && start < end && end <= plan.start + plan.duration);
        if !matches!(scenario, Scenario::Beacon | Scenario::ScanSlow) {
            assert!(
                end + Duration::from_secs(540) <= plan.start + plan.duration,
                "{scenario}"
            );
        }
        let all = seen(&plan);
        let mut within = within(&all, &truth);
        if scenario == Scenario::Failover {
            // Where load moved away from, nothing is left meanwhile.
            within = all.iter().collect();
        }
        let here: BTreeSet<Ip> = within.iter().flat_map(|one| [one.from, one.to]).collect();
        for actor in truth.attackers.iter().chain(&truth.victims) {
            assert!(here.contains(actor), "{scenario}: {actor} takes no part");
        }
        let json = serde_json::to_value(&truth).unwrap();
        assert_eq!(json["start"], start.to_string(), "{scenario}");
    }
}

#[test]
fn dns_answers_map_the_names_in_client_hellos() {
    let all = seen(&Plan::new(Scenario::Exfiltration, 1));
    // Labels of a name, as they stand in a message, with the IPv4 addresses that answers gave it.
    let mut answers = BTreeMap::<Vec<u8>, BTreeSet<Vec<u8>>>::new();
    for dns in all
        .iter()
        .filter(|one| !one.tcp && one.ports.is_some_and(|(from, _)| from == 53))
    {
        let end = 12 + dns.payload[12..].iter().position(|octet| *octet == 0).unwrap();
        if dns.payload[end + 2] == 1 && dns.payload[7] == 1 {
            let address = dns.payload[dns.payload.len() - 4..].to_vec();
            answers
                .entry(dns.payload[12..end].to_vec())
                .or_default()
                .insert(address);
        }
    }
    let mut mapped = 0;
    for one in &all {
        let hello = one.payload.starts_with(&[22, 3, 1]) && one.ports.is_some_and(|(_, to)| to == 443);
        let Some(address) = one.to.as_v4().filter(|_| hello) else {
            continue;
        };
        let length = usize::from(u16::from_be_bytes([one.payload[63], one.payload[64]]));
        let name = &one.payload[65..65 + length];
        let labels = name.split(|octet| *octet == b'.');
        let labels: Vec<u8> = labels.flat_map(|l| [&[l.len() as u8], l].concat()).collect();
        if let Some(known) = answers.get(&labels) {
            assert!(
                known.contains(&address.to_be_bytes().to_vec()),
                "{}",
                String::from_utf8_lossy(name)
            );
            mapped += 1;
        }
    }
    assert!(mapped > 150, "{mapped}");
}

#[test]
fn the_rate_limit_is_passed_after_seventy_percent_of_it() {
    let plan = Plan::new(Scenario::RateLimit, 1);
    let truth = truth(&plan);
    let all = seen(&plan);
    let mut calls = BTreeMap::<Timestamp, u32>::new();
    for one in all.iter().filter(|one| one.syn && one.to == ip("203.0.113.10")) {
        *calls.entry(one.at.floor(Duration::from_secs(60))).or_default() += 1;
    }
    let first = |n| *calls.iter().find(|(_, calls)| **calls >= n).unwrap().0;
    let between = first(600).since(first(420)).as_secs();
    assert!((60..=180).contains(&between), "{between}: {calls:?}");
    assert!(
        calls
            .iter()
            .all(|(at, n)| *n < 20 || *at + Duration::from_secs(60) > truth.start.unwrap())
    );
    let resets = within(&all, &truth)
        .iter()
        .filter(|one| one.rst && one.from == ip("203.0.113.10"))
        .count();
    assert!(resets > 50, "{resets}");
}

#[test]
fn the_load_spike_is_nine_times_the_usual_and_mostly_of_one_prefix() {
    let plan = Plan::new(Scenario::LoadSpike, 1);
    let truth = truth(&plan);
    let all = seen(&plan);
    let web = ip("10.20.10.80");
    let usual: Vec<&Seen> = all.iter().filter(|one| one.at < truth.start.unwrap()).collect();
    let spike = within(&all, &truth);
    let ratio = opened(&spike, web, 443, minutes(&truth)) / opened(&usual, web, 443, 40.0);
    assert!((7.5..11.5).contains(&ratio), "{ratio}");
    let from = |prefix: bool| {
        spike
            .iter()
            .filter(|one| {
                one.to == web && one.syn && (!prefix || truth.attacker_networks[0].contains(one.from))
            })
            .count() as f64
    };
    assert!(from(true) / from(false) > 0.7);
}

#[test]
fn fan_in_raises_one_port_and_empties_the_other() {
    let plan = Plan::new(Scenario::FanIn, 1);
    let truth = truth(&plan);
    let all = seen(&plan);
    let node = ip("10.20.10.40");
    let usual: Vec<&Seen> = all.iter().filter(|one| one.at < truth.start.unwrap()).collect();
    let spike = within(&all, &truth);
    let reports = |frames: &[&Seen], over: f64| {
        frames
            .iter()
            .filter(|one| one.to == node && one.ports.is_some_and(|(_, p)| p == 20_012))
            .count() as f64
            / over
    };
    assert!((48.0..52.0).contains(&reports(&usual, 40.05)));
    assert!(reports(&spike, minutes(&truth)) < 4.0);
    assert!((180.0..260.0).contains(&opened(&spike, node, 14_999, minutes(&truth))));
    assert!((3.0..7.0).contains(&opened(&usual, node, 14_999, 40.0)));
    assert!(sources(&spike, node) >= 50);
}

#[test]
fn the_stranger_is_new_and_shares_its_crowd_with_nat_and_proxy() {
    let plan = Plan::new(Scenario::Stranger, 1);
    let truth = truth(&plan);
    let all = seen(&plan);
    let stranger = truth.victims[0];
    assert!(
        all.iter()
            .all(|one| one.from != stranger || one.at >= truth.start.unwrap())
    );
    let crowd: BTreeSet<Ip> = truth.attackers.iter().copied().collect();
    for victim in &truth.victims {
        let reached: BTreeSet<Ip> = within(&all, &truth)
            .iter()
            .filter(|one| one.to == *victim)
            .map(|one| one.from)
            .collect();
        assert!(
            reached.intersection(&crowd).count() * 10 > crowd.len() * 9,
            "{victim}"
        );
    }
    let longest = all
        .iter()
        .filter(|one| one.from == stranger && one.ports.is_some_and(|(_, p)| p == 3333));
    let times: Vec<Timestamp> = longest.map(|one| one.at).collect();
    assert!(times[times.len() - 1].since(times[0]) > Duration::from_secs(200));
}

#[test]
fn floods_scans_and_guesses_have_their_rates() {
    let rate = |scenario, to: &str, port| {
        let plan = Plan::new(scenario, 1);
        let truth = truth(&plan);
        let all = seen(&plan);
        opened(&within(&all, &truth), ip(to), port, minutes(&truth))
    };
    assert!((7000.0..7500.0).contains(&rate(Scenario::SynFlood, "10.20.10.80", 443)));
    assert!((230.0..250.0).contains(&rate(Scenario::BruteForce, "10.20.10.90", 22)));
    let tried = |scenario| {
        let plan = Plan::new(scenario, 1);
        let truth = truth(&plan);
        let all = seen(&plan);
        let syns = within(&all, &truth)
            .into_iter()
            .filter(|one| one.syn && one.from == truth.attackers[0]);
        let tried: BTreeSet<_> = syns
            .map(|one| (one.to, one.ports))
            .map(|(to, ports)| (to, ports.unwrap().1))
            .collect();
        let hosts: BTreeSet<Ip> = tried.iter().map(|(to, _)| *to).collect();
        (hosts.len(), tried.len())
    };
    assert!(tried(Scenario::ScanHorizontal).0 >= 890);
    let (_, ports) = tried(Scenario::ScanVertical);
    assert!((990..=1000).contains(&ports), "{ports}");
}

#[test]
fn reflected_answers_were_never_asked_for() {
    let plan = Plan::new(Scenario::Reflection, 1);
    let truth = truth(&plan);
    let all = seen(&plan);
    let reflectors: BTreeSet<Ip> = truth.attackers.iter().copied().collect();
    assert!(
        all.iter()
            .all(|one| one.from != truth.victims[0] || !reflectors.contains(&one.to))
    );
    let octets: u32 = within(&all, &truth)
        .iter()
        .filter(|one| reflectors.contains(&one.from))
        .map(|one| one.length)
        .sum();
    assert!(f64::from(octets) / minutes(&truth) > 2e6);
}

#[test]
fn leaks_are_large_or_regular() {
    let plan = Plan::new(Scenario::Exfiltration, 1);
    let truth_of_leak = truth(&plan);
    let all = seen(&plan);
    let sent: u64 = all
        .iter()
        .filter(|one| one.to == truth_of_leak.victims[0])
        .map(|one| u64::from(one.length))
        .sum();
    assert!(sent as f64 / minutes(&truth_of_leak) > 50e6, "{sent}");
    let plan = Plan::new(Scenario::Beacon, 1);
    let control = truth(&plan).victims[0];
    let beats: Vec<Timestamp> = seen(&plan)
        .iter()
        .filter(|one| one.syn && one.to == control)
        .map(|one| one.at)
        .collect();
    assert!(beats.len() >= 39);
    assert!(
        beats
            .windows(2)
            .all(|pair| (57..=63).contains(&pair[1].since(pair[0]).as_secs()))
    );
}

#[test]
fn the_database_falls_silent_and_returns() {
    let plan = Plan::new(Scenario::Outage, 1);
    let truth = truth(&plan);
    let all = seen(&plan);
    let database = truth.victims[0];
    let answers = |frames: &[&Seen]| {
        frames
            .iter()
            .filter(|one| one.tcp && one.from == database && one.ports.is_some_and(|(p, _)| p == 5432))
            .count()
    };
    assert_eq!(answers(&within(&all, &truth)), 0);
    assert!(opened(&within(&all, &truth), database, 5432, minutes(&truth)) > 15.0);
    let after: Vec<&Seen> = all.iter().filter(|one| one.at > truth.end.unwrap()).collect();
    assert!(answers(&after) > 300);
}

#[test]
fn names_of_scenarios_are_read_as_they_are_written() {
    for scenario in Scenario::ALL {
        assert_eq!(scenario.to_string().parse::<Scenario>().unwrap(), *scenario);
    }
    let error = "storm".parse::<Scenario>().unwrap_err().to_string();
    assert!(
        error.starts_with("`storm` is no scenario; there are rate-limit, "),
        "{error}"
    );
}
