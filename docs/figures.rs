//! Draws the pictures of the guide's page on how the detector thinks: simulated series, judged by the detector itself.
//!
//! `cargo run --example figures` writes `docs/src/figures/*.svg`. The series are simulated from fixed seeds, so the same
//! detector draws the same pictures: when one changes, the detector has changed its mind.

use std::error::Error;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;
use tidemark::cli::judge::{self, Judged, Options};
use tidemark::detect::{ScanWalk, SequentialSeries, Theta};
use tidemark::model::Timestamp;
use tidemark::report::figure::{Figure, Sample};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Monday, 2026-03-02T00:00:00Z.
const MONDAY: i64 = 1_772_409_600;
const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Seconds since the beginning.
type Seconds = i64;

fn main() -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src/figures");
    std::fs::create_dir_all(&folder)?;
    for (name, svg) in figures()? {
        std::fs::write(folder.join(name), svg)?;
        println!("docs/src/figures/{name}");
    }
    Ok(())
}

/// Every picture: name of its file, and the drawing.
fn figures() -> Result<Vec<(&'static str, String)>> {
    Ok(vec![
        ("learning.svg", learning()?),
        ("hour.svg", hour()?),
        ("burst.svg", burst()?),
        ("silence.svg", silence()?),
        ("ramp.svg", ramp()?),
        ("evidence.svg", evidence()),
        ("scan.svg", scan()),
    ])
}

/// A server's connections by the time of the week: busy from eight to six on working days.
fn office(at: Seconds) -> f64 {
    let hour = (at % DAY) as f64 / HOUR as f64;
    let bump = |centre: f64, width: f64| (-((hour - centre) / width).powi(2)).exp();
    let weekend = (at / DAY) % 7 >= 5;
    let work = 240.0 * bump(10.5, 2.6) + 210.0 * bump(15.0, 2.4);
    40.0 + if weekend { 0.12 } else { 1.0 } * work
}

fn learning() -> Result<String> {
    let series = simulate(1, 5 * MINUTE, 16 * DAY, 300.0, office);
    picture(
        "Two weeks of learning: first the level, then the day, then the week",
        "connections in 5 minutes to a server",
        5 * MINUTE,
        &series,
        0,
    )
}

fn hour() -> Result<String> {
    let twice = |at: Seconds| match at - 22 * DAY {
        from if (3 * HOUR..3 * HOUR + 15 * MINUTE).contains(&from) => 230.0,
        _ => office(at),
    };
    let series = simulate(2, 5 * MINUTE, 22 * DAY + 20 * HOUR, 300.0, twice);
    picture(
        "230 connections are nothing at ten in the morning, and an anomaly at three in the night",
        "connections in 5 minutes to a server, after three weeks",
        5 * MINUTE,
        &series,
        21 * DAY + 20 * HOUR,
    )
}

fn burst() -> Result<String> {
    let more = |at: Seconds| match at - 9 * DAY - 14 * HOUR {
        0..1500 => 1.6 * office(at),
        _ => office(at),
    };
    let series = simulate(3, MINUTE, 9 * DAY + 18 * HOUR, 300.0, more);
    picture(
        "Sixty percent more for 25 minutes: the anomaly opens, holds and closes",
        "connections a minute to a server",
        MINUTE,
        &series,
        9 * DAY + 11 * HOUR,
    )
}

fn silence() -> Result<String> {
    let stops = |at: Seconds| {
        if (2 * DAY..2 * DAY + 40 * MINUTE).contains(&at) {
            0.0
        } else {
            3.0
        }
    };
    let series = simulate(4, MINUTE, 2 * DAY + 70 * MINUTE, 20.0, stops);
    picture(
        "Silence: no single empty minute is strange, ten of them in a row are",
        "connections a minute to a small service",
        MINUTE,
        &series,
        2 * DAY - 50 * MINUTE,
    )
}

fn ramp() -> Result<String> {
    let climb = |at: Seconds| {
        let into = (at - 25 * DAY - 9 * HOUR) as f64 / HOUR as f64;
        office(at) * (1.0 + into.clamp(0.0, 3.0) / 3.0)
    };
    let series = simulate(5, 5 * MINUTE, 25 * DAY + 14 * HOUR, 300.0, climb);
    picture(
        "A ramp: every interval looks like its neighbour, but none like its hour",
        "connections in 5 minutes to a server",
        5 * MINUTE,
        &series,
        24 * DAY,
    )
}

