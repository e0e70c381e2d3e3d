//! The sentences people read: what, where, how much against how much, because of whom.

use crate::model::{Anomaly, Contributor, Dimension, Direction, Entity, Ip, Kind, Metric, Value, units};
use std::fmt::Write;
use std::time::Duration;

/// The unit of a metric's values: `bytes per 60 s`.
pub fn unit(metric: Metric, interval: Duration) -> String {
    format!("{} per {} s", noun(metric), interval.as_secs())
}

/// One or two sentences: the deviation, then what stands out among its contributors.
///
/// `name` knows the names of addresses. Needs everything but `text` filled in.
pub fn sentence(anomaly: &Anomaly, name: &dyn Fn(Ip) -> Option<String>) -> String {
    let mut text = match (anomaly.kind, anomaly.direction) {
        (Kind::Stranger, _) => stranger(anomaly, name),
        (Kind::Beacon | Kind::DnsTunnel | Kind::Mining | Kind::NewService, _) if anomaly.detail.is_some() => {
            return pattern(anomaly, name);
        }
        (Kind::RateLimit, _) => limit(anomaly, name),
        (Kind::ScanHorizontal | Kind::ScanVertical | Kind::ScanBlock | Kind::ScanSlow, _) => {
            scan(anomaly, name)
        }
        _ => deviation(anomaly, name),
    };
    if let Some(detail) = &anomaly.detail {
        let _ = write!(text, " {detail}.");
    }
    if let Some(because) = because(anomaly, name) {
        let _ = write!(text, " {because}");
    }
    text
}

fn deviation(a: &Anomaly, name: &dyn Fn(Ip) -> Option<String>) -> String {
    let (observed, expected) = (a.worst.observed, a.worst.expected);
    let times = if expected >= 1e-9 && a.direction == Direction::Above && observed / expected < 1e4 {
        format!(
            ", {} times the usual {}",
            units::count(observed / expected),
            quantity(a.metric, expected)
        )
    } else if a.direction == Direction::Above {
        ", where there is usually none".to_owned()
    } else {
        format!(", where {} are usual", quantity(a.metric, expected))
    };
    format!(
        "{} {} {} in {}{} (band {} to {}).",
        subject(&a.entity, name),
        verb(&a.entity, a.metric),
        quantity(a.metric, observed),
        units::duration(a.interval),
        times,
        bare(a.metric, a.worst.lower),
        bare(a.metric, a.worst.upper),
    )
}

/// What a pattern over single events is, and what was seen of it.
fn pattern(a: &Anomaly, name: &dyn Fn(Ip) -> Option<String>) -> String {
    let value = |dimension| a.entity.get(dimension).map(|value| value_text(value, name));
    let of = |dimension| value(dimension).unwrap_or_default();
    let (from, to) = (of(Dimension::SrcIp), of(Dimension::DstIp));
    let port = value(Dimension::DstPort).map_or(String::new(), |port| format!(" on port {port}"));
    let what = match a.kind {
        Kind::Beacon => format!("{from} contacts {to}{port} at a steady pace"),
        Kind::DnsTunnel => format!("{from} asks the DNS for names that look like data"),
        Kind::Mining => format!("{from} keeps a connection to {to}{port} as miners do with their pool"),
        _ => format!(
            "{to} answers{port}, {} in {}",
            quantity(a.metric, a.worst.observed),
            units::duration(a.interval)
        ),
    };
    format!("{what}: {}.", a.detail.as_deref().unwrap_or_default())
}

fn stranger(a: &Anomaly, name: &dyn Fn(Ip) -> Option<String>) -> String {
    format!(
        "{} was never seen before and took part in traffic with {} others.",
        subject(&a.entity, name),
        units::count(a.worst.observed)
    )
}

fn limit(a: &Anomaly, name: &dyn Fn(Ip) -> Option<String>) -> String {
    let share = if a.worst.expected > 0.0 {
        a.worst.observed / a.worst.expected
    } else {
        0.0
    };
    let word = if share >= 1.0 {
        "its limit is exceeded"
    } else {
        "it nears its limit"
    };
    let warned = match a.escalated_at {
        Some(reached) => format!(" Warned of at {}, reached by {reached}.", a.detected_at),
        None => String::new(),
    };
    format!(
        "{} {} {} in {}: {:.0} % of the limit of {}; {word}.{warned}",
        subject(&a.entity, name),
        verb(&a.entity, a.metric),
        quantity(a.metric, a.worst.observed),
        units::duration(a.interval),
        100.0 * share,
        units::count(a.worst.expected),
    )
}

