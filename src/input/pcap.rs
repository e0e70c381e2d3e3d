//! The pcap file format: a header of 24 octets, then records (draft-ietf-opsawg-pcap).

use super::ledger::Trouble;
use super::order::Order;
use super::reader::{Head, LONGEST_FRAME};
use super::resync;
use super::window::Window;
use crate::model::{FaultKind, LinkType, Timestamp};
use std::io::Read;

/// Octets of the file header.
pub(super) const HEADER: usize = 24;
/// Octets of a record header, and of the longer one that patched Linux versions of libpcap wrote.
const RECORD: usize = 16;
const LONG_RECORD: usize = 24;

const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
const LONG_RECORDS: u32 = 0xa1b2_cd34;

/// Longest stretch of time between records that a search for the next record bridges, seconds.
const NEAR: u32 = 30 * 86_400;
/// Longest frame on the wire that a search believes.
const LONGEST_ORIGINAL: u32 = 16 << 20;

/// What the file header says about the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    order: Order,
    /// Nanoseconds in a unit of the record's fraction: 1 or 1000.
    unit: u32,
    /// Octets of a record header.
    record: usize,
    link: LinkType,
    version: (u16, u16),
}

/// A record header, read.
#[derive(Clone, Copy, Debug)]
struct Record {
    seconds: u32,
    fraction: u32,
    captured: u32,
    original: u32,
}

impl Header {
    /// Reads a file header; `None` when the first four octets are no magic number of pcap.
    pub(super) fn read(octets: &[u8]) -> Option<Self> {
        let (order, magic) = [Order::Little, Order::Big]
            .map(|order| (order, order.u32(octets, 0)))
            .into_iter()
            .find(|(_, magic)| matches!(*magic, MICROSECONDS | NANOSECONDS | LONG_RECORDS))?;
        Some(Self {
            order,
            unit: if magic == NANOSECONDS { 1 } else { 1000 },
            record: if magic == LONG_RECORDS {
                LONG_RECORD
            } else {
                RECORD
            },
            // The upper half tells whether and how long a frame check sequence follows each frame; whoever reads
            // the frame by its own lengths never meets it.
            link: LinkType(order.u32(octets, 20) as u16),
            version: (order.u16(octets, 4), order.u16(octets, 6)),
        })
    }

    fn record(&self, octets: &[u8]) -> Record {
        let [seconds, fraction, third, fourth] = [0, 4, 8, 12].map(|at| self.order.u32(octets, at));
        // Until version 2.3 the length on the wire came first; 543.0 is such a version too.
        let (captured, original) = if self.version < (2, 3) || self.version.0 == 543 {
            (fourth, third)
        } else if self.version == (2, 3) {
            (third.min(fourth), third.max(fourth))
        } else {
            (third, fourth)
        };
        Record {
            seconds,
            fraction,
            captured,
            original,
        }
    }

    /// [`Header::record`], where [`Header::is_plain`].
    #[inline]
    fn plain_record(&self, octets: &[u8; RECORD]) -> Record {
        let [seconds, fraction, captured, original] = [0, 4, 8, 12].map(|at| self.order.u32(octets, at));
        Record {
            seconds,
            fraction,
            captured,
            original,
        }
    }

    /// Whether records have no peculiarities: their header is short, and the captured length comes first.
    fn is_plain(&self) -> bool {
        self.record == RECORD && self.version == (2, 4)
    }

    fn version_known(&self) -> bool {
        self.version.0 == 2 && self.version.1 <= 4 || self.version == (543, 0)
    }
}

impl Record {
    /// Whether it can be read at all. Sixteen zero octets are a hole in the file, not a record.
    #[inline]
    fn readable(&self) -> bool {
        let hole = self.captured | self.original | self.seconds | self.fraction == 0;
        self.captured as usize <= LONGEST_FRAME && !hole
    }

    /// Whether it looks like a record to someone who does not know that there is one.
    fn plausible(&self, unit: u32, near: Option<u32>) -> bool {
        self.captured > 0
            && self.captured as usize <= LONGEST_FRAME
            && (self.captured..=LONGEST_ORIGINAL).contains(&self.original)
            && u64::from(self.fraction) * u64::from(unit) < 1_000_000_000
            && near.is_none_or(|near| self.seconds.abs_diff(near) <= NEAR)
    }
}

/// Where the walk over the records of a file stands.
#[derive(Debug)]
pub(super) struct Walk {
    header: Header,
    /// [`Header::is_plain`].
    plain: bool,
    /// Seconds of the last record read.
    near: Option<u32>,
    /// Offset of the last record whose time was named as wrong; it is used all the same.
    doubted: Option<u64>,
}

impl Walk {
    /// Takes the file header; the magic number is known to be there.
    pub(super) fn start<R: Read>(header: Header, window: &mut Window<R>) -> Result<Self, Box<Trouble>> {
        let offset = window.offset();
        if !window.need(HEADER) {
            return Err(Trouble::ended(
                window.take_error(),
                offset,
                "the pcap file header",
            ));
        }
        let header = Header::read(window.ahead()).unwrap_or(header);
        window.take(HEADER);
        Ok(Self {
            header,
            plain: header.is_plain(),
            near: None,
            doubted: None,
        })
    }

