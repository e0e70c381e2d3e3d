//! What is known of single hosts: when they were first seen, what they are called, what they asked the DNS for.

use crate::meter::Hearing;
use crate::model::{Conversation, FlowKey, HostProfile, Ip, Peer, Role, Timestamp};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most names kept of one address: a few say what it is, thousands are a content network.
const NAMES: usize = 8;
/// Most lines of each list in a profile.
const LINES: usize = 12;

/// Something heard of a host and when it was first heard.
type Heard = Vec<(Timestamp, Box<str>)>;

/// The book of hosts, bounded.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Hosts {
    #[serde(with = "sorted")]
    first_seen: HashMap<Ip, Timestamp, foldhash::fast::FixedState>,
    names: BTreeMap<Ip, Heard>,
    questions: BTreeMap<Ip, Heard>,
    most: usize,
    most_questions: usize,
    /// Pieces given up because a list was full.
    pub(super) given_up: u64,
}

impl Hosts {
    pub(super) fn new(most: usize, most_questions: usize) -> Self {
        Self {
            most,
            most_questions,
            ..Self::default()
        }
    }

    /// Takes over limits from a new configuration.
    pub(super) fn limit(&mut self, most: usize, most_questions: usize) {
        (self.most, self.most_questions) = (most, most_questions);
    }

    /// Notes that an internal host took part in traffic; whether that is the first time.
    pub(super) fn meet(&mut self, host: Ip, at: Timestamp) -> bool {
        if self.first_seen.contains_key(&host) {
            return false;
        }
        // Ten times as many are remembered as are profiled: an address and a time take little.
        if self.first_seen.len() >= self.most.saturating_mul(10) {
            self.given_up += 1;
            return false;
        }
        self.first_seen.insert(host, at);
        true
    }

    /// For how long a host has been known at `at`.
    pub(super) fn known_for(&self, host: Ip, at: Timestamp) -> std::time::Duration {
        self.first_seen
            .get(&host)
            .map_or(std::time::Duration::ZERO, |first| at.since(*first))
    }

    /// How many internal hosts were met.
    pub(super) fn known(&self) -> usize {
        self.first_seen.len()
    }

    pub(super) fn hear(&mut self, hearing: Hearing) {
        let (lists, host, name, at, most, newest) = match hearing {
            Hearing::Name { address, name, at } => (&mut self.names, address, name, at, NAMES, false),
            Hearing::Question { client, name, at } => {
                (&mut self.questions, client, name, at, self.most_questions, true)
            }
            Hearing::Stratum { .. } => return,
        };
        if !lists.contains_key(&host) && lists.len() >= self.most {
            self.given_up += 1;
            return;
        }
        let list = lists.entry(host).or_default();
        match list.iter_mut().find(|(_, known)| *known == name) {
            Some((first, _)) => *first = (*first).min(at),
            None => list.push((at, name)),
        }
        if list.len() > most {
            list.sort();
            // Questions: the newest are of interest. Names: the first stay.
            list.remove(if newest { 0 } else { most });
            self.given_up += 1;
        }
    }

    /// What an address is called: the name heard first.
    pub(super) fn name(&self, host: Ip) -> Option<String> {
        self.names
            .get(&host)?
            .iter()
            .min()
            .map(|(_, name)| name.to_string())
    }

    /// Everything an address is called.
    pub(super) fn names(&self, host: Ip) -> Vec<String> {
        let known = self.names.get(&host).into_iter().flatten();
        known.map(|(_, name)| name.to_string()).collect()
    }

    /// At most `limit` internal hosts whose address or first name holds `search`, in order of address.
    pub(super) fn search(&self, search: &str, limit: usize) -> Vec<(Ip, Timestamp, Option<String>)> {
        let names = |host: Ip| self.names.get(&host).into_iter().flatten().map(|(_, name)| name);
        let holds = |host: Ip| {
            search.is_empty()
                || host.to_string().contains(search)
                || names(host).any(|name| name.to_lowercase().contains(search))
        };
        let mut found: Vec<(Ip, Timestamp)> = self.first_seen.iter().map(|(ip, at)| (*ip, *at)).collect();
        found.sort_unstable();
        let found = found.into_iter().filter(|(host, _)| holds(*host)).take(limit);
        found.map(|(host, at)| (host, at, self.name(host))).collect()
    }

