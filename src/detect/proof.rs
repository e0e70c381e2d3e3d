//! The promises of the baseline, kept on simulated traffic.

use super::simulate::Rng;
use super::{Baseline, Class, Hold, Prior, Verdict};
use crate::model::Timestamp;
use proptest::prelude::*;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// A series at work: judges, then teaches what it judged.
pub(super) struct Watch {
    baseline: Baseline,
    pub(super) prior: Prior,
    now: Timestamp,
    step: Duration,
}

impl Watch {
    pub(super) fn new(class: Class, step: Duration) -> Self {
        Self {
            baseline: Baseline::new(class, step),
            prior: Prior::of(class),
            now: Timestamp::from_secs(1_700_000_000).floor(Duration::from_secs(86_400)),
            step,
        }
    }

    pub(super) fn judge(&self, x: f64) -> Verdict {
        self.baseline.judge(self.now, x, 0.0, &self.prior)
    }

    pub(super) fn step(&mut self, x: f64) -> Verdict {
        let verdict = self.judge(x);
        self.teach(x, Hold::Free);
        verdict
    }

    pub(super) fn teach(&mut self, x: f64, hold: Hold) {
        self.baseline.learn(self.now, x, &self.prior, hold);
        self.now = self.now + self.step;
    }

    pub(super) fn tail(&self) -> Option<super::TailRecord> {
        self.baseline.tail()
    }

    pub(super) fn accept(&mut self, x: f64) {
        self.baseline.accept_new_normal(self.now, x);
    }

    pub(super) fn seconds(&self) -> f64 {
        self.now.as_secs() as f64
    }
}

fn worst(verdict: Verdict) -> f64 {
    verdict.rise.max(verdict.dip)
}

/// Observed over promised alarms at each of `odds`, over `series` series of `length` intervals, the first `skip`
/// not counted.
pub(super) fn ratios(
    class: Class,
    series: u64,
    skip: usize,
    length: usize,
    draw: impl Fn(&mut Rng) -> f64,
    odds: &[f64],
) -> Vec<f64> {
    let mut alarms = vec![0.0; odds.len()];
    for seed in 0..series {
        let mut rng = Rng::new(seed + 100);
        let mut watch = Watch::new(class, MINUTE);
        for i in 0..length {
            let score = worst(watch.step(draw(&mut rng)));
            for (alarms, odds) in alarms.iter_mut().zip(odds) {
                *alarms += f64::from(u8::from(i >= skip && score >= odds.ln()));
            }
        }
    }
    let judged = (series as usize * (length - skip)) as f64;
    alarms
        .iter()
        .zip(odds)
        .map(|(a, odds)| a * odds / judged)
        .collect()
}

#[test]
fn on_null_traffic_false_alarms_are_at_most_half_more_than_promised() {
    let odds = [1e3, 1e4];
    let bytes = |rng: &mut Rng| (11.0 + rng.normal()).exp();
    let mut rows: Vec<(String, Vec<f64>)> = Vec::new();
    for mean in [0.1, 3.0, 30.0, 300.0] {
        rows.push((
            format!("Poisson {mean}"),
            ratios(Class::Count, 20, 1500, 6500, |r| r.poisson(mean), &odds),
        ));
    }
    let bursty = |r: &mut Rng| r.negative_binomial(5.0, 2.0);
    rows.push((
        "negative binomial 5".into(),
        ratios(Class::Count, 20, 1500, 6500, bursty, &odds),
    ));
    rows.push((
        "lognormal bytes".into(),
        ratios(Class::Bytes, 20, 1500, 6500, bytes, &odds),
    ));
    for (name, ratios) in &rows {
        println!("{name}: {ratios:.2?}");
    }
    for (name, ratios) in rows {
        // 100 alarms are due at the first odds, 10 at the second: room for three standard deviations of the latter.
        assert!(ratios[0] <= 1.5 && ratios[1] <= 2.5, "{name}: {ratios:?}");
    }
}

