//! Every built-in rule on a stage of its own: a script in which it must speak and one in which it must be silent, in plain
//! text, played through the whole engine with all built-in rules.
#![allow(clippy::unwrap_used)]

mod script;
mod traffic;

use script::{Expect, Script};
use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use tidemark::config::builtin_rules;
use tidemark::engine::{Config, Engine};
use tidemark::enrich::Origins;
use tidemark::model::{Anomaly, LinkType, Networks, RawPacket, Test, Timestamp};

/// Monday 2026-03-02 08:00 UTC.
const START: i64 = 1_772_438_400;

/// What is found in the traffic of a script.
fn played(script: &Script) -> Vec<Anomaly> {
    let systems = fs::read("geoip/documentation-asn.mmdb").unwrap();
    let origins = Origins::build(Some(&systems), None, Networks::new(&script.networks)).unwrap();
    let config = Config {
        rules: builtin_rules(),
        ..Config::default()
    };
    let mut engine = Engine::new(config, Arc::new(origins), 1).unwrap();
    for packet in traffic::packets(script) {
        let raw = RawPacket {
            at: Timestamp::from_nanos(START * 1_000_000_000 + packet.at),
            link: LinkType(1),
            octets: &packet.octets,
            original_length: packet.length,
        };
        engine.observe(&raw).unwrap();
        while engine.poll().is_some() {}
    }
    engine.finish();
    engine.anomalies()
}

/// Minutes since the script began.
fn minute(at: Timestamp) -> f64 {
    at.since(Timestamp::from_secs(START)).as_secs_f64() / 60.0
}

fn told(anomaly: &Anomaly) -> String {
    format!(
        "    {} as {} at {} said at {:.2}, from {:.2}; {} of {}, expected {:.1}, score {:.1}: {}\n",
        anomaly.rule,
        anomaly.kind,
        anomaly.entity,
        minute(anomaly.detected_at),
        minute(anomaly.started_at),
        anomaly.worst.observed,
        anomaly.unit,
        anomaly.worst.expected,
        anomaly.worst.score,
        anomaly.text,
    )
}

fn meets(anomaly: &Anomaly, expect: &Expect) -> bool {
    let terms: Vec<String> = anomaly.entity.0.iter().map(|(d, v)| format!("{d}={v}")).collect();
    let said = minute(anomaly.detected_at);
    anomaly.rule == expect.rule
        && anomaly.kind.name() == expect.kind
        && (expect.at == ["anywhere"] || expect.at.iter().all(|term| terms.contains(term)))
        && expect.between.0 <= said
        && said <= expect.between.1
}

/// Where what is found is not what the script says.
fn differences(name: &str) -> String {
    let script = script::read(name);
    let found = played(&script);
    let mut wrong = String::new();
    for expect in &script.expects {
        if !found.iter().any(|anomaly| meets(anomaly, expect)) {
            wrong += &format!("  missing: {}\n", expect.line);
        }
    }
    for rule in &script.nevers {
        for anomaly in found
            .iter()
            .filter(|anomaly| anomaly.rule == *rule || anomaly.kind.name() == rule)
        {
            wrong += &format!("  never {rule}:\n{}", told(anomaly));
        }
    }
    if script.quiet && !found.is_empty() {
        wrong += "  quiet\n";
    }
    if wrong.is_empty() {
        return wrong;
    }
    let all: String = found.iter().map(told).collect();
    format!(
        "{name}\n{wrong}  found:\n{}",
        if all.is_empty() { "    nothing\n" } else { &all }
    )
}

/// The scripts of one ending, by rule.
fn scripts(ending: &str) -> BTreeMap<String, String> {
    let files = fs::read_dir("tests/scenarios")
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let names = files.map(|name| name.into_string().unwrap());
    names
        .filter_map(|name| Some((name.strip_suffix(ending)?.to_owned(), name)))
        .collect()
}

/// Plays scripts on as many threads as there are cores; fails with everything that differs.
#[track_caller]
fn all_hold(ending: &str) {
    let names: Vec<String> = scripts(ending).into_values().collect();
    let half = names.len().div_ceil(2);
    let wrong: String = std::thread::scope(|scope| {
        let parts: Vec<_> = names
            .chunks(half)
            .map(|part| scope.spawn(|| part.iter().map(|name| differences(name)).collect::<String>()))
            .collect();
        parts.into_iter().map(|part| part.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn every_rule_speaks_where_it_must() {
    all_hold(".fires.txt");
}

#[test]
fn every_rule_is_silent_where_it_must_be() {
    all_hold(".silent.txt");
}

#[test]
fn every_built_in_rule_has_a_script_of_each_kind_that_is_about_it() {
    let (fires, silent) = (scripts(".fires.txt"), scripts(".silent.txt"));
    let mut missing = Vec::new();
    for rule in builtin_rules() {
        // A rule that only names is met by the kind it gives.
        let names = matches!(rule.test, Test::Pattern(tidemark::model::Pattern::Failover));
        let speaks = fires.get(&rule.name).is_some_and(|file| {
            let about = |e: &Expect| e.rule == rule.name || names && e.kind == rule.kind.name();
            script::read(file).expects.iter().any(about)
        });
        let holds = silent.get(&rule.name).is_some_and(|file| {
            let script = script::read(file);
            script.quiet || script.nevers.contains(&rule.name)
        });
        if !speaks {
            missing.push(format!(
                "tests/scenarios/{}.fires.txt with an `expect` line",
                rule.name
            ));
        }
        if !holds {
            missing.push(format!(
                "tests/scenarios/{}.silent.txt with a `never` line",
                rule.name
            ));
        }
    }
    assert!(missing.is_empty(), "\n{}", missing.join("\n"));
}
