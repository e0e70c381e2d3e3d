//! What was counted of each group and step: sums, sets of distinct things, distributions; column by column.

use super::keys::hash;
use super::measure::Tally;
use super::percentiles::Percentiles;
use super::steps::{Cut, Piece, Times};
use crate::aggregate::DistinctCount;
use crate::model::{Column, Columns, Field, FlowKey, TcpFlags};
use std::borrow::Cow;

/// Rows of a batch, each with its slot.
#[derive(Clone, Copy, Debug)]
pub(super) enum Placed<'a> {
    /// All rows of the batch in one slot.
    AllInOne(usize, u32),
    /// All rows, with their slots.
    All(&'a [u32]),
    /// Some rows in one slot.
    SomeInOne(&'a [u32], u32),
    /// Some rows, with their slots.
    Some(&'a [u32], &'a [u32]),
}

impl Placed<'_> {
    #[inline]
    fn each(self, mut f: impl FnMut(usize, usize)) {
        match self {
            Self::AllInOne(rows, slot) => (0..rows).for_each(|row| f(row, slot as usize)),
            Self::All(slots) => {
                for (row, slot) in slots.iter().enumerate() {
                    f(row, *slot as usize);
                }
            }
            Self::SomeInOne(rows, slot) => rows.iter().for_each(|row| f(*row as usize, slot as usize)),
            Self::Some(rows, slots) => {
                for (row, slot) in rows.iter().zip(slots) {
                    f(*row as usize, *slot as usize);
                }
            }
        }
    }
}

/// The columns of a batch that are counted, amounts scaled by sampling where that is wanted.
#[derive(Debug)]
pub(super) struct Batch<'a> {
    pub(super) columns: &'a Columns,
    bytes: Cow<'a, Column>,
    packets: Cow<'a, Column>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(columns: &'a Columns, raw: bool) -> Self {
        Self {
            columns,
            bytes: scaled(columns, Field::Bytes, raw),
            packets: scaled(columns, Field::Packets, raw),
        }
    }

    fn amount(&self, tally: Tally) -> &Column {
        const NOTHING: &Column = &Column::Constant(0);
        match tally {
            Tally::Bytes | Tally::EachBytes => &self.bytes,
            Tally::Packets | Tally::EachPackets => &self.packets,
            _ => self.columns.get(Field::Flows).unwrap_or(NOTHING),
        }
    }
}

/// A column of amounts, multiplied by the sampling rate of records whose exporter has not done so.
fn scaled(columns: &Columns, field: Field, raw: bool) -> Cow<'_, Column> {
    let Some(column) = columns.get(field) else {
        return Cow::Owned(Column::Constant(0));
    };
    let is_whole = match columns.get(Field::SamplingRate) {
        None => true,
        Some(Column::Constant(rate)) => *rate <= 1,
        Some(Column::Coded { values, .. }) => values.iter().all(|rate| *rate <= 1),
        Some(Column::Plain(_)) => false,
    };
    if raw || is_whole || matches!(columns.get(Field::Scaled), Some(Column::Constant(1))) {
        return Cow::Borrowed(column);
    }
    let scale = |row| {
        let rate = columns.word(Field::SamplingRate, row).max(1);
        let is_scaled = columns.word(Field::Scaled, row) != 0;
        let amount = column.get(row).saturating_mul(if is_scaled { 1 } else { rate });
        i64::try_from(amount).unwrap_or(i64::MAX)
    };
    Cow::Owned(Column::Plain((0..columns.rows()).map(scale).collect()))
}

/// What was counted, by slot. Adding is commutative and associative; sums saturate.
#[derive(Clone, Debug, Default)]
pub(super) struct Sums {
    sums: Vec<(Tally, Vec<u64>)>,
    sets: Vec<(Tally, Vec<DistinctCount>)>,
    spreads: Vec<(Tally, Vec<Percentiles>)>,
}

impl Sums {
    /// Nothing was counted yet.
    pub(super) fn new(tallies: &[Tally]) -> Self {
        let mut new = Self::default();
        for &tally in tallies {
            match tally {
                Tally::Sources | Tally::Destinations | Tally::Ports => new.sets.push((tally, Vec::new())),
                Tally::EachBytes | Tally::EachPackets | Tally::EachTime => {
                    new.spreads.push((tally, Vec::new()));
                }
                _ => new.sums.push((tally, Vec::new())),
            }
        }
        new
    }

