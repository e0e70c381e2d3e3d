//! Frames from an interface (libpcap).

use super::batch::{Batch, Counters, Gone, Outlet};
use crate::model::{LinkType, Timestamp};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pcap::{Active, Capture, Error};
use std::os::fd::AsFd;

/// How long the kernel may gather packets before it hands them over, in milliseconds.
const GATHER: u16 = 100;

/// What to capture.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The interface's name.
    pub interface: String,
    /// Only packets that pass this filter of libpcap.
    pub filter: Option<String>,
    /// Octets kept of each packet.
    pub snaplen: u32,
    /// Octets of the kernel's buffer.
    pub buffer: u64,
    /// See packets that are for others, too.
    pub promiscuous: bool,
}

/// An interface that is open.
pub struct Interface {
    capture: Capture<Active>,
    link: LinkType,
    /// Its name.
    pub name: String,
    seen: (u32, u32),
}

impl std::fmt::Debug for Interface {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { link, name, .. } = self;
        f.debug_struct("Interface")
            .field("name", name)
            .field("link", link)
            .finish_non_exhaustive()
    }
}

/// Why an interface cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// It cannot be opened.
    #[error("cannot capture from {0}: {1}")]
    Open(String, Error),
    /// Its filter cannot be read.
    #[error("the filter `{1}` of {0}: {2}")]
    Filter(String, String, Error),
    /// It failed while it was read.
    #[error("{0}: {1}")]
    Read(String, String),
}

impl Interface {
    /// Opens an interface.
    ///
    /// # Errors
    ///
    /// It is not there, we may not, or the filter cannot be read.
    pub fn open(wish: &Wish) -> Result<Self, LiveError> {
        let name = wish.interface.clone();
        let failed = |error| LiveError::Open(name.clone(), error);
        let size = |octets: u64| i32::try_from(octets).unwrap_or(i32::MAX);
        let mut capture = Capture::from_device(&wish.interface[..])
            .map_err(failed)?
            .promisc(wish.promiscuous)
            .snaplen(size(wish.snaplen.into()))
            .buffer_size(size(wish.buffer))
            .timeout(i32::from(GATHER))
            .open()
            .map_err(failed)?;
        if let Some(filter) = &wish.filter {
            capture
                .filter(filter, true)
                .map_err(|error| LiveError::Filter(name.clone(), filter.clone(), error))?;
        }
        let link = link_type(capture.get_datalink().0);
        // A blocking read would wait for the next packet with a batch half full.
        let capture = capture.setnonblock().map_err(failed)?;
        Ok(Self {
            capture,
            link,
            name,
            seen: (0, 0),
        })
    }

    /// Captures until told to stop.
    ///
    /// # Errors
    ///
    /// The interface failed or is gone.
    pub fn run(&mut self, outlet: &Outlet) -> Result<(), LiveError> {
        let Ok(mut batch) = outlet.empty() else {
            return Ok(());
        };
        loop {
            let drained = self.fill(&mut batch)?;
            batch = match outlet.hand_over(batch) {
                Ok(batch) => batch,
                Err(Gone) => return Ok(()),
            };
            self.count_drops(&outlet.counters);
            if outlet.is_stopped() {
                return Ok(());
            }
            if drained {
                self.wait()?;
            }
        }
    }

    /// Takes packets until the batch is full or there are none; whether there are none.
    fn fill(&mut self, batch: &mut Batch) -> Result<bool, LiveError> {
        while !batch.is_full() {
            match self.capture.next_packet() {
                Ok(packet) => {
                    let at = packet.header.ts;
                    let at = Timestamp::from_parts(at.tv_sec, at.tv_usec.saturating_mul(1000));
                    batch.frame(at, self.link, packet.header.len, packet.data);
                }
                Err(Error::TimeoutExpired) => return Ok(true),
                Err(error) => return Err(LiveError::Read(self.name.clone(), error.to_string())),
            }
        }
        Ok(false)
    }

    fn wait(&self) -> Result<(), LiveError> {
        let mut fds = [PollFd::new(self.capture.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, PollTimeout::from(GATHER)) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(error) => Err(LiveError::Read(self.name.clone(), error.to_string())),
        }
    }

    /// Adds what the kernel and the interface dropped since the last time; their counters wrap.
    fn count_drops(&mut self, counters: &Counters) {
        if let Ok(stat) = self.capture.stats() {
            let (kernel, interface) = (stat.dropped, stat.if_dropped);
            Counters::add(&counters.kernel_drops, kernel.wrapping_sub(self.seen.0).into());
            Counters::add(
                &counters.interface_drops,
                interface.wrapping_sub(self.seen.1).into(),
            );
            self.seen = (kernel, interface);
        }
    }
}

/// Interfaces number link types as their system does, files in one way for all (tcpdump.org/linktypes.html): they differ
/// for raw IP.
fn link_type(datalink: i32) -> LinkType {
    match datalink {
        12 | 14 => LinkType(101),
        other => LinkType(u16::try_from(other).unwrap_or(u16::MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_ip_is_numbered_as_in_files() {
        assert_eq!(link_type(1), LinkType(1));
        assert_eq!(link_type(12), LinkType(101));
    }

    #[test]
    fn an_interface_that_is_not_there_is_named() {
        let wish = Wish {
            interface: "no-such-one".to_owned(),
            filter: None,
            snaplen: 256,
            buffer: 1 << 20,
            promiscuous: false,
        };
        let error = Interface::open(&wish).unwrap_err().to_string();
        assert!(error.starts_with("cannot capture from no-such-one: "), "{error}");
    }
}
