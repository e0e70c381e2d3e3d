//! `tidemark run`: sockets and devices opened, privileges dropped, the engine's thread started, signals and timers obeyed.

mod output;
mod receivers;
mod say;
mod state;
mod worker;

use super::setup::{Setup, read_config};
use crate::cli::Usage;
use crate::config::Config;
use crate::engine::Engine;
use crate::input::batch::{Batch, now};
use anyhow::{Context, Result};
use output::Lines;
use receivers::{Opened, Receivers};
use say::{Level, Say};
use state::Saver;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Interval, MissedTickBehavior, interval};
use worker::{Command, Standing, Worker};

/// Batches under way to the engine.
const QUEUE: usize = 256;
/// How often the engine is told the time.
const TICK: Duration = Duration::from_secs(1);

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

/// What the control plane holds on to.
struct Plane {
    run: Run,
    say: Say,
    receivers: Receivers,
    commands: mpsc::Sender<Command>,
    /// Batches on their way; it must not keep the way open.
    queue: mpsc::WeakSender<Batch>,
    standing: Arc<Mutex<Standing>>,
    /// Says when the engine's thread is done.
    done: oneshot::Receiver<()>,
    every: Duration,
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
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let plane = self.start(setup, say)?;
            plane.control().await
        })
    }

    fn start(&self, setup: Setup, say: Say) -> Result<Plane> {
        let folder = state_folder(&setup.config);
        std::fs::create_dir_all(&folder).with_context(|| format!("the state in {}", folder.display()))?;
        let path = setup
            .config
            .output
            .anomalies
            .as_deref()
            .map(|path| setup.config.resolve(path));
        let lines = Lines::open(path, say)?;
        let opened = Opened::open(&setup.config, say)?;
        let config = setup.engine(None, "FILE".to_owned());
        let mut engine =
            Engine::new(config, setup.origins.clone(), 1).map_err(|error| Usage(error.to_string()))?;
        let refused = state::take_over(&folder, &mut engine, say);
        let every = setup.config.state.every;
        let mut worker = Worker::new(setup, engine, lines, Saver::start(folder, say)?, say);
        worker.blind.extend(refused);
        worker.inputs = opened.names();
        let standing = Arc::clone(&worker.standing);
        let (batches, inbox) = mpsc::channel(QUEUE);
        let (commands, orders) = mpsc::channel(16);
        let (finished, done) = oneshot::channel();
        thread::Builder::new().name("engine".to_owned()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            if let Ok(runtime) = runtime {
                runtime.block_on(worker.work(inbox, orders));
                let _ = finished.send(());
            }
        })?;
        let receivers = opened.start(&batches, say)?;
        say.info("ready");
        Ok(Plane {
            run: self.clone(),
            say,
            receivers,
            commands,
            queue: batches.downgrade(),
            standing,
            done,
            every,
        })
    }
}

/// Where the state lies: as configured, as systemd says, or here.
fn state_folder(config: &Config) -> PathBuf {
    let configured = config.state.dir.as_deref().map(|dir| config.resolve(dir));
    let given = || std::env::var_os("STATE_DIRECTORY").map(PathBuf::from);
    configured
        .or_else(given)
        .unwrap_or_else(|| PathBuf::from("tidemark-data"))
}

/// Signals and timers.
struct Events {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
    tick: Interval,
    save: Interval,
}

impl Events {
    fn new(every: Duration) -> Result<Self> {
        let timer = |every| {
            let mut timer = interval(every);
            timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
            timer.reset();
            timer
        };
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            tick: timer(TICK),
            save: timer(every),
        })
    }
}

impl Plane {
    async fn control(mut self) -> Result<()> {
        let mut events = Events::new(self.every)?;
        loop {
            tokio::select! {
                biased;
                _ = events.interrupt.recv() => break,
                _ = events.terminate.recv() => break,
                gone = &mut self.done => {
                    self.receivers.stop();
                    anyhow::bail!("the engine's thread ended by itself: {gone:?}");
                }
                _ = events.hang_up.recv() => self.reload().await,
                _ = events.tick.tick() => self.tick(),
                _ = events.save.tick() => self.save(),
            }
        }
        self.stop(events).await
    }

    /// Gives an order; one that finds no room is left out, the next will.
    fn order(&self, command: Command) {
        let _ = self.commands.try_send(command);
    }

    fn tick(&mut self) {
        let at = now();
        let (dropped, _) = self.receivers.look();
        if dropped > 0 {
            self.order(Command::Lost(dropped));
            self.say.warn(format!(
                "{dropped} datagrams were dropped: a receive buffer was full"
            ));
        }
        self.order(Command::Tick(at));
    }

    fn save(&self) {
        self.order(Command::Save);
        if self.say.says(Level::Debug) {
            self.say.debug(self.statistics());
        }
    }

    /// Counters since the start, by name.
    fn statistics(&self) -> String {
        let mut line = "statistics:".to_owned();
        let standing = self.standing.lock().map(|standing| *standing).unwrap_or_default();
        let waiting = self
            .queue
            .upgrade()
            .map_or(0, |queue| queue.max_capacity() - queue.capacity());
        let own = [
            ("messages", standing.messages),
            ("packets", standing.packets),
            ("records", standing.records),
            ("exporters", standing.exporters),
            ("anomalies", standing.anomalies),
            ("open", standing.open),
            ("memory", standing.memory),
            ("queue", waiting as u64),
        ];
        for (name, count) in self.receivers.sums().into_iter().chain(own) {
            line.push_str(&format!(" {name}={count}"));
        }
        line
    }

    async fn reload(&mut self) {
        self.say.info("reloading");
        let path = self.run.config.clone();
        let read = tokio::task::spawn_blocking(move || Setup::new(read_config(path.as_deref())?)).await;
        match read {
            Ok(Ok(setup)) => {
                setup.blind.iter().for_each(|words| self.say.warn(words));
                let _ = self.commands.send(Command::Reload(Box::new(setup))).await;
            }
            Ok(Err(error)) => self
                .say
                .error(format!("the old configuration stays in use: {error:#}")),
            Err(error) => self
                .say
                .error(format!("the old configuration stays in use: {error}")),
        }
    }

    /// Stops in order: receivers first, then the engine when it has taken everything. A second signal ends it at once.
    async fn stop(mut self, mut events: Events) -> Result<()> {
        self.say.info("stopping");
        let mut receivers = self.receivers;
        let stopped = tokio::task::spawn_blocking(move || receivers.stop());
        let rest = async {
            let _ = stopped.await;
            let _ = (&mut self.done).await;
        };
        tokio::select! {
            () = rest => self.say.info("stopped"),
            _ = events.interrupt.recv() => abandon(self.say),
            _ = events.terminate.recv() => abandon(self.say),
        }
        Ok(())
    }
}

fn abandon(say: Say) {
    say.warn("stopped at once, at the second signal: what was learned since the last save is lost");
    std::process::exit(1);
}
