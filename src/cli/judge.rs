//! `tidemark judge`: one series as text in, the same with what was expected and how strange each value is out.

use crate::detect::{Baseline, Class, Hold, Prior, Verdict};
use crate::model::Timestamp;
use std::io::{self, BufRead, Write};
use std::time::Duration;
use thiserror::Error;

/// Rows looked at to find out the interval and the kind of number before the first row is judged.
const LOOK_AT: usize = 1000;
/// An anomaly stays open while a score reaches this (one in twenty) ...
const STAY_OPEN: f64 = 3.0;
/// ... in any of this many intervals.
const QUIET_INTERVALS: u32 = 5;
/// An anomaly open this long is the new normal.
const NEW_NORMAL: Duration = Duration::from_secs(86_400);

/// How to judge.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many false alarms in a week are acceptable; above 0.
    pub false_alarms_per_week: f64,
    /// What kind of number the series holds; `None` finds out: whole numbers from 0 up are counts.
    pub class: Option<Class>,
}

impl Default for Options {
    /// One false alarm a week, kind of number found out.
    fn default() -> Self {
        Self {
            false_alarms_per_week: 1.0,
            class: None,
        }
    }
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows judged, missing values included.
    pub rows: u64,
    /// Rows whose value is empty or no number.
    pub missing: u64,
    /// Rows flagged.
    pub anomalies: u64,
}

/// Why a series could not be judged.
#[derive(Debug, Error)]
pub enum JudgeError {
    /// The input could not be read or the output not be written.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A row without a time.
    #[error(
        "line {line}: `{text}` is no time (RFC 3339, `YYYY-MM-DD HH:MM:SS` in UTC, or seconds since 1970)"
    )]
    Time {
        /// Number of the line, the header being 1.
        line: u64,
        /// What stands there.
        text: String,
    },
    /// No header line with a value column.
    #[error("line 1: a header with at least two columns, such as `timestamp,value`, is expected")]
    Header,
}

/// One row: the time as written, the time, the value if there is one.
struct Row {
    text: String,
    at: Timestamp,
    value: Option<f64>,
}

/// Reads `timestamp,value[,...]` lines with a header and writes `timestamp,value,expected,lower,upper,score,anomaly`
/// lines, one for each row: `score` is -ln of the probability of the value or worse, `anomaly` is 1 where it passes
/// the threshold that the budget gives.
///
/// The step of the series is the most frequent gap of its first thousand rows; longer gaps are missing data.
///
/// # Errors
/// When a line's time cannot be read or the input or output fails.
pub fn run(input: impl BufRead, out: &mut impl Write, options: &Options) -> Result<Summary, JudgeError> {
    let mut rows = rows(input)?;
    let mut first = Vec::new();
    for row in rows.by_ref().take(LOOK_AT) {
        first.push(row?);
    }
    let step = step(&first);
    let class = options.class.unwrap_or_else(|| class(&first));
    let per_week = Duration::from_secs(7 * 86_400).as_secs_f64() / step.as_secs_f64();
    let mut judge = Judge {
        baseline: Baseline::new(class, step),
        prior: Prior::of(class),
        threshold: (per_week / options.false_alarms_per_week.max(1e-9))
            .ln()
            .max(STAY_OPEN),
        open: None,
    };
    let mut summary = Summary::default();
    writeln!(out, "timestamp,value,expected,lower,upper,score,anomaly")?;
    for row in first.into_iter().map(Ok).chain(rows) {
        judge.write(&row?, out, &mut summary)?;
    }
    Ok(summary)
}

/// The rows of `input` after its header.
fn rows(input: impl BufRead) -> Result<impl Iterator<Item = Result<Row, JudgeError>>, JudgeError> {
    let mut lines = input.lines();
    let header = lines.next().ok_or(JudgeError::Header)??;
    let names: Vec<String> = header.split(',').map(|n| n.trim().to_ascii_lowercase()).collect();
    if names.len() < 2 {
        return Err(JudgeError::Header);
    }
    let column = |name: &str, other: usize| names.iter().position(|n| n == name).unwrap_or(other);
    let (time, value) = (column("timestamp", 0), column("value", 1));
    let numbered = (2u64..)
        .zip(lines)
        .filter(|(_, l)| l.as_ref().map_or(true, |l| !l.trim().is_empty()));
    Ok(numbered.map(move |(line, text)| {
        let text = text?;
        let cell = |i: usize| text.split(',').nth(i).unwrap_or("").trim();
        let at = parse_time(cell(time)).ok_or_else(|| JudgeError::Time {
            line,
            text: cell(time).to_owned(),
        })?;
        let value = cell(value).parse().ok().filter(|v: &f64| v.is_finite());
        Ok(Row {
            text: cell(time).to_owned(),
            at,
            value,
        })
    }))
}

/// RFC 3339, civil time taken as UTC, or seconds since the epoch (milliseconds from 1e11 on).
fn parse_time(text: &str) -> Option<Timestamp> {
    if let Ok(number) = text.parse::<f64>() {
        let seconds = if number.abs() >= 1e11 {
            number / 1e3
        } else {
            number
        };
        return number
            .is_finite()
            .then(|| Timestamp::from_nanos((seconds * 1e9) as i64));
    }
    let instant = text.parse::<jiff::Timestamp>().ok().or_else(|| {
        let civil = text.parse::<jiff::civil::DateTime>().ok()?;
        Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    })?;
    i64::try_from(instant.as_nanosecond())
        .ok()
        .map(Timestamp::from_nanos)
}

