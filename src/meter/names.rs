//! What passing packets say of names: DNS answers and TLS server names give hosts their names, DNS questions say what
//! a host is after.

use crate::model::{FlowKey, Ip, Timestamp};
use crate::wire::{Packet, dns, stratum, tls};
use hashbrown::HashSet;
use serde::{Deserialize, Serialize};
use std::hash::BuildHasher;

/// DNS (RFC 1035), multicast DNS (RFC 6762) and LLMNR (RFC 4795).
const DNS: [u16; 3] = [53, 5353, 5355];

/// Something that was heard of a host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Hearing {
    /// `address` goes by `name`.
    Name {
        /// Whose name it is.
        address: Ip,
        /// Lower case, no trailing dot.
        name: Box<str>,
        /// When it was first heard.
        at: Timestamp,
    },
    /// `client` works for the mining pool at `server`, or `server` for `client`.
    Stratum {
        /// Who made the contact.
        client: Ip,
        /// Who was contacted.
        server: Ip,
        /// On which port of TCP.
        port: u16,
        /// When it was first heard.
        at: Timestamp,
    },
    /// `client` asked for `name`.
    Question {
        /// Who asked.
        client: Ip,
        /// Lower case, no trailing dot.
        name: Box<str>,
        /// When it was first heard.
        at: Timestamp,
    },
}

/// Listens to DNS and TLS and passes on each piece once.
#[derive(Debug)]
pub struct Names {
    known: HashSet<u64, foldhash::fast::FixedState>,
    state: foldhash::fast::FixedState,
    heard: Vec<Hearing>,
    limit: usize,
    dropped: u64,
    name: dns::Name,
}

impl Names {
    /// Remembers at most `limit` pieces so as not to repeat them, and holds at most as many between two calls of
    /// [`Names::take`].
    pub fn new(limit: usize, seed: u64) -> Self {
        let state = foldhash::fast::FixedState::with_seed(seed);
        Self {
            known: HashSet::with_hasher(state.clone()),
            state,
            heard: Vec::new(),
            limit,
            dropped: 0,
            name: dns::Name::new(),
        }
    }

    /// Looks at one packet.
    #[inline(always)]
    pub fn observe(&mut self, at: Timestamp, packet: &Packet<'_>) {
        if speaks_of_names(packet) {
            // A copy, so that the packet itself can stay in registers.
            self.listen(at, packet.key, packet.payload);
        }
    }

    #[inline(never)]
    fn listen(&mut self, at: Timestamp, key: FlowKey, payload: &[u8]) {
        let key = &key;
        match (key.protocol, payload) {
            (FlowKey::UDP, [_, ..]) if is_dns(key) => {
                if let Some(message) = dns::parse(payload) {
                    self.message(at, key, &message);
                }
            }
            // A DNS message over TCP, or a TLS handshake record with a ClientHello in it.
            (FlowKey::TCP, [_, _, ..]) if key.src_port == 53 || key.dst_port == 53 => {
                if let Some(message) = dns::parse_tcp(payload) {
                    self.message(at, key, &message);
                }
            }
            (FlowKey::TCP, [b'{', ..]) => self.stratum(at, key, payload),
            (FlowKey::TCP, [0x16, 3, _, _, _, 1, ..]) => {
                if let Some(name) = tls::server_name(payload) {
                    self.name_of(at, key.dst, name);
                }
            }
            _ => {}
        }
    }

    fn message(&mut self, at: Timestamp, key: &FlowKey, message: &dns::Message<'_>) {
        let mut name = std::mem::take(&mut self.name);
        message.name(&mut name);
        if !message.is_response() {
            self.question(at, key.src, name.as_str());
        } else if DNS.contains(&key.src_port) {
            for address in message.answers() {
                self.name_of(at, address, name.as_str());
            }
        }
        self.name = name;
    }

    fn name_of(&mut self, at: Timestamp, address: Ip, name: &str) {
        if !name.is_empty() && !address.is_special() && self.is_news((0u8, address, name)) {
            self.heard.push(Hearing::Name {
                address,
                name: name.into(),
                at,
            });
        }
    }

    fn question(&mut self, at: Timestamp, client: Ip, name: &str) {
        if !name.is_empty() && self.is_news((1u8, client, name)) {
            self.heard.push(Hearing::Question {
                client,
                name: name.into(),
                at,
            });
        }
    }

