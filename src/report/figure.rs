//! A judged series as a picture that stands by itself (SVG): the values in their usual band, and below them the score
//! against the threshold.
//!
//! Long series are drawn in columns: each says the least and the greatest of its values, the widest band, the highest
//! score, so that no anomaly falls between two of them.

use super::axes::{ticks, time_ticks, unit};
use crate::model::Timestamp;
use crate::model::units::count;
use maud::{Markup, PreEscaped, html};
use std::fmt::Write;
use std::time::Duration;

/// Columns drawn at most.
const COLUMNS: usize = 900;
/// The drawing, and where its panels lie.
const WIDTH: f64 = 1000.0;
const LEFT: f64 = 68.0;
const RIGHT: f64 = 988.0;
const TOP: f64 = 52.0;
const VALUES: f64 = 210.0;
const GAP: f64 = 34.0;
const SCORES: f64 = 84.0;
const FOOT: f64 = 30.0;
/// Values beyond are drawn as this.
const LARGEST: f64 = 1e15;

/// One interval, judged.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sample {
    /// Start of the interval.
    pub at: Timestamp,
    /// What was measured; `None` where data is missing.
    pub value: Option<f64>,
    /// What was expected.
    pub expected: f64,
    /// Lower edge of the usual band.
    pub lower: f64,
    /// Upper edge of the usual band.
    pub upper: f64,
    /// How strange it is: -ln of a probability.
    pub score: f64,
    /// Whether the score opened an anomaly, or kept one open.
    pub anomaly: bool,
}

/// A series to be drawn.
#[derive(Clone, Copy, Debug)]
pub struct Figure<'a> {
    /// What it shows, in a sentence; markup in it is shown, not obeyed.
    pub title: &'a str,
    /// What is counted, and per what.
    pub unit: &'a str,
    /// Length of an interval.
    pub step: Duration,
    /// The score from which on an interval is an anomaly.
    pub threshold: f64,
    /// The intervals in order of time; gaps are left open.
    pub samples: &'a [Sample],
}

/// Several intervals drawn in one place.
#[derive(Clone, Copy, Debug)]
struct Column {
    at: Timestamp,
    least: f64,
    most: f64,
    expected: f64,
    lower: f64,
    upper: f64,
    score: f64,
    anomaly: bool,
    /// Whether nothing is missing since the column before.
    joined: bool,
}

/// Where instants lie across and values down.
struct Frame {
    start: Timestamp,
    length: f64,
    top: f64,
    bottom: f64,
    score: f64,
}

