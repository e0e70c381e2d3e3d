//! What a run says about itself: read, dropped and why, watched, promised, used.

use super::captures::Walk;
use super::setup::Setup;
use crate::collect::Account;
use crate::config::{Config, Judging};
use crate::engine::{Engine, ExportStats, FrontStats, JudgeStats};
use crate::model::units::{bytes, duration, grouped};
use crate::model::{Anomaly, Ip, Rule, RuleAccount, Verdicts};
use crate::report::{self, Budget, Exporter, Memory, RuleLine, Summary, Watched};
use crate::store::desk::Desk;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// What a run knows of itself and its engine does not.
#[derive(Debug)]
pub(super) struct Known<'a> {
    /// Its input.
    pub(super) files: Vec<String>,
    /// What it could not see, a sentence each.
    pub(super) blind: Vec<String>,
    /// The folder its state lies in.
    pub(super) state: Option<&'a Path>,
    /// How long it took.
    pub(super) elapsed: Duration,
}

/// The summary of a run that is over.
pub(super) fn of(
    known: Known<'_>,
    setup: &Setup,
    engine: &Engine,
    walk: &Walk,
    anomalies: &[Anomaly],
) -> Summary {
    let Known {
        files,
        mut blind,
        state,
        elapsed,
    } = known;
    let said = said(state, &mut blind);
    let (front, judge) = (engine.front_stats(), engine.judge_stats());
    let exporters = exporters(setup, engine);
    let config = &setup.config;
    let mut summary = Summary {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        files,
        packets: front.meter.packets + front.export.packets,
        bytes: front.meter.bytes + front.export.bytes,
        flows: front.meter.records + front.export.records,
        messages: front.export.messages,
        conversations: judge.conversations,
        intervals: judge.intervals,
        interval_seconds: config.interval.as_secs(),
        first: walk.first,
        last: walk.last,
        learned_until: walk
            .first
            .filter(|_| !config.learn.is_zero())
            .map(|first| first + config.learn),
        dropped: dropped(walk, engine, &exporters, &front, &judge),
        stored: None,
        exporters,
        faults: walk.troubles.listed.clone(),
        faults_unlisted: walk.troubles.unlisted,
        blind: blind
            .into_iter()
            .chain(blind_spots(&judge, &front))
            .chain(late(&front.export, config))
            .collect(),
        watched: judge.watched.iter().map(watched).collect(),
        memory: memory(&front, &judge, config.memory_limit),
        memory_limit: config.memory_limit,
        false_alarms_per_day: config.false_alarms_per_day,
        series_scored: judge.scored.round() as u64,
        threshold: threshold(&judge),
        budget: Budget::of(&counting(setup, engine), config.interval, &said),
        configuration: fingerprint(setup),
        elapsed_seconds: Some(elapsed.as_secs_f64()),
        packets_per_second: per_second(front.meter.packets, elapsed),
        records_per_second: per_second(front.export.records, elapsed),
        rules: rules(setup, engine),
        ..Summary::default()
    };
    summary.count(anomalies);
    summary
}

/// What people said of anomalies, by rule; that it cannot be read is said.
pub(super) fn said(state: Option<&Path>, blind: &mut Vec<String>) -> BTreeMap<String, Verdicts> {
    let desk = state.map_or(Ok(None), Desk::open_existing);
    let counts = desk.and_then(|desk| desk.map_or_else(|| Ok(BTreeMap::new()), |desk| desk.verdicts()));
    counts.unwrap_or_else(|error| {
        blind.push(format!("Verdicts are not used: {error}"));
        BTreeMap::new()
    })
}

/// Whether a rule is in shadow.
fn is_shadow(setup: &Setup, name: &str) -> bool {
    let named = |rule: &&Rule| rule.name == name;
    setup
        .rules
        .iter()
        .find(named)
        .is_some_and(|rule| rule.gates.shadow)
}

/// The accounts of the rules that take part in the budget.
pub(super) fn counting(setup: &Setup, engine: &Engine) -> Vec<RuleAccount> {
    let all = engine.rule_accounts().iter();
    all.filter(|account| !is_shadow(setup, &account.rule))
        .cloned()
        .collect()
}

/// What each rule did.
pub(super) fn rules(setup: &Setup, engine: &Engine) -> Vec<RuleLine> {
    let open = engine.open_by_rule();
    let shadow = |name: &str| is_shadow(setup, name);
    let open = |name: &str| open.get(name).copied().unwrap_or(0);
    report::rules::lines(engine.rule_accounts().iter(), setup.config.interval, open, shadow)
}

