//! DNS messages (RFC 1035), as far as they tell which name stands for which addresses.
//!
//! Multicast DNS (RFC 6762) and LLMNR (RFC 4795) have the same form.

mod name;

use super::cursor::Cursor;
use crate::model::Ip;
pub use name::Name;
use name::{Labels, same_name, skip_name};

const HEADER_OCTETS: usize = 12;
const TYPE_A: u16 = 1;
const TYPE_AAAA: u16 = 28;
const CLASS_IN: u16 = 1;
/// Multicast DNS uses the class's top bit for something else (RFC 6762 sections 5.4 and 10.2).
const CLASS_MASK: u16 = 0x7fff;

/// A DNS message whose header and first question are sound.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    octets: &'a [u8],
    flags: u16,
    name_at: usize,
    qtype: u16,
    asked: bool,
    answers_at: usize,
    answers: u16,
}

/// Reads a message from a UDP payload. `None`: it is no DNS message, is no query or answer to one (opcode 0), or ends
/// before its first question is complete.
///
/// Later sections are read by [`Message::answers`], as far as they were captured.
pub fn parse(payload: &[u8]) -> Option<Message<'_>> {
    let header = Cursor::new(payload);
    let (flags, questions, answers) = (header.u16(2)?, header.u16(4)?, header.u16(6)?);
    if payload.len() < HEADER_OCTETS || (flags >> 11) & 15 != 0 {
        return None;
    }
    let mut message = Message {
        octets: payload,
        flags,
        name_at: HEADER_OCTETS,
        qtype: 0,
        asked: questions > 0,
        answers_at: HEADER_OCTETS,
        answers,
    };
    if message.asked {
        message.read_questions(questions)?;
    } else {
        message.name_after_answers()?;
    }
    Some(message)
}

/// Reads a message from the start of a TCP segment: two octets of length come first (RFC 1035 section 4.2.2). Of a
/// message longer than its first segment that segment's part is read.
pub fn parse_tcp(payload: &[u8]) -> Option<Message<'_>> {
    let at = Cursor::new(payload);
    let length = usize::from(at.u16(0)?);
    parse(at.skip(2)?.at_most(length).octets())
}

impl<'a> Message<'a> {
    /// Whether it answers rather than asks.
    pub fn is_response(&self) -> bool {
        self.flags & 0x8000 != 0
    }

    /// The low four bits of the response code: 0 no error, 2 server failure, 3 no such name, 5 refused (RFC 6895
    /// section 2.3).
    pub fn rcode(&self) -> u8 {
        (self.flags & 15) as u8
    }

    /// The type that was asked for: 1 A, 28 AAAA, 15 MX, 16 TXT, ... (RFC 6895 section 3.1).
    pub fn qtype(&self) -> u16 {
        self.qtype
    }

    /// Writes the name that was asked for into `name`.
    ///
    /// An answer without question, as multicast DNS sends it, is about its first address record, else its first record.
    pub fn name(&self, name: &mut Name) {
        name.read(Labels::new(self.octets, self.name_at));
    }

    /// The addresses in the answer section. All of them belong to the name of the question, whatever aliases (CNAME)
    /// lie between; in an answer without question, those of the records that bear [`Message::name`]. A query has none,
    /// whatever records it brings along (RFC 6762 section 7.1).
    pub fn answers(&self) -> Answers<'a> {
        let mut records = self.records();
        if !self.is_response() {
            records.left = 0;
        }
        Answers {
            records,
            owner: (!self.asked).then_some(self.name_at),
        }
    }

    fn read_questions(&mut self, questions: u16) -> Option<()> {
        Labels::new(self.octets, HEADER_OCTETS).check()?;
        let mut at = skip_name(self.octets, HEADER_OCTETS)?;
        let fields = Cursor::new(self.octets.get(at..)?);
        self.qtype = fields.u16(0)?;
        fields.u16(2)?;
        at += 4;
        for _ in 1..questions {
            // A cut later question leaves no answers, and the first question stands.
            at = skip_name(self.octets, at).map_or(self.octets.len(), |end| end.saturating_add(4));
        }
        self.answers_at = at;
        Some(())
    }

    fn name_after_answers(&mut self) -> Option<()> {
        let mut records = self.records().filter(|_| self.is_response());
        let first = records.next()?;
        let chosen = std::iter::once(first)
            .chain(records)
            .find(|record| record.address().is_some())
            .unwrap_or(first);
        Labels::new(self.octets, chosen.owner_at).check()?;
        self.name_at = chosen.owner_at;
        self.qtype = chosen.kind;
        Some(())
    }

    fn records(&self) -> Records<'a> {
        Records {
            octets: self.octets,
            at: self.answers_at,
            left: self.answers,
        }
    }
}

/// Addresses of an answer section, in its order.
#[derive(Clone, Debug)]
pub struct Answers<'a> {
    records: Records<'a>,
    owner: Option<usize>,
}

impl Iterator for Answers<'_> {
    type Item = Ip;

    fn next(&mut self) -> Option<Ip> {
        let (octets, owner) = (self.records.octets, self.owner);
        self.records
            .by_ref()
            .filter(|record| owner.is_none_or(|owner| same_name(octets, owner, record.owner_at)))
            .find_map(|record| record.address())
    }
}

#[derive(Clone, Copy, Debug)]
struct Record<'a> {
    owner_at: usize,
    kind: u16,
    class: u16,
    data: &'a [u8],
}

impl Record<'_> {
    fn address(&self) -> Option<Ip> {
        match (self.class & CLASS_MASK, self.kind) {
            (CLASS_IN, TYPE_A) => self.data.try_into().ok().map(Ip::from_v4_octets),
            (CLASS_IN, TYPE_AAAA) => self.data.try_into().ok().map(Ip::from_v6_octets),
            _ => None,
        }
    }
}

/// Resource records (RFC 1035 section 4.1.3); ends early where they are cut or broken.
#[derive(Clone, Debug)]
struct Records<'a> {
    octets: &'a [u8],
    at: usize,
    left: u16,
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        self.left = self.left.checked_sub(1)?;
        let record = self.read();
        if record.is_none() {
            self.left = 0;
        }
        record
    }
}

impl<'a> Records<'a> {
    fn read(&mut self) -> Option<Record<'a>> {
        let owner_at = self.at;
        let fields = Cursor::new(self.octets.get(skip_name(self.octets, owner_at)?..)?);
        let length = usize::from(fields.u16(8)?);
        let data = fields.skip(10)?.octets().get(..length)?;
        self.at = self.octets.len() - fields.octets().len() + 10 + length;
        Some(Record {
            owner_at,
            kind: fields.u16(0)?,
            class: fields.u16(2)?,
            data,
        })
    }
}

#[cfg(test)]
mod tests;
