//! What is asked: parameters and bodies read with errors that say what to change, times in words, pages.

use super::error::ApiError;
use super::limits;
use crate::filter::Filter;
use crate::model::{Interval, Timestamp};
use crate::query::moment;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

/// Parameters after the question mark; unknown ones are refused by their types.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let read = Query::<T>::from_request_parts(parts, state).await;
        read.map(|Query(asked)| Self(asked)).map_err(|error| {
            let error = match &error {
                QueryRejection::FailedToDeserializeQueryString(inner) => inner.body_text(),
                other => other.body_text(),
            };
            ApiError::bad("bad-parameter", cut(&error))
        })
    }
}

/// A part of the path.
pub struct Part<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Part<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let read = Path::<T>::from_request_parts(parts, state).await;
        read.map(|Path(part)| Self(part))
            .map_err(|error| ApiError::bad("bad-path", cut(&error.body_text())))
    }
}

/// A body in JSON.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let read = axum::Json::<T>::from_request(request, state).await;
        read.map(|axum::Json(body)| Self(body))
            .map_err(|error| match &error {
                JsonRejection::MissingJsonContentType(_) => ApiError::new(
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    "bad-content-type",
                    "send JSON, with the header `content-type: application/json`",
                ),
                JsonRejection::BytesRejection(_) => {
                    ApiError::new(error.status(), "bad-body", cut(&error.body_text()))
                }
                _ => ApiError::bad("bad-body", cut(&error.body_text())),
            })
    }
}

/// A library's words without the line it begins with, and not endless: they quote what was sent.
fn cut(text: &str) -> String {
    let text = text.split_once(": ").map_or(text, |(_, rest)| rest);
    crate::model::units::printable(text).chars().take(300).collect()
}

/// A list with where it goes on.
#[derive(Serialize, ToSchema)]
pub struct Page<T> {
    /// Its entries.
    pub items: Vec<T>,
    /// What to send as `cursor` for those that follow; null at the end.
    pub next: Option<String>,
    /// How many there are, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
}

impl<T> Page<T> {
    /// The page of a list that is known as a whole.
    pub fn of(all: Vec<T>, limit: Option<u32>, cursor: Option<&str>) -> Result<Self, ApiError> {
        let (first, limit) = (offset(cursor)?, limited(limit)?);
        let total = all.len();
        let items: Vec<T> = all.into_iter().skip(first as usize).take(limit).collect();
        let end = first as usize + items.len();
        Ok(Self {
            next: (end < total && !items.is_empty()).then(|| cursor_of(end as u64)),
            items,
            total: Some(total as u64),
        })
    }
}

/// How many entries a page has.
pub fn limited(limit: Option<u32>) -> Result<usize, ApiError> {
    let [usual, most] = limits::PAGE;
    match limit.unwrap_or(usual) {
        limit if (1..=most).contains(&limit) => Ok(limit as usize),
        limit => Err(ApiError::field("limit", format!("from 1 to {most}, not {limit}"))),
    }
}

/// Which entry a page begins with.
pub fn offset(cursor: Option<&str>) -> Result<u64, ApiError> {
    let Some(cursor) = cursor else { return Ok(0) };
    let number = cursor.strip_prefix('p').filter(|hex| hex.len() == 8);
    number
        .and_then(|hex| u64::from_str_radix(hex, 16).ok())
        .ok_or_else(|| ApiError::field("cursor", "send the `next` of the page before, or nothing"))
}

/// What asks for the page that begins with an entry.
pub fn cursor_of(offset: u64) -> String {
    format!("p{offset:08x}")
}

/// A filter of flows; everything where there is none.
pub fn filter(text: Option<&str>) -> Result<Filter, ApiError> {
    let text = text.unwrap_or_default();
    Filter::parse(text).map_err(|error| ApiError::filter("filter", &error))
}

/// An instant in words, relative to `now`.
pub fn instant(field: &str, text: Option<&str>, now: Timestamp) -> Result<Option<Timestamp>, ApiError> {
    let at = text.map(|text| moment(text, now)).transpose();
    at.map_err(|message| ApiError::field(field, message))
}

/// A stretch of time that ends now, if nothing else is said, and is as long as `usual`.
pub fn range(
    since: Option<&str>,
    until: Option<&str>,
    now: Timestamp,
    usual: std::time::Duration,
) -> Result<Interval, ApiError> {
    let end = instant("until", until, now)?.unwrap_or(now);
    let start = instant("since", since, now)?.unwrap_or(end - usual);
    if end <= start {
        let message = format!("the range ends at {end}, which is not after its begin {start}");
        return Err(ApiError::field("until", message));
    }
    Ok(Interval { start, end })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_to_the_end_and_bad_cursors_are_refused() {
        let all: Vec<u32> = (0..250).collect();
        let mut cursor = None;
        let mut seen = Vec::new();
        loop {
            let page = Page::of(all.clone(), Some(100), cursor.as_deref()).unwrap();
            assert_eq!(page.total, Some(250));
            seen.extend(page.items);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, all);
        for bad in ["", "p", "7", "pzzzzzzzz", "p000000001"] {
            assert!(Page::of(all.clone(), None, Some(bad)).is_err(), "{bad}");
        }
        for bad in [0, 1001] {
            assert!(limited(Some(bad)).is_err());
        }
    }

    #[test]
    fn a_range_ends_now_and_has_a_length() {
        let now = Timestamp::from_secs(1_772_440_200);
        let hour = std::time::Duration::from_secs(3600);
        let usual = range(None, None, now, hour).unwrap();
        assert_eq!((usual.start, usual.end), (now - hour, now));
        let error = range(Some("now"), None, now, hour).unwrap_err();
        assert!(error.message().contains("not after"));
        let error = range(Some("soon"), None, now, hour).unwrap_err();
        assert!(error.message().contains("2h ago"));
    }
}
