//! Streams the frames of a plan in time order.

use super::exchange::{MICRO, MINUTE, Nanos};
use super::source::Source;
use super::stage::{Job, Stage};
use super::{Plan, background, incidents};
use crate::model::Timestamp;

/// The traffic begins this long before the capture, so that the capture begins in the midst of it.
const LEAD: Nanos = 3 * MINUTE;

/// One frame, valid until the next is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameRef<'a> {
    /// When it passes, in whole microseconds; never earlier than the frame before.
    pub at: Timestamp,
    /// What is captured of it, Ethernet header first (LINKTYPE_ETHERNET, 1).
    pub octets: &'a [u8],
    /// Its length on the wire.
    pub original_length: u32,
}

/// The traffic of a plan. Memory is that of the exchanges under way: a few thousand at most.
pub struct Generator {
    sources: Vec<Source>,
    stage: Stage,
    buffer: Vec<u8>,
    snap: usize,
    start: Nanos,
    end: Nanos,
}

/// The traffic of `plan`.
pub fn frames(plan: &Plan) -> Generator {
    let start = plan.start.as_nanos();
    let end = start.saturating_add(plan.nanos());
    let mut stage = Stage::default();
    let mut sources = background::sources(plan.seed, plan.scale);
    if let Some(incident) = incidents::incident(plan) {
        sources.iter_mut().for_each(|source| source.mute(&incident.mutes));
        sources.extend(incident.sources);
        stage.silence = incident.silence;
    }
    for (number, source) in sources.iter_mut().enumerate() {
        if let Some(first) = source.first(start.saturating_sub(LEAD), end) {
            stage.plan(first, Job::Source(number));
        }
    }
    Generator {
        sources,
        stage,
        buffer: Vec::with_capacity(2048),
        snap: plan.snap,
        start,
        end,
    }
}

impl Generator {
    /// The next frame, none after the last.
    pub fn next_frame(&mut self) -> Option<FrameRef<'_>> {
        let (at, original_length) = loop {
            let (now, job) = self.stage.next(self.end)?;
            match job {
                Job::Source(number) => self.act(number, now),
                Job::Exchange(slot) => {
                    let played = self.stage.play(slot, now, &mut self.buffer, self.snap);
                    if let Some(length) = played.filter(|_| now >= self.start) {
                        break (now, length);
                    }
                }
            }
        };
        Some(FrameRef {
            at: Timestamp::from_nanos(at - at.rem_euclid(MICRO)),
            octets: &self.buffer,
            original_length,
        })
    }

    fn act(&mut self, number: usize, now: Nanos) {
        let Some(source) = self.sources.get_mut(number) else {
            return;
        };
        if let Some(next) = source.act(now, &mut self.stage) {
            self.stage.plan(next, Job::Source(number));
        }
    }
}
