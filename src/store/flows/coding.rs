//! Codes for values: columns as they are built, and the room they are built in.

use crate::model::{Column, Columns};
use foldhash::fast::FixedState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use std::hash::BuildHasher;

/// Numbers below this are coded by a table, not by a hash table.
const SMALL: u128 = 1 << 16;
/// Of the hash tables; what an attacker can do with it is make storing slow, and storing gives way by itself.
pub(super) const SEED: u64 = 0x7469_6465;

/// A column of what follows from something else: `codes` into `things`, of each of which `value` is so. Where it is so
/// of all alike, no row is looked at.
pub(super) fn follow<T>(codes: &[u32], things: &[T], value: impl Fn(&T) -> u128, pool: &mut Pool) -> Column {
    let mut coder = Coder::new(things.len(), pool);
    things.iter().for_each(|thing| coder.push(value(thing)));
    match coder.column(pool) {
        Column::Coded { codes: of, values } => {
            let mut followed = pool.codes();
            followed.extend(codes.iter().map(|code| of[*code as usize]));
            pool.take_codes(of);
            Column::Coded {
                codes: followed,
                values,
            }
        }
        constant => constant,
    }
}

/// Room of columns that are no longer needed, to be used again: fresh memory costs more than what is written into it.
#[derive(Debug, Default)]
pub struct Pool {
    codes: Vec<Vec<u32>>,
    numbers: Vec<Vec<i64>>,
}

impl Pool {
    /// Room for codes.
    pub fn codes(&mut self) -> Vec<u32> {
        self.codes.pop().unwrap_or_default()
    }

    /// Room for numbers.
    pub fn numbers(&mut self) -> Vec<i64> {
        self.numbers.pop().unwrap_or_default()
    }

    pub(super) fn memory(&self) -> usize {
        let codes: usize = self.codes.iter().map(Vec::capacity).sum();
        let numbers: usize = self.numbers.iter().map(Vec::capacity).sum();
        codes * size_of::<u32>() + numbers * size_of::<i64>()
    }

    pub(super) fn take_codes(&mut self, mut codes: Vec<u32>) {
        codes.clear();
        self.codes.push(codes);
    }

    /// Takes all columns of a batch back.
    pub(super) fn take_all(&mut self, columns: Columns) {
        columns.into_columns().for_each(|column| self.take(column));
    }

    pub(super) fn take(&mut self, column: Column) {
        match column {
            Column::Constant(_) => {}
            Column::Coded { codes, .. } => self.take_codes(codes),
            Column::Plain(mut numbers) => {
                numbers.clear();
                self.numbers.push(numbers);
            }
        }
    }
}

/// A column of codes; of what is alike in all rows, none is kept.
fn column(codes: Vec<u32>, values: Vec<u128>, pool: &mut Pool) -> Column {
    match values.as_slice() {
        [only] => {
            pool.take_codes(codes);
            Column::Constant(*only)
        }
        _ => Column::Coded { codes, values },
    }
}

/// Gives codes to octets, many at a time, as [`Coder`] does to any values.
pub(super) struct OctetCoder {
    codes: Vec<u32>,
    /// How many octets were given while no code was written.
    alike: usize,
    rows: usize,
    values: Vec<u128>,
    /// Codes of octets, plus 1.
    known: [u32; 256],
}

impl OctetCoder {
    pub(super) fn new(rows: usize, pool: &mut Pool) -> Self {
        Self {
            codes: pool.codes(),
            alike: 0,
            rows,
            values: Vec::new(),
            known: [0; 256],
        }
    }

