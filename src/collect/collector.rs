//! The Collecting Process as its callers see it: every Exporter, and the bounds over all of them.

use super::exporter::{Exporter, Scratch, Tools};
use super::memory::{self, Memory};
use super::{Account, Config, Sink, sflow};
use crate::model::{ExportFault, ExportMessage, ExportTrouble, Ip, Timestamp};
use crate::wire::export::{Header, Version, version};
use std::collections::BTreeMap;
use std::time::Duration;

/// Most octets of Templates, sessions and waiting data over all Exporters; beyond it nothing new is taken in.
const ROOM: usize = 256 << 20;
/// How often expiry looks at everything.
const ROUND: Duration = Duration::from_secs(60);

/// A Collecting Process. An Exporter's messages all go to the same one.
///
/// The same calls give the same records and accounts; time is the arrival of messages and what
/// [`Collector::advance`] says.
#[derive(Debug)]
pub struct Collector {
    config: Config,
    exporters: BTreeMap<Ip, Exporter>,
    /// What came from addresses that have no account.
    others: Account,
    scratch: Scratch,
    /// Octets kept, brought up to date after each message.
    kept: usize,
    expired: Timestamp,
}

impl Collector {
    /// One that knows nothing yet.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            exporters: BTreeMap::new(),
            others: Account::default(),
            scratch: Scratch::default(),
            kept: 0,
            expired: Timestamp::MIN,
        }
    }

    /// Takes in one message: a UDP datagram, or one IPFIX message out of a TCP stream. The version field tells the
    /// protocol, the port does not matter.
    ///
    /// What is wrong with it costs the Set or record that it spoils; the rest is read.
    pub fn observe(&mut self, message: &ExportMessage<'_>, sink: &mut impl Sink) {
        let version = version(message.octets);
        let header = version.and_then(|version| Header::read(version, message.octets));
        let readable = header.is_some() || version == Some(Version::Sflow);
        let new = !self.exporters.contains_key(&message.exporter);
        if new && (!readable || self.exporters.len() >= self.config.exporter_limit || self.kept > ROOM) {
            self.turn_away(message, version, readable, sink);
            return;
        }
        let exporter = self.exporters.entry(message.exporter).or_default();
        let before = if new { 0 } else { exporter.memory() };
        exporter.books.message(message);
        match (version, header) {
            (Some(Version::Sflow), _) => {
                let Exporter { books, sequences, .. } = exporter;
                sflow::observe(message, &mut books.account, sequences, sink);
            }
            (_, Some(header)) => {
                let tools = Tools {
                    config: &self.config,
                    scratch: &mut self.scratch,
                    full: self.kept > ROOM,
                };
                exporter.observe(message, &header, tools, sink);
            }
            (version, None) => {
                exporter.books.account.faults += 1;
                sink.fault(unreadable(message, version));
            }
        }
        self.kept = (self.kept + exporter.memory()).saturating_sub(before);
    }

    /// A TCP connection of an Exporter has ended: what it defined is forgotten (RFC 7011 section 8.1), since the next
    /// connection begins anew.
    pub fn close(&mut self, exporter: Ip, source_port: u16, collector_port: u16) {
        if let Some(exporter) = self.exporters.get_mut(&exporter) {
            exporter.close(source_port, collector_port);
        }
        self.weigh();
    }

    /// Lets time pass: Templates that were not renewed are forgotten, data that waited too long is given up.
    pub fn advance(&mut self, at: Timestamp) {
        if self.expired != Timestamp::MIN && at.since(self.expired) < ROUND {
            return;
        }
        self.expired = at;
        for exporter in self.exporters.values_mut() {
            exporter.expire(at, self.config.template_lifetime);
        }
        self.weigh();
    }

    /// The account of every Exporter, in order of address.
    pub fn accounts(&self) -> impl Iterator<Item = (Ip, &Account)> {
        self.exporters
            .iter()
            .map(|(ip, exporter)| (*ip, &exporter.books.account))
    }

    /// What came from addresses without an account: there were too many, or nothing readable ever came from them.
    pub fn others(&self) -> &Account {
        &self.others
    }

    /// What is worth keeping over a restart: Templates, sampling rates, sequences, accounts.
    pub fn snapshot(&self) -> Memory {
        memory::keep(&self.exporters)
    }

    /// Takes up what an earlier run kept, as far as the limits allow. Exporters heard of since then stay as they are.
    pub fn restore(&mut self, memory: Memory) {
        memory::take_up(memory, &mut self.exporters, &self.config);
        self.weigh();
    }

    /// Octets it occupies.
    pub fn memory(&self) -> usize {
        size_of::<Self>() + self.exporters.values().map(Exporter::memory).sum::<usize>()
    }

    fn weigh(&mut self) {
        self.kept = self.exporters.values().map(Exporter::memory).sum();
    }

    fn turn_away(
        &mut self,
        message: &ExportMessage<'_>,
        version: Option<Version>,
        readable: bool,
        sink: &mut impl Sink,
    ) {
        self.others.messages += 1;
        self.others.octets += message.octets.len() as u64;
        self.others.faults += 1;
        self.others.first_seen.get_or_insert(message.at);
        self.others.last_seen = self.others.last_seen.max(Some(message.at));
        sink.fault(if readable {
            let what = format!("no room for another exporter: {} are kept", self.exporters.len());
            fault(message, ExportTrouble::Refused, what)
        } else {
            unreadable(message, version)
        });
    }
}

/// A message whose header says nothing that is known, or is cut.
fn unreadable(message: &ExportMessage<'_>, version: Option<Version>) -> ExportFault {
    let length = message.octets.len();
    match version {
        Some(version) => {
            let what = format!("{} message of {length} octets ends in its header", version.name());
            fault(message, ExportTrouble::Cut, what)
        }
        None => {
            let what = format!("message of {length} octets is none of NetFlow v5, v7, v9, IPFIX or sFlow v5");
            fault(message, ExportTrouble::UnknownVersion, what)
        }
    }
}

fn fault(message: &ExportMessage<'_>, kind: ExportTrouble, what: String) -> ExportFault {
    ExportFault {
        kind,
        exporter: message.exporter,
        domain: 0,
        offset: 0,
        what,
    }
}
