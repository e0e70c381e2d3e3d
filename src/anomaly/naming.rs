//! What an anomaly is called: the rule's word, unless the shape of the traffic says something more particular.

use crate::model::{Anomaly, Conversation, Counters, Dimension, Direction, FlowKey, Kind, Metric, Role};

/// Ports of services that answer with far more than they are asked, or that are abused as reflectors.
const REFLECTORS: [u16; 16] = [
    17, 19, 53, 69, 111, 123, 137, 161, 389, 520, 1900, 3283, 3702, 5353, 11211, 27015,
];

/// Whether a service of UDP is abused for reflection.
pub fn reflects(port: u16) -> bool {
    REFLECTORS.contains(&port)
}

/// Ports on which people log in.
const LOGINS: [u16; 12] = [21, 22, 23, 110, 143, 445, 1433, 3306, 3389, 5432, 5900, 5985];

/// The traffic of one entity in one interval, by what tells kinds apart.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shape {
    /// All of it.
    pub all: Counters,
    /// TCP.
    pub tcp: Counters,
    /// UDP.
    pub udp: Counters,
    /// ICMP of both families.
    pub icmp: Counters,
    /// Packets in answers from ports known for reflection, or of SYN-ACK reflection.
    pub reflected_packets: u64,
    /// Packets of requests that nobody answered.
    pub one_way_packets: u64,
    /// Flows to ports on which people log in.
    pub login_flows: u32,
    /// Octets of questions to services known for reflection, and of their answers.
    pub asked_bytes: u64,
    /// See `asked_bytes`.
    pub answered_bytes: u64,
    /// Distinct sources, destinations and service ports.
    pub sources: u64,
    /// See `sources`.
    pub destinations: u64,
    /// See `sources`.
    pub ports: u64,
}

impl Shape {
    /// Takes in one conversation; the distinct counts are the caller's.
    pub fn add(&mut self, row: &Conversation) {
        let counters = &row.counters;
        self.all.add(counters);
        match row.key.protocol {
            FlowKey::TCP => self.tcp.add(counters),
            FlowKey::UDP => self.udp.add(counters),
            FlowKey::ICMP | FlowKey::ICMPV6 => self.icmp.add(counters),
            _ => {}
        }
        if row.key.protocol == FlowKey::UDP && reflects(row.key.port) {
            let side = match row.key.role {
                Role::Request => &mut self.asked_bytes,
                Role::Reply => &mut self.answered_bytes,
            };
            *side = side.saturating_add(counters.bytes);
        }
        let answers = row.key.role == Role::Reply && counters.unsolicited > 0;
        let known = row.key.protocol == FlowKey::TCP || reflects(row.key.port);
        if answers && known {
            self.reflected_packets = self.reflected_packets.saturating_add(counters.packets);
        }
        if row.key.role == Role::Request && counters.answered == 0 && counters.failed > 0 {
            self.one_way_packets = self.one_way_packets.saturating_add(counters.packets);
        }
        if row.key.role == Role::Request && LOGINS.contains(&row.key.port) {
            self.login_flows = self.login_flows.saturating_add(counters.flows);
        }
    }
}

/// So many ports or destinations tried without an answer are a scan, not a flood.
const SPREAD: u64 = 10;
/// So many sources can be told apart by name.
const FEW: u64 = 3;
/// So many sources at once are a crowd.
const CROWD: u64 = 30;
/// So many packets or flows a second are a mass.
const MASS: f64 = 10.0;
/// What holds at least so many sources or destinations is more than a host or service.
const PARENT: u64 = 8;
/// The share from which one source is said to have done it.
const ONE_SOURCE: f64 = 0.8;
/// The share from which one source AS is said to have brought a crowd.
const ONE_AS: f64 = 0.5;

