//! Every route, in the order of layers; and the description of all of them, generated from the handlers.

use super::error::ErrorBody;
use super::{api, auth, layers, limits, page, site::Site};
use axum::extract::DefaultBodyLimit;
use axum::{Router, middleware};
use std::sync::Arc;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, ResponseBuilder};
use utoipa::{OpenApi as _, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What the description says of the whole.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Tidemark",
        description = "What Tidemark sees, finds and does. Errors have one form, lists have pages, times are RFC 3339 in UTC."
    ),
    components(schemas(ErrorBody))
)]
struct Description;

/// The description of the API (OpenAPI 3.1).
pub fn openapi() -> OpenApi {
    described().split_for_parts().1
}

fn described() -> OpenApiRouter<Arc<Site>> {
    let mut router = OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(
            api::session::get,
            api::session::log_in,
            api::session::log_out
        ))
        .routes(routes!(api::oidc::login))
        .routes(routes!(api::oidc::callback))
        .routes(routes!(api::status::status))
        .routes(routes!(api::status::health))
        .routes(routes!(api::overview::overview))
        .routes(routes!(api::incidents::list))
        .routes(routes!(api::incidents::one))
        .routes(routes!(api::anomalies::list))
        .routes(routes!(api::anomalies::one))
        .routes(routes!(api::anomalies::history))
        .routes(routes!(api::anomalies::report))
        .routes(routes!(api::acts::act))
        .routes(routes!(api::acts::silences, api::acts::silence))
        .routes(routes!(api::acts::end_silence))
        .routes(routes!(api::measures::list))
        .routes(routes!(api::measures::end_one))
        .routes(routes!(api::measures::allowed, api::measures::allow))
        .routes(routes!(api::query::query))
        .routes(routes!(api::flows::flows))
        .routes(routes!(api::filter::filter))
        .routes(routes!(api::hosts::list))
        .routes(routes!(api::hosts::host))
        .routes(routes!(api::status::exporters))
        .routes(routes!(api::rules::rules))
        .routes(routes!(api::rules::backtest))
        .routes(routes!(api::events::events))
        .routes(routes!(api::users::list, api::users::add))
        .routes(routes!(api::users::remove))
        .routes(routes!(api::tokens::list, api::tokens::add))
        .routes(routes!(api::tokens::remove))
        .routes(routes!(api::shares::list, api::shares::add))
        .routes(routes!(api::shares::remove))
        .routes(routes!(api::users::audit));
    complete(router.get_openapi_mut());
    router
}

/// What holds for every operation: its errors, and what it takes to come in.
fn complete(api: &mut OpenApi) {
    let body = RefOr::Ref(Ref::from_schema_name(ErrorBody::name()));
    let error = ResponseBuilder::new()
        .description("What is wrong, and what to change")
        .content(
            "application/json",
            ContentBuilder::new().schema(Some(body)).build(),
        )
        .build();
    for path in api.paths.paths.values_mut() {
        let all = [&mut path.get, &mut path.post, &mut path.delete];
        for operation in all.into_iter().flatten() {
            let errors = &mut operation.responses.responses;
            errors.insert("default".to_owned(), RefOr::T(error.clone()));
        }
    }
    let cookie = ApiKey::Cookie(ApiKeyValue::new("tidemark"));
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    let schemes = &mut api.components.get_or_insert_default().security_schemes;
    schemes.insert("token".to_owned(), RefOr::T(SecurityScheme::Http(bearer)));
    schemes.insert("session".to_owned(), RefOr::T(SecurityScheme::ApiKey(cookie)));
}

/// Everything that is served.
pub(super) fn router(site: &Arc<Site>) -> Router {
    let (router, description) = described().split_for_parts();
    let description: Arc<str> = description.to_json().unwrap_or_default().into();
    let panics = Arc::clone(site);
    let guarded = router
        .route("/openapi.json", page::openapi(description))
        .route("/metrics", axum::routing::get(api::status::metrics))
        .route("/share/{token}", axum::routing::get(api::shares::view))
        .method_not_allowed_fallback(page::wrong_method)
        .route_layer(middleware::from_fn_with_state(Arc::clone(site), auth::guard));
    guarded
        .fallback(page::page)
        .layer(DefaultBodyLimit::max(limits::BODY))
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::custom(
            move |panic: Box<dyn std::any::Any + Send>| layers::panicked(&panics, &*panic),
        ))
        .layer(middleware::from_fn_with_state(Arc::clone(site), layers::wrap))
        .with_state(Arc::clone(site))
}
