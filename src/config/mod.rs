//! The one configuration: TOML text to checked values and back, and the rules.
//!
//! Text comes in, values come out; files are read by whoever calls. Every key may be left out. A key that is not known
//! is an error, as is every value that makes no sense, named with file, line, column and key.

mod calendar;
mod condition;
mod error;
mod gates;
mod live;
mod notify;
mod print;
mod rule;
mod rules;
mod section;
mod steps;
mod store;
mod values;
mod web;

pub use calendar::Calendar;
pub use error::ConfigError;
pub use live::{Count, Exporter, Interface, Listen, RunAs, Sink, State};
pub use notify::{Notify, Way};
pub use print::Judging;
pub use rule::test_name;
pub use rules::{RuleChoice, builtin_rules};
pub use store::Store;
pub use web::{Oidc, Tls, Web};

use crate::collect;
use crate::model::{self, Exception, Networks, Prefix, Rule};
use gates::Context;
use jiff::tz::TimeZone;
use section::{Entry, Result, Section, Source};
use std::path::{Path, PathBuf};
use std::time::Duration;
use steps::{default_tick, interval, tick};

/// What stands for "ours" when nothing is configured; the same as [`Networks::default`].
const PRIVATE: [&str; 7] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "fc00::/7",
    "fe80::/10",
];

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// A whole configuration, checked.
///
/// ```
/// use tidemark::config::Config;
/// let config = Config::parse("interval = \"5m\"", "tidemark.toml")?;
/// assert_eq!(config.interval.as_secs(), 300);
/// assert_eq!(Config::parse(&config.to_string(), "tidemark.toml")?, config);
/// # Ok::<(), tidemark::config::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The file it came from, for messages and for relative paths; empty for the defaults.
    pub file: String,
    /// What is internal.
    pub networks: Vec<Prefix>,
    /// AS and country databases.
    pub geoip: GeoIp,
    /// Length of the intervals series are made of; 10 s to 1 h, a whole number of them in a day.
    pub interval: Duration,
    /// How often partial aggregates are handed on; whole seconds, a whole number of them in an interval.
    pub tick: Duration,
    /// How long to wait for records that come late; at most an hour.
    pub lateness: Duration,
    /// How long to learn before anything is reported; zero to report from the start.
    pub learn: Duration,
    /// How many false alarms a day over everything watched are acceptable; above 0, at most 1000.
    pub false_alarms_per_day: f64,
    /// Octets of memory everything that grows may take together; from 16 MiB.
    pub memory_limit: u64,
    /// How packets become Flow Records.
    pub metering: Metering,
    /// Which tunnels to look into.
    pub decapsulate: Decapsulate,
    /// The time zone whose days and weeks are learned, and in which dates are meant; UTC unless configured.
    pub zone: TimeZone,
    /// Calendars that rules may name.
    pub calendars: Vec<Calendar>,
    /// Traffic that is excused, for some rules or all.
    pub except: Vec<Exception>,
    /// Which rules to use.
    pub rules: RuleChoice,
    /// The rules written in the configuration itself, those switched off left out.
    pub rule: Vec<Rule>,
    /// How much is remembered of hosts.
    pub profile: Profile,
    /// Where flow export is received.
    pub listen: Listen,
    /// How flow export is decoded, and how much of it is kept; sampling stands with the Exporters.
    pub collect: collect::Config,
    /// What is known of Exporters beforehand.
    pub exporters: Vec<Exporter>,
    /// Interfaces to capture from.
    pub captures: Vec<Interface>,
    /// Where what was learned is kept.
    pub state: State,
    /// Which flows are stored, and for how long.
    pub store: Store,
    /// Where anomalies are written.
    pub output: Sink,
    /// Who is told.
    pub notify: Notify,
    /// Who `tidemark run` becomes once everything is open.
    pub run: RunAs,
    /// The dashboard and its API.
    pub web: Web,
}

/// Databases, as written: a relative path is relative to the configuration file ([`Config::resolve`]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GeoIp {
    /// Autonomous systems.
    pub as_db: Option<PathBuf>,
    /// Countries.
    pub country: Option<PathBuf>,
}

