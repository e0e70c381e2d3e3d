//! Roll-up: what conversations grew by, added to every entity they belong to. Many conversations at once: nearly all
//! of the cost is waiting for rows to come from memory, and the rows of a batch come at the same time.

use super::{Hit, Judge, scanning};
use crate::aggregate::{Added, Conversations, EntityKey};
use crate::model::{Conversation, Counters};
use std::hint::black_box;
use std::ops::Range;

/// Conversations rolled up at once.
const BATCH: usize = 32;

/// What a conversation of the table grew by.
#[derive(Clone, Copy, Debug)]
struct Grown {
    id: u32,
    /// It is new in this interval.
    first: bool,
    counters: Counters,
}

/// An entity that a new conversation belongs to, while its row is looked for.
#[derive(Clone, Copy, Debug)]
struct Sought {
    /// The conversation.
    id: u32,
    /// Which of the keys of its batch it has.
    key: u32,
    /// Where it probably is.
    guess: u32,
    view: u16,
}

/// No row.
const NOWHERE: u32 = u32::MAX;

/// What is kept between batches, so that nothing is allocated anew.
#[derive(Debug, Default)]
pub(super) struct Batch {
    grown: Vec<Grown>,
    sought: Vec<Sought>,
    /// Keys with their hashes: views of the same dimensions share them, and tables of the same seed the hashes.
    keys: Vec<(u64, EntityKey)>,
}

impl Judge {
    /// Adds what the conversations of a tick grew by to the interval and to every entity they belong to.
    pub(super) fn roll_up(&mut self, tick: &mut Conversations) {
        let mut batch = std::mem::take(&mut self.batch);
        if self.table.adopt(tick) {
            for from in (0..self.table.rows().len()).step_by(BATCH) {
                batch.grown.clear();
                let rows = self.table.rows().iter().enumerate().skip(from).take(BATCH);
                batch.grown.extend(rows.map(|(id, row)| Grown {
                    id: id as u32,
                    first: true,
                    counters: row.counters,
                }));
                self.roll_up_batch(&mut batch);
            }
        } else {
            for rows in tick.rows().chunks(BATCH) {
                self.merge(rows, &mut batch.grown);
                self.roll_up_batch(&mut batch);
            }
            tick.clear();
        }
        self.batch = batch;
    }

    /// Merges conversations into the interval's table.
    fn merge(&mut self, rows: &[Conversation], grown: &mut Vec<Grown>) {
        let mut hashes = [0; BATCH];
        for (hash, row) in hashes.iter_mut().zip(rows) {
            *hash = self.table.hash(&row.key);
        }
        let guess = |&hash: &u64| self.table.guess(hash).unwrap_or(u32::MAX);
        let guesses: [u32; BATCH] = std::array::from_fn(|i| hashes.get(i).map_or(u32::MAX, guess));
        black_box(guesses.iter().fold(0, |sum, &row| sum ^ self.table.touch(row)));
        grown.clear();
        for (&hash, row) in hashes.iter().zip(rows) {
            let (id, first) = match self.table.merge(hash, row) {
                Added::New(id) => (id, true),
                Added::Known(id) => (id, false),
                Added::Refused => continue,
            };
            let counters = row.counters;
            grown.push(Grown { id, first, counters });
        }
    }

    fn roll_up_batch(&mut self, batch: &mut Batch) {
        self.place(batch);
        for grown in &batch.grown {
            self.stats.conversations += u64::from(grown.first);
            self.add_to_entities(grown);
        }
    }

    /// Finds the entities of all of the interval's conversations anew, and adds nothing to them.
    pub(super) fn place_all(&mut self) {
        self.hits.clear();
        self.first_hit.clear();
        let mut batch = std::mem::take(&mut self.batch);
        for id in 0..self.table.rows().len() {
            batch.grown.clear();
            batch.grown.push(Grown {
                id: id as u32,
                first: true,
                counters: Counters::default(),
            });
            self.place(&mut batch);
        }
        self.batch = batch;
    }

    /// Finds the entities of the conversations that are new in this interval.
    fn place(&mut self, batch: &mut Batch) {
        batch.sought.clear();
        batch.keys.clear();
        let Batch { grown, sought, keys } = batch;
        for grown in grown.iter().filter(|grown| grown.first) {
            self.seek(grown.id, sought, keys);
        }
        self.fetch(batch);
        let mut sought = batch.sought.iter().peekable();
        for grown in batch.grown.iter().filter(|grown| grown.first) {
            self.first_hit.push(self.hits.len() as u32);
            while let Some(entity) = sought.next_if(|entity| entity.id == grown.id) {
                self.settle(entity, &batch.keys);
            }
        }
    }

