//! Flow Records in time: each is spread over the intervals between its start and end, so that an active time-out never
//! looks like a spike. Within an interval a long record is spread over the ticks too; one that is no longer than a
//! tick is put where it ends, whole: a row less to look for.
//!
//! A record comes after what it tells of. So ticks stay open for a while behind the newest arrival, a table of
//! conversations each, and leave in order. What lies before the oldest open tick is late: it is counted and changes
//! nothing.

use crate::aggregate::Conversations;
use crate::model::{ConversationKey, Counters, Origin, Timestamp, passed};
use std::collections::VecDeque;
use std::hint::black_box;
use std::time::Duration;

/// Growth whose rows are looked for at once.
const BATCH: usize = 32;

/// What one Flow Record adds, before it is spread.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    /// First packet.
    pub(super) start: Timestamp,
    /// Last packet, not before `start`.
    pub(super) end: Timestamp,
    /// Packets and octets are spread; flows count where they begin, outcomes where they end.
    pub(super) counters: Counters,
}

/// Growth on its way into the ticks.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    key: ConversationKey,
    hash: u64,
    counters: Counters,
    /// Nanoseconds, not after the newest open tick.
    start: i64,
    end: i64,
}

/// Ticks that are still open, oldest first. See the module's documentation.
#[derive(Debug)]
pub(super) struct Spread {
    tick: i64,
    interval: i64,
    seed: u64,
    /// Conversations per tick.
    limit: usize,
    /// Start of the oldest open tick, nanoseconds; meaningless while none is open.
    oldest: i64,
    open: VecDeque<Conversations>,
    /// Growth that waits to be added, so that the rows of many come from memory at the same time.
    queue: Vec<Arrival>,
    /// Emptied tables, to be used again.
    spare: Vec<Conversations>,
    /// Octets that came too late for their ticks.
    late_bytes: u64,
}

impl Spread {
    /// No tick is open; each will hold at most `limit` conversations.
    pub(super) fn new(tick: Duration, interval: Duration, limit: usize, seed: u64) -> Self {
        let nanos = |length: Duration| i64::try_from(length.as_nanos()).unwrap_or(i64::MAX).max(1);
        Self {
            tick: nanos(tick),
            interval: nanos(interval),
            seed,
            limit,
            oldest: 0,
            open: VecDeque::new(),
            queue: Vec::new(),
            spare: Vec::new(),
            late_bytes: 0,
        }
    }

    /// Opens the ticks from `oldest` to the one that holds `newest`, as far as they are not open.
    pub(super) fn open(&mut self, oldest: Timestamp, newest: Timestamp) {
        if self.open.is_empty() {
            self.oldest = oldest.as_nanos().div_euclid(self.tick) * self.tick;
        }
        while self.end() <= newest.as_nanos() {
            let table = self.spare.pop();
            self.open
                .push_back(table.unwrap_or_else(|| Conversations::new(self.limit, self.seed)));
        }
    }

    /// Takes in what a record counted. It is spread by the next [`Spread::settle`].
    #[inline]
    pub(super) fn add(&mut self, key: &ConversationKey, stretch: Stretch) {
        // Nothing happens after it was told: an end beyond the newest tick is in the newest tick.
        let newest = (self.end() - 1).max(self.oldest);
        let start = stretch.start.as_nanos().min(newest);
        let end = stretch.end.as_nanos().clamp(start, newest);
        let in_one =
            end - start <= self.tick && start.div_euclid(self.interval) == end.div_euclid(self.interval);
        self.queue.push(Arrival {
            key: *key,
            hash: self.open.front().map_or(0, |table| table.hash(key)),
            counters: stretch.counters,
            start: if in_one { end } else { start },
            end,
        });
    }

    /// Whether so much was taken in that it is worth spreading.
    pub(super) fn has_batch(&self) -> bool {
        self.queue.len() >= BATCH
    }

    /// Spreads what was taken in over the open ticks. `origins` is asked for new conversations only.
    pub(super) fn settle(&mut self, origins: impl Fn(&ConversationKey) -> (Origin, Origin)) {
        let queue = std::mem::take(&mut self.queue);
        for batch in queue.chunks(BATCH) {
            black_box(
                batch
                    .iter()
                    .fold(0, |sum, arrival| sum ^ self.touch_index(arrival)),
            );
            black_box(batch.iter().fold(0, |sum, arrival| sum ^ self.touch(arrival)));
            for arrival in batch {
                self.place(arrival, || origins(&arrival.key));
            }
        }
        self.queue = queue;
        self.queue.clear();
    }

