//! Attacks that are spread over a network are anomalies of the network; those on one host are anomalies of the host.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Case, told_of};
use tidemark::drill::Scenario;
use tidemark::model::{Anomaly, Dimension, Kind};

/// The anomalies about networks.
fn of_networks(case: &Case) -> Vec<&Anomaly> {
    let about = |a: &&Anomaly| a.entity.networks().next().is_some();
    case.anomalies.iter().filter(about).collect()
}

#[test]
fn a_flood_over_every_address_of_a_network_is_one_anomaly_of_the_network() {
    let case = Case::of(Scenario::Carpet);
    let found = of_networks(&case);
    assert_eq!(found.len(), 1, "{}", case.told());
    let text = found[0].entity.get(Dimension::DstNet24).unwrap().to_string();
    assert_eq!((text.as_str(), found[0].kind), ("10.20.50.0/24", Kind::UdpFlood));
    assert!(found[0].headline);
    let (start, end) = (case.truth.start.unwrap(), case.truth.end.unwrap());
    let during = |a: &&Anomaly| a.started_at <= end && a.detected_at > start;
    let others: Vec<_> = case.anomalies.iter().filter(during).collect();
    let elsewhere = others.iter().filter(|a| a.incident != found[0].incident);
    let elsewhere: Vec<String> = elsewhere.map(|a| told_of(a)).collect();
    assert!(elsewhere.is_empty(), "{}", case.told());
}

#[test]
fn what_happens_to_single_hosts_is_not_told_of_their_networks_again() {
    let others = Scenario::ALL
        .iter()
        .filter(|s| !matches!(s, Scenario::Carpet | Scenario::Quiet));
    for &scenario in others {
        let case = Case::of(scenario);
        let found: Vec<String> = of_networks(&case).into_iter().map(told_of).collect();
        assert!(found.is_empty(), "{scenario}: {}", found.concat());
    }
}
