//! Which views a conversation belongs in, remembered: most filters ask only for what few conversations differ in.

use super::plan::View;
use crate::filter::Filter;
use crate::model::{Conversation, FlowKey, Role};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use std::collections::BTreeSet;

/// Views that can be remembered, as many as a word has bits; further ones are asked every time.
pub(super) const VIEWS: usize = 64;
/// Services remembered; beyond it everything is forgotten, which costs time and changes nothing.
const SERVICES: usize = 1 << 16;

/// Answers of filters by role, protocol, port and which ends are internal.
#[derive(Debug)]
pub(super) struct Memo {
    known: HashMap<u32, Answer, FixedState>,
    /// The part of each filter that asks for nothing else, and whether that is all of it.
    parts: Vec<(Filter, bool)>,
    /// Ports between two of these are alike for all filters, so that a scan of ports is of a few services only.
    bounds: Vec<u16>,
}

/// What filters say of a service, a bit for each view.
#[derive(Clone, Copy, Debug, Default)]
struct Answer {
    passing: u64,
    /// The filter asks for more than the service.
    unsure: u64,
}

impl Memo {
    /// For these views, in this order.
    pub(super) fn new(views: &[View], seed: u64) -> Self {
        let all = Filter::default();
        let filters = views
            .iter()
            .take(VIEWS)
            .map(|view| view.filter.as_ref().unwrap_or(&all));
        let parts: Vec<(Filter, bool)> = filters
            .map(|filter| (filter.about_services(), filter.is_about_services()))
            .collect();
        let bounds: BTreeSet<u16> = parts.iter().flat_map(|(part, _)| part.port_bounds()).collect();
        Self {
            known: HashMap::with_hasher(FixedState::with_seed(seed)),
            parts,
            bounds: bounds.into_iter().collect(),
        }
    }

    /// One bit for each of the first 64 views whose filter lets `row` through.
    #[inline]
    pub(super) fn passing(&mut self, views: &[View], row: &Conversation) -> u64 {
        let signature = self.signature(row);
        let Answer {
            mut passing,
            mut unsure,
        } = match self.known.get(&signature) {
            Some(answer) => *answer,
            None => self.learn(signature, row),
        };
        while unsure != 0 {
            let view = unsure.trailing_zeros();
            unsure &= unsure - 1;
            let passes = views.get(view as usize).is_some_and(|view| view.passes(row));
            passing |= u64::from(passes) << view;
        }
        passing
    }

    #[cold]
    fn learn(&mut self, signature: u32, row: &Conversation) -> Answer {
        if self.known.len() >= SERVICES {
            self.known.clear();
        }
        let mut answer = Answer::default();
        for (i, (part, whole)) in self.parts.iter().enumerate() {
            let bits = if *whole {
                &mut answer.passing
            } else {
                &mut answer.unsure
            };
            *bits |= u64::from(part.matches(row)) << i;
        }
        self.known.insert(signature, answer);
        answer
    }

    /// Everything a filter about services can see.
    #[inline]
    fn signature(&self, row: &Conversation) -> u32 {
        // Of ICMP the port is type and code, which filters ask for one by one.
        let port = match row.key.protocol {
            FlowKey::ICMP | FlowKey::ICMPV6 => row.key.port,
            _ => self.bounds.partition_point(|&bound| bound <= row.key.port) as u16,
        };
        u32::from(port) << 16
            | u32::from(row.key.protocol) << 8
            | u32::from(row.key.role == Role::Reply) << 2
            | u32::from(row.src_origin.internal) << 1
            | u32::from(row.dst_origin.internal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Config;
    use crate::engine::plan::Plan;
    use crate::engine::test_data::rule;
    use crate::model::{ConversationKey, Counters, Ip, Origin, Rule};

    #[test]
    fn what_is_remembered_is_what_the_filters_say() {
        let rule = |(i, filter): (usize, &str)| Rule {
            name: format!("r{i}"),
            filter: Some(filter.to_owned()),
            ..rule()
        };
        let filters = [
            "dst internal and request",
            "udp port 53",
            "port in [50-60 443] and not src as > 0 and dst internal",
            "not dst port 80",
            "icmp_type 8 and src internal",
            "src host 10.0.0.1",
            "src as > 0",
            "not tcp",
            "any",
        ];
        let rules = filters.into_iter().enumerate().map(rule).collect();
        let plan = Plan::new(&Config {
            rules,
            ..Config::default()
        })
        .unwrap();
        let mut memo = Memo::new(&plan.views, 3);
        for n in 0..512u32 {
            let bit = |i: u32| n >> i & 1 == 1;
            let origin = |internal, asn| Origin {
                internal,
                asn,
                ..Origin::default()
            };
            let row = Conversation {
                key: ConversationKey {
                    src: Ip::v4(0x0a00_0000 + (n & 1)),
                    dst: Ip::v4(7),
                    port: [53, 80, 61, 0x0800][(n >> 1 & 1 | n >> 6 & 2) as usize],
                    protocol: [6, 17, 1][(n >> 2 & 1 | n >> 7 & 2).min(2) as usize],
                    role: if bit(3) { Role::Reply } else { Role::Request },
                },
                src_origin: origin(bit(4), u32::from(bit(5))),
                dst_origin: origin(bit(6), 0),
                counters: Counters::default(),
            };
            let mask = memo.passing(&plan.views, &row);
            for (i, view) in plan.views.iter().enumerate() {
                assert_eq!(mask >> i & 1 == 1, view.passes(&row), "{view} of {row:?}");
            }
        }
    }
}
