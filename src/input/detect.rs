//! Which format a file has, by its first octets; and what it looks like when it is no capture.

use super::pcap;
use super::pcapng;

/// The formats that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Pcap(pcap::Header),
    PcapNg,
}

/// Octets that are looked at.
pub(super) const LOOKED_AT: usize = 512;

/// A file of Flow Records among captures.
const NFCAPD: &str = "a flow file of nfcapd, which is read by itself: --as records";

/// First octets of formats that people take for captures, and what to say of them.
const OTHERS: [(&[u8], &str); 26] = [
    (b"\x0c\xa5", NFCAPD),
    (b"\xa5\x0c", NFCAPD),
    (b"snoop\0\0\0", "a snoop capture; editcap -F pcap converts it"),
    (b"RTSS", "a Network Monitor capture; editcap -F pcap converts it"),
    (b"GMBU", "a Network Monitor capture; editcap -F pcap converts it"),
    (
        b"\x1c\x00\x01\xac",
        "an Ixia capture; editcap -F pcap converts it",
    ),
    (
        b"\xac\x01\x00\x1c",
        "an Ixia capture; editcap -F pcap converts it",
    ),
    (b"\x1f\x8b", "gzip inside compressed data; decompress it once"),
    (
        b"\x28\xb5\x2f\xfd",
        "zstd inside compressed data; decompress it once",
    ),
    (b"\xfd7zXZ\0", "xz compressed; pipe it through xz -dc"),
    (b"BZh", "bzip2 compressed; pipe it through bzip2 -dc"),
    (b"\x04\x22\x4d\x18", "lz4 compressed; pipe it through lz4 -dc"),
    (b"PK\x03\x04", "a zip archive; unpack it"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it"),
    (b"Rar!", "a rar archive; unpack it"),
    (b"\x7fELF", "a program"),
    (b"SQLite format 3", "an SQLite database"),
    (b"PAR1", "a Parquet file"),
    (b"\x89PNG", "a picture"),
    (b"%PDF", "a PDF document"),
    (
        b"\0\x05\0",
        "a bare NetFlow v5 datagram, without a capture around it",
    ),
    (
        b"\0\x07\0",
        "a bare NetFlow v7 datagram, without a capture around it",
    ),
    (
        b"\0\x09\0",
        "a bare NetFlow v9 datagram, without a capture around it",
    ),
    (b"\0\x0a", "a bare IPFIX message, without a capture around it"),
    (
        b"\0\0\0\x05\0\0\0",
        "a bare sFlow datagram, without a capture around it",
    ),
    (b"\xef\xbb\xbf", "text"),
];

/// The format of a file that starts with `head` (up to [`LOOKED_AT`] octets), or what it looks like instead.
///
/// # Errors
/// A sentence that begins with "is".
pub(super) fn format(head: &[u8]) -> Result<Format, String> {
    if head.is_empty() {
        return Err("is empty".into());
    }
    if let Some(header) = pcap::Header::read(head) {
        return Ok(Format::Pcap(header));
    }
    if head.starts_with(&pcapng::SECTION.to_be_bytes()) {
        return Ok(Format::PcapNg);
    }
    Err(format!("is no pcap or pcapng capture ({})", guess(head)))
}

/// What a file is that holds no Flow Records, in a sentence that begins with "is".
pub(super) fn no_records(head: &[u8]) -> String {
    let not = "is no file of Flow Records (nfcapd, Zeek's conn.log)";
    match format(head) {
        _ if head.is_empty() => "is empty".into(),
        Ok(_) => format!("{not} but a capture"),
        Err(_) => format!("{not} ({})", guess(head)),
    }
}

/// What it looks like, or its first octets.
fn guess(head: &[u8]) -> String {
    if let Some(like) = looks_like(head) {
        return format!("looks like {like}");
    }
    let first: Vec<_> = head.iter().take(4).map(|o| format!("{o:02x}")).collect();
    format!("begins with {}", first.join(" "))
}

fn looks_like(head: &[u8]) -> Option<&'static str> {
    if let Some((_, like)) = OTHERS.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Some(like);
    }
    if head.get(257..262) == Some(b"ustar") {
        return Some("a tar archive; unpack it");
    }
    if looks_like_text(head) {
        return Some(kind_of_text(head));
    }
    looks_like_erf(head).then_some("an ERF capture; editcap -F pcap converts it")
}

fn looks_like_text(head: &[u8]) -> bool {
    let control =
        |octet: &u8| (*octet < 0x20 && !matches!(octet, b'\t' | b'\r' | b'\n' | 0x0c)) || *octet == 0x7f;
    // A character may be cut where the look ends.
    let text = std::str::from_utf8(head).map_or_else(|error| error.error_len().is_none(), |_| true);
    text && !head.iter().any(control)
}

fn kind_of_text(head: &[u8]) -> &'static str {
    let head = head.trim_ascii_start();
    match head.first() {
        Some(b'{' | b'[') => "JSON",
        Some(b'<') => "XML or HTML",
        _ if head.starts_with(b"#separator") => "a log of Zeek; --as records reads conn.log",
        _ if head.starts_with(b"#!") => "a script",
        _ => "text",
    }
}

/// ERF has no magic number: a record that starts in this century, of a known type, with a length that agrees.
fn looks_like_erf(head: &[u8]) -> bool {
    let order = super::order::Order::Little;
    let seconds = order.u32(head, 4);
    let kind = head.get(8).copied().unwrap_or(0) & 0x7f;
    let length = super::order::Order::Big.u16(head, 10);
    (946_684_800..4_102_444_800).contains(&seconds)
        && (1..=48).contains(&kind)
        && (16..4096).contains(&length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_capture_is_said_to_be_what_it_looks_like() {
        let erf = [
            0, 0, 0, 0x80, 0x80, 0x43, 0x6d, 0x38, 2, 4, 0, 0x54, 0, 0, 0, 0x40,
        ];
        let mut tar = vec![0u8; 512];
        tar[..5].copy_from_slice(b"a.cap");
        tar[257..262].copy_from_slice(b"ustar");
        let table: &[(&[u8], &str)] = &[
            (b"", "is empty"),
            (
                b"\x0c\xa5\x01\0",
                "is no pcap or pcapng capture (looks like a flow file of nfcapd, which is read by itself: --as records)",
            ),
            (
                b"snoop\0\0\0\0\0\0\x02",
                "is no pcap or pcapng capture (looks like a snoop capture; editcap -F pcap converts it)",
            ),
            (
                &erf,
                "is no pcap or pcapng capture (looks like an ERF capture; editcap -F pcap converts it)",
            ),
            (
                &tar,
                "is no pcap or pcapng capture (looks like a tar archive; unpack it)",
            ),
            (b" \n{\"a\":1}", "is no pcap or pcapng capture (looks like JSON)"),
            (
                b"#separator \\x09\n",
                "is no pcap or pcapng capture (looks like a log of Zeek; --as records reads conn.log)",
            ),
            (
                b"time,bytes\n1,2\n",
                "is no pcap or pcapng capture (looks like text)",
            ),
            (
                b"\0\x09\0\x01",
                "is no pcap or pcapng capture (looks like a bare NetFlow v9 datagram, without a capture around it)",
            ),
            (
                b"\xde\xad\xbe\xef\0",
                "is no pcap or pcapng capture (begins with de ad be ef)",
            ),
            (b"\xd4\xc3", "is no pcap or pcapng capture (begins with d4 c3)"),
        ];
        for (head, expected) in table {
            assert_eq!(format(head).unwrap_err(), *expected);
        }
    }
}
