//! Internet addresses and prefixes of both families in one comparable, hashable form.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// An IPv4 or IPv6 address in 128 bits; IPv4 stands as IPv4-mapped IPv6 (`::ffff:0:0/96`, RFC 4291 section 2.5.5.2).
///
/// One width for both families keeps tables compact and keys comparable. Order: IPv4 in numeric order among
/// themselves. A mapped address that arrives inside an IPv6 header is indistinguishable from IPv4, as intended.
///
/// ```
/// use tidemark::model::Ip;
/// let ip: Ip = "192.0.2.1".parse().unwrap();
/// assert!(ip.is_v4());
/// assert_eq!(ip.to_string(), "192.0.2.1");
/// ```
// Two words, not one of 128 bits: that would align everything that holds an address to 16 octets, and a conversation
// would take 112 octets instead of 96. The upper word stands first, for the order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ip {
    high: u64,
    low: u64,
}

const MAPPED: u128 = 0xffff_0000_0000;

impl Ip {
    /// From the 32 bits of an IPv4 address.
    pub const fn v4(bits: u32) -> Self {
        Self::from_bits(MAPPED | bits as u128)
    }

    /// From the four octets of an IPv4 address, in network order.
    pub const fn from_v4_octets(octets: [u8; 4]) -> Self {
        Self::v4(u32::from_be_bytes(octets))
    }

    /// From the sixteen octets of an IPv6 address, in network order.
    pub const fn from_v6_octets(octets: [u8; 16]) -> Self {
        Self::from_bits(u128::from_be_bytes(octets))
    }

    /// From the 128 bits as [`Ip::bits`] gives them.
    pub const fn from_bits(bits: u128) -> Self {
        Self {
            high: (bits >> 64) as u64,
            low: bits as u64,
        }
    }

    /// All 128 bits, IPv4 mapped.
    pub const fn bits(self) -> u128 {
        (self.high as u128) << 64 | self.low as u128
    }

    /// Both halves of it in one word, to make a hash of.
    pub const fn folded(self) -> u64 {
        self.high ^ self.low
    }

    /// Whether this is an IPv4 address.
    pub const fn is_v4(self) -> bool {
        self.high == 0 && self.low >> 32 == MAPPED as u64 >> 32
    }

    /// The 32 bits of an IPv4 address.
    pub const fn as_v4(self) -> Option<u32> {
        if self.is_v4() { Some(self.low as u32) } else { None }
    }

    /// Whether it names a group or everyone on a link rather than one host: multicast of either family, or the
    /// limited broadcast address. Such a destination never answers, so silence from it means nothing.
    pub const fn is_group(self) -> bool {
        match self.as_v4() {
            Some(bits) => bits >> 28 == 0xe || bits == u32::MAX,
            None => self.high >> 56 == 0xff,
        }
    }

    /// Whether it can name no particular host: unspecified (`0.0.0.0`, `::`), a group, or loopback.
    pub const fn is_special(self) -> bool {
        match self.as_v4() {
            Some(bits) => bits == 0 || bits >> 24 == 127 || self.is_group(),
            None => self.bits() <= 1 || self.is_group(),
        }
    }

    /// Appends the text of it. Of millions of addresses that a report or a file lists, `fmt` would cost as much as all the rest.
    pub fn write(self, out: &mut Vec<u8>) {
        let Some(bits) = self.as_v4() else {
            // Writing to a vector cannot fail.
            let _ = write!(out, "{self}");
            return;
        };
        for (index, part) in bits.to_be_bytes().into_iter().enumerate() {
            if index > 0 {
                out.push(b'.');
            }
            if part >= 100 {
                out.push(b'0' + part / 100);
            }
            if part >= 10 {
                out.push(b'0' + part / 10 % 10);
            }
            out.push(b'0' + part % 10);
        }
    }
}

impl From<IpAddr> for Ip {
    fn from(addr: IpAddr) -> Self {
        match addr {
            IpAddr::V4(v4) => Self::from_v4_octets(v4.octets()),
            IpAddr::V6(v6) => Self::from_v6_octets(v6.octets()),
        }
    }
}

impl From<Ip> for IpAddr {
    fn from(ip: Ip) -> Self {
        match ip.as_v4() {
            Some(bits) => IpAddr::V4(Ipv4Addr::from_bits(bits)),
            None => IpAddr::V6(Ipv6Addr::from_bits(ip.bits())),
        }
    }
}

impl fmt::Display for Ip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        IpAddr::from(*self).fmt(f)
    }
}

impl FromStr for Ip {
    type Err = std::net::AddrParseError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<IpAddr>().map(Self::from)
    }
}

impl Serialize for Ip {
    /// Text in a readable format, 16 octets in a binary one.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.bits().to_be_bytes().serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Ip {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?
                .parse()
                .map_err(serde::de::Error::custom)
        } else {
            <[u8; 16]>::deserialize(deserializer).map(Self::from_v6_octets)
        }
    }
}

