//! What is told and done, and what the desk says of it afterwards.

use super::*;
use crate::filter::AnomalyFilter;
use crate::model::{
    Act, Anomaly, Contributors, DataQuality, Deviation, Dimension, Direction, Effect, Entity, IncidentId,
    Kind, Metric, Scope, Severity, Steer, Timestamp, Value, Verdict,
};
use proptest::prelude::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(seconds)
}

fn anomaly(id: u64, rule: &str, severity: Severity) -> Anomaly {
    Anomaly {
        id: AnomalyId(id),
        rule: rule.to_owned(),
        kind: Kind::LoadSpike,
        severity,
        entity: Entity(vec![(Dimension::DstIp, Value::Ip("10.1.2.3".parse().unwrap()))]),
        metric: Metric::Bytes,
        direction: Direction::Above,
        worst: Deviation {
            score: 30.0,
            ..Deviation::default()
        },
        unit: "bytes per 60 s".to_owned(),
        started_at: at(60 * id as i64),
        detected_at: at(60 * id as i64 + 10),
        escalated_at: None,
        ended_at: None,
        incident: IncidentId(id),
        headline: true,
        shadow: false,
        contributors: Contributors::new(),
        data_quality: DataQuality::default(),
        text: "Load spike on 10.1.2.3".to_owned(),
        detail: None,
        reproduce: String::new(),
        technique: None,
        next: Vec::new(),
        false_causes: Vec::new(),
        profiles: Vec::new(),
        history: Vec::new(),
        interval: Duration::from_secs(60),
    }
}

fn told(desk: &mut Desk, what: What, seconds: i64, anomaly: &Anomaly) -> Vec<String> {
    let json = format!(
        "{{\"id\":\"{}\",\"headline\":{}}}\n",
        anomaly.id, anomaly.headline
    );
    let told = Told {
        what,
        at: at(seconds),
        anomaly,
        json: &json,
    };
    names(&desk.observe(&[told]).unwrap())
}

fn names(entries: &[crate::model::Entry]) -> Vec<String> {
    entries
        .iter()
        .map(|entry| format!("{} {} {}", entry.seq, entry.by, entry.act.name()))
        .collect()
}

fn desk() -> (tempfile::TempDir, Desk) {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path()).unwrap();
    (folder, desk)
}

#[test]
fn an_anomaly_is_taken_down_from_its_first_word_to_its_last() {
    let (folder, mut desk) = desk();
    let mut one = anomaly(1, "scan", Severity::Low);
    assert_eq!(told(&mut desk, What::Opened, 70, &one), ["1 tidemark opened"]);
    // Told again, as after a restart: nothing new.
    assert_eq!(told(&mut desk, What::Opened, 80, &one), [""; 0]);
    assert_eq!(told(&mut desk, What::Seen, 90, &one), [""; 0]);
    one.kind = Kind::Flood;
    assert_eq!(told(&mut desk, What::Seen, 100, &one), ["2 tidemark updated"]);
    one.severity = Severity::Critical;
    assert_eq!(
        told(&mut desk, What::Escalated, 110, &one),
        ["3 tidemark escalated"]
    );
    let id = AnomalyId(1);
    let ack = Act::Acknowledged { note: None };
    assert_eq!(
        names(&desk.act(at(115), "kim", &[id], &ack).unwrap()),
        ["4 kim acknowledged"]
    );
    one.ended_at = Some(at(120));
    assert_eq!(told(&mut desk, What::Closed, 400, &one), ["5 tidemark closed"]);
    assert_eq!(told(&mut desk, What::Closed, 401, &one), [""; 0]);
    one.ended_at = None;
    assert_eq!(told(&mut desk, What::Opened, 500, &one), ["6 tidemark reopened"]);
    drop(desk);
    let desk = Desk::open(folder.path()).unwrap();
    let kept = desk.anomaly(id, at(600)).unwrap().unwrap();
    assert!(kept.life.open);
    assert_eq!(kept.life.severity, Severity::Critical);
    assert_eq!(kept.life.reopened, 1);
    assert_eq!(kept.facts.acknowledged.as_deref(), Some("kim"));
    assert_eq!(names(&desk.history(id).unwrap()).len(), 6);
    assert_eq!(desk.newest().unwrap(), 6);
    assert_eq!(desk.since(4, 10).unwrap().len(), 2);
}

