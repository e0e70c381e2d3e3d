//! Templates and Options Templates as they stand in a Set: where each definition ends, and what it defines.

use super::super::cursor::Cursor;
use super::{SetKind, Version};

/// One field of a definition: which Information Element, and in how many octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// Private Enterprise Number; 0 for elements of the IANA registry and of NetFlow v9.
    pub enterprise: u32,
    /// Element number.
    pub id: u16,
    /// Octets of the value; [`VARIABLE`] where each value says its own.
    pub length: u16,
    /// Whether it is a scope of an Options Template.
    pub scope: bool,
}

/// The length of a field whose values carry their own (RFC 7011 section 7). Some v9 exporters use it too.
pub(super) const VARIABLE: u16 = 65535;

/// One definition, unparsed: what a Template Record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition<'a> {
    /// Which protocol defines it.
    pub version: Version,
    /// Whether it is an Options Template.
    pub options: bool,
    /// Template ID, 256 and above for a usable definition.
    pub id: u16,
    /// How many fields it has; none: the Template is withdrawn (RFC 7011 section 8.1).
    pub fields: usize,
    /// The Template Record from its ID on. The same octets define the same Template.
    pub octets: &'a [u8],
}

impl<'a> Definition<'a> {
    /// Reads one definition at the beginning of `octets`.
    ///
    /// `None` where the octets end inside it.
    pub fn read(version: Version, options: bool, octets: &'a [u8]) -> Option<Self> {
        let start = Cursor::new(octets);
        let layout = Layout::read(version, options, start)?;
        let mut at = start.skip(layout.head)?;
        for _ in 0..layout.fields {
            at = at.skip(field_size(version, at)?)?;
        }
        let size = octets.len() - at.octets().len();
        Some(Self {
            version,
            options,
            id: start.u16(0)?,
            fields: layout.fields,
            octets: octets.get(..size)?,
        })
    }

    /// Whether it takes a Template back rather than defining one: all of its kind where the ID is that of the Set.
    pub fn withdraws(&self) -> bool {
        self.version == Version::Ipfix && self.fields == 0
    }

    /// Its fields in order, scopes first.
    pub(super) fn fields(self) -> impl Iterator<Item = Field> + 'a {
        let start = Cursor::new(self.octets);
        let layout = Layout::read(self.version, self.options, start);
        let (head, scopes) = layout.map_or((usize::MAX, 0), |l| (l.head, l.scopes));
        let mut at = start.skip(head);
        (0..self.fields).map_while(move |n| {
            let here = at?;
            let size = field_size(self.version, here)?;
            at = here.skip(size);
            let id = here.u16(0)?;
            let enterprise = if size == 8 { here.u32(4)? } else { 0 };
            Some(Field {
                enterprise,
                id: if size == 8 { id & 0x7fff } else { id },
                length: here.u16(2)?,
                scope: n < scopes,
            })
        })
    }
}

/// Octets of the field at `at`: the upper bit of an IPFIX element number says that an enterprise number follows
/// (RFC 7011 section 3.2). NetFlow v9 has no such bit.
fn field_size(version: Version, at: Cursor<'_>) -> Option<usize> {
    let enterprise = version == Version::Ipfix && at.u16(0)? & 0x8000 != 0;
    Some(if enterprise { 8 } else { 4 })
}

/// The head of a definition.
#[derive(Clone, Copy, Debug)]
struct Layout {
    /// Octets before the first field.
    head: usize,
    /// Fields, scopes included.
    fields: usize,
    /// Of them scopes.
    scopes: usize,
}

impl Layout {
    fn read(version: Version, options: bool, at: Cursor<'_>) -> Option<Self> {
        let count = usize::from(at.u16(2)?);
        let (head, fields, scopes) = match (version, options) {
            // RFC 3954 section 6.1 gives the scopes and the options in octets of their definitions.
            (Version::V9, true) => {
                let scopes = count / 4;
                (6, scopes + usize::from(at.u16(4)?) / 4, scopes)
            }
            // A withdrawal ends before the number of scopes (RFC 7011 section 8.1).
            (_, true) if count == 0 => (4, 0, 0),
            (_, true) => (6, count, usize::from(at.u16(4)?)),
            (_, false) => (4, count, 0),
        };
        Some(Self { head, fields, scopes })
    }
}

/// Walks the definitions of a Set. Ends at padding; each step consumes four octets at least.
#[derive(Clone, Copy, Debug)]
pub struct Definitions<'a> {
    version: Version,
    options: bool,
    rest: &'a [u8],
}

impl<'a> Definitions<'a> {
    /// Of the Set with this body.
    pub fn new(version: Version, kind: SetKind, body: &'a [u8]) -> Self {
        Self {
            version,
            options: kind == SetKind::OptionsTemplates,
            rest: body,
        }
    }
}

impl<'a> Iterator for Definitions<'a> {
    /// An error is the ID of a definition that the Set ends in.
    type Item = Result<Definition<'a>, u16>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = std::mem::take(&mut self.rest);
        let id = Cursor::new(rest).u16(0)?;
        if rest.len() < 4 || rest.iter().all(|&octet| octet == 0) {
            return None;
        }
        let Some(definition) = Definition::read(self.version, self.options, rest) else {
            return Some(Err(id));
        };
        self.rest = rest.get(definition.octets.len()..).unwrap_or_default();
        Some(Ok(definition))
    }
}
