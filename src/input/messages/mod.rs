//! Messages of flow export out of captured frames: whole datagrams, datagrams put together of fragments, and IPFIX
//! messages out of TCP streams.
//!
//! Frames go in one by one, messages come out in between. What is kept to put things together is bounded, and what was
//! given up for that is counted. Decoding messages is not done here.

mod fragments;
mod likely;
mod streams;

pub use likely::{Tally, is_likely};

use crate::model::{ExportMessage, FlowKey, Ip, RawPacket, Transport};
use crate::wire::Undecoded;
use crate::wire::carried::{Carried, carried, tcp, udp};
use fragments::Fragments;
use streams::{Stream, Streams};

/// Ports that collectors listen on: NetFlow (2055, 9995, 9996), IPFIX (RFC 7011 section 10.1.1), sFlow. What comes to
/// them is meant as export, whatever it is.
const PORTS: [u16; 5] = [2055, 4739, 6343, 9995, 9996];

/// What was found in the frames so far. Counters only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Messages handed out.
    pub messages: u64,
    /// UDP datagrams that are no export.
    pub other_datagrams: u64,
    /// Fragmented datagrams that stayed incomplete, or contradicted themselves.
    pub fragments_given_up: u64,
    /// Times a TCP stream of messages could not be followed further: octets are missing, or it is no longer IPFIX.
    pub streams_broken: u64,
}

/// Takes frames, gives messages.
#[derive(Debug, Default)]
pub struct Messages {
    fragments: Fragments,
    streams: Streams,
    found: Found,
}

impl Messages {
    /// Hands the messages that `frame` completes to `take`.
    ///
    /// # Errors
    ///
    /// The frame carries no IP, or cannot be decoded.
    pub fn frame(
        &mut self,
        frame: &RawPacket<'_>,
        mut take: impl FnMut(&ExportMessage<'_>),
    ) -> Result<(), Undecoded> {
        let carried = carried(frame.link, frame.octets, frame.original_length)?;
        match carried.protocol {
            FlowKey::UDP if carried.piece.is_none() => {
                self.datagram(frame, &carried, carried.body, &mut take)
            }
            FlowKey::UDP => {
                if let Some(body) = self.fragments.add(frame.at, &carried) {
                    self.datagram(frame, &carried, &body, &mut take);
                }
            }
            FlowKey::TCP if carried.piece.is_none() => self.segment(frame, &carried, &mut take),
            _ => {}
        }
        Ok(())
    }

    /// What was found so far.
    pub fn found(&self) -> Found {
        Found {
            fragments_given_up: self.fragments.given_up,
            streams_broken: self.streams.broken,
            ..self.found
        }
    }

    fn datagram(
        &mut self,
        frame: &RawPacket<'_>,
        carried: &Carried<'_>,
        body: &[u8],
        take: &mut impl FnMut(&ExportMessage<'_>),
    ) {
        let Some(datagram) = udp(body) else {
            self.found.other_datagrams += 1;
            return;
        };
        let meant = PORTS.contains(&datagram.dst_port) && !datagram.payload.is_empty();
        if !meant && !is_likely(datagram.payload, datagram.length) {
            self.found.other_datagrams += 1;
            return;
        }
        self.found.messages += 1;
        take(&ExportMessage {
            at: frame.at,
            exporter: carried.src,
            source_port: datagram.src_port,
            collector_port: datagram.dst_port,
            transport: Transport::Udp,
            octets: datagram.payload,
        });
    }

    fn segment(
        &mut self,
        frame: &RawPacket<'_>,
        carried: &Carried<'_>,
        take: &mut impl FnMut(&ExportMessage<'_>),
    ) {
        let Some(segment) = tcp(carried.body) else { return };
        let stream = Stream {
            src: carried.src,
            dst: carried.dst,
            src_port: segment.src_port,
            dst_port: segment.dst_port,
        };
        let found = &mut self.found;
        self.streams.segment(stream, &segment, |octets| {
            found.messages += 1;
            take(&ExportMessage {
                at: frame.at,
                exporter: stream.src,
                source_port: stream.src_port,
                collector_port: stream.dst_port,
                transport: Transport::Tcp,
                octets,
            });
        });
    }
}

/// One datagram under way: source, destination, identification.
type Datagram = (Ip, Ip, u32);

#[cfg(test)]
mod tests;
