//! Where captures come from: files and standard input, opened with clear words and counted for a progress bar.

use super::decompress::decompressed;
use super::reader::{CaptureReader, Step};
use crate::model::{Fault, FaultKind, Timestamp};
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A reader over a file or standard input, decompressed.
pub(super) type FileReader = CaptureReader<Box<dyn Read + Send>>;

/// A capture as the command line names it.
#[derive(Debug)]
pub(super) struct Source {
    path: PathBuf,
    /// How faults name it.
    pub(super) name: Arc<str>,
    /// Octets it takes on disk; `None` for what can be read only once: standard input, pipes.
    pub(super) size: Option<u64>,
}

impl Source {
    /// Looks at it without opening it; what does not exist has no octets.
    pub(super) fn new(path: PathBuf) -> Self {
        let size = match std::fs::metadata(&path) {
            _ if is_stdin(&path) => None,
            Ok(metadata) if metadata.is_file() => Some(metadata.len()),
            Ok(metadata) if metadata.is_dir() => Some(0),
            Ok(_) => None,
            Err(_) => Some(0),
        };
        Self {
            name: path.display().to_string().into(),
            path,
            size,
        }
    }

    /// A reader of it; octets read from disk are added to `read`.
    ///
    /// # Errors
    /// Why it cannot be opened.
    pub(super) fn open(&self, read: Arc<AtomicU64>) -> Result<FileReader, Fault> {
        let stream = self.stream(read)?;
        Ok(CaptureReader::new(Arc::clone(&self.name), stream))
    }

    /// Its octets, decompressed; those read from disk are added to `read`.
    ///
    /// # Errors
    /// Why it cannot be opened.
    pub(super) fn stream(&self, read: Arc<AtomicU64>) -> Result<Box<dyn Read + Send>, Fault> {
        let counted = |source| Counted { source, read };
        let stream = open(&self.path).and_then(|source| decompressed(counted(source)));
        stream.map_err(|error| Fault {
            kind: FaultKind::Unreadable,
            file: Arc::clone(&self.name),
            offset: 0,
            what: words(&error),
        })
    }

    /// Time of the first packet, for which the beginning is read; the earliest of all when that cannot be told without
    /// taking packets or faults away from whoever reads next.
    pub(super) fn first_time(&self) -> Timestamp {
        let looked = self.size.and_then(|_| self.open(Arc::default()).ok());
        match looked.map(|mut reader| (reader.advance(), reader)) {
            Some((Step::Packet, reader)) => reader.packet().at,
            _ => Timestamp::MIN,
        }
    }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn open(path: &Path) -> io::Result<Box<dyn Read + Send>> {
    if is_stdin(path) {
        return Ok(Box::new(io::stdin()));
    }
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    Ok(Box::new(file))
}

fn words(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "no such file".into(),
        ErrorKind::PermissionDenied => "cannot be opened: permission denied".into(),
        ErrorKind::IsADirectory => "is a directory, not a capture".into(),
        _ => format!("cannot be opened: {error}"),
    }
}

/// Counts what is read; a few operations per window, nothing per packet.
struct Counted {
    source: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.source.read(buffer)?;
        self.read.fetch_add(got as u64, Ordering::Relaxed);
        Ok(got)
    }
}
