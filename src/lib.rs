//! Tidemark learns the usual level of a network's traffic and says when, where and why it leaves it.
//!
//! The library is the house of ARCHITECTURE.md: pure stages below, edges above; a module imports only downwards.

pub mod aggregate;
pub mod anomaly;
pub mod app;
pub mod cli;
pub mod collect;
pub mod config;
pub mod detect;
pub mod dispatch;
pub mod drill;
pub mod engine;
pub mod enrich;
pub mod filter;
pub mod input;
pub mod life;
pub mod meter;
pub mod model;
pub mod notify;
pub mod query;
pub mod report;
pub mod store;
pub mod web;
pub mod wire;
