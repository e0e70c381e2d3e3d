//! Incidents: anomalies with one cause.

use super::anomalies::{Asked, Sort, after, brief, incident_named, place, shown};
use super::{Answer, Shared};
use crate::store::desk::{Ask, IncidentLine, Kept};
use crate::web::asks::{Page, Params, Part, limited};
use crate::web::error::ApiError;
use axum::Json;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Most anomalies that are gathered for a page.
const GATHERED: usize = 2000;
/// Entities named in a list.
const ENTITIES: usize = 12;

/// An incident in a list.
pub fn line(incident: &IncidentLine) -> Value {
    let all = &incident.anomalies;
    let ends: Option<Vec<_>> = all
        .iter()
        .map(|kept| kept.facts.ended_at.filter(|_| !kept.life.open))
        .collect();
    let open = all.iter().filter(|kept| kept.life.open).count();
    let rules: BTreeSet<&str> = all.iter().map(|kept| kept.facts.rule.as_str()).collect();
    let mut entities: Vec<Value> = Vec::new();
    for kept in all {
        let entity = json!(kept.facts.entity);
        if entities.len() < ENTITIES && !entities.contains(&entity) {
            entities.push(entity);
        }
    }
    let acknowledged = |kept: &&Kept| kept.life.acknowledged.is_some();
    json!({
        "id": incident.id,
        "headline": all.first().map(brief),
        "severity": incident.severity,
        "started_at": all.iter().map(|kept| kept.facts.started_at).min().map(|at| at.to_string()),
        "ended_at": ends.and_then(|ends| ends.into_iter().max()).map(|at| at.to_string()),
        "anomalies": all.len(),
        "open": open,
        "acknowledged": all.iter().filter(acknowledged).count(),
        "silenced": all.iter().filter(|kept| kept.silence.is_some()).count(),
        "rules": rules,
        "entities": entities,
        "ids": all.iter().map(|kept| kept.facts.id).collect::<Vec<_>>(),
    })
}

/// Incidents, those with the newest anomalies first
///
/// Each holds those of its anomalies that match. A page ends where the anomalies looked at for it end: an incident may come again
/// on the next page with its older anomalies.
#[utoipa::path(get, path = "/api/v1/incidents", tag = "anomalies", params(Asked), responses((status = 200, body = Page<Value>)))]
pub async fn list(site: Shared, Params(asked): Params<Asked>) -> Answer<Page<Value>> {
    let limit = limited(asked.limit)?;
    let ask = Ask {
        after: place(asked.cursor.as_deref())?,
        limit: GATHERED,
        ..asked.ask(site.source.now())?
    };
    let mut incidents = site
        .run(move |site| site.desk(|desk| desk.incidents(&ask)))
        .await?;
    let gathered: usize = incidents.iter().map(|incident| incident.anomalies.len()).sum();
    let more = incidents.len() > limit || gathered >= GATHERED;
    incidents.truncate(limit);
    let oldest = incidents.iter().flat_map(|incident| &incident.anomalies);
    let oldest = oldest.min_by_key(|kept| (kept.facts.detected_at, kept.facts.id));
    let next = oldest.filter(|_| more).map(after);
    match asked.sort.unwrap_or_default() {
        Sort::Newest => {}
        Sort::Severity => incidents.sort_by_key(|incident| std::cmp::Reverse(incident.severity)),
        Sort::Score => incidents.sort_by(|a, b| score(b).total_cmp(&score(a))),
    }
    Ok(Json(Page {
        items: incidents.iter().map(line).collect(),
        next,
        total: None,
    }))
}

fn score(incident: &IncidentLine) -> f64 {
    incident
        .anomalies
        .iter()
        .map(|kept| kept.facts.score)
        .fold(0.0, f64::max)
}

/// An incident with its anomalies
#[utoipa::path(get, path = "/api/v1/incidents/{id}", tag = "anomalies", params(("id" = String, Path, description = "16 hexadecimal digits")),
    responses((status = 200, body = Object)))]
pub async fn one(site: Shared, Part(id): Part<String>) -> Answer<Value> {
    let (id, now) = (incident_named(&id)?, site.source.now());
    let incident = site
        .run(move |site| site.desk(|desk| desk.incident(id, now)))
        .await?;
    let incident =
        incident.ok_or_else(|| ApiError::missing("there is no such incident, or it was forgotten"))?;
    let mut value = line(&incident);
    if let Some(members) = value.as_object_mut() {
        let items: Vec<Value> = incident.anomalies.iter().map(shown).collect();
        members.insert("items".to_owned(), json!(items));
    }
    Ok(Json(value))
}
