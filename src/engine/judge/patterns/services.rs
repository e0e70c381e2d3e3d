//! New services: a host of ours answers on a port it never answered on before, in a network where that is rare.
//!
//! How rare it is stands under the budget. Hosts that begin to offer something come by chance at a rate that is learned,
//! by a gamma prior and their number in the newest month; the score is that of one coming in an interval. One that
//! changes all the time counts once in that month, and only its first is told: it can neither fill the account nor
//! make the others seem usual.

use super::{Judge, PATIENCE, Sign};
use crate::detect::constants as c;
use crate::model::{Conversation, Deviation, Direction, Interval, Ip, Pattern, Role, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Intervals a network must have been watched before a service in it can be new.
const WARM_UP: u32 = 30;
/// Intervals a host must be known before a service of it can be.
const KNOWN: u32 = 15;
/// Services of one host that are new at once and still told one by one; of more its scan is told, or its start.
const AT_ONCE: usize = 3;
/// After so long without an answer a service is forgotten.
const KEEP: Duration = Duration::from_secs(90 * 86_400);
const DAY: f64 = 86_400.0;

/// Host, protocol and port.
type Service = (Ip, u8, u16);

/// Services that answered, bounded.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Services {
    /// When each answered last.
    known: BTreeMap<Service, Timestamp>,
    /// Which hosts began to offer something after the network was known, and when each last did.
    changed: BTreeMap<Ip, Timestamp>,
    limit: usize,
    /// Services not remembered for lack of room.
    pub(super) given_up: u64,
}

impl Services {
    pub(super) fn limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    pub(super) fn memory(&self) -> usize {
        self.known.len() * 48 + self.changed.len() * 32
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

    /// Takes in that hosts began to offer something, in a network watched for so many days; those that did not do so
    /// before, and -ln of the chance that an interval brings one.
    fn change(&mut self, hosts: &BTreeSet<Ip>, interval: Interval, days: f64) -> (BTreeSet<Ip>, f64) {
        let at = interval.start;
        let memory = Duration::from_secs_f64(c::SERVICE_MEMORY * DAY);
        self.changed.retain(|_, newest| at.since(*newest) <= memory);
        let first: BTreeSet<Ip> = hosts
            .iter()
            .copied()
            .filter(|host| !self.changed.contains_key(host))
            .collect();
        // Of several at once the others are evidence that they are not rare.
        let others = (self.changed.len() + first.len()).saturating_sub(1) as f64;
        for host in hosts {
            if self.changed.len() < self.limit.max(16) || self.changed.contains_key(host) {
                self.changed.insert(*host, at);
            } else {
                self.given_up += 1;
            }
        }
        let (hosts, prior) = c::SERVICE_PRIOR;
        let a_day = (others + hosts) / (days.clamp(0.0, c::SERVICE_MEMORY) + prior);
        let expected = a_day * interval.length().as_secs_f64() / DAY;
        (first, -(-(-expected).exp_m1()).ln())
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
        let watched = self.started.map_or(Duration::ZERO, |start| {
            Duration::from_secs(interval.start.since(start).as_secs())
        });
        let watched = watched.max(self.config.interval * u32::try_from(self.learned).unwrap_or(u32::MAX));
        if watched < self.config.interval * WARM_UP {
            return;
        }
        for (rule, _) in &rules {
            if let Some(account) = self.accounts.get_mut(*rule) {
                account.test(1, self.thresholds.service);
            }
        }
        // A host that is new itself offers everything for the first time.
        rows.retain(|row| self.hosts.known_for(row.key.dst, interval.start) >= self.config.interval * KNOWN);
        if rows.is_empty() {
            return;
        }
        let hosts: BTreeSet<Ip> = rows.iter().map(|row| row.key.dst).collect();
        let days = watched.as_secs_f64() / DAY;
        let (first, score) = self.patterns.learned.services.change(&hosts, interval, days);
        let few = rows.len() <= AT_ONCE;
        let passes = few && score >= self.thresholds.service;
        for row in rows.iter().filter(|row| passes && first.contains(&row.key.dst)) {
            let flows = f64::from(row.counters.flows.max(1));
            let sign = service_sign(self.row_of(row.key), flows, score, interval);
            self.show(&sign, interval.end);
        }
    }
}

fn service_sign(row: Conversation, flows: f64, score: f64, interval: Interval) -> Sign {
    Sign {
        pattern: Pattern::NewService,
        row,
        deviation: Deviation {
            observed: flows,
            score,
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
    use crate::detect::{Budget, Channel};

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

    /// In a network watched for `days`, whether hosts that begin to offer something are worth an alarm, at one a day
    /// over everything; none for those that are not told.
    fn alarms(services: &mut Services, hosts: &[u32], days: i64) -> Option<bool> {
        let hosts = hosts.iter().map(|&host| Ip::v4(host)).collect();
        let interval = Interval::holding(Timestamp::from_secs(days * 86_400), Duration::from_secs(60));
        let (first, score) = services.change(&hosts, interval, days as f64);
        let threshold = Budget::default().threshold(Channel::Service, 1.0, 1440.0);
        (!first.is_empty()).then_some(score >= threshold)
    }

    #[test]
    fn a_host_that_offers_something_new_is_told_as_often_as_the_budget_allows() {
        let mut services = book(1000);
        assert_eq!(alarms(&mut services, &[1], 0), Some(true));
        assert_eq!(alarms(&mut services, &[2], 1), Some(false), "one a day");
        assert_eq!(
            alarms(&mut services, &[3, 4, 9], 50),
            Some(false),
            "three at once"
        );
        assert_eq!(alarms(&mut services, &[5], 100), Some(true));
        assert_eq!(alarms(&mut services, &[6], 120), Some(true), "one in twenty days");
    }

    #[test]
    fn a_host_that_changes_all_the_time_is_told_once_and_hides_nobody_else() {
        let mut services = book(1000);
        assert_eq!(alarms(&mut services, &[1], 20), Some(true));
        for day in 21..60 {
            assert_eq!(alarms(&mut services, &[1], day), None, "day {day}");
        }
        assert_eq!(alarms(&mut services, &[2], 60), Some(true));
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
