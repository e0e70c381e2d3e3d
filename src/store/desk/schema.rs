//! The tables of the desk, and how a file of an older layout is brought to this one.
//!
//! | table | a row is | changes |
//! |---|---|---|
//! | `history` | a line of an anomaly's history | never; goes when its anomaly is forgotten |
//! | `anomalies` | an anomaly as it was last told of, and its life as the history makes it | with every line about it |
//! | `silences` | a silence | its end, and how many anomalies it fell on |
//! | `measures` | what steers the detector | its end and its effect |
//! | `counts` | a counter by name | grows |
//!
//! What holds after every transaction: the life of an anomaly is that of its history and nothing else; every line's anomaly is there;
//! measures that follow from a verdict are in force while that verdict stands.

use rusqlite::{Connection, TransactionBehavior};

/// The layout this program writes, in SQLite's `user_version`.
const VERSION: i64 = 1;

const TABLES: &str = "
CREATE TABLE anomalies (
    id INTEGER PRIMARY KEY,
    incident INTEGER NOT NULL,
    rule TEXT NOT NULL,
    severity INTEGER NOT NULL,
    open INTEGER NOT NULL,
    shadow INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    detected_at INTEGER NOT NULL,
    ended_at INTEGER,
    verdict TEXT,
    facts TEXT NOT NULL,
    life TEXT NOT NULL,
    json TEXT NOT NULL
) STRICT;
CREATE INDEX anomalies_by_time ON anomalies (detected_at, id);
CREATE INDEX anomalies_by_incident ON anomalies (incident);
CREATE INDEX anomalies_open ON anomalies (open, detected_at) WHERE open = 1;
CREATE TABLE history (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    by TEXT NOT NULL,
    anomaly INTEGER NOT NULL REFERENCES anomalies (id) ON DELETE CASCADE,
    act TEXT NOT NULL
) STRICT;
CREATE INDEX history_by_anomaly ON history (anomaly, seq);
CREATE TRIGGER history_stays BEFORE UPDATE ON history
    BEGIN SELECT RAISE(ABORT, 'a line of history is never changed'); END;
CREATE TABLE silences (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    filter TEXT NOT NULL,
    until INTEGER NOT NULL,
    by TEXT NOT NULL,
    why TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    ended_at INTEGER,
    held INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE measures (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    steer TEXT NOT NULL,
    scope TEXT NOT NULL,
    until INTEGER,
    by TEXT NOT NULL,
    why TEXT,
    made_at INTEGER NOT NULL,
    ended_at INTEGER,
    anomaly INTEGER,
    effect TEXT
) STRICT;
CREATE INDEX measures_by_anomaly ON measures (anomaly) WHERE anomaly IS NOT NULL;
CREATE TABLE counts (name TEXT PRIMARY KEY, count INTEGER NOT NULL) STRICT, WITHOUT ROWID;
";

/// Makes the tables in a new file; leaves those of this layout alone.
///
/// # Errors
///
/// The file's layout is newer than this program, or SQLite cannot use it.
pub(super) fn prepare(connection: &mut Connection) -> Result<(), Unfit> {
    // Readers do not wait for writers; a commit is on the disk when it returns.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    match found {
        0 => {
            transaction.execute_batch(TABLES)?;
            transaction.pragma_update(None, "user_version", VERSION)?;
            transaction.commit()?;
            Ok(())
        }
        VERSION => Ok(()),
        other => Err(Unfit::Newer(other)),
    }
}

/// Why a file is no desk of ours.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unfit {
    /// Written by a later program.
    #[error("its layout is {0}, this program knows up to {VERSION}")]
    Newer(i64),
    /// SQLite says so.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
}
