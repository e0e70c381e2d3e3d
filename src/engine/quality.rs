//! Whether the data can be trusted: exporters that fall silent, lose, are misunderstood, have a wrong clock, tell late, or
//! tell what another tells too.
//!
//! Missing data is not zero. Intervals that data is missing from are marked: they teach nothing and open no dip.
//! Everything here is by time of arrival and is reviewed once an interval.

use super::partial::Bulletin;
use crate::collect::Account;
use crate::model::{Interval, Ip, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The share of what should have come from which loss matters.
const LOSS: f64 = 0.01;
/// The share of an exporter's records from which their times matter.
const SKEW: f64 = 0.01;
/// The share of an exporter's records from which their lateness matters, and below which it no longer does.
const LATE: (f64, f64) = (0.1, 0.05);
/// Records that show whether an exporter is late, and the share of older ones that is kept at each interval.
const TIMED: f64 = 100.0;
const KEPT: f64 = 0.9;
/// The share of an exporter's flows that another tells too, from which they count twice.
const DOUBLING: f64 = 0.3;
/// Fewer flows told by two exporters prove nothing.
const DOUBLED: u32 = 20;
/// Intervals in a row with messages after which an exporter is expected to go on.
const EXPECTED: u32 = 3;
/// Marks of as many intervals are kept.
const MARKS: usize = 64;
/// Flows compared in one interval.
const COMPARED: usize = 65_536;

/// What can be wrong with the data of an exporter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Trouble {
    /// It sent all the time and sends no more.
    Silence,
    /// Sequence numbers are missing.
    Loss,
    /// Data came for which no Template came.
    Templates,
    /// Its clock is off by more than is allowed.
    Clock,
    /// Its records come when part of their time was judged already.
    Lateness,
    /// Another exporter tells of the same flows.
    Doubling,
}

/// A trouble in the interval that was reviewed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Finding {
    pub(super) exporter: Ip,
    pub(super) trouble: Trouble,
    /// What there was, and what there should have been: records or flows.
    pub(super) observed: f64,
    pub(super) expected: f64,
    /// A sentence.
    pub(super) text: String,
}

/// One exporter.
#[derive(Clone, Debug, Default)]
struct Watch {
    /// As it is now.
    now: Account,
    /// As it was at the last review.
    before: Account,
    /// Late records so far, and at the last review.
    late: (u64, u64),
    /// Records, and late ones, of the newest ten intervals or so.
    timed: (f64, f64),
    /// It is late, and has been since it was found to be.
    is_late: bool,
    /// Intervals in a row with messages.
    active: u32,
    /// Records of an ordinary interval.
    usual: f64,
    /// It was expected, and did not send in the newest interval.
    missing: bool,
}

/// Everything known of the quality of data.
#[derive(Debug, Default)]
pub(super) struct Quality {
    exporters: BTreeMap<Ip, Watch>,
    /// Why intervals are not whole, by their start.
    marks: BTreeMap<Timestamp, BTreeSet<String>>,
    /// Who told of each compared flow in this interval.
    told: BTreeMap<u64, BTreeSet<Ip>>,
    /// Dropped before they could be read, in this interval.
    dropped: u64,
    /// Troubles that are open.
    open: BTreeSet<(Ip, Trouble)>,
}

impl Quality {
    /// Takes in how the exporters of one Front do.
    pub(super) fn hear(&mut self, bulletin: Bulletin) {
        for (exporter, account) in bulletin.accounts {
            self.exporters.entry(exporter).or_default().now = account;
        }
        for (exporter, late) in bulletin.late {
            self.exporters.entry(exporter).or_default().late.0 = late;
        }
        for sighting in bulletin.sightings {
            if self.told.len() < COMPARED || self.told.contains_key(&sighting.flow) {
                self.told
                    .entry(sighting.flow)
                    .or_default()
                    .insert(sighting.exporter);
            }
        }
    }

    /// `count` packets or messages were dropped before they could be read.
    pub(super) fn lose(&mut self, count: u64) {
        self.dropped += count;
    }

