//! The store of flows as the commands use it: where it lies, who fills it.

use super::captures::Walk;
use super::setup::Setup;
use crate::cli::Usage;
use crate::config::Config;
use crate::engine::Engine;
use crate::enrich::Origins;
use crate::filter::Filter;
use crate::model::{Field, FlowRecord, Interval, Timestamp};
use crate::report::Stored;
use crate::store::flows::{
    Archive, Caretaker, FlowStore, FlowsError, Keeper, Keeping, Notice, Overseer, ParquetStore, Terms,
};
use anyhow::{Context, Result};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The store's folder: as configured, or in that of the state.
pub fn folder(config: &Config, state: &Path) -> PathBuf {
    let configured = config.store.dir.as_deref().map(|dir| config.resolve(dir));
    configured.unwrap_or_else(|| state.join("flows"))
}

/// Where the state lies: as configured, as systemd says, or here.
pub fn state_folder(config: &Config) -> PathBuf {
    let configured = config.state.dir.as_deref().map(|dir| config.resolve(dir));
    let given = || std::env::var_os("STATE_DIRECTORY").map(PathBuf::from);
    configured
        .or_else(given)
        .unwrap_or_else(|| PathBuf::from("tidemark-data"))
}

/// The store to read: in `folder`, or where the configuration says flows are stored.
///
/// # Errors
///
/// No flows are stored there.
pub fn open(folder_asked: Option<&Path>, config: &Config) -> Result<ParquetStore> {
    let path = match folder_asked {
        Some(path) => path.to_owned(),
        None => folder(config, &state_folder(config)),
    };
    if !path.is_dir() {
        anyhow::bail!(Usage(format!(
            "no flows are stored in {}: `tidemark run` and `tidemark replay FILE --keep DIR` store them; name a FILE to \
             look into a capture, or --store DIR",
            path.display()
        )));
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    Ok(ParquetStore::new(&path, threads))
}

/// From now on the engine's Flow Records are kept in `folder`, and what is old there is looked after. When the disk does
/// not follow, records are given up and counted.
///
/// # Errors
///
/// The store cannot be opened for writing.
pub fn keep_live(engine: &mut Engine, setup: &Setup, folder: &Path) -> Result<Overseer> {
    let keeping = setup.config.store.keeping.clone();
    let caretaker = Caretaker::new(folder, keeping.clone());
    keep(engine, setup, folder, &keeping, Some(caretaker))
}

/// From now on the engine's Flow Records are kept in `folder`, however long the disk takes.
///
/// # Errors
///
/// The store cannot be opened for writing.
pub fn keep_all(engine: &mut Engine, setup: &Setup, folder: &Path) -> Result<Overseer> {
    keep(engine, setup, folder, &setup.config.store.keeping, None)
}

fn keep(
    engine: &mut Engine,
    setup: &Setup,
    folder: &Path,
    keeping: &Keeping,
    caretaker: Option<Caretaker>,
) -> Result<Overseer> {
    let archive = Archive::open(folder, keeping.min_free)
        .with_context(|| format!("flows cannot be stored in {}", folder.display()))?;
    let origins: Arc<Origins> = Arc::clone(&setup.origins);
    let terms = Terms {
        origins: Arc::new(move |ip| origins.origin(ip)),
        every: setup.config.store.every,
        patient: caretaker.is_none(),
        caretaker,
    };
    let (keeper, overseer) = Keeper::start(archive, terms)?;
    engine.keep_with(Some(Box::new(keeper)));
    Ok(overseer)
}

/// Ends storing: all is on the disk then. What was stored, and what happened, in words.
pub fn end(engine: &mut Engine, overseer: Overseer) -> (Stored, Vec<Notice>) {
    // What it still holds is stored when it is dropped.
    std::mem::drop(engine.keep_with(None));
    let ([records, files, bytes, given_up], notices) = overseer.finish();
    let stored = Stored {
        records,
        files,
        bytes,
        given_up,
    };
    (stored, notices)
}

/// Looks after what was stored, as it is at `until`: merged, summed up, let go.
///
/// # Errors
///
/// Files cannot be read or written.
pub fn look_after(folder: &Path, setup: &Setup, until: Timestamp) -> Result<Vec<Notice>, FlowsError> {
    let mut caretaker = Caretaker::new(folder, setup.config.store.keeping.clone());
    caretaker.look_after(until)?;
    Ok(caretaker.notices())
}

/// A stretch of stored flows, to be taken in as if they came now.
#[derive(Clone, Debug)]
pub struct Past {
    /// Where they are stored; where the configuration says, if not said.
    pub folder: Option<PathBuf>,
    /// Which of them: those of which some part lies in it.
    pub range: Interval,
}

impl Walk {
    /// Hands stored Flow Records to `take`, in order of arrival.
    ///
    /// # Errors
    ///
    /// There is no store, or its folders cannot be read; and what `take` says, at once.
    pub fn run_stored(
        &mut self,
        past: &Past,
        config: &Config,
        mut take: impl FnMut(&FlowRecord, Timestamp) -> Result<()>,
    ) -> Result<()> {
        let store = open(past.folder.as_deref(), config)?;
        let mut outcome = Ok(());
        let any = Filter::default();
        let scanned = store.scan(past.range, &any, Field::ALL, &mut |columns| {
            for row in 0..columns.rows() {
                let record = columns.record(row);
                self.count(record.start);
                self.count_until(record.end);
                outcome = take(&record, columns.received(row));
                if outcome.is_err() {
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        })?;
        if let Some(trouble) = scanned.trouble {
            self.troubles
                .counts
                .insert("unreadable_files".to_owned(), scanned.unreadable);
            self.troubles.list(trouble);
        }
        self.readable = scanned.given > 0;
        outcome
    }
}
