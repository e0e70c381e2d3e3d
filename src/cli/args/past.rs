//! The arguments that choose stored flows.

use crate::app;
use crate::cli::Usage;
use crate::cli::moment::{present, range};
use crate::model::{Interval, Timestamp};
use clap::Args;
use std::path::PathBuf;

/// Which stored flows, where no FILE is named.
#[derive(Clone, Debug, Default, Args)]
pub struct Past {
    /// Stored flows from this time on: RFC 3339, a date, `yesterday`, `2h ago`.
    #[arg(
        long,
        value_name = "TIME",
        allow_hyphen_values = true,
        conflicts_with = "files"
    )]
    pub since: Option<String>,
    /// Stored flows until this time.
    #[arg(
        long,
        value_name = "TIME",
        allow_hyphen_values = true,
        conflicts_with = "files"
    )]
    pub until: Option<String>,
    /// The folder flows are stored in, instead of that of the configuration.
    #[arg(long, value_name = "DIR", conflicts_with = "files")]
    pub store: Option<PathBuf>,
}

impl Past {
    /// What is meant, if it is stored flows.
    pub fn meant(&self, files: &[PathBuf]) -> anyhow::Result<Option<app::stored::Past>> {
        if !files.is_empty() {
            return Ok(None);
        }
        let asked = range(self.since.as_deref(), self.until.as_deref(), present());
        let [since, until] = asked.map_err(Usage)?;
        let range = Interval {
            start: since.unwrap_or(Timestamp::MIN),
            end: until.unwrap_or(Timestamp::MAX),
        };
        let folder = self.store.clone();
        Ok(Some(app::stored::Past { folder, range }))
    }
}
