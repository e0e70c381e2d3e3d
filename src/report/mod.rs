//! L4: what people and scripts see of a replay: text for a terminal, JSON lines, CSV, and one HTML file.
//!
//! Everything here is a function of plain data: finished [`Anomaly`](crate::model::Anomaly)s, the [`Summary`] of a
//! run, and Flow Records. The same input gives the same octets, but for the wall-clock fields of the summary, which
//! are optional. Text that came from the network (host names, DNS questions, file names) is hostile until it was
//! escaped: control characters never reach a terminal, markup never reaches a page.

mod axes;
pub mod budget;
pub mod csv;
pub mod exporter;
pub mod figure;
pub mod flow_lines;
mod flow_table;
pub mod grouping;
pub mod holding;
pub mod html;
pub mod json;
pub mod progress;
mod push;
pub mod query;
pub mod rules;
pub mod summary;
pub mod text;
pub mod when;
pub mod words;

#[cfg(test)]
mod fixture;

pub use budget::Budget;
pub use exporter::Exporter;
pub use flow_lines::{FlowFormat, FlowLines};
pub use progress::Progress;
pub use query::QueryFormat;
pub use rules::RuleLine;
pub use summary::{Memory, Stored, Summary, Watched};
pub use text::Style;