/// The name of an anomaly, given its contributors and the traffic of its worst interval.
///
/// `usual` is the average traffic of the reference intervals; `rule` is the word of the rule.
pub fn name(rule: Kind, anomaly: &Anomaly, now: &Shape, usual: &Shape) -> Kind {
    let first = |dimension| anomaly.contributors.get(&dimension).and_then(|list| list.first());
    let few = now.sources <= FEW || first(Dimension::SrcIp).is_some_and(|c| c.share >= ONE_SOURCE);
    let mass = (MASS * anomaly.interval.as_secs_f64()) as u64;
    let named = by_shape(rule, anomaly.metric, anomaly.direction, few, mass, now, usual);
    let leading = first(Dimension::SrcAs);
    match named {
        // Many sources out of one network are that network's load, not a fan-in from everywhere.
        Kind::FanIn if leading.is_some_and(|c| c.share >= ONE_AS) => Kind::LoadSpike,
        named => named,
    }
}

/// `few`: few sources. `mass`: so many packets or flows are one.
fn by_shape(
    rule: Kind,
    metric: Metric,
    direction: Direction,
    few: bool,
    mass: u64,
    now: &Shape,
    usual: &Shape,
) -> Kind {
    match (rule, direction) {
        (Kind::RateLimit, _) => rule,
        (_, Direction::Below) if is_silent(now, usual) => Kind::Outage,
        (_, Direction::Below) => Kind::Dip,
        (
            Kind::LoadSpike
            | Kind::FanIn
            | Kind::Flood
            | Kind::SynFlood
            | Kind::UdpFlood
            | Kind::IcmpFlood
            | Kind::DistributedFlood
            | Kind::HeavyTransfer
            | Kind::Outage,
            Direction::Above,
        ) => load(rule, metric, few, mass, now, usual),
        (Kind::ScanBlock | Kind::ScanHorizontal | Kind::ScanVertical, _) => scan(now),
        _ => rule,
    }
}

/// Whether nothing is left, or, of something that holds many, next to nothing of next to none of them.
fn is_silent(now: &Shape, usual: &Shape) -> bool {
    let left = |now: u64, usual: u64| now * 5 <= usual;
    let gone = |now: u64, usual: u64| usual >= PARENT && left(now, usual);
    let many = left(now.all.packets, usual.all.packets)
        && (gone(now.destinations, usual.destinations) || gone(now.sources, usual.sources));
    usual.all.packets > 0 && (now.all.packets == 0 || many)
}

/// Whether a crowd brings a mass of flows that are smaller than the usual ones.
fn is_distributed(mass: u64, now: &Shape, usual: &Shape) -> bool {
    let each = |shape: &Shape| shape.all.bytes as f64 / f64::from(shape.all.flows.max(1));
    now.sources >= CROWD.max(3 * usual.sources)
        && u64::from(now.all.flows) >= mass.max(3 * u64::from(usual.all.flows))
        && (usual.all.flows == 0 || each(now) <= each(usual) / 2.0)
}

/// Names a rise by what it is made of; more than half of the surplus decides.
fn load(rule: Kind, metric: Metric, few: bool, mass: u64, now: &Shape, usual: &Shape) -> Kind {
    let surplus = now.all.packets.saturating_sub(usual.all.packets);
    let most = |part: u64, before: u64| part.saturating_sub(before) * 2 > surplus && surplus > 0;
    let flows = now.all.flows.saturating_sub(usual.all.flows);
    let half_open = now.tcp.syn_only.saturating_sub(usual.tcp.syn_only);
    let one_way_mass = most(now.one_way_packets, usual.one_way_packets);
    let logins = now.login_flows.saturating_sub(usual.login_flows);
    if most(now.reflected_packets, usual.reflected_packets) {
        Kind::Reflection
    } else if one_way_mass && now.ports.max(now.destinations) >= SPREAD && few {
        scan(now)
    } else if rule == Kind::Outage && (flows <= usual.all.flows || surplus < mass / 10) {
        Kind::Outage
    } else if u64::from(logins) * 30 >= mass && logins * 2 > flows && few && half_open * 2 <= flows {
        Kind::BruteForce
    } else if half_open > 0 && half_open * 2 > flows && now.destinations <= 3 {
        Kind::SynFlood
    } else if is_distributed(mass, now, usual) && !one_way_mass {
        Kind::DistributedFlood
    } else if rule == Kind::FanIn || rule == Kind::DistributedFlood && metric == Metric::Sources {
        Kind::FanIn
    } else if surplus >= mass && most(now.icmp.packets, usual.icmp.packets) {
        Kind::IcmpFlood
    } else if one_way_mass && surplus >= mass / 2 {
        one_way(now)
    } else if metric == Metric::Bytes && flows == 0
        || rule == Kind::HeavyTransfer && flows <= 1 + usual.all.flows / 2
    {
        Kind::HeavyTransfer
    } else if matches!(rule, Kind::SynFlood | Kind::Outage | Kind::HeavyTransfer) {
        Kind::LoadSpike
    } else {
        rule
    }
}

