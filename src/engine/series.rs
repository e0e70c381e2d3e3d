//! What the Judge remembers of one entity: a baseline per metric, open episodes, first contacts.

use super::gate::Gates;
use crate::aggregate::Usual;
use crate::anomaly::{Episode, Policy};
use crate::detect::{Band, Baseline, Evidence, ScanWalk, SequentialSeries, Theta, Young};
use crate::model::{Counters, Direction, Metric, Point, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::time::Duration;

/// Intervals an entity must have been seen in before it gets baselines: most strangers never come back.
pub(super) const PROBATION: u32 = 2;

/// The sequential test of a series with its newest evidence.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Sequence {
    series: SequentialSeries,
    /// For a rise, and for a fall, after the newest whole interval.
    evidence: [f32; 2],
    /// Intervals of the present run of evidence for a rise, and for a fall.
    runs: [u16; 2],
}

/// Evidence below this (a likelihood ratio of twenty) is no run.
const RUN: f32 = 3.0;

impl Sequence {
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            series: SequentialSeries::new(interval),
            evidence: [0.0; 2],
            runs: [0; 2],
        }
    }

    /// Start of the first interval of the present run of evidence, where the newest one began at `at`.
    pub(super) fn since(&self, at: Timestamp, rise: bool) -> Option<Timestamp> {
        let before = self.run(rise).checked_sub(1)?;
        Some(at - self.series.interval() * u32::from(before))
    }

    /// After the newest whole interval.
    pub(super) fn evidence(&self) -> Evidence {
        let [rise, fall] = self.evidence.map(f64::from);
        Evidence { rise, fall }
    }

    fn run(&self, rise: bool) -> u16 {
        let [rises, falls] = self.runs;
        if rise { rises } else { falls }
    }

    /// What was expected of the mean over the present run, whose newest interval began at `local` where people
    /// are.
    pub(super) fn band(&self, local: Timestamp, rise: bool) -> Band {
        self.series.band(local, f64::from(self.run(rise)))
    }

    /// Takes in a closed interval that began at `local` where people are. A run ends where the evidence falls: what began
    /// it is over.
    pub(super) fn update(&mut self, local: Timestamp, value: f64) {
        let Evidence { rise, fall } = self.series.update(local, value);
        let now = [rise as f32, fall as f32];
        let before = std::mem::replace(&mut self.evidence, now);
        for ((run, now), before) in self.runs.iter_mut().zip(now).zip(before) {
            let goes_on = now > RUN && now >= before;
            *run = if goes_on { run.saturating_add(1) } else { 0 };
        }
    }
}

/// One metric of one entity.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Series {
    pub(super) baseline: Option<Baseline>,
    /// What is known while the baseline is not ready.
    pub(super) young: Young,
    pub(super) sequential: Option<Box<Sequence>>,
    /// The newest judged intervals, oldest first; for charts.
    #[serde(skip)]
    #[allow(clippy::box_collection)] // 24 octets less for each of the many series without a chart
    pub(super) history: Option<Box<VecDeque<Point>>>,
}

/// First contacts of a source: one bit per hash of (destination, port), failed and answered ones apart, so that the
/// order in which contacts are told changes nothing.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Contacts {
    pub(super) walk: ScanWalk,
    failed: u64,
    answered: u64,
    new_failed: u64,
    new_answered: u64,
    /// Of the failed contacts of this walk: hashes of hosts and of ports, how many, when the first and the newest.
    hosts: u64,
    ports: u64,
    pub(super) tried: u32,
    pub(super) since: Option<Timestamp>,
    pub(super) newest: Timestamp,
    /// New failed contacts of this interval.
    pub(super) failed_in_interval: u32,
}

/// So many failed contacts of a walk are remembered for a day, for a scan may be slow; a single one where there is room.
const SUSPECT: u32 = 3;
/// Bits of a contact filter that may be set before it is cleared and learns afresh.
const NEARLY_FULL: u32 = 48;

impl Contacts {
    /// A contact with the destination and port of `hash` failed or was answered.
    #[inline]
    pub(super) fn tell(&mut self, hash: u64, failed: bool, answered: bool) {
        let bit = 1u64 << (hash & 63);
        self.new_failed |= if failed { bit } else { 0 };
        self.new_answered |= if answered { bit } else { 0 };
    }

    /// A contact with a host and a port failed, both given as hashes.
    #[inline]
    pub(super) fn spread(&mut self, host: u64, port: u64) {
        self.hosts |= 1 << (host & 63);
        self.ports |= 1 << (port & 63);
    }

