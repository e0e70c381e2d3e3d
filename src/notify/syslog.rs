//! Syslog: RFC 5424 over UDP (RFC 5426), TCP with octet counting (RFC 6587, 3.4.1), and TLS (RFC 5425).

use super::channel::Outcome;
use super::message::Message;
use super::{siem, stream, words};
use crate::dispatch::Phase;
use crate::model::Severity;
use crate::model::units::printable;
use std::sync::Arc;
use std::time::Duration;

/// A datagram larger than this may be lost on its way (RFC 5426, 3.2).
const DATAGRAM: usize = 2048;

/// One syslog server.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// `host:port`.
    pub to: String,
    /// How it is reached.
    pub transport: Transport,
    /// The facility, 0 to 23; 16 is `local0`.
    pub facility: u8,
    /// What stands after the header.
    pub format: Format,
    /// The name of the program.
    pub app: String,
}

/// How a server is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// Datagrams: nobody says whether they arrive.
    #[default]
    Udp,
    /// A connection.
    Tcp,
    /// A connection that nobody reads on its way.
    Tls,
}

impl Transport {
    /// Names in the configuration.
    pub const KNOWN: [(&'static str, Self); 3] = [("udp", Self::Udp), ("tcp", Self::Tcp), ("tls", Self::Tls)];
}

/// What stands after the header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Words, and structured data.
    #[default]
    Text,
    /// The Common Event Format.
    Cef,
    /// The Log Event Extended Format.
    Leef,
}

impl Format {
    /// Names in the configuration.
    pub const KNOWN: [(&'static str, Self); 3] =
        [("text", Self::Text), ("cef", Self::Cef), ("leef", Self::Leef)];
}

/// A name as a header field takes it: printable ASCII without blanks, at most so many; `-` for nothing.
fn name(text: &str, most: usize) -> String {
    let name: String = text.chars().filter(char::is_ascii_graphic).take(most).collect();
    if name.is_empty() { "-".to_owned() } else { name }
}

/// A value of structured data (RFC 5424, 6.3.3).
fn param(name: &str, value: &str) -> String {
    let value = printable(value)
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace(']', "\\]");
    format!(" {name}=\"{value}\"")
}

/// One message; none for what is for machines that forget.
pub(super) fn line(message: &Message, settings: &Settings) -> Option<String> {
    if message.phase == Phase::Refresh {
        return None;
    }
    let level = match message.severity {
        _ if message.is_over() || message.phase == Phase::Heartbeat => 6,
        Severity::Critical => 2,
        Severity::High => 4,
        Severity::Low => 5,
    };
    let at = jiff::Timestamp::from_nanosecond(i128::from(message.at.as_nanos())).unwrap_or_default();
    let header = format!(
        "<{}>1 {} {} {} {} {}",
        u16::from(settings.facility) * 8 + level,
        at.strftime("%Y-%m-%dT%H:%M:%S.%6fZ"),
        name(&message.sender.name, 255),
        name(&settings.app, 48),
        std::process::id(),
        name(message.phase.name(), 32),
    );
    Some(match settings.format {
        Format::Text => format!("{header} {} \u{feff}{}", data(message), text(message)),
        Format::Cef => format!("{header} - {}", siem::cef(message)),
        Format::Leef => format!("{header} - {}", siem::leef(message)),
    })
}

fn text(message: &Message) -> String {
    let title = message.title();
    let who = message
        .first()
        .filter(|_| !message.is_sum())
        .map(|brief| brief.who(3).join("; "));
    let who = who
        .filter(|who| !who.is_empty())
        .map(|who| format!("; because of {}", printable(&who)));
    format!("{title}{}", who.unwrap_or_default())
}

/// Structured data under the number that RFC 5612 keeps for examples, for Tidemark has none of its own.
fn data(message: &Message) -> String {
    let mut data = "[tidemark@32473".to_owned();
    data += &param("id", &message.id);
    data += &param("key", &message.key);
    data += &param("severity", message.severity.name());
    data += &param("count", &message.counts.anomalies.to_string());
    if let Some(brief) = message.first() {
        for (name, value) in [
            ("anomaly", brief.id.to_string()),
            ("incident", brief.incident.to_string()),
            ("rule", brief.rule.clone()),
            ("kind", brief.kind.clone()),
            ("where", brief.place()),
            ("started", words::time(brief.started_at)),
        ] {
            data += &param(name, &value);
        }
        data += &param(
            "observed",
            &brief.observed.map_or(String::new(), |number| number.to_string()),
        );
        data += &param(
            "expected",
            &brief.expected.map_or(String::new(), |number| number.to_string()),
        );
    }
    if let Some(page) = message.page() {
        data += &param("url", &page);
    }
    data + "]"
}

/// Sends a line, waiting at most `timeout`. It blocks.
pub(super) fn send(
    line: &str,
    settings: &Settings,
    tls: Option<Arc<rustls::ClientConfig>>,
    timeout: Duration,
) -> Outcome {
    let sent = match settings.transport {
        Transport::Udp => stream::datagram(&settings.to, cut_octets(line, DATAGRAM).as_bytes()),
        Transport::Tcp | Transport::Tls => {
            let framed = format!("{} {line}", line.len());
            let tls = tls.filter(|_| settings.transport == Transport::Tls);
            stream::write(&settings.to, framed.as_bytes(), tls, timeout)
        }
    };
    match sent {
        Ok(()) => Outcome::Sent(format!("{} octets to {}", line.len(), settings.to)),
        Err(error) => Outcome::again(format!("{}: {error}", settings.to)),
    }
}

/// At most so many octets, whole characters.
fn cut_octets(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or(0)).unwrap_or(text)
}

/// Facilities by name (RFC 5424, table 1).
pub const FACILITIES: [(&str, u8); 12] = [
    ("user", 1),
    ("daemon", 3),
    ("auth", 4),
    ("authpriv", 10),
    ("local0", 16),
    ("local1", 17),
    ("local2", 18),
    ("local3", 19),
    ("local4", 20),
    ("local5", 21),
    ("local6", 22),
    ("local7", 23),
];
