//! A replay: captures, or Flow Records of files, through the engine, at the pace asked for.

use super::captures::Walk;
use super::desk;
use super::records::{Holding, PATIENCE};
use super::setup::Setup;
use super::stored::{self, Past};
use super::summary;
use crate::cli::Usage;
use crate::engine::{Engine, Snapshot};
use crate::model::{Anomaly, Effect, Timestamp};
use crate::report::{Stored, Summary};
use crate::store;
use crate::store::flows::{Notice, Overseer};
use anyhow::Result;
use std::convert::Infallible;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How fast a replay goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// As fast as it can.
    Max,
    /// So many times as fast as the capture was.
    Times(f64),
}

/// What to replay, and how.
#[derive(Clone, Debug)]
pub struct Replay {
    /// Captures or files of Flow Records, `-` for standard input.
    pub files: Vec<PathBuf>,
    /// What they hold.
    pub holding: Holding,
    /// Stored flows, instead of files.
    pub past: Option<Past>,
    /// Look only at conversations that pass.
    pub filter: Option<String>,
    /// Where baselines are kept between runs.
    pub state: Option<PathBuf>,
    /// Where Flow Records are kept, if they are.
    pub keep: Option<PathBuf>,
    /// How fast.
    pub pace: Pace,
    /// Over how many Fronts.
    pub fronts: usize,
    /// Say little.
    pub quiet: bool,
    /// Say much.
    pub verbose: bool,
}

impl Replay {
    /// Replays, and gives what was found and the honest footnote to it.
    ///
    /// # Errors
    ///
    /// [`Usage`] for a filter or rule that cannot be used; else none of the files can be read, or the state cannot be
    /// written.
    pub fn run(&self, setup: &Setup) -> Result<(Vec<Anomaly>, Summary)> {
        let (anomalies, summary, engine) = self.run_whole(setup)?;
        // The process ends soon, and with it goes what a million tables' rows hold: no need to give it back one by one.
        std::mem::forget(engine);
        Ok((anomalies, summary))
    }

    /// The same, and the engine that found it.
    ///
    /// # Errors
    ///
    /// As [`Replay::run`].
    pub fn run_whole(&self, setup: &Setup) -> Result<(Vec<Anomaly>, Summary, Engine)> {
        let began = Instant::now();
        let mut config = setup.engine(self.filter.clone(), self.source());
        if self.holding == Holding::Records || self.past.is_some() {
            config.patience = PATIENCE;
        }
        let mut engine = Engine::new(config, setup.origins.clone(), self.fronts)
            .map_err(|error| Usage(error.to_string()))?;
        let mut blind = setup.blind.clone();
        blind.iter().for_each(|words| eprintln!("tidemark: {words}"));
        self.restore(&mut engine, &mut blind);
        if let Some(folder) = &self.state {
            desk::steer(&mut engine, folder)?;
        }
        let keep = self.keep.as_deref();
        let overseer = keep
            .map(|folder| stored::keep_all(&mut engine, setup, folder))
            .transpose()?;
        let mut walk = Walk::new(self.quiet, self.verbose);
        let mut pacer = Pacer {
            pace: self.pace,
            began,
            first: None,
        };
        match (&self.past, self.holding) {
            (Some(past), _) => {
                let pacer = &mut pacer;
                walk.run_stored(past, &setup.config, |record, received| {
                    pacer.wait(received);
                    engine.take(record, received);
                    while engine.poll().is_some() {}
                    Ok(())
                })?;
            }
            (None, Holding::Packets) => self.observe(&mut engine, &mut walk, &mut pacer),
            (None, Holding::Export) => self.collect(&mut engine, &mut walk, &mut pacer),
            (None, Holding::Records) => self.take(&mut engine, &mut walk, &mut pacer),
        }
        engine.finish();
        let stored = overseer
            .map(|overseer| self.end_keeping(&mut engine, overseer, setup, &walk))
            .transpose()?;
        if !walk.readable {
            anyhow::bail!("nothing could be read of {}", self.source());
        }
        if let Some(folder) = &self.state {
            store::save(folder, &engine.snapshot())?;
        }
        let anomalies = engine.anomalies();
        if let Some(folder) = &self.state {
            let effects: Vec<Effect> = engine.effects().copied().collect();
            desk::keep(folder, &anomalies, &effects)?;
        }
        let files = self.files.iter().map(|f| f.display().to_string()).collect();
        let known = summary::Known {
            files,
            blind,
            state: self.state.as_deref(),
            elapsed: began.elapsed(),
        };
        let mut summary = summary::of(known, setup, &engine, &walk, &anomalies);
        summary.stored = stored;
        Ok((anomalies, summary, engine))
    }

