//! Captures written and rewritten by hand, so that the program's own writer is not the only witness.

use std::fs;
use std::io::Write;
use std::path::Path;

/// One record of a capture.
pub struct Record {
    /// Microseconds since 1970.
    pub micros: u64,
    pub octets: Vec<u8>,
    /// Length on the wire.
    pub length: u32,
}

/// The records of a little-endian pcap with microseconds.
pub fn records(path: &Path) -> Vec<Record> {
    let file = fs::read(path).unwrap();
    let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
    assert_eq!(word(0), 0xa1b2_c3d4);
    let mut records = Vec::new();
    let mut at = 24;
    while at < file.len() {
        let captured = word(at + 8) as usize;
        records.push(Record {
            micros: u64::from(word(at)) * 1_000_000 + u64::from(word(at + 4)),
            octets: file[at + 16..at + 16 + captured].to_vec(),
            length: word(at + 12),
        });
        at += 16 + captured;
    }
    records
}

/// Writes records as an Ethernet pcap, in the byte order and precision asked for.
pub fn write_pcap<'a>(
    path: &Path,
    records: impl IntoIterator<Item = &'a Record>,
    big_endian: bool,
    nanos: bool,
) {
    let mut out = Vec::new();
    let word = |out: &mut Vec<u8>, word: u32| {
        let octets = if big_endian {
            word.to_be_bytes()
        } else {
            word.to_le_bytes()
        };
        out.extend_from_slice(&octets);
    };
    word(&mut out, if nanos { 0xa1b2_3c4d } else { 0xa1b2_c3d4 });
    // The two halves of the version swap places with the byte order.
    word(&mut out, if big_endian { 2 << 16 | 4 } else { 2 | 4 << 16 });
    for header in [0, 0, 65_535, 1] {
        word(&mut out, header);
    }
    for record in records {
        word(&mut out, (record.micros / 1_000_000) as u32);
        let fraction = (record.micros % 1_000_000) as u32;
        word(&mut out, if nanos { fraction * 1000 } else { fraction });
        word(&mut out, record.octets.len() as u32);
        word(&mut out, record.length);
        out.extend_from_slice(&record.octets);
    }
    fs::write(path, out).unwrap();
}

/// Writes records as pcapng (draft-ietf-opsawg-pcapng): one section, one Ethernet interface with microseconds, one
/// Enhanced Packet Block each.
pub fn write_pcapng(path: &Path, records: &[Record]) {
    let mut out = Vec::new();
    let section = [&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat();
    block(&mut out, 0x0a0d_0d0a, &section);
    block(&mut out, 1, &[1, 0, 0, 0, 0, 0, 0, 0]);
    for record in records {
        let mut body = Vec::with_capacity(24 + record.octets.len());
        let words = [
            0,
            (record.micros >> 32) as u32,
            record.micros as u32,
            record.octets.len() as u32,
            record.length,
        ];
        for word in words {
            body.extend_from_slice(&word.to_le_bytes());
        }
        body.extend_from_slice(&record.octets);
        block(&mut out, 6, &body);
    }
    fs::write(path, out).unwrap();
}

fn block(out: &mut Vec<u8>, kind: u32, body: &[u8]) {
    let padding = body.len().wrapping_neg() % 4;
    let length = (12 + body.len() + padding) as u32;
    out.extend_from_slice(&kind.to_le_bytes());
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(body);
    out.resize(out.len() + padding, 0);
    out.extend_from_slice(&length.to_le_bytes());
}

/// Compresses a file into another.
pub fn gzip(from: &Path, to: &Path) {
    let mut encoder =
        flate2::write::GzEncoder::new(fs::File::create(to).unwrap(), flate2::Compression::fast());
    encoder.write_all(&fs::read(from).unwrap()).unwrap();
    encoder.finish().unwrap();
}

/// Compresses a file into another.
pub fn zstandard(from: &Path, to: &Path) {
    fs::write(to, zstd::encode_all(&fs::read(from).unwrap()[..], 1).unwrap()).unwrap();
}
