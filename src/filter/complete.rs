//! What could stand at the cursor of a filter that is being written.

use super::words::{CONDITIONS, SIDED, protocol_names, service_names};
use crate::model::{Kind, Metric, Severity, Verdict};
use std::ops::Range;

/// Most suggestions.
const MOST: usize = 40;
/// Words that combine conditions.
const JOINS: [(&str, &str); 2] = [("and", "both must match"), ("or", "either may match")];
/// Signs that compare amounts.
const SIGNS: [(&str, &str); 6] = [
    (">", "more than"),
    ("<", "less than"),
    (">=", "at least"),
    ("<=", "at most"),
    ("=", "exactly"),
    ("!=", "anything but"),
];
/// Words after which an amount is compared.
const AMOUNTS: [&str; 7] = ["packets", "bytes", "flows", "duration", "bpp", "pps", "bps"];

/// A word that could stand at the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The word.
    pub text: &'static str,
    /// What it means.
    pub detail: &'static str,
    /// What of the text it takes the place of, in bytes.
    pub replaces: Range<usize>,
}

/// What could stand at byte `at` of a filter, as far as it is written up to there. A cursor behind the text stands at its
/// end, one inside a character before it.
///
/// ```
/// let words = tidemark::filter::complete("src net 10.0.0.0/8 and dst po", 28);
/// assert_eq!(words[0].text, "port");
/// ```
pub fn complete(text: &str, at: usize) -> Vec<Completion> {
    complete_with(text, at, wanted)
}

/// The same of a filter over anomalies.
///
/// ```
/// let words = tidemark::filter::complete_anomalies("severity >= hi", 14);
/// assert_eq!(words[0].text, "high");
/// ```
pub fn complete_anomalies(text: &str, at: usize) -> Vec<Completion> {
    complete_with(text, at, wanted_of_anomalies)
}

/// A word and what it means.
type Word = (&'static str, &'static str);

fn complete_with(text: &str, at: usize, wanted: fn(&[&str]) -> Vec<Word>) -> Vec<Completion> {
    let at = (0..=at.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    let before = text.get(..at).unwrap_or_default();
    let begun = before
        .rfind(|c: char| !c.is_alphanumeric() && !"_-.:/".contains(c))
        .map_or(0, |last| {
            last + before[last..].chars().next().map_or(1, char::len_utf8)
        });
    let prefix = before.get(begun..).unwrap_or_default().to_lowercase();
    let tokens: Vec<&str> = tokens(before.get(..begun).unwrap_or_default());
    let mut found: Vec<Completion> = Vec::new();
    for (text, detail) in wanted(&tokens) {
        let fits = text.starts_with(&prefix) && text != prefix;
        if fits && found.len() < MOST && found.iter().all(|known| known.text != text) {
            found.push(Completion {
                text,
                detail,
                replaces: begun..at,
            });
        }
    }
    found
}

/// Words and signs; comments and blanks left out.
fn tokens(text: &str) -> Vec<&str> {
    let lines = text
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default());
    let parts = lines.flat_map(str::split_whitespace);
    parts
        .flat_map(|part| part.split_inclusive(['(', ')', '!', '[', ']', ',']))
        .flat_map(|part| match part.strip_suffix(['(', ')', '!', '[', ']', ',']) {
            Some(word) if !word.is_empty() => {
                vec![word, part.get(word.len()..).unwrap_or_default()]
            }
            _ => vec![part],
        })
        .collect()
}

/// What may follow these words, the likeliest first.
fn wanted(tokens: &[&str]) -> Vec<(&'static str, &'static str)> {
    let last = tokens.last().map(|word| word.to_lowercase());
    let last = last.as_deref().unwrap_or_default();
    let field = last
        .strip_prefix("src_")
        .or_else(|| last.strip_prefix("dst_"))
        .unwrap_or(last);
    // Inside of a list stand values of what was named before it.
    let list = tokens.iter().rposition(|word| *word == "[");
    if let Some(list) = list.filter(|list| !tokens[*list..].contains(&"]")) {
        let named = tokens[..list]
            .iter()
            .rev()
            .find(|word| !["in", "="].contains(word));
        return named.map_or_else(Vec::new, |named| values(named));
    }
    match field {
        "" | "and" | "or" | "not" | "&&" | "||" | "!" | "(" => conditions(&CONDITIONS),
        "src" | "dst" => conditions(&SIDED),
        "in" | "out" if tokens.len() < 2 || is_join(tokens[tokens.len() - 2]) => vec![("if", detail("if"))],
        _ if AMOUNTS.contains(&field) => SIGNS.to_vec(),
        "proto" | "protocol" | "port" | "country" => values(field),
        "portrange" | "host" | "net" | "as" | "flags" | "tcp_flags" | "vlan" | "exporter" => Vec::new(),
        "icmp_type" | "icmp_code" | "in_if" | "out_if" | "if" => Vec::new(),
        _ => JOINS.to_vec(),
    }
}

