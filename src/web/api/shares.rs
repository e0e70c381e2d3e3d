//! Links to a view that can be shared: how Tidemark is and how many anomalies are open, and nothing that names anybody.

use super::status::Paging;
use super::tokens::{TokenLine, made, removed};
use super::{Answer, Shared};
use crate::store::access::{Role, Token};
use crate::web::asks::{Body, Page, Params, Part, instant};
use crate::web::auth::{Note, Who, secret};
use crate::web::error::ApiError;
use crate::web::page;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use maud::html;
use serde::Deserialize;
use utoipa::ToSchema;

/// A link to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewShare {
    /// What people call it.
    #[schema(min_length = 1, max_length = 64)]
    name: String,
    /// Until when it is good, an instant; always if not said.
    until: Option<String>,
}

/// The links
#[utoipa::path(get, path = "/api/v1/shares", tag = "access", params(Paging), responses((status = 200, body = Page<TokenLine>)))]
pub async fn list(site: Shared, Params(asked): Params<Paging>) -> Answer<Page<TokenLine>> {
    let all = site.run(|site| site.access(|access| access.tokens(true))).await?;
    let all = all.into_iter().map(|share| TokenLine::of(share, None)).collect();
    Page::of(all, asked.limit, asked.cursor.as_deref()).map(Json)
}

/// Makes a link: `/share/` and the secret of the answer
#[utoipa::path(post, path = "/api/v1/shares", tag = "access", request_body = NewShare, responses((status = 201, body = TokenLine)))]
pub async fn add(
    site: Shared,
    Extension(who): Extension<Who>,
    Body(new): Body<NewShare>,
) -> Result<Response, ApiError> {
    let now = site.clock();
    let until = instant("until", new.until.as_deref(), now)?;
    if until.is_some_and(|until| until <= now) {
        return Err(ApiError::field("until", "that is over already"));
    }
    let share = Token {
        id: 0,
        name: new.name,
        role: Role::Viewer,
        made_by: who.name,
        made_at: now,
        expires_at: until,
    };
    let note = Note(share.name.clone());
    let line = made(&site, share, true).await?;
    let mut response = (StatusCode::CREATED, Json(line)).into_response();
    response.extensions_mut().insert(note);
    Ok(response)
}

/// Removes a link
#[utoipa::path(delete, path = "/api/v1/shares/{id}", tag = "access", params(("id" = i64, Path, description = "Its number")),
    responses((status = 204)))]
pub async fn remove(site: Shared, Part(id): Part<i64>) -> Result<StatusCode, ApiError> {
    removed(&site, id, true).await
}

/// The view that is shared.
pub async fn view(site: Shared, Part(token): Part<String>) -> Result<Response, ApiError> {
    let now = site.clock();
    let known = site
        .run(move |site| {
            let share = site.access(|access| access.token(&secret::hash(&token), true, now))?;
            Ok(share.map(|_| site.source.status()))
        })
        .await?;
    let status = known.ok_or_else(|| ApiError::missing("this link is unknown or has expired"))?;
    // What is wrong may name exporters and folders.
    let mut status = status;
    status.problems.clear();
    let body = html! { h1 { "Tidemark" } (page::summary(&status)) };
    let mut response = page::sent_plain("Tidemark: status", &body);
    // A screen on a wall has nobody to press a key.
    let again = (HeaderName::from_static("refresh"), HeaderValue::from_static("60"));
    response.headers_mut().insert(again.0, again.1);
    Ok(response)
}
