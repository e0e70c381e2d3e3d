//! What people said of anomalies: `verdicts.jsonl` beside the state, a line for each, appended and never changed.
//!
//! A line is `{"id":"0123456789abcdef","rule":"scan","verdict":"false","said_at":"2026-03-02T09:00:00Z","by":"kim",
//! "why":"our own scanner"}`; `by` and `why` may be missing. Of several lines about one anomaly the last one counts.
//! A line that cannot be read costs itself: it is named and the others are used.

use super::StoreError;
use crate::model::{AnomalyId, Verdict, Verdicts};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const NAME: &str = "verdicts.jsonl";

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// The anomaly.
    pub id: AnomalyId,
    /// The rule that found it.
    pub rule: String,
    /// What was said.
    pub verdict: Verdict,
    /// When, RFC 3339.
    pub said_at: String,
    /// By whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What is in force, by anomaly, and the lines that could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    said: BTreeMap<AnomalyId, Said>,
    /// Which lines, and why; a sentence each.
    pub faults: Vec<String>,
}

/// Appends a line in `folder`, in one piece.
///
/// # Errors
///
/// It cannot be written.
pub fn say(folder: &Path, said: &Said) -> Result<PathBuf, StoreError> {
    let path = folder.join(NAME);
    let line = serde_json::to_string(said).map_err(|error| StoreError::Unusable {
        path: path.clone(),
        what: error.to_string(),
    })?;
    let appended = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .and_then(|mut file| {
            file.write_all(format!("{line}\n").as_bytes())?;
            file.sync_all()
        });
    match appended {
        Ok(()) => Ok(path),
        Err(source) => Err(StoreError::Io { path, source }),
    }
}

/// Reads what was said in `folder`; nothing where nobody said anything yet.
///
/// # Errors
///
/// The file is there and cannot be read.
pub fn read(folder: &Path) -> Result<Book, StoreError> {
    let path = folder.join(NAME);
    let text = match fs::read(&path) {
        Ok(octets) => String::from_utf8_lossy(&octets).into_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Book::default()),
        Err(source) => return Err(StoreError::Io { path, source }),
    };
    let mut book = Book::default();
    for (number, line) in (1..)
        .zip(text.lines())
        .filter(|(_, line)| !line.trim().is_empty())
    {
        match serde_json::from_str::<Said>(line) {
            Ok(said) => _ = book.said.insert(said.id, said),
            Err(error) => book.faults.push(format!("{}:{number}: {error}", path.display())),
        }
    }
    Ok(book)
}

impl Book {
    /// What was said of an anomaly.
    pub fn of(&self, id: AnomalyId) -> Option<&Said> {
        self.said.get(&id)
    }

    /// How many verdicts the anomalies of each rule got.
    pub fn by_rule(&self) -> BTreeMap<String, Verdicts> {
        let mut counts: BTreeMap<String, Verdicts> = BTreeMap::new();
        for said in self.said.values() {
            counts.entry(said.rule.clone()).or_default().add(said.verdict);
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(id: u64, rule: &str, verdict: Verdict) -> Said {
        Said {
            id: AnomalyId(id),
            rule: rule.to_owned(),
            verdict,
            said_at: "2026-03-02T09:00:00Z".to_owned(),
            by: None,
            why: None,
        }
    }

    #[test]
    fn the_last_word_on_an_anomaly_counts_and_a_bad_line_costs_itself() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()).unwrap(), Book::default());
        say(folder.path(), &said(1, "scan", Verdict::Attack)).unwrap();
        say(folder.path(), &said(2, "scan", Verdict::False)).unwrap();
        let path = say(folder.path(), &said(1, "scan", Verdict::Expected)).unwrap();
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"id\":\"nonsense\"}\n\n").unwrap();
        say(folder.path(), &said(3, "stranger", Verdict::NewNormal)).unwrap();
        let book = read(folder.path()).unwrap();
        assert_eq!(book.of(AnomalyId(1)).unwrap().verdict, Verdict::Expected);
        assert!(book.of(AnomalyId(9)).is_none());
        let counts = book.by_rule();
        assert_eq!(
            (
                counts["scan"].expected,
                counts["scan"].false_alarm,
                counts["scan"].total()
            ),
            (1, 1, 2)
        );
        assert_eq!(counts["stranger"].new_normal, 1);
        assert_eq!(book.faults.len(), 1);
        assert!(book.faults[0].contains("verdicts.jsonl:4: "), "{:?}", book.faults);
    }
}
