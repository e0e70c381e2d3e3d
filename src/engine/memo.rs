//! Which views a conversation belongs in, remembered: most filters ask only for what few conversations differ in.

use super::plan::View;
use crate::model::{Conversation, Role};
use foldhash::fast::FixedState;
use hashbrown::HashMap;

/// Views that can be remembered; further ones are asked every time.
const VIEWS: usize = 64;
/// Services remembered; beyond it everything is forgotten, which costs time and changes nothing.
const SERVICES: usize = 1 << 16;

/// Answers of filters by role, protocol, port and which ends are internal.
#[derive(Debug)]
pub(super) struct Memo {
    known: HashMap<u32, u64, FixedState>,
    /// Views whose filter asks for nothing else.
    simple: u64,
}

impl Memo {
    /// For these views, in this order.
    pub(super) fn new(views: &[View], seed: u64) -> Self {
        let simple = |view: &View| {
            view.filter
                .as_ref()
                .is_none_or(crate::filter::Filter::is_about_services)
        };
        let bits = views
            .iter()
            .take(VIEWS)
            .enumerate()
            .filter(|(_, view)| simple(view));
        Self {
            known: HashMap::with_hasher(FixedState::with_seed(seed)),
            simple: bits.map(|(i, _)| 1 << i).fold(0, |all, bit| all | bit),
        }
    }

    /// One bit for each of the first 64 views whose filter lets `row` through.
    #[inline]
    pub(super) fn passing(&mut self, views: &[View], row: &Conversation) -> u64 {
        let signature = signature(row);
        let simple = match self.known.get(&signature) {
            Some(&mask) => mask,
            None => self.learn(signature, views, row),
        };
        let rest = views
            .iter()
            .take(VIEWS)
            .enumerate()
            .filter(|(i, _)| self.simple >> i & 1 == 0);
        rest.filter(|(_, view)| view.passes(row))
            .fold(simple, |mask, (i, _)| mask | 1 << i)
    }

    #[cold]
    fn learn(&mut self, signature: u32, views: &[View], row: &Conversation) -> u64 {
        if self.known.len() >= SERVICES {
            self.known.clear();
        }
        let views = views.iter().take(VIEWS).enumerate();
        let passing = views.filter(|(i, view)| self.simple >> i & 1 == 1 && view.passes(row));
        let mask = passing.fold(0, |mask, (i, _)| mask | 1 << i);
        self.known.insert(signature, mask);
        mask
    }

    /// Whether a view passes, from what [`Memo::passing`] said.
    #[inline]
    pub(super) fn passes(mask: u64, i: usize, view: &View, row: &Conversation) -> bool {
        if i < VIEWS {
            mask >> i & 1 == 1
        } else {
            view.passes(row)
        }
    }
}

/// Everything a filter about services can see.
fn signature(row: &Conversation) -> u32 {
    u32::from(row.key.port) << 16
        | u32::from(row.key.protocol) << 8
        | u32::from(row.key.role == Role::Reply) << 2
        | u32::from(row.src_origin.internal) << 1
        | u32::from(row.dst_origin.internal)
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
                    port: if bit(1) { 53 } else { 80 },
                    protocol: if bit(2) { 6 } else { 17 },
                    role: if bit(3) { Role::Reply } else { Role::Request },
                },
                src_origin: origin(bit(4), u32::from(bit(5))),
                dst_origin: origin(bit(6), 0),
                counters: Counters::default(),
            };
            let mask = memo.passing(&plan.views, &row);
            for (i, view) in plan.views.iter().enumerate() {
                assert_eq!(
                    Memo::passes(mask, i, view, &row),
                    view.passes(&row),
                    "{view} of {row:?}"
                );
            }
        }
    }
}
