//! From deviations to what people review: episodes that open, hold, escalate and close; what they are called;
//! who brought them about; which of them have one cause; and the sentences that say so.

mod contributors;
mod episode;
mod explain;
mod failover;
mod incident;
mod linking;
mod naming;
mod particulars;

pub use contributors::{Part, rank};
pub use episode::{Episode, Policy, Step};
pub use explain::{sentence, unit};
pub use failover::moved;
pub use incident::group;
pub use naming::{Shape, name, reflects, scan_kind};
pub use particulars::{advise, amplified, reflectors};

#[cfg(test)]
pub(crate) mod test_data;
