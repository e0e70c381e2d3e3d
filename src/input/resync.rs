//! Finding the way back into a damaged file: a bounded search for the next place that can be trusted.

use super::ledger::Trouble;
use super::window::Window;
use crate::model::FaultKind;
use std::io::Read;

/// Octets searched for the next trustworthy record before the file is given up.
pub(super) const SEARCHED: u64 = 32 << 20;

/// Goes on octet by octet from the one after the next until `found`; the fault says where reading goes on.
pub(super) fn search<R: Read>(
    window: &mut Window<R>,
    kind: FaultKind,
    what: String,
    mut found: impl FnMut(&mut Window<R>) -> bool,
) -> Box<Trouble> {
    let offset = window.offset();
    window.take(1);
    while window.offset() - offset <= SEARCHED {
        if found(window) {
            let skipped = window.offset() - offset;
            let on = window.offset();
            return Box::new(Trouble {
                kind,
                offset,
                what: format!("{what}; {skipped} octets skipped, reading goes on at byte {on}"),
                stop: false,
            });
        }
        if !window.need(1) {
            let end = match window.take_error() {
                Some(error) => format!("up to byte {}, where reading failed: {error}", window.offset()),
                None => "up to the end of the file".to_owned(),
            };
            return Trouble::fatal(kind, offset, format!("{what}; no record found {end}"));
        }
        window.take(1);
    }
    let what = format!("{what}; no record found in the {SEARCHED} octets that follow, the rest is not read");
    Trouble::fatal(kind, offset, what)
}
