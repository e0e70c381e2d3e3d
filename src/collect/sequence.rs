//! What sequence numbers say: lost, out of order, begun anew.

use super::Account;
use serde::{Deserialize, Serialize};

/// So far back a message is late rather than the first of a new sequence (messages for v9, records otherwise).
const LATE: u32 = 1 << 14;
/// A jump of more than this is no loss but another sequence: at 10,000 messages a second, half an hour.
const JUMP: u32 = 1 << 24;
/// A start count that falls by less belongs to a message out of order (milliseconds).
const UPTIME_FALL: u32 = 60_000;
/// Distance from the end of 32 bits within which a falling start count has wrapped (milliseconds, an hour).
const UPTIME_WRAP: u32 = 3_600_000;

/// Where a sequence stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sequence {
    /// What the next message should carry; `None` where it cannot be known.
    next: Option<u32>,
    /// Milliseconds since the exporter started, of its newest message.
    uptime: Option<u32>,
    /// The number of the newest message.
    newest: Option<u32>,
    /// Numbers count the flows of their own message too, and no options, against RFC 7011 section 3.1; softflowd does so.
    inclusive: bool,
}

/// What a message's number says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing is missing, or nothing can be said.
    Next,
    /// So many units are missing.
    Lost(u32),
    /// It belongs before messages that came earlier, or is one of them again.
    Late,
    /// The sequence began anew.
    Restarted,
}

impl Step {
    /// Counts it for its exporter.
    pub fn count(self, account: &mut Account) {
        match self {
            Self::Next => {}
            Self::Lost(units) => account.lost += u64::from(units),
            Self::Late => account.reordered += 1,
            Self::Restarted => account.restarts += 1,
        }
    }
}

impl Sequence {
    /// Takes the number of a message, its exporter's uptime where the header has one, and how many flows are in the
    /// message where numbers could count them. Follow up with [`Sequence::advance`], except after [`Step::Late`].
    pub fn arrive(&mut self, number: u32, uptime: Option<u32>, flows: Option<u32>) -> Step {
        let including = self.newest.zip(flows).map(|(newest, n)| newest.wrapping_add(n));
        self.inclusive = match (self.next == Some(number), including == Some(number)) {
            (false, true) => true,
            (true, false) => false,
            _ => self.inclusive,
        };
        let next = if self.inclusive { including } else { self.next };
        let step = self.judge(number, uptime, next);
        if step != Step::Late {
            self.newest = Some(number);
            self.next = Some(number);
            self.uptime = uptime;
        }
        step
    }

    /// Counts what the message held, in units of the sequence; `None` where that is not known.
    pub fn advance(&mut self, units: Option<u32>) {
        self.next = match (self.next, units) {
            (Some(next), Some(units)) => Some(next.wrapping_add(units)),
            _ => None,
        };
    }

    fn judge(&self, number: u32, uptime: Option<u32>, next: Option<u32>) -> Step {
        if let (Some(before), Some(now)) = (self.uptime, uptime) {
            let wrapped = before > u32::MAX - UPTIME_WRAP && now < UPTIME_WRAP;
            if before.saturating_sub(now) > UPTIME_FALL && !wrapped {
                return Step::Restarted;
            }
        }
        let Some(next) = next else {
            return Step::Next;
        };
        match number.wrapping_sub(next) {
            0 => Step::Next,
            gap if gap <= JUMP => Step::Lost(gap),
            gap if gap.wrapping_neg() <= LATE => Step::Late,
            _ => Step::Restarted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of messages of `units` units each, and what they say.
    fn said(units: u32, numbers: &[(u32, u32)]) -> Vec<Step> {
        let mut sequence = Sequence::default();
        let step = |&(number, uptime): &(u32, u32)| {
            let step = sequence.arrive(number, Some(uptime), None);
            if step != Step::Late {
                sequence.advance(Some(units));
            }
            step
        };
        numbers.iter().map(step).collect()
    }

    #[test]
    fn gaps_are_lost_units_across_the_wrap_too() {
        let numbers = [(u32::MAX - 29, 0), (0, 1), (30, 2), (90, 3)];
        assert_eq!(
            said(30, &numbers),
            [Step::Next, Step::Next, Step::Next, Step::Lost(30)]
        );
    }

    #[test]
    fn a_late_message_is_out_of_order_and_changes_nothing() {
        let numbers = [(100, 9), (102, 9), (101, 9), (103, 9), (103, 9)];
        let wanted = [Step::Next, Step::Lost(1), Step::Late, Step::Next, Step::Late];
        assert_eq!(said(1, &numbers), wanted);
    }

    #[test]
    fn a_sequence_that_falls_far_or_whose_exporter_is_young_again_began_anew() {
        let far = [(1_000_000, 5_000_000), (0, 5_000_100)];
        assert_eq!(said(1, &far), [Step::Next, Step::Restarted]);
        let near = [(100, 5_000_000), (0, 1_000), (1, 2_000)];
        assert_eq!(said(1, &near), [Step::Next, Step::Restarted, Step::Next]);
        let absurd = [(0, 0), (1 << 30, 1)];
        assert_eq!(said(1, &absurd), [Step::Next, Step::Restarted]);
    }

    #[test]
    fn the_wrap_of_the_uptime_is_no_restart() {
        let numbers = [(100, u32::MAX - 5), (101, 4_000)];
        assert_eq!(said(1, &numbers), [Step::Next, Step::Next]);
    }

    #[test]
    fn nothing_is_said_after_a_message_of_unknown_content() {
        let mut sequence = Sequence::default();
        sequence.arrive(10, None, None);
        sequence.advance(None);
        assert_eq!(sequence.arrive(99, None, None), Step::Next);
    }

    /// Numbers of messages with so many flows and options, and what they say.
    fn counted(messages: &[(u32, u32, u32)]) -> Vec<Step> {
        let mut sequence = Sequence::default();
        let step = |&(number, flows, options): &(u32, u32, u32)| {
            let step = sequence.arrive(number, None, Some(flows));
            if step != Step::Late {
                sequence.advance(Some(flows + options));
            }
            step
        };
        messages.iter().map(step).collect()
    }

    #[test]
    fn numbers_that_count_their_own_message_are_followed_and_true_gaps_still_seen() {
        // As softflowd sends them; then a message of 30 flows that never came.
        let messages = [
            (24, 24, 1),
            (57, 33, 0),
            (89, 32, 0),
            (112, 23, 0),
            (174, 32, 0),
            (200, 26, 1),
        ];
        let wanted = [
            Step::Next,
            Step::Next,
            Step::Next,
            Step::Next,
            Step::Lost(30),
            Step::Next,
        ];
        assert_eq!(counted(&messages), wanted);
    }

    #[test]
    fn a_gap_that_looks_like_another_way_of_counting_does_not_last() {
        // The second message was lost; the third has as many flows as both before.
        let messages = [(0, 10, 0), (30, 30, 0), (60, 10, 0), (70, 10, 0), (90, 5, 0)];
        let wanted = [Step::Next, Step::Next, Step::Next, Step::Next, Step::Lost(10)];
        assert_eq!(counted(&messages), wanted);
    }
}
