//! Compressed streams, told by their first octets and never by a name, decompressed as they are read.

use flate2::read::MultiGzDecoder;
use std::io::{self, Chain, Cursor, ErrorKind, Read};

/// Octets that tell the compression.
const LOOKED_AT: usize = 4;
const GZIP: [u8; 3] = [0x1f, 0x8b, 8];
const ZSTD: u32 = 0xfd2f_b528;
/// Sixteen magic numbers of frames that zstd steps over; pzstd begins its files with one.
const ZSTD_SKIPPABLE: std::ops::RangeInclusive<u32> = 0x184d_2a50..=0x184d_2a5f;

/// A stream whose first octets were read ahead.
type Whole<R> = Chain<Cursor<Vec<u8>>, R>;

/// `source`, decompressed when it is gzip (any number of members) or zstd (any number of frames).
///
/// Memory is bounded whatever the stream asks for: zstd windows end at 128 MiB, as in the zstd program.
///
/// # Errors
/// The first octets cannot be read.
pub(super) fn decompressed<R: Read + Send + 'static>(mut source: R) -> io::Result<Box<dyn Read + Send>> {
    let first = first_octets(&mut source)?;
    let magic = first
        .first_chunk()
        .map_or(0, |octets| u32::from_le_bytes(*octets));
    let gzip = first.starts_with(&GZIP);
    let whole: Whole<R> = Cursor::new(first).chain(source);
    if gzip {
        Ok(Box::new(MultiGzDecoder::new(whole)))
    } else if magic == ZSTD || ZSTD_SKIPPABLE.contains(&magic) {
        Ok(Box::new(zstd::Decoder::new(whole)?))
    } else {
        Ok(Box::new(whole))
    }
}

fn first_octets(source: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut first = vec![0; LOOKED_AT];
    let mut have = 0;
    while let Some(room) = first.get_mut(have..).filter(|room| !room.is_empty()) {
        match source.read(room) {
            Ok(0) => break,
            Ok(got) => have += got,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    first.truncate(have);
    Ok(first)
}
