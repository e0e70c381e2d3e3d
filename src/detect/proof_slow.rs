//! The promises of the slow part: ramps found, null traffic left alone.

use super::proof::Watch;
use super::simulate::Rng;
use super::{Class, Hold};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: usize = 1440;

/// A busy service: a mean of `mean` a minute that swings by half over the day, with noise of a tenth.
fn draw(rng: &mut Rng, watch: &Watch, mean: f64) -> f64 {
    let day = (watch.seconds() / 86_400.0 * std::f64::consts::TAU).sin();
    rng.negative_binomial(mean * (0.4 * day).exp(), 100.0)
}

/// Scores at which one series, judged every minute, raises one false alarm a week: single intervals, the slow part.
fn thresholds() -> (f64, f64) {
    let whole = super::constants::SHARE_POINT + super::constants::SHARE_BASE;
    let score = |tests: f64, share: f64| (tests * whole / share).ln();
    (
        score(10_080.0, super::constants::SHARE_POINT),
        score(168.0, super::constants::SHARE_BASE),
    )
}

/// Of `slots` ramps by the factor `top` over `length` minutes, each on a series of its own after eight days, how many are found
/// by the slow part alone, and by either channel.
fn ramps(top: f64, length: usize, slots: u64) -> (u32, u32) {
    let (point, slow) = thresholds();
    let (mut by_slow, mut by_any) = (0, 0);
    for seed in 0..slots {
        let mut rng = Rng::new(seed + 900);
        let mut watch = Watch::new(Class::Count, MINUTE);
        for _ in 0..8 * DAY + 37 * seed as usize {
            let x = draw(&mut rng, &watch, 500.0);
            watch.step(x);
        }
        let (mut found, mut any) = (false, false);
        for i in 0..length {
            let factor = 1.0 + (top - 1.0) * (i + 1) as f64 / length as f64;
            let x = draw(&mut rng, &watch, 500.0 * factor);
            let verdict = watch.step(x);
            found |= verdict.slow.rise >= slow;
            any |= verdict.rise >= point;
        }
        by_slow += u32::from(found);
        by_any += u32::from(found || any);
    }
    (by_slow, by_any)
}

#[test]
fn an_hour_that_ramps_up_by_three_quarters_is_found_at_one_false_alarm_a_week() {
    let (slow, any) = ramps(1.75, 60, 24);
    println!("a ramp of +75 %: {slow} of 24 by the slow part, {any} by any");
    assert!(slow >= 12, "{slow} of 24");
}

#[test]
fn on_null_traffic_the_slow_part_keeps_its_promise() {
    // 60 series of 20 days, an hour each to a side: 57,600 tests after the first eight days' learning.
    for (odds, most) in [(100.0, 1.5), (1000.0, 2.0)] {
        let (mut alarms, mut blocks) = (0, 0);
        for seed in 0..20 {
            let mut rng = Rng::new(seed + 3000);
            let mut watch = Watch::new(Class::Count, MINUTE);
            let mut worst = [0.0_f64; 2];
            for i in 0..16 * DAY {
                let x = draw(&mut rng, &watch, 200.0);
                let verdict = watch.step(x);
                worst = [worst[0].max(verdict.slow.rise), worst[1].max(verdict.slow.dip)];
                if i % 60 == 59 {
                    let judged = i >= 4 * DAY;
                    blocks += if judged { 2 } else { 0 };
                    let passed = worst.iter().filter(|&&w| w >= f64::ln(odds)).count();
                    alarms += if judged { passed } else { 0 };
                    worst = [0.0; 2];
                }
            }
        }
        let ratio = alarms as f64 * odds / f64::from(blocks);
        println!("slow part at one in {odds}: {alarms} in {blocks} hours, {ratio:.2} of what was promised");
        assert!(ratio <= most, "{ratio}");
    }
}

#[test]
fn what_has_become_usual_is_no_shift_any_longer() {
    let mut rng = Rng::new(77);
    let mut watch = Watch::new(Class::Count, MINUTE);
    for _ in 0..4 * DAY {
        let x = draw(&mut rng, &watch, 300.0);
        watch.step(x);
    }
    for _ in 0..90 {
        let x = draw(&mut rng, &watch, 1500.0);
        watch.teach(x, Hold::Open);
    }
    let x = draw(&mut rng, &watch, 1500.0);
    let before = watch.judge(x).slow.rise;
    watch.accept(x);
    let after = watch.judge(x).slow.rise;
    assert!(before > 8.0 && after < 5.0, "{before} then {after}");
}

#[test]
fn a_sparse_series_has_no_slow_part() {
    let mut rng = Rng::new(78);
    for class in [Class::Bytes, Class::Count] {
        let mut watch = Watch::new(class, MINUTE);
        for _ in 0..3 * DAY {
            let there = rng.uniform() < 0.1;
            watch.step(if there { 800.0 * rng.uniform() } else { 0.0 });
        }
        assert!(!watch.judge(900.0).slow.ready, "{class:?}");
    }
}
