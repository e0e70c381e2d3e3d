//! One in how many packets was looked at: what exporters say in options data, in records, or not at all.

use crate::wire::export::{Fields, Number};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most samplers remembered per Exporter, over all its domains.
const SAMPLERS: usize = 1024;

/// The sampling rates an Exporter told, by domain and sampler.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rates {
    /// samplerId or selectorId; `None` where the options data names none and the rate is the domain's.
    told: BTreeMap<(u32, Option<u64>), u32>,
}

impl Rates {
    /// Takes in a record of options data; nothing happens where it tells no rate.
    pub fn learn(&mut self, domain: u32, fields: &Fields) {
        let Some(rate) = stated(fields) else {
            return;
        };
        let sampler = fields
            .has(Number::Sampler)
            .then(|| fields.number(Number::Sampler));
        let key = (domain, sampler);
        if self.told.len() < SAMPLERS || self.told.contains_key(&key) {
            self.told.insert(key, rate);
        }
    }

    /// The rate of a sampler of a domain.
    pub fn of(&self, domain: u32, sampler: u64) -> Option<u32> {
        self.told.get(&(domain, Some(sampler))).copied()
    }

    /// The rate of records of a domain that name no sampler: the domain's, or the only one that its samplers have. Domain
    /// 0 speaks for the whole Exporter (RFC 7011 section 3.1).
    pub fn of_domain(&self, domain: u32) -> Option<u32> {
        self.one(domain).or_else(|| self.one(0))
    }

    fn one(&self, domain: u32) -> Option<u32> {
        let mut rates = self.told.range((domain, None)..=(domain, Some(u64::MAX)));
        let (key, first) = rates.next()?;
        (key.1.is_none() || rates.all(|(_, rate)| rate == first)).then_some(*first)
    }

    /// Octets it occupies, roughly.
    pub fn memory(&self) -> usize {
        self.told.len() * 32
    }
}

/// The rate that a record states itself, at least 1: interval (elements 34, 50), packets looked at and then left out
/// (305, 306: RFC 5477 section 8.2), or n out of N (309, 310).
#[inline]
pub(super) fn stated(fields: &Fields) -> Option<u32> {
    let interval = match fields.number(Number::SamplingInterval) {
        0 => spaced(fields)?,
        interval => interval,
    };
    Some(u32::try_from(interval).unwrap_or(u32::MAX))
}

fn spaced(fields: &Fields) -> Option<u64> {
    let packets = fields.number(Number::SamplingPackets);
    let all = packets.saturating_add(fields.number(Number::SamplingSpace));
    all.checked_div(packets).or_else(|| {
        let population = fields.number(Number::SamplePopulation);
        // Fewer than are looked at makes no sense.
        population
            .checked_div(fields.number(Number::SampleSize))
            .filter(|&rate| rate > 0)
    })
}
