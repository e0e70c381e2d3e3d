//! Rules: what they did, and what others would do.

use super::status::Paging;
use super::{Answer, Shared};
use crate::web::asks::{Body, Page, Params, range};
use crate::web::view::{Backtest, Rule};
use axum::Json;
use serde::Deserialize;
use std::time::Duration;
use utoipa::ToSchema;

/// The rules in use, and what they did
#[utoipa::path(get, path = "/api/v1/rules", tag = "rules", params(Paging), responses((status = 200, body = Page<Rule>)))]
pub async fn rules(site: Shared, Params(asked): Params<Paging>) -> Answer<Page<Rule>> {
    let all = site.run(|site| Ok(site.source.rules()?)).await?;
    Page::of(all, asked.limit, asked.cursor.as_deref()).map(Json)
}

/// What to try, on which traffic.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// From when on: an instant, or `2h ago`; a day ago if not said.
    since: Option<String>,
    /// Until when; now if not said.
    until: Option<String>,
    /// Rules in TOML, as in a file of rules: those of a name in use take its place, others come beside. Without, the rules in use
    /// are tried against none.
    #[schema(max_length = 65536)]
    rule_toml: Option<String>,
}

/// What a change of rules would have found in stored flows
#[utoipa::path(post, path = "/api/v1/rules/backtest", tag = "rules", request_body = Trial, responses((status = 200, body = Backtest)))]
pub async fn backtest(site: Shared, Body(trial): Body<Trial>) -> Answer<Backtest> {
    let now = site.source.now();
    let day = Duration::from_secs(86_400);
    let range = range(trial.since.as_deref(), trial.until.as_deref(), now, day)?;
    let room = site.backtests.clone();
    let rules = trial.rule_toml;
    let found = site.run_in(&room, move |site| {
        Ok(site.source.backtest(range, rules.as_deref())?)
    });
    found.await.map(Json)
}
