//! The page: what was built from `ui/` and stands in the program, and a plain one where nothing was built.

use super::error::ApiError;
use super::site::Site;
use super::view::{State as Health, Status};
use axum::extract::State;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::MethodRouter;
use maud::{DOCTYPE, Markup, html};
use rust_embed::RustEmbed;
use std::sync::Arc;

/// The built page; empty where it was not built when the program was.
#[derive(RustEmbed)]
#[folder = "ui/dist"]
#[allow_missing = true]
struct Built;

/// Files whose names hold a hash of what is in them never change.
const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");

/// The description of the API.
pub fn openapi(description: Arc<str>) -> MethodRouter<Arc<Site>> {
    axum::routing::get(move || async move {
        let json = HeaderValue::from_static("application/json");
        ([(header::CONTENT_TYPE, json)], description.to_string())
    })
}

/// A route that is there, asked in a way that is not.
pub async fn wrong_method() -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "wrong-method",
        "this route does not know that method; `/openapi.json` says which it knows",
    )
}

/// Everything that is no route: a file of the page, or the page itself for addresses it makes up.
pub async fn page(State(site): State<Arc<Site>>, method: Method, uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/');
    if path.starts_with("api/") {
        return ApiError::missing("there is no such route; `/openapi.json` lists them").into_response();
    }
    if ![Method::GET, Method::HEAD].contains(&method) {
        return wrong_method().await.into_response();
    }
    let name = if path.is_empty() { "index.html" } else { path };
    if let Some(file) = Built::get(name) {
        return sent(name, file.data.into_owned());
    }
    if is_file(path) {
        return ApiError::missing("there is no such file").into_response();
    }
    match Built::get("index.html") {
        Some(file) => sent("index.html", file.data.into_owned()),
        None => unbuilt(&site).await,
    }
}

/// Whether a path names a file, by the end of its name; that of an address, as in `hosts/10.1.2.3`, is none.
fn is_file(path: &str) -> bool {
    let last = path.rsplit('/').next().unwrap_or_default();
    let end = last.rsplit_once('.').map_or("", |(_, end)| end);
    end.starts_with(|c: char| c.is_ascii_alphabetic())
}

fn sent(name: &str, octets: Vec<u8>) -> Response {
    let caching = if name.starts_with("assets/") {
        FOREVER
    } else {
        ASK_AGAIN
    };
    let kind = HeaderValue::from_static(kind(name));
    (
        [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, caching)],
        octets,
    )
        .into_response()
}

/// The media type of a file by the end of its name.
fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// What is missing; without users also how Tidemark is, for nobody else may see that.
async fn unbuilt(site: &Arc<Site>) -> Response {
    let status = site
        .run(|site| {
            let known = site.gate.has_provider() || site.access(|access| access.has_users())?;
            Ok((!known).then(|| site.source.status()))
        })
        .await;
    let body = html! {
        h1 { "Tidemark" }
        p {
            "The dashboard was not built into this program. Build it with " code { "npm ci && npm run build" } " in "
            code { "ui/" } " and then the program again. The API is there: " a href="/openapi.json" { "its description" } "."
        }
        @if let Ok(Some(status)) = &status { (summary(status)) }
    };
    sent_plain("Tidemark", &body)
}

/// A page without any script; it brings its own style.
pub fn sent_plain(title: &str, body: &Markup) -> Response {
    let policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    let policy = HeaderValue::from_static(policy);
    let page = Html(plain(title, body).into_string());
    ([(header::CONTENT_SECURITY_POLICY, policy)], page).into_response()
}

/// That somebody is not let in, why, and the way back.
pub fn refused(error: &ApiError) -> Response {
    let body = html! {
        h1 { "You are not logged in" }
        p { (error.message()) }
        p { a href="/" { "Back to the log-in" } }
    };
    let mut response = sent_plain("Tidemark: not logged in", &body);
    *response.status_mut() = error.status();
    response
}

fn plain(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
                         table{border-collapse:collapse}td,th{padding:.2rem 1rem .2rem 0;text-align:left;vertical-align:top}" }
            }
            body { (body) }
        }
    }
}

/// How Tidemark is, in a few lines.
pub fn summary(status: &Status) -> Markup {
    let state = match status.state {
        Health::Ok => "all is well",
        Health::Warning => "something needs attention",
        Health::Critical => "something does not work",
    };
    html! {
        h2 { "Status: " (state) }
        @for problem in &status.problems { p { (problem.text) } }
        table {
            tr { th { "open anomalies" } td {
                (status.open.critical) " critical, " (status.open.high) " high, " (status.open.low) " low"
            } }
            tr { th { "exporters" } td { (status.exporters) } }
            @for (name, count) in &status.counters { tr { th { (name.replace('_', " ")) } td { (crate::model::units::grouped(*count)) } } }
            tr { th { "now" } td { (status.now) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_in_a_path_is_no_file() {
        for (path, expected) in [
            ("assets/none.js", true),
            ("robots.txt", true),
            ("hosts/10.20.10.40", false),
            ("hosts/2001:db8::1", false),
            ("hosts/::ffff:10.0.0.1", false),
            ("rules/host-bytes-in", false),
            ("", false),
        ] {
            assert_eq!(is_file(path), expected, "{path}");
        }
    }
}
