//! Rules compiled into views: which tables to keep, and which tests to run on which of their metrics.

use super::config::Config;
use super::gate::Gates;
use super::memo::VIEWS;
pub use super::unusable::PlanError;
use crate::aggregate::{Grouping, Sets};
use crate::detect::Class;
use crate::filter::Filter;
use crate::model::{Conversation, Metric, Pattern, Rule, Test};
use jiff::tz::TimeZone;
use std::fmt;
use std::time::Duration;

/// What the engine keeps and runs, made of the rules once.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) rules: Vec<Rule>,
    /// The views that have tables; after them one per rule of [`Test::NewHost`] and [`Test::Pattern`], which need none
    /// but are asked for evidence.
    pub(super) views: Vec<View>,
    /// How many views have tables.
    pub(super) tables: usize,
    /// The views that have tables, those of the same dimensions together.
    pub(super) families: Vec<Family>,
    /// Rules of [`Test::NewHost`], each with its view.
    pub(super) new_host: Vec<(usize, usize)>,
    /// What must hold beside the tests.
    pub(super) gates: Gates,
    /// Rules of [`Test::Pattern`], each with its view.
    patterns: Vec<(Pattern, usize, usize)>,
}

/// One combination of filter and dimensions.
#[derive(Debug)]
pub(super) struct View {
    pub(super) grouping: Grouping,
    pub(super) filter: Option<Filter>,
    pub(super) sets: Sets,
    /// For networks, the view whose entities theirs are made up of: their rows are filled from its rows.
    pub(super) finer: Option<usize>,
    pub(super) metrics: Vec<MetricPlan>,
    /// Rules of [`Test::Scan`].
    pub(super) scans: Vec<usize>,
    /// Whether any of those counts: is not in shadow.
    pub(super) scans_count: bool,
    /// The zone whose days and weeks its series learn; empty for UTC.
    zone: String,
}

/// The tests on one metric of a view.
#[derive(Debug)]
pub(super) struct MetricPlan {
    pub(super) metric: Metric,
    pub(super) class: Class,
    /// Relative standard error of the measurement itself.
    pub(super) noise: f64,
    /// Whether any test or condition needs a baseline.
    pub(super) baseline: bool,
    /// Whether any rule tests it that counts: is not in shadow. Others take nothing of the budget.
    pub(super) counts: bool,
    /// Rules, with what they judge and their floors.
    pub(super) rules: Vec<(usize, Test, f64)>,
    /// The least value of the metric that any rule could find in an interval that is still open.
    pub(super) least_floor: f64,
}

impl MetricPlan {
    fn new(metric: Metric) -> Self {
        Self {
            metric,
            class: if metric == Metric::Bytes {
                Class::Bytes
            } else {
                Class::Count
            },
            noise: if metric.is_distinct() {
                crate::aggregate::DistinctCount::ERROR
            } else {
                0.0
            },
            baseline: false,
            counts: false,
            rules: Vec::new(),
            least_floor: f64::INFINITY,
        }
    }

    /// Tells series of another make apart: without a baseline, with one, and with the sequential test beside it.
    fn mark(&self) -> &'static str {
        match (self.baseline, self.sequential()) {
            (false, _) => "-",
            (true, false) => "",
            (true, true) => "~",
        }
    }

    /// Whether the sequential test runs on it: it is for counts, and part of what a baseline is for them.
    pub(super) fn sequential(&self) -> bool {
        let asked = |test: &Test| matches!(test, Test::Sequential | Test::Baseline { .. });
        self.class == Class::Count && self.rules.iter().any(|(_, test, _)| asked(test))
    }
}

impl Plan {
    pub(super) fn new(config: &Config) -> Result<Self, PlanError> {
        if let Some(text) = &config.filter {
            filter(None, text)?;
        }
        let mut plan = Self {
            rules: config.rules.clone(),
            views: Vec::new(),
            tables: 0,
            families: Vec::new(),
            new_host: Vec::new(),
            gates: Gates::new(
                &config.rules,
                &config.calendars,
                &config.quiet,
                &config.exceptions,
            )?,
            patterns: Vec::new(),
        };
        let (apart, others): (Vec<_>, Vec<_>) = config
            .rules
            .iter()
            .enumerate()
            .partition(|(_, rule)| matches!(rule.test, Test::NewHost | Test::Pattern(_)));
        for (i, rule) in others {
            let view = plan.view(rule)?;
            if let Some(view) = plan.views.get_mut(view) {
                view.add(i, rule, config.interval);
                view.add_conditions(rule);
            }
        }
        plan.settle_shadows();
        if config.zone != TimeZone::UTC {
            let zone = config.zone.iana_name().unwrap_or("another zone");
            plan.views
                .iter_mut()
                .for_each(|view| view.zone = format!(" in {zone}"));
        }
        plan.tables = plan.views.len();
        plan.count_below();
        plan.families = families(&plan.views);
        for (i, rule) in apart {
            let view = plan.views.len();
            plan.views.push(View::new(rule)?);
            match rule.test {
                Test::Pattern(pattern) => plan.patterns.push((pattern, i, view)),
                _ => plan.new_host.push((i, view)),
            }
        }
        Ok(plan)
    }

