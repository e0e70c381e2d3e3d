//! `tidemark run`: sockets and devices opened, privileges dropped, the engine's thread started; then `plane` takes over.

mod clerk;
mod metrics;
mod notifier;
mod output;
mod plane;
mod privileges;
mod receivers;
mod say;
mod signs;
mod source;
mod state;
mod systemd;
mod watch;
mod worker;

use super::serve::Opening;
use super::setup::{Setup, read_config};
use super::stored;
use super::ways;
use crate::cli::Usage;
use crate::config::Config;
use crate::engine::Engine;
use anyhow::{Context, Result};
use clerk::Clerk;
use notifier::Notifier;
use output::Lines;
use plane::{Events, Plane};
use privileges::Identity;
use receivers::Opened;
use say::Say;
use source::{Live, QUESTIONS};
use state::Saver;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use tokio::sync::{mpsc, oneshot};
use worker::{Command, Worker};

/// Batches under way to the engine.
const QUEUE: usize = 256;

/// The daemon, as it was asked for.
#[derive(Clone, Debug)]
pub struct Run {
    /// Configuration file; built-in defaults without it.
    pub config: Option<PathBuf>,
    /// Say only what is wrong.
    pub quiet: bool,
    /// Say everything, and statistics.
    pub verbose: bool,
}

impl Run {
    /// Runs until told to stop.
    ///
    /// # Errors
    ///
    /// [`Usage`]: the configuration cannot be used; else something cannot be opened, or the engine failed.
    pub fn run(&self) -> Result<()> {
        let say = Say::new(self.quiet, self.verbose);
        let setup = Setup::new(read_config(self.config.as_deref())?)?;
        setup.blind.iter().for_each(|words| say.warn(words));
        setup.idle_exceptions().iter().for_each(|words| say.warn(words));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let outcome = runtime.block_on(async {
            // First of all: a daemon told to stop while it starts stops in order, too.
            let events = Events::new(setup.config.state.every)?;
            let plane = self.start(setup, say)?;
            plane.control(events).await
        });
        // What still blocks a thread then was abandoned on purpose.
        runtime.shutdown_background();
        outcome
    }

    fn start(&self, setup: Setup, say: Say) -> Result<Plane> {
        let config = &setup.config;
        let folder = stored::state_folder(config);
        let identity = Identity::of(&config.run)?;
        let path = config
            .output
            .anomalies
            .as_deref()
            .map(|path| config.resolve(path));
        let lines = Lines::open(path.clone(), say)?;
        let opened = Opened::open(config, say)?;
        let opening = Opening::new(config, |words| say.warn(words))?;
        std::fs::create_dir_all(&folder).with_context(|| format!("the state in {}", folder.display()))?;
        if let Some(identity) = identity {
            become_somebody(identity, config, &folder, path.as_deref(), say)?;
        }
        check_writable(&folder)?;
        let engine = Engine::new(setup.engine(None, "FILE".to_owned()), setup.origins.clone(), 1);
        let mut engine = engine.map_err(|error| Usage(error.to_string()))?;
        let refused = state::take_over(&folder, &mut engine, say);
        let flows = stored::folder(&setup.config, &folder);
        let overseer = match setup.config.store.flows {
            true => Some(stored::keep_live(&mut engine, &setup, &flows)?),
            false => None,
        };
        let saver = Saver::start(folder.clone(), say)?;
        let (commands, orders) = mpsc::channel(16);
        let clerk = Clerk::start(&folder, &mut engine, commands.clone(), say)?;
        let counts = clerk.counts();
        let mut plane = Plane::new(self.clone(), setup.config.clone(), folder.clone(), say);
        let ways = (ways::ways(&setup), ways::speaker(&setup.config));
        let mut worker = Worker::new(setup, engine, lines, saver, say);
        worker.clerk = Some(clerk);
        worker.blind.extend(refused);
        worker.folder = folder.clone();
        worker.overseer = overseer;
        worker.inputs = opened.names();
        worker.warnings = Arc::clone(&plane.warnings);
        plane.standing = Arc::clone(&worker.standing);
        plane.notifier = Notifier::start(&folder, ways.0, ways.1, Arc::clone(&worker.standing), say)?;
        let (asking, questions) = mpsc::channel(QUESTIONS);
        if let Some(opening) = opening {
            let (config, standing) = (plane.config.clone(), Arc::clone(&worker.standing));
            let board = plane.notifier.as_ref().map(Notifier::board);
            let live = Live::new(
                asking,
                standing,
                plane.gauges(),
                (counts, board),
                config,
                folder.clone(),
            );
            let (server, address) = opening.start(&folder, Arc::new(live), source::log(say))?;
            say.info(format!("dashboard and API on {address}"));
            plane.server = Some(server);
        }
        let (batches, inbox) = mpsc::channel(QUEUE);
        let (finished, done) = oneshot::channel();
        thread::Builder::new().name("engine".to_owned()).spawn(move || {
            if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() {
                runtime.block_on(worker.work(inbox, orders, questions));
                let _ = finished.send(());
            }
        })?;
        let receivers = opened.start(&batches, say)?;
        let _ = commands.try_send(Command::Receivers(receivers.counters()));
        plane.begin(receivers, commands, batches.downgrade(), done);
        Ok(plane)
    }
}

/// Gives what is written to whom the daemon becomes, and becomes that one.
fn become_somebody(
    identity: Identity,
    config: &Config,
    folder: &Path,
    lines: Option<&Path>,
    say: Say,
) -> Result<()> {
    identity.own(folder)?;
    if config.store.flows {
        let flows = stored::folder(config, folder);
        std::fs::create_dir_all(&flows).with_context(|| format!("flows in {}", flows.display()))?;
        identity.own(&flows)?;
    }
    lines.map_or(Ok(()), |path| identity.own(path))?;
    say.info(identity.assume()?);
    Ok(())
}

/// Better now than in twenty seconds.
fn check_writable(folder: &Path) -> Result<()> {
    let probe = folder.join("probe.part");
    std::fs::write(&probe, b"")
        .and_then(|()| std::fs::remove_file(&probe))
        .with_context(|| format!("the state cannot be kept in {}", folder.display()))
}