    /// What all groups counted together by step, without those left out.
    pub(super) fn folded(&self, steps: usize, left_out: &[bool]) -> Self {
        let groups = left_out.iter().enumerate().filter(|(_, out)| !**out);
        let slots = groups.flat_map(|(group, _)| (0..steps).map(move |step| (step, group * steps + step)));
        let mut folded = Self::default();
        for (tally, sums) in &self.sums {
            let mut totals = vec![0_u64; steps];
            for (group, of_steps) in sums.chunks(steps.max(1)).enumerate() {
                if left_out.get(group) != Some(&false) {
                    continue;
                }
                for (total, sum) in totals.iter_mut().zip(of_steps) {
                    *total = total.saturating_add(*sum);
                }
            }
            folded.sums.push((*tally, totals));
        }
        for (tally, sets) in &self.sets {
            let mut totals = vec![DistinctCount::default(); steps];
            for (step, slot) in slots.clone() {
                if let (Some(total), Some(set)) = (totals.get_mut(step), sets.get(slot)) {
                    total.merge(set);
                }
            }
            folded.sets.push((*tally, totals));
        }
        for (tally, spreads) in &self.spreads {
            let mut totals = vec![Percentiles::default(); steps];
            for (step, slot) in slots.clone() {
                if let (Some(total), Some(spread)) = (totals.get_mut(step), spreads.get(slot)) {
                    total.merge(spread);
                }
            }
            folded.spreads.push((*tally, totals));
        }
        folded
    }

    /// A column of sums, by slot.
    pub(super) fn column(&self, tally: Tally) -> Option<&[u64]> {
        let sums = self.sums.iter().find(|(known, _)| *known == tally);
        sums.map(|(_, sums)| sums.as_slice())
    }

    /// Octets a slot takes at least.
    pub(super) fn slot_size(&self) -> usize {
        self.sums.len() * size_of::<u64>()
            + self.sets.len() * size_of::<DistinctCount>()
            + self.spreads.len() * size_of::<Percentiles>()
    }

    /// Makes room for so many slots.
    pub(super) fn reserve(&mut self, slots: usize) {
        let more = |length: usize| slots.max(length);
        for (_, sums) in &mut self.sums {
            sums.resize(more(sums.len()), 0);
        }
        for (_, sets) in &mut self.sets {
            sets.resize(more(sets.len()), DistinctCount::default());
        }
        for (_, spreads) in &mut self.spreads {
            spreads.resize(more(spreads.len()), Percentiles::default());
        }
    }

    /// Octets it occupies.
    pub(super) fn memory(&self) -> usize {
        let sums: usize = self.sums.iter().map(|(_, sums)| sums.capacity() * 8).sum();
        let set = |set: &DistinctCount| size_of::<DistinctCount>() + set.heap();
        let spread = |spread: &Percentiles| size_of::<Percentiles>() + spread.heap();
        sums + self.sets.iter().flat_map(|(_, s)| s).map(set).sum::<usize>()
            + self
                .spreads
                .iter()
                .flat_map(|(_, s)| s)
                .map(spread)
                .sum::<usize>()
    }

    /// A sum.
    pub(super) fn sum(&self, tally: Tally, slot: usize) -> u64 {
        let sums = self.sums.iter().find(|(known, _)| *known == tally);
        sums.and_then(|(_, sums)| sums.get(slot)).copied().unwrap_or(0)
    }

    /// A set of distinct things.
    pub(super) fn set(&self, tally: Tally, slot: usize) -> Option<&DistinctCount> {
        let sets = self.sets.iter().find(|(known, _)| *known == tally);
        sums_slot(sets, slot)
    }

    /// A distribution.
    pub(super) fn spread(&self, tally: Tally, slot: usize) -> Option<&Percentiles> {
        let spreads = self.spreads.iter().find(|(known, _)| *known == tally);
        sums_slot(spreads, slot)
    }

    /// Adds what `other` counted in one of its slots. There must be room for `slot`.
    pub(super) fn merge_slot(&mut self, slot: usize, other: &Self, theirs: usize) {
        for ((_, ours), (_, others)) in self.sums.iter_mut().zip(&other.sums) {
            if let (Some(sum), Some(more)) = (ours.get_mut(slot), others.get(theirs)) {
                *sum = sum.saturating_add(*more);
            }
        }
        for ((_, ours), (_, others)) in self.sets.iter_mut().zip(&other.sets) {
            if let (Some(set), Some(more)) = (ours.get_mut(slot), others.get(theirs)) {
                set.merge(more);
            }
        }
        for ((_, ours), (_, others)) in self.spreads.iter_mut().zip(&other.spreads) {
            if let (Some(spread), Some(more)) = (ours.get_mut(slot), others.get(theirs)) {
                spread.merge(more);
            }
        }
    }

    /// Adds rows as a whole. There must be room for their slots.
    pub(super) fn add(&mut self, batch: &Batch<'_>, placed: Placed<'_>) {
        let columns = batch.columns;
        for (tally, sums) in &mut self.sums {
            match tally {
                Tally::Time => placed.each(|row, slot| add(sums, slot, length(columns, row))),
                Tally::SynOnly | Tally::Failed | Tally::Unsolicited => {
                    let flows = batch.amount(*tally);
                    placed.each(|row, slot| {
                        if counts(*tally, columns, row) {
                            add(sums, slot, flows.number(row) as u64);
                        }
                    });
                }
                _ => add_column(sums, batch.amount(*tally), placed),
            }
        }
        for (tally, sets) in &mut self.sets {
            insert(sets, *tally, columns, |f| placed.each(f));
        }
        for (tally, spreads) in &mut self.spreads {
            placed.each(|row, slot| {
                if let Some(spread) = spreads.get_mut(slot) {
                    spread.add(whole(*tally, batch, row));
                }
            });
        }
    }

