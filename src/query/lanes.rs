//! From the values of a batch to the numbers of groups: each distinct value is looked up once, not each row.

use super::by::{Lane, network};
use super::keys::{Keys, NOBODY};
use crate::model::{Column, Columns, Field, FlowKey};

/// Which rows of a batch are looked at.
#[derive(Clone, Debug)]
pub(super) enum Rows {
    /// All of so many.
    All(usize),
    /// These, in order.
    Some(Vec<u32>),
}

/// A number for each row looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Numbers {
    /// The same for all.
    One(u32),
    /// In the order of the rows.
    Each(Vec<u32>),
}

impl Rows {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::All(rows) => *rows,
            Self::Some(rows) => rows.len(),
        }
    }

    /// The result of `f` for each row.
    #[inline]
    fn map(&self, mut f: impl FnMut(usize) -> u32) -> Vec<u32> {
        match self {
            Self::All(rows) => (0..*rows).map(f).collect(),
            Self::Some(rows) => rows.iter().map(|row| f(*row as usize)).collect(),
        }
    }

    /// The rows.
    pub(super) fn to_vec(&self) -> Vec<u32> {
        self.map(|row| row as u32)
    }
}

/// Room for numbers, to be used again: fresh memory costs more than what is written into it.
#[derive(Debug, Default)]
pub(super) struct Spare(Vec<Vec<u32>>);

impl Spare {
    fn take(&mut self) -> Vec<u32> {
        self.0.pop().unwrap_or_default()
    }

    /// Takes numbers back.
    pub(super) fn put(&mut self, numbers: Numbers) {
        if let Numbers::Each(mut numbers) = numbers {
            numbers.clear();
            self.0.push(numbers);
        }
    }
}

impl Numbers {
    /// The number of the row at a place.
    #[inline]
    pub(super) fn get(&self, at: usize) -> u32 {
        match self {
            Self::One(number) => *number,
            Self::Each(numbers) => numbers.get(at).copied().unwrap_or(NOBODY),
        }
    }
}

/// Not looked up yet.
const NEW: u32 = u32::MAX;

/// The numbers of the values that a lane of a dimension takes from rows.
pub(super) fn numbers(
    keys: &mut Keys,
    dimension: usize,
    lane: Lane,
    columns: &Columns,
    rows: &Rows,
    spare: &mut Spare,
) -> Numbers {
    let Lane::Of { field, net, only } = lane else {
        return services(keys, dimension, columns, rows);
    };
    let word = |word: u128| net.map_or(word, |lengths| network(word, lengths));
    // Where it always holds there is nothing to look at.
    let only = only.filter(|truth| columns.get(*truth) != Some(&Column::Constant(1)));
    let counts = |row| only.is_none_or(|truth| columns.word(truth, row) != 0);
    match columns.get(field) {
        Some(Column::Coded { codes, values }) if only.is_none() => {
            let number = |value| keys.value(dimension, word(value));
            Numbers::Each(coded(codes, rows, values, number, spare.take()))
        }
        Some(Column::Coded { codes, values }) => {
            let mut known = vec![NEW; values.len()];
            Numbers::Each(rows.map(|row| {
                let code = codes.get(row).map_or(0, |code| *code as usize);
                if !counts(row) {
                    return NOBODY;
                }
                match known.get(code) {
                    Some(&number) if number != NEW => number,
                    _ => {
                        let value = values.get(code).copied().unwrap_or(0);
                        let number = keys.value(dimension, word(value));
                        if let Some(place) = known.get_mut(code) {
                            *place = number;
                        }
                        number
                    }
                }
            }))
        }
        Some(Column::Plain(values)) => {
            let mut last = (0, NEW);
            Numbers::Each(rows.map(|row| {
                let value = values.get(row).map_or(0, |value| *value as u128);
                if !counts(row) {
                    return NOBODY;
                }
                if last.0 != value || last.1 == NEW {
                    last = (value, keys.value(dimension, word(value)));
                }
                last.1
            }))
        }
        constant => {
            let value = constant.map_or(0, |column| column.get(0));
            match only {
                None => Numbers::One(keys.value(dimension, word(value))),
                Some(_) => Numbers::Each(rows.map(|row| match counts(row) {
                    true => keys.value(dimension, word(value)),
                    false => NOBODY,
                })),
            }
        }
    }
}