/// The most frequent gap between rows, the shorter of equals; a minute where there is none.
fn step(rows: &[Row]) -> Duration {
    let mut gaps: Vec<Duration> = rows
        .windows(2)
        .filter_map(|w| Some(w.get(1)?.at.since(w.first()?.at)))
        .collect();
    gaps.retain(|gap| !gap.is_zero());
    gaps.sort_unstable();
    let mut best = (0, Duration::from_secs(60));
    for same in gaps.chunk_by(|a, b| a == b) {
        if let Some(&gap) = same.first().filter(|_| same.len() > best.0) {
            best = (same.len(), gap);
        }
    }
    best.1
}

/// Counts where every value is a whole number from 0 up and not all are 0.
fn class(rows: &[Row]) -> Class {
    let some = rows.iter().any(|r| r.value.is_some_and(|v| v != 0.0));
    let whole = some
        && rows
            .iter()
            .filter_map(|r| r.value)
            .all(|v| v >= 0.0 && v.fract() == 0.0);
    if whole { Class::Count } else { Class::Gauge }
}

/// The state of judging one series.
struct Judge {
    baseline: Baseline,
    prior: Prior,
    threshold: f64,
    /// Since when an anomaly is open, and how many quiet intervals it has had since.
    open: Option<(Timestamp, u32)>,
}

impl Judge {
    fn write(&mut self, row: &Row, out: &mut impl Write, summary: &mut Summary) -> io::Result<()> {
        summary.rows += 1;
        let Some(value) = row.value else {
            summary.missing += 1;
            return writeln!(out, "{},,,,,0,0", row.text);
        };
        let verdict = self.baseline.judge(row.at, value, 0.0, &self.prior);
        let score = verdict.rise.max(verdict.dip);
        let anomaly = score >= self.threshold;
        summary.anomalies += u64::from(anomaly);
        self.follow(row.at, value, score, anomaly);
        let Verdict {
            expected,
            lower,
            upper,
            ..
        } = verdict;
        let flag = u8::from(anomaly);
        writeln!(
            out,
            "{},{value},{expected:.6},{lower:.6},{upper:.6},{score:.4},{flag}",
            row.text
        )
    }

    /// Opens, keeps open and closes the anomaly, and teaches the baseline accordingly.
    fn follow(&mut self, at: Timestamp, value: f64, score: f64, anomaly: bool) {
        self.open = match self.open {
            None if anomaly => Some((at, 0)),
            Some((since, _)) if score >= STAY_OPEN => Some((since, 0)),
            Some((since, quiet)) if quiet + 1 < QUIET_INTERVALS => Some((since, quiet + 1)),
            _ => None,
        };
        let hold = if self.open.is_some() {
            Hold::Open
        } else {
            Hold::Free
        };
        self.baseline.learn(at, value, &self.prior, hold);
        if let Some((since, _)) = self.open
            && at.since(since) >= NEW_NORMAL
        {
            self.baseline.accept_new_normal(at, value);
            self.open = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(csv: &str) -> (Summary, String) {
        let mut out = Vec::new();
        let summary = run(csv.as_bytes(), &mut out, &Options::default()).unwrap();
        (summary, String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_burst_after_a_quiet_hour_is_flagged_and_nothing_else() {
        let mut csv = String::from("timestamp,value\n");
        for minute in 0..200 {
            let value = if minute == 150 { 500 } else { minute * 7 % 4 };
            csv += &format!("{},{value}\n", 1_700_000_000 + minute * 60);
        }
        let (summary, text) = judged(&csv);
        assert_eq!((summary.rows, summary.missing, summary.anomalies), (200, 0, 1));
        let flagged: Vec<_> = text.lines().filter(|l| l.ends_with(",1")).collect();
        assert!(flagged[0].starts_with("1700009000,500,"), "{flagged:?}");
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        for text in [
            "1424986973",
            "1424986973000",
            "2015-02-26 21:42:53",
            "2015-02-26T21:42:53Z",
        ] {
            assert_eq!(
                parse_time(text),
                Some(Timestamp::from_secs(1_424_986_973)),
                "{text}"
            );
        }
        assert_eq!(parse_time("yesterday"), None);
    }

    #[test]
    fn a_bad_time_names_its_line() {
        let error = run(
            "timestamp,value\n1,2\nx,3\n".as_bytes(),
            &mut Vec::new(),
            &Options::default(),
        )
        .unwrap_err();
        assert!(error.to_string().starts_with("line 3: `x` is no time"), "{error}");
    }

    #[test]
    fn a_missing_value_keeps_its_row() {
        let (summary, text) = judged("timestamp,value\n0,1\n60,\n120,1\n");
        assert_eq!((summary.rows, summary.missing), (3, 1));
        assert_eq!(text.lines().nth(2), Some("60,,,,,0,0"));
    }
}
