//! Where the daemon writes anomalies: standard output, or a file it appends to and opens anew when told.

use super::say::Say;
use crate::engine::{Event, What};
use crate::report::{Summary, json};
use anyhow::{Context, Result};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes JSON lines, each whole.
#[derive(Debug)]
pub struct Lines {
    path: Option<PathBuf>,
    file: Option<File>,
    say: Say,
    /// The newest line could not be written.
    failing: bool,
}

impl Lines {
    /// Opens the file at `path`, or standard output.
    ///
    /// # Errors
    ///
    /// The file cannot be opened.
    pub fn open(path: Option<PathBuf>, say: Say) -> Result<Self> {
        let file = path.as_deref().map(append).transpose()?;
        Ok(Self {
            path,
            file,
            say,
            failing: false,
        })
    }

    /// Opens the file anew, for whoever renamed it; the old one stays in use when that fails.
    pub fn reopen(&mut self) {
        let Some(path) = &self.path else { return };
        match append(path) {
            Ok(file) => self.file = Some(file),
            Err(error) => self.say.error(format!("{error:#}; the old file stays in use")),
        }
    }

    /// Writes what happened to an anomaly.
    pub fn event(&mut self, event: &Event) {
        let what = match event.what {
            What::Opened => "opened",
            What::Escalated => "escalated",
            What::Closed => "closed",
        };
        let mut line = Vec::new();
        let made = json::event(&mut line, &event.anomaly, what);
        self.write(made.map(|()| line));
    }

    /// Writes the last line.
    pub fn summary(&mut self, summary: &Summary) {
        let mut line = Vec::new();
        let made = json::summary(&mut line, summary);
        self.write(made.map(|()| line));
    }

    fn write(&mut self, line: io::Result<Vec<u8>>) {
        let written = line.and_then(|line| match &mut self.file {
            Some(file) => file.write_all(&line),
            None => {
                let mut out = io::stdout().lock();
                out.write_all(&line).and_then(|()| out.flush())
            }
        });
        // Once is enough: whoever reads is gone, or the disk is full.
        if let Err(error) = &written
            && !self.failing
        {
            self.say.error(format!("anomalies cannot be written: {error}"));
        }
        self.failing = written.is_err();
    }
}

fn append(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    options
        .open(path)
        .with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renamed_file_is_left_alone_once_it_is_opened_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("anomalies.json");
        let mut lines = Lines::open(Some(path.clone()), Say::new(true, false)).unwrap();
        lines.summary(&Summary::default());
        let moved = folder.path().join("anomalies.json.1");
        std::fs::rename(&path, &moved).unwrap();
        lines.reopen();
        lines.summary(&Summary::default());
        lines.summary(&Summary::default());
        let count = |path: &Path| std::fs::read_to_string(path).unwrap().lines().count();
        assert_eq!((count(&moved), count(&path)), (1, 2));
    }
}
