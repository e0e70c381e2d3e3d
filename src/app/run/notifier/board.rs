//! How routes stand, for those who look from outside.

use crate::dispatch::Account;
use crate::store::desk::Tally;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// How a route stands, for those who look from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteBoard {
    /// What became of the anomalies.
    pub account: Account,
    /// What became of the messages.
    pub tally: Tally,
    /// Anomalies held back that are in no message yet.
    pub held: u64,
    /// What was last wrong, where the newest attempt failed; without credentials.
    pub failing: Option<String>,
}

/// How all routes stand, by name.
pub type Board = BTreeMap<String, RouteBoard>;

/// The same, kept up to date.
pub type Shown = Arc<Mutex<Board>>;