/// The sequential test alone: its score is the evidence that added up.
fn evidence() -> String {
    let step = MINUTE;
    let rises = |at: Seconds| if at < 3 * DAY { 30.0 } else { 42.0 };
    let series = simulate(6, step, 3 * DAY + 40 * MINUTE, 400.0, rises);
    let mut test = SequentialSeries::new(Duration::from_secs(step as u64));
    let samples: Vec<Sample> = series
        .iter()
        .map(|&(at, value)| {
            let at = time(at);
            let expected = test.expected(at);
            let score = test.update(at, value).rise;
            let spread = 3.09 * expected.sqrt();
            Sample {
                at,
                value: Some(value),
                expected,
                lower: expected - spread,
                upper: expected + spread,
                score,
                anomaly: score >= 13.8,
            }
        })
        .collect();
    let figure = Figure {
        title: "Evidence adds up: 42 instead of 30 a minute, and no single minute that stands out",
        unit: "connections a minute",
        step: Duration::from_secs(step as u64),
        threshold: 13.8,
        samples: since(&samples, 3 * DAY - HOUR),
    };
    figure.svg()
}

/// A busy client, then a scanner: what the walk makes of their contacts.
fn scan() -> String {
    let mut rng = Rng(11);
    let (mut client, mut scanner) = (ScanWalk::new(), ScanWalk::new());
    let theta = Theta::default();
    let samples: Vec<Sample> = (0..80)
        .map(|n| {
            let (walk, answered) = if n < 45 {
                (&mut client, rng.uniform() < 0.8)
            } else {
                (&mut scanner, rng.uniform() < 0.15)
            };
            let (failures, successes) = if answered { (0, 1) } else { (1, 0) };
            let score = walk.update(failures, successes, theta);
            Sample {
                at: time(n),
                value: Some(f64::from(failures)),
                expected: if n < 45 { 0.2 } else { 0.85 },
                lower: f64::NAN,
                upper: f64::NAN,
                score,
                anomaly: score >= 11.5,
            }
        })
        .collect();
    let figure = Figure {
        title: "First contacts: a client for 45 of them, then a scanner",
        unit: "1: the contact failed, 0: it was answered; dashed: the usual share of failures",
        step: Duration::from_secs(1),
        threshold: 11.5,
        samples: &samples,
    };
    figure.svg()
}

/// What the program makes of a series, drawn from `from` on.
fn picture(
    title: &str,
    unit: &str,
    step: Seconds,
    series: &[(Seconds, f64)],
    from: Seconds,
) -> Result<String> {
    let (samples, threshold) = judged(series, step)?;
    let figure = Figure {
        title,
        unit,
        step: Duration::from_secs(step.try_into()?),
        threshold,
        samples: since(&samples, from),
    };
    Ok(figure.svg())
}

/// What `tidemark judge` says of a series, and the threshold it used.
fn judged(series: &[(Seconds, f64)], step: Seconds) -> Result<(Vec<Sample>, f64)> {
    let mut csv = String::from("timestamp,value\n");
    for (at, value) in series {
        writeln!(csv, "{},{value}", MONDAY + at)?;
    }
    let mut samples = Vec::new();
    let mut see = |judged: &Judged| samples.push(judge::sample(judged));
    let summary = judge::run_and_show(
        csv.as_bytes(),
        &mut std::io::sink(),
        &Options::default(),
        &mut see,
    )?;
    assert_eq!(summary.step, Duration::from_secs(step.try_into()?));
    Ok((samples, summary.threshold))
}

/// The samples from `from` on.
fn since(samples: &[Sample], from: Seconds) -> &[Sample] {
    let first = samples.partition_point(|s| s.at < time(from));
    samples.get(first..).unwrap_or_default()
}

fn time(at: Seconds) -> Timestamp {
    Timestamp::from_secs(MONDAY + at)
}

/// Counts of a process with the mean `mean`, and the burstiness of traffic: a gamma mixture of shape `size`.
fn simulate(
    seed: u64,
    step: Seconds,
    length: Seconds,
    size: f64,
    mean: impl Fn(Seconds) -> f64,
) -> Vec<(Seconds, f64)> {
    let mut rng = Rng(seed);
    (0..length / step)
        .map(|n| (n * step, rng.count(mean(n * step), size)))
        .collect()
}

/// SplitMix64 (Steele, Lea and Flood 2014): random enough for pictures.
struct Rng(u64);

impl Rng {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (((z ^ (z >> 31)) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// A count with this mean and the variance mean + mean^2/size: exact for few, rounded normal for many.
    fn count(&mut self, mean: f64, size: f64) -> f64 {
        let mean = mean * (1.0 + self.normal() / size.sqrt()).max(0.0);
        if mean > 30.0 {
            return (mean + self.normal() * mean.sqrt()).round().max(0.0);
        }
        let (least, mut product, mut count) = ((-mean).exp(), self.uniform(), 0.0);
        while product > least {
            product *= self.uniform();
            count += 1.0;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_pictures_of_the_guide_are_what_the_detector_draws() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src/figures");
        for (name, svg) in super::figures().unwrap() {
            let kept = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
            assert!(
                kept == svg,
                "{name}: run `cargo run --example figures`, and look at it"
            );
        }
    }
}
