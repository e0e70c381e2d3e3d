//! What a run says about itself: read, dropped and why, watched, promised, used.

use super::captures::Walk;
use super::setup::Setup;
use crate::engine::{Engine, FrontStats, JudgeStats};
use crate::model::Anomaly;
use crate::report::{Memory, Summary, Watched};
use std::collections::BTreeMap;
use std::time::Duration;

/// The summary of a run that is over.
pub(super) fn of(
    files: Vec<String>,
    setup: &Setup,
    engine: &Engine,
    walk: &Walk,
    blind: Vec<String>,
    elapsed: Duration,
    anomalies: &[Anomaly],
) -> Summary {
    let (front, judge) = (engine.front_stats(), engine.judge_stats());
    let config = &setup.config;
    let mut summary = Summary {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        files,
        packets: front.meter.packets,
        bytes: front.meter.bytes,
        flows: front.meter.records,
        conversations: judge.conversations,
        intervals: judge.intervals,
        interval_seconds: config.interval.as_secs(),
        first: walk.first,
        last: walk.last,
        learned_until: walk
            .first
            .filter(|_| !config.learn.is_zero())
            .map(|first| first + config.learn),
        dropped: dropped(walk, engine, &front, &judge),
        faults: walk.troubles.listed.clone(),
        faults_unlisted: walk.troubles.unlisted,
        blind: blind.into_iter().chain(blind_spots(&judge, &front)).collect(),
        watched: judge.watched.iter().map(watched).collect(),
        memory: memory(&front, &judge, config.memory_limit),
        memory_limit: config.memory_limit,
        false_alarms_per_day: config.false_alarms_per_day,
        series_scored: judge.scored.round() as u64,
        threshold: threshold(&judge),
        configuration: fingerprint(setup),
        elapsed_seconds: Some(elapsed.as_secs_f64()),
        packets_per_second: Some(walk.packets as f64 / elapsed.as_secs_f64().max(1e-9)),
        ..Summary::default()
    };
    summary.count(anomalies);
    summary
}

/// Everything that was given up, by reason.
fn dropped(walk: &Walk, engine: &Engine, front: &FrontStats, judge: &JudgeStats) -> BTreeMap<String, u64> {
    let mut dropped = walk.troubles.counts.clone();
    let more = [
        ("not_ip", walk.not_ip),
        ("late_packets", front.meter.late_packets),
        ("doubtful_times", engine.doubtful_times()),
        ("flows_ended_for_lack_of_room", front.meter.evicted),
        ("fragments_given_up", front.meter.fragments_dropped),
        (
            "conversations_folded_or_refused",
            front.folded + front.refused + judge.conversations_folded,
        ),
        ("names_given_up", front.names_dropped + judge.names_given_up),
        ("entities_refused", judge.entities_refused),
        ("baselines_refused", judge.baselines_refused),
        ("missing_intervals", judge.missing_intervals),
        ("reference_intervals_given_up", judge.recent_given_up),
        ("series_without_chart", judge.uncharted),
        ("anomalies_not_kept", judge.anomalies_refused),
    ];
    for (reason, count) in more.into_iter().filter(|(_, count)| *count > 0) {
        dropped.insert(reason.to_owned(), count);
    }
    dropped
}

/// What could not be seen for lack of room, a sentence each.
fn blind_spots(judge: &JudgeStats, front: &FrontStats) -> Vec<String> {
    let spots = [
        (
            judge.entities_refused,
            "The tables of entities were full: traffic of new ones was not judged by itself.",
        ),
        (
            front.folded + judge.conversations_folded,
            "The tables of conversations were full: new external addresses are counted as their networks.",
        ),
        (
            front.meter.evicted,
            "The flow cache was full: some flows were ended early and count twice.",
        ),
        (
            judge.anomalies_refused,
            "The list of anomalies was full: later ones are counted and not shown.",
        ),
    ];
    spots
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(_, words)| words.to_owned())
        .collect()
}

fn watched(view: &crate::engine::Watched) -> Watched {
    Watched {
        dimensions: shortened(&view.view),
        entities: view.with_baselines,
        series: view.series,
    }
}

/// A view's name, short enough for a line.
fn shortened(view: &str) -> String {
    const MOST: usize = 46;
    match view.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", view.get(..end).unwrap_or(view).trim_end()),
        None => view.to_owned(),
    }
}

/// Three tenths of the limit are the Fronts', the rest is the Judge's (`engine::Config::shares`).
fn memory(front: &FrontStats, judge: &JudgeStats, limit: u64) -> Vec<Memory> {
    let table = |table: &str, used: u64, limit: u64| Memory {
        table: table.to_owned(),
        used,
        limit,
    };
    let fronts = limit / 10 * 3;
    vec![
        table("metering", front.memory, fronts),
        table("judging", judge.memory, limit - fronts),
    ]
}

fn threshold(judge: &JudgeStats) -> String {
    format!(
        "an interval of a series must be stranger than one in {:.0}",
        judge.threshold.exp()
    )
}

/// Eight hexadecimal digits that change when the effective configuration or a rule does.
fn fingerprint(setup: &Setup) -> String {
    let mut crc = flate2::Crc::new();
    crc.update(setup.config.to_string().as_bytes());
    for rule in &setup.rules {
        crc.update(format!("{rule:?}").as_bytes());
    }
    format!("{:08x}", crc.sum())
}
