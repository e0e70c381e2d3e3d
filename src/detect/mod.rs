//! L2: the statistics of judging one series, and of tests on events.
//!
//! Everything here is pure and online: constant time and bounded state for an interval, no clock, no randomness, the
//! same input gives the same output. Scores are -ln of a probability, so that a threshold follows from a budget of
//! false alarms ([`Budget`]) and scores of all tests can be compared. State is serialisable.
//!
//! * [`Baseline`]: one series against its own past.

mod baseline;
pub mod constants;
mod level;
mod low;
mod negbin;
mod profile;
mod season;
mod silence;
mod tail;
mod transform;

pub use baseline::{Baseline, Hold, Verdict};
pub use tail::Prior;
pub use transform::Class;
