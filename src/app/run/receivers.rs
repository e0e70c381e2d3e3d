//! Everything that receives: sockets and devices opened first, each with a thread once privileges are gone.

use super::say::Say;
use crate::config::Config;
use crate::input::batch::{Batch, Counters, Outlet};
use crate::input::kernel;
#[cfg(feature = "live-capture")]
use crate::input::live;
use crate::input::tcp::{self, Acceptor};
use crate::input::udp::{Listener, Wish};
use crate::model::Prefix;
use crate::model::units::bytes;
use anyhow::{Context, Result};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

/// One that receives, for watching.
#[derive(Debug)]
struct Receiver {
    /// What it is, as one would type it.
    name: String,
    /// Number in the kernel's tables, and octets of its buffer; none for what is no UDP socket.
    socket: Option<(u64, u64)>,
    counters: Arc<Counters>,
    /// Drops in front of it that were told of.
    told: u64,
}

/// What the kernel's tables say.
#[derive(Default)]
pub struct Look {
    /// How much was dropped since the last look, by receiver.
    pub dropped: Vec<(String, u64)>,
    /// The share of its buffer that is full, by receiver; 0 to 1.
    pub fill: Vec<(String, f64)>,
}

/// What was opened and does not run yet.
#[derive(Debug, Default)]
pub struct Opened {
    listeners: Vec<Listener>,
    streams: Vec<(TcpListener, SocketAddr)>,
    #[cfg(feature = "live-capture")]
    interfaces: Vec<live::Interface>,
    accept: Vec<Prefix>,
    connections: usize,
}

/// What runs.
#[derive(Debug)]
pub struct Receivers {
    threads: Vec<JoinHandle<()>>,
    streams: JoinSet<()>,
    stop: Arc<AtomicBool>,
    all: Vec<Receiver>,
}

