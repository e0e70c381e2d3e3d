//! What people do to anomalies, and their histories.

use super::rows::{self, Line, entry, key, write};
use super::{Desk, DeskError, Result, measures};
use crate::model::{Act, AnomalyId, Entry, Timestamp, Verdicts};
use rusqlite::{OptionalExtension, params};
use std::collections::BTreeMap;

impl Desk {
    /// Has `by` do something to all of these anomalies at `at`, in one transaction; the lines it wrote.
    ///
    /// A verdict also puts its measure in force, and ends those of an earlier verdict on the same anomaly.
    ///
    /// # Errors
    ///
    /// One of them is unknown, or it may not be done to one of them; then nothing was done to any.
    pub fn act(&mut self, at: Timestamp, by: &str, ids: &[AnomalyId], act: &Act) -> Result<Vec<Entry>> {
        let transaction = self.begin()?;
        let mut entries = Vec::with_capacity(ids.len());
        for &anomaly in ids {
            let life = rows::life(&transaction, anomaly)?;
            let mut life = life.ok_or_else(|| DeskError::Unknown {
                what: "anomaly",
                id: anomaly.to_string(),
            })?;
            life.allows(act, at)
                .map_err(|why| DeskError::Refused { anomaly, why })?;
            let line = Line {
                at,
                by,
                anomaly,
                act: act.clone(),
            };
            entries.push(write(&transaction, &mut life, line)?);
            if matches!(act, Act::Judged { .. } | Act::Retracted) {
                measures::follow(&transaction, at, by, anomaly, act)?;
            }
        }
        transaction.commit()?;
        Ok(entries)
    }

    /// The history of an anomaly, oldest line first.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn history(&self, anomaly: AnomalyId) -> Result<Vec<Entry>> {
        let sql = "SELECT seq, at, by, anomaly, act FROM history WHERE anomaly = ?1 ORDER BY seq";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([key(anomaly)])?;
        let mut entries = Vec::new();
        while let Some(row) = found.next()? {
            entries.push(entry(row)?);
        }
        Ok(entries)
    }

    /// Lines of all anomalies after the line `seq`, oldest first, at most `most`.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn since(&self, seq: u64, most: usize) -> Result<Vec<Entry>> {
        let sql = "SELECT seq, at, by, anomaly, act FROM history WHERE seq > ?1 ORDER BY seq LIMIT ?2";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query(params![seq.cast_signed(), most as i64])?;
        let mut entries = Vec::new();
        while let Some(row) = found.next()? {
            entries.push(entry(row)?);
        }
        Ok(entries)
    }

    /// The newest line of all; 0 where there is none.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn newest(&self) -> Result<u64> {
        let sql = "SELECT max(seq) FROM history";
        let newest: Option<i64> = self
            .connection
            .query_row(sql, [], |row| row.get(0))
            .optional()?
            .flatten();
        Ok(newest.unwrap_or_default().cast_unsigned())
    }

    /// The verdicts that stand, by the rule that found what they are about.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn verdicts(&self) -> Result<BTreeMap<String, Verdicts>> {
        let sql =
            "SELECT rule, verdict, count(*) FROM anomalies WHERE verdict IS NOT NULL GROUP BY rule, verdict";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([])?;
        let mut counts: BTreeMap<String, Verdicts> = BTreeMap::new();
        while let Some(row) = found.next()? {
            let name: String = row.get(1)?;
            let verdict = crate::model::Verdict::ALL
                .into_iter()
                .find(|verdict| verdict.name() == name);
            if let Some(verdict) = verdict {
                counts
                    .entry(row.get(0)?)
                    .or_default()
                    .add_many(verdict, rows::count(row, 2)?);
            }
        }
        Ok(counts)
    }
}
