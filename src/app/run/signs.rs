//! The signs of life of this daemon, gathered from where they are published.

use super::notifier::Shown;
use super::source::Gauges;
use super::worker::Standing;
use crate::app::vital::Vital;
use crate::model::Severity;
use std::sync::PoisonError;

/// How everything stands now; when, and whether it stopped, is for the caller to say.
pub fn of(standing: &Standing, board: &Shown, gauges: &Gauges) -> Vital {
    let named = |(name, count): (&str, u64)| (name.to_owned(), count);
    let open = Severity::ALL
        .map(Severity::name)
        .into_iter()
        .zip(standing.severities);
    let counters = standing
        .counters()
        .into_iter()
        .chain([("exporters", standing.exporters)]);
    let gauges = gauges.lock().unwrap_or_else(PoisonError::into_inner);
    let board = board.lock().unwrap_or_else(PoisonError::into_inner);
    let failing = board
        .iter()
        .filter_map(|(name, route)| Some((name.clone(), route.failing.clone()?)));
    Vital {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        open: open.map(named).collect(),
        counters: counters.map(named).collect(),
        used: gauges
            .values()
            .map(|gauge| (gauge.name.clone(), gauge.share))
            .collect(),
        failing: failing.collect(),
        ..Vital::default()
    }
}
