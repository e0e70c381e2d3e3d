//! What is wrong in a drill, written down for whoever checks a detector against it.

use super::incidents;
use super::{Plan, network};
use crate::model::{Ip, Kind, Prefix, Timestamp};
use serde::{Serialize, Serializer};

/// The incident of a plan, as `FILE.truth.json` tells it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Truth {
    /// Name of the scenario.
    pub scenario: &'static str,
    /// What a detector should call it; none where nothing is wrong.
    pub kind: Option<Kind>,
    /// First instant of the incident, RFC 3339.
    #[serde(serialize_with = "text")]
    pub start: Option<Timestamp>,
    /// First instant after it; connections begun before may end a little later.
    #[serde(serialize_with = "text")]
    pub end: Option<Timestamp>,
    /// Who does it; empty where sources are forged or nobody does.
    pub attackers: Vec<Ip>,
    /// Prefixes most of it comes from, where that says more than addresses.
    pub attacker_networks: Vec<Prefix>,
    /// To whom it happens.
    pub victims: Vec<Ip>,
    /// Networks to whose hosts it happens, where that says more than addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub victim_networks: Vec<Prefix>,
    /// Where, `tcp/443` style.
    pub services: Vec<&'static str>,
    /// DNS names that take part.
    pub names: Vec<&'static str>,
    /// What a detector should say, in words.
    pub expected: &'static str,
    /// Seed of the plan.
    pub seed: u64,
    /// First instant of the capture, RFC 3339.
    #[serde(serialize_with = "some_text")]
    pub capture_start: Timestamp,
    /// Length of the capture in seconds.
    pub duration_seconds: f64,
    /// How much of the usual traffic there is; left out where it is all of it.
    #[serde(skip_serializing_if = "is_whole")]
    pub scale: f64,
    /// The networks that are internal.
    pub networks: Vec<Prefix>,
}

fn text<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serializer.collect_str(at),
        None => serializer.serialize_none(),
    }
}

fn some_text<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

fn is_whole(scale: &f64) -> bool {
    *scale == 1.0
}

/// What is wrong in the traffic of `plan`.
pub fn truth(plan: &Plan) -> Truth {
    let cast = incidents::incident(plan).map(|incident| incident.cast);
    let mut truth = Truth {
        scenario: plan.scenario.name(),
        kind: None,
        start: None,
        end: None,
        attackers: Vec::new(),
        attacker_networks: Vec::new(),
        victims: Vec::new(),
        victim_networks: Vec::new(),
        services: Vec::new(),
        names: Vec::new(),
        expected: "Nothing is wrong: no anomaly beyond the false-alarm budget.",
        seed: plan.seed,
        capture_start: plan.start,
        duration_seconds: plan.duration.as_secs_f64(),
        scale: plan.scale,
        networks: network::ours(),
    };
    if let Some(cast) = cast {
        truth.kind = Some(cast.kind);
        truth.start = Some(Timestamp::from_nanos(cast.window.start));
        truth.end = Some(Timestamp::from_nanos(cast.window.end));
        truth.attackers = cast.attackers;
        truth.attacker_networks = cast.attacker_networks;
        truth.victims = cast.victims;
        truth.victim_networks = cast.victim_networks;
        truth.services = cast.services;
        truth.names = cast.names;
        truth.expected = cast.expected;
    }
    truth
}
