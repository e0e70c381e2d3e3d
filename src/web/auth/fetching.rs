//! What a provider of identities is asked over HTTP: encrypted, in bounded time, of bounded length, without detours.

use super::super::error::ApiError;
use axum::http::StatusCode;
use reqwest::Url;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// The provider answers within this.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Octets of an answer of the provider.
const LONGEST: usize = 1 << 20;

/// An address of the provider: encrypted, unless it is on this machine.
pub(super) fn url(text: &str) -> Result<Url, ApiError> {
    let address = Url::parse(text).map_err(|error| unreachable(&format!("`{text}`: {error}")))?;
    let local = ["localhost", "127.0.0.1", "[::1]"].contains(&address.host_str().unwrap_or_default());
    match address.scheme() {
        "https" => Ok(address),
        "http" if local => Ok(address),
        _ => Err(unreachable(&format!("`{text}` is not reached over HTTPS"))),
    }
}

pub(super) fn client() -> Result<reqwest::Client, ApiError> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .build();
    client.map_err(|error| ApiError::internal(error.to_string()))
}

/// The JSON of an answer, as far as it is not too long.
pub(super) async fn fetched<T: DeserializeOwned>(request: reqwest::RequestBuilder) -> Result<T, ApiError> {
    let failed = |error: reqwest::Error| unreachable(&error.without_url().to_string());
    let mut response = request
        .header("accept", "application/json")
        .send()
        .await
        .map_err(failed)?;
    if !response.status().is_success() {
        return Err(unreachable(&format!("it answered {}", response.status())));
    }
    let mut octets = Vec::new();
    while let Some(more) = response.chunk().await.map_err(failed)? {
        octets.extend_from_slice(&more);
        if octets.len() > LONGEST {
            return Err(unreachable("its answer does not end"));
        }
    }
    serde_json::from_slice(&octets)
        .map_err(|error| unreachable(&format!("its answer makes no sense: {error}")))
}

pub(super) fn refused(words: &str) -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "not-vouched", words)
}

pub(super) fn unreachable(words: &str) -> ApiError {
    ApiError::new(
        StatusCode::BAD_GATEWAY,
        "no-provider",
        format!("the provider of identities (`web.oidc.issuer`) cannot be used: {words}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_are_reached_encrypted_or_on_this_machine() {
        assert!(url("https://id.example.org").is_ok() && url("http://127.0.0.1:5556/dex").is_ok());
        assert!(url("http://id.example.org").is_err() && url("ftp://localhost").is_err());
    }
}
