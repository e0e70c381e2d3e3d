//! What must never be printed: credentials, and addresses that hold some.

use std::fmt;

/// What stands in its place.
const HIDDEN: &str = "***";

/// A credential. However it is printed, it is `***`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`; white space around it, such as the end of a file's line, is no part of it.
    pub fn new(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    /// The text itself, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Takes it out of `text`.
    pub fn hide(&self, text: &str) -> String {
        // A short one would be found in innocent words.
        if self.0.len() < 4 {
            return text.to_owned();
        }
        text.replace(&self.0, HIDDEN)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// An address up to its host: paths and parameters of incoming webhooks are credentials.
///
/// ```
/// use tidemark::notify::public_part;
/// assert_eq!(public_part("https://hooks.slack.com/services/T0/B0/x"), "https://hooks.slack.com/***");
/// assert_eq!(public_part("https://u:p@example.org:8443"), "https://example.org:8443");
/// ```
pub fn public_part(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return HIDDEN.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit('@').next().unwrap_or_default();
    let path = if path.len() > 1 { "/***" } else { "" };
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_as_stars_however_it_is_asked() {
        let secret = Secret::new(" hunter2-token\n");
        assert_eq!(
            format!("{secret} {secret:?} {:?}", Some(&secret)),
            "*** *** Some(***)"
        );
        assert_eq!(secret.reveal(), "hunter2-token");
        assert_eq!(
            secret.hide("error for url (https://x/hunter2-token/y)"),
            "error for url (https://x/***/y)"
        );
    }
}
