//! From what was counted to what was asked: the numbers of a group, of the others, of all.

use super::by::{By, Value};
use super::keys::Keys;
use super::measure::{Measure, Of, Tally};
use super::percentiles::{Percentiles, nearest_rank};
use super::request::Order;
use super::steps::Steps;
use super::sums::Sums;
use crate::aggregate::DistinctCount;
use std::cmp::Ordering;

/// A number of an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Figure {
    /// There is none: an average of nothing, a rate over a time that is not known.
    Unknown,
    /// Exact, but for distinct counts.
    Whole(u64),
    /// A ratio.
    Real(f64),
}

impl Figure {
    /// As a floating-point number, for shares and pictures.
    pub fn as_f64(self) -> Option<f64> {
        match self {
            Self::Unknown => None,
            Self::Whole(whole) => Some(whole as f64),
            Self::Real(real) => Some(real),
        }
    }

    /// `over / under`, unknown where that is nothing.
    fn ratio(over: f64, under: f64) -> Self {
        if under > 0.0 {
            Self::Real(over / under)
        } else {
            Self::Unknown
        }
    }

    fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => a.cmp(&b),
            (Self::Unknown, Self::Unknown) => Ordering::Equal,
            (Self::Unknown, _) => Ordering::Less,
            (_, Self::Unknown) => Ordering::Greater,
            (a, b) => a.as_f64().unwrap_or(0.0).total_cmp(&b.as_f64().unwrap_or(0.0)),
        }
    }
}

/// The numbers of a grouping.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figures<'a> {
    pub(super) keys: &'a Keys,
    pub(super) by: &'a [By],
    pub(super) sums: &'a Sums,
    pub(super) total: Option<&'a Sums>,
    pub(super) steps: Steps,
    /// The length of time that rates are over, where it is known.
    pub(super) seconds: Option<f64>,
}

impl<'a> Figures<'a> {
    /// The groups that come first, at most `top`, in their order. Of equals the one with the smaller value comes first.
    pub(super) fn foremost(&self, top: usize, order: Order) -> Vec<u32> {
        // Rates over the same time are ordered as any.
        let ranked = Self {
            seconds: Some(self.seconds.unwrap_or(1.0)),
            ..*self
        };
        let column = self.column(order.measure);
        let figure = |group: u32| match column {
            Some(column) => Figure::Whole(column.get(group as usize).copied().unwrap_or(0)),
            None => ranked.figure(order.measure, group, None),
        };
        let by_figure = |a: Figure, b: Figure| {
            if order.ascending {
                a.compare(b)
            } else {
                b.compare(a)
            }
        };
        let compare = |(a, one): &(Figure, u32), (b, other): &(Figure, u32)| {
            by_figure(*a, *b).then_with(|| self.keys.words(*one).cmp(&self.keys.words(*other)))
        };
        if top == 0 {
            return Vec::new();
        }
        // Most groups are behind the last of those found so far, and need no second look.
        let (mut groups, mut last): (Vec<(Figure, u32)>, Option<Figure>) = (Vec::new(), None);
        for group in 1..=self.keys.len() as u32 {
            let figure = figure(group);
            if last.is_some_and(|last| by_figure(figure, last).is_gt()) {
                continue;
            }
            groups.push((figure, group));
            if groups.len() >= top.saturating_mul(2).max(64) {
                let (_, &mut (worst, _), _) = groups.select_nth_unstable_by(top - 1, compare);
                groups.truncate(top);
                last = Some(worst);
            }
        }
        groups.sort_unstable_by(compare);
        groups.truncate(top);
        groups.into_iter().map(|(_, group)| group).collect()
    }

    /// What orders groups in the same way as a measure, where one column of sums does.
    fn column(&self, measure: Measure) -> Option<&'a [u64]> {
        let [tally] = measure.tallies() else {
            return None;
        };
        self.sums.column(*tally).filter(|_| self.steps.count() == 1)
    }

    /// The values of a group.
    pub(super) fn values(&self, group: u32) -> Vec<Value> {
        let words = self.keys.words(group);
        self.by
            .iter()
            .zip(words)
            .map(|(by, word)| by.value(word))
            .collect()
    }

    /// A number of a group, of one step or of all.
    pub(super) fn figure(&self, measure: Measure, group: u32, step: Option<usize>) -> Figure {
        let first = group as usize * self.steps.count();
        Slots {
            figures: *self,
            sums: self.sums,
            first,
        }
        .figure(measure, step)
    }

    /// What all rows together counted, by step.
    pub(super) fn all(&self) -> Sums {
        match self.total {
            Some(total) => total.clone(),
            None => self.rest(&[]),
        }
    }

    /// What those counted that are in none of some groups, by step.
    pub(super) fn rest(&self, without: &[u32]) -> Sums {
        let mut left_out = vec![false; self.keys.len() + 1];
        for group in without {
            if let Some(place) = left_out.get_mut(*group as usize) {
                *place = true;
            }
        }
        self.sums.folded(self.steps.count(), &left_out)
    }

    /// A number of what [`Figures::all`] or [`Figures::rest`] gave.
    pub(super) fn figure_of(&self, sums: &Sums, measure: Measure, step: Option<usize>) -> Figure {
        Slots {
            figures: *self,
            sums,
            first: 0,
        }
        .figure(measure, step)
    }
}

