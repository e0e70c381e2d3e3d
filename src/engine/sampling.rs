//! How much of a deviation sampling alone explains.
//!
//! Where one packet in N is looked at, the number k of packets looked at is Poisson about its mean however even the
//! traffic is (for one in N at random; one in N counted off is less random, RFC 5475 section 5). The relative error of
//! a count is 1/sqrt(k) (Duffield, Lund, Thorup 2003, "Properties and prediction of flow statistics from sampled packet
//! streams"), of octets that times sqrt(1 + cv^2) with cv the spread of packet sizes against their mean.

use crate::detect::Class;
use crate::model::Counters;

/// From one packet in more than so many on, what is not seen says nothing (DETECTION 4.10).
const COARSE: u64 = 100;

/// cv^2 of the sizes of packets: half of them small, half of them full gives about one.
const SIZES: f64 = 1.0;

/// Whether so few packets are looked at that not to be seen means nothing.
pub(super) fn is_coarse(counters: &Counters) -> bool {
    counters.packets > COARSE * u64::from(counters.sampled) && counters.sampled > 0
}

/// Packets looked at that tell as much as `value`, each of which stands for `per_sample`.
fn packets(class: Class, value: f64, per_sample: f64) -> f64 {
    let evenness = if class == Class::Bytes { 1.0 + SIZES } else { 1.0 };
    value / (per_sample * evenness)
}

/// The relative standard deviation that sampling gives a value of which `expected` is expected; one packet is the
/// least that can be known.
pub(super) fn noise(class: Class, expected: f64, per_sample: f64) -> f64 {
    1.0 / packets(class, expected, per_sample).max(1.0).sqrt()
}

/// The highest score of a rise: -ln of the probability that sampling alone makes `value` of `expected` (Chernoff's
/// bound for the Poisson distribution). Without sampling there is none.
pub(super) fn most(class: Class, value: f64, expected: f64, per_sample: f64) -> f64 {
    if per_sample <= 0.0 {
        return f64::INFINITY;
    }
    let observed = packets(class, value, per_sample);
    let mean = packets(class, expected, per_sample).max(1.0);
    if observed <= mean {
        return 0.0;
    }
    observed * (observed / mean).ln() - (observed - mean)
}

/// The same of a dip.
pub(super) fn most_below(class: Class, value: f64, expected: f64, per_sample: f64) -> f64 {
    if per_sample <= 0.0 {
        return f64::INFINITY;
    }
    let observed = packets(class, value, per_sample);
    let mean = packets(class, expected, per_sample);
    if observed >= mean {
        return 0.0;
    }
    let met = if observed > 0.0 {
        observed * (observed / mean).ln()
    } else {
        0.0
    };
    mean - observed + met
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_of_a_hundred_packets_is_a_tenth_and_of_their_octets_more() {
        assert!((noise(Class::Count, 100_000.0, 1000.0) - 0.1).abs() < 1e-12);
        let octets = noise(Class::Bytes, 70_000_000.0, 700_000.0);
        assert!((octets - 0.1 * 2f64.sqrt()).abs() < 1e-12);
        assert_eq!(noise(Class::Count, 0.0, 1000.0), 1.0);
    }

    #[test]
    fn silence_where_three_packets_are_looked_at_proves_little() {
        assert!((most_below(Class::Count, 0.0, 3000.0, 1000.0) - 3.0).abs() < 1e-12);
        assert!(most_below(Class::Count, 5000.0, 60_000.0, 1000.0) > 40.0);
        assert_eq!(most_below(Class::Count, 5.0, 5.0, 1.0), 0.0);
    }

    #[test]
    fn a_packet_or_two_prove_nothing_and_a_flood_does() {
        let score = |packets: f64| most(Class::Count, packets * 1000.0, 0.0, 1000.0);
        assert!(score(1.0) == 0.0 && score(2.0) < 1.0 && score(5.0) < 5.0);
        assert!(score(100.0) > 300.0);
        assert_eq!(most(Class::Count, 1e6, 0.0, 0.0), f64::INFINITY);
    }

    /// -ln P(X >= k) for a Poisson X, summed.
    fn tail(mean: f64, k: u32) -> f64 {
        let mut term = (-mean).exp();
        let mut below = 0.0;
        for i in 0..k {
            below += term;
            term *= mean / f64::from(i + 1);
        }
        -(1.0 - below).ln()
    }

    #[test]
    fn no_score_is_higher_than_what_chance_alone_would_earn() {
        for (mean, k) in [(1.0, 4), (3.0, 9), (10.0, 22), (20.0, 40)] {
            let (bound, exact) = (most(Class::Count, f64::from(k), mean, 1.0), tail(mean, k));
            assert!(
                bound <= exact && bound > 0.5 * exact,
                "{mean} {k}: {bound}, {exact}"
            );
        }
    }
}
