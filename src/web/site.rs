//! What all requests share.

use super::api::totals::Totals;
use super::auth::oidc::Oidc;
use super::auth::{Gate, Throttle};
use super::error::ApiError;
use super::limits;
use super::server::Terms;
use super::source::Source;
use crate::model::Timestamp;
use crate::store::access::{Access, AccessError};
use crate::store::desk::{Desk, DeskError};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, watch};

/// One thing that happened, for who listens: the name of the event and its data in JSON.
#[derive(Clone, Debug)]
pub struct Happening {
    /// Its name.
    pub event: &'static str,
    /// Its data.
    pub data: Arc<str>,
}

/// Requests by method, route and status.
pub type Served = BTreeMap<(String, String, u16), u64>;

/// What all requests share.
pub struct Site {
    /// What is told.
    pub source: Arc<dyn Source>,
    /// How it was configured.
    pub terms: Terms,
    /// Who may.
    pub gate: Gate,
    /// Who else vouches for people.
    pub oidc: Option<Oidc>,
    /// Log-ins that failed.
    pub throttle: Mutex<Throttle>,
    /// Sums of past traffic.
    pub totals: Mutex<Totals>,
    /// What happens, to who listens.
    pub events: broadcast::Sender<Happening>,
    /// True once it is to end.
    pub stopping: watch::Receiver<bool>,
    /// Room for questions to stored flows, back-tests, other questions, listeners and passwords being hashed.
    pub queries: Arc<Semaphore>,
    /// Room for back-tests.
    pub backtests: Arc<Semaphore>,
    /// Room for listeners.
    pub listeners: Arc<Semaphore>,
    /// Room for passwords being hashed.
    pub hashes: Arc<Semaphore>,
    /// Connections there was no room for.
    pub refused: Arc<AtomicU64>,
    asks: Arc<Semaphore>,
    access: Mutex<Access>,
    desk: Mutex<Desk>,
    served: Mutex<Served>,
    failures: AtomicU64,
}

impl Site {
    /// Everything at rest.
    pub fn new(
        source: Arc<dyn Source>,
        terms: Terms,
        access: Access,
        desk: Desk,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        let room = |count| Arc::new(Semaphore::new(count));
        Self {
            source,
            gate: Gate::new(&terms),
            oidc: oidc(&terms),
            terms,
            throttle: Mutex::default(),
            totals: Mutex::default(),
            events: broadcast::channel(limits::EVENTS).0,
            stopping,
            queries: room(limits::QUERIES),
            backtests: room(limits::BACKTESTS),
            listeners: room(limits::LISTENERS),
            hashes: room(limits::HASHES),
            refused: Arc::default(),
            asks: room(limits::ASKS),
            access: Mutex::new(access),
            desk: Mutex::new(desk),
            served: Mutex::default(),
            failures: AtomicU64::new(0),
        }
    }

    /// The clock on the wall, for everything about who may.
    pub fn clock(&self) -> Timestamp {
        (self.terms.clock)()
    }

    /// Asks the file of access; call where it may block.
    ///
    /// # Errors
    ///
    /// What `ask` says.
    pub fn access<T>(&self, ask: impl FnOnce(&Access) -> Result<T, AccessError>) -> Result<T, ApiError> {
        let access = self.access.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(ask(&access)?)
    }

    /// Asks the desk; call where it may block.
    ///
    /// # Errors
    ///
    /// What `ask` says.
    pub fn desk<T>(&self, ask: impl FnOnce(&mut Desk) -> Result<T, DeskError>) -> Result<T, ApiError> {
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(ask(&mut desk)?)
    }

    /// Runs what may block beside the requests.
    ///
    /// # Errors
    ///
    /// There is too much of it, it panicked, or what it says.
    pub async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let permit = admitted(&self.asks).await?;
        self.work(permit, work).await
    }

    /// The same in a room of its own; a request that is given up keeps its place until the work is done.
    ///
    /// # Errors
    ///
    /// As [`Site::run`].
    pub async fn run_in<T: Send + 'static>(
        self: &Arc<Self>,
        room: &Arc<Semaphore>,
        work: impl FnOnce(&Self) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let permit = admitted(room).await?;
        self.work(permit, work).await
    }

    async fn work<T: Send + 'static>(
        self: &Arc<Self>,
        permit: OwnedSemaphorePermit,
        work: impl FnOnce(&Self) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let site = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || {
            let outcome = work(&site);
            drop(permit);
            outcome
        });
        match done.await {
            Ok(outcome) => outcome,
            Err(error) => Err(self.failed(&error.to_string())),
        }
    }

    /// Says in the log what went wrong inside, under a number that the client is told.
    pub fn failed(&self, words: &str) -> ApiError {
        let number = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
        (self.terms.log)(&format!("web: failure {number}: {words}"));
        ApiError::internal(format!(
            "something went wrong inside; the log says more under `failure {number}`"
        ))
    }

    /// Counts a request.
    pub fn served(&self, method: &str, route: &str, status: u16) {
        let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (method.to_owned(), route.to_owned(), status);
        *served.entry(key).or_default() += 1;
    }

    /// Requests so far.
    pub fn counters(&self) -> Served {
        let served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        served.clone()
    }
}

/// The provider, where browsers can be sent back from it.
fn oidc(terms: &Terms) -> Option<Oidc> {
    let (provider, url) = (terms.provider.clone()?, terms.public_url.as_deref()?);
    Some(Oidc::new(provider, url))
}

/// Waits for a place, but not for long.
async fn admitted(room: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, ApiError> {
    let place = tokio::time::timeout(limits::QUEUE, Arc::clone(room).acquire_owned()).await;
    match place {
        Ok(Ok(permit)) => Ok(permit),
        _ => Err(ApiError::busy(
            "others ask as much as can be answered at a time: try again in a moment",
        )),
    }
}