fn per_second(count: u64, elapsed: Duration) -> Option<f64> {
    (count > 0).then(|| count as f64 / elapsed.as_secs_f64().max(1e-9))
}

/// Who sent flow export, with the names of the configuration.
pub(super) fn exporters(setup: &Setup, engine: &Engine) -> Vec<Exporter> {
    let (accounts, late) = (engine.accounts().into_iter(), engine.late());
    accounts
        .map(|(ip, account)| Exporter {
            late_records: late.get(&ip).copied().unwrap_or(0),
            ..exporter(setup, ip, &account)
        })
        .collect()
}

fn exporter(setup: &Setup, address: Ip, account: &Account) -> Exporter {
    let mut known = setup.config.exporters.iter();
    let known = known.find(|known| known.address.contains(address));
    Exporter {
        address,
        name: known.map(|known| known.name.clone()).unwrap_or_default(),
        messages: account.messages,
        octets: account.octets,
        records: account.records,
        options: account.options,
        lost: account.lost,
        sequenced: account.sequenced,
        reordered: account.reordered,
        restarts: account.restarts,
        untemplated: account.untemplated,
        recovered: account.recovered,
        given_up: account.given_up,
        templates: account.templates,
        faults: account.faults,
        corrected: account.corrected,
        skewed: account.skewed,
        sampling_rate: account.sampling_rate,
        clock_offset_seconds: account.clock_offset as f64 / 1e9,
        lateness_seconds: account.lateness as f64 / 1e9,
        first_seen: account.first_seen,
        last_seen: account.last_seen,
        ..Exporter::default()
    }
}

/// Everything that was given up, by reason.
fn dropped(
    walk: &Walk,
    engine: &Engine,
    exporters: &[Exporter],
    front: &FrontStats,
    judge: &JudgeStats,
) -> BTreeMap<String, u64> {
    let mut dropped = walk.troubles.counts.clone();
    let more = [
        ("not_ip", walk.not_ip),
        ("late_packets", front.meter.late_packets),
        ("late_records", front.export.late_records),
        ("records_not_counted", front.export.uncounted),
        ("doubtful_times", engine.doubtful_times()),
        ("dropped_before_reading", judge.dropped_before),
        ("marked_intervals", judge.marked_intervals),
        ("flows_ended_for_lack_of_room", front.meter.evicted),
        ("fragments_given_up", front.meter.fragments_dropped),
        (
            "conversations_folded_or_refused",
            front.folded + front.refused + judge.conversations_folded,
        ),
        ("names_given_up", front.names_dropped + judge.names_given_up),
        (
            "contacts_given_up",
            front.contacts_dropped + judge.contacts_given_up,
        ),
        ("entities_refused", judge.entities_refused),
        ("baselines_refused", judge.baselines_refused),
        ("missing_intervals", judge.missing_intervals),
        ("reference_intervals_given_up", judge.recent_given_up),
        ("series_without_chart", judge.uncharted),
        ("openings_undecided", judge.waiting_refused),
        ("usual_refused", judge.usual_refused),
        ("anomalies_not_kept", judge.anomalies_refused),
    ];
    let more = more.into_iter().chain([
        ("export_lost", exporters.iter().map(|e| e.lost).sum()),
        (
            "sets_without_template_given_up",
            exporters.iter().map(|e| e.given_up).sum(),
        ),
    ]);
    for (reason, count) in more.filter(|(_, count)| *count > 0) {
        dropped.insert(reason.to_owned(), count);
    }
    dropped
}

/// What could not be seen for lack of room, a sentence each.
pub(super) fn blind_spots(judge: &JudgeStats, front: &FrontStats) -> Vec<String> {
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
            judge.waiting_refused,
            "Too many deviations waited for their conditions: rules that wait for several intervals, or for who brings the \
             most, did not open for some.",
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

/// What came too late to be judged, where it is more than a hundredth.
fn late(export: &ExportStats, config: &Config) -> Option<String> {
    (export.late_records * 100 > export.records).then(|| {
        format!(
            "{} of {} Flow Records came more than {} (`[collect] lateness`) after they began: {} of them are in no \
             interval. Set the active time-out of the exporters to 60 s, or raise `[collect] lateness`.",
            grouped(export.late_records),
            grouped(export.records),
            duration(config.collect.lateness),
            bytes(export.late_bytes as f64),
        )
    })
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
    crc.update(Judging(&setup.config).to_string().as_bytes());
    for rule in &setup.rules {
        crc.update(format!("{rule:?}").as_bytes());
    }
    format!("{:08x}", crc.sum())
}
