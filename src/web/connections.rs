//! How many connections there may be at a time: who comes when there is no room is let go at once, and counted.

use axum_server::accept::Accept;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower_service::Service;

/// Lets connections in while there is room, then has `inner` accept them.
#[derive(Clone, Debug)]
pub struct Bounded<A> {
    inner: A,
    room: Arc<Semaphore>,
    refused: Arc<AtomicU64>,
}

impl<A> Bounded<A> {
    /// Room for so many connections; `refused` counts those there was none for.
    pub fn new(inner: A, room: usize, refused: Arc<AtomicU64>) -> Self {
        Self {
            inner,
            room: Arc::new(Semaphore::new(room)),
            refused,
        }
    }
}

impl<I, S, A> Accept<I, S> for Bounded<A>
where
    A: Accept<I, S>,
    A::Future: Send + 'static,
{
    type Stream = A::Stream;
    type Service = Held<A::Service>;
    type Future = Pin<Box<dyn Future<Output = io::Result<(Self::Stream, Self::Service)>> + Send>>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        let Ok(place) = Arc::clone(&self.room).try_acquire_owned() else {
            self.refused.fetch_add(1, Ordering::Relaxed);
            // Dropping the stream closes it.
            return Box::pin(async { Err(io::Error::other("there is no room for another connection")) });
        };
        let accepting = self.inner.accept(stream, service);
        Box::pin(async move {
            let (stream, service) = accepting.await?;
            let place = Arc::new(place);
            Ok((stream, Held { service, place }))
        })
    }
}

/// What serves one connection, and the place it takes.
#[derive(Clone, Debug)]
pub struct Held<S> {
    service: S,
    #[allow(dead_code, reason = "given back when it is dropped")]
    place: Arc<OwnedSemaphorePermit>,
}

impl<R, S: Service<R>> Service<R> for Held<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: R) -> S::Future {
        self.service.call(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::routing::get;
    use axum_server::accept::DefaultAcceptor;
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpListener, TcpStream};

    fn serve(room: usize) -> (tokio::runtime::Runtime, SocketAddr, Arc<AtomicU64>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let at = listener.local_addr().unwrap();
        let refused = Arc::<AtomicU64>::default();
        let acceptor = Bounded::new(DefaultAcceptor::new(), room, Arc::clone(&refused));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let router = Router::new().route("/", get(async || "here"));
        let _entered = runtime.enter();
        let server = axum_server::from_tcp(listener).unwrap().acceptor(acceptor);
        runtime.spawn(server.serve(router.into_make_service()));
        (runtime, at, refused)
    }

    /// Asks once over a connection that stays open; whether there was an answer.
    fn asks(at: SocketAddr) -> Option<TcpStream> {
        let mut stream = TcpStream::connect(at).unwrap();
        // Who is let go may learn of it when it writes, or when it reads.
        stream.write_all(b"GET / HTTP/1.1\r\nhost: here\r\n\r\n").ok()?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).ok()?;
        assert_eq!(&answer, b"HTTP/1.1 200");
        Some(stream)
    }

    #[test]
    fn who_comes_when_there_is_no_room_is_let_go_and_counted_until_somebody_leaves() {
        let (_runtime, at, refused) = serve(2);
        let (first, _second) = (asks(at).unwrap(), asks(at).unwrap());
        assert!(asks(at).is_none());
        assert_eq!(refused.load(Ordering::Relaxed), 1);
        drop(first);
        let served = (0..10_000).find_map(|_| asks(at));
        assert!(served.is_some());
    }
}
