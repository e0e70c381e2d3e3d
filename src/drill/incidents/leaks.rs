//! What leaves that should not: much at once, or a sign of life every minute.

use super::{Cast, Incident, Window};
use crate::drill::exchange::{MILLI, MINUTE, Nanos, SECOND, at};
use crate::drill::network::{Site, site, workstation};
use crate::drill::{Plan, names, talk, tcp::Close};
use crate::model::Kind;

/// Where the data goes.
const DROP: Site = site("upload.dropsite.example", [198, 19, 140, 21]);
/// Octets of one upload; four of them a minute make 52 MB.
const UPLOAD: u64 = 13_000_000;
/// Time between two coalesced segments of an upload, so that it takes about twelve seconds.
const GAP: Nanos = 55 * MILLI;

pub(super) fn exfiltration(plan: &Plan) -> Incident {
    let window = Window::at_two_thirds(plan, 10);
    let host = workstation(12);
    let mut cast = Cast::new(
        Kind::Exfiltration,
        window,
        "The workstation 10.20.1.22 sends some 52 MB a minute to upload.dropsite.example (198.19.140.21, tcp/443) for ten \
         minutes, in few long connections: bytes leave the baseline by orders of magnitude, flows do not.",
    );
    cast.attackers = vec![host];
    cast.victims = vec![DROP.v4()];
    cast.services = vec!["tcp/443"];
    cast.names = vec![DROP.name];
    let uploads = window.steady(
        plan,
        "uploads",
        15 * SECOND,
        500 * MILLI,
        Box::new(move |rng, now, stage| {
            let when = names::look_up(rng, stage, now, host, &DROP);
            let tcp = talk::upload(rng, DROP.name, UPLOAD, GAP);
            stage.connect(rng, when + MILLI, host, at(DROP.v4(), 443), tcp);
        }),
    );
    Incident::new(cast, vec![uploads])
}

/// Who is told.
const CONTROL: Site = site("cdn.sync-status.example", [198, 19, 135, 66]);

pub(super) fn beacon(plan: &Plan) -> Incident {
    let window = Window::last_two_thirds(plan);
    let host = workstation(7);
    let mut cast = Cast::new(
        Kind::Beacon,
        window,
        "The workstation 10.20.1.17 contacts cdn.sync-status.example (198.19.135.66, tcp/443) every 60 s, at most 2 s off, \
         with a small exchange of the same size, from one third of the capture to its end.",
    );
    cast.attackers = vec![host];
    cast.victims = vec![CONTROL.v4()];
    cast.services = vec!["tcp/443"];
    cast.names = vec![CONTROL.name];
    let mut turn = 0;
    let beats = window.steady(
        plan,
        "beats",
        MINUTE,
        2 * SECOND,
        Box::new(move |rng, now, stage| {
            let mut when = now;
            if turn % 5 == 0 {
                when = names::look_up(rng, stage, now, host, &CONTROL);
            }
            turn += 1;
            let tcp = talk::call(rng, CONTROL.name, 310, Close::ByClient);
            stage.connect(rng, when + MILLI, host, at(CONTROL.v4(), 443), tcp);
        }),
    );
    Incident::new(cast, vec![beats])
}
