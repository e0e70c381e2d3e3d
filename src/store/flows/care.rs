//! Looks after hours that are over: merges their small files, sums them up, and lets go of what is too old or too much.
//!
//! It works beside the thread that writes, on hours in which nothing arrives any more, and can be cut off anywhere: what
//! it makes has a name only when it is whole, and what that replaces is passed over from then on (see `layout`).

use super::FlowsError;
use super::archive::{EVER, Keeping, Notice};
use super::coding::Pool;
use super::filing::Filing;
use super::keeper::GROUP;
use super::layout::{self, HourOf, Part, Tier};
use super::merging::merged;
use super::reading::{open, whole};
use super::summary::Summary;
use crate::model::units::bytes;
use crate::model::{Columns, Field, Timestamp};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Files of an hour are merged where they are smaller than this on average.
const SMALL: u64 = 4 << 20;
/// Hours larger than this are left as they are: what is merged is in memory at once.
const LARGE: u64 = 256 << 20;
/// Sums that are in memory at once; beyond it they are written, and the same sum may stand in two row groups.
const SUMS: usize = 1 << 20;
/// An hour is over so long after its end.
const SETTLED: Duration = Duration::from_secs(120);

/// Looks after one store.
#[derive(Debug)]
pub struct Caretaker {
    root: PathBuf,
    keeping: Keeping,
    /// Until where all is done.
    done: Option<HourOf>,
    notices: Vec<Notice>,
}

impl Caretaker {
    /// Of the store in `root`.
    pub fn new(root: &Path, keeping: Keeping) -> Self {
        Self {
            root: root.to_owned(),
            keeping,
            done: None,
            notices: Vec::new(),
        }
    }

    /// What happened since the last time.
    pub fn notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Does what is to be done at `now`: nothing, mostly, but when an hour has ended.
    ///
    /// # Errors
    ///
    /// Files cannot be read, written or removed. What cannot be read costs itself: it is said, and stays.
    pub fn look_after(&mut self, now: Timestamp) -> Result<(), FlowsError> {
        let over = HourOf(HourOf::of(now - SETTLED).0 - 1);
        if self.done.is_some_and(|done| done >= over) {
            return Ok(());
        }
        for (hour, parts) in self.hours(Tier::Raw)? {
            if hour <= over {
                self.merge(hour, &parts)?;
            }
        }
        for tier in Tier::ALL {
            if self.is_kept(tier) {
                self.sum_up(tier, over)?;
            }
        }
        for tier in Tier::ALL {
            self.let_go(tier, now, over)?;
        }
        self.done = Some(over);
        Ok(())
    }

    fn retention(&self, tier: Tier) -> super::archive::Retention {
        self.keeping.tiers[tier as usize]
    }

    fn is_kept(&self, tier: Tier) -> bool {
        tier != Tier::Raw && !self.retention(tier).age.is_zero()
    }

    /// The files of a tier by hour.
    fn hours(&self, tier: Tier) -> Result<BTreeMap<HourOf, Vec<Part>>, FlowsError> {
        let listing = layout::list(&self.root, tier, EVER).map_err(FlowsError::io(&self.root))?;
        let mut hours: BTreeMap<HourOf, Vec<Part>> = BTreeMap::new();
        for part in listing.parts {
            hours.entry(part.hour).or_default().push(part);
        }
        Ok(hours)
    }

    /// Makes one file of an hour's small ones.
    fn merge(&mut self, hour: HourOf, parts: &[Part]) -> Result<(), FlowsError> {
        let size: u64 = parts.iter().map(|part| part.size).sum();
        let [Some(first), Some(last)] = [parts.first(), parts.last()] else {
            return Ok(());
        };
        if parts.len() < 2 || size / parts.len() as u64 > SMALL || size > LARGE {
            return Ok(());
        }
        let mut filing = Filing::new(&self.root, Tier::Raw);
        let mut batches: Vec<Columns> = Vec::new();
        let mut rows = 0;
        for part in parts {
            let Some(columns) = self.read(part)? else {
                // What cannot be read must not be passed over as if it had been merged.
                filing.discard();
                return Ok(());
            };
            rows += columns.iter().map(Columns::rows).sum::<usize>();
            batches.extend(columns);
            if rows >= GROUP {
                filing.add(&merged(&batches), hour, first.holds.first)?;
                batches.clear();
                rows = 0;
            }
        }
        if rows > 0 {
            filing.add(&merged(&batches), hour, first.holds.first)?;
        }
        filing.end(first.holds.first, last.holds.last)?;
        self.sweep(Tier::Raw, hour)
    }