    /// Reviews the interval that ended: marks it where data is missing, and gives what is wrong now.
    ///
    /// `taken` is how many packets and messages were taken in during it; an exporter is silent after `silence`.
    pub(super) fn review(&mut self, interval: Interval, taken: u64, silence: Duration) -> Vec<Finding> {
        let mut findings = Vec::new();
        let dropped = std::mem::take(&mut self.dropped);
        if dropped > 0 && dropped as f64 >= LOSS * (dropped + taken) as f64 {
            let words = format!("{dropped} packets or messages were dropped before they could be read.");
            self.mark(interval, &words);
        }
        let mut exporters = std::mem::take(&mut self.exporters);
        for (&exporter, watch) in &mut exporters {
            let found = watch.review(exporter, interval, silence);
            for words in &found.missing {
                self.mark(interval, words);
            }
            findings.extend(found.findings);
        }
        findings.extend(self.doubling(&exporters));
        self.exporters = exporters;
        findings
    }

    /// Of the troubles found, those that were not open before; and those that were and are over.
    pub(super) fn change(&mut self, findings: Vec<Finding>) -> (Vec<Finding>, Vec<(Ip, Trouble)>) {
        let now: BTreeSet<(Ip, Trouble)> = findings.iter().map(|f| (f.exporter, f.trouble)).collect();
        let over = self.open.difference(&now).copied().collect();
        let mut new = findings;
        new.retain(|f| !self.open.contains(&(f.exporter, f.trouble)));
        self.open = now;
        (new, over)
    }

    /// Whether an exporter is expected that may yet turn out to be silent.
    pub(super) fn is_waiting(&self) -> bool {
        self.exporters.iter().any(|(&exporter, watch)| {
            watch.active >= EXPECTED && !self.open.contains(&(exporter, Trouble::Silence))
        })
    }

    /// Why an interval is not whole, a sentence each; none where it is.
    pub(super) fn marks(&self, interval: Interval) -> impl Iterator<Item = &String> {
        self.marks.get(&interval.start).into_iter().flatten()
    }

    /// What came in an interval tells of it and of the one before.
    fn mark(&mut self, interval: Interval, words: &str) {
        for start in [interval.start, interval.start - interval.length()] {
            self.marks.entry(start).or_default().insert(words.to_owned());
        }
        while self.marks.len() > MARKS {
            self.marks.pop_first();
        }
    }

    /// Exporters much of whose flows another one tells too: of each pair the one that tells less.
    fn doubling(&mut self, exporters: &BTreeMap<Ip, Watch>) -> Vec<Finding> {
        let told = std::mem::take(&mut self.told);
        let mut pairs: BTreeMap<(Ip, Ip), u32> = BTreeMap::new();
        let mut of: BTreeMap<Ip, u32> = BTreeMap::new();
        for by in told.values() {
            by.iter()
                .for_each(|&exporter| *of.entry(exporter).or_default() += 1);
            let mut by = by.iter();
            if let (Some(&first), Some(&second)) = (by.next(), by.next()) {
                *pairs.entry((first, second)).or_default() += 1;
            }
        }
        let mut found = Vec::new();
        for ((one, other), both) in pairs {
            let flows = |ip: Ip| of.get(&ip).copied().unwrap_or(0);
            let (less, more) = if flows(other) <= flows(one) {
                (other, one)
            } else {
                (one, other)
            };
            let share = f64::from(both) / f64::from(flows(less).max(1));
            if both >= DOUBLED && share >= DOUBLING && exporters.contains_key(&less) {
                found.push(Finding {
                    exporter: less,
                    trouble: Trouble::Doubling,
                    observed: f64::from(both),
                    expected: 0.0,
                    text: format!(
                        "{:.0} % of the flows of exporter {less} are also told by {more} and count twice. Say in the \
                         configuration which exporter, interface or direction counts.",
                        share * 100.0
                    ),
                });
            }
        }
        found
    }
}

/// What a review of one exporter found.
#[derive(Default)]
struct Found {
    findings: Vec<Finding>,
    /// Why data is missing.
    missing: Vec<String>,
}

