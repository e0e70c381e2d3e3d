//! The signs of life a daemon leaves in `status.json` beside its state, for `tidemark status` and other monitors: no port, no
//! credentials, and a daemon that hangs is seen as one.

use crate::model::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::Duration;

const NAME: &str = "status.json";
/// How often a daemon writes them.
pub const EVERY: Duration = Duration::from_secs(5);
/// Signs older than this are those of a daemon that is gone or hangs.
pub const STALE: Duration = Duration::from_secs(60);

/// How a daemon stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Vital {
    /// When this was written.
    pub at: Timestamp,
    /// Version of the program.
    pub version: String,
    /// When the engine last answered.
    pub answered_at: Timestamp,
    /// Whether it stopped in order.
    pub stopped: bool,
    /// Anomalies that go on, by severity.
    pub open: BTreeMap<String, u64>,
    /// Counters by name.
    pub counters: BTreeMap<String, u64>,
    /// What can be used up, and how much of it is: 1 for all.
    pub used: BTreeMap<String, f64>,
    /// Routes whose newest message could not be delivered, and why.
    pub failing: BTreeMap<String, String>,
}

impl Vital {
    /// Leaves them in `folder`, whole or not at all.
    ///
    /// # Errors
    ///
    /// They cannot be written.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let part = folder.join("status.json.part");
        std::fs::write(&part, serde_json::to_vec(self)?)?;
        std::fs::rename(part, folder.join(NAME))
    }

    /// Reads those in `folder`; none where no daemon ever left any.
    ///
    /// # Errors
    ///
    /// They cannot be read.
    pub fn read(folder: &Path) -> io::Result<Option<Self>> {
        match std::fs::read(folder.join(NAME)) {
            Ok(text) => Ok(Some(serde_json::from_slice(&text)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}
