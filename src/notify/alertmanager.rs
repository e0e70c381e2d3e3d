//! Prometheus' Alertmanager, API v2: an alert is named by its labels, fires until `endsAt`, and is told again while it lasts.
//!
//! Source: prometheus.io/docs/alerting/latest/clients and its OpenAPI description: `POST /api/v2/alerts` with a list of `labels`,
//! `annotations`, `startsAt`, `endsAt`, `generatorURL`. It forgets alerts whose `endsAt` has passed.

use super::channel::{Address, Credential};
use super::http::Request;
use super::message::Message;
use super::secret::Secret;
use super::words;
use crate::dispatch::Phase;
use crate::model::{Severity, Timestamp};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// One Alertmanager.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where it is reached, without `/api/v2/alerts`.
    pub url: Address,
    /// The header `authorization`, whole.
    pub authorization: Option<Credential>,
    /// An alert ends by itself when it is not told again for so long.
    pub lasts: Duration,
    /// Labels beside its own.
    pub labels: Vec<(String, String)>,
}

/// The alerts of a message; none where it has no word for it.
pub(super) fn body(message: &Message, settings: &Settings, now: Timestamp) -> Option<Value> {
    let name = match message.phase {
        Phase::Digest => return None,
        Phase::Heartbeat => "TidemarkAlive",
        Phase::Trouble | Phase::Well => "TidemarkTrouble",
        Phase::Test => "TidemarkTest",
        _ if message.key.contains("/group-") => "TidemarkHeldBack",
        _ if message.key.contains("/own-") => "TidemarkTrouble",
        _ => "TidemarkAnomaly",
    };
    let is_over = message.is_over();
    let ends = if is_over { now } else { now + settings.lasts };
    let mut alerts = vec![alert(message, name, message.severity, settings, ends)];
    if message.phase == Phase::Escalated {
        // The severity is one of the labels that name an alert: the one it had before is over.
        let lower = [Severity::Low, Severity::High]
            .into_iter()
            .filter(|s| *s < message.severity);
        alerts.extend(lower.map(|severity| alert(message, name, severity, settings, now)));
    }
    Some(Value::Array(alerts))
}

fn alert(message: &Message, name: &str, severity: Severity, settings: &Settings, ends: Timestamp) -> Value {
    let mut labels: Map<String, Value> = settings
        .labels
        .iter()
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect();
    let severity = match message.phase {
        Phase::Heartbeat | Phase::Test => "none",
        _ => severity.name(),
    };
    let own = [
        ("alertname", name.to_owned()),
        ("severity", severity.to_owned()),
        ("instance", message.sender.name.clone()),
        ("key", message.key.clone()),
    ];
    labels.extend(own.map(|(name, value)| (name.to_owned(), json!(value))));
    let first = message.first().filter(|_| name == "TidemarkAnomaly");
    if let Some(brief) = first {
        let of = [
            ("rule", brief.rule.clone()),
            ("incident", brief.incident.to_string()),
        ];
        labels.extend(of.map(|(name, value)| (name.to_owned(), json!(value))));
        for (dimension, _) in &brief.entity.0 {
            if let Some(value) = brief.value(&[dimension]) {
                labels.insert(dimension.clone(), json!(value));
            }
        }
    }
    let mut alert = json!({
        "labels": labels,
        "annotations": annotations(message),
        "startsAt": message.since.unwrap_or(message.at).to_string(),
        "endsAt": ends.to_string(),
    });
    if let Some(page) = message.page() {
        alert["generatorURL"] = json!(page);
    }
    alert
}

fn annotations(message: &Message) -> Map<String, Value> {
    let mut annotations = Map::new();
    let mut add = |name: &str, text: String| drop(annotations.insert(name.to_owned(), json!(text)));
    add("summary", message.title());
    let Some(brief) = message.first().filter(|_| !message.is_sum()) else {
        add("description", words::text(message));
        return annotations;
    };
    add("description", brief.text.clone());
    for (name, text) in words::fields(brief) {
        add(&name.to_lowercase().replace([' ', '&'], "_"), text);
    }
    add("next", brief.next.join("; "));
    if let Some(traffic) = message.traffic(brief) {
        add("traffic", traffic);
    }
    annotations
}

/// What is sent.
pub(super) fn request(
    message: &Message,
    settings: &Settings,
    url: &Secret,
    authorization: Option<&Secret>,
    now: Timestamp,
) -> Option<Request> {
    let body = body(message, settings, now)?;
    let url = Secret::new(&format!("{}/api/v2/alerts", url.reveal().trim_end_matches('/')));
    let mut request = Request::json(&url, &body);
    let authorization = authorization.map(|one| ("authorization".to_owned(), one.reveal().to_owned()));
    request.headers.extend(authorization);
    Some(request)
}
