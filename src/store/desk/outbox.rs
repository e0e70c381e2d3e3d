//! Messages that are to be sent, in the file of the desk: decided once, kept until the receiver has them, or given up and counted.
//!
//! | table | a row is |
//! |---|---|
//! | `outbox` | a message: waiting, sent or given up |
//! | `outbox_routes` | how a route stands, and its counters |
//! | `outbox_cursor` | one number: up to which line of the history was decided |
//!
//! The history is the queue. Decisions about the lines after the cursor, the states of routes that follow from them and the new
//! cursor are written in one transaction, so each line is decided on exactly once, whenever the program dies. A message is
//! marked sent after the receiver took it: a program that dies in between sends it again, under the same name.
//!
//! Each route has its own queue in order of decision, and its own limit ([`Limits`]).

use super::{Desk, DeskError, Result, rows};
use crate::model::{Severity, Timestamp};
use rusqlite::{OptionalExtension, Row, Transaction, params};
use std::collections::BTreeMap;

/// Messages of a route that are done and still there to be looked at.
const DONE: i64 = 500;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    message TEXT NOT NULL UNIQUE,
    route TEXT NOT NULL,
    phase TEXT NOT NULL,
    severity INTEGER NOT NULL,
    body TEXT NOT NULL,
    due INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'given-up')),
    error TEXT,
    made_at INTEGER NOT NULL,
    done_at INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS outbox_waiting ON outbox (route, id) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS outbox_done ON outbox (route, id) WHERE state <> 'waiting';
CREATE TABLE IF NOT EXISTS outbox_routes (
    route TEXT PRIMARY KEY,
    state TEXT NOT NULL DEFAULT '{}',
    sent INTEGER NOT NULL DEFAULT 0,
    retried INTEGER NOT NULL DEFAULT 0,
    given_up INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox_cursor (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL) STRICT;
";

/// A message that is to be kept until it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Names it for ever.
    pub message: String,
    /// Its route.
    pub route: String,
    /// What it says of what it is about.
    pub phase: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// The message, as JSON.
    pub body: String,
}

/// A message that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its row.
    pub id: i64,
    /// Names it for ever.
    pub message: String,
    /// How much it matters: 0 to 2.
    pub severity: u8,
    /// The message, as JSON.
    pub body: String,
    /// Not to be sent before.
    pub due: Timestamp,
    /// Times it was tried.
    pub attempts: u32,
    /// When it was decided.
    pub made_at: Timestamp,
}

/// How many messages of a route may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of more, the oldest of those that matter least are given up.
    pub waiting: u64,
}

/// What became of the messages of a route, over all runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Taken by the receiver.
    pub sent: u64,
    /// Attempts that failed and were to be made again.
    pub retried: u64,
    /// Given up: refused for good, too old, or too many.
    pub given_up: u64,
    /// Waiting now.
    pub waiting: u64,
    /// When the oldest that waits was decided.
    pub oldest: Option<Timestamp>,
}

/// Everything that was decided at one time.
#[derive(Clone, Debug, Default)]
pub struct Decided {
    /// Where the cursor was, and where it is to be.
    pub cursor: (u64, u64),
    /// How routes stand now, as JSON; those that did not change may be left out.
    pub states: Vec<(String, String)>,
    /// What is to be sent.
    pub letters: Vec<Letter>,
}