/// The slots of one group.
struct Slots<'a> {
    figures: Figures<'a>,
    sums: &'a Sums,
    first: usize,
}

impl Slots<'_> {
    fn figure(&self, measure: Measure, step: Option<usize>) -> Figure {
        let sum = |tally| Figure::Whole(self.sum(tally, step));
        let real = |tally| self.sum(tally, step) as f64;
        let rate = |times: f64, tally| match self.seconds(step) {
            Some(seconds) => Figure::ratio(times * real(tally), seconds),
            None => Figure::Unknown,
        };
        match measure {
            Measure::Bytes => sum(Tally::Bytes),
            Measure::Packets => sum(Tally::Packets),
            Measure::Flows => sum(Tally::Flows),
            Measure::SynOnly => sum(Tally::SynOnly),
            Measure::Failed => sum(Tally::Failed),
            Measure::Unsolicited => sum(Tally::Unsolicited),
            Measure::Sources => self.distinct(Tally::Sources, step),
            Measure::Destinations => self.distinct(Tally::Destinations, step),
            Measure::Ports => self.distinct(Tally::Ports, step),
            Measure::BitRate => rate(8.0, Tally::Bytes),
            Measure::PacketRate => rate(1.0, Tally::Packets),
            Measure::FlowRate => rate(1.0, Tally::Flows),
            Measure::BytesPerPacket => Figure::ratio(real(Tally::Bytes), real(Tally::Packets)),
            Measure::Duration => Figure::ratio(real(Tally::Time) / 1e6, real(Tally::Flows)),
            Measure::Percentile(percent, Of::Bytes) => self.spread(Tally::EachBytes, percent, 1.0, step),
            Measure::Percentile(percent, Of::Packets) => self.spread(Tally::EachPackets, percent, 1.0, step),
            Measure::Percentile(percent, Of::Duration) => self.spread(Tally::EachTime, percent, 1e-6, step),
            Measure::Percentile(percent, Of::BitRate) => self.over_steps(percent, 8.0, Tally::Bytes, step),
            Measure::Percentile(percent, Of::PacketRate) => {
                self.over_steps(percent, 1.0, Tally::Packets, step)
            }
            Measure::Percentile(percent, Of::FlowRate) => self.over_steps(percent, 1.0, Tally::Flows, step),
        }
    }

    fn slots(&self, step: Option<usize>) -> std::ops::Range<usize> {
        match step {
            Some(step) => self.first + step..self.first + step + 1,
            None => self.first..self.first + self.figures.steps.count(),
        }
    }

    fn sum(&self, tally: Tally, step: Option<usize>) -> u64 {
        let sums = self.slots(step).map(|slot| self.sums.sum(tally, slot));
        sums.fold(0, u64::saturating_add)
    }

    fn seconds(&self, step: Option<usize>) -> Option<f64> {
        match step {
            Some(step) => Some(self.figures.steps.interval(step).length().as_secs_f64()),
            None => self.figures.seconds,
        }
    }

    fn distinct(&self, tally: Tally, step: Option<usize>) -> Figure {
        let mut all = DistinctCount::default();
        for set in self.slots(step).filter_map(|slot| self.sums.set(tally, slot)) {
            all.merge(set);
        }
        Figure::Whole(all.estimate())
    }

    fn spread(&self, tally: Tally, percent: u8, unit: f64, step: Option<usize>) -> Figure {
        let mut all = Percentiles::default();
        for spread in self.slots(step).filter_map(|slot| self.sums.spread(tally, slot)) {
            all.merge(spread);
        }
        all.percentile(percent)
            .map_or(Figure::Unknown, |value| Figure::Real(value * unit))
    }

    /// A percentile of a rate over the steps, those without traffic included; within one step it is the rate.
    fn over_steps(&self, percent: u8, times: f64, tally: Tally, step: Option<usize>) -> Figure {
        let steps = step.map_or(0..self.figures.steps.count(), |step| step..step + 1);
        let rate = |step| {
            let seconds = self.seconds(Some(step)).filter(|seconds| *seconds > 0.0);
            seconds.map(|seconds| times * self.sum(tally, Some(step)) as f64 / seconds)
        };
        let mut rates: Vec<f64> = steps.filter_map(rate).collect();
        rates.sort_unstable_by(f64::total_cmp);
        let rate = rates.get(nearest_rank(rates.len(), percent)).copied();
        rate.map_or(Figure::Unknown, Figure::Real)
    }
}
