//! The pcapng file format: sections of blocks (draft-ietf-opsawg-pcapng).

use super::interface::Interface;
use super::ledger::{SkippedBlocks, Trouble};
use super::order::Order;
use super::reader::{Head, LONGEST_FRAME};
use super::resync;
use super::window::Window;
use crate::model::{FaultKind, Timestamp};
use std::io::Read;

/// The type of a Section Header Block: the same in both byte orders.
pub(super) const SECTION: u32 = 0x0a0d_0d0a;
const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
const INTERFACE: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const NAMES: u32 = 4;
const STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;
const SECRETS: u32 = 10;
const CUSTOM: u32 = 0xbad;
const CUSTOM_NOT_COPIED: u32 = 0x4000_0bad;

/// Type and length, before the body.
const FRONT: usize = 8;
/// The shortest block: type, length, length again.
const SHORTEST: usize = 12;
/// The longest block that is read as a whole: the longest frame and as many octets of options.
const LONGEST_READ: usize = 2 * LONGEST_FRAME;
/// The longest block that is stepped over, as libpcap has it.
const LONGEST_SKIPPED: usize = 16 << 20;
/// Interfaces of one section; each takes memory.
const MOST_INTERFACES: usize = 1 << 16;

/// The frame of a block.
#[derive(Clone, Copy, Debug)]
struct Block {
    kind: u32,
    /// All of it in octets, a multiple of four.
    length: usize,
    offset: u64,
}

/// Where the walk over the blocks of a file stands.
#[derive(Debug)]
pub(super) struct Walk {
    order: Order,
    /// Of this section; `None` for one whose description could not be read.
    interfaces: Vec<Option<Interface>>,
    /// Time of the packet before, for packets without one.
    last: Timestamp,
    skipped: SkippedBlocks,
}

impl Walk {
    pub(super) fn new() -> Self {
        Self {
            order: Order::Little,
            interfaces: Vec::new(),
            last: Timestamp::default(),
            skipped: SkippedBlocks::default(),
        }
    }

    /// Blocks stepped over so far.
    pub(super) fn skipped(&self) -> SkippedBlocks {
        self.skipped
    }

    /// The next packet; `None` at the end.
    pub(super) fn step<R: Read>(&mut self, window: &mut Window<R>) -> Result<Option<Head>, Box<Trouble>> {
        loop {
            let Some(block) = self.frame(window)? else {
                return Ok(None);
            };
            let head = match block.kind {
                ENHANCED_PACKET => self.enhanced(window, block),
                SIMPLE_PACKET => self.simple(window, block),
                OBSOLETE_PACKET => self.obsolete(window, block),
                SECTION => {
                    self.section(window, block)?;
                    continue;
                }
                INTERFACE => {
                    self.interface(window, block)?;
                    continue;
                }
                _ => {
                    self.step_over(window, block)?;
                    continue;
                }
            };
            // A packet that cannot be read costs only itself: its block is well framed.
            let start = window.take(block.length);
            return match head {
                Ok(mut head) => {
                    head.position += start;
                    self.last = head.at;
                    Ok(Some(head))
                }
                Err(what) => Err(Trouble::bad_record(block.offset, what)),
            };
        }
    }

    /// Reads type and length of the block ahead and makes sure that all of it is there, but for those stepped over.
    fn frame<R: Read>(&mut self, window: &mut Window<R>) -> Result<Option<Block>, Box<Trouble>> {
        let offset = window.offset();
        if !window.need(SHORTEST) {
            return window.end("a block header");
        }
        let ahead = window.ahead();
        let kind = self.order.u32(ahead, 0);
        if kind == SECTION {
            self.open_section(window)?;
        }
        let length = self.order.u32(window.ahead(), 4) as usize;
        let rounded = length.next_multiple_of(4);
        let limit = if stepped_over(kind) {
            LONGEST_SKIPPED
        } else {
            LONGEST_READ
        };
        if !(SHORTEST..=limit).contains(&rounded) {
            let what = format!("block of type {kind:#x} and {length} octets cannot be");
            return Err(self.resynchronise(window, kind, what));
        }
        let block = Block {
            kind,
            length: rounded,
            offset,
        };
        if rounded > LONGEST_READ {
            return Ok(Some(block));
        }
        if !window.need(rounded) {
            return Err(Trouble::ended(window.take_error(), offset, &part(block)));
        }
        let again = self.order.u32(window.ahead(), rounded - 4) as usize;
        if again != length {
            let what =
                format!("block of type {kind:#x} has {length} octets by its start and {again} by its end");
            return Err(self.resynchronise(window, kind, what));
        }
        Ok(Some(block))
    }

