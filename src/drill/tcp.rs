//! A TCP connection as a script of turns: who says how much when, and how it opens and ends.

use super::exchange::{MILLI, Nanos, Pace, SECOND};
use super::frame::flag::{ACK, FIN, PSH, RST, SYN};
use super::payload::Data;

/// Payload of a full segment.
const SEGMENT: u32 = 1460;
/// Stretches longer than this arrive as the network card hands them over: several segments as one.
const COALESCED_FROM: u32 = 12 * SEGMENT;
/// Most segments handed over as one.
const MOST_COALESCED: u32 = 44;

/// One side speaks.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    /// Which side.
    pub by_client: bool,
    /// Time to think, beyond what the way takes.
    pub wait: Nanos,
    /// Octets.
    pub length: u32,
    /// Time between two segments; zero for as fast as the link allows.
    pub gap: Nanos,
    /// What is said.
    pub data: Data,
}

/// How a connection begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Open {
    /// With a full handshake.
    Accepted,
    /// The SYN is answered by a RST.
    Refused,
    /// Nothing answers the SYN nor this many repetitions of it.
    Unanswered(u8),
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Close {
    /// Both sides close, the client first.
    ByClient,
    /// Both sides close, the server first.
    ByServer,
    /// The client resets.
    ResetByClient,
    /// The server resets.
    ResetByServer,
    /// Not within sight.
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Syn(u8),
    SynAnswer,
    Refusal,
    HandshakeEnd,
    Speak,
    /// A bare acknowledgement of what the other side (the client?) said, then the given wait.
    Acknowledge {
        by_client: bool,
        then: Nanos,
    },
    Reset {
        by_client: bool,
    },
    FirstFin {
        by_client: bool,
    },
    SecondFin {
        by_client: bool,
    },
    LastAck {
        by_client: bool,
    },
}

/// One segment to be written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub sequence: u32,
    pub acknowledged: u32,
    pub flags: u8,
    /// Octets of payload.
    pub count: u32,
    /// The turn they belong to and where in it they begin.
    turn: usize,
    offset: u32,
}

/// A connection under way.
#[derive(Clone, Debug)]
pub(super) struct Tcp {
    turns: Vec<Turn>,
    open: Open,
    close: Close,
    step: Step,
    turn: usize,
    sent: u32,
    unacknowledged: u8,
    coalesced: u32,
    /// What the client and the server will send next.
    sequence: [u32; 2],
}

impl Tcp {
    /// A connection that will say `turns`; `numbers` gives the upper halves of both initial sequence numbers. The
    /// lower halves are zero: captures of noise do not compress.
    pub(super) fn new(turns: Vec<Turn>, open: Open, close: Close, numbers: u64) -> Self {
        Self {
            turns,
            open,
            close,
            step: Step::Syn(0),
            turn: 0,
            sent: 0,
            unacknowledged: 0,
            coalesced: 2,
            sequence: [(numbers as u32) << 16, (numbers >> 32) as u32 & 0xffff_0000],
        }
    }

    pub(super) fn client_is_next(&self) -> bool {
        match self.step {
            Step::Syn(_) | Step::HandshakeEnd => true,
            Step::SynAnswer | Step::Refusal => false,
            Step::Speak => self.turns.get(self.turn).is_none_or(|turn| turn.by_client),
            Step::Acknowledge { by_client, .. }
            | Step::Reset { by_client }
            | Step::FirstFin { by_client }
            | Step::SecondFin { by_client }
            | Step::LastAck { by_client } => by_client,
        }
    }

    pub(super) fn fall_silent(&mut self) {
        self.open = Open::Unanswered(2);
    }

    /// Appends the first `wanted` octets of a segment's payload.
    pub(super) fn payload(&self, segment: &Segment, out: &mut Vec<u8>, wanted: usize) {
        if let Some(turn) = self.turns.get(segment.turn) {
            turn.data
                .write(out, segment.offset as usize, wanted, turn.length as usize);
        }
    }

    /// The next segment, and the time to the one after if there is one.
    pub(super) fn step(&mut self, pace: &mut Pace) -> (Segment, Option<Nanos>) {
        match self.step {
            Step::Syn(repeated) => self.syn(repeated, pace),
            Step::SynAnswer => {
                self.step = Step::HandshakeEnd;
                (self.bare(false, SYN | ACK, 1), Some(pace.answer(true)))
            }
            Step::Refusal => {
                self.sequence[1] = 0;
                (self.bare(false, RST | ACK, 0), None)
            }
            Step::HandshakeEnd => {
                let segment = self.bare(true, ACK, 0);
                (segment, self.plan_next(true, pace))
            }
            Step::Speak => self.speak(pace),
            Step::Acknowledge { by_client, then } => {
                self.step = Step::Speak;
                let segment = self.bare(by_client, ACK, 0);
                if self.turn < self.turns.len() {
                    return (segment, Some(then));
                }
                (segment, self.plan_close(pace))
            }
            Step::Reset { by_client } => (self.bare(by_client, RST | ACK, 0), None),
            Step::FirstFin { by_client } => {
                self.step = Step::SecondFin {
                    by_client: !by_client,
                };
                (self.bare(by_client, FIN | ACK, 1), Some(pace.answer(!by_client)))
            }
            Step::SecondFin { by_client } => {
                self.step = Step::LastAck {
                    by_client: !by_client,
                };
                (self.bare(by_client, FIN | ACK, 1), Some(pace.answer(!by_client)))
            }
            Step::LastAck { by_client } => (self.bare(by_client, ACK, 0), None),
        }
    }

