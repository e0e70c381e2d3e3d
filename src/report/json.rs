//! JSON lines, the contract with scripts: one object a line, field names and order never change.

use super::RuleLine;
use super::push::{number, time};
use super::summary::Summary;
use crate::model::{
    Anomaly, AnomalyId, Contributors, DataQuality, Direction, Entity, Exported, FlowRecord, HostProfile,
    IncidentId, Ip, Kind, Metric, Peer, Point, Severity, Timestamp,
};
use serde::Serialize;
use std::io::{self, Write};

/// The `anomaly` line. Numbers that are not finite are null.
#[derive(Serialize)]
struct AnomalyLine<'a> {
    r#type: &'static str,
    id: AnomalyId,
    rule: &'a str,
    kind: Kind,
    severity: Severity,
    entity: &'a Entity,
    metric: Metric,
    direction: Direction,
    observed: f64,
    expected: f64,
    lower: f64,
    upper: f64,
    unit: &'a str,
    score: f64,
    started_at: Timestamp,
    detected_at: Timestamp,
    ended_at: Option<Timestamp>,
    incident: IncidentId,
    contributors: &'a Contributors,
    data_quality: &'a DataQuality,
    text: &'a str,
    reproduce: &'a str,
    headline: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    shadow: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    escalated_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    technique: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    next: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    false_causes: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    profiles: Vec<ProfileView<'a>>,
    interval_seconds: f64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    history: Vec<PointView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'a str>,
}

#[derive(Serialize)]
struct ProfileView<'a> {
    address: Ip,
    first_seen: Timestamp,
    names: &'a [String],
    services: &'a [String],
    uses: &'a [String],
    peers: &'a [Peer],
    questions: &'a [String],
}

#[derive(Serialize)]
struct PointView {
    at: Timestamp,
    observed: f32,
    expected: f32,
    lower: f32,
    upper: f32,
}

/// The `summary` line.
#[derive(Serialize)]
struct SummaryLine<'a> {
    r#type: &'static str,
    #[serde(flatten)]
    summary: &'a Summary,
}

/// Writes one `anomaly` line.
///
/// # Errors
/// What the output reports.
pub fn anomaly(out: &mut impl Write, anomaly: &Anomaly) -> io::Result<()> {
    write_line(out, &anomaly_line(anomaly, None))
}

/// Writes one `anomaly` line that says what has happened to it: `opened`, `escalated` or `closed`.
///
/// # Errors
/// What the output reports.
pub fn event(out: &mut impl Write, anomaly: &Anomaly, event: &str) -> io::Result<()> {
    write_line(out, &anomaly_line(anomaly, Some(event)))
}

fn anomaly_line<'a>(anomaly: &'a Anomaly, event: Option<&'a str>) -> AnomalyLine<'a> {
    let a = anomaly;
    AnomalyLine {
        r#type: "anomaly",
        id: a.id,
        rule: &a.rule,
        kind: a.kind,
        severity: a.severity,
        entity: &a.entity,
        metric: a.metric,
        direction: a.direction,
        observed: a.worst.observed,
        expected: a.worst.expected,
        lower: a.worst.lower,
        upper: a.worst.upper,
        unit: &a.unit,
        score: a.worst.score,
        started_at: a.started_at,
        detected_at: a.detected_at,
        ended_at: a.ended_at,
        incident: a.incident,
        contributors: &a.contributors,
        data_quality: &a.data_quality,
        text: &a.text,
        reproduce: &a.reproduce,
        headline: a.headline,
        shadow: a.shadow,
        escalated_at: a.escalated_at,
        technique: a.technique.as_deref(),
        next: &a.next,
        false_causes: &a.false_causes,
        detail: a.detail.as_deref(),
        profiles: a.profiles.iter().map(profile).collect(),
        interval_seconds: a.interval.as_secs_f64(),
        history: a.history.iter().map(point).collect(),
        event,
    }
}

/// Writes the `summary` line.
///
/// # Errors
/// What the output reports.
pub fn summary(out: &mut impl Write, summary: &Summary) -> io::Result<()> {
    write_line(
        out,
        &SummaryLine {
            r#type: "summary",
            summary,
        },
    )
}

