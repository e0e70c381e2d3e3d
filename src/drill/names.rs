//! Looking up names: the client asks our resolver, and the resolver sometimes the outside.

use super::dns;
use super::exchange::{Datagram, MILLI, Nanos, Play, at};
use super::network::{AUTHORITY, RESOLVER, Site};
use super::rng::Rng;
use super::stage::Stage;
use crate::model::Ip;

/// The port of DNS.
const DNS: u16 = 53;
/// How long the resolver takes when it has to ask outside; longer than the way there and back.
const ASKING_OUTSIDE: Nanos = 90 * MILLI;

/// `client` asks for the addresses of `site`; returns when it has them.
pub(super) fn look_up(rng: &mut Rng, stage: &mut Stage, now: Nanos, client: Ip, site: &Site) -> Nanos {
    let addresses = site.addresses();
    let mut known = ask(rng, stage, now, client, (site.name, dns::A), Some(&addresses));
    if site.v6().is_some() {
        known = known.max(ask(
            rng,
            stage,
            now + MILLI,
            client,
            (site.name, dns::AAAA),
            Some(&addresses),
        ));
    }
    known
}

/// `client` asks for a name that does not exist.
pub(super) fn ask_in_vain(rng: &mut Rng, stage: &mut Stage, now: Nanos, client: Ip, name: &str) {
    ask(rng, stage, now, client, (name, dns::A), None);
}

fn ask(
    rng: &mut Rng,
    stage: &mut Stage,
    now: Nanos,
    client: Ip,
    (name, kind): (&str, u16),
    found: Option<&[Ip]>,
) -> Nanos {
    let mut exchange = |rng: &mut Rng, from, to, start, wait| {
        let id = rng.bits() as u16;
        let answer = match found {
            Some(addresses) => dns::answer(id, name, kind, addresses),
            None => dns::no_such_name(id, name, kind),
        };
        let play = Play::Datagrams(vec![
            Datagram::of(true, 0, dns::question(id, name, kind)),
            Datagram::of(false, wait, answer),
        ]);
        let port = stage.port(rng, from);
        stage.begin(start, at(from, port), at(to, DNS), play);
    };
    if client == RESOLVER || !rng.chance(0.3) {
        let server = if client == RESOLVER { AUTHORITY } else { RESOLVER };
        exchange(rng, client, server, now, 0);
        return now + MILLI;
    }
    exchange(rng, client, RESOLVER, now, ASKING_OUTSIDE);
    exchange(rng, RESOLVER, AUTHORITY, now + MILLI, 0);
    now + ASKING_OUTSIDE + MILLI
}
