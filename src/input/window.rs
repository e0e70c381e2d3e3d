//! A window over a stream: refilled from behind, read in place, so that a packet is never copied on its way.

use super::ledger::Trouble;
use std::io::{self, ErrorKind, Read};

/// Octets held while records are small; fits beside everything else in a second-level cache.
const CAPACITY: usize = 256 << 10;

/// A refillable window over `source`.
///
/// Positions handed out by [`Window::take`] stay valid until the next call of [`Window::need`].
pub(super) struct Window<R> {
    source: R,
    buffer: Vec<u8>,
    /// First octet not taken yet, and the end of what was read, both in `buffer`; `start <= end <= buffer.len()`.
    start: usize,
    end: usize,
    /// Offset in the stream of `buffer[start]`.
    offset: u64,
    /// Nothing more can be read: the end was reached, or `error` is set.
    ended: bool,
    error: Option<io::Error>,
}

impl<R: Read> Window<R> {
    /// An empty window at the start of `source`; reads nothing yet.
    pub(super) fn new(source: R) -> Self {
        Self {
            source,
            buffer: vec![0; CAPACITY],
            start: 0,
            end: 0,
            offset: 0,
            ended: false,
            error: None,
        }
    }

    /// Whether at least `count` octets lie ahead, after reading more if needed.
    #[inline]
    pub(super) fn need(&mut self, count: usize) -> bool {
        self.end - self.start >= count || self.fill(count)
    }

    /// What was read and not taken.
    #[inline]
    pub(super) fn ahead(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Offset in the stream of the first octet ahead.
    #[inline]
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Goes on by `count` octets, at most to the end of what was read; returns where they lie for [`Window::slice`].
    #[inline]
    pub(super) fn take(&mut self, count: usize) -> usize {
        let at = self.start;
        let count = count.min(self.end - at);
        self.start += count;
        self.offset += count as u64;
        at
    }

    /// [`Window::take`], if all `count` octets lie ahead; nothing is read for it.
    #[inline]
    pub(super) fn take_whole(&mut self, count: usize) -> Option<usize> {
        (self.end - self.start >= count).then(|| self.take(count))
    }

    /// `count` octets at a position that [`Window::take`] returned.
    #[inline]
    pub(super) fn slice(&self, at: usize, count: usize) -> &[u8] {
        self.buffer.get(at..at.saturating_add(count)).unwrap_or_default()
    }

    /// Goes on by `count` octets, reading as it goes; false when the stream ends before.
    pub(super) fn skip(&mut self, mut count: u64) -> bool {
        loop {
            let step = count.min((self.end - self.start) as u64);
            self.take(step as usize);
            count -= step;
            if count == 0 {
                return true;
            }
            if !self.need(1) {
                return false;
            }
        }
    }

    /// Why reading stopped, once, if it was for another reason than the end of the stream.
    pub(super) fn take_error(&mut self) -> Option<io::Error> {
        self.error.take()
    }

    /// The end where something else may begin: `None` when it is clean, or what was cut off.
    ///
    /// # Errors
    /// The stream ended, or failed, inside `part`.
    #[cold]
    pub(super) fn end<T>(&mut self, part: &str) -> Result<Option<T>, Box<Trouble>> {
        match self.take_error() {
            None if self.ahead().is_empty() => Ok(None),
            error => Err(Trouble::ended(error, self.offset, part)),
        }
    }

    /// Reads until `count` octets lie ahead or the stream ends.
    #[cold]
    fn fill(&mut self, count: usize) -> bool {
        if self.ended {
            return false;
        }
        self.make_room(count);
        while !self.ended && self.end - self.start < count {
            let room = self.buffer.get_mut(self.end..).unwrap_or_default();
            match self.source.read(room) {
                Ok(0) => self.ended = true,
                // A source that claims more than it was given room for would break the window's invariant.
                Ok(got) => self.end = (self.end + got).min(self.buffer.len()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.error = Some(error);
                    self.ended = true;
                }
            }
        }
        self.end - self.start >= count
    }

    /// Makes the buffer hold `count` octets from `start` on.
    ///
    /// A buffer at least twice as long as any request bounds the moving: each octet is moved at most once per half
    /// a buffer of progress, also while a damaged file is searched octet by octet.
    fn make_room(&mut self, count: usize) {
        if self.start + count <= self.buffer.len() {
            return;
        }
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if count > self.buffer.len() / 2 {
            self.buffer.resize(count.saturating_mul(2).next_power_of_two(), 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::Trickle;
    use super::*;

    #[test]
    fn octets_come_out_in_order_however_they_are_cut() {
        let stream: Vec<u8> = (0..700_000u32).map(|n| (n % 251) as u8).collect();
        for step in [1, 7, 4096, 300_000] {
            let mut window = Window::new(Trickle::new(&stream, step));
            let mut seen = Vec::new();
            for count in [1, 255, 9_000, 200_000, 3, 400_000].into_iter().cycle() {
                if !window.need(count) {
                    break;
                }
                assert_eq!(window.offset(), seen.len() as u64);
                let at = window.take(count);
                seen.extend_from_slice(window.slice(at, count));
            }
            let rest = window.ahead().len();
            assert_eq!(window.take(rest + 10), window.end - rest);
            seen.extend_from_slice(window.slice(window.end - rest, rest));
            assert!(seen == stream, "steps of {step}");
        }
    }

    #[test]
    fn skipping_beyond_the_end_is_told() {
        let stream = vec![7u8; 600_000];
        let mut window = Window::new(&stream[..]);
        assert!(window.skip(500_000));
        assert_eq!(window.offset(), 500_000);
        assert!(!window.skip(100_001));
        assert_eq!(window.offset(), 600_000);
        assert!(window.ahead().is_empty());
    }

    #[test]
    fn an_error_ends_the_stream_after_what_was_read() {
        let broken = io::Read::chain(&[1u8, 2, 3][..], Trickle::failing("the disk is gone"));
        let mut window = Window::new(broken);
        assert!(!window.need(4));
        assert_eq!(window.ahead(), [1, 2, 3]);
        assert_eq!(window.take_error().unwrap().to_string(), "the disk is gone");
        assert!(window.take_error().is_none() && !window.need(4));
    }
}
