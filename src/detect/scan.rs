//! Scans: the threshold random walk over the first contacts of a source (4.10; Jung et al., IEEE S&P 2004).

use super::constants as c;
use serde::{Deserialize, Serialize};

/// Chances that a first contact succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Theta {
    /// Of a benign source, 0.5 to 0.9.
    pub benign: f64,
    /// Of a scanner, below that.
    pub scanner: f64,
}

impl Default for Theta {
    /// 0.8 and 0.2, the values of the paper.
    fn default() -> Self {
        Self {
            benign: c::THETA_BENIGN,
            scanner: c::THETA_SCANNER,
        }
    }
}

/// A network's own chance that a benign source's first contact succeeds, shrunk to [`c::THETA_BENIGN`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ThetaEstimate {
    failures: f64,
    successes: f64,
}

impl ThetaEstimate {
    /// Takes in one source's new contacts of one tick; `before` is what its walk said without them. A source counts for
    /// at most ten contacts a tick, and only as far as it had shown itself benign before: neither a scanner nor very
    /// many that fail once can teach the network that failure is usual, and because what counts is settled beforehand,
    /// it leans towards neither outcome.
    pub fn learn(&mut self, failures: u32, successes: u32, before: f64) {
        let total = f64::from(failures) + f64::from(successes);
        // By how much benign is likelier than scanner: nothing where either is as likely.
        let benign = (-before / 2.0).tanh().max(0.0);
        let counted = benign * total.min(f64::from(c::THETA_CONTACTS));
        if counted <= 0.0 {
            return;
        }
        let keep = (-counted / c::THETA_MEMORY).exp();
        self.failures = self.failures * keep + counted * f64::from(failures) / total;
        self.successes = self.successes * keep + counted * f64::from(successes) / total;
    }

    /// The chances to test with.
    pub fn theta(&self) -> Theta {
        let known = self.failures + self.successes;
        let benign = (self.successes + c::THETA_WEIGHT * c::THETA_BENIGN) / (known + c::THETA_WEIGHT);
        Theta {
            benign: benign.clamp(c::THETA_RANGE.0, c::THETA_RANGE.1),
            scanner: c::THETA_SCANNER,
        }
    }
}

/// The walk of one source: 4 octets.
///
/// ```
/// use tidemark::detect::{ScanWalk, Theta};
/// let mut walk = ScanWalk::new();
/// assert!(walk.update(8, 0, Theta::default()) < 1e5_f64.ln());
/// assert!(walk.update(1, 0, Theta::default()) >= 1e5_f64.ln()); // nine failures: one in 100,000
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScanWalk {
    /// ln of scanner's over benign's likelihood.
    walk: f32,
}

impl ScanWalk {
    /// Of a source without contacts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in the distinct first contacts of a tick, `failures` and `successes` of them, and returns the logarithm
    /// of the likelihood ratio, which says scan at ln(1/alpha). Order within a tick is not known and plays no part.
    ///
    /// At ln(0.01) the source is held benign and its test starts anew: a host that turns scanner after a thousand
    /// good contacts is found as fast as a new one.
    pub fn update(&mut self, failures: u32, successes: u32, theta: Theta) -> f64 {
        let benign = theta.benign.clamp(0.01, 0.99);
        let scanner = theta.scanner.clamp(0.001, benign);
        let failure = ((1.0 - scanner) / (1.0 - benign)).ln();
        let success = (scanner / benign).ln();
        let walk = f64::from(self.walk) + f64::from(failures) * failure + f64::from(successes) * success;
        self.walk = if walk <= c::SCAN_BENIGN.ln() {
            0.0
        } else {
            walk.min(1e9) as f32
        };
        self.score()
    }

    /// The logarithm of the likelihood ratio so far.
    pub fn score(&self) -> f64 {
        f64::from(self.walk)
    }

    /// Starts anew, after an alarm.
    pub fn reset(&mut self) {
        self.walk = 0.0;
    }
}

#[cfg(test)]
mod tests {
    use super::super::simulate::Rng;
    use super::*;

    #[test]
    fn net_failures_needed_are_four_nine_and_fourteen() {
        for (alpha, want) in [(1e-2_f64, 4), (1e-5, 9), (1e-8, 14)] {
            let mut walk = ScanWalk::new();
            let needed = (1..100).find(|_| walk.update(1, 0, Theta::default()) >= -alpha.ln());
            assert_eq!(needed, Some(want), "alpha {alpha}");
        }
    }

