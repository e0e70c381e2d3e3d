//! Tunnels through the DNS: data in the names that are asked for. Such names are long, look like noise, lie under one
//! domain and are never the same twice, for else the resolver would answer from its memory.
//!
//! Measured is how much news the names of a domain bring in an interval: the octets of a tree of their characters, so that
//! numbered hosts and repeated prefixes add next to nothing. How much is too much is learned from what all hosts ask of all
//! domains, and from what this host usually asks of this one. A pair whose own past is known teaches that alone: however
//! oddly one of them asks, what the others are held against learns only its beginnings.

use super::{Judge, PATIENCE, Sign};
use crate::detect::{Class, Newcomers, Prior, constants as c};
use crate::model::{
    Conversation, ConversationKey, Deviation, Direction, FlowKey, Interval, Ip, Pattern, Role, Timestamp,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The port of DNS.
const DNS: u16 = 53;
/// Names kept of one interval, over all hosts and domains.
const NAMES: usize = 32_768;
/// Intervals in a row whose evidence is added up; what goes on for longer is usual.
const RUN: u32 = 10;
/// So many times a rule's floor is a mass, where nothing is known of what is usual.
const MASS: f64 = 10.0;
/// Second-level labels under which domains of a country are registered.
const PUBLIC: [&str; 11] = [
    "ac", "co", "com", "edu", "go", "gob", "gov", "ne", "net", "or", "org",
];

/// What one host asked for under one domain.
type Asked = (Ip, Box<str>);

/// The new names of the present interval, without their domain.
#[derive(Debug, Default)]
pub(super) struct Present {
    names: BTreeMap<Asked, BTreeSet<Box<str>>>,
    count: usize,
}

/// What is known of names asked for, bounded.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Tunnels {
    /// Octets of news that any host asks of any domain in an interval.
    all: Newcomers,
    /// The same of those that asked much before, with the newest time.
    own: BTreeMap<Asked, (Newcomers, Timestamp)>,
    /// Strange intervals in a row: how many, and the sum of their scores.
    runs: BTreeMap<Asked, (u32, f64)>,
    limit: usize,
    /// Names, and pairs of host and domain, given up for lack of room.
    pub(super) given_up: u64,
}

impl Tunnels {
    pub(super) fn limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    pub(super) fn memory(&self) -> usize {
        self.own.keys().map(|(_, domain)| 200 + domain.len()).sum()
    }

    /// -ln of the probability of so much news; none while too little is known.
    fn judge(&self, asked: &Asked, value: f64) -> Option<f64> {
        let prior = Prior::of(Class::Bytes);
        let all = self.all.ready().then(|| self.all.judge(value, &prior))?;
        match self.own.get(asked).filter(|(own, _)| own.ready()) {
            Some((own, _)) => Some(all.min(own.judge(value, &prior))),
            None => Some(all),
        }
    }

    /// The score of a pair's strange intervals in a row, this one included (Fisher 1925): of independent probabilities the sum
    /// of -ln p is gamma distributed.
    fn add_up(&mut self, asked: &Asked, score: f64) -> f64 {
        if self.runs.len() >= self.limit.max(16) && !self.runs.contains_key(asked) {
            self.given_up += 1;
            return score;
        }
        let run = self.runs.entry(asked.clone()).or_default();
        *run = (run.0 + 1, run.1 + score);
        let (mut term, mut sum) = (1.0, 1.0);
        for j in 1..run.0.min(RUN) {
            term *= run.1 / f64::from(j);
            sum += term;
        }
        (run.1 - f64::ln(sum)).max(0.0)
    }

