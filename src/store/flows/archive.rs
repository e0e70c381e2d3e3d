//! The writing end of the store on disk: numbers, files, and the room there is for them.

use super::FlowsError;
use super::filing::{Filing, Written, arrived};
use super::layout::{self, HourOf, Tier};
use crate::model::Columns;
use crate::model::units::bytes;
use nix::fcntl::{Flock, FlockArg};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Hours without a bound.
pub(super) const EVER: [HourOf; 2] = [HourOf(i64::MIN), HourOf(i64::MAX)];
/// Row groups a file has at most.
const GROUPS: u64 = 32;
/// Who writes holds a lock on this file.
const LOCK: &str = "lock";

/// What happened, in words, for whoever listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Worth knowing.
    Info(String),
    /// Wrong, or soon to be.
    Warn(String),
}

/// How much of one tier is kept: what is older, or more, goes, an hour at a time, the oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// No older than this; nothing of the tier is kept if it is zero.
    pub age: Duration,
    /// No more octets than this.
    pub size: u64,
}

/// How flows are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// How much of each tier, in the order of [`Tier::ALL`].
    pub tiers: [Retention; 4],
    /// Octets of the disk that are left to others: with less than this free, nothing is stored.
    pub min_free: u64,
}

/// Octets that are free on the disk of a folder; a function, so that a full disk can be had in a test.
pub type Free = Box<dyn Fn(&Path) -> Option<u64> + Send>;

/// Whoever has one is the only one that writes into its folder.
pub struct Archive {
    root: PathBuf,
    min_free: u64,
    free: Free,
    _lock: Flock<File>,
    /// Number of the next file.
    next: u64,
    filing: Filing,
    groups: u64,
    /// Nothing is stored now for lack of room.
    full: bool,
    /// It was said that room is getting short.
    short: bool,
    notices: Vec<Notice>,
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Archive")
            .field("root", &self.root)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

impl Archive {
    /// Opens the store in `root`, which is made if need be, and clears away what was cut off while it was being
    /// written.
    ///
    /// # Errors
    ///
    /// Somebody else writes there, or it cannot be read or written.
    pub fn open(root: &Path, min_free: u64) -> Result<Self, FlowsError> {
        Self::open_with(root, min_free, Box::new(free_of))
    }

    /// The same, told by `free` how much room there is.
    ///
    /// # Errors
    ///
    /// As for [`Archive::open`].
    pub fn open_with(root: &Path, min_free: u64, free: Free) -> Result<Self, FlowsError> {
        std::fs::create_dir_all(root).map_err(FlowsError::io(root))?;
        let path = root.join(LOCK);
        let file = File::create(&path).map_err(FlowsError::io(&path))?;
        let lock = Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|_| FlowsError::Unusable {
            path: root.to_owned(),
            what: "another tidemark stores flows here".to_owned(),
        })?;
        let mut archive = Self {
            root: root.to_owned(),
            min_free,
            free,
            _lock: lock,
            next: 1,
            filing: Filing::new(root, Tier::Raw),
            groups: 0,
            full: false,
            short: false,
            notices: Vec::new(),
        };
        for tier in Tier::ALL {
            archive.recover(tier)?;
        }
        Ok(archive)
    }

    fn recover(&mut self, tier: Tier) -> Result<(), FlowsError> {
        let listing = layout::list(&self.root, tier, EVER).map_err(FlowsError::io(&self.root))?;
        let last = listing.parts.iter().map(|part| part.holds.last).max();
        self.next = self.next.max(last.unwrap_or(0) + 1);
        let cut = listing.leftovers.len();
        layout::sweep(&listing).map_err(FlowsError::io(&self.root))?;
        if cut > 0 {
            let words = format!(
                "stored flows: {cut} unfinished of tier {} cleared away",
                tier.name()
            );
            self.notices.push(Notice::Info(words));
        }
        for stranger in &listing.strangers {
            let words = format!(
                "{} does not belong to stored flows; it is left alone",
                stranger.display()
            );
            self.notices.push(Notice::Warn(words));
        }
        Ok(())
    }

    /// Records in the file that is being written.
    pub fn pending(&self) -> u64 {
        self.filing.rows()
    }

    /// Takes in a batch of records, which arrived after those before; how many records are given up because the disk is
    /// full. They are on the disk after [`Archive::end`]; when a file is full it ends by itself, and what was written
    /// is given.
    ///
    /// # Errors
    ///
    /// They cannot be written; the file that was open is given up with them.
    pub fn add(&mut self, columns: &Columns) -> Result<Stored, FlowsError> {
        if !self.has_room() {
            return Ok(Stored {
                given_up: columns.rows() as u64,
                written: None,
            });
        }
        self.filing
            .add(columns, HourOf::of(arrived(columns)), self.next)?;
        self.groups += 1;
        let written = if self.groups >= GROUPS { self.end()? } else { None };
        Ok(Stored { given_up: 0, written })
    }

