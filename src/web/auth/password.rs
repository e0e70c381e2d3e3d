//! Passwords, as Argon2id hashes (RFC 9106) with the parameters of its library: 19 MiB, two passes, one lane.

use super::super::error::ApiError;
use super::secret;
use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};

/// Fewest and most characters. Longer ones would only cost time.
pub const LENGTHS: [usize; 2] = [10, 256];
/// What is compared with when there is no such user, so that the answer takes as long.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5$5n0Xx3MeUKbyRlYqDkG2cHEk8CqbnVLmFBqVhhRBnSc";

/// The hash of a password.
///
/// # Errors
///
/// It is too short or too long.
pub fn hash(password: &str) -> Result<String, ApiError> {
    let [least, most] = LENGTHS;
    let length = password.chars().count();
    if !(least..=most).contains(&length) {
        let words = format!("a password has from {least} to {most} characters, this has {length}");
        return Err(ApiError::field("password", words));
    }
    let random = secret::random()?;
    let failed = |error: argon2::password_hash::Error| ApiError::internal(error.to_string());
    let salt = SaltString::encode_b64(random.get(..16).unwrap_or_default()).map_err(failed)?;
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt);
    hash.map(|hash| hash.to_string()).map_err(failed)
}

/// Whether a password is that of a hash; without a hash it takes as long and is not.
pub fn verify(password: &str, hash: Option<&str>) -> bool {
    let tried = PasswordHash::new(hash.unwrap_or(NOBODY))
        .and_then(|hash| Argon2::default().verify_password(password.as_bytes(), &hash));
    tried.is_ok() && hash.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_again_and_its_hash_says_nothing() {
        let one = hash("correct horse battery").unwrap();
        assert!(one.starts_with("$argon2id$") && !one.contains("horse"));
        assert_ne!(one, hash("correct horse battery").unwrap());
        assert!(verify("correct horse battery", Some(&one)));
        assert!(!verify("correct horse batteries", Some(&one)));
        assert!(!verify("correct horse battery", Some("no hash")));
        assert!(!verify("", None));
        assert!(hash("short").unwrap_err().message().contains("from 10 to 256"));
    }

    #[test]
    fn nobody_costs_as_much_as_somebody() {
        let nobody = PasswordHash::new(NOBODY).unwrap();
        let somebody = hash("correct horse battery").unwrap();
        let somebody = PasswordHash::new(&somebody).unwrap();
        assert_eq!(nobody.params, somebody.params);
        assert_eq!(nobody.hash.map(|h| h.len()), somebody.hash.map(|h| h.len()));
    }
}
