//! What segments and datagrams carry: enough of each protocol for an onlooker to know it, the rest filler.

use super::tls;

/// The octets of one stretch of payload, produced piece by piece as it is segmented.
#[derive(Clone, Debug)]
pub(super) enum Data {
    /// Nothing an onlooker could read.
    Filler,
    /// These octets, then filler.
    Head(Box<[u8]>),
    /// These octets, then filler.
    Text(&'static str),
    /// These octets, then sealed TLS records.
    Tls(Box<[u8]>),
    /// SMB 3 messages, encrypted ([MS-SMB2] section 2.2.41).
    Smb,
    /// A PostgreSQL query or its rows (PostgreSQL 16 documentation, section 55.7).
    Query,
    /// See [`Data::Query`].
    Rows,
}

/// A fixed octet for each offset: compresses well, looks like nothing.
pub(super) const fn filler(offset: usize) -> u8 {
    (offset % 64) as u8 ^ 0xa5
}

impl Data {
    /// Sealed TLS records from the first octet on.
    pub(super) fn sealed() -> Self {
        Self::Tls(Box::new([]))
    }

    /// Appends `count` octets from offset `at` of a stretch of `length` octets.
    pub(super) fn write(&self, out: &mut Vec<u8>, at: usize, count: usize, length: usize) {
        match self {
            Self::Filler => behind(&[], out, at, count),
            Self::Head(head) => behind(head, out, at, count),
            Self::Text(text) => behind(text.as_bytes(), out, at, count),
            Self::Tls(head) => {
                let from_head = head.get(at..).unwrap_or(&[]);
                let from_head = &from_head[..from_head.len().min(count)];
                out.extend_from_slice(from_head);
                let done = at + from_head.len();
                let rest = count - from_head.len();
                tls::sealed(
                    out,
                    done.saturating_sub(head.len()),
                    rest,
                    length.saturating_sub(head.len()),
                );
            }
            Self::Smb => behind(&smb(length), out, at, count),
            Self::Query => query(out, at, count, length),
            Self::Rows => behind(&rows(length), out, at, count),
        }
    }
}

fn behind(head: &[u8], out: &mut Vec<u8>, at: usize, count: usize) {
    for offset in at..at + count {
        out.push(head.get(offset).copied().unwrap_or_else(|| filler(offset)));
    }
}

/// Direct TCP transport header, then the transform header of an encrypted message.
fn smb(length: usize) -> [u8; 56] {
    let mut head = [0; 56];
    let message = length.saturating_sub(4);
    head[1..4].copy_from_slice(&(message as u32).to_be_bytes()[1..]);
    head[4..8].copy_from_slice(b"\xfdSMB");
    head[8..40].fill(0x5a);
    head[40..44].copy_from_slice(&(message.saturating_sub(52) as u32).to_le_bytes());
    head[46] = 1;
    head[48] = 0x21;
    head
}

/// A query message: text, padded with blanks, a zero at its end.
fn query(out: &mut Vec<u8>, at: usize, count: usize, length: usize) {
    const TEXT: &[u8] = b"Q\0\0\0\0SELECT * FROM orders WHERE state = 'open'";
    let size = (length.saturating_sub(1) as u32).to_be_bytes();
    for offset in at..at + count {
        out.push(match offset {
            1..=4 => size[offset - 1],
            _ if offset + 1 == length => 0,
            _ => TEXT.get(offset).copied().unwrap_or(b' '),
        });
    }
}

/// One DataRow of one column.
fn rows(length: usize) -> [u8; 11] {
    let mut head = [b'D', 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
    head[1..5].copy_from_slice(&(length.saturating_sub(1) as u32).to_be_bytes());
    head[7..11].copy_from_slice(&(length.saturating_sub(11) as u32).to_be_bytes());
    head
}

/// A PostgreSQL start-up message, length and protocol 3.0 first.
pub(super) const QUERY_STARTUP: &[u8] = b"\0\0\0\x25\0\x03\0\0user\0orders\0database\0orders\0\0";
/// AuthenticationOk, ReadyForQuery.
pub(super) const QUERY_READY: &[u8] = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";
/// Terminate.
pub(super) const QUERY_END: &[u8] = b"X\0\0\0\x04";

/// An NTP message (RFC 5905 section 7.3): `0x23` in front asks, `0x24` answers. `seconds` since 1970.
pub(super) fn ntp(first: u8, seconds: i64) -> Vec<u8> {
    let mut out = vec![0; 48];
    out[..4].copy_from_slice(&[first, if first == 0x24 { 2 } else { 0 }, 10, 0xe9]);
    let seconds = ((seconds + 2_208_988_800) as u32).to_be_bytes();
    out[40..44].copy_from_slice(&seconds);
    out
}

/// A mode 7 answer with a list of recent clients, as reflectors are made to send it: six items of 72 octets.
pub(super) fn ntp_client_list(sequence: u8) -> Vec<u8> {
    let mut out = vec![0; 8 + 6 * 72];
    out[..8].copy_from_slice(&[0xd7, sequence & 0x7f, 3, 0x2a, 0, 6, 0, 72]);
    out
}

/// An SNMP version 2c message (RFC 3416) about `sysUpTime.0`: `0xa0` asks, `0xa2` answers.
pub(super) fn snmp(tag: u8, id: u8) -> Vec<u8> {
    let ticks = [0x43, 3, 0x12, 0x34, id];
    snmp_message(tag, id, if tag == 0xa0 { &[5, 0] } else { &ticks })
}

/// A large SNMP answer: one string of 1200 octets.
pub(super) fn snmp_large(id: u8) -> Vec<u8> {
    let mut value = vec![4, 0x82, 0x04, 0xb0];
    value.resize(4 + 1200, b's');
    snmp_message(0xa2, id, &value)
}

fn snmp_message(tag: u8, id: u8, value: &[u8]) -> Vec<u8> {
    let name = [6, 8, 0x2b, 6, 1, 2, 1, 1, 3, 0];
    let binding = tagged(0x30, &[&name, value]);
    let list = tagged(0x30, &[&binding]);
    let request = tagged(tag, &[&[2, 1, id & 0x7f, 2, 1, 0, 2, 1, 0], &list]);
    tagged(0x30, &[b"\x02\x01\x01\x04\x06public", &request])
}

/// A BER value with its length in the shortest form.
fn tagged(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = vec![tag];
    match length {
        0..=127 => out.push(length as u8),
        128..=255 => out.extend_from_slice(&[0x81, length as u8]),
        _ => out.extend_from_slice(&[0x82, (length >> 8) as u8, length as u8]),
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

/// An unencrypted SSH key exchange offer (RFC 4253 section 7.1), one choice of everything.
pub(super) fn ssh_offer(random: u32) -> Vec<u8> {
    const CHOICES: [&str; 10] = [
        "curve25519-sha256",
        "ssh-ed25519",
        "aes128-ctr",
        "aes128-ctr",
        "hmac-sha2-256",
        "hmac-sha2-256",
        "none",
        "none",
        "",
        "",
    ];
    let mut body = vec![20];
    for _ in 0..4 {
        body.extend_from_slice(&random.to_be_bytes());
    }
    for choice in CHOICES {
        body.extend_from_slice(&(choice.len() as u32).to_be_bytes());
        body.extend_from_slice(choice.as_bytes());
    }
    body.extend_from_slice(&[0; 5]);
    ssh_packet(&body)
}

/// The client's half of an ECDH key exchange (RFC 5656 section 4): one string.
pub(super) fn ssh_key(random: u32) -> Vec<u8> {
    let mut body = vec![30];
    put_string(&mut body, random, 32);
    ssh_packet(&body)
}

/// The server's half: host key, its half and a signature, three strings, each with an algorithm inside where that is
/// due.
pub(super) fn ssh_key_reply(random: u32) -> Vec<u8> {
    const ALGORITHM: &[u8] = b"\0\0\0\x0bssh-ed25519";
    let mut body = vec![31, 0, 0, 0, 51];
    body.extend_from_slice(ALGORITHM);
    put_string(&mut body, random, 32);
    put_string(&mut body, random, 32);
    body.extend_from_slice(&[0, 0, 0, 83]);
    body.extend_from_slice(ALGORITHM);
    put_string(&mut body, random, 64);
    ssh_packet(&body)
}

/// The message after which everything is encrypted.
pub(super) const SSH_NEW_KEYS: &[u8] = b"\0\0\0\x0c\x0a\x15\0\0\0\0\0\0\0\0\0\0";

/// A string of `length` octets, a multiple of four, that should be random.
fn put_string(out: &mut Vec<u8>, random: u32, length: u32) {
    out.extend_from_slice(&length.to_be_bytes());
    for _ in 0..length / 4 {
        out.extend_from_slice(&random.to_be_bytes());
    }
}

/// The binary packet protocol (RFC 4253 section 6): padded to a multiple of eight, with four octets at least.
fn ssh_packet(body: &[u8]) -> Vec<u8> {
    let padding = 4 + (8 - (5 + body.len() + 4) % 8) % 8;
    let mut out = ((1 + body.len() + padding) as u32).to_be_bytes().to_vec();
    out.push(padding as u8);
    out.extend_from_slice(body);
    out.resize(out.len() + padding, 0);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_inside_messages_agree_with_their_size() {
        for (message, length) in [(snmp(0xa0, 1), 1), (snmp(0xa2, 1), 1)] {
            assert_eq!(usize::from(message[length]), message.len() - 2);
        }
        let large = snmp_large(3);
        assert_eq!(
            usize::from(u16::from_be_bytes([large[2], large[3]])),
            large.len() - 4
        );
        for packet in [ssh_offer(1), ssh_key(1), ssh_key_reply(1), SSH_NEW_KEYS.to_vec()] {
            assert_eq!(
                u32::from_be_bytes([packet[0], packet[1], packet[2], packet[3]]) as usize,
                packet.len() - 4
            );
            assert_eq!(packet.len() % 8, 0);
        }
        assert_eq!(QUERY_STARTUP.len(), 0x25);
    }

    #[test]
    fn a_stretch_is_the_same_however_it_is_segmented() {
        for data in [
            Data::Filler,
            Data::Smb,
            Data::Query,
            Data::Rows,
            Data::Text("EHLO"),
            Data::Tls(Box::new([1, 2, 3])),
        ] {
            let (mut whole, mut parts) = (Vec::new(), Vec::new());
            data.write(&mut whole, 0, 600, 600);
            for start in (0..600).step_by(2) {
                data.write(&mut parts, start, 2, 600);
            }
            assert_eq!(whole, parts, "{data:?}");
        }
    }
}