    /// Rules in shadow change nothing of what others learn in the same view; alone they learn as if they counted.
    fn settle_shadows(&mut self) {
        for view in &self.views {
            let rules = view
                .metrics
                .iter()
                .flat_map(|m| m.rules.iter().map(|(rule, ..)| *rule));
            let rules: Vec<usize> = rules.chain(view.scans.iter().copied()).collect();
            let shadow = |&rule: &usize| self.rules.get(rule).is_some_and(|r| r.gates.shadow);
            let beside = !rules.iter().all(shadow);
            for rule in rules.into_iter().filter(shadow) {
                if let Some(gate) = self.gates.rules.get_mut(rule) {
                    gate.holds = !beside;
                }
            }
        }
    }

    /// Rules of a pattern, each with its view.
    pub(super) fn patterns(&self, pattern: Pattern) -> impl Iterator<Item = (usize, usize)> + '_ {
        let of = self.patterns.iter().filter(move |(of, ..)| *of == pattern);
        of.map(|&(_, rule, view)| (rule, view))
    }

    /// Whether any rule is of a pattern.
    pub(super) fn has(&self, pattern: Pattern) -> bool {
        self.patterns(pattern).next().is_some()
    }

    /// The view of a rule: one that is there already, or a new one.
    fn view(&mut self, rule: &Rule) -> Result<usize, PlanError> {
        Ok(self.place(View::new(rule)?))
    }

    /// Where a view stands, put there when it is new. What its entities are made up of always stands before it.
    fn place(&mut self, mut view: View) -> usize {
        view.finer = view.finer().map(|finer| self.place(finer));
        let known = self
            .views
            .iter()
            .position(|v| v.grouping == view.grouping && v.filter == view.filter);
        known.unwrap_or_else(|| {
            self.views.push(view);
            self.views.len() - 1
        })
    }

    /// Has the parts of networks count the sets that the networks are to have.
    fn count_below(&mut self) {
        for i in (0..self.views.len()).rev() {
            let above = self.views.get(i).and_then(|view| Some((view.finer?, view.sets)));
            let Some((finer, sets)) = above else { continue };
            if let Some(part) = self.views.get_mut(finer) {
                part.sets.sources |= sets.sources;
                part.sets.destinations |= sets.destinations;
                part.sets.ports |= sets.ports;
            }
        }
    }
}

/// Views of the same dimensions that are filled from conversations: they share keys.
#[derive(Debug, Default)]
pub(super) struct Family {
    /// A bit for each of the first views, as [`super::memo::Memo`] has them.
    pub(super) views: u64,
    /// Further ones.
    pub(super) others: Vec<usize>,
}

impl Family {
    fn add(&mut self, view: usize) {
        if view < VIEWS {
            self.views |= 1 << view;
        } else {
            self.others.push(view);
        }
    }
}

/// Puts views with the same dimensions together; those filled from other views are in no family.
fn families(views: &[View]) -> Vec<Family> {
    let mut families: Vec<(&Grouping, Family)> = Vec::new();
    for (i, view) in views.iter().enumerate().filter(|(_, view)| view.finer.is_none()) {
        let known = families
            .iter()
            .position(|(grouping, _)| **grouping == view.grouping);
        let at = known.unwrap_or_else(|| {
            families.push((&view.grouping, Family::default()));
            families.len() - 1
        });
        families
            .iter_mut()
            .skip(at)
            .take(1)
            .for_each(|(_, family)| family.add(i));
    }
    families.into_iter().map(|(_, family)| family).collect()
}

