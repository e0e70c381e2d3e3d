//! DNS messages (RFC 1035): questions, and the answers that map the names used elsewhere.

use crate::model::Ip;

/// Type of an IPv4 address record.
pub(super) const A: u16 = 1;
/// Type of a text record.
const TXT: u16 = 16;
/// Type of an IPv6 address record (RFC 3596).
pub(super) const AAAA: u16 = 28;

/// A question with recursion desired.
pub(super) fn question(id: u16, name: &str, kind: u16) -> Vec<u8> {
    let mut out = header(id, 0x0100, 0);
    put_question(&mut out, name, kind);
    out
}

/// The answer to [`question`] with the given addresses; those of the other family are left out.
pub(super) fn answer(id: u16, name: &str, kind: u16, addresses: &[Ip]) -> Vec<u8> {
    let fitting = || addresses.iter().filter(|ip| ip.is_v4() == (kind == A));
    let mut out = header(id, 0x8180, fitting().count() as u16);
    put_question(&mut out, name, kind);
    for ip in fitting() {
        match ip.as_v4() {
            Some(v4) => put_record(&mut out, A, 300, &v4.to_be_bytes()),
            None => put_record(&mut out, AAAA, 300, &ip.bits().to_be_bytes()),
        }
    }
    out
}

/// The answer that says there is no such name.
pub(super) fn no_such_name(id: u16, name: &str, kind: u16) -> Vec<u8> {
    let mut out = header(id, 0x8183, 0);
    put_question(&mut out, name, kind);
    out
}

/// A large answer of text records, as open resolvers are made to send it to someone else.
pub(super) fn large_answer(id: u16, name: &str, records: u16) -> Vec<u8> {
    let mut out = header(id, 0x8180, records);
    put_question(&mut out, name, TXT);
    let mut text = [b'x'; 201];
    text[0] = 200;
    for _ in 0..records {
        put_record(&mut out, TXT, 3600, &text);
    }
    out
}

/// A multicast question for a service (RFC 6762).
pub(super) fn multicast_question(name: &str) -> Vec<u8> {
    let mut out = header(0, 0, 0);
    put_question(&mut out, name, 12);
    out
}

fn header(id: u16, flags: u16, answers: u16) -> Vec<u8> {
    let mut out = Vec::with_capacity(96);
    for word in [id, flags, 1, answers, 0, 0] {
        out.extend_from_slice(&word.to_be_bytes());
    }
    out
}

fn put_question(out: &mut Vec<u8>, name: &str, kind: u16) {
    for label in name.split('.') {
        out.push(label.len() as u8);
        out.extend_from_slice(label.as_bytes());
    }
    out.push(0);
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&1u16.to_be_bytes());
}

/// A record of the name asked for, by a pointer to it (RFC 1035 section 4.1.4).
fn put_record(out: &mut Vec<u8>, kind: u16, seconds: u32, data: &[u8]) {
    out.extend_from_slice(&[0xc0, 12]);
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&1u16.to_be_bytes());
    out.extend_from_slice(&seconds.to_be_bytes());
    out.extend_from_slice(&(data.len() as u16).to_be_bytes());
    out.extend_from_slice(data);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_repeats_the_question_and_carries_the_addresses_of_its_type() {
        let both = ["192.0.2.1", "2001:db8::1"].map(|a| a.parse().unwrap());
        let four = answer(7, "a.example", A, &both);
        assert_eq!(
            four,
            b"\0\x07\x81\x80\0\x01\0\x01\0\0\0\0\x01a\x07example\0\0\x01\0\x01\
              \xc0\x0c\0\x01\0\x01\0\0\x01\x2c\0\x04\xc0\0\x02\x01"
        );
        let six = answer(7, "a.example", AAAA, &both);
        assert!(six.ends_with(b"\0\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"));
        assert_eq!(question(7, "a.example", A).len(), 27);
    }
}
