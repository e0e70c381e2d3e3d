//! Takes Flow Records from the engine's thread and has them stored by a thread of its own.
//!
//! The engine's thread only copies a record into a compact row. Rows go over in batches; when the disk does not follow,
//! batches are given up and counted: storing gives way, judging never waits for it.

use super::FlowsError;
use super::archive::{Archive, Notice};
use super::care::Caretaker;
use super::filing::Written;
use super::rows::Rows;
use crate::engine::Keep;
use crate::model::{FlowRecord, Ip, Origin, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Rows of one row group: enough that a dictionary is worth its room, few enough to sort in the cache.
pub const GROUP: usize = 1 << 18;
/// Batches on their way; two that are filled in turn would do.
const QUEUE: usize = 3;

/// Says where an address belongs, at the time it is stored.
pub type Origins = Arc<dyn Fn(Ip) -> Origin + Send + Sync>;

/// Rows to be stored, and whether the file ends with them.
struct Job(Rows, bool);

/// Counters that both threads share.
#[derive(Debug, Default)]
pub struct KeeperCounters {
    /// Records in files that are whole.
    pub stored: AtomicU64,
    /// Records given up: the disk was too slow, or full, or failed.
    pub given_up: AtomicU64,
    /// Files written.
    pub files: AtomicU64,
    /// Octets in them.
    pub bytes: AtomicU64,
    /// Things that went wrong.
    pub errors: AtomicU64,
}

impl KeeperCounters {
    /// Records on the disk, the files they are in, octets of these, and records given up.
    pub fn kept(&self) -> [u64; 4] {
        [&self.stored, &self.files, &self.bytes, &self.given_up]
            .map(|counter| counter.load(Ordering::Relaxed))
    }
}

/// The engine's side. What it still holds when it is dropped is stored.
pub struct Keeper {
    rows: Rows,
    /// When the first record of the file arrived.
    began: Option<Timestamp>,
    every: Duration,
    jobs: SyncSender<Job>,
    back: Receiver<Rows>,
    /// To the thread that looks after old files.
    times: Option<SyncSender<Timestamp>>,
    counters: Arc<KeeperCounters>,
    /// Wait for the disk instead of giving up: nobody else waits for a replay.
    patient: bool,
}

/// The side of whoever watches over it.
#[derive(Debug)]
pub struct Overseer {
    notices: Receiver<Notice>,
    counters: Arc<KeeperCounters>,
    thread: JoinHandle<()>,
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keeper")
            .field("rows", &self.rows.len())
            .finish_non_exhaustive()
    }
}

/// How records are kept.
pub struct Terms {
    /// Where an address belongs.
    pub origins: Origins,
    /// A file ends when its first record is so old.
    pub every: Duration,
    /// Wait for the disk where it is too slow, instead of giving records up.
    pub patient: bool,
    /// Looks after old files, on a thread of its own.
    pub caretaker: Option<Caretaker>,
}

impl Keeper {
    /// Stores into `archive`.
    ///
    /// # Errors
    ///
    /// There is no thread to be had.
    pub fn start(archive: Archive, terms: Terms) -> std::io::Result<(Self, Overseer)> {
        let (jobs, todo) = sync_channel(QUEUE);
        let (give_back, back) = channel();
        let (notify, notices) = channel();
        let counters = Arc::new(KeeperCounters::default());
        let times = match terms.caretaker {
            Some(caretaker) => Some(start_care(caretaker, notify.clone(), Arc::clone(&counters))?),
            None => None,
        };
        let mut clerk = Clerk {
            archive,
            origins: terms.origins,
            back: give_back,
            notify,
            counters: Arc::clone(&counters),
        };
        let thread = thread::Builder::new()
            .name("flows".to_owned())
            .spawn(move || clerk.work(&todo))?;
        let keeper = Self {
            rows: Rows::with_capacity(GROUP),
            began: None,
            every: terms.every,
            jobs,
            back,
            times,
            counters: Arc::clone(&counters),
            patient: terms.patient,
        };
        let overseer = Overseer {
            notices,
            counters,
            thread,
        };
        Ok((keeper, overseer))
    }

