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

fn put(fields: &mut Vec<(&'static str, String)>, name: &'static str, value: Option<String>) {
    fields.extend(value.filter(|value| !value.is_empty()).map(|value| (name, value)));
}

/// One line of CEF.
pub(super) fn cef(message: &Message) -> String {
    let header = |text: &str| printable(text).replace('\\', "\\\\").replace('|', "\\|");
    let value = |text: &str| {
        let text = text.replace('\\', "\\\\").replace('=', "\\=");
        text.lines().map(printable).collect::<Vec<_>>().join("\\n")
    };
    let fields = cef_fields(message);
    let fields: Vec<String> = fields
        .iter()
        .map(|(name, text)| format!("{name}={}", value(text)))
        .collect();
    format!(
        "CEF:0|Tidemark|Tidemark|{}|{}|{}|{}|{}",
        env!("CARGO_PKG_VERSION"),
        header(event(message)),
        header(&message.title()),
        severity(message.severity),
        fields.join(" ")
    )
}

fn cef_fields(message: &Message) -> Vec<(&'static str, String)> {
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
        put(&mut fields, "cat", Some(brief.kind.clone()));
        put(&mut fields, "start", Some(millis(brief.started_at)));
        put(&mut fields, "end", brief.ended_at.map(millis));
        put(
            &mut fields,
            "src",
            brief.value(&SOURCE).filter(|text| is_address(text)),
        );
        put(
            &mut fields,
            "dst",
            brief.value(&DESTINATION).filter(|text| is_address(text)),
        );
        put(&mut fields, "spt", brief.value(&["src_port"]));
        put(&mut fields, "dpt", brief.value(&["dst_port"]));
        put(&mut fields, "proto", brief.value(&["protocol"]));
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
    put(&mut fields, "msg", Some(said(message)));
    fields
}

fn measures(fields: &mut Vec<(&'static str, String)>, brief: &Brief) {
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
        put(
            &mut fields,
            "src",
            brief.value(&SOURCE).filter(|text| is_address(text)),
        );
        put(
            &mut fields,
            "dst",
            brief.value(&DESTINATION).filter(|text| is_address(text)),
        );
        put(&mut fields, "srcPort", brief.value(&["src_port"]));
        put(&mut fields, "dstPort", brief.value(&["dst_port"]));
        put(&mut fields, "proto", brief.value(&["protocol"]));
        put(&mut fields, "anomaly", Some(brief.id.to_string()));
        put(&mut fields, "incident", Some(brief.incident.to_string()));
        put(&mut fields, "where", Some(brief.place()));
        put(
            &mut fields,
            "observed",
            brief.observed.map(|number| number.to_string()),
        );
        put(
            &mut fields,
            "expected",
            brief.expected.map(|number| number.to_string()),
        );
        put(&mut fields, "becauseOf", Some(brief.who(5).join("; ")));
    }
    put(&mut fields, "url", message.page());
    put(&mut fields, "msg", Some(said(message)));
    let fields: Vec<String> = fields
        .iter()
        .map(|(name, text)| format!("{name}={}", value(text)))
        .collect();
    format!(
        "LEEF:2.0|Tidemark|Tidemark|{}|{}|x09|{}",
        env!("CARGO_PKG_VERSION"),
        value(event(message)).replace('|', " "),
        fields.join("\t")
    )
}
