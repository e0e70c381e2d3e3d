//! Why rules cannot be used.

use crate::aggregate::GroupingError;
use crate::filter::FilterError;

/// Why the rules cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A rule's filter, or the run's (`None`).
    #[error("{}{source}", rule.as_ref().map(|r| format!("rule `{r}`: ")).unwrap_or_default())]
    Filter {
        /// The rule.
        rule: Option<String>,
        /// What is wrong with it.
        source: Box<FilterError>,
    },
    /// A filter asks for what a growing conversation does not have.
    #[error(
        "{}the filter asks for {what}, which a conversation does not have while it is being counted",
        rule.as_ref().map(|r| format!("rule `{r}`: ")).unwrap_or_default()
    )]
    Unsuitable {
        /// The rule.
        rule: Option<String>,
        /// What it asks for.
        what: String,
    },
    /// A calendar that is not configured.
    #[error(
        "{}there is no calendar `{name}`",
        rule.as_ref().map(|r| format!("rule `{r}`: ")).unwrap_or_default()
    )]
    Calendar {
        /// The rule; none where it is for all.
        rule: Option<String>,
        /// The calendar's name.
        name: String,
    },
    /// A rule's dimensions.
    #[error("rule `{rule}`: {source}")]
    Grouping {
        /// The rule.
        rule: String,
        /// What is wrong with them.
        source: GroupingError,
    },
}
