//! The one mixing of bits behind every hash that must be the same in every process.

/// SplitMix64's finaliser (Steele, Lea, Flood 2014): every bit of the result depends on every bit of `z`; 0 stays 0.
#[inline]
pub const fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// One step of SplitMix64: [`mix`] after an addition, so that small and equal numbers come out apart, 0 too.
#[inline]
pub const fn mix_step(x: u64) -> u64 {
    mix(x.wrapping_add(0x9e37_79b9_7f4a_7c15))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_steps_are_those_of_the_published_generator() {
        // From the state 0, as in the reference implementation (Vigna 2015).
        assert_eq!(mix_step(0), 0xe220_a839_7b1d_cdaf);
        assert_eq!(mix_step(0x9e37_79b9_7f4a_7c15), 0x6e78_9e6a_a1b9_65f4);
        assert_eq!(mix(0), 0);
    }
}
