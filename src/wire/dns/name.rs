//! Domain names: labels with compression pointers, and their text in a buffer of fixed size.

use std::fmt;

const MAX_OCTETS: usize = 255;
/// A name of 255 octets has at most 127 labels, so more pointers than that serve no purpose.
const MAX_POINTERS: u8 = 127;
const HEADER_OCTETS: usize = 12;

/// A domain name as text: labels in lower case with `.` between them, `.` alone for the root.
///
/// Octets that do not print, and `.` and `\` inside labels, are escaped as in zone files (RFC 1035 section 5.1: `\046`,
/// `\.`). Holds 255 octets of text, which is more than any host name has; a name whose escapes need more is cut.
#[derive(Clone)]
pub struct Name {
    text: [u8; MAX_OCTETS],
    length: u8,
}

impl Name {
    /// An empty buffer, to be filled again and again.
    pub const fn new() -> Self {
        Self {
            text: [0; MAX_OCTETS],
            length: 0,
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        let text = self.text.get(..usize::from(self.length)).unwrap_or_default();
        // Only printable ASCII is ever written.
        std::str::from_utf8(text).unwrap_or_default()
    }

    pub(super) fn read(&mut self, mut labels: Labels<'_>) {
        self.length = 0;
        while let Some(label) = labels.next_label() {
            if label.is_empty() {
                break;
            }
            if self.length > 0 && !self.push(b".") {
                return;
            }
            if !label.iter().all(|&octet| self.push_escaped(octet)) {
                return;
            }
        }
        if self.length == 0 {
            self.push(b".");
        }
    }

    fn push_escaped(&mut self, octet: u8) -> bool {
        match octet {
            b'.' | b'\\' => self.push(&[b'\\', octet]),
            b'!'..=b'~' => self.push(&[octet.to_ascii_lowercase()]),
            _ => {
                let digit = |value: u8| b'0' + value % 10;
                self.push(&[b'\\', digit(octet / 100), digit(octet / 10), digit(octet)])
            }
        }
    }

    /// Appends all of `text`, or nothing and says so.
    fn push(&mut self, text: &[u8]) -> bool {
        let start = usize::from(self.length);
        let Some(place) = self.text.get_mut(start..start + text.len()) else {
            return false;
        };
        place.copy_from_slice(text);
        self.length += text.len() as u8;
        true
    }
}

impl Default for Name {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({:?})", self.as_str())
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Name {}

/// The labels of a name in a message (RFC 1035 section 4.1.4).
///
/// A pointer must lead to before the name, and each further one to before the last, so that there are no loops.
#[derive(Clone, Debug)]
pub(super) struct Labels<'a> {
    message: &'a [u8],
    at: usize,
    /// Pointers must lead to below this.
    below: usize,
    octets: usize,
    pointers: u8,
}

impl<'a> Labels<'a> {
    pub fn new(message: &'a [u8], at: usize) -> Self {
        Self {
            message,
            at,
            below: at,
            octets: 0,
            pointers: 0,
        }
    }

    /// The next label, empty at the name's end; `None` where the name is broken or cut.
    pub fn next_label(&mut self) -> Option<&'a [u8]> {
        loop {
            let length = *self.message.get(self.at)?;
            match length >> 6 {
                0 => {
                    let label = self.message.get(self.at + 1..)?.get(..usize::from(length))?;
                    self.octets += label.len() + 1;
                    self.at += label.len() + 1;
                    return (self.octets <= MAX_OCTETS).then_some(label);
                }
                3 => self.follow(length)?,
                _ => return None,
            }
        }
    }

    fn follow(&mut self, high: u8) -> Option<()> {
        let target = (usize::from(high & 0x3f) << 8) | usize::from(*self.message.get(self.at + 1)?);
        if !(HEADER_OCTETS..self.below).contains(&target) || self.pointers == MAX_POINTERS {
            return None;
        }
        self.pointers += 1;
        self.below = target;
        self.at = target;
        Some(())
    }

    /// Whether the whole name is sound.
    pub fn check(mut self) -> Option<()> {
        while !self.next_label()?.is_empty() {}
        Some(())
    }
}

/// Whether two names in a message are the same but for case (RFC 4343). Broken ones are not.
pub(super) fn same_name(message: &[u8], one: usize, other: usize) -> bool {
    let (mut one, mut other) = (Labels::new(message, one), Labels::new(message, other));
    loop {
        match (one.next_label(), other.next_label()) {
            (Some([]), Some([])) => return true,
            (Some(a), Some(b)) if a.eq_ignore_ascii_case(b) => {}
            _ => return false,
        }
    }
}

/// Where the name at `at` ends: behind its root label or its first pointer.
pub(super) fn skip_name(message: &[u8], mut at: usize) -> Option<usize> {
    let limit = at.saturating_add(MAX_OCTETS);
    while at < limit {
        let length = *message.get(at)?;
        match length >> 6 {
            0 if length == 0 => return Some(at + 1),
            0 => at += 1 + usize::from(length),
            3 => return Some(at + 2),
            _ => return None,
        }
    }
    None
}
