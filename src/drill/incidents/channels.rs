//! Ways out that hardly show in numbers: data in names, and work for a mining pool.

use super::{Cast, Incident, Window};
use crate::drill::exchange::{MILLI, SECOND, at};
use crate::drill::network::{RESOLVER, Site, site, workstation};
use crate::drill::{Plan, names, talk};
use crate::model::Kind;

/// The domain whose name server takes the data.
const DOMAIN: &str = "t.files-sync.example";
/// Names asked for in a minute.
const QUESTIONS: f64 = 90.0;

pub(super) fn dns_tunnel(plan: &Plan) -> Incident {
    let window = Window::at_two_thirds(plan, 5);
    let host = workstation(19);
    let mut cast = Cast::new(
        Kind::DnsTunnel,
        window,
        "The workstation 10.20.1.29 asks the resolver 10.20.10.53 for some 90 names a minute under t.files-sync.example, each \
         with 48 letters and digits that are never the same; the resolver asks outside for some of them.",
    );
    cast.attackers = vec![host];
    cast.victims = vec![RESOLVER];
    cast.services = vec!["udp/53"];
    cast.names = vec![DOMAIN];
    let questions = window.random(
        plan,
        "tunnel",
        QUESTIONS,
        Box::new(move |rng, now, stage| {
            // Base 32 (RFC 4648), as names do not tell upper case from lower case.
            let label: String = (0..48)
                .map(|_| char::from(*rng.pick(b"abcdefghijklmnopqrstuvwxyz234567")))
                .collect();
            names::ask_in_vain(rng, stage, now, host, &format!("{label}.{DOMAIN}"));
        }),
    );
    Incident::new(cast, vec![questions])
}

/// Where the work comes from.
const POOL: Site = site("eu.coin-works.example", [198, 19, 133, 12]);

pub(super) fn mining(plan: &Plan) -> Incident {
    let window = Window::at_two_thirds(plan, 10);
    let host = workstation(23);
    let mut cast = Cast::new(
        Kind::Mining,
        window,
        "The workstation 10.20.1.33 keeps one connection to eu.coin-works.example (198.19.133.12, tcp/14444) and speaks stratum on \
         it: it subscribes, is sent work, and hands in shares every few seconds. Hardly any octets pass.",
    );
    cast.attackers = vec![host];
    cast.victims = vec![POOL.v4()];
    cast.services = vec!["tcp/14444"];
    cast.names = vec![POOL.name];
    let lasting = window.length() - SECOND;
    let work = window.steady(
        plan,
        "work",
        window.length(),
        SECOND,
        Box::new(move |rng, now, stage| {
            let when = names::look_up(rng, stage, now, host, &POOL);
            let tcp = talk::mining(rng, lasting);
            stage.connect(rng, when + MILLI, host, at(POOL.v4(), 14_444), tcp);
        }),
    );
    Incident::new(cast, vec![work])
}
