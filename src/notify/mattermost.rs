//! Mattermost's incoming webhooks, with an attachment.
//!
//! Source: developers.mattermost.com, "Incoming webhooks" and "Message attachments": `text` in Markdown, `channel`, `username`,
//! `attachments` with `fallback`, `color`, `title`, `title_link`, `text` and `fields`.

use super::channel::Credential;
use super::http::Request;
use super::message::Message;
use super::secret::Secret;
use super::{slack, words};
use crate::dispatch::Phase;
use crate::model::Severity;
use serde_json::{Value, json};

/// One incoming webhook.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Its address, which is a credential.
    pub url: Credential,
    /// A channel other than that of the webhook.
    pub channel: Option<String>,
}

/// What Markdown would take for its own.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(
            c,
            '*' | '_' | '`' | '~' | '[' | ']' | '#' | '|' | '\\' | '<' | '>'
        ) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// The message; none for what is for machines.
pub(super) fn body(message: &Message, settings: &Settings) -> Option<Value> {
    if message.phase == Phase::Refresh {
        return None;
    }
    let color = match message.severity {
        _ if message.is_over() => "#2e7d32",
        Severity::Critical => "#b71c1c",
        Severity::High => "#e65100",
        Severity::Low => "#455a64",
    };
    let title = message.title();
    let first = message.first().filter(|_| !message.is_sum());
    let fields = first.map(words::fields).unwrap_or_default();
    let field = |(name, text): (&str, String)| json!({"title": name, "value": escape(&text), "short": text.chars().count() < 40});
    let mut attachment = json!({
        "fallback": title,
        "color": color,
        "title": title,
        "text": escape(&first.map_or_else(|| words::text(message), |brief| brief.text.clone())),
        "fields": fields.into_iter().map(field).collect::<Vec<_>>(),
        "footer": format!("{}, {}", message.sender.name, words::time(message.at)),
    });
    if let Some(page) = message.page() {
        attachment["title_link"] = json!(page);
    }
    if let Some(traffic) = first.and_then(|brief| message.traffic(brief)) {
        attachment["pretext"] = json!(format!("[Traffic]({traffic})"));
    }
    let mut body = json!({
        "text": format!("{} {}", slack::sign(message), escape(&title)),
        "username": "Tidemark",
        "attachments": [attachment],
    });
    if let Some(channel) = &settings.channel {
        body["channel"] = json!(channel);
    }
    Some(body)
}

/// What is sent.
pub(super) fn request(message: &Message, settings: &Settings, url: &Secret) -> Option<Request> {
    body(message, settings).map(|body| Request::json(url, &body))
}
