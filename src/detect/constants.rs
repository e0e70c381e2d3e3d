//! Every frozen number of the detection model in one place, so that a change of the model is a change of this file.
//!
//! Section numbers are those of the detection model's description; rates are per interval unless said otherwise.

use std::time::Duration;

/// 4.1: bend of the variance-stabilising transform; Poisson noise below 1/a, logarithm above.
pub const BEND: f64 = 0.01;
/// 4.1: bytes are judged in units of this many, roughly a small packet.
pub const BYTES_UNIT: f64 = 100.0;
/// 4.1: added to the variance of a transformed count: the noise of counting is never below half a unit.
pub const VARIANCE_FLOOR: f64 = 0.25;
/// 4.1: a gauge is never believed to be steadier than this share of its expected value.
pub const GAUGE_FLOOR: f64 = 1e-4;

/// 4.2: residuals are clipped at this many scales before they teach.
pub const CLIP: f64 = 4.0;
/// 4.2: learning rate of the three levels.
pub const LEVEL_RATE: f64 = 0.15;
/// 4.2: learning rate of the base, the slow mean that profiles are relative to.
pub const BASE_RATE: f64 = 0.001;
/// 4.2: learning rate of an expert's mean absolute error.
pub const ERROR_RATE: f64 = 0.003;
/// 4.2: an expert without a record starts at this multiple of the next simpler one's error.
pub const UNSEEN_ERROR: f64 = 1.2;
/// 4.2: memory of a bin of the daily profile, in days.
pub const DAY_MEMORY: f64 = 5.0;
/// 4.2: memory of a bin of the weekly profile, in weeks.
pub const WEEK_MEMORY: f64 = 2.5;
/// 4.2: bins of the daily profile (half as many where an interval is longer than a bin).
pub const DAY_BINS: usize = 48;
/// 4.2: bins of the weekly profile, one an hour.
pub const WEEK_BINS: usize = 168;
/// 4.11: age in seconds at which a series gets a daily profile.
pub const DAY_PROFILE_AGE: f64 = 3_600.0;
/// 4.11: age in seconds at which a series gets a weekly profile.
pub const WEEK_PROFILE_AGE: f64 = 86_400.0;

/// 4.3: learning rate of the robust scale.
pub const SCALE_RATE: f64 = 0.002;
/// 4.3: learning rate of the volatility, the mean of squared residuals, unclipped.
pub const VOLATILITY_RATE: f64 = 0.05;
/// 4.3: learning rate of the slow copy of the scale.
pub const SLOW_SCALE_RATE: f64 = 0.0002;
/// 4.3: the scale never falls below this share of its slow copy.
pub const SLOW_SHARE: f64 = 0.3;
/// 4.3: a residual counts for the restlessness of its time of day with at most this many squared scales.
pub const RESTLESS_CAP: f64 = 100.0;
/// 4.3: how much of a day's restlessness is believed, at each time of day.
pub const RESTLESS_RATE: f64 = 0.25;
/// 4.3: of so many residuals in a bin of a day half is believed.
pub const RESTLESS_FEW: f64 = 6.0;
/// 4.3: squared scales that the restlessness of a time of day borrows from the mean.
pub const RESTLESS_SHRINK: f64 = 0.5;
/// 4.3: a time of day is never believed to be calmer than the mean by more than this, in variance.
pub const RESTLESS_LEAST: f64 = 1.0;
/// 4.3: nor more restless than this.
pub const RESTLESS_MOST: f64 = 20.0;
/// 4.3: three values whose bend is below this share of their size lie on a straight line: filled in, not measured.
pub const STRAIGHT: f64 = 1e-4;

/// 4.4: two-sided probability of an exceedance of the tail's threshold.
pub const ZETA: f64 = 0.015;
/// 4.4: bend of excesses, so that a heavy tail stays within an exponential one.
pub const XI: f64 = 0.3;
/// 4.4: where a tail's threshold starts, in scales.
pub const THRESHOLD_START: f64 = 2.5;
/// 4.4: a tail's threshold never falls below this, in scales.
pub const THRESHOLD_LEAST: f64 = 1.0;
/// 4.4: smallest step of the threshold's search.
pub const THRESHOLD_RATE: f64 = 0.02;
/// 4.4: half-life of the record of excesses, in exceedances.
pub const EXCESS_HALF_LIFE: f64 = 1000.0;
/// 4.4: one excess counts at most this many times the mean one. Counts and bytes hold rare events of another size,
/// downloads and batches, which their tails must come to know.
pub const EXCESS_CAP: f64 = 5.0;
/// 4.4: the same for gauges and for the slow part, where what is far out is an anomaly more often than a habit: a series
/// that has many keeps finding them.
pub const GAUGE_EXCESS_CAP: f64 = 2.5;
/// 4.4: exceedances on record from which on a series teaches the fleet's prior.
pub const FLEET_RECORD: f64 = 5.0;
/// 4.4: mean excesses are cut to these before they teach it.
pub const FLEET_MEANS: (f64, f64) = (0.02, 3.0);
/// 4.4: series of a class from which on its prior is fitted.
pub const FLEET_LEAST: f64 = 10.0;
/// 4.4: so many series the shipped prior is worth.
pub const FLEET_SHIPPED: f64 = 20.0;
/// 4.4: bounds of a fitted prior's exceedances.
pub const FLEET_A: (f64, f64) = (5.0, 40.0);
/// 4.4: non-empty intervals before a transformed series may be judged.
pub const WARM_UP: u32 = 20;

