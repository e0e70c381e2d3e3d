//! The Common Event Format (ArcSight, version 0) and the Log Event Extended Format (QRadar, version 2.0): one line each, for syslog.
//!
//! Sources: "ArcSight Common Event Format (CEF) Implementation Standard" (header fields escape `|` and `\`, values of extensions `=`,
//! `\` and line breaks; severity 0 to 10); "IBM Security QRadar LEEF Guide" (`LEEF:2.0|vendor|product|version|event id|x09|`, then
//! attributes with tabs between; severity 1 to 10).

use super::brief::Brief;
use super::json_lines::{DESTINATION, SOURCE};
use super::message::Message;
use super::words;
use crate::model::Severity;
use crate::model::units::printable;

const fn severity(severity: Severity) -> u8 {
    match severity {
        Severity::Critical => 10,
        Severity::High => 7,
        Severity::Low => 3,
    }
}

/// What an event is called: its rule, or what the message is.
fn event(message: &Message) -> &str {
    message
        .first()
        .map_or(message.phase.name(), |brief| brief.rule.as_str())
}

fn millis(at: crate::model::Timestamp) -> String {
    (at.as_nanos() / 1_000_000).to_string()
}

type Fields = Vec<(&'static str, String)>;

fn put(fields: &mut Fields, name: &'static str, value: impl Into<Option<String>>) {
    let value = value.into().filter(|value| !value.is_empty());
    fields.extend(value.map(|value| (name, value)));
}

/// Source, destination, their ports and the protocol, under the names a format has for them.
fn put_key(fields: &mut Fields, brief: &Brief, names: [&'static str; 5]) {
    let address = |of: &[&str]| brief.value(of).filter(|text| is_address(text));
    let values = [
        address(&SOURCE),
        address(&DESTINATION),
        brief.value(&["src_port"]),
        brief.value(&["dst_port"]),
        brief.value(&["protocol"]),
    ];
    for (name, value) in names.into_iter().zip(values) {
        put(fields, name, value);
    }
}

/// `name=value` of each field.
fn written(fields: &Fields, value: impl Fn(&str) -> String, between: &str) -> String {
    let fields = fields.iter();
    let written: Vec<String> = fields
        .map(|(name, text)| format!("{name}={}", value(text)))
        .collect();
    written.join(between)
}

/// One line of CEF.
pub(super) fn cef(message: &Message) -> String {
    let header = |text: &str| printable(text).replace('\\', "\\\\").replace('|', "\\|");
    let value = |text: &str| {
        let text = text.replace('\\', "\\\\").replace('=', "\\=");
        text.lines().map(printable).collect::<Vec<_>>().join("\\n")
    };
    format!(
        "CEF:0|Tidemark|Tidemark|{}|{}|{}|{}|{}",
        env!("CARGO_PKG_VERSION"),
        header(event(message)),
        header(&message.title()),
        severity(message.severity),
        written(&cef_fields(message), value, " ")
    )
}

fn cef_fields(message: &Message) -> Fields {
    let mut fields = vec![
        ("rt", millis(message.at)),
        ("dvchost", message.sender.name.clone()),
        ("externalId", message.key.clone()),
        ("act", message.phase.name().to_owned()),
        ("cs1Label", "message".to_owned()),
        ("cs1", message.id.clone()),
        ("cnt", message.counts.anomalies.to_string()),
    ];
    if let Some(brief) = message.first() {
        put(&mut fields, "cat", brief.kind.clone());
        put(&mut fields, "start", millis(brief.started_at));
        put(&mut fields, "end", brief.ended_at.map(millis));
        put_key(&mut fields, brief, ["src", "dst", "spt", "dpt", "proto"]);
        for (name, label, text) in [
            ("cs2", "cs2Label", ("incident", brief.incident.to_string())),
            ("cs3", "cs3Label", ("anomaly", brief.id.to_string())),
            ("cs4", "cs4Label", ("where", brief.place())),
            ("cs5", "cs5Label", ("because of", brief.who(5).join("; "))),
        ] {
            fields.push((label, text.0.to_owned()));
            fields.push((name, text.1));
        }
        measures(&mut fields, brief);
    }
    put(&mut fields, "request", message.page());
    put(&mut fields, "msg", said(message));
    fields
}

fn measures(fields: &mut Fields, brief: &Brief) {
    let numbers = [
        ("cfp1", "cfp1Label", "observed", brief.observed),
        ("cfp2", "cfp2Label", "expected", brief.expected),
    ];
    for (name, label, words, number) in numbers {
        if let Some(number) = number {
            fields.push((label, words.to_owned()));
            fields.push((name, number.to_string()));
        }
    }
}

fn is_address(text: &str) -> bool {
    text.parse::<std::net::IpAddr>().is_ok()
}

fn said(message: &Message) -> String {
    message
        .first()
        .filter(|_| !message.is_sum())
        .map_or_else(|| words::text(message), |brief| brief.text.clone())
}

/// One line of LEEF.
pub(super) fn leef(message: &Message) -> String {
    let value = |text: &str| printable(&text.replace(['\t', '\n', '\r'], " "));
    let mut fields = vec![
        ("devTime", millis(message.at)),
        (
            "cat",
            message
                .first()
                .map_or(message.phase.name(), |brief| &brief.kind)
                .to_owned(),
        ),
        ("sev", severity(message.severity).to_string()),
        ("identHostName", message.sender.name.clone()),
        ("action", message.phase.name().to_owned()),
        ("messageId", message.id.clone()),
        ("key", message.key.clone()),
        ("count", message.counts.anomalies.to_string()),
    ];
    if let Some(brief) = message.first() {
        let number = |number: Option<f64>| number.map(|number| number.to_string());
        put_key(&mut fields, brief, ["src", "dst", "srcPort", "dstPort", "proto"]);
        put(&mut fields, "anomaly", brief.id.to_string());
        put(&mut fields, "incident", brief.incident.to_string());
        put(&mut fields, "where", brief.place());
        put(&mut fields, "observed", number(brief.observed));
        put(&mut fields, "expected", number(brief.expected));
        put(&mut fields, "becauseOf", brief.who(5).join("; "));
    }
    put(&mut fields, "url", message.page());
    put(&mut fields, "msg", said(message));
    format!(
        "LEEF:2.0|Tidemark|Tidemark|{}|{}|x09|{}",
        env!("CARGO_PKG_VERSION"),
        value(event(message)).replace('|', " "),
        written(&fields, value, "\t")
    )
}
