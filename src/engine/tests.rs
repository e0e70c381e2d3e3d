//! The engine as a whole: what is learned carries on, gaps are no zeros, and filters must make sense.

use super::test_data::feed;
use super::*;
use crate::drill::{Plan, Scenario, frames};
use crate::model::{Dimension, Limit, LinkType, Metric, Networks, Prefix, Rule, Test};
use std::time::Duration;

fn engine(config: Config) -> Engine {
    let networks: Vec<Prefix> = ["10.20.0.0/16", "2001:db8:20::/48"]
        .iter()
        .map(|p| p.parse().unwrap())
        .collect();
    Engine::new(config, Arc::new(Origins::new(Networks::new(&networks))), 1).unwrap()
}

fn config() -> Config {
    Config {
        rules: vec![service_flows()],
        ..Config::default()
    }
}

/// Connections to services of ours, both ways.
fn service_flows() -> Rule {
    Rule {
        name: "service-flows".to_owned(),
        filter: Some("dst internal and request".to_owned()),
        dimensions: vec![Dimension::DstIp, Dimension::DstPort],
        metric: Metric::Flows,
        test: Test::Baseline {
            above: true,
            below: true,
        },
        floor: 20.0,
        ..test_data::rule()
    }
}

#[test]
fn intervals_without_any_traffic_are_missing_and_open_no_dip() {
    let mut engine = engine(config());
    feed(&mut engine, Scenario::Quiet, 60, 40..50);
    assert_eq!(engine.anomalies(), []);
    assert!(
        engine.judge_stats().missing_intervals >= 9,
        "{:?}",
        engine.judge_stats()
    );
}

#[test]
fn what_was_learned_carries_on_and_is_the_same_octets_again() {
    let mut first = engine(config());
    feed(&mut first, Scenario::Quiet, 30, 0..0);
    let saved = postcard::to_allocvec(&first.snapshot()).unwrap();
    let mut second = engine(config());
    second.restore(postcard::from_bytes(&saved).unwrap()).unwrap();
    assert_eq!(postcard::to_allocvec(&second.snapshot()).unwrap(), saved);
    assert!(first.snapshot().entities() > 10);
}

#[test]
fn who_usually_brings_what_is_remembered_over_a_restart() {
    let mut first = engine(config());
    feed(&mut first, Scenario::Quiet, 40, 0..0);
    let remembered = |engine: &Engine| {
        let views = engine.snapshot().views.into_iter();
        let states = views.flat_map(|view| view.entities).map(|(_, state)| state.usual);
        states
            .flatten()
            .filter_map(|usual| usual.total())
            .collect::<Vec<f64>>()
    };
    assert!(!remembered(&first).is_empty());
    let saved = postcard::to_allocvec(&first.snapshot()).unwrap();
    let mut second = engine(config());
    second.restore(postcard::from_bytes(&saved).unwrap()).unwrap();
    assert_eq!(remembered(&second), remembered(&first));
}

#[test]
fn baselines_of_another_interval_are_refused_in_words() {
    let mut first = engine(config());
    feed(&mut first, Scenario::Quiet, 5, 0..0);
    let mut other = engine(Config {
        interval: Duration::from_secs(300),
        ..config()
    });
    let refused = other.restore(first.snapshot()).unwrap_err().to_string();
    assert_eq!(
        refused,
        "it was learned with intervals of 60 s, the configuration says 300 s"
    );
}

#[test]
fn every_packet_is_aggregated_or_late() {
    let mut engine = engine(config());
    feed(&mut engine, Scenario::SynFlood, 10, 0..0);
    let meter = engine.front_stats().meter;
    assert_eq!(meter.active, 0, "nothing is held at the end");
    assert!(meter.packets > 1000 && meter.late_packets == 0);
}

#[test]
fn a_filter_on_amounts_or_flags_is_refused_for_it_would_be_asked_of_parts() {
    for filter in ["bytes > 1M", "flags S", "failed"] {
        let config = Config {
            filter: Some(filter.to_owned()),
            ..config()
        };
        let refused = Engine::new(config, Arc::new(Origins::default()), 1)
            .unwrap_err()
            .to_string();
        assert!(refused.contains("conversation"), "{refused}");
    }
}

/// Contacts to services of ours that fail.
fn service_failures() -> Rule {
    Rule {
        name: "service-failures".to_owned(),
        metric: Metric::Failed,
        test: Test::Baseline {
            above: true,
            below: false,
        },
        floor: 3.0,
        ..service_flows()
    }
}

/// Feeds an hour of an outage; once its anomaly is open, `then` happens.
fn outage(then: impl FnOnce(&mut Engine)) -> Engine {
    let mut engine = engine(Config {
        rules: vec![service_failures()],
        ..Config::default()
    });
    let mut plan = Plan::new(Scenario::Outage, 1);
    plan.duration = Duration::from_secs(3600);
    let (mut traffic, mut then) = (frames(&plan), Some(then));
    while let Some(frame) = traffic.next_frame() {
        let raw = RawPacket {
            at: frame.at,
            link: LinkType(1),
            octets: frame.octets,
            original_length: frame.original_length,
        };
        let _ = engine.observe(&raw);
        if engine.poll().is_some_and(|event| event.what == What::Opened)
            && let Some(then) = then.take()
        {
            then(&mut engine);
        }
    }
    assert!(then.is_none(), "an anomaly was open");
    engine
}

