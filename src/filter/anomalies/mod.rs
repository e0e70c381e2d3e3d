//! Filters over anomalies, for lists, silences and routes, in the grammar of filters over traffic.
//!
//! ```text
//! severity >= high and not kind beacon and net 10.0.0.0/8
//! ```
//!
//! | words | match |
//! |---|---|
//! | `any` | everything; so does an empty text |
//! | `severity high`, `severity >= high` | how much it matters: `low` `high` `critical` |
//! | `rule scan`, `rule in [scan stranger]`, `rule host-*` | the rule that found it |
//! | `kind syn-flood`, `metric bytes`, `direction below` | what it is called, of what, which way |
//! | `host A`, `net P`, `as 64500`, `port 443`, `exporter A` | what it is about: the entity, and contributors of at least half of it |
//! | `name *.example.org` | a name of what it is about; `*` stands for any characters |
//! | `text "mining pool"` | words in its sentence, in any case |
//! | `score > 40` | how strange |
//! | `open`, `closed`, `acknowledged`, `silenced`, `shadow` | how it stands |
//! | `assignee kim`, `verdict false`, `verdict none` | what people said of it |
//! | `id I`, `incident I` | itself; all of one incident |
//!
//! `and`, `or`, `not`, parentheses and lists are those of filters over traffic.

mod parser;
mod terms;
#[cfg(test)]
mod tests;

use super::{FilterError, grammar};
use crate::model::Facts;
pub(super) use parser::WORDS;
use std::fmt;
use std::str::FromStr;
use terms::Term;
pub use terms::like;

/// A parsed filter over anomalies and the text it came from.
///
/// ```
/// use tidemark::filter::AnomalyFilter;
/// assert!(AnomalyFilter::parse("severity >= high and host 10.1.2.3").is_ok());
/// assert!(AnomalyFilter::parse("severity >= purple").is_err());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct AnomalyFilter {
    text: String,
    tree: Tree,
}

/// How conditions are combined.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tree {
    All(Vec<Self>),
    OneOf(Vec<Self>),
    Not(Box<Self>),
    Term(Term),
}

impl AnomalyFilter {
    /// Reads `text`, at most [`MAX_LENGTH`](super::MAX_LENGTH) bytes and [`MAX_DEPTH`](super::MAX_DEPTH) deep.
    ///
    /// # Errors
    ///
    /// [`FilterError`] names what is wrong and where.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let tree = grammar::parse(text)?;
        Ok(Self {
            text: text.trim().to_owned(),
            tree,
        })
    }

    /// Whether it is about this anomaly.
    pub fn matches(&self, facts: &Facts) -> bool {
        self.tree.matches(facts)
    }

    /// The text it was read from.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl Tree {
    fn matches(&self, facts: &Facts) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.matches(facts)),
            Self::OneOf(parts) => parts.iter().any(|part| part.matches(facts)),
            Self::Not(part) => !part.matches(facts),
            Self::Term(term) => term.matches(facts),
        }
    }
}

impl fmt::Display for AnomalyFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for AnomalyFilter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        Self::parse(text)
    }
}
