//! A Template compiled: what to pick out of each Data Record, and from where.

use super::elements::{Target, element, unit};
use super::template::{Field, VARIABLE};
use super::{Definition, Fields, Number, Section, Wide};

/// How a time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seconds since 1970.
    Seconds,
    /// Milliseconds since 1970; of a duration, milliseconds.
    Millis,
    /// 64 bits of NTP time (RFC 7011 section 6.1.9): seconds since 1900 and a binary fraction.
    NtpMicros,
    /// The same in full precision (RFC 7011 section 6.1.10).
    NtpNanos,
    /// Microseconds before the export of the message; of a duration, microseconds.
    MicrosBefore,
    /// Milliseconds since the exporter started.
    Uptime,
}

/// One value to pick out of a stretch of fixed layout.
#[derive(Clone, Copy, Debug)]
struct Op {
    offset: u32,
    length: u16,
    to: Target,
}

/// A stretch of fixed layout, and maybe one value of variable length behind it.
#[derive(Clone, Debug, Default)]
struct Stretch {
    ops: Vec<Op>,
    length: usize,
    /// Whether a value of variable length follows.
    variable: bool,
    /// What that value is for.
    tail: Option<Target>,
}

/// What to pick out of the records of one Template.
#[derive(Clone, Debug)]
pub struct Plan {
    stretches: Vec<Stretch>,
    /// Fewest octets of a record; at least 1.
    least: usize,
    has: u64,
    has_wide: u8,
    section: Option<Section>,
    options: bool,
    /// How the start of a flow is written.
    pub start: Option<Unit>,
    /// How its end is written.
    pub end: Option<Unit>,
    /// How its duration is written.
    pub duration: Option<Unit>,
}

/// A field that may fill a slot.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    to: Target,
    rank: u8,
    /// Which stretch it lies in.
    stretch: usize,
    offset: u32,
    field: Field,
}

impl Plan {
    /// Compiles a definition; `None` where records of it would have no octets.
    pub fn compile(definition: Definition<'_>) -> Option<Self> {
        let mut plan = Self {
            stretches: vec![Stretch::default()],
            least: 0,
            has: 0,
            has_wide: 0,
            section: None,
            options: definition.options,
            start: None,
            end: None,
            duration: None,
        };
        let mut candidates = plan.lay_out(definition);
        if plan.least == 0 {
            return None;
        }
        // The best for each slot first; among equals the first in the record.
        candidates.sort_by_key(|c| (slot(c.to), c.rank));
        let mut taken: Option<(u8, u8)> = None;
        for candidate in candidates {
            let place = match taken {
                Some((slot_taken, n)) if slot_taken == slot(candidate.to) => n + 1,
                _ => 0,
            };
            taken = Some((slot(candidate.to), place.min(2)));
            plan.assign(candidate, place);
        }
        Some(plan)
    }

