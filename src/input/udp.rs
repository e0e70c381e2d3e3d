//! Flow export over UDP: sockets with large buffers, many datagrams with one system call.

use super::batch::{Batch, Counters, Gone, Outlet, Sender, is_accepted, now};
use crate::model::{Ip, Prefix, Timestamp, Transport};
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, RecvMsg, SockaddrStorage, recvmmsg, setsockopt, sockopt};
use socket2::{Domain, Protocol, Socket, Type};
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

/// Datagrams taken with one system call.
const AT_ONCE: usize = 64;
/// No UDP datagram is longer.
const LONGEST: usize = 65_535;
/// Times the kernel is still asked after the order to stop, so that a sender who never rests cannot keep us.
const REST: u32 = 65_536;
/// How long a receiver waits before it looks whether it is to stop.
const PATIENCE: Duration = Duration::from_millis(200);

/// How long datagrams gather at most.
const LONGEST_PAUSE: Duration = Duration::from_millis(10);

/// How a socket is to be opened.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// Where; `[::]` receives IPv4 too.
    pub address: SocketAddr,
    /// Octets of receive buffer.
    pub buffer: u64,
    /// Whether other sockets of ours stand on the same port.
    pub shared: bool,
}

/// A socket that receives.
#[derive(Debug)]
pub struct Listener {
    socket: UdpSocket,
    /// Where it stands, with the port the kernel chose where none was asked for.
    pub address: SocketAddr,
    /// Octets of receive buffer that were granted. Linux doubles what is asked for, to have room for its own headers.
    pub granted: u64,
}

impl Listener {
    /// Opens a socket.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    pub fn open(wish: Wish) -> io::Result<Self> {
        let socket = Socket::new(
            Domain::for_address(wish.address),
            Type::DGRAM,
            Some(Protocol::UDP),
        )?;
        if wish.address.is_ipv6() {
            socket.set_only_v6(false)?;
        }
        if wish.shared {
            socket.set_reuse_port(true)?;
        }
        let granted = enlarge(&socket, wish.buffer)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.bind(&wish.address.into())?;
        let socket = UdpSocket::from(socket);
        let address = socket.local_addr()?;
        Ok(Self {
            socket,
            address,
            granted,
        })
    }

    /// Number of the socket in the kernel's tables.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    pub fn inode(&self) -> io::Result<u64> {
        let stat = nix::sys::stat::fstat(&self.socket)?;
        Ok(stat.st_ino)
    }

    /// Receives until told to stop; what `accept` does not hold (where it holds anything) is dropped and counted.
    ///
    /// # Errors
    ///
    /// The socket failed.
    pub fn run(&self, outlet: &Outlet, accept: &[Prefix]) -> io::Result<()> {
        let mut intake = Intake {
            fd: self.socket.as_raw_fd(),
            port: self.address.port(),
            accept,
            headers: MultiHeaders::preallocate(AT_ONCE, None),
            octets: vec![0; AT_ONCE * LONGEST],
        };
        let Ok(mut batch) = outlet.empty() else {
            return Ok(());
        };
        let mut rest = REST;
        let pause = pause(self.granted);
        loop {
            let (taken, waited) = match intake.receive(&mut batch, &outlet.counters) {
                Ok(taken) => (taken, false),
                Err(Errno::EAGAIN | Errno::EINTR) => (0, true),
                // A datagram of ours was answered by ICMP, or the kernel is short of memory for a moment.
                Err(Errno::ECONNREFUSED | Errno::ENOBUFS | Errno::ENOMEM) => (0, false),
                Err(error) => return Err(error.into()),
            };
            if waited || batch.is_full() || outlet.is_engine_idle() {
                batch = match outlet.hand_over(batch) {
                    Ok(batch) => batch,
                    Err(Gone) => return Ok(()),
                };
            }
            if outlet.is_stopped() {
                // What waits in the kernel's buffer is still taken; what goes on arriving is not.
                rest = rest.saturating_sub(1);
                if waited || rest == 0 {
                    return Ok(());
                }
            } else if !waited && taken < AT_ONCE {
                // All that was there was taken. To wake up for each datagram would cost more than to decode it.
                std::thread::sleep(pause);
            }
        }
    }
}

/// How long datagrams are left to gather: a small part of what the buffer holds at a gigabyte a second.
fn pause(granted: u64) -> Duration {
    Duration::from_nanos(granted / 4).min(LONGEST_PAUSE)
}

/// Asks for a large receive buffer, first as anyone may, then as only the privileged may; how much there is.
fn enlarge(socket: &Socket, buffer: u64) -> io::Result<u64> {
    let wish = usize::try_from(buffer).unwrap_or(usize::MAX);
    socket.set_recv_buffer_size(wish)?;
    if socket.recv_buffer_size()? < wish {
        // Refused without the privilege; the granted size tells.
        let _ = setsockopt(socket, sockopt::RcvBufForce, &wish);
    }
    Ok(socket.recv_buffer_size()? as u64)
}

/// What a receiving thread reuses.
struct Intake<'a> {
    fd: RawFd,
    port: u16,
    accept: &'a [Prefix],
    headers: MultiHeaders<SockaddrStorage>,
    octets: Vec<u8>,
}

