//! The promises of the fleet's prior: heavy networks make young series cautious, light ones bold.

use super::proof::Watch;
use super::simulate::Rng;
use super::{Class, Prior, Priors, Refit};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// What a fleet of 40 series of a class teaches after three days of `draw`.
fn taught(class: Class, draw: fn(&mut Rng) -> f64) -> Priors {
    let mut refit = Refit::default();
    for seed in 0..40 {
        let mut rng = Rng::new(seed + 7000);
        let mut watch = Watch::new(class, MINUTE);
        for _ in 0..3 * 1440 {
            let x = draw(&mut rng);
            watch.step(x);
        }
        watch.tail().into_iter().for_each(|tail| refit.add(class, tail));
    }
    refit.priors()
}

/// Steady bytes, a download of a thousand times as much in one interval of a hundred.
fn downloads(rng: &mut Rng) -> f64 {
    let steady = (9.0 + 0.3 * rng.normal()).exp();
    if rng.uniform() < 0.01 {
        steady * (7.0 + rng.normal()).exp()
    } else {
        steady
    }
}

fn steady(rng: &mut Rng) -> f64 {
    (9.0 + 0.3 * rng.normal()).exp()
}

/// Rise that a series of 60 steady intervals sees in forty times as much.
fn young(prior: Prior) -> f64 {
    let mut rng = Rng::new(5);
    let mut watch = Watch::new(Class::Bytes, MINUTE);
    watch.prior = prior;
    for _ in 0..60 {
        let x = steady(&mut rng);
        watch.step(x);
    }
    watch.judge(40.0 * 9.0_f64.exp()).rise
}

#[test]
fn heavy_networks_make_young_series_cautious_and_light_ones_bold() {
    let heavy = young(taught(Class::Bytes, downloads).of(Class::Bytes));
    let light = young(taught(Class::Bytes, steady).of(Class::Bytes));
    let shipped = young(Prior::of(Class::Bytes));
    println!("a download on a young series: {heavy:.1} heavy, {shipped:.1} shipped, {light:.1} light");
    assert!(
        heavy + 2.0 < shipped && shipped + 2.0 < light,
        "{heavy} {shipped} {light}"
    );
}

/// Share of 300 sparse young series whose first download passes at one in a million.
fn first_downloads(prior: Prior) -> f64 {
    let strange = (0..300).filter(|&seed| {
        let mut rng = Rng::new(seed + 11);
        let mut watch = Watch::new(Class::Bytes, MINUTE);
        watch.prior = prior;
        let mut seen = 0;
        while seen < 30 {
            let there = rng.uniform() < 0.2;
            seen += u32::from(there);
            watch.step(if there { 600.0 + 20.0 * rng.normal() } else { 0.0 });
        }
        watch.judge((12.0 + rng.normal()).exp()).rise >= 1e6_f64.ln()
    });
    strange.count() as f64 / 300.0
}

#[test]
fn where_downloads_are_common_the_first_of_a_regular_series_is_no_news() {
    let sparse = |rng: &mut Rng| match rng.uniform() {
        u if u > 0.2 => 0.0,
        u if u < 0.004 => (12.0 + rng.normal()).exp(),
        _ => 600.0 + 20.0 * rng.normal(),
    };
    let prior = taught(Class::Bytes, sparse).of(Class::Bytes);
    let (shipped, fitted) = (first_downloads(Prior::of(Class::Bytes)), first_downloads(prior));
    println!(
        "first downloads that pass at one in a million: {shipped:.2} shipped, {fitted:.2} with {prior:.1?}"
    );
    assert!(fitted < 0.05, "{fitted}");
}

/// Observed over promised alarms at one in 10,000 among downloads, on the first day and from the fifth to the eighth.
fn among(class: Class, prior: Prior, draw: fn(&mut Rng) -> f64) -> (f64, f64) {
    let (mut first, mut later) = (0, 0);
    for seed in 0..60 {
        let mut rng = Rng::new(seed + 60);
        let mut watch = Watch::new(class, MINUTE);
        watch.prior = prior;
        for i in 0..8 * 1440 {
            let x = draw(&mut rng);
            let alarm = u32::from(watch.step(x).rise >= 1e4_f64.ln());
            first += if i < 1440 { alarm } else { 0 };
            later += if i >= 4 * 1440 { alarm } else { 0 };
        }
    }
    (f64::from(first) / 8.64, f64::from(later) / 34.56)
}

/// Fifty a minute, twenty times as many in one minute of a hundred.
fn bursts(rng: &mut Rng) -> f64 {
    let factor = if rng.uniform() < 0.01 { 20.0 } else { 1.0 };
    rng.negative_binomial(50.0 * factor, 10.0)
}

#[test]
fn a_fitted_prior_keeps_the_first_day_within_its_promise() {
    type Draw = fn(&mut Rng) -> f64;
    for (name, class, draw) in [
        ("downloads", Class::Bytes, downloads as Draw),
        ("bursts", Class::Count, bursts),
    ] {
        let prior = taught(class, draw).of(class);
        let (shipped, fitted) = (among(class, Prior::of(class), draw), among(class, prior, draw));
        println!(
            "alarms over promised among {name}, first day and later: {shipped:.2?} shipped, {fitted:.2?} with {prior:.1?}"
        );
        assert!(fitted.0 <= 3.5 && fitted.1 <= 1.5, "{name}: {fitted:?}");
    }
}