/// The Metering Process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metering {
    /// A flow that goes on is reported after this; 1 s to 1 h.
    pub active_timeout: Duration,
    /// A flow that is silent for this has ended; 1 s to 1 h.
    pub idle_timeout: Duration,
    /// How many flows are kept at a time, at least 1000.
    pub cache_limit: usize,
    /// A question that is not answered within this has failed; 100 ms to 60 s.
    pub answer_timeout: Duration,
}

/// Tunnels to look into; otherwise the outer packets count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decapsulate {
    /// Generic Routing Encapsulation (RFC 2784).
    pub gre: bool,
    /// IP in IP (RFC 2003, RFC 2473).
    pub ip_in_ip: bool,
    /// VXLAN (RFC 7348).
    pub vxlan: bool,
    /// GTP-U (3GPP TS 29.281).
    pub gtp_u: bool,
}

/// How much is remembered of hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// DNS questions remembered of a host, newest first.
    pub questions_per_host: usize,
    /// Hosts remembered.
    pub hosts: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            file: String::new(),
            networks: PRIVATE.iter().filter_map(|prefix| prefix.parse().ok()).collect(),
            geoip: GeoIp::default(),
            interval: Duration::from_secs(60),
            tick: Duration::from_secs(10),
            lateness: Duration::from_secs(5),
            learn: Duration::ZERO,
            false_alarms_per_day: 1.0,
            memory_limit: 1 << 30,
            metering: Metering::default(),
            decapsulate: Decapsulate::default(),
            zone: TimeZone::UTC,
            calendars: Vec::new(),
            except: Vec::new(),
            rules: RuleChoice::default(),
            rule: Vec::new(),
            profile: Profile::default(),
            listen: Listen::default(),
            collect: collect::Config::default(),
            exporters: Vec::new(),
            captures: Vec::new(),
            state: State::default(),
            store: Store::default(),
            output: Sink::default(),
            notify: Notify::default(),
            run: RunAs::default(),
            web: Web::default(),
        }
    }
}

impl Default for Metering {
    fn default() -> Self {
        Self {
            active_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(15),
            cache_limit: 1_000_000,
            answer_timeout: Duration::from_secs(3),
        }
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            questions_per_host: 64,
            hosts: 10_000,
        }
    }
}

impl Config {
    /// Reads and checks a configuration. `name` is the file's, for messages and relative paths.
    pub fn parse(text: &str, name: &str) -> Result<Self> {
        let source = Source { name, text };
        let root = source.read()?;
        let mut top = Section::new(source, &root);
        let standard = Self::default();
        let interval = top.or("interval", standard.interval, interval)?;
        let zone = top.or("zone", standard.zone, calendar::zone)?;
        let calendars = top.section("calendar", |section| calendar::read(section, &zone))?;
        let context = context(&zone, &calendars);
        let rules = top.section("rules", |section| rules::choice(section, &context))?;
        let mut taken = rules::taken(&rules);
        let config = Self {
            file: name.to_owned(),
            networks: top.or("networks", standard.networks, networks)?,
            geoip: top.section("geoip", geoip)?,
            interval,
            tick: top.or("tick", default_tick(interval), |entry| tick(entry, interval))?,
            lateness: top.or("lateness", standard.lateness, |e| {
                e.duration(Duration::ZERO..=HOUR)
            })?,
            learn: top.or("learn", standard.learn, |e| {
                e.duration(Duration::ZERO..=DAY * 365)
            })?,
            false_alarms_per_day: top.or("false_alarms_per_day", standard.false_alarms_per_day, budget)?,
            memory_limit: top.or("memory_limit", standard.memory_limit, |e| {
                e.amount(1 << 24..=1 << 44)
            })?,
            metering: top.section("metering", metering)?,
            decapsulate: top.section("decapsulate", decapsulate)?,
            rule: top.or("rule", Vec::new(), |entry| {
                rules::read(entry, &mut taken, &context)
            })?,
            except: top.or("except", Vec::new(), |entry| {
                gates::exceptions(entry, &context, true)
            })?,
            notify: top.section("notify", |section| notify::read(section, &zone, &calendars))?,
            zone,
            calendars,
            rules,
            profile: top.section("profile", profile)?,
            listen: top.section("listen", live::listen)?,
            collect: top.section("collect", live::collecting)?,
            exporters: top.or("exporter", Vec::new(), live::exporters)?,
            captures: top.or("capture", Vec::new(), live::captures)?,
            state: top.section("state", live::state)?,
            store: top.section("store", store::read)?,
            output: top.section("output", live::sink)?,
            run: top.section("run", live::run_as)?,
            web: top.section("web", web::read)?,
        };
        top.finish()?;
        Ok(config)
    }

