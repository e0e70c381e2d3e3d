//! L4: capture files and standard input, turned into packets with a time; and what arrives live.
//!
//! Live, `udp`, `tcp` and `live` fill a `batch` each, which the engine's thread takes and gives back. Of captures:
//!
//! The way of a packet: a `source` is opened and counted, decompressed by its first octets, read into a
//! `window`; `detect` tells the format; `pcap` or `pcapng` walks its records and hands out slices of the window;
//! `merge` puts several captures in time order. Nothing is copied or allocated per packet.
//!
//! What is wrong with a capture is a [`Fault`](crate::model::Fault) with the file and the offset in the uncompressed
//! stream. It costs only the record, where the next one can be found again. Per file [`NAMED_FAULTS`] are handed out and
//! then one that sums up the rest, so that a hostile file cannot flood anyone; [`Counters::faults`] has them all, and is
//! what totals are to be made from. `messages` finds flow export in frames. `records` reads files of Flow Records that
//! others made. `write` makes captures.

pub mod batch;
mod decompress;
mod detect;
mod interface;
pub mod kernel;
mod ledger;
#[cfg(feature = "live-capture")]
pub mod live;
mod merge;
pub mod messages;
mod order;
mod pcap;
mod pcapng;
mod reader;
#[cfg(test)]
mod real;
mod records;
mod resync;
#[cfg(test)]
mod samples;
mod source;
pub mod tcp;
#[cfg(test)]
mod tests;
pub mod udp;
mod window;
mod write;

pub use ledger::{Counters, NAMED_FAULTS, SkippedBlocks};
pub use merge::{Captures, Progress};
pub use reader::{CaptureReader, LONGEST_FRAME};
pub use records::{RecordFiles, RecordFormat, RecordReader, Recorded, Tally, format_of};
pub use write::{OutputFile, PcapWriter, Precision};
