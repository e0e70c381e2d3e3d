//! IPFIX messages out of TCP streams (RFC 7011 section 10.4): segments put in order, then framed by the length that
//! each message states.
//!
//! A stream is followed when its first octets, or those of a segment met in the middle, look like an IPFIX message; no
//! other stream costs more than that look. Where octets are missing it is taken up again at the next such segment.

use super::is_likely;
use crate::model::{Ip, TcpFlags};
use crate::wire::carried::Segment;
use std::collections::BTreeMap;

/// Most streams followed or expected.
const MOST: usize = 256;
/// Most octets of a stream that may wait for an earlier segment.
const WAITING: usize = 256 << 10;
/// What keeping one such segment costs besides its octets.
const OVERHEAD: usize = 64;
/// Octets of the header of an IPFIX message (RFC 7011 section 3.1).
const HEADER: usize = 16;

/// One direction of a TCP connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stream {
    pub src: Ip,
    pub dst: Ip,
    pub src_port: u16,
    pub dst_port: u16,
}

/// Streams that carry IPFIX, or have just begun and may.
#[derive(Debug, Default)]
pub(super) struct Streams {
    followed: BTreeMap<Stream, State>,
    /// Counts segments, to tell which stream was silent longest.
    now: u64,
    /// Times a stream could not be followed further.
    pub broken: u64,
}

#[derive(Debug)]
struct State {
    /// Sequence number of the first octet followed.
    origin: u32,
    /// Sequence number of the next octet.
    next: u32,
    /// Whether it was seen to be IPFIX.
    proven: bool,
    /// In order, from the beginning of a message on; less than a message.
    framed: Vec<u8>,
    /// Segments that came before their turn, by sequence number.
    early: BTreeMap<u32, Vec<u8>>,
    waiting: usize,
    newest: u64,
}

impl Streams {
    /// Takes a segment; the messages it completes go to `take`.
    pub fn segment(&mut self, stream: Stream, segment: &Segment<'_>, mut take: impl FnMut(&[u8])) {
        self.now += 1;
        let mut first = segment.sequence;
        if segment.flags.has(TcpFlags::SYN) {
            first = first.wrapping_add(1);
            // The same SYN again begins nothing anew.
            if self
                .followed
                .get(&stream)
                .is_none_or(|state| state.origin != first)
            {
                self.insert(stream, State::new(first, false));
            }
        }
        if !segment.payload.is_empty() {
            self.data(stream, first, segment.payload, &mut take);
        }
        if segment.flags.has(TcpFlags::FIN) || segment.flags.has(TcpFlags::RST) {
            self.followed.remove(&stream);
        }
    }

    fn data(&mut self, stream: Stream, first: u32, octets: &[u8], take: &mut impl FnMut(&[u8])) {
        if !self.followed.contains_key(&stream) {
            if !begins_message(octets) {
                return;
            }
            self.insert(stream, State::new(first, true));
        }
        let Some(state) = self.followed.get_mut(&stream) else {
            return;
        };
        state.newest = self.now;
        state.place(first, octets);
        match state.frame(take) {
            Ok(()) if state.waiting <= WAITING => {}
            Ok(()) => self.take_up_again(stream, take),
            Err(NotIpfix { proven }) => {
                self.broken += u64::from(proven);
                self.followed.remove(&stream);
            }
        }
    }

    /// What is missing will not come: goes on with the first of the waiting segments that begins a message.
    fn take_up_again(&mut self, stream: Stream, take: &mut impl FnMut(&[u8])) {
        let Some(given_up) = self.followed.remove(&stream) else {
            return;
        };
        self.broken += 1;
        let first = given_up.early.iter().find(|(_, octets)| begins_message(octets));
        let Some((&first, _)) = first else { return };
        let mut state = State::new(first, true);
        for (sequence, octets) in given_up.early {
            state.place(sequence, &octets);
        }
        if state.frame(take).is_ok() {
            self.insert(stream, state);
        }
    }

    /// A stream to follow; the one that was silent longest gives way.
    fn insert(&mut self, stream: Stream, mut state: State) {
        state.newest = self.now;
        if self.followed.len() >= MOST && !self.followed.contains_key(&stream) {
            let silent = self.followed.iter().min_by_key(|(_, state)| state.newest);
            if let Some(key) = silent.map(|(key, _)| *key)
                && let Some(state) = self.followed.remove(&key)
            {
                self.broken += u64::from(state.proven);
            }
        }
        self.followed.insert(stream, state);
    }
}

/// The stream does not carry IPFIX, or no longer.
struct NotIpfix {
    proven: bool,
}

impl State {
    fn new(next: u32, proven: bool) -> Self {
        Self {
            origin: next,
            next,
            proven,
            framed: Vec::new(),
            early: BTreeMap::new(),
            waiting: 0,
            newest: 0,
        }
    }

    /// Puts octets where they belong: behind the others, or aside until their turn. Repeated ones are left out.
    fn place(&mut self, first: u32, octets: &[u8]) {
        self.append(first, octets);
        while let Some(sequence) = self.due() {
            let Some(octets) = self.early.remove(&sequence) else {
                return;
            };
            self.waiting -= octets.len() + OVERHEAD;
            self.append(sequence, &octets);
        }
    }

    fn append(&mut self, first: u32, octets: &[u8]) {
        let ahead = first.wrapping_sub(self.next);
        if ahead == 0 || ahead > u32::MAX / 2 {
            let known = self.next.wrapping_sub(first) as usize;
            let new = octets.get(known..).unwrap_or_default();
            self.framed.extend_from_slice(new);
            self.next = self.next.wrapping_add(new.len() as u32);
        } else {
            let before = self.early.insert(first, octets.to_vec());
            self.waiting += octets.len() + OVERHEAD;
            self.waiting -= before.map_or(0, |before| before.len() + OVERHEAD);
        }
    }

    /// A segment put aside whose turn has come.
    fn due(&self) -> Option<u32> {
        let is_due = |sequence: &u32| {
            let ahead = sequence.wrapping_sub(self.next);
            ahead == 0 || ahead > u32::MAX / 2
        };
        self.early.keys().copied().find(is_due)
    }

    /// Hands out whole messages from the front.
    fn frame(&mut self, take: &mut impl FnMut(&[u8])) -> Result<(), NotIpfix> {
        let mut done = 0;
        while let Some(rest) = self.framed.get(done..) {
            let [0, 10, high, low, ..] = *rest else {
                let short = rest.len() < 4 && [0, 10].starts_with(rest.get(..2).unwrap_or(rest));
                if short {
                    break;
                }
                return Err(NotIpfix { proven: self.proven });
            };
            let length = usize::from(u16::from_be_bytes([high, low]));
            if length < HEADER {
                return Err(NotIpfix { proven: self.proven });
            }
            let Some(message) = rest.get(..length) else { break };
            self.proven = true;
            take(message);
            done += length;
        }
        self.framed.drain(..done);
        Ok(())
    }
}

/// Whether a segment begins with a message of IPFIX; it may end before that does.
pub(super) fn begins_message(octets: &[u8]) -> bool {
    match octets {
        [0, 10, high, low, ..] => is_likely(octets, usize::from(u16::from_be_bytes([*high, *low]))),
        _ => false,
    }
}
