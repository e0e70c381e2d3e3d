//! Once a day the older series teach the younger ones how heavy tails are in this network (DETECTION 4.4).

use super::Judge;
use crate::detect::Refit;
use crate::model::Interval;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

impl Judge {
    /// Fits the priors to all series at the first close of a new day.
    pub(super) fn refit(&mut self, closed: Interval) {
        let day = closed.end.floor(DAY);
        if day <= self.refitted {
            return;
        }
        self.refitted = day;
        let mut refit = Refit::default();
        for (view, plan) in self.views.iter().zip(&self.plan.views) {
            for row in view.entities.rows() {
                for (series, metric) in row.state.series.iter().zip(&plan.metrics) {
                    if let Some(tail) = series.baseline.as_ref().and_then(|b| b.tail()) {
                        refit.add(metric.class, tail);
                    }
                }
            }
        }
        self.priors = refit.priors();
    }
}