/// 4.5: a count below this mean is judged by the count model once it was above [`MEAN_HIGH`].
pub const MEAN_LOW: f64 = 3.0;
/// 4.5: a count above this mean is judged by the transform, which follows spells and heavy tails; the count model only
/// knows bursts.
pub const MEAN_HIGH: f64 = 5.0;
/// 4.5: forgetting of the count model's mean.
pub const COUNT_RATE: f64 = 1.0 / 5000.0;
/// 4.5: the count model's prior mean per interval.
pub const PRIOR_MEAN: f64 = 0.5;
/// 4.5: how many intervals the prior mean is worth. Few: a gamma prior of shape 1, hardly an opinion.
pub const PRIOR_INTERVALS: f64 = 2.0;
/// 4.5: prior overdispersion, variance = mean + od mean^2.
pub const PRIOR_DISPERSION: f64 = 0.1;
/// 4.5: weight of the prior overdispersion, in squared expected counts.
pub const PRIOR_DISPERSION_WEIGHT: f64 = 2.0;
/// 4.5: counts that an hour's factor borrows from the all-day mean.
pub const HOUR_SHRINK: f64 = 5.0;
/// 4.5: memory of an hour's factor, in seconds spent in that hour: ten days.
pub const HOUR_MEMORY: f64 = 36_000.0;
/// 4.5: counts seen before hours of the day are told apart.
pub const HOUR_COUNTS: f64 = 30.0;
/// 4.5: probability of an exceedance of the count model's recalibration threshold.
pub const COUNT_ZETA: f64 = 0.03;
/// 4.5: prior record of the count model's recalibration, exceedances.
pub const COUNT_TAIL_A: f64 = 4.0;
/// 4.5: prior record of the count model's recalibration, sum of excesses.
pub const COUNT_TAIL_B: f64 = 4.0;
/// 4.5: prior record of silences, how many and what they summed up to.
pub const SILENCE_PRIOR: f64 = 6.0;
/// 4.5: forgetting of the share of empty intervals.
pub const EMPTY_RATE: f64 = 0.002;
/// 4.5: above this share of empty intervals bytes are judged where there are any, and only there.
pub const SPARSE: f64 = 0.5;
/// 4.5: the share of non-empty intervals is believed no smaller than this.
pub const PRESENCE_LEAST: f64 = 0.01;

/// 4.6: smoothing of the slow part, the distance from base and season.
pub const SLOW_PART_RATE: f64 = 0.3;
/// 4.6: learning rate of the slow part's robust scale.
pub const SLOW_PART_SCALE_RATE: f64 = 0.002;
/// 4.6: the slow part's scale is never believed below this share of that of single intervals.
pub const SLOW_PART_SHARE: f64 = 0.3;
/// 4.6: length of a block whose extremes are judged, in seconds; longer intervals are blocks of their own.
pub const BLOCK: f64 = 3_600.0;
/// 4.6: blocks before the slow part is judged.
pub const BLOCK_WARM_UP: u16 = 12;
/// 4.6: two-sided probability of an exceedance of the block tail's threshold.
pub const BLOCK_ZETA: f64 = 0.2;
/// 4.6: bend of the block tail's excesses.
pub const BLOCK_XI: f64 = 0.3;
/// 4.6: the block tail's threshold never falls below this, in scales of the slow part.
pub const BLOCK_THRESHOLD_LEAST: f64 = 0.5;
/// 4.6: smallest step of the block threshold's search.
pub const BLOCK_THRESHOLD_RATE: f64 = 0.03;
/// 4.6: half-life of the block tail's record, in exceedances.
pub const BLOCK_HALF_LIFE: f64 = 200.0;

/// 4.7: factors of a rise that the sequential test mixes.
pub const RISE_FACTORS: [f64; 6] = [1.3, 1.6, 2.0, 3.0, 5.0, 10.0];
/// 4.7: factors of the sequential test for falls.
pub const FALL_FACTORS: [f64; 3] = [0.7, 0.5, 0.2];
/// 4.7: one interval's log likelihood ratio is cut to plus or minus this.
pub const RATIO_CAP: f64 = 8.0;
/// 4.7: the mean is frozen while the evidence (as a ratio) is above this. Far above 1: evidence of ten to one comes by
/// chance every few intervals, and a mean that skips those is too low and breeds more of them.
pub const FREEZE_ABOVE: f64 = 1000.0;

