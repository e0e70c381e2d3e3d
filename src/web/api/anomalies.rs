//! Anomalies as the desk keeps them: lists, single ones, their histories and reports.

use super::{Answer, Shared};
use crate::engine::filter_text;
use crate::filter::AnomalyFilter;
use crate::model::{AnomalyId, IncidentId, Timestamp};
use crate::store::desk::{Ask, Cursor, Desk, DeskError, Kept, Phase};
use crate::web::asks::{Page, Params, Part, cursor_of, instant, limited, offset};
use crate::web::error::ApiError;
use axum::Json;
use axum::response::{Html, IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};

/// Most anomalies that are put into another order than the desk's.
const SORTED: usize = 1000;
/// The explorer shows so much before and after an anomaly.
const AROUND: Duration = Duration::from_secs(1800);

/// Which anomalies.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// How they stand; all if not said.
    #[param(inline)]
    pub(super) state: Option<Standing>,
    /// Severities with commas: low, high, critical.
    pub(super) severity: Option<String>,
    /// Rules with commas.
    pub(super) rule: Option<String>,
    /// Kinds with commas.
    pub(super) kind: Option<String>,
    /// A filter over anomalies, such as `severity >= high and host 10.1.2.3`.
    pub(super) filter: Option<String>,
    /// Detected from when on: an instant, or `2h ago`.
    pub(super) since: Option<String>,
    /// Detected before.
    pub(super) until: Option<String>,
    /// Those of rules in shadow, too.
    pub(super) shadow: Option<bool>,
    /// In which order; the newest first if not said.
    #[param(inline)]
    pub(super) sort: Option<Sort>,
    /// Entries of a page; 100 if not said.
    #[param(minimum = 1, maximum = 1000)]
    pub(super) limit: Option<u32>,
    /// The `next` of the page before.
    pub(super) cursor: Option<String>,
}

/// How anomalies stand.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// They go on.
    Open,
    /// They are over.
    Closed,
    /// Both.
    All,
}

/// An order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Sort {
    /// The newest first.
    #[default]
    Newest,
    /// The gravest first; among the newest thousand.
    Severity,
    /// The strangest first; among the newest thousand.
    Score,
}

impl Asked {
    /// The question to the desk; `now` is the present of anomalies.
    pub(super) fn ask(&self, now: Timestamp) -> Result<Ask, ApiError> {
        let read = |field: &str, text: &str| {
            AnomalyFilter::parse(text).map_err(|error| ApiError::filter(field, &error))
        };
        let mut parts = Vec::new();
        if let Some(text) = self.filter.as_deref().filter(|text| !text.trim().is_empty()) {
            read("filter", text)?;
            parts.push(format!("({text}\n)"));
        }
        for (field, list) in [
            ("severity", &self.severity),
            ("rule", &self.rule),
            ("kind", &self.kind),
        ] {
            let Some(list) = list.as_deref().filter(|list| !list.is_empty()) else {
                continue;
            };
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_,* ".contains(c);
            if !list.chars().all(plain) {
                return Err(ApiError::field(
                    field,
                    "names with commas, of letters, digits and hyphens",
                ));
            }
            let names = list.split(',').map(str::trim).filter(|name| !name.is_empty());
            let terms: Vec<String> = names.map(|name| format!("{field} {name}")).collect();
            let text = terms.join(" or ");
            read(field, &text)?;
            parts.push(format!("({text})"));
        }
        let filter = read("filter", &parts.join(" and "))?;
        Ok(Ask {
            filter: (!parts.is_empty()).then_some(filter),
            phase: match self.state {
                Some(Standing::Open) => Some(Phase::Open),
                Some(Standing::Closed) => Some(Phase::Closed),
                Some(Standing::All) | None => None,
            },
            since: instant("since", self.since.as_deref(), now)?,
            until: instant("until", self.until.as_deref(), now)?,
            shadow: self.shadow.unwrap_or(false),
            ..Ask::all(now)
        })
    }
}

