//! Somebody tries doors: one port on many hosts, fast or slowly, many ports on one host, many passwords on one service.

use super::{Cast, Incident, Window};
use crate::drill::exchange::{MILLI, Nanos, SECOND, at};
use crate::drill::network::{FILES, MAIL, SHELL, benchmark, ours_v4, workstation};
use crate::drill::rng::{Rng, mix};
use crate::drill::{Plan, talk};
use crate::model::Kind;

/// Addresses tried.
const TARGETS: i64 = 900;

pub(super) fn scan_horizontal(plan: &Plan) -> Incident {
    let window = Window::at_two_thirds(plan, 4);
    let infected = workstation(33);
    let mut cast = Cast::new(
        Kind::ScanHorizontal,
        window,
        "The workstation 10.20.2.13 tries tcp/445 on some 900 addresses of 10.20.0.0/16 in four minutes; nearly all stay \
         silent, some refuse, only the file server answers.",
    );
    cast.attackers = vec![infected];
    cast.victims = vec![FILES];
    cast.services = vec!["tcp/445"];
    let mut tried = 0u32;
    let every = window.length() / TARGETS;
    let tries = window.steady(
        plan,
        "sweep",
        every,
        every / 2,
        Box::new(move |rng, now, stage| {
            // Subnets 1 to 10, 90 addresses each; those that exist refuse.
            let target = ours_v4(1 + (tried / 90) as u8 % 10, 10 + (tried % 90) as u8);
            tried += 1;
            let [_, _, subnet, host] = target.as_v4().unwrap_or(0).to_be_bytes();
            let lives = matches!((subnet, host), (1 | 2, 10..=39) | (10, 11..=90));
            let tcp = match target {
                FILES => talk::files(rng),
                _ => talk::failure(rng, lives, 0),
            };
            stage.connect(rng, now, infected, at(target, 445), tcp);
        }),
    );
    Incident::new(cast, vec![tries])
}

/// Ports tried.
const PORTS: i64 = 1000;

pub(super) fn scan_vertical(plan: &Plan) -> Incident {
    let window = Window::at_two_thirds(plan, 3);
    let attacker = benchmark(7, 4242);
    let mut cast = Cast::new(
        Kind::ScanVertical,
        window,
        "198.19.208.146 tries 1000 ports of the mail server 10.20.10.25 in three minutes; all but 25 and 993 refuse or \
         stay silent.",
    );
    cast.attackers = vec![attacker];
    cast.victims = vec![MAIL];
    cast.services = vec!["tcp/1-1000"];
    // A step prime to 1000 visits every port once, in an order that is not theirs.
    let first = mix(plan.seed) % 1000;
    let mut tried = 0u64;
    let every = window.length() / PORTS;
    let tries = window.steady(
        plan,
        "ports",
        every,
        every / 2,
        Box::new(move |rng: &mut Rng, now, stage| {
            let port = 1 + ((first + tried * 387) % 1000) as u16;
            tried += 1;
            let tcp = match port {
                25 | 993 => talk::mail(rng, "mail.corp.example"),
                _ => {
                    let refused = rng.chance(0.7);
                    talk::failure(rng, refused, 0)
                }
            };
            stage.connect(rng, now, attacker, at(MAIL, port), tcp);
        }),
    );
    Incident::new(cast, vec![tries])
}

/// Time between two tries of somebody patient.
const PATIENCE: Nanos = 90 * SECOND;

pub(super) fn scan_slow(plan: &Plan) -> Incident {
    let window = Window::last_two_thirds(plan);
    let attacker = benchmark(6, 777);
    let mut cast = Cast::new(
        Kind::ScanSlow,
        window,
        "198.19.131.9 tries tcp/22 on one address of 10.20.0.0/16 after the other, one every 90 s or so, from one third of the \
         capture to its end; none answers. No minute of it stands out.",
    );
    cast.attackers = vec![attacker];
    cast.services = vec!["tcp/22"];
    let tries = window.steady(
        plan,
        "patient tries",
        PATIENCE,
        PATIENCE / 3,
        Box::new(move |rng, now, stage| {
            let target = ours_v4(100 + rng.below(100) as u8, 1 + rng.below(250) as u8);
            let tcp = talk::failure(rng, false, 0);
            stage.connect(rng, now, attacker, at(target, 22), tcp);
        }),
    );
    Incident::new(cast, vec![tries])
}

pub(super) fn brute_force(plan: &Plan) -> Incident {
    let window = Window::at_two_thirds(plan, 3);
    let attacker = benchmark(7, 666);
    let mut cast = Cast::new(
        Kind::BruteForce,
        window,
        "198.19.194.154 opens some 240 short SSH connections a minute to the log-in host 10.20.10.90 (tcp/22), each \
         closed by the server after a refused password.",
    );
    cast.attackers = vec![attacker];
    cast.victims = vec![SHELL];
    cast.services = vec!["tcp/22"];
    let tries = window.steady(
        plan,
        "passwords",
        250 * MILLI,
        200 * MILLI,
        Box::new(move |rng, now, stage| {
            let tcp = talk::ssh_attempt(rng, 1);
            stage.connect(rng, now, attacker, at(SHELL, 22), tcp);
        }),
    );
    Incident::new(cast, vec![tries])
}
