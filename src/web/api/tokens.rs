//! Tokens of programs.

use super::status::Paging;
use super::users::RoleName;
use super::{Answer, Shared};
use crate::store::access::{Role, Token};
use crate::web::asks::{Body, Page, Params, Part, instant};
use crate::web::auth::{Note, Who, secret};
use crate::web::error::ApiError;
use crate::web::view::time;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A token, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenLine {
    /// Its number.
    id: i64,
    /// What people call it.
    name: String,
    /// What its bearer may.
    role: String,
    /// Who made it.
    made_by: String,
    /// When.
    made_at: String,
    /// Until when it is good; null for always.
    expires_at: Option<String>,
    /// The secret; told once, when it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

impl TokenLine {
    pub(super) fn of(token: Token, secret: Option<String>) -> Self {
        Self {
            id: token.id,
            name: token.name,
            role: token.role.name().to_owned(),
            made_by: token.made_by,
            made_at: time(token.made_at),
            expires_at: token.expires_at.map(time),
            secret,
        }
    }
}

/// A token to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What people call it.
    #[schema(min_length = 1, max_length = 64)]
    name: String,
    /// What its bearer may.
    role: RoleName,
    /// Until when it is good, an instant; always if not said.
    until: Option<String>,
}

/// The tokens
#[utoipa::path(get, path = "/api/v1/tokens", tag = "access", params(Paging), responses((status = 200, body = Page<TokenLine>)))]
pub async fn list(site: Shared, Params(asked): Params<Paging>) -> Answer<Page<TokenLine>> {
    let all = site
        .run(|site| site.access(|access| access.tokens(false)))
        .await?;
    let all = all.into_iter().map(|token| TokenLine::of(token, None)).collect();
    Page::of(all, asked.limit, asked.cursor.as_deref()).map(Json)
}

/// Makes a token
#[utoipa::path(post, path = "/api/v1/tokens", tag = "access", request_body = NewToken, responses((status = 201, body = TokenLine)))]
pub async fn add(
    site: Shared,
    Extension(who): Extension<Who>,
    Body(new): Body<NewToken>,
) -> Result<Response, ApiError> {
    let now = site.clock();
    let until = instant("until", new.until.as_deref(), now)?;
    if until.is_some_and(|until| until <= now) {
        return Err(ApiError::field("until", "that is over already"));
    }
    let token = Token {
        id: 0,
        name: new.name,
        role: Role::from(new.role),
        made_by: who.name,
        made_at: now,
        expires_at: until,
    };
    let note = Note(format!("{} as {}", token.name, token.role));
    let line = made(&site, token, false).await?;
    let mut response = (StatusCode::CREATED, Json(line)).into_response();
    response.extensions_mut().insert(note);
    Ok(response)
}

/// Keeps a token, or a link that shares the view, with a new secret.
pub(super) async fn made(site: &Shared, token: Token, share: bool) -> Result<TokenLine, ApiError> {
    let text = format!("{}{}", secret::TOKEN, secret::make()?);
    let hash = secret::hash(&text);
    site.run(move |site| {
        if !share && !site.access(|access| access.has_users())? && !site.gate.has_provider() && token.role != Role::Admin {
            let words = "there are no users: with a token nobody comes in without one any more, so the first must be for an \
                         administrator";
            return Err(ApiError::field("role", words));
        }
        let id = site.access(|access| access.add_token(&token, &hash, share))?;
        Ok(TokenLine::of(Token { id, ..token }, Some(text)))
    })
    .await
}

/// Removes a token
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", tag = "access", params(("id" = i64, Path, description = "Its number")),
    responses((status = 204)))]
pub async fn remove(site: Shared, Part(id): Part<i64>) -> Result<StatusCode, ApiError> {
    removed(&site, id, false).await
}

pub(super) async fn removed(site: &Shared, id: i64, share: bool) -> Result<StatusCode, ApiError> {
    let known = site
        .run(move |site| site.access(|access| access.remove_token(id, share)))
        .await?;
    match known {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(ApiError::missing("there is none of that number")),
    }
}
