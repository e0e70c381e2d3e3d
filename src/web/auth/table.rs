//! Who may what: one line for each route. What stands in no line is for administrators.

use crate::store::access::Role;

/// What a route needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing.
    Nothing,
    /// A role, or a higher one.
    Role(Role),
}

const VIEWER: Need = Need::Role(Role::Viewer);
const ANALYST: Need = Need::Role(Role::Analyst);
const ADMIN: Need = Need::Role(Role::Admin);

/// Method, route, need.
pub const TABLE: &[(&str, &str, Need)] = &[
    ("GET", "/healthz", Need::Nothing),
    ("GET", "/share/{token}", Need::Nothing),
    ("GET", "/openapi.json", VIEWER),
    ("GET", "/metrics", VIEWER),
    ("GET", "/api/v1/session", Need::Nothing),
    ("POST", "/api/v1/session", Need::Nothing),
    ("DELETE", "/api/v1/session", Need::Nothing),
    ("GET", "/api/v1/oidc/login", Need::Nothing),
    ("GET", "/api/v1/oidc/callback", Need::Nothing),
    ("GET", "/api/v1/status", VIEWER),
    ("GET", "/api/v1/overview", VIEWER),
    ("GET", "/api/v1/incidents", VIEWER),
    ("GET", "/api/v1/incidents/{id}", VIEWER),
    ("GET", "/api/v1/anomalies", VIEWER),
    ("GET", "/api/v1/anomalies/{id}", VIEWER),
    ("GET", "/api/v1/anomalies/{id}/history", VIEWER),
    ("GET", "/api/v1/anomalies/{id}/report", VIEWER),
    ("POST", "/api/v1/acts", ANALYST),
    ("GET", "/api/v1/silences", VIEWER),
    ("POST", "/api/v1/silences", ANALYST),
    ("DELETE", "/api/v1/silences/{id}", ANALYST),
    ("GET", "/api/v1/measures", VIEWER),
    ("DELETE", "/api/v1/measures/{id}", ANALYST),
    ("GET", "/api/v1/allowlist", VIEWER),
    ("POST", "/api/v1/allowlist", ANALYST),
    ("GET", "/api/v1/query", VIEWER),
    ("GET", "/api/v1/flows", VIEWER),
    ("GET", "/api/v1/filter", VIEWER),
    ("GET", "/api/v1/hosts", VIEWER),
    ("GET", "/api/v1/hosts/{ip}", VIEWER),
    ("GET", "/api/v1/exporters", VIEWER),
    ("GET", "/api/v1/rules", VIEWER),
    ("POST", "/api/v1/rules/backtest", ANALYST),
    ("GET", "/api/v1/events", VIEWER),
    ("GET", "/api/v1/users", ADMIN),
    ("POST", "/api/v1/users", ADMIN),
    ("DELETE", "/api/v1/users/{name}", ADMIN),
    ("GET", "/api/v1/tokens", ADMIN),
    ("POST", "/api/v1/tokens", ADMIN),
    ("DELETE", "/api/v1/tokens/{id}", ADMIN),
    ("GET", "/api/v1/shares", ANALYST),
    ("POST", "/api/v1/shares", ANALYST),
    ("DELETE", "/api/v1/shares/{id}", ANALYST),
    ("GET", "/api/v1/audit", ADMIN),
];

/// What a route needs; who asks for the head of an answer needs what the answer needs.
pub fn need(method: &str, route: &str) -> Need {
    let method = if method == "HEAD" { "GET" } else { method };
    let line = TABLE.iter().find(|(m, r, _)| (*m, *r) == (method, route));
    line.map_or(ADMIN, |(_, _, need)| *need)
}
