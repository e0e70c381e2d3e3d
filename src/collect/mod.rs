//! L2: a Collecting Process (RFC 5470 section 4.2): messages of flow export to Flow Records.
//!
//! It keeps what export needs kept: Templates per Transport Session and Observation Domain, sampling rates, data that
//! waits for its Template, and per exporter what was counted and what is wrong. Time is that of the messages' arrival.
//!
//! The way of a message: [`Collector::observe`] finds the `Exporter` and hands over to `message`, which walks its
//! Sets. A Set of Templates goes to the `Session` it belongs to, a Set of data to its Template or to `Waiting`. `reading` reads
//! Data Records into fields, `flow` makes Flow Records of them, `clock` places them in time, `contact` guesses
//! who began. No flow is kept, and no allocation is made for one.

mod clock;
mod collector;
mod contact;
mod exporter;
mod fixed;
mod flow;
mod memory;
mod message;
mod reading;
mod sampling;
mod sequence;
mod session;
mod sflow;
mod waiting;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

pub use collector::Collector;
pub use contact::{Hints, infer};
pub use memory::Memory;

use crate::model::{ExportFault, FlowRecord, Ip, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// How a Collecting Process works, and how much it may keep.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Most Exporters with an account of their own; more are counted together under none.
    pub exporter_limit: usize,
    /// Most Templates per Exporter.
    pub template_limit: usize,
    /// Most fields per Template.
    pub field_limit: usize,
    /// Templates of UDP sessions are forgotten when not renewed for so long (RFC 7011 section 8.4); zero: never.
    pub template_lifetime: Duration,
    /// Octets of data that may wait for Templates, per Exporter.
    pub waiting_limit: usize,
    /// Clocks may be off by so much; beyond it records are placed at their arrival.
    pub skew: Duration,
    /// Longest flow believed; longer ones are cut to it.
    pub longest_flow: Duration,
    /// An Exporter that sends nothing for so long is silent.
    pub silence: Duration,
    /// How long after a packet its record may come: the Exporters' active and idle time-outs and some seconds. An
    /// interval of flow export is judged so much after its end; what comes later is late.
    pub lateness: Duration,
    /// One in how many packets is looked at, for Exporters that do not say it themselves: by address.
    pub sampling: BTreeMap<Ip, u32>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            exporter_limit: 4096,
            template_limit: 1024,
            field_limit: 512,
            template_lifetime: Duration::from_secs(3 * 3600),
            waiting_limit: 256 << 10,
            skew: Duration::from_secs(600),
            longest_flow: Duration::from_secs(24 * 3600),
            silence: Duration::from_secs(300),
            lateness: Duration::from_secs(80),
            sampling: BTreeMap::new(),
        }
    }
}

/// What is known of one Exporter. Counters only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// Messages taken in.
    pub messages: u64,
    /// Octets of them.
    pub octets: u64,
    /// Flow Records given out.
    pub records: u64,
    /// Data Records that are no flows: options, statistics, interface counters.
    pub options: u64,
    /// Messages or records lost, by gaps in sequence numbers.
    pub lost: u64,
    /// Messages or records that arrived of those that sequence numbers count: what `lost` is to be compared with.
    pub sequenced: u64,
    /// Messages out of order or repeated, by sequence numbers.
    pub reordered: u64,
    /// Times the sequence began anew: the Exporter restarted.
    pub restarts: u64,
    /// Sets of data whose Template was not known when they came.
    pub untemplated: u64,
    /// Of those, Sets that were decoded later, when the Template came.
    pub recovered: u64,
    /// Of those, Sets given up for lack of room or time.
    pub given_up: u64,
    /// Messages, Sets or samples that could not be read, all troubles together.
    pub faults: u64,
    /// Records whose times were corrected: absurd durations, ends before starts, times in the future.
    pub corrected: u64,
    /// Records placed at their arrival because the Exporter's clock was off by more than the skew allowed.
    pub skewed: u64,
    /// Sets decoded with a Template that came over another Transport Session of the same Exporter and domain.
    pub borrowed: u64,
    /// Templates in use.
    pub templates: u64,
    /// One in how many packets its records stand for, newest.
    pub sampling_rate: u32,
    /// Arrival less export time of the newest message, nanoseconds; negative when its clock is ahead.
    pub clock_offset: i64,
    /// Longest time between a flow's end and the arrival of its record in the last minutes, nanoseconds.
    pub lateness: i64,
    /// Arrival of its first message.
    pub first_seen: Option<Timestamp>,
    /// Arrival of its newest message.
    pub last_seen: Option<Timestamp>,
}

/// Takes what a Collecting Process gives out.
pub trait Sink {
    /// A Flow Record, decoded; packets and bytes are raw (RFC 7011), scaled by nothing.
    fn record(&mut self, record: &FlowRecord);
    /// Something was wrong. At most one call a message or Set; all are counted.
    fn fault(&mut self, fault: ExportFault);
}
