//! Questions to stored flows: grouped, measured, ranked, over time.

use super::Shared;
use crate::query::{Order, Request, Statistic, length};
use crate::web::asks::{self, Params};
use crate::web::error::ApiError;
use crate::web::limits;
use axum::Json;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};

/// What is asked.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Question {
    /// Dimensions with commas, such as `src_ip,dst_port`; nothing for all in one.
    by: Option<String>,
    /// Metrics with commas; bytes, packets and flows if not said.
    metrics: Option<String>,
    /// Which flows count.
    filter: Option<String>,
    /// From when on: an instant, or `2h ago`; an hour before the end if not said.
    since: Option<String>,
    /// Until when; now if not said.
    until: Option<String>,
    /// Length of the steps of a time series, such as `5m`.
    every: Option<String>,
    /// So many rows; 10 if not said. The others are one.
    #[param(minimum = 1, maximum = 10000)]
    top: Option<u32>,
    /// Also the stretch of equal length before.
    previous: Option<bool>,
    /// By which metric rows are ordered: `bytes`, `flows:asc`.
    order: Option<String>,
    /// Do not scale amounts by sampling rates.
    raw: Option<bool>,
    /// How it is written; JSON if not said.
    #[param(inline)]
    format: Option<Format>,
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One object.
    #[default]
    Json,
    /// Comma-separated values.
    Csv,
}

impl Question {
    fn request(&self, now: crate::model::Timestamp) -> Result<Request, ApiError> {
        let by = self.by.as_deref().unwrap_or_default();
        let text = match self.metrics.as_deref() {
            Some(metrics) => format!("{by}/{metrics}"),
            None => by.to_owned(),
        };
        let field = if self.metrics.is_some() { "metrics" } else { "by" };
        let text = if text.is_empty() { "all".to_owned() } else { text };
        let statistic: Statistic = text
            .parse()
            .map_err(|error: crate::query::WordError| ApiError::field(field, error.to_string()))?;
        let hour = Duration::from_secs(3600);
        let range = asks::range(self.since.as_deref(), self.until.as_deref(), now, hour)?;
        let every = self.every.as_deref().map(length).transpose();
        let request = Request {
            filter: asks::filter(self.filter.as_deref())?,
            since: Some(range.start),
            until: Some(range.end),
            every: every.map_err(|message| ApiError::field("every", message))?,
            top: rows(self.top)?,
            order: self.order.as_deref().map(order).transpose()?,
            previous: self.previous.unwrap_or(false),
            raw: self.raw.unwrap_or(false),
            memory: limits::QUERY_MEMORY,
            ..Request::new(statistic.by, statistic.measures)
        };
        request.check()?;
        Ok(request)
    }
}

fn rows(top: Option<u32>) -> Result<usize, ApiError> {
    match top.map_or(10, |top| top as usize) {
        top if (1..=limits::ROWS).contains(&top) => Ok(top),
        top => Err(ApiError::field(
            "top",
            format!("from 1 to {} rows, not {top}", limits::ROWS),
        )),
    }
}

/// `bytes`, `bytes:asc`.
fn order(text: &str) -> Result<Order, ApiError> {
    let (name, direction) = text.split_once(':').unwrap_or((text, "desc"));
    let ascending = match direction {
        "asc" => true,
        "desc" => false,
        other => {
            let words = format!("`{other}` is no direction, expected `asc` or `desc`");
            return Err(ApiError::field("order", words));
        }
    };
    let measure = name.parse();
    let measure = measure.map_err(|e: crate::query::WordError| ApiError::field("order", e.to_string()))?;
    Ok(Order { measure, ascending })
}

/// Stored flows grouped and measured
///
/// What `tidemark query --format json` prints, as one object: `rows`, `other`, `total`, `summary`.
#[utoipa::path(get, path = "/api/v1/query", tag = "flows", params(Question),
    responses((status = 200, content((serde_json::Value = "application/json"), (String = "text/csv")))))]
pub async fn query(site: Shared, Params(question): Params<Question>) -> Result<Response, ApiError> {
    let request = question.request(site.source.now())?;
    let format = question.format.unwrap_or_default();
    let room = site.queries.clone();
    site.run_in(&room, move |site| {
        let answer = site.source.flows()?.query(&request)?;
        Ok(match format {
            Format::Json => Json(site.source.answer_json(&request, &answer)).into_response(),
            Format::Csv => {
                let csv = site.source.answer_csv(&request, &answer);
                ([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], csv).into_response()
            }
        })
    })
    .await
}
