//! The way down a frame: one loop in which each header says what follows it, with a budget that bounds nesting.

use super::cursor::Cursor;
use super::fault::{Layer, Undecoded};
use super::{Decap, Fragment, Packet, ethernet, ip, link, mpls, ppp, transport, tunnel, wifi};
use crate::model::FlowKey;

/// How many headers a frame may have. Real ones stay below 12; more is an attack on the decoder.
const MAX_HEADERS: u8 = 32;

/// What kind of header comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Ethernet,
    /// What an EtherType field says; 802.3 lengths included.
    EtherType(u16),
    Vlan,
    Backbone,
    FabricPath,
    CiscoMetadata,
    Llc,
    LinuxCooked,
    LinuxCooked2,
    /// Loopback with the address family in the byte order of the capturing host, or in network order.
    Loopback,
    CiscoHdlc,
    /// PPP that may begin with HDLC address and control, or may be Cisco HDLC.
    PppHdlc,
    Ppp,
    Pppoe,
    Mpls,
    Wifi,
    Radiotap,
    /// IP of the version that its first four bits name.
    Ip,
    Ipv4,
    Ipv6,
}

/// A header's answer: what follows, and where.
pub(super) type Step<'a> = Result<(Next, Cursor<'a>), Undecoded>;

/// State of one walk.
pub(super) struct Walk {
    original_length: u32,
    decap: Decap,
    vlan: u16,
    headers_left: u8,
}

impl Walk {
    #[inline]
    pub fn new(original_length: u32, decap: Decap) -> Self {
        Self {
            original_length,
            decap,
            vlan: 0,
            headers_left: MAX_HEADERS,
        }
    }

    /// Walks from `next` at `at` down to an IP packet.
    #[inline]
    pub fn run<'a>(&mut self, next: Next, at: Cursor<'a>) -> Result<Packet<'a>, Undecoded> {
        let (next, at) = match next {
            // Nearly every frame: straight through, without the loop.
            Next::Ethernet => match ethernet::header(at)? {
                (Next::EtherType(ethernet::IPV4), at) => (Next::Ipv4, at),
                step => step,
            },
            _ => (next, at),
        };
        match next {
            Next::Ipv4 => self.packet(ip::v4(at, self.original_length)?),
            _ => self.descend(next, at),
        }
    }

    /// Walks from `next` at `at` down to the outermost IP header.
    #[inline(never)]
    pub fn header<'a>(&mut self, next: Next, at: Cursor<'a>) -> Result<ip::Header<'a>, Undecoded> {
        self.outermost(next, at)
    }

    #[inline(never)]
    fn descend<'a>(&mut self, next: Next, at: Cursor<'a>) -> Result<Packet<'a>, Undecoded> {
        let header = self.outermost(next, at)?;
        self.packet(header)
    }

    /// The loop itself. Inlined so that a packet is made of the header in place.
    #[inline(always)]
    fn outermost<'a>(&mut self, mut next: Next, mut at: Cursor<'a>) -> Result<ip::Header<'a>, Undecoded> {
        loop {
            self.spend(at)?;
            (next, at) = match next {
                Next::Ipv4 => return ip::v4(at, self.original_length),
                Next::Ipv6 => return ip::v6(at, self.original_length),
                Next::Ip => ip::by_version(at)?,
                Next::Ethernet => ethernet::header(at)?,
                Next::EtherType(number) => ethernet::ethertype(number, at)?,
                Next::Vlan => self.vlan_tag(at)?,
                Next::Backbone => ethernet::backbone(at)?,
                Next::FabricPath => ethernet::fabric_path(at)?,
                Next::CiscoMetadata => ethernet::cisco_metadata(at)?,
                Next::Llc => ethernet::llc(at)?,
                Next::LinuxCooked => link::linux_cooked(at)?,
                Next::LinuxCooked2 => link::linux_cooked2(at)?,
                Next::Loopback => link::loopback(at)?,
                Next::CiscoHdlc => ppp::cisco_hdlc(at)?,
                Next::PppHdlc => ppp::hdlc(at)?,
                Next::Ppp => ppp::ppp(at)?,
                Next::Pppoe => ppp::pppoe(at)?,
                Next::Mpls => mpls::stack(at)?,
                Next::Wifi => wifi::frame(at)?,
                Next::Radiotap => wifi::radiotap(at)?,
            };
        }
    }

    fn spend(&mut self, at: Cursor<'_>) -> Result<(), Undecoded> {
        match self.headers_left.checked_sub(1) {
            Some(left) => {
                self.headers_left = left;
                Ok(())
            }
            None => Err(Undecoded::Malformed {
                layer: Layer::Ethernet,
                offset: at.offset(),
                what: "more than 32 headers are nested",
            }),
        }
    }

    fn vlan_tag<'a>(&mut self, at: Cursor<'a>) -> Step<'a> {
        let (vid, next, at) = ethernet::vlan(at)?;
        if self.vlan == 0 {
            self.vlan = vid;
        }
        Ok((next, at))
    }

    /// An IP header makes a packet, or is the outside of a tunnel. Inlined so that the packet is built in place.
    #[inline(always)]
    fn packet<'a>(&mut self, header: ip::Header<'a>) -> Result<Packet<'a>, Undecoded> {
        let later = matches!(header.fragment, Fragment::Later { .. });
        let transport = transport::read(header.protocol, header.body, later);
        let outer = Packet {
            key: FlowKey {
                src: header.src,
                dst: header.dst,
                src_port: transport.src_port,
                dst_port: transport.dst_port,
                protocol: header.protocol,
            },
            bytes: header.bytes,
            tcp_flags: transport.tcp_flags,
            fragment: header.fragment,
            vlan: self.vlan,
            payload: transport.payload,
        };
        if self.decap == Decap::default() || later {
            return Ok(outer);
        }
        Ok(self.inside(&header, outer.key.dst_port).unwrap_or(outer))
    }

    #[inline(never)]
    fn inside<'a>(&mut self, header: &ip::Header<'a>, dst_port: u16) -> Option<Packet<'a>> {
        let (next, at) = tunnel::inside(self.decap, header, dst_port)?;
        // An inner length of 0 has no frame of its own to ask: `original_length` still counts from the frame's start.
        self.descend(next, at).ok()
    }
}
