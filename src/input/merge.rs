//! Several captures as one stream in time order.

use super::ledger::Counters;
use super::reader::Step;
use super::source::{FileReader, Source};
use crate::model::{Fault, RawPacket, Timestamp};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How much of the input was read, for a progress bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Octets read from disk, before decompression.
    pub read: u64,
    /// Octets of all files; `None` when standard input or a pipe is among them.
    pub total: Option<u64>,
}

/// One of the captures.
struct Stream {
    source: Source,
    state: State,
}

enum State {
    /// Not open; its turn comes with its first packet.
    Waiting,
    Open(Box<FileReader>),
    Done,
}

/// Captures merged in time order: by time, then by order on the command line.
///
/// Within one file packets stay in the order of the file, so the stream is sorted when the files are. A file is
/// open only while packets of other files lie between its own: a month of hourly captures takes the memory of one.
/// Standard input is `-`. A file that cannot be read is a [`Fault`] and costs only itself.
///
/// ```
/// use tidemark::input::Captures;
/// let mut captures = Captures::open(["no/such.pcap"]);
/// assert_eq!(captures.next().unwrap().unwrap_err().to_string(), "no/such.pcap: byte 0: no such file");
/// assert!(captures.next().is_none());
/// ```
pub struct Captures {
    streams: Vec<Stream>,
    /// Each stream that is not done, by the time of its next packet and its number.
    next: BinaryHeap<Reverse<(Timestamp, usize)>>,
    /// Whether the packet of the stream that comes first was handed out already.
    stale: bool,
    /// The stream of the last packet or fault.
    current: Option<usize>,
    read: Arc<AtomicU64>,
    total: Option<u64>,
    /// Of captures closed already, and of those that could not be opened.
    closed: Counters,
}

impl Captures {
    /// The captures at `paths`. Nothing fails here: what cannot be opened is a fault of [`Captures::next`].
    pub fn open(paths: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        let streams: Vec<_> = paths
            .into_iter()
            .map(|path| Stream {
                source: Source::new(path.into()),
                state: State::Waiting,
            })
            .collect();
        let alone = streams.len() == 1;
        let first_time = |stream: &Stream| {
            if alone {
                Timestamp::MIN
            } else {
                stream.source.first_time()
            }
        };
        let next = streams
            .iter()
            .enumerate()
            .map(|(number, stream)| Reverse((first_time(stream), number)))
            .collect();
        Self {
            total: streams.iter().map(|stream| stream.source.size).sum(),
            streams,
            next,
            stale: false,
            current: None,
            read: Arc::default(),
            closed: Counters::default(),
        }
    }

