//! Measures: what verdicts and lists of what is allowed do to the detector.

use super::acts::end;
use super::status::Paging;
use super::{Answer, Shared};
use crate::model::{Effect, Measure, Scope, Timestamp};
use crate::store::desk::NewMeasure;
use crate::web::asks::{Body, Page, Params, Part};
use crate::web::auth::{Note, Who};
use crate::web::error::ApiError;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// Measures that are listed.
const LISTED: usize = 10_000;

/// A measure with what it did.
pub(super) fn shown(measure: &Measure, effect: &Effect, now: Timestamp) -> Value {
    let mut value = json!(measure);
    value["kind"] = json!(measure.steer.name());
    value["active"] = json!(measure.is_active(now));
    value["text"] = json!(measure.scope.to_string());
    value["held"] = json!(effect.held);
    value["effect"] = json!(effect);
    value
}

async fn all(site: &Shared, asked: Paging, keep: fn(&Measure) -> bool) -> Result<Page<Value>, ApiError> {
    let measures = site.run(|site| site.desk(|desk| desk.measures(LISTED))).await?;
    let now = site.clock();
    let measures = measures.iter().filter(|(measure, _)| keep(measure));
    let measures = measures
        .map(|(measure, effect)| shown(measure, effect, now))
        .collect();
    Page::of(measures, asked.limit, asked.cursor.as_deref())
}

/// What follows from verdicts and lists, with its effect; the newest first
#[utoipa::path(get, path = "/api/v1/measures", tag = "measures", params(Paging), responses((status = 200, body = Page<Value>)))]
pub async fn list(site: Shared, Params(asked): Params<Paging>) -> Answer<Page<Value>> {
    all(&site, asked, |_| true).await.map(Json)
}

/// What is allowed
#[utoipa::path(get, path = "/api/v1/allowlist", tag = "measures", params(Paging), responses((status = 200, body = Page<Value>)))]
pub async fn allowed(site: Shared, Params(asked): Params<Paging>) -> Answer<Page<Value>> {
    all(&site, asked, |measure| measure.anomaly.is_none())
        .await
        .map(Json)
}

/// Something to allow. What is said must hold together.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Allowed {
    /// For these rules; for all if not said.
    #[serde(default)]
    #[schema(max_items = 100)]
    rules: Vec<String>,
    /// Traffic that passes this filter of flows.
    filter: Option<String>,
    /// Hosts known by a name like this; `*` stands for any characters.
    name: Option<String>,
    /// Until when: an instant, or how long such as `8h`; for good if not said.
    until: Option<String>,
    /// Why.
    why: Option<String>,
}

/// Allows something: its deviations open nothing from now on
#[utoipa::path(post, path = "/api/v1/allowlist", tag = "measures", request_body = Allowed, responses((status = 201, body = Object)))]
pub async fn allow(
    site: Shared,
    Extension(who): Extension<Who>,
    Body(new): Body<Allowed>,
) -> Result<Response, ApiError> {
    let now = site.clock();
    let new = NewMeasure {
        until: end("until", new.until.as_deref(), now)?,
        why: new.why,
        scope: Scope {
            rules: new.rules,
            filter: new.filter,
            name: new.name,
            ..Scope::default()
        },
    };
    let note = Note(new.scope.to_string());
    let id = site
        .run(move |site| site.desk(|desk| desk.allow(now, &who.name, &new)))
        .await?;
    Ok((StatusCode::CREATED, Extension(note), Json(json!({ "id": id }))).into_response())
}

/// Takes a measure back; a verdict that it followed from stays
#[utoipa::path(delete, path = "/api/v1/measures/{id}", tag = "measures", params(("id" = u64, Path, description = "Its number")),
    responses((status = 204)))]
pub async fn end_one(site: Shared, Part(id): Part<u64>) -> Result<StatusCode, ApiError> {
    let now = site.clock();
    site.run(move |site| site.desk(|desk| desk.end_measure(now, id)))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
