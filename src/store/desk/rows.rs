//! Rows of the desk's tables and what they say: ids, times, JSON.

use super::{DeskError, Result};
use crate::life::Life;
use crate::model::{Act, AnomalyId, Entry, Facts, Silence, Timestamp};
use rusqlite::{OptionalExtension, Row, Transaction, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// An anomaly as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// What filters ask of it, its life included.
    pub facts: Facts,
    /// How it stands.
    pub life: Life,
    /// The JSON that `tidemark replay --format json` writes of it, as it was last told.
    pub json: String,
    /// The silence that lies on it at the time it was asked for.
    pub silence: Option<u64>,
}

/// SQLite's integers are signed; an id keeps its bits.
pub(super) fn key(id: AnomalyId) -> i64 {
    id.0.cast_signed()
}

pub(super) fn id(key: i64) -> AnomalyId {
    AnomalyId(key.cast_unsigned())
}

pub(super) fn time(nanos: i64) -> Timestamp {
    Timestamp::from_nanos(nanos)
}

/// A column that counts something.
pub(super) fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

/// A value as JSON. What is kept here has text keys only, so it can always be written.
pub(super) fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

pub(super) fn read<T: DeserializeOwned>(table: &'static str, row: i64, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| DeskError::Damaged {
        table,
        row,
        what: error.to_string(),
    })
}

/// The columns [`kept`] reads, in its order.
pub(super) const KEPT: &str = "id, facts, life, json";

/// A row of `anomalies`, with the silence that lies on it.
pub(super) fn kept(row: &Row<'_>, silenced: &dyn Fn(&Facts) -> Option<u64>) -> Result<Kept> {
    let key: i64 = row.get(0)?;
    let mut facts: Facts = read("anomalies", key, row.get_ref(1)?.as_str().unwrap_or_default())?;
    let life: Life = read("anomalies", key, row.get_ref(2)?.as_str().unwrap_or_default())?;
    facts.acknowledged = life.acknowledged.as_ref().map(|ack| ack.by.clone());
    facts.assignee.clone_from(&life.assignee);
    facts.verdict = life.verdict.as_ref().map(|said| said.verdict);
    facts.severity = life.severity;
    let silence = silenced(&facts);
    facts.silenced = silence.is_some();
    Ok(Kept {
        facts,
        life,
        json: row.get(3)?,
        silence,
    })
}

/// A row of `history`: `seq, at, by, anomaly, act`.
pub(super) fn entry(row: &Row<'_>) -> Result<Entry> {
    let seq: i64 = row.get(0)?;
    let act: Act = read("history", seq, row.get_ref(4)?.as_str().unwrap_or_default())?;
    Ok(Entry {
        seq: seq.cast_unsigned(),
        at: time(row.get(1)?),
        by: row.get(2)?,
        anomaly: id(row.get(3)?),
        act,
    })
}

/// A row of `silences`, all columns.
pub(super) fn silence(row: &Row<'_>) -> rusqlite::Result<Silence> {
    Ok(Silence {
        id: count(row, 0)?,
        filter: row.get(1)?,
        until: time(row.get(2)?),
        by: row.get(3)?,
        why: row.get(4)?,
        made_at: time(row.get(5)?),
        ended_at: row.get::<_, Option<i64>>(6)?.map(time),
        held: count(row, 7)?,
    })
}

/// The life of an anomaly; none where it is not known.
pub(super) fn life(transaction: &Transaction<'_>, anomaly: AnomalyId) -> Result<Option<Life>> {
    let sql = "SELECT life FROM anomalies WHERE id = ?1";
    let found: Option<String> = transaction
        .query_row(sql, [key(anomaly)], |row| row.get(0))
        .optional()?;
    found
        .map(|text| read("anomalies", key(anomaly), &text))
        .transpose()
}

/// A line of history yet to be written.
pub(super) struct Line<'a> {
    pub(super) at: Timestamp,
    pub(super) by: &'a str,
    pub(super) anomaly: AnomalyId,
    pub(super) act: Act,
}

/// Writes a line of history, and the life that follows from it.
pub(super) fn write(transaction: &Transaction<'_>, life: &mut Life, line: Line<'_>) -> Result<Entry> {
    let sql = "INSERT INTO history (at, by, anomaly, act) VALUES (?1, ?2, ?3, ?4)";
    let row = params![line.at.as_nanos(), line.by, key(line.anomaly), text(&line.act)];
    transaction.prepare_cached(sql)?.execute(row)?;
    let entry = Entry {
        seq: transaction.last_insert_rowid().cast_unsigned(),
        at: line.at,
        by: line.by.to_owned(),
        anomaly: line.anomaly,
        act: line.act,
    };
    life.apply(&entry);
    let verdict = life.verdict.as_ref().map(|said| said.verdict.name());
    let sql = "UPDATE anomalies SET life = ?2, open = ?3, severity = ?4, verdict = ?5 WHERE id = ?1";
    let row = params![
        key(entry.anomaly),
        text(life),
        life.open,
        life.severity as i64,
        verdict
    ];
    transaction.prepare_cached(sql)?.execute(row)?;
    Ok(entry)
}

/// Adds to a counter of the desk.
pub(super) fn add(transaction: &Transaction<'_>, name: &str, count: usize) -> Result<()> {
    if count > 0 {
        let sql = "INSERT INTO counts VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET count = count + ?2";
        transaction.execute(sql, params![name, count as i64])?;
    }
    Ok(())
}