    fn syn(&mut self, repeated: u8, pace: &mut Pace) -> (Segment, Option<Nanos>) {
        let mut segment = self.bare(true, SYN, 1);
        segment.acknowledged = 0;
        let wait = match self.open {
            Open::Unanswered(most) if repeated >= most => None,
            Open::Unanswered(_) => {
                // The same SYN again, after 1, 2, 4 ... seconds (RFC 6298).
                self.sequence[0] = self.sequence[0].wrapping_sub(1);
                self.step = Step::Syn(repeated + 1);
                Some(SECOND << repeated.min(6))
            }
            Open::Accepted => {
                self.step = Step::SynAnswer;
                Some(pace.answer(false))
            }
            Open::Refused => {
                self.step = Step::Refusal;
                Some(pace.answer(false))
            }
        };
        (segment, wait)
    }

    /// One segment of the turn under way.
    fn speak(&mut self, pace: &mut Pace) -> (Segment, Option<Nanos>) {
        let Some(turn) = self.turns.get(self.turn) else {
            return (self.bare(true, ACK, 0), None);
        };
        let (by_client, gap) = (turn.by_client, turn.gap);
        let most = if turn.length > COALESCED_FROM {
            self.coalesced = (self.coalesced * 2).min(MOST_COALESCED);
            SEGMENT * self.coalesced
        } else {
            SEGMENT
        };
        let count = most.min(turn.length - self.sent);
        let last = self.sent + count >= turn.length;
        let mut segment = self.bare(by_client, if last { ACK | PSH } else { ACK }, count);
        segment.count = count;
        segment.turn = self.turn;
        segment.offset = self.sent;
        self.sent += count;
        self.unacknowledged += 1;
        if last {
            self.turn += 1;
            self.sent = 0;
            return (segment, self.plan_next(by_client, pace));
        }
        let wait = gap + pace.next_segment();
        if self.unacknowledged >= 2 {
            return (segment, Some(self.plan_acknowledgement(!by_client, wait, pace)));
        }
        (segment, Some(wait))
    }

    /// What follows the end of a turn (or of the handshake) of the given side.
    fn plan_next(&mut self, by_client: bool, pace: &mut Pace) -> Option<Nanos> {
        let Some(next) = self.turns.get(self.turn) else {
            return self.plan_close(pace);
        };
        let (next_by, think) = (next.by_client, next.wait);
        let wait = think
            + if next_by == by_client {
                pace.next_segment()
            } else {
                pace.answer(next_by)
            };
        // The acknowledgement travels with the answer when that comes soon (RFC 1122 section 4.2.3.2).
        let owed = self.unacknowledged > 0 && (next_by == by_client || think > 40 * MILLI);
        if owed {
            return Some(self.plan_acknowledgement(!by_client, wait, pace));
        }
        self.unacknowledged = 0;
        self.step = Step::Speak;
        Some(wait)
    }

    fn plan_acknowledgement(&mut self, by_client: bool, then: Nanos, pace: &mut Pace) -> Nanos {
        self.unacknowledged = 0;
        let delay = pace.answer(by_client);
        let then = then.max(delay) - delay;
        self.step = Step::Acknowledge {
            by_client,
            then: then + pace.next_segment(),
        };
        delay
    }

    fn plan_close(&mut self, pace: &mut Pace) -> Option<Nanos> {
        let spoke_last = self.turns.last().is_none_or(|turn| turn.by_client);
        let by_client = matches!(self.close, Close::ByClient | Close::ResetByClient);
        self.step = match self.close {
            Close::Never => return None,
            Close::ByClient | Close::ByServer => Step::FirstFin { by_client },
            Close::ResetByClient | Close::ResetByServer => Step::Reset { by_client },
        };
        Some(if by_client == spoke_last {
            pace.next_segment()
        } else {
            pace.answer(by_client)
        })
    }

    /// A segment without payload that moves its side's sequence number by `advance`.
    fn bare(&mut self, by_client: bool, flags: u8, advance: u32) -> Segment {
        let [client, server] = self.sequence;
        let (sequence, acknowledged) = if by_client {
            (client, server)
        } else {
            (server, client)
        };
        let side = &mut self.sequence[usize::from(!by_client)];
        *side = side.wrapping_add(advance);
        Segment {
            sequence,
            acknowledged,
            flags,
            count: 0,
            turn: usize::MAX,
            offset: 0,
        }
    }
}
