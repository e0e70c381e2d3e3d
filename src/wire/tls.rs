//! The server name a TLS client asks for (RFC 6066 section 3): the name of a service where no DNS answer was seen.

use super::cursor::Cursor;

/// The server name in a TLS ClientHello at the start of a TCP payload, as the client wrote it; letters, digits, `-`,
/// `_` and `.` only, 1 to 255 of them.
///
/// The payload may end anywhere behind the name: ClientHellos span segments, and captures cut frames. `None`: it is no
/// ClientHello, names no server, or ends before the name does.
pub fn server_name(payload: &[u8]) -> Option<&str> {
    const HOST_NAME: u8 = 0;
    let names = server_names(client_hello(Cursor::new(payload))?)?;
    let (kind, length) = (names.u8(2)?, names.u16(3)?);
    let name = names.skip(5)?.octets().get(..usize::from(length))?;
    let is_valid = |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'.');
    if kind != HOST_NAME || !(1..=255).contains(&name.len()) || !name.iter().all(is_valid) {
        return None;
    }
    std::str::from_utf8(name).ok()
}

/// The body of a ClientHello: record header (RFC 8446 section 5.1), handshake header (section 4).
fn client_hello(record: Cursor<'_>) -> Option<Cursor<'_>> {
    const HANDSHAKE: u8 = 22;
    const CLIENT_HELLO: u8 = 1;
    let [kind, major, _] = record.array(0)?;
    let length = usize::from(record.u16(3)?);
    let handshake = record.skip(5)?.at_most(length);
    let [message, high, middle, low] = handshake.array(0)?;
    if (kind, major, message) != (HANDSHAKE, 3, CLIENT_HELLO) {
        return None;
    }
    let length = u32::from_be_bytes([0, high, middle, low]);
    Some(handshake.skip(4)?.at_most(length as usize))
}

/// The server_name extension (RFC 8446 section 4.1.2): behind version, random, session, cipher suites, compression.
fn server_names(hello: Cursor<'_>) -> Option<Cursor<'_>> {
    const SERVER_NAME: u16 = 0;
    const VERSION_AND_RANDOM: usize = 34;
    let session = hello.skip(VERSION_AND_RANDOM)?;
    let ciphers = session.skip(1 + usize::from(session.u8(0)?))?;
    let compression = ciphers.skip(2 + usize::from(ciphers.u16(0)?))?;
    let extensions = compression.skip(1 + usize::from(compression.u8(0)?))?;
    let mut at = extensions.skip(2)?.at_most(usize::from(extensions.u16(0)?));
    loop {
        let (kind, length) = (at.u16(0)?, usize::from(at.u16(2)?));
        at = at.skip(4)?;
        if kind == SERVER_NAME {
            return Some(at.at_most(length));
        }
        at = at.skip(length)?;
    }
}
