//! All traffic over time, and what is usual for it: sums of stored flows in steps of ten minutes, kept once an hour is
//! over, and of each time of day the median of the days before with their spread; of the hours before, as long as too
//! few days are known.

use crate::model::{Interval, Timestamp};
use crate::query::{Figure, Measure, Request};
use crate::store::flows::{FlowStore, FlowsError};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use utoipa::ToSchema;

/// Length of a step.
pub const STEP: Duration = Duration::from_secs(600);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);
/// Steps of an hour.
const STEPS: usize = 6;
/// Days before that are looked at.
const DAYS: u32 = 7;
/// Of how many of them there must be traffic for something to be usual.
const LEAST: usize = 3;
/// Steps before that are looked at where too few days are known: three hours.
const RECENT: u32 = 18;
/// Of how many of them there must be traffic.
const LEAST_RECENT: usize = 6;
/// Hours kept.
const MOST: usize = 24 * 16;
/// Hours read at once.
const AT_ONCE: u32 = 24;
/// An hour is over for flows that come late, too.
const SETTLED: Duration = Duration::from_secs(900);
/// Reading what is not known yet takes no longer than this; the rest comes with the next request.
const PATIENCE: Duration = Duration::from_secs(3);
/// So many spreads make a band: about one in a thousand beyond it if days scatter as a normal distribution does.
const WIDTH: f64 = 3.09;
/// The least spread, as a part of the median: few days agree by chance.
const LEAST_SPREAD: f64 = 0.05;
/// What makes the median absolute deviation of a normal distribution its standard deviation.
const NORMAL: f64 = 1.4826;

/// Octets, packets and flows.
type Sums = [f64; 3];

/// One step of all traffic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Point {
    /// When the step begins.
    pub at: String,
    /// What was measured; null where no flows are stored.
    pub observed: Option<f64>,
    /// The median of the same time on the seven days before; where fewer than three have any, of the three hours before;
    /// null where that is less than an hour.
    pub expected: Option<f64>,
    /// Lower edge of what is usual.
    pub lower: Option<f64>,
    /// Upper edge of what is usual.
    pub upper: Option<f64>,
}

/// All traffic, by what is measured.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Traffic {
    /// Octets a step.
    pub bytes: Vec<Point>,
    /// Packets a step.
    pub packets: Vec<Point>,
    /// Flows a step.
    pub flows: Vec<Point>,
    /// Whether what is usual is in part that of the hours before, because too few days are known.
    pub provisional: bool,
}

/// Hours that are known.
#[derive(Debug, Default)]
pub struct Totals {
    hours: BTreeMap<Timestamp, [Option<Sums>; STEPS]>,
}

impl Totals {
    /// All traffic of the `hours` before `now`, and whether all that could be known of it is.
    pub fn traffic(
        &mut self,
        store: &dyn FlowStore,
        now: Timestamp,
        hours: u32,
    ) -> Result<(Traffic, bool), FlowsError> {
        let end = now.floor(HOUR) + HOUR;
        let begin = end - HOUR * hours;
        let began = Instant::now();
        let first = begin - STEP * RECENT;
        let mut whole = self.know(store, Interval { start: first, end }, now, began)?;
        for day in 1..=DAYS {
            let earlier = Interval {
                start: begin - DAY * day,
                end: end - DAY * day,
            };
            whole = whole && self.know(store, earlier, now, began)?;
        }
        let traffic = self.told(Interval {
            start: begin,
            end: now,
        });
        while self.hours.len() > MOST {
            self.hours.pop_first();
        }
        // What is not over changes.
        self.hours.retain(|hour, _| *hour + HOUR + SETTLED <= now);
        Ok((traffic, whole))
    }

