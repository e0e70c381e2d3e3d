//! TLS as an onlooker sees it (RFC 8446): a ClientHello with the server's name, a ServerHello, then sealed records.

/// Most payload octets of a record here, as implementations choose it (2^14, RFC 8446 section 5.1).
const RECORD: usize = 16_384;

/// A whole ClientHello record with the server name extension (RFC 6066 section 3) first.
///
/// `random` stands for all that should be random: its octets are repeated, since captures of noise do not compress.
pub(super) fn client_hello(name: &str, random: u32) -> Vec<u8> {
    let mut hello = vec![3, 3];
    put_random(&mut hello, random);
    // No session; TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384, ECDHE-RSA with AES-128-GCM; no compression.
    hello.extend_from_slice(&[0, 0, 6, 0x13, 0x01, 0x13, 0x02, 0xc0, 0x2f, 1, 0]);
    let mut extensions = Vec::with_capacity(96);
    let mut server_name = Vec::with_capacity(48);
    put16(&mut server_name, name.len() + 3);
    server_name.push(0);
    put16(&mut server_name, name.len());
    server_name.extend_from_slice(name.as_bytes());
    put_extension(&mut extensions, 0, &server_name);
    put_extension(&mut extensions, 10, &[0, 2, 0, 0x1d]);
    put_extension(&mut extensions, 13, &[0, 4, 4, 3, 8, 4]);
    put_extension(&mut extensions, 43, &[4, 3, 4, 3, 3]);
    let mut share = vec![0, 36, 0, 0x1d, 0, 32];
    put_random(&mut share, random);
    put_extension(&mut extensions, 51, &share);
    put16(&mut hello, extensions.len());
    hello.extend_from_slice(&extensions);
    handshake_record(1, &hello)
}

/// A ServerHello record that chooses TLS 1.3, then the compatibility ChangeCipherSpec.
pub(super) fn server_hello(random: u32) -> Vec<u8> {
    let mut hello = vec![3, 3];
    put_random(&mut hello, random);
    hello.extend_from_slice(&[0, 0x13, 0x01, 0]);
    let mut extensions = Vec::with_capacity(48);
    put_extension(&mut extensions, 43, &[3, 4]);
    let mut share = vec![0, 0x1d, 0, 32];
    put_random(&mut share, random);
    put_extension(&mut extensions, 51, &share);
    put16(&mut hello, extensions.len());
    hello.extend_from_slice(&extensions);
    let mut out = handshake_record(2, &hello);
    out.extend_from_slice(&[20, 3, 3, 0, 1, 1]);
    out
}

/// Appends `count` octets from offset `at` of a stretch of `length` octets of sealed records.
pub(super) fn sealed(out: &mut Vec<u8>, at: usize, count: usize, length: usize) {
    for offset in at..at + count {
        let record = offset / (RECORD + 5) * (RECORD + 5);
        let inside = length.saturating_sub(record + 5).min(RECORD);
        out.push(match offset - record {
            0 => 23,
            1 | 2 => 3,
            3 => (inside >> 8) as u8,
            4 => inside as u8,
            _ => super::payload::filler(offset),
        });
    }
}

fn put16(out: &mut Vec<u8>, value: usize) {
    out.extend_from_slice(&(value as u16).to_be_bytes());
}

fn put_random(out: &mut Vec<u8>, random: u32) {
    for _ in 0..8 {
        out.extend_from_slice(&random.to_be_bytes());
    }
}

fn put_extension(out: &mut Vec<u8>, kind: usize, data: &[u8]) {
    put16(out, kind);
    put16(out, data.len());
    out.extend_from_slice(data);
}

fn handshake_record(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![22, 3, 1];
    put16(&mut out, body.len() + 4);
    out.extend_from_slice(&[kind, 0]);
    put16(&mut out, body.len());
    out.extend_from_slice(body);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_stands_where_onlookers_look_for_it() {
        let hello = client_hello("www.shop.example", 0x0102_0304);
        let length = usize::from(u16::from_be_bytes([hello[3], hello[4]]));
        assert_eq!((hello[0], length), (22, hello.len() - 5));
        // Record 5, handshake 4, version 2, random 32, session 1, suites 8, compression 2, extensions' length 2.
        assert_eq!(&hello[56..60], &[0, 0, 0, 21]);
        assert_eq!(&hello[65..81], b"www.shop.example");
    }

    #[test]
    fn records_fill_their_stretch_exactly_however_it_is_segmented() {
        let (mut whole, mut parts) = (Vec::new(), Vec::new());
        sealed(&mut whole, 0, 40_000, 40_000);
        for start in (0..40_000).step_by(1000) {
            sealed(&mut parts, start, 1000, 40_000);
        }
        assert_eq!(whole, parts);
        let mut at = 0;
        while at < whole.len() {
            assert_eq!(&whole[at..at + 3], &[23, 3, 3]);
            at += 5 + usize::from(u16::from_be_bytes([whole[at + 3], whole[at + 4]]));
        }
        assert_eq!(at, 40_000);
    }
}
