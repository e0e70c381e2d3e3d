//! What machines do on their own: heartbeats, polls, clocks, logs, and calls to everybody on the link.

use crate::drill::calendar::Shape;
use crate::drill::exchange::{Datagram, MILLI, Nanos, Play, SECOND, at};
use crate::drill::network::{self, INVENTORY, LOGS, MONITOR, RESOLVER, SERVERS, TIME, UPDATES};
use crate::drill::payload::{self, Data};
use crate::drill::rng::Rng;
use crate::drill::source::{Act, Pace, Source};
use crate::drill::stage::Stage;
use crate::drill::{dns, names, talk, tcp::Close};
use crate::model::Ip;

pub(super) fn sources(seed: u64, scale: f64) -> Vec<Source> {
    let every = |span: Nanos| (span as f64 / scale.max(1e-3)) as Nanos;
    let steady = |label, span, late, act: Act| {
        Source::new(
            seed,
            label,
            Pace::Steady(every(span), every(late)),
            Shape::Flat,
            act,
        )
    };
    let random = |label, per_minute: f64, act: fn(&mut Rng, Nanos, &mut Stage)| {
        Source::new(
            seed,
            label,
            Pace::Random(per_minute * scale),
            Shape::Flat,
            Box::new(act),
        )
    };
    vec![
        steady("heartbeats", 4 * SECOND, 2 * SECOND, heartbeats()),
        steady("polls", 4 * SECOND, 300 * MILLI, polls()),
        steady("clocks", 20 * SECOND, 9 * SECOND, clocks()),
        steady("neighbours", 24 * SECOND, 9 * SECOND, neighbours()),
        random("logs", 6.0, log),
        random("link", 3.0, call_everybody),
        random("echoes", 0.4, echo),
        random("updates", 0.3, update),
        random("closed ports", 0.1, closed_port),
    ]
}

/// All our hosts with an IPv4 address, by number.
fn everybody(number: usize) -> Ip {
    let workstations = usize::from(network::WORKSTATIONS);
    let workers = usize::from(network::WORKERS);
    if number < workstations {
        return network::workstation(number as u8);
    }
    let number = number - workstations;
    if number < workers {
        return network::worker(number as u8);
    }
    SERVERS[(number - workers) % SERVERS.len()]
}

/// Every host tells the inventory that it is there, in its turn: all within about nine minutes.
fn heartbeats() -> Act {
    let all = usize::from(network::WORKSTATIONS) + usize::from(network::WORKERS) + SERVERS.len();
    let mut turn = 0;
    Box::new(move |_, now, stage| {
        turn = (turn + 1) % all;
        let play = Play::Datagrams(vec![
            Datagram::opaque(true, 0, 96 + turn as u32 % 24),
            Datagram::opaque(false, MILLI, 32),
        ]);
        // Ports differ by round, as a new datagram socket would have it.
        let port = 50_000 + (now / SECOND % 8000) as u16;
        stage.begin(now, at(everybody(turn), port), at(INVENTORY, 1514), play);
    })
}

/// The monitor asks every server once a minute (SNMP).
fn polls() -> Act {
    let mut turn = 0;
    Box::new(move |rng, now, stage| {
        turn = (turn + 1) % SERVERS.len();
        if SERVERS[turn] == MONITOR {
            return;
        }
        let id = rng.bits() as u8;
        let play = Play::Datagrams(vec![
            Datagram::of(true, 0, payload::snmp(0xa0, id)),
            Datagram::of(false, MILLI, payload::snmp(0xa2, id)),
        ]);
        let port = stage.port(rng, MONITOR);
        stage.begin(now, at(MONITOR, port), at(SERVERS[turn], 161), play);
    })
}

/// Servers and some workstations ask for the time.
fn clocks() -> Act {
    let mut turn = 0;
    Box::new(move |rng, now, stage| {
        turn = (turn + 1) % (SERVERS.len() * 2);
        let client = match SERVERS.get(turn) {
            Some(server) => *server,
            None => network::workstation((turn - SERVERS.len()) as u8 * 3),
        };
        let play = Play::Datagrams(vec![
            Datagram::of(true, 0, payload::ntp(0x23, now / SECOND)),
            Datagram::of(false, MILLI, payload::ntp(0x24, now / SECOND)),
        ]);
        stage.begin(now, at(client, 123), at(*rng.pick(&TIME), 123), play);
    })
}

