//! Measures: what verdicts and allowlists do to the detector, since when, until when, and with what effect.

use super::rows::{id, key, read, text, time};
use super::{Desk, DeskError, Result};
use crate::filter::Filter;
use crate::model::{
    Act, AnomalyId, Effect, Facts, MAX_NAME, MAX_WORDS, Measure, Scope, Steer, Timestamp, Verdict,
};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

/// Measures that may be in force at a time: each is asked of every deviation that would open an anomaly.
const MOST: i64 = 10_000;
/// What was a false alarm must come back ten times as improbable to be told again.
const TEN_TIMES: f64 = std::f64::consts::LN_10;

/// A measure that somebody asks for, without an anomaly: what is allowed.
#[derive(Clone, Debug, PartialEq)]
pub struct NewMeasure {
    /// For what.
    pub scope: Scope,
    /// First instant at which it no longer holds; none for good.
    pub until: Option<Timestamp>,
    /// Why.
    pub why: Option<String>,
}

impl Desk {
    /// Allows what is in a scope: its deviations open nothing from now on. Its number.
    ///
    /// # Errors
    ///
    /// The filter cannot be read, the end is in the past, nothing is said of what is allowed, or there are too many.
    pub fn allow(&mut self, at: Timestamp, by: &str, new: &NewMeasure) -> Result<u64> {
        check(at, by, new)?;
        let transaction = self.begin()?;
        let made = insert(&transaction, at, by, Steer::Excuse, new, None)?;
        transaction.commit()?;
        Ok(made)
    }

    /// Takes a measure back. Where it followed from a verdict, the verdict stays.
    ///
    /// # Errors
    ///
    /// There is none of that number in force.
    pub fn end_measure(&mut self, at: Timestamp, measure: u64) -> Result<()> {
        let sql = "UPDATE measures SET ended_at = ?2 WHERE id = ?1 AND ended_at IS NULL";
        let row = params![measure.cast_signed(), at.as_nanos()];
        match self.connection.execute(sql, row)? {
            0 => Err(DeskError::Unknown {
                what: "measure in force",
                id: measure.to_string(),
            }),
            _ => Ok(()),
        }
    }

    /// All measures with what they did so far, the newest first, at most `most`.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn measures(&self, most: usize) -> Result<Vec<(Measure, Effect)>> {
        self.measures_where("1 ORDER BY id DESC LIMIT ?1", most as i64)
    }

    /// The measures that follow from what was said of an anomaly, the newest first.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn measures_of(&self, anomaly: AnomalyId) -> Result<Vec<(Measure, Effect)>> {
        self.measures_where("anomaly = ?1 ORDER BY id DESC", key(anomaly))
    }

    /// The measures in force at `at` with what they did so far, oldest first.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn measures_in_force(&self, at: Timestamp) -> Result<Vec<(Measure, Effect)>> {
        let clause = "ended_at IS NULL AND (until IS NULL OR until > ?1) ORDER BY id";
        self.measures_where(clause, at.as_nanos())
    }

    fn measures_where(&self, clause: &str, value: i64) -> Result<Vec<(Measure, Effect)>> {
        let sql = format!("SELECT * FROM measures WHERE {clause}");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut found = statement.query([value])?;
        let mut measures = Vec::new();
        while let Some(row) = found.next()? {
            measures.push(measure(row)?);
        }
        Ok(measures)
    }

    /// Writes down what measures did so far.
    ///
    /// # Errors
    ///
    /// It could not be written; then nothing of it was.
    pub fn put_effects(&mut self, effects: &[Effect]) -> Result<()> {
        let transaction = self.begin()?;
        for effect in effects {
            let sql = "UPDATE measures SET effect = ?2 WHERE id = ?1";
            let row = params![effect.measure.cast_signed(), text(effect)];
            transaction.prepare_cached(sql)?.execute(row)?;
        }
        Ok(transaction.commit()?)
    }
}

