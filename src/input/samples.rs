//! Captures made by hand for the tests of this folder: octets written down as the formats define them.

use std::io::{self, Read};

/// A source that gives at most `step` octets at a time.
pub(super) struct Trickle<'a> {
    octets: &'a [u8],
    step: usize,
    error: Option<&'static str>,
}

impl<'a> Trickle<'a> {
    pub(in crate::input) fn new(octets: &'a [u8], step: usize) -> Self {
        Self {
            octets,
            step,
            error: None,
        }
    }

    pub(in crate::input) fn failing(words: &'static str) -> Self {
        Self {
            octets: &[],
            step: 1,
            error: Some(words),
        }
    }
}

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(words) = self.error {
            return Err(io::Error::other(words));
        }
        let count = self.step.min(buffer.len());
        self.octets.by_ref().take(count as u64).read(buffer)
    }
}

/// Writes numbers in one byte order.
pub(in crate::input) struct Octets {
    pub big: bool,
    pub out: Vec<u8>,
}

impl Octets {
    pub(in crate::input) fn new(big: bool) -> Self {
        Self { big, out: Vec::new() }
    }

    pub(in crate::input) fn u16(&mut self, value: u16) -> &mut Self {
        let octets = if self.big {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        };
        self.raw(&octets)
    }

    pub(in crate::input) fn u32(&mut self, value: u32) -> &mut Self {
        let octets = if self.big {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        };
        self.raw(&octets)
    }

    pub(in crate::input) fn u64(&mut self, value: u64) -> &mut Self {
        let octets = if self.big {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        };
        self.raw(&octets)
    }

    pub(in crate::input) fn raw(&mut self, octets: &[u8]) -> &mut Self {
        self.out.extend_from_slice(octets);
        self
    }

    /// A pcap file header.
    pub(in crate::input) fn pcap(&mut self, magic: u32, link: u32) -> &mut Self {
        self.u32(magic).u16(2).u16(4).u32(0).u32(0).u32(65_535).u32(link)
    }

    /// A pcap record.
    pub(in crate::input) fn record(
        &mut self,
        seconds: u32,
        fraction: u32,
        frame: &[u8],
        original: u32,
    ) -> &mut Self {
        self.u32(seconds)
            .u32(fraction)
            .u32(frame.len() as u32)
            .u32(original)
            .raw(frame)
    }

    /// A pcapng block around `body`, which is padded.
    pub(in crate::input) fn block(
        &mut self,
        kind: u32,
        body: impl for<'a> FnOnce(&'a mut Self) -> &'a mut Self,
    ) -> &mut Self {
        let mut inner = Self::new(self.big);
        body(&mut inner);
        let padded = inner.out.len().next_multiple_of(4);
        inner.out.resize(padded, 0);
        let length = padded as u32 + 12;
        self.u32(kind).u32(length).raw(&inner.out).u32(length)
    }

    /// A Section Header Block.
    pub(in crate::input) fn section(&mut self) -> &mut Self {
        self.block(0x0a0d_0d0a, |b| {
            b.u32(0x1a2b_3c4d).u16(1).u16(0).u32(u32::MAX).u32(u32::MAX)
        })
    }

    /// An Interface Description Block; options as octets.
    pub(in crate::input) fn interface(&mut self, link: u16, snap: u32, options: &[u8]) -> &mut Self {
        self.block(1, |b| b.u16(link).u16(0).u32(snap).raw(options))
    }

    /// An Enhanced Packet Block.
    pub(in crate::input) fn packet(
        &mut self,
        interface: u32,
        ticks: u64,
        frame: &[u8],
        original: u32,
    ) -> &mut Self {
        self.block(6, |b| {
            b.u32(interface)
                .u32((ticks >> 32) as u32)
                .u32(ticks as u32)
                .u32(frame.len() as u32)
                .u32(original)
                .raw(frame)
        })
    }
}

/// A small pcapng file with everything in it, and what it says.
pub(super) fn everything() -> (Vec<u8>, &'static str) {
    let mut file = Octets::new(false);
    // Nanoseconds: option 9 of one octet, then the end of options.
    let nanos = [9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0];
    file.section().interface(1, 0, &[]).interface(101, 0, &nanos);
    file.packet(0, 1_000_000, b"abc", 3)
        .packet(1, 2_500_000_000, b"defg", 60);
    file.block(5, |b| b.u32(0).u32(0).u32(0));
    file.block(4, |b| b.u32(0));
    file.block(10, |b| b.u32(1));
    file.block(0xbad, |b| b.u32(1));
    file.block(0x8000_0001, |b| b.u32(1));
    let mut other = Octets::new(true);
    other.section().interface(113, 2, &[]);
    other.packet(0, 3_000_000, b"hi", 9);
    other.block(3, |b| b.u32(7).raw(b"jk"));
    other.block(2, |b| {
        b.u16(0).u16(3).u32(0).u32(4_000_000).u32(1).u32(1).raw(b"l")
    });
    file.raw(&other.out);
    let text = "1970-01-01T00:00:01Z link 1 abc of 3\n\
                1970-01-01T00:00:02.5Z link 101 defg of 60\n\
                1970-01-01T00:00:03Z link 113 hi of 9\n\
                1970-01-01T00:00:03Z link 113 jk of 7\n\
                1970-01-01T00:00:04Z link 113 l of 1\n";
    (file.out, text)
}

/// A small pcap file of three records, and what it says.
pub(super) fn three_records() -> (Vec<u8>, &'static str) {
    let mut file = Octets::new(false);
    file.pcap(0xa1b2_c3d4, 1);
    file.record(1, 0, b"one", 3)
        .record(2, 0, b"two", 3)
        .record(3, 0, b"three", 50);
    let text = "1970-01-01T00:00:01Z link 1 one of 3\n\
                1970-01-01T00:00:02Z link 1 two of 3\n\
                1970-01-01T00:00:03Z link 1 three of 50\n";
    (file.out, text)
}
