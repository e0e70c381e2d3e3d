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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn block16(octets: &[u8]) -> Vec<u8> {
        [&(octets.len() as u16).to_be_bytes(), octets].concat()
    }

    fn hello(name: &[u8]) -> Vec<u8> {
        let server_name = [
            [0, 0].to_vec(),
            block16(&block16(&[&[0], &block16(name)[..]].concat())),
        ]
        .concat();
        let groups = [[0, 10].to_vec(), block16(&[0, 2, 0, 29])].concat();
        let after = [[0, 16].to_vec(), block16(&[0; 300])].concat();
        let body = [
            [3, 3].to_vec(),
            vec![7; 32],
            [vec![32], vec![9; 32]].concat(),
            block16(&[0x13, 0x01, 0x13, 0x02]),
            vec![1, 0],
            block16(&[groups, server_name, after].concat()),
        ]
        .concat();
        let message = [vec![1, 0], block16(&body)].concat();
        [vec![22, 3, 1], block16(&message)].concat()
    }

    #[test]
    fn a_client_hello_names_its_server() {
        assert_eq!(server_name(&hello(b"www.Example.com")), Some("www.Example.com"));
        assert_eq!(
            server_name(&hello(b"xn--bcher-kva.example")),
            Some("xn--bcher-kva.example")
        );
    }

    #[test]
    fn a_hello_cut_behind_the_name_still_names_it() {
        let whole = hello(b"www.example.com");
        let name_ends = whole.len() - 304;
        for end in 0..whole.len() {
            let expected = (end >= name_ends).then_some("www.example.com");
            assert_eq!(server_name(&whole[..end]), expected, "cut at {end}");
        }
    }

    #[test]
    fn what_is_no_host_name_is_not_passed_on() {
        for name in [
            &b""[..],
            b"a b",
            b"<script>",
            b"caf\xc3\xa9",
            b"a\0b",
            &[b'x'; 256],
        ] {
            assert_eq!(server_name(&hello(name)), None, "{name:?}");
        }
    }

    #[test]
    fn other_records_name_no_server() {
        let mut other = hello(b"www.example.com");
        other[5] = 2; // a ServerHello
        assert_eq!(server_name(&other), None);
        assert_eq!(server_name(b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"), None);
        assert_eq!(server_name(b""), None);
    }

    proptest! {
        #[test]
        fn a_damaged_hello_gives_a_host_name_or_none(
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..5),
            end in any::<prop::sample::Index>(),
        ) {
            let mut octets = hello(b"www.example.com");
            for (place, value) in damage {
                let place = place.index(octets.len());
                octets[place] = value;
            }
            octets.truncate(end.index(octets.len() + 1));
            if let Some(name) = server_name(&octets) {
                prop_assert!(!name.is_empty() && name.bytes().all(|octet| octet.is_ascii_graphic()));
            }
        }
    }
}