/// Where a list of anomalies goes on.
pub(super) fn place(cursor: Option<&str>) -> Result<Option<Cursor>, ApiError> {
    let wrong = || ApiError::field("cursor", "send the `next` of the page before, or nothing");
    let Some(cursor) = cursor else { return Ok(None) };
    let (at, id) = cursor
        .strip_prefix('a')
        .and_then(|rest| rest.split_once('-'))
        .ok_or_else(wrong)?;
    let at = at
        .parse::<i64>()
        .ok()
        .map(Timestamp::from_nanos)
        .ok_or_else(wrong)?;
    let id = id.parse::<AnomalyId>().map_err(|_| wrong())?;
    Ok(Some(Cursor { detected_at: at, id }))
}

/// What asks for the anomalies after one.
pub(super) fn after(kept: &Kept) -> String {
    let Cursor { detected_at, id } = kept.cursor();
    format!("a{}-{id}", detected_at.as_nanos())
}

/// An anomaly as scripts know it, with its life.
pub fn shown(kept: &Kept) -> Value {
    let mut value: Value = serde_json::from_str(&kept.json).unwrap_or_default();
    if let Some(members) = value.as_object_mut() {
        members.remove("event");
        members.insert("life".to_owned(), life(kept));
    }
    value
}

/// How an anomaly stands, with the silence that lies on it.
pub fn life(kept: &Kept) -> Value {
    let mut life = serde_json::to_value(&kept.life).unwrap_or_default();
    if let Some(members) = life.as_object_mut() {
        members.insert("silenced".to_owned(), json!(kept.silence));
    }
    life
}

/// Anomalies
#[utoipa::path(get, path = "/api/v1/anomalies", tag = "anomalies", params(Asked), responses((status = 200, body = Page<Value>)))]
pub async fn list(site: Shared, Params(asked): Params<Asked>) -> Answer<Page<Value>> {
    let (ask, limit) = (asked.ask(site.source.now())?, limited(asked.limit)?);
    if asked.sort.unwrap_or_default() != Sort::Newest {
        return sorted(&site, asked, ask).await.map(Json);
    }
    let ask = Ask {
        after: place(asked.cursor.as_deref())?,
        limit: limit + 1,
        ..ask
    };
    let mut found = site
        .run(move |site| site.desk(|desk| desk.anomalies(&ask)))
        .await?;
    let more = found.len() > limit;
    found.truncate(limit);
    Ok(Json(Page {
        next: found.last().filter(|_| more).map(after),
        items: found.iter().map(shown).collect(),
        total: None,
    }))
}

async fn sorted(site: &Shared, asked: Asked, ask: Ask) -> Result<Page<Value>, ApiError> {
    let (first, limit) = (offset(asked.cursor.as_deref())? as usize, limited(asked.limit)?);
    let ask = Ask { limit: SORTED, ..ask };
    let mut found = site
        .run(move |site| site.desk(|desk| desk.anomalies(&ask)))
        .await?;
    let score = |kept: &Kept| kept.facts.score;
    match asked.sort {
        Some(Sort::Score) => found.sort_by(|a, b| score(b).total_cmp(&score(a))),
        _ => found.sort_by_key(|kept| std::cmp::Reverse(kept.life.severity)),
    }
    let end = first.saturating_add(limit);
    Ok(Page {
        next: (end < found.len()).then(|| cursor_of(end as u64)),
        items: found.iter().skip(first).take(limit).map(shown).collect(),
        total: None,
    })
}

/// What to look at in the explorer.
#[derive(Debug, Serialize, ToSchema)]
pub struct Explorer {
    /// The traffic under the anomaly.
    filter: String,
    /// From when on.
    since: String,
    /// Until when.
    until: String,
}

pub(super) fn named(id: &str) -> Result<AnomalyId, ApiError> {
    id.parse()
        .map_err(|error: crate::model::IdError| ApiError::field("id", error.to_string()))
}

fn unknown() -> ApiError {
    ApiError::missing("there is no such anomaly, or it was forgotten")
}

/// A single anomaly
///
/// As in lists, with `related`: the others of its incident; `explorer`: filter and time of the traffic under it; `measures`: what
/// followed from a verdict.
#[utoipa::path(get, path = "/api/v1/anomalies/{id}", tag = "anomalies", params(("id" = String, Path, description = "16 hexadecimal digits")),
    responses((status = 200, body = Object)))]
pub async fn one(site: Shared, Part(id): Part<String>) -> Answer<Value> {
    let (id, now) = (named(&id)?, site.source.now());
    site.run(move |site| site.desk(|desk| whole(desk, id, now))?.ok_or_else(unknown))
        .await
        .map(Json)
}

