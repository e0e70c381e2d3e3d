//! L4: the dashboard and its API over HTTP: what people and programs see and do while Tidemark runs.
//!
//! [`Server`] has a thread and a runtime of its own; nothing here runs on the engine's thread. What only the engine or
//! the floors above know comes through one trait, [`Source`], which may take its time: it is always asked on a thread that
//! may block, a bounded number at a time. Everything a client can make grow has a limit ([`limits`]).
//!
//! The way of a request: `layers` (safe headers, time and size, a panic becomes an answer) wraps `auth::guard` (who is
//! it, may they: one table), which wraps the routes of `api`, which ask the [`Source`], the desk and the stored flows.

mod api;
mod asks;
pub mod auth;
mod connections;
mod error;
mod layers;
pub mod limits;
mod page;
mod routes;
mod server;
mod sheet;
mod site;
mod source;
pub mod view;

pub use error::ApiError;
pub use routes::openapi;
pub use server::{Provider, Secrets, Server, Terms};
pub use sheet::Sheet;
pub use source::{Source, Trouble};
