//! The incidents: who takes part, what they do, and what a detector should say of it.

mod channels;
mod floods;
mod leaks;
mod load;
mod outage;
mod probes;
mod rate_limit;
mod services;
mod stranger;

use super::exchange::{MINUTE, Nanos, SECOND};
use super::rng::Rng;
use super::source::{Act, Mute, Pace, Source};
use super::stage::Silence;
use super::{Plan, Scenario, calendar::Shape};
use crate::model::{Ip, Kind, Prefix};

/// From when to when something is wrong.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub start: Nanos,
    pub end: Nanos,
}

impl Window {
    /// A stretch of `minutes` at two thirds of the capture, a few seconds off the minute; in a capture of less than
    /// an hour, a sixth of it at most.
    fn at_two_thirds(plan: &Plan, minutes: i64) -> Self {
        let whole = plan.nanos();
        let late = Rng::new(plan.seed, "window").below((whole / 180).clamp(1, 20 * SECOND) as u64) as Nanos;
        let start = plan.start.as_nanos() + whole / 3 * 2 + late;
        Self {
            start: start / SECOND * SECOND,
            end: start / SECOND * SECOND + (minutes * MINUTE).min(whole / 6),
        }
    }

    /// From one third of the capture to its end.
    fn last_two_thirds(plan: &Plan) -> Self {
        let start = plan.start.as_nanos() + plan.nanos() / 3;
        Self {
            start: start / SECOND * SECOND,
            end: plan.start.as_nanos() + plan.nanos(),
        }
    }

    /// How long it lasts.
    fn length(&self) -> Nanos {
        self.end - self.start
    }

    /// A source that acts at random, `per_minute` on average, within it.
    fn random(&self, plan: &Plan, label: &'static str, per_minute: f64, act: Act) -> Source {
        Source::new(plan.seed, label, Pace::Random(per_minute), Shape::Flat, act).within(self.start, self.end)
    }

    /// A source that acts every so often within it.
    fn steady(&self, plan: &Plan, label: &'static str, every: Nanos, late: Nanos, act: Act) -> Source {
        Source::new(plan.seed, label, Pace::Steady(every, late), Shape::Flat, act)
            .within(self.start, self.end)
    }
}

/// Who takes part, and what should be said of it.
#[derive(Clone, Debug)]
pub(super) struct Cast {
    pub kind: Kind,
    pub window: Window,
    pub attackers: Vec<Ip>,
    pub attacker_networks: Vec<Prefix>,
    pub victims: Vec<Ip>,
    pub victim_networks: Vec<Prefix>,
    pub services: Vec<&'static str>,
    pub names: Vec<&'static str>,
    pub expected: &'static str,
}

impl Cast {
    fn new(kind: Kind, window: Window, expected: &'static str) -> Self {
        Self {
            kind,
            window,
            attackers: Vec::new(),
            attacker_networks: Vec::new(),
            victims: Vec::new(),
            victim_networks: Vec::new(),
            services: Vec::new(),
            names: Vec::new(),
            expected,
        }
    }
}

/// An incident: its cast, and what it adds to and takes from the usual traffic.
pub(super) struct Incident {
    pub cast: Cast,
    pub sources: Vec<Source>,
    pub mutes: Vec<Mute>,
    pub silence: Option<Silence>,
}

impl Incident {
    fn new(cast: Cast, sources: Vec<Source>) -> Self {
        Self {
            cast,
            sources,
            mutes: Vec::new(),
            silence: None,
        }
    }
}

/// The incident of a plan, if it has one.
pub(super) fn incident(plan: &Plan) -> Option<Incident> {
    Some(match plan.scenario {
        Scenario::Quiet => return None,
        Scenario::RateLimit => rate_limit::incident(plan),
        Scenario::LoadSpike => load::spike(plan),
        Scenario::FanIn => load::fan_in(plan),
        Scenario::Stranger => stranger::incident(plan),
        Scenario::SynFlood => floods::syn_flood(plan),
        Scenario::Reflection => floods::reflection(plan),
        Scenario::Carpet => floods::carpet(plan),
        Scenario::IcmpFlood => floods::icmp_flood(plan),
        Scenario::ScanHorizontal => probes::scan_horizontal(plan),
        Scenario::ScanVertical => probes::scan_vertical(plan),
        Scenario::ScanSlow => probes::scan_slow(plan),
        Scenario::BruteForce => probes::brute_force(plan),
        Scenario::Exfiltration => leaks::exfiltration(plan),
        Scenario::Beacon => leaks::beacon(plan),
        Scenario::DnsTunnel => channels::dns_tunnel(plan),
        Scenario::Mining => channels::mining(plan),
        Scenario::NewService => services::new_service(plan),
        Scenario::Failover => services::failover(plan),
        Scenario::Outage => outage::incident(plan),
    })
}
