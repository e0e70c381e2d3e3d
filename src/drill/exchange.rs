//! One exchange between two endpoints, played frame by frame: a TCP connection or a sequence of datagrams.

use super::frame::{self, Transport};
use super::network;
use super::payload::Data;
use super::rng::{mix, unit};
use super::tcp::Tcp;
use crate::model::Ip;

/// Nanoseconds: instants since the epoch, and spans.
pub(super) type Nanos = i64;
/// A microsecond, the resolution of captures.
pub(super) const MICRO: Nanos = 1_000;
/// A millisecond.
pub(super) const MILLI: Nanos = 1_000 * MICRO;
/// A second.
pub(super) const SECOND: Nanos = 1_000 * MILLI;
/// A minute.
pub(super) const MINUTE: Nanos = 60 * SECOND;

/// An address and a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// Address.
    pub ip: Ip,
    /// TCP or UDP port; the identifier of ICMP echoes.
    pub port: u16,
}

/// Shorthand for an endpoint.
pub(super) const fn at(ip: Ip, port: u16) -> Endpoint {
    Endpoint { ip, port }
}

/// One datagram or message of a [`Play::Datagrams`].
#[derive(Clone, Debug)]
pub(super) struct Datagram {
    /// Who sends it.
    pub by_client: bool,
    /// Time since the one before, beyond what the way takes.
    pub wait: Nanos,
    /// Octets of payload.
    pub length: u32,
    /// What it carries.
    pub data: Data,
}

impl Datagram {
    /// A message of exactly these octets.
    pub(super) fn of(by_client: bool, wait: Nanos, octets: Vec<u8>) -> Self {
        Self {
            by_client,
            wait,
            length: octets.len() as u32,
            data: Data::Head(octets.into_boxed_slice()),
        }
    }

    /// A message of `length` octets nobody can read.
    pub(super) fn opaque(by_client: bool, wait: Nanos, length: u32) -> Self {
        Self {
            by_client,
            wait,
            length,
            data: Data::Filler,
        }
    }
}

/// What is exchanged.
#[derive(Clone, Debug)]
pub(super) enum Play {
    /// A connection.
    Tcp(Tcp),
    /// UDP datagrams.
    Datagrams(Vec<Datagram>),
    /// ICMP echoes: how often, how far apart, and whether they are answered.
    Echo {
        count: u16,
        every: Nanos,
        answered: bool,
    },
    /// One ARP question.
    Arp,
    /// One neighbour solicitation (RFC 4861 section 4.3) to the group of the server's address.
    Neighbour,
    /// One ICMP "port unreachable" to the client.
    Unreachable,
}

/// Two endpoints, what they exchange, and how far they have come.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    pub client: Endpoint,
    pub server: Endpoint,
    play: Play,
    /// Frames played so far.
    played: usize,
    pace: Pace,
}

/// How long the way between the two takes, seen from our edge where the capture is made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    client_near: bool,
    server_near: bool,
    /// There and back to the far side.
    round_trip: Nanos,
    noise: u64,
}

impl Pace {
    fn new(client: Ip, server: Ip, seed: u64) -> Self {
        let ours = network::ours();
        let near = |ip| ours.iter().any(|prefix| prefix.contains(ip));
        let (client_near, server_near) = (near(client), near(server));
        let far = if server_near { client } else { server };
        Self {
            client_near,
            server_near,
            round_trip: 6 * MILLI + (mix(far.bits() as u64 >> 6) % 70) as Nanos * MILLI,
            noise: seed,
        }
    }

    /// A number from `low` to `high`.
    fn between(&mut self, low: Nanos, high: Nanos) -> Nanos {
        self.noise = mix(self.noise);
        let wait = low + (unit(self.noise) * (high - low) as f64) as Nanos;
        // Coarser than the clock of a capture, which nobody misses and compression likes.
        wait / (20 * MICRO) * (20 * MICRO)
    }

    /// Time from a frame of the other side passing here to the answer of this side passing here.
    pub(super) fn answer(&mut self, by_client: bool) -> Nanos {
        let near = if by_client {
            self.client_near
        } else {
            self.server_near
        };
        if near {
            self.between(60 * MICRO, 300 * MICRO)
        } else {
            self.between(self.round_trip, self.round_trip + self.round_trip / 16)
        }
    }

    /// Time between two segments of one side.
    pub(super) fn next_segment(&mut self) -> Nanos {
        self.between(20 * MICRO, 180 * MICRO)
    }
}

impl Exchange {
    /// An exchange about to begin; `seed` gives it its small delays.
    pub(super) fn new(client: Endpoint, server: Endpoint, play: Play, seed: u64) -> Self {
        Self {
            client,
            server,
            play,
            played: 0,
            pace: Pace::new(client.ip, server.ip, seed),
        }
    }

