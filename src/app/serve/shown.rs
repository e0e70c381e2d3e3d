//! An engine's state in the shapes that the API tells, and records and answers in those that scripts know.

use super::super::captures::Walk;
use super::super::stored::Past;
use super::super::{Backtest, Setup, summary};
use crate::config::{Config, test_name};
use crate::engine::{Engine, Week};
use crate::model::{Anomaly, AnomalyId, FlowRecord, Interval, Ip, Metric, Rule, Timestamp, Verdicts};
use crate::query::{Answer, Request};
use crate::report::{self, Budget, QueryFormat, RuleLine, Style, Summary, html, json};
use crate::web::Trouble;
use crate::web::view;
use serde_json::{Map, Value, json as value};
use std::collections::BTreeMap;
use std::path::Path;

/// Records that came late are said from this share on.
const LATE: f64 = 0.01;
/// Loss that is bad, as a share.
const LOSS: f64 = 0.01;

/// Who sends flow export, as it is at `now`.
pub fn exporters(setup: &Setup, engine: &Engine, now: Timestamp) -> Vec<view::Exporter> {
    let all = summary::exporters(setup, engine);
    all.iter().map(|one| exporter(setup, one, now)).collect()
}

fn exporter(setup: &Setup, one: &report::Exporter, now: Timestamp) -> view::Exporter {
    let silence = setup.config.collect.silence;
    let silent = one.last_seen.is_none_or(|last| now.since(last) > silence);
    let remarks = one.remarks();
    let mut notes: Vec<String> = remarks
        .split(", ")
        .filter(|note| !note.is_empty())
        .map(str::to_owned)
        .collect();
    if silent {
        notes.insert(0, "silent".to_owned());
    }
    let late = one.late_records as f64 > LATE * one.records.max(1) as f64;
    let missing = one.given_up > 0 || one.untemplated > one.recovered;
    view::Exporter {
        address: one.address.to_string(),
        name: (!one.name.is_empty()).then(|| one.name.clone()),
        state: match (silent, late || missing || one.loss() > LOSS || one.skewed > 0) {
            (true, _) => view::State::Critical,
            (_, true) => view::State::Warning,
            _ => view::State::Ok,
        },
        notes,
        messages: one.messages,
        records: one.records,
        records_per_s: None,
        templates: one.templates,
        sampling: one.sampling_rate,
        lost: one.lost,
        loss: one.loss(),
        late: one.late_records,
        restarts: one.restarts,
        gaps: one.given_up,
        faults: one.faults,
        clock_offset_s: one.clock_offset_seconds,
        lateness_s: one.lateness_seconds,
        first: one.first_seen.map(view::time),
        last: one.last_seen.map(view::time),
    }
}

/// False alarms, promised and used; `said` is what people said, by rule.
pub fn budget(setup: &Setup, engine: &Engine, said: &BTreeMap<String, Verdicts>) -> view::Budget {
    let budget = Budget::of(&summary::counting(setup, engine), setup.config.interval, said);
    view::Budget {
        promised_per_day: setup.config.false_alarms_per_day,
        used_per_day: if budget.days > 0.0 {
            budget.fired as f64 / budget.days
        } else {
            0.0
        },
        days: budget.days,
        promised: budget.promised,
        fired: budget.fired,
        verdicts: verdicts(&budget.verdicts),
    }
}

fn verdicts(verdicts: &Verdicts) -> BTreeMap<String, u64> {
    let all = [
        ("attack", verdicts.attack),
        ("false", verdicts.false_alarm),
        ("expected", verdicts.expected),
        ("new-normal", verdicts.new_normal),
    ];
    all.into_iter()
        .map(|(name, count)| (name.to_owned(), count))
        .collect()
}

