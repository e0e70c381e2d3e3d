//! What crosses the seam: one tick's aggregate of one Front.

use super::front::FrontStats;
use super::telling::Told;
use crate::aggregate::Conversations;
use crate::collect::Account;
use crate::meter::Hearing;
use crate::model::{ConversationKey, Ip, Timestamp};

/// The partial aggregate of one tick of one Front.
///
/// Merging two of the same tick is adding their conversations; order does not matter.
#[derive(Clone, Debug)]
pub struct Partial {
    /// End of the tick, which is also the Front's watermark: everything before is in here or came earlier.
    pub until: Timestamp,
    /// Aggregated Flows by what they grew in this tick.
    pub conversations: Conversations,
    /// The same of flow export, where one direction does not know what became of the other.
    pub exported: Option<Conversations>,
    /// What was heard of names.
    pub heard: Vec<Hearing>,
    /// When hosts of ours contacted services outside.
    pub contacts: Vec<Contact>,
    /// What the Front counted since it began.
    pub stats: FrontStats,
}

/// A flow began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Contact {
    /// Of which conversation.
    pub key: ConversationKey,
    /// When.
    pub at: Timestamp,
}

/// How the exporters of one Front do at the end of a tick. It crosses the seam at once, before the flows of its time.
#[derive(Clone, Debug, Default)]
pub struct Bulletin {
    /// Every exporter's account, in order of address.
    pub accounts: Vec<(Ip, Account)>,
    /// How many records of exporters came late so far; none where it is left out.
    pub late: Vec<(Ip, u64)>,
    /// Who saw which flow, a sample.
    pub sightings: Vec<Sighting>,
    /// Of which addresses each exporter told since the bulletin before, where a rule asks for that.
    pub told: Vec<(Ip, Told)>,
}

/// An exporter told of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sighting {
    /// Stands for the flow in one direction.
    pub flow: u64,
    /// Who told.
    pub exporter: Ip,
}
