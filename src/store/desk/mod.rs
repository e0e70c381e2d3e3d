//! The desk: anomalies and what people did about them, in one SQLite file, `desk.db`, beside the state.
//!
//! The history is append-only and is the truth; how an anomaly stands ([`Life`](crate::life::Life)) is written beside it in the same
//! transaction, for look-up. Several processes may have it open: the daemon, the command line, a backup. Whoever writes takes
//! SQLite's write lock for a transaction of a few milliseconds and waits for others up to [`PATIENCE`].
//!
//! A transaction is on the disk when its call returns, or it is not there at all: SQLite's write-ahead log, synced at each commit.

mod acts;
mod asking;
mod measures;
mod observing;
mod outbox;
mod rows;
mod schema;
mod silences;
#[cfg(test)]
mod tests;

pub use asking::{Ask, Cursor, IncidentLine, Phase};
pub use measures::NewMeasure;
pub use observing::{Told, What};
pub use outbox::{Decided, Letter, Limits, Tally, Waiting};
pub use rows::Kept;

use crate::filter::FilterError;
use crate::life::Refusal;
use crate::model::AnomalyId;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::path::{Path, PathBuf};
use std::time::Duration;

const NAME: &str = "desk.db";
/// How long a writer waits for others.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// Anomalies that are kept; of more the oldest that are over are forgotten with their history, and counted.
pub const MOST: u64 = 100_000;

/// Why the desk cannot do something.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The file.
    #[error("{path}: {what}")]
    File {
        /// Which.
        path: PathBuf,
        /// What happened.
        what: String,
    },
    /// SQLite refused a statement.
    #[error("the desk: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A row does not say what it should.
    #[error("the desk: row {row} of {table}: {what}")]
    Damaged {
        /// In which table.
        table: &'static str,
        /// Which.
        row: i64,
        /// What is wrong.
        what: String,
    },
    /// Nothing of that name.
    #[error("there is no {what} {id}")]
    Unknown {
        /// Of what.
        what: &'static str,
        /// Its name.
        id: String,
    },
    /// It may not be done to that anomaly now.
    #[error("{anomaly}: {why}")]
    Refused {
        /// To which.
        anomaly: AnomalyId,
        /// Why not.
        why: Refusal,
    },
    /// What was asked for makes no sense.
    #[error("{0}")]
    Wrong(String),
    /// A filter cannot be read.
    #[error("{0}")]
    Filter(#[from] FilterError),
}

type Result<T> = std::result::Result<T, DeskError>;

/// One connection to the desk.
#[derive(Debug)]
pub struct Desk {
    connection: Connection,
    /// Anomalies to keep.
    most: u64,
}

impl Desk {
    /// Opens the desk in `folder`; a new one where there is none.
    ///
    /// # Errors
    ///
    /// It cannot be opened, is damaged, or was written by a later version.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(NAME);
        let fail = |what: String| DeskError::File {
            path: path.clone(),
            what,
        };
        let mut connection = Connection::open(&path).map_err(|error| fail(error.to_string()))?;
        connection
            .busy_timeout(PATIENCE)
            .map_err(|error| fail(error.to_string()))?;
        schema::prepare(&mut connection).map_err(|error| fail(error.to_string()))?;
        Ok(Self {
            connection,
            most: MOST,
        })
    }

    /// Opens the desk in `folder`; none where nothing was ever kept there.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn open_existing(folder: &Path) -> Result<Option<Self>> {
        match folder.join(NAME).is_file() {
            true => Self::open(folder).map(Some),
            false => Ok(None),
        }
    }

    /// Keeps at most so many anomalies, at least one.
    pub fn keep_at_most(&mut self, most: u64) {
        self.most = most.max(1);
    }

    /// A number that changes when another connection has written.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn changed(&self) -> Result<i64> {
        Ok(self
            .connection
            .query_row("PRAGMA data_version", [], |row| row.get(0))?)
    }

    /// The connection, for what else lies in the same file.
    pub fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// A counter of the desk, such as `anomalies_forgotten`.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn count(&self, name: &str) -> Result<u64> {
        let sql = "SELECT coalesce((SELECT count FROM counts WHERE name = ?1), 0)";
        Ok(self
            .connection
            .query_row(sql, [name], |row| rows::count(row, 0))?)
    }

    fn begin(&mut self) -> Result<Transaction<'_>> {
        Ok(self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?)
    }
}
