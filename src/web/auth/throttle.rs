//! How often a log-in may fail: for each user and each address, so that neither guessing one password nor one password for
//! all users comes far.

use crate::model::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// Failures that are free.
const FREE: u32 = 5;
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(900);
/// Most names and addresses remembered; then the one that failed longest ago is forgotten.
const MOST: usize = 8192;

/// Log-ins that failed of late.
#[derive(Debug, Default)]
pub struct Throttle {
    failed: BTreeMap<String, (u32, Timestamp)>,
}

impl Throttle {
    /// How long `who` has to wait, if at all: from the sixth failure on twice as long each time, up to a quarter of an hour.
    pub fn wait(&self, who: &str, now: Timestamp) -> Option<Duration> {
        let (count, last) = self.failed.get(who)?;
        let pause = Duration::from_secs(1 << count.checked_sub(FREE)?.min(20)).min(LONGEST);
        let left = pause.checked_sub(now.since(*last))?;
        (!left.is_zero()).then_some(left)
    }

    /// Notes a failure.
    pub fn fail(&mut self, who: &str, now: Timestamp) {
        if self.failed.len() >= MOST && !self.failed.contains_key(who) {
            self.make_room(now);
        }
        let (count, last) = self.failed.entry(who.to_owned()).or_insert((0, now));
        // Old failures are forgiven.
        *count = if now.since(*last) > LONGEST * 2 {
            1
        } else {
            count.saturating_add(1)
        };
        *last = now;
    }

    /// Forgets the failures of who got in.
    pub fn succeed(&mut self, who: &str) {
        self.failed.remove(who);
    }

    fn make_room(&mut self, now: Timestamp) {
        self.failed.retain(|_, (_, last)| now.since(*last) <= LONGEST);
        let oldest = self.failed.iter().min_by_key(|(_, (_, last))| *last);
        if let Some(oldest) = oldest
            .map(|(who, _)| who.clone())
            .filter(|_| self.failed.len() >= MOST)
        {
            self.failed.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(1_700_000_000 + seconds)
    }

    #[test]
    fn after_five_failures_pauses_double_until_somebody_gets_in() {
        let mut throttle = Throttle::default();
        (0..4).for_each(|_| throttle.fail("kim", at(0)));
        assert_eq!(throttle.wait("kim", at(0)), None);
        throttle.fail("kim", at(0));
        assert_eq!(throttle.wait("kim", at(0)), Some(Duration::from_secs(1)));
        assert_eq!(throttle.wait("kim", at(1)), None);
        (0..60).for_each(|_| throttle.fail("kim", at(1)));
        assert_eq!(throttle.wait("kim", at(1)), Some(LONGEST));
        assert_eq!(throttle.wait("lee", at(1)), None);
        throttle.succeed("kim");
        assert_eq!(throttle.wait("kim", at(1)), None);
    }

    #[test]
    fn it_remembers_no_more_than_there_is_room_for() {
        let mut throttle = Throttle::default();
        for n in 0..MOST as i64 + 100 {
            throttle.fail(&n.to_string(), at(n / 100));
        }
        assert_eq!(throttle.failed.len(), MOST);
        assert!(!throttle.failed.contains_key("0"));
    }
}
