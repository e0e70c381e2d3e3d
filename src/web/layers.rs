//! What every request passes first and every answer last: a limit of time, safe headers, counters, and panics caught.

use super::error::ApiError;
use super::limits;
use super::site::Site;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::any::Any;
use std::sync::Arc;

/// Scripts, styles and data of this server alone; nothing is loaded from elsewhere, nobody may frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src \
                      'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// Routes that may take longer.
const SLOW: [&str; 1] = ["/api/v1/rules/backtest"];

/// Wraps everything.
pub async fn wrap(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>();
    let route = path.map_or_else(|| "page".to_owned(), |path| path.as_str().to_owned());
    let method = request.method().as_str().to_owned();
    let limit = match SLOW.contains(&route.as_str()) {
        true => limits::LONG_ANSWER,
        false => limits::ANSWER,
    };
    let mut response = match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too-slow",
            format!(
                "this took longer than {} s: ask for a shorter time or pass a filter",
                limit.as_secs()
            ),
        )
        .into_response(),
    };
    site.served(known(&method), &route, response.status().as_u16());
    harden(response.headers_mut(), site.terms.tls.is_some());
    response
}

/// A method as it is counted: clients could make up any number of them.
fn known(method: &str) -> &str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    if KNOWN.contains(&method) { method } else { "OTHER" }
}

fn harden(headers: &mut HeaderMap, tls: bool) {
    let mut set = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    set(header::CONTENT_SECURITY_POLICY, POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::X_FRAME_OPTIONS, "DENY");
    set(header::REFERRER_POLICY, "no-referrer");
    set(header::CACHE_CONTROL, "no-store");
    set(
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    );
    set(
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    );
    set(
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    );
    if tls {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
}

/// A panic of a handler as an answer.
pub fn panicked(site: &Arc<Site>, panic: &(dyn Any + Send)) -> Response {
    let words = panic
        .downcast_ref::<&str>()
        .map(|words| (*words).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    site.failed(&words.unwrap_or_else(|| "a panic without words".to_owned()))
        .into_response()
}
