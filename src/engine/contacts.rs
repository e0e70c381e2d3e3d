//! When hosts of ours made contact with services outside: what a pace is found in. A Front passes on the times, no more
//! than a bounded number in a tick; the Judge remembers them.

use super::exporting;
use super::partial::Contact;
use crate::enrich::Origins;
use crate::filter::Filter;
use crate::model::{ConversationKey, Counters, Role, Timestamp};

/// Contacts of the present tick.
#[derive(Debug)]
pub(super) struct Contacts {
    told: Vec<Contact>,
    limit: usize,
    dropped: u64,
}

impl Contacts {
    /// At most `limit` a tick.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            told: Vec::new(),
            limit,
            dropped: 0,
        }
    }

    /// A flow of a conversation began at `at`; `filter` is the run's.
    #[inline]
    pub(super) fn tell(
        &mut self,
        key: &ConversationKey,
        at: Timestamp,
        origins: &Origins,
        filter: Option<&Filter>,
    ) {
        let leaves = key.role == Role::Request
            && origins.is_internal(key.src)
            && !origins.is_internal(key.dst)
            && !key.dst.is_group();
        let counts = |filter| exporting::passes(filter, key, &Counters::default(), origins);
        if !leaves || !filter.is_none_or(counts) {
            return;
        }
        if self.told.len() >= self.limit {
            self.dropped += 1;
            return;
        }
        self.told.push(Contact { key: *key, at });
    }

    /// Those of the tick that ends.
    pub(super) fn take(&mut self) -> Vec<Contact> {
        std::mem::take(&mut self.told)
    }

    /// Contacts beyond the limit.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(src: &str, dst: &str) -> ConversationKey {
        ConversationKey {
            src: src.parse().unwrap(),
            dst: dst.parse().unwrap(),
            port: 443,
            protocol: 6,
            role: Role::Request,
        }
    }

    #[test]
    fn only_contacts_that_leave_are_told_of_and_no_more_than_the_limit() {
        let (mut contacts, origins) = (Contacts::new(2), Origins::new(Default::default()));
        let at = Timestamp::from_secs(7);
        let leaves = key("10.0.0.1", "192.0.2.1");
        for key in [
            key("10.0.0.1", "10.0.0.2"),
            key("192.0.2.1", "10.0.0.1"),
            key("10.0.0.1", "224.0.0.251"),
            leaves,
            leaves.reversed(),
        ] {
            contacts.tell(&key, at, &origins, None);
        }
        assert_eq!(contacts.take(), [Contact { key: leaves, at }]);
        (0..5).for_each(|_| contacts.tell(&leaves, at, &origins, None));
        assert_eq!((contacts.take().len(), contacts.dropped()), (2, 3));
    }
}
