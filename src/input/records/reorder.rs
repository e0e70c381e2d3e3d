//! Records in the order of their arrival, as far as bounded room allows: files list flows as they ended, or as they
//! were written, and the clock of event time must not run ahead of what is still to come.

use super::Recorded;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Records that wait for earlier ones.
pub(super) struct Reorder {
    /// By arrival and by order of coming, with the place among `kept`.
    order: BinaryHeap<Reverse<(i64, u64, u32)>>,
    kept: Vec<Option<Recorded>>,
    free: Vec<u32>,
    came: u64,
    limit: usize,
}

impl Reorder {
    /// Room for `limit` records.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            order: BinaryHeap::new(),
            kept: Vec::new(),
            free: Vec::new(),
            came: 0,
            limit,
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.order.len() >= self.limit
    }

    pub(super) fn push(&mut self, record: Recorded) {
        let at = record.received.as_nanos();
        let slot = self.free.pop().unwrap_or(self.kept.len() as u32);
        match self.kept.get_mut(slot as usize) {
            Some(place) => *place = Some(record),
            None => self.kept.push(Some(record)),
        }
        self.order.push(Reverse((at, self.came, slot)));
        self.came += 1;
    }

    /// The earliest.
    pub(super) fn pop(&mut self) -> Option<Recorded> {
        let Reverse((_, _, slot)) = self.order.pop()?;
        self.free.push(slot);
        self.kept.get_mut(slot as usize)?.take()
    }
}
