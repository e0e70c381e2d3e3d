//! Services that change: one that nobody knew answers, and one whose load moves to another.

use super::{Cast, Incident, Window};
use crate::drill::calendar::Shape;
use crate::drill::exchange::{SECOND, at};
use crate::drill::network::{APPLICATIONS, ours_v4, workstation};
use crate::drill::source::{Pace, Source};
use crate::drill::{Plan, talk};
use crate::model::{Ip, Kind};

pub(super) fn new_service(plan: &Plan) -> Incident {
    let window = Window::at_two_thirds(plan, 10);
    let (host, guest) = (workstation(25), workstation(8));
    let mut cast = Cast::new(
        Kind::NewService,
        window,
        "The workstation 10.20.1.35 answers 10.20.1.18 on tcp/4444, where it never answered anybody: a short exchange every half \
         minute.",
    );
    cast.attackers = vec![guest];
    cast.victims = vec![host];
    cast.services = vec!["tcp/4444"];
    let visits = window.steady(
        plan,
        "door",
        30 * SECOND,
        9 * SECOND,
        Box::new(move |rng, now, stage| {
            let up = rng.between(200, 900);
            let tcp = talk::result(rng, up);
            stage.connect(rng, now, guest, at(host, 4444), tcp);
        }),
    );
    Incident::new(cast, vec![visits])
}

/// The server that has the load, and the one that takes it over.
const FIRST: Ip = ours_v4(10, 81);
const SECOND_ONE: Ip = ours_v4(10, 82);
/// Orders a minute.
const ORDERS: f64 = 60.0;

pub(super) fn failover(plan: &Plan) -> Incident {
    let window = Window::at_two_thirds(plan, 5);
    let mut cast = Cast::new(
        Kind::Failover,
        window,
        "The three application servers send their orders, 60 a minute, to 10.20.10.81 on tcp/8080, and one in ten to 10.20.10.82. \
         For five minutes all of them go to 10.20.10.82: what the one loses, the other gains.",
    );
    cast.victims = vec![FIRST, SECOND_ONE];
    cast.services = vec!["tcp/8080"];
    let orders = Source::new(
        plan.seed,
        "orders",
        Pace::Random(ORDERS),
        Shape::Flat,
        Box::new(move |rng, now, stage| {
            let client = *rng.pick(&APPLICATIONS);
            let moved = window.start <= now && now < window.end;
            let server = if moved || rng.chance(0.1) {
                SECOND_ONE
            } else {
                FIRST
            };
            let up = rng.between(300, 900);
            let tcp = talk::result(rng, up);
            stage.connect(rng, now, client, at(server, 8080), tcp);
        }),
    );
    Incident::new(cast, vec![orders])
}
