//! Logging in and out, and who one is.

use super::{Answer, Shared};
use crate::store::access::{Role, Session};
use crate::web::asks::Body;
use crate::web::auth::{Client, Note, Via, Who, cookie_name, password, secret};
use crate::web::error::ApiError;
use crate::web::site::Site;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, PoisonError};
use utoipa::ToSchema;

/// Who one is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Me {
    /// What one is called; null for who has not logged in.
    user: Option<String>,
    /// What one may: viewer, analyst or admin; null for who has not logged in.
    role: Option<String>,
    /// Nobody was ever set up: who is on this machine may do everything.
    open: bool,
    /// What to send in the header `x-csrf-token` with every request that changes something.
    csrf: Option<String>,
    /// How one can log in.
    methods: Vec<&'static str>,
}

impl Me {
    fn of(site: &Site, who: &Who) -> Self {
        let mut methods = vec!["password"];
        methods.extend(site.gate.has_provider().then_some("oidc"));
        Self {
            user: who.role.map(|_| who.name.clone()),
            role: who.role.map(|role| role.name().to_owned()),
            open: who.via == Via::Open,
            csrf: who.csrf.clone(),
            methods,
        }
    }
}

/// Who one is
#[utoipa::path(get, path = "/api/v1/session", tag = "session", responses((status = 200, body = Me)))]
pub async fn get(site: Shared, Extension(who): Extension<Who>) -> Answer<Me> {
    Ok(Json(Me::of(&site, &who)))
}

/// A user and a password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogIn {
    /// The name.
    #[schema(max_length = 64)]
    user: String,
    /// The password.
    #[schema(max_length = 256)]
    password: String,
}

/// Logs in
#[utoipa::path(post, path = "/api/v1/session", tag = "session", request_body = LogIn, responses((status = 200, body = Me)))]
pub async fn log_in(
    site: Shared,
    Extension(client): Extension<Client>,
    Body(log_in): Body<LogIn>,
) -> Result<Response, ApiError> {
    let user: String = log_in.user.chars().take(64).collect();
    let names = [format!("user {user}"), format!("address {}", client.address)];
    for name in &names {
        wait(&site, name)?;
    }
    let room = site.hashes.clone();
    let (name, tried) = (user.clone(), log_in.password);
    let role = site
        .run_in(&room, move |site| {
            let known = site.access(|access| access.password(&name))?;
            let hash = known.as_ref().map(|(hash, _)| hash.as_str());
            Ok(password::verify(&tried, hash)
                .then(|| known.as_ref().map(|(_, role)| *role))
                .flatten())
        })
        .await?;
    settle(&site, &names, role.is_some());
    let note = Note(format!("as {user}"));
    let Some(role) = role else {
        let words = "no such user, or another password";
        let error = ApiError::new(StatusCode::UNAUTHORIZED, "bad-log-in", words);
        return Ok((Extension(note), error).into_response());
    };
    let mut response = begin(&site, &client, user, role, true).await?;
    response.extensions_mut().insert(note);
    Ok(response)
}

/// Notes how a log-in of a user from an address went.
fn settle(site: &Site, names: &[String; 2], succeeded: bool) {
    let now = site.clock();
    let mut throttle = site.throttle.lock().unwrap_or_else(PoisonError::into_inner);
    match (succeeded, names) {
        (true, [user, _]) => throttle.succeed(user),
        (false, names) => names.iter().for_each(|name| throttle.fail(name, now)),
    }
}

fn wait(site: &Site, name: &str) -> Result<(), ApiError> {
    let throttle = site.throttle.lock().unwrap_or_else(PoisonError::into_inner);
    let wait = throttle.wait(name, site.clock());
    wait.map_or(Ok(()), |wait| {
        let words = format!(
            "log-ins have failed too often: try again in {} s",
            wait.as_secs().max(1)
        );
        Err(ApiError::too_often(words, wait))
    })
}

/// Begins a session and says so, with its cookie.
pub(super) async fn begin(
    site: &Arc<Site>,
    client: &Client,
    user: String,
    role: Role,
    local: bool,
) -> Result<Response, ApiError> {
    let (cookie, now) = (secret::make()?, site.clock());
    let session = Session {
        user: user.clone(),
        role,
        local,
        began_at: now,
        seen_at: now,
    };
    let hash = secret::hash(&cookie);
    let kept = hash.clone();
    site.run(move |site| {
        let (whole, idle) = (site.terms.session, site.terms.idle);
        site.access(|access| {
            access.forget_sessions(now, whole, idle)?;
            access.begin_session(&kept, &session)
        })
    })
    .await?;
    let who = Who {
        name: user,
        role: Some(role),
        via: Via::Session,
        csrf: Some(secret::csrf(&cookie)),
        session: Some(hash),
    };
    let mut response = Json(Me::of(site, &who)).into_response();
    let age = site.terms.session.as_secs();
    set_cookie(response.headers_mut(), client, &cookie, age)?;
    Ok(response)
}

/// A cookie that only this server is sent, by its own pages, and that no script can read.
pub(super) fn set_cookie(
    headers: &mut HeaderMap,
    client: &Client,
    value: &str,
    age: u64,
) -> Result<(), ApiError> {
    let secure = if client.https { "; Secure" } else { "" };
    let name = cookie_name(client.https);
    let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={age}{secure}");
    append_cookie(headers, &cookie)
}

/// Adds a cookie as it is written.
pub(super) fn append_cookie(headers: &mut HeaderMap, cookie: &str) -> Result<(), ApiError> {
    let cookie = HeaderValue::from_str(cookie).map_err(|error| ApiError::internal(error.to_string()))?;
    headers.append(header::SET_COOKIE, cookie);
    Ok(())
}

/// Logs out
#[utoipa::path(delete, path = "/api/v1/session", tag = "session", responses((status = 204)))]
pub async fn log_out(
    site: Shared,
    Extension(who): Extension<Who>,
    Extension(client): Extension<Client>,
) -> Result<Response, ApiError> {
    if let Some(hash) = who.session {
        site.run(move |site| site.access(|access| access.end_session(&hash)))
            .await?;
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    set_cookie(response.headers_mut(), &client, "", 0)?;
    Ok(response)
}