    /// Takes the byte order of the section that starts here; the interfaces of the one before are forgotten even if
    /// the rest of its header cannot be read.
    fn open_section<R: Read>(&mut self, window: &mut Window<R>) -> Result<(), Box<Trouble>> {
        match section_order(window.ahead()) {
            Some(order) => {
                self.order = order;
                self.interfaces.clear();
                Ok(())
            }
            None => {
                let what = "section header without byte-order magic".to_owned();
                Err(self.resynchronise(window, SECTION, what))
            }
        }
    }

    fn section<R: Read>(&self, window: &mut Window<R>, block: Block) -> Result<(), Box<Trouble>> {
        let (major, minor) = (
            self.order.u16(window.ahead(), 12),
            self.order.u16(window.ahead(), 14),
        );
        window.take(block.length);
        if block.length < 28 {
            let what = format!("section header of {} octets is too short", block.length);
            return Err(Trouble::bad_record(block.offset, what));
        }
        if major != 1 || !matches!(minor, 0..=2) {
            let what = format!("version {major}.{minor} of pcapng is not known; read as 1.0");
            return Err(Trouble::bad_record(block.offset, what));
        }
        Ok(())
    }

    fn interface<R: Read>(&mut self, window: &mut Window<R>, block: Block) -> Result<(), Box<Trouble>> {
        let start = window.take(block.length);
        let number = self.interfaces.len();
        if number >= MOST_INTERFACES {
            let what = format!("more than {MOST_INTERFACES} interfaces in one section");
            return Err(Trouble::bad_record(block.offset, what));
        }
        let body = window.slice(start + FRONT, block.length - SHORTEST);
        let read = Interface::read(self.order, body);
        self.interfaces.push(read.as_ref().ok().copied());
        let wrong = |what| {
            Trouble::bad_record(
                block.offset,
                format!("interface {number} is badly described: {what}"),
            )
        };
        read.map(drop).map_err(wrong)
    }

    fn step_over<R: Read>(&mut self, window: &mut Window<R>, block: Block) -> Result<(), Box<Trouble>> {
        let length = block.length as u32;
        if !window.skip(block.length as u64 - 4) || !window.need(4) {
            return Err(Trouble::ended(window.take_error(), block.offset, &part(block)));
        }
        // Short blocks were checked as a whole before.
        if block.length > LONGEST_READ && self.order.u32(window.ahead(), 0).next_multiple_of(4) != length {
            let what = format!("the block of {length} octets before has another length at its end");
            return Err(self.resynchronise(window, block.kind, what));
        }
        window.take(4);
        match block.kind {
            NAMES => self.skipped.names += 1,
            STATISTICS => self.skipped.statistics += 1,
            SECRETS => self.skipped.secrets += 1,
            CUSTOM | CUSTOM_NOT_COPIED => self.skipped.custom += 1,
            kind => {
                self.skipped.unknown += 1;
                self.skipped.first_unknown.get_or_insert((kind, block.offset));
            }
        }
        Ok(())
    }

    #[inline]
    fn enhanced<R: Read>(&self, window: &Window<R>, block: Block) -> Result<Head, String> {
        let octets = window.ahead().get(..block.length - 4).unwrap_or_default();
        let word = |at| self.order.u32(octets, at);
        let ticks = u64::from(word(12)) << 32 | u64::from(word(16));
        self.packet(block, word(8), ticks, [word(20), word(24)], 28)
    }

    fn obsolete<R: Read>(&self, window: &Window<R>, block: Block) -> Result<Head, String> {
        let octets = window.ahead().get(..block.length - 4).unwrap_or_default();
        let word = |at| self.order.u32(octets, at);
        let ticks = u64::from(word(12)) << 32 | u64::from(word(16));
        let interface = u32::from(self.order.u16(octets, 8));
        self.packet(block, interface, ticks, [word(20), word(24)], 28)
    }