    /// All of a file; `None` if it cannot be read, which is said.
    fn read(&mut self, part: &Part) -> Result<Option<Vec<Columns>>, FlowsError> {
        let all = || -> Result<Vec<Columns>, FlowsError> {
            let reader = open(part)?;
            let failed = || FlowsError::format(&part.path);
            (0..reader.groups())
                .map(|index| {
                    let group = reader.group(index).map_err(failed())?;
                    whole(&group, Field::ALL, &mut Pool::default()).map_err(failed())
                })
                .collect()
        };
        match all() {
            Ok(columns) => Ok(Some(columns)),
            Err(error @ FlowsError::Unusable { .. }) => {
                self.notices.push(Notice::Warn(format!(
                    "stored flows: {error}; it is left as it is"
                )));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Sums up what is over and not summed up yet.
    fn sum_up(&mut self, tier: Tier, over: HourOf) -> Result<(), FlowsError> {
        let known = self.hours(tier)?;
        let Some(seconds) = tier.seconds() else {
            return Ok(());
        };
        let mut sources: BTreeMap<HourOf, Vec<Part>> = BTreeMap::new();
        // The coarsest of the finer ones that has the hour is the least work.
        for finer in Tier::ALL.into_iter().filter(|finer| *finer < tier).rev() {
            for (hour, parts) in self.hours(finer)? {
                let has_newer = |other: &Vec<Part>| newest(other) < newest(&parts);
                if sources.get(&hour).is_none_or(has_newer) {
                    sources.insert(hour, parts);
                }
            }
        }
        for (hour, parts) in sources {
            let is_done = known
                .get(&hour)
                .is_some_and(|sums| newest(sums) >= newest(&parts));
            if hour <= over && !is_done {
                self.sum_up_hour(tier, seconds, hour, &parts)?;
            }
        }
        Ok(())
    }

    fn sum_up_hour(
        &mut self,
        tier: Tier,
        seconds: i64,
        hour: HourOf,
        parts: &[Part],
    ) -> Result<(), FlowsError> {
        let [Some(first), Some(last)] = [parts.first(), parts.last()] else {
            return Ok(());
        };
        let fields: Vec<Field> = Summary::fields().collect();
        let mut filing = Filing::new(&self.root, tier);
        let mut summary = Summary::new(seconds);
        let mut pool = Pool::default();
        for part in parts {
            let reader = match open(part) {
                Ok(reader) => reader,
                Err(error) => {
                    self.notices.push(Notice::Warn(format!(
                        "stored flows: {error}; sums are made without it"
                    )));
                    continue;
                }
            };
            let failed = || FlowsError::format(&part.path);
            for index in 0..reader.groups() {
                let group = reader.group(index).map_err(failed())?;
                let columns = whole(&group, &fields, &mut pool).map_err(failed())?;
                for row in 0..columns.rows() {
                    summary.add(&columns, row);
                }
                pool.take_all(columns);
                if summary.len() >= SUMS {
                    filing.add(&summary.take(), hour, first.holds.first)?;
                }
            }
        }
        if summary.len() > 0 {
            filing.add(&summary.take(), hour, first.holds.first)?;
        }
        filing.end(first.holds.first, last.holds.last)?;
        self.sweep(tier, hour)
    }

    /// Removes what a new file has superseded.
    fn sweep(&self, tier: Tier, hour: HourOf) -> Result<(), FlowsError> {
        let mut listing = layout::list(&self.root, tier, [hour, hour]).map_err(FlowsError::io(&self.root))?;
        // What is unfinished may be what the other thread is writing.
        listing.leftovers.clear();
        layout::sweep(&listing)
            .map(|_| ())
            .map_err(FlowsError::io(&self.root))
    }

    /// Lets go of hours of a tier that are too old, and of the oldest while there is too much.
    fn let_go(&mut self, tier: Tier, now: Timestamp, over: HourOf) -> Result<(), FlowsError> {
        let hours = self.hours(tier)?;
        let keep = self.retention(tier);
        let mut size: u64 = hours.values().flatten().map(|part| part.size).sum();
        let (mut gone, mut octets) = (0, 0);
        for (hour, parts) in hours {
            let is_old = HourOf(hour.0 + 1).start() + keep.age <= now;
            if hour > over || !(is_old || size > keep.size) {
                break;
            }
            layout::remove_hour(&self.root, tier, hour).map_err(FlowsError::io(&self.root))?;
            let of_hour: u64 = parts.iter().map(|part| part.size).sum();
            size -= of_hour;
            octets += of_hour;
            gone += 1;
        }
        if gone > 0 {
            let octets = bytes(octets as f64);
            let words = format!(
                "stored flows: {gone} hours of tier {} let go, {octets}",
                tier.name()
            );
            self.notices.push(Notice::Info(words));
        }
        Ok(())
    }
}

/// Number of the newest file whose records are in `parts`.
fn newest(parts: &[Part]) -> u64 {
    parts.iter().map(|part| part.holds.last).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Interval;
    use crate::query::{Answer, By, Measure, Request};
    use crate::store::flows::archive::Retention;
    use crate::store::flows::test_data::{BEGIN, records, store};
    use crate::store::flows::{FlowStore, ParquetStore};

    const LONG: Retention = Retention {
        age: Duration::from_secs(1 << 30),
        size: u64::MAX,
    };
    const NOTHING: Retention = Retention {
        age: Duration::ZERO,
        size: 0,
    };
    /// Both hours of test traffic are over.
    const LATER: Timestamp = Timestamp::from_secs(BEGIN + 4 * 3_600);

    fn keeping(tiers: [Retention; 4]) -> Keeping {
        Keeping { tiers, min_free: 0 }
    }

    fn look_after(root: &Path, tiers: [Retention; 4]) -> Vec<Notice> {
        let mut caretaker = Caretaker::new(root, keeping(tiers));
        caretaker.look_after(LATER).unwrap();
        caretaker.notices()
    }

    fn files(root: &Path) -> [usize; 4] {
        Tier::ALL.map(|tier| layout::list(root, tier, EVER).unwrap().parts.len())
    }

    /// What sums can tell, over whole hours.
    fn answer(root: &Path) -> Answer {
        let mut request = Request::new(
            vec![By::Field(Field::SrcIp), By::Field(Field::Protocol)],
            vec![Measure::Bytes, Measure::Packets, Measure::Flows],
        );
        request.top = 1_000;
        let hour = |n: i64| Timestamp::from_secs(BEGIN + n * 3_600);
        (request.since, request.until) = (Some(hour(0)), Some(hour(2)));
        let mut answer = ParquetStore::new(root, 2).query(&request).unwrap();
        (answer.read, answer.counted) = Default::default();
        answer
    }

    #[test]
    fn merged_files_hold_what_they_were_made_of() {
        let root = tempfile::tempdir().unwrap();
        store(root.path(), &records(1, 3_000), 100);
        let before = answer(root.path());
        assert_eq!(files(root.path()), [30, 0, 0, 0]);
        assert_eq!(look_after(root.path(), [LONG, NOTHING, NOTHING, NOTHING]), []);
        // One for each of the three hours that the traffic touches, but for what arrived alone in its hour.
        assert!(files(root.path())[0] <= 3);
        assert_eq!(answer(root.path()), before);
    }

    #[test]
    fn sums_of_every_length_answer_as_records_do() {
        let root = tempfile::tempdir().unwrap();
        store(root.path(), &records(2, 3_000), 100);
        let before = answer(root.path());
        look_after(root.path(), [LONG; 4]);
        for tier in 0..3 {
            // The finer tier goes, the next one answers.
            std::fs::remove_dir_all(root.path().join(format!("tier={}", Tier::ALL[tier].name()))).unwrap();
            assert_eq!(answer(root.path()), before, "{}", Tier::ALL[tier + 1].name());
        }
    }

    #[test]
    fn what_is_done_is_not_done_again_and_what_comes_later_is_summed_up_too() {
        let root = tempfile::tempdir().unwrap();
        store(root.path(), &records(3, 500), 100);
        look_after(root.path(), [LONG; 4]);
        let first = files(root.path());
        store(root.path(), &records(4, 500), 100);
        let both = answer(root.path());
        look_after(root.path(), [LONG; 4]);
        assert_eq!(files(root.path()), first);
        std::fs::remove_dir_all(root.path().join("tier=raw")).unwrap();
        assert_eq!(answer(root.path()), both);
    }

    #[test]
    fn what_is_too_old_or_too_much_goes_and_the_newest_stays() {
        let root = tempfile::tempdir().unwrap();
        store(root.path(), &records(5, 3_000), 1_000);
        let hours = Caretaker::new(root.path(), keeping([LONG; 4]))
            .hours(Tier::Raw)
            .unwrap()
            .len();
        let size = Retention { size: 1, ..LONG };
        let said = look_after(root.path(), [size, LONG, NOTHING, NOTHING]);
        assert_eq!(files(root.path())[0], 0);
        assert!(
            matches!(&said[..], [Notice::Info(words)] if words.starts_with(&format!("stored flows: {hours} hours of tier raw let go"))),
            "{said:?}"
        );
        // Sums were made before the records went, and go when they are old.
        assert_eq!(files(root.path())[1], hours);
        let old = Retention {
            age: Duration::from_secs(3_600),
            ..LONG
        };
        look_after(root.path(), [LONG, old, NOTHING, NOTHING]);
        assert_eq!(files(root.path())[1], 0);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_said_and_stays_and_costs_itself() {
        let root = tempfile::tempdir().unwrap();
        store(root.path(), &records(6, 400), 100);
        let parts = layout::list(root.path(), Tier::Raw, EVER).unwrap().parts;
        std::fs::write(&parts[0].path, b"torn").unwrap();
        let said = look_after(root.path(), [LONG, LONG, NOTHING, NOTHING]);
        assert!(said.len() >= 2, "{said:?}");
        assert!(parts[0].path.exists());
        let answer = ParquetStore::new(root.path(), 1)
            .query(&Request::new(vec![], vec![Measure::Flows]))
            .unwrap();
        assert_eq!(answer.read.unreadable, 1);
        assert!(answer.trouble.unwrap().contains(parts[0].path.to_str().unwrap()));
        assert_eq!(answer.counted.passed, 300);
    }

    #[test]
    fn the_present_hour_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        store(root.path(), &records(7, 3_000), 100);
        let before = files(root.path());
        let mut caretaker = Caretaker::new(root.path(), keeping([NOTHING; 4]));
        caretaker.look_after(Timestamp::from_secs(BEGIN + 60)).unwrap();
        assert_eq!(files(root.path()), before);
    }

    #[test]
    fn an_interval_of_a_minute_is_told_alike_by_records_and_by_sums() {
        let root = tempfile::tempdir().unwrap();
        store(root.path(), &records(8, 3_000), 500);
        let ask = || {
            let mut request = Request::new(vec![], vec![Measure::Bytes, Measure::Flows]);
            let Interval { start, end } =
                Interval::holding(Timestamp::from_secs(BEGIN + 1_000), Duration::from_secs(60));
            (request.since, request.until) = (Some(start), Some(end));
            ParquetStore::new(root.path(), 1).query(&request).unwrap().total
        };
        let before = ask();
        look_after(root.path(), [LONG, LONG, NOTHING, NOTHING]);
        std::fs::remove_dir_all(root.path().join("tier=raw")).unwrap();
        assert_eq!(ask(), before);
    }
}