    /// About how many hosts and ports the walk has failed at (linear counting, Whang et al. 1990).
    pub(super) fn width(&self) -> (u64, u64) {
        let count = |bits: u64| (64.0 * (64.0 / f64::from(bits.count_zeros().max(1))).ln()).round() as u64;
        (count(self.hosts), count(self.ports))
    }

    /// Takes one step of the walk in the interval that ends at `at`, and returns its score.
    pub(super) fn step(&mut self, failed: u32, answered: u32, theta: Theta, at: Timestamp) -> f64 {
        let score = self.walk.update(failed, answered, theta);
        if score <= 0.0 {
            self.forget_walk();
        } else if failed > 0 {
            self.tried = self.tried.saturating_add(failed);
            self.since.get_or_insert(at);
            self.newest = at;
        }
        score
    }

    /// Starts the walk anew.
    pub(super) fn forget_walk(&mut self) {
        self.walk.reset();
        (self.hosts, self.ports, self.tried, self.since) = (0, 0, 0, None);
    }

    /// Whether the walk is on its way to an alarm.
    fn is_suspect(&self, crowded: bool) -> bool {
        self.tried >= if crowded { SUSPECT } else { 1 } && self.walk.score() > 0.0
    }

    /// Whether a contact was told of since first contacts were last asked for.
    pub(super) fn has_news(&self) -> bool {
        self.new_failed | self.new_answered != 0
    }

    /// How many contacts since the last call failed, and were answered, that had not been made before.
    pub(super) fn first_contacts(&mut self) -> (u32, u32) {
        let failed = (self.new_failed & !self.failed).count_ones();
        let answered = (self.new_answered & !self.answered).count_ones();
        self.failed |= std::mem::take(&mut self.new_failed);
        self.answered |= std::mem::take(&mut self.new_answered);
        self.failed_in_interval += failed;
        (failed, answered)
    }

    /// Begins the next interval.
    ///
    /// With a new hour (`fresh`) answers count as first ones again: who goes on doing what works is no scanner, however
    /// many hours pass until something new works.
    pub(super) fn begin_interval(&mut self, fresh: bool) {
        self.failed_in_interval = 0;
        self.answered = if fresh { 0 } else { self.answered };
        for bits in [&mut self.failed, &mut self.answered] {
            if bits.count_ones() >= NEARLY_FULL {
                *bits = 0;
            }
        }
    }
}

/// What is remembered of one entity of one view.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct EntityState {
    /// One per metric of the view; empty until the entity is past its probation.
    pub(super) series: Vec<Series>,
    /// By rule and side.
    pub(super) episodes: Vec<(u16, Direction, Episode)>,
    pub(super) contacts: Option<Box<Contacts>>,
    /// Who usually brings how much.
    pub(super) usual: Option<Box<Usual>>,
    /// What one packet that was looked at last stood for where traffic is sampled, in octets and in packets.
    pub(super) per_sample: [f32; 2],
    /// Intervals it was seen in.
    pub(super) seen: u32,
    /// Intervals since it was last seen.
    pub(super) idle: u32,
    /// In which interval it is since it was back from a long silence, from 1; 0 where it never was away.
    back: u32,
    /// Whether it deviates in this interval because of something else, which has an anomaly of its own.
    #[serde(skip)]
    pub(super) explained: bool,
    /// Whether it deviates and a condition waits for more of it.
    #[serde(skip)]
    pub(super) awaited: bool,
}

/// Packets are sampled otherwise when one stands for so many times as many as before.
const RESAMPLED: f32 = 1.5;

/// Octets and packets for each packet that was looked at. Where only some exporters sample it is more than what theirs
/// stand for, which makes the band wider.
fn per_sample(counters: &Counters) -> Option<[f32; 2]> {
    let sampled = (counters.sampled > 0).then_some(counters.sampled as f32)?;
    Some([counters.bytes as f32 / sampled, counters.packets as f32 / sampled])
}

impl EntityState {
    /// What one packet that was looked at stands for in a metric, in this interval or, where nothing was looked at, in
    /// the last that had any; 0 where traffic is not sampled. Flows and distinct things are counted as they were seen.
    pub(super) fn per_sample(&self, metric: Metric, counters: &Counters) -> f64 {
        let unsampled = if counters.packets > 0 {
            [0.0; 2]
        } else {
            self.per_sample
        };
        let [bytes, packets] = per_sample(counters).unwrap_or(unsampled);
        match metric {
            Metric::Bytes => f64::from(bytes),
            Metric::Packets => f64::from(packets),
            _ => 0.0,
        }
    }

