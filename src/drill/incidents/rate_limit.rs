//! Two of our hosts use up the quota of a service outside.

use super::{Cast, Incident, Window};
use crate::drill::Plan;
use crate::drill::calendar::Shape;
use crate::drill::exchange::{MILLI, MINUTE, Nanos, at};
use crate::drill::network::{QUOTA, workstation};
use crate::drill::rng::Rng;
use crate::drill::source::{Pace, Source};
use crate::drill::stage::Stage;
use crate::drill::{names, talk, tcp::Close};
use crate::model::Kind;

/// Connections a minute the service allows us.
const QUOTA_PER_MINUTE: u32 = 600;
/// Connections a minute of both hosts at the height.
const HEIGHT: f64 = 690.0;
/// The climb, in thousandths of the height: 70 % of the quota (420) is passed in the third sixth of the window, the
/// quota itself in the fifth.
const CLIMB: [u16; 6] = [300, 560, 680, 790, 960, 1000];

/// Connections within the minute, and the minute they belong to: what the service counts.
#[derive(Default)]
struct Quota {
    minute: Nanos,
    used: u32,
}

pub(super) fn incident(plan: &Plan) -> Incident {
    let window = Window::at_two_thirds(plan, 6);
    let hosts = [workstation(20), workstation(23)];
    let mut cast = Cast::new(
        Kind::RateLimit,
        window,
        "Two hosts of ours raise the rate of connections to api.quota.example (203.0.113.10, tcp/443) step by step. \
         With a limit of 600 connections per 60 s: an early warning once 70 % is passed, about half-way, and the \
         limit itself about two minutes later, when the service begins to answer with its quota error and resets. \
         Contributors: both hosts, about half each.",
    );
    cast.attackers = hosts.to_vec();
    cast.victims = vec![QUOTA.v4()];
    cast.services = vec!["tcp/443"];
    cast.names = vec![QUOTA.name];
    let sixth = window.length() / 6;
    let steps = CLIMB
        .iter()
        .zip(0..)
        .map(|(level, i)| (window.start + i * sixth, *level))
        .collect();
    let mut quota = Quota::default();
    let mut turn = 0;
    let calls = Source::new(
        plan.seed,
        "quota",
        Pace::Random(HEIGHT),
        Shape::Steps(steps),
        Box::new(move |rng, now, stage| {
            turn += 1;
            let host = hosts[turn % 2];
            let mut when = now;
            if turn % 120 < 2 {
                when = names::look_up(rng, stage, now, host, &QUOTA) + MILLI;
            }
            quota.call(rng, when, stage, host);
        }),
    );
    Incident::new(cast, vec![calls.within(window.start, window.end)])
}

impl Quota {
    fn call(&mut self, rng: &mut Rng, now: Nanos, stage: &mut Stage, host: crate::model::Ip) {
        if now / MINUTE != self.minute {
            (self.minute, self.used) = (now / MINUTE, 0);
        }
        self.used += 1;
        let tcp = if self.used > QUOTA_PER_MINUTE {
            talk::call(rng, QUOTA.name, 146, Close::ResetByServer)
        } else {
            let down = rng.between(700, 1400);
            talk::call(rng, QUOTA.name, down, Close::ByClient)
        };
        stage.connect(rng, now, host, at(QUOTA.v4(), 443), tcp);
    }
}