fn check(at: Timestamp, by: &str, new: &NewMeasure) -> Result<()> {
    let wrong = |what: String| Err(DeskError::Wrong(what));
    if let Some(filter) = &new.scope.filter {
        Filter::parse(filter)?;
    }
    match () {
        () if new.scope == Scope::default() => wrong(
            "to allow everything is to switch the detector off: name a network, AS, name, filter or rule"
                .to_owned(),
        ),
        () if new.until.is_some_and(|until| until <= at) => wrong("`until` is in the past".to_owned()),
        () if by.chars().count() > MAX_NAME => wrong(format!("a name has at most {MAX_NAME} characters")),
        () if new
            .why
            .as_ref()
            .is_some_and(|why| why.chars().count() > MAX_WORDS) =>
        {
            wrong(format!("the reason is longer than {MAX_WORDS} characters"))
        }
        () => Ok(()),
    }
}

/// Ends what followed from earlier verdicts on an anomaly, and puts in force what follows from this one.
pub(super) fn follow(
    transaction: &Transaction<'_>,
    at: Timestamp,
    by: &str,
    anomaly: AnomalyId,
    act: &Act,
) -> Result<()> {
    let sql = "UPDATE measures SET ended_at = ?2 WHERE anomaly = ?1 AND ended_at IS NULL";
    transaction.execute(sql, params![key(anomaly), at.as_nanos()])?;
    let Act::Judged { verdict, until, why } = act else {
        return Ok(());
    };
    let sql = "SELECT facts FROM anomalies WHERE id = ?1";
    let found: Option<String> = transaction
        .query_row(sql, [key(anomaly)], |row| row.get(0))
        .optional()?;
    let facts: Facts = read("anomalies", key(anomaly), &found.unwrap_or_default())?;
    let series = Scope::of(&facts.rule, &facts.entity, facts.metric, facts.direction);
    let (steer, scope) = match verdict {
        Verdict::Attack => return Ok(()),
        // Whatever else that rule finds of it meanwhile is expected too.
        Verdict::Expected => (
            Steer::Excuse,
            Scope {
                metric: None,
                direction: None,
                ..series
            },
        ),
        Verdict::False => (
            Steer::Raise {
                score: facts.score + TEN_TIMES,
            },
            series,
        ),
        Verdict::NewNormal => (Steer::Accept, series),
    };
    let new = NewMeasure {
        scope,
        until: *until,
        why: why.clone(),
    };
    insert(transaction, at, by, steer, &new, Some(anomaly)).map(|_| ())
}

fn insert(
    transaction: &Transaction<'_>,
    at: Timestamp,
    by: &str,
    steer: Steer,
    new: &NewMeasure,
    anomaly: Option<AnomalyId>,
) -> Result<u64> {
    if in_force(transaction, at)? >= MOST {
        let what = format!("{MOST} measures are in force already; take one back first");
        return Err(DeskError::Wrong(what));
    }
    let sql = "INSERT INTO measures (steer, scope, until, by, why, made_at, anomaly)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    transaction.execute(
        sql,
        params![
            text(&steer),
            text(&new.scope),
            new.until.map(Timestamp::as_nanos),
            by,
            new.why,
            at.as_nanos(),
            anomaly.map(key),
        ],
    )?;
    Ok(transaction.last_insert_rowid().cast_unsigned())
}

fn in_force(connection: &Connection, at: Timestamp) -> Result<i64> {
    let sql = "SELECT count(*) FROM measures WHERE ended_at IS NULL AND (until IS NULL OR until > ?1)";
    Ok(connection.query_row(sql, [at.as_nanos()], |row| row.get(0))?)
}

/// A row of `measures`, all columns.
fn measure(row: &Row<'_>) -> Result<(Measure, Effect)> {
    let number: i64 = row.get(0)?;
    let measure = Measure {
        id: number.cast_unsigned(),
        steer: read("measures", number, row.get_ref(1)?.as_str().unwrap_or_default())?,
        scope: read("measures", number, row.get_ref(2)?.as_str().unwrap_or_default())?,
        until: row.get::<_, Option<i64>>(3)?.map(time),
        by: row.get(4)?,
        why: row.get(5)?,
        made_at: time(row.get(6)?),
        ended_at: row.get::<_, Option<i64>>(7)?.map(time),
        anomaly: row.get::<_, Option<i64>>(8)?.map(id),
    };
    let effect: Option<String> = row.get(9)?;
    let effect = effect.map(|text| read("measures", number, &text)).transpose()?;
    let nothing = Effect {
        measure: measure.id,
        ..Effect::default()
    };
    Ok((measure, effect.unwrap_or(nothing)))
}
