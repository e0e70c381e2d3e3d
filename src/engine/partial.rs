//! What crosses the seam: one tick's aggregate of one Front.

use super::front::FrontStats;
use crate::aggregate::Conversations;
use crate::meter::Hearing;
use crate::model::Timestamp;

/// The partial aggregate of one tick of one Front.
///
/// Merging two of the same tick is adding their conversations; order does not matter.
#[derive(Clone, Debug)]
pub struct Partial {
    /// End of the tick, which is also the Front's watermark: everything before is in here or came earlier.
    pub until: Timestamp,
    /// Aggregated Flows by what they grew in this tick.
    pub conversations: Conversations,
    /// What was heard of names.
    pub heard: Vec<Hearing>,
    /// What the Front counted since it began.
    pub stats: FrontStats,
}
