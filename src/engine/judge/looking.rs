//! What is known, for those who look while it runs: hosts, their profiles, and what is usual for them at each hour.

use super::super::plan::View;
use super::super::series::EntityState;
use super::Judge;
use crate::aggregate::{EntityKey, Row};
use crate::detect::Band;
use crate::model::{Dimension, HostProfile, Ip, Metric, Timestamp};
use std::time::Duration;

/// Hours of a week.
const HOURS: u32 = 168;
const HOUR: Duration = Duration::from_secs(3600);
/// 1970-01-05 was a Monday.
const MONDAY: Timestamp = Timestamp::from_secs(4 * 86_400);

/// What is usual for one series at each hour of the week.
#[derive(Clone, Debug, PartialEq)]
pub struct Week {
    /// Of what traffic it is, such as `dst_ip where dst internal`.
    pub view: String,
    /// What is measured, per interval.
    pub metric: Metric,
    /// The rules that test it.
    pub rules: Vec<String>,
    /// Whether it has shown enough to be judged.
    pub ready: bool,
    /// From Monday 00:00 in the configured zone; one interval of each hour.
    pub hours: Vec<Band>,
}

impl Judge {
    /// At most `limit` internal hosts whose address or name holds `search`, in order of address: when each was first
    /// seen, and what it is called.
    pub fn hosts(&self, search: &str, limit: usize) -> Vec<(Ip, Timestamp, Option<String>)> {
        self.hosts.search(&search.to_lowercase(), limit)
    }

    /// What is known of a host, from what is remembered of it and the conversations of the last intervals. Of who was never
    /// met the first sight is [`Timestamp::MIN`].
    pub fn profile(&self, host: Ip) -> HostProfile {
        let rows = self.recent.iter().flat_map(|(_, rows)| rows);
        let rows = rows.chain(self.table.rows());
        let mut profiles = self.hosts.profiles([host], rows);
        profiles.remove(&host).unwrap_or_else(|| HostProfile {
            address: host,
            first_seen: Timestamp::MIN,
            names: Vec::new(),
            services: Vec::new(),
            uses: Vec::new(),
            peers: Vec::new(),
            questions: Vec::new(),
        })
    }

    /// What is usual for a host at each hour of the week: its series of views that group by addresses alone.
    pub fn weeks(&self, host: Ip) -> Vec<Week> {
        let key = EntityKey::of(host);
        let alone = |view: &View| {
            let dimensions = view.grouping.dimensions();
            matches!(
                dimensions,
                [Dimension::SrcIp | Dimension::DstIp | Dimension::Host]
            )
        };
        let views = self.views.iter().zip(&self.plan.views);
        let views = views.filter(|(_, plan)| alone(plan));
        let rows = views.filter_map(|(state, plan)| Some((plan, state.entities.find(&key)?)));
        rows.flat_map(|(plan, row)| self.weeks_of(plan, row)).collect()
    }

    fn weeks_of(&self, plan: &View, row: &Row<EntityState>) -> Vec<Week> {
        let series = plan.metrics.iter().zip(&row.state.series);
        let learned = series.filter_map(|(metric, series)| Some((metric, series.baseline.as_ref()?)));
        let now = self.closed_until.unwrap_or_default();
        let monday = {
            let local = self.local(now);
            local
                - Duration::from_nanos(
                    local.since(MONDAY).as_nanos() as u64 % (HOUR * HOURS).as_nanos() as u64,
                )
        };
        let name = |rule: &usize| self.plan.rules.get(*rule).map(|rule| rule.name.clone());
        learned
            .map(|(metric, baseline)| Week {
                view: plan.to_string(),
                metric: metric.metric,
                rules: metric.rules.iter().filter_map(|(rule, ..)| name(rule)).collect(),
                ready: baseline.ready(),
                hours: (0..HOURS)
                    .map(|hour| {
                        let prior = self.priors.of(metric.class);
                        baseline
                            .judge(monday + HOUR * hour, 0.0, metric.noise, &prior)
                            .band()
                    })
                    .collect(),
            })
            .collect()
    }
}