/// Names packets in a mass that nobody answers, by their protocol.
fn one_way(now: &Shape) -> Kind {
    let half = now.all.packets / 2;
    if now.icmp.packets > half {
        Kind::IcmpFlood
    } else if now.udp.packets > half {
        Kind::UdpFlood
    } else {
        Kind::Flood
    }
}

fn scan(now: &Shape) -> Kind {
    scan_kind(now.destinations, now.ports)
}

/// Names a scan by how its contacts spread over addresses and ports.
pub fn scan_kind(hosts: u64, ports: u64) -> Kind {
    let (hosts, ports) = (hosts.max(1), ports.max(1));
    if hosts >= 4 * ports {
        Kind::ScanHorizontal
    } else if ports >= 4 * hosts {
        Kind::ScanVertical
    } else {
        Kind::ScanBlock
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(packets: u64, flows: u32, syn_only: u32) -> Shape {
        let tcp = Counters {
            packets,
            flows,
            syn_only,
            ..Counters::default()
        };
        Shape {
            all: tcp,
            tcp,
            destinations: 1,
            sources: 10,
            ports: 1,
            ..Shape::default()
        }
    }

    #[test]
    fn half_open_connections_make_a_syn_flood() {
        let name = by_shape(
            Kind::LoadSpike,
            Metric::Packets,
            Direction::Above,
            false,
            600,
            &shape(900, 900, 850),
            &shape(50, 9, 0),
        );
        assert_eq!(name, Kind::SynFlood);
    }

    #[test]
    fn answers_nobody_asked_for_make_a_reflection() {
        let now = Shape {
            reflected_packets: 800,
            ..shape(900, 100, 0)
        };
        assert_eq!(
            by_shape(
                Kind::LoadSpike,
                Metric::Packets,
                Direction::Above,
                false,
                600,
                &now,
                &shape(50, 9, 0)
            ),
            Kind::Reflection
        );
    }

    #[test]
    fn bytes_without_flows_are_a_transfer_and_silence_is_an_outage() {
        let usual = shape(50, 9, 0);
        assert_eq!(
            by_shape(
                Kind::LoadSpike,
                Metric::Bytes,
                Direction::Above,
                false,
                600,
                &shape(900, 9, 0),
                &usual
            ),
            Kind::HeavyTransfer
        );
        assert_eq!(
            by_shape(
                Kind::Dip,
                Metric::Flows,
                Direction::Below,
                false,
                600,
                &Shape::default(),
                &usual
            ),
            Kind::Outage
        );
        assert_eq!(
            by_shape(
                Kind::Dip,
                Metric::Flows,
                Direction::Below,
                false,
                600,
                &shape(3, 1, 0),
                &usual
            ),
            Kind::Dip
        );
    }

    #[test]
    fn scans_are_named_by_their_spread() {
        let spread = |destinations, ports| {
            let now = Shape {
                destinations,
                ports,
                ..Shape::default()
            };
            by_shape(
                Kind::ScanBlock,
                Metric::Failed,
                Direction::Above,
                false,
                600,
                &now,
                &Shape::default(),
            )
        };
        assert_eq!(spread(254, 1), Kind::ScanHorizontal);
        assert_eq!(spread(1, 1000), Kind::ScanVertical);
        assert_eq!(spread(8, 20), Kind::ScanBlock);
    }
}
