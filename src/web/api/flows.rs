//! Single flows that are stored.

use super::{Answer, Shared};
use crate::model::Field;
use crate::web::asks::{self, Page, Params, cursor_of};
use crate::web::error::ApiError;
use crate::web::limits;
use axum::Json;
use serde::Deserialize;
use serde_json::Value;
use std::ops::ControlFlow;
use std::time::Duration;
use utoipa::IntoParams;

/// Which flows.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// Which flows.
    filter: Option<String>,
    /// From when on: an instant, or `2h ago`; an hour before the end if not said.
    since: Option<String>,
    /// Until when; now if not said.
    until: Option<String>,
    /// Flows of a page; 100 if not said.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// Single flows, the oldest arrival first
#[utoipa::path(get, path = "/api/v1/flows", tag = "flows", params(Asked), responses((status = 200, body = Page<Value>)))]
pub async fn flows(site: Shared, Params(asked): Params<Asked>) -> Answer<Page<Value>> {
    let hour = Duration::from_secs(3600);
    let range = asks::range(
        asked.since.as_deref(),
        asked.until.as_deref(),
        site.source.now(),
        hour,
    )?;
    let filter = asks::filter(asked.filter.as_deref())?;
    let (first, limit) = (
        asks::offset(asked.cursor.as_deref())?,
        asks::limited(asked.limit)?,
    );
    if first > limits::FLOWS {
        let words = format!(
            "paging ends after {} flows: ask for a shorter time, or pass fewer with a filter",
            limits::FLOWS
        );
        return Err(ApiError::field("cursor", words));
    }
    let room = site.queries.clone();
    let page = site.run_in(&room, move |site| {
        let store = site.source.flows()?;
        let (mut passed, mut items, mut more) = (0, Vec::new(), false);
        store.scan(range, &filter, Field::ALL, &mut |columns| {
            for row in 0..columns.rows() {
                passed += 1;
                if passed <= first {
                    continue;
                }
                if items.len() == limit {
                    more = true;
                    return ControlFlow::Break(());
                }
                items.push(site.source.flow_json(&columns.record(row)));
            }
            ControlFlow::Continue(())
        })?;
        Ok(Page {
            next: more.then(|| cursor_of(first + items.len() as u64)),
            items,
            total: None,
        })
    });
    page.await.map(Json)
}
