//! One anomaly's life: a state machine stepped once per judged interval (DETECTION 4.9).

use crate::model::{Deviation, Interval, Timestamp};
use serde::{Deserialize, Serialize};

/// When an episode opens, holds, escalates and closes. Scores are -ln of a probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    /// An interval with at least this score keeps an open episode open: ln 20.
    pub hold: f64,
    /// Quiet intervals after which it closes.
    pub quiet: u32,
    /// A deviation within this many intervals of the close belongs to the same episode.
    pub reopen: u32,
    /// How much the peak score must grow to escalate once more: ln 100.
    pub escalate: f64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            hold: 20f64.ln(),
            quiet: 5,
            reopen: 10,
            escalate: 100f64.ln(),
        }
    }
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A deviation began it.
    Opened,
    /// It goes on; this interval is its worst so far.
    Worse,
    /// It goes on.
    Held,
    /// It goes on, and its peak grew by the next power of a hundred.
    Escalated,
    /// It is over.
    Closed,
    /// It was over and stays so.
    Quiet,
    /// It was over but came back soon enough to be the same.
    Reopened,
}

/// An episode of one series on one side.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Episode {
    /// The anomaly's id.
    pub id: u64,
    /// Start of the first deviating interval.
    pub started_at: Timestamp,
    /// End of the last deviating interval.
    pub last_at: Timestamp,
    peak: f64,
    escalated_at: f64,
    quiet: u32,
    open: bool,
}

impl Episode {
    /// An episode that begins with `deviation` in `interval`.
    pub fn open(id: u64, interval: Interval, deviation: &Deviation) -> Self {
        Self {
            id,
            started_at: interval.start,
            last_at: interval.end,
            peak: deviation.score,
            escalated_at: deviation.score,
            quiet: 0,
            open: true,
        }
    }

    /// Whether it is open.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Whether it is over for good and can be forgotten.
    pub fn is_over(&self, policy: &Policy) -> bool {
        !self.open && self.quiet >= policy.quiet + policy.reopen
    }

    /// Judges one more interval: its score, and whether the score passes the threshold for opening.
    pub fn step(&mut self, interval: Interval, score: f64, passes: bool, policy: &Policy) -> Step {
        if score < policy.hold || (!self.open && !passes) {
            self.quiet += 1;
            let closes = self.open && self.quiet >= policy.quiet;
            self.open &= !closes;
            return if closes {
                Step::Closed
            } else if self.open {
                Step::Held
            } else {
                Step::Quiet
            };
        }
        let reopened = !std::mem::replace(&mut self.open, true);
        self.quiet = 0;
        self.last_at = self.last_at.max(interval.end);
        let worse = score > self.peak;
        self.peak = self.peak.max(score);
        if reopened {
            return Step::Reopened;
        }
        if self.peak >= self.escalated_at + policy.escalate {
            self.escalated_at = self.peak;
            return Step::Escalated;
        }
        if worse { Step::Worse } else { Step::Held }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Steps through scores, one interval each, the first of which opens; a score of 15 or more passes.
    fn life(scores: &[f64]) -> String {
        let policy = Policy::default();
        let minute =
            |n: usize| Interval::holding(Timestamp::from_secs(60 * n as i64), Duration::from_secs(60));
        let first = Deviation {
            score: scores[0],
            ..Deviation::default()
        };
        let mut episode = Episode::open(1, minute(0), &first);
        let mut steps = vec!["Opened".to_owned()];
        for (n, &score) in scores.iter().enumerate().skip(1) {
            steps.push(format!(
                "{:?}",
                episode.step(minute(n), score, score >= 15.0, &policy)
            ));
        }
        format!("{} until {}", steps.join(" "), episode.last_at.as_secs() / 60)
    }

    #[test]
    fn five_quiet_intervals_close_it() {
        assert_eq!(
            life(&[20.0, 21.0, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
            "Opened Worse Held Held Held Held Held Closed until 3"
        );
    }

    #[test]
    fn a_weak_deviation_holds_but_does_not_reopen() {
        assert_eq!(life(&[20.0, 0.0, 3.5, 0.0]), "Opened Held Held Held until 3");
        assert!(
            life(&[20.0, 0.0, 0.0, 0.0, 0.0, 0.0, 3.5])
                .starts_with("Opened Held Held Held Held Closed Quiet")
        );
    }

    #[test]
    fn coming_back_soon_is_the_same_episode() {
        assert!(life(&[20.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 18.0]).ends_with("Closed Quiet Reopened until 8"));
    }

    #[test]
    fn it_escalates_once_per_hundredfold() {
        assert_eq!(
            life(&[20.0, 24.0, 25.0, 26.0, 40.0]),
            "Opened Worse Escalated Worse Escalated until 5"
        );
    }

    #[test]
    fn it_can_be_forgotten_when_it_can_no_longer_come_back() {
        let policy = Policy::default();
        let minute = |n: i64| Interval::holding(Timestamp::from_secs(60 * n), Duration::from_secs(60));
        let mut episode = Episode::open(
            1,
            minute(0),
            &Deviation {
                score: 20.0,
                ..Deviation::default()
            },
        );
        let over_at = (1..).find(|&n| {
            episode.step(minute(n), 0.0, false, &policy);
            episode.is_over(&policy)
        });
        assert_eq!(over_at, Some(15));
    }
}
