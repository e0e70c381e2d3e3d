//! The reading end of the store on disk: which files a question needs, and of these which columns and pages.

use super::coding::Pool;
use super::layout::{self, HourOf, Part, Tier};
use super::parquet::{Group, Reader};
use super::{FlowStore, FlowsError, Scanned};
use crate::filter::Filter;
use crate::model::{Columns, Field, Interval, Timestamp};
use crate::query::{Answer, Grouping, Inquiry, Read, Request, Stage, Sure};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

/// A record is told of at most so long after it ended, for all but the clocks of exporters; files that arrived later are
/// not looked at for it.
const LATEST: Duration = Duration::from_secs(24 * 3600);
/// A record may say that it ended so long after it arrived.
const EARLIEST: Duration = Duration::from_secs(3600);

/// Flows stored in Parquet files, to be read; the prose at the head of `layout.rs` says how they lie.
#[derive(Debug)]
pub struct ParquetStore {
    root: PathBuf,
    threads: usize,
}

/// What a walk over files came to.
#[derive(Default)]
struct Walked {
    read: Read,
    first_error: Option<String>,
}

impl ParquetStore {
    /// The store in `root`, read by so many threads at once.
    pub fn new(root: &Path, threads: usize) -> Self {
        Self {
            root: root.to_owned(),
            threads: threads.max(1),
        }
    }

    /// The files that hold what is known of `range`, the earliest arrival first: of each hour those of the finest tier
    /// that is still there.
    ///
    /// # Errors
    ///
    /// The folders cannot be read.
    pub fn parts(&self, range: Interval) -> Result<Vec<Part>, FlowsError> {
        let hours = [
            HourOf::of(back(range.start, EARLIEST)),
            HourOf::of(ahead(range.end, LATEST)),
        ];
        let mut by_hour: BTreeMap<HourOf, Vec<Part>> = BTreeMap::new();
        for tier in Tier::ALL {
            let listing = layout::list(&self.root, tier, hours).map_err(FlowsError::io(&self.root))?;
            let known: BTreeSet<HourOf> = by_hour.keys().copied().collect();
            for part in listing
                .parts
                .into_iter()
                .filter(|part| !known.contains(&part.hour))
            {
                by_hour.entry(part.hour).or_default().push(part);
            }
        }
        let parts = by_hour.into_values().flatten();
        Ok(parts
            .filter(|part| part.holds.overlaps(range.start, range.end))
            .collect())
    }

    /// One walk, on several threads: whoever is free takes the next file.
    fn walk(&self, stage: &Stage, filter: &Filter, walked: &mut Walked) -> Result<Grouping, FlowsError> {
        let parts = self.parts(stage.range())?;
        let threads = self.threads.min(parts.len()).max(1);
        let left = Mutex::new(parts.into_iter());
        let next = || left.lock().ok().and_then(|mut parts| parts.next());
        let work = || {
            let mut grouping = stage.grouping(threads);
            let mut walked = Walked::default();
            let mut pool = Pool::default();
            while let Some(part) = next() {
                walked.read.files += 1;
                walked.read.bytes += part.size;
                if let Err(error) =
                    group_part(&part, stage, filter, &mut grouping, &mut walked.read, &mut pool)
                {
                    walked.read.unreadable += 1;
                    walked.first_error.get_or_insert(error.to_string());
                }
            }
            (grouping, walked)
        };
        thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
            let (mut grouping, own) = work();
            walked.add(own);
            for other in others {
                let Ok((part, other)) = other.join() else {
                    return Err(FlowsError::Unusable {
                        path: self.root.clone(),
                        what: "a thread that read it failed".to_owned(),
                    });
                };
                grouping.merge(&part);
                walked.add(other);
            }
            Ok(grouping)
        })
    }
}

impl Walked {
    fn add(&mut self, other: Self) {
        self.read.files += other.read.files;
        self.read.unreadable += other.read.unreadable;
        self.read.skipped += other.read.skipped;
        self.read.bytes += other.read.bytes;
        self.first_error = self.first_error.take().or(other.first_error);
    }
}

impl FlowStore for ParquetStore {
    fn query(&self, request: &Request) -> Result<Answer, FlowsError> {
        let mut inquiry = Inquiry::new(request)?;
        let mut walked = Walked::default();
        while let Some(stage) = inquiry.stage() {
            let grouping = self.walk(&stage, &request.filter, &mut walked)?;
            inquiry.take(&grouping)?;
        }
        let mut answer = inquiry.answer();
        answer.read = walked.read;
        answer.trouble = walked.first_error;
        Ok(answer)
    }

