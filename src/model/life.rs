//! What happens to an anomaly after it was found: the lines of its history, and what people may do.

use super::{AnomalyId, Severity, Timestamp, Verdict};
use serde::{Deserialize, Serialize};

/// The longest text a person may write, in characters: notes, comments, reasons.
pub const MAX_WORDS: usize = 4000;
/// The longest name of a person or place.
pub const MAX_NAME: usize = 128;
/// Who acts when nobody does.
pub const MACHINE: &str = "tidemark";

/// What happened to an anomaly, or what somebody did about it. Its name in JSON and on the command line is in kebab case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Act {
    /// It began.
    Opened {
        /// How much it mattered then.
        severity: Severity,
    },
    /// It grew worse, or more is known of it.
    Updated,
    /// It became graver.
    Escalated {
        /// How much it matters now.
        severity: Severity,
    },
    /// It is over.
    Closed {
        /// End of its last deviating interval; none where it was lost sight of.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ended_at: Option<Timestamp>,
    },
    /// It was over, and came back soon enough to be the same.
    Reopened,
    /// Somebody looks after it: nobody else needs to be told.
    Acknowledged {
        /// In their words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// Nobody looks after it any more.
    Unacknowledged,
    /// It is somebody's to solve, or nobody's.
    Assigned {
        /// Whose.
        to: Option<String>,
    },
    /// Somebody said something.
    Commented {
        /// What.
        text: String,
    },
    /// Somebody said what it was.
    Judged {
        /// What.
        verdict: Verdict,
        /// What follows from it ends then; none for good.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
        /// In their words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// What it was is open again, and what followed from the verdict ends.
    Retracted,
}

impl Act {
    /// Its name, as in JSON.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "opened",
            Self::Updated => "updated",
            Self::Escalated { .. } => "escalated",
            Self::Closed { .. } => "closed",
            Self::Reopened => "reopened",
            Self::Acknowledged { .. } => "acknowledged",
            Self::Unacknowledged => "unacknowledged",
            Self::Assigned { .. } => "assigned",
            Self::Commented { .. } => "commented",
            Self::Judged { .. } => "judged",
            Self::Retracted => "retracted",
        }
    }

    /// Whether people do it; the others are the machine's alone.
    pub const fn is_human(&self) -> bool {
        matches!(
            self,
            Self::Acknowledged { .. }
                | Self::Unacknowledged
                | Self::Assigned { .. }
                | Self::Commented { .. }
                | Self::Judged { .. }
                | Self::Retracted
        )
    }
}

/// One line of an anomaly's history. It is never changed and never removed while the anomaly is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place among all lines of all anomalies, from 1.
    pub seq: u64,
    /// When it was written, by the wall clock.
    pub at: Timestamp,
    /// Who: [`MACHINE`], or a person's name.
    pub by: String,
    /// Of which anomaly.
    pub anomaly: AnomalyId,
    /// What.
    #[serde(flatten)]
    pub act: Act,
}

/// Anomalies that nobody is to be told of for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// Names it, from 1.
    pub id: u64,
    /// Which: a filter over anomalies.
    pub filter: String,
    /// First instant at which it no longer holds.
    pub until: Timestamp,
    /// Who wants it.
    pub by: String,
    /// Why.
    pub why: String,
    /// Since when.
    pub made_at: Timestamp,
    /// When somebody ended it before its time.
    pub ended_at: Option<Timestamp>,
    /// Anomalies it fell on so far.
    pub held: u64,
}

impl Silence {
    /// Whether it holds at `at`.
    pub fn is_active(&self, at: Timestamp) -> bool {
        self.ended_at.is_none() && self.made_at <= at && at < self.until
    }
}
