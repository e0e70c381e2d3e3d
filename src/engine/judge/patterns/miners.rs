//! Miners: hosts of ours that work for a pool. A miner keeps one connection to its pool, is sent small jobs and sends
//! small shares, for hours. In packets its first line gives it away (the stratum protocol, JSON in the clear); in flow export
//! and inside TLS only the shape is seen: a lasting connection with few, small messages both ways, to a port that pools
//! use, or to a service nobody else of ours knows.

use super::{Judge, PATIENCE, Sign};
use crate::model::{
    Conversation, ConversationKey, Counters, Deviation, Direction, FlowKey, Interval, Ip, Pattern, Role,
    Timestamp, units,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Ports that pools offer, sorted.
const POOLS: [u16; 20] = [
    1314, 3032, 3333, 3334, 3355, 3357, 4444, 5555, 5556, 6666, 7777, 8008, 9999, 14_433, 14_444, 17_777,
    20_535, 45_560, 45_700, 55_555,
];
/// Ports of services that clients keep a quiet connection to for good reasons, sorted: shells, mail, messages, calls, directories,
/// sensors, tunnels, and the web, where they wait for news.
const KEPT: [u16; 30] = [
    22, 23, 25, 80, 143, 179, 389, 443, 636, 853, 989, 990, 993, 995, 1194, 1723, 1883, 3306, 3389, 5060,
    5061, 5222, 5223, 5228, 5269, 5432, 5900, 8080, 8443, 8883,
];
/// Most packets one side of a miner's connection sends in a minute.
const PACKETS: f64 = 120.0;
/// Most octets of such a packet on average.
const SMALL: f64 = 600.0;
/// Intervals such a connection lasts before it is called a miner's: to a port of pools, and to any other.
const LONG: [u32; 2] = [10, 30];
/// The score of the protocol itself: chance has no part in it.
const SAID: f64 = 50.0;

/// Client, server and port.
type Ends = (Ip, Ip, u16);

/// A connection that may be a miner's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Lasting {
    since: Timestamp,
    /// End of the newest interval in which it was so.
    last: Timestamp,
    intervals: u32,
    /// Flows that began in them.
    flows: u32,
}

/// Connections that may be miners', bounded.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Miners {
    lasting: BTreeMap<Ends, Lasting>,
    /// Who was heard to speak stratum with whom, with the time it was first heard.
    said: BTreeMap<Ends, Timestamp>,
    limit: usize,
    /// Connections not followed for lack of room.
    pub(super) given_up: u64,
}

impl Miners {
    pub(super) fn limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    pub(super) fn memory(&self) -> usize {
        self.lasting.len() * 96 + self.said.len() * 64
    }

    fn say(&mut self, ends: Ends, at: Timestamp) {
        if self.said.len() >= self.limit.max(16) && !self.said.contains_key(&ends) {
            self.given_up += 1;
            return;
        }
        let first = self.said.entry(ends).or_insert(at);
        *first = (*first).min(at);
    }

    /// A connection was small both ways in an interval; how long it has been so.
    fn go_on(&mut self, ends: Ends, flows: u32, interval: Interval) -> Option<Lasting> {
        if self.lasting.len() >= self.limit.max(16) && !self.lasting.contains_key(&ends) {
            self.given_up += 1;
            return None;
        }
        let lasting = self.lasting.entry(ends).or_insert(Lasting {
            since: interval.start,
            last: interval.end,
            intervals: 0,
            flows: 0,
        });
        lasting.last = interval.end;
        lasting.intervals += 1;
        lasting.flows = lasting.flows.saturating_add(flows);
        Some(*lasting)
    }

    /// Forgets connections that were not so in the newest interval.
    fn forget(&mut self, interval: Interval) {
        self.lasting.retain(|_, lasting| lasting.last >= interval.end);
    }
}

impl Lasting {
    /// Whether it has the shape of a miner's connection to `port`; `rare` says that hardly any other host of ours uses the
    /// service.
    fn is_mining(&self, port: u16, rare: bool) -> bool {
        if POOLS.binary_search(&port).is_ok() {
            // An exporter tells a flow of every active time-out.
            return self.intervals >= LONG[0] && self.flows <= self.intervals;
        }
        let one = self.flows <= 1 + self.intervals / LONG[1];
        KEPT.binary_search(&port).is_err() && rare && one && self.intervals >= LONG[1]
    }
}

/// Whether one side sent few and small packets in a stretch of so many minutes.
fn is_small(side: &Counters, minutes: f64) -> bool {
    let packets = side.packets as f64;
    (1.0..=PACKETS * minutes).contains(&packets) && side.bytes as f64 <= SMALL * packets
}

impl Judge {
    /// A client and a server were heard to speak stratum.
    pub(in crate::engine::judge) fn hear_stratum(&mut self, ends: Ends, at: Timestamp, until: Timestamp) {
        if !self.origins.is_internal(ends.0) {
            return;
        }
        self.patterns.learned.miners.say(ends, at);
        let row = self.row_of(key(ends));
        let lasting = Lasting {
            since: at,
            last: until,
            intervals: 0,
            flows: 1,
        };
        let sign = mining_sign(row, 1.0, &lasting, true);
        self.show(&sign, until);
    }

