//! The stage: exchanges under way, and what comes next in time.

use super::exchange::{Endpoint, Exchange, Nanos, Play, at};
use super::network;
use super::rng::{Rng, mix};
use super::tcp::Tcp;
use crate::model::Ip;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// Most exchanges under way at once; further ones do not take place. Incidents reach a few thousand.
const MOST_EXCHANGES: usize = 65_536;

/// First port of those a host uses for its own connections.
const FIRST_PORT: u16 = 32_768;
/// Last of them.
const LAST_PORT: u16 = 60_999;

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Job {
    /// A source acts.
    Source(usize),
    /// An exchange plays a frame.
    Exchange(usize),
}

/// A service that says nothing for a while.
#[derive(Clone, Copy, Debug)]
pub(super) struct Silence {
    /// Which.
    pub service: Endpoint,
    /// Since when.
    pub start: Nanos,
    /// Until when.
    pub end: Nanos,
}

impl Silence {
    fn covers(&self, service: Endpoint, now: Nanos) -> bool {
        self.service == service && self.start <= now && now < self.end
    }
}

/// Everything under way. Jobs of the same instant run in the order in which they were planned.
#[derive(Debug, Default)]
pub(super) struct Stage {
    agenda: BinaryHeap<Reverse<(Nanos, u64, Job)>>,
    planned: u64,
    exchanges: Vec<Option<Exchange>>,
    free: Vec<usize>,
    /// The last port each host of ours has used; their number is that of our hosts.
    ports: BTreeMap<Ip, u16>,
    /// The service that is down, if one is.
    pub silence: Option<Silence>,
}

impl Stage {
    /// Plans a job.
    pub(super) fn plan(&mut self, when: Nanos, job: Job) {
        self.planned += 1;
        self.agenda.push(Reverse((when, self.planned, job)));
    }

    /// The next job before `end`.
    pub(super) fn next(&mut self, end: Nanos) -> Option<(Nanos, Job)> {
        let Reverse((when, _, job)) = self.agenda.pop()?;
        (when < end).then_some((when, job))
    }

    /// Plays one frame of an exchange into `out`; returns its length on the wire, or none where it stays silent.
    pub(super) fn play(&mut self, slot: usize, now: Nanos, out: &mut Vec<u8>, snap: usize) -> Option<u32> {
        let exchange = self.exchanges.get_mut(slot)?.as_mut()?;
        let silent = self.silence.is_some_and(|s| s.covers(exchange.server, now));
        if silent && !exchange.client_is_next() {
            self.end(slot);
            return None;
        }
        let (length, wait) = exchange.play(out, snap);
        match wait {
            Some(wait) => self.plan(now + wait.max(1), Job::Exchange(slot)),
            None => self.end(slot),
        }
        Some(length)
    }

    fn end(&mut self, slot: usize) {
        if let Some(place) = self.exchanges.get_mut(slot) {
            *place = None;
            self.free.push(slot);
        }
    }

    /// Begins an exchange.
    pub(super) fn begin(&mut self, when: Nanos, client: Endpoint, server: Endpoint, play: Play) {
        let seed = mix(when as u64 ^ u64::from(client.port) << 48);
        let mut exchange = Exchange::new(client, server, play, seed);
        if self.silence.is_some_and(|s| s.covers(server, when)) {
            exchange.fall_silent();
        }
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None if self.exchanges.len() < MOST_EXCHANGES => {
                self.exchanges.push(None);
                self.exchanges.len() - 1
            }
            None => return,
        };
        self.exchanges[slot] = Some(exchange);
        self.plan(when, Job::Exchange(slot));
    }

    /// Begins a connection from a fresh port of `client`.
    pub(super) fn connect(&mut self, rng: &mut Rng, when: Nanos, client: Ip, server: Endpoint, tcp: Tcp) {
        let port = self.port(rng, client);
        self.begin(when, at(client, port), server, Play::Tcp(tcp));
    }

    /// A port for a new exchange of `client`: hosts of ours count up, of others nothing is remembered.
    pub(super) fn port(&mut self, rng: &mut Rng, client: Ip) -> u16 {
        let random = rng.between(u64::from(FIRST_PORT), u64::from(LAST_PORT)) as u16;
        if !network::ours().iter().any(|prefix| prefix.contains(client)) {
            return random;
        }
        let port = self.ports.entry(client).or_insert(random);
        *port = if *port >= LAST_PORT { FIRST_PORT } else { *port + 1 };
        *port
    }
}
