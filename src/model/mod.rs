//! L0: the plain data every other room speaks in. No behaviour beyond arithmetic, text and order.
//!
//! The words are the field's: Flow Key, Flow Record, Metering Process, Aggregated Flow and contributing flow as
//! RFC 7011, RFC 5470 and RFC 7015 define them. Where the standards have no word, ours:
//!
//! * **Dimension**: one way to group traffic ([`Dimension`]). **Entity**: one value of a combination of dimensions
//!   ([`Entity`]).
//! * **Interval**: a half-open stretch of event time. **Tick**: a fixed fraction of it, at which partial aggregates
//!   travel from the Front to the Judge.
//! * **Conversation**: the Aggregated Flow (RFC 7015) all of whose contributing flows share source, destination,
//!   service port, protocol and [`Role`].
//! * **Series**: one [`Metric`] of one entity over intervals. **Baseline**: what is usual for a series.
//! * **Deviation**: one interval outside its band. **Anomaly**: the episode from the first deviation to the return
//!   ([`Anomaly`]). **Incident**: anomalies with one cause.
//! * **Rule**: what to look at ([`Rule`]).
//! * **Internal**: inside the configured networks ([`Networks`]).
//! * Octets and bytes are always those of the IP layer, header and payload, never of the link layer.

mod account;
mod anomaly;
mod calendar;
mod columns;
mod conversation;
mod entity;
mod export;
mod facts;
mod field;
mod flow;
mod gate;
mod index;
mod ip;
mod life;
mod measure;
mod mixing;
mod network;
mod packet;
mod passed;
mod picking;
mod rule;
mod slab;
mod time;
pub mod units;
mod verdict;

pub use account::{Held, RuleAccount};
pub use anomaly::{
    Anomaly, AnomalyId, Contributor, Contributors, DataQuality, Deviation, HostProfile, IdError, IncidentId,
    Kind, Peer, Point, Severity, UsualContribution,
};
pub use calendar::{Calendar, Holiday, Hours, Nth, WEEKDAYS, Window, ahead, civil};
pub use columns::{Column, Columns};
pub use conversation::{Conversation, ConversationKey, Counters, Role};
pub use entity::{Dimension, Entity, Metric, Value};
pub use export::{ExportFault, ExportMessage, ExportTrouble, Exported, Transport};
pub use facts::Facts;
pub use field::{Field, FieldKind};
pub use flow::{Country, EndReason, FlowKey, FlowRecord, Handshake, Origin, Reverse, TcpFlags};
pub use gate::{Condition, Exception, Gates, Grace, Than, When};
pub use index::Index;
pub use ip::{Ip, Prefix, PrefixError};
pub use life::{Act, Entry, MACHINE, MAX_NAME, MAX_WORDS, Silence};
pub use measure::{Effect, Measure, Scope, Steer};
pub use mixing::{mix, mix_step};
pub use network::Networks;
pub use packet::{Fault, FaultKind, LinkType, RawPacket};
pub use passed::passed;
pub use rule::{Direction, Limit, Pattern, Rule, Test};
pub use slab::Slab;
pub use time::{Interval, Timestamp};
pub use verdict::{Verdict, Verdicts};