/// Dual-stack workstations look for their router: each is heard every eight minutes.
fn neighbours() -> Act {
    let mut turn = 0;
    Box::new(move |_, now, stage| {
        turn = (turn + 3) % network::WORKSTATIONS;
        if let Some(six) = network::workstation_v6(turn) {
            let router = Ip::from_bits(six.bits() >> 64 << 64 | 1);
            stage.begin(now, at(six, 0), at(router, 0), Play::Neighbour);
        }
    })
}

fn log(rng: &mut Rng, now: Nanos, stage: &mut Stage) {
    const LINES: [&str; 4] = [
        "<134>app: request done in 12 ms status=200",
        "<86>sshd: session opened for user deploy",
        "<38>cron: job hourly finished",
        "<131>app: upstream timed out, next attempt in 5 s",
    ];
    let line = *rng.pick(&LINES);
    let datagram = Datagram {
        by_client: true,
        wait: 0,
        length: line.len() as u32,
        data: Data::Text(line),
    };
    let client = *rng.pick(&SERVERS);
    stage.begin(
        now,
        at(client, 514),
        at(LOGS, 514),
        Play::Datagrams(vec![datagram]),
    );
}

/// ARP, service discovery and announcements to the link.
fn call_everybody(rng: &mut Rng, now: Nanos, stage: &mut Stage) {
    const SEARCH: &str =
        "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 2\r\n\r\n";
    const ANNOUNCE: &str = "{\"version\":[2,0],\"port\":17500,\"host_int\":88123}";
    let number = rng.below(u64::from(network::WORKSTATIONS)) as u8;
    let client = network::workstation(number);
    let subnet = 1 + number / 30;
    let said = |octets: Vec<u8>| Play::Datagrams(vec![Datagram::of(true, 0, octets)]);
    let group = |octets| Ip::from_v4_octets(octets);
    match rng.below(4) {
        0 => stage.begin(now, at(client, 0), at(network::ours_v4(subnet, 1), 0), Play::Arp),
        1 => {
            let question = dns::multicast_question("_ipp._tcp.local");
            stage.begin(
                now,
                at(client, 5353),
                at(group([224, 0, 0, 251]), 5353),
                said(question),
            );
        }
        2 => {
            let port = stage.port(rng, client);
            stage.begin(
                now,
                at(client, port),
                at(group([239, 255, 255, 250]), 1900),
                said(SEARCH.into()),
            );
        }
        _ => {
            let everyone = at(network::ours_v4(subnet, 255), 17_500);
            stage.begin(now, at(client, 17_500), everyone, said(ANNOUNCE.into()));
        }
    }
}

fn echo(rng: &mut Rng, now: Nanos, stage: &mut Stage) {
    let id = rng.bits() as u16;
    let play = Play::Echo {
        count: 3,
        every: SECOND,
        answered: rng.chance(0.97),
    };
    let target = *rng.pick(&SERVERS);
    stage.begin(now, at(MONITOR, id), at(target, 0), play);
}

/// Servers look for updates by day and by night.
fn update(rng: &mut Rng, now: Nanos, stage: &mut Stage) {
    let client = *rng.pick(&SERVERS);
    let when = names::look_up(rng, stage, now, client, &UPDATES);
    let down = rng.log_normal(4000, 0.8, 400, 60_000);
    let tcp = talk::call(rng, UPDATES.name, down, Close::ByClient);
    stage.connect(rng, when + MILLI, client, at(UPDATES.v4(), 443), tcp);
}

/// A datagram to a port nobody listens at, and the message that says so.
fn closed_port(rng: &mut Rng, now: Nanos, stage: &mut Stage) {
    let number = rng.below(u64::from(network::WORKSTATIONS)) as u8;
    let client = at(
        network::workstation(number),
        stage.port(rng, network::workstation(number)),
    );
    let server = at(RESOLVER, 33_434);
    let asks = Play::Datagrams(vec![Datagram::opaque(true, 0, 0)]);
    stage.begin(now, client, server, asks);
    stage.begin(now + MILLI, client, server, Play::Unreachable);
}