impl Desk {
    /// Makes the tables where there are none, and the cursor: the end of the history, for nobody is to be told of what is past.
    /// What was decided up to it.
    ///
    /// # Errors
    ///
    /// SQLite cannot write.
    pub fn open_outbox(&mut self) -> Result<u64> {
        let transaction = self.begin()?;
        transaction.execute_batch(TABLES)?;
        let newest = "INSERT OR IGNORE INTO outbox_cursor (one, seq)
                      SELECT 1, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'history'), 0)";
        transaction.execute(newest, [])?;
        let cursor = transaction.query_row("SELECT seq FROM outbox_cursor", [], |row| rows::count(row, 0))?;
        transaction.commit()?;
        Ok(cursor)
    }

    /// How routes stood when they were last decided on, as JSON by name. Those `known` stay; what others left is given up.
    ///
    /// # Errors
    ///
    /// SQLite cannot read or write.
    pub fn route_states(&mut self, known: &[String], at: Timestamp) -> Result<BTreeMap<String, String>> {
        let transaction = self.begin()?;
        let mut states = BTreeMap::new();
        {
            let mut read = transaction.prepare("SELECT route, state FROM outbox_routes")?;
            let mut found = read.query([])?;
            while let Some(row) = found.next()? {
                let (route, state): (String, String) = (row.get(0)?, row.get(1)?);
                if known.contains(&route) {
                    states.insert(route, state);
                } else {
                    // Its counters stay, for whoever adds them up.
                    let why = "there is no such route any more";
                    give_up(&transaction, &route, "id > 0", -1, why, at)?;
                    transaction
                        .execute("UPDATE outbox_routes SET state = '{}' WHERE route = ?1", [&route])?;
                }
            }
        }
        for route in known {
            transaction.execute("INSERT OR IGNORE INTO outbox_routes (route) VALUES (?1)", [route])?;
        }
        transaction.commit()?;
        Ok(states)
    }

    /// Keeps what was decided, all or nothing. Routes with more than `limits` waiting give up the oldest of what matters least.
    ///
    /// # Errors
    ///
    /// SQLite cannot write, or somebody else moved the cursor: two programs must not send for one desk.
    pub fn decide(
        &mut self,
        decided: &Decided,
        limits: impl Fn(&str) -> Limits,
        at: Timestamp,
    ) -> Result<()> {
        let transaction = self.begin()?;
        let (from, to) = decided.cursor;
        let moved = "UPDATE outbox_cursor SET seq = ?2 WHERE seq = ?1";
        if transaction.execute(moved, params![from as i64, to as i64])? != 1 {
            let words = "another program sends messages of this desk too".to_owned();
            return Err(DeskError::Wrong(words));
        }
        for (route, state) in &decided.states {
            let put = "INSERT INTO outbox_routes (route, state) VALUES (?1, ?2)
                       ON CONFLICT (route) DO UPDATE SET state = excluded.state";
            transaction.execute(put, [route, state])?;
        }
        let mut routes = std::collections::BTreeSet::new();
        for letter in &decided.letters {
            let put = "INSERT OR IGNORE INTO outbox (message, route, phase, severity, body, due, made_at)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)";
            let severity = letter.severity as i64;
            let nanos = at.as_nanos();
            let row = params![
                letter.message,
                letter.route,
                letter.phase,
                severity,
                letter.body,
                nanos
            ];
            transaction.execute(put, row)?;
            routes.insert(letter.route.as_str());
        }
        for route in routes {
            trim(&transaction, route, limits(route), at)?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// The oldest message of a route that waits.
    ///
    /// # Errors
    ///
    /// SQLite cannot read.
    pub fn next_letter(&self, route: &str) -> Result<Option<Waiting>> {
        let sql = "SELECT id, message, severity, body, due, attempts, made_at FROM outbox
                   WHERE route = ?1 AND state = 'waiting' ORDER BY id LIMIT 1";
        Ok(self.connection.query_row(sql, [route], waiting).optional()?)
    }

    /// The receiver has it, or has no word for it.
    ///
    /// # Errors
    ///
    /// SQLite cannot write.
    pub fn letter_sent(&mut self, route: &str, id: i64, at: Timestamp) -> Result<()> {
        let transaction = self.begin()?;
        let sql = "UPDATE outbox SET state = 'sent', attempts = attempts + 1, error = NULL, done_at = ?2
                   WHERE id = ?1 AND state = 'waiting'";
        let count = transaction.execute(sql, params![id, at.as_nanos()])?;
        add(&transaction, route, "sent", count)?;
        Ok(transaction.commit()?)
    }

    /// It is to be tried again at `due`.
    ///
    /// # Errors
    ///
    /// SQLite cannot write.
    pub fn letter_failed(&mut self, route: &str, id: i64, due: Timestamp, why: &str) -> Result<()> {
        let transaction = self.begin()?;
        let sql = "UPDATE outbox SET attempts = attempts + 1, due = ?2, error = ?3 WHERE id = ?1 AND state = 'waiting'";
        let count = transaction.execute(sql, params![id, due.as_nanos(), why])?;
        add(&transaction, route, "retried", count)?;
        Ok(transaction.commit()?)
    }

    /// It will never be sent.
    ///
    /// # Errors
    ///
    /// SQLite cannot write.
    pub fn letter_given_up(&mut self, route: &str, id: i64, why: &str, at: Timestamp) -> Result<()> {
        let transaction = self.begin()?;
        give_up(&transaction, route, "id = ?2", id, why, at)?;
        Ok(transaction.commit()?)
    }

    /// What became of the messages of all routes.
    ///
    /// # Errors
    ///
    /// SQLite cannot read.
    pub fn tallies(&self) -> Result<BTreeMap<String, Tally>> {
        let sql = "SELECT r.route, r.sent, r.retried, r.given_up, count(o.id), min(o.made_at)
                   FROM outbox_routes r LEFT JOIN outbox o ON o.route = r.route AND o.state = 'waiting'
                   GROUP BY r.route";
        let mut read = self.connection.prepare_cached(sql)?;
        let tally = |row: &Row<'_>| {
            let tally = Tally {
                sent: rows::count(row, 1)?,
                retried: rows::count(row, 2)?,
                given_up: rows::count(row, 3)?,
                waiting: rows::count(row, 4)?,
                oldest: row.get::<_, Option<i64>>(5)?.map(Timestamp::from_nanos),
            };
            Ok((row.get::<_, String>(0)?, tally))
        };
        Ok(read.query_map([], tally)?.collect::<rusqlite::Result<_>>()?)
    }

    /// The newest messages of a route, newest first: name, state and what was last wrong.
    ///
    /// # Errors
    ///
    /// SQLite cannot read.
    pub fn letters(&self, route: &str, most: usize) -> Result<Vec<(String, String, Option<String>)>> {
        let sql = "SELECT message, state, error FROM outbox WHERE route = ?1 ORDER BY id DESC LIMIT ?2";
        let mut read = self.connection.prepare_cached(sql)?;
        let found = read.query_map(params![route, most as i64], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
        Ok(found.collect::<rusqlite::Result<_>>()?)
    }
}

fn waiting(row: &Row<'_>) -> rusqlite::Result<Waiting> {
    Ok(Waiting {
        id: row.get(0)?,
        message: row.get(1)?,
        severity: row.get(2)?,
        body: row.get(3)?,
        due: Timestamp::from_nanos(row.get(4)?),
        attempts: row.get(5)?,
        made_at: Timestamp::from_nanos(row.get(6)?),
    })
}

fn add(transaction: &Transaction<'_>, route: &str, counter: &str, count: usize) -> Result<()> {
    let sql = format!(
        "INSERT INTO outbox_routes (route, {counter}) VALUES (?1, ?2)
         ON CONFLICT (route) DO UPDATE SET {counter} = {counter} + excluded.{counter}"
    );
    transaction.execute(&sql, params![route, count as i64])?;
    Ok(())
}

/// Gives up what waits of a route and fits a condition over `?2`.
fn give_up(
    transaction: &Transaction<'_>,
    route: &str,
    which: &str,
    value: i64,
    why: &str,
    at: Timestamp,
) -> Result<()> {
    let sql = format!(
        "UPDATE outbox SET state = 'given-up', error = ?3, done_at = ?4
         WHERE route = ?1 AND state = 'waiting' AND ?2 = ?2 AND {which}"
    );
    let count = transaction.execute(&sql, params![route, value, why, at.as_nanos()])?;
    add(transaction, route, "given_up", count)
}

/// Keeps a route within its limit, and what is done to what anybody looks at.
fn trim(transaction: &Transaction<'_>, route: &str, limits: Limits, at: Timestamp) -> Result<()> {
    let sql = "SELECT count(*) FROM outbox WHERE route = ?1 AND state = 'waiting'";
    let waiting = transaction.query_row(sql, [route], |row| rows::count(row, 0))?;
    let excess = waiting.saturating_sub(limits.waiting);
    if excess > 0 {
        let which = "id IN (SELECT id FROM outbox WHERE route = ?1 AND state = 'waiting'
                            ORDER BY severity, id LIMIT ?2)";
        give_up(
            transaction,
            route,
            which,
            excess as i64,
            "too many were waiting",
            at,
        )?;
    }
    let done = "DELETE FROM outbox WHERE route = ?1 AND state <> 'waiting' AND id <=
                (SELECT id FROM outbox WHERE route = ?1 AND state <> 'waiting' ORDER BY id DESC LIMIT 1 OFFSET ?2)";
    transaction.execute(done, params![route, DONE])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn letter(number: u64, severity: Severity) -> Letter {
        Letter {
            message: format!("message {number}"),
            route: "mail".to_owned(),
            phase: "opened",
            severity,
            body: "{}".to_owned(),
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_secs(second)
    }

    fn decide(desk: &mut Desk, cursor: (u64, u64), letters: Vec<Letter>) -> Result<()> {
        let decided = Decided {
            cursor,
            states: vec![("mail".to_owned(), format!("state {}", cursor.1))],
            letters,
        };
        desk.decide(&decided, |_| Limits { waiting: 3 }, at(1))
    }

    #[test]
    fn decisions_and_cursor_move_together_and_only_for_one_program() {
        let folder = tempfile::tempdir().unwrap();
        let mut desk = Desk::open(folder.path()).unwrap();
        assert_eq!(desk.open_outbox().unwrap(), 0);
        decide(&mut desk, (0, 5), vec![letter(1, Severity::Low)]).unwrap();
        let second = decide(&mut desk, (0, 7), vec![letter(2, Severity::Low)]);
        assert!(second.unwrap_err().to_string().contains("another program"));
        let mut again = Desk::open(folder.path()).unwrap();
        assert_eq!(again.open_outbox().unwrap(), 5);
        let states = again.route_states(&["mail".to_owned()], at(2)).unwrap();
        assert_eq!(states["mail"], "state 5");
        assert_eq!(again.tallies().unwrap()["mail"].waiting, 1);
    }

    #[test]
    fn a_message_waits_in_its_order_until_it_is_sent_and_failures_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let mut desk = Desk::open(folder.path()).unwrap();
        desk.open_outbox().unwrap();
        let letters = vec![
            letter(1, Severity::Low),
            letter(2, Severity::Critical),
            letter(1, Severity::Low),
        ];
        decide(&mut desk, (0, 0), letters).unwrap();
        let first = desk.next_letter("mail").unwrap().unwrap();
        assert_eq!(first.message, "message 1");
        let later = at(1) + Duration::from_secs(9);
        desk.letter_failed("mail", first.id, later, "down").unwrap();
        let again = desk.next_letter("mail").unwrap().unwrap();
        assert_eq!((again.id, again.attempts, again.due), (first.id, 1, later));
        desk.letter_sent("mail", first.id, at(3)).unwrap();
        desk.letter_sent("mail", first.id, at(4)).unwrap();
        let second = desk.next_letter("mail").unwrap().unwrap();
        desk.letter_given_up("mail", second.id, "refused", at(5)).unwrap();
        assert_eq!(desk.next_letter("mail").unwrap(), None);
        let tally = desk.tallies().unwrap()["mail"];
        let counts = (tally.sent, tally.retried, tally.given_up, tally.waiting);
        assert_eq!(counts, (1, 1, 1, 0));
    }

    #[test]
    fn of_too_many_the_oldest_that_matter_least_are_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let mut desk = Desk::open(folder.path()).unwrap();
        desk.open_outbox().unwrap();
        let severities = [
            Severity::High,
            Severity::Low,
            Severity::Critical,
            Severity::Low,
            Severity::High,
        ];
        let letters = (1..)
            .zip(severities)
            .map(|(n, severity)| letter(n, severity))
            .collect();
        decide(&mut desk, (0, 1), letters).unwrap();
        let left: Vec<String> = desk
            .letters("mail", 10)
            .unwrap()
            .into_iter()
            .filter(|(_, state, _)| state == "waiting")
            .map(|(message, _, _)| message)
            .collect();
        assert_eq!(left, ["message 5", "message 3", "message 1"]);
        assert_eq!(desk.tallies().unwrap()["mail"].given_up, 2);
        desk.route_states(&[], at(9)).unwrap();
        assert_eq!(
            desk.tallies().unwrap()["mail"].given_up,
            5,
            "the route is no more"
        );
    }
}
