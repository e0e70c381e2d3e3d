//! From deviations to what people review: episodes that open, hold, escalate and close; what they are called;
//! who brought them about; which of them have one cause; and the sentences that say so.

mod contributors;
mod episode;
mod explain;
mod incident;
mod linking;
mod naming;

pub use contributors::{Part, rank};
pub use episode::{Episode, Policy, Step};
pub use explain::{sentence, unit};
pub use incident::group;
pub use naming::{Shape, name, reflects};

#[cfg(test)]
mod test_data;
