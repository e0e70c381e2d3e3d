//! A sheet of metrics: counted and told one by one, written in the text format of Prometheus.

use prometheus::core::{MetricVec, MetricVecBuilder};
use prometheus::{CounterVec, Error, GaugeVec, Opts, Registry, Result, TextEncoder};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Everything told at one scrape.
#[derive(Default)]
pub struct Sheet {
    registry: Registry,
    counters: BTreeMap<&'static str, CounterVec>,
    gauges: BTreeMap<&'static str, GaugeVec>,
    /// The first name or label that cannot be told.
    trouble: Option<Error>,
}

type Labels<'a> = &'a [(&'a str, &'a str)];

impl Sheet {
    /// Counts `value` more of `name`, whose labels are the same at each call.
    pub fn count(&mut self, name: &'static str, help: &str, labels: Labels<'_>, value: u64) {
        let (known, registry) = (&mut self.counters, &self.registry);
        match one(known, registry, CounterVec::new, name, help, labels) {
            Ok(counter) => counter.inc_by(value as f64),
            Err(error) => self.trouble = self.trouble.take().or(Some(error)),
        }
    }

    /// Says how `name` stands.
    pub fn gauge(&mut self, name: &'static str, help: &str, labels: Labels<'_>, value: f64) {
        let (known, registry) = (&mut self.gauges, &self.registry);
        match one(known, registry, GaugeVec::new, name, help, labels) {
            Ok(gauge) => gauge.set(value),
            Err(error) => self.trouble = self.trouble.take().or(Some(error)),
        }
    }

    /// The text format of Prometheus, version 0.0.4.
    ///
    /// # Errors
    ///
    /// A name or a label that cannot be told.
    pub fn text(self) -> Result<String> {
        match self.trouble {
            None => TextEncoder::new().encode_to_string(&self.registry.gather()),
            Some(error) => Err(error),
        }
    }
}

/// The metric of these labels, made where it is not known yet.
fn one<B: MetricVecBuilder<P = Opts> + 'static>(
    known: &mut BTreeMap<&'static str, MetricVec<B>>,
    registry: &Registry,
    make: fn(Opts, &[&str]) -> Result<MetricVec<B>>,
    name: &'static str,
    help: &str,
    labels: Labels<'_>,
) -> Result<B::M> {
    let (keys, values): (Vec<&str>, Vec<&str>) = labels.iter().copied().unzip();
    let all = match known.entry(name) {
        Entry::Occupied(there) => there.into_mut(),
        Entry::Vacant(place) => {
            let made = make(Opts::new(name, help), &keys)?;
            registry.register(Box::new(made.clone()))?;
            place.insert(made)
        }
    };
    all.get_metric_with_label_values(&values)
}