/// What may follow these words of a filter over anomalies.
fn wanted_of_anomalies(tokens: &[&str]) -> Vec<Word> {
    let signs = ["=", "!=", ">", "<", ">=", "<=", "in", "[", ","];
    let named = tokens.iter().rev().find(|word| !signs.contains(*word));
    let named = named.map(|word| word.to_lowercase()).unwrap_or_default();
    let list = tokens.iter().rposition(|word| *word == "[");
    let named = match list.filter(|list| !tokens[*list..].contains(&"]")) {
        Some(list) => tokens[..list]
            .iter()
            .rev()
            .find(|word| **word != "in")
            .map_or(named, |word| word.to_lowercase()),
        None => named,
    };
    let names =
        |all: Vec<&'static str>, what: &'static str| all.into_iter().map(|name| (name, what)).collect();
    let last = tokens.last().copied().unwrap_or_default();
    match named.as_str() {
        "" => conditions_of_anomalies(),
        join if is_join(join) && !signs.contains(&last) => conditions_of_anomalies(),
        "severity" => names(Severity::ALL.map(Severity::name).to_vec(), "how much it matters"),
        "verdict" => {
            let mut all: Vec<Word> = names(
                Verdict::ALL.map(Verdict::name).to_vec(),
                "what somebody said it was",
            );
            all.push(("none", "nobody said anything"));
            all
        }
        "kind" => names(
            Kind::ALL.iter().map(|kind| kind.name()).collect(),
            "what it is called",
        ),
        "direction" => names(vec!["above", "below", "new"], "which way"),
        "metric" => names(
            Metric::ALL.iter().map(|metric| metric.name()).collect(),
            "what was measured",
        ),
        "score" => SIGNS.to_vec(),
        "rule" | "host" | "net" | "as" | "port" | "exporter" | "name" | "text" | "assignee" | "id"
        | "incident" => Vec::new(),
        _ => JOINS.to_vec(),
    }
}

fn conditions_of_anomalies() -> Vec<Word> {
    let meaning = |word: &str| match word {
        "any" => "everything",
        "severity" => "how much it matters, such as >= high",
        "rule" => "the rule that found it",
        "kind" => "what it is called",
        "metric" => "what was measured",
        "direction" => "above, below or new",
        "host" => "an address it is about",
        "net" => "a network it is about",
        "as" => "an autonomous system it is about",
        "port" => "a port it is about",
        "exporter" => "the exporter it is about",
        "name" => "a name of what it is about, such as *.example.org",
        "text" => "words in its sentence",
        "score" => "how strange, such as > 40",
        "open" => "it goes on",
        "closed" => "it is over",
        "acknowledged" => "somebody looks after it",
        "silenced" => "a silence lies on it",
        "shadow" => "of a rule in shadow",
        "assignee" => "whose it is to solve",
        "verdict" => "what somebody said it was",
        "incident" => "all of one incident",
        _ => "this one alone",
    };
    let words = super::anomalies::WORDS.iter().map(|word| (*word, meaning(word)));
    words.chain([("not", "what follows must not match")]).collect()
}

fn is_join(word: &str) -> bool {
    ["and", "or", "not", "&&", "||", "!", "("].contains(&word)
}

