//! Early warnings: said once when something is seven tenths used up, and once when it is well again.

use super::say::Say;
use super::source::Gauges;
use crate::config::Config;
use crate::dispatch::Own;
use crate::model::units::duration;
use crate::model::{Severity, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// From here on it is said.
const MARK: f64 = 0.7;
/// Below this it is well again: what wavers about the mark is said once.
const WELL: f64 = 0.6;
/// A clock that moves by more against the time that really went by was set.
const STEP: Duration = Duration::from_secs(1);
/// Ticks without a loss after which an input is well again: ten minutes.
const QUIET: u64 = 600;
/// Databases older than this are out of date; publishers renew theirs at least monthly.
const OLD: Duration = Duration::from_secs(30 * 86_400);

/// What is watched, and how it stood.
#[derive(Debug)]
pub struct Watch {
    say: Say,
    /// What is over its mark.
    over: BTreeSet<String>,
    /// Times something crossed its mark.
    pub warnings: u64,
    /// What people should be told of.
    pub troubles: Vec<Own>,
    /// Inputs that lost something, and when that was last.
    losing: BTreeMap<String, u64>,
    /// How everything stood at the last look, for who looks from outside.
    pub seen: Gauges,
    /// Both clocks at the last look.
    clocks: Option<(Instant, Timestamp)>,
}

/// Something that can be used up.
#[derive(Clone, Debug, PartialEq)]
pub struct Gauge {
    /// What it is; one name, one warning.
    pub name: String,
    /// How much of it is used: 1 for all.
    pub share: f64,
    /// What follows when nobody does anything.
    pub then: &'static str,
}

impl Watch {
    /// Nothing seen yet.
    pub fn new(say: Say) -> Self {
        Self {
            say,
            over: BTreeSet::new(),
            warnings: 0,
            troubles: Vec::new(),
            losing: BTreeMap::new(),
            seen: Gauges::default(),
            clocks: None,
        }
    }

    /// Looks at one thing; whether it crossed its mark now.
    pub fn look(&mut self, gauge: &Gauge) -> bool {
        let Gauge { name, share, then } = gauge;
        if let Ok(mut seen) = self.seen.lock() {
            seen.insert(name.clone(), gauge.clone());
        }
        let is_over = self.over.contains(name);
        if is_over && *share < WELL {
            self.over.remove(name);
            let words = format!("{name}: {:.0} % used, well again", share * 100.0);
            self.say.info(&words);
            self.trouble(name, words, true);
        }
        let crosses = !is_over && *share >= MARK;
        if crosses {
            self.over.insert(name.clone());
            self.warnings += 1;
            let words = format!("{name}: {:.0} % used; {then}", share * 100.0);
            self.say.warn(&words);
            self.trouble(name, words, false);
        }
        crosses
    }

    fn trouble(&mut self, name: &str, text: String, is_over: bool) {
        self.troubles.push(Own {
            name: name.to_owned(),
            text,
            severity: Severity::High,
            is_over,
        });
    }

    /// An input lost something at this tick of the control plane.
    pub fn lost(&mut self, name: &str, tick: u64) {
        let name = format!("input {name}");
        if self.losing.insert(name.clone(), tick).is_none() {
            let words = format!("{name} loses datagrams or packets: its buffer is full");
            self.trouble(&name, words, false);
        }
    }

    /// Inputs that have lost nothing for a while are well again.
    pub fn well(&mut self, tick: u64) {
        let over = self
            .losing
            .iter()
            .filter(|(_, last)| tick.saturating_sub(**last) >= QUIET);
        let over: Vec<String> = over.map(|(name, _)| name.clone()).collect();
        for name in over {
            self.losing.remove(&name);
            let words = format!("{name} has lost nothing for ten minutes");
            self.trouble(&name, words, true);
        }
    }

    /// Looks at the clocks; by how much the wall clock was set since the last time.
    pub fn clock(&mut self, steady: Instant, wall: Timestamp) -> Option<Duration> {
        let (before, then) = self.clocks.replace((steady, wall))?;
        let due = then + steady.saturating_duration_since(before);
        let step = due.since(wall).max(wall.since(due));
        if step < STEP {
            return None;
        }
        self.warnings += 1;
        let way = if wall > due { "forward" } else { "back" };
        self.say.warn(format!(
            "the clock was set {way} by {}: intervals around now are not to be trusted",
            duration(step)
        ));
        Some(step)
    }
}

/// Room on the disk the state lies on.
pub fn disk(folder: &Path) -> Option<Gauge> {
    let stat = nix::sys::statvfs::statvfs(folder).ok()?;
    let (all, free) = (stat.blocks() as f64, stat.blocks_available() as f64);
    Some(Gauge {
        name: format!("disk of {}", folder.display()),
        share: if all > 0.0 { 1.0 - free / all } else { 0.0 },
        then: "without room what was learned cannot be saved",
    })
}

/// Age of the databases a configuration names.
pub fn databases(config: &Config, now: SystemTime) -> Vec<Gauge> {
    let named = [&config.geoip.as_db, &config.geoip.country];
    let paths: Vec<PathBuf> = named
        .into_iter()
        .flatten()
        .map(|path| config.resolve(path))
        .collect();
    let age = |path: &PathBuf| {
        let age = now.duration_since(path.metadata().ok()?.modified().ok()?).ok()?;
        Some(Gauge {
            name: format!("age of {}", path.display()),
            share: age.as_secs_f64() / OLD.as_secs_f64(),
            then: "a database older than 30 days puts addresses where they no longer belong",
        })
    };
    paths.iter().filter_map(age).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch() -> Watch {
        Watch::new(Say::new(true, false))
    }

    fn gauge(share: f64) -> Gauge {
        Gauge {
            name: "queue".to_owned(),
            share,
            then: "nothing",
        }
    }

    #[test]
    fn a_crossing_is_said_once_until_it_is_well_again() {
        let mut watch = watch();
        let crossed: Vec<bool> = [0.69, 0.7, 0.65, 0.75, 0.99, 0.59, 0.7]
            .map(|share| watch.look(&gauge(share)))
            .to_vec();
        assert_eq!(crossed, [false, true, false, false, false, false, true]);
        assert_eq!(watch.warnings, 2);
    }

    #[test]
    fn a_clock_that_is_set_is_noticed_and_one_that_goes_is_not() {
        let (mut watch, began) = (watch(), Instant::now());
        let at = |seconds: i64| Timestamp::from_secs(1_700_000_000 + seconds);
        let after = |seconds: u64| began + Duration::from_secs(seconds);
        assert_eq!(watch.clock(began, at(0)), None);
        assert_eq!(watch.clock(after(60), at(60)), None);
        assert_eq!(watch.clock(after(61), at(121)), Some(Duration::from_secs(60)));
        assert_eq!(watch.clock(after(62), at(122)), None);
        assert_eq!(watch.clock(after(63), at(93)), Some(Duration::from_secs(30)));
        assert_eq!(watch.warnings, 2);
    }

    #[test]
    fn the_disk_has_a_share_and_an_old_database_is_past_its_mark() {
        let folder = tempfile::tempdir().unwrap();
        assert!((0.0..=1.0).contains(&disk(folder.path()).unwrap().share));
        let mut config = Config::default();
        config.geoip.as_db = Some(folder.path().join("as.mmdb"));
        assert!(databases(&config, SystemTime::now()).is_empty());
        std::fs::write(folder.path().join("as.mmdb"), "").unwrap();
        let later = SystemTime::now() + Duration::from_secs(25 * 86_400);
        assert!(databases(&config, later)[0].share > MARK);
        assert!(databases(&config, SystemTime::now())[0].share < MARK);
    }
}
