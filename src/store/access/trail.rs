//! The audit trail: who did what, when and from where.

use super::{Access, AccessError};
use crate::model::Timestamp;
use crate::model::units::printable;
use rusqlite::params;

/// Most lines; the oldest go first.
const MOST: i64 = 100_000;
/// Most characters of a text in it.
const LONGEST: usize = 300;

/// One line of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// Its number; they only grow.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// Who: a user, a token, or whoever tried to be one.
    pub who: String,
    /// From which address.
    pub origin: String,
    /// What.
    pub what: String,
    /// `done`, `refused` and why.
    pub outcome: String,
}

impl Access {
    /// Adds a line; its number is not looked at.
    ///
    /// # Errors
    ///
    /// The database cannot be written.
    pub fn trace(&self, trace: &Trace) -> Result<(), AccessError> {
        let sql = "INSERT INTO trace (at, who, origin, what, outcome) VALUES (?1, ?2, ?3, ?4, ?5)";
        let [who, origin, what, outcome] =
            [&trace.who, &trace.origin, &trace.what, &trace.outcome].map(|text| cut(text));
        self.db
            .execute(sql, params![trace.at.as_nanos(), who, origin, what, outcome])?;
        let newest = self.db.last_insert_rowid();
        self.db
            .execute("DELETE FROM trace WHERE seq <= ?1", [newest - MOST])?;
        Ok(())
    }

    /// At most `limit` lines before number `before`, the newest first.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn traces(&self, before: Option<i64>, limit: usize) -> Result<Vec<Trace>, AccessError> {
        let sql =
            "SELECT seq, at, who, origin, what, outcome FROM trace WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2";
        let mut all = self.db.prepare_cached(sql)?;
        let all = all.query_map(params![before.unwrap_or(i64::MAX), limit as i64], |row| {
            Ok(Trace {
                seq: row.get(0)?,
                at: Timestamp::from_nanos(row.get(1)?),
                who: row.get(2)?,
                origin: row.get(3)?,
                what: row.get(4)?,
                outcome: row.get(5)?,
            })
        })?;
        Ok(all.collect::<Result<_, _>>()?)
    }
}

fn cut(text: &str) -> String {
    printable(text).chars().take(LONGEST).collect()
}
