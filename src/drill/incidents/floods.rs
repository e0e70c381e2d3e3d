//! Packets in a mass: SYN segments with forged sources, echo requests, answers nobody asked for, and a flood over a whole network.

use super::{Cast, Incident, Window};
use crate::drill::exchange::{Datagram, MILLI, Play, at};
use crate::drill::network::{WEB, benchmark, ours_v4, workstation};
use crate::drill::rng::mix;
use crate::drill::{Plan, dns, payload, talk};
use crate::model::{Ip, Kind, Prefix};

/// SYN segments a minute.
const SYNS: f64 = 7_200.0;

pub(super) fn syn_flood(plan: &Plan) -> Incident {
    let window = Window::at_two_thirds(plan, 2);
    let mut cast = Cast::new(
        Kind::SynFlood,
        window,
        "About 120 SYN segments a second reach the web server 10.20.10.80 on tcp/443 from forged sources all over \
         198.18.0.0/15, almost every one another; none completes a handshake. Sources, SYN-only flows and packets of \
         the server rise, bytes hardly.",
    );
    cast.attacker_networks = vec![Prefix::new(benchmark(0, 0), 15)];
    cast.victims = vec![WEB];
    cast.services = vec!["tcp/443"];
    let flood = window.random(
        plan,
        "syns",
        SYNS,
        Box::new(|rng, now, stage| {
            let forged = rng.below(1 << 17) as u32;
            let tcp = talk::failure(rng, false, 0);
            stage.connect(rng, now, benchmark(forged >> 14, forged), at(WEB, 443), tcp);
        }),
    );
    Incident::new(cast, vec![flood])
}

/// Hosts that ping, and echo requests a minute of theirs.
const PINGERS: u64 = 40;
const ECHOES: f64 = 1_800.0;

pub(super) fn icmp_flood(plan: &Plan) -> Incident {
    let window = Window::at_two_thirds(plan, 2);
    let pinger = |number: u64| benchmark(6, 300 + number as u32 * 17);
    let mut cast = Cast::new(
        Kind::IcmpFlood,
        window,
        "Forty hosts of 198.19.128.0/18 send the web server 10.20.10.80 some 30 echo requests a second, and it answers them \
         all. Packets and sources of the server rise; all of the surplus is ICMP.",
    );
    cast.attackers = (0..PINGERS).map(pinger).collect();
    cast.victims = vec![WEB];
    cast.services = vec!["icmp"];
    let echoes = window.random(
        plan,
        "echo flood",
        ECHOES,
        Box::new(move |rng, now, stage| {
            let from = at(pinger(rng.below(PINGERS)), rng.bits() as u16);
            let echo = Play::Echo {
                count: 1,
                every: MILLI,
                answered: true,
            };
            stage.begin(now, from, at(WEB, 0), echo);
        }),
    );
    Incident::new(cast, vec![echoes])
}

/// Open resolvers, time servers and devices made to answer.
const REFLECTORS: u64 = 150;
/// Answers a minute.
const ANSWERS: f64 = 3_600.0;

/// The reflector of a number; its remainder by three is its service: DNS, NTP, SNMP.
fn reflector(seed: u64, number: u64) -> Ip {
    let place = mix(seed ^ mix(number));
    benchmark(place as u32 & 7, 512 + (place >> 8) as u32 % 0x3800)
}

pub(super) fn reflection(plan: &Plan) -> Incident {
    let window = Window::at_two_thirds(plan, 3);
    let seed = plan.seed;
    let victim = workstation(41);
    let mut cast = Cast::new(
        Kind::Reflection,
        window,
        "About 150 reflectors send large DNS, NTP and SNMP answers to 10.20.2.21, which asked none of them: 60 a second, \
         unsolicited, from udp/53, udp/123 and udp/161. Bytes, packets and sources of the host rise.",
    );
    cast.attackers = (0..REFLECTORS).map(|number| reflector(seed, number)).collect();
    cast.attackers.sort_unstable();
    cast.attackers.dedup();
    cast.victims = vec![victim];
    cast.services = vec!["udp/53", "udp/123", "udp/161"];
    let answers = window.random(
        plan,
        "answers unasked",
        ANSWERS,
        Box::new(move |rng, now, stage| {
            let number = rng.below(REFLECTORS);
            let (port, message) = match number % 3 {
                0 => (53, dns::large_answer(rng.bits() as u16, "any.bulk.example", 6)),
                1 => (123, payload::ntp_client_list(rng.bits() as u8)),
                _ => (161, payload::snmp_large(rng.bits() as u8)),
            };
            let forged = at(victim, 20_000 + rng.below(8) as u16 * 1111);
            let answer = Play::Datagrams(vec![Datagram::of(false, MILLI, message)]);
            stage.begin(now, forged, at(reflector(seed, number), port), answer);
        }),
    );
    Incident::new(cast, vec![answers])
}

/// Datagrams a minute, over all addresses.
const DATAGRAMS: f64 = 5_400.0;

pub(super) fn carpet(plan: &Plan) -> Incident {
    let window = Window::at_two_thirds(plan, 3);
    let mut cast = Cast::new(
        Kind::UdpFlood,
        window,
        "90 UDP datagrams a second from forged sources all over 198.18.0.0/15 are spread over all 254 addresses of \
         10.20.50.0/24, at any port: about 21 a minute for each. Packets of the network rise, of none of its hosts much.",
    );
    cast.attacker_networks = vec![Prefix::new(benchmark(0, 0), 15)];
    cast.victim_networks = vec![Prefix::new(ours_v4(50, 0), 24)];
    let flood = window.random(
        plan,
        "carpet",
        DATAGRAMS,
        Box::new(|rng, now, stage| {
            let forged = rng.below(1 << 17) as u32;
            let source = at(benchmark(forged >> 14, forged), 1024 + rng.below(60_000) as u16);
            let target = at(
                ours_v4(50, 1 + rng.below(254) as u8),
                1024 + rng.below(60_000) as u16,
            );
            let length = 60 + rng.below(400) as u32;
            let datagram = Play::Datagrams(vec![Datagram::opaque(true, MILLI, length)]);
            stage.begin(now, source, target, datagram);
        }),
    );
    Incident::new(cast, vec![flood])
}
