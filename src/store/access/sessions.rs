//! Sessions: who has logged in and may go on without a password for a while.

use super::people::role;
use super::{Access, AccessError, Role};
use crate::model::Timestamp;
use rusqlite::{OptionalExtension, params};
use std::time::Duration;

/// Most sessions; the one not seen for longest ends first.
const MOST: i64 = 10_000;

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Who.
    pub user: String,
    /// What they may.
    pub role: Role,
    /// Whether they have a password here; else an identity provider vouched for them.
    pub local: bool,
    /// When it began.
    pub began_at: Timestamp,
    /// When it was last used.
    pub seen_at: Timestamp,
}

impl Access {
    /// Begins one; `hash` is that of its secret.
    ///
    /// # Errors
    ///
    /// The database cannot be written.
    pub fn begin_session(&self, hash: &str, session: &Session) -> Result<(), AccessError> {
        let Session {
            user,
            role,
            local,
            began_at,
            seen_at,
        } = session;
        let sql = "INSERT INTO session (hash, user, role, local, began_at, seen_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let times = [began_at, seen_at].map(|at| at.as_nanos());
        self.db
            .execute(sql, params![hash, user, role.name(), local, times[0], times[1]])?;
        let sql = "DELETE FROM session WHERE hash IN (SELECT hash FROM session ORDER BY seen_at DESC LIMIT -1 OFFSET ?1)";
        self.db.execute(sql, [MOST])?;
        Ok(())
    }

    /// The session of a secret's hash.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn session(&self, hash: &str) -> Result<Option<Session>, AccessError> {
        let sql = "SELECT user, role, local, began_at, seen_at FROM session WHERE hash = ?1";
        let found = self.db.query_row(sql, [hash], |row| {
            Ok(Session {
                user: row.get(0)?,
                role: role(&row.get::<_, String>(1)?),
                local: row.get(2)?,
                began_at: Timestamp::from_nanos(row.get(3)?),
                seen_at: Timestamp::from_nanos(row.get(4)?),
            })
        });
        Ok(found.optional()?)
    }

    /// Notes that a session was used.
    ///
    /// # Errors
    ///
    /// The database cannot be written.
    pub fn see_session(&self, hash: &str, at: Timestamp) -> Result<(), AccessError> {
        let sql = "UPDATE session SET seen_at = ?2 WHERE hash = ?1";
        self.db.execute(sql, params![hash, at.as_nanos()])?;
        Ok(())
    }

    /// Ends a session.
    ///
    /// # Errors
    ///
    /// The database cannot be written.
    pub fn end_session(&self, hash: &str) -> Result<(), AccessError> {
        self.db.execute("DELETE FROM session WHERE hash = ?1", [hash])?;
        Ok(())
    }

    /// Ends all sessions of somebody.
    ///
    /// # Errors
    ///
    /// The database cannot be written.
    pub fn end_sessions_of(&self, user: &str) -> Result<(), AccessError> {
        self.db.execute("DELETE FROM session WHERE user = ?1", [user])?;
        Ok(())
    }

    /// Forgets sessions that began longer than `whole` before `now`, or were not used for longer than `idle`.
    ///
    /// # Errors
    ///
    /// The database cannot be written.
    pub fn forget_sessions(
        &self,
        now: Timestamp,
        whole: Duration,
        idle: Duration,
    ) -> Result<(), AccessError> {
        let sql = "DELETE FROM session WHERE began_at <= ?1 OR seen_at <= ?2";
        let ends = [(now - whole).as_nanos(), (now - idle).as_nanos()];
        self.db.execute(sql, ends)?;
        Ok(())
    }
}