#[test]
fn an_anomaly_stays_open_when_the_rules_around_its_own_change() {
    let ids = |engine: &Engine| {
        let all = engine.anomalies();
        all.iter().map(|a| (a.id, a.ended_at)).collect::<Vec<_>>()
    };
    let undisturbed = outage(|_| ());
    let reloaded = outage(|engine| {
        let other = Rule {
            floor: 1e18,
            ..test_data::rule()
        };
        let config = Config {
            rules: vec![other, service_failures()],
            ..Config::default()
        };
        let origins = engine.judge.origins();
        engine.reconfigure(config, origins).unwrap();
    });
    assert_eq!(ids(&reloaded), ids(&undisturbed));
    let packets = |engine: &Engine| engine.front_stats().meter.packets;
    assert_eq!(packets(&reloaded), packets(&undisturbed));
}

#[test]
fn an_anomaly_ends_with_its_rule_and_another_interval_is_refused() {
    let engine = outage(|engine| {
        let origins = engine.judge.origins();
        let other = Config {
            interval: Duration::from_secs(300),
            ..config()
        };
        let refused = engine.reconfigure(other, Arc::clone(&origins));
        assert!(matches!(refused, Err(RenewError::Interval)));
        assert_eq!(engine.anomalies()[0].ended_at, None);
        engine.reconfigure(Config::default(), origins).unwrap();
        assert!(engine.anomalies().iter().all(|a| a.ended_at.is_some()));
    });
    assert!(engine.judge_stats().watched.is_empty());
}

/// A datagram of 28 octets to a server of ours.
fn datagram(from: [u8; 4]) -> [u8; 28] {
    let mut packet = [0; 28];
    packet[..10].copy_from_slice(&[0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17]);
    packet[12..16].copy_from_slice(&from);
    packet[16..20].copy_from_slice(&[10, 20, 0, 5]);
    packet[20..26].copy_from_slice(&[0x9c, 0x40, 0, 53, 0, 8]);
    packet
}

#[test]
fn an_anomaly_that_opens_again_still_shows_who_brought_its_worst_interval() {
    let limit = Limit {
        value: 100_000.0,
        per: Duration::from_secs(60),
        warn_at: 0.7,
    };
    let mut engine = engine(Config {
        rules: vec![Rule {
            test: Test::Limit(limit),
            ..test_data::rule()
        }],
        ..Config::default()
    });
    let (worst, lesser) = ([198, 51, 100, 1], [203, 0, 113, 2]);
    for minute in 0..20u64 {
        let (surplus, source) = match minute {
            3 => (20_000, worst),
            11 => (10_000, lesser),
            _ => (0, lesser),
        };
        for n in 0..60 + surplus {
            let octets = &datagram(if n < 60 { [10, 20, 0, 9] } else { source });
            let nanos = minute * 60_000_000_000 + n * (59_000_000_000 / (60 + surplus));
            let raw = RawPacket {
                at: Timestamp::from_secs(1_772_438_400) + Duration::from_nanos(nanos),
                link: LinkType(101),
                octets,
                original_length: 28,
            };
            engine.observe(&raw).unwrap();
        }
    }
    engine.finish();
    let opened_again = std::iter::from_fn(|| engine.poll()).filter(|e| e.what == What::Closed);
    assert_eq!(opened_again.count(), 2, "it closed, opened again, and closed");
    let all = engine.anomalies();
    let [anomaly] = all.as_slice() else {
        panic!("{all:?}");
    };
    let sources = &anomaly.contributors[&Dimension::SrcIp];
    assert_eq!(sources[0].value.to_string(), "198.51.100.1");
    assert_eq!(anomaly.worst.observed, 20_060.0 * 28.0);
    assert_eq!(sources[0].observed, 20_000.0 * 28.0);
}

#[test]
fn what_a_rule_tested_fired_and_may_cost_is_in_its_account_and_carries_on() {
    let first = outage(|_| ());
    let [account] = first.rule_accounts() else {
        panic!("one rule, one account")
    };
    assert_eq!((account.rule.as_str(), account.shadowed), ("service-failures", 0));
    assert_eq!(account.fired, first.anomalies().len() as u64);
    assert!((50..=60).contains(&account.intervals), "{account:?}");
    assert!(account.tests > 10 * account.intervals, "{account:?}");
    // An hour of a promise of one a day, shared with nobody, a channel at a time.
    assert!(
        account.promised > 0.0 && account.promised < 3.0 / 24.0,
        "{account:?}"
    );
    let mut second = engine(Config {
        rules: vec![service_flows(), service_failures()],
        ..Config::default()
    });
    second.restore(first.snapshot()).unwrap();
    assert_eq!(second.rule_accounts()[1], *account);
    assert_eq!(second.rule_accounts()[0].intervals, 0);
}
