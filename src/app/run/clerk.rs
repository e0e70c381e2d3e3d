//! The clerk: takes down what the engine tells of anomalies, on a thread of its own, and brings the engine what people said.
//!
//! The engine's thread never waits for the disk. What the desk cannot take at once waits here, in bounded room; when that is full
//! the newest look of open anomalies is left out first, and what happened to anomalies last, counted and said.

use super::say::Say;
use super::worker::Command;
use crate::app::desk;
use crate::engine::Engine;
use crate::input::batch::now;
use crate::model::{Anomaly, AnomalyId, Effect, Timestamp};
use crate::store::desk::{Desk, DeskError, Told, What};
use anyhow::{Context, Result};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::sync::mpsc;

/// How often the clerk looks whether somebody else wrote.
const LOOK: Duration = Duration::from_secs(1);
/// Words that may wait. Beyond half of it how open anomalies look now is left out.
const ROOM: u64 = 20_000;

/// One word of the engine.
#[derive(Debug)]
struct Word {
    what: What,
    at: Timestamp,
    anomaly: Anomaly,
}

#[derive(Debug)]
enum Message {
    Word(Box<Word>),
    Lost(Timestamp, Vec<AnomalyId>),
    Effects(Vec<Effect>),
}

/// The engine's side of the clerk.
#[derive(Debug)]
pub struct Clerk {
    to: Sender<Message>,
    thread: JoinHandle<()>,
    counts: Arc<Counts>,
}

/// What the clerk counts.
#[derive(Debug, Default)]
pub struct Counts {
    /// Words that wait.
    pub waiting: AtomicU64,
    /// Words that were given up: the desk did not follow.
    pub given_up: AtomicU64,
    /// Lines written.
    pub lines: AtomicU64,
    /// Times the desk could not be written.
    pub failures: AtomicU64,
}

impl Clerk {
    /// Opens the desk in `folder`, has the engine go on with what an earlier run left open and heed what people said so
    /// far, and begins.
    ///
    /// # Errors
    ///
    /// The desk cannot be used, or there is no thread to be had.
    pub fn start(
        folder: &Path,
        engine: &mut Engine,
        commands: mpsc::Sender<Command>,
        say: Say,
    ) -> Result<Self> {
        let desk = Desk::open(folder)?;
        let at = now();
        let open = desk.open_anomalies()?;
        if !open.is_empty() {
            say.info(format!("{} anomalies of an earlier run are open", open.len()));
        }
        engine.carry(open);
        let measures = desk.measures_in_force(at)?;
        let seen = desk.changed()?;
        engine.steer(measures).context("what people said of anomalies")?;
        let (to, from) = channel();
        let counts = Arc::<Counts>::default();
        let mut work = Work {
            desk,
            from,
            commands,
            counts: Arc::clone(&counts),
            say,
            seen,
            waiting: Vec::new(),
            lost: None,
            effects: None,
            failing: false,
        };
        let thread = thread::Builder::new()
            .name("desk".to_owned())
            .spawn(move || work.run())?;
        Ok(Self { to, thread, counts })
    }

