//! Servers at work: visitors from outside, mail, the database, builds, results, copies.

use super::{DATABASE_PORT, REPORT_PORT, REPORTS, RESULT_PORT};
use crate::drill::calendar::{OFFICE, PUBLIC, Shape};
use crate::drill::exchange::{Datagram, MILLI, MINUTE, Nanos, Play, SECOND, at};
use crate::drill::network::{self, AGGREGATOR, APPLICATIONS, BACKUP, BUILD, DATABASE, FILES, MAIL, NAT, WEB};
use crate::drill::rng::Rng;
use crate::drill::source::{Act, Pace, Source};
use crate::drill::stage::Stage;
use crate::drill::{names, talk, tcp::Close};

pub(super) fn sources(seed: u64, scale: f64) -> Vec<Source> {
    let random = |label, per_minute: f64, shape, act: fn(&mut Rng, Nanos, &mut Stage)| {
        Source::new(
            seed,
            label,
            Pace::Random(per_minute * scale),
            shape,
            Box::new(act),
        )
    };
    let every = |span: Nanos| (span as f64 / scale.max(1e-3)) as Nanos;
    let steady = |label, span, late, act| {
        Source::new(
            seed,
            label,
            Pace::Steady(every(span), every(late)),
            Shape::Flat,
            act,
        )
    };
    vec![
        random("visitors", 8.0, PUBLIC, visitor),
        random("mail in", 0.5, PUBLIC, mail_in),
        random("mail out", 0.4, OFFICE, mail_out),
        random("tunnels", 2.5, PUBLIC, tunnel),
        random("guests", 0.6, OFFICE, guest),
        random("builds", 0.4, OFFICE, build),
        random("results", 5.0, Shape::Flat, result),
        steady("database", 6 * SECOND, 2 * SECOND, Box::new(database)),
        steady("copies", 5 * MINUTE, 20 * SECOND, Box::new(copy)),
        steady(REPORTS, 1200 * MILLI, 600 * MILLI, reports()),
    ]
}

/// Somebody outside looks at our web site.
fn visitor(rng: &mut Rng, now: Nanos, stage: &mut Stage) {
    let client = network::outside_client(rng);
    let down = rng.log_normal(5200, 0.8, 400, 90_000);
    let tcp = talk::call(rng, "www.corp.example", down, Close::ByClient);
    stage.connect(rng, now, client, at(WEB, 443), tcp);
}

fn mail_in(rng: &mut Rng, now: Nanos, stage: &mut Stage) {
    let client = rng.pick(&network::MAIL_PEERS).v4();
    let tcp = talk::mail(rng, "mail.corp.example");
    stage.connect(rng, now, client, at(MAIL, 25), tcp);
}

fn mail_out(rng: &mut Rng, now: Nanos, stage: &mut Stage) {
    let peer = rng.pick(&network::MAIL_PEERS);
    let when = names::look_up(rng, stage, now, MAIL, peer);
    let tcp = talk::mail(rng, peer.name);
    stage.connect(rng, when + MILLI, MAIL, at(peer.v4(), 25), tcp);
}

/// Twenty remote workers keep their tunnels open (ESP in UDP, RFC 3948).
fn tunnel(rng: &mut Rng, now: Nanos, stage: &mut Stage) {
    let worker = rng.below(20) as u32;
    let client = at(
        network::benchmark(2 + worker % 3, 9000 + worker),
        40_000 + worker as u16,
    );
    let mut datagrams = Vec::with_capacity(6);
    for _ in 0..rng.between(1, 3) {
        datagrams.push(Datagram::opaque(true, 30 * MILLI, rng.between(90, 700) as u32));
        datagrams.push(Datagram::opaque(false, 20 * MILLI, rng.between(90, 1300) as u32));
    }
    stage.begin(now, client, at(NAT, 4500), Play::Datagrams(datagrams));
}

/// Guests look at the web from behind the address translator.
fn guest(rng: &mut Rng, now: Nanos, stage: &mut Stage) {
    let site = network::popular_site(rng);
    let when = names::look_up(rng, stage, now, NAT, site);
    let tcp = talk::https(rng, site.name);
    stage.connect(rng, when + MILLI, NAT, at(site.v4(), 443), tcp);
}

fn build(rng: &mut Rng, now: Nanos, stage: &mut Stage) {
    let client = network::workstation(rng.between(0, 17) as u8);
    let tcp = talk::build(rng);
    stage.connect(rng, now, client, at(BUILD, 443), tcp);
}

/// The application servers open their sessions with the database at a steady pace, one after the other.
fn database(rng: &mut Rng, now: Nanos, stage: &mut Stage) {
    let client = *rng.pick(&APPLICATIONS);
    let tcp = talk::database(rng);
    stage.connect(rng, now, client, at(DATABASE, DATABASE_PORT), tcp);
}

fn copy(rng: &mut Rng, now: Nanos, stage: &mut Stage) {
    let tcp = talk::backup(rng);
    stage.connect(rng, now, BACKUP, at(FILES, 8730), tcp);
}

/// Few workers finish at the same time.
fn result(rng: &mut Rng, now: Nanos, stage: &mut Stage) {
    let client = network::worker(rng.below(u64::from(network::WORKERS)) as u8);
    let up = rng.log_normal(1800, 0.5, 300, 9000);
    let tcp = talk::result(rng, up);
    stage.connect(rng, now, client, at(AGGREGATOR, RESULT_PORT), tcp);
}

/// Every worker reports once a minute, each in its turn.
fn reports() -> Act {
    let mut turn = 0;
    Box::new(move |rng, now, stage| {
        turn = (turn + 1) % network::WORKERS;
        let client = network::worker(turn);
        let port = stage.port(rng, client);
        let play = Play::Datagrams(vec![
            Datagram::opaque(true, 0, 180 + u32::from(turn) % 40),
            Datagram::opaque(false, MILLI, 48),
        ]);
        stage.begin(now, at(client, port), at(AGGREGATOR, REPORT_PORT), play);
    })
}
