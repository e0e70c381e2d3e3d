//! What holds for every history: nothing is forgotten, and no budget is passed.

use super::tests::{Play, SECOND, at};
use super::*;
use crate::model::Severity;
use proptest::prelude::*;

fn routes(messages: u32, by: By) -> Vec<Route> {
    let chat = Route {
        by,
        budget: Some(Budget {
            messages,
            per: SECOND * 100,
            wait: SECOND * 5,
        }),
        digest: Some(Digest {
            due: Due::Every(SECOND * 200),
            least: Severity::Low,
        }),
        escalation: Some(Escalation {
            after: SECOND * 40,
            to: "chat".to_owned(),
            times: 2,
            least: Severity::Critical,
        }),
        ..Route::new("chat", Severity::High)
    };
    vec![chat, Route::new("all", Severity::Low)]
}

/// Lines of a history: seconds between, act, anomaly, severity.
fn histories() -> impl Strategy<Value = Vec<(u64, usize, u64, usize)>> {
    proptest::collection::vec((0..12u64, 0..6usize, 0..12u64, 0..3usize), 1..80)
}

const ACTS: [&str; 6] = [
    "opened",
    "opened",
    "escalated",
    "closed",
    "acknowledged",
    "updated",
];
const SEVERITIES: [&str; 3] = ["low", "high", "critical"];

proptest! {
    #[test]
    fn nothing_is_forgotten_and_no_budget_is_passed(
        history in histories(), messages in 1..6u32, by in prop_oneof![Just(By::Incident), Just(By::Anomaly)],
    ) {
        let mut play = Play::of(routes(messages, by));
        let mut second = 0;
        for (n, (gap, act, anomaly, severity)) in history.iter().enumerate() {
            second += gap;
            let (act, severity) = (ACTS[*act], SEVERITIES[*severity]);
            play.line(&format!("{second} {act} {anomaly}.{} {severity}", anomaly / 3));
            if n % 7 == 0 {
                play.line(&format!("{second} restart -"));
            }
        }
        play.until(second + 400);
        for (name, state) in play.desk.states() {
            let account = state.account;
            prop_assert_eq!(account.offered, account.known(state.waiting()), "{}: {:?}", name, account);
        }
        let new = |d: &&Decision| d.route == "chat"
            && !matches!(d.phase, Phase::Closed | Phase::Acknowledged | Phase::Digest);
        let times: Vec<_> = play.told.iter().filter(new).map(|d| d.at).collect();
        for (i, start) in times.iter().enumerate() {
            let within = times[i..].iter().filter(|time| time.since(*start) < SECOND * 100).count();
            prop_assert!(within <= messages as usize, "{} messages from {}", within, start.since(at(0)).as_secs());
        }
        let mut ids: Vec<String> = play.told.iter().map(Decision::id).collect();
        let all = ids.len();
        ids.sort();
        ids.dedup();
        prop_assert_eq!(ids.len(), all, "a name for each message");
        // In the end everything that waited was told: nothing is held back for ever.
        prop_assert_eq!(play.desk.states()["chat"].held(), 0);
    }
}