    fn stratum(&mut self, at: Timestamp, key: &FlowKey, payload: &[u8]) {
        let Some(side) = stratum::speaker(payload) else {
            return;
        };
        let (client, server, port) = match side {
            stratum::Side::Miner => (key.src, key.dst, key.dst_port),
            stratum::Side::Pool => (key.dst, key.src, key.src_port),
        };
        if self.is_news((2u8, client, &format!("{server} {port}"))) {
            self.heard.push(Hearing::Stratum {
                client,
                server,
                port,
                at,
            });
        }
    }

    fn is_news(&mut self, piece: (u8, Ip, &str)) -> bool {
        let hash = self.state.hash_one(piece);
        if self.known.contains(&hash) {
            return false;
        }
        if self.heard.len() >= self.limit {
            self.dropped += 1;
            return false;
        }
        if self.known.len() >= self.limit {
            // Repeating a piece is harmless; forgetting all at once needs no order among them.
            self.known.clear();
        }
        self.known.insert(hash)
    }

    /// What was heard since the last call.
    pub fn take(&mut self) -> Vec<Hearing> {
        std::mem::take(&mut self.heard)
    }

    /// Pieces that were not passed on because too many came between two calls of [`Names::take`].
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

/// Whether a packet may say something of names; nearly none does.
#[inline(always)]
fn speaks_of_names(packet: &Packet<'_>) -> bool {
    let (key, first) = (&packet.key, packet.payload.first());
    match (key.protocol, first) {
        (_, None) => false,
        (FlowKey::TCP, Some(first)) => {
            matches!(first, b'{' | 0x16) || key.src_port == 53 || key.dst_port == 53
        }
        (FlowKey::UDP, Some(_)) => is_dns(key),
        _ => false,
    }
}

#[inline]
fn is_dns(key: &FlowKey) -> bool {
    DNS.contains(&key.src_port) || DNS.contains(&key.dst_port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TcpFlags;
    use crate::wire::Fragment;

    /// A query for `pool.example`, and with `answer` its A record 192.0.2.7.
    fn dns_message(answer: bool) -> Vec<u8> {
        let mut octets = vec![
            0,
            1,
            if answer { 0x81 } else { 1 },
            0,
            0,
            1,
            0,
            u8::from(answer),
            0,
            0,
            0,
            0,
        ];
        octets.extend(b"\x04pool\x07example\0\0\x01\0\x01");
        if answer {
            octets.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7]);
        }
        octets
    }

    fn hear(names: &mut Names, from_server: bool, payload: &[u8]) {
        let ask = FlowKey {
            src: Ip::v4(1),
            dst: Ip::v4(2),
            src_port: 40000,
            dst_port: 53,
            protocol: FlowKey::UDP,
        };
        let key = if from_server { ask.reversed() } else { ask };
        let packet = Packet {
            key,
            bytes: 60,
            tcp_flags: TcpFlags(0),
            fragment: Fragment::None,
            vlan: 0,
            payload,
        };
        names.observe(Timestamp::from_secs(5), &packet);
    }

    #[test]
    fn a_question_and_its_answer_are_heard_once() {
        let mut names = Names::new(100, 1);
        for _ in 0..3 {
            hear(&mut names, false, &dns_message(false));
            hear(&mut names, true, &dns_message(true));
        }
        let at = Timestamp::from_secs(5);
        assert_eq!(
            names.take(),
            [
                Hearing::Question {
                    client: Ip::v4(1),
                    name: "pool.example".into(),
                    at
                },
                Hearing::Name {
                    address: Ip::from_v4_octets([192, 0, 2, 7]),
                    name: "pool.example".into(),
                    at
                },
            ]
        );
    }

    #[test]
    fn an_answer_that_does_not_come_from_a_name_server_names_nobody() {
        let mut names = Names::new(100, 1);
        hear(&mut names, false, &dns_message(true));
        assert_eq!(names.take(), []);
    }

    #[test]
    fn more_than_the_limit_is_dropped_and_counted() {
        let mut names = Names::new(1, 1);
        hear(&mut names, false, &dns_message(false));
        hear(&mut names, true, &dns_message(true));
        assert_eq!((names.take().len(), names.dropped()), (1, 1));
    }
}
