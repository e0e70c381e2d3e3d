//! From a configuration file to what the engine needs: rules gathered, databases read.

use crate::cli::Usage;
use crate::collect;
use crate::config::{self, Config, Count};
use crate::engine;
use crate::enrich::Origins;
use crate::meter;
use crate::model::Exception;
use crate::wire::Decap;
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// Reads the configuration at `path`, or gives the defaults.
///
/// # Errors
///
/// [`Usage`]: it cannot be read, or says something wrong; the message names file, line, column and key.
pub fn read_config(path: Option<&Path>) -> Result<Config> {
    let Some(path) = path else {
        return Ok(Config::default());
    };
    let name = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|e| Usage(format!("{name}: {e}")))?;
    Ok(Config::parse(&text, &name).map_err(|e| Usage(e.to_string()))?)
}

/// A configuration with everything it names read.
#[derive(Debug)]
pub struct Setup {
    /// As configured.
    pub config: Config,
    /// Rules in use.
    pub rules: Vec<crate::model::Rule>,
    /// Calendars that rules may name.
    pub calendars: Vec<crate::model::Calendar>,
    /// Where addresses belong.
    pub origins: Arc<Origins>,
    /// What could not be had and what is missing for it, a sentence each.
    pub blind: Vec<String>,
}

impl Setup {
    /// Reads the rule files and databases that `config` names. A database that cannot be used is said and done
    /// without; a rule file that cannot is an error.
    ///
    /// # Errors
    ///
    /// [`Usage`]: a rule file is missing or says something wrong.
    pub fn new(config: Config) -> Result<Self> {
        let rules = config
            .all_rules(|path| fs::read_to_string(path))
            .map_err(|e| Usage(e.to_string()))?;
        let calendars = config
            .all_calendars(|path| fs::read_to_string(path))
            .map_err(|e| Usage(e.to_string()))?;
        let mut blind = Vec::new();
        let origins = origins(&config, &mut blind);
        Ok(Self {
            config,
            rules,
            calendars,
            origins: Arc::new(origins),
            blind,
        })
    }

    /// Exceptions that excuse nothing, a sentence each: they are over by the clock on the wall (what is replayed goes by
    /// its own time), or for a rule that is not in use.
    pub fn idle_exceptions(&self) -> Vec<String> {
        let now = jiff::Timestamp::now().as_nanosecond();
        let over = |e: &&Exception| e.until.is_some_and(|until| i128::from(until.as_nanos()) <= now);
        let words = |e: &Exception| {
            let why = if e.why.is_empty() {
                String::new()
            } else {
                format!(" ({})", e.why)
            };
            let until = e.until.map(|until| until.to_string()).unwrap_or_default();
            format!(
                "the exception `{}`{why} ended at {until} and excuses nothing any more",
                e.filter
            )
        };
        let own = self.rules.iter().flat_map(|rule| &rule.gates.except);
        let common = &self.config.except;
        let mut idle: Vec<String> = common.iter().chain(own).filter(over).map(words).collect();
        let in_use = |name: &&String| self.rules.iter().any(|rule| rule.name == **name);
        for exception in common {
            let absent = exception.rules.iter().filter(|name| !in_use(name));
            idle.extend(absent.map(|name| {
                format!(
                    "the exception `{}` is for a rule `{name}`, which is not in use",
                    exception.filter
                )
            }));
        }
        idle
    }

    /// What the engine is to be told.
    pub fn engine(&self, filter: Option<String>, source: String) -> engine::Config {
        let (config, standard) = (&self.config, engine::Config::default());
        engine::Config {
            rules: self.rules.clone(),
            calendars: self.calendars.clone(),
            quiet: config.rules.quiet.clone(),
            exceptions: config.except.clone(),
            zone: config.zone.clone(),
            interval: config.interval,
            tick: config.tick,
            lateness: config.lateness,
            learn: config.learn,
            false_alarms_per_day: config.false_alarms_per_day,
            memory_limit: usize::try_from(config.memory_limit).unwrap_or(usize::MAX),
            metering: self.metering(),
            decap: self.decap(),
            filter,
            profiled_hosts: config.profile.hosts,
            questions_per_host: config.profile.questions_per_host,
            source,
            collecting: self.collecting(),
            exporters: config.exporters.iter().map(exporter).collect(),
            ..standard
        }
    }

    /// The Collecting Process, with the sampling rates that Exporters do not tell.
    pub fn collecting(&self) -> collect::Config {
        let rates = self.config.exporters.iter();
        let rates = rates.filter_map(|exporter| Some((exporter.address.first(), exporter.sampling?)));
        collect::Config {
            sampling: rates.collect(),
            ..self.config.collect.clone()
        }
    }

