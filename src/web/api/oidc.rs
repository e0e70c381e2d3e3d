//! Logging in through a provider of identities: there and back.

use super::Shared;
use super::session::{append_cookie, begin};
use crate::web::asks::Params;
use crate::web::auth::oidc::{Oidc, PATIENCE};
use crate::web::auth::{Client, Note, cookie};
use crate::web::error::ApiError;
use crate::web::page;
use axum::Extension;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;

/// The cookie that ties a log-in to the browser that began it. It must come back with a redirect from elsewhere.
const COOKIE: &str = "tidemark-oidc";

fn provider(site: &Shared) -> Result<&Oidc, ApiError> {
    site.oidc
        .as_ref()
        .ok_or_else(|| ApiError::missing("there is no provider of identities: see `web.oidc`"))
}

/// Sends a browser to the provider
#[utoipa::path(get, path = "/api/v1/oidc/login", tag = "session", responses((status = 303, description = "To the provider")))]
pub async fn login(site: Shared, Extension(client): Extension<Client>, headers: HeaderMap) -> Response {
    let begun = begin_there(&site, &client).await;
    begun.unwrap_or_else(|error| refusal(&headers, error))
}

async fn begin_there(site: &Shared, client: &Client) -> Result<Response, ApiError> {
    let begun = provider(site)?.begin(site.clock()).await?;
    let secure = if client.https { "; Secure" } else { "" };
    let cookie = format!(
        "{COOKIE}={}; Path=/api/v1/oidc; HttpOnly; SameSite=Lax; Max-Age={}{secure}",
        begun.browser,
        PATIENCE.as_secs()
    );
    let mut response = to(&begun.location)?;
    append_cookie(response.headers_mut(), &cookie)?;
    Ok(response)
}

/// What the provider sends back.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Back {
    /// What stands for the tokens.
    code: Option<String>,
    /// Which log-in it is.
    state: Option<String>,
    /// What went wrong there.
    error: Option<String>,
}

/// Where the provider sends a browser back to
#[utoipa::path(get, path = "/api/v1/oidc/callback", tag = "session", params(Back), responses((status = 303, description = "To the page")))]
pub async fn callback(
    site: Shared,
    Extension(client): Extension<Client>,
    Params(back): Params<Back>,
    headers: HeaderMap,
) -> Response {
    let come = come_back(&site, &client, back, &headers).await;
    come.unwrap_or_else(|error| {
        let note = Note(error.message().to_owned());
        let mut response = refusal(&headers, error);
        response.extensions_mut().insert(note);
        response
    })
}

async fn come_back(
    site: &Shared,
    client: &Client,
    back: Back,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let oidc = provider(site)?;
    if let Some(error) = back.error {
        let words = format!("the provider refused: {}", crate::model::units::printable(&error));
        return Err(ApiError::new(StatusCode::FORBIDDEN, "not-vouched", words));
    }
    let (Some(code), Some(state)) = (back.code, back.state) else {
        return Err(ApiError::bad(
            "bad-parameter",
            "the provider sends `code` and `state`",
        ));
    };
    let browser = cookie(headers, COOKIE).unwrap_or_default();
    let vouched = oidc.finish(&state, &code, &browser, site.clock()).await?;
    let note = Note(format!("as {}", vouched.name));
    let session = begin(site, client, vouched.name, vouched.role, false).await?;
    let mut response = to("/")?;
    for cookie in session.headers().get_all(header::SET_COOKIE) {
        response.headers_mut().append(header::SET_COOKIE, cookie.clone());
    }
    append_cookie(
        response.headers_mut(),
        &format!("{COOKIE}=; Path=/api/v1/oidc; HttpOnly; SameSite=Lax; Max-Age=0"),
    )?;
    response.extensions_mut().insert(note);
    Ok(response)
}

/// Why somebody is not let in: for a browser a page in words, for others as everywhere.
fn refusal(headers: &HeaderMap, error: ApiError) -> Response {
    let accepts = headers.get(header::ACCEPT).and_then(|types| types.to_str().ok());
    match accepts.is_some_and(|types| types.contains("text/html")) {
        true => page::refused(&error),
        false => error.into_response(),
    }
}

fn to(location: &str) -> Result<Response, ApiError> {
    let location = HeaderValue::from_str(location).map_err(|error| ApiError::internal(error.to_string()))?;
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response())
}