    /// A packet that names its interface and has a time.
    #[inline]
    fn packet(
        &self,
        block: Block,
        number: u32,
        ticks: u64,
        [captured, original]: [u32; 2],
        front: usize,
    ) -> Result<Head, String> {
        let interface = self.known(number)?;
        fits(block, captured, front)?;
        Ok(Head {
            at: interface.time(ticks),
            link: interface.link,
            original: original.max(captured),
            captured: captured as usize,
            position: front,
            offset: block.offset,
            timed: true,
        })
    }

    /// A packet of the first interface, with nothing but its length on the wire.
    fn simple<R: Read>(&self, window: &Window<R>, block: Block) -> Result<Head, String> {
        let interface = self.known(0)?;
        let original = self.order.u32(window.ahead(), 8);
        let body = (block.length.saturating_sub(16)) as u32;
        let snap = if interface.snap == 0 {
            u32::MAX
        } else {
            interface.snap
        };
        // What is there of a frame that was cut is told by the block alone; the rest of it is padding.
        let captured = original.min(snap).min(body);
        fits(block, captured, 12)?;
        Ok(Head {
            at: self.last,
            link: interface.link,
            original: original.max(captured),
            captured: captured as usize,
            position: 12,
            offset: block.offset,
            timed: false,
        })
    }

    #[inline]
    fn known(&self, number: u32) -> Result<&Interface, String> {
        match self.interfaces.get(number as usize) {
            Some(Some(interface)) => Ok(interface),
            Some(None) => Err(format!("packet of interface {number}, which is badly described")),
            None => Err(format!(
                "packet of interface {number}, but the section describes {}",
                self.interfaces.len()
            )),
        }
    }

    /// Looks for the next well-framed block of a known type, after one that cannot be right.
    fn resynchronise<R: Read>(&mut self, window: &mut Window<R>, kind: u32, what: String) -> Box<Trouble> {
        if kind == INTERFACE && self.interfaces.len() < MOST_INTERFACES {
            // Its number is used up, or later packets would be taken for those of another interface.
            self.interfaces.push(None);
        }
        let order = self.order;
        resync::search(window, FaultKind::BadRecord, what, |window| {
            block_ahead(order, window)
        })
    }
}

/// Whether a block of a known type lies ahead that says the same length twice.
fn block_ahead<R: Read>(order: Order, window: &mut Window<R>) -> bool {
    if !window.need(SHORTEST) {
        return false;
    }
    let kind = order.u32(window.ahead(), 0);
    let order = match kind {
        SECTION => section_order(window.ahead()),
        INTERFACE..=ENHANCED_PACKET | SECRETS | CUSTOM | CUSTOM_NOT_COPIED => Some(order),
        _ => None,
    };
    let Some(order) = order else {
        return false;
    };
    let length = order.u32(window.ahead(), 4) as usize;
    (SHORTEST..=LONGEST_READ).contains(&length)
        && length.is_multiple_of(4)
        && window.need(length)
        && order.u32(window.ahead(), length - 4) as usize == length
}

/// The byte order that a section header announces.
fn section_order(octets: &[u8]) -> Option<Order> {
    [Order::Little, Order::Big]
        .into_iter()
        .find(|order| order.u32(octets, 8) == BYTE_ORDER_MAGIC)
}

/// Whether a block of this type is stepped over without a look inside.
#[inline]
fn stepped_over(kind: u32) -> bool {
    !matches!(
        kind,
        SECTION | INTERFACE | ENHANCED_PACKET | SIMPLE_PACKET | OBSOLETE_PACKET
    )
}

/// Whether `captured` octets lie between the `front` of a packet block and its end.
#[inline]
fn fits(block: Block, captured: u32, front: usize) -> Result<(), String> {
    let room = block.length.saturating_sub(front + 4);
    if captured as usize > LONGEST_FRAME {
        return Err(format!(
            "packet of {captured} octets, more than {LONGEST_FRAME} can be"
        ));
    }
    if captured as usize > room || block.length < front + 4 {
        return Err(format!(
            "packet of {captured} octets in a block that has room for {room}"
        ));
    }
    Ok(())
}

fn part(block: Block) -> String {
    format!("a block of type {:#x} and {} octets", block.kind, block.length)
}
