//! Event time on this side of the seam: which tick it is, and which instants to doubt.

use crate::model::Timestamp;
use std::time::Duration;

/// A step ahead larger than this must be confirmed by a second packet: one broken time stamp must not close every
/// interval before it.
const LEAP: Duration = Duration::from_secs(3600);

/// What an instant means to the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// It lies in the present tick, or before.
    Inside,
    /// It lies beyond: call [`Clock::next_tick`] until it says no more.
    Crossed,
    /// It lies so far beyond that it is not believed yet.
    Doubtful,
}

/// Ticks aligned to the epoch.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    tick: Duration,
    /// End of the present tick; none before the first instant.
    end: Option<Timestamp>,
    newest: Timestamp,
    doubt: Option<Timestamp>,
    doubted: u64,
}

impl Clock {
    pub(super) fn new(tick: Duration) -> Self {
        Self {
            tick,
            end: None,
            newest: Timestamp::MIN,
            doubt: None,
            doubted: 0,
        }
    }

    #[inline]
    pub(super) fn see(&mut self, at: Timestamp) -> Seen {
        match self.end {
            Some(end) if at < end => {
                self.newest = self.newest.max(at);
                Seen::Inside
            }
            _ => self.beyond(at),
        }
    }

    #[cold]
    fn beyond(&mut self, at: Timestamp) -> Seen {
        let Some(end) = self.end else {
            self.newest = at;
            self.end = Some(at.floor(self.tick) + self.tick);
            return Seen::Inside;
        };
        let confirmed = self
            .doubt
            .is_some_and(|doubt| at.since(doubt) <= LEAP && doubt.since(at) <= LEAP);
        if at.since(end) > LEAP && !confirmed {
            self.doubt = Some(at);
            self.doubted += 1;
            return Seen::Doubtful;
        }
        if confirmed {
            self.doubted = self.doubted.saturating_sub(1);
        }
        self.doubt = None;
        self.newest = at;
        Seen::Crossed
    }

    /// The end of the present tick if `at` lies beyond it; then the next tick is the present one.
    pub(super) fn next_tick(&mut self, at: Timestamp) -> Option<Timestamp> {
        let end = self.end.filter(|&end| end <= at)?;
        self.end = Some(end + self.tick);
        (end + self.tick > end).then_some(end)
    }

    /// Makes the tick that holds `at` the present one: nothing happens in between.
    pub(super) fn skip_to(&mut self, at: Timestamp) {
        self.end = self.end.map(|end| end.max(at.floor(self.tick) + self.tick));
    }

    /// The end of the present tick, when there is one.
    pub(super) fn end(&self) -> Option<Timestamp> {
        self.end
    }

    /// The newest instant that was believed.
    pub(super) fn newest(&self) -> Timestamp {
        self.newest
    }

    /// How many instants were doubted and not confirmed.
    pub(super) fn doubted(&self) -> u64 {
        self.doubted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock_at(seconds: i64) -> Clock {
        let mut clock = Clock::new(Duration::from_secs(10));
        clock.see(Timestamp::from_secs(seconds));
        clock
    }

    fn ticks(clock: &mut Clock, to: i64) -> Vec<i64> {
        std::iter::from_fn(|| clock.next_tick(Timestamp::from_secs(to)))
            .map(Timestamp::as_secs)
            .collect()
    }

    #[test]
    fn every_tick_between_ends_once() {
        let mut clock = clock_at(1003);
        assert_eq!(clock.see(Timestamp::from_secs(1031)), Seen::Crossed);
        assert_eq!(ticks(&mut clock, 1031), [1010, 1020, 1030]);
        assert_eq!(clock.see(Timestamp::from_secs(1039)), Seen::Inside);
    }

    #[test]
    fn one_leap_is_doubted_and_two_are_believed() {
        let mut clock = clock_at(1000);
        let far = Timestamp::from_secs(4_000_000_000);
        assert_eq!(clock.see(far), Seen::Doubtful);
        assert_eq!(clock.see(Timestamp::from_secs(1001)), Seen::Inside);
        assert_eq!(clock.doubted(), 1);
        assert_eq!(clock.see(far + Duration::from_secs(1)), Seen::Crossed);
        assert_eq!(
            ticks(&mut clock, 1005),
            Vec::<i64>::new(),
            "not beyond the present tick yet"
        );
        assert_eq!(clock.doubted(), 0);
    }

    #[test]
    fn skipping_leaves_no_ticks_between() {
        let mut clock = clock_at(1000);
        clock.skip_to(Timestamp::from_secs(50_000));
        assert_eq!(ticks(&mut clock, 50_011), [50_010]);
    }

    #[test]
    fn the_end_of_time_ends() {
        let mut clock = Clock::new(Duration::from_secs(10));
        clock.see(Timestamp::MAX);
        assert_eq!(clock.next_tick(Timestamp::MAX), None);
    }
}