#[test]
fn a_line_of_history_cannot_be_changed() {
    let (_folder, mut desk) = desk();
    told(&mut desk, What::Opened, 70, &anomaly(1, "scan", Severity::Low));
    let error = desk
        .connection()
        .execute("UPDATE history SET by = 'mallory'", [])
        .unwrap_err();
    assert!(error.to_string().contains("never changed"), "{error}");
}

#[test]
fn what_is_done_to_many_is_done_to_all_or_none() {
    let (_folder, mut desk) = desk();
    for id in 1..=3 {
        told(&mut desk, What::Opened, 70, &anomaly(id, "scan", Severity::Low));
    }
    let ack = Act::Acknowledged { note: None };
    let error = desk
        .act(at(80), "kim", &[AnomalyId(1), AnomalyId(9)], &ack)
        .unwrap_err();
    assert_eq!(error.to_string(), "there is no anomaly 0000000000000009");
    let facts = |desk: &Desk, text: &str| {
        let ask = Ask {
            filter: Some(AnomalyFilter::parse(text).unwrap()),
            ..Ask::all(at(90))
        };
        desk.anomalies(&ask)
            .unwrap()
            .iter()
            .map(|kept| kept.facts.id.0)
            .collect::<Vec<_>>()
    };
    assert_eq!(facts(&desk, "acknowledged"), [0; 0]);
    desk.act(at(80), "kim", &[AnomalyId(1), AnomalyId(3)], &ack)
        .unwrap();
    assert_eq!(facts(&desk, "acknowledged"), [3, 1]);
    assert_eq!(facts(&desk, "not acknowledged and rule scan"), [2]);
    let opened = Act::Opened {
        severity: Severity::Low,
    };
    assert!(desk.act(at(80), "kim", &[AnomalyId(1)], &opened).is_err());
}

#[test]
fn a_list_goes_on_where_its_last_page_ended() {
    let (_folder, mut desk) = desk();
    for id in 1..=7 {
        let mut one = anomaly(id, "scan", Severity::ALL[id as usize % 3]);
        one.detected_at = at(if id < 4 { 1000 } else { 2000 });
        told(&mut desk, What::Opened, 70, &one);
    }
    let mut ask = Ask {
        limit: 2,
        ..Ask::all(at(90))
    };
    let mut pages = Vec::new();
    loop {
        let page = desk.anomalies(&ask).unwrap();
        let Some(last) = page.last() else { break };
        ask.after = Some(last.cursor());
        pages.push(page.iter().map(|kept| kept.facts.id.0).collect::<Vec<_>>());
    }
    assert_eq!(pages, [vec![7, 6], vec![5, 4], vec![3, 2], vec![1]]);
    let closed = Ask {
        phase: Some(Phase::Closed),
        ..Ask::all(at(90))
    };
    assert!(desk.anomalies(&closed).unwrap().is_empty());
    assert_eq!(desk.open_by_severity().unwrap(), [2, 3, 2]);
}

#[test]
fn anomalies_with_one_cause_come_together() {
    let (_folder, mut desk) = desk();
    for (id, incident, severity, headline) in [
        (1, 1, Severity::Low, false),
        (2, 1, Severity::High, true),
        (3, 3, Severity::Low, true),
        (4, 1, Severity::Critical, false),
    ] {
        let mut one = anomaly(id, "scan", severity);
        (one.incident, one.headline) = (IncidentId(incident), headline);
        told(&mut desk, What::Opened, 70, &one);
    }
    let shape = |line: &IncidentLine| {
        let ids = line
            .anomalies
            .iter()
            .map(|kept| kept.facts.id.0)
            .collect::<Vec<_>>();
        (line.id.0, line.severity, ids)
    };
    let all: Vec<_> = desk
        .incidents(&Ask::all(at(90)))
        .unwrap()
        .iter()
        .map(shape)
        .collect();
    assert_eq!(
        all,
        [
            (1, Severity::Critical, vec![2, 4, 1]),
            (3, Severity::Low, vec![3])
        ]
    );
    let one = desk.incident(IncidentId(1), at(90)).unwrap().unwrap();
    assert_eq!(shape(&one), all[0]);
    assert!(desk.incident(IncidentId(9), at(90)).unwrap().is_none());
}

