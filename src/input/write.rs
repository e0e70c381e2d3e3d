//! Writing pcap captures, plain or compressed.

use crate::model::{LinkType, Timestamp};
use flate2::write::GzEncoder;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Octets collected before they are compressed or written.
const BUFFER: usize = 256 << 10;

/// How finely a capture tells time; finer digits are cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// Microseconds: what every program reads.
    Micros,
    /// Nanoseconds.
    Nanos,
}

/// Writes a pcap capture, version 2.4, little-endian.
///
/// ```
/// use tidemark::input::{CaptureReader, PcapWriter, Precision};
/// use tidemark::model::{LinkType, Timestamp};
/// let mut writer = PcapWriter::new(Vec::new(), Precision::Nanos, LinkType(101), 3)?;
/// writer.write(Timestamp::from_secs(1), &[0x45, 0, 0, 20], 20)?;
/// let octets = writer.finish()?;
/// let mut reader = CaptureReader::new("written".into(), &octets[..]);
/// let packet = reader.next().unwrap()?;
/// assert_eq!((packet.octets, packet.original_length), (&[0x45, 0, 0][..], 20));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct PcapWriter<W> {
    out: W,
    precision: Precision,
    /// Most octets kept of a frame.
    snap: u32,
}

impl<W: Write> PcapWriter<W> {
    /// Writes the file header. At most `snap` octets of each frame will be kept; 0 keeps all.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn new(mut out: W, precision: Precision, link: LinkType, snap: u32) -> io::Result<Self> {
        let snap = if snap == 0 {
            super::LONGEST_FRAME as u32
        } else {
            snap
        };
        let magic: u32 = match precision {
            Precision::Micros => 0xa1b2_c3d4,
            Precision::Nanos => 0xa1b2_3c4d,
        };
        for word in [magic, 2 | 4 << 16, 0, 0, snap, u32::from(link.0)] {
            out.write_all(&word.to_le_bytes())?;
        }
        Ok(Self { out, precision, snap })
    }

    /// Writes one frame; `original_length` is its length on the wire (what is less than `octets` has counts as that).
    ///
    /// Times before 1970 and after 2106 do not fit the format and are written as its first or last second.
    ///
    /// # Errors
    /// Those of the writer underneath.
    pub fn write(&mut self, at: Timestamp, octets: &[u8], original_length: u32) -> io::Result<()> {
        let whole = u32::try_from(octets.len()).unwrap_or(u32::MAX);
        let captured = whole.min(self.snap);
        let (seconds, nanos) = parts(at);
        let fraction = match self.precision {
            Precision::Micros => nanos / 1000,
            Precision::Nanos => nanos,
        };
        for word in [seconds, fraction, captured, original_length.max(whole)] {
            self.out.write_all(&word.to_le_bytes())?;
        }
        self.out
            .write_all(octets.get(..captured as usize).unwrap_or(octets))
    }

    /// Flushes and gives the writer underneath back.
    ///
    /// # Errors
    /// Those of the writer underneath.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

/// Seconds and nanoseconds as a record holds them.
fn parts(at: Timestamp) -> (u32, u32) {
    let nanos = at.as_nanos().rem_euclid(1_000_000_000) as u32;
    match u32::try_from(at.as_secs()) {
        Ok(seconds) => (seconds, nanos),
        Err(_) if at < Timestamp::default() => (0, 0),
        Err(_) => (u32::MAX, 999_999_999),
    }
}

/// A file, compressed as its name says: `.gz`, `.zst`, or not at all.
///
/// [`OutputFile::finish`] must be called: a compressed file that is only dropped lacks its end.
pub struct OutputFile(BufWriter<Sink>);

enum Sink {
    Plain(File),
    Gzip(GzEncoder<File>),
    Zstd(zstd::Encoder<'static, File>),
}

impl OutputFile {
    /// Creates the file, or empties it.
    ///
    /// `zstd_level` is 1 (fast) to 19 (small); 3 is usual.
    ///
    /// # Errors
    /// It cannot be created.
    pub fn create(path: &Path, zstd_level: i32) -> io::Result<Self> {
        let file = File::create(path)?;
        let sink = match path.extension().and_then(|end| end.to_str()) {
            Some("gz") => Sink::Gzip(GzEncoder::new(file, flate2::Compression::default())),
            Some("zst") => Sink::Zstd(zstd::Encoder::new(file, zstd_level)?),
            _ => Sink::Plain(file),
        };
        Ok(Self(BufWriter::with_capacity(BUFFER, sink)))
    }

    /// Writes what is left and ends the file.
    ///
    /// # Errors
    /// Something could not be written.
    pub fn finish(self) -> io::Result<()> {
        match self.0.into_inner().map_err(io::IntoInnerError::into_error)? {
            Sink::Plain(_) => Ok(()),
            Sink::Gzip(encoder) => encoder.finish().map(drop),
            Sink::Zstd(encoder) => encoder.finish().map(drop),
        }
    }
}

impl Write for OutputFile {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Write for Sink {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.write(octets),
            Self::Gzip(encoder) => encoder.write(octets),
            Self::Zstd(encoder) => encoder.write(octets),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.flush(),
            Self::Gzip(encoder) => encoder.flush(),
            Self::Zstd(encoder) => encoder.flush(),
        }
    }
}
