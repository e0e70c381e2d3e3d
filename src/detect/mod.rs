//! L2: the statistics of judging one series, and of tests on events.
//!
//! Everything here is pure and online: constant time and bounded state for an interval, no clock, no randomness, the
//! same input gives the same output. Scores are -ln of a probability, so that thresholds follow from a budget of false
//! alarms ([`Budget`]) and scores of all tests can be compared. State is serialisable.
//!
//! * [`Baseline`]: one series against its own past, seasons included.
//! * [`SequentialSeries`], [`Sequential`]: small lasting rises of a count.
//! * [`ScanWalk`]: whether a source's contacts fail as a scanner's do.
//! * [`Beats`]: whether contacts come at a pace.
//! * [`Newcomers`]: an entity without a past against other newcomers.
//! * [`limit`]: a configured limit.
//!
//! ```text
//! closed interval:  verdict = baseline.judge(at, x, noise, prior)     learns nothing
//!                   verdict.rise or .dip >= budget.threshold(..)      a deviation
//!                   baseline.learn(at, x, prior, hold)                hold: is an anomaly open? is data missing?
//! ```

mod baseline;
mod beacon;
mod budget;
pub mod constants;
mod fleet;
mod level;
pub mod limit;
mod low;
mod negbin;
mod newcomer;
mod profile;
#[cfg(test)]
mod proof;
#[cfg(test)]
mod proof_counts;
#[cfg(test)]
mod proof_fleet;
#[cfg(test)]
mod proof_slow;
mod restless;
mod scan;
mod season;
mod sequential;
mod silence;
#[cfg(test)]
mod simulate;
mod slow;
mod tail;
mod transform;
mod young;

pub use baseline::{Band, Baseline, Hold, SlowVerdict, Verdict};
pub use beacon::{Beats, Rhythm};
pub use budget::{Budget, Channel, Watched};
pub use fleet::{Priors, Refit, TailRecord};
pub use newcomer::Newcomers;
pub use scan::{ScanWalk, Theta, ThetaEstimate};
pub use sequential::{Evidence, Sequential, SequentialSeries};
pub use tail::Prior;
pub use transform::Class;
pub use young::{Young, YoungVerdict};
