//! Stored Flow Records behind one small interface, so that where they are kept can change under those who ask.

mod archive;
mod care;
mod coding;
mod ends;
mod error;
mod filing;
mod keeper;
mod layout;
mod memory;
mod merging;
mod parquet;
mod reading;
mod rows;
mod summary;
#[cfg(test)]
mod test_data;

pub use archive::{Archive, Keeping, Notice, Retention, Stored, free_of};
pub use care::Caretaker;
pub use filing::Written;
pub use keeper::{Keeper, KeeperCounters, Origins, Overseer, Terms};
pub use layout::{Part, Tier};
pub use memory::MemoryStore;
pub use reading::ParquetStore;
pub use rows::Rows;

use crate::filter::Filter;
use crate::model::{Columns, Field, Interval};
use crate::query::{Answer, Request, RequestError};
use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;

/// What a scan went through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scanned {
    /// Records given out.
    pub given: u64,
    /// Records looked at.
    pub looked: u64,
    /// Records left out without a look at them.
    pub skipped: u64,
    /// Files that could not be read.
    pub unreadable: u64,
    /// What was wrong with the first of them.
    pub trouble: Option<String>,
}

/// Why stored flows cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum FlowsError {
    /// The request cannot be answered.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The file or folder.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// What happened.
        source: io::Error,
    },
    /// There is no room for more.
    #[error("{what}")]
    Full {
        /// Of what, and what can be done.
        what: String,
    },
    /// A file is none of ours, or not a whole one.
    #[error("{path}: {what}")]
    Unusable {
        /// Which.
        path: PathBuf,
        /// Why.
        what: String,
    },
}

/// Something that keeps Flow Records.
pub trait FlowStore {
    /// Answers a request.
    ///
    /// # Errors
    ///
    /// The request cannot be answered, or the store not be read. A part that cannot be read is counted in the answer.
    fn query(&self, request: &Request) -> Result<Answer, FlowsError>;

    /// Gives out the records of which some part lies in `range` and that pass `filter`, with at least the `fields`,
    /// in batches, the oldest arrival first; until `each` has had enough.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    fn scan(
        &self,
        range: Interval,
        filter: &Filter,
        fields: &[Field],
        each: &mut dyn FnMut(&Columns) -> ControlFlow<()>,
    ) -> Result<Scanned, FlowsError>;

    /// Takes records in, which are in order of their arrival and not before those taken in earlier.
    ///
    /// # Errors
    ///
    /// They cannot be kept; those taken in before are kept still.
    fn write(&mut self, records: &Columns) -> Result<(), FlowsError>;
}
