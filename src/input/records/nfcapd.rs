//! Files of nfcapd, nfpcapd, sfcapd and nfdump (layout 2, nfdump 1.7): a header and blocks of records.
//!
//! The layout is that of `nffileV2.h` in nfdump 1.7. Numbers are in the byte order of the machine that wrote them. A block
//! has a header of 12 octets and is packed as the file's header says, unless its own says otherwise; what is bad in it
//! costs only itself, because its length is known. The header's number of blocks is not believed: nfcapd writes it when
//! it closes the file, and one that was killed did not. Blocks of the appendix hold records of their own types, which
//! are passed over.

mod exporters;
mod record;

use super::super::ledger::Trouble;
use super::super::order::Order;
use super::super::window::Window;
use super::unpack::{LARGEST, Packing};
use super::{Recorded, Tally};
use crate::model::FaultKind;
use exporters::Exporters;
use std::io::Read;

/// First two octets, as a number.
pub(super) const MAGIC: u16 = 0xa50c;
/// Octets of the file's header.
const HEADER: usize = 40;
/// Octets of a block's header.
const BLOCK: usize = 12;
/// Octets of a record's header: type and length.
const RECORD: usize = 4;

/// Blocks of records that each say their type and length.
const RECORDS: u16 = 3;
/// Blocks of records of one type: databases, no flows.
const ARRAYS: u16 = 4;
/// A block that is not packed though its file is.
const PLAIN: u16 = 1;

/// Types of records.
mod kind {
    pub const EXPORTER: u16 = 7;
    pub const OLD_SAMPLER: u16 = 9;
    pub const FLOW: u16 = 11;
    pub const SAMPLER: u16 = 15;
    /// Flows in the layouts before 1.7, and in one that is to come.
    pub const OTHER_FLOWS: [u16; 5] = [1, 5, 6, 10, 16];
}

/// What is wrong with a file from the first look.
fn unreadable(what: String) -> Box<Trouble> {
    Trouble::fatal(FaultKind::Unreadable, 0, what)
}

/// A walk over the blocks and records of a file.
#[derive(Debug)]
pub(super) struct Walk {
    order: Order,
    packing: Packing,
    exporters: Exporters,
    /// The records of the present block, unpacked.
    block: Vec<u8>,
    /// The next record in it.
    next: usize,
    /// Where in the file the block's octets begin, and whether they were packed there.
    origin: u64,
    packed: bool,
    /// The file ended inside the present block.
    cut: Option<Box<Trouble>>,
}

impl Walk {
    /// Reads the header.
    pub(super) fn start<R: Read>(window: &mut Window<R>) -> Result<Self, Box<Trouble>> {
        if !window.need(HEADER) {
            return Err(Trouble::ended(window.take_error(), 0, "its header"));
        }
        let head = window.ahead();
        let order = match Order::Little.u16(head, 0) {
            MAGIC => Order::Little,
            _ => Order::Big,
        };
        let layout = order.u16(head, 2);
        if layout != 2 {
            let words = "layout 2 is read; nfdump 1.7 makes it of older files: nfdump -r FILE -w NEW";
            return Err(unreadable(format!("is a flow file of layout {layout}; {words}")));
        }
        let (packing, sealed) = (head.get(16).copied(), head.get(17).copied());
        if sealed != Some(0) {
            return Err(unreadable("is an encrypted flow file".to_owned()));
        }
        let packing = Packing::numbered(packing.unwrap_or(0));
        let packing = packing.ok_or_else(|| {
            let number = head.get(16).copied().unwrap_or(0);
            let words = "none, LZO, bzip2, LZ4 and zstd are read (0 to 4)";
            unreadable(format!("is packed in a way of number {number}; {words}"))
        })?;
        window.take(HEADER);
        Ok(Self {
            order,
            packing,
            exporters: Exporters::default(),
            block: Vec::new(),
            next: 0,
            origin: 0,
            packed: false,
            cut: None,
        })
    }

    /// The next flow; `None` at the end.
    pub(super) fn step<R: Read>(
        &mut self,
        window: &mut Window<R>,
        tally: &mut Tally,
    ) -> Result<Option<Recorded>, Box<Trouble>> {
        loop {
            while self.next < self.block.len() {
                if let Some(record) = self.record(tally)? {
                    return Ok(Some(record));
                }
            }
            if let Some(cut) = self.cut.take() {
                return Err(cut);
            }
            if !self.read_block(window, tally)? {
                return Ok(None);
            }
        }
    }

