//! Files of Flow Records that others made, walked as captures are; and which files are such.

use super::captures::Walk;
use crate::cli::Usage;
use crate::input::{RecordFiles, RecordFormat, Recorded, format_of};
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What files hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holding {
    /// Packets, to be metered.
    Packets,
    /// Datagrams of flow export, to be decoded.
    Export,
    /// Flow Records that others made, to be taken as they are.
    Records,
}

/// How long records of files are waited for, at least: collectors write a flow when it is over, up to an active time-out
/// after it began, and Zeek when nothing more has come for minutes.
pub(super) const PATIENCE: Duration = Duration::from_secs(900);

impl Walk {
    /// Hands every Flow Record to `take`, in order of arrival as far as that can be had.
    ///
    /// # Errors
    ///
    /// What `take` says, at once.
    pub fn run_records<E>(
        &mut self,
        files: &[PathBuf],
        mut take: impl FnMut(&Recorded) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut records = RecordFiles::open(files.iter().cloned());
        self.begin(records.progress().total);
        while let Some(next) = records.next() {
            match next {
                Ok(recorded) => {
                    self.count(recorded.record.start);
                    self.count_until(recorded.record.end);
                    take(&recorded)?;
                }
                Err(fault) => self.fault(&fault),
            }
            self.glance_at(|| records.progress());
        }
        let tally = records.tally();
        if tally.missed_octets > 0 {
            let counts = &mut self.troubles.counts;
            counts.insert("octets_missed_by_zeek".to_owned(), tally.missed_octets);
        }
        self.end(&tally.faults, tally.records + tally.files > 0);
        Ok(())
    }
}

/// Whether all `files` are of Flow Records, told by their first octets. Standard input and pipes can be read only once:
/// they are what the others are, and packets where there are no others.
///
/// # Errors
///
/// [`Usage`]: they are of several kinds, which are not read together.
pub fn are_records(files: &[PathBuf]) -> Result<bool> {
    let kinds: Vec<(&PathBuf, Option<RecordFormat>)> = files
        .iter()
        .filter(|path| path.as_path() != Path::new("-") && has_octets(path))
        .map(|path| (path, format_of(path)))
        .collect();
    let Some((first, Some(format))) = kinds.iter().find(|(_, format)| format.is_some()) else {
        return Ok(false);
    };
    match kinds.iter().find(|(_, other)| *other != Some(*format)) {
        None => Ok(true),
        Some((other, kind)) => Err(Usage(format!(
            "{} is {} and {} is {}: they tell of traffic in different ways and are not read together; read one after \
             the other, with --state to go on with what was learned",
            first.display(),
            words(Some(*format)),
            other.display(),
            words(*kind)
        ))
        .into()),
    }
}

fn has_octets(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() > 0)
}

fn words(format: Option<RecordFormat>) -> &'static str {
    match format {
        Some(RecordFormat::Nfcapd) => "a flow file of nfcapd",
        Some(RecordFormat::Zeek) => "a log of Zeek",
        None => "something else",
    }
}
