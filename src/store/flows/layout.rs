//! Where stored flows lie: one folder a tier, a day and an hour, and names that say what a file holds.
//!
//! ```text
//! flows/
//!   tier=raw/date=2026-11-21/hour=14/0000000042-0000000042_1795270800000-1795270859999.parquet
//!   tier=1m/ ...                     first    - last       earliest       latest
//! ```
//!
//! The folders are named as DuckDB, Spark and ClickHouse expect partitions. The hour is that of arrival, in UTC: what
//! comes now is never written into the past. A name holds the numbers of the first and last file whose records it holds
//! (one and the same for a file as it was written; a range for what was merged or summed up) and the earliest start and
//! the latest end of its records in milliseconds since 1970, so that a query opens only files it needs.
//!
//! **Invariants.** A file with a final name is whole: it is written under another name in the same folder, synced, and
//! renamed; then the folder is synced. Files are never changed. A file whose range of numbers lies inside another's of
//! the same hour and tier is superseded: its records are in the other one too, and it is not read. So a merge needs one
//! rename, and a crash between that and the removal of the merged files doubles nothing. An hour is removed by renaming
//! its folder first, so that it is there as a whole or not at all.

use crate::model::Timestamp;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// The end of names that are final.
const FINAL: &str = ".parquet";
/// The end of names of files that are being written.
const PART: &str = ".part";
/// The end of names of folders that are being removed.
const GONE: &str = ".removed";
const HOUR: i64 = 3_600;

/// How fine stored flows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// Flow Records as they came.
    Raw,
    /// Sums over a minute.
    Minute,
    /// Sums over five minutes.
    FiveMinutes,
    /// Sums over an hour.
    Hour,
}

impl Tier {
    /// All, the finest first.
    pub const ALL: [Self; 4] = [Self::Raw, Self::Minute, Self::FiveMinutes, Self::Hour];

    /// The name in folders and in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Minute => "1m",
            Self::FiveMinutes => "5m",
            Self::Hour => "1h",
        }
    }

    /// Length of its buckets in seconds; none of raw records.
    pub const fn seconds(self) -> Option<i64> {
        match self {
            Self::Raw => None,
            Self::Minute => Some(60),
            Self::FiveMinutes => Some(300),
            Self::Hour => Some(HOUR),
        }
    }

    /// The next coarser one.
    pub fn coarser(self) -> Option<Self> {
        Self::ALL.into_iter().find(|tier| *tier > self)
    }
}

/// An hour of arrival: hours since 1970, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HourOf(pub i64);

impl HourOf {
    /// The one that holds `at`.
    pub fn of(at: Timestamp) -> Self {
        Self(at.as_secs().div_euclid(HOUR))
    }

    /// Its beginning.
    pub const fn start(self) -> Timestamp {
        Timestamp::from_secs(self.0 * HOUR)
    }

    /// Its folder inside that of a tier.
    fn folder(self) -> PathBuf {
        let day = jiff::Timestamp::from_second(self.0.div_euclid(24) * 24 * HOUR)
            .map(|at| at.to_zoned(jiff::tz::TimeZone::UTC).date().to_string())
            .unwrap_or_default();
        let hour = self.0.rem_euclid(24);
        PathBuf::from(format!("date={day}")).join(format!("hour={hour:02}"))
    }

    fn read(day: &str, hour: &str) -> Option<Self> {
        let date: jiff::civil::Date = day.strip_prefix("date=")?.parse().ok()?;
        let hour: i64 = hour.strip_prefix("hour=")?.parse().ok()?;
        let start = date
            .to_zoned(jiff::tz::TimeZone::UTC)
            .ok()?
            .timestamp()
            .as_second();
        (0..24).contains(&hour).then_some(Self(start / HOUR + hour))
    }
}

/// What a file holds, as its name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holds {
    /// Number of the first file as written whose records it holds.
    pub first: u64,
    /// Number of the last.
    pub last: u64,
    /// Earliest start of a record, milliseconds since 1970, rounded down.
    pub from: i64,
    /// Latest end, rounded down.
    pub to: i64,
}

impl Holds {
    fn name(self) -> String {
        let Self {
            first,
            last,
            from,
            to,
        } = self;
        format!("{first:010}-{last:010}_{from}-{to}{FINAL}")
    }

    fn read(name: &str) -> Option<Self> {
        let (numbers, times) = name.strip_suffix(FINAL)?.split_once('_')?;
        let (first, last) = numbers.split_once('-')?;
        // Times before 1970 have a sign: the dash between two numbers is the first one after a digit.
        let dash = 1 + times.get(1..)?.find('-')?;
        Some(Self {
            first: first.parse().ok()?,
            last: last.parse().ok()?,
            from: times[..dash].parse().ok()?,
            to: times[dash + 1..].parse().ok()?,
        })
    }

    /// Whether all of `other` is in it, and more.
    fn supersedes(&self, other: &Self) -> bool {
        let inside = self.first <= other.first && other.last <= self.last;
        inside && (self.last - self.first) > (other.last - other.first)
    }

