//! Load where it was not before: visitors of one AS at our web server; workers that all finish at once.

use super::{Cast, Incident, Window};
use crate::drill::background::{REPORTS, RESULT_PORT};
use crate::drill::exchange::at;
use crate::drill::network::{self, AGGREGATOR, WEB, WORKERS, benchmark, worker};
use crate::drill::rng::mix;
use crate::drill::source::Mute;
use crate::drill::{Plan, talk, tcp::Close};
use crate::model::{Kind, Prefix};

/// Addresses that bring the surplus.
const VISITORS: u64 = 200;
/// Visits a minute of theirs; the usual is seven from everywhere.
const SURPLUS: f64 = 60.0;

pub(super) fn spike(plan: &Plan) -> Incident {
    let window = Window::at_two_thirds(plan, 5);
    let seed = plan.seed;
    let visitor = move |number: u64| benchmark(5, 256 + (mix(seed ^ mix(number)) % 0x3c00) as u32);
    let mut cast = Cast::new(
        Kind::LoadSpike,
        window,
        "Bytes, packets and flows toward and from the web server 10.20.10.80 rise to eight to ten times their level, \
         on tcp/443. More than four fifths of the surplus come from one source AS, the one of 198.19.64.0/18; \
         complete, ordinary visits, from some two hundred addresses.",
    );
    cast.attackers = (0..VISITORS).map(visitor).collect();
    cast.attackers.sort_unstable();
    cast.attackers.dedup();
    cast.attacker_networks = vec![Prefix::new(benchmark(5, 0), 18)];
    cast.victims = vec![WEB];
    cast.services = vec!["tcp/443"];
    cast.names = vec!["www.corp.example"];
    let mut turn = 0;
    let visits = window.random(
        plan,
        "surplus",
        SURPLUS,
        Box::new(move |rng, now, stage| {
            // One in eight comes from elsewhere: news travels.
            let client = if rng.chance(0.125) {
                network::outside_client(rng)
            } else {
                turn += 1;
                visitor(turn % VISITORS)
            };
            let down = rng.log_normal(5600, 0.8, 400, 90_000);
            let tcp = talk::call(rng, "www.corp.example", down, Close::ByClient);
            stage.connect(rng, now, client, at(WEB, 443), tcp);
        }),
    );
    Incident::new(cast, vec![visits])
}

/// Results a minute while all workers answer at once; the usual is five.
const RESULTS: f64 = 220.0;

pub(super) fn fan_in(plan: &Plan) -> Incident {
    let window = Window::at_two_thirds(plan, 5);
    let mut cast = Cast::new(
        Kind::FanIn,
        window,
        "Fifty workers (10.20.50.0/24) answer the aggregator 10.20.10.40 at once: sources, flows and bytes on tcp/14999 \
         rise from a handful a minute to all fifty sources and some 220 flows. In the same minutes udp/20012 on the same \
         node falls from 50 flows a minute to next to nothing. One incident with both halves.",
    );
    cast.attackers = (0..WORKERS).map(worker).collect();
    cast.victims = vec![AGGREGATOR];
    cast.services = vec!["tcp/14999", "udp/20012"];
    let results = window.random(
        plan,
        "answers",
        RESULTS,
        Box::new(|rng, now, stage| {
            let client = worker(rng.below(u64::from(WORKERS)) as u8);
            let up = rng.log_normal(2600, 0.4, 600, 9000);
            let tcp = talk::result(rng, up);
            stage.connect(rng, now, client, at(AGGREGATOR, RESULT_PORT), tcp);
        }),
    );
    let mut incident = Incident::new(cast, vec![results]);
    incident.mutes = vec![Mute {
        label: REPORTS,
        start: window.start,
        end: window.end,
        keep: 0.03,
    }];
    incident
}
