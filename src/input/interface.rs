//! Interfaces of a pcapng section: link type, snap length and what a tick of their timestamps is worth.

use super::order::Order;
use crate::model::{LinkType, Timestamp};

/// Options of the Interface Description Block (draft-ietf-opsawg-pcapng section 4.2).
const END_OF_OPTIONS: u16 = 0;
const IF_TSRESOL: u16 = 9;
const IF_TSOFFSET: u16 = 14;

/// One interface of a section.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interface {
    pub(super) link: LinkType,
    /// Most octets captured of a frame; 0 for no limit.
    pub(super) snap: u32,
    clock: Clock,
}

impl Interface {
    /// Reads the body of an Interface Description Block.
    ///
    /// # Errors
    /// In words; an option that cannot be read may be the one that says what time means.
    pub(super) fn read(order: Order, body: &[u8]) -> Result<Self, String> {
        if body.len() < 8 {
            return Err(format!("its {} octets are too few", body.len()));
        }
        let mut ticks = Ticks::decimal(6);
        let mut seconds = 0;
        let mut rest = body.get(8..).unwrap_or_default();
        while let Some((code, value, after)) = option(order, rest)? {
            match (code, value) {
                (IF_TSRESOL, &[resolution]) => ticks = Ticks::read(resolution),
                (IF_TSOFFSET, value) if value.len() == 8 => seconds = order.u64(value, 0) as i64,
                (IF_TSRESOL | IF_TSOFFSET, _) => {
                    return Err(format!("its option {code} has {} octets", value.len()));
                }
                _ => {}
            }
            rest = after;
        }
        Ok(Self {
            link: LinkType(order.u16(body, 0)),
            snap: order.u32(body, 4),
            clock: Clock {
                ticks,
                offset: seconds.saturating_mul(1_000_000_000),
            },
        })
    }

    /// The instant `ticks` after the interface's origin of time; saturates.
    #[inline]
    pub(super) fn time(&self, ticks: u64) -> Timestamp {
        Timestamp::from_nanos(self.clock.ticks.nanos(ticks).saturating_add(self.clock.offset))
    }
}

/// Code, value and what follows the next option; `None` after the last.
type Parts<'a> = (u16, &'a [u8], &'a [u8]);

fn option(order: Order, octets: &[u8]) -> Result<Option<Parts<'_>>, String> {
    let Some((head, rest)) = octets.split_first_chunk::<4>() else {
        return Ok(None);
    };
    let (code, length) = (order.u16(head, 0), usize::from(order.u16(head, 2)));
    if code == END_OF_OPTIONS {
        return Ok(None);
    }
    let Some((value, rest)) = rest.split_at_checked(length) else {
        return Err(format!(
            "its option {code} of {length} octets is longer than the block"
        ));
    };
    let padding = length.next_multiple_of(4) - length;
    Ok(Some((code, value, rest.get(padding..).unwrap_or_default())))
}

/// Ticks since 1970 plus an offset.
#[derive(Clone, Copy, Debug)]
struct Clock {
    ticks: Ticks,
    /// Nanoseconds.
    offset: i64,
}

/// What one tick is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ticks {
    /// So many nanoseconds.
    Long(u64),
    /// So many of them make a nanosecond.
    Short(u64),
    /// Two to this power of them make a second.
    Binary(u32),
}

impl Ticks {
    /// if_tsresol: a negative power of 10, or of 2 when the highest bit is set.
    fn read(resolution: u8) -> Self {
        let power = u32::from(resolution & 0x7f);
        if resolution & 0x80 == 0 {
            Self::decimal(power)
        } else {
            Self::Binary(power)
        }
    }

    fn decimal(power: u32) -> Self {
        if power <= 9 {
            return Self::Long(10u64.pow(9 - power));
        }
        // Beyond 10^19 to a nanosecond, 64 bits of ticks are less than one.
        Self::Short(10u64.checked_pow(power - 9).unwrap_or(u64::MAX))
    }

    #[inline]
    fn nanos(self, ticks: u64) -> i64 {
        let nanos = match self {
            Self::Long(worth) => ticks.saturating_mul(worth),
            Self::Short(many) => ticks / many,
            Self::Binary(power) => {
                let nanos = (u128::from(ticks) * 1_000_000_000) >> power;
                u64::try_from(nanos).unwrap_or(u64::MAX)
            }
        };
        i64::try_from(nanos).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(options: &[u8]) -> Vec<u8> {
        [&[1, 0, 0, 0, 0, 0, 1, 0][..], options].concat()
    }

    fn time(options: &[u8], ticks: u64) -> String {
        let interface = Interface::read(Order::Little, &body(options)).unwrap();
        interface.time(ticks).to_string()
    }

    #[test]
    fn every_resolution_gives_the_same_instant() {
        let expected = "2023-11-14T22:13:20.5Z";
        assert_eq!(time(&[], 1_700_000_000_500_000), expected);
        for (resolution, ticks) in [
            (3, 1_700_000_000_500),
            (6, 1_700_000_000_500_000),
            (9, 1_700_000_000_500_000_000),
            (10, 17_000_000_005_000_000_000),
            (0x80 | 1, 3_400_000_001),
            (0x80 | 20, (1_700_000_000 << 20) + (1 << 19)),
            (0x80 | 32, (1_700_000_000 << 32) + (1 << 31)),
        ] {
            let options = [9, 0, 1, 0, resolution, 0, 0, 0, 0, 0, 0, 0];
            assert_eq!(time(&options, ticks), expected, "resolution {resolution}");
        }
    }

    #[test]
    fn an_offset_in_seconds_moves_the_origin() {
        let mut options = vec![14, 0, 8, 0];
        options.extend(1_700_000_000i64.to_le_bytes());
        assert_eq!(time(&options, 250_000), "2023-11-14T22:13:20.25Z");
        let mut options = vec![14, 0, 8, 0];
        options.extend((-1i64).to_le_bytes());
        assert_eq!(time(&options, 0), "1969-12-31T23:59:59Z");
    }

    #[test]
    fn absurd_times_stay_at_the_end_of_time() {
        for resolution in [0, 1, 6, 9, 19, 20, 28, 29, 127, 0x80, 0x81, 0x80 | 63, 0xff] {
            let mut options = vec![9, 0, 1, 0, resolution, 0, 0, 0, 14, 0, 8, 0];
            options.extend(i64::MAX.to_le_bytes());
            let interface = Interface::read(Order::Little, &body(&options)).unwrap();
            assert_eq!(interface.time(u64::MAX), Timestamp::MAX);
        }
    }

    #[test]
    fn an_option_longer_than_its_block_is_an_error() {
        let error = Interface::read(Order::Little, &body(&[9, 0, 5, 0, 6])).unwrap_err();
        assert_eq!(error, "its option 9 of 5 octets is longer than the block");
        assert!(Interface::read(Order::Little, &[1, 0]).is_err());
    }
}
