//! The packets of a script: what each of its verbs looks like on the wire, IPv4 in Ethernet, headers as far as they count.

use super::script::{Addresses, Pace, Script, Traffic};

/// One packet.
#[derive(Clone, Debug)]
pub struct Packet {
    /// Nanoseconds since the script began.
    pub at: i64,
    pub octets: Vec<u8>,
    /// Length on the wire.
    pub length: u32,
}

const SYN: u8 = 2;
const ACK: u8 = 16;
const PUSH: u8 = 24;
const FIN: u8 = 17;
const RST: u8 = 20;
/// The most octets of one packet: segments are coalesced.
const LARGEST: u64 = 60_000;

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Rng(u64);

impl Rng {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn unit(&mut self) -> f64 {
        ((self.bits() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    fn one_of(&mut self, addresses: Addresses) -> u32 {
        addresses.first + (self.bits() % u64::from(addresses.last - addresses.first + 1)) as u32
    }
}

/// All packets of a script, in order of time.
pub fn packets(script: &Script) -> Vec<Packet> {
    let mut all = Vec::new();
    for (number, traffic) in script.traffic.iter().enumerate() {
        let mut rng = Rng(number as u64 + 1);
        let mut port = 0u16;
        for at in times(traffic, &mut rng, script.minutes * 60.0) {
            port = port.wrapping_add(1);
            let mut event = Event {
                out: &mut all,
                at: (at * 1e9) as i64,
                from: rng.one_of(traffic.who),
                to: rng.one_of(traffic.whom),
                port: 33_000 + (port.wrapping_mul(7).wrapping_add(number as u16 * 1009)) % 27_000,
                service: {
                    let (protocol, first, last) = traffic.service;
                    (
                        protocol,
                        first + (rng.bits() % (u64::from(last - first) + 1)) as u16,
                    )
                },
            };
            event.happen(traffic, &mut rng, script.minutes * 60.0);
        }
    }
    all.sort_by_key(|packet| packet.at);
    all
}

/// When the events of a line happen, in seconds.
fn times(traffic: &Traffic, rng: &mut Rng, end: f64) -> Vec<f64> {
    let (from, to) = (traffic.span.0, traffic.span.1.min(end));
    let mut times = Vec::new();
    match traffic.pace {
        Pace::Once => times.push(from),
        Pace::Steady(every, off) => {
            let beats = ((to - from) / every) as u32;
            times.extend((0..beats).map(|n| from + f64::from(n) * every + off * (2.0 * rng.unit() - 1.0)));
            times.iter_mut().for_each(|at| *at = at.max(from));
        }
        Pace::Random(a_minute) => {
            let mut at = from;
            loop {
                at += -rng.unit().ln() * 60.0 / a_minute;
                if at >= to {
                    break;
                }
                times.push(at);
            }
        }
    }
    times
}

/// One event under way.
struct Event<'a> {
    out: &'a mut Vec<Packet>,
    at: i64,
    from: u32,
    to: u32,
    port: u16,
    service: (u8, u16),
}

impl Event<'_> {
    fn happen(&mut self, traffic: &Traffic, rng: &mut Rng, end: f64) {
        let (up, down) = (traffic.number("up", 300), traffic.number("down", 900));
        match traffic.verb.as_str() {
            "calls" => self.call(up, down),
            "half-opens" => self.tcp(true, SYN, &[], 0),
            "is-refused" => {
                self.tcp(true, SYN, &[], 0);
                self.tcp(false, RST, &[], 0);
            }
            "asks" => {
                self.send(true, &[], up);
                self.send(false, &[], down);
            }
            "sends" => self.send(true, &[], up),
            "is-answered-unasked" => self.send(false, &[], down),
            "pings" => {
                self.send(true, &[], up);
                self.send(false, &[], up);
            }
            "looks-up" => self.look_up(traffic, rng),
            "keeps-open" => self.keep_open(traffic, rng, end),
            other => panic!("nobody knows how somebody {other}"),
        }
    }

    /// A connection with one question and its answer.
    fn call(&mut self, up: u64, down: u64) {
        self.tcp(true, SYN, &[], 0);
        self.tcp(false, SYN | ACK, &[], 0);
        self.tcp(true, ACK, &[], 0);
        self.tcp(true, PUSH, &[], up);
        self.tcp(false, PUSH, &[], down);
        self.tcp(true, FIN, &[], 0);
        self.tcp(false, FIN, &[], 0);
        self.tcp(true, ACK, &[], 0);
    }