    /// Hands over what is there; `ends`: the file ends with it.
    #[cold]
    fn hand_over(&mut self, ends: bool) {
        let spare = self
            .back
            .try_recv()
            .unwrap_or_else(|_| Rows::with_capacity(GROUP));
        let rows = std::mem::replace(&mut self.rows, spare);
        if ends {
            self.began = None;
        }
        let count = rows.len() as u64;
        let job = Job(rows, ends);
        let refused = if self.patient {
            self.jobs.send(job).err().map(|error| error.0)
        } else {
            match self.jobs.try_send(job) {
                Ok(()) => None,
                Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) => Some(job),
            }
        };
        if let Some(Job(mut rows, _)) = refused {
            self.counters.given_up.fetch_add(count, Ordering::Relaxed);
            rows.clear();
            self.rows = rows;
        }
    }
}

impl Keep for Keeper {
    #[inline]
    fn keep(&mut self, record: &FlowRecord, received: Timestamp) {
        let began = *self.began.get_or_insert(received);
        self.rows.push(record, received);
        if self.rows.len() >= GROUP || received.since(began) >= self.every {
            self.hand_over(received.since(began) >= self.every);
        }
    }

    /// A file ends even if nothing more comes, and old ones are looked after.
    fn advance(&mut self, at: Timestamp) {
        if self.began.is_some_and(|began| at.since(began) >= self.every) {
            self.hand_over(true);
        }
        if let Some(times) = &self.times {
            // When it is busy, there will be another time.
            let _ = times.try_send(at);
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.patient = true;
        self.hand_over(true);
    }
}

impl Overseer {
    /// Counters of all sides.
    pub fn counters(&self) -> &KeeperCounters {
        &self.counters
    }

    /// What happened since the last time, in words.
    pub fn notice(&self) -> Option<Notice> {
        self.notices.try_recv().ok()
    }

    /// Waits until all is on the disk; the [`Keeper`] must be dropped before. What happened meanwhile, in words. Care of
    /// old files is not waited for: it can be cut off anywhere.
    pub fn finish(self) -> ([u64; 4], Vec<Notice>) {
        let Self {
            notices,
            counters,
            thread,
        } = self;
        // A thread that panicked has said so itself.
        let _ = thread.join();
        (counters.kept(), notices.try_iter().collect())
    }
}

/// Starts the thread that looks after old files.
fn start_care(
    mut caretaker: Caretaker,
    notify: Sender<Notice>,
    counters: Arc<KeeperCounters>,
) -> std::io::Result<SyncSender<Timestamp>> {
    let (times, due) = sync_channel(1);
    thread::Builder::new()
        .name("flows-care".to_owned())
        .spawn(move || care(&mut caretaker, &due, &notify, &counters))?;
    Ok(times)
}

/// The thread's side.
struct Clerk {
    archive: Archive,
    origins: Origins,
    back: Sender<Rows>,
    notify: Sender<Notice>,
    counters: Arc<KeeperCounters>,
}

impl Clerk {
    fn work(&mut self, jobs: &Receiver<Job>) {
        for Job(rows, ends) in jobs {
            self.store(rows, ends);
        }
        self.end();
    }

    fn store(&mut self, mut rows: Rows, ends: bool) {
        if !rows.is_empty() {
            let columns = rows.columns(|ip| (self.origins)(ip));
            let lost = self.archive.pending() + columns.rows() as u64;
            match self.archive.add(&columns) {
                Ok(stored) => {
                    self.counters
                        .given_up
                        .fetch_add(stored.given_up, Ordering::Relaxed);
                    self.count(stored.written);
                }
                Err(error) => self.failed(lost, &error),
            }
            rows.recycle(columns);
        }
        rows.clear();
        // Nobody takes it back at the end.
        let _ = self.back.send(rows);
        if ends {
            self.end();
        }
        self.tell();
    }

    fn end(&mut self) {
        let lost = self.archive.pending();
        match self.archive.end() {
            Ok(written) => self.count(written),
            Err(error) => self.failed(lost, &error),
        }
    }

    fn count(&self, written: Option<Written>) {
        let Some(written) = written else { return };
        self.counters.stored.fetch_add(written.rows, Ordering::Relaxed);
        self.counters
            .bytes
            .fetch_add(written.part.size, Ordering::Relaxed);
        self.counters.files.fetch_add(1, Ordering::Relaxed);
    }

    fn tell(&mut self) {
        for notice in self.archive.notices() {
            // Nobody listens at the end.
            let _ = self.notify.send(notice);
        }
    }