    /// Finds out which entities a conversation that is new in this interval belongs to.
    fn seek(&mut self, id: u32, sought: &mut Vec<Sought>, keys: &mut Vec<(u64, EntityKey)>) {
        let Some(row) = self.table.get(id) else { return };
        let plans = self.plan.views.get(..self.plan.tables).unwrap_or_default();
        let passing = self.memo.passing(plans, row);
        for family in &self.plan.families {
            let mut bits = family.views & passing;
            let mut others = family.others.iter().copied();
            let mut next = || {
                if bits != 0 {
                    let view = bits.trailing_zeros();
                    bits &= bits - 1;
                    return Some(view as usize);
                }
                others.find(|&view| plans.get(view).is_some_and(|plan| plan.passes(row)))
            };
            let Some(first) = next() else { continue };
            let (Some(state), Some(plan)) = (self.views.get(first), plans.get(first)) else {
                continue;
            };
            let known = keys.len() as u32;
            let ends = plan.grouping.keys(row).into_iter().flatten();
            keys.extend(ends.map(|key| (state.entities.hash(&key), key)));
            let found = known..keys.len() as u32;
            for view in std::iter::once(first).chain(std::iter::from_fn(next)) {
                sought.extend(found.clone().map(|key| Sought {
                    id,
                    key,
                    guess: NOWHERE,
                    view: view as u16,
                }));
            }
        }
    }

    /// Has the rows that a batch is about come from memory, all at the same time.
    fn fetch(&self, batch: &mut Batch) {
        for entity in &mut batch.sought {
            let view = self.views.get(usize::from(entity.view));
            let guess = view
                .zip(batch.keys.get(entity.key as usize))
                .and_then(|(view, (hash, _))| view.entities.guess(*hash));
            entity.guess = guess.unwrap_or(NOWHERE);
        }
        let touch = |view: u16, slot: u32| {
            let view = self.views.get(usize::from(view));
            view.map_or(0, |view| view.entities.touch(slot))
        };
        let new = batch.sought.iter().map(|entity| touch(entity.view, entity.guess));
        let known = batch.grown.iter().filter(|grown| !grown.first);
        let known = known
            .flat_map(|grown| self.hits_of(grown.id))
            .map(|hit| touch(hit.view, hit.slot));
        black_box(new.chain(known).fold(0, |sum, near| sum ^ near));
    }

    /// Notes the row of an entity as one of its conversation's.
    #[inline]
    fn settle(&mut self, entity: &Sought, keys: &[(u64, EntityKey)]) {
        let (Some(view), Some((hash, key))) = (
            self.views.get_mut(usize::from(entity.view)),
            keys.get(entity.key as usize),
        ) else {
            return;
        };
        let slot = if view.entities.is_at(entity.guess, key) {
            Some(entity.guess)
        } else {
            view.entities.slot_of(*hash, key)
        };
        if let Some(slot) = slot {
            let view = entity.view;
            self.hits.push(Hit { slot, view });
        }
    }

    /// The entities of a conversation of the present interval.
    fn hits_of(&self, id: u32) -> &[Hit] {
        self.hits.get(self.range_of(id)).unwrap_or_default()
    }

    /// Where the hits of a conversation lie.
    fn range_of(&self, id: u32) -> Range<usize> {
        let bound = |id: usize| self.first_hit.get(id).map_or(self.hits.len(), |&at| at as usize);
        bound(id as usize)..bound(id as usize + 1)
    }

    fn add_to_entities(&mut self, grown: &Grown) {
        let Some(row) = self.table.get(grown.id) else {
            return;
        };
        let hits = self.hits.get(self.range_of(grown.id));
        let contact = grown.counters.failed + grown.counters.answered > 0;
        for hit in hits.unwrap_or_default() {
            let view = usize::from(hit.view);
            let (Some(state), Some(plan)) = (self.views.get_mut(view), self.plan.views.get(view)) else {
                continue;
            };
            let Some(entity) = state.entities.add(hit.slot, row, &grown.counters, grown.first) else {
                continue;
            };
            if contact && !plan.scans.is_empty() {
                scanning::tell(entity, row, &grown.counters);
            }
        }
    }
}
