//! What the detector tells of anomalies, taken down.

use super::rows::{self, KEPT, Line, add, kept, key, text, write};
use super::silences::active;
use super::{Desk, Result};
use crate::life::Life;
use crate::model::{Act, Anomaly, AnomalyId, Entry, Facts, MACHINE, Timestamp};
use rusqlite::{Transaction, params};

/// What the detector says of an anomaly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// It began, or came back.
    Opened,
    /// It became graver.
    Escalated,
    /// It ended.
    Closed,
    /// It goes on; this is how it looks now.
    Seen,
}

/// An anomaly as the detector tells of it.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// What happened.
    pub what: What,
    /// When, in event time.
    pub at: Timestamp,
    /// To which, as it then was.
    pub anomaly: &'a Anomaly,
    /// The same as the JSON of a report.
    pub json: &'a str,
}

impl Desk {
    /// Takes down what the detector told, in order and in one transaction; the lines it wrote.
    ///
    /// The same may be told again, after a restart for instance: what is known already writes no line.
    ///
    /// # Errors
    ///
    /// It could not be written; then nothing of it was.
    pub fn observe(&mut self, told: &[Told<'_>]) -> Result<Vec<Entry>> {
        let most = self.most;
        let transaction = self.begin()?;
        let mut entries = Vec::new();
        for one in told {
            entries.extend(take_down(&transaction, one)?);
        }
        forget(&transaction, most)?;
        transaction.commit()?;
        Ok(entries)
    }

    /// The anomalies that are open as far as the desk knows, as they were when they were told of last, the oldest first.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn open_anomalies(&self) -> Result<Vec<Facts>> {
        let sql = format!("SELECT {KEPT} FROM anomalies WHERE open = 1 ORDER BY started_at, id");
        let mut statement = self.connection.prepare(&sql)?;
        let mut found = statement.query([])?;
        let mut open = Vec::new();
        while let Some(row) = found.next()? {
            open.push(kept(row, &|_| None)?.facts);
        }
        Ok(open)
    }

    /// Closes anomalies that are open here but were not found again by a detector that started anew: nobody can say when
    /// they ended. The lines it wrote.
    ///
    /// # Errors
    ///
    /// It could not be written; then nothing of it was.
    pub fn lose_sight(&mut self, at: Timestamp, lost: &[AnomalyId]) -> Result<Vec<Entry>> {
        let transaction = self.begin()?;
        let mut entries = Vec::new();
        for &id in lost {
            if let Some(mut life) = rows::life(&transaction, id)?.filter(|life| life.open) {
                let act = Act::Closed { ended_at: None };
                entries.push(write(&transaction, &mut life, machine(at, id, act))?);
            }
        }
        transaction.commit()?;
        Ok(entries)
    }
}

fn machine<'a>(at: Timestamp, anomaly: AnomalyId, act: Act) -> Line<'a> {
    Line {
        at,
        by: MACHINE,
        anomaly,
        act,
    }
}

fn take_down(transaction: &Transaction<'_>, told: &Told<'_>) -> Result<Option<Entry>> {
    let facts = Facts::of(told.anomaly);
    let known = rows::life(transaction, facts.id)?;
    let is_new = known.is_none();
    let before = match is_new {
        true => None,
        false => name_and_incident(transaction, facts.id)?,
    };
    put(transaction, &facts, told.json)?;
    let mut life = known.unwrap_or_default();
    let act = match told.what {
        // Whatever the first word of it is, it has begun.
        _ if is_new => Act::Opened {
            severity: facts.severity,
        },
        What::Opened | What::Escalated if !life.open => Act::Reopened,
        What::Opened | What::Escalated if facts.severity > life.severity => Act::Escalated {
            severity: facts.severity,
        },
        // Stranger than before, but it matters as much.
        What::Escalated => Act::Updated,
        What::Closed if life.open => Act::Closed {
            ended_at: facts.ended_at,
        },
        What::Opened | What::Seen
            if life.open && before != Some((facts.kind.name().to_owned(), facts.incident.0)) =>
        {
            Act::Updated
        }
        _ => return Ok(None),
    };
    let at = if is_new { facts.detected_at } else { told.at };
    let entry = write(transaction, &mut life, machine(at, facts.id, act))?;
    if is_new {
        fall_on(transaction, told.at, &facts)?;
        if told.what == What::Closed {
            let act = Act::Closed {
                ended_at: facts.ended_at,
            };
            write(transaction, &mut life, machine(told.at, facts.id, act))?;
        }
    }
    Ok(Some(entry))
}

/// What is worth a line when it changes while an anomaly goes on: what it is called, and what it belongs to.
fn name_and_incident(transaction: &Transaction<'_>, anomaly: AnomalyId) -> Result<Option<(String, u64)>> {
    let sql = "SELECT facts ->> 'kind', incident FROM anomalies WHERE id = ?1";
    let mut statement = transaction.prepare_cached(sql)?;
    let row = statement.query_row([key(anomaly)], |row| {
        Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned()))
    })?;
    Ok(Some(row))
}

/// Writes how an anomaly looks now; its life stays as it is.
fn put(transaction: &Transaction<'_>, facts: &Facts, json: &str) -> Result<()> {
    let sql = "INSERT INTO anomalies
            (id, incident, rule, severity, open, shadow, started_at, detected_at, ended_at, facts, life, json)
        VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
        ON CONFLICT (id) DO UPDATE SET incident = ?2, started_at = ?6, ended_at = ?8, facts = ?9, json = ?11";
    transaction.prepare_cached(sql)?.execute(params![
        key(facts.id),
        facts.incident.0.cast_signed(),
        facts.rule,
        facts.severity as i64,
        facts.shadow,
        facts.started_at.as_nanos(),
        facts.detected_at.as_nanos(),
        facts.ended_at.map(Timestamp::as_nanos),
        text(facts),
        text(&Life::default()),
        json.trim_end(),
    ])?;
    Ok(())
}

/// Counts a new anomaly for the silences that lie on it.
fn fall_on(transaction: &Transaction<'_>, at: Timestamp, facts: &Facts) -> Result<()> {
    for (silence, filter) in active(transaction, at)? {
        if filter.matches(facts) {
            let sql = "UPDATE silences SET held = held + 1 WHERE id = ?1";
            transaction.execute(sql, [silence.cast_signed()])?;
        }
    }
    Ok(())
}

/// Forgets the oldest anomalies that are over, beyond `most`.
fn forget(transaction: &Transaction<'_>, most: u64) -> Result<()> {
    let count: u64 =
        transaction.query_row("SELECT count(*) FROM anomalies", [], |row| rows::count(row, 0))?;
    // In batches: to forget one with every new one would cost more than it frees.
    if count <= most + most / 100 {
        return Ok(());
    }
    let sql = "DELETE FROM anomalies WHERE id IN
        (SELECT id FROM anomalies WHERE open = 0 ORDER BY detected_at, id LIMIT ?1)";
    let gone = transaction.execute(sql, [(count - most).cast_signed()])?;
    add(transaction, "anomalies_forgotten", gone)
}
