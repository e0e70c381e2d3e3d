//! New services: a host of ours answers on a port it never answered on before. Only where that is rare: after a time to
//! learn, on a host that is known, in a network whose services hardly change.

use super::{Judge, PATIENCE, Sign};
use crate::model::{Conversation, Deviation, Direction, Interval, Ip, Pattern, Role, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Intervals a network must have been watched before a service in it can be new.
const WARM_UP: u32 = 30;
/// Intervals a host must be known before a service of it can be.
const KNOWN: u32 = 15;
/// How far back new services count when it is asked whether they are rare.
const MEMORY: Duration = Duration::from_secs(7 * 86_400);
/// One new service among so many known ones within that time is nothing to speak of.
const CHURN: usize = 100;
/// After so long without an answer a service is forgotten.
const KEEP: Duration = Duration::from_secs(90 * 86_400);

/// Host, protocol and port.
type Service = (Ip, u8, u16);

/// Services that answered, bounded.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Services {
    /// When each answered last.
    known: BTreeMap<Service, Timestamp>,
    /// When new ones came after the network was known.
    new: VecDeque<Timestamp>,
    limit: usize,
    /// Services not remembered for lack of room.
    pub(super) given_up: u64,
}

impl Services {
    pub(super) fn limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    pub(super) fn memory(&self) -> usize {
        self.known.len() * 48 + self.new.len() * 8
    }

    /// A service answered; whether for the first time. What there is no room for is never new.
    fn answer(&mut self, service: Service, at: Timestamp) -> bool {
        if let Some(newest) = self.known.get_mut(&service) {
            *newest = at;
            return false;
        }
        if self.known.len() >= self.limit.max(16) {
            self.given_up += 1;
            return false;
        }
        self.known.insert(service, at);
        true
    }

    /// Takes in that new services came; whether that is rare.
    fn are_rare(&mut self, count: usize, at: Timestamp) -> bool {
        while self.new.front().is_some_and(|&old| at.since(old) > MEMORY) {
            self.new.pop_front();
        }
        let before = self.new.len();
        let room = self.limit.max(16).saturating_sub(before);
        self.new.extend(std::iter::repeat_n(at, count.min(room)));
        before + count <= 1 + self.known.len() / CHURN
    }

    fn forget(&mut self, at: Timestamp) {
        self.known.retain(|_, newest| at.since(*newest) < KEEP);
    }
}

impl Judge {
    pub(super) fn close_services(&mut self, interval: Interval) {
        let rules: Vec<_> = self.plan.patterns(Pattern::NewService).collect();
        if rules.is_empty() {
            return;
        }
        let passes = |row: &Conversation| {
            let views = rules.iter().filter_map(|(_, view)| self.plan.views.get(*view));
            views.into_iter().any(|view| view.passes(row))
        };
        let answered = |row: &&Conversation| {
            row.key.role == Role::Request
                && row.dst_origin.internal
                && row.counters.answered > 0
                && !row.key.dst.is_special()
                && passes(row)
        };
        let rows = self.table.rows().iter().filter(answered);
        let mut rows: Vec<Conversation> = rows.copied().collect();
        rows.sort_unstable_by_key(|row| row.key);
        let services = &mut self.patterns.learned.services;
        rows.retain(|row| services.answer((row.key.dst, row.key.protocol, row.key.port), interval.end));
        if interval.start.as_secs().rem_euclid(86_400) < interval.length().as_secs() as i64 {
            services.forget(interval.end);
        }
        let old = self.config.interval * WARM_UP;
        let watched = self
            .started
            .is_some_and(|start| interval.start.since(start) >= old);
        if !watched && self.learned < u64::from(WARM_UP) {
            return;
        }
        // A host that is new itself offers everything for the first time.
        rows.retain(|row| self.hosts.known_for(row.key.dst, interval.start) >= self.config.interval * KNOWN);
        if rows.is_empty()
            || !self
                .patterns
                .learned
                .services
                .are_rare(rows.len(), interval.start)
        {
            return;
        }
        for row in rows {
            let sign = service_sign(
                self.row_of(row.key),
                f64::from(row.counters.flows.max(1)),
                interval,
            );
            self.show(&sign, interval.end);
        }
    }
}

fn service_sign(row: Conversation, flows: f64, interval: Interval) -> Sign {
    Sign {
        pattern: Pattern::NewService,
        row,
        deviation: Deviation {
            observed: flows,
            ..Deviation::default()
        },
        direction: Direction::New,
        passes: true,
        since: interval.start,
        patience: PATIENCE,
        detail: "it never answered there before".to_owned(),
        unit: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(limit: usize) -> Services {
        Services {
            limit,
            ..Services::default()
        }
    }

    #[test]
    fn a_service_is_new_once_and_room_is_bounded() {
        let mut services = book(20);
        let at = Timestamp::from_secs(60);
        assert!(services.answer((Ip::v4(1), 6, 22), at));
        assert!(!services.answer((Ip::v4(1), 6, 22), at));
        assert!(services.answer((Ip::v4(1), 6, 23), at));
        let new = (0..50)
            .filter(|&n| services.answer((Ip::v4(2), 17, n), at))
            .count();
        assert_eq!((new, services.given_up), (18, 32));
    }

    #[test]
    fn new_services_are_rare_once_a_week_or_one_in_a_hundred() {
        let mut services = book(1000);
        let day = |n: i64| Timestamp::from_secs(n * 86_400);
        assert!(services.are_rare(1, day(0)));
        assert!(!services.are_rare(1, day(1)));
        assert!(!services.are_rare(2, day(9)), "two at once");
        assert!(services.are_rare(1, day(20)));
        (0..300).for_each(|n| _ = services.answer((Ip::v4(3), 6, n), day(20)));
        assert!(services.are_rare(1, day(21)));
    }

    #[test]
    fn what_is_silent_for_a_quarter_is_forgotten() {
        let mut services = book(10);
        services.answer((Ip::v4(1), 6, 22), Timestamp::from_secs(0));
        services.forget(Timestamp::from_secs(80 * 86_400));
        assert!(!services.answer((Ip::v4(1), 6, 22), Timestamp::from_secs(80 * 86_400)));
        services.forget(Timestamp::from_secs(171 * 86_400));
        assert!(services.answer((Ip::v4(1), 6, 22), Timestamp::from_secs(171 * 86_400)));
    }
}
