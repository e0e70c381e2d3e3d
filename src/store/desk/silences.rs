//! Silences: made, ended, and which of them lie on an anomaly.

use super::rows::silence;
use super::{Desk, DeskError, Result};
use crate::filter::AnomalyFilter;
use crate::model::{Facts, MAX_NAME, MAX_WORDS, Silence, Timestamp};
use rusqlite::{Connection, params};

/// Silences that may be active at a time: each is asked of every new anomaly.
const MOST: usize = 1000;

impl Desk {
    /// Silences what `filter` matches, from `at` until `until`; its number.
    ///
    /// # Errors
    ///
    /// The filter cannot be read, the end is in the past, a text is missing or too long, or there are too many.
    pub fn silence(
        &mut self,
        at: Timestamp,
        by: &str,
        filter: &str,
        until: Timestamp,
        why: &str,
    ) -> Result<u64> {
        let filter = AnomalyFilter::parse(filter)?;
        let wrong = |what: String| Err(DeskError::Wrong(what));
        match () {
            () if until <= at => return wrong("a silence ends in the future".to_owned()),
            () if why.trim().is_empty() => return wrong("a silence says why".to_owned()),
            () if why.chars().count() > MAX_WORDS => {
                return wrong(format!("the reason is longer than {MAX_WORDS} characters"));
            }
            () if by.chars().count() > MAX_NAME => {
                return wrong(format!("a name has at most {MAX_NAME} characters"));
            }
            () => {}
        }
        let transaction = self.begin()?;
        if active(&transaction, at)?.len() >= MOST {
            return wrong(format!("{MOST} silences are active already; end one first"));
        }
        let sql = "INSERT INTO silences (filter, until, by, why, made_at) VALUES (?1, ?2, ?3, ?4, ?5)";
        let row = params![filter.text(), until.as_nanos(), by, why, at.as_nanos()];
        transaction.execute(sql, row)?;
        let id = transaction.last_insert_rowid().cast_unsigned();
        transaction.commit()?;
        Ok(id)
    }

    /// Ends a silence before its time.
    ///
    /// # Errors
    ///
    /// There is none of that number that is active.
    pub fn end_silence(&mut self, at: Timestamp, id: u64) -> Result<()> {
        let sql = "UPDATE silences SET ended_at = ?2 WHERE id = ?1 AND ended_at IS NULL AND until > ?2";
        let ended = self
            .connection
            .execute(sql, params![id.cast_signed(), at.as_nanos()])?;
        if ended == 0 {
            return Err(DeskError::Unknown {
                what: "active silence",
                id: id.to_string(),
            });
        }
        Ok(())
    }

    /// All silences, the newest first, at most `most`.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn silences(&self, most: usize) -> Result<Vec<Silence>> {
        let sql = "SELECT * FROM silences ORDER BY id DESC LIMIT ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let found = statement.query_map([most as i64], silence)?;
        Ok(found.collect::<rusqlite::Result<_>>()?)
    }

    /// What asks of an anomaly which silence lies on it at `at`, the oldest of several.
    pub(super) fn silencer(&self, at: Timestamp) -> Result<impl Fn(&Facts) -> Option<u64> + use<>> {
        let active = active(&self.connection, at)?;
        Ok(move |facts: &Facts| {
            let on = |(_, filter): &&(u64, AnomalyFilter)| filter.matches(facts);
            active.iter().find(on).map(|(id, _)| *id)
        })
    }
}

/// The silences that are active at `at`, oldest first.
pub(super) fn active(connection: &Connection, at: Timestamp) -> Result<Vec<(u64, AnomalyFilter)>> {
    let sql = "SELECT * FROM silences WHERE ended_at IS NULL AND until > ?1 AND made_at <= ?1 ORDER BY id";
    let mut statement = connection.prepare_cached(sql)?;
    let found: Vec<Silence> = statement
        .query_map([at.as_nanos()], silence)?
        .collect::<rusqlite::Result<_>>()?;
    // A filter was read before it was written down; a later program that no longer knows a word of it lets it lie.
    let read = |silence: Silence| Some((silence.id, AnomalyFilter::parse(&silence.filter).ok()?));
    Ok(found.into_iter().filter_map(read).collect())
}
