//! Messages made by hand, for tests: each is built from what it should say.

use super::{Collector, Config, Sink};
use crate::model::{ExportFault, ExportMessage, FlowRecord, Ip, Timestamp, Transport};
use std::time::Duration;

/// When messages leave and arrive unless a test says otherwise: seconds since 1970.
pub(super) const NOW: u32 = 1_700_000_000;
/// Milliseconds since the exporter started, then.
pub(super) const UPTIME: u32 = 1_000_000;

/// A field with its value in a record: enterprise, element, octets, value.
pub(super) type Said = (u32, u16, u16, u128);

/// Source and destination, 10.0.0.1 and 10.0.0.2.
pub(super) const PAIR: [Said; 2] = [(0, 8, 4, 0x0a00_0001), (0, 12, 4, 0x0a00_0002)];

/// The last octets of a number, in network order.
pub(super) fn number(value: u128, octets: u16) -> Vec<u8> {
    value.to_be_bytes()[16 - usize::from(octets)..].to_vec()
}

/// The definition of a Template; `scopes` of its fields are scopes of an Options Template.
pub(super) fn definition(version: u16, id: u16, fields: &[Said], scopes: Option<usize>) -> Vec<u8> {
    let mut out = id.to_be_bytes().to_vec();
    let count = fields.len() as u16;
    match (version, scopes) {
        (9, Some(scopes)) => {
            out.extend((scopes as u16 * 4).to_be_bytes());
            out.extend(((count - scopes as u16) * 4).to_be_bytes());
        }
        (_, Some(scopes)) => {
            out.extend(count.to_be_bytes());
            out.extend((scopes as u16).to_be_bytes());
        }
        _ => out.extend(count.to_be_bytes()),
    }
    for &(enterprise, element, octets, _) in fields {
        let bit = if enterprise > 0 { 0x8000 } else { 0 };
        out.extend((element | bit).to_be_bytes());
        out.extend(octets.to_be_bytes());
        if enterprise > 0 {
            out.extend(enterprise.to_be_bytes());
        }
    }
    out
}

/// A record; fields of 65535 octets are written with one octet of length, as text of the value's digits.
pub(super) fn record(fields: &[Said]) -> Vec<u8> {
    let value = |&(_, _, octets, value): &Said| match octets {
        65535 => {
            let text = value.to_string();
            [vec![text.len() as u8], text.into_bytes()].concat()
        }
        _ if octets > 16 => vec![7; usize::from(octets)],
        _ => number(value, octets),
    };
    fields.iter().flat_map(value).collect()
}

/// A Set with its header.
pub(super) fn set(id: u16, body: &[u8]) -> Vec<u8> {
    let length = body.len() as u16 + 4;
    [&id.to_be_bytes()[..], &length.to_be_bytes(), body].concat()
}

/// The Set that defines Templates.
pub(super) fn templates(version: u16, options: bool, definitions: &[u8]) -> Vec<u8> {
    set(u16::from(options) + if version == 9 { 0 } else { 2 }, definitions)
}

/// A message of version 9 or 10.
pub(super) fn message(version: u16, sequence: u32, domain: u32, sets: &[Vec<u8>]) -> Vec<u8> {
    stamped(version, sequence, domain, (NOW, UPTIME), sets)
}

/// The same with an export time and an uptime.
pub(super) fn stamped(
    version: u16,
    sequence: u32,
    domain: u32,
    (seconds, uptime): (u32, u32),
    sets: &[Vec<u8>],
) -> Vec<u8> {
    let body = sets.concat();
    let mut out = version.to_be_bytes().to_vec();
    if version == 9 {
        out.extend((sets.len() as u16).to_be_bytes());
        out.extend(uptime.to_be_bytes());
    } else {
        out.extend((body.len() as u16 + 16).to_be_bytes());
    }
    for word in [seconds, sequence, domain] {
        out.extend(word.to_be_bytes());
    }
    out.extend(body);
    out
}

