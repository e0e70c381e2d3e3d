//! Who keeps Flow Records: the engine itself looks at them once and forgets them.

use crate::model::{FlowRecord, Timestamp};
use std::fmt;

/// Takes every Flow Record that counts, as the engine comes by it.
///
/// Each packet and octet is told of once, so that the records can be taken in again: of a flow metered here each
/// direction is a record of its own, without a reverse, cut at the active time-out; a record that somebody else made is
/// handed on as it came. Where addresses belong is not filled in.
///
/// ```
/// use tidemark::engine::Keep;
/// use tidemark::model::{FlowRecord, Timestamp};
///
/// #[derive(Debug, Default)]
/// struct Octets(u64);
///
/// impl Keep for Octets {
///     fn keep(&mut self, record: &FlowRecord, _received: Timestamp) {
///         self.0 += record.bytes;
///     }
/// }
/// ```
pub trait Keep: fmt::Debug + Send {
    /// A record, and when it was told of: when its message arrived, or in event time when metering gave it out.
    fn keep(&mut self, record: &FlowRecord, received: Timestamp);

    /// Event time has come to `at`, whether anything came or not.
    fn advance(&mut self, _at: Timestamp) {}
}

/// The way to who keeps records, for the length of one call.
pub(super) type Keeping<'a> = Option<&'a mut (dyn Keep + 'static)>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::Scenario;
    use crate::engine::test_data::feed;
    use crate::engine::{Config, Engine, ExporterRule};
    use crate::enrich::Origins;
    use crate::model::{ExportMessage, Ip, Transport};
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    /// Records and when they were told of.
    #[derive(Clone, Debug, Default)]
    struct Shelf(Arc<Mutex<Vec<(FlowRecord, Timestamp)>>>);

    impl Keep for Shelf {
        fn keep(&mut self, record: &FlowRecord, received: Timestamp) {
            self.0.lock().unwrap().push((record.clone(), received));
        }
    }

    impl Shelf {
        fn sorted(&self) -> Vec<(FlowRecord, Timestamp)> {
            let mut all = self.0.lock().unwrap().clone();
            all.sort_by_key(|(record, received)| (*received, record.key, record.start));
            all
        }
    }

    fn metered(fronts: usize) -> (Vec<(FlowRecord, Timestamp)>, Engine) {
        let shelf = Shelf::default();
        let mut engine = Engine::new(Config::default(), Arc::new(Origins::default()), fronts).unwrap();
        engine.keep_with(Some(Box::new(shelf.clone())));
        feed(&mut engine, Scenario::SynFlood, 10, 0..0);
        (shelf.sorted(), engine)
    }

    #[test]
    fn every_metered_packet_is_in_one_kept_record() {
        let (kept, engine) = metered(1);
        let stats = engine.front_stats().meter;
        assert_eq!(kept.len() as u64, stats.records);
        assert_eq!(kept.iter().map(|(r, _)| r.packets).sum::<u64>(), stats.packets);
        assert_eq!(kept.iter().map(|(r, _)| r.bytes).sum::<u64>(), stats.bytes);
        let active = Duration::from_secs(61);
        assert!(kept.iter().all(|(record, received)| record.reverse.is_none()
            && record.end <= *received
            && record.end.since(record.start) <= active));
    }

    #[test]
    fn the_same_records_are_kept_over_any_number_of_fronts() {
        assert_eq!(metered(1).0, metered(3).0);
    }

    #[test]
    fn what_was_kept_can_be_taken_in_again() {
        let (mut kept, metered) = metered(1);
        kept.sort_by_key(|(_, received)| *received);
        for fronts in [1, 3] {
            let (shelf, config) = (Shelf::default(), Config::default());
            let mut engine = Engine::new(config, Arc::new(Origins::default()), fronts).unwrap();
            engine.keep_with(Some(Box::new(shelf.clone())));
            for (record, received) in &kept {
                engine.take(record, *received);
            }
            engine.finish();
            let (stats, meter) = (engine.front_stats().export, metered.front_stats().meter);
            assert_eq!((stats.packets, stats.bytes), (meter.packets, meter.bytes));
            assert_eq!((stats.taken, stats.late_records), (kept.len() as u64, 0));
            let mut again = shelf.0.lock().unwrap().clone();
            again.sort_by_key(|(_, received)| *received);
            assert_eq!(again.len(), kept.len());
        }
    }

    #[test]
    fn records_that_lasted_long_are_waited_for_as_long_as_is_configured() {
        let late = |patience: u64| {
            let config = Config {
                patience: Duration::from_secs(patience),
                ..Config::default()
            };
            let mut engine = Engine::new(config, Arc::new(Origins::default()), 1).unwrap();
            let (mut kept, _) = metered(1);
            let record = &mut kept[0].0;
            let begin = record.start;
            engine.take(record, begin);
            record.end = begin + Duration::from_secs(500);
            engine.take(record, record.end);
            engine.finish();
            engine.front_stats().export.late_records
        };
        assert_eq!((late(0), late(600)), (1, 0));
    }

    /// A NetFlow v5 message of one record, of 700 octets.
    fn netflow(at: i64) -> Vec<u8> {
        let mut octets = vec![0, 5, 0, 1, 0, 0, 0x27, 0x10];
        octets.extend((at as u32).to_be_bytes());
        octets.extend([0; 12]);
        octets.extend([10, 0, 0, 1, 10, 0, 0, 2, 0, 0, 0, 0, 0, 1, 0, 2]);
        octets.extend([0, 0, 0, 7, 0, 0, 2, 0xbc, 0, 0, 0x23, 0x28, 0, 0, 0x27, 0x10]);
        octets.extend([0, 80, 0x30, 0x39, 0, 0x1b, 6, 0, 0, 0, 0, 0, 24, 24, 0, 0]);
        octets
    }

    #[test]
    fn exported_records_are_kept_with_their_arrival_unless_they_do_not_count() {
        let uncounted = ExporterRule {
            address: "192.0.2.2/32".parse().unwrap(),
            name: String::new(),
            counts: false,
            interfaces: None,
            direction: None,
        };
        let config = Config {
            exporters: vec![uncounted],
            ..Config::default()
        };
        let shelf = Shelf::default();
        let mut engine = Engine::new(config, Arc::new(Origins::default()), 1).unwrap();
        engine.keep_with(Some(Box::new(shelf.clone())));
        for exporter in [1, 2] {
            engine.collect(&ExportMessage {
                at: Timestamp::from_secs(1_772_438_400),
                exporter: Ip::v4(0xc000_0200 + exporter),
                source_port: 1,
                collector_port: 2055,
                transport: Transport::Udp,
                octets: &netflow(1_772_438_400),
            });
        }
        let kept = shelf.sorted();
        assert_eq!(kept.len(), 1, "{kept:?}");
        let (record, received) = &kept[0];
        assert_eq!((record.bytes, record.packets), (700, 7));
        assert_eq!(*received, Timestamp::from_secs(1_772_438_400));
        assert!(engine.keep_with(None).is_some() && engine.keep_with(None).is_none());
    }
}
