//! What was learned, kept: taken over at the start, saved beside the engine's thread while it works on.

use super::say::Say;
use crate::engine::{Engine, Snapshot};
use crate::store;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
            let words = match snapshot.entities() {
                0 => "nothing learned yet".to_owned(),
                entities => format!("{entities} entities, learned until {}", snapshot.until()),
            };
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

/// Encodes and writes snapshots on a thread of its own.
#[derive(Debug)]
pub struct Saver {
    to: SyncSender<Snapshot>,
    thread: JoinHandle<()>,
    /// Set while a snapshot is on its way to the disk.
    busy: Arc<AtomicBool>,
}

impl Saver {
    /// Begins.
    ///
    /// # Errors
    ///
    /// There is no thread to be had.
    pub fn start(folder: PathBuf, say: Say) -> std::io::Result<Self> {
        let (to, from) = sync_channel(1);
        let busy = Arc::new(AtomicBool::new(false));
        let shared = Arc::clone(&busy);
        let thread = thread::Builder::new()
            .name("state".to_owned())
            .spawn(move || save_all(&from, &folder, &shared, say))?;
        Ok(Self { to, thread, busy })
    }

    /// Whether an earlier snapshot is still being written; then there is no sense in taking another.
    pub fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Acquire)
    }

    /// Has a snapshot written.
    pub fn save(&self, snapshot: Snapshot) {
        self.busy.store(true, Ordering::Release);
        // The thread ends only with us.
        let _ = self.to.send(snapshot);
    }

    /// Waits until everything is written.
    pub fn finish(self) {
        drop(self.to);
        let _ = self.thread.join();
    }
}

fn save_all(from: &Receiver<Snapshot>, folder: &Path, busy: &AtomicBool, say: Say) {
    for snapshot in from {
        let entities = snapshot.entities();
        match store::save(folder, &snapshot) {
            Ok(()) => say.debug(format!("state saved: {entities} entities")),
            Err(error) => say.error(format!(
                "the state is not saved: {error}; the older one is still there"
            )),
        }
        busy.store(false, Ordering::Release);
    }
}
