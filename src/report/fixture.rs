//! Anomalies as the four incidents of the mission leave them, for the tests of every format.

mod run;

use crate::model::*;
pub use run::{flows, summary};
use std::time::Duration;

/// 2026-03-10 13:00 UTC.
pub const START: Timestamp = Timestamp::from_secs(1_773_147_600);
const MINUTE: Duration = Duration::from_secs(60);

fn minute(n: u32) -> Timestamp {
    START + MINUTE * n
}

pub fn ip(text: &str) -> Value {
    Value::Ip(text.parse().unwrap())
}

/// A series of `length` minutes around `level` with its band, times `factor` from minute `from` to before `to`.
fn history(level: f32, factor: f32, from: u32, to: u32, length: u32) -> Vec<Point> {
    let point = |n: u32| {
        let wave = (n as f32 / 17.0).sin() * 0.12 + 1.0;
        let noise = ((n * 7919 + 31) % 23) as f32 / 23.0 * 0.16 + 0.92;
        let times = if (from..to).contains(&n) {
            factor * noise
        } else {
            1.0
        };
        Point {
            at: minute(n),
            observed: level * wave * noise * times,
            expected: level * wave,
            lower: level * wave * 0.72,
            upper: level * wave * 1.34,
        }
    };
    (0..length).map(point).collect()
}

fn contributor(value: Value, name: &str, observed: f64, expected: f64, share: f64) -> Contributor {
    let name = (!name.is_empty()).then(|| name.to_owned());
    Contributor {
        value,
        name,
        observed,
        expected,
        share,
        usual: None,
    }
}

/// One anomaly of incident `incident` from minute `from` to before `to` (0 for an open end), without contributors.
#[allow(clippy::too_many_arguments)]
fn anomaly(
    id: u64,
    incident: u64,
    kind: Kind,
    severity: Severity,
    entity: &[(Dimension, Value)],
    metric: Metric,
    (from, to): (u32, u32),
    worst: Deviation,
) -> Anomaly {
    let shown = if to == 0 { 200 } else { (to + 30).min(200) };
    let factor = (worst.observed / worst.expected.max(0.1)) as f32;
    let end = if to == 0 { 200 } else { to };
    Anomaly {
        id: AnomalyId(id),
        rule: format!("{}-{}", kind.name(), metric.name().replace('_', "-")),
        kind,
        severity,
        entity: Entity(entity.to_vec()),
        metric,
        direction: if worst.observed < worst.expected {
            Direction::Below
        } else {
            Direction::Above
        },
        worst,
        unit: format!("{metric} per 60 s"),
        started_at: minute(from),
        detected_at: minute(from) + Duration::from_secs(40),
        escalated_at: None,
        ended_at: (to > 0).then(|| minute(to)),
        incident: IncidentId(incident),
        headline: id == incident,
        shadow: false,
        contributors: Contributors::new(),
        data_quality: DataQuality {
            grade: "good",
            notes: vec![],
        },
        text: String::new(),
        detail: None,
        reproduce: "tidemark flows office.pcap -f 'host 10.0.2.10'".into(),
        technique: None,
        next: vec![],
        false_causes: vec![],
        profiles: vec![],
        history: history(worst.expected as f32, factor, from, end, shown),
        interval: MINUTE,
    }
}

fn deviation(observed: f64, expected: f64, lower: f64, upper: f64, score: f64) -> Deviation {
    Deviation {
        observed,
        expected,
        lower,
        upper,
        score,
    }
}

fn rate_limit() -> Vec<Anomaly> {
    let pair = |src| {
        [
            (Dimension::SrcIp, ip(src)),
            (Dimension::DstIp, ip("203.0.113.80")),
        ]
    };
    let mut first = anomaly(
        0x1a01,
        0x1a01,
        Kind::RateLimit,
        Severity::High,
        &pair("10.0.4.21"),
        Metric::Packets,
        (22, 41),
        deviation(9_120.0, 2_210.0, 1_590.0, 2_960.0, 31.2),
    );
    first.text =
        "10.0.4.21 and 10.0.4.22 send 17,900 packets a minute to 203.0.113.80 (api.quota.example), 90 % of \
                  the configured limit of 20,000; the service answers with its quota error since 13:34."
            .into();
    first.next = vec![
        "Ask who runs the jobs on both hosts and whether they share one API key.".into(),
        "Look at the reply sizes: short, equal replies are refusals.".into(),
    ];
    first.reproduce = "tidemark flows office.pcap -f 'src host 10.0.4.21 and dst host 203.0.113.80'".into();
    first.contributors.insert(
        Dimension::DstPort,
        vec![contributor(Value::Number(443), "", 9_120.0, 2_210.0, 1.0)],
    );
    let mut second = anomaly(
        0x1a02,
        0x1a01,
        Kind::RateLimit,
        Severity::High,
        &pair("10.0.4.22"),
        Metric::Packets,
        (23, 41),
        deviation(8_780.0, 2_180.0, 1_570.0, 2_920.0, 29.8),
    );
    second.text = "10.0.4.22 sends 8,780 packets a minute to 203.0.113.80, 4.0 times the usual 2,180.".into();
    vec![first, second]
}

