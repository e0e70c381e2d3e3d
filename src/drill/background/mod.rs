//! What goes on at Example Corp when nothing is wrong.

mod office;
mod servers;
mod upkeep;

use super::source::Source;

/// Progress reports of the workers.
pub(super) const REPORTS: &str = "reports";
/// The port they go to on the aggregator, UDP.
pub(super) const REPORT_PORT: u16 = 20_012;
/// The port results go to on the aggregator, TCP.
pub(super) const RESULT_PORT: u16 = 14_999;
/// The database.
pub(super) const DATABASE_PORT: u16 = 5432;

/// All sources; `scale` multiplies how much begins.
pub(super) fn sources(seed: u64, scale: f64) -> Vec<Source> {
    let mut all = office::sources(seed, scale);
    all.extend(servers::sources(seed, scale));
    all.extend(upkeep::sources(seed, scale));
    all
}