impl Intake<'_> {
    /// Takes what is there, at least one datagram unless the time is up; how many.
    fn receive(&mut self, batch: &mut Batch, counters: &Counters) -> Result<usize, Errno> {
        let mut rooms = self.octets.chunks_exact_mut(LONGEST);
        let mut slices: [[IoSliceMut<'_>; 1]; AT_ONCE] =
            std::array::from_fn(|_| [IoSliceMut::new(rooms.next().unwrap_or_default())]);
        let got = recvmmsg(
            self.fd,
            &mut self.headers,
            slices.iter_mut(),
            MsgFlags::MSG_WAITFORONE,
            None,
        )?;
        let at = now();
        let mut taken = 0;
        for datagram in got {
            take(&datagram, at, self.port, self.accept, batch, counters);
            taken += 1;
        }
        Ok(taken)
    }
}

fn take(
    datagram: &RecvMsg<'_, '_, SockaddrStorage>,
    at: Timestamp,
    collector_port: u16,
    accept: &[Prefix],
    batch: &mut Batch,
    counters: &Counters,
) {
    let Some((exporter, source_port)) = datagram.address.as_ref().and_then(from) else {
        Counters::add(&counters.refused, 1);
        return;
    };
    if !is_accepted(accept, exporter) {
        Counters::add(&counters.refused, 1);
        return;
    }
    if datagram.flags.contains(MsgFlags::MSG_TRUNC) {
        Counters::add(&counters.cut, 1);
    }
    let sender = Sender {
        exporter,
        source_port,
        collector_port,
        transport: Transport::Udp,
    };
    batch.message(at, sender, datagram.iovs().next().unwrap_or_default());
}

fn from(address: &SockaddrStorage) -> Option<(Ip, u16)> {
    if let Some(v4) = address.as_sockaddr_in() {
        return Some((Ip::from(IpAddr::V4(v4.ip())), v4.port()));
    }
    let v6 = address.as_sockaddr_in6()?;
    Some((Ip::from(IpAddr::V6(v6.ip())), v6.port()))
}

#[cfg(test)]
mod tests {
    use super::super::batch::Arrival;
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::Ordering;
    use tokio::sync::mpsc;

    fn listener(address: &str) -> Listener {
        Listener::open(Wish {
            address: address.parse().unwrap(),
            buffer: 1 << 20,
            shared: false,
        })
        .unwrap()
    }

    /// Sends from `from` until the listener has handed over as many datagrams; exporter and length of each.
    fn received(
        address: &str,
        from: &str,
        accept: &[Prefix],
        lengths: &[usize],
    ) -> (Vec<(String, usize)>, u64) {
        let listener = listener(address);
        let to = SocketAddr::new(from.parse().unwrap(), listener.address.port());
        let (sender, mut batches) = mpsc::channel(64);
        let outlet = Outlet::new(sender, Arc::default());
        let (stop, counters) = (Arc::clone(&outlet.stop), Arc::clone(&outlet.counters));
        let socket = UdpSocket::bind(SocketAddr::new(from.parse().unwrap(), 0)).unwrap();
        let mut seen = Vec::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                listener.run(&outlet, accept).unwrap();
                drop(outlet);
            });
            for &length in lengths {
                socket.send_to(&vec![7; length], to).unwrap();
            }
            stop.store(true, Ordering::Relaxed);
            while let Some(batch) = batches.blocking_recv() {
                for arrival in batch.iter() {
                    let Arrival::Message(message) = arrival else {
                        continue;
                    };
                    assert_eq!(message.source_port, socket.local_addr().unwrap().port());
                    seen.push((message.exporter.to_string(), message.octets.len()));
                }
                batch.done();
            }
        });
        (seen, Counters::get(&counters.refused))
    }

    #[test]
    fn datagrams_of_both_families_come_over_one_socket_and_keep_their_lengths() {
        let (seen, _) = received("[::]:0", "127.0.0.1", &[], &[24, 1, 1400, 0, 9000]);
        let expected = [24, 1, 1400, 0, 9000].map(|length| ("127.0.0.1".to_owned(), length));
        assert_eq!(seen, expected);
        let (seen, _) = received("[::1]:0", "::1", &[], &[100; 200]);
        assert_eq!(seen, vec![("::1".to_owned(), 100); 200]);
    }

    #[test]
    fn strangers_are_counted_and_dropped() {
        let networks = ["192.0.2.0/24".parse().unwrap()];
        assert_eq!(
            received("127.0.0.1:0", "127.0.0.1", &networks, &[10; 3]),
            (vec![], 3)
        );
        let networks = ["192.0.2.0/24".parse().unwrap(), "127.0.0.0/8".parse().unwrap()];
        assert_eq!(
            received("127.0.0.1:0", "127.0.0.1", &networks, &[10; 3]).0.len(),
            3
        );
    }

    #[test]
    fn a_taken_port_is_an_error_and_a_shared_one_is_not() {
        let first = listener("127.0.0.1:0");
        let again = Wish {
            address: first.address,
            buffer: 1 << 16,
            shared: false,
        };
        assert_eq!(
            Listener::open(again).unwrap_err().kind(),
            io::ErrorKind::AddrInUse
        );
        let shared = |port| {
            Listener::open(Wish {
                address: SocketAddr::new("127.0.0.1".parse().unwrap(), port),
                buffer: 1 << 16,
                shared: true,
            })
        };
        let first = shared(0).unwrap();
        let second = shared(first.address.port()).unwrap();
        assert_eq!(first.address, second.address);
    }
}
