//! The desk as the commands use it: where it lies, what a run tells it, and what it has the detector do.

use super::setup::read_config;
use super::stored;
use crate::cli::Usage;
use crate::engine::Engine;
use crate::model::{Anomaly, Effect, Timestamp};
use crate::report::json;
use crate::store::desk::{Desk, Told, What};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// The folder of the desk: as asked for, or where the configuration says the state lies.
///
/// # Errors
///
/// The configuration cannot be used.
pub fn folder(state: Option<&Path>, config: Option<&Path>) -> Result<PathBuf> {
    match state {
        Some(folder) => Ok(folder.to_owned()),
        None => Ok(stored::state_folder(&read_config(config)?)),
    }
}

/// Opens the desk in `folder`.
///
/// # Errors
///
/// Nothing was ever kept there, or it cannot be opened.
pub fn open(folder: &Path) -> Result<Desk> {
    let desk = Desk::open_existing(folder)?;
    Ok(desk.ok_or_else(|| {
        Usage(format!(
            "no anomalies are kept in {}: `tidemark run` keeps them, and `tidemark replay FILE --state DIR`",
            folder.display()
        ))
    })?)
}

/// An anomaly as reports write it.
pub fn line(anomaly: &Anomaly) -> String {
    let mut line = Vec::new();
    // Writing into memory does not fail, and what is written is UTF-8.
    let _ = json::anomaly(&mut line, anomaly);
    String::from_utf8(line).unwrap_or_default()
}

/// Has the detector heed what people said so far, where anything was said.
///
/// # Errors
///
/// The desk cannot be read, or a measure of it cannot be used.
pub fn steer(engine: &mut Engine, folder: &Path) -> Result<()> {
    if let Some(desk) = Desk::open_existing(folder)? {
        let measures = desk.measures_in_force(Timestamp::MIN)?;
        engine.steer(measures).context("what people said of anomalies")?;
    }
    Ok(())
}

/// Takes down the anomalies of a run that is over, and what measures did in it.
///
/// # Errors
///
/// The desk cannot be written.
pub fn keep(folder: &Path, anomalies: &[Anomaly], effects: &[Effect]) -> Result<()> {
    let mut desk = Desk::open(folder)?;
    let mut all: Vec<&Anomaly> = anomalies.iter().collect();
    all.sort_by_key(|anomaly| (anomaly.detected_at, anomaly.id));
    let lines: Vec<String> = all.iter().map(|anomaly| line(anomaly)).collect();
    let told = all.iter().zip(&lines).map(|(anomaly, json)| {
        let (what, at) = match anomaly.ended_at {
            Some(ended_at) => (What::Closed, ended_at),
            None => (What::Seen, anomaly.detected_at),
        };
        Told {
            what,
            at,
            anomaly,
            json,
        }
    });
    desk.observe(&told.collect::<Vec<_>>())?;
    desk.put_effects(effects)?;
    Ok(())
}