    /// The next packet or fault; `None` at the end of all captures.
    ///
    /// # Errors
    /// A fault; reading goes on after it.
    #[expect(clippy::should_implement_trait, reason = "the packet borrows from the reader")]
    // Into the one loop of each walk, so that the packet need not go through memory.
    #[inline(always)]
    pub fn next(&mut self) -> Option<Result<RawPacket<'_>, Fault>> {
        if !self.quick()
            && let Err(fault) = self.advance()?
        {
            return Some(Err(fault));
        }
        let packet = self.reader(self.current?)?.packet();
        Some(Ok(packet))
    }

    /// The capture of the last packet or fault, as the command line names it.
    pub fn file(&self) -> Option<&Arc<str>> {
        Some(&self.streams.get(self.current?)?.source.name)
    }

    /// Offset in the uncompressed capture of the record of the last packet.
    pub fn offset(&self) -> u64 {
        self.current
            .and_then(|number| self.reader(number))
            .map_or(0, |reader| reader.offset())
    }

    /// How much was read; cheap.
    pub fn progress(&self) -> Progress {
        Progress {
            read: self.read.load(Ordering::Relaxed),
            total: self.total,
        }
    }

    /// What was read so far, of all captures.
    pub fn counters(&self) -> Counters {
        let mut counters = self.closed.clone();
        for stream in &self.streams {
            if let State::Open(reader) = &stream.state {
                counters.add(&reader.counters());
            }
        }
        counters
    }

    /// Goes on by a packet, if only one stream is left and that takes no reading; false says only that
    /// [`Captures::advance`] must be asked.
    #[inline(always)]
    fn quick(&mut self) -> bool {
        let alone = self.stale && self.next.len() == 1;
        let stream = self
            .current
            .filter(|_| alone)
            .and_then(|number| self.streams.get_mut(number));
        match stream.map(|stream| &mut stream.state) {
            Some(State::Open(reader)) => reader.quick(),
            _ => false,
        }
    }

    /// Makes the stream `current` whose packet is the next in time; a fault comes before it.
    #[inline(never)]
    fn advance(&mut self) -> Option<Result<(), Fault>> {
        loop {
            let Reverse((_, number)) = *self.next.peek()?;
            self.current = Some(number);
            let stream = self.streams.get_mut(number)?;
            match &mut stream.state {
                State::Open(reader) if self.stale => match reader.advance() {
                    Step::Packet => {
                        let at = reader.packet().at;
                        self.stale = false;
                        if let Some(mut first) = self.next.peek_mut() {
                            *first = Reverse((at, number));
                        }
                    }
                    Step::Fault(fault) => return Some(Err(fault)),
                    Step::End => self.close(),
                },
                State::Open(_) => {
                    self.stale = true;
                    return Some(Ok(()));
                }
                State::Waiting => match stream.source.open(Arc::clone(&self.read)) {
                    Ok(reader) => {
                        stream.state = State::Open(Box::new(reader));
                        self.stale = true;
                    }
                    Err(fault) => {
                        *self.closed.faults.entry(fault.kind).or_default() += 1;
                        self.close();
                        return Some(Err(fault));
                    }
                },
                State::Done => self.close(),
            }
        }
    }

    /// Lets go of the stream that comes first.
    #[cold]
    fn close(&mut self) {
        self.stale = false;
        let Some(Reverse((_, number))) = self.next.pop() else {
            return;
        };
        if let Some(stream) = self.streams.get_mut(number)
            && let State::Open(reader) = std::mem::replace(&mut stream.state, State::Done)
        {
            self.closed.add(&reader.counters());
        }
    }

    fn reader(&self, number: usize) -> Option<&FileReader> {
        match &self.streams.get(number)?.state {
            State::Open(reader) => Some(reader),
            State::Waiting | State::Done => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{OutputFile, PcapWriter, Precision};
    use super::*;
    use crate::model::LinkType;

    /// Writes captures whose frames are single letters, each at its second.
    fn files(dir: &std::path::Path, all: &[(&str, &[(i64, u8)])]) -> Vec<std::path::PathBuf> {
        let write = |(name, packets): &(&str, &[(i64, u8)])| {
            let path = dir.join(name);
            let out = OutputFile::create(&path, 3).unwrap();
            let mut writer = PcapWriter::new(out, Precision::Micros, LinkType(1), 0).unwrap();
            for (second, letter) in packets.iter() {
                writer
                    .write(Timestamp::from_secs(*second), &[*letter], 1)
                    .unwrap();
            }
            writer.finish().unwrap().finish().unwrap();
            path
        };
        all.iter().map(write).collect()
    }

    fn drain(captures: &mut Captures) -> (String, Vec<Fault>) {
        let (mut letters, mut faults) = (String::new(), Vec::new());
        while let Some(next) = captures.next() {
            match next {
                Ok(packet) => letters.extend(packet.octets.iter().map(|&o| char::from(o))),
                Err(fault) => faults.push(fault),
            }
        }
        (letters, faults)
    }

    #[test]
    fn captures_are_merged_by_time_and_then_by_their_order_on_the_command_line() {
        let dir = tempfile::tempdir().unwrap();
        let paths = files(
            dir.path(),
            &[
                ("late.pcap", &[(50, b'x'), (60, b'y')]),
                ("a.pcap.gz", &[(10, b'a'), (20, b'b'), (30, b'c')]),
                ("b.pcap.zst", &[(10, b'd'), (20, b'e'), (55, b'f')]),
                ("none.pcap", &[]),
            ],
        );
        let mut captures = Captures::open(&paths);
        assert_eq!(drain(&mut captures), ("adbecxfy".into(), vec![]));
        let progress = captures.progress();
        assert_eq!(Some(progress.read), progress.total);
        assert_eq!(
            (captures.counters().packets, captures.counters().captures),
            (8, 4)
        );
        let mut turned = Captures::open(paths.iter().rev());
        assert_eq!(drain(&mut turned).0, "daebcxfy");
    }

    #[test]
    fn a_packet_can_be_named_by_file_and_offset() {
        let dir = tempfile::tempdir().unwrap();
        let paths = files(
            dir.path(),
            &[("a.pcap", &[(1, b'a'), (3, b'b')]), ("b.pcap", &[(2, b'c')])],
        );
        let mut captures = Captures::open(&paths);
        let mut places = Vec::new();
        while captures.next().is_some() {
            let file = captures.file().unwrap();
            places.push((file.ends_with("a.pcap"), captures.offset()));
        }
        assert_eq!(places, [(true, 24), (false, 24), (true, 41)]);
    }

    #[test]
    fn a_file_that_cannot_be_read_costs_only_itself() {
        let dir = tempfile::tempdir().unwrap();
        let mut paths = files(
            dir.path(),
            &[("good.pcap", &[(1, b'a')]), ("bad.pcap", &[(2, b'b'), (3, b'c')])],
        );
        let whole = std::fs::read(&paths[1]).unwrap();
        std::fs::write(&paths[1], &whole[..whole.len() - 1]).unwrap();
        let empty = dir.path().join("empty");
        std::fs::write(&empty, "").unwrap();
        let text = dir.path().join("flows.json");
        std::fs::write(&text, "{\"bytes\":1}\n").unwrap();
        paths.extend([dir.path().join("missing"), dir.path().to_owned(), empty, text]);
        let mut captures = Captures::open(&paths);
        let (letters, faults) = drain(&mut captures);
        assert_eq!(letters, "ab");
        let mut words: Vec<_> = faults
            .iter()
            .map(|f| format!("{} {}", f.kind.name(), f.what))
            .collect();
        words.sort();
        assert_eq!(
            words,
            [
                "truncated the file ends inside a record of 1 octets, 0 are there",
                "unreadable is a directory, not a capture",
                "unreadable is empty",
                "unreadable is no pcap or pcapng capture (looks like JSON)",
                "unreadable no such file",
            ]
        );
        assert_eq!(captures.counters().faults_in_all(), 5);
        assert_eq!(captures.counters().captures, 2);
    }
}