fn load_spike() -> Anomaly {
    let mut spike = anomaly(
        0x2b01,
        0x2b01,
        Kind::LoadSpike,
        Severity::High,
        &[(Dimension::DstIp, ip("10.0.2.10"))],
        Metric::Bytes,
        (70, 84),
        deviation(93_000_000.0, 11_400_000.0, 8_200_000.0, 15_300_000.0, 44.7),
    );
    spike.text =
        "10.0.2.10 (node-b.example.net) receives 12.4 Mbit/s, 8.2 times the usual 1.5 Mbit/s; AS64501 \
                  (Example Transit) brings 91 % of the surplus, nearly all of it to port 443."
            .into();
    spike.contributors.insert(
        Dimension::SrcAs,
        vec![
            contributor(
                Value::Number(64501),
                "Example Transit",
                76_400_000.0,
                2_100_000.0,
                0.91,
            ),
            contributor(
                Value::Number(64500),
                "Example Net",
                12_900_000.0,
                7_600_000.0,
                0.065,
            ),
            contributor(Value::Number(0), "", 3_700_000.0, 1_700_000.0, 0.025),
        ],
    );
    spike.contributors.insert(
        Dimension::DstPort,
        vec![
            contributor(Value::Number(443), "", 91_800_000.0, 10_000_000.0, 1.002),
            contributor(Value::Number(22), "", 1_200_000.0, 1_400_000.0, -0.002),
        ],
    );
    spike.technique = Some("T1498".into());
    spike.data_quality = DataQuality {
        grade: "partial",
        notes: vec!["231 packets between 14:12 and 14:14 could not be decoded.".into()],
    };
    spike.next = vec!["See whether AS64501 announced a new customer prefix.".into()];
    spike.false_causes = vec!["A content network that serves from another place.".into()];
    spike
}

fn fan_in() -> Vec<Anomaly> {
    let place = |port| {
        [
            (Dimension::DstIp, ip("10.0.2.20")),
            (Dimension::DstPort, Value::Number(port)),
        ]
    };
    let mut rise = anomaly(
        0x3c01,
        0x3c01,
        Kind::FanIn,
        Severity::Critical,
        &place(14999),
        Metric::Sources,
        (110, 123),
        deviation(52.0, 4.1, 1.0, 9.0, 34.8),
    );
    rise.text =
        "52 sources reach 10.0.2.20 on port 14999 within a minute, where 4 are usual, while traffic to port \
                 20012 of the same node falls by 88 %."
            .into();
    let worker = |n: u32| {
        let name = format!("worker-{n:02}.example.net");
        contributor(ip(&format!("10.0.6.{n}")), &name, 1.0, 0.0, 1.0 / 48.0)
    };
    rise.contributors
        .insert(Dimension::SrcIp, (1..=8).map(worker).collect());
    rise.reproduce = "tidemark flows office.pcap -f 'dst host 10.0.2.20 and dst port 14999'".into();
    let mut dip = anomaly(
        0x3c02,
        0x3c01,
        Kind::Dip,
        Severity::Low,
        &place(20012),
        Metric::Bytes,
        (110, 123),
        deviation(412_000.0, 3_430_000.0, 2_400_000.0, 4_600_000.0, 22.1),
    );
    dip.text = "10.0.2.20 receives 412 kB a minute on port 20012, 88 % less than usual.".into();
    dip.contributors.insert(
        Dimension::SrcIp,
        vec![contributor(ip("10.0.6.1"), "", 0.0, 2_800_000.0, 0.93)],
    );
    vec![rise, dip]
}

fn stranger() -> Vec<Anomaly> {
    let host = |h| [(Dimension::Host, ip(h))];
    let mut first = anomaly(
        0x4d01,
        0x4d01,
        Kind::Stranger,
        Severity::High,
        &host("10.0.9.77"),
        Metric::Sources,
        (150, 0),
        deviation(38.0, 0.0, f64::NAN, f64::NAN, 19.6),
    );
    first.direction = Direction::New;
    first.text =
        "10.0.9.77 was never seen before 15:30 and is reached by 38 sources; the NAT 10.0.0.1 and the proxy \
                  10.0.0.2 see unusually many sources with it."
            .into();
    first.history.clear();
    first.technique = Some("T1496".into());
    first.profiles = vec![HostProfile {
        address: "10.0.9.77".parse().unwrap(),
        first_seen: minute(150) + Duration::from_secs(7),
        names: vec!["rig-7.lab.example.net".into()],
        services: vec!["tcp/22".into()],
        uses: vec!["tcp/3333".into(), "udp/53".into(), "tcp/443".into()],
        peers: vec![
            Peer {
                address: "198.51.100.9".parse().unwrap(),
                name: Some("pool.minexmr.example".into()),
                bytes: 8_400_000,
            },
            Peer {
                address: "2001:db8:77::53".parse().unwrap(),
                name: None,
                bytes: 61_000,
            },
        ],
        questions: vec![
            "pool.minexmr.example".into(),
            "xmrig.example".into(),
            "time.example.org".into(),
        ],
    }];
    let mut nat = anomaly(
        0x4d02,
        0x4d01,
        Kind::FanIn,
        Severity::High,
        &host("10.0.0.1"),
        Metric::Sources,
        (151, 0),
        deviation(61.0, 12.3, 5.0, 22.0, 24.4),
    );
    nat.text = "61 sources reach 10.0.0.1 within a minute, 5.0 times the usual 12.".into();
    let mut proxy = anomaly(
        0x4d03,
        0x4d01,
        Kind::FanIn,
        Severity::Low,
        &host("10.0.0.2"),
        Metric::Sources,
        (152, 176),
        deviation(44.0, 14.0, 6.0, 24.0, 18.9),
    );
    proxy.text = "44 sources reach 10.0.0.2 within a minute, 3.1 times the usual 14.".into();
    vec![first, nat, proxy]
}

/// Eight anomalies in four incidents.
pub fn anomalies() -> Vec<Anomaly> {
    let mut all = rate_limit();
    all.push(load_spike());
    all.extend(fan_in());
    all.extend(stranger());
    all
}