    /// Looks at where the rows of growth will be looked for.
    #[inline]
    fn touch_index(&self, arrival: &Arrival) -> u64 {
        self.table_at(arrival.end)
            .map_or(0, |table| table.touch_index(arrival.hash))
    }

    /// Looks at the rows that growth will probably be added to: they come while other rows are looked at.
    #[inline]
    fn touch(&self, arrival: &Arrival) -> u64 {
        let near = |at: i64| {
            let table = self.table_at(at)?;
            Some(table.touch(table.guess(arrival.hash)?))
        };
        let end = near(arrival.end).unwrap_or(0);
        if arrival.start == arrival.end {
            return end;
        }
        end ^ near(arrival.start).unwrap_or(0)
    }

    /// The open tick that holds an instant.
    #[inline]
    fn table_at(&self, at: i64) -> Option<&Conversations> {
        let slot = usize::try_from((at - self.oldest).div_euclid(self.tick)).ok()?;
        self.open.get(slot)
    }

    #[inline]
    fn place(&mut self, arrival: &Arrival, origins: impl Fn() -> (Origin, Origin)) {
        let first = (arrival.start - self.oldest).div_euclid(self.tick);
        let last = (arrival.end - self.oldest).div_euclid(self.tick);
        if first == last && first >= 0 {
            if let Some(table) = self.open.get_mut(first as usize) {
                table.add_hashed(arrival.hash, &arrival.key, &arrival.counters, origins);
            }
            return;
        }
        self.place_long(arrival, origins);
    }

    /// Spreads over several ticks, some of which may have left.
    fn place_long(&mut self, arrival: &Arrival, origins: impl Fn() -> (Origin, Origin)) {
        let &Arrival {
            start,
            end,
            counters: whole,
            ..
        } = arrival;
        let told = Share::until(&whole, start, end, self.oldest);
        self.late_bytes += told.bytes;
        if end < self.oldest {
            return;
        }
        let from = (start.max(self.oldest) - self.oldest) / self.tick;
        let to = (end - self.oldest) / self.tick;
        let mut before = told;
        for slot in from..=to {
            let until = self.oldest + (slot + 1) * self.tick;
            let share = Share::until(&whole, start, end, until);
            let mut part = Counters {
                bytes: share.bytes - before.bytes,
                packets: share.packets - before.packets,
                sampled: share.sampled - before.sampled,
                ..Counters::default()
            };
            if slot == from {
                // A flow that began before its oldest open tick is counted there: it is going on.
                part.flows = whole.flows;
            }
            if slot == to {
                part.syn_only = whole.syn_only;
                part.failed = whole.failed;
                part.answered = whole.answered;
                part.unsolicited = whole.unsolicited;
            }
            before = share;
            if let Some(table) = self.open.get_mut(slot as usize)
                && part != Counters::default()
            {
                table.add_hashed(arrival.hash, &arrival.key, &part, &origins);
            }
        }
    }

    /// Takes out the oldest tick if it ends at or before `until`: its end and its conversations.
    pub(super) fn take(&mut self, until: Timestamp) -> Option<(Timestamp, Conversations)> {
        let end = self.oldest + self.tick;
        if end > until.as_nanos() {
            return None;
        }
        let mut table = self.open.pop_front()?;
        self.oldest = end;
        let rows = table.hand_over();
        self.spare.push(table);
        Some((Timestamp::from_nanos(end), rows))
    }

    /// End of the oldest open tick, the next to leave.
    pub(super) fn next(&self) -> Option<Timestamp> {
        (!self.open.is_empty()).then(|| Timestamp::from_nanos(self.oldest + self.tick))
    }

    /// Whether a record that begins at `start` is late: in part, or as a whole.
    #[inline]
    pub(super) fn is_late(&self, start: Timestamp) -> bool {
        start.as_nanos() < self.oldest
    }

    /// Octets that came too late and are in no interval.
    pub(super) fn late_bytes(&self) -> u64 {
        self.late_bytes
    }

    /// Conversations folded into their networks, and refused, for lack of room.
    pub(super) fn given_up(&self) -> (u64, u64) {
        let tables = self.open.iter().chain(&self.spare);
        tables.fold((0, 0), |(folded, refused), table| {
            (folded + table.folded(), refused + table.refused())
        })
    }

