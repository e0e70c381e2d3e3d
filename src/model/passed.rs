//! How a Flow Record is spread over time: live intervals and queries of stored records must agree to the octet.

/// How much of an amount has passed by `instant`, when it came evenly from `start` to `end`: in proportion to time,
/// rounded down, so that consecutive differences add up to the whole exactly.
///
/// The three times are of one unit, `start` is not after `end`. What has no length comes at `start`: it has passed at
/// every later instant.
///
/// ```
/// use tidemark::model::passed;
/// assert_eq!([100, 130, 160, 170].map(|at| passed(600, 100, 160, at)), [0, 300, 600, 600]);
/// ```
#[inline]
pub fn passed(amount: u64, start: i64, end: i64, instant: i64) -> u64 {
    if instant > end {
        return amount;
    }
    if instant <= start {
        return 0;
    }
    let gone = (i128::from(instant) - i128::from(start)) as u128;
    let length = (i128::from(end) - i128::from(start)).max(1) as u128;
    (u128::from(amount) * gone / length) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn parts_add_up_to_the_whole_wherever_it_is_cut(
            amount: u64,
            start in -1_000_000i64..1_000_000,
            length in 0i64..1_000_000,
            mut cuts in prop::collection::vec(-2_000_000i64..3_000_000, 0..9),
        ) {
            cuts.sort_unstable();
            let end = start + length;
            let instants = [&[i64::MIN][..], &cuts, &[i64::MAX]].concat();
            let parts = instants.windows(2).map(|pair| {
                passed(amount, start, end, pair[1]) - passed(amount, start, end, pair[0])
            });
            prop_assert_eq!(parts.map(u128::from).sum::<u128>(), u128::from(amount));
        }
    }

    #[test]
    fn what_has_no_length_comes_at_its_start() {
        assert_eq!([9, 10, 11].map(|at| passed(5, 10, 10, at)), [0, 0, 5]);
    }
}
