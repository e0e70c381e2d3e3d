//! Secrets: 256 bits from the operating system, compared without telling how far they agree, kept as hashes.

use super::super::error::ApiError;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// Tokens begin with this, so that they are found where they should not be.
pub const TOKEN: &str = "tm_";

/// Random octets.
///
/// # Errors
///
/// The operating system has none.
pub fn random() -> Result<[u8; 32], ApiError> {
    let mut octets = [0; 32];
    getrandom::fill(&mut octets)
        .map_err(|error| ApiError::internal(format!("no random numbers: {error}")))?;
    Ok(octets)
}

/// A new secret as text: 64 hexadecimal digits.
///
/// # Errors
///
/// The operating system has no random numbers.
pub fn make() -> Result<String, ApiError> {
    random().map(|octets| hex(&octets))
}

/// What is kept of a secret.
pub fn hash(secret: &str) -> String {
    hex(&Sha256::digest(secret.as_bytes()))
}

/// What a session's pages prove themselves with: it follows from its secret, which a page elsewhere cannot read.
pub fn csrf(session: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(session.as_bytes());
    mac.map(|mut mac| {
        mac.update(b"csrf");
        hex(&mac.finalize().into_bytes())
    })
    .unwrap_or_default()
}

/// Whether two texts are the same, in a time that depends on their length alone.
pub fn same(one: &str, other: &str) -> bool {
    let differ = |differ, (a, b): (u8, u8)| differ | (a ^ b);
    one.len() == other.len() && one.bytes().zip(other.bytes()).fold(0, differ) == 0
}

pub(super) fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        let _ = write!(text, "{octet:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_long_and_never_the_same() {
        let [one, other] = [make().unwrap(), make().unwrap()];
        assert!(one.len() == 64 && one != other);
        assert!(!hash(&one).contains(&one) && hash(&one) == hash(&one));
        assert_ne!(csrf(&one), csrf(&other));
        assert!(same("abc", "abc") && !same("abc", "abd") && !same("abc", "ab"));
    }
}