    /// Whether it may hold records of `[since, until)`.
    pub fn overlaps(&self, since: Timestamp, until: Timestamp) -> bool {
        self.to >= millis(since) && self.from <= millis(until)
    }
}

fn millis(at: Timestamp) -> i64 {
    at.as_nanos().div_euclid(1_000_000)
}

/// A file that is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its tier.
    pub tier: Tier,
    /// When what it holds arrived.
    pub hour: HourOf,
    /// What it holds.
    pub holds: Holds,
    /// Where it lies.
    pub path: PathBuf,
    /// Octets.
    pub size: u64,
}

/// What lies in a tier.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Files to read, in the order of their numbers.
    pub parts: Vec<Part>,
    /// Files whose records are in others.
    pub superseded: Vec<PathBuf>,
    /// What was being written or removed when it was cut off.
    pub leftovers: Vec<PathBuf>,
    /// What does not belong here; it is left alone.
    pub strangers: Vec<PathBuf>,
}

/// Lists the files of `tier` in `root` whose hours are in `hours`.
///
/// # Errors
///
/// A folder cannot be read. One that is not there holds nothing.
pub fn list(root: &Path, tier: Tier, hours: [HourOf; 2]) -> io::Result<Listing> {
    let mut listing = Listing::default();
    for (day, day_name) in entries(&tier_folder(root, tier))? {
        for (folder, hour_name) in entries(&day)? {
            if hour_name.ends_with(GONE) {
                listing.leftovers.push(folder);
                continue;
            }
            match HourOf::read(&day_name, &hour_name) {
                None => listing.strangers.push(folder),
                Some(hour) if hour < hours[0] || hour > hours[1] => {}
                Some(hour) => list_hour(&folder, tier, hour, &mut listing)?,
            }
        }
    }
    listing.parts.sort_by_key(|part| (part.holds, part.hour));
    Ok(listing)
}

fn list_hour(folder: &Path, tier: Tier, hour: HourOf, listing: &mut Listing) -> io::Result<()> {
    let mut parts = Vec::new();
    for (path, name) in entries(folder)? {
        match Holds::read(&name) {
            Some(holds) => {
                // It may have been superseded and removed since the folder was read.
                let Ok(metadata) = fs::metadata(&path) else {
                    continue;
                };
                let size = metadata.len();
                parts.push(Part {
                    tier,
                    hour,
                    holds,
                    path,
                    size,
                });
            }
            None if name.ends_with(PART) => listing.leftovers.push(path),
            None => listing.strangers.push(path),
        }
    }
    let (read, superseded): (Vec<Part>, Vec<Part>) = parts
        .iter()
        .cloned()
        .partition(|part| !parts.iter().any(|other| other.holds.supersedes(&part.holds)));
    listing.parts.extend(read);
    listing
        .superseded
        .extend(superseded.into_iter().map(|part| part.path));
    Ok(())
}

/// What lies in a folder, by name; nothing where there is no such folder.
fn entries(folder: &Path) -> io::Result<Vec<(PathBuf, String)>> {
    let read = match fs::read_dir(folder) {
        Ok(read) => read,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(Vec::new());
        }
        Err(error) => return Err(error),
    };
    let mut entries = Vec::new();
    for entry in read {
        let entry = entry?;
        entries.push((entry.path(), entry.file_name().to_string_lossy().into_owned()));
    }
    entries.sort();
    Ok(entries)
}

fn tier_folder(root: &Path, tier: Tier) -> PathBuf {
    root.join(format!("tier={}", tier.name()))
}

/// A file on its way: under a name that nobody reads until [`Draft::publish`].
#[derive(Debug)]
pub struct Draft {
    path: PathBuf,
    folder: PathBuf,
    tier: Tier,
    hour: HourOf,
}

impl Draft {
    /// Opens one, for writing.
    ///
    /// # Errors
    ///
    /// The folder or the file cannot be made.
    pub fn open(root: &Path, tier: Tier, hour: HourOf, number: u64) -> io::Result<(Self, File)> {
        let folder = tier_folder(root, tier).join(hour.folder());
        fs::create_dir_all(&folder)?;
        let path = folder.join(format!("{number:010}{PART}"));
        let file = File::create(&path)?;
        Ok((
            Self {
                path,
                folder,
                tier,
                hour,
            },
            file,
        ))
    }

    /// Where it lies until then.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it its final name, once it is on the disk.
    ///
    /// # Errors
    ///
    /// It cannot be synced or renamed; it has no final name then.
    pub fn publish(self, file: &File, holds: Holds) -> io::Result<Part> {
        file.sync_all()?;
        let size = file.metadata()?.len();
        let path = self.folder.join(holds.name());
        fs::rename(&self.path, &path)?;
        // The new name itself must survive a power cut too, and so must that of a new folder.
        for folder in self.folder.ancestors().take(3) {
            File::open(folder).and_then(|folder| folder.sync_all())?;
        }
        Ok(Part {
            tier: self.tier,
            hour: self.hour,
            holds,
            path,
            size,
        })
    }

