//! The vocabulary: names of protocols and services, and which known word an unknown one resembles.

/// Protocols with a word of their own, by IANA number; the first name of a number is the one printed.
const PROTOCOLS: [(&str, u8); 17] = [
    ("icmp", 1),
    ("igmp", 2),
    ("ipip", 4),
    ("tcp", 6),
    ("egp", 8),
    ("udp", 17),
    ("dccp", 33),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("icmp6", 58),
    ("icmpv6", 58),
    ("ospf", 89),
    ("pim", 103),
    ("vrrp", 112),
    ("l2tp", 115),
    ("sctp", 132),
];

/// Services that may be named where a port is expected (IANA service names).
const SERVICES: [(&str, u16); 28] = [
    ("ftp", 21),
    ("ssh", 22),
    ("telnet", 23),
    ("smtp", 25),
    ("domain", 53),
    ("dns", 53),
    ("http", 80),
    ("kerberos", 88),
    ("pop3", 110),
    ("ntp", 123),
    ("imap", 143),
    ("snmp", 161),
    ("bgp", 179),
    ("ldap", 389),
    ("https", 443),
    ("microsoft-ds", 445),
    ("syslog", 514),
    ("ldaps", 636),
    ("imaps", 993),
    ("pop3s", 995),
    ("mysql", 3306),
    ("ms-wbt-server", 3389),
    ("rdp", 3389),
    ("sip", 5060),
    ("postgresql", 5432),
    ("vnc", 5900),
    ("redis", 6379),
    ("ipfix", 4739),
];

/// Every word that may begin a condition, for suggestions.
pub(super) const CONDITIONS: [&str; 69] = [
    "any",
    "not",
    "ip",
    "ipv4",
    "inet",
    "ipv6",
    "ip6",
    "inet6",
    "proto",
    "protocol",
    "src",
    "dst",
    "host",
    "net",
    "port",
    "portrange",
    "as",
    "country",
    "internal",
    "external",
    "src_ip",
    "dst_ip",
    "src_host",
    "dst_host",
    "src_net",
    "dst_net",
    "src_port",
    "dst_port",
    "src_as",
    "dst_as",
    "src_country",
    "dst_country",
    "packets",
    "bytes",
    "flows",
    "duration",
    "bpp",
    "pps",
    "bps",
    "flags",
    "tcp_flags",
    "vlan",
    "icmp_type",
    "icmp_code",
    "exporter",
    "in_if",
    "out_if",
    "in",
    "out",
    "if",
    "request",
    "reply",
    "failed",
    "answered",
    "unsolicited",
    "icmp",
    "icmp6",
    "igmp",
    "ipip",
    "tcp",
    "udp",
    "dccp",
    "gre",
    "esp",
    "ah",
    "ospf",
    "pim",
    "vrrp",
    "sctp",
];

/// Words that may follow `src` or `dst`.
pub(super) const SIDED: [&str; 9] = [
    "host",
    "ip",
    "net",
    "port",
    "portrange",
    "as",
    "country",
    "internal",
    "external",
];

/// The IANA number of a protocol's name.
pub(super) fn protocol(name: &str) -> Option<u8> {
    PROTOCOLS
        .iter()
        .find(|(n, _)| *n == name)
        .map(|&(_, number)| number)
}

/// The name of a protocol, where it has one.
pub(super) fn protocol_name(number: u32) -> Option<&'static str> {
    PROTOCOLS
        .iter()
        .find(|&&(_, n)| u32::from(n) == number)
        .map(|&(name, _)| name)
}

/// The port of a service's name.
pub(super) fn service(name: &str) -> Option<u16> {
    SERVICES.iter().find(|(n, _)| *n == name).map(|&(_, port)| port)
}

/// The names of services, for suggestions.
pub(super) fn service_names() -> impl Iterator<Item = &'static str> {
    SERVICES.iter().map(|&(name, _)| name)
}

/// The names of protocols, for suggestions.
pub(super) fn protocol_names() -> impl Iterator<Item = &'static str> {
    PROTOCOLS.iter().map(|&(name, _)| name)
}

/// The word of `known` most like `word`, when one is near enough to have been meant: at most one slip (a letter
/// more, less, other, or two swapped) in short words, two from five letters on, three from nine.
///
/// ```
/// assert_eq!(tidemark::filter::nearest("dst_prot", ["src_port", "dst_port"]), Some("dst_port"));
/// assert_eq!(tidemark::filter::nearest("weather", ["src_port", "dst_port"]), None);
/// ```
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let length = lower.chars().count();
    if length > 40 {
        return None;
    }
    let most = match length {
        0..=4 => 1,
        5..=8 => 2,
        _ => 3,
    };
    known
        .into_iter()
        .map(|candidate| (slips(&lower, candidate), candidate))
        .filter(|&(slips, candidate)| slips <= most && slips < candidate.len())
        .min_by_key(|&(slips, _)| slips)
        .map(|(_, candidate)| candidate)
}

/// How many slips turn one word into the other (optimal string alignment distance).
fn slips(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    let mut previous = None;
    for (row, a) in one.chars().enumerate() {
        let mut line = vec![row + 1];
        for (at, &b) in other.iter().enumerate() {
            let change = last[at] + usize::from(a != b);
            let mut best = change.min(last[at + 1] + 1).min(line[at] + 1);
            if at > 0 && previous == Some(b) && other[at - 1] == a {
                best = best.min(before[at - 1] + 1);
            }
            line.push(best);
        }
        before = std::mem::replace(&mut last, line);
        previous = Some(a);
    }
    last.last().copied().unwrap_or(0)
}
