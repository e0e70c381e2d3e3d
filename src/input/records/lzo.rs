//! LZO1X decompression: older files of nfcapd are packed so, and the crates for it are under the GPL or panic on damaged
//! data. After the description of the format in the Linux kernel ("LZO stream format as understood by Linux's LZO
//! decompressor", Documentation/staging/lzo.rst); data is hostile until it has been looked at.

/// A literal run was the last instruction, and it was longer than three octets.
const AFTER_RUN: usize = 4;

/// Why packed octets cannot be unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unpackable {
    /// They end before the mark of the end.
    Cut,
    /// A copy begins before the first octet.
    Before,
    /// More comes out than may.
    TooMuch,
}

impl Unpackable {
    /// In words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Cut => "the packed data ends too early",
            Self::Before => "it repeats what lies before its beginning",
            Self::TooMuch => "more comes out than a block may hold",
        }
    }
}

/// Packed octets that are being read, and what came out of them so far.
struct Stream<'a> {
    packed: &'a [u8],
    out: &'a mut Vec<u8>,
    limit: usize,
}

/// Appends to `out` what was packed; never more than `limit` octets in all.
pub(super) fn unpack(packed: &[u8], out: &mut Vec<u8>, limit: usize) -> Result<(), Unpackable> {
    let mut stream = Stream { packed, out, limit };
    // The last instruction's trailing literals, 0 to 3, or a run of them.
    let mut state = 0;
    if let Some(first @ 18..) = packed.first().copied() {
        let literals = usize::from(first) - 17;
        stream.octet()?;
        stream.literals(literals)?;
        state = literals.min(AFTER_RUN);
    }
    loop {
        let instruction = usize::from(stream.octet()?);
        let (distance, length, trailing) = match instruction {
            0..=15 if state == 0 => {
                let length = 3 + stream.length(instruction, 15)?;
                stream.literals(length)?;
                state = AFTER_RUN;
                continue;
            }
            0..=15 => {
                let near = usize::from(stream.octet()?) << 2 | instruction >> 2;
                match state {
                    AFTER_RUN => (near + 2049, 3, instruction),
                    _ => (near + 1, 2, instruction),
                }
            }
            16..=31 => {
                let length = 2 + stream.length(instruction & 7, 7)?;
                let pair = stream.pair()?;
                let distance = 16_384 + ((instruction & 8) << 11) + (pair >> 2);
                if distance == 16_384 {
                    return Ok(());
                }
                (distance, length, pair)
            }
            32..=63 => {
                let length = 2 + stream.length(instruction & 31, 31)?;
                let pair = stream.pair()?;
                ((pair >> 2) + 1, length, pair)
            }
            _ => {
                let far = usize::from(stream.octet()?) << 3;
                (
                    far + (instruction >> 2 & 7) + 1,
                    (instruction >> 5) + 1,
                    instruction,
                )
            }
        };
        stream.copy(distance, length)?;
        state = trailing & 3;
        stream.literals(state)?;
    }
}

impl Stream<'_> {
    fn octet(&mut self) -> Result<u8, Unpackable> {
        let (first, rest) = self.packed.split_first().ok_or(Unpackable::Cut)?;
        self.packed = rest;
        Ok(*first)
    }

    /// Two octets, the lower first.
    fn pair(&mut self) -> Result<usize, Unpackable> {
        let low = usize::from(self.octet()?);
        Ok(usize::from(self.octet()?) << 8 | low)
    }

    /// A length as an instruction has it, or where it has none: `most` and what follows, 255 for each octet of zeros.
    fn length(&mut self, short: usize, most: usize) -> Result<usize, Unpackable> {
        if short != 0 {
            return Ok(short);
        }
        let mut length = most;
        loop {
            match self.octet()? {
                0 => length += 255,
                last => return Ok(length + usize::from(last)),
            }
        }
    }

    fn literals(&mut self, count: usize) -> Result<(), Unpackable> {
        let (head, rest) = self.packed.split_at_checked(count).ok_or(Unpackable::Cut)?;
        if self.out.len() + count > self.limit {
            return Err(Unpackable::TooMuch);
        }
        self.out.extend_from_slice(head);
        self.packed = rest;
        Ok(())
    }

    /// Repeats what came out `distance` octets ago; what it repeats may be what it has just written.
    fn copy(&mut self, distance: usize, length: usize) -> Result<(), Unpackable> {
        let mut from = self.out.len().checked_sub(distance).ok_or(Unpackable::Before)?;
        if self.out.len() + length > self.limit {
            return Err(Unpackable::TooMuch);
        }
        let end = self.out.len() + length;
        while self.out.len() < end {
            let step = (end - self.out.len()).min(self.out.len() - from);
            self.out.extend_from_within(from..from + step);
            from += step;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpacked(packed: &[u8]) -> Result<Vec<u8>, Unpackable> {
        let mut out = Vec::new();
        unpack(packed, &mut out, 1000).map(|()| out)
    }

    /// Instruction 17 with a distance of zero: the end.
    const END: [u8; 3] = [17, 0, 0];

    #[test]
    fn literals_and_copies_of_every_kind_come_out() {
        // Five literals; three from two ago; the end.
        let packed = [&[17 + 5][..], b"abcde", &[2 << 5 | 1 << 2, 0], &END].concat();
        assert_eq!(unpacked(&packed).unwrap(), b"abcdeded");
        // One literal first, then two octets from one ago, with a literal behind.
        let packed = [&[17 + 1][..], b"z", &[1, 0], b"!", &END].concat();
        assert_eq!(unpacked(&packed).unwrap(), b"zzz!");
        // A long run, then a long copy of the last octet.
        let mut packed = vec![0, 3];
        packed.extend((0..21).map(|n| n + b'a'));
        packed.extend([32, 10, 0, 0]);
        packed.extend(END);
        let out = unpacked(&packed).unwrap();
        assert_eq!(out.len(), 21 + 2 + 31 + 10);
        assert!(out[21..].iter().all(|octet| *octet == b'u'));
    }

    #[test]
    fn damaged_data_is_refused_and_bounded() {
        let sound = [&[17 + 5][..], b"abcde", &[2 << 5 | 1 << 2, 0], &END].concat();
        for cut in 0..sound.len() {
            assert_eq!(unpacked(&sound[..cut]), Err(Unpackable::Cut), "{cut}");
        }
        assert_eq!(unpacked(&[18, b'a', 64, 9, 17, 0, 0]), Err(Unpackable::Before));
        let endless = [&[18, b'a', 32][..], &[0; 8], &[1, 0, 0], &END].concat();
        assert_eq!(unpacked(&endless), Err(Unpackable::TooMuch));
    }
}