/// Reads a filter that is to be asked of conversations while they grow.
pub(super) fn filter(rule: Option<&Rule>, text: &str) -> Result<Filter, PlanError> {
    let rule = || rule.map(|rule| rule.name.clone());
    let filter = Filter::parse(text).map_err(|error| PlanError::Filter {
        rule: rule(),
        source: Box::new(error),
    })?;
    let needs = filter.needs();
    let mut what: Vec<&str> = needs.lacking_in_conversations();
    what.extend(needs.counts.then_some("amounts or outcomes"));
    if what.is_empty() {
        Ok(filter)
    } else {
        Err(PlanError::Unsuitable {
            rule: rule(),
            what: what.join(", "),
        })
    }
}

/// How much of `per` an interval is.
pub(super) fn scale(interval: Duration, per: Duration) -> f64 {
    interval.as_secs_f64() / per.as_secs_f64().max(1e-9)
}

impl fmt::Display for View {
    /// `dst_ip+dst_port where dst internal`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.grouping.dimensions().iter().map(|d| d.name()).collect();
        f.write_str(if names.is_empty() { "all traffic" } else { "" })?;
        f.write_str(&names.join("+"))?;
        match &self.filter {
            Some(filter) => write!(f, " where {filter}"),
            None => Ok(()),
        }
    }
}

impl View {
    fn new(rule: &Rule) -> Result<Self, PlanError> {
        let text = rule.filter.as_deref();
        Ok(Self {
            grouping: Grouping::new(&rule.dimensions).map_err(|source| PlanError::Grouping {
                rule: rule.name.clone(),
                source,
            })?,
            filter: text.map(|text| filter(Some(rule), text)).transpose()?,
            sets: Sets::default(),
            finer: None,
            metrics: Vec::new(),
            scans: Vec::new(),
            scans_count: false,
            zone: String::new(),
        })
    }

    /// For networks, the view of what they are made up of.
    fn finer(&self) -> Option<Self> {
        let grouping = self.grouping.finer()?;
        Some(Self {
            grouping,
            filter: self.filter.clone(),
            sets: Sets::default(),
            finer: None,
            metrics: Vec::new(),
            scans: Vec::new(),
            scans_count: false,
            zone: String::new(),
        })
    }

    fn add(&mut self, i: usize, rule: &Rule, interval: Duration) {
        self.count(rule.metric);
        if rule.test == Test::Scan {
            self.scans.push(i);
            self.scans_count |= !rule.gates.shadow;
            return;
        }
        if let Some(metric) = self.metric(rule.metric) {
            metric.counts |= !rule.gates.shadow;
            metric.baseline |= matches!(rule.test, Test::Baseline { .. } | Test::Sequential);
            metric.rules.push((i, rule.test, rule.floor));
            let least = match rule.test {
                Test::Limit(limit) => 0.5 * limit.warn_at * limit.value * scale(interval, limit.per),
                _ => rule.floor,
            };
            metric.least_floor = metric.least_floor.min(least.max(1.0));
        }
    }

    /// Has the distinct things of a metric counted.
    fn count(&mut self, metric: Metric) {
        self.sets.sources |= metric == Metric::Sources;
        self.sets.destinations |= metric == Metric::Destinations;
        self.sets.ports |= metric == Metric::Ports;
    }

    /// What is planned for a metric, which is from now on one of the view's.
    fn metric(&mut self, metric: Metric) -> Option<&mut MetricPlan> {
        if !self.metrics.iter().any(|m| m.metric == metric) {
            self.metrics.push(MetricPlan::new(metric));
        }
        self.metrics.iter_mut().find(|m| m.metric == metric)
    }

    /// Has counted and learned what the conditions of a rule ask for. A metric that is only compared needs no series.
    fn add_conditions(&mut self, rule: &Rule) {
        let Some(when) = &rule.gates.when else { return };
        when.condition.metrics(&mut |metric, baseline| {
            self.count(metric);
            if baseline && let Some(plan) = self.metric(metric) {
                plan.baseline = true;
            }
        });
    }

    /// Names a view so that what was learned in it can be found again: it changes when the meaning of its series does.
    pub(super) fn fingerprint(&self) -> String {
        let metrics: Vec<String> = self
            .metrics
            .iter()
            .map(|m| format!("{}{}", m.metric, m.mark()))
            .collect();
        format!("{self}: {}{}", metrics.join(" "), self.zone)
    }

    /// Whether a conversation belongs in this view.
    #[inline]
    pub(super) fn passes(&self, row: &Conversation) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.matches(row))
    }
}
