//! Walks captures, counts and names everything wrong in them, and shows how far it has come.

use crate::input::{self, Captures};
use crate::model::{ExportFault, Fault, FaultKind, RawPacket, Timestamp};
use crate::report::Progress;
use crate::wire::Undecoded;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::PathBuf;

/// Undecodable packets, and faults of export, named per run; the rest is counted.
const NAMED_PACKETS: u64 = 20;
/// Troubles listed in a report.
const LISTED: usize = 100;
/// Packets between two looks at the progress bar.
const GLANCE: u64 = 1 << 14;

/// Everything that was wrong with the input.
#[derive(Clone, Debug, Default)]
pub struct Troubles {
    /// How often, by name.
    pub counts: BTreeMap<String, u64>,
    /// In words, the first of them.
    pub listed: Vec<String>,
    /// How many more there were.
    pub unlisted: u64,
    packets_named: u64,
    export_named: u64,
}

impl Troubles {
    /// Counts one of a kind.
    pub(super) fn add(&mut self, kind: &str) {
        *self.counts.entry(kind.to_owned()).or_default() += 1;
    }

    /// Keeps words for the report, as long as there is room.
    pub(super) fn list(&mut self, words: String) {
        if self.listed.len() < LISTED {
            self.listed.push(words);
        } else {
            self.unlisted += 1;
        }
    }
}

/// What a walk hands its packets to.
pub(super) trait Taker<E> {
    /// Takes a packet, or says why it cannot be used; an error ends the walk.
    fn packet(&mut self, packet: &RawPacket<'_>) -> Result<Result<(), Undecoded>, E>;

    /// After each packet, with where it stands.
    #[inline]
    fn after(&mut self, _walk: &mut Walk, _captures: &Captures) {}
}

/// A function of packets.
struct Packets<F>(F);

impl<E, F: FnMut(&RawPacket<'_>) -> Result<Result<(), Undecoded>, E>> Taker<E> for Packets<F> {
    #[inline]
    fn packet(&mut self, packet: &RawPacket<'_>) -> Result<Result<(), Undecoded>, E> {
        (self.0)(packet)
    }
}

/// A walk over captures under way.
#[derive(Debug)]
pub struct Walk {
    progress: Option<Progress>,
    quiet: bool,
    verbose: bool,
    /// What was wrong so far.
    pub troubles: Troubles,
    /// Packets read; Flow Records of files of these.
    pub packets: u64,
    /// Packets without an IP packet in them.
    pub not_ip: u64,
    /// Capture time of the earliest packet.
    pub first: Option<Timestamp>,
    /// Capture time of the latest packet.
    pub last: Option<Timestamp>,
    /// Whether anything of any file could be read.
    pub readable: bool,
}

impl Walk {
    /// `quiet` says nothing but the faults of whole files; `verbose` names every undecodable packet.
    pub fn new(quiet: bool, verbose: bool) -> Self {
        Self {
            progress: None,
            quiet,
            verbose,
            troubles: Troubles::default(),
            packets: 0,
            not_ip: 0,
            first: None,
            last: None,
            readable: false,
        }
    }

    /// Hands every packet to `take`, in time order; what it cannot use is named with file and offset.
    pub fn run<E>(
        &mut self,
        files: &[PathBuf],
        take: impl FnMut(&RawPacket<'_>) -> Result<Result<(), Undecoded>, E>,
    ) -> Result<(), E> {
        self.walk(files, &mut Packets(take))
    }

    /// Hands every packet to `taker`, in time order.
    pub(super) fn walk<E>(&mut self, files: &[PathBuf], taker: &mut impl Taker<E>) -> Result<(), E> {
        let mut captures = Captures::open(files.iter().cloned());
        self.begin(captures.progress().total);
        while let Some(next) = captures.next() {
            let undecoded = match next {
                Ok(packet) => {
                    self.count(packet.at);
                    let taken = taker.packet(&packet)?;
                    taker.after(self, &captures);
                    taken.err()
                }
                Err(fault) => {
                    self.fault(&fault);
                    None
                }
            };
            if let Some(undecoded) = undecoded {
                self.undecoded(undecoded, &captures);
            }
            self.glance_at(|| captures.progress());
        }
        let counters = captures.counters();
        self.end(&counters.faults, counters.packets + counters.captures > 0);
        Ok(())
    }

    /// A walk begins over so many octets, where that is known.
    pub(super) fn begin(&mut self, total: Option<u64>) {
        self.progress = Some(Progress::new(total, self.quiet));
    }

    /// Counts a packet.
    #[inline]
    pub(super) fn count(&mut self, at: Timestamp) {
        self.packets += 1;
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
        self.count_until(at);
    }

    /// Something lasted until then.
    #[inline]
    pub(super) fn count_until(&mut self, at: Timestamp) {
        self.last = Some(self.last.map_or(at, |last| last.max(at)));
    }

    /// Shows from time to time how far it has come.
    #[inline]
    pub(super) fn glance_at(&mut self, come: impl FnOnce() -> input::Progress) {
        if self.packets.is_multiple_of(GLANCE)
            && let Some(progress) = &mut self.progress
        {
            progress.update(come().read, self.packets);
        }
    }

    pub(super) fn fault(&mut self, fault: &Fault) {
        self.say(&fault.to_string());
        self.troubles.list(fault.to_string());
    }

    fn undecoded(&mut self, undecoded: Undecoded, captures: &Captures) {
        let Some(kind) = undecoded.kind() else {
            self.not_ip += 1;
            return;
        };
        self.troubles.packets_named += 1;
        let named = self.troubles.packets_named;
        self.name(
            kind.name(),
            &undecoded,
            named,
            captures,
            "packets cannot be decoded; -v names them all",
        );
    }

    /// Bad flow export, with the place of the frame that completed the message.
    pub(super) fn export_fault(&mut self, fault: &ExportFault, captures: &Captures) {
        self.troubles.export_named += 1;
        let named = self.troubles.export_named;
        self.name(
            fault.kind.name(),
            fault,
            named,
            captures,
            "flow export cannot be read; -v names it all",
        );
    }

    /// Counts something wrong in the newest frame and names it with its place, while no more than so many were `named`.
    fn name(&mut self, kind: &str, what: &dyn Display, named: u64, captures: &Captures, more: &str) {
        self.troubles.add(kind);
        let file = captures.file().map_or("", |file| file);
        let words = format!("{file}: byte {}: {what}", captures.offset());
        if self.verbose || named <= NAMED_PACKETS {
            self.say(&words);
        } else if named == NAMED_PACKETS + 1 {
            self.say(&format!("{file}: more {more}"));
        }
        self.troubles.list(words);
    }

    /// Words on standard error; above the progress bar, where there is one.
    pub(super) fn say(&self, words: &str) {
        let shown = self
            .progress
            .as_ref()
            .is_some_and(|progress| progress.line(words));
        if !shown {
            eprintln!("tidemark: {words}");
        }
    }

    /// The walk is over: these were the faults, and whether anything could be read.
    pub(super) fn end(&mut self, faults: &BTreeMap<FaultKind, u64>, readable: bool) {
        for (kind, count) in faults {
            *self.troubles.counts.entry(kind.name().to_owned()).or_default() += count;
        }
        self.readable = readable;
        if let Some(progress) = self.progress.take() {
            progress.finish();
        }
    }
}
