//! What people silenced and is still open: when the silence ends, it is told as if it began then.

use super::decision::Decision;
use super::machine::{Facts, Now, Turn};
use crate::model::{AnomalyId, Severity};
use std::time::Duration;

/// Silenced anomalies of a route that are remembered.
const SILENCED: usize = 1000;
/// How often it is looked whether a silence has ended.
const LOOK: Duration = Duration::from_secs(10);

impl Turn<'_> {
    /// Remembers an anomaly that is silenced now.
    pub(super) fn hush(&mut self, facts: &Facts) {
        self.state.account.silenced += 1;
        if self.state.silenced.len() < SILENCED {
            self.state.silenced.insert(facts.id, facts.clone());
        } else {
            self.state.account.unfollowed += 1;
        }
    }

    /// One that is remembered became graver.
    pub(super) fn hush_graver(&mut self, id: AnomalyId, severity: Severity) {
        if let Some(known) = self.state.silenced.get_mut(&id) {
            known.severity = known.severity.max(severity);
        }
    }

    /// Tells of anomalies whose silence has ended while they go on.
    pub(super) fn unsilence(&mut self, now: &Now<'_>, told: &mut Vec<Decision>) {
        // A clock that was set back must not keep it from looking.
        let is_soon = |then| then <= now.at && now.at.since(then) < LOOK;
        if self.state.silenced.is_empty() || self.state.looked.is_some_and(is_soon) {
            return;
        }
        self.state.looked = Some(now.at);
        let over = self
            .state
            .silenced
            .keys()
            .copied()
            .filter(|&id| !(now.silenced)(id));
        for id in over.collect::<Vec<_>>() {
            if let Some(facts) = self.state.silenced.remove(&id) {
                self.state.account.silenced -= 1;
                self.heed(&facts, now.at, told);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::dispatch::tests::{Play, plays, route};
    use crate::dispatch::{Budget, Route};
    use crate::model::Severity;
    use std::time::Duration;

    #[test]
    fn what_goes_on_when_its_silence_ends_is_told_then_and_what_ended_is_not() {
        let play = plays(
            vec![route("chat", Severity::High)],
            "1 silence 1
             1 silence 2
             1 silence 3
             2 opened 1 critical
             2 opened 2 critical
             2 opened 3 low
             3 closed 2
             15 speak 1
             15 speak 2
             15 speak 3
             30 closed 1",
            40,
            "23 chat opened incident-1 1
             30 chat closed incident-1 1",
        );
        let account = play.desk.states()["chat"].account;
        assert_eq!(
            (account.offered, account.silenced, account.told, account.passed),
            (3, 1, 1, 1)
        );
    }

    #[test]
    fn what_became_graver_under_a_silence_is_told_as_it_then_is_over_a_restart_too() {
        plays(
            vec![route("chat", Severity::High)],
            "1 silence 1
             2 opened 1 low
             3 escalated 1 critical
             4 restart -
             15 speak 1",
            40,
            "25 chat opened incident-1 1",
        );
    }

    #[test]
    fn a_silence_that_ends_over_many_costs_no_more_than_the_budget() {
        let chat = Route {
            budget: Some(Budget {
                messages: 3,
                per: Duration::from_secs(600),
                wait: Duration::from_secs(5),
            }),
            ..route("chat", Severity::Low)
        };
        let mut play = Play::of(vec![chat]);
        for id in 1..=50 {
            play.line(&format!("1 silence {id}"));
            play.line(&format!("2 opened {id} high"));
        }
        for id in 1..=50 {
            play.line(&format!("5 speak {id}"));
        }
        play.until(30);
        let state = &play.desk.states()["chat"];
        assert!((1..=3).contains(&play.told.len()), "{}", play.told.len());
        assert_eq!(state.account.known(state.waiting()), 50);
    }
}
