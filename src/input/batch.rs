//! What a live input hands over: many datagrams or frames in one buffer, which comes back to be filled again.
//!
//! A receiver owns a few batches. When all of them are under way it waits, and the kernel's buffer takes what comes
//! meanwhile; what does not fit there is dropped by the kernel and counted by it. Nothing is lost in silence, and
//! nothing is allocated per datagram.

use crate::model::{ExportMessage, Ip, LinkType, Prefix, RawPacket, Timestamp, Transport};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc as bounded;

/// Batches a receiver owns.
const BATCHES: usize = 16;
/// A batch with so many octets or pieces is handed over.
const FULL: usize = 1 << 20;
const PIECES: usize = 1024;

/// The wall clock, which is asked at this edge only.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// Who sent a message of flow export, and over what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sender {
    /// Address of the Exporter.
    pub exporter: Ip,
    /// Port it was sent from.
    pub source_port: u16,
    /// Port it was sent to.
    pub collector_port: u16,
    /// What carried it.
    pub transport: Transport,
}

/// Whether export is accepted from `exporter`: from everybody where no network is named.
pub(super) fn is_accepted(accept: &[Prefix], exporter: Ip) -> bool {
    accept.is_empty() || accept.iter().any(|network| network.contains(exporter))
}

/// One thing that arrived.
#[derive(Clone, Copy, Debug)]
pub enum Arrival<'a> {
    /// A message of flow export.
    Message(ExportMessage<'a>),
    /// A captured frame.
    Frame(RawPacket<'a>),
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Message(Sender),
    Frame { link: LinkType, original_length: u32 },
}

#[derive(Clone, Copy, Debug)]
struct Piece {
    at: Timestamp,
    /// Where its octets end; they begin where those before end.
    end: usize,
    kind: Kind,
}

/// Datagrams or frames in the order in which they came.
#[derive(Debug)]
pub struct Batch {
    octets: Vec<u8>,
    pieces: Vec<Piece>,
    home: Option<mpsc::Sender<Batch>>,
}

impl Batch {
    /// An empty batch that goes nowhere when it is done with.
    pub fn new() -> Self {
        Self {
            octets: Vec::new(),
            pieces: Vec::new(),
            home: None,
        }
    }

    /// Adds one message of flow export.
    pub fn message(&mut self, at: Timestamp, sender: Sender, octets: &[u8]) {
        self.add(at, Kind::Message(sender), octets);
    }

    /// Adds one captured frame.
    pub fn frame(&mut self, at: Timestamp, link: LinkType, original_length: u32, octets: &[u8]) {
        let original_length = original_length.max(u32::try_from(octets.len()).unwrap_or(u32::MAX));
        self.add(
            at,
            Kind::Frame {
                link,
                original_length,
            },
            octets,
        );
    }

    #[inline]
    fn add(&mut self, at: Timestamp, kind: Kind, octets: &[u8]) {
        self.octets.extend_from_slice(octets);
        let end = self.octets.len();
        self.pieces.push(Piece { at, end, kind });
    }

    /// Everything in it, in order.
    pub fn iter(&self) -> impl Iterator<Item = Arrival<'_>> {
        let mut start = 0;
        self.pieces.iter().map(move |piece| {
            let octets = self.octets.get(start..piece.end).unwrap_or_default();
            start = piece.end;
            match piece.kind {
                Kind::Message(sender) => Arrival::Message(ExportMessage {
                    at: piece.at,
                    exporter: sender.exporter,
                    source_port: sender.source_port,
                    collector_port: sender.collector_port,
                    transport: sender.transport,
                    octets,
                }),
                Kind::Frame {
                    link,
                    original_length,
                } => Arrival::Frame(RawPacket {
                    at: piece.at,
                    link,
                    octets,
                    original_length,
                }),
            }
        })
    }

    /// How many things are in it.
    pub fn len(&self) -> usize {
        self.pieces.len()
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Whether it is time to hand it over.
    pub fn is_full(&self) -> bool {
        self.pieces.len() >= PIECES || self.octets.len() >= FULL
    }

    /// Goes back to whom it belongs, empty.
    pub fn done(mut self) {
        self.octets.clear();
        self.pieces.clear();
        if let Some(home) = self.home.clone() {
            // Whoever owned it may have stopped; then it is simply gone.
            let _ = home.send(self);
        }
    }
}

impl Default for Batch {
    fn default() -> Self {
        Self::new()
    }
}

/// What an input counted. Counters only grow.
#[derive(Debug, Default)]
pub struct Counters {
    /// Datagrams, messages or frames handed over.
    pub taken: AtomicU64,
    /// Octets of them.
    pub octets: AtomicU64,
    /// Dropped because they came from where no export is accepted.
    pub refused: AtomicU64,
    /// Datagrams longer than any may be, or streams that broke off inside a message.
    pub cut: AtomicU64,
    /// Dropped by the kernel because its buffer was full.
    pub kernel_drops: AtomicU64,
    /// Dropped by the interface before the kernel saw them.
    pub interface_drops: AtomicU64,
    /// Times all batches were under way and the receiver waited.
    pub waits: AtomicU64,
    /// Streams closed because they were none of IPFIX, or refused because there were too many.
    pub closed: AtomicU64,
}

impl Counters {
    /// Adds to one of them.
    pub fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Ordering::Relaxed);
    }

    /// Reads one of them.
    pub fn get(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }
}

