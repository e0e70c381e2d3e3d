//! What became of the anomalies that opened, on one route: the sum of it all is what was offered.

use serde::{Deserialize, Serialize};

/// Counters of a route, over all runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Account {
    /// Anomalies that opened.
    pub offered: u64,
    /// Told by a message of their own.
    pub told: u64,
    /// Part of an incident that was told already.
    pub joined: u64,
    /// Held back, and counted by a message since.
    pub grouped: u64,
    /// Counted by a digest.
    pub digested: u64,
    /// Silenced by people; those whose silence ended while they went on are counted by what became of them then.
    pub silenced: u64,
    /// Of rules in shadow.
    pub shadowed: u64,
    /// Not for this route.
    pub passed: u64,
    /// Messages decided on.
    pub messages: u64,
    /// Messages about anomalies that nobody acknowledged in time.
    pub reminders: u64,
    /// Troubles of the program itself that were told.
    pub own: u64,
    /// Follow-ups that the budget had no room for; the history has them.
    pub unsaid: u64,
    /// Anomalies whose end will not be told, or not the end of their silence, because more are followed than there is
    /// room for.
    pub unfollowed: u64,
}

impl Account {
    /// Anomalies of which is known what became of them, those still `waiting` to be counted by a message among them.
    pub const fn known(&self, waiting: u64) -> u64 {
        self.told
            + self.joined
            + self.grouped
            + self.digested
            + self.silenced
            + self.shadowed
            + self.passed
            + waiting
    }
}
