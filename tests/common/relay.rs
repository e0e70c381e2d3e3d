//! Stands between an exporter and a daemon: hands every datagram on and keeps it, so that others can read the same.

#![allow(dead_code)]

use super::samples::Record;
use nix::sys::socket::{setsockopt, sockopt};
use std::net::{SocketAddr, UdpSocket};
use std::thread::{self, JoinHandle};

/// Hands on what comes until it is told that nothing more will.
pub struct Relay {
    pub address: SocketAddr,
    thread: JoinHandle<Vec<Vec<u8>>>,
}

impl Relay {
    pub fn new(to: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        // A burst must not be lost here; without the privilege it gets what anyone does.
        let room = 32 << 20;
        let _ = setsockopt(&socket, sockopt::RcvBuf, &room);
        let _ = setsockopt(&socket, sockopt::RcvBufForce, &room);
        let address = socket.local_addr().unwrap();
        let thread = thread::spawn(move || {
            let mut room = vec![0; 65_536];
            let mut kept = Vec::new();
            loop {
                let length = socket.recv(&mut room).unwrap();
                if length == 0 {
                    return kept;
                }
                socket.send_to(&room[..length], to).unwrap();
                kept.push(room[..length].to_vec());
            }
        });
        Self { address, thread }
    }

    /// Every datagram that came; the exporter has ended, so an empty one of ours is the last.
    pub fn ends(self) -> Vec<Vec<u8>> {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.send_to(&[], self.address).unwrap();
        self.thread.join().unwrap()
    }
}

/// Frames of datagrams to the port of IPFIX that all arrive at one instant, microseconds since 1970.
pub fn frames(messages: &[Vec<u8>], micros: u64) -> Vec<Record> {
    messages
        .iter()
        .map(|message| {
            let octets = frame(message);
            Record {
                micros,
                length: octets.len() as u32,
                octets,
            }
        })
        .collect()
}

/// Ethernet, IPv4 and UDP around a message, both checksums left out as a sending card would.
fn frame(message: &[u8]) -> Vec<u8> {
    let udp = (8 + message.len()) as u16;
    let mut octets = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0];
    octets.extend((20 + udp).to_be_bytes());
    octets.extend([0, 0, 0x40, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
    for number in [4739, 4739, udp, 0_u16] {
        octets.extend(number.to_be_bytes());
    }
    octets.extend(message);
    octets
}
