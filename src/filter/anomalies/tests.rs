//! Anomalies and filters about them, in text.

use super::terms::like;
use super::*;
use crate::model::{
    AnomalyId, Dimension, Direction, Entity, IncidentId, Kind, Metric, Severity, Timestamp, Value, Verdict,
};

fn facts() -> Facts {
    Facts {
        id: AnomalyId(1),
        incident: IncidentId(1),
        rule: "host-bytes-in".to_owned(),
        kind: Kind::LoadSpike,
        severity: Severity::High,
        entity: Entity(vec![(Dimension::DstIp, Value::Ip("10.1.2.3".parse().unwrap()))]),
        metric: Metric::Bytes,
        direction: Direction::Above,
        score: 41.5,
        started_at: Timestamp::from_secs(60),
        detected_at: Timestamp::from_secs(90),
        ended_at: None,
        shadow: false,
        text: "Load spike on 10.1.2.3, mostly from the Mining Pool".to_owned(),
        addresses: vec!["10.1.2.3".parse().unwrap(), "198.51.100.7".parse().unwrap()],
        networks: vec!["203.0.113.0/24".parse().unwrap()],
        systems: vec![64500],
        ports: vec![443],
        names: vec!["Pool.example.org".to_owned()],
        acknowledged: None,
        assignee: Some("kim".to_owned()),
        verdict: Some(Verdict::NewNormal),
        silenced: false,
    }
}

#[test]
fn every_condition_is_true_of_what_it_says_and_false_of_the_rest() {
    let facts = facts();
    for (text, expected) in [
        ("", true),
        ("any", true),
        ("severity high", true),
        ("severity >= high", true),
        ("severity > high", false),
        ("severity < critical", true),
        ("rule host-bytes-in", true),
        ("rule host-*", true),
        ("rule in [scan stranger]", false),
        ("kind load-spike", true),
        ("kind scan-*", false),
        ("kind in [dip, load-spike]", true),
        ("metric bytes and direction above", true),
        ("host 10.1.2.3", true),
        ("net 10.0.0.0/8", true),
        ("net 10.2.0.0/16", false),
        ("host 203.0.113.9", true),
        ("net 203.0.0.0/16", true),
        ("as 64500", true),
        ("as in [64501 64502]", false),
        ("port 443", true),
        ("port https", true),
        ("port 80", false),
        ("name *.example.org", true),
        ("name *.example.com", false),
        ("text \"mining pool\"", true),
        ("text mining", true),
        ("score > 40", true),
        ("score > 42", false),
        ("open", true),
        ("closed", false),
        ("acknowledged or silenced or shadow", false),
        ("assignee kim", true),
        ("assignee none", false),
        ("verdict new-normal", true),
        ("verdict none", false),
        ("id 0000000000000001 and incident 0000000000000001", true),
        ("exporter 10.0.0.1", false),
        ("not (kind dip or severity low)", true),
        ("severity low or kind load-spike and not host 10.1.2.3", false),
    ] {
        let filter = AnomalyFilter::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(filter.matches(&facts), expected, "{text}");
    }
}

#[test]
fn what_cannot_be_read_is_named_with_its_place() {
    let said = |text: &str| AnomalyFilter::parse(text).unwrap_err().to_string();
    for (text, words) in [
        ("severity >= purple", "`purple` is not a severity"),
        ("kind load-spke", "did you mean `load-spike`"),
        ("sevrity high", "did you mean `severity`"),
        ("host nobody", "`nobody` is not an address or prefix"),
        ("rule in [scan", "this `[` is never closed"),
        ("(open", "this `(` is never closed"),
        ("open)", "this `)` closes nothing"),
        ("text \"half", "is never closed"),
        ("open closed", "unexpected `closed`"),
        ("as", "the filter ends here"),
        ("rule §", "`§` is no part of the language"),
    ] {
        assert!(said(text).contains(words), "{text}: {}", said(text));
    }
    let deep = "(".repeat(100) + "open";
    assert!(said(&deep).contains("nested deeper"));
}

#[test]
fn a_star_stands_for_any_characters() {
    for (pattern, text, expected) in [
        ("a*c", "abc", true),
        ("a*c", "ac", true),
        ("a*c", "acb", false),
        ("*", "", true),
        ("", "", true),
        ("", "a", false),
        ("*.org", "example.org", true),
        ("a*b*c", "axxbxxc", true),
        ("a*a", "a", false),
        ("*b*", "abc", true),
    ] {
        assert_eq!(like(pattern, text), expected, "{pattern} {text}");
    }
}
