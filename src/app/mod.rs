//! What the commands share: configuration and databases read, captures walked with everything wrong in them said.

mod any_records;
mod backtest;
mod captures;
pub mod desk;
mod export;
mod output;
mod records;
mod replay;
mod run;
pub mod serve;
mod setup;
pub mod stored;
mod summary;
pub mod vital;
pub mod ways;

pub use any_records::TakeRecord;
pub use backtest::{Backtest, Difference};
pub use captures::{Troubles, Walk};
pub use export::is_export;
pub use output::{Output, terminal_width, wants_color};
pub use records::{Holding, are_records};
pub use replay::{Pace, Replay};
pub use run::Run;
pub use setup::{Setup, read_config};
