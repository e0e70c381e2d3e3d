//! Which flows are stored, where, and for how long.

use super::section::{Result, Section};
use super::{HOUR, SECOND, path};
use crate::store::flows::{Keeping, Retention, Tier};
use std::path::PathBuf;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);
/// Longer than any disk lives.
const LONGEST: Duration = Duration::from_secs(86_400 * 36_500);

/// Stored flows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// Whether `tidemark run` stores Flow Records.
    pub flows: bool,
    /// The folder; `flows` in that of the state, if not said.
    pub dir: Option<PathBuf>,
    /// A file is written so often: what a crash costs at most; 1 s to 1 h.
    pub every: Duration,
    /// How much is kept.
    pub keeping: Keeping,
}

impl Default for Store {
    fn default() -> Self {
        let keep = |days: u32, size: u64| Retention {
            age: DAY * days,
            size: size << 30,
        };
        Self {
            flows: true,
            dir: None,
            every: SECOND * 60,
            keeping: Keeping {
                tiers: [keep(7, 20), keep(30, 10), keep(90, 5), keep(730, 5)],
                min_free: 2 << 30,
            },
        }
    }
}

pub(super) fn read(mut section: Section<'_>) -> Result<Store> {
    let standard = Store::default();
    let mut keeping = Keeping {
        min_free: section.or("min_free", standard.keeping.min_free, |e| e.amount(0..=1 << 50))?,
        ..standard.keeping
    };
    for tier in Tier::ALL {
        let retention = &mut keeping.tiers[tier as usize];
        if let Some(entry) = section.get(tier.name()) {
            *retention = retained(entry.section()?, *retention)?;
        }
    }
    let store = Store {
        flows: section.or("flows", standard.flows, |e| e.flag())?,
        dir: section.maybe("dir", path)?,
        every: section.or("every", standard.every, |e| e.duration(SECOND..=HOUR))?,
        keeping,
    };
    section.finish().map(|()| store)
}

fn retained(mut section: Section<'_>, standard: Retention) -> Result<Retention> {
    let retention = Retention {
        age: section.or("age", standard.age, |e| e.duration(Duration::ZERO..=LONGEST))?,
        size: section.or("size", standard.size, |e| e.amount(0..=1 << 50))?,
    };
    section.finish().map(|()| retention)
}
