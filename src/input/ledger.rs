//! What one capture gave and what was wrong with it: everything counted, the first faults named in full.

use crate::model::{Fault, FaultKind};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::sync::Arc;

/// Faults of one file that are named in full; the rest is counted and summed up in one last fault.
pub const NAMED_FAULTS: u64 = 20;

/// Blocks of pcapng that were stepped over because they hold no packet. None of them is a fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SkippedBlocks {
    /// Name Resolution Blocks.
    pub names: u64,
    /// Interface Statistics Blocks.
    pub statistics: u64,
    /// Decryption Secrets Blocks.
    pub secrets: u64,
    /// Custom Blocks, either kind.
    pub custom: u64,
    /// Blocks of any other type.
    pub unknown: u64,
    /// Type and offset of the first of `unknown`.
    pub first_unknown: Option<(u32, u64)>,
}

/// Totals of what was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets handed out.
    pub packets: u64,
    /// Captured octets of these packets, link header included.
    pub octets: u64,
    /// Packets without a time of their own (Simple Packet Blocks); they were given that of the packet before.
    pub untimed: u64,
    /// Captures read to their end, with or without faults.
    pub captures: u64,
    /// Blocks stepped over.
    pub skipped: SkippedBlocks,
    /// Every fault met, the unnamed ones too.
    pub faults: BTreeMap<FaultKind, u64>,
}

impl Counters {
    /// Takes the totals of `other` in.
    pub fn add(&mut self, other: &Self) {
        self.packets += other.packets;
        self.octets += other.octets;
        self.untimed += other.untimed;
        self.captures += other.captures;
        self.skipped.names += other.skipped.names;
        self.skipped.statistics += other.skipped.statistics;
        self.skipped.secrets += other.skipped.secrets;
        self.skipped.custom += other.skipped.custom;
        self.skipped.unknown += other.skipped.unknown;
        self.skipped.first_unknown = self.skipped.first_unknown.or(other.skipped.first_unknown);
        for (&kind, &count) in &other.faults {
            *self.faults.entry(kind).or_default() += count;
        }
    }

    /// All faults met.
    pub fn faults_in_all(&self) -> u64 {
        self.faults.values().sum()
    }
}

/// A fault that does not know its file yet.
#[derive(Debug)]
pub(super) struct Trouble {
    pub kind: FaultKind,
    pub offset: u64,
    pub what: String,
    /// Nothing after it can be trusted or read.
    pub stop: bool,
}

impl Trouble {
    /// Something that costs only the record at `offset`.
    pub(super) fn bad_record(offset: u64, what: String) -> Box<Self> {
        Box::new(Self {
            kind: FaultKind::BadRecord,
            offset,
            what,
            stop: false,
        })
    }

    /// Something that ends the reading of this file.
    pub(super) fn fatal(kind: FaultKind, offset: u64, what: String) -> Box<Self> {
        Box::new(Self {
            kind,
            offset,
            what,
            stop: true,
        })
    }

    /// A stream that ended inside `part`, which began at `offset`, or could not be read on.
    pub(super) fn ended(error: Option<io::Error>, offset: u64, part: &str) -> Box<Self> {
        match error {
            Some(error) => Self::unreadable(&error, offset, part),
            None => Self::fatal(
                FaultKind::Truncated,
                offset,
                format!("the file ends inside {part}"),
            ),
        }
    }

    /// A stream that failed inside `part`; compressed data that ends early is truncated as a plain file would be.
    pub(super) fn unreadable(error: &io::Error, offset: u64, part: &str) -> Box<Self> {
        let kind = match error.kind() {
            ErrorKind::UnexpectedEof => FaultKind::Truncated,
            _ => FaultKind::Unreadable,
        };
        Self::fatal(kind, offset, format!("cannot be read on inside {part}: {error}"))
    }
}

/// Counts of one capture, and the names of its first faults.
#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) file: Arc<str>,
    pub(super) counters: Counters,
    named: u64,
    /// Faults that were only counted, with the offset of the first.
    unnamed: BTreeMap<FaultKind, u64>,
    first_unnamed: u64,
}

impl Ledger {
    pub(super) fn new(file: Arc<str>) -> Self {
        Self {
            file,
            counters: Counters::default(),
            named: 0,
            unnamed: BTreeMap::new(),
            first_unnamed: 0,
        }
    }

    /// Counts a fault; returns it while the limit of named faults is not reached.
    pub(super) fn note(&mut self, trouble: Trouble) -> Option<Fault> {
        *self.counters.faults.entry(trouble.kind).or_default() += 1;
        if self.named < NAMED_FAULTS {
            self.named += 1;
            return Some(self.fault(trouble.kind, trouble.offset, trouble.what));
        }
        if self.unnamed.is_empty() {
            self.first_unnamed = trouble.offset;
        }
        *self.unnamed.entry(trouble.kind).or_default() += 1;
        None
    }

    /// The last word on this file when some faults were only counted. It counts for none itself.
    pub(super) fn rest(&mut self) -> Option<Fault> {
        let unnamed = std::mem::take(&mut self.unnamed);
        let (&kind, _) = unnamed.iter().max_by_key(|(_, count)| **count)?;
        let total: u64 = unnamed.values().sum();
        let kinds: Vec<_> = unnamed
            .iter()
            .map(|(kind, n)| format!("{n} {}", kind.name()))
            .collect();
        let what = format!(
            "from here on {total} more faults not named ({})",
            kinds.join(", ")
        );
        Some(self.fault(kind, self.first_unnamed, what))
    }

    fn fault(&self, kind: FaultKind, offset: u64, what: String) -> Fault {
        Fault {
            kind,
            file: Arc::clone(&self.file),
            offset,
            what,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_faults_is_counted_and_summed_up() {
        let mut ledger = Ledger::new("a.pcap".into());
        let named = (0..100u64)
            .filter(|&n| ledger.note(*Trouble::bad_record(n, "odd".into())).is_some())
            .count();
        assert_eq!(named as u64, NAMED_FAULTS);
        assert_eq!(ledger.counters.faults_in_all(), 100);
        assert_eq!(
            ledger.rest().unwrap().to_string(),
            "a.pcap: byte 20: from here on 80 more faults not named (80 bad_record)"
        );
        assert!(ledger.rest().is_none());
    }
}