    /// Whether packets are sampled otherwise than they were: what was counted in packets looked at means something else.
    pub(super) fn is_resampled(&self, counters: &Counters) -> bool {
        let before = if self.per_sample[1] > 0.0 {
            self.per_sample[1]
        } else {
            1.0
        };
        let now = match per_sample(counters) {
            Some([_, packets]) => packets,
            None if counters.packets > 0 => 1.0,
            None => before,
        };
        now > RESAMPLED * before || before > RESAMPLED * now
    }

    /// Notes how traffic is sampled.
    pub(super) fn note_sampling(&mut self, counters: &Counters) {
        let unsampled = if counters.packets > 0 {
            [0.0; 2]
        } else {
            self.per_sample
        };
        self.per_sample = per_sample(counters).unwrap_or(unsampled);
    }

    /// The episode of a rule on one side.
    pub(super) fn episode(&mut self, rule: usize, direction: Direction) -> Option<&mut Episode> {
        self.episodes
            .iter_mut()
            .find(|(r, d, _)| usize::from(*r) == rule && *d == direction)
            .map(|(_, _, episode)| episode)
    }

    /// What is worth keeping for a later run: what was learned, not what is open.
    pub(super) fn saved(&self) -> Self {
        let series = self
            .series
            .iter()
            .map(|s| Series {
                history: None,
                ..s.clone()
            })
            .collect();
        Self {
            series,
            episodes: Vec::new(),
            ..self.clone()
        }
    }

    /// Whether an anomaly of it is open, of a rule that keeps it from learning, or awaited.
    pub(super) fn is_held(&self, gates: &Gates) -> bool {
        let holds = |rule: u16| gates.get(usize::from(rule)).is_some_and(|gate| gate.holds);
        let open = |(rule, _, episode): &(u16, Direction, Episode)| episode.is_open() && holds(*rule);
        self.awaited || self.episodes.iter().any(open)
    }

    /// In which interval it is, from 1, since it came back after `away` silent intervals; none where it never was away.
    pub(super) fn back(&self, touched: bool, away: u32) -> Option<u32> {
        if touched && self.idle >= away {
            return Some(1);
        }
        (self.back > 0).then(|| self.back.saturating_add(1))
    }

    /// Whether it may be scanning, slowly. Where room is scarce one failed contact is no reason to think so.
    pub(super) fn is_suspect(&self, crowded: bool) -> bool {
        self.contacts
            .as_ref()
            .is_some_and(|contacts| contacts.is_suspect(crowded))
    }

    /// Begins the next interval; false when nothing is worth remembering any longer.
    pub(super) fn begin_interval(&mut self, touched: bool, policy: &Policy, keep: &Keep, away: u32) -> bool {
        (self.explained, self.awaited) = (false, false);
        self.back = self.back(touched, away).unwrap_or(0);
        self.seen = self.seen.saturating_add(u32::from(touched));
        self.idle = if touched { 0 } else { self.idle.saturating_add(1) };
        self.episodes.retain(|(_, _, episode)| !episode.is_over(policy));
        if let Some(contacts) = &mut self.contacts {
            contacts.begin_interval(keep.fresh);
        }
        let patience = match (self.series.is_empty(), self.is_suspect(keep.crowded)) {
            (true, false) => keep.probation,
            (true, true) => keep.suspect,
            _ => keep.known,
        };
        self.idle < patience || !self.episodes.is_empty()
    }
}

/// How many idle intervals an entity is remembered for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keep {
    /// Without a baseline.
    pub(super) probation: u32,
    /// Without one, but perhaps a slow scanner.
    pub(super) suspect: u32,
    /// Whether room is scarce.
    pub(super) crowded: bool,
    /// With one.
    pub(super) known: u32,
    /// Whether a new hour begins.
    pub(super) fresh: bool,
}

