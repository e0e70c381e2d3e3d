//! Files of Flow Records that others made: nfcapd's, and Zeek's logs of connections.
//!
//! The way of a record: a file is opened, counted and decompressed as captures are; `nfcapd` reads it block by block or
//! `zeek` line by line through the same window; [`RecordFiles`] puts several files in time order and `reorder` the
//! records of each, as far as bounded room allows. What is wrong is a [`Fault`] with the file and the octet, and for
//! logs the line; it costs only itself where the next record can be found.

mod files;
mod lzo;
mod nfcapd;
mod reorder;
#[cfg(test)]
mod tests;
mod unpack;
mod zeek;

pub use files::{RecordFiles, format_of};

use super::detect::{self, LOOKED_AT};
use super::ledger::{Ledger, Trouble};
use super::order::Order;
use super::window::Window;
use crate::model::{Fault, FaultKind, FlowRecord, Timestamp};
use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

/// A Flow Record out of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// What it says. Where its addresses belong is not filled in.
    pub record: FlowRecord,
    /// When it was told of: as its collector says, or when it ended where nobody says or it cannot be.
    pub received: Timestamp,
}

/// The kinds of files of Flow Records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordFormat {
    /// nfcapd, nfpcapd, sfcapd, nfdump.
    Nfcapd,
    /// Zeek's conn.log, either style.
    Zeek,
}

/// What was read. Everything only grows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Flow Records handed out.
    pub records: u64,
    /// Files read to their end, with or without faults.
    pub files: u64,
    /// Parts passed over that are no flows: statistics, databases, lines of other logs. None of them is a fault.
    pub passed: u64,
    /// Octets of payload that Zeek says it missed.
    pub missed_octets: u64,
    /// Every fault met, the unnamed ones too.
    pub faults: BTreeMap<FaultKind, u64>,
}

impl Tally {
    /// Takes the totals of `other` in.
    pub fn add(&mut self, other: &Self) {
        self.records += other.records;
        self.files += other.files;
        self.passed += other.passed;
        self.missed_octets += other.missed_octets;
        for (&kind, &count) in &other.faults {
            *self.faults.entry(kind).or_default() += count;
        }
    }
}

/// The format of a file that begins so, when it is one of Flow Records.
pub(super) fn format(head: &[u8]) -> Option<RecordFormat> {
    let magic = |order: Order| order.u16(head, 0) == nfcapd::MAGIC;
    // Octets 2 and 3 are the layout, which is a small number.
    let small = |order: Order| (1..=9).contains(&order.u16(head, 2));
    if [Order::Little, Order::Big]
        .into_iter()
        .any(|order| magic(order) && small(order))
    {
        return Some(RecordFormat::Nfcapd);
    }
    style(head).map(|_| RecordFormat::Zeek)
}

/// How a log of Zeek is written.
fn style(head: &[u8]) -> Option<zeek::Style> {
    let head = head
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(head)
        .trim_ascii_start();
    if head.starts_with(zeek::SEPARATOR) {
        return Some(zeek::Style::Tsv);
    }
    let named = |name: &[u8]| head.windows(name.len()).any(|part| part == name);
    (head.starts_with(b"{") && named(b"\"id.orig_h\"")).then_some(zeek::Style::Json)
}

#[derive(Debug)]
enum Walk {
    /// Nothing was read yet.
    Fresh,
    Nfcapd(Box<nfcapd::Walk>),
    Zeek(Box<zeek::Walk>),
    Done,
}

/// Reads the Flow Records of one file from `R`, which must not be compressed any more, in the order of the file.
///
/// ```
/// use tidemark::input::RecordReader;
/// let log = br#"{"ts":1772438400.5,"id.orig_h":"192.0.2.1","id.orig_p":40000,"id.resp_h":"198.51.100.2",
/// "id.resp_p":443,"proto":"tcp","duration":2.25,"conn_state":"SF","orig_pkts":7,"orig_ip_bytes":900,
/// "resp_pkts":9,"resp_ip_bytes":12000}"#;
/// let log: Vec<u8> = log.iter().copied().filter(|octet| *octet != b'\n').collect();
/// let mut reader = RecordReader::new("conn.log".into(), &log[..]);
/// let flow = reader.next().unwrap().unwrap().record;
/// assert_eq!((flow.bytes, flow.reverse.unwrap().bytes), (900, 12_000));
/// assert!(reader.next().is_none());
/// ```
pub struct RecordReader<R> {
    window: Window<R>,
    walk: Walk,
    ledger: Ledger,
    tally: Tally,
}

impl<R: Read> RecordReader<R> {
    /// A reader of `source`, which faults call `file`. Reads nothing yet.
    pub fn new(file: Arc<str>, source: R) -> Self {
        Self {
            window: Window::new(source),
            walk: Walk::Fresh,
            ledger: Ledger::new(file),
            tally: Tally::default(),
        }
    }

    /// The next record or fault; `None` at the end, and from then on.
    ///
    /// # Errors
    /// A fault; reading goes on after it.
    #[expect(clippy::should_implement_trait, reason = "as the reader of captures has it")]
    pub fn next(&mut self) -> Option<Result<Recorded, Fault>> {
        loop {
            let found = match &mut self.walk {
                Walk::Nfcapd(walk) => walk.step(&mut self.window, &mut self.tally),
                Walk::Zeek(walk) => walk.step(&mut self.window, &mut self.tally),
                Walk::Fresh => match self.start() {
                    Ok(()) => continue,
                    Err(trouble) => Err(trouble),
                },
                Walk::Done => return None,
            };
            match found {
                Ok(Some(recorded)) => {
                    self.tally.records += 1;
                    return Some(Ok(recorded));
                }
                Ok(None) => return self.finish().map(Err),
                Err(trouble) => {
                    if let Some(fault) = self.note(*trouble) {
                        return Some(Err(fault));
                    }
                }
            }
        }
    }

    /// What was read so far.
    pub fn tally(&self) -> Tally {
        Tally {
            faults: self.ledger.counters.faults.clone(),
            ..self.tally.clone()
        }
    }

    /// Learns the format.
    #[cold]
    fn start(&mut self) -> Result<(), Box<Trouble>> {
        self.window.need(LOOKED_AT);
        let head = self.window.ahead();
        if head.is_empty()
            && let Some(error) = self.window.take_error()
        {
            return Err(Trouble::unreadable(&error, 0, "its first octets"));
        }
        let head = self.window.ahead();
        self.walk = match (format(head), style(head)) {
            (Some(RecordFormat::Nfcapd), _) => Walk::Nfcapd(Box::new(nfcapd::Walk::start(&mut self.window)?)),
            (_, Some(style)) => Walk::Zeek(Box::new(zeek::Walk::new(style))),
            _ => return Err(Trouble::fatal(FaultKind::Unreadable, 0, detect::no_records(head))),
        };
        Ok(())
    }

    #[cold]
    fn note(&mut self, trouble: Trouble) -> Option<Fault> {
        let stop = trouble.stop;
        let fault = self.ledger.note(trouble);
        if stop && let Some(rest) = self.finish() {
            return Some(rest);
        }
        fault
    }

    /// Ends the reading; the last word is the sum of what was not named.
    #[cold]
    fn finish(&mut self) -> Option<Fault> {
        self.tally.files += u64::from(!matches!(self.walk, Walk::Fresh));
        self.walk = Walk::Done;
        self.ledger.rest()
    }
}
