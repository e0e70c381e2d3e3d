//! The control plane: signals and timers obeyed, the machine watched, everything stopped in order.

use super::Run;
use super::notifier::Notifier;
use super::receivers::Receivers;
use super::say::{Level, Say};
use super::signs;
use super::source::Gauges;
use super::systemd::Systemd;
use super::watch::{self, Gauge, Watch};
use super::worker::{Command, Standing};
use crate::app::setup::{Setup, read_config};
use crate::app::vital::{EVERY, Vital};
use crate::config::Config;
use crate::input::batch::{Batch, now};
use crate::model::Timestamp;
use crate::web::Server;
use anyhow::{Result, bail};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Interval, MissedTickBehavior, interval};

/// How often the engine is told the time.
const TICK: Duration = Duration::from_secs(1);
/// Ticks between two looks at what changes slowly.
const SELDOM: u64 = 60;

/// What the control plane holds on to.
pub struct Plane {
    run: Run,
    /// As configured.
    pub config: Config,
    folder: PathBuf,
    say: Say,
    watch: Watch,
    systemd: Systemd,
    ticks: u64,
    /// When the engine last answered, and how often it had.
    answered: (Timestamp, u64),
    /// Early warnings so far.
    pub warnings: Arc<AtomicU64>,
    /// Tells people, where that is configured.
    pub notifier: Option<Notifier>,
    /// How the engine's thread stands.
    pub standing: Arc<Mutex<Standing>>,
    running: Option<Running>,
    /// The dashboard, where there is one.
    pub server: Option<Server>,
}

/// What runs beside it.
struct Running {
    receivers: Receivers,
    commands: mpsc::Sender<Command>,
    /// Batches on their way; it must not keep the way open.
    queue: mpsc::WeakSender<Batch>,
    /// Says when the engine's thread is done.
    done: oneshot::Receiver<()>,
}

/// Signals and timers. They are caught from the moment this exists: make it before anything is announced.
pub struct Events {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
    tick: Interval,
    save: Interval,
}

