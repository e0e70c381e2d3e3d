//! Conversations of closed intervals, kept for comparison and bounded by a number of rows.

use crate::model::{Conversation, Interval, Timestamp};
use std::collections::VecDeque;

/// The newest closed intervals with their conversations, oldest first.
#[derive(Debug)]
pub struct Recent {
    intervals: VecDeque<(Interval, Vec<Conversation>)>,
    most_intervals: usize,
    most_rows: usize,
    rows: usize,
    given_up: u64,
}

impl Recent {
    /// Keeps at most `most_intervals`, and of them the newest that have at most `most_rows` conversations together.
    /// The newest interval is always kept.
    pub fn new(most_intervals: usize, most_rows: usize) -> Self {
        Self {
            intervals: VecDeque::new(),
            most_intervals,
            most_rows,
            rows: 0,
            given_up: 0,
        }
    }

    /// Adds the interval that just closed.
    pub fn push(&mut self, interval: Interval, rows: Vec<Conversation>) {
        self.rows += rows.len();
        self.intervals.push_back((interval, rows));
        while self.intervals.len() > 1
            && (self.intervals.len() > self.most_intervals || self.rows > self.most_rows)
        {
            let for_lack_of_room = self.intervals.len() <= self.most_intervals;
            self.given_up += u64::from(for_lack_of_room);
            self.rows -= self.intervals.pop_front().map_or(0, |(_, rows)| rows.len());
        }
    }

    /// All intervals, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (Interval, &[Conversation])> {
        self.intervals
            .iter()
            .map(|(interval, rows)| (*interval, rows.as_slice()))
    }

    /// The newest intervals that ended by `at`, newest first, at most `n`.
    pub fn before(&self, at: Timestamp, n: usize) -> impl Iterator<Item = (Interval, &[Conversation])> {
        self.iter()
            .rev()
            .filter(move |(interval, _)| interval.end <= at)
            .take(n)
    }

    /// Intervals given up before their time because there was no room.
    pub fn given_up(&self) -> u64 {
        self.given_up
    }

    /// Octets it occupies.
    pub fn memory(&self) -> usize {
        self.intervals
            .iter()
            .map(|(_, rows)| rows.capacity() * size_of::<Conversation>())
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ConversationKey, Counters, Ip, Origin, Role};
    use std::time::Duration;

    fn rows(n: usize) -> Vec<Conversation> {
        let key = ConversationKey {
            src: Ip::v4(1),
            dst: Ip::v4(2),
            port: 1,
            protocol: 6,
            role: Role::Request,
        };
        vec![
            Conversation {
                key,
                src_origin: Origin::default(),
                dst_origin: Origin::default(),
                counters: Counters::default()
            };
            n
        ]
    }

    fn minute(n: i64) -> Interval {
        Interval::holding(Timestamp::from_secs(n * 60), Duration::from_secs(60))
    }

    #[test]
    fn the_oldest_goes_first_by_number_and_by_room() {
        let mut recent = Recent::new(3, 100);
        (0..5).for_each(|n| recent.push(minute(n), rows(10)));
        assert_eq!(
            recent
                .iter()
                .map(|(i, _)| i.start.as_secs() / 60)
                .collect::<Vec<_>>(),
            [2, 3, 4]
        );
        assert_eq!(recent.given_up(), 0, "old age is no loss");
        recent.push(minute(5), rows(95));
        assert_eq!(recent.iter().count(), 1);
        assert!(recent.given_up() > 0);
        recent.push(minute(6), rows(1000));
        assert_eq!(
            recent.iter().map(|(_, r)| r.len()).collect::<Vec<_>>(),
            [1000],
            "the newest always stays"
        );
    }

    #[test]
    fn before_means_ended_by_then() {
        let mut recent = Recent::new(10, 100);
        (0..5).for_each(|n| recent.push(minute(n), rows(1)));
        let starts: Vec<i64> = recent
            .before(minute(3).start, 2)
            .map(|(i, _)| i.start.as_secs() / 60)
            .collect();
        assert_eq!(starts, [2, 1]);
    }
}
