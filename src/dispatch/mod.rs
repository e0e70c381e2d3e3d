//! L2: who is told what, and when: routes, storms, digests and escalation as a pure state machine.
//!
//! History goes in, an [`Entry`](crate::model::Entry) at a time with the [`Facts`] of its anomaly; [`Decision`]s come out.
//! Time is an argument. The state of a route is plain data, so that it lies in the database and moves in the same transaction
//! as the decisions: what was decided before a crash is never decided again, and what was not is decided after it.
//!
//! Of an anomaly that opens exactly one thing becomes on each route, and it is counted ([`Account`]): it is told, joins what was
//! told already, is held back for a message that counts it, goes into the digest, is silenced, is in shadow, or does not
//! concern the route.
//!
//! The words for grouping, repetition and silences follow those of Prometheus' Alertmanager, those for acknowledgement and
//! escalation those of PagerDuty.

mod account;
mod decision;
mod digest;
mod escalation;
mod machine;
mod pause;
mod route;
mod silenced;
mod state;

pub use account::Account;
pub use decision::{Counts, Decision, Phase};
pub use digest::Due;
pub use machine::{Dispatcher, Facts, Input, Now};
pub use pause::pause;
pub use route::{Budget, By, Digest, Escalation, On, Own, Route};
pub use state::RouteState;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
