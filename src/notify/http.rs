//! One request, and what its answer means. Nothing is followed: a receiver that redirects is not the one that was configured.

use super::channel::Outcome;
use super::secret::{Secret, public_part};
use reqwest::StatusCode;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// Octets read of an answer.
const ANSWER: usize = 4096;
/// Characters of an answer that are repeated.
const SAID: usize = 300;
/// Nobody is waited for longer, whatever they ask for.
const LONGEST: Duration = Duration::from_secs(3600);

/// How a receiver is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// With a body.
    #[default]
    Post,
    /// With a body.
    Put,
    /// Without one.
    Get,
}

impl Method {
    /// Names in the configuration.
    pub const KNOWN: [(&'static str, Self); 3] =
        [("post", Self::Post), ("put", Self::Put), ("get", Self::Get)];
}

/// What is sent. Its parts may be credentials, so it is never printed whole.
#[derive(Clone)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: Secret,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Request {
    /// A JSON body.
    pub(super) fn json(url: &Secret, body: &Value) -> Self {
        Self {
            method: Method::Post,
            url: url.clone(),
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: body.to_string().into_bytes(),
        }
    }
}

/// A client of its own for each channel: none waits for another's connections.
pub(super) fn client(
    tls: Arc<rustls::ClientConfig>,
    proxy: Option<&str>,
    timeout: Duration,
) -> Result<reqwest::Client, String> {
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(Arc::unwrap_or_clone(tls))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("tidemark/", env!("CARGO_PKG_VERSION")))
        .timeout(timeout)
        .connect_timeout(timeout)
        .pool_max_idle_per_host(1);
    if let Some(proxy) = proxy {
        let proxy =
            reqwest::Proxy::all(proxy).map_err(|_| "the proxy's address cannot be used".to_owned())?;
        builder = builder.proxy(proxy);
    }
    builder.build().map_err(|error| error.without_url().to_string())
}

/// Sends it; what came of it.
pub(super) async fn send(client: &reqwest::Client, request: Request) -> Outcome {
    let method = match request.method {
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
        Method::Get => reqwest::Method::GET,
    };
    let host = public_part(request.url.reveal());
    let mut builder = client.request(method, request.url.reveal()).body(request.body);
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    let mut response = match builder.send().await {
        Ok(response) => response,
        Err(error) if error.is_builder() => {
            return Outcome::Never(format!("{host}: {}", chain(&error.without_url())));
        }
        Err(error) => return Outcome::again(format!("{host}: {}", chain(&error.without_url()))),
    };
    let status = response.status();
    let asked = response
        .headers()
        .get("retry-after")
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let mut answer = Vec::new();
    while let Ok(Some(part)) = response.chunk().await {
        answer.extend_from_slice(part.get(..ANSWER.saturating_sub(answer.len())).unwrap_or(&part));
        if answer.len() >= ANSWER {
            break;
        }
    }
    let answer = String::from_utf8_lossy(&answer).into_owned();
    meaning(&host, status, asked.as_deref(), &answer)
}

/// An error with what is behind it.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        words += &format!(": {inner}");
        source = inner.source();
    }
    words
}

/// What an answer means.
///
/// What is wrong with the message itself is never tried again (400, 413, 415, 422). Everything else is: an address or a
/// credential that is wrong may be put right before the message is given up.
pub(super) fn meaning(host: &str, status: StatusCode, asked: Option<&str>, answer: &str) -> Outcome {
    let said: String = answer.trim().chars().take(SAID).collect();
    let words = format!(
        "{host}: {status}{}{said}",
        if said.is_empty() { "" } else { ": " }
    );
    match status.as_u16() {
        200..=299 => Outcome::Sent(words),
        400 | 413 | 415 | 422 => Outcome::Never(words),
        _ => Outcome::Again {
            why: words,
            after: asked
                .and_then(seconds)
                .or_else(|| in_body(answer))
                .map(|after| after.min(LONGEST)),
        },
    }
}

/// `Retry-After` (RFC 9110, 10.2.3) in seconds; as a date it is left to our own back-off, for clocks differ.
fn seconds(text: &str) -> Option<Duration> {
    text.trim().parse().ok().map(Duration::from_secs)
}

/// `parameters.retry_after`, as Telegram says it.
fn in_body(answer: &str) -> Option<Duration> {
    let answer: Value = serde_json::from_str(answer).ok()?;
    answer["parameters"]["retry_after"]
        .as_u64()
        .map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_mean_sent_again_or_never_and_say_when() {
        let again = |why: &str, after: Option<u64>| Outcome::Again {
            why: why.to_owned(),
            after: after.map(Duration::from_secs),
        };
        for (status, asked, answer, expected) in [
            (202, None, "", Outcome::Sent("h: 202 Accepted".to_owned())),
            (
                400,
                None,
                "bad",
                Outcome::Never("h: 400 Bad Request: bad".to_owned()),
            ),
            (429, Some("7"), "", again("h: 429 Too Many Requests", Some(7))),
            (
                429,
                Some("999999"),
                "",
                again("h: 429 Too Many Requests", Some(3600)),
            ),
            (503, None, "", again("h: 503 Service Unavailable", None)),
            (401, None, "", again("h: 401 Unauthorized", None)),
            (302, None, "", again("h: 302 Found", None)),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(meaning("h", status, asked, answer), expected);
        }
        let telegram = r#"{"ok":false,"parameters":{"retry_after":5}}"#;
        let outcome = meaning("h", StatusCode::TOO_MANY_REQUESTS, None, telegram);
        assert!(matches!(outcome, Outcome::Again { after: Some(after), .. } if after.as_secs() == 5));
    }
}
