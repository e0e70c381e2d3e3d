//! Telegram's bots: `sendMessage` with a little HTML.
//!
//! Source: core.telegram.org/bots/api, "sendMessage": at most 4096 characters after parsing; of HTML `<b>` and `<a href>`
//! are used; `&`, `<` and `>` are escaped. Too many are answered 429 with `parameters.retry_after` in the body.

use super::channel::{Address, Credential};
use super::http::Request;
use super::message::Message;
use super::pagerduty::cut;
use super::secret::Secret;
use super::words;
use crate::dispatch::Phase;
use crate::model::Severity;
use serde_json::{Value, json};

/// Where bots are reached, unless configured.
pub const URL: &str = "https://api.telegram.org";

/// A bot and whom it writes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where bots are reached.
    pub url: Address,
    /// The bot's token.
    pub token: Credential,
    /// The chat: a number, or `@name` of a channel.
    pub chat: String,
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// The message; none for what is for machines.
pub(super) fn body(message: &Message, chat: &str) -> Option<Value> {
    if message.phase == Phase::Refresh {
        return None;
    }
    // Cut before it is escaped, so that no tag or entity is cut in two; the limit counts what is left after parsing.
    let title = cut(&message.title(), 500);
    let text = cut(words::text(message).trim(), 3000);
    let mut html = format!("<b>{}</b>\n{}", escape(&title), escape(&text));
    if let Some(traffic) = message.first().and_then(|brief| message.traffic(brief)) {
        html += &format!("\n<a href=\"{}\">Traffic</a>", escape(&traffic));
    }
    Some(json!({
        "chat_id": chat,
        "text": html,
        "parse_mode": "HTML",
        "disable_notification": message.severity == Severity::Low || message.is_over(),
        "link_preview_options": {"is_disabled": true},
    }))
}

/// What is sent.
pub(super) fn request(
    message: &Message,
    settings: &Settings,
    url: &Secret,
    token: &Secret,
) -> Option<Request> {
    let url = format!(
        "{}/bot{}/sendMessage",
        url.reveal().trim_end_matches('/'),
        token.reveal()
    );
    body(message, &settings.chat).map(|body| Request::json(&Secret::new(&url), &body))
}