/// The `rule` line.
#[derive(Serialize)]
struct RuleLineOf<'a> {
    r#type: &'static str,
    #[serde(flatten)]
    line: &'a RuleLine,
}

/// Writes one `rule` line: what a rule did.
///
/// # Errors
/// What the output reports.
pub fn rule(out: &mut impl Write, line: &RuleLine) -> io::Result<()> {
    write_line(out, &RuleLineOf { r#type: "rule", line })
}

fn write_line(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

fn profile(profile: &HostProfile) -> ProfileView<'_> {
    ProfileView {
        address: profile.address,
        first_seen: profile.first_seen,
        names: &profile.names,
        services: &profile.services,
        uses: &profile.uses,
        peers: &profile.peers,
        questions: &profile.questions,
    }
}

fn point(point: &Point) -> PointView {
    PointView {
        at: point.at,
        observed: point.observed,
        expected: point.expected,
        lower: point.lower,
        upper: point.upper,
    }
}

/// Adds one flow line to `out`, hand-written: no field needs escaping, and a general serialiser costs several times
/// as much.
///
/// What an exporter would say is null for metered packets; `reverse_*`, countries, `vlan` and whatever comes after it are
/// left out where unknown.
pub fn flow(out: &mut Vec<u8>, flow: &FlowRecord) {
    out.extend_from_slice(b"{\"start\":\"");
    time(out, flow.start);
    out.extend_from_slice(b"\",\"end\":\"");
    time(out, flow.end);
    out.extend_from_slice(b"\",\"src_ip\":\"");
    flow.key.src.write(out);
    out.extend_from_slice(b"\",\"dst_ip\":\"");
    flow.key.dst.write(out);
    out.push(b'"');
    member(out, b",\"src_port\":", u64::from(flow.key.src_port));
    member(out, b",\"dst_port\":", u64::from(flow.key.dst_port));
    member(out, b",\"protocol\":", u64::from(flow.key.protocol));
    member(out, b",\"packets\":", flow.packets);
    member(out, b",\"bytes\":", flow.bytes);
    member(out, b",\"tcp_flags\":", u64::from(flow.tcp_flags.0));
    member(out, b",\"src_as\":", u64::from(flow.src_origin.asn));
    member(out, b",\"dst_as\":", u64::from(flow.dst_origin.asn));
    member(out, b",\"sampling_rate\":", u64::from(flow.sampling_rate));
    exporter(out, flow.export.as_ref());
    word(out, b",\"end_reason\":\"", flow.end_reason.name().as_bytes());
    word(out, b",\"handshake\":\"", flow.handshake.name().as_bytes());
    let initiator: &[u8] = if flow.initiator {
        b",\"initiator\":true"
    } else {
        b",\"initiator\":false"
    };
    out.extend_from_slice(initiator);
    gains(out, flow);
    if let Some(exported) = &flow.export {
        said(out, exported);
    }
    out.extend_from_slice(b"}\n");
}

/// Who exported it, and where it was seen.
fn exporter(out: &mut Vec<u8>, exported: Option<&Exported>) {
    let Some(exported) = exported else {
        out.extend_from_slice(
            b",\"exporter\":null,\"observation_domain\":null,\"in_if\":null,\"out_if\":null",
        );
        return;
    };
    ip(out, b",\"exporter\":\"", Some(exported.exporter));
    member(out, b",\"observation_domain\":", u64::from(exported.domain));
    member(out, b",\"in_if\":", u64::from(exported.in_if));
    member(out, b",\"out_if\":", u64::from(exported.out_if));
}

/// What else the exporter says of it, as far as it does.
fn said(out: &mut Vec<u8>, exported: &Exported) {
    let e = exported;
    ip(out, b",\"agent\":\"", e.agent);
    ip(out, b",\"next_hop\":\"", e.next_hop);
    ip(out, b",\"nat_src_ip\":\"", e.nat_src);
    ip(out, b",\"nat_dst_ip\":\"", e.nat_dst);
    let numbers: [(&[u8], u32); 7] = [
        (b",\"nat_src_port\":", u32::from(e.nat_src_port)),
        (b",\"nat_dst_port\":", u32::from(e.nat_dst_port)),
        (b",\"mpls_label\":", e.mpls_label),
        (b",\"tos\":", u32::from(e.tos)),
        (b",\"src_mask\":", u32::from(e.src_mask)),
        (b",\"dst_mask\":", u32::from(e.dst_mask)),
        (b",\"event\":", u32::from(e.event)),
    ];
    for (name, value) in numbers.into_iter().filter(|(_, value)| *value != 0) {
        member(out, name, u64::from(value));
    }
    if let Some(direction) = e.direction {
        member(out, b",\"flow_direction\":", u64::from(direction));
    }
    if e.scaled {
        out.extend_from_slice(b",\"scaled\":true");
    }
}

/// A name with what comes before it and the opening quote, and an address where there is one.
fn ip(out: &mut Vec<u8>, name: &[u8], value: Option<Ip>) {
    if let Some(value) = value {
        out.extend_from_slice(name);
        value.write(out);
        out.push(b'"');
    }
}

/// What is only there where it is known.
fn gains(out: &mut Vec<u8>, flow: &FlowRecord) {
    if let Some(reverse) = flow.reverse {
        member(out, b",\"reverse_packets\":", reverse.packets);
        member(out, b",\"reverse_bytes\":", reverse.bytes);
        member(out, b",\"reverse_tcp_flags\":", u64::from(reverse.tcp_flags.0));
    }
    let countries: [(&[u8], _); 2] = [
        (b",\"src_country\":\"", flow.src_origin.country),
        (b",\"dst_country\":\"", flow.dst_origin.country),
    ];
    for (name, country) in countries {
        // Databases are input too: whatever is no letter could break the line.
        if country.is_known() && country.0.iter().all(u8::is_ascii_alphabetic) {
            word(out, name, &country.0);
        }
    }
    if flow.vlan != 0 {
        member(out, b",\"vlan\":", u64::from(flow.vlan));
    }
}

/// A name with what comes before it, and a number.
fn member(out: &mut Vec<u8>, name: &[u8], value: u64) {
    out.extend_from_slice(name);
    number(out, value);
}

/// A name with what comes before it and the opening quote, and a word.
fn word(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(value);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use serde_json::Value as Json;

    fn line(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_anomaly_is_one_line_with_the_fields_of_the_contract_in_their_order() {
        let mut dip = fixture::anomalies().remove(4);
        dip.history.truncate(1);
        let written = line(|out| anomaly(out, &dip).unwrap());
        let point = &dip.history[0];
        let want = format!(
            concat!(
                r#"{{"type":"anomaly","id":"0000000000003c02","rule":"dip-bytes","kind":"dip","severity":"low","#,
                r#""entity":{{"dst_ip":"10.0.2.20","dst_port":20012}},"metric":"bytes","direction":"below","#,
                r#""observed":412000.0,"expected":3430000.0,"lower":2400000.0,"upper":4600000.0,"#,
                r#""unit":"bytes per 60 s","score":22.1,"started_at":"2026-03-10T14:50:00Z","#,
                r#""detected_at":"2026-03-10T14:50:40Z","ended_at":"2026-03-10T15:03:00Z","#,
                r#""incident":"0000000000003c01","contributors":{{"src_ip":[{{"value":"10.0.6.1","observed":0.0,"#,
                r#""expected":2800000.0,"share":0.93}}]}},"data_quality":{{"grade":"good"}},"#,
                r#""text":"10.0.2.20 receives 412 kB a minute on port 20012, 88 % less than usual.","#,
                r#""reproduce":"tidemark flows office.pcap -f 'host 10.0.2.10'","headline":false,"#,
                r#""interval_seconds":60.0,"history":[{{"at":"2026-03-10T13:00:00Z","observed":{},"expected":{},"#,
                r#""lower":{},"upper":{}}}]}}"#,
                "\n"
            ),
            serde_json::to_string(&point.observed).unwrap(),
            serde_json::to_string(&point.expected).unwrap(),
            serde_json::to_string(&point.lower).unwrap(),
            serde_json::to_string(&point.upper).unwrap(),
        );
        assert_eq!(written, want);
    }

    #[test]
    fn every_line_is_json_whatever_its_numbers_and_names() {
        for mut hostile in fixture::anomalies() {
            hostile.worst.lower = f64::NEG_INFINITY;
            hostile.worst.score = f64::NAN;
            hostile.text = "\"\n\u{1b}</script>".into();
            let written = line(|out| anomaly(out, &hostile).unwrap());
            assert_eq!(written.matches('\n').count(), 1);
            let read: Json = serde_json::from_str(&written).unwrap();
            assert_eq!((&read["lower"], &read["score"]), (&Json::Null, &Json::Null));
            assert_eq!(read["text"], hostile.text);
        }
    }

    #[test]
    fn the_summary_says_its_type_first_and_leaves_wall_clock_out_when_asked() {
        let mut without = fixture::summary();
        without.elapsed_seconds = None;
        without.packets_per_second = None;
        let written = line(|out| summary(out, &without).unwrap());
        assert!(written.starts_with(r#"{"type":"summary","version":"0.1.0","files":["office.pcap""#));
        assert!(written.contains(r#""first":"2026-03-10T13:00:00Z","last":"2026-03-10T16:20:00Z""#));
        assert!(
            written.ends_with("\"configuration\":\"6f1c20b4a9d3e871\"}\n"),
            "{written}"
        );
        let with = line(|out| summary(out, &fixture::summary()).unwrap());
        assert!(with.ends_with("\"elapsed_seconds\":3.2,\"packets_per_second\":3875099.0}\n"));
    }

    #[test]
    fn a_flow_is_one_line_with_the_fields_of_the_contract_in_their_order() {
        let flows = fixture::flows();
        let metered = line(|out| flow(out, &flows[0]));
        assert_eq!(
            metered,
            concat!(
                r#"{"start":"2026-03-10T13:00:00.123Z","end":"2026-03-10T13:00:00.655004Z","src_ip":"10.0.4.21","#,
                r#""dst_ip":"203.0.113.80","src_port":51234,"dst_port":443,"protocol":6,"packets":12,"bytes":3411,"#,
                r#""tcp_flags":27,"src_as":0,"dst_as":64501,"sampling_rate":1,"exporter":null,"#,
                r#""observation_domain":null,"in_if":null,"out_if":null,"end_reason":"end_of_flow","#,
                r#""handshake":"answered","initiator":true,"reverse_packets":10,"reverse_bytes":14202,"#,
                r#""reverse_tcp_flags":27,"dst_country":"DE","vlan":12}"#,
                "\n"
            )
        );
        let mut exported = flows[1].clone();
        exported.export = Some(Exported {
            in_if: 3,
            out_if: u32::MAX,
            next_hop: "2001:db8::1".parse().ok(),
            nat_src_port: 1024,
            direction: Some(0),
            scaled: true,
            ..Exported::by("192.0.2.1".parse().unwrap())
        });
        let exported = line(|out| flow(out, &exported));
        let said = r#","next_hop":"2001:db8::1","nat_src_port":1024,"flow_direction":0,"scaled":true}"#;
        assert!(exported.trim_end().ends_with(said), "{exported}");
        let exported: Json = serde_json::from_str(&exported).unwrap();
        assert_eq!(exported["exporter"], "192.0.2.1");
        assert_eq!(exported["observation_domain"], 0);
        assert_eq!(exported["out_if"], u32::MAX);
        assert_eq!(exported["start"], "2026-03-10T13:00:00.000000001Z");
    }

    #[test]
    fn a_country_that_is_no_letters_cannot_break_the_line() {
        let mut hostile = fixture::flows().remove(0);
        hostile.dst_origin.country = crate::model::Country(*b"\"}");
        let read: Json = serde_json::from_str(&line(|out| flow(out, &hostile))).unwrap();
        assert!(read.get("dst_country").is_none());
    }
}
