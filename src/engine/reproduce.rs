//! How to see the traffic of an entity again: its filter, in the language of `-f`.

use crate::model::{Dimension, Entity};

/// A filter for the traffic of an entity, in the language of `-f`.
pub fn filter_text(entity: &Entity) -> String {
    let terms: Vec<String> = entity
        .0
        .iter()
        .map(|(dimension, value)| match dimension {
            Dimension::SrcIp => format!("src host {value}"),
            Dimension::DstIp => format!("dst host {value}"),
            Dimension::Host => format!("host {value}"),
            Dimension::SrcNet24 | Dimension::SrcNet16 => format!("src net {value}"),
            Dimension::DstNet24 | Dimension::DstNet16 => format!("dst net {value}"),
            Dimension::SrcAs => format!("src as {value}"),
            Dimension::DstAs => format!("dst as {value}"),
            Dimension::SrcCountry => format!("src country {value}"),
            Dimension::DstCountry => format!("dst country {value}"),
            Dimension::DstPort => format!("dst port {value}"),
            Dimension::SrcPort => format!("src port {value}"),
            Dimension::Protocol => format!("proto {value}"),
            Dimension::Exporter => "any".to_owned(),
        })
        .collect();
    if terms.is_empty() {
        "any".to_owned()
    } else {
        terms.join(" and ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Ip, Value};

    #[test]
    fn every_entity_has_a_filter_that_parses() {
        for dimension in Dimension::ALL {
            let value = match dimension {
                Dimension::SrcIp | Dimension::DstIp | Dimension::Host => Value::Ip(Ip::v4(1)),
                net if net.finer().is_some() => Value::Net(net.network(Ip::v4(1)).unwrap()),
                Dimension::SrcCountry | Dimension::DstCountry => {
                    Value::Country(crate::model::Country(*b"FI"))
                }
                _ => Value::Number(80),
            };
            let text = filter_text(&Entity(vec![(dimension, value)]));
            assert!(crate::filter::Filter::parse(&text).is_ok(), "{text}");
        }
        assert!(crate::filter::Filter::parse(&filter_text(&Entity(vec![]))).is_ok());
    }
}