/// A CIDR prefix of either family.
///
/// The length counts bits of the family as written: `10.0.0.0/8` has length 8. Host bits are cleared on construction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    base: u128,
    /// Bits counted in the 128-bit form: IPv4 lengths plus 96.
    length: u8,
}

/// Why a prefix could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrefixError {
    /// The part before the slash is no address.
    #[error("`{0}` is not an IP address")]
    Address(String),
    /// The part after the slash is no length of that family.
    #[error("prefix length `{0}` is not a number from 0 to {1}")]
    Length(String, u8),
}

impl Prefix {
    /// The prefix of `length` bits (of the family of `ip`) that holds `ip`; a longer length is cut to the family's.
    pub fn new(ip: Ip, length: u8) -> Self {
        let length = if ip.is_v4() {
            96 + length.min(32)
        } else {
            length.min(128)
        };
        Self {
            base: ip.bits() & mask(length),
            length,
        }
    }

    /// Whether `ip` lies inside. `::/0` holds IPv6 only; `0.0.0.0/0` holds IPv4 only.
    pub fn contains(&self, ip: Ip) -> bool {
        ip.bits() & mask(self.length) == self.base && self.is_v4() == ip.is_v4()
    }

    /// Whether it is an IPv4 prefix.
    pub fn is_v4(&self) -> bool {
        self.length >= 96 && Ip::from_bits(self.base).is_v4()
    }

    /// First address.
    pub fn first(&self) -> Ip {
        Ip::from_bits(self.base)
    }

    /// Last address.
    pub fn last(&self) -> Ip {
        Ip::from_bits(self.base | !mask(self.length))
    }

    /// Length in bits of its family.
    pub fn length(&self) -> u8 {
        if self.is_v4() {
            self.length - 96
        } else {
            self.length
        }
    }
}

fn mask(length: u8) -> u128 {
    if length == 0 {
        0
    } else {
        u128::MAX << (128 - length)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ip::from_bits(self.base), self.length())
    }
}

impl FromStr for Prefix {
    type Err = PrefixError;
    /// `10.0.0.0/8`, `2001:db8::/32`, or a bare address for a prefix of one.
    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let (address, length) = text.split_once('/').map_or((text, None), |(a, l)| (a, Some(l)));
        let ip: Ip = address
            .trim()
            .parse()
            .map_err(|_| PrefixError::Address(address.to_owned()))?;
        let most = if ip.is_v4() { 32 } else { 128 };
        let length = match length {
            None => most,
            Some(l) => match l.trim().parse::<u8>() {
                Ok(n) if n <= most => n,
                _ => return Err(PrefixError::Length(l.to_owned(), most)),
            },
        };
        Ok(Self::new(ip, length))
    }
}

impl Serialize for Prefix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Prefix {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ip(text: &str) -> Ip {
        text.parse().unwrap()
    }

    proptest! {
        #[test]
        fn addresses_are_written_as_the_standard_library_does(bits: u128) {
            for ip in [Ip::from_bits(bits), Ip::v4(bits as u32)] {
                let mut written = Vec::new();
                ip.write(&mut written);
                prop_assert_eq!(String::from_utf8(written).unwrap(), ip.to_string());
            }
        }
    }

    #[test]
    fn a_prefix_holds_its_own_family_only() {
        let ten: Prefix = "10.1.2.3/8".parse().unwrap();
        assert_eq!(ten.to_string(), "10.0.0.0/8");
        assert!(ten.contains(ip("10.255.0.1")) && !ten.contains(ip("11.0.0.1")));
        let everything6: Prefix = "::/0".parse().unwrap();
        assert!(everything6.contains(ip("2001:db8::1")) && !everything6.contains(ip("10.0.0.1")));
        let everything4: Prefix = "0.0.0.0/0".parse().unwrap();
        assert!(everything4.contains(ip("10.0.0.1")) && !everything4.contains(ip("2001:db8::1")));
    }

    #[test]
    fn a_bad_prefix_says_which_part_is_bad() {
        assert_eq!(
            "10.0.0/8".parse::<Prefix>().unwrap_err().to_string(),
            "`10.0.0` is not an IP address"
        );
        assert_eq!(
            "10.0.0.0/33".parse::<Prefix>().unwrap_err().to_string(),
            "prefix length `33` is not a number from 0 to 32"
        );
    }

    #[test]
    fn groups_and_special_addresses_are_known() {
        assert!(ip("224.0.0.251").is_group() && ip("ff02::1").is_group() && ip("255.255.255.255").is_group());
        assert!(ip("0.0.0.0").is_special() && ip("::").is_special() && ip("127.0.0.1").is_special());
        assert!(!ip("10.0.0.255").is_special() && !ip("2001:db8::1").is_special());
    }
}
