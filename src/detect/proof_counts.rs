//! The promises of tests on counts: lasting rises found soon, null traffic left alone at each rate.

use super::proof::ratios;
use super::simulate::Rng;
use super::{Class, SequentialSeries};
use crate::model::Timestamp;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

fn at(minute: i64) -> Timestamp {
    Timestamp::from_secs(minute * 60)
}

/// Median number of intervals until a steady rise by `factor` raises an alarm at one in a million, over 61 series that
/// learned their mean and burstiness for three days.
fn median_delay(mean: f64, factor: f64) -> usize {
    let mut delays: Vec<usize> = (0..61)
        .map(|seed| {
            let mut rng = Rng::new(seed + 400);
            let mut series = SequentialSeries::new(MINUTE);
            for i in 0..4320 {
                series.update(at(i), rng.negative_binomial(mean, 20.0));
            }
            let risen = |i: &i64| {
                let x = rng.negative_binomial(mean * factor, 20.0);
                series.update(at(4320 + i), x).rise >= 1e6_f64.ln()
            };
            (0..400).find(risen).unwrap_or(400) as usize + 1
        })
        .collect();
    delays.sort_unstable();
    delays[30]
}

#[test]
fn a_steady_rise_by_half_at_thirty_a_minute_is_found_within_sixteen_minutes_of_a_learned_mean() {
    let half = median_delay(30.0, 1.5);
    println!(
        "x1.5 at 30 a minute: found after {half} minutes, x2: {}",
        median_delay(30.0, 2.0)
    );
    // Eleven if the mean were certain; the rest is the price of a mean that is learned, and not to be fooled by.
    assert!(half <= 16, "{half}");
}

/// Alarms of the sequential test over what `odds` promise, means learned; either side counts.
fn sequential_ratio(mean: f64, odds: f64, series: u64, learn: i64, length: i64) -> f64 {
    let mut alarms = 0;
    for seed in 0..series {
        let mut rng = Rng::new(seed + 5000);
        let mut test = SequentialSeries::new(MINUTE);
        for i in 0..length {
            let evidence = test.update(at(i), rng.negative_binomial(mean, 20.0));
            if evidence.rise.max(evidence.fall) >= odds.ln() {
                alarms += i32::from(i >= learn);
                test.reset();
            }
        }
    }
    f64::from(alarms) * odds / (series as f64 * (length - learn) as f64)
}

#[test]
fn sequential_tests_with_learned_means_keep_their_promise() {
    for mean in [0.3, 3.0, 30.0, 300.0] {
        let (thousand, tens) = (
            sequential_ratio(mean, 1e3, 40, 1440, 8640),
            sequential_ratio(mean, 1e4, 40, 1440, 8640),
        );
        let first = sequential_ratio(mean, 1e3, 200, 0, 1440);
        println!(
            "sequential, mean {mean}: {thousand:.2} at one in 1,000, {tens:.2} at one in 10,000, {first:.2} on the first day"
        );
        assert!(
            thousand <= 1.5 && tens <= 1.5 && first <= 3.5,
            "{mean}: {thousand} {tens} {first}"
        );
    }
}

#[test]
#[ignore = "two minutes: prints observed over promised down to one in 100,000"]
fn null_traffic_table() {
    let odds = [1e3, 1e4, 1e5];
    type Case = (&'static str, Class, fn(&mut Rng) -> f64);
    let cases: [Case; 8] = [
        ("Poisson 0.1", Class::Count, |r| r.poisson(0.1)),
        ("Poisson 3", Class::Count, |r| r.poisson(3.0)),
        ("Poisson 30", Class::Count, |r| r.poisson(30.0)),
        ("Poisson 300", Class::Count, |r| r.poisson(300.0)),
        ("negative binomial 5, size 2", Class::Count, |r| {
            r.negative_binomial(5.0, 2.0)
        }),
        ("negative binomial 100, size 5", Class::Count, |r| {
            r.negative_binomial(100.0, 5.0)
        }),
        ("lognormal bytes", Class::Bytes, |r| (11.0 + r.normal()).exp()),
        ("normal gauge", Class::Gauge, |r| 50.0 + r.normal()),
    ];
    for (name, class, draw) in cases {
        let mature = ratios(class, 60, 1500, 18_500, draw, &odds);
        let first = ratios(class, 400, 0, 1440, draw, &odds);
        println!("{name}: {mature:.2?}, first day {first:.2?}");
        assert!(
            mature.iter().all(|&r| r <= 1.5) && first.iter().all(|&r| r <= 3.5),
            "{name}"
        );
    }
}
