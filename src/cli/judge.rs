//! `tidemark judge`: one series as text in, the same with what was expected and how strange each value is out.

use crate::anomaly::{Episode, Policy, Step};
use crate::detect::{Baseline, Channel, Class, Hold, Prior, Verdict};
use crate::model::{Deviation, Interval, Timestamp};
use crate::report::figure::Sample;
use std::io::{self, BufRead, Write};
use std::time::Duration;
use thiserror::Error;

/// Rows looked at to find out the interval and the kind of number before the first row is judged.
const LOOK_AT: usize = 1000;
/// No test is so frequent that its threshold is below this: one in twenty.
const LEAST: f64 = 3.0;
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

/// One row, judged; without a value only its time means anything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Judged {
    /// Start of the interval.
    pub at: Timestamp,
    /// What was measured.
    pub value: Option<f64>,
    /// What the baseline says of it.
    pub verdict: Verdict,
    /// The strangest of its tests, on the scale of single intervals.
    pub score: f64,
    /// Whether an anomaly begins here, or becomes a hundred times stranger.
    pub begins: bool,
    /// Whether an anomaly is open after it.
    pub open: bool,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary {
    /// Rows judged, missing values included.
    pub rows: u64,
    /// Rows whose value is empty or no number.
    pub missing: u64,
    /// Rows flagged.
    pub anomalies: u64,
    /// Length of an interval.
    pub step: Duration,
    /// The score from which on a single interval is an anomaly.
    pub threshold: f64,
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
/// lines, one for each row: `score` is -ln of the probability of the value or worse, `anomaly` is 1 where an
/// anomaly begins, or becomes a hundred times stranger, by the threshold that the budget gives.
///
/// The step of the series is the most frequent gap of its first thousand rows; longer gaps are missing data.
///
/// # Errors
/// When a line's time cannot be read or the input or output fails.
pub fn run(input: impl BufRead, out: &mut impl Write, options: &Options) -> Result<Summary, JudgeError> {
    run_and_show(input, out, options, &mut |_| {})
}

/// [`run`], which also shows every row to `see` once it is judged.
///
/// # Errors
/// As [`run`].
pub fn run_and_show(
    input: impl BufRead,
    out: &mut impl Write,
    options: &Options,
    see: &mut impl FnMut(&Judged),
) -> Result<Summary, JudgeError> {
    let mut rows = rows(input)?;
    let mut first = Vec::new();
    for row in rows.by_ref().take(LOOK_AT) {
        first.push(row?);
    }
    let step = step(&first);
    let class = options.class.unwrap_or_else(|| class(&first));
    let mut judge = Judge::new(class, step, options);
    let mut summary = Summary {
        step,
        threshold: judge.point,
        ..Summary::default()
    };
    writeln!(out, "timestamp,value,expected,lower,upper,score,anomaly")?;
    for row in first.into_iter().map(Ok).chain(rows) {
        let row = row?;
        let judged = judge.row(&row);
        summary.rows += 1;
        summary.missing += u64::from(judged.value.is_none());
        summary.anomalies += u64::from(judged.begins);
        write(&judged, &row.text, out)?;
        see(&judged);
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

/// What is drawn of a row.
pub fn sample(judged: &Judged) -> Sample {
    Sample {
        at: judged.at,
        value: judged.value,
        expected: judged.verdict.expected,
        lower: judged.verdict.lower,
        upper: judged.verdict.upper,
        score: judged.score,
        anomaly: judged.begins || judged.open,
    }
}

fn write(judged: &Judged, time: &str, out: &mut impl Write) -> io::Result<()> {
    let Some(value) = judged.value else {
        return writeln!(out, "{time},,,,,0,0");
    };
    let Verdict {
        expected,
        lower,
        upper,
        ..
    } = judged.verdict;
    let (score, flag) = (judged.score, u8::from(judged.begins));
    writeln!(
        out,
        "{time},{value},{expected:.6},{lower:.6},{upper:.6},{score:.4},{flag}"
    )
}

/// The state of judging one series, by single intervals and by its slow part.
pub(crate) struct Judge {
    baseline: Baseline,
    prior: Prior,
    step: Duration,
    point: f64,
    slow: f64,
    policy: Policy,
    /// The episode of rises and that of dips.
    episodes: [Option<Episode>; 2],
}

impl Judge {
    pub(crate) fn new(class: Class, step: Duration, options: &Options) -> Self {
        let intervals = 7.0 * 86_400.0 / step.as_secs_f64();
        // The channels that one series has share the budget as they do in a network.
        let whole = Channel::Point.share() + Channel::Base.share();
        let threshold = |channel: Channel, tests: f64| {
            let allowed = options.false_alarms_per_week * channel.share() / whole;
            (tests / allowed.max(1e-9)).ln().max(LEAST)
        };
        Self {
            baseline: Baseline::new(class, step),
            prior: Prior::of(class),
            step,
            point: threshold(Channel::Point, intervals),
            slow: threshold(Channel::Base, intervals.min(7.0 * 24.0)),
            policy: Policy::default(),
            episodes: [None; 2],
        }
    }

    /// Judges a row and learns from it.
    fn row(&mut self, row: &Row) -> Judged {
        let (verdict, score, begins) = match row.value {
            Some(value) => self.step(row.at, value),
            None => Default::default(),
        };
        Judged {
            at: row.at,
            value: row.value,
            verdict,
            score,
            begins,
            open: self.is_open(),
        }
    }

    /// Whether an anomaly is open.
    fn is_open(&self) -> bool {
        let mut open = self.episodes.iter().flatten();
        open.any(Episode::is_open)
    }

    /// Judges a value and learns from it: verdict, score, and whether an anomaly begins with it or becomes a hundred
    /// times stranger. The score of the slow part, whose threshold is another, is told on the scale of single intervals.
    pub(crate) fn step(&mut self, at: Timestamp, value: f64) -> (Verdict, f64, bool) {
        let verdict = self.baseline.judge(at, value, 0.0, &self.prior);
        let (mut score, mut begins) = (0.0_f64, false);
        let sides = [(verdict.rise, verdict.slow.rise), (verdict.dip, verdict.slow.dip)];
        for (side, (point, slow)) in sides.into_iter().enumerate() {
            let shifted = if slow > 0.0 {
                slow + self.point - self.slow
            } else {
                0.0
            };
            score = score.max(point).max(shifted);
            begins |= self.follow(side, at, point.max(slow), point.max(shifted) >= self.point);
        }
        let hold = if self.is_open() { Hold::Open } else { Hold::Free };
        self.baseline.learn(at, value, &self.prior, hold);
        self.accept_new_normal(at, value);
        (verdict, score, begins)
    }

    /// Steps the episode of a side; whether it begins or escalates.
    fn follow(&mut self, side: usize, at: Timestamp, score: f64, passes: bool) -> bool {
        let interval = Interval {
            start: at,
            end: at + self.step,
        };
        let Some(slot) = self.episodes.get_mut(side) else {
            return false;
        };
        let Some(episode) = slot else {
            let deviation = Deviation {
                score,
                ..Deviation::default()
            };
            *slot = passes.then(|| Episode::open(0, interval, &deviation));
            return passes;
        };
        let step = episode.step(interval, score, passes, &self.policy);
        if episode.is_over(&self.policy) {
            *slot = None;
        }
        step == Step::Escalated
    }

    /// What has been open for a day is how it is now.
    fn accept_new_normal(&mut self, at: Timestamp, value: f64) {
        for slot in &mut self.episodes {
            if slot.is_some_and(|e| e.is_open() && at.since(e.started_at) >= NEW_NORMAL) {
                self.baseline.accept_new_normal(at, value);
                *slot = None;
            }
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