    /// Who sends the next frame: the client?
    pub(super) fn client_is_next(&self) -> bool {
        match &self.play {
            Play::Tcp(tcp) => tcp.client_is_next(),
            Play::Datagrams(all) => all.get(self.played).is_none_or(|one| one.by_client),
            Play::Echo { answered, .. } => !answered || self.played.is_multiple_of(2),
            Play::Arp | Play::Neighbour => true,
            Play::Unreachable => false,
        }
    }

    /// Lets every SYN go unanswered from here on, and whatever else was under way with it.
    pub(super) fn fall_silent(&mut self) {
        if let Play::Tcp(tcp) = &mut self.play {
            tcp.fall_silent();
        }
    }

    /// Writes the next frame into `out`; returns its length on the wire and the time to the one after, if any.
    pub(super) fn play(&mut self, out: &mut Vec<u8>, snap: usize) -> (u32, Option<Nanos>) {
        let ways = [(self.server.ip, self.client.ip), (self.client.ip, self.server.ip)];
        let by_client = self.client_is_next();
        let way = ways[usize::from(by_client)];
        let played = self.played;
        self.played += 1;
        match &mut self.play {
            Play::Tcp(tcp) => {
                let (segment, wait) = tcp.step(&mut self.pace);
                let (from, to) = ports(self.client, self.server, by_client);
                let header = Transport::Tcp {
                    from,
                    to,
                    sequence: segment.sequence,
                    acknowledged: segment.acknowledged,
                    flags: segment.flags,
                };
                let length = segment.count as usize;
                let wire = frame::write(out, snap, way, &header, length, |out, wanted| {
                    tcp.payload(&segment, out, wanted);
                });
                (wire, wait)
            }
            Play::Datagrams(all) => {
                let Some(one) = all.get(played) else {
                    return (0, None);
                };
                let (from, to) = ports(self.client, self.server, by_client);
                let length = one.length as usize;
                let wire = frame::write(
                    out,
                    snap,
                    way,
                    &Transport::Udp { from, to },
                    length,
                    |out, wanted| {
                        one.data.write(out, 0, wanted, length);
                    },
                );
                let wait = all.get(played + 1).map(|next| {
                    next.wait
                        + if next.by_client == by_client {
                            0
                        } else {
                            self.pace.answer(next.by_client)
                        }
                });
                (wire, wait)
            }
            &mut Play::Echo {
                count,
                every,
                answered,
            } => {
                let asks = !answered || played.is_multiple_of(2);
                let turn = if answered { played / 2 } else { played } as u16;
                let wire = echo(out, snap, way, self.client.port, turn, asks);
                let more = turn + 1 < count || asks && answered;
                let wait = if asks && answered {
                    self.pace.answer(false)
                } else {
                    every
                };
                (wire, more.then_some(wait))
            }
            Play::Arp => (frame::write_arp(out, snap, self.client.ip, self.server.ip), None),
            Play::Neighbour => (neighbour(out, snap, self.client.ip, self.server.ip), None),
            Play::Unreachable => (unreachable(out, snap, self.client, self.server), None),
        }
    }
}

fn ports(client: Endpoint, server: Endpoint, by_client: bool) -> (u16, u16) {
    if by_client {
        (client.port, server.port)
    } else {
        (server.port, client.port)
    }
}

fn echo(out: &mut Vec<u8>, snap: usize, way: (Ip, Ip), id: u16, turn: u16, asks: bool) -> u32 {
    let header = Transport::Icmp {
        kind: match (way.0.is_v4(), asks) {
            (true, true) => 8,
            (true, false) => 0,
            (false, true) => 128,
            (false, false) => 129,
        },
        code: 0,
        rest: u32::from(id) << 16 | u32::from(turn),
    };
    frame::write(out, snap, way, &header, 56, |out, wanted| {
        Data::Filler.write(out, 0, wanted, 56)
    })
}

fn neighbour(out: &mut Vec<u8>, snap: usize, from: Ip, target: Ip) -> u32 {
    let group = Ip::from_bits(0xff02_0000_0000_0000_0000_0001_ff00_0000 | target.bits() & 0xff_ffff);
    let header = Transport::Icmp {
        kind: 135,
        code: 0,
        rest: 0,
    };
    frame::write(out, snap, (from, group), &header, 24, |out, _| {
        out.extend_from_slice(&target.bits().to_be_bytes());
        out.extend_from_slice(&[1, 1]);
        out.extend_from_slice(&frame::hardware(from));
    })
}

/// The message carries the IPv4 and UDP header it is about, with no payload.
fn unreachable(out: &mut Vec<u8>, snap: usize, client: Endpoint, server: Endpoint) -> u32 {
    let mut about = Vec::with_capacity(64);
    let udp = Transport::Udp {
        from: client.port,
        to: server.port,
    };
    frame::write(&mut about, 256, (client.ip, server.ip), &udp, 0, |_, _| ());
    let header = Transport::Icmp {
        kind: 3,
        code: 3,
        rest: 0,
    };
    frame::write(out, snap, (server.ip, client.ip), &header, 28, |out, _| {
        out.extend_from_slice(&about[14..42]);
    })
}
