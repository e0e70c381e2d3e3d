//! A provider of identities vouches for people: OpenID Connect Core 1.0, authorization code with PKCE (RFC 7636).
//!
//! What the provider says is believed only as far as its signature goes: issuer, audience, times and nonce of the token are
//! checked with the keys it publishes. Whoever begins a log-in gets a cookie, and only with that cookie can it be finished.

use super::super::error::ApiError;
use super::super::server::Provider;
use super::fetching::{client, fetched, refused, unreachable, url};
use super::secret;
use crate::model::Timestamp;
use crate::store::access::Role;
use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use reqwest::Url;
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A log-in is finished within this.
pub const PATIENCE: Duration = Duration::from_secs(600);
/// Log-ins that have begun; the oldest is given up for a new one.
const MOST: usize = 1000;
/// What the provider says of itself is asked for anew after this.
const FRESH: Duration = Duration::from_secs(3600);
/// Keys that are not known are asked for so often at most.
const KEYS_EVERY: Duration = Duration::from_secs(60);
/// Signatures that are accepted: with keys of pairs alone, never with a shared secret or none.
const ALGORITHMS: [Algorithm; 6] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::ES256,
    Algorithm::ES384,
];

/// What the provider says of itself (OpenID Connect Discovery 1.0).
#[derive(Clone, Debug, Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

/// A log-in that has begun.
#[derive(Clone, Debug)]
struct Pending {
    /// The hash of the browser's cookie.
    browser: String,
    nonce: String,
    verifier: String,
    began: Timestamp,
}

/// Where a browser is sent, and the cookie it is to have.
#[derive(Debug)]
pub struct Begun {
    /// The provider's page.
    pub location: String,
    /// The value of the cookie.
    pub browser: String,
}

/// Somebody the provider vouches for.
#[derive(Debug, PartialEq, Eq)]
pub struct Vouched {
    /// What they are called, with whose word it is.
    pub name: String,
    /// What they may.
    pub role: Role,
}

/// One provider.
pub struct Oidc {
    provider: Provider,
    /// Where it sends browsers back to.
    redirect: String,
    pending: Mutex<BTreeMap<String, Pending>>,
    metadata: Mutex<Option<(Timestamp, Metadata)>>,
    keys: Mutex<Option<(Timestamp, JwkSet)>>,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    access_token: Option<String>,
}

impl Oidc {
    /// A provider that sends browsers back to `public_url`.
    pub fn new(provider: Provider, public_url: &str) -> Self {
        Self {
            provider,
            redirect: format!("{public_url}/api/v1/oidc/callback"),
            pending: Mutex::default(),
            metadata: Mutex::default(),
            keys: Mutex::default(),
        }
    }

    /// Begins a log-in.
    ///
    /// # Errors
    ///
    /// The provider cannot be reached or is not who it should be.
    pub async fn begin(&self, now: Timestamp) -> Result<Begun, ApiError> {
        let metadata = self.metadata(now).await?;
        let [state, nonce, browser] = [secret::make()?, secret::make()?, secret::make()?];
        let verifier = URL_SAFE_NO_PAD.encode(secret::random()?);
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
        let scope = ["openid"]
            .into_iter()
            .chain(self.provider.scopes.iter().map(String::as_str));
        let mut location = url(&metadata.authorization_endpoint)?;
        location
            .query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.provider.client_id)
            .append_pair("redirect_uri", &self.redirect)
            .append_pair("scope", &scope.collect::<Vec<_>>().join(" "))
            .append_pair("state", &state)
            .append_pair("nonce", &nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        let pending = Pending {
            browser: secret::hash(&browser),
            nonce,
            verifier,
            began: now,
        };
        let mut all = locked(&self.pending);
        all.retain(|_, one| now.since(one.began) < PATIENCE);
        let oldest = all
            .iter()
            .min_by_key(|(_, one)| one.began)
            .map(|(state, _)| state.clone());
        if let Some(oldest) = oldest.filter(|_| all.len() >= MOST) {
            all.remove(&oldest);
        }
        all.insert(state, pending);
        Ok(Begun {
            location: location.into(),
            browser,
        })
    }

