//! The anomalies that were opened, earlier runs too: what people may still speak of when their run is over.

use crate::model::{AnomalyId, Opened, Timestamp};
use std::collections::VecDeque;

/// So many are remembered, the newest.
const MOST: usize = 10_000;

/// Anomalies in order of their opening, bounded.
#[derive(Clone, Debug, Default)]
pub(super) struct OpenedLog {
    log: VecDeque<Opened>,
}

impl OpenedLog {
    /// Takes down one that was opened; the oldest makes room.
    pub(super) fn add(&mut self, id: u64, rule: &str, at: Timestamp) {
        self.push(Opened {
            id: AnomalyId(id),
            rule: rule.to_owned(),
            at,
        });
    }

    fn push(&mut self, opened: Opened) {
        if self.log.len() >= MOST {
            self.log.pop_front();
        }
        self.log.push_back(opened);
    }

    /// All of them, oldest first.
    pub(super) fn all(&self) -> impl Iterator<Item = &Opened> {
        self.log.iter()
    }

    /// Puts those of an earlier run before its own.
    pub(super) fn restore(&mut self, earlier: Vec<Opened>) {
        let own = std::mem::take(&mut self.log);
        earlier
            .into_iter()
            .chain(own)
            .for_each(|opened| self.push(opened));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_stay_and_those_of_an_earlier_run_come_first() {
        let mut log = OpenedLog::default();
        for id in 0..MOST as u64 {
            log.add(id, "scan", Timestamp::from_secs(id as i64));
        }
        let earlier = Opened {
            id: AnomalyId(1 << 40),
            rule: "stranger".to_owned(),
            at: Timestamp::MIN,
        };
        log.restore(vec![earlier]);
        assert_eq!(log.all().count(), MOST);
        assert_eq!(
            log.all().next().unwrap().id,
            AnomalyId(0),
            "the earlier one had to go"
        );
    }
}
