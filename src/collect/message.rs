//! One message on its way: its sequence number, its Sets, and where each of them goes.

use super::reading::{Data, Reading};
use super::sequence::Step;
use super::session::{Session, SessionKey, Template};
use super::waiting::{Waiting, WaitingSet};
use super::{Config, Sink, fixed};
use crate::model::{ExportTrouble, Timestamp};
use crate::wire::export::{Definition, Definitions, Header, Set, SetKind, Sets, Version};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One message on its way.
pub(super) struct Message<'a, S> {
    pub key: SessionKey,
    pub at: Timestamp,
    pub octets: &'a [u8],
    pub full: bool,
    pub sessions: &'a mut BTreeMap<SessionKey, Session>,
    pub waiting: &'a mut Waiting,
    pub stale: &'a mut bool,
    pub reading: Reading<'a, S>,
}

impl<S: Sink> Message<'_, S> {
    /// Reads it from behind its header.
    pub fn read(&mut self, header: &Header) {
        if let Some(session) = self.sessions.get(&self.key) {
            self.reading.clock.started = session.started;
        }
        let before = self.reading.books.account.records;
        let units = match header.version {
            Version::V5 | Version::V7 => Some(fixed::read(&mut self.reading, header, self.octets)),
            version => {
                let records = self.sets(header);
                if version == Version::V9 { Some(1) } else { records }
            }
        };
        let flows = self.reading.books.account.records.saturating_sub(before);
        self.follow(header, units, u32::try_from(flows).ok());
    }

    /// Looks at the sequence number of a message with so many units of its sequence, and so many flows.
    fn follow(&mut self, header: &Header, units: Option<u32>, flows: Option<u32>) {
        let Some(session) = self.sessions.get_mut(&self.key) else {
            return;
        };
        session.started = self.reading.clock.started;
        // Only the numbers of IPFIX could count the message they stand in.
        let flows = flows.filter(|_| header.version == Version::Ipfix && units.is_some());
        let step = session.sequence.arrive(header.sequence, header.uptime, flows);
        let account = &mut self.reading.books.account;
        step.count(account);
        if step != Step::Late {
            session.sequence.advance(units);
            account.sequenced += u64::from(units.unwrap_or(0));
        }
    }

    fn session(&mut self) -> Option<&mut Session> {
        self.sessions.get_mut(&self.key)
    }

    /// Reads the Sets; gives the number of Data Records, where all of them could be counted.
    fn sets(&mut self, header: &Header) -> Option<u32> {
        let end = header.stated.map_or(usize::MAX, usize::from);
        let (mut records, mut cut) = (Some(0), false);
        if header.stated.is_some() && end < header.length {
            let what = format!("message gives its length as {end} octets");
            self.reading.fault(ExportTrouble::Malformed, 2, what);
            return None;
        }
        for set in Sets::new(self.octets, header.length, end) {
            let set = match set {
                Ok(set) => set,
                Err(broken) => {
                    let what = format!("Set {} gives its length as {} octets", broken.id, broken.length);
                    self.reading.fault(ExportTrouble::Malformed, broken.offset, what);
                    return None;
                }
            };
            cut |= set.cut;
            match set.kind(header.version) {
                SetKind::Data => {
                    let read = self.data(set).filter(|_| !set.cut);
                    records = records.zip(read).map(|(sum, n)| sum + n);
                }
                SetKind::Reserved => {
                    let what = format!("Set has the reserved number {}", set.id);
                    self.reading.fault(ExportTrouble::Malformed, set.offset, what);
                }
                kind => self.definitions(set, kind),
            }
        }
        if header.stated.is_some() && end > self.octets.len() {
            if !cut {
                let what = format!("message of {end} octets ends after {}", self.octets.len());
                self.reading.fault(ExportTrouble::Cut, 2, what);
            }
            return None;
        }
        records
    }

    /// Reads a Set of data, or lets it wait: then the number of its records is not known.
    fn data(&mut self, set: Set<'_>) -> Option<u32> {
        let own = self
            .session()
            .and_then(|session| session.template(set.id))
            .cloned();
        let template = match own {
            Some(template) => template,
            None => match self.borrow(set.id) {
                Some(template) => {
                    self.reading.books.account.borrowed += 1;
                    template
                }
                None => {
                    self.wait(set);
                    return None;
                }
            },
        };
        let data = Data {
            id: set.id,
            offset: set.offset,
            cut: set.cut,
            body: set.body,
        };
        Some(self.reading.data(&template, data))
    }

    /// The newest Template with this ID of the same domain over another Transport Session: exporters change their
    /// source port when they restart, or spread over several, and send Templates over one of them.
    fn borrow(&self, id: u16) -> Option<Arc<Template>> {
        let (first, last) = self.key.siblings();
        let siblings = self.sessions.range(first..=last);
        let lent = siblings.filter_map(|(_, session)| session.lend(id));
        let newest = lent.max_by_key(|(renewed, _)| *renewed);
        newest.map(|(_, template)| Arc::clone(template))
    }

    fn wait(&mut self, set: Set<'_>) {
        self.reading.books.account.untemplated += 1;
        let limit = if self.full {
            0
        } else {
            self.reading.config.waiting_limit
        };
        let given_up = self.waiting.push(
            WaitingSet {
                version: self.key.version,
                domain: self.key.domain,
                id: set.id,
                at: self.at,
                clock: self.reading.clock,
                offset: set.offset,
                cut: set.cut,
                body: set.body.into(),
            },
            limit,
        );
        if given_up > 0 {
            self.reading.books.account.given_up += given_up;
            let what = format!("Template {} is not known, and no more data can wait", set.id);
            self.reading
                .fault(ExportTrouble::UnknownTemplate, set.offset, what);
        }
    }

    /// Reads a Set of Templates. All troubles are counted, the first is told.
    fn definitions(&mut self, set: Set<'_>, kind: SetKind) {
        let mut trouble: Option<(u64, String)> = None;
        for definition in Definitions::new(self.key.version, kind, set.body) {
            let done = match definition {
                Ok(definition) => self.definition(&definition, set.id),
                Err(id) => Err(format!("Template {id} is longer than its Set")),
            };
            if let Err(what) = done {
                trouble = Some(match trouble {
                    Some((count, first)) => (count + 1, first),
                    None => (1, what),
                });
            }
        }
        if let Some((count, what)) = trouble {
            let kind = if set.cut {
                ExportTrouble::Cut
            } else {
                ExportTrouble::BadTemplate
            };
            self.reading.books.account.faults += count - 1;
            self.reading.fault(kind, set.offset, what);
        }
    }

    /// Takes in one Template, or takes it back.
    fn definition(&mut self, definition: &Definition<'_>, set: u16) -> Result<(), String> {
        let at = self.at;
        let Some(session) = self.sessions.get_mut(&self.key) else {
            return Ok(());
        };
        if session.renew(definition, at) {
            return Ok(());
        }
        *self.stale = true;
        let before = session.len() as u64;
        let others = self.reading.books.account.templates.saturating_sub(before);
        if definition.withdraws() {
            let all = definition.id == set;
            session.retain(|t, _| t.id != definition.id && !(all && t.options == definition.options));
            self.reading.books.account.templates = others + session.len() as u64;
            return Ok(());
        }
        // What the ID meant before is wrong from now on, even where the new meaning cannot be used.
        session.retain(|t, _| t.id != definition.id);
        let known = others + session.len() as u64;
        self.reading.books.account.templates = known;
        let template = usable(definition, self.reading.config, known, self.full)?;
        session.define(Arc::new(template), at);
        self.reading.books.account.templates = known + 1;
        self.recover(definition.id);
        Ok(())
    }

    /// Reads the data that waited for a Template, with the clocks of the messages it came in.
    fn recover(&mut self, id: u16) {
        let waited = self.waiting.take(self.key.version, self.key.domain, id);
        if waited.is_empty() {
            return;
        }
        let Some(template) = self.session().and_then(|session| session.template(id)).cloned() else {
            return;
        };
        let now = self.reading.clock;
        for set in waited {
            self.reading.clock = set.clock.of_start(now.started);
            let data = Data {
                id,
                offset: set.offset,
                cut: set.cut,
                body: &set.body,
            };
            self.reading.data(&template, data);
            self.reading.books.account.recovered += 1;
        }
        self.reading.clock = now.of_start(self.reading.clock.started);
    }
}

/// Compiles a definition, where there is room and it can be used.
fn usable(definition: &Definition<'_>, config: &Config, known: u64, full: bool) -> Result<Template, String> {
    let (id, fields) = (definition.id, definition.fields);
    if id < 256 {
        return Err(format!("Template has the reserved number {id}"));
    }
    if fields > config.field_limit {
        return Err(format!(
            "Template {id} has {fields} fields, {} are allowed",
            config.field_limit
        ));
    }
    if full || known >= config.template_limit as u64 {
        return Err(format!("no room for Template {id}: {known} are kept"));
    }
    Template::new(*definition).ok_or_else(|| format!("records of Template {id} would have no octets"))
}