#[test]
fn the_first_day_keeps_its_promise_within_three_and_a_half() {
    type Case = (&'static str, Class, fn(&mut Rng) -> f64);
    let draws: [Case; 4] = [
        ("Poisson 0.3", Class::Count, |r| r.poisson(0.3)),
        ("Poisson 9", Class::Count, |r| r.poisson(9.0)),
        ("Poisson 30", Class::Count, |r| r.poisson(30.0)),
        ("lognormal bytes", Class::Bytes, |r| (11.0 + r.normal()).exp()),
    ];
    for (name, class, draw) in draws {
        let ratios = ratios(class, 100, 0, 1440, draw, &[1e3, 1e4]);
        println!("{name}: {ratios:.2?}");
        assert!(ratios[0] <= 3.5 && ratios[1] <= 3.5, "{name}: {ratios:?}");
    }
}

/// Share of 40 series whose interval of `mean` + `more` scores at least `score` after two days.
fn power(mean: f64, more: f64, score: f64) -> f64 {
    let found = (0..40).filter(|&seed| {
        let mut rng = Rng::new(seed + 1);
        let mut watch = Watch::new(Class::Count, MINUTE);
        for _ in 0..2880 {
            watch.step(rng.poisson(mean));
        }
        watch.judge(rng.poisson(mean) + more).rise >= score
    });
    found.count() as f64 / 40.0
}

#[test]
fn small_counts_that_jump_are_found_at_one_in_a_million() {
    let million = 1e6_f64.ln();
    for (mean, more, least) in [
        (0.02, 5.0, 0.9),
        (0.3, 10.0, 0.9),
        (3.0, 20.0, 0.7),
        (30.0, 150.0, 0.9),
    ] {
        let power = power(mean, more, million);
        println!("base {mean} +{more}: {power}");
        assert!(power >= least, "base {mean} +{more}: {power}");
    }
}

#[test]
fn a_flood_on_a_quiet_series_scores_very_high_within_half_an_hour_of_history() {
    let mut watch = Watch::new(Class::Count, MINUTE);
    for i in 0..30 {
        watch.step(f64::from(i % 4));
    }
    let verdict = watch.judge(500.0);
    assert!(verdict.ready && verdict.rise > 19.0, "{verdict:?}");
    assert!(watch.judge(9.0).rise < 9.0, "{:?}", watch.judge(9.0));
}

#[test]
fn a_short_history_judges_nothing() {
    for class in [Class::Count, Class::Bytes, Class::Gauge] {
        let mut watch = Watch::new(class, MINUTE);
        for _ in 0..10 {
            watch.step(3.0);
        }
        let verdict = watch.judge(1e9);
        assert!(!verdict.ready && worst(verdict) == 0.0, "{class:?} {verdict:?}");
    }
}

#[test]
fn three_times_as_much_is_found_in_the_first_hour_and_after() {
    let mut found = 0;
    for seed in 0..50 {
        let mut rng = Rng::new(seed + 9);
        let mut watch = Watch::new(Class::Count, MINUTE);
        for _ in 0..50 {
            watch.step(rng.negative_binomial(1000.0, 200.0));
        }
        found += u32::from(watch.judge(rng.negative_binomial(3000.0, 200.0)).rise >= 10_080_f64.ln());
    }
    println!("first hour: {found} of 50");
    assert!(found >= 35, "{found} of 50");
}

#[test]
fn a_four_hour_outage_of_nine_tenths_is_found_on_hourly_counts() {
    let mut found = 0;
    for seed in 0..40 {
        let mut rng = Rng::new(seed + 70);
        let mut watch = Watch::new(Class::Count, Duration::from_secs(3600));
        let mut draw = |watch: &Watch, part: f64| {
            let day = (watch.seconds() / 86_400.0 * std::f64::consts::TAU).sin();
            rng.negative_binomial(400.0 * part * (0.8 * day).exp(), 30.0)
        };
        for _ in 0..21 * 24 {
            let x = draw(&watch, 1.0);
            watch.step(x);
        }
        let dip = (0..4)
            .map(|_| {
                let x = draw(&watch, 0.1);
                watch.step(x).dip
            })
            .fold(0.0, f64::max);
        found += u32::from(dip >= 168_f64.ln());
    }
    println!("outages: {found} of 40");
    assert!(found >= 36, "{found} of 40");
}

/// Mean band width over expectation on the last of `days` days, for a series with a strong daily or weekly shape.
fn width(days: i64, shape: impl Fn(f64) -> f64) -> f64 {
    let mut rng = Rng::new(13);
    let mut watch = Watch::new(Class::Count, Duration::from_secs(600));
    let (mut sum, mut count) = (0.0, 0.0);
    for i in 0..days * 144 {
        let mean = shape(watch.seconds() / 86_400.0);
        let verdict = watch.step(rng.poisson(mean));
        if i >= (days - 1) * 144 {
            sum += (verdict.expected - mean).abs() / mean;
            count += 1.0;
        }
    }
    sum / count
}

#[test]
fn a_daily_shape_is_known_on_the_third_day_and_a_weekly_one_in_the_second_week() {
    let office = |day: f64| {
        if (0.375..0.75).contains(&day.fract()) {
            900.0
        } else {
            90.0
        }
    };
    let (first, third) = (width(1, office), width(3, office));
    println!("daily: {first:.3} -> {third:.3}");
    assert!(third < 0.5 * first, "{first} -> {third}");
    let week = |day: f64| if (day as i64) % 7 < 5 { office(day) } else { 90.0 };
    let (before, after) = (width(8, week), width(15, week));
    println!("weekly: {before:.3} -> {after:.3}");
    assert!(after < 0.8 * before, "{before} -> {after}");
}

#[test]
fn a_history_polluted_with_bursts_still_finds_what_is_far_beyond_them() {
    let mut found = 0;
    for seed in 0..40 {
        let mut rng = Rng::new(seed + 500);
        let mut watch = Watch::new(Class::Count, MINUTE);
        for _ in 0..5000 {
            let burst = if rng.uniform() < 0.05 { 3.0 } else { 1.0 };
            watch.step(rng.negative_binomial(100.0 * burst, 50.0));
        }
        for _ in 0..100 {
            watch.step(rng.negative_binomial(100.0, 50.0));
        }
        // Threefold bursts came in one interval of twenty and are no news.
        found += u32::from(watch.judge(2000.0).rise >= 10_080_f64.ln());
    }
    println!("polluted: {found} of 40");
    assert!(found >= 32, "{found} of 40");
}

#[test]
fn missing_data_teaches_nothing() {
    let mut watch = Watch::new(Class::Count, MINUTE);
    let mut rng = Rng::new(2);
    for _ in 0..500 {
        watch.step(rng.poisson(40.0));
    }
    let before = watch.baseline.clone();
    for x in [0.0, 1e9, f64::NAN] {
        watch.teach(x, Hold::Missing);
    }
    watch.teach(f64::INFINITY, Hold::Free);
    assert_eq!(watch.baseline, before);
}

#[test]
fn silence_is_noticed_after_minutes_on_a_busy_series_and_after_half_a_day_on_a_quiet_one() {
    for (mean, least, most) in [(3.0, 4, 14), (0.02, 500, 1500)] {
        let mut rng = Rng::new(4);
        let mut watch = Watch::new(Class::Count, MINUTE);
        for _ in 0..20_000 {
            watch.step(rng.poisson(mean));
        }
        watch.step(1.0);
        let found = (1..5000).find(|_| {
            let dip = watch.judge(0.0).dip;
            watch.teach(0.0, Hold::Open);
            dip >= 1e6_f64.ln()
        });
        println!("{mean} a minute is declared silent after {found:?}");
        assert!(
            found.is_some_and(|n| (least..=most).contains(&n)),
            "{mean}: {found:?}"
        );
    }
}

#[test]
fn handing_over_between_the_models_is_no_event() {
    let mut rng = Rng::new(8);
    let mut watch = Watch::new(Class::Count, MINUTE);
    let mut strange = 0;
    // The mean drifts from 2 to 40 and back over six days, crossing both thresholds.
    for i in 0..8640 {
        let mean = 2.0 + 38.0 * (f64::from(i) / 8640.0 * std::f64::consts::PI).sin().powi(2);
        strange += u32::from(worst(watch.step(rng.poisson(mean))) >= 1e4_f64.ln());
    }
    assert!(strange <= 6, "{strange} false alarms where one was promised");
}

#[test]
fn sparse_bytes_are_judged_among_those_that_are_there() {
    let mut rng = Rng::new(31);
    let mut watch = Watch::new(Class::Bytes, MINUTE);
    let mut strange = 0;
    for _ in 0..20_000 {
        let x = if rng.uniform() < 0.05 {
            (9.0 + 0.5 * rng.normal()).exp()
        } else {
            0.0
        };
        strange += u32::from(worst(watch.step(x)) >= 1e4_f64.ln());
    }
    assert!(strange <= 7, "{strange} false alarms where two were promised");
    assert!(watch.judge(5e6).rise > 12.0, "{:?}", watch.judge(5e6));
    assert!(watch.judge(0.0).dip < 3.0);
}

#[test]
fn an_accepted_new_normal_is_normal() {
    let mut rng = Rng::new(17);
    for (old, new) in [(5.0, 9.0), (5.0, 200.0), (200.0, 1000.0), (200.0, 30.0)] {
        let mut watch = Watch::new(Class::Count, MINUTE);
        for _ in 0..3000 {
            watch.step(rng.poisson(old));
        }
        watch.baseline.accept_new_normal(watch.now, new);
        let verdict = watch.judge(new);
        assert!(worst(verdict) < 3.0, "{old} -> {new}: {verdict:?}");
    }
}

#[test]
fn an_open_anomaly_does_not_become_the_normal_by_itself() {
    let mut rng = Rng::new(18);
    let mut watch = Watch::new(Class::Count, MINUTE);
    for _ in 0..3000 {
        watch.step(rng.poisson(3.0));
    }
    for _ in 0..60 {
        watch.teach(500.0, Hold::Open);
    }
    assert!(watch.judge(500.0).rise > 30.0, "{:?}", watch.judge(500.0));
}

#[test]
fn a_noisy_measurement_is_held_to_less() {
    let mut rng = Rng::new(19);
    for mean in [4.0, 400.0] {
        let mut watch = Watch::new(Class::Count, MINUTE);
        for _ in 0..1000 {
            watch.step(rng.poisson(mean));
        }
        let at = |noise: f64| {
            watch
                .baseline
                .judge(watch.now, 2.0 * mean + 10.0, noise, &Prior::default())
                .rise
        };
        assert!(at(0.5) < at(0.0), "{} {}", at(0.5), at(0.0));
    }
}

#[test]
fn state_stays_within_its_bounds() {
    let mut rng = Rng::new(23);
    let young = Watch::new(Class::Count, MINUTE);
    println!("young: {} octets", young.baseline.octets());
    assert!(young.baseline.octets() <= 160);
    for (class, mean) in [
        (Class::Count, 3.0_f64),
        (Class::Count, 300.0),
        (Class::Bytes, 1e6),
    ] {
        let mut watch = Watch::new(class, Duration::from_secs(600));
        for _ in 0..144 * 15 {
            watch.step(rng.poisson(mean.min(1000.0)) * mean / mean.min(1000.0));
        }
        println!("{class:?} {mean}: {} octets", watch.baseline.octets());
        assert!(watch.baseline.octets() <= 768);
    }
}

#[test]
fn a_restored_baseline_goes_on_exactly_as_the_original() {
    for (class, mean) in [
        (Class::Count, 2.0),
        (Class::Count, 200.0),
        (Class::Bytes, 500.0),
        (Class::Gauge, 50.0),
    ] {
        let mut rng = Rng::new(29);
        let mut watch = Watch::new(class, Duration::from_secs(900));
        for _ in 0..96 * 9 {
            watch.step(rng.poisson(mean));
        }
        let octets = postcard::to_allocvec(&watch.baseline).unwrap();
        let mut copy = Watch {
            baseline: postcard::from_bytes(&octets).unwrap(),
            ..watch
        };
        for _ in 0..300 {
            let x = rng.poisson(mean);
            assert_eq!(watch.step(x), copy.step(x));
        }
    }
}

/// Numbers of every size, the awkward ones among them.
fn any_number() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(0.0),
        Just(f64::MAX),
        Just(f64::MIN),
        Just(f64::MIN_POSITIVE),
        Just(f64::NAN),
        Just(f64::INFINITY),
        0.0..100.0,
        (-300.0..300.0).prop_map(|e: f64| 10.0_f64.powf(e)),
        any::<f64>(),
    ]
}

