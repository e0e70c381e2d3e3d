//! How Tidemark is, who sends it flows, and the same for programs that watch it.

use super::{Answer, Shared};
use crate::web::asks::{Page, Params};
use crate::web::error::ApiError;
use crate::web::view::{Exporter, Status};
use axum::Json;
use axum::http::header;
use axum::response::IntoResponse;
use serde::Deserialize;
use std::sync::atomic::Ordering;
use utoipa::IntoParams;

/// Which page of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// Entries of a page; 100 if not said.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
    /// The `next` of the page before.
    pub cursor: Option<String>,
}

/// How Tidemark is
#[utoipa::path(get, path = "/api/v1/status", tag = "status", responses((status = 200, body = Status)))]
pub async fn status(site: Shared) -> Answer<Status> {
    let mut status = site.run(|site| Ok(site.source.status())).await?;
    let served: u64 = site.counters().values().sum();
    status.counters.insert("web_requests".to_owned(), served);
    Ok(Json(status))
}

/// Whether it is there
#[utoipa::path(get, path = "/healthz", tag = "status", responses((status = 200, body = String, content_type = "text/plain")))]
pub async fn health() -> &'static str {
    "ok\n"
}

/// Everything that is counted, in the text format of Prometheus; requests alone where there is nothing else.
pub async fn metrics(site: Shared) -> Result<impl IntoResponse, ApiError> {
    let mut sheet = site.run(|site| Ok(site.source.metrics())).await?;
    for ((method, route, status), count) in site.counters() {
        let status = status.to_string();
        let labels = [("method", &*method), ("route", &*route), ("status", &*status)];
        sheet.count(
            "tidemark_web_requests_total",
            "Requests answered.",
            &labels,
            count,
        );
    }
    sheet.count(
        "tidemark_web_connections_refused_total",
        "Connections there was no room for.",
        &[],
        site.refused.load(Ordering::Relaxed),
    );
    let text = sheet.text().map_err(|error| site.failed(&error.to_string()))?;
    Ok((
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text,
    ))
}

/// Who sends flow export
#[utoipa::path(get, path = "/api/v1/exporters", tag = "status", params(Paging), responses((status = 200, body = Page<Exporter>)))]
pub async fn exporters(site: Shared, Params(asked): Params<Paging>) -> Answer<Page<Exporter>> {
    let all = site.run(|site| Ok(site.source.exporters()?)).await?;
    Page::of(all, asked.limit, asked.cursor.as_deref()).map(Json)
}