    fn learn(&mut self, asked: &Asked, value: f64, at: Timestamp) {
        let prior = Prior::of(Class::Bytes);
        if self.own.get(asked).is_none_or(|(own, _)| !own.ready()) {
            self.all.learn(value, &prior);
        }
        if value < c::TUNNEL_LITTLE {
            return;
        }
        if !self.own.contains_key(asked) && self.own.len() >= self.limit.max(16) {
            let oldest = self.own.iter().min_by_key(|(_, (_, at))| *at);
            if let Some(oldest) = oldest.map(|(asked, _)| asked.clone()) {
                self.own.remove(&oldest);
                self.given_up += 1;
            }
        }
        let (own, newest) = self.own.entry(asked.clone()).or_default();
        own.learn(value, &prior);
        *newest = at;
    }
}

/// A name as the domain that somebody registered, and what stands before it; none where that is nothing.
///
/// Without a list of public suffixes the domain is the last two labels, or three under labels such as `co.uk`.
fn split(name: &str) -> Option<(&str, &str)> {
    let mut dots = name.rmatch_indices('.').map(|(at, _)| at);
    let (top, second) = (dots.next()?, dots.next()?);
    let (country, label) = (name.len() - top - 1 == 2, name.get(second + 1..top)?);
    let at = if country && PUBLIC.contains(&label) {
        dots.next()?
    } else {
        second
    };
    let kept = !name.ends_with(".arpa") && !name.ends_with(".local");
    kept.then(|| Some((name.get(at + 1..)?, name.get(..at)?)))
        .flatten()
}

/// What the names of one domain look like.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Look {
    /// Octets of a tree of their characters.
    news: f64,
    /// Octets of a name, on average.
    length: f64,
    /// Bits to a character, by how often each occurs.
    entropy: f64,
}

impl Look {
    fn of(names: &BTreeSet<Box<str>>) -> Self {
        let (mut news, mut octets) = (0, 0);
        let mut counts: BTreeMap<u8, f64> = BTreeMap::new();
        let mut before: &[u8] = &[];
        for name in names {
            let name = name.as_bytes();
            let common = before.iter().zip(name).take_while(|(a, b)| a == b).count();
            news += name.len() - common;
            octets += name.len();
            name.iter()
                .for_each(|&octet| *counts.entry(octet).or_default() += 1.0);
            before = name;
        }
        let all = (octets as f64).max(1.0);
        let bits = |n: &f64| -(n / all) * (n / all).log2();
        Self {
            news: news as f64,
            length: octets as f64 / (names.len() as f64).max(1.0),
            entropy: counts.values().map(bits).sum(),
        }
    }

    /// Whether they could carry data: long, and like noise.
    fn carries(&self) -> bool {
        self.length >= c::TUNNEL_LENGTH && self.entropy >= c::TUNNEL_ENTROPY
    }
}

impl Judge {
    /// A host asked for a name that it had not asked for before.
    pub(in crate::engine::judge) fn hear_question(&mut self, client: Ip, name: &str) {
        let Some((domain, before)) = split(name) else {
            return;
        };
        let present = &mut self.patterns.tunnels_now;
        if present.count >= NAMES {
            self.patterns.learned.tunnels.given_up += 1;
            return;
        }
        let names = present.names.entry((client, domain.into())).or_default();
        present.count += usize::from(names.insert(before.into()));
    }

