//! One message being read: Sets of data to Flow Records, and what is learned from options data on the way.

use super::clock::Clock;
use super::exporter::{Books, Scratch};
use super::session::Template;
use super::{Config, Sink, contact, flow, sampling};
use crate::model::{ExportFault, ExportTrouble, Ip};
use crate::wire::export::{Number, Plan, Version};

/// What is at hand while a message is read.
pub(super) struct Reading<'a, S> {
    pub exporter: Ip,
    pub version: Version,
    pub domain: u32,
    pub clock: Clock,
    pub config: &'a Config,
    pub books: &'a mut Books,
    pub scratch: &'a mut Scratch,
    pub sink: &'a mut S,
    /// One in how many packets, for records that neither say it nor name a sampler.
    pub rate: u32,
}

/// A Set of data, here and now or out of the waiting.
#[derive(Clone, Copy, Debug)]
pub(super) struct Data<'a> {
    pub id: u16,
    pub offset: u32,
    pub cut: bool,
    pub body: &'a [u8],
}

impl<S: Sink> Reading<'_, S> {
    /// Counts what is wrong and passes it on.
    pub fn fault(&mut self, kind: ExportTrouble, offset: u32, what: String) {
        self.books.account.faults += 1;
        self.sink.fault(ExportFault {
            kind,
            exporter: self.exporter,
            domain: self.domain,
            offset,
            what,
        });
    }

    /// Finds out the rate of records that say nothing of sampling.
    pub fn settle_rate(&mut self) {
        let told = self.books.rates.of_domain(self.domain);
        let configured = || self.config.sampling.get(&self.exporter).copied();
        self.rate = told.or_else(configured).unwrap_or(1).max(1);
    }

    /// Reads the Data Records of a Set and gives their number.
    pub fn data(&mut self, template: &Template, set: Data<'_>) -> u32 {
        let plan = &template.plan;
        let (records, left) = if plan.is_flow() {
            self.flows(plan, set)
        } else {
            self.options(plan, set)
        };
        // What is left is padding, unless it is long enough for a record or the message ended.
        if left >= plan.least() || set.cut {
            let (kind, why) = if set.cut {
                (ExportTrouble::Cut, "the message ends inside it")
            } else {
                (
                    ExportTrouble::Malformed,
                    "its last record is longer than what is left",
                )
            };
            let what = format!(
                "Set {} of {} octets, {records} records read: {why}",
                set.id,
                set.body.len()
            );
            self.fault(kind, set.offset, what);
        }
        records
    }

    /// Gives out the record in the scratch.
    #[inline]
    pub fn give_out(&mut self) {
        let record = &self.scratch.record;
        self.books.account.records += 1;
        self.books.account.sampling_rate = record.sampling_rate;
        self.books.late(self.clock.lateness(record.end));
        self.sink.record(record);
    }

    /// Reads record after record into the fields, each with the octets it begins; gives their number and the octets
    /// behind the last.
    #[inline]
    fn each(&mut self, plan: &Plan, set: Data<'_>, mut take: impl FnMut(&mut Self, &[u8])) -> (u32, usize) {
        plan.prepare(&mut self.scratch.fields);
        let (mut rest, mut records) = (set.body, 0);
        while rest.len() >= plan.least() {
            let Some(size) = plan.read(rest, &mut self.scratch.fields) else {
                break;
            };
            records += 1;
            take(self, rest);
            rest = rest.get(size..).unwrap_or_default();
        }
        (records, rest.len())
    }

    /// Records that are flows; gives the same.
    fn flows(&mut self, plan: &Plan, set: Data<'_>) -> (u32, usize) {
        self.each(plan, set, |reading, octets| reading.flow(plan, octets))
    }

    /// One flow, read into the fields from the beginning of `octets`.
    #[inline]
    fn flow(&mut self, plan: &Plan, octets: &[u8]) {
        let source = flow::Source {
            exporter: self.exporter,
            domain: self.domain,
            version: self.version,
        };
        let Scratch { fields, record } = &mut *self.scratch;
        let Some(hints) = flow::fill(record, source, plan, fields, octets) else {
            self.books.account.options += 1;
            return;
        };
        (record.start, record.end) = self.clock.times(plan, fields, &mut self.books.account);
        record.sampling_rate = if plan.samples() {
            let sampler = || self.books.rates.of(self.domain, fields.number(Number::Sampler));
            sampling::stated(fields)
                .or_else(sampler)
                .unwrap_or(self.rate)
                .max(1)
        } else {
            self.rate
        };
        contact::infer(record, hints);
        self.give_out();
    }

    /// Records that are none; gives the same.
    fn options(&mut self, plan: &Plan, set: Data<'_>) -> (u32, usize) {
        let (records, left) = self.each(plan, set, |reading, _| {
            let fields = &reading.scratch.fields;
            reading.books.rates.learn(reading.domain, fields);
            let started = fields.number(Number::SystemStart);
            if let Ok(millis @ 1..) = i64::try_from(started) {
                reading.clock.started = Some(millis.saturating_mul(1_000_000));
            }
        });
        self.books.account.options += u64::from(records);
        if plan.samples() {
            self.settle_rate();
        }
        (records, left)
    }
}
