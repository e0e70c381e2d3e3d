//! Who may see and do what: people, tokens, sessions, shared views and the trail of what they did, in one file of SQLite.
//!
//! Secrets are never kept: of passwords an Argon2 hash, of tokens and sessions a SHA-256 hash, which is enough for random
//! ones of 256 bits. The file can be read by its owner only. Every table has a limit; time is an argument.

mod people;
mod sessions;
mod tokens;
mod trail;

pub use people::User;
pub use sessions::Session;
pub use tokens::{Share, Token};
pub use trail::Trace;

use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

/// The file in the folder of the state.
pub const FILE: &str = "access.db";
/// How long a writer waits for another.
const PATIENCE: Duration = Duration::from_secs(5);

/// What somebody may do; each may what the one before may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Sees everything but people.
    Viewer,
    /// Also says what anomalies are, and tries rules.
    Analyst,
    /// Also decides who may.
    Admin,
}

impl Role {
    /// All of them, from the least.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Analyst, Self::Admin];

    /// The name on the command line, in configuration and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Analyst => "analyst",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|role| role.name() == text);
        known.ok_or_else(|| format!("`{text}` is no role: viewer, analyst or admin"))
    }
}

/// Why the file of access cannot be used, or refuses.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The file itself.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// What happened.
        source: std::io::Error,
    },
    /// The database in it.
    #[error("the file of access ({FILE}): {0}")]
    Database(#[from] rusqlite::Error),
    /// What was asked for cannot be.
    #[error("{0}")]
    Refused(String),
}

/// The file of access.
#[derive(Debug)]
pub struct Access {
    db: Connection,
}

impl Access {
    /// Opens it in a folder, or makes it there.
    ///
    /// # Errors
    ///
    /// It cannot be read or made.
    pub fn open(folder: &Path) -> Result<Self, AccessError> {
        let path = folder.join(FILE);
        private(&path)?;
        Self::prepare(Connection::open(&path)?)
    }

    /// One that lives only as long as this value, and in which there is nobody.
    ///
    /// # Errors
    ///
    /// There is no memory for it.
    pub fn in_memory() -> Result<Self, AccessError> {
        Self::prepare(Connection::open_in_memory()?)
    }

    fn prepare(db: Connection) -> Result<Self, AccessError> {
        db.busy_timeout(PATIENCE)?;
        db.pragma_update(None, "journal_mode", "wal")?;
        db.pragma_update(None, "foreign_keys", true)?;
        db.execute_batch(include_str!("access.sql"))?;
        Ok(Self { db })
    }
}

/// Makes the file, where there is none, so that nobody but its owner can read it.
fn private(path: &Path) -> Result<(), AccessError> {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true).mode(0o600);
    let outcome = options.open(path).and_then(|file| {
        let permissions = std::fs::Permissions::from_mode(0o600);
        match file.metadata()?.permissions().mode() & 0o077 {
            0 => Ok(()),
            _ => file.set_permissions(permissions),
        }
    });
    outcome.map_err(|source| AccessError::File {
        path: path.to_owned(),
        source,
    })
}

/// Names of people and of tokens: what can stand in a line of a log and in an address.
fn check_name(name: &str) -> Result<(), AccessError> {
    let sound = |c: char| c.is_alphanumeric() || "._-@+".contains(c);
    match !name.is_empty() && name.chars().count() <= 64 && name.chars().all(sound) {
        true => Ok(()),
        false => Err(AccessError::Refused(format!(
            "`{}` is no name: up to 64 letters, digits and any of . _ - @ +",
            crate::model::units::printable(name)
        ))),
    }
}

#[cfg(test)]
mod tests;