impl Figure<'_> {
    /// The picture.
    pub fn svg(&self) -> String {
        let columns = self.columns();
        let height = TOP + VALUES + GAP + SCORES + FOOT;
        let drawn = html! {
            svg xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (WIDTH) " " (height) }
                role="img" aria-label=(self.title) font-family="system-ui, 'DejaVu Sans', sans-serif" {
                title { (self.title) }
                style { (PreEscaped(STYLE)) }
                rect.ground width=(WIDTH) height=(height) rx="8" {}
                text.title x="16" y="26" { (self.title) }
                (self.legend())
                @if let Some(frame) = self.frame(&columns) {
                    (shades(&frame, &columns, self.step))
                    (self.values(&frame, &columns))
                    (self.scores(&frame, &columns))
                    (self.times(&frame))
                } @else {
                    text.axis x=(LEFT) y=(TOP + 40.0) { "nothing was measured" }
                }
            }
        };
        drawn.into_string()
    }

    fn legend(&self) -> Markup {
        html! {
            text.axis x="16" y="44" { (self.unit) }
            g transform={ "translate(" (RIGHT - 372.0) " 40)" } {
                path.observed d="M0 0h22" {} text.axis x="28" y="4" { "observed" }
                path.expected d="M96 0h22" {} text.axis x="124" y="4" { "expected" }
                rect.band x="190" y="-6" width="22" height="12" {} text.axis x="218" y="4" { "usual band" }
                rect.when x="294" y="-6" width="22" height="12" {} text.axis x="322" y="4" { "anomaly" }
            }
        }
    }

    /// The samples in as many columns as can be told apart.
    fn columns(&self) -> Vec<Column> {
        let each = self.samples.len().div_ceil(COLUMNS).max(1);
        let mut columns: Vec<Column> = Vec::with_capacity(self.samples.len().min(COLUMNS));
        let mut last: Option<Timestamp> = None;
        for group in self.samples.chunks(each) {
            let known = group.iter().filter_map(|s| Some((s, sound(s.value)?)));
            let Some(mut column) = known.clone().next().map(|(s, v)| Column::new(s, v)) else {
                continue;
            };
            known.for_each(|(s, v)| column.add(s, v));
            let gap = group.first().zip(last).map(|(s, last)| s.at.since(last));
            column.joined = gap.is_some_and(|gap| gap <= self.step * 3 / 2);
            last = group.last().map(|s| s.at);
            columns.push(column);
        }
        columns
    }

    fn frame(&self, columns: &[Column]) -> Option<Frame> {
        let (first, last) = (columns.first()?, self.samples.last()?);
        let finite = |values: &mut dyn Iterator<Item = f64>| {
            values
                .filter(|v| v.is_finite())
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| {
                    (a.min(v), b.max(v))
                })
        };
        let seen = finite(&mut columns.iter().flat_map(|c| [c.least, c.most, c.expected]));
        let band = finite(&mut columns.iter().flat_map(|c| [c.lower, c.upper]));
        // A band much wider than what was seen is cut rather than flatten the curve.
        let reach = (seen.1 - seen.0.min(0.0)).max(f64::MIN_POSITIVE);
        let top = seen.1.max(band.1.min(seen.1 + 0.4 * reach));
        let bottom = seen.0.min(0.0).min(band.0.max(seen.0 - 0.4 * reach).min(0.0));
        let score = finite(&mut columns.iter().map(|c| c.score)).1.max(self.threshold) * 1.1;
        Some(Frame {
            start: first.at,
            length: (last.at + self.step).since(first.at).as_secs_f64().max(1e-9),
            top: top + 0.04 * (top - bottom).max(1e-9),
            bottom,
            score: score.clamp(1.0, 1e6),
        })
    }

    fn values(&self, frame: &Frame, columns: &[Column]) -> Markup {
        html! {
            path.band d=(band(frame, columns)) {}
            @for value in ticks(frame.top) {
                line.grid x1=(LEFT) x2=(RIGHT) y1=(unit(frame.y(value))) y2=(unit(frame.y(value))) {}
                text.axis.end x=(LEFT - 8.0) y=(unit(frame.y(value) + 4.0)) { (label(value)) }
            }
            path.expected d=(line(frame, columns, |c| [c.expected, c.expected], Frame::y)) {}
            path.observed d=(line(frame, columns, |c| [c.least, c.most], Frame::y)) {}
        }
    }

    fn scores(&self, frame: &Frame, columns: &[Column]) -> Markup {
        let edge = frame.down(self.threshold);
        html! {
            line.grid x1=(LEFT) x2=(RIGHT) y1=(unit(frame.down(0.0))) y2=(unit(frame.down(0.0))) {}
            path.score d=(line(frame, columns, |c| [c.score, c.score], Frame::down)) {}
            line.threshold x1=(LEFT) x2=(RIGHT) y1=(unit(edge)) y2=(unit(edge)) {}
            text.axis.end x=(LEFT - 8.0) y=(unit(edge + 4.0)) { (format!("{:.1}", self.threshold)) }
            // Beside a low threshold there is no room for it, nor need.
            @if frame.down(0.0) - edge > 12.0 {
                text.axis.end x=(LEFT - 8.0) y=(unit(frame.down(0.0) + 4.0)) { "0" }
            }
            text.axis x=(LEFT) y=(TOP + VALUES + GAP - 8.0) { "score, and the threshold that the budget gives" }
        }
    }

    fn times(&self, frame: &Frame) -> Markup {
        let end = frame.start + Duration::from_secs_f64(frame.length);
        html! {
            @for (at, label) in time_ticks(frame.start, end, 8) {
                text.axis.middle x=(unit(frame.x(at).clamp(LEFT + 16.0, RIGHT - 16.0)))
                    y=(TOP + VALUES + GAP + SCORES + 20.0) { (label) }
            }
        }
    }
}

