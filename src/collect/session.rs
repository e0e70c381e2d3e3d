//! Templates of one Observation Domain of one Transport Session, and where its sequence stands.

use super::sequence::Sequence;
use crate::model::{Timestamp, Transport};
use crate::wire::export::{Definition, Plan, Version};
use std::sync::Arc;

/// What Templates and sequence numbers are scoped by (RFC 7011 section 2, RFC 3954 section 7), besides the Exporter.
/// In this order, so that the sessions of a domain stand side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SessionKey {
    pub version: Version,
    pub domain: u32,
    pub transport: Transport,
    pub source_port: u16,
    pub collector_port: u16,
}

impl SessionKey {
    /// The first and the last key that a session of the same domain may have.
    pub fn siblings(self) -> (Self, Self) {
        let first = Self {
            transport: Transport::Udp,
            source_port: 0,
            collector_port: 0,
            ..self
        };
        let last = Self {
            transport: Transport::Tcp,
            source_port: u16::MAX,
            collector_port: u16::MAX,
            ..self
        };
        (first, last)
    }
}

/// A Template, compiled.
#[derive(Debug)]
pub(super) struct Template {
    pub id: u16,
    pub options: bool,
    /// The definition as it came: the same octets are the same Template.
    pub octets: Box<[u8]>,
    pub plan: Plan,
}

impl Template {
    /// Compiles a definition; `None` where it cannot be used.
    pub fn new(definition: Definition<'_>) -> Option<Self> {
        Some(Self {
            id: definition.id,
            options: definition.options,
            octets: definition.octets.into(),
            plan: Plan::compile(definition)?,
        })
    }

    fn memory(&self) -> usize {
        size_of::<Self>() + self.octets.len() + self.plan.memory()
    }
}

/// A Template in its place.
#[derive(Clone, Debug)]
struct Slot {
    template: Arc<Template>,
    /// When it came last.
    renewed: Timestamp,
}

/// One Observation Domain of one Transport Session.
#[derive(Clone, Debug, Default)]
pub(super) struct Session {
    pub sequence: Sequence,
    /// When the exporter started, where options data says so: nanoseconds since 1970.
    pub started: Option<i64>,
    /// Arrival of its newest message.
    pub last_seen: Timestamp,
    /// In order of ID.
    slots: Vec<Slot>,
    /// Where the Template asked for last stands.
    recent: usize,
    memory: usize,
}

impl Session {
    /// One without Templates whose first message came at `at`.
    pub fn new(at: Timestamp) -> Self {
        Self {
            last_seen: at,
            ..Self::default()
        }
    }

    /// The Template with this ID.
    #[inline]
    pub fn template(&mut self, id: u16) -> Option<&Arc<Template>> {
        if self
            .slots
            .get(self.recent)
            .is_none_or(|slot| slot.template.id != id)
        {
            self.recent = self.find(id).ok()?;
        }
        self.slots.get(self.recent).map(|slot| &slot.template)
    }

    /// The Template with this ID and when it came, for another session.
    pub fn lend(&self, id: u16) -> Option<(Timestamp, &Arc<Template>)> {
        let slot = self.slots.get(self.find(id).ok()?)?;
        Some((slot.renewed, &slot.template))
    }

    /// Renews the Template that these octets define; `false` where it is not known in this form.
    pub fn renew(&mut self, definition: &Definition<'_>, at: Timestamp) -> bool {
        let place = self.find(definition.id).ok();
        match place.and_then(|place| self.slots.get_mut(place)) {
            Some(slot)
                if *slot.template.octets == *definition.octets
                    && slot.template.options == definition.options =>
            {
                slot.renewed = at;
                true
            }
            _ => false,
        }
    }

    /// Puts a Template in place of the one with its ID, or as a new one.
    pub fn define(&mut self, template: Arc<Template>, renewed: Timestamp) {
        self.memory += template.memory();
        let place = self.find(template.id);
        let slot = Slot { template, renewed };
        match place {
            Ok(place) => {
                if let Some(old) = self.slots.get_mut(place) {
                    self.memory -= old.template.memory();
                    *old = slot;
                }
            }
            Err(place) => self.slots.insert(place, slot),
        }
    }

    /// Forgets Templates that `keep`, asked with each and when it came, does not want.
    pub fn retain(&mut self, mut keep: impl FnMut(&Template, Timestamp) -> bool) {
        self.slots.retain(|slot| {
            let kept = keep(&slot.template, slot.renewed);
            if !kept {
                self.memory -= slot.template.memory();
            }
            kept
        });
    }

    /// Its Templates in order of ID, and when they came.
    pub fn templates(&self) -> impl Iterator<Item = (&Template, Timestamp)> {
        self.slots.iter().map(|slot| (&*slot.template, slot.renewed))
    }

    /// How many Templates it has.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Octets it occupies.
    pub fn memory(&self) -> usize {
        // The tree that holds it costs about as much again as its key.
        size_of::<Self>() + 2 * size_of::<SessionKey>() + self.memory
    }

    fn find(&self, id: u16) -> Result<usize, usize> {
        self.slots.binary_search_by_key(&id, |slot| slot.template.id)
    }
}