impl Events {
    /// Catches the signals; the state is to be saved `every` so often.
    ///
    /// # Errors
    ///
    /// A signal cannot be caught.
    pub fn new(every: Duration) -> Result<Self> {
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
    /// Nothing runs yet.
    pub fn new(run: Run, config: Config, folder: PathBuf, say: Say) -> Self {
        Self {
            run,
            config,
            folder,
            say,
            watch: Watch::new(say),
            systemd: Systemd::new(),
            ticks: 0,
            answered: (now(), 0),
            warnings: Arc::default(),
            notifier: None,
            standing: Arc::default(),
            running: None,
            server: None,
        }
    }

    /// How what can be used up stood at the last look.
    pub fn gauges(&self) -> Gauges {
        Arc::clone(&self.watch.seen)
    }

    /// Takes charge of what runs.
    pub fn begin(
        &mut self,
        receivers: Receivers,
        commands: mpsc::Sender<Command>,
        queue: mpsc::WeakSender<Batch>,
        done: oneshot::Receiver<()>,
    ) {
        self.running = Some(Running {
            receivers,
            commands,
            queue,
            done,
        });
    }

    /// Obeys until told to stop.
    ///
    /// # Errors
    ///
    /// The engine's thread ended by itself.
    pub async fn control(mut self, mut events: Events) -> Result<()> {
        let Some(mut running) = self.running.take() else {
            return Ok(());
        };
        self.look_seldom();
        self.leave_signs(now(), false);
        self.systemd.ready();
        self.say.info("ready");
        loop {
            tokio::select! {
                biased;
                _ = events.interrupt.recv() => break,
                _ = events.terminate.recv() => break,
                _ = &mut running.done => {
                    running.receivers.stop();
                    bail!("the engine's thread ended by itself");
                }
                _ = events.hang_up.recv() => self.reload(&running).await,
                _ = events.tick.tick() => self.tick(&mut running),
                _ = events.save.tick() => self.save(&running),
            }
        }
        self.stop(running, events).await
    }

    fn tick(&mut self, running: &mut Running) {
        let at = now();
        self.ticks += 1;
        let look = running.receivers.look();
        for (name, count) in &look.dropped {
            self.say.warn(format!(
                "{count} datagrams or packets of {name} were dropped: its buffer was full"
            ));
            self.watch.lost(name, self.ticks);
        }
        let count = look.dropped.iter().map(|(_, count)| count).sum();
        if count > 0 {
            running.order(Command::Lost(count));
        }
        running.order(Command::Tick(at));
        self.watch.clock(Instant::now(), at);
        for (name, share) in look.fill {
            self.watch.look(&gauge(
                format!("receive buffer of {name}"),
                share,
                "then the kernel drops datagrams",
            ));
        }
        let queue = running.waiting();
        self.watch.look(&gauge(
            "queue to the engine".to_owned(),
            queue.1,
            "then receivers wait",
        ));
        let standing = self.standing();
        let share = standing.memory as f64 / self.config.memory_limit.max(1) as f64;
        self.watch.look(&gauge(
            "memory limit".to_owned(),
            share,
            "then tables refuse what is new",
        ));
        if self.ticks.is_multiple_of(SELDOM) {
            self.look_seldom();
        }
        self.watch.well(self.ticks);
        self.pass_troubles();
        self.warnings.store(self.watch.warnings, Ordering::Relaxed);
        self.systemd.alive(standing.beats);
        if standing.beats != self.answered.1 {
            self.answered = (at, standing.beats);
        }
        if self.ticks.is_multiple_of(EVERY.as_secs()) {
            self.leave_signs(at, false);
        }
    }

    /// People are told of what is wrong with the program itself.
    fn pass_troubles(&mut self) {
        let troubles = std::mem::take(&mut self.watch.troubles);
        if let Some(notifier) = &self.notifier {
            troubles.into_iter().for_each(|own| notifier.own(own));
        }
    }

    fn look_seldom(&mut self) {
        let disk = watch::disk(&self.folder);
        for gauge in disk
            .into_iter()
            .chain(watch::databases(&self.config, SystemTime::now()))
        {
            self.watch.look(&gauge);
        }
    }

    /// Leaves signs of life for monitors. That they cannot be left shows by their age.
    fn leave_signs(&self, at: Timestamp, stopped: bool) {
        let board = self.notifier.as_ref().map(Notifier::board).unwrap_or_default();
        let vital = Vital {
            at,
            answered_at: self.answered.0,
            stopped,
            ..signs::of(&self.standing(), &board, &self.watch.seen)
        };
        let _ = vital.write(&self.folder);
    }

    fn standing(&self) -> Standing {
        self.standing.lock().map(|standing| *standing).unwrap_or_default()
    }

    fn save(&self, running: &Running) {
        running.order(Command::Save);
        let standing = self.standing();
        self.systemd.status(&format!(
            "{} exporters, {} records, {} packets, {} anomalies open",
            standing.exporters, standing.records, standing.packets, standing.open
        ));
        if self.say.says(Level::Debug) {
            self.say.debug(statistics(running, &standing));
            let board = self.notifier.as_ref().map(Notifier::board).unwrap_or_default();
            let board = board.lock().map(|board| board.clone()).unwrap_or_default();
            for (name, route) in board {
                self.say.debug(format!(
                    "route {name}: sent={} retried={} given_up={} waiting={} held={}",
                    route.tally.sent,
                    route.tally.retried,
                    route.tally.given_up,
                    route.tally.waiting,
                    route.held
                ));
            }
        }
    }

    /// Reads the configuration anew beside the engine's thread, and has it take over what can be used.
    async fn reload(&mut self, running: &Running) {
        self.say.info("reloading");
        self.systemd.reloading();
        let path = self.run.config.clone();
        let read = tokio::task::spawn_blocking(move || Setup::new(read_config(path.as_deref())?)).await;
        match read {
            Ok(Ok(setup)) => {
                setup.blind.iter().for_each(|words| self.say.warn(words));
                self.unchanged(&setup.config);
                self.config = setup.config.clone();
                let _ = running.commands.send(Command::Reload(Box::new(setup))).await;
            }
            Ok(Err(error)) => self
                .say
                .error(format!("the old configuration stays in use: {error:#}")),
            Err(error) => self
                .say
                .error(format!("the old configuration stays in use: {error}")),
        }
        self.systemd.ready();
    }

    /// Says what a reload cannot change: what was opened with privileges that are gone.
    fn unchanged(&self, new: &Config) {
        let old = &self.config;
        for (section, differs) in [
            ("listen", old.listen != new.listen),
            ("capture", old.captures != new.captures),
            ("state", old.state != new.state),
            ("output", old.output != new.output),
            ("run", old.run != new.run),
            ("metering", old.metering != new.metering),
            ("collect", old.collect != new.collect),
            ("notify", old.notify != new.notify),
            ("web", old.web != new.web),
        ] {
            if differs {
                self.say.warn(format!(
                    "`{section}` has changed: that takes effect at the next start"
                ));
            }
        }
    }

    /// Stops in order: receivers first, then the engine when it has taken everything. A second signal ends it at once.
    async fn stop(self, running: Running, mut events: Events) -> Result<()> {
        self.say.info("stopping");
        self.leave_signs(now(), true);
        self.systemd.stopping();
        let Running {
            mut receivers, done, ..
        } = running;
        receivers.stop();
        let notifier = self.notifier;
        let (server, say) = (self.server, self.say);
        let joined = tokio::task::spawn_blocking(move || {
            if let Some(Err(error)) = server.map(Server::stop) {
                say.error(format!("the dashboard had failed: {error}"));
            }
            receivers.join();
        });
        let rest = async {
            let _ = joined.await;
            let done = done.await;
            // The last to stop: it tells of what the engine found last.
            if let Some(notifier) = notifier {
                let _ = tokio::task::spawn_blocking(move || notifier.stop()).await;
            }
            done
        };
        tokio::select! {
            outcome = rest => match outcome {
                Ok(()) => self.say.info("stopped"),
                Err(_) => bail!("the engine's thread failed while stopping"),
            },
            _ = events.interrupt.recv() => abandon(self.say),
            _ = events.terminate.recv() => abandon(self.say),
        }
        Ok(())
    }
}

impl Running {
    /// Gives an order; one that finds no room is left out, the next will come.
    fn order(&self, command: Command) {
        let _ = self.commands.try_send(command);
    }

    /// Batches that wait for the engine, and their share of the room.
    fn waiting(&self) -> (usize, f64) {
        self.queue.upgrade().map_or((0, 0.0), |queue| {
            let waiting = queue.max_capacity() - queue.capacity();
            (waiting, waiting as f64 / queue.max_capacity() as f64)
        })
    }
}

/// Counters since the start, by name.
fn statistics(running: &Running, standing: &Standing) -> String {
    let own = [
        ("messages", standing.messages),
        ("packets", standing.packets),
        ("records", standing.records),
        ("exporters", standing.exporters),
        ("anomalies", standing.anomalies),
        ("open", standing.open),
        ("memory", standing.memory),
        ("queue", running.waiting().0 as u64),
    ];
    let all = running.receivers.sums().into_iter().chain(own);
    all.fold("statistics:".to_owned(), |line, (name, count)| {
        format!("{line} {name}={count}")
    })
}

fn gauge(name: String, share: f64, then: &'static str) -> Gauge {
    Gauge { name, share, then }
}

fn abandon(say: Say) {
    say.warn("stopped at once, at the second signal: what was learned since the last save is lost");
    std::process::exit(1);
}
