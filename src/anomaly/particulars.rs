//! What only one kind of anomaly has to say: which services reflect, how much more they answer than they are asked, and
//! what to do about it.

use super::naming::Shape;
use crate::model::{Anomaly, Contributors, Dimension, Kind, Rule, Value, units};

/// Services that are abused as reflectors, by port.
const SERVICES: [(u32, &str); 15] = [
    (17, "QOTD"),
    (19, "chargen"),
    (53, "DNS"),
    (69, "TFTP"),
    (111, "portmap"),
    (123, "NTP"),
    (137, "NetBIOS"),
    (161, "SNMP"),
    (389, "CLDAP"),
    (520, "RIP"),
    (1900, "SSDP"),
    (3283, "Apple Remote Desktop"),
    (3702, "WS-Discovery"),
    (5353, "mDNS"),
    (11211, "memcached"),
];

/// The services whose answers a reflection is made of, with their shares; at most four.
pub fn reflectors(contributors: &Contributors) -> Option<String> {
    let ports = contributors.get(&Dimension::SrcPort)?;
    let told = ports.iter().filter(|c| c.share >= 0.05).filter_map(|c| {
        let Value::Number(port) = c.value else { return None };
        let name = SERVICES.iter().find(|(known, _)| *known == port);
        let name = name.map_or_else(|| format!("port {port}"), |(_, name)| (*name).to_owned());
        Some(format!("{name} {:.0} %", 100.0 * c.share.min(1.0)))
    });
    let told: Vec<String> = told.take(4).collect();
    (!told.is_empty()).then(|| format!("They are answers of {}", told.join(", ")))
}

/// How many times the questions the answers are; none where no question was seen.
pub fn amplified(now: &Shape) -> Option<String> {
    if now.asked_bytes == 0 || now.answered_bytes == 0 {
        return None;
    }
    let times = now.answered_bytes as f64 / now.asked_bytes as f64;
    Some(format!(
        "Its answers are {} times as large as the questions",
        units::count(times)
    ))
}

/// Gives an anomaly its technique, what to check and harmless causes: those of its rule, unless it has the kind of another.
pub fn advise(anomaly: &mut Anomaly, rule: &Rule, rules: &[Rule]) {
    // The rules of these kinds are so many that none speaks for the kind.
    let general = matches!(anomaly.kind, Kind::LoadSpike | Kind::Dip | Kind::Flood);
    let other = rules.iter().find(|other| other.kind == anomaly.kind && !general);
    let rule = other.filter(|_| anomaly.kind != rule.kind).unwrap_or(rule);
    anomaly.technique.clone_from(&rule.technique);
    anomaly.next.clone_from(&rule.next);
    anomaly.false_causes.clone_from(&rule.false_causes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anomaly::test_data::contributor;
    use crate::model::Contributor;

    #[test]
    fn a_reflection_names_its_services_with_their_shares() {
        let port = |port, share| Contributor {
            value: Value::Number(port),
            ..contributor("::", share)
        };
        let list = vec![port(53, 0.6), port(123, 0.3), port(4000, 0.08), port(161, 0.02)];
        let contributors = Contributors::from([(Dimension::SrcPort, list)]);
        assert_eq!(
            reflectors(&contributors).unwrap(),
            "They are answers of DNS 60 %, NTP 30 %, port 4000 8 %"
        );
        assert_eq!(reflectors(&Contributors::new()), None);
    }

    #[test]
    fn amplification_needs_the_questions() {
        let shape = |asked_bytes| Shape {
            asked_bytes,
            answered_bytes: 34_000,
            ..Shape::default()
        };
        assert_eq!(
            amplified(&shape(1000)).unwrap(),
            "Its answers are 34 times as large as the questions"
        );
        assert_eq!(amplified(&shape(0)), None);
    }
}
