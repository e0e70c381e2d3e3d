//! People at their workstations: the web, files, mail, shells, and contacts that fail.

use crate::drill::calendar::OFFICE;
use crate::drill::exchange::{MILLI, Nanos, at};
use crate::drill::names;
use crate::drill::network::{self, FILES, MAIL, PROXY, QUOTA, SERVERS, SHELL, Site};
use crate::drill::rng::Rng;
use crate::drill::source::{Pace, Source, at_work};
use crate::drill::stage::Stage;
use crate::drill::talk;
use crate::drill::tcp::Close;
use crate::model::Ip;

pub(super) fn sources(seed: u64, scale: f64) -> Vec<Source> {
    let people = |label, per_minute: f64, act: fn(&mut Rng, Nanos, &mut Stage)| {
        Source::new(
            seed,
            label,
            Pace::Random(per_minute * scale),
            OFFICE,
            Box::new(act),
        )
    };
    vec![
        people("pages", 3.4, page),
        people("downloads", 0.3, download),
        people("proxied pages", 0.9, proxied_page),
        people("calls", 0.8, quota_call),
        people("files", 0.9, open_files),
        people("mailboxes", 0.8, read_mail),
        people("shells", 0.12, shell),
        people("failures", 0.7, failure),
        people("names without answer", 0.5, vain_name),
    ]
}

/// The number of somebody at work.
fn somebody(rng: &mut Rng, now: Nanos) -> u8 {
    let mut number = 0;
    for _ in 0..8 {
        number = rng.below(u64::from(network::WORKSTATIONS)) as u8;
        if at_work(number, now) {
            break;
        }
    }
    number
}

/// The addresses of both ends: IPv6 where both have it, mostly.
fn ends(rng: &mut Rng, number: u8, site: &Site) -> (Ip, Ip) {
    match (network::workstation_v6(number), site.v6()) {
        (Some(client), Some(server)) if rng.chance(0.8) => (client, server),
        _ => (network::workstation(number), site.v4()),
    }
}

/// A name is asked for unless it is still remembered.
fn visit(rng: &mut Rng, now: Nanos, stage: &mut Stage, script: fn(&mut Rng, &str) -> talk::Script) {
    let number = somebody(rng, now);
    let site = network::popular_site(rng);
    let mut when = now;
    if rng.chance(0.65) {
        when = names::look_up(rng, stage, now, network::workstation(number), site) + MILLI;
    }
    let (client, server) = ends(rng, number, site);
    let tcp = script(rng, site.name);
    stage.connect(rng, when, client, at(server, 443), tcp);
}

fn page(rng: &mut Rng, now: Nanos, stage: &mut Stage) {
    visit(rng, now, stage, talk::https);
}

fn download(rng: &mut Rng, now: Nanos, stage: &mut Stage) {
    visit(rng, now, stage, talk::download);
}

/// One workstation in five goes by the proxy, which asks and connects in its stead.
fn proxied_page(rng: &mut Rng, now: Nanos, stage: &mut Stage) {
    let number = somebody(rng, now) / 5 * 5;
    let site = network::popular_site(rng);
    let inner = talk::by_proxy(rng, site.name);
    stage.connect(rng, now, network::workstation(number), at(PROXY, 3128), inner);
    let when = names::look_up(rng, stage, now + 2 * MILLI, PROXY, site);
    let outer = talk::https(rng, site.name);
    stage.connect(rng, when + MILLI, PROXY, at(site.v4(), 443), outer);
}

/// Tools of some workstations use the interface with a quota, now and then.
fn quota_call(rng: &mut Rng, now: Nanos, stage: &mut Stage) {
    let client = network::workstation(rng.between(18, 25) as u8);
    let when = names::look_up(rng, stage, now, client, &QUOTA);
    let down = rng.log_normal(1800, 0.6, 300, 20_000);
    let tcp = talk::call(rng, QUOTA.name, down, Close::ByClient);
    stage.connect(rng, when + MILLI, client, at(QUOTA.v4(), 443), tcp);
}

fn open_files(rng: &mut Rng, now: Nanos, stage: &mut Stage) {
    let client = network::workstation(somebody(rng, now));
    let tcp = talk::files(rng);
    stage.connect(rng, now, client, at(FILES, 445), tcp);
}

/// A mailbox is looked into over TLS (IMAPS).
fn read_mail(rng: &mut Rng, now: Nanos, stage: &mut Stage) {
    let client = network::workstation(somebody(rng, now));
    let down = rng.log_normal(2400, 0.9, 200, 60_000);
    let tcp = talk::call(rng, "mail.corp.example", down, Close::ByClient);
    stage.connect(rng, now, client, at(MAIL, 993), tcp);
}

fn shell(rng: &mut Rng, now: Nanos, stage: &mut Stage) {
    let client = network::workstation(somebody(rng, now));
    let tcp = talk::ssh_session(rng);
    stage.connect(rng, now, client, at(SHELL, 22), tcp);
}

/// A closed port, or a site that is down.
fn failure(rng: &mut Rng, now: Nanos, stage: &mut Stage) {
    let client = network::workstation(somebody(rng, now));
    let refused = rng.chance(0.6);
    let server = if refused {
        at(*rng.pick(&SERVERS), *rng.pick(&[80, 443, 8080, 9100]))
    } else {
        at(network::benchmark(5, 8000 + rng.below(12) as u32), 443)
    };
    let tcp = talk::failure(rng, refused, 2);
    stage.connect(rng, now, client, server, tcp);
}

fn vain_name(rng: &mut Rng, now: Nanos, stage: &mut Stage) {
    let client = network::workstation(somebody(rng, now));
    let name = *rng.pick(&[
        "wpad.corp.example",
        "printer9.corp.example",
        "old-wiki.corp.example",
    ]);
    names::ask_in_vain(rng, stage, now, client, name);
}
