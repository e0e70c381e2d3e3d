//! A request under way: which walks over the stored flows it takes, one after the other, and the answer in the end.
//!
//! The first walk groups and chooses. Time series and the period before are counted for the chosen groups alone, in
//! walks of their own: what they occupy is known beforehand.

use super::answer::{Answer, Read, Row};
use super::figures::{Figure, Figures};
use super::grouping::{Counted, Grouping};
use super::measure::Measure;
use super::request::{Request, RequestError, check_steps};
use super::stage::{Purpose, Stage};
use super::steps::Steps;
use super::sums::Sums;
use crate::model::{Interval, Timestamp};
use std::sync::Arc;

/// A request under way.
///
/// ```
/// use tidemark::model::Columns;
/// use tidemark::query::{Inquiry, Measure, Request, Sure};
/// # fn answer(batches: &[Columns]) -> Result<(), tidemark::query::RequestError> {
/// let mut inquiry = Inquiry::new(&Request::new(vec![], vec![Measure::Flows]))?;
/// while let Some(stage) = inquiry.stage() {
///     let mut grouping = stage.grouping(1);
///     batches.iter().for_each(|batch| grouping.add(batch, Sure::default()));
///     inquiry.take(&grouping)?;
/// }
/// println!("{:?}", inquiry.answer().total);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Inquiry {
    request: Arc<Request>,
    /// The walks that are over.
    done: Vec<Purpose>,
    /// The range, as far as it is known.
    range: Option<Interval>,
    chosen: Arc<Vec<Vec<u128>>>,
    answer: Answer,
}

impl Inquiry {
    /// Nothing was walked over yet.
    ///
    /// # Errors
    ///
    /// The request cannot be answered.
    pub fn new(request: &Request) -> Result<Self, RequestError> {
        request.check()?;
        let answer = Answer {
            by: request.by.clone(),
            measures: request.measures.clone(),
            order: request.order(),
            range: request.range(),
            steps: Vec::new(),
            previous: request.previous_range(),
            rows: Vec::new(),
            other: None,
            total: Row::default(),
            groups: 0,
            counted: Counted::default(),
            read: Read::default(),
            trouble: None,
        };
        Ok(Self {
            range: request.range(),
            request: Arc::new(request.clone()),
            done: Vec::new(),
            chosen: Arc::default(),
            answer,
        })
    }

    /// The next walk; `None` when the answer is there.
    pub fn stage(&self) -> Option<Stage> {
        let request = &self.request;
        let steps = request.every.is_some();
        let wanted = [
            (Purpose::Span, steps && request.range().is_none()),
            (Purpose::Groups, true),
            (Purpose::Series, steps),
            (Purpose::Previous, self.answer.previous.is_some()),
        ];
        let next = wanted
            .into_iter()
            .find(|(purpose, wanted)| *wanted && !self.done.contains(purpose))?;
        Some(self.stage_for(next.0))
    }

    fn stage_for(&self, purpose: Purpose) -> Stage {
        let request = &self.request;
        let asked = Interval {
            start: request.since.unwrap_or(Timestamp::MIN),
            end: request.until.unwrap_or(Timestamp::MAX),
        };
        let known = self.range.unwrap_or(asked);
        let order = request.order().measure;
        let measures = match purpose {
            Purpose::Span => Vec::new(),
            // Percentiles over steps are those of the series, but for the one that chooses the rows.
            Purpose::Groups => {
                let mut all = request.all_measures();
                all.retain(|measure| !measure.is_over_steps() || *measure == order);
                all
            }
            Purpose::Series => request.measures.clone(),
            Purpose::Previous => {
                let mut all = request.measures.clone();
                all.retain(|measure| !measure.is_over_steps());
                all
            }
        };
        let (range, every) = match purpose {
            Purpose::Span => (asked, None),
            Purpose::Groups => (known, request.every.filter(|_| order.is_over_steps())),
            Purpose::Series => (known, request.every),
            Purpose::Previous => (self.answer.previous.unwrap_or(known), None),
        };
        let rates = measures.iter().any(|measure| measure.is_rate());
        Stage {
            request: Arc::clone(request),
            purpose,
            range,
            steps: Steps::new(range, every),
            tallies: Request::tallies(&measures),
            chosen: Arc::clone(&self.chosen),
            watch: purpose == Purpose::Span || (purpose == Purpose::Groups && rates && self.range.is_none()),
        }
    }

    /// Takes in what the walk gave.
    ///
    /// # Errors
    ///
    /// The walk showed that the request cannot be answered.
    pub fn take(&mut self, grouping: &Grouping) -> Result<(), RequestError> {
        let purpose = grouping.purpose();
        self.done.push(purpose);
        match purpose {
            Purpose::Span => self.take_span(grouping)?,
            Purpose::Groups => self.take_groups(grouping)?,
            Purpose::Series => self.take_series(grouping),
            Purpose::Previous => self.take_previous(grouping),
        }
        Ok(())
    }

    /// The answer.
    pub fn answer(self) -> Answer {
        self.answer
    }

    fn know_span(&mut self, span: Option<Interval>) {
        let Some(span) = span.filter(|_| self.range.is_none()) else {
            return;
        };
        self.range = Some(Interval {
            start: self.request.since.unwrap_or(span.start),
            end: self.request.until.unwrap_or(span.end),
        });
        self.answer.range = self.range;
    }

