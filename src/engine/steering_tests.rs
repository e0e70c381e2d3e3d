//! What people's words do to the detector, kept on scripted traffic: each measure's effect, and that it can be undone.

use super::gating_tests::{
    Burst, NEIGHBOUR, START, burst, engine, feed, fired, held, many_packets, unusual_packets,
};
use super::*;
use crate::model::{Dimension, Direction, Entity, Metric, Rule, Scope, Steer, Value};

const STRANGER: [u8; 4] = [198, 51, 100, 1];

fn of(rule: Rule) -> Engine {
    engine(Config {
        rules: vec![rule],
        ..Config::default()
    })
}

/// Host 10.20.0.5 of ours.
fn host() -> Entity {
    Entity(vec![(Dimension::DstIp, Value::Ip("10.20.0.5".parse().unwrap()))])
}

fn measure(id: u64, steer: Steer, scope: Scope) -> (Measure, Effect) {
    let measure = Measure {
        id,
        steer,
        scope,
        until: None,
        by: "kim".to_owned(),
        why: None,
        made_at: Timestamp::from_secs(START),
        ended_at: None,
        anomaly: None,
    };
    let effect = Effect {
        measure: id,
        ..Effect::default()
    };
    (measure, effect)
}

fn series(rule: &str) -> Scope {
    Scope::of(rule, &host(), Metric::Packets, Direction::Above)
}

/// Minutes of the same, from minute `from` on.
fn minutes(engine: &mut Engine, from: i64, count: usize, bursts: &[Burst]) -> i64 {
    feed(engine, START + 60 * from, &vec![bursts.to_vec(); count]);
    from + count as i64
}

const QUIET: [Burst; 1] = [burst(NEIGHBOUR, 30)];

#[test]
fn what_is_excused_opens_nothing_until_it_is_taken_back_or_over() {
    let scopes = [
        series("many-packets"),
        Scope {
            rules: vec!["many-packets".to_owned()],
            ..Scope::default()
        },
        Scope {
            filter: Some("src host 198.51.100.1".to_owned()),
            ..Scope::default()
        },
    ];
    for scope in scopes {
        let mut engine = of(many_packets());
        let excuse = measure(7, Steer::Excuse, scope.clone());
        engine.steer(vec![excuse.clone()]).unwrap();
        let mut at = minutes(&mut engine, 0, 3, &QUIET);
        at = minutes(&mut engine, at, 2, &[burst(STRANGER, 300)]);
        at = minutes(&mut engine, at, 20, &QUIET);
        assert_eq!(fired(&engine), [0; 0], "{scope}");
        let effects: Vec<Effect> = engine.effects().copied().collect();
        assert_eq!(effects.len(), 1);
        assert_eq!(effects[0].held, 2, "{scope}");
        assert_eq!(effects[0].last, Some(Timestamp::from_secs(START + 240)));
        assert!(held(&engine).measures >= 1);
        // Told again by somebody who knows less, nothing is forgotten.
        engine.steer(vec![excuse]).unwrap();
        assert_eq!(engine.effects().next().unwrap().held, 2);
        engine.steer(vec![]).unwrap();
        at = minutes(&mut engine, at, 1, &[burst(STRANGER, 300)]);
        minutes(&mut engine, at, 1, &QUIET);
        engine.finish();
        assert_eq!(fired(&engine), [25], "{scope}");
    }
}

#[test]
fn a_measure_is_for_what_it_names_and_for_its_time() {
    let other = Entity(vec![(Dimension::DstIp, Value::Ip("10.20.0.6".parse().unwrap()))]);
    let scopes = [
        series("another-rule"),
        Scope::of("many-packets", &other, Metric::Packets, Direction::Above),
        Scope::of("many-packets", &host(), Metric::Bytes, Direction::Above),
        Scope::of("many-packets", &host(), Metric::Packets, Direction::Below),
        Scope {
            filter: Some("src host 198.51.100.2".to_owned()),
            ..Scope::default()
        },
        Scope {
            name: Some("*.example.org".to_owned()),
            ..Scope::default()
        },
    ];
    let mut measures: Vec<_> = (1..)
        .zip(scopes)
        .map(|(id, s)| measure(id, Steer::Excuse, s))
        .collect();
    let mut past = measure(9, Steer::Excuse, series("many-packets"));
    past.0.until = Some(Timestamp::from_secs(START + 180));
    measures.push(past);
    let mut engine = of(many_packets());
    engine.steer(measures).unwrap();
    let at = minutes(&mut engine, 0, 3, &QUIET);
    minutes(&mut engine, at, 1, &[burst(STRANGER, 300)]);
    engine.finish();
    assert_eq!(fired(&engine), [3]);
    assert!(engine.effects().all(|effect| effect.held == 0));
}

