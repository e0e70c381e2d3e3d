//! Zeek's `conn.log`, as tab-separated values under their header or as a line of JSON for each connection.
//!
//! The fields are those of `Conn::Info` (docs.zeek.org, base/protocols/conn/main.zeek), found by their names whatever
//! their order; only `ts`, the addresses and `proto` must be there. A line that cannot be read costs only itself. A
//! header may come again in the middle: logs are often put together with `cat`.

mod connection;
mod fields;

use super::super::ledger::Trouble;
use super::super::window::Window;
use super::{Recorded, Tally};
use crate::model::FaultKind;
use fields::{Columns, Line};
use std::io::Read;

/// Longest line read, octets; sets of tunnels are listed in lines.
const LONGEST: usize = 1 << 20;

/// The first octets of the header.
pub(super) const SEPARATOR: &[u8] = b"#separator";

/// How lines are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Tsv,
    Json,
}

/// A walk over the lines of a log.
#[derive(Debug)]
pub(super) struct Walk {
    style: Style,
    columns: Columns,
    /// The last line that was begun, counted from 1.
    line: u64,
}

/// What a line is.
enum What {
    Connection(Box<Recorded>),
    Other,
}

impl Walk {
    pub(super) fn new(style: Style) -> Self {
        Self {
            style,
            columns: Columns::default(),
            line: 0,
        }
    }

    /// The next connection; `None` at the end.
    pub(super) fn step<R: Read>(
        &mut self,
        window: &mut Window<R>,
        tally: &mut Tally,
    ) -> Result<Option<Recorded>, Box<Trouble>> {
        loop {
            let offset = window.offset();
            let Some((length, whole)) = line_length(window) else {
                return window.end("a line");
            };
            self.line += 1;
            if length > LONGEST {
                return Err(self.too_long(window, offset));
            }
            let at = window.take(length);
            let octets = window.slice(at, length);
            match self.read(octets, tally) {
                Ok(What::Connection(recorded)) => return Ok(Some(*recorded)),
                Ok(What::Other) => {}
                Err(_) if !whole => {
                    let part = format!("line {}", self.line);
                    return Err(Trouble::ended(window.take_error(), offset, &part));
                }
                Err(bad) => return Err(self.bad(offset, bad)),
            }
        }
    }

    /// Reads a line.
    fn read(&mut self, octets: &[u8], tally: &mut Tally) -> Result<What, Bad> {
        let text = std::str::from_utf8(octets).map_err(|_| Bad::line("it is no text in UTF-8"))?;
        let text = text.trim_start_matches('\u{feff}').trim_end_matches(['\n', '\r']);
        if text.trim().is_empty() {
            return Ok(What::Other);
        }
        let line = match self.style {
            Style::Json => Line::of_json(text).map_err(Bad::Line)?,
            Style::Tsv if text.starts_with('#') => {
                self.columns.header(text).map_err(Bad::File)?;
                return Ok(What::Other);
            }
            Style::Tsv => self.columns.line(text).map_err(Bad::Line)?,
        };
        // Several logs may be written to one stream of JSON.
        if line.path().is_some_and(|path| path != "conn") {
            tally.passed += 1;
            return Ok(What::Other);
        }
        let (recorded, missed) = connection::read(&line).map_err(Bad::Line)?;
        tally.missed_octets += missed;
        Ok(What::Connection(Box::new(recorded)))
    }

    #[cold]
    fn bad(&self, offset: u64, bad: Bad) -> Box<Trouble> {
        let line = self.line;
        match bad {
            Bad::Line(what) => Trouble::bad_record(offset, format!("line {line}: {what}")),
            Bad::File(what) => Trouble::fatal(FaultKind::Unreadable, offset, format!("line {line}: {what}")),
        }
    }

    /// Steps over a line without an end.
    #[cold]
    fn too_long<R: Read>(&self, window: &mut Window<R>, offset: u64) -> Box<Trouble> {
        loop {
            let there = window.ahead();
            match there.iter().position(|octet| *octet == b'\n') {
                Some(end) => {
                    window.take(end + 1);
                    break;
                }
                None => {
                    let all = there.len();
                    window.take(all);
                    if !window.need(1) {
                        break;
                    }
                }
            }
        }
        let what = format!("line {} is longer than {LONGEST} octets", self.line);
        Trouble::bad_record(offset, what)
    }
}

/// What is wrong with a line: it costs itself, or all that follows.
enum Bad {
    Line(String),
    File(String),
}

impl Bad {
    fn line(what: &str) -> Self {
        Self::Line(what.to_owned())
    }
}

/// Octets of the next line with its end, and whether it has one; longer than [`LONGEST`] when it is too long, `None` at
/// the end.
fn line_length<R: Read>(window: &mut Window<R>) -> Option<(usize, bool)> {
    let mut searched = 0;
    while window.need(searched + 1) {
        let ahead = window.ahead();
        let new = ahead.get(searched..).unwrap_or_default();
        if let Some(end) = new.iter().position(|octet| *octet == b'\n') {
            return Some((searched + end + 1, true));
        }
        searched = ahead.len();
        if searched > LONGEST {
            return Some((searched, false));
        }
    }
    (searched > 0).then_some((searched, false))
}
