//! Who somebody is, by what they show.

use super::super::error::ApiError;
use super::super::site::Site;
use super::secret;
use crate::store::access::{Role, Session};
use axum::http::{HeaderMap, header};

/// By what somebody came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// They did not.
    Nothing,
    /// Nobody was ever set up.
    Open,
    /// A session.
    Session,
    /// A token.
    Token,
}

/// Somebody, or nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// What they are called.
    pub name: String,
    /// What they may; none for who is nobody.
    pub role: Option<Role>,
    /// How they came in.
    pub via: Via,
    /// The hash of their session's secret.
    pub session: Option<String>,
    /// What their pages prove themselves with.
    pub csrf: Option<String>,
}

/// What a request shows.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    bearer: Option<String>,
    cookie: Option<String>,
}

/// What the cookie of a session is called: browsers keep the first from being set by anybody but this very host.
pub const fn cookie_name(https: bool) -> &'static str {
    if https { "__Host-tidemark" } else { "tidemark" }
}

impl Shown {
    pub(super) fn of(headers: &HeaderMap, https: bool) -> Self {
        let bearer = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let bearer = bearer.and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme
                .eq_ignore_ascii_case("bearer")
                .then(|| token.trim().to_owned())
        });
        Self {
            bearer,
            cookie: cookie(headers, cookie_name(https)),
        }
    }
}

/// A cookie by its name.
pub fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let all = headers.get_all(header::COOKIE).iter();
    let all = all
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(';'));
    all.filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
}

impl Who {
    fn nobody() -> Self {
        Self {
            name: "-".to_owned(),
            role: None,
            via: Via::Nothing,
            session: None,
            csrf: None,
        }
    }
}

/// Who shows this, and what their requests that change something must prove, if anything. A token that is not good is refused rather than
/// passed over.
pub(super) fn identify(site: &Site, shown: Shown) -> Result<(Who, Option<String>), ApiError> {
    if let Some(token) = shown.bearer {
        return bearer(site, &token).map(|who| (who, None));
    }
    if let Some(cookie) = shown.cookie
        && let Some(session) = session(site, &cookie)?
    {
        let csrf = secret::csrf(&cookie);
        let who = Who {
            name: session.user,
            role: Some(session.role),
            via: Via::Session,
            session: Some(secret::hash(&cookie)),
            csrf: Some(csrf.clone()),
        };
        return Ok((who, Some(csrf)));
    }
    let known = site.gate.has_provider()
        || site.access(|access| Ok(access.has_users()? || !access.tokens(false)?.is_empty()))?;
    let who = match known {
        true => Who::nobody(),
        false => Who {
            name: "local".to_owned(),
            role: Some(Role::Admin),
            via: Via::Open,
            ..Who::nobody()
        },
    };
    Ok((who, None))
}

fn bearer(site: &Site, token: &str) -> Result<Who, ApiError> {
    let now = site.clock();
    let known = site.access(|access| access.token(&secret::hash(token), false, now))?;
    let token = known.ok_or_else(|| {
        ApiError::new(
            axum::http::StatusCode::UNAUTHORIZED,
            "bad-token",
            "this token is unknown or has expired: make another with POST /api/v1/tokens or `tidemark users token`",
        )
    })?;
    Ok(Who {
        name: token.name,
        role: Some(token.role),
        via: Via::Token,
        ..Who::nobody()
    })
}

/// The session of a cookie, if it is still good; it is noted that it was used.
fn session(site: &Site, cookie: &str) -> Result<Option<Session>, ApiError> {
    let (now, hash) = (site.clock(), secret::hash(cookie));
    let (whole, idle) = (site.terms.session, site.terms.idle);
    site.access(|access| {
        let Some(session) = access.session(&hash)? else {
            return Ok(None);
        };
        if now >= session.began_at + whole || now >= session.seen_at + idle {
            access.end_session(&hash)?;
            return Ok(None);
        }
        // Not at every request: each is a write.
        if now.since(session.seen_at) > idle / 20 {
            access.see_session(&hash, now)?;
        }
        Ok(Some(session))
    })
}
