//! PagerDuty Events API v2: trigger, acknowledge and resolve by `dedup_key`.
//!
//! Source: developer.pagerduty.com, "Send an Event": `POST /v2/enqueue` with `routing_key`, `event_action`, `dedup_key` (at most
//! 255 characters) and `payload` (`summary` of at most 1024 characters, `source`, `severity`, `timestamp`, `component`,
//! `group`, `class`, `custom_details`), `links` and `client`; 202 is taken, 400 is wrong, 429 and 5xx are to be tried again.

use super::channel::{Address, Credential};
use super::http::Request;
use super::message::Message;
use super::secret::Secret;
use super::words;
use crate::dispatch::Phase;
use crate::model::Severity;
use serde_json::{Value, json};

/// Where events are sent, unless configured.
pub const URL: &str = "https://events.pagerduty.com/v2/enqueue";

/// One integration of a service.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where events are sent.
    pub url: Address,
    /// The integration key.
    pub key: Credential,
}

/// The event of a message; none where PagerDuty has no word for it.
pub(super) fn body(message: &Message, key: &Secret) -> Option<Value> {
    let action = match message.phase {
        Phase::Opened | Phase::Escalated | Phase::Reminder | Phase::Unacknowledged => "trigger",
        Phase::Group | Phase::Trouble | Phase::Test => "trigger",
        Phase::Acknowledged => "acknowledge",
        Phase::Closed | Phase::Well => "resolve",
        Phase::Updated | Phase::Discussed | Phase::Digest | Phase::Refresh | Phase::Heartbeat => return None,
    };
    let mut event = json!({
        "routing_key": key.reveal(),
        "event_action": action,
        "dedup_key": cut(&message.key, 255),
    });
    if action == "trigger" {
        event["payload"] = payload(message);
        event["client"] = json!("Tidemark");
        if let Some(page) = message.page() {
            event["client_url"] = json!(page);
        }
        event["links"] = json!(links(message));
    }
    Some(event)
}

fn payload(message: &Message) -> Value {
    let severity = match message.severity {
        Severity::Critical => "critical",
        Severity::High => "error",
        Severity::Low => "info",
    };
    let first = message.first().filter(|_| !message.is_sum());
    let mut details = serde_json::Map::new();
    for (name, text) in first.map(words::fields).unwrap_or_default() {
        details.insert(name.to_owned(), json!(text));
    }
    if let Some(brief) = first {
        details.insert("Text".to_owned(), json!(brief.text));
        details.insert("Anomaly".to_owned(), json!(brief.id));
        details.insert("What to check".to_owned(), json!(brief.next));
    } else {
        details.insert("Text".to_owned(), json!(words::text(message)));
    }
    json!({
        "summary": cut(&message.title(), 1024),
        "source": first.map_or_else(|| message.sender.name.clone(), |brief| brief.place()),
        "severity": severity,
        "timestamp": message.at.to_string(),
        "component": message.sender.name,
        "group": first.map(|brief| brief.rule.clone()),
        "class": first.map_or(message.phase.name(), |brief| brief.kind.as_str()),
        "custom_details": details,
    })
}

fn links(message: &Message) -> Vec<Value> {
    let traffic = message.first().and_then(|brief| message.traffic(brief));
    let named = [(message.page(), "Anomaly"), (traffic, "Traffic")];
    let link = |(href, text): (Option<String>, &str)| href.map(|href| json!({"href": href, "text": text}));
    named.into_iter().filter_map(link).collect()
}

/// At most so many characters.
pub(super) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some(_) => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
        None => text.to_owned(),
    }
}

/// What is sent.
pub(super) fn request(message: &Message, url: &Secret, key: &Secret) -> Option<Request> {
    body(message, key).map(|body| Request::json(url, &body))
}
