//! One Exporter: its sessions, what it told of itself, its account, and the way of its messages.

use super::clock::Clock;
use super::message::Message;
use super::reading::Reading;
use super::sampling::Rates;
use super::session::{Session, SessionKey};
use super::sflow::Sequences;
use super::waiting::Waiting;
use super::{Account, Config, Sink};
use crate::model::{ExportMessage, ExportTrouble, FlowRecord, Timestamp, Transport};
use crate::wire::export::{Fields, Header};
use std::collections::BTreeMap;
use std::time::Duration;

/// Most sessions of one Exporter: Transport Sessions times Observation Domains.
const SESSIONS: usize = 1024;
/// A session that was silent for so long makes room for a new one.
const IDLE: Duration = Duration::from_secs(15 * 60);
/// How long the greatest lateness is remembered, at least; twice that at most.
const LATENESS: Duration = Duration::from_secs(120);

/// What all messages share: reused for each record.
#[derive(Debug)]
pub(super) struct Scratch {
    pub fields: Fields,
    pub record: FlowRecord,
}

impl Default for Scratch {
    fn default() -> Self {
        Self {
            fields: Fields::default(),
            record: FlowRecord::unknown(),
        }
    }
}

/// What is counted and learned over all sessions of an Exporter.
#[derive(Clone, Debug, Default)]
pub(super) struct Books {
    pub account: Account,
    pub rates: Rates,
    /// Greatest lateness of the present stretch and of the one before, nanoseconds.
    late: (i64, i64),
    late_since: Timestamp,
}

impl Books {
    /// Counts a message in.
    pub fn message(&mut self, message: &ExportMessage<'_>) {
        let account = &mut self.account;
        account.messages += 1;
        account.octets += message.octets.len() as u64;
        account.first_seen.get_or_insert(message.at);
        account.last_seen = account.last_seen.max(Some(message.at));
        if message.at.since(self.late_since) > LATENESS {
            self.late = (0, self.late.0);
            self.late_since = message.at;
            account.lateness = self.late.1;
        }
    }

    /// Notes how late a record came, in nanoseconds.
    #[inline]
    pub fn late(&mut self, late: i64) {
        if late > self.late.0 {
            self.late.0 = late;
            self.account.lateness = late.max(self.late.1);
        }
    }
}

/// All that is kept of one Exporter.
#[derive(Clone, Debug, Default)]
pub(super) struct Exporter {
    pub sessions: BTreeMap<SessionKey, Session>,
    pub books: Books,
    /// Of its sFlow agents.
    pub sequences: Sequences,
    waiting: Waiting,
    /// Octets of the sessions, as of when Templates or sessions last came or went.
    weight: usize,
    /// Whether they did since.
    stale: bool,
}

/// What every message is read with.
pub(super) struct Tools<'a> {
    pub config: &'a Config,
    pub scratch: &'a mut Scratch,
    /// Whether all Exporters together keep so much that nothing new is taken in.
    pub full: bool,
}

impl Exporter {
    /// Takes in one message of NetFlow or IPFIX.
    pub fn observe<S: Sink>(
        &mut self,
        message: &ExportMessage<'_>,
        header: &Header,
        tools: Tools<'_>,
        sink: &mut S,
    ) {
        let key = SessionKey {
            version: header.version,
            domain: header.domain,
            transport: message.transport,
            source_port: message.source_port,
            collector_port: message.collector_port,
        };
        let clock = Clock::new(message.at, header, tools.config);
        self.books.account.clock_offset = clock.offset();
        let open = self.open(key, message.at, tools.full);
        let mut reading = Reading {
            exporter: message.exporter,
            version: header.version,
            domain: header.domain,
            clock,
            config: tools.config,
            books: &mut self.books,
            scratch: tools.scratch,
            sink,
            rate: 1,
        };
        if !open {
            let what = format!("no room for session from port {}", message.source_port);
            reading.fault(ExportTrouble::Refused, 0, what);
            return;
        }
        reading.settle_rate();
        let mut message = Message {
            key,
            at: message.at,
            octets: message.octets,
            full: tools.full,
            sessions: &mut self.sessions,
            waiting: &mut self.waiting,
            stale: &mut self.stale,
            reading,
        };
        message.read(header);
        self.weigh();
    }

    /// Finds or makes a session; `false` where there is no room for a new one.
    fn open(&mut self, key: SessionKey, at: Timestamp, full: bool) -> bool {
        if let Some(session) = self.sessions.get_mut(&key) {
            session.last_seen = session.last_seen.max(at);
            return true;
        }
        if self.sessions.len() >= SESSIONS {
            self.close_idlest(at);
        }
        if full || self.sessions.len() >= SESSIONS {
            return false;
        }
        let session = Session::new(at);
        self.sessions.insert(key, session);
        self.stale = true;
        true
    }

    /// Forgets the session that was silent longest, if that was long enough.
    fn close_idlest(&mut self, at: Timestamp) {
        let idlest = self.sessions.iter().min_by_key(|(_, session)| session.last_seen);
        if let Some((&key, session)) = idlest
            && at.since(session.last_seen) > IDLE
        {
            self.sessions.remove(&key);
            self.recount();
        }
    }

    /// Forgets the sessions of a TCP connection.
    pub fn close(&mut self, source_port: u16, collector_port: u16) {
        let ended = |key: &SessionKey| {
            key.transport == Transport::Tcp
                && (key.source_port, key.collector_port) == (source_port, collector_port)
        };
        self.sessions.retain(|key, _| !ended(key));
        self.recount();
    }

    /// Forgets Templates of UDP that were not renewed, sessions without any that fell silent, and data that waited
    /// too long.
    pub fn expire(&mut self, now: Timestamp, lifetime: Duration) {
        for (key, session) in &mut self.sessions {
            if key.transport == Transport::Udp && !lifetime.is_zero() {
                session.retain(|_, renewed| now.since(renewed) <= lifetime);
            }
        }
        let gone = |session: &Session| session.len() == 0 && now.since(session.last_seen) > IDLE;
        self.sessions.retain(|_, session| !gone(session));
        self.books.account.given_up += self.waiting.expire(now);
        self.recount();
    }

    /// Brings the number of Templates and the weight of the sessions up to date.
    pub fn recount(&mut self) {
        self.books.account.templates = self.sessions.values().map(|s| s.len() as u64).sum();
        self.stale = true;
        self.weigh();
    }

    /// Octets it occupies.
    pub fn memory(&self) -> usize {
        size_of::<Self>()
            + self.weight
            + self.waiting.memory()
            + self.books.rates.memory()
            + self.sequences.memory()
    }

    fn weigh(&mut self) {
        if std::mem::take(&mut self.stale) {
            self.weight = self.sessions.values().map(Session::memory).sum();
        }
    }
}
