//! Beacons: whether contacts come at too regular a pace to be left to chance (4.10; Greenwood 1946).
//!
//! Greenwood's statistic of n gaps is G = sum g^2 / (sum g)^2; it is 1/n when all are the same. Where contacts come by
//! chance (exponential gaps), the gaps divided by their sum are uniform on a simplex of n - 1 dimensions, and
//! G <= 1/n + r^2 says that they lie within r of its centre. So P(G <= 1/n + r^2) is at most the share of the simplex
//! that a ball of radius r takes, and exactly that share while the ball lies inside, for r^2 <= 1/(n (n - 1)):
//!
//! p <= pi^((n-1)/2) / gamma((n+1)/2) r^(n-1) gamma(n) / sqrt(n)
//!
//! No table is needed and no promise is broken anywhere; the bound gives away power only where the pace is so loose that it
//! hardly is one. Traffic that comes in bursts, as most does, is further from a pace than chance.

use super::constants as c;
use crate::model::Timestamp;
use serde::{Deserialize, Serialize};
use statrs::function::gamma::ln_gamma;
use std::time::Duration;

/// The newest contacts of one host with one service: at most [`c::BEACON_GAPS`] gaps of two octets each.
///
/// ```
/// use tidemark::detect::Beats;
/// use tidemark::model::Timestamp;
/// let mut beats = Beats::new(Timestamp::from_secs(0));
/// (1..=12).for_each(|n| _ = beats.beat(Timestamp::from_secs(60 * n + n % 3)));
/// let rhythm = beats.rhythm().unwrap();
/// assert_eq!(rhythm.period.as_secs(), 60);
/// assert!(rhythm.score > 1e6_f64.ln());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Beats {
    first: Timestamp,
    last: Timestamp,
    /// Logarithms of gaps; a ring once it is full.
    gaps: Vec<u16>,
    /// Where the oldest gap is.
    oldest: u8,
    /// Since when the gaps kept have been alike without a break; longer ago than the oldest of them where they are short.
    kept: Option<Timestamp>,
}

/// What is to be said of a pace.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rhythm {
    /// -ln of the probability that contacts by chance are as regular, or more.
    pub score: f64,
    /// The median gap, missed beats made up for.
    pub period: Duration,
    /// Standard deviation of the gaps as a share of the period.
    pub jitter: f64,
    /// Gaps looked at.
    pub gaps: usize,
    /// Beats that are missing between others.
    pub missed: u32,
}

impl Beats {
    /// The first contact.
    pub fn new(at: Timestamp) -> Self {
        Self {
            first: at,
            last: at,
            gaps: Vec::new(),
            oldest: 0,
            kept: None,
        }
    }

    /// Takes in a contact; whether it tells of a gap. What comes within [`c::BEACON_SAME`] of the last one is the same
    /// beat, and what is older than it comes too late.
    pub fn beat(&mut self, at: Timestamp) -> bool {
        let gap = at.since(self.last);
        if at <= self.last || gap < c::BEACON_SAME {
            return false;
        }
        self.last = at;
        let code = code(gap);
        if self.gaps.len() < c::BEACON_GAPS {
            self.gaps.push(code);
        } else if let Some(oldest) = self.gaps.get_mut(usize::from(self.oldest)) {
            *oldest = code;
            self.oldest = (self.oldest + 1) % c::BEACON_GAPS as u8;
        }
        true
    }

    /// When the first contact was.
    pub fn first(&self) -> Timestamp {
        self.first
    }

    /// When the newest contact was.
    pub fn last(&self) -> Timestamp {
        self.last
    }

    /// How regular the contacts are after one that told of a gap, and for how long they have been: see [`Beats::rhythm`]
    /// and [`Beats::kept_for`].
    pub fn follow(&mut self) -> Option<Rhythm> {
        let rhythm = self.rhythm()?;
        let alike = rhythm.score >= c::BEACON_KEPT;
        let gaps = self.gaps.iter().map(|&code| seconds(code)).sum::<f64>();
        let oldest = self.last - Duration::from_secs_f64(gaps);
        self.kept = alike.then(|| self.kept.unwrap_or(oldest));
        Some(rhythm)
    }

    /// How long the gaps have been alike without a break, as far as they were [followed](Beats::follow).
    pub fn kept_for(&self) -> Duration {
        self.kept.map_or(Duration::ZERO, |since| {
            Duration::from_nanos(u64::try_from(self.last.since(since).as_nanos()).unwrap_or(u64::MAX))
        })
    }

    /// How regular the contacts are; none while there are fewer than [`c::BEACON_LEAST`] gaps.
    pub fn rhythm(&self) -> Option<Rhythm> {
        if self.gaps.len() < c::BEACON_LEAST {
            return None;
        }
        let mut gaps: Vec<f64> = self.gaps.iter().map(|&code| seconds(code)).collect();
        gaps.sort_by(f64::total_cmp);
        let (score, missed) = score(&gaps);
        let folded = fold(&gaps);
        let n = gaps.len() as f64;
        let period = folded.iter().map(|(gap, _)| gap).sum::<f64>() / n;
        let variance = folded.iter().map(|(gap, _)| (gap - period).powi(2)).sum::<f64>() / n;
        Some(Rhythm {
            score,
            period: Duration::from_secs_f64(period),
            jitter: variance.sqrt() / period,
            gaps: gaps.len(),
            missed,
        })
    }

