//! HTTP as anybody wants it: a body and headers from templates, signed.
//!
//! A signature is that of most services that send webhooks: the header `x-tidemark-signature` is `t=SECONDS,v1=HEX`, where HEX is
//! HMAC-SHA256 (RFC 2104, FIPS 180-4) of `SECONDS.BODY` under the shared secret; the receiver refuses old times, so what was
//! overheard cannot be sent again. `idempotency-key` names the message for ever (draft-ietf-httpapi-idempotency-key-header).

use super::channel::{Address, Credential};
use super::http::{Method, Request};
use super::message::Message;
use super::secret::Secret;
use crate::dispatch::Phase;
use crate::model::Timestamp;
use crate::notify::words;
use hmac::{Hmac, KeyInit, Mac};
use minijinja::{Environment, UndefinedBehavior};
use serde_json::{Value, json};
use sha2::Sha256;

/// A receiver.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where it is.
    pub url: Address,
    /// How it is asked.
    pub method: Method,
    /// Headers beside `content-type`, templates each.
    pub headers: Vec<(String, String)>,
    /// The header `authorization`, whole.
    pub authorization: Option<Credential>,
    /// Signs the body.
    pub secret: Option<Credential>,
    /// What the body is.
    pub content_type: String,
    /// The body, a template; none for the message as JSON.
    pub body: Option<String>,
}

/// Credentials of a receiver.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    pub(super) url: Secret,
    pub(super) authorization: Option<Secret>,
    pub(super) secret: Option<Secret>,
}

/// What templates may use: the message, and its words.
pub(super) fn context(message: &Message) -> Value {
    let mut context = serde_json::to_value(message).unwrap_or(Value::Null);
    if let Value::Object(fields) = &mut context {
        let first = message.first();
        for (name, value) in [
            ("title", json!(message.title())),
            ("text", json!(words::text(message))),
            ("html", json!(words::page(message))),
            ("page", json!(message.page())),
            ("traffic", json!(first.and_then(|brief| message.traffic(brief)))),
            ("place", json!(first.map(|brief| brief.place()))),
            ("who", json!(first.map(|brief| brief.who(5)))),
            ("over", json!(message.is_over())),
            ("first", json!(first)),
        ] {
            fields.insert(name.to_owned(), value);
        }
    }
    context
}

/// Tries a template out on a message of which everything is known, strictly: a name that is not there is an error, not nothing. What
/// it makes.
///
/// # Errors
///
/// Where it fails and why.
pub fn check(template: &str, sample: &Message) -> Result<String, String> {
    let context = context(sample);
    let filled = fill(template, &context, UndefinedBehavior::Strict)?;
    // Filters take what is not there for nothing.
    let environment = Environment::new();
    let used = environment
        .template_from_str(template)
        .map(|read| read.undeclared_variables(false));
    let mut used: Vec<String> = used.unwrap_or_default().into_iter().collect();
    used.sort();
    let known =
        |name: &str| context.get(name).is_some() || environment.globals().any(|(global, _)| global == name);
    match used.iter().find(|name| !known(name)) {
        Some(name) => Err(format!("the template fails: there is no `{name}`")),
        None => Ok(filled),
    }
}

fn fill(template: &str, context: &Value, undefined: UndefinedBehavior) -> Result<String, String> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(undefined);
    let filled = environment.render_str(template, minijinja::value::Serde(context));
    filled.map_err(|error| {
        let line = error
            .line()
            .map_or(String::new(), |line| format!(" in line {line}"));
        format!("the template fails{line}: {error}")
    })
}

/// Octets as hexadecimal digits.
fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// The value of the header that signs `body` at `at`.
pub(super) fn signature(secret: &Secret, at: Timestamp, body: &[u8]) -> String {
    let seconds = at.as_secs();
    // HMAC takes keys of every length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes()) else {
        return String::new();
    };
    mac.update(format!("{seconds}.").as_bytes());
    mac.update(body);
    format!("t={seconds},v1={}", hex(&mac.finalize().into_bytes()))
}

/// What is sent.
///
/// # Errors
///
/// A template fails.
pub(super) fn request(
    message: &Message,
    settings: &Settings,
    keys: &Keys,
    now: Timestamp,
) -> Result<Option<Request>, String> {
    if message.phase == Phase::Refresh {
        return Ok(None);
    }
    let context = context(message);
    let body = match &settings.body {
        // What a message of another kind does not have is nothing: it is better told with a gap than not at all.
        Some(template) => fill(template, &context, UndefinedBehavior::Chainable)?,
        None => context.to_string(),
    };
    let mut headers = vec![
        ("content-type".to_owned(), settings.content_type.clone()),
        ("idempotency-key".to_owned(), format!("\"{}\"", message.id)),
    ];
    for (name, template) in &settings.headers {
        headers.push((
            name.clone(),
            fill(template, &context, UndefinedBehavior::Chainable)?,
        ));
    }
    if let Some(secret) = &keys.secret {
        let signature = signature(secret, now, body.as_bytes());
        headers.push(("x-tidemark-signature".to_owned(), signature));
    }
    if let Some(authorization) = &keys.authorization {
        headers.push(("authorization".to_owned(), authorization.reveal().to_owned()));
    }
    let is_get = settings.method == Method::Get;
    Ok(Some(Request {
        method: settings.method,
        url: keys.url.clone(),
        headers,
        body: if is_get { Vec::new() } else { body.into_bytes() },
    }))
}