    /// Removes it.
    pub fn discard(self) {
        // What stays is removed at the next start.
        let _ = fs::remove_file(self.path);
    }
}

/// Removes an hour of a tier, all of it or nothing.
///
/// # Errors
///
/// It cannot be renamed, or then not be removed.
pub fn remove_hour(root: &Path, tier: Tier, hour: HourOf) -> io::Result<()> {
    let folder = tier_folder(root, tier).join(hour.folder());
    let gone = folder.with_extension(&GONE[1..]);
    fs::rename(&folder, &gone)?;
    fs::remove_dir_all(&gone)?;
    if let Some(day) = folder.parent() {
        // Fails while the day has other hours.
        let _ = fs::remove_dir(day);
    }
    Ok(())
}

/// Removes what `listing` says is left over or superseded; how many there were.
///
/// # Errors
///
/// One cannot be removed.
pub fn sweep(listing: &Listing) -> io::Result<usize> {
    for path in listing.leftovers.iter().chain(&listing.superseded) {
        let removed = if path.is_dir() {
            fs::remove_dir_all(path)
        } else {
            fs::remove_file(path)
        };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(listing.leftovers.len() + listing.superseded.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const EVER: [HourOf; 2] = [HourOf(i64::MIN), HourOf(i64::MAX)];

    fn holds(first: u64, last: u64) -> Holds {
        Holds {
            first,
            last,
            from: -5,
            to: 1_000,
        }
    }

    fn put(root: &Path, hour: i64, holds: Holds) -> Part {
        let (draft, mut file) = Draft::open(root, Tier::Raw, HourOf(hour), holds.first).unwrap();
        file.write_all(b"flows").unwrap();
        draft.publish(&file, holds).unwrap()
    }

    #[test]
    fn a_name_says_what_it_was_given() {
        for holds in [holds(1, 1), holds(7, 12_345_678_901)] {
            assert_eq!(Holds::read(&holds.name()), Some(holds));
        }
        for name in [
            "",
            "a-b_1-2.parquet",
            "1-1_5.parquet",
            "1-1_1-2.part",
            "1_1-2.parquet",
            "1-1_.parquet",
        ] {
            assert_eq!(Holds::read(name), None, "{name}");
        }
    }

    #[test]
    fn an_hour_has_one_folder_that_says_which_it_is() {
        for hour in [0, 495_123, 23, -1] {
            let folder = HourOf(hour).folder();
            let names: Vec<String> = folder
                .iter()
                .map(|part| part.to_string_lossy().into_owned())
                .collect();
            assert_eq!(
                HourOf::read(&names[0], &names[1]),
                Some(HourOf(hour)),
                "{folder:?}"
            );
        }
    }

    #[test]
    fn what_is_published_is_listed_and_what_is_not_is_left_over() {
        let root = tempfile::tempdir().unwrap();
        let part = put(root.path(), 500_000, holds(1, 1));
        let (draft, _) = Draft::open(root.path(), Tier::Raw, HourOf(500_000), 2).unwrap();
        std::mem::drop(draft);
        let listing = list(root.path(), Tier::Raw, EVER).unwrap();
        assert_eq!(listing.parts, [part]);
        assert_eq!(listing.leftovers.len(), 1);
        assert_eq!(sweep(&listing).unwrap(), 1);
        assert!(list(root.path(), Tier::Raw, EVER).unwrap().leftovers.is_empty());
    }

    #[test]
    fn what_was_merged_is_read_once() {
        let root = tempfile::tempdir().unwrap();
        for number in 1..=3 {
            put(root.path(), 500_000, holds(number, number));
        }
        let merged = put(root.path(), 500_000, holds(1, 3));
        let other = put(root.path(), 500_001, holds(2, 2));
        let listing = list(root.path(), Tier::Raw, EVER).unwrap();
        assert_eq!(listing.parts, [merged, other]);
        assert_eq!(listing.superseded.len(), 3);
    }

    #[test]
    fn hours_that_are_not_asked_for_are_not_looked_at() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), 500_000, holds(1, 1));
        let asked = put(root.path(), 500_002, holds(2, 2));
        let listing = list(root.path(), Tier::Raw, [HourOf(500_001), HourOf(500_002)]).unwrap();
        assert_eq!(listing.parts, [asked]);
        assert!(list(root.path(), Tier::Hour, EVER).unwrap().parts.is_empty());
    }

    #[test]
    fn an_hour_is_removed_with_the_day_it_was_the_last_of() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), 500_000, holds(1, 1));
        remove_hour(root.path(), Tier::Raw, HourOf(500_000)).unwrap();
        let listing = list(root.path(), Tier::Raw, EVER).unwrap();
        assert!(listing.parts.is_empty() && listing.leftovers.is_empty());
        assert_eq!(fs::read_dir(root.path().join("tier=raw")).unwrap().count(), 0);
    }
}
