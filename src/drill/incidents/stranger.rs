//! An internal address never seen before, and the crowd that finds it, the NAT and the proxy.

use super::{Cast, Incident, Window};
use crate::drill::exchange::{MINUTE, SECOND, at};
use crate::drill::network::{NAT, PROXY, Site, benchmark, ours_v4, site};
use crate::drill::rng::mix;
use crate::drill::{Plan, names, talk, tcp::Close};
use crate::model::{Ip, Kind};

/// The address nobody knows.
const STRANGER: Ip = ours_v4(99, 77);
/// Where it mines.
const POOLS: [Site; 2] = [
    site("pool.xmr-mining.example", [198, 19, 130, 7]),
    site("stratum.coinpool.example", [198, 19, 131, 9]),
];
/// Addresses outside that reach all three.
const CROWD: u64 = 80;
/// Contacts a minute of theirs, spread over the three.
const CONTACTS: f64 = 200.0;

pub(super) fn incident(plan: &Plan) -> Incident {
    let window = Window::at_two_thirds(plan, 5);
    let seed = plan.seed;
    let one_of_crowd = move |number: u64| {
        benchmark(
            3 + (number % 5) as u32,
            1024 + (mix(seed ^ mix(number)) % 0x3000) as u32,
        )
    };
    let mut cast = Cast::new(
        Kind::Stranger,
        window,
        "The internal address 10.20.99.77, never seen before, appears. It is reached by an unusual number of sources, \
         and so are the NAT 10.20.10.1 and the proxy 10.20.10.2, by the same eighty addresses: three deviations, one \
         incident. Its profile: it asks the DNS for pool.xmr-mining.example and stratum.coinpool.example and holds \
         long connections to them on tcp/3333; it mines coins.",
    );
    cast.attackers = (0..CROWD).map(one_of_crowd).collect();
    cast.attackers.sort_unstable();
    cast.attackers.dedup();
    cast.victims = vec![STRANGER, NAT, PROXY];
    cast.services = vec!["tcp/8443", "tcp/3333"];
    cast.names = POOLS.iter().map(|pool| pool.name).collect();
    let crowd = window.random(
        plan,
        "crowd",
        CONTACTS,
        Box::new(move |rng, now, stage| {
            let client = one_of_crowd(rng.below(CROWD));
            let target = *rng.pick(&[STRANGER, NAT, PROXY]);
            let down = rng.between(150, 600);
            let tcp = talk::call(rng, "node.mesh.example", down, Close::ByClient);
            stage.connect(rng, now, client, at(target, 8443), tcp);
        }),
    );
    let lasting = window.length();
    let mut turn = 0;
    // Both pools at once in the beginning; the connections stay to the end, so later beats only ask again.
    let mining = window.steady(
        plan,
        "mining",
        MINUTE / 2,
        SECOND,
        Box::new(move |rng, now, stage| {
            let pool = &POOLS[turn % 2];
            let when = names::look_up(rng, stage, now, STRANGER, pool);
            if turn < 2 {
                let tcp = talk::mining(rng, lasting - MINUTE / 2);
                stage.connect(rng, when + SECOND / 100, STRANGER, at(pool.v4(), 3333), tcp);
            }
            turn += 1;
        }),
    );
    Incident::new(cast, vec![crowd, mining])
}