    /// A question for a name under a domain: by chance, of so many letters, or one of few.
    fn look_up(&mut self, traffic: &Traffic, rng: &mut Rng) {
        let letters = traffic.number("letters", 0);
        let label = match letters {
            0 => ["www", "mail", "news", "img"][(rng.bits() % 4) as usize].to_owned(),
            _ => (0..letters)
                .map(|_| char::from(b"abcdefghijklmnopqrstuvwxyz234567"[(rng.bits() % 32) as usize]))
                .collect(),
        };
        let domain = traffic.words.get("under").map_or("site.example", String::as_str);
        let mut message = (rng.bits() as u16).to_be_bytes().to_vec();
        message.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        for part in [label.as_str()].into_iter().chain(domain.split('.')) {
            message.push(part.len() as u8);
            message.extend(part.as_bytes());
        }
        message.extend([0, 0, 1, 0, 1]);
        self.send(true, &message, message.len() as u64);
        let mut answer = message.clone();
        answer[2] = 0x81;
        self.send(false, &answer, answer.len() as u64);
    }

    /// A connection that stays to the end of the span, with a message either way every so often; `saying` stratum or nothing
    /// that can be read.
    fn keep_open(&mut self, traffic: &Traffic, rng: &mut Rng, end: f64) {
        let every = traffic.number("message-every", 20) as f64;
        let stratum = traffic.words.get("saying").is_some_and(|what| what == "stratum");
        let line: &[u8] = if stratum {
            b"{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\n"
        } else {
            &[]
        };
        self.tcp(true, SYN, &[], 0);
        self.tcp(false, SYN | ACK, &[], 0);
        self.tcp(true, ACK, &[], 0);
        self.tcp(true, PUSH, line, line.len().max(60) as u64);
        let (up, down) = (traffic.number("up", 120), traffic.number("down", 260));
        let until = (traffic.span.1.min(end) * 1e9) as i64;
        while self.at < until {
            self.at += ((0.5 + rng.unit()) * every * 1e9) as i64;
            self.tcp(
                rng.bits() & 1 == 0,
                PUSH,
                &[],
                if rng.bits() & 1 == 0 { up } else { down },
            );
            self.tcp(true, ACK, &[], 0);
            self.tcp(false, ACK, &[], 0);
        }
    }

    /// Octets over TCP in as many packets as it takes.
    fn tcp(&mut self, by_client: bool, flags: u8, payload: &[u8], octets: u64) {
        let mut left = octets.max(payload.len() as u64);
        loop {
            let part = left.min(LARGEST);
            self.packet(by_client, Some(flags), payload, part);
            left -= part;
            if left == 0 {
                break;
            }
        }
    }

    fn send(&mut self, by_client: bool, payload: &[u8], octets: u64) {
        self.packet(by_client, None, payload, octets.max(payload.len() as u64));
    }

    /// One packet with `octets` of payload, of which `payload` can be read.
    fn packet(&mut self, by_client: bool, flags: Option<u8>, payload: &[u8], octets: u64) {
        let (protocol, service) = self.service;
        let (from, to, ports) = if by_client {
            (self.from, self.to, [self.port, service])
        } else {
            (self.to, self.from, [service, self.port])
        };
        let mut header = Vec::with_capacity(20);
        match (protocol, flags) {
            (1, _) => header.extend([if by_client { 8 } else { 0 }, 0, 0, 0, 0, 1, 0, 1]),
            (_, Some(flags)) => {
                ports.iter().for_each(|port| header.extend(port.to_be_bytes()));
                header.extend([0, 0, 0, 1, 0, 0, 0, 1, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
            }
            (_, None) => {
                ports.iter().for_each(|port| header.extend(port.to_be_bytes()));
                header.extend(((8 + octets) as u16).to_be_bytes());
                header.extend([0, 0]);
            }
        }
        let total = 20 + header.len() as u64 + octets;
        let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0];
        frame.extend((total as u16).to_be_bytes());
        frame.extend([0, 0, 0x40, 0, 64, protocol, 0, 0]);
        frame.extend(from.to_be_bytes());
        frame.extend(to.to_be_bytes());
        frame.extend(header);
        frame.extend(payload);
        self.out.push(Packet {
            at: self.at,
            octets: frame,
            length: 14 + total as u32,
        });
        self.at += 2_000_000;
    }
}