/// 4.7: standard errors by which a learned mean is raised before it is tested against.
pub const MEAN_CAUTION: f64 = 1.5;

/// 4.8: share of the false-alarm budget for single intervals, transform and count model together.
pub const SHARE_POINT: f64 = 0.5;
/// 4.8: share for the base channel.
pub const SHARE_BASE: f64 = 0.15;
/// 4.8: share for sequential tests of counts.
pub const SHARE_SEQUENTIAL: f64 = 0.1;
/// 4.8: share for scans, which are sequential tests of contacts. To halve it costs half a contact, where elsewhere it
/// costs several times the volume.
pub const SHARE_SCAN: f64 = 0.05;
/// 4.8: share for entities never seen before.
pub const SHARE_NEWCOMER: f64 = 0.1;
/// 4.8: share for services that hosts never offered before.
pub const SHARE_SERVICE: f64 = 0.05;
/// 4.8: share for patterns over single events: beacons, tunnels.
pub const SHARE_PATTERN: f64 = 0.05;

/// 4.9: how much of the tail's record survives a new normal.
pub const NEW_NORMAL_KEEPS: f64 = 0.5;

/// 4.10: chance that a benign source's first contact succeeds, before anything is known of the network.
pub const THETA_BENIGN: f64 = 0.8;
/// 4.10: chance that a scanner's first contact succeeds.
pub const THETA_SCANNER: f64 = 0.2;
/// 4.10: how many contacts [`THETA_BENIGN`] is worth.
pub const THETA_WEIGHT: f64 = 1000.0;
/// 4.10: the network's own estimate is kept within these.
pub const THETA_RANGE: (f64, f64) = (0.5, 0.9);
/// 4.10: one source teaches the network's estimate at most this many contacts a tick.
pub const THETA_CONTACTS: u32 = 10;
/// 4.10: memory of the network's estimate, in contacts.
pub const THETA_MEMORY: f64 = 100_000.0;
/// 4.10: a source whose probability ratio falls to this is held benign; its test restarts.
pub const SCAN_BENIGN: f64 = 0.01;

/// 4.10: gaps remembered of one host's contacts with one service.
pub const BEACON_GAPS: usize = 48;
/// 4.10: gaps before a pace is judged.
pub const BEACON_LEAST: usize = 8;
/// 4.10: contacts nearer than this are one beat.
pub const BEACON_SAME: Duration = Duration::from_secs(1);
/// 4.10: steps of a remembered gap to a factor of e.
pub const BEACON_STEPS: f64 = 3000.0;
/// 4.10: no pace is believed to be steadier than this share of itself.
pub const BEACON_STEADIEST: f64 = 1e-3;
/// 4.10: gaps at least so much more alike than by chance (-ln of its probability) go on with a pace.
pub const BEACON_KEPT: f64 = 3.0;
/// 4.10: a pace must have been kept for so long to be a beacon's.
pub const BEACON_SPAN: Duration = Duration::from_secs(600);

/// 4.10: names that carry data are at least this long on average, their domain not counted.
pub const TUNNEL_LENGTH: f64 = 20.0;
/// 4.10: and have at least so many bits to a character; English has four, a single repeated one none.
pub const TUNNEL_ENTROPY: f64 = 3.0;
/// 4.10: octets of news an interval below which no host's own past is remembered.
pub const TUNNEL_LITTLE: f64 = 100.0;

/// 4.10: hosts that begin to offer something, before anything is known of the network: so many in so many days.
pub const SERVICE_PRIOR: (f64, f64) = (0.5, 14.0);
/// 4.10: days for which it is remembered which hosts did.
pub const SERVICE_MEMORY: f64 = 30.0;

/// 4.10: newcomers seen before newcomers are judged.
pub const NEWCOMER_WARM_UP: u32 = 20;
/// 4.10: forgetting of the newcomers' mean and spread.
pub const NEWCOMER_RATE: f64 = 0.005;
/// 4.10: newcomers are never believed to differ less than this, in logarithms.
pub const NEWCOMER_SPREAD: f64 = 0.3;

/// The edges of the usual band lie where an interval would be one in this many.
pub const BAND_ODDS: f64 = 1000.0;
/// The same for a mean of many, which is nearly normal: standard deviations that one in a thousand lies beyond.
pub const BAND_SIGMAS: f64 = 3.09;
/// Largest measurement taken at face value; keeps squares within single precision.
pub const LARGEST: f64 = 1e15;
