//! IPFIX over TCP (RFC 7011 section 10.4): streams cut into messages by their own length, connections bounded.

use super::batch::{Batch, Counters, Sender, is_accepted, now};
use crate::model::{Ip, Prefix, Transport};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

/// The message header: version, length, export time, sequence number, Observation Domain.
const HEADER: usize = 16;
/// The version of IPFIX.
const VERSION: u16 = 10;
/// A stream that says nothing for so long is dead: exporters renew their connection.
const SILENCE: Duration = Duration::from_secs(1800);
/// A message that does not end within this is none.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why a stream was closed.
#[derive(Debug, thiserror::Error)]
pub enum Closed {
    /// The exporter ended it between two messages.
    #[error("it was closed by the exporter")]
    Ended,
    /// It ended inside a message.
    #[error("it broke off inside a message: {0}")]
    Cut(io::Error),
    /// What came is no IPFIX; there is no way to find the next message in a stream.
    #[error("octet {0} of the stream: a message of version {1} and {2} octets is no IPFIX message")]
    Foreign(u64, u16, u16),
    /// Nothing came.
    #[error("nothing came for {} s", .0.as_secs())]
    Silent(Duration),
    /// The engine is gone.
    #[error("we stop")]
    Stopped,
}

/// Opens a listener that does not block.
///
/// # Errors
///
/// What the kernel says.
pub fn open(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // A daemon that starts again must not wait for what its predecessor's connections left behind.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(128)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Takes words, and whether they tell of trouble.
pub type Report = Arc<dyn Fn(&str, bool) + Send + Sync>;

/// Accepts and reads connections.
#[derive(Clone)]
pub struct Acceptor {
    /// Where messages go.
    pub to: mpsc::Sender<Batch>,
    /// Networks from which export is accepted; empty for all.
    pub accept: Arc<[Prefix]>,
    /// How many more connections there may be.
    pub room: Arc<Semaphore>,
    /// What was counted.
    pub counters: Arc<Counters>,
    /// Is told why a connection was refused or closed, and whether that is trouble.
    pub report: Report,
}

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Acceptor")
            .field("accept", &self.accept)
            .finish_non_exhaustive()
    }
}

impl Acceptor {
    /// Accepts until it is dropped.
    ///
    /// # Errors
    ///
    /// The listener cannot be used.
    pub async fn run(self, listener: std::net::TcpListener) -> io::Result<()> {
        let listener = TcpListener::from_std(listener)?;
        let port = listener.local_addr()?.port();
        // They end with the listener.
        let mut streams = JoinSet::new();
        loop {
            while streams.try_join_next().is_some() {}
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, or the peer gave up meanwhile: neither ends the listener.
                    (self.report)(&format!("a connection cannot be accepted: {error}"), true);
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            self.begin(stream, peer, port, &mut streams);
        }
    }

    fn begin(&self, stream: TcpStream, peer: SocketAddr, port: u16, streams: &mut JoinSet<()>) {
        let exporter = Ip::from(peer.ip());
        if !is_accepted(&self.accept, exporter) {
            Counters::add(&self.counters.refused, 1);
            return;
        }
        let Ok(permit) = Arc::clone(&self.room).try_acquire_owned() else {
            Counters::add(&self.counters.closed, 1);
            (self.report)(
                &format!("connection of {exporter} refused: there are too many"),
                true,
            );
            return;
        };
        let sender = Sender {
            exporter,
            source_port: peer.port(),
            collector_port: port,
            transport: Transport::Tcp,
        };
        (self.report)(&format!("connection of {exporter} port {}", peer.port()), false);
        let own = self.clone();
        streams.spawn(async move {
            let _permit = permit;
            own.serve(stream, sender).await;
        });
    }

    async fn serve(&self, stream: TcpStream, sender: Sender) {
        let why = self.read(stream, sender).await;
        let trouble = !matches!(why, Closed::Ended | Closed::Stopped);
        Counters::add(&self.counters.cut, u64::from(matches!(why, Closed::Cut(_))));
        Counters::add(&self.counters.closed, u64::from(trouble));
        let Sender {
            exporter,
            source_port,
            ..
        } = sender;
        (self.report)(
            &format!("connection of {exporter} port {source_port} ends: {why}"),
            trouble,
        );
    }

