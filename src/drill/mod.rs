//! L2: makes the traffic of an incident, seeded and complete, to train people and to test detectors.
//!
//! A [`Plan`] says what, when and how much; [`frames`] streams it as Ethernet frames in time order, holding only the
//! exchanges under way; [`truth`] says what is wrong in it. The same plan gives the same octets on every machine,
//! and the usual traffic of a seed is the same in all scenarios.
//!
//! ```
//! use tidemark::drill::{Plan, Scenario, frames, truth};
//! let mut plan = Plan::new(Scenario::SynFlood, 1);
//! plan.duration = std::time::Duration::from_secs(60);
//! let mut traffic = frames(&plan);
//! let first = traffic.next_frame().unwrap();
//! assert!(first.at >= plan.start && first.octets.len() <= plan.snap);
//! assert_eq!(truth(&plan).victims[0].to_string(), "10.20.10.80");
//! ```

mod background;
mod calendar;
mod dns;
mod exchange;
mod frame;
mod generator;
mod incidents;
mod names;
mod network;
mod payload;
mod rng;
mod scenario;
mod source;
mod stage;
mod talk;
mod tcp;
mod tls;
mod truth;

pub use generator::{FrameRef, Generator, frames};
pub use scenario::{Plan, Scenario, UnknownScenario};
pub use truth::{Truth, truth};

#[cfg(test)]
mod tests;
