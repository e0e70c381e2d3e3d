//! What only the engine and the floors above know, behind one trait: a running daemon and a replay that is over both have
//! it.

use super::error::ApiError;
use super::sheet::Sheet;
use super::view::{Backtest, Exporter, Host, HostLine, Rule, Status, Tipping};
use crate::model::{Anomaly, AnomalyId, FlowRecord, Interval, Ip, Timestamp};
use crate::query::{Answer, Request};
use crate::store::flows::FlowStore;
use axum::http::StatusCode;
use serde_json::Value;

/// Why a source does not tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It has too much to do; later.
    Busy(String),
    /// There is none of it here.
    Missing(String),
    /// What was asked makes no sense; which member, and why.
    Asked(&'static str, String),
    /// It failed.
    Failed(String),
}

impl From<Trouble> for ApiError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Busy(words) => Self::busy(words),
            Trouble::Missing(words) => Self::new(StatusCode::NOT_FOUND, "not-here", words),
            Trouble::Asked(field, words) => Self::field(field, words),
            Trouble::Failed(words) => Self::internal(words),
        }
    }
}

/// Tells what it knows. Calls may block for a moment; they come from several threads at a time.
pub trait Source: Send + Sync + 'static {
    /// The present: by the clock on the wall, or the end of what was replayed.
    fn now(&self) -> Timestamp;

    /// How Tidemark is.
    fn status(&self) -> Status;

    /// What programs that watch it are told, where there is anything.
    fn metrics(&self) -> Sheet {
        Sheet::default()
    }

    /// What can be used up.
    fn tipping(&self) -> Vec<Tipping>;

    /// Who sends flow export, in order of address.
    ///
    /// # Errors
    ///
    /// The engine has too much to do.
    fn exporters(&self) -> Result<Vec<Exporter>, Trouble>;

    /// The rules in use, and what they did.
    ///
    /// # Errors
    ///
    /// The engine has too much to do.
    fn rules(&self) -> Result<Vec<Rule>, Trouble>;

    /// At most `limit` hosts of ours whose address or name holds `search`, in order of address.
    ///
    /// # Errors
    ///
    /// The engine has too much to do.
    fn hosts(&self, search: &str, limit: usize) -> Result<Vec<HostLine>, Trouble>;

    /// What is known of a host.
    ///
    /// # Errors
    ///
    /// The engine has too much to do.
    fn host(&self, address: Ip) -> Result<Host, Trouble>;

    /// All anomalies the engine still has, with their incidents.
    ///
    /// # Errors
    ///
    /// The engine has too much to do.
    fn anomalies(&self) -> Result<Vec<Anomaly>, Trouble>;

    /// The flows that are kept.
    ///
    /// # Errors
    ///
    /// None are.
    fn flows(&self) -> Result<Box<dyn FlowStore>, Trouble>;

    /// An anomaly as scripts know it.
    fn anomaly_json(&self, anomaly: &Anomaly) -> Value;

    /// An answer of stored flows as scripts know it.
    fn answer_json(&self, request: &Request, answer: &Answer) -> Value;

    /// The same as comma-separated values.
    fn answer_csv(&self, request: &Request, answer: &Answer) -> String;

    /// A flow as scripts know it.
    fn flow_json(&self, flow: &FlowRecord) -> Value;

    /// The self-contained page about an anomaly and those of its incident; nothing where the engine no longer has it.
    ///
    /// # Errors
    ///
    /// The engine has too much to do.
    fn report(&self, id: AnomalyId) -> Result<Option<String>, Trouble>;

    /// What the rules in use, and with `rules` (TOML) in their places or beside them, find in stored flows.
    ///
    /// # Errors
    ///
    /// The rules cannot be read, or no flows are stored.
    fn backtest(&self, range: Interval, rules: Option<&str>) -> Result<Backtest, Trouble>;
}
