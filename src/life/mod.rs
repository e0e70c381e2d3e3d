//! The life of an anomaly: what its history amounts to, and what may still be done.
//!
//! The history is the truth; a [`Life`] is what [`Life::apply`] makes of it, entry by entry, and nothing else.

#[cfg(test)]
mod tests;

use crate::model::{Act, Entry, MAX_NAME, MAX_WORDS, Severity, Timestamp, Verdict};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How an anomaly stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    /// Whether it goes on.
    pub open: bool,
    /// How much it matters now.
    pub severity: Severity,
    /// Who looks after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Acknowledged>,
    /// Whose it is to solve.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignee: Option<String>,
    /// What somebody said it was; the last word counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Said>,
    /// Comments on it.
    pub comments: u32,
    /// Times it came back after it was over.
    pub reopened: u32,
    /// Times it became graver.
    pub escalated: u32,
    /// Place of the newest entry about it.
    pub changed: u64,
    /// When that was written.
    pub changed_at: Timestamp,
}

/// Who looks after an anomaly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledged {
    /// Who.
    pub by: String,
    /// Since when.
    pub at: Timestamp,
    /// In their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What somebody said an anomaly was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// What.
    pub verdict: Verdict,
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What follows from it ends then; none for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// In their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Why something cannot be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Only the machine does that.
    NotForPeople(&'static str),
    /// It would change nothing.
    Already(&'static str),
    /// There is nothing to take back.
    Nothing(&'static str),
    /// A text is empty where it says everything.
    Empty(&'static str),
    /// A text is longer than its limit in characters.
    TooLong(&'static str, usize),
    /// A time to come is in the past.
    Past,
    /// Only what is expected ends by itself.
    NoUntil(&'static str),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotForPeople(act) => write!(f, "`{act}` is what Tidemark itself says of an anomaly"),
            Self::Already(what) => write!(f, "it is {what} already"),
            Self::Nothing(what) => write!(f, "there is no {what} to take back"),
            Self::Empty(what) => write!(f, "the {what} is empty"),
            Self::TooLong(what, most) => write!(f, "the {what} is longer than {most} characters"),
            Self::Past => f.write_str("`until` is in the past"),
            Self::NoUntil(verdict) => write!(
                f,
                "`until` goes with the verdict `expected`, not with `{verdict}`"
            ),
        }
    }
}

impl std::error::Error for Refusal {}

impl Life {
    /// Goes on by one entry of its history.
    pub fn apply(&mut self, entry: &Entry) {
        match &entry.act {
            Act::Opened { severity } => {
                self.open = true;
                self.severity = *severity;
            }
            Act::Updated => {}
            Act::Escalated { severity } => {
                self.severity = *severity;
                self.escalated += 1;
            }
            Act::Closed { .. } => self.open = false,
            Act::Reopened => {
                self.open = true;
                self.reopened += 1;
            }
            Act::Acknowledged { note } => {
                self.acknowledged = Some(Acknowledged {
                    by: entry.by.clone(),
                    at: entry.at,
                    note: note.clone(),
                });
            }
            Act::Unacknowledged => self.acknowledged = None,
            Act::Assigned { to } => self.assignee.clone_from(to),
            Act::Commented { .. } => self.comments += 1,
            Act::Judged { verdict, until, why } => {
                self.verdict = Some(Said {
                    verdict: *verdict,
                    by: entry.by.clone(),
                    at: entry.at,
                    until: *until,
                    why: why.clone(),
                });
            }
            Act::Retracted => self.verdict = None,
        }
        self.changed = entry.seq;
        self.changed_at = entry.at;
    }

    /// Whether a person may do this to it at `at`.
    ///
    /// # Errors
    ///
    /// [`Refusal`] says why not.
    pub fn allows(&self, act: &Act, at: Timestamp) -> Result<(), Refusal> {
        match act {
            Act::Acknowledged { note } => words("note", note.as_deref())?,
            Act::Unacknowledged if self.acknowledged.is_none() => {
                return Err(Refusal::Nothing("acknowledgement"));
            }
            Act::Assigned { to } if *to == self.assignee => return Err(Refusal::Already("assigned so")),
            Act::Assigned { to: Some(name) } if name.trim().is_empty() => return Err(Refusal::Empty("name")),
            Act::Assigned { to: Some(name) } if name.chars().count() > MAX_NAME => {
                return Err(Refusal::TooLong("name", MAX_NAME));
            }
            Act::Commented { text } if text.trim().is_empty() => return Err(Refusal::Empty("comment")),
            Act::Commented { text } => words("comment", Some(text))?,
            Act::Judged { verdict, until, why } => {
                words("reason", why.as_deref())?;
                match until {
                    Some(_) if *verdict != Verdict::Expected => return Err(Refusal::NoUntil(verdict.name())),
                    Some(until) if *until <= at => return Err(Refusal::Past),
                    _ => {}
                }
            }
            Act::Retracted if self.verdict.is_none() => return Err(Refusal::Nothing("verdict")),
            _ if !act.is_human() => return Err(Refusal::NotForPeople(act.name())),
            _ => {}
        }
        Ok(())
    }
}

fn words(what: &'static str, text: Option<&str>) -> Result<(), Refusal> {
    match text {
        Some(text) if text.chars().count() > MAX_WORDS => Err(Refusal::TooLong(what, MAX_WORDS)),
        _ => Ok(()),
    }
}
