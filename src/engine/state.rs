//! What was learned, in a form that can be kept and carried on.

use super::hosts::Hosts;
use super::judge::patterns::Learned;
use super::scoring::Load;
use super::series::EntityState;
use super::steering::Undo;
use crate::aggregate::EntityKey;
use crate::collect::Memory;
use crate::detect::{Newcomers, Priors, ThetaEstimate};
use crate::model::{RuleAccount, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// Everything a Judge learned. The order of entities is that of their keys, so the same learning gives the same
/// octets.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Snapshot {
    /// Length of the interval it was learned under, in nanoseconds.
    pub(super) interval: u64,
    /// End of the last interval.
    pub(super) until: Timestamp,
    /// Whole intervals learned from.
    pub(super) learned: u64,
    pub(super) views: Vec<SavedView>,
    pub(super) hosts: Hosts,
    pub(super) load: Load,
    /// What each rule did.
    pub(super) accounts: Vec<RuleAccount>,
    /// How many anomalies of each rule were open.
    pub(super) open: BTreeMap<String, u64>,
    pub(super) theta: ThetaEstimate,
    /// How heavy tails are in the network, and the day whose end taught it.
    pub(super) priors: Priors,
    pub(super) refitted: Timestamp,
    pub(super) patterns: Learned,
    pub(super) new_hosts: Vec<u32>,
    /// What was usual before people accepted a level.
    pub(super) undo: Vec<Undo>,
    /// Templates and sampling rates, by Front.
    pub(super) exporters: Vec<Memory>,
}

/// What was learned in one view; `name` says which (its dimensions, filter and metrics).
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct SavedView {
    pub(super) name: String,
    pub(super) entities: Vec<(EntityKey, EntityState)>,
    pub(super) newcomers: Vec<Newcomers>,
}

/// Why a snapshot cannot be carried on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// Baselines of another interval mean something else.
    #[error("it was learned with intervals of {saved} s, the configuration says {configured} s")]
    Interval {
        /// Of the snapshot.
        saved: u64,
        /// Of the configuration.
        configured: u64,
    },
}

impl Snapshot {
    /// How many entities it remembers.
    pub fn entities(&self) -> usize {
        self.views.iter().map(|view| view.entities.len()).sum()
    }

    /// What each rule did, in no particular order.
    pub fn accounts(&self) -> &[RuleAccount] {
        &self.accounts
    }

    /// Length of the interval it was learned under.
    pub fn interval(&self) -> Duration {
        Duration::from_nanos(self.interval)
    }

    /// What a rule did.
    pub fn rule_account(&self, name: &str) -> Option<&RuleAccount> {
        self.accounts.iter().find(|account| account.rule == name)
    }

    /// How many anomalies of a rule were open.
    pub fn open(&self, name: &str) -> u64 {
        self.open.get(name).copied().unwrap_or(0)
    }

    /// End of the last interval it learned from.
    pub fn until(&self) -> Timestamp {
        self.until
    }
}