    /// The profiles of hosts, from what is remembered of them and one pass over the conversations given.
    pub(super) fn profiles<'a>(
        &self,
        hosts: impl IntoIterator<Item = Ip>,
        rows: impl Iterator<Item = &'a Conversation>,
    ) -> BTreeMap<Ip, HostProfile> {
        let state = foldhash::fast::FixedState::default();
        let mut seen: HashMap<Ip, Seen, _> = HashMap::with_hasher(state);
        hosts
            .into_iter()
            .for_each(|host| _ = seen.insert(host, Seen::default()));
        if seen.is_empty() {
            return BTreeMap::new();
        }
        for row in rows {
            if let Some(seen) = seen.get_mut(&row.key.src) {
                seen.add_sent(row);
            }
            if let Some(seen) = seen.get_mut(&row.key.dst) {
                seen.add_received(row);
            }
        }
        seen.into_iter()
            .map(|(host, seen)| (host, self.profile(host, seen)))
            .collect()
    }

    fn profile(&self, host: Ip, seen: Seen) -> HostProfile {
        let list = |lists: &BTreeMap<Ip, Heard>, newest: bool| {
            let mut heard = lists.get(&host).cloned().unwrap_or_default();
            heard.sort();
            if newest {
                heard.reverse();
            }
            heard.into_iter().map(|(_, name)| name.into_string()).collect()
        };
        let services = |map| {
            most(map)
                .into_iter()
                .map(|(service, _)| service_text(service))
                .collect()
        };
        let peers = most(seen.peers).into_iter();
        HostProfile {
            address: host,
            first_seen: self.first_seen.get(&host).copied().unwrap_or(Timestamp::MIN),
            names: list(&self.names, false),
            services: services(seen.services),
            uses: services(seen.uses),
            peers: peers
                .map(|(address, bytes)| Peer {
                    address,
                    name: self.name(address),
                    bytes,
                })
                .collect(),
            questions: list(&self.questions, true),
        }
    }

    /// Octets it takes, about.
    pub(super) fn memory(&self) -> usize {
        let lists = |lists: &BTreeMap<Ip, Heard>| {
            lists
                .values()
                .map(|l| 64 + l.iter().map(|(_, n)| 24 + n.len()).sum::<usize>())
                .sum::<usize>()
        };
        self.first_seen.len() * 40 + lists(&self.names) + lists(&self.questions)
    }
}

/// A hash map written in the order of its keys, so that the same book gives the same octets.
mod sorted {
    use super::{HashMap, Ip, Timestamp};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    type Map = HashMap<Ip, Timestamp, foldhash::fast::FixedState>;

    pub(super) fn serialize<S: Serializer>(map: &Map, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list: Vec<_> = map.iter().map(|(ip, at)| (*ip, *at)).collect();
        list.sort_unstable();
        list.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Map, D::Error> {
        Ok(Vec::<(Ip, Timestamp)>::deserialize(deserializer)?
            .into_iter()
            .collect())
    }
}

/// Services and peers of one host, by octets.
#[derive(Default)]
struct Seen {
    services: BTreeMap<(u8, u16), u64>,
    uses: BTreeMap<(u8, u16), u64>,
    peers: BTreeMap<Ip, u64>,
}

impl Seen {
    /// A conversation the host is the source of. Offered is what it answered, used is what it asked for in vain of
    /// nobody.
    fn add_sent(&mut self, row: &Conversation) {
        let (key, bytes) = (&row.key, row.counters.bytes);
        *self.peers.entry(key.dst).or_default() += bytes;
        let service = (key.protocol, key.port);
        match key.role {
            Role::Reply if row.counters.unsolicited == 0 => {
                *self.services.entry(service).or_default() += bytes
            }
            Role::Request if row.counters.failed == 0 => *self.uses.entry(service).or_default() += bytes,
            _ => {}
        }
    }