    pub(super) fn add(&mut self, octets: &[u8]) {
        let Some(first) = octets.first() else { return };
        if self.values.is_empty() {
            self.values.push(u128::from(*first));
            self.known[usize::from(*first)] = 1;
        }
        if self.codes.is_empty() {
            let only = self.values[0];
            if octets.iter().all(|octet| u128::from(*octet) == only) {
                self.alike += octets.len();
                return;
            }
            self.codes.reserve(self.rows);
            self.codes.resize(self.alike, 0);
        }
        let Self { known, values, .. } = self;
        self.codes.extend(octets.iter().map(|octet| {
            let code = &mut known[usize::from(*octet)];
            if *code == 0 {
                values.push(u128::from(*octet));
                *code = values.len() as u32;
            }
            *code - 1
        }));
    }

    pub(super) fn column(self, pool: &mut Pool) -> Column {
        column(self.codes, self.values, pool)
    }
}

/// Gives codes to values in the order in which they first occur. While there is one value only, no code is written:
/// most fields never have another.
pub(super) struct Coder {
    codes: Vec<u32>,
    /// How many values were given while no code was written.
    alike: usize,
    rows: usize,
    values: Vec<u128>,
    newest: Option<(u128, u32)>,
    /// Codes of small values, plus 1.
    small: Vec<u32>,
    large: HashTable<u32>,
    hasher: FixedState,
}

impl Coder {
    pub(super) fn new(rows: usize, pool: &mut Pool) -> Self {
        Self {
            codes: pool.codes(),
            alike: 0,
            rows,
            values: Vec::new(),
            newest: None,
            small: Vec::new(),
            large: HashTable::new(),
            hasher: FixedState::with_seed(SEED),
        }
    }

    #[inline]
    pub(super) fn push(&mut self, value: u128) {
        let code = match self.newest {
            Some((newest, code)) if newest == value => code,
            _ => self.next(value),
        };
        if self.values.len() == 1 {
            self.alike += 1;
        } else {
            self.codes.push(code);
        }
    }

    /// The code of a value that is not the one before it.
    #[inline]
    pub(super) fn next(&mut self, value: u128) -> u32 {
        let code = self.look_up(value);
        self.newest = Some((value, code));
        if self.codes.is_empty() && self.values.len() == 2 {
            self.codes.reserve(self.rows);
            self.codes.resize(self.alike, 0);
        }
        code
    }

    #[inline]
    pub(super) fn look_up(&mut self, value: u128) -> u32 {
        let next = self.values.len() as u32;
        if value < SMALL {
            if self.small.len() <= value as usize {
                self.small.resize((value as usize + 1).next_power_of_two(), 0);
            }
            let code = &mut self.small[value as usize];
            if *code == 0 {
                *code = next + 1;
                self.values.push(value);
            }
            return *code - 1;
        }
        let Self {
            values,
            large,
            hasher,
            ..
        } = self;
        let hash = |value: u128| hasher.hash_one(value);
        match large.entry(
            hash(value),
            |code| values[*code as usize] == value,
            |code| hash(values[*code as usize]),
        ) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                entry.insert(next);
                values.push(value);
                next
            }
        }
    }

    /// A code for each value that was given, and the values.
    pub(super) fn parts(mut self) -> (Vec<u32>, Vec<u128>) {
        if self.codes.is_empty() {
            self.codes.resize(self.alike, 0);
        }
        (self.codes, self.values)
    }

    pub(super) fn column(self, pool: &mut Pool) -> Column {
        column(self.codes, self.values, pool)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn octets_are_coded_as_any_values_are(blocks in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(any::<u8>(), 0..40),
                (any::<bool>(), 0usize..40).prop_map(|(value, count)| vec![u8::from(value); count]),
            ],
            0..8,
        )) {
            let mut pool = Pool::default();
            let rows = blocks.iter().map(Vec::len).sum();
            let (mut any, mut octets) = (Coder::new(rows, &mut pool), OctetCoder::new(rows, &mut pool));
            for block in &blocks {
                block.iter().for_each(|octet| any.push(u128::from(*octet)));
                octets.add(block);
            }
            prop_assert_eq!(octets.column(&mut pool), any.column(&mut pool));
        }
    }
}