fn scan(a: &Anomaly, name: &dyn Fn(Ip) -> Option<String>) -> String {
    let how = match a.kind {
        Kind::ScanHorizontal => "the same port on many hosts",
        Kind::ScanVertical => "many ports of few hosts",
        Kind::ScanSlow => "addresses or ports one by one",
        _ => "many ports on many hosts",
    };
    if a.kind == Kind::ScanSlow {
        return format!(
            "{} tried {how}: {} contacts failed since {}.",
            subject(&a.entity, name),
            units::count(a.worst.observed),
            a.started_at,
        );
    }
    format!(
        "{} tried {how}: {} contacts failed in {}.",
        subject(&a.entity, name),
        units::count(a.worst.observed),
        units::duration(a.interval)
    )
}

/// Who an entity is, in words.
pub fn subject(entity: &Entity, name: &dyn Fn(Ip) -> Option<String>) -> String {
    let words = entity.0.iter().map(|&(dimension, value)| {
        let value = value_text(value, name);
        match dimension {
            Dimension::SrcIp | Dimension::DstIp | Dimension::Host => value,
            Dimension::SrcNet24 | Dimension::SrcNet16 | Dimension::DstNet24 | Dimension::DstNet16 => value,
            Dimension::SrcAs | Dimension::DstAs => format!("AS{value}"),
            Dimension::SrcCountry | Dimension::DstCountry => format!("country {value}"),
            Dimension::DstPort | Dimension::SrcPort => format!("port {value}"),
            Dimension::Protocol => format!("protocol {value}"),
            Dimension::Exporter => format!("exporter {value}"),
        }
    });
    let words: Vec<String> = words.collect();
    let both = entity.get(Dimension::SrcIp).is_some() && entity.get(Dimension::DstIp).is_some();
    match words.as_slice() {
        [] => "The network".to_owned(),
        words if both => words.join(" towards "),
        words => words.join(" "),
    }
}

fn value_text(value: Value, name: &dyn Fn(Ip) -> Option<String>) -> String {
    match value {
        Value::Ip(ip) => match name(ip) {
            Some(name) => format!("{ip} ({name})"),
            None => ip.to_string(),
        },
        other => other.to_string(),
    }
}

fn verb(entity: &Entity, metric: Metric) -> &'static str {
    let from = entity
        .get(Dimension::SrcIp)
        .or(entity.get(Dimension::SrcNet24))
        .or(entity.get(Dimension::SrcNet16))
        .or(entity.get(Dimension::SrcAs))
        .or(entity.get(Dimension::SrcCountry));
    let to = entity
        .get(Dimension::DstIp)
        .or(entity.get(Dimension::DstNet24))
        .or(entity.get(Dimension::DstNet16))
        .or(entity.get(Dimension::DstAs))
        .or(entity.get(Dimension::DstCountry));
    match (metric, from.is_some(), to.is_some()) {
        (Metric::Sources, ..) => "was reached by",
        (Metric::Destinations | Metric::Ports, ..) => "reached",
        (_, true, _) => "sent",
        (_, false, true) => "received",
        _ => "carried",
    }
}

fn noun(metric: Metric) -> &'static str {
    match metric {
        Metric::Bytes => "bytes",
        Metric::Packets => "packets",
        Metric::Flows => "flows",
        Metric::Sources => "sources",
        Metric::Destinations => "destinations",
        Metric::Ports => "ports",
        Metric::SynOnly => "unanswered SYNs",
        Metric::Failed => "failed contacts",
        Metric::Unsolicited => "unsolicited answers",
    }
}

fn quantity(metric: Metric, value: f64) -> String {
    match metric {
        Metric::Bytes => units::bytes(value),
        _ => match units::count(value) {
            one if one == "1" => format!("1 {}", noun(metric).trim_end_matches('s')),
            many => format!("{many} {}", noun(metric)),
        },
    }
}

/// A quantity whose noun goes without saying.
fn bare(metric: Metric, value: f64) -> String {
    match metric {
        Metric::Bytes => units::bytes(value),
        _ => units::count(value),
    }
}

/// Where a crowd comes from, the most telling first.
const SOURCES: [Dimension; 4] = [
    Dimension::SrcNet24,
    Dimension::SrcNet16,
    Dimension::SrcAs,
    Dimension::SrcCountry,
];

