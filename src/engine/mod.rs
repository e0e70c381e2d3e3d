//! L3: the stages composed. It has never met a socket, a file or a clock: time comes in with the traffic.
//!
//! Two halves with a seam between them. A [`Front`] decodes, meters, enriches and aggregates its share of the traffic
//! into a [`Partial`] per tick; it holds no baseline. The [`Judge`] merges the partials of all Fronts, closes
//! intervals, keeps baselines, opens and closes anomalies. Partials merge commutatively and associatively, so any
//! split of the same conversations over Fronts gives the same anomalies with the same ids. [`Engine`] is both halves
//! on one thread, with the clock of event time between them.

mod clock;
mod config;
mod evidence;
mod front;
mod hosts;
mod judge;
mod ledger;
mod memo;
mod partial;
mod plan;
mod scoring;
mod series;
mod state;

pub use config::Config;
pub use front::{Front, FrontStats};
pub use judge::{Judge, JudgeStats, Watched};
pub use ledger::{Event, What};
pub use partial::Partial;
pub use plan::PlanError;
pub use state::{Snapshot, StateError};

use crate::enrich::Origins;
use crate::model::{Anomaly, RawPacket, Timestamp};
use crate::wire::{Packet, Undecoded, decode};
use clock::{Clock, Seen};
use std::sync::Arc;

/// Both halves on one thread. See the module's documentation.
#[derive(Debug)]
pub struct Engine {
    config: Arc<Config>,
    clock: Clock,
    fronts: Vec<Front>,
    judge: Judge,
}

impl Engine {
    /// An engine with `fronts` Fronts (at least one).
    ///
    /// # Errors
    ///
    /// [`PlanError`]: a rule's filter or dimensions cannot be used.
    pub fn new(config: Config, origins: Arc<Origins>, fronts: usize) -> Result<Self, PlanError> {
        let fronts = fronts.max(1);
        let config = Arc::new(config);
        Ok(Self {
            clock: Clock::new(config.tick),
            fronts: (0..fronts)
                .map(|_| Front::new(&config, Arc::clone(&origins)))
                .collect(),
            judge: Judge::new(Arc::clone(&config), origins, fronts)?,
            config,
        })
    }

    /// Takes in one frame.
    ///
    /// # Errors
    ///
    /// [`Undecoded`]: the frame carries no IP packet that can be read; nothing else happened.
    #[inline]
    pub fn observe(&mut self, raw: &RawPacket<'_>) -> Result<(), Undecoded> {
        let packet = decode(raw.link, raw.octets, raw.original_length, self.config.decap)?;
        let at = match self.clock.see(raw.at) {
            Seen::Inside => raw.at,
            Seen::Crossed => {
                self.advance(raw.at);
                raw.at
            }
            // A single instant far ahead of all others: until a second one confirms it, it happens now.
            Seen::Doubtful => self.clock.newest(),
        };
        let front = self.front_of(&packet);
        if let Some(front) = self.fronts.get_mut(front) {
            front.observe(at, &packet);
        }
        Ok(())
    }

    /// Says that event time has come to `at`: ticks and intervals before it end.
    #[cold]
    pub fn advance(&mut self, at: Timestamp) {
        while let Some(until) = self.clock.next_tick(at) {
            self.flush(until);
            let idle = self.fronts.iter().all(Front::is_idle);
            if idle {
                self.clock.skip_to(at);
            }
        }
    }

    /// Ends everything that is still open on this side of the seam; anomalies that go on stay without an end.
    pub fn finish(&mut self) {
        let Some(until) = self.clock.end() else { return };
        for front in &mut self.fronts {
            front.finish();
        }
        self.flush(until);
        self.judge.finish();
    }

    /// The next thing that happened to an anomaly.
    pub fn poll(&mut self) -> Option<Event> {
        self.judge.poll()
    }

    /// All anomalies of this run so far, with their incidents, in order of their start.
    pub fn anomalies(&self) -> Vec<Anomaly> {
        self.judge.anomalies()
    }

    /// What the Fronts counted, summed.
    pub fn front_stats(&self) -> FrontStats {
        self.fronts
            .iter()
            .fold(FrontStats::default(), |sum, front| sum.plus(&front.stats()))
    }

    /// What the Judge counted.
    pub fn judge_stats(&self) -> JudgeStats {
        self.judge.stats()
    }

    /// Frames whose time was far ahead of all others and was not believed.
    pub fn doubtful_times(&self) -> u64 {
        self.clock.doubted()
    }

    /// What was learned, to carry on later.
    pub fn snapshot(&self) -> Snapshot {
        self.judge.snapshot()
    }

    /// Carries on with what an earlier run learned.
    ///
    /// # Errors
    ///
    /// [`StateError`]: it was learned under another interval; nothing was taken over.
    pub fn restore(&mut self, snapshot: Snapshot) -> Result<(), StateError> {
        self.judge.restore(snapshot)
    }

    fn flush(&mut self, until: Timestamp) {
        for (i, front) in self.fronts.iter_mut().enumerate() {
            self.judge.accept(i, front.flush(until));
            self.judge
                .spare()
                .into_iter()
                .for_each(|spare| front.reuse(spare));
        }
    }

    /// Which Front meters a packet: both directions and all fragments of a conversation go to the same one.
    #[inline]
    fn front_of(&self, packet: &Packet<'_>) -> usize {
        if self.fronts.len() == 1 {
            return 0;
        }
        let ends = packet.key.src.bits() ^ packet.key.dst.bits();
        let mixed = (ends as u64 ^ (ends >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 32) as usize % self.fronts.len()
    }
}

#[cfg(test)]
mod test_data;
#[cfg(test)]
mod tests;