fn any_class() -> impl Strategy<Value = Class> {
    prop_oneof![Just(Class::Count), Just(Class::Bytes), Just(Class::Gauge)]
}

fn any_hold() -> impl Strategy<Value = Hold> {
    prop_oneof![6 => Just(Hold::Free), 1 => Just(Hold::Open), 1 => Just(Hold::Missing)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn whatever_comes_every_number_said_is_finite(
        class in any_class(),
        step in 1u64..200_000,
        start in any::<i64>(),
        series in proptest::collection::vec((any_number(), any_hold()), 1..150),
        noise in any_number(),
    ) {
        let mut watch = Watch::new(class, Duration::from_secs(step));
        watch.now = Timestamp::from_nanos(start);
        for (x, hold) in series {
            let v = watch.baseline.judge(watch.now, x, noise, &Prior::default());
            for said in [v.expected, v.lower, v.upper, v.rise, v.dip] {
                prop_assert!(said.is_finite(), "{} gave {:?}", x, v);
            }
            prop_assert!(v.rise >= 0.0 && v.dip >= 0.0);
            watch.teach(x, hold);
        }
        watch.baseline.accept_new_normal(watch.now, 7.0);
        prop_assert!(watch.judge(8.0).rise.is_finite());
    }

    #[test]
    fn more_is_never_a_lesser_rise_and_less_never_a_lesser_dip(
        class in any_class(),
        mean in 0.05..500.0,
        length in 20usize..400,
        seed in any::<u64>(),
        mut values in proptest::collection::vec((-3.0..12.0).prop_map(|e: f64| 10.0_f64.powf(e)), 2..30),
    ) {
        let mut rng = Rng::new(seed);
        let mut watch = Watch::new(class, MINUTE);
        for _ in 0..length {
            watch.step(rng.poisson(mean));
        }
        values.sort_by(f64::total_cmp);
        let verdicts: Vec<_> = values.iter().map(|&x| watch.judge(x)).collect();
        for pair in verdicts.windows(2) {
            prop_assert!(pair[1].rise >= pair[0].rise - 1e-6, "{:?}", pair);
            prop_assert!(pair[1].dip <= pair[0].dip + 1e-6, "{:?}", pair);
        }
    }
}
