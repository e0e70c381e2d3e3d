//! Numbers as people read them: three digits that matter, a unit, and no more.

use std::time::Duration;

/// What stands where a number is unknown or not finite.
pub const NONE: &str = "–";

/// Three significant digits, as many decimals as that leaves; `12.4`, `1.24`, `124`.
fn three_digits(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude >= 99.95 {
        format!("{value:.0}")
    } else if magnitude >= 9.995 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

/// Scales by thousands until the number has at most three digits before the point.
fn scaled(value: f64, steps: &[&str]) -> String {
    let (mut value, mut step) = (value, 0);
    while value.abs() >= 999.5 && step + 1 < steps.len() {
        value /= 1000.0;
        step += 1;
    }
    let unit = steps.get(step).copied().unwrap_or_default();
    if step == 0 {
        format!("{} {unit}", small(value))
    } else {
        format!("{} {unit}", three_digits(value))
    }
}

/// A number below a thousand: whole where it is whole or large, else one decimal.
fn small(value: f64) -> String {
    if (value - value.round()).abs() < 0.05 || value.abs() >= 99.95 {
        // Adding zero turns minus zero into zero.
        format!("{:.0}", value.round() + 0.0)
    } else {
        format!("{value:.1}")
    }
}

/// Octets in decimal units: `640 B`, `1.24 MB`.
pub fn bytes(value: f64) -> String {
    if !value.is_finite() {
        return NONE.to_owned();
    }
    scaled(value, &["B", "kB", "MB", "GB", "TB", "PB", "EB"])
}

/// The bit rate of `bytes` octets in `over`; nothing for a stretch of no length.
pub fn bit_rate(bytes: f64, over: Duration) -> Option<String> {
    let rate = bytes * 8.0 / over.as_secs_f64();
    let steps = ["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"];
    rate.is_finite().then(|| scaled(rate, &steps))
}

/// A number of things: `4.2`, `340`, `34,210`, `1.24 M`.
pub fn count(value: f64) -> String {
    if !value.is_finite() {
        NONE.to_owned()
    } else if value.abs() < 999.5 {
        small(value)
    } else if value.abs() < 99_999.5 {
        let sign = if value < 0.0 { "-" } else { "" };
        format!("{sign}{}", grouped(value.abs().round() as u64))
    } else {
        scaled(value, &["", "k", "M", "G", "T", "P"])
    }
}

/// A whole number with its thousands set apart by commas.
pub fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A part of a whole in per cent, 1 for all of it: `78 %`, `<1 %`, `-12 %`.
pub fn share(value: f64) -> String {
    if !value.is_finite() {
        return NONE.to_owned();
    }
    let percent = value * 100.0;
    if percent != 0.0 && percent.abs() < 0.95 {
        return if percent < 0.0 { "-<1 %" } else { "<1 %" }.to_owned();
    }
    format!("{:.0} %", percent.round() + 0.0)
}

/// How far `observed` is from `expected`, short enough for a column: `12.7×`, `-88 %`, `new` where nothing was
/// expected.
pub fn factor(observed: f64, expected: f64) -> String {
    if !observed.is_finite() || !expected.is_finite() {
        return NONE.to_owned();
    }
    if expected.abs() < 1e-3 {
        return if observed > 0.0 { "new" } else { NONE }.to_owned();
    }
    let ratio = observed / expected;
    if ratio < 1.0 {
        format!("{:.0} %", (ratio - 1.0) * 100.0 + 0.0)
    } else if ratio >= 9_999.5 {
        format!("{}×", count(ratio).replace(' ', ""))
    } else if ratio >= 99.95 {
        format!("{}×", grouped(ratio.round() as u64))
    } else {
        format!("{ratio:.1}×")
    }
}

/// The probability `exp(-score)` as `one in 3.4 million`; nothing for a score that says nothing.
pub fn one_in(score: f64) -> Option<String> {
    if !score.is_finite() || score < 0.7 {
        return None;
    }
    let steps = [
        (1e15, "quadrillion"),
        (1e12, "trillion"),
        (1e9, "billion"),
        (1e6, "million"),
    ];
    let odds = score.exp();
    if odds >= 1e18 {
        return Some(format!(
            "one in 10^{:.0}",
            (score / std::f64::consts::LN_10).floor()
        ));
    }
    let named = steps.iter().find(|(size, _)| odds >= *size);
    Some(match named {
        Some((size, name)) => format!("one in {} {name}", two_digits(odds / size)),
        None => format!("one in {}", grouped(odds.round() as u64)),
    })
}

/// Two significant digits for a number from 1 to 1000.
fn two_digits(value: f64) -> String {
    if value >= 9.95 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}

/// Text with every character that could steer a terminal, hide or reorder what is shown (controls, line breaks,
/// bidirectional overrides, zero-width) replaced by U+FFFD.
pub fn printable(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    text.chars()
        .map(|c| if hidden(c) { '\u{fffd}' } else { c })
        .collect()
}

/// A length of time in its two largest units: `0.4 s`, `45 s`, `2 min 5 s`, `3 h 20 min`, `4 d 6 h`.
pub fn duration(span: Duration) -> String {
    let whole = span.as_secs();
    let (large, rest, names) = match whole {
        0..60 => return format!("{} s", decimal(span.as_secs_f64())),
        60..3_600 => (whole / 60, whole % 60, ["min", "s"]),
        3_600..86_400 => (whole / 3_600, whole % 3_600 / 60, ["h", "min"]),
        _ => (whole / 86_400, whole % 86_400 / 3_600, ["d", "h"]),
    };
    match rest {
        0 => format!("{large} {}", names[0]),
        _ => format!("{large} {} {rest} {}", names[0], names[1]),
    }
}

/// Seconds below a minute, with a decimal where it says something.
fn decimal(seconds: f64) -> String {
    let text = match seconds {
        s if s >= 9.95 => format!("{s:.0}"),
        s if s >= 0.0995 || s == 0.0 => format!("{s:.1}"),
        s => format!("{s:.3}"),
    };
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        let bytes: Vec<_> = [
            0.0,
            640.0,
            999.4,
            999.6,
            1_240_000.0,
            99_960_000.0,
            9.1e18,
            f64::NAN,
        ]
        .map(super::bytes)
        .into();
        assert_eq!(
            bytes,
            [
                "0 B", "640 B", "999 B", "1.00 kB", "1.24 MB", "100 MB", "9.10 EB", "–"
            ]
        );
        let counts: Vec<_> = [-0.0, 0.04, 4.2, 340.4, 999.7, 34_210.0, 1_240_000.0, -2_500.0]
            .map(count)
            .into();
        assert_eq!(
            counts,
            ["0", "0", "4.2", "340", "1,000", "34,210", "1.24 M", "-2,500"]
        );
        assert_eq!(grouped(u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!(
            bit_rate(93_000_000.0, Duration::from_secs(60)).unwrap(),
            "12.4 Mbit/s"
        );
        assert_eq!(bit_rate(1.0, Duration::ZERO), None);
    }

    #[test]
    fn shares_and_factors_keep_their_sign() {
        assert_eq!(
            [0.784, 1.0, 0.004, 0.0, -0.12, -0.001].map(share),
            ["78 %", "100 %", "<1 %", "0 %", "-12 %", "-<1 %"]
        );
        let pairs = [
            (52.0, 4.1),
            (1.0, 8.0),
            (5.0, 0.0),
            (0.0, 0.0),
            (1e9, 1.0),
            (300.0, 2.0),
            (0.0, 7.0),
        ];
        assert_eq!(
            pairs.map(|(o, e)| factor(o, e)),
            ["12.7×", "-88 %", "new", "–", "1.00G×", "150×", "-100 %"]
        );
    }

    #[test]
    fn a_score_is_a_probability_in_words() {
        let said: Vec<_> = [0.0, 9.0, 15.04, 27.6, 100.0, f64::INFINITY].map(one_in).into();
        let said: Vec<_> = said.iter().map(|s| s.as_deref().unwrap_or("nothing")).collect();
        assert_eq!(
            said,
            [
                "nothing",
                "one in 8,103",
                "one in 3.4 million",
                "one in 969 billion",
                "one in 10^43",
                "nothing"
            ]
        );
    }

    #[test]
    fn nothing_from_the_network_steers_a_terminal() {
        assert_eq!(printable("a\x1b[2Jb\r\n\u{202e}c\u{9b}d"), "a�[2Jb���c�d");
        assert_eq!(printable("bücher.example"), "bücher.example");
    }
}
