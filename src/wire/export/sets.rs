//! The Sets of a v9 or IPFIX message (FlowSets in RFC 3954 section 5.2, Sets in RFC 7011 section 3.3).

use super::super::cursor::Cursor;
use super::Version;

/// What a Set holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetKind {
    /// Templates.
    Templates,
    /// Options Templates.
    OptionsTemplates,
    /// Data Records of the Template with the Set's number.
    Data,
    /// Nothing that is defined: numbers up to 255 other than the above.
    Reserved,
}

/// One Set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Set<'a> {
    /// Its number: the Template's for data.
    pub id: u16,
    /// Offset of its header in the message.
    pub offset: u32,
    /// What stands behind its header, padding included.
    pub body: &'a [u8],
    /// Whether the message ends before the Set does.
    pub cut: bool,
}

impl Set<'_> {
    /// What it holds.
    pub fn kind(&self, version: Version) -> SetKind {
        match (version, self.id) {
            (Version::V9, 0) | (Version::Ipfix, 2) => SetKind::Templates,
            (Version::V9, 1) | (Version::Ipfix, 3) => SetKind::OptionsTemplates,
            (_, 256..) => SetKind::Data,
            _ => SetKind::Reserved,
        }
    }
}

/// A Set whose length is less than its own header: where the next one begins cannot be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokenSet {
    /// Its number.
    pub id: u16,
    /// Offset of its header in the message.
    pub offset: u32,
    /// The length it gives.
    pub length: u16,
}

/// Walks the Sets of a message. Their own lengths are trusted, the count in a v9 header is not. Each step consumes a
/// Set's header at least.
#[derive(Clone, Copy, Debug)]
pub struct Sets<'a> {
    at: Option<Cursor<'a>>,
}

impl<'a> Sets<'a> {
    /// Of a message whose header is `header` octets long and which ends after `end` octets, or where `message` ends.
    pub fn new(message: &'a [u8], header: usize, end: usize) -> Self {
        Self {
            at: Cursor::new(message).at_most(end).skip(header),
        }
    }
}

impl<'a> Iterator for Sets<'a> {
    type Item = Result<Set<'a>, BrokenSet>;

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.at.take()?;
        let (id, length, inner) = (at.u16(0)?, at.u16(2)?, at.skip(4)?);
        let offset = at.offset();
        let Some(size) = usize::from(length).checked_sub(4) else {
            // Zeros behind the last Set are padding of the message.
            let padding = at.octets().iter().all(|&octet| octet == 0);
            return (!padding).then_some(Err(BrokenSet { id, offset, length }));
        };
        self.at = inner.skip(size);
        Some(Ok(Set {
            id,
            offset,
            body: inner.at_most(size).octets(),
            cut: self.at.is_none(),
        }))
    }
}
