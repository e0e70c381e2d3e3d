//! Captured flow export: frames to messages, with everything wrong in them said; and which captures are export.

use super::captures::{Taker, Walk};
use crate::input::Captures;
use crate::input::messages::{Found, Messages, Tally};
use crate::model::{ExportFault, ExportMessage, RawPacket};
use crate::wire::Undecoded;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// So many files are looked into, and so many frames of each, before it is decided what they are.
const FILES: usize = 16;
const FRAMES: usize = 10_000;

impl Walk {
    /// Hands every message of flow export to `take`, in time order of its last frame. `take` adds what is wrong with the
    /// message to the faults; they are named with file and offset, and counted.
    ///
    /// A file without a single message is named. What was found besides messages is counted among the troubles.
    ///
    /// # Errors
    ///
    /// What `take` says, at once.
    pub fn run_export<E>(
        &mut self,
        files: &[PathBuf],
        take: impl FnMut(&ExportMessage<'_>, &mut Vec<ExportFault>) -> Result<(), E>,
    ) -> Result<Found, E> {
        let mut export = Export {
            messages: Messages::default(),
            taken: 0,
            take,
            faults: Vec::new(),
            files: Vec::new(),
        };
        self.walk(files, &mut export)?;
        for (file, _) in export.files.iter().filter(|(_, messages)| *messages == 0) {
            self.say(&format!("{file}: no flow export is in it"));
        }
        let found = export.messages.found();
        let counts = [
            ("no_export", found.other_datagrams),
            ("export_fragments_given_up", found.fragments_given_up),
            ("export_streams_broken", found.streams_broken),
        ];
        for (kind, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
            self.troubles.counts.insert(kind.to_owned(), count);
        }
        Ok(found)
    }
}

/// Messages out of frames, and what is wrong with them.
struct Export<F> {
    messages: Messages,
    /// Messages counted to a file.
    taken: u64,
    take: F,
    faults: Vec<ExportFault>,
    /// Each file with its messages, the newest last.
    files: Vec<(Arc<str>, u64)>,
}

impl<E, F> Taker<E> for Export<F>
where
    F: FnMut(&ExportMessage<'_>, &mut Vec<ExportFault>) -> Result<(), E>,
{
    fn packet(&mut self, packet: &RawPacket<'_>) -> Result<Result<(), Undecoded>, E> {
        let (take, faults) = (&mut self.take, &mut self.faults);
        let mut outcome = Ok(());
        let decoded = self.messages.frame(packet, |message| {
            if outcome.is_ok() {
                outcome = take(message, faults);
            }
        });
        outcome.map(|()| decoded)
    }

    fn after(&mut self, walk: &mut Walk, captures: &Captures) {
        let messages = self.messages.found().messages;
        let new = messages - self.taken;
        self.taken = messages;
        if let Some(file) = captures.file() {
            // Merged captures take turns: the file is mostly the one before, or one of a few.
            match self
                .files
                .iter_mut()
                .rev()
                .find(|(known, _)| Arc::ptr_eq(known, file))
            {
                Some((_, messages)) => *messages += new,
                None => self.files.push((Arc::clone(file), new)),
            }
        }
        for fault in self.faults.drain(..) {
            walk.export_fault(&fault, captures);
        }
    }
}

/// Whether captures are to be read as flow export, told by their first datagrams; said on standard error where it is
/// not plain. Standard input and pipes can be read only once: they are packets.
pub fn is_export(files: &[PathBuf], quiet: bool) -> bool {
    let tally = tally(files);
    let words = if tally.is_export() {
        "the datagrams are flow export and are decoded; --as packets meters them instead"
    } else if tally.export * 2 > tally.datagrams {
        "some datagrams are flow export, most packets are not: packets are metered; --as export decodes the export"
    } else {
        return false;
    };
    if !quiet {
        eprintln!("tidemark: {words}");
    }
    tally.is_export()
}

/// What the first frames of the first files carry.
fn tally(files: &[PathBuf]) -> Tally {
    let mut all = Tally::default();
    let regular = |path: &&PathBuf| path.as_path() != Path::new("-") && path.is_file();
    for path in files.iter().filter(regular).take(FILES) {
        let mut captures = Captures::open([path.clone()]);
        let mut tally = Tally::default();
        for _ in 0..FRAMES {
            match captures.next() {
                Some(Ok(frame)) => tally.add(&frame),
                // Faults are told when the file is read in earnest.
                Some(Err(_)) => {}
                None => break,
            }
            if tally.is_enough() {
                break;
            }
        }
        all.datagrams += tally.datagrams;
        all.export += tally.export;
        all.packets += tally.packets;
    }
    all
}