impl Opened {
    /// Opens every socket and interface of the configuration.
    ///
    /// # Errors
    ///
    /// One of them cannot be opened.
    pub fn open(config: &Config, say: Say) -> Result<Self> {
        let mut opened = Self {
            accept: config.listen.accept.clone(),
            connections: config.listen.connections,
            ..Self::default()
        };
        for &address in &config.listen.udp {
            opened.udp(address, config, say)?;
        }
        for &address in &config.listen.tcp {
            let listener = tcp::open(address)
                .with_context(|| format!("cannot listen for flow export on {address} (TCP)"))?;
            let address = listener.local_addr()?;
            say.info(format!("listening for flow export on {address} (TCP)"));
            opened.streams.push((listener, address));
        }
        opened.captures(config, say)?;
        if opened.names().is_empty() {
            let words =
                "nothing to listen to and no interface to capture from: see `[listen]` and `[[capture]]`";
            return Err(crate::cli::Usage(words.to_owned()).into());
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

    #[cfg(feature = "live-capture")]
    fn captures(&mut self, config: &Config, say: Say) -> Result<()> {
        for capture in &config.captures {
            let interface = live::Interface::open(&live::Wish {
                interface: capture.interface.clone(),
                filter: capture.filter.clone(),
                snaplen: capture.snaplen,
                buffer: capture.buffer,
                promiscuous: capture.promiscuous,
            })?;
            let buffer = bytes(capture.buffer as f64);
            say.info(format!("capturing from {}, buffer {buffer}", interface.name));
            self.interfaces.push(interface);
        }
        Ok(())
    }

    #[cfg(not(feature = "live-capture"))]
    fn captures(&mut self, config: &Config, _say: Say) -> Result<()> {
        if config.captures.is_empty() {
            return Ok(());
        }
        let words = "`[[capture]]`: this program was built without `live-capture`";
        Err(crate::cli::Usage(words.to_owned()).into())
    }

    /// Where everything comes from, as one would type it.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .listeners
            .iter()
            .map(|l| format!("udp://{}", l.address))
            .collect();
        names.dedup();
        names.extend(self.streams.iter().map(|(_, address)| format!("tcp://{address}")));
        #[cfg(feature = "live-capture")]
        names.extend(self.interfaces.iter().map(|i| i.name.clone()));
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
            streams: JoinSet::new(),
            stop: Arc::default(),
            all: Vec::new(),
        };
        let room = Arc::new(Semaphore::new(self.connections));
        let accept: Arc<[Prefix]> = self.accept.into();
        for listener in self.listeners {
            let name = format!("udp://{}", listener.address);
            let socket = Some((listener.inode()?, listener.granted));
            let accept = Arc::clone(&accept);
            let run = move |outlet: &Outlet| listener.run(outlet, &accept);
            receivers.thread(name, socket, to, say, run)?;
        }
        #[cfg(feature = "live-capture")]
        for mut interface in self.interfaces {
            let name = interface.name.clone();
            receivers.thread(name, None, to, say, move |outlet: &Outlet| interface.run(outlet))?;
        }
        for (listener, address) in self.streams {
            let acceptor = Acceptor {
                to: to.clone(),
                accept: Arc::clone(&accept),
                room: Arc::clone(&room),
                counters: Arc::default(),
                report: Arc::new(move |words, trouble| {
                    if trouble {
                        say.warn(words)
                    } else {
                        say.debug(words)
                    }
                }),
            };
            receivers.stream(listener, address, acceptor, say);
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
    fn thread<E: std::fmt::Display>(
        &mut self,
        name: String,
        socket: Option<(u64, u64)>,
        to: &mpsc::Sender<Batch>,
        say: Say,
        mut run: impl FnMut(&Outlet) -> Result<(), E> + Send + 'static,
    ) -> Result<()> {
        let outlet = Outlet::new(to.clone(), Arc::clone(&self.stop));
        self.all.push(Receiver {
            name: name.clone(),
            socket,
            counters: Arc::clone(&outlet.counters),
            told: 0,
        });
        let thread = thread::Builder::new()
            .name("receiver".to_owned())
            .spawn(move || {
                if let Err(error) = run(&outlet) {
                    say.error(format!("nothing more is received from {name}: {error}"));
                }
            })?;
        self.threads.push(thread);
        Ok(())
    }

    fn stream(&mut self, listener: TcpListener, address: SocketAddr, acceptor: Acceptor, say: Say) {
        self.all.push(Receiver {
            name: format!("tcp://{address}"),
            socket: None,
            counters: Arc::clone(&acceptor.counters),
            told: 0,
        });
        self.streams.spawn(async move {
            if let Err(error) = acceptor.run(listener).await {
                say.error(format!("nothing more is received on {address} (TCP): {error}"));
            }
        });
    }

    /// Has everything stop; [`Receivers::join`] waits for it.
    pub fn stop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.streams.abort_all();
    }

    /// Waits until everything has stopped.
    pub fn join(self) {
        drop(self.streams);
        for thread in self.threads {
            let _ = thread.join();
        }
    }

    /// Looks at the kernel's tables: how much was dropped since the last look and where, and which share of its buffer
    /// each socket uses.
    pub fn look(&mut self) -> Look {
        let table = kernel::standings().unwrap_or_default();
        let mut look = Look::default();
        for receiver in &mut self.all {
            let counters = &receiver.counters;
            if let Some((inode, buffer)) = receiver.socket {
                let standing = table.get(&inode).copied().unwrap_or_default();
                let more = standing
                    .drops
                    .saturating_sub(Counters::get(&counters.kernel_drops));
                Counters::add(&counters.kernel_drops, more);
                look.fill.push((
                    receiver.name.clone(),
                    standing.waiting as f64 / buffer.max(1) as f64,
                ));
            }
            let all = Counters::get(&counters.kernel_drops) + Counters::get(&counters.interface_drops);
            if all > receiver.told {
                look.dropped.push((receiver.name.clone(), all - receiver.told));
                receiver.told = all;
            }
        }
        look
    }

    /// What all counted, by name.
    pub fn sums(&self) -> Vec<(&'static str, u64)> {
        sums(self.all.iter().map(|receiver| &*receiver.counters))
    }

    /// What each counts, to be summed up when all have stopped.
    pub fn counters(&self) -> Vec<Arc<Counters>> {
        self.all
            .iter()
            .map(|receiver| Arc::clone(&receiver.counters))
            .collect()
    }
}

/// Counters of several receivers by name.
pub fn sums<'a>(all: impl Iterator<Item = &'a Counters>) -> Vec<(&'static str, u64)> {
    let names = [
        "received",
        "octets",
        "refused",
        "cut",
        "kernel_drops",
        "interface_drops",
        "connections_closed",
        "waits",
    ];
    let mut sums = names.map(|name| (name, 0));
    for one in all {
        let counters = [
            &one.taken,
            &one.octets,
            &one.refused,
            &one.cut,
            &one.kernel_drops,
            &one.interface_drops,
            &one.closed,
            &one.waits,
        ];
        for (sum, counter) in sums.iter_mut().zip(counters) {
            sum.1 += Counters::get(counter);
        }
    }
    sums.to_vec()
}