    fn take_span(&mut self, grouping: &Grouping) -> Result<(), RequestError> {
        // Where there is no flow, there is a step without any.
        let none = Interval {
            start: self.request.since.unwrap_or(Timestamp::from_secs(0)),
            end: self.request.until.unwrap_or(Timestamp::from_secs(1)),
        };
        self.know_span(Some(grouping.span().unwrap_or(none)));
        match (self.range, self.request.every) {
            (Some(range), Some(every)) => check_steps(range, every),
            _ => Ok(()),
        }
    }

    fn take_groups(&mut self, grouping: &Grouping) -> Result<(), RequestError> {
        self.know_span(grouping.span());
        let figures = self.figures(grouping);
        let numbers = |sums: Option<&Sums>, group: u32| {
            let one = |measure: &Measure| match sums {
                Some(sums) => figures.figure_of(sums, *measure, None),
                None => figures.figure(*measure, group, None),
            };
            self.request.measures.iter().map(one).collect::<Vec<Figure>>()
        };
        let grouped = !self.request.by.is_empty();
        let top = if grouped { self.request.top } else { 0 };
        let chosen = figures.foremost(top, self.request.order());
        let row = |group: &u32| Row {
            key: figures.values(*group),
            figures: numbers(None, *group),
            ..Row::default()
        };
        self.answer.rows = chosen.iter().map(row).collect();
        self.answer.total.figures = numbers(Some(&figures.all()), 0);
        self.answer.counted = grouping.counted();
        self.answer.groups = if grouped { figures.keys.len() as u64 } else { 0 };
        let others = figures.keys.len() > chosen.len() || grouping.has_nobodies();
        if grouped && others && !self.request.is_two_sided() {
            self.answer.other = Some(Row {
                figures: numbers(Some(&figures.rest(&chosen)), 0),
                ..Row::default()
            });
        }
        self.chosen = Arc::new(chosen.iter().map(|group| figures.keys.key(*group)).collect());
        self.check_room()
    }

    /// Whether the series of the chosen rows have room.
    fn check_room(&self) -> Result<(), RequestError> {
        let stage = self.stage_for(Purpose::Series);
        let slots = (self.chosen.len() + 1).saturating_mul(stage.steps.count());
        let size = Sums::new(&stage.tallies).slot_size();
        match slots.saturating_mul(size) > self.request.memory || slots >= u32::MAX as usize {
            true if self.request.every.is_some() => Err(RequestError::Room {
                rows: self.chosen.len(),
                steps: stage.steps.count(),
            }),
            _ => Ok(()),
        }
    }

    fn take_series(&mut self, grouping: &Grouping) {
        let request = Arc::clone(&self.request);
        let figures = self.figures(grouping);
        let steps = figures.steps;
        let (all, rest) = (figures.all(), figures.rest(&self.numbered()));
        let series = |row: &mut Row, sums: Option<&Sums>, group: u32| {
            let number = |measure: Measure, step: Option<usize>| match sums {
                Some(sums) => figures.figure_of(sums, measure, step),
                None => figures.figure(measure, group, step),
            };
            let all_steps = |measure: &Measure| {
                (0..steps.count())
                    .map(|step| number(*measure, Some(step)))
                    .collect()
            };
            row.series = request.measures.iter().map(all_steps).collect();
            for (figure, measure) in row.figures.iter_mut().zip(&request.measures) {
                if measure.is_over_steps() {
                    *figure = number(*measure, None);
                }
            }
        };
        let answer = &mut self.answer;
        for (row, group) in answer.rows.iter_mut().zip(1..) {
            series(row, None, group);
        }
        if let Some(other) = &mut answer.other {
            series(other, Some(&rest), 0);
        }
        series(&mut answer.total, Some(&all), 0);
        answer.steps = (0..steps.count()).map(|step| steps.interval(step)).collect();
    }

    fn take_previous(&mut self, grouping: &Grouping) {
        let request = Arc::clone(&self.request);
        let mut figures = self.figures(grouping);
        figures.seconds = self.answer.previous.map(|range| range.length().as_secs_f64());
        let (all, rest) = (figures.all(), figures.rest(&self.numbered()));
        let numbers = |sums: Option<&Sums>, group: u32| {
            let one = |measure: &Measure| match sums {
                _ if measure.is_over_steps() => Figure::Unknown,
                Some(sums) => figures.figure_of(sums, *measure, None),
                None => figures.figure(*measure, group, None),
            };
            request.measures.iter().map(one).collect()
        };
        let answer = &mut self.answer;
        for (row, group) in answer.rows.iter_mut().zip(1..) {
            row.previous = numbers(None, group);
        }
        if let Some(other) = &mut answer.other {
            other.previous = numbers(Some(&rest), 0);
        }
        answer.total.previous = numbers(Some(&all), 0);
    }

    /// The chosen groups as later walks number them.
    fn numbered(&self) -> Vec<u32> {
        (1..=self.chosen.len() as u32).collect()
    }

    fn figures<'a>(&self, grouping: &'a Grouping) -> Figures<'a> {
        Figures {
            seconds: self.range.map(|range| range.length().as_secs_f64()),
            ..grouping.figures()
        }
    }
}
