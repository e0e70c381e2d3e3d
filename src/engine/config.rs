//! What the engine is told to do.

use crate::collect;
use crate::meter;
use crate::model::{Calendar, Exception, Exported, Prefix, Rule};
use crate::wire::Decap;
use jiff::tz::TimeZone;
use std::time::Duration;

/// What an operator says of exporters: who they are and what of theirs counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExporterRule {
    /// Which exporters: an address or a network of them. The first rule that fits is the one.
    pub address: Prefix,
    /// What people call it; empty for nothing.
    pub name: String,
    /// Whether its records count. Where two see the same traffic, one must not.
    pub counts: bool,
    /// Only records that came in or went out over one of these interfaces (ifIndex) count.
    pub interfaces: Option<Vec<u32>>,
    /// Only records of this flowDirection (element 61; 0 ingress, 1 egress) count; records that say none count.
    pub direction: Option<u8>,
}

impl ExporterRule {
    /// Whether a record counts.
    pub fn counts_record(&self, record: &Exported) -> bool {
        let over = |list: &Vec<u32>| list.contains(&record.in_if) || list.contains(&record.out_if);
        self.counts
            && self.interfaces.as_ref().is_none_or(over)
            && (self.direction.is_none() || record.direction.is_none() || self.direction == record.direction)
    }
}

/// Everything the engine needs to know beforehand. No clock, no path.
#[derive(Clone, Debug)]
pub struct Config {
    /// What to look at.
    pub rules: Vec<Rule>,
    /// Calendars that rules name.
    pub calendars: Vec<Calendar>,
    /// Calendars, by name, during which no rule opens anything.
    pub quiet: Vec<String>,
    /// Traffic that is excused, for some rules or all.
    pub exceptions: Vec<Exception>,
    /// Where the people live whose days and weeks are learned.
    pub zone: TimeZone,
    /// Length of an interval; divides a day.
    pub interval: Duration,
    /// How often partial aggregates cross the seam; divides `interval`.
    pub tick: Duration,
    /// Packets this much older than the start of the present interval are late.
    pub lateness: Duration,
    /// Nothing is reported for so long after the first packet.
    pub learn: Duration,
    /// The one knob: how many false alarms a day are accepted over everything watched.
    pub false_alarms_per_day: f64,
    /// Octets that tables may take together.
    pub memory_limit: usize,
    /// The Metering Process.
    pub metering: meter::Config,
    /// Which tunnels to look into.
    pub decap: Decap,
    /// The Collecting Process.
    pub collecting: collect::Config,
    /// Flow Records that are taken as they are (`Engine::take`) are waited for so long, where that is longer than
    /// exported ones are: files list them when they are over.
    pub patience: Duration,
    /// Which exporters' records count.
    pub exporters: Vec<ExporterRule>,
    /// Conversations that do not pass are not aggregated.
    pub filter: Option<String>,
    /// Points of every series kept for charts; 0 keeps none.
    pub history: usize,
    /// Most hosts with a profile.
    pub profiled_hosts: usize,
    /// Most DNS questions kept per host.
    pub questions_per_host: usize,
    /// Most anomalies kept in one run; more are counted and not kept.
    pub anomaly_limit: usize,
    /// What stands for the input in `reproduce`.
    pub source: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            rules: Vec::new(),
            calendars: Vec::new(),
            quiet: Vec::new(),
            exceptions: Vec::new(),
            zone: TimeZone::UTC,
            interval: Duration::from_secs(60),
            tick: Duration::from_secs(10),
            lateness: Duration::from_secs(1),
            learn: Duration::ZERO,
            false_alarms_per_day: 1.0,
            memory_limit: 1 << 30,
            metering: meter::Config::default(),
            decap: Decap::default(),
            collecting: collect::Config::default(),
            patience: Duration::ZERO,
            exporters: Vec::new(),
            filter: None,
            history: 90,
            profiled_hosts: 10_000,
            questions_per_host: 64,
            anomaly_limit: 10_000,
            source: "FILE".to_owned(),
        }
    }
}

/// How `memory_limit` divides into tables: rows of each, from the octets a row takes with its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    /// Conversations metered at once, per Front: a fifth.
    pub cache: usize,
    /// Conversations of one tick or interval: a tenth each.
    pub conversations: usize,
    /// Conversations of flow export in all open ticks of a Front: a fifth, for a Front that collects has no flows to
    /// meter.
    pub spread: usize,
    /// Conversations of past intervals: a fifth.
    pub recent: usize,
    /// Entities of one view, most of them on probation: a tenth over all views.
    pub entities: usize,
    /// Entities of one view with baselines: two tenths over all views.
    pub baselines: usize,
    /// Entities of one view of which it is remembered who usually brings what: half a tenth over all views.
    pub usuals: usize,
    /// Series with a history for charts: half a tenth.
    pub histories: usize,
    /// Names and questions heard: small.
    pub hearings: usize,
}

impl Config {
    /// How long a tick stays open behind the newest arrival of flow export: whole ticks.
    pub(super) fn export_delay(&self) -> Duration {
        self.whole_ticks(self.collecting.lateness)
    }

    /// The same for records that are taken.
    pub(super) fn record_delay(&self) -> Duration {
        self.whole_ticks(self.collecting.lateness.max(self.patience))
    }

    fn whole_ticks(&self, length: Duration) -> Duration {
        let ticks = length.as_nanos().div_ceil(self.tick.as_nanos().max(1));
        self.tick * u32::try_from(ticks).unwrap_or(u32::MAX)
    }

    /// What each table may hold when there are `views` combinations of filter and dimensions.
    pub fn shares(&self, views: usize) -> Shares {
        let rows = |tenths: usize, octets: usize| (self.memory_limit / 10 * tenths / octets).max(64);
        Shares {
            cache: rows(2, 240).min(self.metering.cache_limit),
            conversations: rows(1, 160),
            spread: rows(2, 160),
            recent: rows(2, 128),
            entities: (rows(1, 280) / views.max(1)).max(64),
            baselines: (rows(2, 2500) / views.max(1)).max(8),
            usuals: (rows(1, 2 * 3000) / views.max(1)).max(8),
            histories: rows(1, 2 * (self.history * 24).max(24)),
            hearings: rows(1, 2000).min(65_536),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_memory_still_leaves_room_to_work() {
        let config = Config {
            memory_limit: 1 << 20,
            ..Config::default()
        };
        let shares = config.shares(8);
        assert!(shares.cache >= 64 && shares.conversations >= 64 && shares.entities >= 8);
    }

    #[test]
    fn a_gibibyte_remembers_hundreds_of_thousands_and_knows_tens_of_thousands() {
        let shares = Config::default().shares(10);
        assert!(
            shares.entities * 10 >= 300_000 && shares.baselines * 10 >= 80_000,
            "{shares:?}"
        );
    }
}
