//! What the daemon says: one line each on standard error, with time and level.

use crate::input::batch::now;
use crate::model::Timestamp;
use crate::model::units::printable;
use std::fmt::{self, Display};
use std::io::Write;
use std::time::Duration;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// On request.
    Debug,
    /// As designed.
    Info,
    /// Something is lost, or soon will be.
    Warn,
    /// Something does not work.
    Error,
}

impl Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        })
    }
}

/// Says what matters enough.
#[derive(Clone, Copy, Debug)]
pub struct Say {
    least: Level,
}

impl Say {
    /// `quiet` says only what is wrong, `verbose` everything.
    pub fn new(quiet: bool, verbose: bool) -> Self {
        Self {
            least: match (quiet, verbose) {
                (true, _) => Level::Warn,
                (_, true) => Level::Debug,
                _ => Level::Info,
            },
        }
    }

    /// Whether it would be said.
    pub fn says(&self, level: Level) -> bool {
        level >= self.least
    }

    /// As designed.
    pub fn info(&self, words: impl Display) {
        self.say(Level::Info, words);
    }

    /// Something is lost, or soon will be.
    pub fn warn(&self, words: impl Display) {
        self.say(Level::Warn, words);
    }

    /// Something does not work.
    pub fn error(&self, words: impl Display) {
        self.say(Level::Error, words);
    }

    /// On request.
    pub fn debug(&self, words: impl Display) {
        self.say(Level::Debug, words);
    }

    fn say(&self, level: Level, words: impl Display) {
        if self.says(level) {
            // Nobody reads: there is nobody to tell that.
            let _ = std::io::stderr()
                .lock()
                .write_all(line(now(), level, words).as_bytes());
        }
    }
}

/// One line, whatever the words hold: some of them come from the network.
fn line(at: Timestamp, level: Level, words: impl Display) -> String {
    let at = at.floor(Duration::from_millis(1));
    let words = words.to_string();
    let words: Vec<String> = words.lines().map(|part| printable(part.trim())).collect();
    format!("{at} {level:5} {}\n", words.join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_with_time_and_level() {
        let at = Timestamp::from_nanos(1_700_000_000_123_456_789);
        assert_eq!(
            line(at, Level::Warn, "two\n  lines \u{1b}[31m"),
            "2023-11-14T22:13:20.123Z warn  two | lines \u{fffd}[31m\n"
        );
    }
}
