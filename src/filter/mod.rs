//! The filter language: one parser for rules, the command line and queries, in the syntax people know from tcpdump
//! and nfdump.
//!
//! ```text
//! src net 10.0.0.0/8 and dst port 443 and bytes > 1M and src as 64500
//! ```
//!
//! | words | match |
//! |---|---|
//! | `any` | everything; so does an empty text |
//! | `ip` `ipv4` `inet`, `ipv6` `ip6` `inet6` | the address family |
//! | `tcp` `udp` `icmp` `icmp6` `sctp` `gre` `esp` ..., `proto 47`, `proto in [tcp udp]` | the protocol |
//! | `host A`, `ip A`, `net P`, a bare address or prefix, `ip in [A P ...]` | an address |
//! | `port 443`, `port > 1024`, `port in [80 443 8000-8099]`, `portrange 1-1024` | a port, of TCP, UDP, SCTP and their like |
//! | `as 64500`, `as in [...]`, `country DE`, `country in [DE FR]` | where an address belongs; `0` and `unknown` where that is not known |
//! | `internal`, `external` | inside the configured networks, or not |
//! | `packets` `bytes` `flows` `duration` `bpp` `pps` `bps` with `> < >= <= = !=` | amounts: `1M`, `64Ki`, `5m`; bytes per packet, packets and bits a second |
//! | `flags SA` | all these TCP flags were seen (`CEUAPRSF`) |
//! | `vlan 12`, `icmp_type 8`, `icmp_code 0` | the field |
//! | `exporter A`, `exporter in [A P ...]` | who exported it |
//! | `in if 3`, `out if 3`, `if 3`, `in_if 3`, `out_if in [1 2]` | the exporter's interface by which it came, went, either |
//! | `request`, `reply` | from the side that made contact, or back to it |
//! | `failed`, `answered`, `unsolicited` | what became of the contact |
//!
//! `src` and `dst` before an address, port, AS, country, `internal` or `external` choose a side; without them either
//! side may match, so that `not host X` means neither side. `src_ip`, `dst_port`, `src_as` and so on are the same in
//! one word. `and`, `or`, `not` (`&&`, `||`, `!`) combine, `not` binds tightest, then `and`; parentheses group.
//! As in tcpdump a value alone takes the qualifiers of the one before it (`dst port 80 or 443`, `port (80 or 443)`)
//! and a protocol may stand before a port (`udp dst port 53`). `#` begins a comment.
//!
//! A test of a field that a subject does not have is false; [`Filter::needs`] says which fields those could be.

mod anomalies;
mod chance;
mod complete;
mod error;
mod eval;
mod expr;
mod grammar;
mod lexer;
mod operand;
mod parser;
mod print;
mod select;
mod services;
mod subject;
mod units;
mod words;

pub use anomalies::{AnomalyFilter, like};
pub use chance::Chance;
pub use complete::{Completion, complete, complete_anomalies};
pub use error::FilterError;
pub use expr::{Amount, Compare, Expr, Needs, Outcome, Side};
pub use select::Selection;
pub use subject::Subject;
pub use units::scaled as parse_amount;
pub use words::nearest;

use crate::model::{Columns, Field};
use std::fmt;
use std::str::FromStr;

/// The longest filter text, in bytes.
pub const MAX_LENGTH: usize = 64 * 1024;
/// The deepest nesting of parentheses and `not`.
pub const MAX_DEPTH: usize = 64;

/// A parsed filter and the text it came from.
///
/// ```
/// use tidemark::filter::Filter;
/// let filter = Filter::parse("dst port 80 or 443")?;
/// assert_eq!(filter.to_string(), "dst port 80 or dst port 443");
/// # Ok::<(), tidemark::filter::FilterError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Filter {
    text: String,
    expr: Expr,
}

impl Filter {
    /// Reads `text`, at most [`MAX_LENGTH`] bytes and [`MAX_DEPTH`] deep.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let expr = grammar::parse(text)?;
        Ok(Self {
            text: text.to_owned(),
            expr,
        })
    }

    /// The text it was read from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The expression tree.
    pub fn expr(&self) -> &Expr {
        &self.expr
    }

    /// Whether `subject` passes.
    #[inline]
    pub fn matches<S: Subject>(&self, subject: &S) -> bool {
        eval::matches(&self.expr, subject)
    }

    /// The rows of a batch that pass: the same as [`Filter::matches`] says of each record. The batch must have
    /// [`Filter::fields`].
    pub fn select(&self, columns: &Columns) -> Selection {
        select::select(&self.expr, columns)
    }

    /// The fields of stored records that it reads.
    pub fn fields(&self) -> Vec<Field> {
        self.expr.fields()
    }

    /// Whether records can pass whose fields lie between `bounds`, both inside; bounds that are not known are `None`.
    pub fn chance(&self, bounds: &dyn Fn(Field) -> Option<[u128; 2]>) -> Chance {
        self.expr.chance(bounds)
    }

    /// The fields it reads that not every subject has.
    pub fn needs(&self) -> Needs {
        self.expr.needs()
    }
}

impl Default for Filter {
    /// Lets everything through.
    fn default() -> Self {
        Self {
            text: String::new(),
            expr: Expr::Any,
        }
    }
}

impl PartialEq for Filter {
    /// Two filters are equal when they say the same, however they were written.
    fn eq(&self, other: &Self) -> bool {
        self.expr == other.expr
    }
}

impl FromStr for Filter {
    type Err = FilterError;
    fn from_str(text: &str) -> Result<Self, FilterError> {
        Self::parse(text)
    }
}

impl fmt::Display for Filter {
    /// The canonical form: every qualifier written out, few parentheses. Reading it gives an equal filter.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expr.fmt(f)
    }
}

#[cfg(test)]
mod select_tests;
#[cfg(test)]
mod tests;
