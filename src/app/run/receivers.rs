//! Everything that receives: sockets and devices opened first, each with a thread once privileges are gone.

use super::say::Say;
use crate::config::Config;
use crate::input::batch::{Batch, Counters, Outlet};
use crate::input::kernel::{self, Standing};
use crate::input::udp::{Listener, Wish};
use crate::model::Prefix;
use crate::model::units::bytes;
use anyhow::{Context, Result};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use tokio::sync::mpsc;

/// A socket as it was opened, for watching.
#[derive(Debug)]
pub struct Watched {
    /// Where it stands.
    pub address: SocketAddr,
    /// Number in the kernel's tables.
    pub inode: u64,
    /// Octets of its buffer.
    pub buffer: u64,
    /// What its thread counted.
    pub counters: Arc<Counters>,
    /// Drops seen so far.
    drops: u64,
}

/// What was opened and does not run yet.
#[derive(Debug, Default)]
pub struct Opened {
    listeners: Vec<Listener>,
    accept: Vec<Prefix>,
}

/// What runs.
#[derive(Debug)]
pub struct Receivers {
    threads: Vec<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
    /// UDP sockets.
    pub sockets: Vec<Watched>,
}

impl Opened {
    /// Opens every socket of the configuration.
    ///
    /// # Errors
    ///
    /// One of them cannot be opened.
    pub fn open(config: &Config, say: Say) -> Result<Self> {
        let mut opened = Self {
            accept: config.listen.accept.clone(),
            ..Self::default()
        };
        for &address in &config.listen.udp {
            opened.udp(address, config, say)?;
        }
        Ok(opened)
    }

    fn udp(&mut self, address: SocketAddr, config: &Config, say: Say) -> Result<()> {
        let listen = &config.listen;
        let mut address = address;
        for n in 0..listen.sockets {
            let wish = Wish {
                address,
                buffer: listen.buffer,
                shared: listen.sockets > 1,
            };
            let listener = Listener::open(wish)
                .with_context(|| format!("cannot listen for flow export on {address} (UDP)"))?;
            // With port 0 the kernel chose one, which the others share.
            address = listener.address;
            if n == 0 {
                report(&listener, listen.sockets, listen.buffer, say);
            }
            self.listeners.push(listener);
        }
        Ok(())
    }

    /// Where everything listens, as one would type it.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .listeners
            .iter()
            .map(|l| format!("udp://{}", l.address))
            .collect();
        names.dedup();
        names
    }

    /// Begins to receive.
    ///
    /// # Errors
    ///
    /// There are no threads to be had.
    pub fn start(self, to: &mpsc::Sender<Batch>, say: Say) -> Result<Receivers> {
        let mut receivers = Receivers {
            threads: Vec::new(),
            stop: Arc::default(),
            sockets: Vec::new(),
        };
        for listener in self.listeners {
            let outlet = Outlet::new(to.clone(), Arc::clone(&receivers.stop));
            receivers.sockets.push(Watched {
                address: listener.address,
                inode: listener.inode()?,
                buffer: listener.granted,
                counters: Arc::clone(&outlet.counters),
                drops: 0,
            });
            let accept = self.accept.clone();
            let thread = thread::Builder::new()
                .name(format!("udp {}", listener.address.port()))
                .spawn(move || {
                    if let Err(error) = listener.run(&outlet, &accept) {
                        say.error(format!(
                            "nothing more is received on {}: {error}",
                            listener.address
                        ));
                    }
                })?;
            receivers.threads.push(thread);
        }
        Ok(receivers)
    }
}

/// Says where a listener stands, and whether its buffer is what it should be.
fn report(listener: &Listener, sockets: usize, buffer: u64, say: Say) {
    let (address, granted) = (listener.address, bytes(listener.granted as f64));
    let each = if sockets > 1 {
        format!(", {sockets} sockets")
    } else {
        String::new()
    };
    say.info(format!(
        "listening for flow export on {address} (UDP){each}, receive buffer {granted}"
    ));
    if listener.granted < buffer {
        let asked = bytes(buffer as f64);
        say.warn(format!(
            "the kernel grants {address} a receive buffer of {granted}, asked for were {asked}: raise \
             net.core.rmem_max, or give CAP_NET_ADMIN"
        ));
    }
}

impl Receivers {
    /// Has all threads stop, and waits for them.
    pub fn stop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }

    /// Looks at the kernel's tables: how many datagrams were dropped since the last look, and how each socket stands.
    pub fn look(&mut self) -> (u64, Vec<Standing>) {
        let Ok(table) = kernel::standings() else {
            return (0, Vec::new());
        };
        let mut new = 0;
        let mut standings = Vec::new();
        for socket in &mut self.sockets {
            let standing = table.get(&socket.inode).copied().unwrap_or_default();
            let more = standing.drops.saturating_sub(socket.drops);
            socket.drops += more;
            Counters::add(&socket.counters.kernel_drops, more);
            new += more;
            standings.push(standing);
        }
        (new, standings)
    }

    /// What all counted, by name.
    pub fn sums(&self) -> [(&'static str, u64); 5] {
        let sum = |pick: fn(&Counters) -> u64| self.sockets.iter().map(|s| pick(&s.counters)).sum();
        [
            ("datagrams", sum(|c| Counters::get(&c.taken))),
            ("refused_datagrams", sum(|c| Counters::get(&c.refused))),
            ("cut_datagrams", sum(|c| Counters::get(&c.cut))),
            ("kernel_drops", sum(|c| Counters::get(&c.kernel_drops))),
            ("waits", sum(|c| Counters::get(&c.waits))),
        ]
    }
}
