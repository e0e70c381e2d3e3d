//! Tokens of programs, and links to a view that is shared.

use super::people::role;
use super::{Access, AccessError, Role, check_name};
use crate::model::Timestamp;
use rusqlite::{OptionalExtension, Row, params};

/// Most tokens and shared links together.
const MOST: i64 = 1000;

/// What a program shows to be let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its number.
    pub id: i64,
    /// What people call it.
    pub name: String,
    /// What its bearer may.
    pub role: Role,
    /// Who made it.
    pub made_by: String,
    /// When.
    pub made_at: Timestamp,
    /// Until when it is good; none for always.
    pub expires_at: Option<Timestamp>,
}

/// A link to the read-only view: whoever has it sees that view and nothing else.
pub type Share = Token;

impl Access {
    /// Tokens, or links that share the view, by number.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn tokens(&self, shares: bool) -> Result<Vec<Token>, AccessError> {
        let sql =
            "SELECT id, name, role, made_by, made_at, expires_at FROM token WHERE share = ?1 ORDER BY id";
        let mut all = self.db.prepare_cached(sql)?;
        let all = all.query_map([shares], token)?;
        Ok(all.collect::<Result<_, _>>()?)
    }

    /// Adds one, whose secret has that hash; `id` of it is not looked at. Its number.
    ///
    /// # Errors
    ///
    /// The name is taken or cannot be one, or there are too many.
    pub fn add_token(&self, token: &Token, hash: &str, share: bool) -> Result<i64, AccessError> {
        check_name(&token.name)?;
        let count: i64 = self
            .db
            .query_row("SELECT count(*) FROM token", [], |row| row.get(0))?;
        if count >= MOST {
            return Err(AccessError::Refused(format!(
                "there are {MOST} tokens and shared links already: remove some"
            )));
        }
        let sql = "INSERT INTO token (name, role, hash, made_by, made_at, expires_at, share) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING";
        let Token {
            name,
            role,
            made_by,
            made_at,
            expires_at,
            ..
        } = token;
        let expires = expires_at.map(Timestamp::as_nanos);
        let values = params![
            name,
            role.name(),
            hash,
            made_by,
            made_at.as_nanos(),
            expires,
            share
        ];
        match self.db.execute(sql, values)? {
            0 => Err(AccessError::Refused(format!("the name `{name}` is taken"))),
            _ => Ok(self.db.last_insert_rowid()),
        }
    }

    /// The token, or shared link, of a secret's hash, if it is still good at `now`.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn token(&self, hash: &str, share: bool, now: Timestamp) -> Result<Option<Token>, AccessError> {
        let sql =
            "SELECT id, name, role, made_by, made_at, expires_at FROM token WHERE hash = ?1 AND share = ?2";
        let found = self.db.query_row(sql, params![hash, share], token).optional()?;
        Ok(found.filter(|token| token.expires_at.is_none_or(|until| now < until)))
    }

    /// Removes one; whether there was one.
    ///
    /// # Errors
    ///
    /// The database cannot be written.
    pub fn remove_token(&self, id: i64, share: bool) -> Result<bool, AccessError> {
        let sql = "DELETE FROM token WHERE id = ?1 AND share = ?2";
        Ok(self.db.execute(sql, params![id, share])? > 0)
    }
}

fn token(row: &Row<'_>) -> rusqlite::Result<Token> {
    Ok(Token {
        id: row.get(0)?,
        name: row.get(1)?,
        role: role(&row.get::<_, String>(2)?),
        made_by: row.get(3)?,
        made_at: Timestamp::from_nanos(row.get(4)?),
        expires_at: row.get::<_, Option<i64>>(5)?.map(Timestamp::from_nanos),
    })
}
