//! How the engine's thread stands, for those who ask between two batches.

use super::{Standing, Worker};
use crate::app::run::receivers::sums;
use crate::app::summary;
use crate::report::Summary;

impl Standing {
    /// Counters by name, for programs.
    pub const fn counters(&self) -> [(&'static str, u64); 5] {
        [
            ("packets", self.packets),
            ("records", self.records),
            ("anomalies", self.anomalies),
            ("flows_stored", self.stored),
            ("flows_not_stored", self.given_up),
        ]
    }
}

impl Worker {
    /// What the receivers counted, by name.
    pub(in crate::app::run) fn received(&self) -> Vec<(&'static str, u64)> {
        sums(self.receivers.iter().map(|counters| &**counters))
    }

    /// How it stands.
    pub(in crate::app::run) const fn standing_now(&self) -> Standing {
        self.own
    }

    /// What cannot be seen now, a sentence each.
    pub(in crate::app::run) fn blind_now(&self) -> Vec<String> {
        let spots = summary::blind_spots(&self.engine.judge_stats(), &self.engine.front_stats());
        self.blind.iter().cloned().chain(spots).collect()
    }

    /// What the run was until now.
    pub(in crate::app::run) fn summary_now(&self) -> Summary {
        let known = summary::Known {
            files: self.inputs.clone(),
            blind: self.blind.clone(),
            state: Some(&self.folder),
            elapsed: self.began.elapsed(),
        };
        let anomalies = self.engine.anomalies();
        let mut summary = summary::of(known, &self.setup, &self.engine, &self.walk, &anomalies);
        summary.anomalies += self.forgotten;
        summary
    }
}