    /// Octets it takes.
    pub fn memory(&self) -> usize {
        size_of::<Self>() + 2 * self.gaps.capacity()
    }
}

/// A gap as the logarithm of its milliseconds: 65535 steps of a third of a thousandth, up to a month.
fn code(gap: Duration) -> u16 {
    let steps = c::BEACON_STEPS * (gap.as_secs_f64() * 1e3).max(1.0).ln();
    steps.round().min(f64::from(u16::MAX)) as u16
}

fn seconds(code: u16) -> f64 {
    (f64::from(code) / c::BEACON_STEPS).exp() / 1e3
}

/// Gaps with how many beats of the median each spans: one, or two or three where beats were missed between.
fn fold(sorted: &[f64]) -> Vec<(f64, f64)> {
    let median = sorted.get(sorted.len() / 2).copied().unwrap_or(1.0).max(1e-3);
    let spans = |gap: f64| {
        let beats = (gap / median).round();
        if (2.0..=3.0).contains(&beats) { beats } else { 1.0 }
    };
    sorted.iter().map(|&gap| (gap / spans(gap), spans(gap))).collect()
}

/// The score of sorted gaps, and how many beats are missed where making up for them makes the pace more improbable.
fn score(sorted: &[f64]) -> (f64, u32) {
    let plain = -ln_share(&mut sorted.iter().copied());
    let folded = fold(sorted);
    let made_up = -ln_share(&mut folded.iter().map(|(gap, _)| *gap)) - price(&folded);
    let missed: f64 = folded.iter().map(|(_, beats)| beats - 1.0).sum();
    // Two tests of the same gaps: each has half of the probability.
    let best = plain.max(made_up) - 2f64.ln();
    let missed = if made_up > plain { missed as u32 } else { 0 };
    (best.max(0.0), missed)
}