/// Where it goes, the most telling first.
const DESTINATIONS: [Dimension; 4] = [
    Dimension::DstIp,
    Dimension::DstNet24,
    Dimension::DstNet16,
    Dimension::DstAs,
];

/// The second sentence: the leading contributor of each telling dimension, if it leads.
fn because(a: &Anomaly, name: &dyn Fn(Ip) -> Option<String>) -> Option<String> {
    let mut parts = Vec::new();
    let few_sources = leading(a, &[Dimension::SrcIp], name);
    parts.extend(
        few_sources
            .or_else(|| leading(a, &SOURCES, name))
            .map(|s| format!("from {s}")),
    );
    parts.extend(leading(a, &DESTINATIONS, name).map(|s| format!("to {s}")));
    parts.extend(leading(a, &[Dimension::DstPort, Dimension::SrcPort], name).map(|s| format!("on {s}")));
    if parts.is_empty() {
        return None;
    }
    let what = match a.direction {
        Direction::Above => "The surplus is",
        Direction::Below => "What is missing was",
        Direction::New => "It is",
    };
    Some(format!("{what} {}.", parts.join(", ")))
}

/// The values that lead one of `dimensions`, most telling dimension first: up to three that bring half together.
fn leading(a: &Anomaly, dimensions: &[Dimension], name: &dyn Fn(Ip) -> Option<String>) -> Option<String> {
    dimensions.iter().find_map(|dimension| {
        let list = a.contributors.get(dimension)?;
        let lead: Vec<&Contributor> = list.iter().take(3).take_while(|c| c.share >= 0.2).collect();
        let sum: f64 = lead.iter().map(|c| c.share).sum();
        if lead.is_empty() || sum < 0.5 {
            return None;
        }
        let words = lead.iter().map(|c| {
            let entity = Entity(vec![(*dimension, c.value)]);
            let label = match &c.name {
                Some(label) if !matches!(c.value, Value::Ip(_)) => format!(" ({label})"),
                _ => String::new(),
            };
            format!(
                "{}{label} {:.0} %",
                subject(&entity, name),
                100.0 * c.share.min(1.0)
            )
        });
        Some(words.collect::<Vec<_>>().join(" and "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anomaly::test_data::{anomaly, contributor};
    use crate::model::{Contributors, Deviation};

    fn say(a: &Anomaly) -> String {
        sentence(a, &|ip| {
            (ip.to_string() == "10.0.0.1").then(|| "web.example".to_owned())
        })
    }

    #[test]
    fn a_spike_says_where_how_much_and_from_whom() {
        let mut a = anomaly(1, "10.0.0.1", 600);
        let asn = Contributor {
            value: Value::Number(64500),
            name: Some("Example Transit".into()),
            ..contributor("::", 0.71)
        };
        a.contributors = Contributors::from([
            (Dimension::SrcAs, vec![asn]),
            (
                Dimension::DstPort,
                vec![Contributor {
                    value: Value::Number(443),
                    ..contributor("::", 0.99)
                }],
            ),
        ]);
        assert_eq!(
            say(&a),
            "10.0.0.1 (web.example) received 9.30 MB in 1 min, 9.3 times the usual 1.00 MB (band 700 kB to 1.40 MB). \
             The surplus is from AS64500 (Example Transit) 71 %, on port 443 99 %."
        );
    }

    #[test]
    fn a_limit_says_how_near() {
        let worst = Deviation {
            observed: 450.0,
            expected: 600.0,
            ..Deviation::default()
        };
        let a = Anomaly {
            kind: Kind::RateLimit,
            metric: Metric::Flows,
            worst,
            ..anomaly(1, "203.0.113.10", 0)
        };
        assert_eq!(
            say(&a),
            "203.0.113.10 received 450 flows in 1 min: 75 % of the limit of 600; it nears its limit."
        );
    }

    #[test]
    fn a_dip_says_what_is_usual() {
        let worst = Deviation {
            observed: 2.0,
            expected: 60.0,
            lower: 40.0,
            upper: 80.0,
            score: 30.0,
        };
        let a = Anomaly {
            metric: Metric::Flows,
            direction: Direction::Below,
            worst,
            ..anomaly(1, "10.0.0.2", 0)
        };
        assert_eq!(
            say(&a),
            "10.0.0.2 received 2 flows in 1 min, where 60 flows are usual (band 40 to 80)."
        );
    }

    #[test]
    fn units_name_the_interval() {
        assert_eq!(unit(Metric::Bytes, Duration::from_secs(60)), "bytes per 60 s");
    }
}
