//! `tidemark replay --serve`: what one replay found, in the dashboard until interrupted.

use super::finished::Finished;
use super::opening::Opening;
use crate::app::{Setup, desk};
use crate::config::Config;
use crate::engine::Engine;
use crate::input::batch::now;
use crate::model::Anomaly;
use crate::report::Summary;
use anyhow::{Context, Result};
use std::path::PathBuf;
use std::sync::Arc;

/// A port that is open, and the folder for what lives as long as the dashboard: the desk, and flows that are not kept
/// elsewhere.
#[derive(Debug)]
pub struct Showing {
    opening: Opening,
    folder: Scratch,
    keep: Option<PathBuf>,
}

/// A folder that is gone afterwards.
#[derive(Debug)]
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self> {
        let name = format!("tidemark-{}-{}", std::process::id(), now().as_nanos());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path)
            .with_context(|| format!("a folder in {}", std::env::temp_dir().display()))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Whoever cleans up the folder for temporary files finds it.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Showing {
    /// Opens the port; `keep` is where flows are kept, if they are to be.
    ///
    /// # Errors
    ///
    /// The port or the folder cannot be had.
    pub fn new(config: &Config, keep: Option<PathBuf>) -> Result<Self> {
        let opening = Opening::new(config, |_| {})?;
        Ok(Self {
            opening: opening
                .context("the dashboard's usual port is taken: name another with --serve=ADDR")?,
            folder: Scratch::new()?,
            keep,
        })
    }

    /// Where flows are to be kept.
    pub fn flows(&self) -> PathBuf {
        self.keep.clone().unwrap_or_else(|| self.folder.0.join("flows"))
    }

    /// Shows what was found until interrupted.
    ///
    /// # Errors
    ///
    /// It cannot be served.
    pub fn run(self, setup: Setup, engine: Engine, anomalies: Vec<Anomaly>, summary: Summary) -> Result<()> {
        let (flows, folder) = (self.flows(), self.folder);
        desk::keep(&folder.0, &anomalies, &[])?;
        let finished = Finished::new(setup, engine, anomalies, summary, Some(flows));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            use tokio::signal::unix::{SignalKind, signal};
            let (mut interrupt, mut terminate) =
                (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
            let log = Arc::new(|words: &str| eprintln!("tidemark: {words}"));
            let (server, address) = self.opening.start(&folder.0, Arc::new(finished), log)?;
            eprintln!("tidemark: dashboard and API on {address}; interrupt to end");
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            Ok(server.stop()?)
        })
    }
}
