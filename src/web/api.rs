//! The routes, a file for each kind of thing they are about.

pub mod acts;
pub mod anomalies;
pub mod events;
pub mod filter;
pub mod flows;
pub mod hosts;
pub mod incidents;
pub mod measures;
pub mod oidc;
pub mod overview;
pub mod query;
pub mod rules;
pub mod session;
pub mod shares;
pub mod status;
pub mod tokens;
pub mod totals;
pub mod users;

use super::error::ApiError;
use super::site::Site;
use axum::extract::State;
use std::sync::Arc;

/// What routes answer.
type Answer<T> = Result<axum::Json<T>, ApiError>;
/// What they are given.
type Shared = State<Arc<Site>>;