impl Column {
    fn new(sample: &Sample, value: f64) -> Self {
        Self {
            at: sample.at,
            least: value,
            most: value,
            expected: sample.expected,
            lower: sample.lower,
            upper: sample.upper,
            score: 0.0,
            anomaly: false,
            joined: false,
        }
    }

    fn add(&mut self, sample: &Sample, value: f64) {
        self.least = self.least.min(value);
        self.most = self.most.max(value);
        self.lower = self.lower.min(sample.lower);
        self.upper = self.upper.max(sample.upper);
        self.score = self.score.max(sample.score);
        self.anomaly |= sample.anomaly;
    }
}

impl Frame {
    fn x(&self, at: Timestamp) -> f64 {
        let off = at.as_nanos().saturating_sub(self.start.as_nanos()) as f64 / 1e9;
        (LEFT + off / self.length * (RIGHT - LEFT)).clamp(LEFT, RIGHT)
    }

    /// Where a value lies in the upper panel.
    fn y(&self, value: f64) -> f64 {
        let share = (value - self.bottom) / (self.top - self.bottom).max(f64::MIN_POSITIVE);
        TOP + VALUES * (1.0 - share.clamp(0.0, 1.0))
    }

    /// Where a score lies in the lower panel.
    fn down(&self, score: f64) -> f64 {
        TOP + VALUES + GAP + SCORES * (1.0 - (score / self.score).clamp(0.0, 1.0))
    }
}

/// Stretches that an anomaly was open, through both panels.
fn shades(frame: &Frame, columns: &[Column], step: Duration) -> Markup {
    let ends = |i: usize| columns.get(i).map(|c| frame.x(c.at));
    let runs = columns
        .iter()
        .enumerate()
        .filter(|(i, c)| c.anomaly && !(*i > 0 && columns.get(i - 1).is_some_and(|b| b.anomaly)));
    html! {
        @for (first, column) in runs {
            @let open = columns.iter().skip(first).take_while(|c| c.anomaly).count();
            @let start = frame.x(column.at);
            @let last = columns.get(first + open - 1).map_or(column.at, |c| c.at);
            @let end = ends(first + open).unwrap_or_else(|| frame.x(last + step));
            rect.when x=(unit(start)) y=(TOP) width=(unit((end - start).max(2.0)))
                height=(VALUES + GAP + SCORES) {}
        }
    }
}

/// A line through two values of each column, broken where data is missing.
fn line(
    frame: &Frame,
    columns: &[Column],
    values: fn(&Column) -> [f64; 2],
    place: fn(&Frame, f64) -> f64,
) -> String {
    let mut path = String::new();
    for column in columns {
        let [first, second] = values(column);
        let letter = if column.joined { 'L' } else { 'M' };
        let (x, y) = (unit(frame.x(column.at)), unit(place(frame, first)));
        // Writing to a String does not fail.
        write!(path, "{letter}{x} {y}").unwrap_or_default();
        if second != first {
            write!(path, "V{}", unit(place(frame, second))).unwrap_or_default();
        }
    }
    path
}

/// A value that can be drawn.
fn sound(value: Option<f64>) -> Option<f64> {
    let finite = value.filter(|v| v.is_finite());
    finite.map(|v| v.clamp(-LARGEST, LARGEST))
}

/// The band as closed shapes, one for each stretch without a gap.
fn band(frame: &Frame, columns: &[Column]) -> String {
    let known = |c: &Column| c.lower.is_finite() && c.upper.is_finite();
    let mut path = String::new();
    for run in columns.chunk_by(|one, next| next.joined && known(one) == known(next)) {
        if !run.iter().all(known) {
            continue;
        }
        let there = run.iter().map(|c| (c.at, c.upper));
        let back = run.iter().rev().map(|c| (c.at, c.lower));
        for (n, (at, value)) in there.chain(back).enumerate() {
            let letter = if n == 0 { 'M' } else { 'L' };
            let (x, y) = (unit(frame.x(at)), unit(frame.y(value)));
            write!(path, "{letter}{x} {y}").unwrap_or_default();
        }
        path.push('Z');
    }
    path
}