    /// Reads messages until there are no more; why.
    async fn read(&self, mut stream: impl AsyncRead + Unpin, sender: Sender) -> Closed {
        let mut octets = Vec::new();
        let mut offset = 0_u64;
        loop {
            if let Err(why) = message(&mut stream, &mut octets, offset).await {
                return why;
            }
            offset += octets.len() as u64;
            let mut batch = Batch::new();
            batch.message(now(), sender, &octets);
            Counters::add(&self.counters.taken, 1);
            Counters::add(&self.counters.octets, octets.len() as u64);
            if self.to.send(batch).await.is_err() {
                return Closed::Stopped;
            }
        }
    }
}

/// Reads one whole message.
async fn message(
    stream: &mut (impl AsyncRead + Unpin),
    octets: &mut Vec<u8>,
    offset: u64,
) -> Result<(), Closed> {
    octets.clear();
    octets.resize(HEADER, 0);
    let began = tokio::time::timeout(SILENCE, stream.read(octets)).await;
    let first = match began {
        Err(_) => return Err(Closed::Silent(SILENCE)),
        Ok(Err(error)) => return Err(Closed::Cut(error)),
        Ok(Ok(0)) => return Err(Closed::Ended),
        Ok(Ok(first)) => first,
    };
    let rest = async {
        stream
            .read_exact(octets.get_mut(first..).unwrap_or_default())
            .await?;
        let number = |at: usize| {
            octets
                .get(at..at + 2)
                .map_or(0, |o| u16::from_be_bytes([o[0], o[1]]))
        };
        let (version, length) = (number(0), number(2));
        if version != VERSION || usize::from(length) < HEADER {
            return Ok(Err(Closed::Foreign(offset, version, length)));
        }
        octets.resize(usize::from(length), 0);
        stream
            .read_exact(octets.get_mut(HEADER..).unwrap_or_default())
            .await?;
        Ok(Ok(()))
    };
    match tokio::time::timeout(PATIENCE, rest).await {
        Err(_) => Err(Closed::Silent(PATIENCE)),
        Ok(Err(error)) => Err(Closed::Cut(error)),
        Ok(Ok(outcome)) => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::super::batch::Arrival;
    use super::*;

    /// A message of `length` octets in all.
    fn ipfix(length: u16) -> Vec<u8> {
        let mut octets = vec![0, 10];
        octets.extend(length.to_be_bytes());
        octets.resize(usize::from(length), 7);
        octets
    }

    /// Reads a stream to its end: the length of each message, and why it ended.
    fn read(octets: &[u8]) -> (Vec<usize>, String) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let (to, mut batches) = mpsc::channel(100);
        let acceptor = Acceptor {
            to,
            accept: Arc::new([]),
            room: Arc::new(Semaphore::new(1)),
            counters: Arc::default(),
            report: Arc::new(|_, _| {}),
        };
        let sender = Sender {
            exporter: Ip::v4(1),
            source_port: 5,
            collector_port: 4739,
            transport: Transport::Tcp,
        };
        let why = runtime.block_on(acceptor.read(octets, sender));
        drop(acceptor);
        let mut lengths = Vec::new();
        while let Some(batch) = batches.blocking_recv() {
            for arrival in batch.iter() {
                if let Arrival::Message(message) = arrival {
                    lengths.push(message.octets.len());
                }
            }
        }
        (lengths, why.to_string())
    }

    #[test]
    fn a_stream_is_cut_into_messages_by_their_length() {
        let stream = [ipfix(16), ipfix(1400), ipfix(65_535)].concat();
        let (lengths, why) = read(&stream);
        assert_eq!(lengths, [16, 1400, 65_535]);
        assert_eq!(why, "it was closed by the exporter");
    }

    #[test]
    fn a_stream_that_is_no_ipfix_is_closed_with_words() {
        let (lengths, why) = read(&[ipfix(20), b"GET / HTTP/1.1\r\n\r\n".to_vec()].concat());
        assert_eq!(lengths, [20]);
        assert!(
            why.starts_with("octet 20 of the stream: a message of version 18245"),
            "{why}"
        );
        let (_, why) = read(&[0, 10, 0, 15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert!(why.contains("version 10 and 15 octets"), "{why}");
    }

    #[test]
    fn a_stream_that_breaks_off_anywhere_inside_a_message_is_cut() {
        let whole = ipfix(40);
        for length in 1..whole.len() {
            let (lengths, why) = read(&whole[..length]);
            assert!(
                lengths.is_empty() && why.starts_with("it broke off"),
                "{length}: {why}"
            );
        }
    }
}