    /// What is internal.
    pub fn internal(&self) -> Networks {
        Networks::new(&self.networks)
    }

    /// Where a path of the configuration lies: a relative one beside the configuration file.
    pub fn resolve(&self, path: &Path) -> PathBuf {
        let folder = Path::new(&self.file).parent();
        folder.map_or_else(|| path.to_owned(), |folder| folder.join(path))
    }

    /// The calendars, with the holidays of their files; `read` gives the text of a file.
    pub fn all_calendars(
        &self,
        read: impl Fn(&Path) -> std::io::Result<String>,
    ) -> Result<Vec<model::Calendar>> {
        let all = self.calendars.iter();
        all.map(|one| calendar::complete(one, self, &read)).collect()
    }

    /// What rules of other files may refer to.
    fn context(&self) -> Context {
        context(&self.zone, &self.calendars)
    }

    /// All rules to use: built-in ones, those of the files, those of the configuration, in this order.
    ///
    /// `read` gives the text of a file. Names must be unique over all of them.
    pub fn all_rules(&self, read: impl Fn(&Path) -> std::io::Result<String>) -> Result<Vec<Rule>> {
        rules::gather(self, read)
    }
}

fn context(zone: &TimeZone, calendars: &[Calendar]) -> Context {
    Context {
        zone: zone.clone(),
        calendars: calendars.iter().map(|one| one.calendar.name.clone()).collect(),
    }
}

fn networks(entry: &Entry<'_>) -> Result<Vec<Prefix>> {
    let prefix = |entry: &Entry<'_>| {
        let parsed = entry.text()?.parse::<Prefix>();
        parsed.map_err(|error| entry.error(error.to_string()))
    };
    entry.list()?.iter().map(prefix).collect()
}

fn budget(entry: &Entry<'_>) -> Result<f64> {
    let budget = entry.number()?;
    if budget > 0.0 && budget <= 1000.0 {
        Ok(budget)
    } else {
        Err(entry.error("not above 0 and at most 1000"))
    }
}

fn path(entry: &Entry<'_>) -> Result<PathBuf> {
    entry.line().map(PathBuf::from)
}

fn geoip(mut section: Section<'_>) -> Result<GeoIp> {
    let geoip = GeoIp {
        as_db: section.maybe("as", path)?,
        country: section.maybe("country", path)?,
    };
    section.finish().map(|()| geoip)
}

fn metering(mut section: Section<'_>) -> Result<Metering> {
    let standard = Metering::default();
    let metering = Metering {
        active_timeout: section.or("active_timeout", standard.active_timeout, |e| {
            e.duration(SECOND..=HOUR)
        })?,
        idle_timeout: section.or("idle_timeout", standard.idle_timeout, |e| {
            e.duration(SECOND..=HOUR)
        })?,
        cache_limit: section.or("cache_limit", standard.cache_limit, |e| count(e, 1000))?,
        answer_timeout: section.or("answer_timeout", standard.answer_timeout, |e| {
            e.duration(SECOND / 10..=SECOND * 60)
        })?,
    };
    section.finish().map(|()| metering)
}

fn count(entry: &Entry<'_>, least: u64) -> Result<usize> {
    let amount = entry.amount(least..=1_000_000_000)?;
    usize::try_from(amount).map_err(|_| entry.error("too many for this machine"))
}

fn decapsulate(mut section: Section<'_>) -> Result<Decapsulate> {
    let decapsulate = Decapsulate {
        gre: section.or("gre", false, Entry::flag)?,
        ip_in_ip: section.or("ip_in_ip", false, Entry::flag)?,
        vxlan: section.or("vxlan", false, Entry::flag)?,
        gtp_u: section.or("gtp_u", false, Entry::flag)?,
    };
    section.finish().map(|()| decapsulate)
}

fn profile(mut section: Section<'_>) -> Result<Profile> {
    let standard = Profile::default();
    let profile = Profile {
        questions_per_host: section.or("questions_per_host", standard.questions_per_host, |e| count(e, 0))?,
        hosts: section.or("hosts", standard.hosts, |e| count(e, 0))?,
    };
    section.finish().map(|()| profile)
}

#[cfg(test)]
mod tests;