    pub(super) fn close_tunnels(&mut self, interval: Interval) {
        let Present { names, .. } = std::mem::take(&mut self.patterns.tunnels_now);
        if !self.plan.has(Pattern::Tunnel) {
            return;
        }
        let looks: Vec<(Asked, Look, String)> = names
            .into_iter()
            .map(|(asked, names)| (asked, Look::of(&names), told(&names)))
            .collect();
        let questions = if looks.is_empty() {
            BTreeMap::new()
        } else {
            self.question_rows()
        };
        let mut seen = BTreeSet::new();
        for (asked, look, told) in &looks {
            self.load_now.patterns += 1.0;
            self.account_pattern(Pattern::Tunnel);
            let tunnels = &mut self.patterns.learned.tunnels;
            let alone = tunnels.judge(asked, look.news);
            let carries = look.carries() && alone.is_none_or(|score| score >= self.policy.hold);
            let score = match alone.filter(|_| carries) {
                Some(alone) => Some(tunnels.add_up(asked, alone)),
                None => alone,
            };
            let row = questions.get(&asked.0).copied();
            let sign = row
                .filter(|_| carries)
                .map(|row| self.tunnel_sign(row, asked, look, score, told, interval));
            let open = row.is_some_and(|row| self.shows(Pattern::Tunnel, &row));
            if let Some(sign) = sign {
                self.show(&sign, interval.end);
            }
            // What is on its way to an alarm teaches nothing, unless it has been so for long.
            let tunnels = &mut self.patterns.learned.tunnels;
            let runs = tunnels.runs.get(asked).map_or(0, |run| run.0);
            let strange = carries && alone.is_some_and(|score| score >= self.thresholds.pattern / 2.0);
            if !open && (!strange || runs > RUN) {
                tunnels.learn(asked, look.news, interval.end);
            }
            if carries {
                seen.insert(asked);
            }
        }
        self.patterns
            .learned
            .tunnels
            .runs
            .retain(|asked, _| seen.contains(asked));
    }

    /// Of each client its questions of this interval, without counters: those to the resolver that comes first.
    fn question_rows(&self) -> BTreeMap<Ip, Conversation> {
        let asks = |key: &ConversationKey| {
            key.port == DNS
                && key.role == Role::Request
                && matches!(key.protocol, FlowKey::UDP | FlowKey::TCP)
        };
        let mut first: BTreeMap<Ip, ConversationKey> = BTreeMap::new();
        for row in self.table.rows().iter().filter(|row| asks(&row.key)) {
            let key = first.entry(row.key.src).or_insert(row.key);
            *key = (*key).min(row.key);
        }
        first
            .into_iter()
            .map(|(client, key)| (client, self.row_of(key)))
            .collect()
    }

    fn tunnel_sign(
        &self,
        row: Conversation,
        (_, domain): &Asked,
        look: &Look,
        score: Option<f64>,
        told: &str,
        interval: Interval,
    ) -> Sign {
        let floor = self
            .plan
            .patterns(Pattern::Tunnel)
            .next()
            .and_then(|(rule, _)| self.plan.rules.get(rule));
        let mass = MASS * floor.map_or(f64::MAX, |rule| rule.floor);
        let expected = self.patterns.learned.tunnels.all.expected();
        Sign {
            pattern: Pattern::Tunnel,
            row,
            deviation: Deviation {
                observed: look.news,
                expected,
                lower: 0.0,
                upper: expected,
                score: score.unwrap_or(self.thresholds.pattern),
            },
            direction: Direction::Above,
            passes: match score {
                Some(score) => score >= self.thresholds.pattern,
                // Nothing is known yet: only a mass is worth a word.
                None => look.news >= mass,
            },
            since: interval.start,
            patience: PATIENCE,
            detail: format!(
                "{told} under {domain}, {:.0} octets and {:.1} bits a character on average",
                look.length, look.entropy
            ),
            unit: None,
        }
    }
}