    fn scan(
        &self,
        range: Interval,
        filter: &Filter,
        fields: &[Field],
        each: &mut dyn FnMut(&Columns) -> ControlFlow<()>,
    ) -> Result<Scanned, FlowsError> {
        let mut scanned = Scanned::default();
        for part in self.parts(range)? {
            match scan_part(&part, range, filter, fields, each, &mut scanned) {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => break,
                Err(error) => {
                    scanned.unreadable += 1;
                    scanned.trouble.get_or_insert(error.to_string());
                }
            }
        }
        Ok(scanned)
    }

    fn write(&mut self, _records: &Columns) -> Result<(), FlowsError> {
        Err(FlowsError::Unusable {
            path: self.root.clone(),
            what: "it was opened for reading; an Archive writes".to_owned(),
        })
    }
}

pub(super) fn open(part: &Part) -> Result<Reader, FlowsError> {
    let file = File::open(&part.path).map_err(FlowsError::io(&part.path))?;
    Reader::open(file).map_err(FlowsError::format(&part.path))
}

/// Puts a file's records into `grouping`.
fn group_part(
    part: &Part,
    stage: &Stage,
    filter: &Filter,
    grouping: &mut Grouping,
    read: &mut Read,
    pool: &mut Pool,
) -> Result<(), FlowsError> {
    let reader = open(part)?;
    let failed = || FlowsError::format(&part.path);
    for index in 0..reader.groups() {
        let group = reader.group(index).map_err(failed())?;
        let Some(sure) = stage.sure(|field| group.bounds(field)) else {
            read.skipped += group.rows() as u64;
            continue;
        };
        let fields = stage.fields(sure);
        let (columns, sure) = match sure.filter {
            true => (whole(&group, &fields, pool).map_err(failed())?, sure),
            false => match passing(&group, &fields, filter, pool).map_err(failed())? {
                Some(columns) => {
                    read.skipped += (group.rows() - columns.rows()) as u64;
                    (columns, Sure { filter: true, ..sure })
                }
                None => {
                    read.skipped += group.rows() as u64;
                    continue;
                }
            },
        };
        grouping.add(&columns, sure);
        // What was picked out has room of its own; the pool has that of the row group back already.
        if columns.rows() == group.rows() {
            pool.take_all(columns);
        }
    }
    Ok(())
}

/// All rows of a row group.
pub(super) fn whole(
    group: &Group<'_>,
    fields: &[Field],
    pool: &mut Pool,
) -> parquet::errors::Result<Columns> {
    let mut columns = Columns::new(group.rows());
    for field in fields {
        group.read(
            &mut columns,
            *field,
            std::slice::from_ref(&(0..group.rows())),
            pool,
        )?;
    }
    Ok(columns)
}

/// The rows that pass `filter`; `None` where none does. First the fields of the filter are read, then of the others the
/// pages that hold rows which pass.
fn passing(
    group: &Group<'_>,
    fields: &[Field],
    filter: &Filter,
    pool: &mut Pool,
) -> parquet::errors::Result<Option<Columns>> {
    let asked = filter.fields();
    let mut columns = whole(group, &asked, pool)?;
    let selection = filter.select(&columns);
    if selection.is_empty() {
        pool.take_all(columns);
        return Ok(None);
    }
    let Some(rows) = selection.rows() else {
        for field in fields.iter().filter(|field| !asked.contains(field)) {
            group.read(
                &mut columns,
                *field,
                std::slice::from_ref(&(0..group.rows())),
                pool,
            )?;
        }
        return Ok(Some(columns));
    };
    let wanted = ranges(&rows);
    for field in fields.iter().filter(|field| !asked.contains(field)) {
        group.read(&mut columns, *field, &wanted, pool)?;
    }
    let picked = columns.pick(&rows);
    pool.take_all(columns);
    Ok(Some(picked))
}

/// Stretches that hold all of `rows`; what lies close together is one stretch.
fn ranges(rows: &[u32]) -> Vec<Range<usize>> {
    const CLOSE: usize = 4_096;
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for row in rows.iter().map(|row| *row as usize) {
        match ranges.last_mut() {
            Some(range) if row < range.end + CLOSE => range.end = row + 1,
            _ => ranges.push(row..row + 1),
        }
    }
    ranges
}