/// The rules in use, and what they did.
pub fn rules(setup: &Setup, engine: &Engine, said: &BTreeMap<String, Verdicts>) -> Vec<view::Rule> {
    let lines = summary::rules(setup, engine);
    let line = |rule: &Rule| lines.iter().find(|line| line.name == rule.name).cloned();
    let all = setup.rules.iter();
    all.map(|rule| {
        let said = said.get(&rule.name).copied().unwrap_or_default();
        self::rule(rule, &line(rule).unwrap_or_default(), &said)
    })
    .collect()
}

fn rule(rule: &Rule, line: &RuleLine, said: &Verdicts) -> view::Rule {
    let held = &line.held;
    let held = [
        ("conditions", held.conditions),
        ("grace", held.grace),
        ("calendar", held.calendar),
        ("exceptions", held.exceptions),
        ("learning", held.learning),
    ];
    view::Rule {
        name: rule.name.clone(),
        kind: rule.kind.to_string(),
        severity: rule.severity.name().to_owned(),
        text: rule.description.clone(),
        filter: rule.filter.clone(),
        dimensions: rule
            .dimensions
            .iter()
            .map(|dimension| dimension.name().to_owned())
            .collect(),
        metric: rule.metric.to_string(),
        test: test_name(rule.test).to_owned(),
        fired: line.fired,
        shadowed: line.shadowed,
        open: line.open,
        noise: line.noise,
        promised_per_day: if line.days > 0.0 {
            line.promised / line.days
        } else {
            0.0
        },
        budget_share: line.cost,
        shadow: rule.gates.shadow,
        held: held
            .into_iter()
            .map(|(name, count)| (name.to_owned(), count))
            .collect(),
        verdicts: verdicts(said),
        next: rule.next.clone(),
        false_causes: rule.false_causes.clone(),
        technique: rule.technique.clone(),
        days: line.days,
        series: line.series,
        tests_per_day: line.tests_per_day,
    }
}

/// Hosts whose address or name holds a text.
pub fn hosts(engine: &Engine, search: &str, limit: usize) -> Vec<view::HostLine> {
    let found = engine.judge().hosts(search, limit).into_iter();
    found
        .map(|(address, first_seen, name)| view::HostLine {
            address: address.to_string(),
            name,
            first_seen: view::time(first_seen),
        })
        .collect()
}

/// What is known of a host.
pub fn host(setup: &Setup, engine: &Engine, address: Ip) -> view::Host {
    let profile = engine.judge().profile(address);
    let mut about: Vec<Anomaly> = engine.anomalies();
    about.retain(|anomaly| concerns(anomaly, address));
    about.reverse();
    let peers = profile.peers.into_iter().map(|peer| view::Peer {
        address: peer.address.to_string(),
        name: peer.name,
        bytes: peer.bytes,
    });
    view::Host {
        address: address.to_string(),
        names: profile.names,
        first_seen: (profile.first_seen > Timestamp::MIN).then(|| view::time(profile.first_seen)),
        services: profile.services,
        uses: profile.uses,
        peers: peers.collect(),
        questions: profile.questions,
        baselines: engine.judge().weeks(address).into_iter().map(baseline).collect(),
        interval_s: setup.config.interval.as_secs_f64(),
        anomalies: about.iter().map(anomaly_json).collect(),
    }
}

/// Whether an anomaly is about a host, or shows its profile.
fn concerns(anomaly: &Anomaly, host: Ip) -> bool {
    let values = || anomaly.entity.0.iter().map(|(_, value)| value);
    values().any(|value| *value == crate::model::Value::Ip(host))
        || anomaly.profiles.iter().any(|profile| profile.address == host)
}

fn baseline(week: Week) -> view::Baseline {
    let hours = week.hours.iter().map(|band| view::Hour {
        expected: finite(band.expected),
        lower: finite(band.lower),
        upper: finite(band.upper),
    });
    view::Baseline {
        rule: week.rules.first().cloned().unwrap_or_default(),
        rules: week.rules,
        metric: Metric::to_string(&week.metric),
        view: week.view,
        ready: week.ready,
        by_hour: hours.collect(),
    }
}

