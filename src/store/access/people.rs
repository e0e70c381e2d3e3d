//! People with passwords of their own.

use super::{Access, AccessError, Role, check_name};
use crate::model::Timestamp;
use rusqlite::{OptionalExtension, params};

/// Most people.
const MOST: i64 = 1000;

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// What they log in as.
    pub name: String,
    /// What they may.
    pub role: Role,
    /// When they were added.
    pub made_at: Timestamp,
}

impl Access {
    /// Whether there is anybody.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn has_users(&self) -> Result<bool, AccessError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM user)";
        Ok(self.db.query_row(sql, [], |row| row.get(0))?)
    }

    /// All of them, by name.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn users(&self) -> Result<Vec<User>, AccessError> {
        let mut all = self
            .db
            .prepare_cached("SELECT name, role, made_at FROM user ORDER BY name")?;
        let all = all.query_map([], |row| {
            Ok(User {
                name: row.get(0)?,
                role: role(&row.get::<_, String>(1)?),
                made_at: Timestamp::from_nanos(row.get(2)?),
            })
        })?;
        Ok(all.collect::<Result<_, _>>()?)
    }

    /// Adds somebody; `hash` is that of the password.
    ///
    /// # Errors
    ///
    /// The name is taken or cannot be one, or there are too many.
    pub fn add_user(&self, name: &str, role: Role, hash: &str, at: Timestamp) -> Result<(), AccessError> {
        check_name(name)?;
        let count: i64 = self
            .db
            .query_row("SELECT count(*) FROM user", [], |row| row.get(0))?;
        if count >= MOST {
            return Err(AccessError::Refused(format!("there are {MOST} users already")));
        }
        let sql =
            "INSERT INTO user (name, role, password, made_at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
        match self
            .db
            .execute(sql, params![name, role.name(), hash, at.as_nanos()])?
        {
            0 => Err(AccessError::Refused(format!("there is a user `{name}` already"))),
            _ => Ok(()),
        }
    }

    /// Gives somebody another password; all their sessions end.
    ///
    /// # Errors
    ///
    /// There is no such user.
    pub fn set_password(&self, name: &str, hash: &str) -> Result<(), AccessError> {
        let sql = "UPDATE user SET password = ?2 WHERE name = ?1";
        known(name, self.db.execute(sql, params![name, hash])?)?;
        self.end_sessions_of(name)
    }

    /// Gives somebody another role; all their sessions end.
    ///
    /// # Errors
    ///
    /// There is no such user.
    pub fn set_role(&self, name: &str, role: Role) -> Result<(), AccessError> {
        let sql = "UPDATE user SET role = ?2 WHERE name = ?1";
        known(name, self.db.execute(sql, params![name, role.name()])?)?;
        self.end_sessions_of(name)
    }

    /// Removes somebody with their sessions. Tokens they made stay: they belong to programs.
    ///
    /// # Errors
    ///
    /// There is no such user.
    pub fn remove_user(&self, name: &str) -> Result<(), AccessError> {
        known(name, self.db.execute("DELETE FROM user WHERE name = ?1", [name])?)?;
        self.end_sessions_of(name)
    }

    /// The hash of somebody's password and what they may.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn password(&self, name: &str) -> Result<Option<(String, Role)>, AccessError> {
        let sql = "SELECT password, role FROM user WHERE name = ?1";
        let found = self.db.query_row(sql, [name], |row| {
            Ok((row.get(0)?, role(&row.get::<_, String>(1)?)))
        });
        Ok(found.optional()?)
    }
}

fn known(name: &str, changed: usize) -> Result<(), AccessError> {
    match changed {
        0 => Err(AccessError::Refused(format!(
            "there is no user `{}`",
            crate::model::units::printable(name)
        ))),
        _ => Ok(()),
    }
}

/// A role as it is kept; the least where a later version wrote one that is not known here.
pub(super) fn role(text: &str) -> Role {
    text.parse().unwrap_or(Role::Viewer)
}