    /// Reads the hours of a range that are not known, as long as there is patience; whether all are.
    fn know(
        &mut self,
        store: &dyn FlowStore,
        range: Interval,
        now: Timestamp,
        began: Instant,
    ) -> Result<bool, FlowsError> {
        let mut hour = range.start;
        while hour < range.end {
            if self.hours.contains_key(&hour) || hour > now {
                hour = hour + HOUR;
                continue;
            }
            if began.elapsed() > PATIENCE {
                return Ok(false);
            }
            let unknown = (0..AT_ONCE).map(|n| hour + HOUR * n);
            let unknown = unknown.take_while(|at| *at < range.end && !self.hours.contains_key(at));
            let end = unknown.last().unwrap_or(hour) + HOUR;
            self.read(store, Interval { start: hour, end })?;
            hour = end;
        }
        Ok(true)
    }

    fn read(&mut self, store: &dyn FlowStore, range: Interval) -> Result<(), FlowsError> {
        let request = Request {
            since: Some(range.start),
            until: Some(range.end),
            every: Some(STEP),
            memory: super::super::limits::QUERY_MEMORY,
            ..Request::new(Vec::new(), vec![Measure::Bytes, Measure::Packets, Measure::Flows])
        };
        let answer = store.query(&request)?;
        let mut hour = range.start;
        while hour < range.end {
            self.hours.insert(hour, [None; STEPS]);
            hour = hour + HOUR;
        }
        for (at, step) in answer.steps.iter().enumerate() {
            let figure = |measure: usize| {
                let series = answer.total.series.get(measure)?;
                series.get(at).copied().and_then(Figure::as_f64)
            };
            let sums = [0, 1, 2].map(|measure| figure(measure).unwrap_or(0.0));
            let place = step.start.since(step.start.floor(HOUR)).as_secs() / STEP.as_secs();
            let hour = self.hours.get_mut(&step.start.floor(HOUR));
            if let Some(slot) = hour.and_then(|hour| hour.get_mut(place as usize))
                && sums[1] > 0.0
            {
                *slot = Some(sums);
            }
        }
        Ok(())
    }

    fn at(&self, step: Timestamp) -> Option<Sums> {
        let place = step.since(step.floor(HOUR)).as_secs() / STEP.as_secs();
        *self.hours.get(&step.floor(HOUR))?.get(place as usize)?
    }

    /// What a step is compared with: the same time on the days before, or the hours before; whether it is the latter.
    fn before(&self, step: Timestamp) -> (Vec<Sums>, bool) {
        let days: Vec<Sums> = (1..=DAYS).filter_map(|day| self.at(step - DAY * day)).collect();
        if days.len() >= LEAST {
            return (days, false);
        }
        let hours: Vec<Sums> = (1..=RECENT).filter_map(|n| self.at(step - STEP * n)).collect();
        match hours.len() >= LEAST_RECENT {
            true => (hours, true),
            false => (Vec::new(), false),
        }
    }

    fn told(&self, range: Interval) -> Traffic {
        let mut traffic = Traffic::default();
        let mut step = range.start;
        // A step that is not over would always look like too little.
        while step + STEP <= range.end {
            let now = self.at(step);
            let (before, is_provisional) = self.before(step);
            traffic.provisional |= is_provisional;
            let series = [&mut traffic.bytes, &mut traffic.packets, &mut traffic.flows];
            for (measure, series) in series.into_iter().enumerate() {
                let of = |sums: &Sums| sums.get(measure).copied().unwrap_or(0.0);
                let usual = band(before.iter().map(of).collect());
                series.push(Point {
                    at: step.to_string(),
                    observed: now.as_ref().map(of),
                    expected: usual.map(|[expected, _, _]| expected),
                    lower: usual.map(|[_, lower, _]| lower),
                    upper: usual.map(|[_, _, upper]| upper),
                });
            }
            step = step + STEP;
        }
        traffic
    }
}