    /// Finishes the log-in of `state`, begun by the browser with that cookie.
    ///
    /// # Errors
    ///
    /// It was not begun, not by this browser or too long ago; the provider does not vouch, or for somebody who may nothing.
    pub async fn finish(
        &self,
        state: &str,
        code: &str,
        browser: &str,
        now: Timestamp,
    ) -> Result<Vouched, ApiError> {
        let pending = locked(&self.pending).remove(state);
        let pending =
            pending.filter(|one| now.since(one.began) < PATIENCE && one.browser == secret::hash(browser));
        let pending =
            pending.ok_or_else(|| refused("this log-in was not begun here, or too long ago: begin again"))?;
        let metadata = self.metadata(now).await?;
        let tokens = self.tokens(&metadata, code, &pending.verifier).await?;
        let mut claims = self.claims(&metadata, &tokens.id_token, now).await?;
        let nonce = claims.get("nonce").and_then(Value::as_str).unwrap_or_default();
        if !secret::same(nonce, &pending.nonce) {
            return Err(refused("the provider's token is for another log-in"));
        }
        if claims.get(&self.provider.role_claim).is_none()
            && let (Some(address), Some(token)) = (&metadata.userinfo_endpoint, &tokens.access_token)
        {
            let more: Map<String, Value> = fetched(client()?.get(url(address)?).bearer_auth(token)).await?;
            // Anybody's token could come back; only what is said of the same person counts.
            if more.get("sub").is_some() && more.get("sub") == claims.get("sub") {
                more.into_iter().for_each(|(name, value)| {
                    claims.entry(name).or_insert(value);
                });
            }
        }
        self.vouched(&claims)
    }

    async fn metadata(&self, now: Timestamp) -> Result<Metadata, ApiError> {
        if let Some((at, metadata)) = &*locked(&self.metadata)
            && now.since(*at) < FRESH
        {
            return Ok(metadata.clone());
        }
        let issuer = self.provider.issuer.trim_end_matches('/');
        let address = url(&format!("{issuer}/.well-known/openid-configuration"))?;
        let metadata: Metadata = fetched(client()?.get(address)).await?;
        if metadata.issuer.trim_end_matches('/') != issuer {
            return Err(unreachable(&format!("it says that it is {}", metadata.issuer)));
        }
        *locked(&self.metadata) = Some((now, metadata.clone()));
        Ok(metadata)
    }

