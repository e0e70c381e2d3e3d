//! The dashboard as the commands use it: what it is told of an engine, and how it is started.

mod finished;
mod opening;
mod showing;
mod shown;

pub use finished::{Finished, open};
pub use opening::{Opening, flows, said};
pub use showing::Showing;
pub(super) use shown::{
    anomaly_json, answer_csv, answer_json, backtest, budget, exporters, flow_json, host, hosts, report, rules,
};
