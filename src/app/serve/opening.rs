//! How the dashboard is started: its port opened and its key read while there are privileges for that, refused where it
//! must not listen, then served.

use super::super::stored;
use crate::cli::Usage;
use crate::config::{Config, Oidc, Web};
use crate::input::batch::now;
use crate::store::access::Access;
use crate::store::desk::Desk;
use crate::web::{Provider, Secrets, Server, Source, Terms};
use anyhow::{Context, Result};
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

/// A port that is open, and what only its owner may read.
#[derive(Debug)]
pub struct Opening {
    listener: TcpListener,
    tls: Option<Secrets>,
    secret: Option<String>,
    web: Web,
}

impl Opening {
    /// Opens what `config` says; nothing where the dashboard is switched off. That the usual port is taken is no failure:
    /// it is told through `warn`, and there is no dashboard.
    ///
    /// # Errors
    ///
    /// The address that was asked for, the certificate or the key cannot be had.
    pub fn new(config: &Config, warn: impl Fn(&str)) -> Result<Option<Self>> {
        let web = config.web.clone();
        if !web.enabled {
            return Ok(None);
        }
        let address = web.address();
        let listener = match TcpListener::bind(address) {
            Ok(listener) => listener,
            Err(error) if web.listen.is_none() && error.kind() == ErrorKind::AddrInUse => {
                warn(&format!(
                    "no dashboard: somebody else listens on {address}; choose another address with `web.listen`, or set \
                     `web.enabled` to false"
                ));
                return Ok(None);
            }
            Err(error) => {
                return Err(error).with_context(|| format!("cannot serve the dashboard on {address}"));
            }
        };
        let read = |path: &Path| {
            let path = config.resolve(path);
            std::fs::read(&path).with_context(|| format!("`web` names {}", path.display()))
        };
        let tls = web.tls.as_ref().map(|tls| {
            Ok::<_, anyhow::Error>(Secrets {
                cert: read(&tls.cert)?,
                key: read(&tls.key)?,
            })
        });
        let secret = web.oidc.as_ref().and_then(|oidc| oidc.client_secret.as_deref());
        let secret = secret.map(read).transpose()?;
        let secret = secret.map(|octets| String::from_utf8_lossy(&octets).trim().to_owned());
        Ok(Some(Self {
            listener,
            tls: tls.transpose()?,
            secret,
            web,
        }))
    }

    /// Serves, with the desk and who may in `folder`.
    ///
    /// # Errors
    ///
    /// [`Usage`]: it would listen where others could come in unknown or be overheard. Else the certificate, the key or the
    /// file of access cannot be used.
    pub fn start(
        self,
        folder: &Path,
        source: Arc<dyn Source>,
        log: Arc<dyn Fn(&str) + Send + Sync>,
    ) -> Result<(Server, String)> {
        let access = Access::open(folder)?;
        if let Some(refusal) = self.web.refusal(access.has_users()?) {
            anyhow::bail!(Usage(refusal));
        }
        let address = self.listener.local_addr()?;
        let where_to = announced(address, self.tls.is_some(), self.web.public_url.as_deref());
        let terms = Terms {
            tls: self.tls,
            behind_proxy: self.web.behind_proxy,
            public_url: self.web.public_url,
            session: self.web.session,
            idle: self.web.idle,
            provider: self.web.oidc.map(|oidc| provider(oidc, self.secret)),
            clock: Arc::new(now),
            log,
        };
        let server = Server::start(self.listener, source, terms, access, Desk::open(folder)?);
        Ok((server.context("the dashboard cannot be served")?, where_to))
    }
}

fn provider(oidc: Oidc, client_secret: Option<String>) -> Provider {
    Provider {
        issuer: oidc.issuer,
        client_id: oidc.client_id,
        client_secret,
        scopes: oidc.scopes,
        name_claim: oidc.name_claim,
        role_claim: oidc.role_claim,
        roles: oidc.roles,
        others: oidc.others,
    }
}

/// Where browsers find it.
pub fn announced(address: SocketAddr, tls: bool, public: Option<&str>) -> String {
    let scheme = if tls { "https" } else { "http" };
    let own = format!("{scheme}://{address}");
    public.map_or(own.clone(), |public| format!("{public} ({own})"))
}

/// What people said of the anomalies of a state, by rule.
pub fn said(folder: &Path) -> std::collections::BTreeMap<String, crate::model::Verdicts> {
    let desk = Desk::open_existing(folder).ok().flatten();
    desk.and_then(|desk| desk.verdicts().ok()).unwrap_or_default()
}

/// The flows a daemon or replay keeps in a folder.
pub fn flows(
    folder: Option<&Path>,
    config: &Config,
) -> Result<Box<dyn crate::store::flows::FlowStore>, crate::web::Trouble> {
    let store = stored::open(folder, config);
    let store = store.map_err(|error| crate::web::Trouble::Missing(error.to_string()))?;
    Ok(Box::new(store))
}