    /// Reads the next block; false at the end of the file.
    fn read_block<R: Read>(
        &mut self,
        window: &mut Window<R>,
        tally: &mut Tally,
    ) -> Result<bool, Box<Trouble>> {
        self.block.clear();
        self.next = 0;
        if !window.need(BLOCK) {
            return window
                .end("the header of a block")
                .map(|end: Option<()>| end.is_some());
        }
        let (offset, head) = (window.offset(), window.ahead());
        let size = self.order.u32(head, 4) as usize;
        let (kind, flags) = (self.order.u16(head, 8), self.order.u16(head, 10));
        if size > LARGEST {
            let what =
                format!("a block of {size} octets; none is larger than {LARGEST}, the rest is not read");
            return Err(Trouble::fatal(FaultKind::BadRecord, offset, what));
        }
        window.take(BLOCK);
        let whole = window.need(size);
        let there = window.ahead().len().min(size);
        self.origin = window.offset();
        self.packed = self.packing != Packing::None && flags & PLAIN == 0;
        if !whole {
            self.cut = Some(Trouble::ended(window.take_error(), offset, "a block"));
        }
        let at = window.take(there);
        if kind == ARRAYS {
            tally.passed += 1;
            return Ok(true);
        }
        if kind != RECORDS {
            let what = format!("a block of type {kind}, which is not read");
            return Err(Trouble::bad_record(offset, what));
        }
        self.fill(window.slice(at, there), whole)
            .map_err(|why| Trouble::bad_record(offset, format!("a block of {size} octets: {why}")))?;
        Ok(true)
    }

    /// Unpacks a block. What is there of one that is cut off can be read only when it was not packed.
    fn fill(&mut self, octets: &[u8], whole: bool) -> Result<(), String> {
        match (self.packed, whole) {
            (true, false) => Ok(()),
            (true, true) => {
                let unpacked = self.packing.unpack(octets, &mut self.block);
                if unpacked.is_err() {
                    self.block.clear();
                }
                unpacked
            }
            (false, _) => Packing::None.unpack(octets, &mut self.block),
        }
    }

    /// Takes the next record of the block; `None` when it is no flow.
    fn record(&mut self, tally: &mut Tally) -> Result<Option<Recorded>, Box<Trouble>> {
        let start = self.next;
        let rest = self.block.get(start..).unwrap_or_default();
        let (kind, size) = (self.order.u16(rest, 0), usize::from(self.order.u16(rest, 2)));
        let octets = rest.get(..size).filter(|octets| octets.len() >= RECORD);
        let Some(octets) = octets else {
            self.next = self.block.len();
            if let Some(cut) = self.cut.take() {
                return Err(cut);
            }
            let what = format!("a record of {size} octets where {} are left", rest.len());
            return Err(self.bad(start, what + "; the rest of its block is not read"));
        };
        self.next = start + size;
        match kind {
            kind::FLOW => match record::read(octets, self.order, &self.exporters) {
                Ok(record) => Ok(Some(record)),
                Err(what) => Err(self.bad(start, what)),
            },
            kind::EXPORTER => {
                self.exporters.learn_exporter(octets, self.order);
                Ok(None)
            }
            kind::SAMPLER => {
                self.exporters.learn_sampler(octets, self.order);
                Ok(None)
            }
            kind::OLD_SAMPLER => {
                self.exporters.learn_old_sampler(octets, self.order);
                Ok(None)
            }
            other if kind::OTHER_FLOWS.contains(&other) => Err(self.bad(
                start,
                format!("a flow in records of type {other}, which are not read"),
            )),
            _ => {
                tally.passed += 1;
                Ok(None)
            }
        }
    }

    /// What is wrong with the record at `start` of the block.
    #[cold]
    fn bad(&self, start: usize, what: String) -> Box<Trouble> {
        if self.packed {
            let what = format!("octet {start} of the unpacked block: {what}");
            return Trouble::bad_record(self.origin, what);
        }
        Trouble::bad_record(self.origin + start as u64, what)
    }
}
