//! One capture of any format, packet by packet.

use super::detect::{self, Format};
use super::ledger::{Counters, Ledger, Trouble};
use super::pcap;
use super::pcapng;
use super::window::Window;
use crate::model::{Fault, FaultKind, LinkType, RawPacket, Timestamp};
use std::io::Read;
use std::sync::Arc;

/// Longest frame believed, octets: as libpcap has it for all link types of networks.
pub const LONGEST_FRAME: usize = 256 << 10;

/// A packet found: what is known of it and where its octets lie in the window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub at: Timestamp,
    pub link: LinkType,
    pub original: u32,
    pub captured: usize,
    pub position: usize,
    pub offset: u64,
    /// Whether the file gave it a time.
    pub timed: bool,
}

/// What [`CaptureReader::advance`] came upon.
#[derive(Debug)]
pub(super) enum Step {
    Packet,
    Fault(Fault),
    End,
}

#[derive(Debug)]
enum Walk {
    /// Nothing was read yet.
    Fresh,
    Pcap(pcap::Walk),
    PcapNg(pcapng::Walk),
    Done,
}

/// Reads one pcap or pcapng capture from `R`, which must not be compressed any more.
///
/// Packets come in the order of the file. A record that cannot be read costs only itself where the next one can be
/// found; otherwise the rest of the file is given up. Either is a [`Fault`]; all are counted, the first
/// [`NAMED_FAULTS`](super::NAMED_FAULTS) are handed out, and one more at the end says how many were not.
///
/// ```
/// use tidemark::input::CaptureReader;
/// let mut capture = CaptureReader::new("a.pcap".into(), &b"no capture"[..]);
/// let fault = capture.next().unwrap().unwrap_err();
/// assert_eq!(fault.to_string(), "a.pcap: byte 0: is no pcap or pcapng capture (looks like text)");
/// assert!(capture.next().is_none());
/// ```
pub struct CaptureReader<R> {
    window: Window<R>,
    walk: Walk,
    head: Head,
    ledger: Ledger,
}

impl<R: Read> CaptureReader<R> {
    /// A reader of `source`, which faults call `file`. Reads nothing yet.
    pub fn new(file: Arc<str>, source: R) -> Self {
        Self {
            window: Window::new(source),
            walk: Walk::Fresh,
            head: Head {
                at: Timestamp::default(),
                link: LinkType(0),
                original: 0,
                captured: 0,
                position: 0,
                offset: 0,
                timed: false,
            },
            ledger: Ledger::new(file),
        }
    }

    /// The next packet or fault; `None` at the end, and from then on.
    ///
    /// # Errors
    /// A fault; reading goes on after it.
    #[expect(clippy::should_implement_trait, reason = "the packet borrows from the reader")]
    pub fn next(&mut self) -> Option<Result<RawPacket<'_>, Fault>> {
        match self.advance() {
            Step::Packet => Some(Ok(self.packet())),
            Step::Fault(fault) => Some(Err(fault)),
            Step::End => None,
        }
    }

    /// Offset in the uncompressed file of the record or block of the last packet.
    pub fn offset(&self) -> u64 {
        self.head.offset
    }

    /// What was read so far.
    pub fn counters(&self) -> Counters {
        let mut counters = self.ledger.counters.clone();
        if let Walk::PcapNg(walk) = &self.walk {
            counters.skipped = walk.skipped();
        }
        counters
    }

    /// The packet that [`CaptureReader::advance`] came upon.
    #[inline]
    pub(super) fn packet(&self) -> RawPacket<'_> {
        RawPacket {
            at: self.head.at,
            link: self.head.link,
            octets: self.window.slice(self.head.position, self.head.captured),
            original_length: self.head.original,
        }
    }

    /// Goes on to the next packet, if that takes no reading and no second look; false says only that
    /// [`CaptureReader::advance`] must be asked.
    #[inline(always)]
    pub(super) fn quick(&mut self) -> bool {
        let Walk::Pcap(walk) = &mut self.walk else {
            return false;
        };
        let found = walk.quick(&mut self.window);
        found.is_some_and(|head| {
            self.found(head);
            true
        })
    }

    /// Makes a packet the present one.
    #[inline]
    fn found(&mut self, head: Head) {
        self.head = head;
        self.ledger.counters.packets += 1;
        self.ledger.counters.octets += head.captured as u64;
        self.ledger.counters.untimed += u64::from(!head.timed);
    }

    /// Goes on to the next packet, fault, or the end.
    pub(super) fn advance(&mut self) -> Step {
        loop {
            let found = match &mut self.walk {
                Walk::Pcap(walk) => walk.step(&mut self.window),
                Walk::PcapNg(walk) => walk.step(&mut self.window),
                Walk::Fresh => self.start(),
                Walk::Done => return Step::End,
            };
            match found {
                Ok(Some(head)) => {
                    self.found(head);
                    return Step::Packet;
                }
                Ok(None) => return self.finish(),
                Err(trouble) => {
                    if let Some(fault) = self.note(*trouble) {
                        return Step::Fault(fault);
                    }
                }
            }
        }
    }

    /// Learns the format and reads the first packet.
    #[cold]
    fn start(&mut self) -> Result<Option<Head>, Box<Trouble>> {
        self.window.need(detect::LOOKED_AT);
        if self.window.ahead().is_empty()
            && let Some(error) = self.window.take_error()
        {
            return Err(Trouble::unreadable(&error, 0, "its first octets"));
        }
        match detect::format(self.window.ahead()) {
            Ok(Format::Pcap(header)) => {
                let walk = pcap::Walk::start(header, &mut self.window)?;
                let doubt = walk.doubt();
                self.walk = Walk::Pcap(walk);
                doubt.map_or_else(|| self.go_on(), Err)
            }
            Ok(Format::PcapNg) => {
                self.walk = Walk::PcapNg(pcapng::Walk::new());
                self.go_on()
            }
            Err(what) => Err(Trouble::fatal(FaultKind::Unreadable, 0, what)),
        }
    }

    fn go_on(&mut self) -> Result<Option<Head>, Box<Trouble>> {
        match &mut self.walk {
            Walk::Pcap(walk) => walk.step(&mut self.window),
            Walk::PcapNg(walk) => walk.step(&mut self.window),
            Walk::Fresh | Walk::Done => Ok(None),
        }
    }

    #[cold]
    fn note(&mut self, trouble: Trouble) -> Option<Fault> {
        let stop = trouble.stop;
        let fault = self.ledger.note(trouble);
        if stop && let Step::Fault(rest) = self.finish() {
            // Only reached when faults were left unnamed, so `fault` is one of them.
            return Some(rest);
        }
        fault
    }

    /// Ends the reading; the last word is the sum of what was not named.
    #[cold]
    fn finish(&mut self) -> Step {
        self.ledger.counters = self.counters();
        self.ledger.counters.captures += u64::from(!matches!(self.walk, Walk::Fresh));
        self.walk = Walk::Done;
        self.ledger.rest().map_or(Step::End, Step::Fault)
    }
}
