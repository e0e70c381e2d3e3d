//! Flow export on the wire: NetFlow v5, v7 and v9, and IPFIX, as far as it needs no memory of earlier messages.
//!
//! The way of a message: [`version`] tells the protocol, [`Header`] reads its header. Records of v5 and v7 are fixed
//! ([`fixed`]). Messages of v9 and IPFIX are [`Sets`]; a Set of Templates is walked by [`Definitions`], and a
//! definition is compiled to a [`Plan`]: for each value of interest its offset, length and [`Number`]. Reading a Data
//! Record then is one pass over the plan into [`Fields`], which are reused, so that a record costs no allocation.
//!
//! Sources: NetFlow v5 and v7 as Cisco documents them ("NetFlow Export Datagram Format"), RFC 3954 (v9), RFC 7011
//! (IPFIX), RFC 5103 (biflows), RFC 6313 (structured data), and the IANA registry of IPFIX Information Elements.

mod elements;
mod fields;
pub mod fixed;
mod header;
mod plan;
mod sets;
mod template;
#[cfg(test)]
mod tests;

pub use fields::{Fields, Number, Section, Wide};
pub use header::{Header, Version, version};
pub use plan::{Plan, Unit};
pub use sets::{BrokenSet, Set, SetKind, Sets};
pub use template::{Definition, Definitions};
