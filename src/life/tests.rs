//! Histories in text, and how the anomaly stands after each line.

use super::*;
use crate::model::{AnomalyId, MACHINE};
use proptest::prelude::*;

const AT: Timestamp = Timestamp::from_secs(1_000);

fn entry(seq: u64, by: &str, act: Act) -> Entry {
    Entry {
        seq,
        at: AT,
        by: by.to_owned(),
        anomaly: AnomalyId(7),
        act,
    }
}

fn act(json: &str) -> Act {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

/// How it stands after these acts, in few words.
fn lived(acts: &[&str]) -> String {
    let mut life = Life::default();
    for (i, json) in acts.iter().enumerate() {
        let act = act(json);
        let by = if act.is_human() { "kim" } else { MACHINE };
        life.apply(&entry(i as u64 + 1, by, act));
    }
    let said = life
        .verdict
        .map(|said| format!(" {} by {}", said.verdict.name(), said.by));
    format!(
        "{} {} ack {} for {} comments {} reopened {}{}",
        if life.open { "open" } else { "closed" },
        life.severity.name(),
        life.acknowledged.map_or("nobody".to_owned(), |a| a.by),
        life.assignee.unwrap_or("nobody".to_owned()),
        life.comments,
        life.reopened,
        said.unwrap_or_default()
    )
}

const OPENED: &str = r#"{"act":"opened","severity":"low"}"#;

#[test]
fn a_life_is_what_its_history_says() {
    assert_eq!(
        lived(&[OPENED]),
        "open low ack nobody for nobody comments 0 reopened 0"
    );
    assert_eq!(
        lived(&[
            OPENED,
            r#"{"act":"updated"}"#,
            r#"{"act":"escalated","severity":"critical"}"#,
            r#"{"act":"acknowledged","note":"mine"}"#,
            r#"{"act":"assigned","to":"lee"}"#,
            r#"{"act":"commented","text":"looks like the backup"}"#,
            r#"{"act":"judged","verdict":"expected"}"#,
            r#"{"act":"closed"}"#,
        ]),
        "closed critical ack kim for lee comments 1 reopened 0 expected by kim"
    );
    assert_eq!(
        lived(&[
            OPENED,
            r#"{"act":"judged","verdict":"false","why":"scanner"}"#,
            r#"{"act":"retracted"}"#,
            r#"{"act":"acknowledged"}"#,
            r#"{"act":"unacknowledged"}"#,
            r#"{"act":"assigned","to":null}"#,
            r#"{"act":"closed","ended_at":"2026-03-02T09:00:00Z"}"#,
            r#"{"act":"reopened"}"#,
        ]),
        "open low ack nobody for nobody comments 0 reopened 1"
    );
}

#[test]
fn what_may_not_be_done_is_refused_with_the_reason() {
    let mut life = Life::default();
    life.apply(&entry(1, MACHINE, act(OPENED)));
    let long = format!(r#"{{"act":"commented","text":"{}"}}"#, "x".repeat(MAX_WORDS + 1));
    for (json, why) in [
        (OPENED, "`opened` is what Tidemark itself says of an anomaly"),
        (
            r#"{"act":"unacknowledged"}"#,
            "there is no acknowledgement to take back",
        ),
        (r#"{"act":"retracted"}"#, "there is no verdict to take back"),
        (r#"{"act":"assigned","to":null}"#, "it is assigned so already"),
        (r#"{"act":"assigned","to":" "}"#, "the name is empty"),
        (r#"{"act":"commented","text":" "}"#, "the comment is empty"),
        (long.as_str(), "the comment is longer than 4000 characters"),
        (
            r#"{"act":"judged","verdict":"attack","until":"2030-01-01T00:00:00Z"}"#,
            "`until` goes with the verdict `expected`, not with `attack`",
        ),
        (
            r#"{"act":"judged","verdict":"expected","until":"1970-01-01T00:00:01Z"}"#,
            "`until` is in the past",
        ),
    ] {
        assert_eq!(life.allows(&act(json), AT).unwrap_err().to_string(), why);
    }
    let fine = r#"{"act":"judged","verdict":"expected","until":"2030-01-01T00:00:00Z"}"#;
    assert_eq!(life.allows(&act(fine), AT), Ok(()));
    assert_eq!(life.allows(&act(r#"{"act":"acknowledged"}"#), AT), Ok(()));
}

#[test]
fn a_misspelt_act_is_refused_when_it_is_read() {
    for wrong in [
        r#"{"act":"acknowleged"}"#,
        r#"{"act":"commented"}"#,
        r#"{"act":"judged","verdict":"purple"}"#,
        r#"{"act":"commented","text":"a","colour":"b"}"#,
    ] {
        assert!(serde_json::from_str::<Act>(wrong).is_err(), "{wrong}");
    }
}

fn acts() -> impl Strategy<Value = Act> {
    prop_oneof![
        Just(act(OPENED)),
        Just(Act::Updated),
        Just(Act::Closed { ended_at: None }),
        Just(Act::Reopened),
        "[a-z]{0,5}".prop_map(|note| Act::Acknowledged { note: Some(note) }),
        Just(Act::Unacknowledged),
        prop::option::of("[a-z]{1,5}").prop_map(|to| Act::Assigned { to }),
        "[a-z]{1,5}".prop_map(|text| Act::Commented { text }),
        (0..4usize).prop_map(|i| Act::Judged {
            verdict: Verdict::ALL[i],
            until: None,
            why: None
        }),
        Just(Act::Retracted),
    ]
}

proptest! {
    /// The store keeps both the history and the life: they never disagree, wherever the life was written down.
    #[test]
    fn a_life_written_down_and_read_goes_on_as_if_nothing_had_been(
        acts in prop::collection::vec(acts(), 0..20),
        cut in 0..20usize,
    ) {
        let entries: Vec<Entry> =
            (1..).zip(acts).map(|(seq, act)| entry(seq, "kim", act)).collect();
        let (mut whole, mut parted) = (Life::default(), Life::default());
        for (i, one) in entries.iter().enumerate() {
            whole.apply(one);
            if i == cut {
                let text = serde_json::to_string(&parted).unwrap();
                parted = serde_json::from_str(&text).unwrap();
            }
            let text = serde_json::to_string(one).unwrap();
            parted.apply(&serde_json::from_str(&text).unwrap());
        }
        prop_assert_eq!(whole, parted);
    }
}