#[test]
fn a_raised_threshold_holds_back_the_like_and_lets_the_worse_through() {
    let play = |score: f64, packets: u32| {
        let mut engine = of(unusual_packets());
        let raise = measure(1, Steer::Raise { score }, series("unusual-packets"));
        engine.steer(vec![raise]).unwrap();
        let mut at = minutes(&mut engine, 0, 120, &QUIET);
        at = minutes(&mut engine, at, 1, &[burst(STRANGER, packets)]);
        minutes(&mut engine, at, 1, &QUIET);
        engine.finish();
        let score = engine.anomalies().first().map(|anomaly| anomaly.worst.score);
        (score, engine.effects().next().unwrap().held)
    };
    let (score, _) = play(0.0, 150);
    let like = score.unwrap();
    assert_eq!(play(like + 1.0, 150), (None, 1));
    assert!(play(like + 1.0, 5000).0.unwrap() > like);
}

#[test]
fn an_accepted_level_is_usual_from_then_on_and_can_be_given_back() {
    let louder = [burst(NEIGHBOUR, 300)];
    let accept = measure(1, Steer::Accept, series("unusual-packets"));
    let mut engine = of(unusual_packets());
    let mut at = minutes(&mut engine, 0, 120, &QUIET);
    at = minutes(&mut engine, at, 3, &louder);
    assert_eq!(fired(&engine).len(), 1);
    engine.steer(vec![accept.clone()]).unwrap();
    at = minutes(&mut engine, at, 12, &louder);
    let effect = *engine.effects().next().unwrap();
    assert!((20.0..60.0).contains(&effect.before.unwrap()), "{effect:?}");
    assert!((250.0..350.0).contains(&effect.after.unwrap()), "{effect:?}");
    let ended = |engine: &Engine| engine.anomalies().iter().filter(|a| a.ended_at.is_some()).count();
    assert_eq!(ended(&engine), 1, "what is usual now deviates no more");
    // What was learned goes on after a restart, and so does what it takes to undo it.
    let snapshot = engine.snapshot();
    let mut later = of(unusual_packets());
    later.restore(snapshot).unwrap();
    let told = (accept.0.clone(), effect);
    later.steer(vec![told.clone()]).unwrap();
    // Longer than the grace after a start.
    at = minutes(&mut later, at, 30, &louder);
    assert_eq!(fired(&later), [0; 0]);
    // What used to be usual would be a dip now, but not once the level is given back.
    let dips = |taken_back: bool| {
        let mut engine = of(unusual_packets());
        engine.restore(later.snapshot()).unwrap();
        engine.steer(vec![told.clone()]).unwrap();
        let mut at = minutes(&mut engine, at, 30, &louder);
        if taken_back {
            engine.steer(vec![]).unwrap();
        }
        at = minutes(&mut engine, at, 3, &QUIET);
        minutes(&mut engine, at, 1, &QUIET);
        engine.finish();
        fired(&engine).len()
    };
    assert_eq!((dips(false), dips(true)), (1, 0));
}

#[test]
fn a_measure_that_cannot_be_read_is_refused_and_changes_nothing() {
    let mut engine = of(many_packets());
    engine
        .steer(vec![measure(1, Steer::Excuse, series("many-packets"))])
        .unwrap();
    let wrong = Scope {
        filter: Some("src hast 10.0.0.1".to_owned()),
        ..Scope::default()
    };
    assert!(engine.steer(vec![measure(2, Steer::Excuse, wrong)]).is_err());
    assert_eq!(engine.effects().next().unwrap().measure, 1);
}
