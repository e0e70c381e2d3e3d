//! What was learned, kept: taken over at the start, saved beside the engine's thread while it works on.

use super::say::Say;
use crate::engine::{Engine, Snapshot};
use crate::store;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

/// Takes over earlier learning. What cannot be taken over is put aside and said, and learning begins afresh.
pub fn take_over(folder: &Path, engine: &mut Engine, say: Say) -> Option<String> {
    let refused = match store::load::<Snapshot>(folder) {
        Ok(None) => {
            say.info(format!("no state in {} yet: learning begins", folder.display()));
            return None;
        }
        Ok(Some(snapshot)) => {
            let words = format!(
                "{} entities, learned until {}",
                snapshot.entities(),
                snapshot.until()
            );
            match engine.restore(snapshot) {
                Ok(()) => {
                    say.info(format!("state of {} taken over: {words}", folder.display()));
                    return None;
                }
                Err(error) => error.to_string(),
            }
        }
        Err(error) => error.to_string(),
    };
    let aside = match store::put_aside(folder) {
        Ok(aside) => format!("it is put aside as {}", aside.display()),
        Err(error) => format!("it cannot be put aside: {error}"),
    };
    let folder = folder.display();
    let words = format!("the state in {folder} is not used: {refused}; {aside}; learning begins afresh");
    say.error(&words);
    Some(words)
}

/// How saving goes.
#[derive(Debug, Default)]
pub struct Saved {
    busy: AtomicBool,
    /// Times it was saved.
    pub count: AtomicU64,
    /// Times it could not be saved.
    pub failed: AtomicU64,
}

/// Encodes and writes snapshots on a thread of its own.
#[derive(Debug)]
pub struct Saver {
    to: SyncSender<Snapshot>,
    thread: JoinHandle<()>,
    /// How it goes.
    pub saved: Arc<Saved>,
}

impl Saver {
    /// Begins.
    ///
    /// # Errors
    ///
    /// There is no thread to be had.
    pub fn start(folder: PathBuf, say: Say) -> std::io::Result<Self> {
        let (to, from) = sync_channel(1);
        let saved = Arc::new(Saved::default());
        let shared = Arc::clone(&saved);
        let thread = thread::Builder::new()
            .name("state".to_owned())
            .spawn(move || save_all(&from, &folder, &shared, say))?;
        Ok(Self { to, thread, saved })
    }

    /// Whether an earlier snapshot is still being written; then there is no sense in taking another.
    pub fn is_busy(&self) -> bool {
        self.saved.busy.load(Ordering::Acquire)
    }

    /// Has a snapshot written.
    pub fn save(&self, snapshot: Snapshot) {
        self.saved.busy.store(true, Ordering::Release);
        // The thread ends only with us.
        let _ = self.to.send(snapshot);
    }

    /// Waits until everything is written.
    pub fn finish(self) {
        drop(self.to);
        let _ = self.thread.join();
    }
}

fn save_all(from: &Receiver<Snapshot>, folder: &Path, saved: &Saved, say: Say) {
    for snapshot in from {
        let entities = snapshot.entities();
        match store::save(folder, &snapshot) {
            Ok(()) => {
                saved.count.fetch_add(1, Ordering::Relaxed);
                say.debug(format!("state saved: {entities} entities"));
            }
            Err(error) => {
                saved.failed.fetch_add(1, Ordering::Relaxed);
                say.error(format!(
                    "the state is not saved: {error}; the older one is still there"
                ));
            }
        }
        saved.busy.store(false, Ordering::Release);
    }
}
