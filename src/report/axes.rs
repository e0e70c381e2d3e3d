//! Where the ticks of an axis lie and what stands beside them; shared by every drawing.

use super::when::civil;
use crate::model::Timestamp;
use std::time::Duration;

/// A coordinate with the decimals that can be seen.
pub fn unit(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

/// Round values from zero to below `top`, three to six of them.
pub fn ticks(top: f64) -> Vec<f64> {
    let rough = top / 4.0;
    let magnitude = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .iter()
        .map(|m| m * magnitude)
        .find(|&s| s >= rough * 0.999);
    let step = step.unwrap_or(top);
    (0..=6)
        .map(|n| f64::from(n) * step)
        .filter(|&v| v <= top)
        .collect()
}

/// Steps of a time axis in seconds.
const STEPS: [u64; 19] = [
    1, 2, 5, 10, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800,
    604_800,
];

/// Round instants from `start` to `end`, at most `most` and one more, with their labels: the time, or the date at midnight.
pub fn time_ticks(start: Timestamp, end: Timestamp, most: u32) -> Vec<(Timestamp, String)> {
    let length = end.since(start);
    let step = STEPS
        .map(Duration::from_secs)
        .into_iter()
        .find(|s| *s * most >= length);
    // Beyond the longest step whole weeks are joined.
    let step = step
        .unwrap_or_else(|| Duration::from_secs((length.as_secs() / u64::from(most) / 604_800 + 1) * 604_800));
    let mut at = start.floor(step);
    if at < start {
        at = at + step;
    }
    let mut ticks = Vec::new();
    while at <= end && ticks.len() <= most as usize {
        ticks.push((at, label(at, step)));
        at = at + step;
    }
    ticks
}

/// The time of a tick, or the date where a day begins.
fn label(at: Timestamp, step: Duration) -> String {
    let civil = civil(at);
    let format = match (civil.hour(), civil.minute(), civil.second()) {
        (0, 0, 0) => "%-d %b",
        _ if step < Duration::from_secs(60) => "%H:%M:%S",
        _ => "%H:%M",
    };
    civil.strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn ticks_are_round_and_fit() {
        assert_eq!(ticks(55.0), [0.0, 20.0, 40.0]);
        assert_eq!(ticks(100.0), [0.0, 50.0, 100.0]);
        assert_eq!(ticks(9_300_000.0), [0.0, 5_000_000.0]);
        for top in [1e-9, 0.3, 7.0, 1234.5, 9e18] {
            assert!((2..=6).contains(&ticks(top).len()), "{top}");
        }
    }

    #[test]
    fn time_axes_have_round_labels() {
        let start = fixture::START + Duration::from_secs(61);
        let labels = |seconds| -> Vec<String> {
            let ticks = time_ticks(start, start + Duration::from_secs(seconds), 6);
            ticks.into_iter().map(|(_, label)| label).collect()
        };
        assert_eq!(
            labels(3 * 3_600),
            ["13:30", "14:00", "14:30", "15:00", "15:30", "16:00"]
        );
        assert_eq!(labels(40), ["13:01:10", "13:01:20", "13:01:30", "13:01:40"]);
        assert_eq!(
            labels(3 * 86_400),
            ["11 Mar", "12:00", "12 Mar", "12:00", "13 Mar", "12:00"]
        );
        assert!(labels(0).len() <= 1);
        assert!(time_ticks(Timestamp::MIN, Timestamp::MAX, 6).len() <= 7);
    }
}