fn finite(number: f64) -> f64 {
    if number.is_finite() { number } else { 0.0 }
}

/// An anomaly as scripts know it.
pub fn anomaly_json(anomaly: &Anomaly) -> Value {
    let mut line = Vec::new();
    let written = json::anomaly(&mut line, anomaly);
    written
        .ok()
        .and_then(|()| serde_json::from_slice(&line).ok())
        .unwrap_or_default()
}

/// A flow as scripts know it.
pub fn flow_json(flow: &FlowRecord) -> Value {
    let mut line = Vec::new();
    json::flow(&mut line, flow);
    serde_json::from_slice(&line).unwrap_or_default()
}

/// The lines of an answer as one object: `rows`, `other`, `total`, `summary`.
pub fn answer_json(request: &Request, answer: &Answer) -> Value {
    let text = written(request, answer, QueryFormat::Json);
    let (mut rows, mut whole) = (Vec::new(), Map::new());
    for line in text.lines() {
        let Ok(Value::Object(mut line)) = serde_json::from_str(line) else {
            continue;
        };
        match line.remove("type").as_ref().and_then(Value::as_str) {
            Some("row") => rows.push(Value::Object(line)),
            Some(kind) => {
                whole.insert(kind.to_owned(), Value::Object(line));
            }
            None => {}
        }
    }
    whole.entry("other").or_insert(Value::Null);
    whole.insert("rows".to_owned(), value!(rows));
    if let Some(trouble) = &answer.trouble {
        whole.insert("trouble".to_owned(), value!(trouble));
    }
    Value::Object(whole)
}

/// An answer as comma-separated values.
pub fn answer_csv(request: &Request, answer: &Answer) -> String {
    written(request, answer, QueryFormat::Csv)
}

fn written(request: &Request, answer: &Answer, format: QueryFormat) -> String {
    let mut out = Vec::new();
    let style = Style {
        color: false,
        width: 80,
    };
    // A vector takes everything.
    let _ = report::query::write(&mut out, request, answer, format, style);
    String::from_utf8_lossy(&out).into_owned()
}

/// The page about an anomaly and those of its incident.
pub fn report(all: &[Anomaly], id: AnomalyId, mut summary: Summary) -> Option<String> {
    let incident = all.iter().find(|anomaly| anomaly.id == id)?.incident;
    let about: Vec<Anomaly> = all
        .iter()
        .filter(|anomaly| anomaly.incident == incident)
        .cloned()
        .collect();
    summary.count(&about);
    Some(html::render(&about, &summary))
}

/// What rules find in stored flows: two engines that learn from the beginning of the range.
pub fn backtest(
    config: &Config,
    folder: Option<&Path>,
    range: Interval,
    rules: Option<&str>,
) -> Result<view::Backtest, Trouble> {
    let asked = |error: anyhow::Error| Trouble::Asked("rule_toml", format!("{error:#}"));
    let failed = |error: anyhow::Error| match error.is::<crate::cli::Usage>() {
        true => Trouble::Missing(format!("{error:#}")),
        false => Trouble::Failed(format!("{error:#}")),
    };
    let others = match rules {
        None => None,
        Some(text) => {
            let parsed = config.rules_of(text, "rule_toml");
            Some(parsed.map_err(|error| Trouble::Asked("rule_toml", error.to_string()))?)
        }
    };
    let setup = Setup::new(config.clone()).map_err(asked)?;
    let mut test = Backtest::new(&setup, others.as_deref(), true).map_err(asked)?;
    let past = Past {
        folder: folder.map(Path::to_owned),
        range,
    };
    let mut walk = Walk::new(true, false);
    test.past(&past, &setup.config, &mut walk).map_err(failed)?;
    let difference = test.finish();
    Ok(view::Backtest {
        appear: difference.appear.iter().map(anomaly_json).collect(),
        vanish: difference.vanish.iter().map(anomaly_json).collect(),
        both: difference.stay as u64,
    })
}
