//! What a route is: whom it is for, when it speaks, and how often.

use super::digest::Due;
use crate::model::{Act, Calendar, Severity, Timestamp};
use std::time::Duration;

/// A way to somebody who is to be told. Its channel is for whoever sends.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// Its name.
    pub name: String,
    /// What matters at least so much is told.
    pub least: Severity,
    /// Only anomalies of these rules; empty for all.
    pub rules: Vec<String>,
    /// Only anomalies of these kinds; empty for all.
    pub kinds: Vec<String>,
    /// It speaks only while one of these holds; empty for always.
    pub during: Vec<Calendar>,
    /// It does not speak while one of these holds.
    pub outside: Vec<Calendar>,
    /// While one of these holds only what is critical is told at once; the rest waits for its end.
    pub quiet: Vec<Calendar>,
    /// What it tells of.
    pub on: On,
    /// What one message is about.
    pub by: By,
    /// How many messages at most.
    pub budget: Option<Budget>,
    /// What is summed up now and then.
    pub digest: Option<Digest>,
    /// What happens when nobody acknowledges.
    pub escalation: Option<Escalation>,
    /// It gets only what other routes escalate to it.
    pub is_last_resort: bool,
    /// Whether it tells of the program's own troubles.
    pub own: bool,
    /// How often it says that the program is alive.
    pub heartbeat: Option<Duration>,
    /// How often what is open is told again, for receivers that forget.
    pub refresh: Option<Duration>,
}

/// What one message is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// An incident: further anomalies of one that was told join it.
    #[default]
    Incident,
    /// An anomaly.
    Anomaly,
}

/// What a route tells of, beside what begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct On {
    /// More is known, or it grew worse.
    pub updated: bool,
    /// It became graver.
    pub escalated: bool,
    /// Somebody looks after it, or nobody does any more.
    pub acknowledged: bool,
    /// It has an owner, a comment or a verdict.
    pub discussed: bool,
    /// It is over.
    pub closed: bool,
}

impl Default for On {
    fn default() -> Self {
        Self {
            updated: false,
            escalated: true,
            acknowledged: true,
            discussed: false,
            closed: true,
        }
    }
}

impl On {
    /// Whether it tells of `act`; of what begins it always does.
    pub fn tells(&self, act: &Act) -> bool {
        match act {
            Act::Opened { .. } | Act::Reopened => true,
            Act::Updated => self.updated,
            Act::Escalated { .. } => self.escalated,
            Act::Acknowledged { .. } | Act::Unacknowledged => self.acknowledged,
            Act::Assigned { .. } | Act::Commented { .. } | Act::Judged { .. } | Act::Retracted => {
                self.discussed
            }
            Act::Closed { .. } => self.closed,
        }
    }
}

/// At most `messages` that say something new within any stretch of `per`.
///
/// The last of them is kept for the message that counts what is held back. What follows up a message that was told (somebody
/// looks after it, it is over) costs nothing: there is at most one of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// From 1.
    pub messages: u32,
    /// The stretch.
    pub per: Duration,
    /// How long to gather before what is held back is counted in a message.
    pub wait: Duration,
}

/// What does not matter enough to be told by itself, summed up.
#[derive(Clone, Debug, PartialEq)]
pub struct Digest {
    /// When.
    pub due: Due,
    /// What matters at least so much is in it.
    pub least: Severity,
}

/// What happens when nobody acknowledges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Escalation {
    /// Within this.
    pub after: Duration,
    /// The route that is told then; it may be the same.
    pub to: String,
    /// So many times, `after` between two; from 1.
    pub times: u32,
    /// Only of what matters at least so much.
    pub least: Severity,
}

/// A trouble of the program itself, or its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Own {
    /// Names it: the same trouble has the same name.
    pub name: String,
    /// What it is and what follows, in words.
    pub text: String,
    /// How much it matters.
    pub severity: Severity,
    /// It is well again.
    pub is_over: bool,
}

impl Route {
    /// A route that tells of everything that is at least `least`, with neither budget nor escalation.
    pub fn new(name: &str, least: Severity) -> Self {
        Self {
            name: name.to_owned(),
            least,
            rules: Vec::new(),
            kinds: Vec::new(),
            during: Vec::new(),
            outside: Vec::new(),
            quiet: Vec::new(),
            on: On::default(),
            by: By::default(),
            budget: None,
            digest: None,
            escalation: None,
            is_last_resort: false,
            own: false,
            heartbeat: None,
            refresh: None,
        }
    }

    /// Whether it speaks at `at`.
    pub fn speaks(&self, at: Timestamp) -> bool {
        let during = self.during.is_empty() || self.during.iter().any(|one| one.holds(at));
        during && !self.outside.iter().any(|one| one.holds(at))
    }

    /// Whether what is not critical waits at `at`.
    pub fn is_quiet(&self, at: Timestamp) -> bool {
        self.quiet.iter().any(|one| one.holds(at))
    }

    /// Whether anomalies of this rule and kind concern it.
    pub fn concerns(&self, rule: &str, kind: &str) -> bool {
        let among = |list: &[String], name: &str| list.is_empty() || list.iter().any(|one| one == name);
        among(&self.rules, rule) && among(&self.kinds, kind)
    }
}