#[cfg(test)]
impl Series {
    /// Octets of it, those on the heap included; charts apart.
    fn octets(&self) -> usize {
        let baseline = |b: &Baseline| b.octets() - size_of::<Baseline>();
        let sequence =
            |s: &Sequence| size_of::<Sequence>() - size_of::<SequentialSeries>() + s.series.octets();
        size_of::<Self>()
            + self.baseline.as_ref().map_or(0, baseline)
            + self.sequential.as_deref().map_or(0, sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::{Class, Hold, Priors};

    /// A series of a class after so many days of a busy daily shape, in intervals of ten minutes.
    fn grown(class: Class, days: i64) -> Series {
        let step = Duration::from_secs(600);
        let mut series = Series {
            baseline: Some(Baseline::new(class, step)),
            sequential: (class == Class::Count).then(|| Box::new(Sequence::new(step))),
            ..Series::default()
        };
        for i in 0..days * 144 {
            let at = Timestamp::from_secs(i * 600);
            let x = 500.0 + 400.0 * ((i % 144) as f64 / 23.0).sin() + (i * 37 % 11) as f64;
            let prior = Priors::default().of(class);
            if let Some(baseline) = &mut series.baseline {
                baseline.learn(at, x, &prior, Hold::Free);
            }
            if let Some(sequence) = &mut series.sequential {
                sequence.update(at, x);
            }
        }
        series
    }

    #[test]
    fn a_million_series_with_all_they_can_learn_fit_in_a_gibibyte() {
        for class in [Class::Count, Class::Bytes, Class::Gauge] {
            let (young, full) = (grown(class, 0).octets(), grown(class, 15).octets());
            println!("{class:?}: {young} octets young, {full} full");
            assert!(
                young <= 360 && full <= (1 << 30) / 1_000_000,
                "{class:?}: {young} and {full}"
            );
        }
    }

    #[test]
    fn only_first_contacts_count_whatever_the_order() {
        let tell = |contacts: &[(u64, bool)]| {
            let mut state = Contacts::default();
            contacts
                .iter()
                .for_each(|&(hash, failed)| state.tell(hash, failed, !failed));
            state.first_contacts()
        };
        let some = [(1, true), (1, true), (2, true), (3, false), (1, false)];
        let mut reversed = some;
        reversed.reverse();
        assert_eq!(tell(&some), (2, 2));
        assert_eq!(tell(&reversed), (2, 2));
    }

    #[test]
    fn a_contact_that_failed_before_is_no_news() {
        let mut state = Contacts::default();
        state.tell(5, true, false);
        assert_eq!(state.first_contacts(), (1, 0));
        state.begin_interval(false);
        state.tell(5, true, false);
        assert_eq!(state.first_contacts(), (0, 0));
        (0..60).for_each(|hash| state.tell(hash, true, false));
        assert_eq!(state.first_contacts(), (59, 0));
        state.begin_interval(false);
        state.tell(5, true, false);
        assert_eq!(state.first_contacts(), (1, 0), "a full filter starts afresh");
        state.tell(7, false, true);
        assert_eq!(state.first_contacts(), (0, 1));
        state.begin_interval(true);
        state.tell(7, false, true);
        assert_eq!(state.first_contacts(), (0, 1), "an answer counts once an hour");
    }

    #[test]
    fn how_traffic_is_sampled_is_known_of_silent_intervals_too() {
        let counted = |packets, sampled| Counters {
            bytes: packets * 700,
            packets,
            sampled,
            ..Counters::default()
        };
        let mut state = EntityState::default();
        let unit = |state: &EntityState, counters| state.per_sample(Metric::Packets, &counters);
        assert_eq!(unit(&state, counted(5, 0)), 0.0, "not sampled");
        assert!(state.is_resampled(&counted(4000, 4)));
        state.note_sampling(&counted(4000, 4));
        assert_eq!(unit(&state, counted(0, 0)), 1000.0);
        assert_eq!(state.per_sample(Metric::Bytes, &counted(0, 0)), 700_000.0);
        assert_eq!(state.per_sample(Metric::Flows, &counted(4000, 4)), 0.0);
        assert!(!state.is_resampled(&counted(0, 0)) && !state.is_resampled(&counted(3000, 3)));
        assert!(state.is_resampled(&counted(512, 1)) && state.is_resampled(&counted(9, 0)));
    }

    #[test]
    fn a_stranger_is_forgotten_sooner_than_who_is_known() {
        let keep = Keep {
            probation: 2,
            suspect: 4,
            crowded: true,
            known: 5,
            fresh: false,
        };
        let lives = |known: bool| {
            let mut state = EntityState::default();
            if known {
                state.series.push(Series::default());
            }
            (0..10)
                .take_while(|_| state.begin_interval(false, &Policy::default(), &keep, 30))
                .count()
        };
        assert_eq!((lives(false), lives(true)), (1, 4));
    }
}
