//! Hosts of ours: which there are, and what is known of one.

use super::{Answer, Shared};
use crate::model::Ip;
use crate::web::asks::{Page, Params, Part, limited};
use crate::web::error::ApiError;
use crate::web::view::{Host, HostLine};
use axum::Json;
use serde::Deserialize;
use utoipa::IntoParams;

/// Which hosts.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Search {
    /// A part of an address or a name.
    search: Option<String>,
    /// So many; 100 if not said.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// Hosts whose address or name holds a text
#[utoipa::path(get, path = "/api/v1/hosts", tag = "hosts", params(Search), responses((status = 200, body = Page<HostLine>)))]
pub async fn list(site: Shared, Params(asked): Params<Search>) -> Answer<Page<HostLine>> {
    let limit = limited(asked.limit)?;
    let search = asked.search.unwrap_or_default();
    let items = site
        .run(move |site| Ok(site.source.hosts(&search, limit)?))
        .await?;
    Ok(Json(Page {
        items,
        next: None,
        total: None,
    }))
}

/// What is known of a host
#[utoipa::path(get, path = "/api/v1/hosts/{ip}", tag = "hosts", params(("ip" = String, Path, description = "Its address")),
    responses((status = 200, body = Host)))]
pub async fn host(site: Shared, Part(ip): Part<String>) -> Answer<Host> {
    let address: Ip = ip.parse().map_err(|_| {
        ApiError::field(
            "ip",
            format!("`{}` is not an IP address", crate::model::units::printable(&ip)),
        )
    })?;
    site.run(move |site| Ok(site.source.host(address)?))
        .await
        .map(Json)
}
