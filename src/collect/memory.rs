//! What is kept of Exporters over a restart, in a form that can be written down.

use super::exporter::Exporter;
use super::sampling::Rates;
use super::sequence::Sequence;
use super::session::{Session, SessionKey, Template};
use super::{Account, Config};
use crate::model::{Ip, Timestamp, Transport};
use crate::wire::export::{Definition, Version};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a Collecting Process knows that it would otherwise have to wait for. Plain data; Templates as they came.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    exporters: Vec<KeptExporter>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct KeptExporter {
    ip: Ip,
    account: Account,
    rates: Rates,
    sessions: Vec<KeptSession>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct KeptSession {
    /// As in the header of its messages: 5, 7, 9 or 10.
    version: u16,
    domain: u32,
    tcp: bool,
    source_port: u16,
    collector_port: u16,
    last_seen: Timestamp,
    started: Option<i64>,
    sequence: Sequence,
    templates: Vec<KeptTemplate>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct KeptTemplate {
    options: bool,
    renewed: Timestamp,
    octets: Vec<u8>,
}

/// Writes down what is known, in order of address and session.
pub(super) fn keep(exporters: &BTreeMap<Ip, Exporter>) -> Memory {
    let exporter = |(ip, exporter): (&Ip, &Exporter)| KeptExporter {
        ip: *ip,
        account: exporter.books.account,
        rates: exporter.books.rates.clone(),
        sessions: exporter.sessions.iter().map(keep_session).collect(),
    };
    Memory {
        exporters: exporters.iter().map(exporter).collect(),
    }
}

fn keep_session((key, session): (&SessionKey, &Session)) -> KeptSession {
    let template = |(template, renewed): (&Template, Timestamp)| KeptTemplate {
        options: template.options,
        renewed,
        octets: template.octets.to_vec(),
    };
    KeptSession {
        version: number(key.version),
        domain: key.domain,
        tcp: key.transport == Transport::Tcp,
        source_port: key.source_port,
        collector_port: key.collector_port,
        last_seen: session.last_seen,
        started: session.started,
        sequence: session.sequence,
        templates: session.templates().map(template).collect(),
    }
}

/// Adds what was written down to what is known. What does not make sense, or is more than the limits allow, is left
/// out: its exporter will say it again.
pub(super) fn take_up(memory: Memory, exporters: &mut BTreeMap<Ip, Exporter>, config: &Config) {
    for kept in memory.exporters {
        if exporters.len() >= config.exporter_limit || exporters.contains_key(&kept.ip) {
            continue;
        }
        let mut exporter = Exporter::default();
        exporter.books.account = kept.account;
        exporter.books.rates = kept.rates;
        let mut room = config.template_limit;
        for session in kept.sessions {
            if let Some((key, session)) = take_up_session(session, &mut room, config.field_limit) {
                exporter.sessions.insert(key, session);
            }
        }
        exporter.recount();
        exporters.insert(kept.ip, exporter);
    }
}

fn take_up_session(kept: KeptSession, room: &mut usize, field_limit: usize) -> Option<(SessionKey, Session)> {
    let key = SessionKey {
        version: version(kept.version)?,
        domain: kept.domain,
        transport: if kept.tcp { Transport::Tcp } else { Transport::Udp },
        source_port: kept.source_port,
        collector_port: kept.collector_port,
    };
    let mut session = Session::new(kept.last_seen);
    session.sequence = kept.sequence;
    session.started = kept.started;
    for template in kept.templates.iter().take(*room) {
        let definition = Definition::read(key.version, template.options, &template.octets);
        let usable = definition.filter(|d| d.id >= 256 && d.fields <= field_limit);
        if let Some(compiled) = usable.and_then(Template::new) {
            session.define(Arc::new(compiled), template.renewed);
        }
    }
    *room = room.saturating_sub(session.len());
    Some((key, session))
}

/// The version field of a protocol's messages.
fn number(version: Version) -> u16 {
    match version {
        Version::V5 | Version::Sflow => 5,
        Version::V7 => 7,
        Version::V9 => 9,
        Version::Ipfix => 10,
    }
}

fn version(number: u16) -> Option<Version> {
    Some(match number {
        5 => Version::V5,
        7 => Version::V7,
        9 => Version::V9,
        10 => Version::Ipfix,
        _ => return None,
    })
}
