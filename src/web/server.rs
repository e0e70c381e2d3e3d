//! The server: a thread with a runtime of its own, started with a listener that is open, stopped within a bounded time.

use super::connections::Bounded;
use super::routes;
use super::site::Site;
use super::source::Source;
use super::{api, limits};
use crate::model::{Prefix, Timestamp};
use crate::store::access::{Access, Role};
use crate::store::desk::Desk;
use axum::Router;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;

/// Requests under way are given so long when it stops.
const GRACE: Duration = Duration::from_secs(3);

/// A certificate with those above it, and its key, both in PEM.
#[derive(Clone)]
pub struct Secrets {
    /// The certificates.
    pub cert: Vec<u8>,
    /// The key.
    pub key: Vec<u8>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(..)")
    }
}

/// A provider of identities, and what its claims mean.
#[derive(Clone)]
pub struct Provider {
    /// Its URL.
    pub issuer: String,
    /// What it knows us as.
    pub client_id: String,
    /// The secret it shares with us.
    pub client_secret: Option<String>,
    /// What is asked for beside `openid`.
    pub scopes: Vec<String>,
    /// The claim that names somebody.
    pub name_claim: String,
    /// The claim that says what somebody may.
    pub role_claim: String,
    /// Its values, by role.
    pub roles: Vec<(Role, Vec<String>)>,
    /// What others may.
    pub others: Option<Role>,
}

/// How to serve.
#[derive(Clone)]
pub struct Terms {
    /// For HTTPS.
    pub tls: Option<Secrets>,
    /// Proxies that are believed.
    pub behind_proxy: Vec<Prefix>,
    /// How browsers reach it.
    pub public_url: Option<String>,
    /// A log-in is good for so long.
    pub session: Duration,
    /// And so long without being used.
    pub idle: Duration,
    /// Who else vouches for people.
    pub provider: Option<Provider>,
    /// The clock on the wall.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Takes a line for the log.
    pub log: Arc<dyn Fn(&str) + Send + Sync>,
}

/// A server that runs.
pub struct Server {
    handle: Handle<SocketAddr>,
    stop: watch::Sender<bool>,
    thread: JoinHandle<io::Result<()>>,
}

impl Server {
    /// Serves on a listener.
    ///
    /// # Errors
    ///
    /// The certificate or key cannot be used, or no thread can be had.
    pub fn start(
        listener: TcpListener,
        source: Arc<dyn Source>,
        terms: Terms,
        access: Access,
        desk: Desk,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let (stop, stopping) = watch::channel(false);
        let site = Arc::new(Site::new(source, terms, access, desk, stopping));
        let handle = Handle::new();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("web-io")
            .enable_all()
            .build()?;
        let tls = match &site.terms.tls {
            None => None,
            Some(secrets) => {
                // One library of cryptography for the whole program; whoever is first installs it.
                let _ = rustls::crypto::ring::default_provider().install_default();
                let config = RustlsConfig::from_pem(secrets.cert.clone(), secrets.key.clone());
                Some(runtime.block_on(config)?)
            }
        };
        let serving = serve(listener, tls, handle.clone(), Arc::clone(&site));
        let thread = std::thread::Builder::new()
            .name("web".to_owned())
            .spawn(move || {
                let outcome = runtime.block_on(serving);
                // What still blocks a thread then was abandoned on purpose.
                runtime.shutdown_background();
                outcome
            })?;
        Ok(Self { handle, stop, thread })
    }

    /// Stops: nobody is let in any more, listeners are told to go, requests under way have three seconds.
    ///
    /// # Errors
    ///
    /// It had failed.
    pub fn stop(self) -> io::Result<()> {
        let _ = self.stop.send(true);
        self.handle.graceful_shutdown(Some(GRACE));
        let failed = |_| Err(io::Error::other("the web server's thread failed"));
        self.thread.join().unwrap_or_else(failed)
    }
}

async fn serve(
    listener: TcpListener,
    tls: Option<RustlsConfig>,
    handle: Handle<SocketAddr>,
    site: Arc<Site>,
) -> io::Result<()> {
    let router: Router = routes::router(&site);
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let refused = Arc::clone(&site.refused);
    let news = tokio::spawn(api::events::watch(Arc::clone(&site)));
    let outcome = match tls {
        Some(config) => {
            let room = |tls| Bounded::new(tls, limits::CONNECTIONS, refused);
            let mut server = axum_server::from_tcp_rustls(listener, config)?
                .map(room)
                .handle(handle);
            bound(server.http_builder());
            server.serve(service).await
        }
        None => {
            let room = |plain| Bounded::new(plain, limits::CONNECTIONS, refused);
            let mut server = axum_server::from_tcp(listener)?.map(room).handle(handle);
            bound(server.http_builder());
            server.serve(service).await
        }
    };
    news.abort();
    outcome
}

/// Nobody may hold a connection by sending nothing, or have many requests on one.
fn bound(builder: &mut hyper_util::server::conn::auto::Builder<hyper_util::rt::TokioExecutor>) {
    let timer = hyper_util::rt::TokioTimer::new();
    builder
        .http1()
        .timer(timer.clone())
        .header_read_timeout(limits::HEADERS)
        .max_buf_size(64 << 10);
    builder
        .http2()
        .timer(timer)
        .max_concurrent_streams(64)
        .keep_alive_interval(Some(Duration::from_secs(20)));
}
