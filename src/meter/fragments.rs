//! Ports of later fragments: only the first fragment of a datagram carries them (RFC 791 section 3.2, RFC 8200 4.5).

use crate::model::{FlowKey, Ip, Timestamp};
use crate::wire::Fragment;
use hashbrown::HashMap;
use std::time::Duration;

/// What all fragments of one datagram share.
type Datagram = (Ip, Ip, u8, u32);

/// How long the ports of a first fragment are kept at least; reassembly time-outs are 30 to 60 s.
const KEEP: Duration = Duration::from_secs(30);

/// The ports of first fragments, in two generations so that forgetting costs nothing per entry.
#[derive(Debug)]
pub(super) struct Fragments {
    young: HashMap<Datagram, (u16, u16), foldhash::fast::FixedState>,
    old: HashMap<Datagram, (u16, u16), foldhash::fast::FixedState>,
    turned: Timestamp,
    limit: usize,
    /// First fragments forgotten early because the table was full.
    pub dropped: u64,
}

impl Fragments {
    /// A table of at most `limit` datagrams a generation.
    pub(super) fn new(limit: usize, seed: u64) -> Self {
        let state = foldhash::fast::FixedState::with_seed(seed);
        Self {
            young: HashMap::with_hasher(state.clone()),
            old: HashMap::with_hasher(state),
            turned: Timestamp::MIN,
            limit,
            dropped: 0,
        }
    }

    /// The key of a fragment with its ports filled in where the first fragment was seen before it.
    pub(super) fn resolve(&mut self, at: Timestamp, mut key: FlowKey, fragment: Fragment) -> FlowKey {
        match fragment {
            Fragment::None => {}
            Fragment::First { id } => self.learn(
                at,
                (key.src, key.dst, key.protocol, id),
                (key.src_port, key.dst_port),
            ),
            Fragment::Later { id } => {
                let datagram = (key.src, key.dst, key.protocol, id);
                let ports = self.young.get(&datagram).or_else(|| self.old.get(&datagram));
                (key.src_port, key.dst_port) = ports.copied().unwrap_or((0, 0));
            }
        }
        key
    }

    fn learn(&mut self, at: Timestamp, datagram: Datagram, ports: (u16, u16)) {
        if at.since(self.turned) >= KEEP {
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
            self.turned = at;
        }
        if self.young.len() >= self.limit {
            self.dropped += 1;
        } else {
            self.young.insert(datagram, ports);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(src_port: u16) -> FlowKey {
        FlowKey {
            src: Ip::v4(1),
            dst: Ip::v4(2),
            src_port,
            dst_port: src_port,
            protocol: FlowKey::UDP,
        }
    }

    #[test]
    fn later_fragments_get_the_ports_of_the_first_for_half_a_minute() {
        let mut table = Fragments::new(8, 1);
        let at = Timestamp::from_secs;
        table.resolve(at(0), key(53), Fragment::First { id: 7 });
        assert_eq!(
            table.resolve(at(1), key(0), Fragment::Later { id: 7 }).src_port,
            53
        );
        assert_eq!(
            table.resolve(at(1), key(0), Fragment::Later { id: 8 }).src_port,
            0
        );
        table.resolve(at(40), key(99), Fragment::First { id: 9 });
        assert_eq!(
            table.resolve(at(41), key(0), Fragment::Later { id: 7 }).src_port,
            53,
            "one generation back"
        );
        table.resolve(at(80), key(98), Fragment::First { id: 10 });
        assert_eq!(
            table.resolve(at(81), key(0), Fragment::Later { id: 7 }).src_port,
            0,
            "forgotten"
        );
    }

    #[test]
    fn a_full_table_counts_what_it_gives_up() {
        let mut table = Fragments::new(2, 1);
        for id in 0..5 {
            table.resolve(Timestamp::from_secs(0), key(1), Fragment::First { id });
        }
        assert_eq!(table.dropped, 3);
    }
}