/// Gives out a file's records, in the order in which they arrived.
fn scan_part(
    part: &Part,
    range: Interval,
    filter: &Filter,
    fields: &[Field],
    each: &mut dyn FnMut(&Columns) -> ControlFlow<()>,
    scanned: &mut Scanned,
) -> Result<ControlFlow<()>, FlowsError> {
    let reader = open(part)?;
    let failed = || FlowsError::format(&part.path);
    let times = [Field::Start, Field::End, Field::Received];
    let mut all: Vec<Field> = fields
        .iter()
        .copied()
        .chain(filter.fields())
        .chain(times)
        .collect();
    all.sort_unstable();
    all.dedup();
    let mut pool = Pool::default();
    for index in 0..reader.groups() {
        let group = reader.group(index).map_err(failed())?;
        scanned.looked += group.rows() as u64;
        let Some(columns) = passing(&group, &all, filter, &mut pool).map_err(failed())? else {
            continue;
        };
        let micros = |field, row: u32| columns.word(field, row as usize) as i64;
        let [since, until] = [range.start, range.end].map(|at| at.as_nanos().div_euclid(1000));
        let mut rows: Vec<u32> = (0..columns.rows() as u32)
            .filter(|row| micros(Field::Start, *row) < until && micros(Field::End, *row) >= since)
            .collect();
        // Files are sorted by address for those who look for one; whoever replays needs the order of arrival.
        rows.sort_by_key(|row| micros(Field::Received, *row));
        scanned.given += rows.len() as u64;
        if !rows.is_empty() && each(&columns.pick(&rows)).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// `at`, less `by`; the first instant where that would be before it.
fn back(at: Timestamp, by: Duration) -> Timestamp {
    let nanos = i64::try_from(by.as_nanos()).unwrap_or(i64::MAX);
    Timestamp::from_nanos(at.as_nanos().saturating_sub(nanos))
}

/// `at` and `by`; the last instant where that would be after it.
fn ahead(at: Timestamp, by: Duration) -> Timestamp {
    let nanos = i64::try_from(by.as_nanos()).unwrap_or(i64::MAX);
    Timestamp::from_nanos(at.as_nanos().saturating_add(nanos))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::{By, Measure};
    use crate::store::flows::MemoryStore;
    use crate::store::flows::test_data::{BEGIN, columns, records, store};
    use proptest::prelude::*;

    const FILTERS: [&str; 8] = [
        "any",
        "src net 10.0.0.0/28",
        "dst port 443 and bytes > 10k",
        "src host 10.0.0.3 and not proto udp",
        "host 192.0.2.1",
        "as 64501 or ipv6",
        "src internal and packets < 5",
        "vlan 12",
    ];

    fn request(by: &[Field], filter: &str, range: Option<(i64, i64)>) -> Request {
        let by = by.iter().map(|field| By::Field(*field)).collect();
        let mut request = Request::new(by, vec![Measure::Bytes, Measure::Packets, Measure::Flows]);
        request.filter = Filter::parse(filter).unwrap();
        let at = |second: i64| Some(Timestamp::from_secs(BEGIN + second));
        if let Some((since, until)) = range {
            (request.since, request.until) = (at(since), at(until));
        }
        request
    }

    /// What must not depend on how records lie.
    fn comparable(mut answer: Answer) -> Answer {
        answer.read = Read::default();
        answer.counted.looked = 0;
        answer
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn files_answer_as_memory_does(
            seed in 0u64..1_000,
            count in 1usize..2_000,
            each in 50usize..500,
            filter in prop::sample::select(&FILTERS[..]),
            keys in prop::sample::subsequence(vec![Field::SrcIp, Field::DstPort, Field::Exporter, Field::EndReason], 0..=3),
            range in prop::option::of((0i64..5_000, 1i64..4_000)),
            threads in 1usize..4,
        ) {
            let root = tempfile::tempdir().unwrap();
            let records = records(seed, count);
            store(root.path(), &records, each);
            let mut memory = MemoryStore::new(1 << 30);
            memory.write(&columns(&records)).unwrap();
            let request = request(&keys, filter, range.map(|(since, length)| (since, since + length)));
            let stored = ParquetStore::new(root.path(), threads).query(&request).unwrap();
            prop_assert_eq!(comparable(stored), comparable(memory.query(&request).unwrap()));
        }
    }

    #[test]
    fn what_cannot_match_is_not_looked_at() {
        let root = tempfile::tempdir().unwrap();
        store(root.path(), &records(1, 4_000), 100);
        let store = ParquetStore::new(root.path(), 1);
        let answer = store
            .query(&request(&[Field::SrcIp], "any", Some((0, 60))))
            .unwrap();
        assert!(answer.read.files < 10, "{:?}", answer.read);
        let answer = store
            .query(&request(&[Field::SrcIp], "dst port 9", None))
            .unwrap();
        assert_eq!((answer.counted.looked, answer.read.skipped), (0, 4_000));
    }

    #[test]
    fn rows_that_lie_close_are_read_in_one_stretch() {
        assert_eq!(
            ranges(&[3, 4, 9, 10_000, 90_000]),
            [3..10, 10_000..10_001, 90_000..90_001]
        );
        assert!(ranges(&[]).is_empty());
    }
}
