//! Whether a filter can be read, what is wrong with it, and what could stand at the cursor.

use super::{Answer, Shared};
use crate::filter::{AnomalyFilter, Completion, Filter, complete, complete_anomalies};
use crate::web::asks::Params;
use crate::web::error::{ApiError, Place};
use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A filter as it is being written.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Written {
    /// Its text.
    text: Option<String>,
    /// What it is to select; flows if not said.
    #[param(inline)]
    kind: Option<Kind>,
    /// Where the cursor stands, in bytes; at the end if not said.
    at: Option<u32>,
}

/// What a filter selects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Flows.
    #[default]
    Flows,
    /// Anomalies.
    Anomalies,
}

/// What can be said of it.
#[derive(Serialize, ToSchema)]
pub struct Said {
    /// Whether it can be read.
    ok: bool,
    /// What is wrong with it, and where.
    error: Option<Wrong>,
    /// What could stand at the cursor, the likeliest first.
    completions: Vec<Suggested>,
}

/// What is wrong with a filter.
#[derive(Serialize, ToSchema)]
pub struct Wrong {
    /// In a sentence.
    message: String,
    /// Where, in bytes.
    at: Place,
}

/// What could stand at the cursor.
#[derive(Serialize, ToSchema)]
pub struct Suggested {
    /// The word.
    text: String,
    /// What it means.
    detail: String,
    /// What of the text it takes the place of, in bytes.
    replace: Place,
}

impl From<Completion> for Suggested {
    fn from(completion: Completion) -> Self {
        Self {
            text: completion.text.to_owned(),
            detail: completion.detail.to_owned(),
            replace: Place {
                start: completion.replaces.start,
                end: completion.replaces.end,
            },
        }
    }
}

/// Checks and completes a filter
#[utoipa::path(get, path = "/api/v1/filter", tag = "flows", params(Written), responses((status = 200, body = Said)))]
pub async fn filter(_: Shared, Params(written): Params<Written>) -> Answer<Said> {
    let text = written.text.unwrap_or_default();
    let at = written.at.map_or(text.len(), |at| at as usize);
    if !text.is_char_boundary(at) {
        return Err(ApiError::field(
            "at",
            "the cursor stands inside a character or behind the text",
        ));
    }
    let kind = written.kind.unwrap_or_default();
    let error = match kind {
        Kind::Flows => Filter::parse(&text).err(),
        Kind::Anomalies => AnomalyFilter::parse(&text).err(),
    };
    let error = error.map(|error| Wrong {
        message: error.message(),
        at: Place {
            start: error.span().start,
            end: error.span().end,
        },
    });
    let completions = match kind {
        Kind::Flows => complete(&text, at),
        Kind::Anomalies => complete_anomalies(&text, at),
    };
    Ok(Json(Said {
        ok: error.is_none(),
        error,
        completions: completions.into_iter().map(Suggested::from).collect(),
    }))
}