/// The numbers of coded values: of those that occur, in the order of the codes. Looking each of them up before the rows
/// are walked over leaves nothing to decide for a row.
fn coded(
    codes: &[u32],
    rows: &Rows,
    values: &[u128],
    mut number: impl FnMut(u128) -> u32,
    mut numbers: Vec<u32>,
) -> Vec<u32> {
    let mut known = vec![NOBODY; values.len()];
    let mut mark = |code: u32| {
        if let Some(place) = known.get_mut(code as usize) {
            *place = NEW;
        }
    };
    match rows {
        Rows::All(_) => codes.iter().for_each(|code| mark(*code)),
        Rows::Some(rows) => rows
            .iter()
            .filter_map(|row| codes.get(*row as usize))
            .for_each(|code| mark(*code)),
    }
    for (place, value) in known.iter_mut().zip(values) {
        if *place == NEW {
            *place = number(*value);
        }
    }
    let of = |code: &u32| known.get(*code as usize).copied().unwrap_or(NOBODY);
    match rows {
        Rows::All(_) => numbers.extend(codes.iter().map(of)),
        Rows::Some(rows) => {
            numbers.extend(rows.iter().map(|row| codes.get(*row as usize).map_or(NOBODY, of)));
        }
    }
    numbers
}

/// The ports of the sides that were contacted.
fn services(keys: &mut Keys, dimension: usize, columns: &Columns, rows: &Rows) -> Numbers {
    let is_icmp = |protocol: u128| {
        [FlowKey::ICMP, FlowKey::ICMPV6]
            .map(u128::from)
            .contains(&protocol)
    };
    let mut last = (0, NEW);
    Numbers::Each(rows.map(|row| {
        let request = columns.word(Field::Initiator, row) != 0;
        let port = if request || is_icmp(columns.word(Field::Protocol, row)) {
            Field::DstPort
        } else {
            Field::SrcPort
        };
        let word = columns.word(port, row);
        if last.0 != word || last.1 == NEW {
            last = (word, keys.value(dimension, word));
        }
        last.1
    }))
}

/// The numbers of combinations: of the dimensions before `dimension`, and of its values.
pub(super) fn combined(
    keys: &mut Keys,
    dimension: usize,
    before: Numbers,
    values: Numbers,
    spare: &mut Spare,
) -> Numbers {
    let (mut befores, values) = match (before, values) {
        (Numbers::One(before), Numbers::One(value)) => {
            return Numbers::One(keys.pair(dimension, before, value));
        }
        (Numbers::Each(befores), values) => (befores, values),
        (Numbers::One(before), values) => {
            let rows = if let Numbers::Each(values) = &values {
                values.len()
            } else {
                0
            };
            (vec![before; rows], values)
        }
    };
    // Stored rows are sorted: what comes next is mostly what came last, or what came a little before.
    let mut newest = ([NEW; 2], NOBODY);
    let mut recent = [([NEW; 2], NOBODY); RECENT];
    let mut number = |pair: [u32; 2]| {
        if newest.0 == pair {
            return newest.1;
        }
        let place =
            (pair[0].wrapping_mul(0x9e37_79b1) ^ pair[1].wrapping_mul(0x85eb_ca6b)) >> (32 - RECENT.ilog2());
        let Some(known) = recent.get_mut(place as usize) else {
            return NOBODY;
        };
        if known.0 != pair {
            *known = (pair, keys.pair(dimension, pair[0], pair[1]));
        }
        newest = *known;
        newest.1
    };
    match &values {
        Numbers::One(value) => befores
            .iter_mut()
            .for_each(|before| *before = number([*before, *value])),
        Numbers::Each(values) => befores
            .iter_mut()
            .zip(values)
            .for_each(|(before, value)| *before = number([*before, *value])),
    }
    spare.put(values);
    Numbers::Each(befores)
}

/// Combinations that are remembered, a power of two: 12 kB.
const RECENT: usize = 1 << 10;