    /// Ends the file that is being written, if any: its records are on the disk then.
    ///
    /// # Errors
    ///
    /// It cannot be written, and is given up.
    pub fn end(&mut self) -> Result<Option<Written>, FlowsError> {
        self.groups = 0;
        let written = self.filing.end(self.next, self.next)?;
        self.next += 1;
        Ok(written)
    }

    /// What happened since the last time.
    pub fn notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Whether there is room, said when that changes and before it does.
    fn has_room(&mut self) -> bool {
        let Some(free) = (self.free)(&self.root) else {
            return true;
        };
        let limit = self.min_free;
        let is_full = free < limit;
        let is_short = free < limit.saturating_mul(2);
        let of = |octets: u64| bytes(octets as f64);
        let [free, limit, where_] = [of(free), of(limit), self.root.display().to_string()];
        if is_full && !self.full {
            let words = format!(
                "flows are no longer stored: {free} free on the disk of {where_}, {limit} are left to others"
            );
            self.notices.push(Notice::Warn(words));
        } else if is_short && !self.short {
            let words =
                format!("{free} free on the disk of {where_}: below {limit} flows are no longer stored");
            self.notices.push(Notice::Warn(words));
        } else if self.full && !is_full {
            self.notices.push(Notice::Info(format!(
                "flows are stored again: {free} free on the disk of {where_}"
            )));
        }
        (self.full, self.short) = (is_full, is_short);
        !is_full
    }
}

/// What became of a batch.
#[derive(Debug)]
pub struct Stored {
    /// Records that are not stored for lack of room.
    pub given_up: u64,
    /// The file that ended with it.
    pub written: Option<Written>,
}

/// What the system says is free for us.
pub fn free_of(folder: &Path) -> Option<u64> {
    let stat = nix::sys::statvfs::statvfs(folder).ok()?;
    Some(stat.blocks_available().saturating_mul(stat.fragment_size()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::flows::test_data::{columns, records, store};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn what_was_ended_is_there_and_what_was_not_is_cleared_away() {
        let root = tempfile::tempdir().unwrap();
        let records = records(1, 300);
        let mut archive = Archive::open(root.path(), 0).unwrap();
        archive.add(&columns(&records[..200])).unwrap();
        assert_eq!(archive.end().unwrap().unwrap().rows, 200);
        archive.add(&columns(&records[200..])).unwrap();
        std::mem::drop(archive);
        let mut again = Archive::open(root.path(), 0).unwrap();
        let words = "stored flows: 1 unfinished of tier raw cleared away".to_owned();
        assert_eq!(again.notices(), [Notice::Info(words)]);
        assert_eq!(again.next, 2);
        let listing = layout::list(root.path(), Tier::Raw, EVER).unwrap();
        assert_eq!((listing.parts.len(), listing.leftovers.len()), (1, 0));
    }

    #[test]
    fn two_do_not_write_into_one_folder() {
        let root = tempfile::tempdir().unwrap();
        let _first = Archive::open(root.path(), 0).unwrap();
        let refused = Archive::open(root.path(), 0).unwrap_err().to_string();
        assert!(
            refused.ends_with("another tidemark stores flows here"),
            "{refused}"
        );
    }

    #[test]
    fn a_full_disk_is_said_before_and_when_it_stops_storing_and_when_it_goes_on() {
        let root = tempfile::tempdir().unwrap();
        let room = Arc::new(AtomicU64::new(u64::MAX));
        let free = Arc::clone(&room);
        let free: Free = Box::new(move |_| Some(free.load(Ordering::Relaxed)));
        let mut archive = Archive::open_with(root.path(), 1_000, free).unwrap();
        let batch = columns(&records(1, 10));
        let mut says = |octets: u64| {
            room.store(octets, Ordering::Relaxed);
            let given_up = archive.add(&batch).unwrap().given_up;
            let said: Vec<String> = archive
                .notices()
                .into_iter()
                .map(|notice| match notice {
                    Notice::Info(words) | Notice::Warn(words) => {
                        words.replace(root.path().to_str().unwrap(), "ROOT")
                    }
                })
                .collect();
            (given_up, said.join("; "))
        };
        let quiet = String::new();
        assert_eq!(says(5_000), (0, quiet.clone()));
        let before = "1.50 kB free on the disk of ROOT: below 1.00 kB flows are no longer stored";
        assert_eq!(says(1_500), (0, before.to_owned()));
        assert_eq!(says(1_400), (0, quiet.clone()));
        let full = "flows are no longer stored: 900 B free on the disk of ROOT, 1.00 kB are left to others";
        assert_eq!(says(900), (10, full.to_owned()));
        assert_eq!(says(900), (10, quiet));
        let again = "flows are stored again: 5.00 kB free on the disk of ROOT";
        assert_eq!(says(5_000), (0, again.to_owned()));
    }

    #[test]
    fn numbers_go_on_where_they_were() {
        let root = tempfile::tempdir().unwrap();
        store(root.path(), &records(1, 30), 10);
        store(root.path(), &records(2, 30), 10);
        let listing = layout::list(root.path(), Tier::Raw, EVER).unwrap();
        let numbers: Vec<u64> = listing.parts.iter().map(|part| part.holds.first).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
    }
}
