//! Which addresses are ours.

use super::{Ip, Prefix};

/// The configured internal networks.
///
/// ```
/// use tidemark::model::Networks;
/// let ours = Networks::default();
/// assert!(ours.contains("10.1.2.3".parse().unwrap()) && !ours.contains("198.51.100.1".parse().unwrap()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Networks {
    /// Inclusive ranges of 128-bit addresses, sorted and disjoint.
    ranges: Vec<(u128, u128)>,
}

/// What stands for "ours" when nothing is configured: private (RFC 1918), shared (RFC 6598), link-local (RFC 3927,
/// RFC 4291) and unique local (RFC 4193) addresses.
const PRIVATE: [&str; 7] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "fc00::/7",
    "fe80::/10",
];

impl Networks {
    /// The union of `prefixes`.
    pub fn new(prefixes: &[Prefix]) -> Self {
        let mut ranges: Vec<_> = prefixes
            .iter()
            .map(|p| (p.first().bits(), p.last().bits()))
            .collect();
        ranges.sort_unstable();
        ranges.dedup_by(|next, kept| {
            let touches = next.0 <= kept.1.saturating_add(1);
            if touches {
                kept.1 = kept.1.max(next.1);
            }
            touches
        });
        Self { ranges }
    }

    /// Whether `ip` is internal.
    #[inline]
    pub fn contains(&self, ip: Ip) -> bool {
        let bits = ip.bits();
        let at = self.ranges.partition_point(|&(first, _)| first <= bits);
        at > 0 && bits <= self.ranges[at - 1].1
    }
}

impl Default for Networks {
    fn default() -> Self {
        let prefixes: Vec<Prefix> = PRIVATE.iter().filter_map(|p| p.parse().ok()).collect();
        Self::new(&prefixes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_prefixes_become_one_range() {
        let ours = Networks::new(&["10.0.0.0/9", "10.128.0.0/9", "10.0.0.0/8"].map(|p| p.parse().unwrap()));
        assert_eq!(ours.ranges.len(), 1);
        assert!(ours.contains("10.200.0.1".parse().unwrap()));
    }

    #[test]
    fn nothing_configured_means_the_private_ranges() {
        assert_eq!(Networks::default().ranges.len(), PRIVATE.len());
        assert!(Networks::default().contains("fe80::1".parse().unwrap()));
    }
}