    /// Adds what [`Steps::cut`](super::steps::Steps::cut) made of rows.
    pub(super) fn add_cut(&mut self, batch: &Batch<'_>, cut: &Cut) {
        self.add(batch, Placed::Some(&cut.rows, &cut.slots));
        let (columns, pieces) = (batch.columns, &cut.pieces);
        let each = |f: &mut dyn FnMut(&Piece)| pieces.iter().for_each(f);
        for (tally, sums) in &mut self.sums {
            let amount = batch.amount(*tally);
            each(&mut |piece| {
                let row = piece.row as usize;
                let part = match tally {
                    Tally::Bytes | Tally::Packets => piece.of(amount.number(row) as u64),
                    _ if !piece.begins => 0,
                    Tally::Flows => amount.number(row) as u64,
                    Tally::Time => length(columns, row),
                    _ if counts(*tally, columns, row) => amount.number(row) as u64,
                    _ => 0,
                };
                add(sums, piece.slot as usize, part);
            });
        }
        for (tally, sets) in &mut self.sets {
            insert(sets, *tally, columns, |f| {
                pieces
                    .iter()
                    .for_each(|piece| f(piece.row as usize, piece.slot as usize));
            });
        }
        for (tally, spreads) in &mut self.spreads {
            for piece in pieces.iter().filter(|piece| piece.begins) {
                if let Some(spread) = spreads.get_mut(piece.slot as usize) {
                    spread.add(whole(*tally, batch, piece.row as usize));
                }
            }
        }
    }
}

fn sums_slot<T>(found: Option<&(Tally, Vec<T>)>, slot: usize) -> Option<&T> {
    found.and_then(|(_, slots)| slots.get(slot))
}

#[inline]
fn add(sums: &mut [u64], slot: usize, amount: u64) {
    if let Some(sum) = sums.get_mut(slot) {
        *sum = sum.saturating_add(amount);
    }
}

/// Adds a column, a loop for each way in which it is kept.
fn add_column(sums: &mut [u64], column: &Column, placed: Placed<'_>) {
    match column {
        Column::Constant(amount) => {
            let amount = *amount as u64;
            placed.each(|_, slot| add(sums, slot, amount));
        }
        Column::Plain(amounts) => placed.each(|row, slot| {
            add(sums, slot, amounts.get(row).map_or(0, |amount| *amount as u64));
        }),
        Column::Coded { codes, values } => placed.each(|row, slot| {
            let amount = codes.get(row).and_then(|code| values.get(*code as usize));
            add(sums, slot, amount.map_or(0, |amount| *amount as u64));
        }),
    }
}

/// Microseconds from a record's first to its last packet.
fn length(columns: &Columns, row: usize) -> u64 {
    let time = |field| Times::of(columns, field).get(row);
    time(Field::End).abs_diff(time(Field::Start).min(time(Field::End)))
}

/// The amount of a record, of which a distribution is made.
fn whole(tally: Tally, batch: &Batch<'_>, row: usize) -> u64 {
    match tally {
        Tally::EachTime => length(batch.columns, row),
        tally => batch.amount(tally).number(row) as u64,
    }
}

/// Whether a record is one of those a tally counts.
fn counts(tally: Tally, columns: &Columns, row: usize) -> bool {
    let handshake = columns.word(Field::Handshake, row) as usize;
    let word = Field::Handshake
        .words()
        .get(handshake)
        .copied()
        .unwrap_or_default();
    let request = || columns.word(Field::Initiator, row) != 0;
    match tally {
        Tally::Failed => matches!(word, "refused" | "unanswered") && request(),
        Tally::SynOnly => {
            let flags = TcpFlags(columns.word(Field::TcpFlags, row) as u8);
            let tcp = columns.word(Field::Protocol, row) == u128::from(FlowKey::TCP);
            word == "unanswered" && tcp && flags.has(TcpFlags::SYN) && request()
        }
        Tally::Unsolicited => word == "unsolicited",
        _ => true,
    }
}

/// Adds what is distinct in rows to the sets of their slots.
fn insert(
    sets: &mut [DistinctCount],
    tally: Tally,
    columns: &Columns,
    rows: impl FnOnce(&mut dyn FnMut(usize, usize)),
) {
    let field = match tally {
        Tally::Sources => Field::SrcIp,
        Tally::Destinations => Field::DstIp,
        _ => Field::DstPort,
    };
    let requests = tally == Tally::Ports;
    let mut last = None;
    rows(&mut |row, slot| {
        let word = columns.word(field, row);
        // Neighbours are often alike.
        if last == Some((slot, word)) || (requests && columns.word(Field::Initiator, row) == 0) {
            return;
        }
        last = Some((slot, word));
        if let Some(set) = sets.get_mut(slot) {
            set.insert(hash(word));
        }
    });
}