/// How many names there are.
fn told(names: &BTreeSet<Box<str>>) -> String {
    match names.len() {
        1 => "1 new name".to_owned(),
        n => format!("{n} new names"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strange_intervals_in_a_row_add_up_as_fisher_says() {
        let mut tunnels = Tunnels::default();
        tunnels.limit(100);
        let asked = (Ip::v4(1), Box::from("example.org"));
        assert_eq!(tunnels.add_up(&asked, 12.0), 12.0);
        // Gamma of shape 2: exp(-24) (1 + 24).
        assert!((tunnels.add_up(&asked, 12.0) - (24.0 - 25f64.ln())).abs() < 1e-9);
        let mut usual = 0.0;
        (0..10).for_each(|_| usual = tunnels.add_up(&(Ip::v4(2), "x.org".into()), 1.0));
        assert!(usual < 1.0, "ten times one is what chance brings: {usual}");
    }

    #[test]
    fn a_name_is_split_where_its_domain_was_registered() {
        assert_eq!(split("a.b.example.org"), Some(("example.org", "a.b")));
        assert_eq!(split("x.shop.co.uk"), Some(("shop.co.uk", "x")));
        assert_eq!(split("www.co.example"), Some(("co.example", "www")));
        for nothing in [
            "example.org",
            "shop.co.uk",
            "org",
            "",
            "4.3.2.1.in-addr.arpa",
            "a.b.local",
        ] {
            assert_eq!(split(nothing), None, "{nothing}");
        }
    }

    fn look(names: impl Iterator<Item = String>) -> Look {
        Look::of(&names.map(String::into_boxed_str).collect())
    }

    #[test]
    fn numbered_hosts_bring_little_news_and_noise_brings_much() {
        let hosts = look((0..100).map(|n| format!("edge-cache-node-europe-west-{n:03}")));
        assert!(hosts.news < 300.0, "{hosts:?}");
        let mut state = 1u64;
        let noise = look((0..100).map(|_| {
            let letter = |_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99);
                char::from(b"abcdefghijklmnopqrstuvwxyz234567"[(state >> 59) as usize])
            };
            (0..50).map(letter).collect()
        }));
        assert!(noise.news > 4500.0 && noise.carries(), "{noise:?}");
        assert!(!look((0..100).map(|n| format!("www{n}"))).carries());
    }

    #[test]
    fn what_a_host_always_asks_is_nothing_strange() {
        let mut tunnels = Tunnels::default();
        tunnels.limit(100);
        let asked = |host: u32, domain: &str| (Ip::v4(host), Box::from(domain));
        let at = Timestamp::from_secs(0);
        for n in 0..4000 {
            tunnels.learn(&asked(n, "example.org"), f64::from(5 + n % 30), at);
        }
        let mail = asked(7, "list.example");
        assert!(tunnels.judge(&mail, 6000.0).unwrap() > 10.0);
        (0..40).for_each(|n| tunnels.learn(&mail, 5000.0 + 50.0 * f64::from(n % 20), at));
        assert!(tunnels.judge(&mail, 6000.0).unwrap() < 8.0);
        let other = tunnels.judge(&asked(8, "list.example"), 6000.0).unwrap();
        assert!(other > tunnels.judge(&mail, 6000.0).unwrap() + 1.0, "{other}");
    }

    #[test]
    fn one_odd_pair_does_not_make_others_seem_usual() {
        let (mut calm, mut odd) = (Tunnels::default(), Tunnels::default());
        let asked = |host: u32, domain: &str| (Ip::v4(host), Box::from(domain));
        let at = Timestamp::from_secs(0);
        for tunnels in [&mut calm, &mut odd] {
            tunnels.limit(100);
        }
        for n in 0..20_000 {
            for tunnels in [&mut calm, &mut odd] {
                tunnels.learn(&asked(n % 50, "example.org"), f64::from(5 + n % 30), at);
            }
            odd.learn(&asked(7, "odd.example"), 5000.0, at);
        }
        let another = asked(8, "tunnel.example");
        let [calm, odd] = [&calm, &odd].map(|tunnels| tunnels.judge(&another, 6000.0).unwrap());
        assert!(
            odd > 0.8 * calm && odd > 15.0,
            "{odd} beside an odd pair, {calm} without"
        );
    }

    #[test]
    fn more_pairs_than_there_is_room_for_push_out_the_oldest() {
        let mut tunnels = Tunnels::default();
        tunnels.limit(16);
        for n in 0..50 {
            tunnels.learn(
                &(Ip::v4(n), "example.org".into()),
                500.0,
                Timestamp::from_secs(i64::from(n)),
            );
        }
        assert_eq!((tunnels.own.len(), tunnels.given_up), (16, 34));
        assert!(tunnels.own.contains_key(&(Ip::v4(49), "example.org".into())));
    }
}
