//! Data that came before its Template: kept for a while, in order, within bounds.

use super::clock::Clock;
use crate::model::Timestamp;
use crate::wire::export::Version;
use std::collections::VecDeque;
use std::time::Duration;

/// Exporters renew Templates at least so often by default; data that waited longer is given up.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// One Set of data without a Template.
#[derive(Clone, Debug)]
pub(super) struct WaitingSet {
    pub version: Version,
    pub domain: u32,
    /// The Template it waits for.
    pub id: u16,
    /// When its message arrived.
    pub at: Timestamp,
    /// The clocks of its message.
    pub clock: Clock,
    /// Offset of the Set in its message.
    pub offset: u32,
    /// Whether its message ended inside it.
    pub cut: bool,
    pub body: Box<[u8]>,
}

/// Sets that wait, the oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiting {
    sets: VecDeque<WaitingSet>,
    octets: usize,
}

fn weight(set: &WaitingSet) -> usize {
    size_of::<WaitingSet>() + set.body.len()
}

impl Waiting {
    /// Keeps a Set; the oldest go when there is more than `limit` octets. Gives how many were given up, the new one
    /// itself where it is too long.
    pub fn push(&mut self, set: WaitingSet, limit: usize) -> u64 {
        let need = weight(&set);
        if need > limit {
            return 1;
        }
        let mut given_up = 0;
        while self.octets + need > limit && self.pop() {
            given_up += 1;
        }
        self.octets += need;
        self.sets.push_back(set);
        given_up
    }

    /// Takes the Sets that wait for a Template, in order of arrival.
    pub fn take(&mut self, version: Version, domain: u32, id: u16) -> Vec<WaitingSet> {
        let wanted = |set: &WaitingSet| (set.version, set.domain, set.id) == (version, domain, id);
        if !self.sets.iter().any(wanted) {
            return Vec::new();
        }
        let (taken, left) = std::mem::take(&mut self.sets).into_iter().partition(wanted);
        self.sets = left;
        self.octets = self.sets.iter().map(weight).sum();
        let taken: VecDeque<WaitingSet> = taken;
        taken.into()
    }

    /// Gives up what has waited too long, and says how much that was.
    pub fn expire(&mut self, now: Timestamp) -> u64 {
        let mut given_up = 0;
        while self.sets.front().is_some_and(|set| now.since(set.at) > PATIENCE) && self.pop() {
            given_up += 1;
        }
        given_up
    }

    /// Octets it occupies.
    pub fn memory(&self) -> usize {
        self.octets
    }

    fn pop(&mut self) -> bool {
        let Some(set) = self.sets.pop_front() else {
            return false;
        };
        self.octets -= weight(&set);
        true
    }
}