/// A value beside its axis.
fn label(value: f64) -> String {
    if value.abs() >= 10_000.0 {
        count(value)
    } else {
        let text = format!("{value:.3}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

/// Colours that can be told apart on paper, too; those of the report.
const STYLE: &str = "\
.ground{fill:#fff;stroke:#dfe1e4}.title{font-size:17px;font-weight:600;fill:#1b1f24}\
.axis{font-size:12px;fill:#59616b}.end{text-anchor:end}.middle{text-anchor:middle}\
.grid{stroke:#dfe1e4}.band{fill:#d5e2ee;stroke:none}.when{fill:#f7c9c4;stroke:none}\
.observed,.expected,.score{fill:none;stroke-linejoin:round}\
.observed{stroke:#1c4f82;stroke-width:1.4}.expected{stroke:#6a717a;stroke-dasharray:5 4}\
.score{stroke:#935200;stroke-width:1.2}.threshold{stroke:#b42318;stroke-dasharray:2 3}";

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_secs(60);

    fn sample(minute: i64, value: Option<f64>) -> Sample {
        Sample {
            at: Timestamp::from_secs(minute * 60),
            value,
            expected: 10.0,
            lower: 5.0,
            upper: 15.0,
            score: value.map_or(0.0, |v| v / 10.0),
            anomaly: value.is_some_and(|v| v > 50.0),
        }
    }

    fn drawn(samples: &[Sample]) -> String {
        let figure = Figure {
            title: "A <b>title</b>",
            unit: "flows a minute",
            step: STEP,
            threshold: 9.2,
            samples,
        };
        figure.svg()
    }

    #[test]
    fn one_tall_interval_of_very_many_is_still_drawn_and_shaded() {
        let samples: Vec<Sample> = (0..100_000)
            .map(|m| sample(m, Some(if m == 77_777 { 400.0 } else { 10.0 })))
            .collect();
        let svg = drawn(&samples);
        assert_eq!(
            svg.matches("<rect class=\"when\"").count(),
            2,
            "legend and anomaly"
        );
        let heights: Vec<f64> = svg
            .split("class=\"observed\" d=\"")
            .nth(2)
            .unwrap()
            .split('V')
            .skip(1)
            .filter_map(|part| part.split(['L', 'M', '"']).next()?.parse().ok())
            .collect();
        assert!(heights.iter().any(|&y| y < TOP + 0.1 * VALUES), "{heights:?}");
        assert!(svg.len() < 100_000, "{}", svg.len());
    }

    #[test]
    fn missing_data_leaves_a_gap() {
        let samples = [
            (0, Some(1.0)),
            (1, Some(2.0)),
            (2, None),
            (3, Some(3.0)),
            (4, Some(1.0)),
        ]
        .map(|(minute, value)| sample(minute, value));
        let svg = drawn(&samples);
        let path = svg.split("class=\"observed\" d=\"").nth(2).unwrap();
        assert_eq!(path.split('"').next().unwrap().matches('M').count(), 2, "{path}");
    }

    #[test]
    fn any_numbers_and_no_numbers_give_a_sound_picture() {
        let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, -1e300, 0.0];
        let all: Vec<Sample> = odd
            .iter()
            .enumerate()
            .map(|(m, &v)| sample(m as i64, Some(v)))
            .collect();
        for samples in [&[][..], &all] {
            let svg = drawn(samples);
            assert!(svg.contains("A &lt;b&gt;title&lt;/b&gt;"));
            for path in svg
                .split(" d=\"")
                .skip(1)
                .filter_map(|rest| rest.split('"').next())
            {
                assert!(!path.contains("NaN") && !path.contains("inf"), "{path}");
            }
        }
    }
}
