//! What went wrong below, as errors of stored flows.

use super::FlowsError;
use parquet::errors::ParquetError;
use std::io;
use std::path::Path;

impl FlowsError {
    /// An error of the system at `path`.
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    /// An error of the format at `path`. What the system said stays what it said: a full disk is no damage.
    pub(super) fn format(path: &Path) -> impl FnOnce(ParquetError) -> Self {
        let path = path.to_owned();
        move |error| match error {
            ParquetError::External(source) => match source.downcast::<io::Error>() {
                Ok(source) => Self::Io {
                    path,
                    source: *source,
                },
                Err(other) => Self::Unusable {
                    path,
                    what: other.to_string(),
                },
            },
            ParquetError::General(what) | ParquetError::EOF(what) => Self::Unusable { path, what },
            other => Self::Unusable {
                path,
                what: other.to_string(),
            },
        }
    }
}