/// A Template 256 of these fields and a record of it, in one message.
pub(super) fn both(version: u16, fields: &[Said]) -> Vec<u8> {
    let definition = definition(version, 256, fields, None);
    let sets = [templates(version, false, &definition), set(256, &record(fields))];
    message(version, 0, 1, &sets)
}

/// A message of version 5 or 7 with records of 10.0.0.1 port 40000 to 10.0.0.2 port 443.
pub(super) fn fixed(version: u16, sequence: u32, sampling: u16, records: u16) -> Vec<u8> {
    let mut out = [version.to_be_bytes(), records.to_be_bytes()].concat();
    for word in [UPTIME, NOW, 0, sequence, 0x0102_0000 | u32::from(sampling)] {
        out.extend(word.to_be_bytes());
    }
    for _ in 0..records {
        for word in [
            0x0a00_0001,
            0x0a00_0002,
            0xc000_0201,
            0x0003_0004,
            7,
            700,
            UPTIME - 5000,
            UPTIME - 1000,
            40000 << 16 | 443,
            0x0018_0600,
            64500 << 16 | 64501,
            0x1810_0000,
        ] {
            out.extend(u32::to_be_bytes(word));
        }
        if version == 7 {
            out.extend([198, 51, 100, 1]);
        }
    }
    out
}

/// What came out, as text.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// Flow Records, times as seconds since [`NOW`].
    pub flows: Vec<String>,
    pub faults: Vec<String>,
    /// The newest record.
    pub last: Option<FlowRecord>,
}

impl Sink for Taken {
    fn record(&mut self, flow: &FlowRecord) {
        let seconds = |at: Timestamp| at.as_nanos() as f64 / 1e9 - f64::from(NOW);
        let key = flow.key;
        self.flows.push(format!(
            "{}:{} {}:{} {} {}p {}b {:.3}..{:.3} /{}",
            key.src,
            key.src_port,
            key.dst,
            key.dst_port,
            key.protocol,
            flow.packets,
            flow.bytes,
            seconds(flow.start),
            seconds(flow.end),
            flow.sampling_rate
        ));
        self.last = Some(flow.clone());
    }

    fn fault(&mut self, fault: ExportFault) {
        self.faults.push(format!("{}: {fault}", fault.kind.name()));
    }
}

/// A Collecting Process, and messages sent to it.
#[derive(Debug)]
pub(super) struct Scene {
    pub collector: Collector,
    pub taken: Taken,
    /// Arrival of the next message.
    pub at: Timestamp,
    /// What carries it.
    pub transport: Transport,
}

impl Scene {
    pub fn new(config: Config) -> Self {
        Self {
            collector: Collector::new(config),
            taken: Taken::default(),
            at: Timestamp::from_secs(i64::from(NOW)),
            transport: Transport::Udp,
        }
    }

    /// Sends a message from 192.0.2.1, and gives the flows that came of it.
    pub fn send(&mut self, octets: &[u8]) -> Vec<String> {
        self.send_from(Ip::v4(0xc000_0201), 2055, octets)
    }

    pub fn send_from(&mut self, exporter: Ip, source_port: u16, octets: &[u8]) -> Vec<String> {
        let message = ExportMessage {
            at: self.at,
            exporter,
            source_port,
            collector_port: 4739,
            transport: self.transport,
            octets,
        };
        self.collector.observe(&message, &mut self.taken);
        std::mem::take(&mut self.taken.flows)
    }

    pub fn wait(&mut self, span: Duration) {
        self.at = self.at + span;
        self.collector.advance(self.at);
    }

    /// The only account.
    pub fn account(&self) -> super::Account {
        let (_, account) = self.collector.accounts().next().unwrap();
        *account
    }
}

/// The one flow of a message with a Template of these fields.
pub(super) fn said(version: u16, fields: &[Said]) -> FlowRecord {
    let mut scene = Scene::new(Config::default());
    scene.send(&both(version, fields));
    assert_eq!(scene.taken.faults, [""; 0]);
    scene.taken.last.unwrap()
}
