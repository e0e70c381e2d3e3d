//! The first page: is something wrong, what, and how is Tidemark itself.

use super::totals::{STEP, Traffic};
use super::{Answer, Shared};
use crate::model::{Anomaly, Timestamp};
use crate::store::desk::{Ask, Phase};
use crate::web::asks::Params;
use crate::web::error::ApiError;
use crate::web::site::Site;
use crate::web::source::Trouble;
use crate::web::view::{Budget, Exporter, Open, Tipping};
use axum::Json;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::PoisonError;
use utoipa::{IntoParams, ToSchema};

/// Hours shown, unless asked for otherwise, and at most.
const HOURS: [u32; 2] = [24, 168];
/// Open anomalies that are looked at for incidents, and incidents shown.
const LOOKED_AT: usize = 1000;
const INCIDENTS: usize = 20;
/// Entities with the biggest deviations.
const TOP: usize = 10;

/// How much of the past.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Past {
    /// Hours of traffic; 24 if not said.
    #[param(minimum = 1, maximum = 168)]
    hours: Option<u32>,
}

/// The biggest deviations of what is open.
#[derive(Debug, Serialize, ToSchema)]
pub struct Top {
    /// Where.
    #[schema(value_type = Object)]
    entity: Value,
    /// Found by which rule.
    rule: String,
    /// Of what.
    metric: String,
    /// What was measured in the worst interval.
    observed: f64,
    /// What was expected.
    expected: f64,
    /// How strange that is.
    score: f64,
    /// The anomaly.
    anomaly: String,
}

/// The first page.
#[derive(Serialize, ToSchema)]
pub struct Overview {
    /// The present.
    now: String,
    /// Length of a step of `traffic`, seconds.
    step_s: u64,
    /// All traffic, and what is usual for it.
    traffic: Traffic,
    /// Whether earlier days are still being read: what is usual will be told with a later request.
    reading: bool,
    /// Why there is no traffic to show, if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    traffic_note: Option<String>,
    /// Anomalies that are open.
    open: Open,
    /// Incidents that are open, the gravest and newest first, as in `/incidents`.
    incidents: Vec<Value>,
    /// The biggest deviations of what is open.
    top: Vec<Top>,
    /// Who sends flow export.
    exporters: Vec<Exporter>,
    /// What is more than half used up, the fullest first.
    tipping: Vec<Tipping>,
    /// False alarms, promised and used.
    budget: Budget,
}

/// The first page at once
#[utoipa::path(get, path = "/api/v1/overview", tag = "status", params(Past), responses((status = 200, body = Overview)))]
pub async fn overview(site: Shared, Params(past): Params<Past>) -> Answer<Overview> {
    let [usual, most] = HOURS;
    let hours = past.hours.unwrap_or(usual);
    if !(1..=most).contains(&hours) {
        return Err(ApiError::field("hours", format!("from 1 to {most}, not {hours}")));
    }
    let room = site.queries.clone();
    let now = site.source.now();
    let traffic = site.run_in(&room, move |site| traffic(site, now, hours)).await?;
    site.run(move |site| whole(site, now, traffic)).await.map(Json)
}

/// All traffic, whether more will be known, and why there is none.
type Known = (Traffic, bool, Option<String>);

fn traffic(site: &Site, now: Timestamp, hours: u32) -> Result<Known, ApiError> {
    let store = match site.source.flows() {
        Ok(store) => store,
        Err(Trouble::Missing(words)) => return Ok((Traffic::default(), false, Some(words))),
        Err(trouble) => return Err(trouble.into()),
    };
    let mut totals = site.totals.lock().unwrap_or_else(PoisonError::into_inner);
    let (traffic, whole) = totals.traffic(&*store, now, hours)?;
    Ok((traffic, !whole, None))
}

fn whole(site: &Site, now: Timestamp, (traffic, reading, traffic_note): Known) -> Result<Overview, ApiError> {
    let status = site.source.status();
    let mut tipping = site.source.tipping();
    tipping.retain(|one| one.share >= 0.5);
    tipping.sort_by(|a, b| b.share.total_cmp(&a.share));
    let anomalies = site.source.anomalies()?;
    Ok(Overview {
        now: now.to_string(),
        step_s: STEP.as_secs(),
        traffic,
        reading,
        traffic_note,
        open: status.open,
        incidents: incidents(site, now)?,
        top: top(&anomalies),
        exporters: site.source.exporters()?,
        tipping,
        budget: status.budget,
    })
}

/// Incidents that are open, the gravest first, then the newest.
fn incidents(site: &Site, now: Timestamp) -> Result<Vec<Value>, ApiError> {
    let ask = Ask {
        phase: Some(Phase::Open),
        shadow: false,
        limit: LOOKED_AT,
        ..Ask::all(now)
    };
    let mut incidents = site.desk(|desk| desk.incidents(&ask))?;
    incidents.sort_by_key(|incident| std::cmp::Reverse(incident.severity));
    Ok(incidents
        .iter()
        .take(INCIDENTS)
        .map(super::incidents::line)
        .collect())
}

fn top(anomalies: &[Anomaly]) -> Vec<Top> {
    let mut open: Vec<&Anomaly> = anomalies
        .iter()
        .filter(|a| a.ended_at.is_none() && !a.shadow)
        .collect();
    open.sort_by(|a, b| b.worst.score.total_cmp(&a.worst.score));
    let top = open.into_iter().take(TOP).map(|anomaly| Top {
        entity: serde_json::to_value(&anomaly.entity).unwrap_or_default(),
        rule: anomaly.rule.clone(),
        metric: anomaly.metric.to_string(),
        observed: anomaly.worst.observed,
        expected: anomaly.worst.expected,
        score: anomaly.worst.score,
        anomaly: anomaly.id.to_string(),
    });
    top.collect()
}
