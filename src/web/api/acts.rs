//! What people do about anomalies, and silences.

use super::status::Paging;
use super::{Answer, Shared};
use crate::model::{Act, AnomalyId, Timestamp, Verdict};
use crate::query::length;
use crate::web::asks::{Body, Page, Params, Part, instant};
use crate::web::auth::{Note, Who};
use crate::web::error::ApiError;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// Most anomalies of one act.
const MOST: usize = 1000;
/// Silences that are listed.
const LISTED: usize = 10_000;

/// What to do, to which.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Doing {
    /// The anomalies.
    #[schema(min_items = 1, max_items = 1000)]
    ids: Vec<String>,
    /// What.
    act: HumanAct,
}

/// What people do.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(tag = "act", rename_all = "kebab-case", deny_unknown_fields)]
pub enum HumanAct {
    /// Look after it.
    Acknowledged {
        /// In one's words.
        note: Option<String>,
    },
    /// Look after it no longer.
    Unacknowledged {},
    /// Make it somebody's to solve, or nobody's.
    Assigned {
        /// Whose.
        to: Option<String>,
    },
    /// Say something.
    Commented {
        /// What.
        text: String,
    },
    /// Say what it was.
    Judged {
        /// What.
        #[schema(value_type = String, example = "false")]
        verdict: Verdict,
        /// What follows from it ends then: an instant, or how long such as `8h`.
        until: Option<String>,
        /// In one's words.
        why: Option<String>,
    },
    /// Take back what it was.
    Retracted {},
}

impl HumanAct {
    fn act(self, now: Timestamp) -> Result<Act, ApiError> {
        Ok(match self {
            Self::Acknowledged { note } => Act::Acknowledged { note },
            Self::Unacknowledged {} => Act::Unacknowledged,
            Self::Assigned { to } => Act::Assigned { to },
            Self::Commented { text } => Act::Commented { text },
            Self::Judged { verdict, until, why } => Act::Judged {
                verdict,
                until: end("act.until", until.as_deref(), now)?,
                why,
            },
            Self::Retracted {} => Act::Retracted,
        })
    }
}

/// An end: an instant, or so long from now.
pub(super) fn end(field: &str, text: Option<&str>, now: Timestamp) -> Result<Option<Timestamp>, ApiError> {
    match text {
        Some(text) => match length(text) {
            Ok(length) => Ok(Some(now + length)),
            Err(_) => instant(field, Some(text), now),
        },
        None => Ok(None),
    }
}

/// Does something about anomalies: to all of them or to none
///
/// What is judged takes effect from the next interval on.
#[utoipa::path(post, path = "/api/v1/acts", tag = "anomalies", request_body = Doing, responses((status = 200, body = Object)))]
pub async fn act(
    site: Shared,
    Extension(who): Extension<Who>,
    Body(doing): Body<Doing>,
) -> Result<Response, ApiError> {
    if doing.ids.is_empty() || doing.ids.len() > MOST {
        let words = format!("from 1 to {MOST} ids, not {}", doing.ids.len());
        return Err(ApiError::field("ids", words));
    }
    let parsed = doing.ids.iter().map(|id| id.parse::<AnomalyId>());
    let ids: Vec<AnomalyId> = parsed
        .collect::<Result<_, _>>()
        .map_err(|error| ApiError::field("ids", error.to_string()))?;
    let now = site.clock();
    let act = doing.act.act(now)?;
    let note = Note(format!("{} of {}", act.name(), doing.ids.join(" ")));
    let entries = site
        .run(move |site| site.desk(|desk| desk.act(now, &who.name, &ids, &act)))
        .await?;
    Ok((Extension(note), Json(json!({ "entries": entries }))).into_response())
}

/// Silences, the newest first
#[utoipa::path(get, path = "/api/v1/silences", tag = "silences", params(Paging), responses((status = 200, body = Page<Value>)))]
pub async fn silences(site: Shared, Params(asked): Params<Paging>) -> Answer<Page<Value>> {
    let all = site.run(|site| site.desk(|desk| desk.silences(LISTED))).await?;
    let now = site.clock();
    let shown = |silence: &crate::model::Silence| {
        let mut value = json!(silence);
        value["active"] = json!(silence.is_active(now));
        value
    };
    Page::of(
        all.iter().map(shown).collect(),
        asked.limit,
        asked.cursor.as_deref(),
    )
    .map(Json)
}

/// A silence to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSilence {
    /// Which anomalies.
    filter: String,
    /// Until when, an instant.
    until: Option<String>,
    /// Or for how long, such as `2h`.
    r#for: Option<String>,
    /// Why.
    #[schema(min_length = 1)]
    why: String,
}

/// Silences what a filter matches
#[utoipa::path(post, path = "/api/v1/silences", tag = "silences", request_body = NewSilence, responses((status = 201, body = Object)))]
pub async fn silence(
    site: Shared,
    Extension(who): Extension<Who>,
    Body(new): Body<NewSilence>,
) -> Result<Response, ApiError> {
    let now = site.clock();
    let until = match (&new.until, &new.r#for) {
        (Some(_), Some(_)) => return Err(ApiError::field("for", "say `until` or `for`, not both")),
        (None, Some(text)) => {
            let length = length(text).map_err(|message| ApiError::field("for", message))?;
            Some(now + length)
        }
        (until, None) => instant("until", until.as_deref(), now)?,
    };
    let until = until.ok_or_else(|| ApiError::field("until", "a silence ends: say `until` or `for`"))?;
    let note = Note(format!("{} until {until}", new.filter));
    let id = site
        .run(move |site| site.desk(|desk| desk.silence(now, &who.name, &new.filter, until, &new.why)))
        .await?;
    Ok((StatusCode::CREATED, Extension(note), Json(json!({ "id": id }))).into_response())
}

/// Ends a silence
#[utoipa::path(delete, path = "/api/v1/silences/{id}", tag = "silences", params(("id" = u64, Path, description = "Its number")),
    responses((status = 204)))]
pub async fn end_silence(site: Shared, Part(id): Part<u64>) -> Result<StatusCode, ApiError> {
    let now = site.clock();
    site.run(move |site| site.desk(|desk| desk.end_silence(now, id)))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