    /// Everything is on the disk then, and what is over is summed up.
    fn end_keeping(
        &self,
        engine: &mut Engine,
        overseer: Overseer,
        setup: &Setup,
        walk: &Walk,
    ) -> Result<Stored> {
        let (stored, mut notices) = stored::end(engine, overseer);
        if let (Some(folder), Some(last)) = (&self.keep, walk.last) {
            notices.extend(stored::look_after(folder, setup, last)?);
        }
        for notice in notices {
            match notice {
                Notice::Warn(words) => eprintln!("tidemark: {words}"),
                Notice::Info(words) if self.verbose => eprintln!("tidemark: {words}"),
                Notice::Info(_) => {}
            }
        }
        Ok(stored)
    }

    /// Meters packets.
    fn observe(&self, engine: &mut Engine, walk: &mut Walk, pacer: &mut Pacer) {
        let Ok(()) = walk.run(&self.files, |packet| {
            pacer.wait(packet.at);
            let undecoded = engine.observe(packet);
            while engine.poll().is_some() {}
            Ok::<_, Infallible>(undecoded)
        });
    }

    /// Decodes flow export.
    fn collect(&self, engine: &mut Engine, walk: &mut Walk, pacer: &mut Pacer) {
        let Ok(_) = walk.run_export(&self.files, |message, faults| {
            pacer.wait(message.at);
            engine.collect(message);
            faults.extend(std::iter::from_fn(|| engine.fault()));
            while engine.poll().is_some() {}
            Ok::<_, Infallible>(())
        });
    }

    /// Takes Flow Records as they are.
    fn take(&self, engine: &mut Engine, walk: &mut Walk, pacer: &mut Pacer) {
        let Ok(()) = walk.run_records(&self.files, |recorded| {
            pacer.wait(recorded.received);
            engine.take(&recorded.record, recorded.received);
            while engine.poll().is_some() {}
            Ok::<_, Infallible>(())
        });
    }

    /// The files as one would type them.
    fn source(&self) -> String {
        if self.past.is_some() {
            return "stored flows".to_owned();
        }
        let names: Vec<String> = self.files.iter().map(|f| f.display().to_string()).collect();
        names.join(" ")
    }

    /// Takes over earlier learning; what cannot be taken over is said, and learning begins afresh.
    fn restore(&self, engine: &mut Engine, blind: &mut Vec<String>) {
        let Some(folder) = &self.state else { return };
        let restored = match store::load::<Snapshot>(folder) {
            Ok(None) => return,
            Ok(Some(snapshot)) => engine.restore(snapshot).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = restored {
            let words = format!(
                "the state in {} is not used: {error}; learning begins afresh",
                folder.display()
            );
            eprintln!("tidemark: {words}");
            blind.push(words);
        }
    }
}

/// Holds packets back until their time has come.
struct Pacer {
    pace: Pace,
    began: Instant,
    first: Option<Timestamp>,
}

impl Pacer {
    #[inline(always)]
    fn wait(&mut self, at: Timestamp) {
        if let Pace::Times(times) = self.pace {
            self.sleep(at, times);
        }
    }

    #[inline(never)]
    fn sleep(&mut self, at: Timestamp, times: f64) {
        let first = *self.first.get_or_insert(at);
        let due = Duration::try_from_secs_f64(at.since(first).as_secs_f64() / times).unwrap_or(Duration::MAX);
        std::thread::sleep(due.saturating_sub(self.began.elapsed()));
    }
}