    /// Walks the fields, measures the stretches, and gathers who may fill which slot.
    fn lay_out(&mut self, definition: Definition<'_>) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        for field in definition.fields() {
            let here = self.stretches.len() - 1;
            let Some(stretch) = self.stretches.last_mut() else {
                break;
            };
            if let Some((to, rank)) =
                element(definition.version, field).filter(|(to, _)| fits(*to, field.length))
            {
                candidates.push(Candidate {
                    to,
                    rank,
                    stretch: here,
                    offset: u32::try_from(stretch.length).unwrap_or(u32::MAX),
                    field,
                });
            }
            if field.length == VARIABLE {
                stretch.variable = true;
                self.least += 1;
                self.stretches.push(Stretch::default());
            } else {
                stretch.length += usize::from(field.length);
                self.least += usize::from(field.length);
            }
        }
        candidates
    }

    /// Gives a slot to a candidate, the `place`-th for it.
    fn assign(&mut self, candidate: Candidate, place: u8) {
        let to = match (place, candidate.to) {
            (0, to) => to,
            (1, Target::Number(number)) => match number.second() {
                Some(second) => Target::Number(second),
                None => return,
            },
            _ => return,
        };
        match to {
            Target::Number(number) | Target::Address(number) => {
                self.has |= number.bit();
                self.note_unit(number, candidate.field.id);
            }
            Target::Wide(wide) => self.has_wide |= 1 << wide as u8,
            Target::Section(section) => {
                self.has |= Number::Section.bit();
                self.section = Some(section);
            }
        }
        let Some(stretch) = self.stretches.get_mut(candidate.stretch) else {
            return;
        };
        if candidate.field.length == VARIABLE {
            stretch.tail = Some(to);
        } else {
            stretch.ops.push(Op {
                offset: candidate.offset,
                length: candidate.field.length,
                to,
            });
        }
    }

    fn note_unit(&mut self, number: Number, id: u16) {
        match number {
            Number::Start => self.start = unit(id),
            Number::End => self.end = unit(id),
            Number::Duration => self.duration = unit(id),
            _ => {}
        }
    }

    /// Whether records are flows: they have both addresses, or a packet to take them from, and are no options.
    pub fn is_flow(&self) -> bool {
        let pair = self.has(Number::Src) && self.has(Number::Dst);
        !self.options && (pair || self.has_wide_pair() || self.section.is_some())
    }

    /// Whether records have both addresses of IPv6.
    pub fn has_wide_pair(&self) -> bool {
        const PAIR: u8 = 1 << Wide::Src as u8 | 1 << Wide::Dst as u8;
        self.has_wide & PAIR == PAIR
    }

    /// Whether records may have a number.
    pub fn has(&self, number: Number) -> bool {
        self.has & number.bit() != 0
    }

    /// Whether records say something of sampling.
    pub fn samples(&self) -> bool {
        const SAMPLING: u64 = Number::Sampler.bit()
            | Number::SamplingInterval.bit()
            | Number::SamplingPackets.bit()
            | Number::SampleSize.bit();
        self.has & SAMPLING != 0
    }

    /// What the raw section of a packet begins with, in records that have one.
    pub fn section(&self) -> Option<Section> {
        self.section
    }

    /// Fewest octets of a record; at least 1. What is shorter at the end of a Set is padding.
    pub fn least(&self) -> usize {
        self.least
    }

    /// Octets it occupies.
    pub fn memory(&self) -> usize {
        let stretches = self.stretches.iter();
        let inner: usize = stretches
            .map(|s| size_of::<Stretch>() + s.ops.capacity() * size_of::<Op>())
            .sum();
        size_of::<Self>() + inner
    }

    /// Makes `fields` ready for records of this plan.
    pub fn prepare(&self, fields: &mut Fields) {
        fields.reset(self.has);
    }

    /// Reads the record at the beginning of `octets` and says how long it is; `None` where the octets end inside it.
    #[inline]
    pub fn read(&self, octets: &[u8], fields: &mut Fields) -> Option<usize> {
        let mut at = 0;
        for stretch in &self.stretches {
            let part = octets.get(at..at + stretch.length)?;
            for op in &stretch.ops {
                let from = op.offset as usize;
                if let Some(value) = part.get(from..from + usize::from(op.length)) {
                    store(fields, op.to, value, at + from);
                }
            }
            at += stretch.length;
            if stretch.variable {
                at = tail(octets, at, stretch.tail, fields)?;
            }
        }
        Some(at)
    }
}

/// Reads a value of variable length (RFC 7011 section 7) at `at`; gives where it ends.
fn tail(octets: &[u8], at: usize, to: Option<Target>, fields: &mut Fields) -> Option<usize> {
    let short = *octets.get(at)?;
    let (from, length) = if short == u8::MAX {
        let long = octets.get(at + 1..at + 3)?.first_chunk::<2>()?;
        (at + 3, usize::from(u16::from_be_bytes(*long)))
    } else {
        (at + 1, usize::from(short))
    };
    let value = octets.get(from..from + length)?;
    if let Some(to) = to {
        store(fields, to, value, from);
    }
    Some(from + length)
}

/// Puts a value where it belongs; `at` is its offset in the record.
#[inline]
fn store(fields: &mut Fields, to: Target, value: &[u8], at: usize) {
    match to {
        Target::Number(number) | Target::Address(number) => fields.set(number, unsigned(value)),
        Target::Wide(wide) => {
            if let Some(octets) = value.first_chunk::<16>() {
                fields.set_wide(wide, u128::from_be_bytes(*octets));
            }
        }
        Target::Section(_) => fields.set(Number::Section, (at as u64) << 32 | value.len() as u64),
    }
}

/// An unsigned number in network order (RFC 7011 section 6.2: exporters may send fewer octets than the element has).
/// Of more than eight octets the last eight count.
#[inline]
fn unsigned(value: &[u8]) -> u64 {
    match *value {
        [a, b, c, d] => u64::from(u32::from_be_bytes([a, b, c, d])),
        [a, b] => u64::from(u16::from_be_bytes([a, b])),
        [a] => u64::from(a),
        [a, b, c, d, e, f, g, h] => u64::from_be_bytes([a, b, c, d, e, f, g, h]),
        _ => value.iter().fold(0, |sum, &octet| sum << 8 | u64::from(octet)),
    }
}

/// Whether values of this length can be what the element says.
fn fits(to: Target, length: u16) -> bool {
    match to {
        Target::Number(_) => length > 0,
        Target::Address(_) => length == 4,
        Target::Wide(_) => length == 16,
        Target::Section(_) => length > 0,
    }
}

/// The slot that candidates compete for, as a number to sort by.
fn slot(to: Target) -> u8 {
    match to {
        Target::Number(number) | Target::Address(number) => number as u8,
        Target::Wide(wide) => 100 + wide as u8,
        Target::Section(_) => Number::Section as u8,
    }
}

// Which numbers a plan has is kept in 64 bits, which wide ones in 8.
const _: () = assert!(Number::COUNT <= 64 && Wide::COUNT <= 8);