    pub(super) fn close_miners(&mut self, interval: Interval) {
        if !self.plan.has(Pattern::Mining) {
            return;
        }
        let minutes = interval.length().as_secs_f64() / 60.0;
        let outward = |row: &&Conversation| {
            row.key.protocol == FlowKey::TCP
                && row.key.role == Role::Request
                && row.src_origin.internal
                && !row.dst_origin.internal
                && is_small(&row.counters, minutes)
        };
        let mut both: Vec<(ConversationKey, Counters, u64)> = Vec::new();
        for row in self.table.rows().iter().filter(outward) {
            let back = self.table.find(&row.key.reversed()).map(|back| back.counters);
            if let Some(back) = back.filter(|back| is_small(back, minutes)) {
                both.push((row.key, row.counters, row.counters.packets + back.packets));
            }
        }
        both.sort_unstable_by_key(|(key, ..)| *key);
        for (rule, _) in self.plan.patterns(Pattern::Mining) {
            if let Some(account) = self.accounts.get_mut(rule) {
                account.test(both.len() as u64, f64::INFINITY);
            }
        }
        for (key, counters, packets) in both {
            let ends = (key.src, key.dst, key.port);
            let Some(lasting) = self.patterns.learned.miners.go_on(ends, counters.flows, interval) else {
                continue;
            };
            let said = self.patterns.learned.miners.said.contains_key(&ends);
            if said || lasting.is_mining(key.port, !self.is_popular(key.dst)) {
                let sign = mining_sign(self.row_of(key), packets as f64, &lasting, said);
                self.show(&sign, interval.end);
            }
        }
        self.patterns.learned.miners.forget(interval);
    }
}

fn key((src, dst, port): Ends) -> ConversationKey {
    ConversationKey {
        src,
        dst,
        port,
        protocol: FlowKey::TCP,
        role: Role::Request,
    }
}

fn mining_sign(row: Conversation, packets: f64, lasting: &Lasting, said: bool) -> Sign {
    let length = units::duration(lasting.last.since(lasting.since));
    let detail = if said {
        "they speak stratum, the protocol of mining pools".to_owned()
    } else if POOLS.binary_search(&row.key.port).is_ok() {
        format!("one connection for {length}, small messages both ways, on a port that mining pools use")
    } else {
        format!(
            "one connection for {length}, small messages both ways, to a service hardly anybody else here uses"
        )
    };
    Sign {
        pattern: Pattern::Mining,
        row,
        deviation: Deviation {
            observed: packets,
            score: SAID,
            ..Deviation::default()
        },
        direction: Direction::New,
        passes: true,
        since: lasting.since,
        patience: PATIENCE,
        detail,
        unit: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn minute(n: i64) -> Interval {
        Interval::holding(Timestamp::from_secs(n * 60), Duration::from_secs(60))
    }

    #[test]
    fn the_lists_of_ports_can_be_searched() {
        assert!(POOLS.is_sorted() && KEPT.is_sorted());
        assert!(POOLS.iter().all(|port| !KEPT.contains(port)));
    }

    /// After how many minutes a connection is called a miner's, that begins `flows` flows every minute.
    fn called(port: u16, rare: bool, flows: u32) -> Option<i64> {
        let mut miners = Miners::default();
        let ends = (Ip::v4(1), Ip::v4(2), port);
        (1..=100).find(|&n| {
            let lasting = miners
                .go_on(ends, if n == 1 { 1 } else { flows }, minute(n))
                .unwrap();
            miners.forget(minute(n));
            lasting.is_mining(port, rare)
        })
    }

    #[test]
    fn a_lasting_quiet_connection_is_mining_sooner_on_a_port_of_pools() {
        assert_eq!(called(3333, false, 0), Some(10));
        assert_eq!(called(3333, false, 1), Some(10), "export tells a flow a minute");
        assert_eq!(called(31_000, true, 0), Some(30));
        assert_eq!(called(31_000, false, 0), None, "many use it");
        assert_eq!(called(31_000, true, 1), None, "it is a new connection each time");
        assert_eq!(called(443, true, 0), None, "browsers do the same");
        assert_eq!(called(3333, true, 3), None);
    }

    #[test]
    fn a_pause_begins_the_count_anew_and_room_is_bounded() {
        let mut miners = Miners::default();
        miners.limit(16);
        let ends = |n| (Ip::v4(n), Ip::v4(2), 3333);
        miners.go_on(ends(1), 1, minute(1));
        miners.forget(minute(2));
        assert_eq!(miners.go_on(ends(1), 1, minute(3)).unwrap().intervals, 1);
        (0..40).for_each(|n| _ = miners.go_on(ends(n), 1, minute(3)));
        (0..40).for_each(|n| miners.say(ends(n), Timestamp::from_secs(9)));
        assert_eq!(
            (miners.lasting.len(), miners.said.len(), miners.given_up),
            (16, 16, 48)
        );
    }

    #[test]
    fn small_means_few_packets_and_short_ones() {
        let side = |packets, bytes| Counters {
            packets,
            bytes,
            ..Counters::default()
        };
        assert!(is_small(&side(10, 2000), 1.0));
        assert!(!is_small(&side(0, 0), 1.0), "the other side is silent");
        assert!(!is_small(&side(500, 30_000), 1.0) && is_small(&side(500, 30_000), 5.0));
        assert!(!is_small(&side(10, 14_000), 1.0));
    }
}