impl Watch {
    /// What is wrong with how late its records come, if anything is.
    fn lateness(&mut self, exporter: Ip, records: f64) -> Option<Finding> {
        let late = self.late.0.saturating_sub(self.late.1) as f64;
        self.late.1 = self.late.0;
        self.timed = (self.timed.0 * KEPT + records, self.timed.1 * KEPT + late);
        let share = self.timed.1 / self.timed.0.max(1.0);
        let enough = self.is_late || self.timed.0 >= TIMED;
        self.is_late = enough && share >= if self.is_late { LATE.1 } else { LATE.0 };
        self.is_late.then(|| Finding {
            exporter,
            trouble: Trouble::Lateness,
            observed: self.timed.1.round(),
            expected: 0.0,
            text: format!(
                "{:.0} % of the Flow Records of exporter {exporter} come when part of their time was judged already; \
                 that part is in no interval. Set its active time-out to 60 s, or raise `[collect] lateness`.",
                share * 100.0
            ),
        })
    }

    fn review(&mut self, exporter: Ip, interval: Interval, silence: Duration) -> Found {
        let (now, before) = (self.now, std::mem::replace(&mut self.before, self.now));
        let messages = now.messages.saturating_sub(before.messages);
        let records = now.records.saturating_sub(before.records) as f64;
        let mut found = Found::default();
        found.findings.extend(self.lateness(exporter, records));
        let mut say = |trouble, observed, expected, text: String| {
            found.findings.push(Finding {
                exporter,
                trouble,
                observed,
                expected,
                text,
            });
        };
        self.missing = messages == 0 && self.active >= EXPECTED;
        if self.missing {
            found.missing.push(format!("Exporter {exporter} sent nothing."));
            let last = now.last_seen.unwrap_or(Timestamp::MIN);
            let quiet = interval.end.since(last);
            if quiet >= silence {
                say(
                    Trouble::Silence,
                    0.0,
                    self.usual,
                    format!("Exporter {exporter} has sent nothing since {last}; what it sees is not judged."),
                );
            }
            return found;
        }
        self.active = if messages > 0 { self.active + 1 } else { 0 };
        self.usual += (records - self.usual) / f64::from(self.active.clamp(1, 10));
        let lost = now.lost.saturating_sub(before.lost) as f64;
        let came = now.sequenced.saturating_sub(before.sequenced) as f64;
        if lost > 0.0 && lost >= LOSS * (lost + came) {
            let text = format!(
                "{lost:.0} of {:.0} that exporter {exporter} sent by its sequence numbers did not arrive.",
                lost + came
            );
            found.missing.push(text.clone());
            say(Trouble::Loss, came, lost + came, text);
        }
        let given_up = now.given_up.saturating_sub(before.given_up) as f64;
        if given_up > 0.0 {
            let text = format!(
                "{given_up:.0} Sets of exporter {exporter} could not be decoded: their Template did not come."
            );
            found.missing.push(text.clone());
            say(Trouble::Templates, given_up, 0.0, text);
        }
        let skewed = now.skewed.saturating_sub(before.skewed) as f64;
        if skewed > 0.0 && skewed >= SKEW * records {
            say(
                Trouble::Clock,
                skewed,
                0.0,
                format!(
                    "The clock of exporter {exporter} is off by {:.0} s; its flows are placed at their arrival.",
                    now.clock_offset as f64 / 1e9
                ),
            );
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::super::partial::Sighting;
    use super::*;

    const SILENCE: Duration = Duration::from_secs(120);

    fn minute(n: i64) -> Interval {
        Interval::holding(Timestamp::from_secs(n * 60), Duration::from_secs(60))
    }

    fn account(minute: i64, messages: u64) -> Account {
        Account {
            messages,
            records: messages * 20,
            sequenced: messages,
            last_seen: Some(Timestamp::from_secs(minute * 60 + 30)),
            ..Account::default()
        }
    }

    fn told(quality: &mut Quality, ip: u32, account: Account) {
        quality.hear(Bulletin {
            accounts: vec![(Ip::v4(ip), account)],
            ..Bulletin::default()
        });
    }

    fn troubles(findings: &[Finding]) -> Vec<Trouble> {
        findings.iter().map(|f| f.trouble).collect()
    }

    #[test]
    fn an_exporter_that_stops_marks_its_intervals_and_is_silent_after_a_while() {
        let mut quality = Quality::default();
        for n in 0..5 {
            told(&mut quality, 1, account(n, 10 * (n as u64 + 1)));
            assert!(quality.review(minute(n), 0, SILENCE).is_empty());
        }
        told(&mut quality, 1, account(4, 50));
        assert!(
            quality.review(minute(5), 0, SILENCE).is_empty(),
            "not for so long yet"
        );
        assert_eq!(quality.marks(minute(5)).count(), 1);
        assert!(quality.is_waiting());
        let found = quality.review(minute(6), 0, SILENCE);
        assert_eq!(troubles(&found), [Trouble::Silence]);
        let (new, over) = quality.change(found.clone());
        assert_eq!((new.len(), over.len()), (1, 0));
        assert_eq!(quality.change(found).0.len(), 0, "said once");
        told(&mut quality, 1, account(7, 60));
        let found = quality.review(minute(7), 0, SILENCE);
        assert_eq!(
            quality.change(found).1,
            [(Ip::v4(1), Trouble::Silence)],
            "over when it is back"
        );
    }

    #[test]
    fn loss_counts_from_a_hundredth_on() {
        for (lost, found) in [(1, 0), (10, 1)] {
            let mut quality = Quality::default();
            told(
                &mut quality,
                1,
                Account {
                    lost,
                    ..account(0, 500)
                },
            );
            assert_eq!(
                quality.review(minute(0), 0, SILENCE).len(),
                found,
                "{lost} of 500"
            );
            assert_eq!(quality.marks(minute(0)).count(), found);
        }
    }

    #[test]
    fn the_same_flows_told_by_two_exporters_are_doubling_and_the_lesser_one_is_named() {
        let mut quality = Quality::default();
        told(&mut quality, 1, account(0, 5));
        told(&mut quality, 2, account(0, 5));
        let sightings = (0..200u64).flat_map(|flow| {
            let one = Sighting {
                flow,
                exporter: Ip::v4(1),
            };
            let two = (flow < 100).then_some(Sighting {
                flow,
                exporter: Ip::v4(2),
            });
            [Some(one), two].into_iter().flatten()
        });
        quality.hear(Bulletin {
            sightings: sightings.collect(),
            ..Bulletin::default()
        });
        let found = quality.review(minute(0), 0, SILENCE);
        assert_eq!(troubles(&found), [Trouble::Doubling]);
        assert_eq!(found[0].exporter, Ip::v4(2));
    }

    #[test]
    fn an_exporter_is_late_when_a_tenth_of_its_records_is_and_on_time_again_below_a_twentieth() {
        let mut quality = Quality::default();
        let mut late = 0;
        let mut found = Vec::new();
        for n in 0..40 {
            late += if n < 10 { 30 } else { 0 };
            told(&mut quality, 1, account(n, 10 * (n as u64 + 1)));
            quality.hear(Bulletin {
                late: vec![(Ip::v4(1), late)],
                ..Bulletin::default()
            });
            let now = quality.review(minute(n), 0, SILENCE);
            assert_eq!(quality.marks(minute(n)).count(), 0, "what came in time is whole");
            found.push(troubles(&now) == [Trouble::Lateness]);
        }
        assert!(found[0] && found[15] && !found[20], "{found:?}");
        assert_eq!(
            found.iter().filter(|late| **late).count(),
            found.iter().position(|late| !late).unwrap()
        );
    }

    #[test]
    fn what_is_dropped_before_it_is_read_marks_when_it_is_much() {
        let mut quality = Quality::default();
        quality.lose(5);
        quality.review(minute(0), 10_000, SILENCE);
        assert_eq!(quality.marks(minute(0)).count(), 0);
        quality.lose(500);
        quality.review(minute(1), 10_000, SILENCE);
        assert_eq!(quality.marks(minute(1)).count(), 1);
    }
}
