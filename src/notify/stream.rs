//! Octets to a host: a datagram, or a connection that is opened, written and closed within its time.

use rustls::pki_types::ServerName;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Sends a datagram to `host:port`, to the first of its addresses that takes it.
pub(super) fn datagram(to: &str, octets: &[u8]) -> io::Result<()> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in to.to_socket_addrs()? {
        let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let sent = UdpSocket::bind(any).and_then(|socket| {
            socket.connect(address)?;
            socket.send(octets)
        });
        match sent {
            Ok(_) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Opens a connection to `host:port`, writes `octets`, and waits until the other side has closed or taken everything.
pub(super) fn write(
    to: &str,
    octets: &[u8],
    tls: Option<Arc<rustls::ClientConfig>>,
    timeout: Duration,
) -> io::Result<()> {
    let end = Instant::now() + timeout;
    let mut stream = connect(to, end)?;
    match tls {
        None => {
            stream.write_all(octets)?;
            stream.flush()?;
        }
        Some(config) => {
            let host = to.rsplit_once(':').map_or(to, |(host, _)| host);
            let host = host.trim_matches(['[', ']']).to_owned();
            let name = ServerName::try_from(host).map_err(io::Error::other)?;
            let session = rustls::ClientConnection::new(config, name).map_err(io::Error::other)?;
            let mut both = rustls::StreamOwned::new(session, stream);
            both.write_all(octets)?;
            both.conn.send_close_notify();
            both.flush()?;
            stream = both.sock;
        }
    }
    // Without this a receiver that is gone would have been told only by the kernel, after we have left.
    stream.shutdown(Shutdown::Write)?;
    drain(&mut stream, end)
}

/// Waits until the other side closes. One that has nothing to say to our end of the connection has taken it all the same.
fn drain(stream: &mut TcpStream, end: Instant) -> io::Result<()> {
    let patience = end
        .saturating_duration_since(Instant::now())
        .min(Duration::from_secs(1));
    stream.set_read_timeout(Some(patience.max(Duration::from_millis(1))))?;
    let mut rest = [0; 256];
    loop {
        match stream.read(&mut rest) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                return Ok(());
            }
            Err(error) => return Err(error),
        }
    }
}

fn connect(to: &str, end: Instant) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in to.to_socket_addrs()? {
        let left = end
            .saturating_duration_since(Instant::now())
            .max(Duration::from_millis(1));
        match TcpStream::connect_timeout(&address, left) {
            Ok(stream) => {
                stream.set_read_timeout(Some(left))?;
                stream.set_write_timeout(Some(left))?;
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}
