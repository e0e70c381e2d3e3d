//! Several files of Flow Records as one stream in time order.

use super::reorder::Reorder;
use super::{RecordFormat, RecordReader, Recorded, Tally, format};
use crate::input::Progress;
use crate::input::detect::LOOKED_AT;
use crate::input::source::Source;
use crate::model::{Fault, Timestamp};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Records that wait for earlier ones, of all files: twelve megabytes.
const WAITING: usize = 32_768;
/// So many records of a file tell how far it has come: one that lasted long says nothing.
const LOOK: u32 = 32;

/// One of the files.
struct Stream {
    source: Source,
    state: State,
    /// Earliest arrival of the last [`LOOK`] records, of those that are being counted, and how many these are.
    last: Timestamp,
    now: Timestamp,
    counted: u32,
}

enum State {
    /// Not open; its turn comes with its first record.
    Waiting,
    Open(Box<RecordReader<Box<dyn Read + Send>>>),
    Done,
}

/// Files of Flow Records merged in time order, that of arrival; what arrived at the same time in the order of the
/// command line.
///
/// A file is read on when it is behind all others, and 32768 records wait for earlier ones: files need not be sorted
/// to the record. A file is open only while others have records between its own. Standard input is `-`. A file that
/// cannot be read is a [`Fault`] and costs only itself.
pub struct RecordFiles {
    streams: Vec<Stream>,
    /// Each stream that is not done, by how far it has come and its number.
    behind: BinaryHeap<Reverse<(Timestamp, usize)>>,
    ready: Reorder,
    read: Arc<AtomicU64>,
    total: Option<u64>,
    /// Of files closed already, and of those that could not be opened.
    closed: Tally,
}

impl RecordFiles {
    /// The files at `paths`. Nothing fails here: what cannot be opened is a fault of [`RecordFiles::next`].
    pub fn open(paths: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        let streams: Vec<_> = paths.into_iter().map(|path| Stream::new(path.into())).collect();
        let alone = streams.len() == 1;
        let first = |stream: &Stream| {
            if alone {
                Timestamp::MIN
            } else {
                stream.first_time()
            }
        };
        Self {
            behind: (0..)
                .zip(&streams)
                .map(|(number, stream)| Reverse((first(stream), number)))
                .collect(),
            total: streams.iter().map(|stream| stream.source.size).sum(),
            streams,
            ready: Reorder::new(WAITING),
            read: Arc::default(),
            closed: Tally::default(),
        }
    }

    /// The next record or fault; `None` at the end of all files.
    ///
    /// # Errors
    /// A fault; reading goes on after it.
    #[expect(clippy::should_implement_trait, reason = "as the captures have it")]
    pub fn next(&mut self) -> Option<Result<Recorded, Fault>> {
        while !self.ready.is_full() {
            let Some(Reverse((_, number))) = self.behind.peek().copied() else {
                break;
            };
            match self.advance(number) {
                Some(Ok(recorded)) => self.ready.push(recorded),
                Some(Err(fault)) => return Some(Err(fault)),
                None => self.close(),
            }
        }
        self.ready.pop().map(Ok)
    }

    /// How much was read; cheap.
    pub fn progress(&self) -> Progress {
        Progress {
            read: self.read.load(Ordering::Relaxed),
            total: self.total,
        }
    }

    /// What was read so far, of all files.
    pub fn tally(&self) -> Tally {
        let mut tally = self.closed.clone();
        for stream in &self.streams {
            if let State::Open(reader) = &stream.state {
                tally.add(&reader.tally());
            }
        }
        tally
    }

    /// The next record or fault of a stream; `None` at its end.
    fn advance(&mut self, number: usize) -> Option<Result<Recorded, Fault>> {
        let stream = self.streams.get_mut(number)?;
        if matches!(stream.state, State::Waiting) {
            match stream.open(Arc::clone(&self.read)) {
                Ok(reader) => stream.state = State::Open(Box::new(reader)),
                Err(fault) => {
                    *self.closed.faults.entry(fault.kind).or_default() += 1;
                    self.close();
                    return Some(Err(fault));
                }
            }
        }
        let State::Open(reader) = &mut stream.state else {
            return None;
        };
        let next = reader.next()?;
        if let Ok(recorded) = &next
            && let Some(come) = stream.come_to(recorded.received)
            && let Some(mut behind) = self.behind.peek_mut()
        {
            *behind = Reverse((come, number));
        }
        Some(next)
    }

    /// Lets go of the stream that comes first.
    #[cold]
    fn close(&mut self) {
        let Some(Reverse((_, number))) = self.behind.pop() else {
            return;
        };
        if let Some(stream) = self.streams.get_mut(number)
            && let State::Open(reader) = std::mem::replace(&mut stream.state, State::Done)
        {
            self.closed.add(&reader.tally());
        }
    }
}

impl Stream {
    fn new(path: PathBuf) -> Self {
        Self {
            source: Source::new(path),
            state: State::Waiting,
            last: Timestamp::MAX,
            now: Timestamp::MAX,
            counted: 0,
        }
    }

    fn open(&self, read: Arc<AtomicU64>) -> Result<RecordReader<Box<dyn Read + Send>>, Fault> {
        let name = Arc::clone(&self.source.name);
        self.source
            .stream(read)
            .map(|stream| RecordReader::new(name, stream))
    }

    /// Arrival of the first record; the earliest of all when that cannot be told without taking it away.
    fn first_time(&self) -> Timestamp {
        let looked = self.source.size.and_then(|_| self.open(Arc::default()).ok());
        match looked.and_then(|mut reader| reader.next()) {
            Some(Ok(recorded)) => recorded.received,
            _ => Timestamp::MIN,
        }
    }

    /// Takes notice of a record; how far the stream has come, when that is known anew.
    fn come_to(&mut self, at: Timestamp) -> Option<Timestamp> {
        self.now = self.now.min(at);
        self.counted += 1;
        if self.counted < LOOK {
            return None;
        }
        let come = self.last.min(self.now);
        (self.last, self.now, self.counted) = (self.now, Timestamp::MAX, 0);
        Some(come)
    }
}

/// What kind of Flow Records a file holds; `None` for anything else, and for what can be read only once.
pub fn format_of(path: &Path) -> Option<RecordFormat> {
    let source = Source::new(path.to_owned());
    source.size?;
    let mut head = Vec::new();
    let stream = source.stream(Arc::default()).ok()?;
    // What fails to be read fails again when it is read in earnest.
    let _ = stream.take(LOOKED_AT as u64).read_to_end(&mut head);
    format(&head)
}
