//! Tidemark learns the usual level of a network's traffic and says when, where and why it leaves it.
//!
//! The library is the house of ARCHITECTURE.md: pure stages below, edges above; a module imports only downwards.

pub mod drill;
pub mod model;