    /// What is odd about the file header and yet no reason to stop.
    pub(super) fn doubt(&self) -> Option<Box<Trouble>> {
        let (major, minor) = self.header.version;
        let what = format!("version {major}.{minor} of pcap is not known; read as 2.4");
        (!self.header.version_known()).then(|| Trouble::bad_record(0, what))
    }

    /// The next packet, where all of it was read already and nothing is odd about it. `None` says only that
    /// [`Walk::step`] must be asked. Nearly every record goes this way, in a tenth of the instructions.
    #[inline(always)]
    pub(super) fn quick<R: Read>(&mut self, window: &mut Window<R>) -> Option<Head> {
        if !self.plain {
            return None;
        }
        let offset = window.offset();
        let octets: &[u8; RECORD] = window.ahead().first_chunk()?;
        let record = self.header.plain_record(octets);
        let captured = record.captured as usize;
        if captured == 0 || captured > LONGEST_FRAME || self.beyond_a_second(record) {
            return None;
        }
        let position = window.take_whole(RECORD + captured)? + RECORD;
        self.near = Some(record.seconds);
        Some(Head {
            at: self.time(record),
            link: self.header.link,
            original: record.original.max(record.captured),
            captured,
            position,
            offset,
            timed: true,
        })
    }

    /// The next packet; `None` at the end.
    pub(super) fn step<R: Read>(&mut self, window: &mut Window<R>) -> Result<Option<Head>, Box<Trouble>> {
        let offset = window.offset();
        let length = self.header.record;
        if !window.need(length) {
            return window.end("a record header");
        }
        let record = self.header.record(window.ahead());
        if !record.readable() {
            return Err(self.resynchronise(window, record));
        }
        let captured = record.captured as usize;
        if captured == 0 && window.need(HEADER) && self.starts_over(window) {
            return Err(self.second_header(window));
        }
        if !window.need(length + captured) {
            let part = format!(
                "a record of {captured} octets, {} are there",
                window.ahead().len() - length
            );
            return Err(Trouble::ended(window.take_error(), offset, &part));
        }
        if self.beyond_a_second(record) && self.doubted != Some(offset) {
            self.doubted = Some(offset);
            return Err(self.doubt_time(offset, record));
        }
        self.near = Some(record.seconds);
        Ok(Some(Head {
            at: self.time(record),
            link: self.header.link,
            original: record.original.max(record.captured),
            captured,
            position: window.take(length + captured) + length,
            offset,
            timed: true,
        }))
    }

    #[inline]
    fn beyond_a_second(&self, record: Record) -> bool {
        u64::from(record.fraction) * u64::from(self.header.unit) >= 1_000_000_000
    }

    /// Says that a time cannot be right. The record follows: its octets may be.
    #[cold]
    fn doubt_time(&self, offset: u64, record: Record) -> Box<Trouble> {
        let unit = if self.header.unit == 1 { "ns" } else { "us" };
        let what = format!(
            "the fraction of a second is {} {unit}; the packet is used",
            record.fraction
        );
        Trouble::bad_record(offset, what)
    }

    fn time(&self, record: Record) -> Timestamp {
        let nanos = i64::from(record.fraction) * i64::from(self.header.unit);
        Timestamp::from_parts(i64::from(record.seconds), nanos)
    }

    /// Whether the file header of another capture lies ahead, as when captures were simply put together.
    fn starts_over<R: Read>(&self, window: &Window<R>) -> bool {
        Header::read(window.ahead()).is_some_and(|header| header.version_known())
    }

    fn second_header<R: Read>(&mut self, window: &mut Window<R>) -> Box<Trouble> {
        let offset = window.offset();
        if let Some(header) = Header::read(window.ahead()) {
            self.header = header;
            self.plain = header.is_plain();
        }
        window.take(HEADER);
        let what = "a second pcap file header where a record should be (captures put together without a tool?); \
                    what follows is read by it";
        Trouble::bad_record(offset, what.into())
    }

    /// Looks for the next place where records can be read again, after one that cannot be right.
    fn resynchronise<R: Read>(&mut self, window: &mut Window<R>, bad: Record) -> Box<Trouble> {
        let what = if bad.captured == 0 {
            "zeros where a record should be".to_owned()
        } else {
            format!(
                "record of {} octets, more than {LONGEST_FRAME} can be",
                bad.captured
            )
        };
        let (header, near) = (self.header, self.near);
        resync::search(window, FaultKind::BadRecord, what, |window| {
            record_ahead(&header, near, window)
        })
    }
}

/// Whether two records follow each other here, or one that ends where the file does.
fn record_ahead<R: Read>(header: &Header, near: Option<u32>, window: &mut Window<R>) -> bool {
    let length = header.record;
    if !window.need(length) {
        return false;
    }
    let first = header.record(window.ahead());
    if !first.plausible(header.unit, near) {
        return false;
    }
    let whole = length + first.captured as usize;
    if !window.need(whole + length) {
        return window.ahead().len() == whole;
    }
    let second = header.record(window.ahead().get(whole..).unwrap_or_default());
    second.plausible(header.unit, Some(first.seconds))
}
