//! Blocks of nfcapd files, unpacked: bounded whatever they claim.

use super::lzo;
use std::io::Read;

/// Most octets of a block, packed or not. nfdump writes up to five mebibytes.
pub(super) const LARGEST: usize = 16 << 20;

/// How the blocks of a file are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    None,
    Lzo,
    Bzip2,
    Lz4,
    Zstd,
}

impl Packing {
    /// As the file's header numbers them.
    pub(super) fn numbered(number: u8) -> Option<Self> {
        [Self::None, Self::Lzo, Self::Bzip2, Self::Lz4, Self::Zstd]
            .get(usize::from(number))
            .copied()
    }

    /// Fills `out` with what was packed.
    ///
    /// # Errors
    /// Why it cannot be unpacked, in words.
    pub(super) fn unpack(self, packed: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        out.clear();
        match self {
            Self::None => out.extend_from_slice(packed),
            Self::Lzo => lzo::unpack(packed, out, LARGEST).map_err(|e| e.words().to_owned())?,
            Self::Bzip2 => drain(bzip2::read::BzDecoder::new(packed), out)?,
            Self::Zstd => drain(zstd::Decoder::new(packed).map_err(|e| e.to_string())?, out)?,
            Self::Lz4 => lz4(packed, out)?,
        }
        Ok(())
    }
}

fn drain(source: impl Read, out: &mut Vec<u8>) -> Result<(), String> {
    let read = source.take(LARGEST as u64 + 1).read_to_end(out);
    read.map_err(|error| error.to_string())?;
    if out.len() > LARGEST {
        return Err(format!("more than {LARGEST} octets come out"));
    }
    Ok(())
}

/// A bare LZ4 block does not say how much comes out: room grows until it suffices.
fn lz4(packed: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
    let mut room = packed.len().saturating_mul(4).clamp(64 << 10, LARGEST);
    loop {
        out.resize(room, 0);
        match lz4_flex::block::decompress_into(packed, out) {
            Ok(length) => {
                out.truncate(length);
                return Ok(());
            }
            Err(lz4_flex::block::DecompressError::OutputTooSmall { .. }) if room < LARGEST => {
                room = room.saturating_mul(2).min(LARGEST);
            }
            Err(error) => return Err(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn what_was_packed_comes_out_again() {
        let plain: Vec<u8> = (0..200_000u32).map(|n| (n / 7 % 251) as u8).collect();
        let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        bzip2.write_all(&plain).unwrap();
        let cases = [
            (Packing::None, plain.clone()),
            (Packing::Bzip2, bzip2.finish().unwrap()),
            (Packing::Zstd, zstd::encode_all(&plain[..], 1).unwrap()),
            (Packing::Lz4, lz4_flex::block::compress(&plain)),
        ];
        let mut out = Vec::new();
        for (packing, packed) in cases {
            packing.unpack(&packed, &mut out).unwrap();
            assert!(out == plain, "{packing:?}");
            let cut = packing.unpack(&packed[..packed.len() / 2], &mut out);
            assert!(packing == Packing::None || cut.is_err(), "{packing:?}");
        }
    }

    #[test]
    fn a_block_that_would_fill_the_memory_is_refused() {
        let zeros = vec![0; LARGEST + 1];
        let mut out = Vec::new();
        for (packing, packed) in [
            (Packing::Zstd, zstd::encode_all(&zeros[..], 1).unwrap()),
            (Packing::Lz4, lz4_flex::block::compress(&zeros)),
        ] {
            assert!(packing.unpack(&packed, &mut out).is_err(), "{packing:?}");
            assert!(out.capacity() <= 2 * (LARGEST + 1), "{packing:?}");
        }
    }
}
