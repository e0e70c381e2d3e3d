//! A sheet of metrics: counted and told one by one, written in the text format of Prometheus.

use prometheus::{CounterVec, GaugeVec, Opts, Registry, TextEncoder};
use std::collections::BTreeMap;

/// Everything told at one scrape.
#[derive(Default)]
pub struct Sheet {
    registry: Registry,
    counters: BTreeMap<&'static str, CounterVec>,
    gauges: BTreeMap<&'static str, GaugeVec>,
}

type Labels<'a> = &'a [(&'a str, &'a str)];

impl Sheet {
    /// Counts `value` more of `name`, whose labels are the same at each call.
    pub fn count(&mut self, name: &'static str, help: &str, labels: Labels<'_>, value: u64) {
        let registry = &self.registry;
        let counter = self.counters.entry(name).or_insert_with(|| {
            let keys: Vec<&str> = labels.iter().map(|(key, _)| *key).collect();
            register(registry, CounterVec::new(Opts::new(name, help), &keys))
        });
        let values: Vec<&str> = labels.iter().map(|(_, value)| *value).collect();
        counter.with_label_values(&values).inc_by(value as f64);
    }

    /// Says how `name` stands.
    pub fn gauge(&mut self, name: &'static str, help: &str, labels: Labels<'_>, value: f64) {
        let registry = &self.registry;
        let gauge = self.gauges.entry(name).or_insert_with(|| {
            let keys: Vec<&str> = labels.iter().map(|(key, _)| *key).collect();
            register(registry, GaugeVec::new(Opts::new(name, help), &keys))
        });
        let values: Vec<&str> = labels.iter().map(|(_, value)| *value).collect();
        gauge.with_label_values(&values).set(value);
    }

    /// The text format of Prometheus, version 0.0.4.
    pub fn text(&self) -> String {
        TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .unwrap_or_default()
    }
}

/// Names and labels are constants of this file; a test encodes them all.
#[allow(clippy::expect_used)]
fn register<T: prometheus::core::Collector + Clone + 'static>(
    registry: &Registry,
    made: prometheus::Result<T>,
) -> T {
    let made = made.expect("names and labels are constants that are valid");
    registry
        .register(Box::new(made.clone()))
        .expect("a name is registered once");
    made
}