/// The median of some days or hours, and a band about it; none for too few.
fn band(values: Vec<f64>) -> Option<[f64; 3]> {
    if values.len() < LEAST {
        return None;
    }
    let middle = median(values.clone());
    let spread = NORMAL * median(values.iter().map(|value| (value - middle).abs()).collect());
    let reach = WIDTH * spread.max(LEAST_SPREAD * middle);
    Some([middle, (middle - reach).max(0.0), middle + reach])
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = |n: usize| values.get(n).copied().unwrap_or(0.0);
    match values.len() {
        n if n % 2 == 1 => at(n / 2),
        n => f64::midpoint(at(n / 2), at((n / 2).saturating_sub(1))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Columns, Field, FlowKey, FlowRecord, Ip};
    use crate::store::flows::MemoryStore;

    fn flow(at: Timestamp, bytes: u64) -> FlowRecord {
        FlowRecord {
            key: FlowKey {
                src: Ip::v4(1),
                dst: Ip::v4(2),
                src_port: 3,
                dst_port: 4,
                protocol: FlowKey::TCP,
            },
            start: at,
            end: at,
            packets: 1,
            bytes,
            ..FlowRecord::unknown()
        }
    }

    /// A flow in each step of some days, with as many octets as `bytes` says of the day.
    fn store(now: Timestamp, days: u32, bytes: impl Fn(u32) -> u64) -> MemoryStore {
        let mut store = MemoryStore::new(64 << 20);
        for day in (0..days).rev() {
            let begin = now - DAY * (day + 1);
            let records: Vec<FlowRecord> = (0..144).map(|n| flow(begin + STEP * n, bytes(day))).collect();
            let records = records.iter().map(|record| (record, record.end));
            store.write(&Columns::of_fields(records, Field::ALL)).unwrap();
        }
        store
    }

    #[test]
    fn a_day_like_those_before_lies_in_the_band_and_another_does_not() {
        let now = Timestamp::from_secs(1_772_409_600);
        for (today, inside) in [(1000, true), (5000, false)] {
            let store = store(now, 8, |day| if day == 0 { today } else { 1000 });
            let (traffic, whole) = Totals::default().traffic(&store, now, 24).unwrap();
            assert!(whole);
            assert!(traffic.bytes.len() >= 137, "{}", traffic.bytes.len());
            let point = &traffic.bytes[70];
            assert_eq!(
                (point.observed, point.expected),
                (Some(today as f64), Some(1000.0))
            );
            let (lower, upper) = (point.lower.unwrap(), point.upper.unwrap());
            assert_eq!((lower..=upper).contains(&(today as f64)), inside);
        }
    }

    #[test]
    fn of_less_than_an_hour_nothing_is_usual_and_of_no_flows_nothing_is_known() {
        let now = Timestamp::from_secs(1_772_409_600);
        let mut new = MemoryStore::new(64 << 20);
        let records: Vec<FlowRecord> = (0..6).map(|n| flow(now - STEP * (6 - n), 1)).collect();
        let records = records.iter().map(|record| (record, record.end));
        new.write(&Columns::of_fields(records, Field::ALL)).unwrap();
        let (traffic, _) = Totals::default().traffic(&new, now, 2).unwrap();
        let newest = traffic.bytes.last().unwrap();
        assert_eq!((newest.observed, newest.expected), (Some(1.0), None));
        let (traffic, _) = Totals::default().traffic(&MemoryStore::new(0), now, 2).unwrap();
        assert_eq!(traffic.flows[5].observed, None);
    }

    #[test]
    fn until_three_days_are_known_the_hours_before_say_what_is_usual() {
        let now = Timestamp::from_secs(1_772_409_600);
        for (days, provisional) in [(2, true), (5, false)] {
            let store = store(now, days, |day| if day == 0 { 1000 } else { 4000 });
            let (traffic, _) = Totals::default().traffic(&store, now, 12).unwrap();
            let usual = traffic.bytes[60].expected;
            let expected = if provisional { 1000.0 } else { 4000.0 };
            assert_eq!((traffic.provisional, usual), (provisional, Some(expected)));
        }
    }

    #[test]
    fn what_is_over_is_read_once_and_no_more_is_kept_than_there_is_room_for() {
        let now = Timestamp::from_secs(1_772_409_600);
        let mut totals = Totals::default();
        totals.traffic(&store(now, 8, |_| 7), now, 24).unwrap();
        let (traffic, _) = totals.traffic(&MemoryStore::new(0), now, 24).unwrap();
        assert_eq!(traffic.bytes[70].observed, Some(7.0));
        totals.traffic(&MemoryStore::new(0), now, 168).unwrap();
        assert!(totals.hours.len() <= MOST);
    }
}
