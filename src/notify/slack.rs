//! Slack's incoming webhooks, with blocks.
//!
//! Source: docs.slack.dev, "Sending messages using incoming webhooks" and "Block Kit": `text` for notifications, `blocks` (at most
//! 50) of `header` (plain text, at most 150 characters), `section` (mrkdwn `text` of at most 3000 characters, at most ten
//! `fields` of at most 2000) and `context`; `&`, `<` and `>` are escaped. Such a webhook cannot write into a thread.

use super::channel::Credential;
use super::http::Request;
use super::message::Message;
use super::pagerduty::cut;
use super::secret::Secret;
use super::words;
use crate::dispatch::Phase;
use crate::model::Severity;
use serde_json::{Value, json};

/// One incoming webhook.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Its address, which is a credential.
    pub url: Credential,
}

/// As mrkdwn wants text.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// A sign for people who look at a list of messages.
pub(super) fn sign(message: &Message) -> &'static str {
    match message.severity {
        _ if message.is_over() => ":white_check_mark:",
        _ if matches!(message.phase, Phase::Heartbeat | Phase::Test) => ":information_source:",
        Severity::Critical => ":rotating_light:",
        Severity::High => ":warning:",
        Severity::Low => ":small_blue_diamond:",
    }
}

/// The message; none for what is for machines.
pub(super) fn body(message: &Message) -> Option<Value> {
    if message.phase == Phase::Refresh {
        return None;
    }
    let title = message.title();
    let mut blocks = vec![json!({
        "type": "header",
        "text": {"type": "plain_text", "text": cut(&format!("{} {title}", sign(message)), 150), "emoji": true},
    })];
    let first = message.first().filter(|_| !message.is_sum());
    match first {
        Some(brief) => {
            blocks.push(section(&brief.text));
            let fields = words::fields(brief).into_iter().take(10);
            let field = |(name, text): (&str, String)| json!({"type": "mrkdwn", "text": cut(&format!("*{}*\n{}", escape(name), escape(&text)), 2000)});
            blocks.push(json!({"type": "section", "fields": fields.map(field).collect::<Vec<_>>()}));
        }
        None => blocks.push(section(&words::text(message))),
    }
    if let Some(note) = &message.note {
        blocks.push(section(&format!(
            "{}: {note}",
            message.by.as_deref().unwrap_or("note")
        )));
    }
    let traffic = first.and_then(|brief| message.traffic(brief));
    let links = [(message.page(), "Dashboard"), (traffic, "Traffic")];
    let link = |(href, text): (Option<String>, &str)| href.map(|href| format!("<{}|{text}>", escape(&href)));
    let mut foot: Vec<String> = links.into_iter().filter_map(link).collect();
    foot.push(escape(&format!(
        "{}, {}",
        message.sender.name,
        words::time(message.at)
    )));
    blocks.push(json!({
        "type": "context",
        "elements": [{"type": "mrkdwn", "text": cut(&foot.join(" | "), 2000)}],
    }));
    Some(json!({"text": cut(&escape(&title), 3000), "blocks": blocks}))
}

fn section(text: &str) -> Value {
    let text = cut(escape(text).trim(), 3000);
    json!({"type": "section", "text": {"type": "mrkdwn", "text": text}})
}

/// What is sent.
pub(super) fn request(message: &Message, url: &Secret) -> Option<Request> {
    body(message).map(|body| Request::json(url, &body))
}