    /// Octets it occupies.
    pub(super) fn memory(&self) -> usize {
        self.open
            .iter()
            .chain(&self.spare)
            .map(Conversations::memory)
            .sum()
    }

    /// End of the newest open tick.
    fn end(&self) -> i64 {
        self.oldest + self.open.len() as i64 * self.tick
    }
}

/// How much of a record has passed by some instant.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    bytes: u64,
    packets: u64,
    sampled: u32,
}

impl Share {
    fn until(whole: &Counters, start: i64, end: i64, instant: i64) -> Self {
        let part = |amount: u64| passed(amount, start, end, instant);
        Self {
            bytes: part(whole.bytes),
            packets: part(whole.packets),
            sampled: part(u64::from(whole.sampled)) as u32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Ip, Role};
    use proptest::prelude::*;

    fn key() -> ConversationKey {
        ConversationKey {
            src: Ip::v4(1),
            dst: Ip::v4(2),
            port: 443,
            protocol: 6,
            role: Role::Request,
        }
    }

    fn stretch(start: i64, end: i64, bytes: u64, packets: u64) -> Stretch {
        Stretch {
            start: Timestamp::from_nanos(start),
            end: Timestamp::from_nanos(end),
            counters: Counters {
                bytes,
                packets,
                flows: 1,
                answered: 1,
                ..Counters::default()
            },
        }
    }

    fn seconds(n: i64) -> Timestamp {
        Timestamp::from_secs(n)
    }

    fn drained(spread: &mut Spread) -> Vec<(i64, u64, u64, u32)> {
        std::iter::from_fn(|| spread.take(Timestamp::MAX))
            .flat_map(|(end, rows)| {
                rows.rows().to_vec().into_iter().map(move |row| {
                    let c = row.counters;
                    (end.as_secs(), c.bytes, c.packets, c.flows)
                })
            })
            .collect()
    }

    fn spread() -> Spread {
        let mut spread = Spread::new(Duration::from_secs(10), Duration::from_secs(60), 100, 1);
        spread.open(seconds(1000), seconds(1059));
        spread
    }

    #[test]
    fn a_minute_long_flow_is_a_sixth_in_each_tick() {
        let mut spread = spread();
        let record = stretch(1_000_000_000_000, 1_060_000_000_000 - 1, 6_000, 60);
        spread.add(&key(), record);
        spread.settle(|_| Default::default());
        let parts = drained(&mut spread);
        let bytes: Vec<u64> = parts.iter().map(|p| p.1).collect();
        assert_eq!(bytes, [1000; 6]);
        assert_eq!(
            parts.iter().map(|p| p.3).sum::<u32>(),
            1,
            "one flow, where it begins"
        );
    }

    #[test]
    fn what_lies_before_the_oldest_open_tick_is_late_and_counted() {
        let mut spread = spread();
        let record = stretch(980_000_000_000, 1_020_000_000_000, 4_000, 4);
        spread.add(&key(), record);
        spread.settle(|_| Default::default());
        assert_eq!(spread.late_bytes(), 2_000);
        assert_eq!(drained(&mut spread).iter().map(|p| p.1).sum::<u64>(), 2_000);
        let gone = stretch(900_000_000_000, 910_000_000_000, 50, 1);
        spread.open(seconds(1000), seconds(1059));
        spread.add(&key(), gone);
        spread.settle(|_| Default::default());
        assert_eq!(spread.late_bytes(), 2_050);
        assert!(spread.is_late(seconds(980)) && !spread.is_late(seconds(1000)));
    }

    #[test]
    fn a_flow_that_ends_in_the_future_ends_now() {
        let mut spread = spread();
        let record = stretch(1_055_000_000_000, 2_000_000_000_000, 700, 7);
        spread.add(&key(), record);
        spread.settle(|_| Default::default());
        assert_eq!(drained(&mut spread), [(1060, 700, 7, 1)]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_but_what_is_counted_late(
            records in prop::collection::vec((900_000_000_000i64..1_100_000_000_000, 0i64..200_000_000_000, 0u64..1 << 40, 0u64..1 << 30), 1..40),
        ) {
            let mut spread = spread();
            let mut bytes = 0;
            for (start, length, octets, packets) in records {
                spread.add(&key(), stretch(start, start + length, octets, packets));
                spread.settle(|_| Default::default());
                bytes += octets;
            }
            let late = spread.late_bytes();
            let kept: u64 = drained(&mut spread).iter().map(|p| p.1).sum();
            prop_assert_eq!(kept + late, bytes);
        }
    }
}
