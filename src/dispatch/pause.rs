//! How long to wait before a message is tried again: exponential back-off with jitter, no more than a receiver can bear.

use crate::model::mix;
use std::time::Duration;

/// Before the second attempt.
const FIRST: Duration = Duration::from_secs(1);
/// Never longer, or a receiver that is back would be told late.
const LONGEST: Duration = Duration::from_secs(300);

/// The pause after so many `attempts`, at least what the receiver `asked` for: 1 s, 2 s, 4 s and so on to five minutes, a
/// fifth shorter or longer by chance, so that many senders do not come back together. The same message has the same chance.
pub fn pause(message: &str, attempts: u32, asked: Option<Duration>) -> Duration {
    let whole = FIRST
        .saturating_mul(1 << attempts.saturating_sub(1).min(16))
        .min(LONGEST);
    let seed = message
        .bytes()
        .fold(u64::from(attempts), |seed, octet| mix(seed ^ u64::from(octet)));
    let chance = (seed >> 11) as f64 / (1u64 << 53) as f64;
    let jittered = whole.mul_f64(0.8 + 0.4 * chance);
    asked.map_or(jittered, |asked| jittered.max(asked))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_five_minutes_and_never_fall_below_what_was_asked() {
        for (attempts, seconds) in [
            (1, 1.0),
            (2, 2.0),
            (5, 16.0),
            (9, 256.0),
            (10, 300.0),
            (1000, 300.0),
        ] {
            for message in ["a", "b", "c", "d"] {
                let pause = pause(message, attempts, None).as_secs_f64();
                assert!(
                    (seconds * 0.8..seconds * 1.2).contains(&pause),
                    "{attempts}: {pause}"
                );
            }
        }
        let asked = Duration::from_secs(30);
        assert_eq!(pause("a", 1, Some(asked)), asked);
        assert_ne!(pause("a", 3, None), pause("b", 3, None));
    }
}
