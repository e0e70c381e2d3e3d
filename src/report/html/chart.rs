//! The curve of a series around an anomaly: observed, expected and band, with the anomaly's stretch shaded.
//!
//! The drawing is stretched to whatever room there is, strokes keep their width, and the words of the axes stand
//! beside it as text, so that they are as large on a phone as on a desk.

use crate::model::{Anomaly, Direction, Point, Timestamp};
use crate::report::axes::{ticks, time_ticks, unit};
use crate::report::when::Clock;
use crate::report::words::{self, Measure};
use maud::{Markup, html};
use std::fmt::Write;
use std::time::Duration;

/// Units of the drawing across, whatever its size on the screen.
const WIDTH: f64 = 1000.0;
/// Units of the drawing from top to bottom.
const HEIGHT: f64 = 100.0;
/// So many intervals are drawn, those before the last one.
const INTERVALS: usize = 500;

/// Where instants and values lie in the drawing.
struct Frame {
    start: Timestamp,
    length: f64,
    step: Duration,
    top: f64,
}

impl Frame {
    /// `points` are not empty.
    fn new(anomaly: &Anomaly, points: &[Point]) -> Option<Self> {
        let (first, last) = (points.first()?.at, points.last()?.at);
        let step = if anomaly.interval.is_zero() {
            Duration::from_secs(60)
        } else {
            anomaly.interval
        };
        let length = (last + step).since(first).as_secs_f64().max(1e-9);
        Some(Self {
            start: first,
            length,
            step,
            top: top(points),
        })
    }

    /// How far across an instant lies; may lie outside.
    fn x(&self, at: Timestamp) -> f64 {
        let nanos = at.as_nanos().saturating_sub(self.start.as_nanos());
        (nanos as f64 / 1e9 / self.length * WIDTH).clamp(0.0, WIDTH)
    }

    /// The middle of the interval that starts at `at`.
    fn middle(&self, at: Timestamp) -> f64 {
        self.x(at + self.step / 2)
    }

    /// How far down a value lies, inside the drawing.
    fn y(&self, value: f64) -> f64 {
        (HEIGHT - value / self.top * HEIGHT).clamp(0.0, HEIGHT)
    }
}

/// The value at the upper edge. A band much wider than what was seen is cut rather than flatten the curve.
fn top(points: &[Point]) -> f64 {
    let largest = |of: fn(&Point) -> f32| {
        points
            .iter()
            .map(of)
            .filter(|v| v.is_finite())
            .fold(0.0, f32::max)
    };
    let seen = largest(|p| p.observed).max(largest(|p| p.expected));
    let top = f64::from(seen.max(largest(|p| p.upper).min(seen * 2.5))) * 1.06;
    if top > 0.0 { top } else { 1.0 }
}

/// The chart of `anomaly`; nothing where no history was kept.
pub fn chart(anomaly: &Anomaly, measure: &Measure, clock: Clock) -> Markup {
    let from = anomaly.history.len().saturating_sub(INTERVALS);
    let points = anomaly.history.get(from..).unwrap_or_default();
    let Some(frame) = Frame::new(anomaly, points) else {
        return html! {};
    };
    let rises = ticks(frame.top);
    let times = time_ticks(
        frame.start,
        frame.start + Duration::from_secs_f64(frame.length),
        6,
    );
    html! {
        figure.chart {
            (legend(anomaly, measure))
            div.plot {
                div.y aria-hidden="true" {
                    @for &value in &rises {
                        span style={ "bottom:" (percent(value / frame.top)) } { (measure.number(value)) }
                    }
                }
                svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" role="img"
                    aria-label=(description(anomaly, measure, clock)) {
                    (shade(&frame, anomaly))
                    @for band in runs(points, frame.step, has_band) {
                        path.band d=(area(&frame, band)) {}
                    }
                    @for &value in &rises {
                        line class=(if value == 0.0 { "base" } else { "grid" })
                            x1="0" x2=(WIDTH) y1=(unit(frame.y(value))) y2=(unit(frame.y(value))) {}
                    }
                    (curve(&frame, points, "line expected", |p| p.expected))
                    (curve(&frame, points, "line observed", |p| p.observed))
                    @for point in points {
                        (hit(&frame, point, measure, clock))
                    }
                }
                div.x aria-hidden="true" {
                    @for (at, label) in &times {
                        (time_label(frame.x(*at) / WIDTH, label))
                    }
                }
            }
        }
    }
}

/// A label of a time axis, `share` of the way along it; at either end it stays inside.
pub fn time_label(share: f64, label: &str) -> Markup {
    let class = match share {
        s if s < 0.04 => Some("first"),
        s if s > 0.96 => Some("last"),
        _ => None,
    };
    html! { span class=[class] style={ "left:" (percent(share)) } { (label) } }
}

/// What the lines mean, and their unit.
fn legend(anomaly: &Anomaly, measure: &Measure) -> Markup {
    html! {
        figcaption.legend {
            span { i.o {} "observed" }
            span { i.e {} "expected" }
            @if anomaly.history.iter().any(has_band) {
                span { i.b {} "usual band" }
            }
            span { i class={ "a " (anomaly.severity.name()) } {} "anomaly" }
            span.unit { (measure.unit()) }
        }
    }
}