    /// Tells what happened to an anomaly.
    pub fn tell(&self, what: What, at: Timestamp, anomaly: &Anomaly) {
        let waiting = self.counts.waiting.load(Ordering::Relaxed);
        if waiting >= ROOM || (what == What::Seen && waiting >= ROOM / 2) {
            self.counts.given_up.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.counts.waiting.fetch_add(1, Ordering::Relaxed);
        let anomaly = anomaly.clone();
        // The thread ends only with us.
        let _ = self.to.send(Message::Word(Box::new(Word { what, at, anomaly })));
    }

    /// Tells which anomalies of an earlier run are not found again.
    pub fn lose_sight(&self, at: Timestamp, lost: Vec<AnomalyId>) {
        let _ = self.to.send(Message::Lost(at, lost));
    }

    /// Tells what measures did so far.
    pub fn effects(&self, effects: Vec<Effect>) {
        let _ = self.to.send(Message::Effects(effects));
    }

    /// What it counts.
    pub fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    /// Waits until everything is taken down that can be.
    pub fn finish(self) {
        drop(self.to);
        let _ = self.thread.join();
    }
}

/// The clerk's own side.
struct Work {
    desk: Desk,
    from: Receiver<Message>,
    commands: mpsc::Sender<Command>,
    counts: Arc<Counts>,
    say: Say,
    /// How the desk was when it was last looked at.
    seen: i64,
    waiting: Vec<Word>,
    lost: Option<(Timestamp, Vec<AnomalyId>)>,
    effects: Option<Vec<Effect>>,
    failing: bool,
}

impl Work {
    fn run(&mut self) {
        loop {
            let first = self.from.recv_timeout(LOOK);
            let over = matches!(first, Err(RecvTimeoutError::Disconnected));
            first.into_iter().for_each(|message| self.hear(message));
            while let Ok(message) = self.from.try_recv() {
                self.hear(message);
            }
            let written = self.write();
            self.note(written);
            if over {
                return self.give_up();
            }
            let looked = self.look();
            self.note(looked);
            if self.failing {
                thread::park_timeout(LOOK);
            }
        }
    }

    fn hear(&mut self, message: Message) {
        match message {
            Message::Word(word) => self.waiting.push(*word),
            Message::Lost(at, lost) => {
                let all = &mut self.lost.get_or_insert((at, Vec::new())).1;
                all.extend(lost);
            }
            Message::Effects(effects) => self.effects = Some(effects),
        }
    }

    fn write(&mut self) -> std::result::Result<(), DeskError> {
        if !self.waiting.is_empty() {
            let lines: Vec<String> = self
                .waiting
                .iter()
                .map(|word| desk::line(&word.anomaly))
                .collect();
            let told = self.waiting.iter().zip(&lines).map(|(word, json)| Told {
                what: word.what,
                at: word.at,
                anomaly: &word.anomaly,
                json,
            });
            let entries = self.desk.observe(&told.collect::<Vec<_>>())?;
            self.counts
                .lines
                .fetch_add(entries.len() as u64, Ordering::Relaxed);
            self.counts
                .waiting
                .fetch_sub(self.waiting.len() as u64, Ordering::Relaxed);
            self.waiting.clear();
        }
        if let Some((at, lost)) = &self.lost {
            let entries = self.desk.lose_sight(*at, lost)?;
            self.counts
                .lines
                .fetch_add(entries.len() as u64, Ordering::Relaxed);
            self.lost = None;
        }
        if let Some(effects) = &self.effects {
            self.desk.put_effects(effects)?;
            self.effects = None;
        }
        Ok(())
    }

    /// Looks whether people said something, and brings it to the engine.
    fn look(&mut self) -> std::result::Result<(), DeskError> {
        let changed = self.desk.changed()?;
        if changed != self.seen {
            let measures = self.desk.measures_in_force(now())?;
            // When the engine is too busy to listen it is told the next time.
            if self.commands.try_send(Command::Steer(measures)).is_ok() {
                self.seen = changed;
            }
        }
        Ok(())
    }

    /// Says when the desk fails, and when it works again.
    fn note(&mut self, outcome: std::result::Result<(), DeskError>) {
        match outcome {
            Ok(()) if self.failing => {
                self.say.info("the desk can be written again");
                self.failing = false;
            }
            Ok(()) => {}
            Err(error) => {
                self.counts.failures.fetch_add(1, Ordering::Relaxed);
                if !self.failing {
                    let words = "what happens to anomalies waits until it can be written";
                    self.say.error(format!("{error}; {words}"));
                }
                self.failing = true;
            }
        }
    }

    fn give_up(&self) {
        let lost = self.waiting.len() as u64 + self.counts.given_up.load(Ordering::Relaxed);
        if lost > 0 {
            self.say.error(format!(
                "{lost} words about anomalies could not be written to the desk"
            ));
        }
    }
}
