//! Who is it, and may they: the one gate in front of every route.
//!
//! Whoever comes shows a token (`Authorization: Bearer`), a session (a cookie), or nothing. Where nobody was ever set up
//! (no user, no token, no provider) the server listens on this machine alone, and who is on it may do everything; then only
//! requests that name this machine are answered, or a page elsewhere could reach it by a name of its own.

mod client;
mod fetching;
mod identity;
pub mod oidc;
pub mod password;
pub mod secret;
pub mod table;
mod throttle;

pub use client::Client;
pub use identity::{Via, Who, cookie, cookie_name};
pub use throttle::Throttle;

use super::error::ApiError;
use super::server::Terms;
use super::site::Site;
use crate::store::access::Trace;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::SocketAddr;
use std::sync::Arc;
use table::Need;

/// What a handler wants the trail to say of what was done.
#[derive(Clone, Debug)]
pub struct Note(pub String);

/// How clients are told apart.
#[derive(Clone, Debug)]
pub struct Gate {
    behind_proxy: Vec<crate::model::Prefix>,
    tls: bool,
    public_host: Option<String>,
    provider: bool,
}

impl Gate {
    /// As configured.
    pub fn new(terms: &Terms) -> Self {
        let host = |url: &String| url.split("://").nth(1).map(str::to_lowercase);
        Self {
            behind_proxy: terms.behind_proxy.clone(),
            tls: terms.tls.is_some(),
            public_host: terms.public_url.as_ref().and_then(host),
            provider: terms.provider.is_some(),
        }
    }

    /// Whether somebody beside local users can come in.
    pub const fn has_provider(&self) -> bool {
        self.provider
    }

    /// Who sent a request, as far as connections tell.
    pub fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> Client {
        Client::of(peer, headers, &self.behind_proxy, self.tls)
    }

    /// Whether a name is one of this machine: an address, `localhost`, or as configured.
    fn is_ours(&self, host: &str) -> bool {
        let host = host.to_lowercase();
        let name = match host.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => host.split(':').next().unwrap_or_default(),
        };
        self.public_host.as_deref() == Some(host.as_str())
            || name == "localhost"
            || name.parse::<std::net::IpAddr>().is_ok()
    }

    /// Refuses requests that a page elsewhere made a browser send.
    fn check_origin(&self, method: &Method, headers: &HeaderMap, host: &str) -> Result<(), ApiError> {
        if is_safe(method) {
            return Ok(());
        }
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let same_site = text("sec-fetch-site").is_none_or(|site| ["same-origin", "none"].contains(&site));
        let origin = text("origin").and_then(|origin| origin.split("://").nth(1));
        let same_origin = match text("origin") {
            None => true,
            Some(_) => origin.is_some_and(|origin| {
                origin.eq_ignore_ascii_case(host) || self.public_host.as_deref() == Some(origin)
            }),
        };
        match same_site && same_origin {
            true => Ok(()),
            false => Err(forbidden(
                "foreign-origin",
                "a page of another server asked for this; if it is your proxy, say how browsers reach it in `web.public_url`",
            )),
        }
    }
}

impl Gate {
    /// Where nobody was set up, a page elsewhere must not reach it by a name of its own.
    fn check_host(&self, who: &Who, host: &str) -> Result<(), ApiError> {
        if who.via != Via::Open || self.is_ours(host) {
            return Ok(());
        }
        Err(ApiError::new(
            StatusCode::MISDIRECTED_REQUEST,
            "foreign-host",
            "without users only requests to an address, `localhost` or the host of `web.public_url` are answered",
        ))
    }
}

/// Whether a method changes nothing.
pub fn is_safe(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS].contains(method)
}

/// Lets through who may, and tells the handlers who it is.
pub async fn guard(State(site): State<Arc<Site>>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map_or(SocketAddr::from(([0, 0, 0, 0], 0)), |info| info.0);
    let client = site.gate.client(peer, request.headers());
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("", MatchedPath::as_str).to_owned();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let (who, host) = (
        known(&site, &client, request.headers()).await,
        host(request.headers()),
    );
    let admitted = who.clone().and_then(|(who, proof)| {
        site.gate.check_origin(&method, request.headers(), &host)?;
        site.gate.check_host(&who, &host)?;
        let shown = request.headers().get("x-csrf-token");
        let shown = shown.and_then(|token| token.to_str().ok());
        let proven = is_safe(&method)
            || proof.is_none_or(|proof| shown.is_some_and(|shown| secret::same(shown, &proof)));
        may(&who, table::need(method.as_str(), &route), proven)?;
        Ok(who)
    });
    let name = who.map_or_else(|_| "-".to_owned(), |(who, _)| who.name);
    let response = match admitted {
        Ok(who) => {
            request.extensions_mut().insert(client);
            request.extensions_mut().insert(who);
            next.run(request).await
        }
        Err(error) => error.into_response(),
    };
    let note = response.extensions().get::<Note>().cloned();
    // Whoever comes in through a provider does so with a request that looks as if it changed nothing.
    if !is_safe(&method) || note.is_some() {
        let what = format!("{method} {path}");
        let what = note.map_or_else(|| what.clone(), |note| format!("{what}: {}", note.0));
        trace(&site, name, &client, what, response.status()).await;
    }
    response
}

fn host(headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    host.unwrap_or_default().to_owned()
}

/// Who it is, and what their changes must prove.
async fn known(
    site: &Arc<Site>,
    client: &Client,
    headers: &HeaderMap,
) -> Result<(Who, Option<String>), ApiError> {
    let shown = identity::Shown::of(headers, client.https);
    site.run(move |site| identity::identify(site, shown)).await
}

/// Whether somebody may, if they have proven that they want it.
fn may(who: &Who, need: Need, proven: bool) -> Result<(), ApiError> {
    let Need::Role(role) = need else { return Ok(()) };
    match who.role {
        None => Err(ApiError::new(
            StatusCode::UNAUTHORIZED,
            "not-logged-in",
            "log in with POST /api/v1/session, or send a token: `Authorization: Bearer ...`",
        )),
        Some(has) if has < role => Err(forbidden(
            "not-allowed",
            format!("this is for the role `{role}`; `{}` is {has}", who.name),
        )),
        Some(_) if !proven => Err(forbidden(
            "csrf",
            "send what GET /api/v1/session tells as `csrf` in the header `x-csrf-token`",
        )),
        Some(_) => Ok(()),
    }
}

fn forbidden(code: &str, message: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, code, message)
}

/// Writes what was done into the trail; that it cannot be written is said in the log.
async fn trace(site: &Arc<Site>, who: String, client: &Client, what: String, status: StatusCode) {
    let trace = Trace {
        seq: 0,
        at: site.clock(),
        who,
        origin: client.address.to_string(),
        what,
        outcome: match status {
            // Who comes in through a provider is sent on.
            status if status.is_success() || status.is_redirection() => "done".to_owned(),
            status => format!("refused ({})", status.as_u16()),
        },
    };
    let written = site
        .run(move |site| site.access(|access| access.trace(&trace)))
        .await;
    if let Err(error) = written {
        (site.terms.log)(&format!("web: the trail cannot be written: {}", error.message()));
    }
}
