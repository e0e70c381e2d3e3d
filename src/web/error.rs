//! One form for everything that goes wrong: what it is, and what to change.

use crate::filter::FilterError;
use crate::query::RequestError;
use crate::store::access::AccessError;
use crate::store::desk::DeskError;
use crate::store::flows::FlowsError;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

/// Why a request was not answered as asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ApiError {
    #[serde(skip)]
    status: u16,
    /// A name for programs, such as `bad-filter`.
    code: String,
    /// What is wrong and what to change.
    message: String,
    /// The parameter or member that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// Where in its text.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Place>,
    /// Seconds after which it is worth another try.
    #[serde(skip)]
    retry: Option<u64>,
}

/// A part of a text, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Place {
    /// The first.
    pub start: usize,
    /// The first after.
    pub end: usize,
}

/// How an error is sent.
#[derive(Serialize, ToSchema)]
pub struct ErrorBody {
    /// What went wrong.
    error: ApiError,
}

impl ApiError {
    /// With a status, a name and a sentence.
    pub fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self {
            status: status.as_u16(),
            code: code.to_owned(),
            message: message.into(),
            field: None,
            at: None,
            retry: None,
        }
    }

    /// What was sent makes no sense.
    pub fn bad(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// A parameter makes no sense.
    pub fn field(field: &str, message: impl Into<String>) -> Self {
        Self {
            field: Some(field.to_owned()),
            ..Self::bad(&format!("bad-{field}"), message)
        }
    }

    /// A filter cannot be read.
    pub fn filter(field: &str, error: &FilterError) -> Self {
        let span = error.span();
        Self {
            at: Some(Place {
                start: span.start,
                end: span.end,
            }),
            code: "bad-filter".to_owned(),
            ..Self::field(field, error.message())
        }
    }

    /// There is no such thing.
    pub fn missing(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", message)
    }

    /// Not now.
    pub fn busy(message: impl Into<String>) -> Self {
        Self {
            retry: Some(1),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message)
        }
    }

    /// Too often.
    pub fn too_often(message: impl Into<String>, wait: Duration) -> Self {
        Self {
            retry: Some(wait.as_secs().max(1)),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "too-often", message)
        }
    }

    /// Our own fault; the details are in the log, under an id.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }

    /// Its status.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// What is wrong.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, retry) = (self.status(), self.retry);
        let mut response = (status, axum::Json(ErrorBody { error: self })).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = retry {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<RequestError> for ApiError {
    fn from(error: RequestError) -> Self {
        Self::bad("bad-query", error.to_string())
    }
}

impl From<FlowsError> for ApiError {
    fn from(error: FlowsError) -> Self {
        match error {
            FlowsError::Request(error) => error.into(),
            FlowsError::Full { what } => Self::bad("too-much", what),
            FlowsError::Io { .. } | FlowsError::Unusable { .. } => Self::internal(error.to_string()),
        }
    }
}

impl From<AccessError> for ApiError {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Refused(what) => Self::new(StatusCode::CONFLICT, "refused", what),
            error => Self::internal(error.to_string()),
        }
    }
}

impl From<DeskError> for ApiError {
    fn from(error: DeskError) -> Self {
        let words = error.to_string();
        match error {
            DeskError::Unknown { .. } => Self::missing(words),
            DeskError::Refused { .. } => Self::new(StatusCode::CONFLICT, "refused", words),
            DeskError::Wrong(_) => Self::bad("bad-request", words),
            DeskError::Filter(error) => Self::filter("filter", &error),
            DeskError::File { .. } | DeskError::Sqlite(_) | DeskError::Damaged { .. } => {
                Self::internal(words)
            }
        }
    }
}