    async fn tokens(&self, metadata: &Metadata, code: &str, verifier: &str) -> Result<Tokens, ApiError> {
        let provider = &self.provider;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.redirect),
            ("code_verifier", verifier),
        ];
        let mut request = client()?.post(url(&metadata.token_endpoint)?);
        let methods = &metadata.token_endpoint_auth_methods_supported;
        let by_header = methods.is_empty() || methods.iter().any(|method| method == "client_secret_basic");
        match &provider.client_secret {
            Some(secret) if by_header => {
                // RFC 6749 section 2.3.1: both are encoded as in a form first.
                let encoded = |text: &str| {
                    let pairs = [("", text)];
                    let mut address =
                        Url::parse("http://localhost").map_err(|error| unreachable(&error.to_string()))?;
                    address.query_pairs_mut().extend_pairs(pairs);
                    Ok::<_, ApiError>(
                        address
                            .query()
                            .unwrap_or_default()
                            .trim_start_matches('=')
                            .to_owned(),
                    )
                };
                request = request.basic_auth(encoded(&provider.client_id)?, Some(encoded(secret)?));
            }
            Some(secret) => form.extend([
                ("client_id", provider.client_id.as_str()),
                ("client_secret", secret),
            ]),
            None => form.push(("client_id", &provider.client_id)),
        }
        fetched(request.form(&form)).await
    }

    /// The claims of a token whose signature and times are good.
    async fn claims(
        &self,
        metadata: &Metadata,
        token: &str,
        now: Timestamp,
    ) -> Result<Map<String, Value>, ApiError> {
        let header = decode_header(token).map_err(|_| refused("the provider's token cannot be read"))?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(refused(&format!(
                "the provider signs with {:?}, which is not accepted",
                header.alg
            )));
        }
        let key = self.key(metadata, header.kid.as_deref(), now).await?;
        let mut rules = Validation::new(header.alg);
        rules.set_audience(&[&self.provider.client_id]);
        rules.set_issuer(&[&metadata.issuer]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        rules.leeway = 60;
        let decoded = decode::<Map<String, Value>>(token, &key, &rules);
        let claims = decoded
            .map_err(|error| refused(&format!("the provider's token is not good: {error}")))?
            .claims;
        let several = claims
            .get("aud")
            .and_then(Value::as_array)
            .is_some_and(|all| all.len() > 1);
        let party = claims.get("azp").and_then(Value::as_str);
        match party {
            Some(party) if party != self.provider.client_id => {
                Err(refused("the provider's token is for another client"))
            }
            None if several => Err(refused(
                "the provider's token is for several clients and does not say for whom",
            )),
            _ => Ok(claims),
        }
    }

    /// The key of a name; asked for anew when it is not known, but not at everybody's will.
    async fn key(
        &self,
        metadata: &Metadata,
        name: Option<&str>,
        now: Timestamp,
    ) -> Result<DecodingKey, ApiError> {
        let (known, age) = match &*locked(&self.keys) {
            Some((at, keys)) => (named(keys, name), now.since(*at)),
            None => (None, Duration::MAX),
        };
        if let Some(key) = known.filter(|_| age < FRESH) {
            return Ok(key);
        }
        if age < KEYS_EVERY {
            return Err(refused(
                "the provider's token is signed with a key that it does not publish",
            ));
        }
        let keys: JwkSet = fetched(client()?.get(url(&metadata.jwks_uri)?)).await?;
        let key = named(&keys, name);
        *locked(&self.keys) = Some((now, keys));
        key.ok_or_else(|| refused("the provider's token is signed with a key that it does not publish"))
    }

    /// Who that is, and what they may.
    fn vouched(&self, claims: &Map<String, Value>) -> Result<Vouched, ApiError> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        let name = text(&self.provider.name_claim)
            .or_else(|| text("email"))
            .or_else(|| text("sub"));
        let name = crate::model::units::printable(name.unwrap_or("somebody"));
        let issuer = url(&self.provider.issuer)?;
        let host = issuer.host_str().unwrap_or_default();
        let has: Vec<&str> = match claims.get(&self.provider.role_claim) {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let given = self
            .provider
            .roles
            .iter()
            .filter(|(_, values)| values.iter().any(|value| has.contains(&value.as_str())));
        let role = given.map(|(role, _)| *role).max().or(self.provider.others);
        let role = role.ok_or_else(|| {
            ApiError::new(
                StatusCode::FORBIDDEN,
                "no-role",
                format!(
                    "the provider's `{}` gives no role here: see `web.oidc`",
                    self.provider.role_claim
                ),
            )
        })?;
        let name: String = name.chars().take(60).collect();
        Ok(Vouched {
            name: format!("{name}@{host}"),
            role,
        })
    }
}

fn named(keys: &JwkSet, name: Option<&str>) -> Option<DecodingKey> {
    let key = match name {
        Some(name) => keys.find(name),
        // Without a name there must be no choice.
        None => keys.keys.first().filter(|_| keys.keys.len() == 1),
    };
    key.and_then(|key| DecodingKey::from_jwk(key).ok())
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn oidc(others: Option<Role>) -> Oidc {
        let provider = Provider {
            issuer: "https://id.example.org/realm".to_owned(),
            client_id: "tidemark".to_owned(),
            client_secret: None,
            scopes: Vec::new(),
            name_claim: "preferred_username".to_owned(),
            role_claim: "groups".to_owned(),
            roles: vec![
                (Role::Analyst, vec!["soc".to_owned()]),
                (Role::Admin, vec!["admins".to_owned()]),
            ],
            others,
        };
        Oidc::new(provider, "https://tidemark.example.org")
    }

    #[test]
    fn the_highest_role_that_claims_give_counts_and_a_name_says_who_vouches() {
        let vouched = |claims: Value, others| oidc(others).vouched(claims.as_object().unwrap());
        let kim = vouched(
            json!({ "preferred_username": "kim", "groups": ["soc", "admins", "x"] }),
            None,
        );
        let kim = kim.unwrap();
        assert_eq!((kim.name.as_str(), kim.role), ("kim@id.example.org", Role::Admin));
        let one = vouched(json!({ "sub": "7", "groups": "soc" }), None).unwrap();
        assert_eq!((one.name.as_str(), one.role), ("7@id.example.org", Role::Analyst));
        let none = vouched(json!({ "sub": "7", "groups": ["x"] }), None).unwrap_err();
        assert!(none.message().contains("`groups` gives no role"));
        let other = vouched(json!({ "sub": "7" }), Some(Role::Viewer)).unwrap();
        assert_eq!(other.role, Role::Viewer);
    }
}
