//! A file of JSON lines, in the shape of Suricata's EVE or of the Elastic Common Schema, for Filebeat, Loki and Splunk.
//!
//! Sources: docs.suricata.io, "Eve JSON Format" (`event_type` `alert`: `signature`, `category`, `severity` 1 to 3, the gravest
//! first); elastic.co, "ECS Field Reference" 8.11 (`event.kind` `alert`, `event.category`, `rule`, `observer`, `threat`).

use super::message::Message;
use super::words;
use crate::dispatch::Phase;
use crate::model::Severity;
use serde_json::{Value, json};
use std::path::PathBuf;

/// A file that is appended to.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The file; none for standard output.
    pub path: Option<PathBuf>,
    /// The shape of its lines.
    pub shape: Shape,
}

/// How a line is laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// The message as it is.
    #[default]
    Plain,
    /// Suricata's EVE.
    Eve,
    /// Elastic Common Schema.
    Ecs,
}

impl Shape {
    /// Names in the configuration.
    pub const KNOWN: [(&'static str, Self); 3] =
        [("json", Self::Plain), ("eve", Self::Eve), ("ecs", Self::Ecs)];
}

/// Where packets come from, and where they go: dimensions by the side they are of.
pub(super) const SOURCE: [&str; 3] = ["src_ip", "host", "exporter"];
pub(super) const DESTINATION: [&str; 1] = ["dst_ip"];

/// One line; none for what is for machines that forget.
pub(super) fn line(message: &Message, shape: Shape) -> Option<String> {
    if message.phase == Phase::Refresh {
        return None;
    }
    let value = match shape {
        Shape::Plain => super::webhook::context(message),
        Shape::Eve => eve(message),
        Shape::Ecs => ecs(message),
    };
    Some(format!("{value}\n"))
}

fn number(text: Option<String>) -> Option<u32> {
    text.and_then(|text| text.parse().ok())
}

/// A number that stands for a rule: the same for the same name, in the range for local rules.
fn signature_id(rule: &str) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(rule.as_bytes());
    1_000_000 + crc.sum() % 1_000_000
}

fn put(object: &mut Value, key: &str, value: Option<Value>) {
    if let Some(value) = value {
        object[key] = value;
    }
}

fn eve(message: &Message) -> Value {
    let level = match message.severity {
        Severity::Critical => 1,
        Severity::High => 2,
        Severity::Low => 3,
    };
    let first = message.first();
    let rule = first.map_or("tidemark", |brief| brief.rule.as_str());
    let mut event = json!({
        "timestamp": stamp(message),
        "event_type": "alert",
        "host": message.sender.name,
        "alert": {
            "action": "allowed",
            "gid": 1,
            "signature_id": signature_id(rule),
            "rev": 1,
            "signature": message.title(),
            "category": first.map_or(message.phase.name(), |brief| brief.kind.as_str()),
            "severity": level,
        },
        "tidemark": super::webhook::context(message),
    });
    if let Some(brief) = first {
        put(&mut event, "src_ip", brief.value(&SOURCE).map(Value::from));
        put(&mut event, "dest_ip", brief.value(&DESTINATION).map(Value::from));
        put(
            &mut event,
            "src_port",
            number(brief.value(&["src_port"])).map(Value::from),
        );
        put(
            &mut event,
            "dest_port",
            number(brief.value(&["dst_port"])).map(Value::from),
        );
        put(
            &mut event,
            "proto",
            brief.value(&["protocol"]).map(|text| protocol(&text).into()),
        );
    }
    event
}

/// As EVE writes time: microseconds and a numeric offset.
fn stamp(message: &Message) -> String {
    let at = jiff::Timestamp::from_nanosecond(i128::from(message.at.as_nanos())).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%S.%6f+0000").to_string()
}

fn protocol(number: &str) -> &str {
    match number {
        "1" => "ICMP",
        "6" => "TCP",
        "17" => "UDP",
        "47" => "GRE",
        "58" => "IPv6-ICMP",
        "132" => "SCTP",
        other => other,
    }
}

fn ecs(message: &Message) -> Value {
    let severity = match message.severity {
        Severity::Critical => 90,
        Severity::High => 60,
        Severity::Low => 30,
    };
    let mut event = json!({
        "@timestamp": message.at.to_string(),
        "ecs": {"version": "8.11.0"},
        "message": message.title(),
        "event": {
            "kind": if message.phase == Phase::Heartbeat { "state" } else { "alert" },
            "category": ["network", "intrusion_detection"],
            "type": ["info"],
            "dataset": "tidemark.notification",
            "module": "tidemark",
            "action": message.phase.name(),
            "id": message.id,
            "severity": severity,
            "url": message.page(),
        },
        "observer": {"vendor": "Tidemark", "product": "Tidemark", "type": "ids", "name": message.sender.name},
        "tidemark": super::webhook::context(message),
    });
    if let Some(brief) = message.first() {
        event["rule"] = json!({"name": brief.rule, "category": brief.kind});
        event["event"]["start"] = json!(brief.started_at.to_string());
        put(
            &mut event["event"],
            "end",
            brief.ended_at.map(|at| at.to_string().into()),
        );
        event["event"]["reason"] = json!(brief.text);
        put(
            &mut event,
            "source",
            side(brief.value(&SOURCE), brief.value(&["src_port"])),
        );
        put(
            &mut event,
            "destination",
            side(brief.value(&DESTINATION), brief.value(&["dst_port"])),
        );
        put(
            &mut event,
            "threat",
            brief
                .technique
                .as_ref()
                .map(|id| json!({"framework": "MITRE ATT&CK", "technique": {"id": [id]}})),
        );
        event["related"] = json!({"ip": addresses(brief)});
    } else {
        event["event"]["reason"] = json!(words::text(message));
    }
    event
}

fn side(ip: Option<String>, port: Option<String>) -> Option<Value> {
    let mut side = json!({});
    put(&mut side, "ip", ip.clone().map(Value::from));
    put(&mut side, "address", ip.map(Value::from));
    put(&mut side, "port", number(port).map(Value::from));
    side.as_object()
        .is_some_and(|side| !side.is_empty())
        .then_some(side)
}

/// Every address it names.
fn addresses(brief: &super::brief::Brief) -> Vec<String> {
    let entity = brief.entity.0.iter().map(|(_, value)| super::brief::plain(value));
    let parts = brief.contributors.0.iter().flat_map(|(_, parts)| parts);
    let all = entity.chain(parts.map(|part| super::brief::plain(&part.value)));
    let mut all: Vec<String> = all
        .filter(|text| text.parse::<std::net::IpAddr>().is_ok())
        .collect();
    all.sort();
    all.dedup();
    all
}