    /// The Metering Process.
    pub fn metering(&self) -> meter::Config {
        let metering = &self.config.metering;
        meter::Config {
            active_timeout: metering.active_timeout,
            idle_timeout: metering.idle_timeout,
            answer_timeout: metering.answer_timeout,
            cache_limit: metering.cache_limit,
            ..meter::Config::default()
        }
    }

    /// Which tunnels to look into.
    pub fn decap(&self) -> Decap {
        let tunnels = self.config.decapsulate;
        Decap {
            gre: tunnels.gre,
            ip_in_ip: tunnels.ip_in_ip,
            vxlan: tunnels.vxlan,
            gtp_u: tunnels.gtp_u,
        }
    }
}

/// What of an Exporter's records counts.
fn exporter(exporter: &config::Exporter) -> engine::ExporterRule {
    engine::ExporterRule {
        address: exporter.address,
        name: exporter.name.clone(),
        counts: exporter.count != Count::None,
        interfaces: exporter.interfaces.clone(),
        direction: (exporter.count == Count::Ingress).then_some(0),
    }
}

/// Reads the databases one by one, so that a broken one costs only itself.
fn origins(config: &Config, blind: &mut Vec<String>) -> Origins {
    let mut read = |path: &Option<std::path::PathBuf>, what: &str, without: &str| -> Option<Vec<u8>> {
        let path = config.resolve(path.as_deref()?);
        let octets = fs::read(&path).with_context(|| format!("the {what} database {}", path.display()));
        let sound = octets.and_then(|octets| {
            let (systems, countries) = if what == "AS" {
                (Some(&octets[..]), None)
            } else {
                (None, Some(&octets[..]))
            };
            Origins::build(systems, countries, config.internal())
                .with_context(|| path.display().to_string())?;
            Ok(octets)
        });
        sound
            .map_err(|error| blind.push(format!("{error:#}; {without}")))
            .ok()
    };
    let systems = read(&config.geoip.as_db, "AS", "traffic is not grouped by AS");
    let countries = read(
        &config.geoip.country,
        "country",
        "traffic is not grouped by country",
    );
    let built = Origins::build(systems.as_deref(), countries.as_deref(), config.internal());
    built.unwrap_or_else(|_| Origins::new(config.internal()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_database_is_said_and_done_without() {
        let mut config = Config::default();
        config.geoip.as_db = Some("no/such.mmdb".into());
        let setup = Setup::new(config).unwrap();
        assert_eq!(setup.blind.len(), 1);
        assert!(
            setup.blind[0].starts_with("the AS database no/such.mmdb: "),
            "{}",
            setup.blind[0]
        );
        assert!(setup.blind[0].ends_with("; traffic is not grouped by AS"));
    }

    #[test]
    fn a_broken_database_costs_only_itself() {
        let folder = tempfile::tempdir().unwrap();
        let broken = folder.path().join("broken.mmdb");
        std::fs::write(&broken, b"nothing of the kind").unwrap();
        let mut config = Config::default();
        config.geoip.as_db =
            Some(concat!(env!("CARGO_MANIFEST_DIR"), "/geoip/documentation-asn.mmdb").into());
        config.geoip.country = Some(broken);
        let setup = Setup::new(config).unwrap();
        assert_eq!(setup.blind.len(), 1, "{:?}", setup.blind);
        assert_ne!(setup.origins.origin("192.0.2.1".parse().unwrap()).asn, 0);
    }

    #[test]
    fn exceptions_that_excuse_nothing_are_said() {
        let text = "[[except]]\nfilter = \"port 9\"\nuntil = 2020-02-29\nwhy = \"test\"\n\
                    [[except]]\nfilter = \"port 7\"\nuntil = 2199-01-01\nrules = [\"scan\", \"scam\"]\n";
        let setup = Setup::new(Config::parse(text, "t.toml").unwrap()).unwrap();
        assert_eq!(
            setup.idle_exceptions(),
            [
                "the exception `port 9` (test) ended at 2020-03-01T00:00:00Z and excuses nothing any more",
                "the exception `port 7` is for a rule `scam`, which is not in use",
            ]
        );
    }

    #[test]
    fn a_bad_configuration_names_the_file() {
        let error = read_config(Some(Path::new("no/such.toml"))).unwrap_err();
        assert!(error.is::<Usage>() && error.to_string().starts_with("no/such.toml: "));
    }
}
