//! People, and the trail of what was done.

use super::status::Paging;
use super::{Answer, Shared};
use crate::store::access::{Role, Trace, User};
use crate::web::asks::{Body, Page, Params, Part, limited};
use crate::web::auth::{Note, Who, password};
use crate::web::error::ApiError;
use crate::web::view::time;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Somebody.
#[derive(Debug, Serialize, ToSchema)]
pub struct Person {
    /// What they log in as.
    name: String,
    /// What they may.
    role: String,
    /// When they were added.
    made_at: String,
}

impl From<User> for Person {
    fn from(user: User) -> Self {
        Self {
            name: user.name,
            role: user.role.name().to_owned(),
            made_at: time(user.made_at),
        }
    }
}

/// A role in a request.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RoleName {
    /// Sees everything but people.
    Viewer,
    /// Also says what anomalies are, and tries rules.
    Analyst,
    /// Also decides who may.
    Admin,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Viewer => Self::Viewer,
            RoleName::Analyst => Self::Analyst,
            RoleName::Admin => Self::Admin,
        }
    }
}

/// Who may log in
#[utoipa::path(get, path = "/api/v1/users", tag = "access", params(Paging), responses((status = 200, body = Page<Person>)))]
pub async fn list(site: Shared, Params(asked): Params<Paging>) -> Answer<Page<Person>> {
    let all = site.run(|site| site.access(|access| access.users())).await?;
    let all = all.into_iter().map(Person::from).collect();
    Page::of(all, asked.limit, asked.cursor.as_deref()).map(Json)
}

/// Somebody to add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// What they log in as: letters, digits and any of `. _ - @ +`.
    #[schema(min_length = 1, max_length = 64)]
    name: String,
    /// What they may.
    role: RoleName,
    /// Their password.
    #[schema(min_length = 10, max_length = 256)]
    password: String,
}

/// Adds somebody; the first must be an administrator
#[utoipa::path(post, path = "/api/v1/users", tag = "access", request_body = NewUser, responses((status = 201, body = Person)))]
pub async fn add(site: Shared, Body(new): Body<NewUser>) -> Result<Response, ApiError> {
    let (room, at) = (site.hashes.clone(), site.clock());
    let note = Note(format!("{} as {}", new.name, Role::from(new.role)));
    let person = site
        .run_in(&room, move |site| {
            let (hash, role) = (password::hash(&new.password)?, Role::from(new.role));
            if role != Role::Admin && !site.access(|access| access.has_users())? {
                let words = "the first user must be an administrator: from then on nobody comes in without a password";
                return Err(ApiError::field("role", words));
            }
            site.access(|access| access.add_user(&new.name, role, &hash, at))?;
            Ok(Person {
                name: new.name,
                role: role.name().to_owned(),
                made_at: time(at),
            })
        })
        .await?;
    let mut response = (StatusCode::CREATED, Json(person)).into_response();
    response.extensions_mut().insert(note);
    Ok(response)
}

/// Removes somebody and ends their sessions
#[utoipa::path(delete, path = "/api/v1/users/{name}", tag = "access", params(("name" = String, Path, description = "Who")),
    responses((status = 204)))]
pub async fn remove(
    site: Shared,
    Extension(who): Extension<Who>,
    Part(name): Part<String>,
) -> Result<StatusCode, ApiError> {
    if name == who.name {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "refused",
            "nobody can remove themselves: another administrator, or `tidemark users remove`, can",
        ));
    }
    site.run(move |site| {
        let known = site.access(|access| access.password(&name))?;
        known.ok_or_else(|| ApiError::missing("there is no such user"))?;
        site.access(|access| access.remove_user(&name))
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A line of the trail.
#[derive(Debug, Serialize, ToSchema)]
pub struct Line {
    /// Its number.
    seq: i64,
    /// When.
    at: String,
    /// Who; `-` for nobody known.
    who: String,
    /// From which address.
    from: String,
    /// What.
    what: String,
    /// `done`, or `refused` with a status.
    outcome: String,
}

impl From<Trace> for Line {
    fn from(trace: Trace) -> Self {
        Self {
            seq: trace.seq,
            at: time(trace.at),
            who: trace.who,
            from: trace.origin,
            what: trace.what,
            outcome: trace.outcome,
        }
    }
}

/// What was done, the newest first
#[utoipa::path(get, path = "/api/v1/audit", tag = "access", params(Paging), responses((status = 200, body = Page<Line>)))]
pub async fn audit(site: Shared, Params(asked): Params<Paging>) -> Answer<Page<Line>> {
    let limit = limited(asked.limit)?;
    let before = asked.cursor.as_deref().map(|cursor| {
        let number = cursor.strip_prefix('t').and_then(|n| n.parse::<i64>().ok());
        number.ok_or_else(|| ApiError::field("cursor", "send the `next` of the page before, or nothing"))
    });
    let before = before.transpose()?;
    let lines = site
        .run(move |site| site.access(|access| access.traces(before, limit)))
        .await?;
    let next = lines
        .last()
        .filter(|_| lines.len() == limit)
        .map(|line| format!("t{}", line.seq));
    Ok(Json(Page {
        items: lines.into_iter().map(Line::from).collect(),
        next,
        total: None,
    }))
}