/// ln of the share of the simplex in the ball around its centre that the gaps lie on; at most 0.
fn ln_share(gaps: &mut dyn Iterator<Item = f64>) -> f64 {
    let (mut n, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for gap in gaps {
        n += 1.0;
        sum += gap;
        squares += gap * gap;
    }
    if n < 2.0 || sum <= 0.0 {
        return 0.0;
    }
    // No clock is believed to be steadier than this: gaps are rounded.
    let radius2 = (squares / (sum * sum) - 1.0 / n).max(c::BEACON_STEADIEST.powi(2) / n);
    let k = n - 1.0;
    let ball = k / 2.0 * std::f64::consts::PI.ln() - ln_gamma(k / 2.0 + 1.0) + k / 2.0 * radius2.ln();
    (ball + ln_gamma(n) - n.ln() / 2.0).min(0.0)
}

/// What it costs to choose which gaps to fold, as ln of the number of choices that would have been taken alike.
///
/// Gaps of which some are divided by k are exponential of rate k where contacts come by chance, so their share of the ball
/// is at most that of equal rates times the product of all k over the n-th power of their mean; and every set of as many
/// gaps could have been the folded one. The number of folded gaps is a choice too, paid for as 1/(m+1)^2.
fn price(folded: &[(f64, f64)]) -> f64 {
    let n = folded.len() as f64;
    let count = |beats: f64| folded.iter().filter(|(_, b)| *b == beats).count() as f64;
    let (two, three) = (count(2.0), count(3.0));
    let sets =
        ln_gamma(n + 1.0) - ln_gamma(two + 1.0) - ln_gamma(three + 1.0) - ln_gamma(n - two - three + 1.0);
    let mean = (n + two + 2.0 * three) / n;
    let rates = two * 2f64.ln() + three * 3f64.ln() - n * mean.ln();
    (sets + rates + 2.0 * (two + 1.0).ln() + 2.0 * (three + 1.0).ln()).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::super::simulate::Rng;
    use super::*;

    /// Gaps of contacts that come by chance.
    fn by_chance(rng: &mut Rng, n: usize) -> Vec<f64> {
        let mut gaps: Vec<f64> = (0..n).map(|_| -rng.uniform().ln()).collect();
        gaps.sort_by(f64::total_cmp);
        gaps
    }

    /// How often contacts by chance reach a score in so many trials.
    fn alarms(seed: u64, n: usize, trials: u32, score_of: f64) -> u32 {
        let mut rng = Rng::new(seed);
        (0..trials).fold(0, |sum, _| {
            sum + u32::from(score(&by_chance(&mut rng, n)).0 >= score_of)
        })
    }

    #[test]
    fn contacts_by_chance_are_called_beacons_no_more_often_than_promised() {
        for n in [8, 12, 24, 48] {
            for (odds, trials) in [(1e2_f64, 20_000), (1e4, 60_000)] {
                let found = alarms(n as u64, n, trials, odds.ln());
                let promised = f64::from(trials) / odds;
                let most = promised + 4.0 * promised.sqrt();
                assert!(f64::from(found) <= most, "{n} gaps, one in {odds}: {found}");
            }
        }
    }

    #[test]
    fn without_folding_the_promise_is_exact_where_the_ball_lies_inside() {
        // Four gaps: the ball lies inside up to p = pi / gamma(2.5) / 12^1.5 * 6 / 2, about 0.302.
        let mut rng = Rng::new(3);
        for share in [0.3, 0.1, 0.01] {
            let within = |gaps: Vec<f64>| ln_share(&mut gaps.into_iter()) <= f64::ln(share);
            let found = (0..40_000).filter(|_| within(by_chance(&mut rng, 4))).count();
            let want = 40_000.0 * share;
            assert!(
                (found as f64 - want).abs() < 4.0 * want.sqrt(),
                "{share}: {found}"
            );
        }
    }

    /// The share of beacons found at one in a million: `n` gaps of 60 s, each off by up to `jitter` of it, and each beat lost
    /// with chance `lost`.
    fn found(n: usize, jitter: f64, lost: f64) -> f64 {
        let mut rng = Rng::new(7);
        let trials = 400;
        let mut hits = 0;
        for _ in 0..trials {
            let mut beats = Beats::new(Timestamp::from_secs(0));
            let mut now = 0.0;
            while beats.gaps.len() < n {
                now += 60.0 * (1.0 + jitter * (2.0 * rng.uniform() - 1.0));
                if rng.uniform() >= lost {
                    beats.beat(Timestamp::from_nanos((now * 1e9) as i64));
                }
            }
            hits += u32::from(beats.rhythm().unwrap().score >= 1e6_f64.ln());
        }
        f64::from(hits) / f64::from(trials)
    }

    #[test]
    fn beacons_are_found_by_as_many_gaps_as_the_model_says() {
        for (n, jitter, lost, least) in [
            (8, 0.1, 0.0, 0.99),
            (12, 0.3, 0.0, 0.95),
            (24, 0.5, 0.0, 0.99),
            (24, 0.3, 0.1, 0.7),
            (48, 0.3, 0.1, 0.96),
        ] {
            let share = found(n, jitter, lost);
            assert!(share >= least, "{n} gaps, {jitter} off, {lost} lost: {share}");
        }
    }

    #[test]
    fn a_pace_is_told_with_its_missed_beats() {
        let mut beats = Beats::new(Timestamp::from_secs(0));
        for n in (1..30).filter(|n| n % 7 != 0) {
            beats.beat(Timestamp::from_secs(300 * n));
        }
        let rhythm = beats.rhythm().unwrap();
        assert_eq!((rhythm.period.as_secs_f64().round(), rhythm.missed), (300.0, 4));
        assert!(rhythm.jitter < 0.01);
    }

    #[test]
    fn a_fast_pace_is_known_for_as_long_as_it_was_kept_and_no_longer() {
        let mut beats = Beats::new(Timestamp::from_secs(0));
        let mut now = 0;
        let mut go = |beats: &mut Beats, gap: i64, n: i64| {
            for _ in 0..n {
                now += gap;
                beats.beat(Timestamp::from_secs(now));
                beats.follow();
            }
            beats.kept_for().as_secs()
        };
        // Gaps are rounded by some ten thousandths.
        let calm = go(&mut beats, 60, 30);
        assert!((1795..=1805).contains(&calm), "{calm}");
        let chatter = go(&mut beats, 1, 60);
        assert!((46..=62).contains(&chatter), "chatter after calm: {chatter}");
        let long = go(&mut beats, 1, 600);
        assert!((645..=662).contains(&long), "{long}");
    }

    #[test]
    fn what_is_too_few_too_near_or_too_late_tells_nothing() {
        let mut beats = Beats::new(Timestamp::from_secs(100));
        assert!(
            !beats.beat(Timestamp::from_nanos(100_500_000_000)),
            "the same beat"
        );
        assert!(!beats.beat(Timestamp::from_secs(40)), "too late");
        assert!((1..=7).all(|n| beats.beat(Timestamp::from_secs(100 + 60 * n))));
        assert_eq!(beats.rhythm(), None);
    }

    #[test]
    fn only_the_newest_gaps_count_and_take_little_room() {
        let mut beats = Beats::new(Timestamp::from_secs(0));
        let mut now = 0;
        for n in 0..200 {
            now += if n < 100 { 1 + (n * n * 37) % 900 } else { 60 };
            beats.beat(Timestamp::from_secs(now));
        }
        assert!(beats.rhythm().unwrap().jitter < 0.01);
        assert!(beats.memory() <= 200, "{}", beats.memory());
    }
}
