//! Drills of what shows in single events rather than in a series, and of load that moves: each is found, named and placed.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Case, is_at};
use std::time::Duration;
use tidemark::drill::{Plan, Scenario};
use tidemark::model::{Anomaly, Kind};

const MINUTE: Duration = Duration::from_secs(60);

/// What is called `kind` at an actor of a drill, said within `minutes` of the start of the incident.
#[track_caller]
fn found(scenario: Scenario, seed: u64, kind: Kind, minutes: u32) -> (Case, Anomaly) {
    let case = Case::planned(&Plan::new(scenario, seed));
    let actors: Vec<_> = case
        .truth
        .attackers
        .iter()
        .chain(&case.truth.victims)
        .copied()
        .collect();
    let (from, to) = (case.start() - MINUTE, case.start() + MINUTE * minutes);
    let promise = format!("{scenario} of seed {seed} is called {kind} within {minutes} minutes");
    let anomaly = case.find(&promise, |a| {
        a.kind == kind && actors.iter().any(|ip| is_at(a, *ip)) && a.started_at >= from && a.detected_at <= to
    });
    let anomaly = anomaly.clone();
    (case, anomaly)
}

#[test]
fn a_beacon_is_found_with_its_pace() {
    for seed in [1, 2] {
        let (case, beacon) = found(Scenario::Beacon, seed, Kind::Beacon, 14);
        let pace = ["every 60 s", "every 1 min"];
        assert!(
            pace.iter().any(|pace| beacon.text.contains(pace)),
            "{}",
            beacon.text
        );
        assert!(is_at(&beacon, case.truth.victims[0]), "{}", case.told());
        assert_eq!(beacon.ended_at, None, "it goes on to the end\n{}", case.told());
        let others = case.anomalies.iter().filter(|a| a.kind == Kind::Beacon).count();
        assert_eq!(others, 1, "nothing else keeps a pace\n{}", case.told());
    }
}

#[test]
fn a_tunnel_through_the_dns_is_found_with_its_domain() {
    for seed in [1, 2] {
        let (case, tunnel) = found(Scenario::DnsTunnel, seed, Kind::DnsTunnel, 3);
        assert!(
            tunnel.text.contains("under files-sync.example"),
            "{}",
            tunnel.text
        );
        assert!(is_at(&tunnel, case.truth.attackers[0]) || is_at(&tunnel, case.truth.victims[0]));
    }
}

#[test]
fn a_miner_is_found_by_its_first_words() {
    for seed in [1, 2] {
        let (case, mining) = found(Scenario::Mining, seed, Kind::Mining, 1);
        assert!(mining.text.contains("stratum"), "{}", mining.text);
        assert!(is_at(&mining, case.truth.victims[0]));
    }
}

#[test]
fn a_new_service_is_found_where_new_ones_are_rare() {
    for seed in [1, 2] {
        let (case, service) = found(Scenario::NewService, seed, Kind::NewService, 2);
        assert!(
            is_at(&service, case.truth.victims[0]) && service.text.contains("port 4444"),
            "{}",
            service.text
        );
    }
}

#[test]
fn load_that_moved_is_called_a_failover_on_both_sides() {
    for seed in [1, 2] {
        let (case, _) = found(Scenario::Failover, seed, Kind::Failover, 4);
        for server in &case.truth.victims {
            case.find("both sides", |a| a.kind == Kind::Failover && is_at(a, *server));
        }
    }
}

#[test]
fn a_slow_scan_is_found_before_it_is_over() {
    for seed in [1, 2] {
        found(Scenario::ScanSlow, seed, Kind::ScanSlow, 35);
    }
}

#[test]
fn a_flood_of_pings_is_found_though_it_is_answered() {
    for seed in [1, 2] {
        found(Scenario::IcmpFlood, seed, Kind::IcmpFlood, 2);
    }
}

#[test]
fn every_anomaly_says_what_harmless_thing_it_may_have_been() {
    let case = Case::of(Scenario::Beacon);
    for anomaly in &case.anomalies {
        assert!(!anomaly.false_causes.is_empty(), "{}", anomaly.rule);
    }
    assert!(!case.anomalies.is_empty());
}