fn whole(desk: &Desk, id: AnomalyId, now: Timestamp) -> Result<Option<Value>, DeskError> {
    let Some(kept) = desk.anomaly(id, now)? else {
        return Ok(None);
    };
    let related = desk.incident(kept.facts.incident, now)?;
    let related = related.iter().flat_map(|incident| &incident.anomalies);
    let related: Vec<Value> = related
        .filter(|other| other.facts.id != id)
        .take(100)
        .map(brief)
        .collect();
    let measures = desk.measures_of(id)?;
    let measures: Vec<Value> = measures
        .iter()
        .map(|(one, effect)| super::measures::shown(one, effect, now))
        .collect();
    let mut value = shown(&kept);
    if let Some(members) = value.as_object_mut() {
        let facts = &kept.facts;
        let explorer = Explorer {
            filter: filter_text(&facts.entity),
            since: (facts.started_at - AROUND).to_string(),
            until: (facts.ended_at.unwrap_or(now) + AROUND).to_string(),
        };
        members.insert("related".to_owned(), json!(related));
        members.insert("explorer".to_owned(), json!(explorer));
        members.insert("measures".to_owned(), json!(measures));
    }
    Ok(Some(value))
}

/// An anomaly in few words.
pub(super) fn brief(kept: &Kept) -> Value {
    let facts = &kept.facts;
    let mut brief = Map::new();
    brief.insert("id".to_owned(), json!(facts.id));
    brief.insert("rule".to_owned(), json!(facts.rule));
    brief.insert("kind".to_owned(), json!(facts.kind));
    brief.insert("severity".to_owned(), json!(facts.severity));
    brief.insert("entity".to_owned(), json!(facts.entity));
    brief.insert("metric".to_owned(), json!(facts.metric));
    brief.insert("text".to_owned(), json!(facts.text));
    brief.insert("started_at".to_owned(), json!(facts.started_at.to_string()));
    brief.insert(
        "ended_at".to_owned(),
        json!(facts.ended_at.map(|at| at.to_string())),
    );
    brief.insert("life".to_owned(), life(kept));
    Value::Object(brief)
}

/// What happened to an anomaly, and what was done about it
#[utoipa::path(get, path = "/api/v1/anomalies/{id}/history", tag = "anomalies",
    params(("id" = String, Path, description = "16 hexadecimal digits")), responses((status = 200, body = Page<Value>)))]
pub async fn history(site: Shared, Part(id): Part<String>) -> Answer<Page<Value>> {
    let (id, now) = (named(&id)?, site.source.now());
    let entries = site
        .run(move |site| {
            let entries = site.desk(|desk| match desk.anomaly(id, now)? {
                Some(_) => desk.history(id).map(Some),
                None => Ok(None),
            })?;
            entries.ok_or_else(unknown)
        })
        .await?;
    Ok(Json(Page {
        items: entries.iter().map(|entry| json!(entry)).collect(),
        next: None,
        total: Some(entries.len() as u64),
    }))
}

/// The self-contained page about an anomaly and those of its incident
#[utoipa::path(get, path = "/api/v1/anomalies/{id}/report", tag = "anomalies",
    params(("id" = String, Path, description = "16 hexadecimal digits")), responses((status = 200, body = String, content_type = "text/html")))]
pub async fn report(site: Shared, Part(id): Part<String>) -> Result<Response, ApiError> {
    let id = named(&id)?;
    let page = site.run(move |site| Ok(site.source.report(id)?)).await?;
    let page = page.ok_or_else(|| {
        ApiError::missing(
            "there is no report of it: the detector keeps what reports are made of for a day after the end",
        )
    })?;
    // It brings its own style, and nothing of it runs.
    let policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox";
    let name = format!("inline; filename=\"tidemark-{id}.html\"");
    let headers = [
        (axum::http::header::CONTENT_SECURITY_POLICY, policy.to_owned()),
        (axum::http::header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, Html(page)).into_response())
}

pub(super) fn incident_named(id: &str) -> Result<IncidentId, ApiError> {
    id.parse()
        .map_err(|error: crate::model::IdError| ApiError::field("id", error.to_string()))
}