/// The way of one receiving thread to the engine's.
#[derive(Debug)]
pub struct Outlet {
    to: bounded::Sender<Batch>,
    back: mpsc::Receiver<Batch>,
    /// What it counted.
    pub counters: Arc<Counters>,
    /// Set when it is to stop.
    pub stop: Arc<AtomicBool>,
}

/// Nobody takes batches any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

impl Outlet {
    /// A way with batches of its own.
    pub fn new(to: bounded::Sender<Batch>, stop: Arc<AtomicBool>) -> Self {
        let (home, back) = mpsc::channel();
        for _ in 0..BATCHES {
            let mut batch = Batch::new();
            batch.home = Some(home.clone());
            batch.done();
        }
        Self {
            to,
            back,
            counters: Arc::default(),
            stop,
        }
    }

    /// An empty batch; waits for one where all are under way.
    pub fn empty(&self) -> Result<Batch, Gone> {
        match self.back.try_recv() {
            Ok(batch) => Ok(batch),
            Err(mpsc::TryRecvError::Disconnected) => Err(Gone),
            Err(mpsc::TryRecvError::Empty) => {
                Counters::add(&self.counters.waits, 1);
                self.back.recv().map_err(|_| Gone)
            }
        }
    }

    /// Hands a batch over and gives an empty one; an empty one is given back at once.
    pub fn hand_over(&self, batch: Batch) -> Result<Batch, Gone> {
        if batch.is_empty() {
            return Ok(batch);
        }
        Counters::add(&self.counters.taken, batch.len() as u64);
        Counters::add(&self.counters.octets, batch.octets.len() as u64);
        self.to.blocking_send(batch).map_err(|_| Gone)?;
        self.empty()
    }

    /// Whether the engine has nothing to do, so that a batch is better handed over half full.
    pub fn is_engine_idle(&self) -> bool {
        self.to.capacity() == self.to.max_capacity()
    }

    /// Whether it is time to stop.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender() -> Sender {
        Sender {
            exporter: Ip::v4(7),
            source_port: 1,
            collector_port: 2055,
            transport: Transport::Udp,
        }
    }

    #[test]
    fn what_goes_in_comes_out_in_order() {
        let mut batch = Batch::new();
        batch.message(Timestamp::from_secs(1), sender(), b"one");
        batch.frame(Timestamp::from_secs(2), LinkType(1), 1500, b"three");
        batch.message(Timestamp::from_secs(3), sender(), b"");
        let seen: Vec<(i64, usize)> = batch
            .iter()
            .map(|arrival| match arrival {
                Arrival::Message(message) => (message.at.as_secs(), message.octets.len()),
                Arrival::Frame(frame) => (frame.at.as_secs(), frame.octets.len()),
            })
            .collect();
        assert_eq!(seen, [(1, 3), (2, 5), (3, 0)]);
        assert_eq!(batch.len(), 3);
    }

    #[test]
    fn a_batch_comes_back_empty_and_its_receiver_waits_for_it() {
        let (to, mut taken) = bounded::channel(BATCHES);
        let outlet = Outlet::new(to, Arc::default());
        let mut batch = outlet.empty().unwrap();
        for _ in 1..BATCHES {
            batch.message(Timestamp::default(), sender(), b"x");
            batch = outlet.hand_over(batch).unwrap();
        }
        batch.message(Timestamp::default(), sender(), b"x");
        let waiting = std::thread::spawn(move || (outlet.hand_over(batch).unwrap().len(), outlet));
        let first = taken.blocking_recv().unwrap();
        assert_eq!(first.len(), 1);
        first.done();
        let (left, outlet) = waiting.join().unwrap();
        assert_eq!(left, 0);
        assert_eq!(Counters::get(&outlet.counters.taken), BATCHES as u64);
    }

    #[test]
    fn nobody_waits_for_an_engine_that_is_gone() {
        let (to, taken) = bounded::channel(1);
        let outlet = Outlet::new(to, Arc::default());
        drop(taken);
        let mut batch = outlet.empty().unwrap();
        batch.message(Timestamp::default(), sender(), b"x");
        assert_eq!(outlet.hand_over(batch).unwrap_err(), Gone);
    }
}
