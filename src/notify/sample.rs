//! A message of which everything is known, made up: templates are tried out on it.

use super::brief::Brief;
use super::message::{Message, Sender};
use crate::dispatch::{Counts, Decision, Phase};
use crate::model::{Severity, Timestamp};
use std::collections::BTreeMap;

const ANOMALY: &str = r#"{"type":"anomaly","id":"00c0ffee00c0ffee","rule":"scan","kind":"scan-horizontal","severity":"critical",
"entity":{"src_ip":"192.0.2.7","dst_port":445},"metric":"flows","direction":"above","observed":340.0,"expected":4.2,"lower":0.0,
"upper":17.0,"unit":"flows per 60 s","score":49.0,"started_at":"2026-03-02T08:30:00Z","detected_at":"2026-03-02T08:30:20Z",
"ended_at":null,"incident":"00c0ffee00c0ffee","contributors":{"dst_ip":[{"value":"198.51.100.1","name":"www.example.org",
"observed":340.0,"expected":4.0,"share":0.98}],"protocol":[{"value":6,"observed":340.0,"expected":4.2,"share":1.0}]},
"data_quality":{"grade":"good"},"text":"192.0.2.7 tried port 445 on 340 hosts in 1 min, 81 times the usual 4.2.",
"reproduce":"tidemark flows FILE -f 'src host 192.0.2.7 and dst port 445'","headline":true,"technique":"T1046",
"next":["Is 192.0.2.7 a scanner of ours?"],"false_causes":["A vulnerability scanner."],"interval_seconds":60.0}"#;

/// An anomaly that opened, told by `sender`.
pub fn sample(sender: &Sender) -> Message {
    let brief = Brief::read(ANOMALY).ok();
    let at = brief.as_ref().map_or(Timestamp::MIN, |brief| brief.detected_at);
    let mut decision = Decision::new(
        "route",
        "anomaly-00c0ffee00c0ffee",
        Phase::Opened,
        Severity::Critical,
        at,
    );
    decision.number = 1;
    decision.anomalies = brief.iter().map(|brief| brief.id).collect();
    decision.since = Some(at);
    decision.by = Some("kim".to_owned());
    decision.note = Some("looking".to_owned());
    decision.counts = Counts {
        anomalies: 1,
        by_severity: [0, 0, 1],
        by_rule: BTreeMap::from([("scan".to_owned(), 1)]),
    };
    let sender = Sender {
        url: sender
            .url
            .clone()
            .or_else(|| Some("https://tidemark.example.org".to_owned())),
        ..sender.clone()
    };
    Message::of(decision, &sender, |_| brief.clone())
}