    /// A conversation the host is the destination of.
    fn add_received(&mut self, row: &Conversation) {
        *self.peers.entry(row.key.src).or_default() += row.counters.bytes;
    }
}

/// The entries with the most octets, largest first.
fn most<K: Ord + Copy>(map: BTreeMap<K, u64>) -> Vec<(K, u64)> {
    let mut list: Vec<(K, u64)> = map.into_iter().collect();
    list.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    list.truncate(LINES);
    list
}

fn service_text((protocol, port): (u8, u16)) -> String {
    match protocol {
        FlowKey::TCP => format!("tcp/{port}"),
        FlowKey::UDP => format!("udp/{port}"),
        FlowKey::SCTP => format!("sctp/{port}"),
        FlowKey::ICMP | FlowKey::ICMPV6 => format!("icmp/{}.{}", port >> 8, port & 255),
        other => format!("protocol {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ConversationKey, Counters, Origin};

    fn ask(client: u32, name: &str, at: i64) -> Hearing {
        Hearing::Question {
            client: Ip::v4(client),
            name: name.into(),
            at: Timestamp::from_secs(at),
        }
    }

    #[test]
    fn a_host_is_new_once() {
        let mut hosts = Hosts::new(10, 3);
        assert!(hosts.meet(Ip::v4(1), Timestamp::from_secs(1)));
        assert!(!hosts.meet(Ip::v4(1), Timestamp::from_secs(2)));
        assert_eq!(hosts.known(), 1);
    }

    #[test]
    fn the_newest_questions_stay_and_the_rest_is_counted() {
        let mut hosts = Hosts::new(10, 3);
        for (n, name) in ["a", "b", "c", "d", "e"].into_iter().enumerate() {
            hosts.hear(ask(1, name, n as i64));
        }
        assert_eq!(
            hosts.profiles([Ip::v4(1)], [].iter())[&Ip::v4(1)].questions,
            ["e", "d", "c"]
        );
        assert_eq!(hosts.given_up, 2);
    }

    #[test]
    fn the_name_heard_first_stands_whatever_the_order_of_hearing() {
        let name = |name: &str, at| Hearing::Name {
            address: Ip::v4(9),
            name: name.into(),
            at: Timestamp::from_secs(at),
        };
        for order in [[("a", 5), ("b", 3)], [("b", 3), ("a", 5)]] {
            let mut hosts = Hosts::new(10, 3);
            order.into_iter().for_each(|(n, at)| hosts.hear(name(n, at)));
            assert_eq!(hosts.name(Ip::v4(9)).as_deref(), Some("b"));
        }
    }

    #[test]
    fn a_profile_says_what_a_host_offers_uses_and_whom_it_meets() {
        let row = |src, dst, port, role, bytes| Conversation {
            key: ConversationKey {
                src: Ip::v4(src),
                dst: Ip::v4(dst),
                port,
                protocol: 6,
                role,
            },
            src_origin: Origin::default(),
            dst_origin: Origin::default(),
            counters: Counters {
                bytes,
                ..Counters::default()
            },
        };
        let rows = [
            row(1, 2, 3333, Role::Request, 10),
            row(2, 1, 3333, Role::Reply, 500),
            row(1, 3, 22, Role::Reply, 7),
            row(4, 5, 80, Role::Request, 1000),
        ];
        let mut profiles = Hosts::new(10, 3).profiles([Ip::v4(1)], rows.iter());
        let profile = profiles.remove(&Ip::v4(1)).unwrap();
        assert_eq!(
            (profile.services, profile.uses),
            (vec!["tcp/22".to_owned()], vec!["tcp/3333".to_owned()])
        );
        let peers: Vec<_> = profile
            .peers
            .iter()
            .map(|p| (p.address.as_v4().unwrap(), p.bytes))
            .collect();
        assert_eq!(peers, [(2, 510), (3, 7)]);
    }
}
