//! What a file of nfcapd says of those who exported: their addresses, and how many packets one of theirs stands for.

use super::super::super::order::Order;
use crate::model::Ip;
use std::collections::BTreeMap;

/// Samplers remembered of one exporter.
const SAMPLERS: usize = 64;
/// `sa_family` of an IPv4 address; those of IPv6 differ between systems.
const AF_INET: u16 = 2;

/// Numbers of samplers that are no selectorId (302): what the collector was told, stronger and weaker than what exporters
/// say, and what holds for all of an exporter.
const OVERWRITE: i64 = -3;
const DEFAULT: i64 = -2;
const GENERIC: i64 = -1;

/// One exporter.
#[derive(Clone, Debug, Default)]
pub(super) struct Exporter {
    /// Its address, where it was told.
    pub(super) ip: Option<Ip>,
    /// Observation Domain.
    pub(super) domain: u32,
    /// Which selectorId takes one in how many packets.
    samplers: Vec<(i64, u32)>,
}

impl Exporter {
    /// One in how many packets; what nfcapd multiplied by, in its order of precedence.
    pub(super) fn rate(&self, selector: Option<u64>) -> Option<u32> {
        let of = |id: i64| self.samplers.iter().find(|(known, _)| *known == id).map(|s| s.1);
        let own = i64::try_from(selector.unwrap_or(0)).ok();
        of(OVERWRITE)
            .or_else(|| of(own?))
            .or_else(|| of(GENERIC))
            .or_else(|| of(DEFAULT))
    }
}

/// All exporters of a file, by the number it gives them; at most as many as there are numbers of 16 bits.
#[derive(Debug, Default)]
pub(super) struct Exporters(BTreeMap<u16, Exporter>);

impl Exporters {
    pub(super) fn get(&self, id: u16) -> Option<&Exporter> {
        self.0.get(&id)
    }

    /// Version, address, family, number, domain.
    pub(super) fn learn_exporter(&mut self, octets: &[u8], order: Order) {
        let ip = match order.u16(octets, 24) {
            AF_INET => Ip::v4(order.u32(octets, 20)),
            // Versions after 1.7.5 write it in network order.
            0 => octets
                .get(8..24)
                .and_then(|o| o.first_chunk())
                .map_or(Ip::v4(0), |o| Ip::from_v6_octets(*o)),
            _ => wide(octets, 8, order),
        };
        let exporter = self.0.entry(order.u16(octets, 26)).or_default();
        exporter.ip = Some(ip).filter(|ip| ip.bits() != 0 && *ip != Ip::v4(0));
        exporter.domain = order.u32(octets, 28);
    }

    /// Number of the exporter, algorithm, selectorId, samplingPacketInterval (305) and samplingPacketSpace (306).
    pub(super) fn learn_sampler(&mut self, octets: &[u8], order: Order) {
        let (taken, left) = (order.u32(octets, 16), order.u32(octets, 20));
        let every = (u64::from(taken) + u64::from(left)) / u64::from(taken.max(1));
        self.sampler(order.u16(octets, 4), order.u64(octets, 8) as i64, every);
    }

    /// selectorId of 32 bits, interval, algorithm, number of the exporter.
    pub(super) fn learn_old_sampler(&mut self, octets: &[u8], order: Order) {
        let id = i64::from(order.u32(octets, 4) as i32);
        self.sampler(order.u16(octets, 14), id, u64::from(order.u32(octets, 8)));
    }

    fn sampler(&mut self, exporter: u16, id: i64, every: u64) {
        let every = u32::try_from(every).unwrap_or(u32::MAX).max(1);
        let samplers = &mut self.0.entry(exporter).or_default().samplers;
        if let Some(known) = samplers.iter_mut().find(|(known, _)| *known == id) {
            known.1 = every;
        } else if samplers.len() < SAMPLERS {
            samplers.push((id, every));
        }
    }
}

/// An address of 128 bits, which is written as two numbers of 64, the upper first.
pub(super) fn wide(octets: &[u8], at: usize, order: Order) -> Ip {
    let (upper, lower) = (order.u64(octets, at), order.u64(octets, at + 8));
    Ip::from_bits(u128::from(upper) << 64 | u128::from(lower))
}
