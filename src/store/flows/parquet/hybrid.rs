//! The RLE/bit-packing hybrid of the Parquet format ("Encodings", Run Length Encoding / Bit-Packing Hybrid): how codes
//! into a dictionary, and levels that mark nulls, stand in pages.
//!
//! ```text
//! run        := header values
//! header     := ULEB128 of (groups of eight << 1 | 1)  the values follow bit-packed, least significant bit first
//!             | ULEB128 of (length << 1)               one value follows, in whole octets, for the whole run
//! ```
//!
//! It is written here and not left to the library because the library's writers begin with values: they look each
//! up in a hash table, while our columns hold codes already, often in long runs.

/// Values of a group; a bit-packed run is made of whole groups.
const GROUP: usize = 8;
/// Groups of one bit-packed run at most, so that its header fits one octet.
const GROUPS: usize = 63;

/// How many bits the codes below `count` need.
pub(super) const fn width(count: usize) -> u32 {
    usize::BITS - count.saturating_sub(1).leading_zeros()
}

/// Adds `codes`, each of `width` bits (at most 32), to `out`.
pub(super) fn encode(out: &mut Vec<u8>, codes: &[u32], width: u32) {
    let mut rest = codes;
    while let Some(first) = rest.first() {
        let run = rest.iter().take_while(|code| *code == first).count();
        if run >= GROUP || run == rest.len() {
            leb(out, (run as u64) << 1);
            out.extend_from_slice(&first.to_le_bytes()[..width.div_ceil(8) as usize]);
            rest = &rest[run..];
            continue;
        }
        let groups = unequal_groups(rest);
        let count = (groups * GROUP).min(rest.len());
        leb(out, (groups as u64) << 1 | 1);
        pack(out, &rest[..count], groups, width);
        rest = &rest[count..];
    }
}

/// How many groups from the beginning on are to be bit-packed: until one that is all equal.
fn unequal_groups(codes: &[u32]) -> usize {
    let equal = |group: &[u32]| group.len() == GROUP && group.iter().all(|code| *code == group[0]);
    let groups = codes.chunks(GROUP).skip(1).take(GROUPS - 1);
    1 + groups.take_while(|group| !equal(group)).count()
}

fn pack(out: &mut Vec<u8>, codes: &[u32], groups: usize, width: u32) {
    let end = out.len() + groups * width as usize;
    let (mut bits, mut held) = (0u64, 0);
    for code in codes {
        bits |= u64::from(*code) << held;
        held += width;
        if held >= 32 {
            out.extend_from_slice(&(bits as u32).to_le_bytes());
            bits >>= 32;
            held -= 32;
        }
    }
    out.extend_from_slice(&bits.to_le_bytes());
    out.resize(end, 0);
}

fn leb(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Adds the `count` codes in `octets`, each of `width` bits, to `codes`. `None` where it ends early or a width is
/// impossible; what was read until then is there.
pub(super) fn decode(mut octets: &[u8], width: u32, count: usize, codes: &mut Vec<u32>) -> Option<()> {
    if width > 32 {
        return None;
    }
    let end = codes.len() + count;
    while codes.len() < end {
        let header = unleb(&mut octets)?;
        let left = end - codes.len();
        if header & 1 == 0 {
            let size = width.div_ceil(8) as usize;
            let mut value = [0; 4];
            value[..size].copy_from_slice(octets.get(..size)?);
            octets = &octets[size..];
            let run = usize::try_from(header >> 1).ok()?.min(left);
            // A run of nothing would be read for ever.
            if run == 0 {
                return None;
            }
            codes.resize(codes.len() + run, u32::from_le_bytes(value));
        } else {
            let groups = usize::try_from(header >> 1).ok()?;
            let size = groups.checked_mul(width as usize)?.min(octets.len());
            let whole = groups.checked_mul(GROUP)?;
            let there = if width == 0 {
                whole
            } else {
                (size * 8 / width as usize).min(whole)
            };
            if there == 0 {
                return None;
            }
            unpack(&octets[..size], width, there.min(left), codes);
            octets = &octets[size..];
        }
    }
    Some(())
}

/// Adds `count` values of `width` bits; the octets hold as many.
fn unpack(octets: &[u8], width: u32, count: usize, codes: &mut Vec<u32>) {
    let mask = (1u64 << width) - 1;
    codes.extend((0..count).map(|i| {
        let bit = i * width as usize;
        let octet = bit / 8;
        let word = match octets.get(octet..octet + 8) {
            Some(word) => word.try_into().map_or(0, u64::from_le_bytes),
            None => last(&octets[octet.min(octets.len())..]),
        };
        (word >> (bit % 8) & mask) as u32
    }));
}

/// Fewer than eight octets as a number.
#[cold]
fn last(octets: &[u8]) -> u64 {
    let fold = |value, octet: &u8| value << 8 | u64::from(*octet);
    octets.iter().rev().fold(0, fold)
}

fn unleb(octets: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (octet, rest) = octets.split_first()?;
        *octets = rest;
        value |= u64::from(octet & 0x7f) << shift;
        if octet & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn through(codes: &[u32], width: u32) -> Option<Vec<u32>> {
        let mut octets = Vec::new();
        encode(&mut octets, codes, width);
        let mut back = Vec::new();
        decode(&octets, width, codes.len(), &mut back)?;
        Some(back)
    }

    #[test]
    fn the_example_of_the_format_is_packed_as_it_says() {
        // "Encodings": the numbers 0 to 7 with a width of 3 are 10001000 11000110 11111010.
        let mut octets = Vec::new();
        encode(&mut octets, &[0, 1, 2, 3, 4, 5, 6, 7], 3);
        assert_eq!(octets, [0b11, 0b1000_1000, 0b1100_0110, 0b1111_1010]);
    }

    #[test]
    fn a_run_is_two_octets() {
        let mut octets = Vec::new();
        encode(&mut octets, &[5; 60], 3);
        assert_eq!(octets, [120, 5]);
    }

    #[test]
    fn octets_that_end_early_are_refused() {
        let mut octets = Vec::new();
        encode(&mut octets, &(0..1000).collect::<Vec<u32>>(), 10);
        for cut in 0..octets.len() {
            assert_eq!(decode(&octets[..cut], 10, 1000, &mut Vec::new()), None, "{cut}");
        }
    }

    proptest! {
        #[test]
        fn codes_come_back(runs in prop::collection::vec((0u32..1000, 1usize..40), 0..40), scattered in prop::collection::vec(0u32..1000, 0..200)) {
            let mut codes: Vec<u32> = runs.into_iter().flat_map(|(code, n)| vec![code; n]).collect();
            codes.extend(scattered);
            for width in [10, 17, 32] {
                prop_assert_eq!(through(&codes, width), Some(codes.clone()));
            }
        }

        #[test]
        fn any_octets_are_read_or_refused(octets in prop::collection::vec(any::<u8>(), 0..64), width in 0u32..40, count in 0usize..5000) {
            let mut codes = Vec::new();
            if decode(&octets, width, count, &mut codes).is_some() {
                prop_assert_eq!(codes.len(), count);
            }
        }
    }
}