fn conditions(words: &[&'static str]) -> Vec<(&'static str, &'static str)> {
    words.iter().map(|word| (*word, detail(word))).collect()
}

/// Values that have names.
fn values(field: &str) -> Vec<(&'static str, &'static str)> {
    let field = field
        .strip_prefix("src_")
        .or_else(|| field.strip_prefix("dst_"))
        .unwrap_or(field);
    match field {
        "proto" | "protocol" => protocol_names().map(|name| (name, "a protocol")).collect(),
        "port" => service_names().map(|name| (name, "a service's port")).collect(),
        "country" => vec![("unknown", "where the country is not known")],
        _ => Vec::new(),
    }
}

/// What a word that begins a condition means.
fn detail(word: &str) -> &'static str {
    let word = word
        .strip_prefix("src_")
        .or_else(|| word.strip_prefix("dst_"))
        .unwrap_or(word);
    match word {
        "any" => "everything",
        "not" => "what follows must not match",
        "src" => "the source's side",
        "dst" => "the destination's side",
        "ip" | "host" => "an address, such as 10.0.0.1",
        "net" => "a network, such as 10.0.0.0/8",
        "ipv4" | "inet" => "over IPv4",
        "ipv6" | "ip6" | "inet6" => "over IPv6",
        "proto" | "protocol" => "the protocol, such as tcp or 47",
        "port" => "a port or service, such as 443 or https",
        "portrange" => "a range of ports, such as 1-1024",
        "as" => "an autonomous system, such as 64500",
        "country" => "a country, such as DE",
        "internal" => "inside of our networks",
        "external" => "outside of our networks",
        "packets" | "bytes" | "flows" => "an amount, such as > 1M",
        "duration" => "how long it lasted, such as > 5m",
        "bpp" => "octets a packet",
        "pps" => "packets a second",
        "bps" => "bits a second",
        "flags" | "tcp_flags" => "TCP flags that were seen, such as SA",
        "vlan" => "a VLAN, such as 12",
        "icmp_type" | "icmp_code" => "of ICMP, a number",
        "exporter" => "who exported it, an address",
        "in_if" | "in" => "the interface by which it came",
        "out_if" | "out" => "the interface by which it went",
        "if" => "either interface, a number",
        "request" => "from the side that made contact",
        "reply" => "back to the side that made contact",
        "failed" => "contacts without an answer",
        "answered" => "contacts with an answer",
        "unsolicited" => "answers nobody asked for",
        _ => "a protocol",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Filter;

    fn words(text: &str) -> Vec<&'static str> {
        let all = complete(text, text.len());
        all.iter().map(|completion| completion.text).collect()
    }

    #[test]
    fn what_is_suggested_follows_from_what_stands_before() {
        assert!(words("").contains(&"src") && words("not (").contains(&"port"));
        assert_eq!(words("dst po"), ["port", "portrange"]);
        assert_eq!(words("dst port 443 "), ["and", "or"]);
        assert_eq!(words("dst port 443 a"), ["and"]);
        assert_eq!(words("bytes "), [">", "<", ">=", "<=", "=", "!="]);
        assert_eq!(words("proto ud"), ["udp"]);
        assert_eq!(words("src_port htt"), ["http", "https"]);
        assert!(words("port in [80 ").contains(&"https"));
        assert_eq!(words("host "), [""; 0]);
        assert_eq!(words("any # in a comm"), ["and"; 0]);
    }

    #[test]
    fn filters_over_anomalies_have_words_of_their_own() {
        let words = |text: &str| {
            let all = complete_anomalies(text, text.len()).into_iter();
            all.map(|completion| completion.text).collect::<Vec<_>>()
        };
        assert!(words("").contains(&"severity") && words("not ").contains(&"kind"));
        assert_eq!(words("severity >= "), ["low", "high", "critical"]);
        assert_eq!(words("verdict f"), ["false"]);
        assert_eq!(words("kind in [scan-v"), ["scan-vertical"]);
        assert_eq!(words("kind beacon "), ["and", "or"]);
        assert_eq!(words("open "), ["and", "or"]);
        assert_eq!(words("host "), [""; 0]);
    }

    #[test]
    fn a_suggestion_takes_the_place_of_the_word_that_was_begun() {
        let text = "tcp and sr port 80";
        let found = complete(text, 10);
        assert_eq!(found[0].replaces, 8..10);
        assert!(found.iter().any(|completion| completion.text == "src"));
        assert!(
            complete("€", 1)
                .iter()
                .all(|completion| completion.replaces == (0..0))
        );
        assert!(
            complete("tcp", 99)
                .iter()
                .all(|completion| completion.replaces == (0..3))
        );
    }

    #[test]
    fn every_word_that_stands_alone_reads_as_a_filter_and_all_have_a_meaning() {
        for completion in complete("", 0) {
            assert!(!completion.detail.is_empty());
        }
        for alone in ["any", "internal", "request", "failed", "udp"] {
            assert!(words("").contains(&alone) || !words(&alone[..1]).is_empty());
            assert!(Filter::parse(alone).is_ok());
        }
    }
}