    /// Contacts of one source, each failing with chance `failing`, until it is called a scanner or 200 are over.
    fn contacts(rng: &mut Rng, failing: f64, alpha: f64) -> Option<usize> {
        let mut walk = ScanWalk::new();
        (1..=200).find(|_| {
            let failed = u32::from(rng.uniform() < failing);
            walk.update(failed, 1 - failed, Theta::default()) >= -alpha.ln()
        })
    }

    #[test]
    fn nineteen_scans_in_twenty_are_decided_within_25_contacts_at_one_in_a_hundred_thousand() {
        let mut rng = Rng::new(5);
        let mut needed: Vec<_> = (0..2000)
            .map(|_| contacts(&mut rng, 0.8, 1e-5).unwrap_or(999))
            .collect();
        needed.sort_unstable();
        assert!(needed[1000].abs_diff(13) <= 1, "median {}", needed[1000]);
        assert!(needed[1899] <= 25, "95 % {}", needed[1899]);
    }

    #[test]
    fn benign_sources_are_accused_no_more_often_than_promised() {
        let mut rng = Rng::new(6);
        let (mut accused, mut decided) = (0, 0);
        let mut walk = ScanWalk::new();
        while decided < 60_000 {
            let failed = u32::from(rng.uniform() < 0.2);
            let score = walk.update(failed, 1 - failed, Theta::default());
            if score >= 1e3_f64.ln() {
                accused += 1;
                walk.reset();
            }
            decided += u32::from(score == 0.0);
        }
        assert!(accused <= 60 + 16, "{accused} of {decided}, promised 1 in 1000");
    }

    #[test]
    fn a_network_where_much_fails_needs_more_failures() {
        let mut estimate = ThetaEstimate::default();
        for _ in 0..5000 {
            estimate.learn(5, 5, -3.0);
        }
        let theta = estimate.theta();
        assert!((0.5..0.52).contains(&theta.benign), "{theta:?}");
        let mut walk = ScanWalk::new();
        assert!(walk.update(9, 0, theta) < 1e5_f64.ln());
    }

    #[test]
    fn a_scanner_cannot_teach_the_network_that_failure_is_usual() {
        let mut estimate = ThetaEstimate::default();
        estimate.learn(1_000_000, 0, -4.0);
        estimate.learn(1_000_000, 0, 0.0);
        assert!(estimate.theta().benign > 0.79);
    }

    /// What a network learns of `sources` that make up to `most` contacts each, of which `works` succeed, among
    /// `noise` times as many that try one or two things in vain; and how many of the sources were accused.
    fn learned(noise: u32, works: f64, most: u64, sources: u32) -> (f64, u32) {
        let mut rng = Rng::new(8);
        let (mut estimate, mut accused) = (ThetaEstimate::default(), 0);
        let mut turn = |works: f64, contacts: u64| {
            let mut walk = ScanWalk::new();
            let found = (0..contacts).any(|_| {
                let (failed, before) = (u32::from(rng.uniform() >= works), walk.score());
                let score = walk.update(failed, 1 - failed, estimate.theta());
                let found = score >= 1e3_f64.ln();
                if !found {
                    estimate.learn(failed, 1 - failed, before);
                }
                found
            });
            u32::from(found)
        };
        for n in 0..sources {
            accused += turn(works, 1 + u64::from(n) % most);
            (0..noise).for_each(|n| _ = turn(0.0, 1 + u64::from(n) % 2));
        }
        (estimate.theta().benign, accused)
    }

    #[test]
    fn very_many_who_fail_once_do_not_teach_that_failure_is_usual() {
        let (benign, _) = learned(6, 0.85, 20, 3000);
        assert!((0.83..0.87).contains(&benign), "{benign}");
    }

    #[test]
    fn where_half_of_what_is_benign_fails_that_is_learned_and_nobody_accused_beyond_the_promise() {
        let (benign, accused) = learned(0, 0.5, 20, 10_000);
        assert!((0.5..0.53).contains(&benign), "{benign}");
        assert!(accused <= 10 + 10, "{accused} of 10,000, promised 1 in 1000");
    }

    #[test]
    fn the_walk_fits_in_sixteen_octets() {
        assert!(size_of::<ScanWalk>() <= 16);
    }
}