    fn failed(&mut self, lost: u64, error: &FlowsError) {
        self.counters.errors.fetch_add(1, Ordering::Relaxed);
        self.counters.given_up.fetch_add(lost, Ordering::Relaxed);
        let words = match lost {
            0 => format!("stored flows: {error}"),
            lost => format!("{lost} flows are not stored: {error}"),
        };
        let _ = self.notify.send(Notice::Warn(words));
    }
}

/// Looks after old files at the times it is told, until nobody tells any more.
fn care(
    caretaker: &mut Caretaker,
    due: &Receiver<Timestamp>,
    notify: &Sender<Notice>,
    counters: &KeeperCounters,
) {
    for at in due {
        let outcome = caretaker.look_after(at);
        let mut notices = caretaker.notices();
        if let Err(error) = outcome {
            counters.errors.fetch_add(1, Ordering::Relaxed);
            notices.push(Notice::Warn(format!("stored flows: {error}")));
        }
        // Nobody listens at the end.
        notices.into_iter().for_each(|notice| drop(notify.send(notice)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Filter;
    use crate::model::{Field, Interval};
    use crate::store::flows::archive::Free;
    use crate::store::flows::test_data::{origin, records};
    use crate::store::flows::{FlowStore, ParquetStore};
    use std::ops::ControlFlow;
    use std::path::Path;

    const ALL: Interval = Interval {
        start: Timestamp::MIN,
        end: Timestamp::MAX,
    };

    fn keeper(root: &Path, free: Free) -> (Keeper, Overseer) {
        let terms = Terms {
            origins: Arc::new(origin),
            every: Duration::from_secs(60),
            patient: true,
            caretaker: None,
        };
        Keeper::start(Archive::open_with(root, 1_000, free).unwrap(), terms).unwrap()
    }

    fn stored(root: &Path) -> Vec<(FlowRecord, Timestamp)> {
        let mut all = Vec::new();
        let store = ParquetStore::new(root, 1);
        let filter = Filter::default();
        store
            .scan(ALL, &filter, Field::ALL, &mut |columns| {
                all.extend((0..columns.rows()).map(|row| (columns.record(row), columns.received(row))));
                ControlFlow::Continue(())
            })
            .unwrap();
        all
    }

    /// Records stored, given up, files; and words.
    fn finish((keeper, overseer): (Keeper, Overseer)) -> ([u64; 3], Vec<Notice>) {
        std::mem::drop(keeper);
        let ([stored, files, _, given_up], notices) = overseer.finish();
        ([stored, given_up, files], notices)
    }

    #[test]
    fn what_is_kept_can_be_read_in_the_order_in_which_it_came() {
        let root = tempfile::tempdir().unwrap();
        let records = records(1, 5_000);
        let mut keeper = keeper(root.path(), Box::new(|_| None));
        records
            .iter()
            .for_each(|(record, received)| keeper.0.keep(record, *received));
        let ([kept, given_up, files], notices) = finish(keeper);
        assert_eq!((kept, given_up, notices), (5_000, 0, vec![]));
        assert!(files > 100, "a file a minute");
        let mut expected = records;
        let mut stored = stored(root.path());
        assert!(stored.is_sorted_by_key(|(_, received)| *received));
        for all in [&mut expected, &mut stored] {
            all.sort_by_key(|(record, received)| (*received, record.key, record.bytes));
        }
        assert_eq!(stored, expected);
    }

    #[test]
    fn what_a_full_disk_refuses_is_counted_and_said_once() {
        let root = tempfile::tempdir().unwrap();
        let mut keeper = keeper(root.path(), Box::new(|_| Some(10)));
        records(1, 500)
            .iter()
            .for_each(|(record, received)| keeper.0.keep(record, *received));
        let ([kept, given_up, files], notices) = finish(keeper);
        assert_eq!((kept, given_up, files, notices.len()), (0, 500, 0, 1));
        assert_eq!(stored(root.path()), []);
    }

    #[test]
    fn a_file_ends_when_time_passes_and_nothing_more_comes() {
        let root = tempfile::tempdir().unwrap();
        let (mut keeper, overseer) = keeper(root.path(), Box::new(|_| None));
        let (record, received) = records(1, 1).remove(0);
        keeper.keep(&record, received);
        keeper.advance(received + Duration::from_secs(59));
        assert!(keeper.began.is_some());
        keeper.advance(received + Duration::from_secs(60));
        assert!(keeper.began.is_none());
        assert_eq!(finish((keeper, overseer)).0, [1, 0, 1]);
    }
}