#[test]
fn a_silence_lies_on_what_it_names_until_it_ends() {
    let (_folder, mut desk) = desk();
    told(&mut desk, What::Opened, 70, &anomaly(1, "scan", Severity::Low));
    let silence = desk
        .silence(at(100), "kim", "rule scan", at(200), "pen test")
        .unwrap();
    told(&mut desk, What::Opened, 110, &anomaly(2, "scan", Severity::Low));
    told(
        &mut desk,
        What::Opened,
        110,
        &anomaly(3, "stranger", Severity::Low),
    );
    let on = |desk: &Desk, id: u64, now: i64| desk.anomaly(AnomalyId(id), at(now)).unwrap().unwrap().silence;
    assert_eq!((on(&desk, 1, 150), on(&desk, 3, 150)), (Some(silence), None));
    assert_eq!((on(&desk, 1, 99), on(&desk, 1, 200)), (None, None));
    assert_eq!(
        desk.silences(10).unwrap()[0].held,
        1,
        "the one that opened under it"
    );
    desk.end_silence(at(120), silence).unwrap();
    assert_eq!(on(&desk, 1, 150), None);
    assert!(desk.end_silence(at(120), silence).is_err());
    for (filter, until, why, words) in [
        ("rule [", 300, "why", "never closed"),
        ("rule scan", 100, "why", "in the future"),
        ("rule scan", 300, " ", "says why"),
    ] {
        let error = desk.silence(at(200), "kim", filter, at(until), why).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn each_verdict_puts_its_measure_in_force_and_the_next_one_ends_it() {
    let (_folder, mut desk) = desk();
    let one = anomaly(1, "scan", Severity::Low);
    told(&mut desk, What::Opened, 70, &one);
    let mut say = |seconds: i64, verdict: Verdict, until: Option<i64>| {
        let act = Act::Judged {
            verdict,
            until: until.map(at),
            why: None,
        };
        desk.act(at(seconds), "kim", &[AnomalyId(1)], &act).unwrap();
        let force = desk.measures_in_force(at(seconds)).unwrap();
        force
            .iter()
            .map(|(measure, _)| (measure.steer, measure.until))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        say(100, Verdict::Expected, Some(200)),
        [(Steer::Excuse, Some(at(200)))]
    );
    let raised = say(110, Verdict::False, None);
    assert!(matches!(raised[..], [(Steer::Raise { score }, None)] if (score - 32.3).abs() < 0.01));
    assert_eq!(say(120, Verdict::NewNormal, None), [(Steer::Accept, None)]);
    assert_eq!(say(130, Verdict::Attack, None), []);
    assert_eq!(say(140, Verdict::Expected, Some(200)).len(), 1);
    desk.act(at(150), "lee", &[AnomalyId(1)], &Act::Retracted)
        .unwrap();
    assert_eq!(desk.measures_in_force(at(150)).unwrap(), []);
    assert_eq!(desk.measures_of(AnomalyId(1)).unwrap().len(), 4, "all are shown");
    assert_eq!(desk.verdicts().unwrap().len(), 0);
}

#[test]
fn a_measure_shows_what_it_did_and_can_be_taken_back() {
    let (_folder, mut desk) = desk();
    let allow = NewMeasure {
        scope: Scope {
            filter: Some("src net 10.0.0.0/8".to_owned()),
            ..Scope::default()
        },
        until: Some(at(500)),
        why: Some("our scanner".to_owned()),
    };
    let id = desk.allow(at(100), "kim", &allow).unwrap();
    let effect = Effect {
        measure: id,
        held: 3,
        last: Some(at(180)),
        ..Effect::default()
    };
    desk.put_effects(&[effect]).unwrap();
    let (measure, found) = desk.measures(10).unwrap().remove(0);
    assert_eq!((measure.scope, found), (allow.scope.clone(), effect));
    assert_eq!(
        desk.measures_in_force(at(500)).unwrap(),
        [],
        "it is over by itself"
    );
    desk.end_measure(at(200), id).unwrap();
    assert_eq!(desk.measures_in_force(at(300)).unwrap(), []);
    assert!(desk.end_measure(at(200), id).is_err());
    let everything = NewMeasure {
        scope: Scope::default(),
        ..allow.clone()
    };
    assert!(desk.allow(at(100), "kim", &everything).is_err());
    let misspelt = NewMeasure {
        scope: Scope {
            filter: Some("src nett 10.0.0.0/8".to_owned()),
            ..Scope::default()
        },
        ..allow
    };
    assert!(desk.allow(at(100), "kim", &misspelt).is_err());
}

#[test]
fn what_the_detector_does_not_find_again_is_closed_once() {
    let (_folder, mut desk) = desk();
    for id in 1..=3 {
        told(&mut desk, What::Opened, 70, &anomaly(id, "scan", Severity::Low));
    }
    let open = |desk: &Desk| {
        desk.open_anomalies()
            .unwrap()
            .iter()
            .map(|facts| facts.id.0)
            .collect::<Vec<_>>()
    };
    assert_eq!(open(&desk), [1, 2, 3]);
    let lost = [AnomalyId(1), AnomalyId(3), AnomalyId(4)];
    let lines = desk.lose_sight(at(100), &lost).unwrap();
    assert_eq!(names(&lines), ["4 tidemark closed", "5 tidemark closed"]);
    assert_eq!(desk.lose_sight(at(100), &lost).unwrap(), []);
    assert_eq!(open(&desk), [2]);
}

#[test]
fn the_oldest_that_are_over_are_forgotten_and_counted() {
    let (_folder, mut desk) = desk();
    desk.keep_at_most(5);
    for id in 1..=8 {
        let mut one = anomaly(id, "scan", Severity::Low);
        told(&mut desk, What::Opened, 70, &one);
        one.ended_at = Some(at(80));
        if id > 1 {
            told(&mut desk, What::Closed, 80, &one);
        }
    }
    let left: Vec<u64> = desk
        .anomalies(&Ask::all(at(90)))
        .unwrap()
        .iter()
        .map(|kept| kept.facts.id.0)
        .collect();
    assert_eq!(left, [8, 7, 6, 5, 1], "the first is still open");
    assert_eq!(desk.count("anomalies_forgotten").unwrap(), 3);
    assert_eq!(desk.history(AnomalyId(2)).unwrap(), []);
}

#[test]
fn another_process_sees_what_was_written_and_that_it_was() {
    let (folder, mut desk) = desk();
    let other = Desk::open(folder.path()).unwrap();
    let before = other.changed().unwrap();
    told(&mut desk, What::Opened, 70, &anomaly(1, "scan", Severity::Low));
    assert_ne!(other.changed().unwrap(), before);
    assert_eq!(other.newest().unwrap(), 1);
}

#[test]
fn a_file_that_is_no_desk_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(NAME), "no database at all, but some text").unwrap();
    let error = Desk::open(folder.path()).unwrap_err().to_string();
    assert!(
        error.contains("desk.db") && error.contains("not a database"),
        "{error}"
    );
    assert!(
        Desk::open_existing(&folder.path().join("nowhere"))
            .unwrap()
            .is_none()
    );
    let (later, desk) = self::desk();
    desk.connection.pragma_update(None, "user_version", 99).unwrap();
    drop(desk);
    let error = Desk::open(later.path()).unwrap_err().to_string();
    assert!(error.contains("its layout is 99"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever is told and done in whatever order: what the desk says is what the history says.
    #[test]
    fn the_life_that_is_kept_is_that_of_the_history(steps in prop::collection::vec((0..8u8, 1..4u64), 1..30)) {
        let (_folder, mut desk) = desk();
        for (i, (step, id)) in steps.into_iter().enumerate() {
            let seconds = 100 + i as i64;
            let mut one = anomaly(id, "scan", Severity::Low);
            let act = match step {
                0 => { told(&mut desk, What::Opened, seconds, &one); continue }
                1 => { one.severity = Severity::High; told(&mut desk, What::Escalated, seconds, &one); continue }
                2 => { one.ended_at = Some(at(seconds)); told(&mut desk, What::Closed, seconds, &one); continue }
                3 => Act::Acknowledged { note: None },
                4 => Act::Unacknowledged,
                5 => Act::Commented { text: "hm".to_owned() },
                6 => Act::Judged { verdict: Verdict::False, until: None, why: None },
                _ => Act::Retracted,
            };
            // Some of it is refused, which is fine as long as it leaves no trace.
            let _ = desk.act(at(seconds), "kim", &[AnomalyId(id)], &act);
        }
        for kept in desk.anomalies(&Ask::all(at(1000))).unwrap() {
            let mut life = crate::life::Life::default();
            desk.history(kept.facts.id).unwrap().iter().for_each(|entry| life.apply(entry));
            prop_assert_eq!(&life, &kept.life);
            let stands = kept.life.verdict.is_some();
            let measures = desk.measures_of(kept.facts.id).unwrap();
            let active = measures.iter().filter(|(measure, _)| measure.is_active(at(1000))).count();
            prop_assert_eq!(active, usize::from(stands));
        }
    }
}
