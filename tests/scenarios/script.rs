//! A script: what goes on in a network, line by line, and what is to be said of it.
//!
//! ```text
//! # What this shows, a sentence for people.
//! network 10.20.0.0/16
//! minutes 60
//! background office
//!
//! 40-45  198.51.100.1-250  half-opens  10.20.10.80  tcp/443  7200 a minute
//! 10-60  10.20.1.17        calls       198.18.1.10  tcp/443  every 60 s off by 2 s  up 300 down 900
//!
//! expect syn-flood as syn-flood at dst_ip=10.20.10.80 between 40 and 42
//! never beacon
//! ```
//!
//! A line of traffic says when (in minutes), who, does what, to whom, on which service, how often, and further words in
//! pairs. Addresses are one, a range of the last number (`10.20.1.10-39`) or a prefix (`198.51.100.0/24`), ports one or
//! a range; each event has one of them by chance. `quiet` says that nothing at all is found.

use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use tidemark::model::Prefix;

/// A whole script.
#[derive(Clone, Debug, Default)]
pub struct Script {
    pub networks: Vec<Prefix>,
    pub minutes: f64,
    pub traffic: Vec<Traffic>,
    pub expects: Vec<Expect>,
    pub nevers: Vec<String>,
    pub quiet: bool,
}

/// A line of traffic.
#[derive(Clone, Debug)]
pub struct Traffic {
    /// From and until, in seconds.
    pub span: (f64, f64),
    pub who: Addresses,
    pub verb: String,
    pub whom: Addresses,
    /// IP protocol, first and last port.
    pub service: (u8, u16, u16),
    pub pace: Pace,
    /// `up 300`, `under t.example`, as written.
    pub words: BTreeMap<String, String>,
}

impl Traffic {
    /// A number among the words.
    pub fn number(&self, word: &str, otherwise: u64) -> u64 {
        self.words
            .get(word)
            .map_or(otherwise, |text| text.parse().unwrap())
    }
}

/// How often.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// By chance, so many a minute.
    Random(f64),
    /// Every so many seconds, off by up to so many.
    Steady(f64, f64),
    /// Once, when the span begins.
    Once,
}

/// From the first address to the last.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    pub first: u32,
    pub last: u32,
}

/// What must be found.
#[derive(Clone, Debug)]
pub struct Expect {
    pub rule: String,
    pub kind: String,
    /// `dst_ip=10.0.0.1` terms that the entity has.
    pub at: Vec<String>,
    /// Minutes between which it is said.
    pub between: (f64, f64),
    /// As written.
    pub line: String,
}

/// Reads `tests/scenarios/NAME`.
pub fn read(name: &str) -> Script {
    let mut script = Script::default();
    take_in(&mut script, name);
    assert!(
        script.minutes > 0.0 && !script.networks.is_empty(),
        "{name}: `minutes` and `network` are missing"
    );
    script
}

fn take_in(script: &mut Script, name: &str) {
    let path = Path::new("tests/scenarios").join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    for (number, line) in text.lines().enumerate() {
        let words: Vec<&str> = line.split('#').next().unwrap().split_whitespace().collect();
        if !words.is_empty() {
            let read = self::line(script, line, &words);
            read.unwrap_or_else(|what| panic!("{}:{}: {what}: {line}", path.display(), number + 1));
        }
    }
}

fn line(script: &mut Script, whole: &str, words: &[&str]) -> Result<(), String> {
    match words {
        ["network", prefixes @ ..] => {
            for prefix in prefixes {
                script
                    .networks
                    .push(prefix.parse().map_err(|_| format!("no prefix: {prefix}"))?);
            }
        }
        ["minutes", minutes] => script.minutes = number(minutes)?,
        ["background", name] => take_in(script, &format!("{name}.background")),
        ["quiet"] => script.quiet = true,
        ["never", rule] => script.nevers.push((*rule).to_owned()),
        ["expect", rule, "as", kind, "at", at, "between", from, "and", to] => script.expects.push(Expect {
            rule: (*rule).to_owned(),
            kind: (*kind).to_owned(),
            at: at.split(',').map(str::to_owned).collect(),
            between: (number(from)?, number(to)?),
            line: whole.trim().to_owned(),
        }),
        [span, who, verb, whom, service, rest @ ..] if span.starts_with(|c: char| c.is_ascii_digit()) => {
            let (from, to) = span.split_once('-').ok_or("no span such as 10-20")?;
            let (pace, rest) = pace(rest)?;
            let pairs = rest.chunks(2).map(|pair| match pair {
                [word, value] => Ok(((*word).to_owned(), (*value).to_owned())),
                _ => Err(format!("`{}` has no value", pair[0])),
            });
            script.traffic.push(Traffic {
                span: (60.0 * number(from)?, 60.0 * number(to)?),
                who: addresses(who)?,
                verb: (*verb).to_owned(),
                whom: addresses(whom)?,
                service: self::service(service)?,
                pace,
                words: pairs.collect::<Result<_, String>>()?,
            });
        }
        _ => return Err("what is this".to_owned()),
    }
    Ok(())
}

fn number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| format!("no number: {text}"))
}

/// `30 a minute`, `every 60 s`, `every 60 s off by 2 s`, `once`; and the words after it.
fn pace<'a>(words: &'a [&'a str]) -> Result<(Pace, &'a [&'a str]), String> {
    match words {
        [many, "a", "minute", rest @ ..] => Ok((Pace::Random(number(many)?), rest)),
        ["every", seconds, "s", "off", "by", off, "s", rest @ ..] => {
            Ok((Pace::Steady(number(seconds)?, number(off)?), rest))
        }
        ["every", seconds, "s", rest @ ..] => Ok((Pace::Steady(number(seconds)?, 0.0), rest)),
        ["once", rest @ ..] => Ok((Pace::Once, rest)),
        _ => Err("how often".to_owned()),
    }
}

fn addresses(text: &str) -> Result<Addresses, String> {
    let one = |text: &str| {
        let address: Result<Ipv4Addr, _> = text.parse();
        address.map(u32::from).map_err(|_| format!("no address: {text}"))
    };
    if let Some((address, length)) = text.split_once('/') {
        let hosts = u32::MAX
            .checked_shr(length.parse().map_err(|_| "no length")?)
            .unwrap_or(0);
        let first = one(address)?;
        return Ok(Addresses {
            first,
            last: first | hosts,
        });
    }
    match text.split_once('-') {
        Some((first, last)) => {
            let first = one(first)?;
            let last: u32 = last.parse().map_err(|_| "no last number")?;
            Ok(Addresses {
                first,
                last: first & 0xffff_ff00 | last,
            })
        }
        None => Ok(Addresses {
            first: one(text)?,
            last: one(text)?,
        }),
    }
}

fn service(text: &str) -> Result<(u8, u16, u16), String> {
    let (protocol, port) = text.split_once('/').unwrap_or((text, "0"));
    let protocol = match protocol {
        "tcp" => 6,
        "udp" => 17,
        "icmp" => 1,
        other => return Err(format!("no protocol: {other}")),
    };
    let (first, last) = port.split_once('-').unwrap_or((port, port));
    let number = |port: &str| port.parse().map_err(|_| format!("no port: {port}"));
    Ok((protocol, number(first)?, number(last)?))
}
