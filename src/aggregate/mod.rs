//! Intermediate aggregation (RFC 7015): conversations from growing flows, entities from conversations.
//!
//! Three tables. [`Conversations`] holds the Aggregated Flows of one stretch of time; the Front's is the partial
//! aggregate that crosses the seam, the Judge's merges those of all Fronts. [`Entities`] holds what a rule's
//! dimensions see of them. [`Recent`] keeps the conversations of closed intervals for comparison. All are bounded,
//! and adding is commutative and associative: any split of the same traffic gives the same sums.

mod conversations;
mod entities;
mod grouping;
mod recent;
mod usual;

pub use conversations::{Added, Conversations, network_of};
pub use entities::{DistinctCount, Entities, Row, Sets};
pub use grouping::{EntityKey, Grouping, GroupingError};
pub use recent::Recent;
pub use usual::{Usual, UsualPart};