/// The chart in words, for those who hear it.
fn description(anomaly: &Anomaly, measure: &Measure, clock: Clock) -> String {
    let worst = if anomaly.direction == Direction::Below {
        "falls to"
    } else {
        "reaches"
    };
    format!(
        "{} {}: the observed line {worst} {} where {} is expected, {}.",
        measure.unit(),
        words::entity(&anomaly.entity),
        measure.full(anomaly.worst.observed),
        measure.full(anomaly.worst.expected),
        clock.span(anomaly.started_at, anomaly.ended_at),
    )
}

/// The anomaly's stretch of time.
fn shade(frame: &Frame, anomaly: &Anomaly) -> Markup {
    let start = frame.x(anomaly.started_at);
    let end = anomaly.ended_at.map_or(WIDTH, |end| frame.x(end));
    html! { rect.when x=(unit(start)) y="0" width=(unit((end - start).max(1.0))) height=(HEIGHT) {} }
}

/// Whether a point has a band that can be drawn.
fn has_band(point: &Point) -> bool {
    point.lower.is_finite() && point.upper.is_finite()
}

/// Stretches without a gap of points that pass `keep`: missing data is not zero and is not drawn over.
fn runs(points: &[Point], step: Duration, keep: impl Fn(&Point) -> bool) -> Vec<&[Point]> {
    let together = |a: &Point, b: &Point| keep(a) == keep(b) && b.at.since(a.at) <= step * 3 / 2;
    let runs = points.chunk_by(together);
    runs.filter(|run| run.first().is_some_and(&keep)).collect()
}

/// The band as a closed shape; a single interval is as wide as it is long.
fn area(frame: &Frame, points: &[Point]) -> String {
    let half = frame.step / 2;
    let mut path = String::new();
    let mut go = |x: f64, value: f32| {
        let letter = if path.is_empty() { 'M' } else { 'L' };
        // Writing to a String does not fail.
        write!(path, "{letter}{} {}", unit(x), unit(frame.y(f64::from(value)))).unwrap_or_default();
    };
    let ends = (points.first(), points.last());
    let (Some(first), Some(last)) = ends else {
        return path;
    };
    go(frame.x(first.at), first.upper);
    points.iter().for_each(|p| go(frame.x(p.at + half), p.upper));
    go(frame.x(last.at + frame.step), last.upper);
    go(frame.x(last.at + frame.step), last.lower);
    points
        .iter()
        .rev()
        .for_each(|p| go(frame.x(p.at + half), p.lower));
    go(frame.x(first.at), first.lower);
    path.push('Z');
    path
}

/// A line through the middles of the intervals, broken where data is missing; a lone point is a dot.
fn curve(frame: &Frame, points: &[Point], class: &str, of: fn(&Point) -> f32) -> Markup {
    let place = |p: &Point| format!("{} {}", unit(frame.middle(p.at)), unit(frame.y(f64::from(of(p)))));
    html! {
        @for run in runs(points, frame.step, |p| of(p).is_finite()) {
            @if let [lone] = run {
                path.dot d={ "M" (place(lone)) "h0" } {}
            } @else {
                path class=(class) d={ "M" (run.iter().map(place).collect::<Vec<_>>().join("L")) } {}
            }
        }
    }
}

/// A column over one interval that says its numbers when pointed at.
fn hit(frame: &Frame, point: &Point, measure: &Measure, clock: Clock) -> Markup {
    let start = frame.x(point.at);
    let width = frame.x(point.at + frame.step) - start;
    let usual = if has_band(point) {
        let (lower, upper) = (
            measure.number(f64::from(point.lower)),
            measure.number(f64::from(point.upper)),
        );
        format!(", usual {lower} – {upper}")
    } else {
        String::new()
    };
    html! {
        rect.hit x=(unit(start)) y="0" width=(unit(width)) height=(HEIGHT) {
            title {
                (clock.at(point.at)) ": " (measure.full(f64::from(point.observed)))
                ", expected " (measure.number(f64::from(point.expected))) (usual)
            }
        }
    }
}

/// A part of a whole as CSS wants it.
pub fn percent(share: f64) -> String {
    format!("{:.2}%", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn gaps_are_not_drawn_over() {
        let mut points = fixture::anomalies().remove(0).history;
        points.truncate(10);
        points.remove(4);
        let step = Duration::from_secs(60);
        assert_eq!(
            runs(&points, step, |_| true)
                .iter()
                .map(|r| r.len())
                .collect::<Vec<_>>(),
            [4, 5]
        );
        points[6].upper = f32::INFINITY;
        assert_eq!(
            runs(&points, step, has_band)
                .iter()
                .map(|r| r.len())
                .collect::<Vec<_>>(),
            [4, 2, 2]
        );
    }

    #[test]
    fn a_chart_of_any_numbers_has_only_finite_coordinates() {
        let mut anomaly = fixture::anomalies().remove(0);
        let measure = Measure::of(&anomaly);
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, -1.0, 0.0] {
            for point in &mut anomaly.history {
                (point.observed, point.upper) = (value, value);
            }
            anomaly.interval = Duration::ZERO;
            let drawn = chart(&anomaly, &measure, Clock::default()).into_string();
            let coordinates = drawn
                .split(" d=\"")
                .skip(1)
                .filter_map(|rest| rest.split('"').next());
            for path in coordinates {
                assert!(!path.contains("NaN") && !path.contains("inf"), "{path}");
            }
        }
    }
}
