//! The thread that tells people: it reads the history as it grows, decides, and has a worker for each route that sends.
//!
//! It is told nothing but where the state lies. A receiver that hangs holds up its own worker alone.

mod board;
mod lane;

use super::say::Say;
use super::worker::Standing;
use crate::app::ways::Way;
use crate::dispatch::{Dispatcher, Input, Now, Own, Phase, RouteState};
use crate::filter::AnomalyFilter;
use crate::input::batch::now;
use crate::model::{AnomalyId, Timestamp};
use crate::notify::{Brief, Message, Speaker};
use crate::store::desk::{Decided, Desk, DeskError, Letter, Limits};
use anyhow::{Context, Result};

pub use board::{Board, RouteBoard, Shown};
use lane::Lane;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::LocalSet;

/// How often the history is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// Lines of the history decided on in one transaction.
const LINES: usize = 200;
/// Troubles of the program itself under way to this thread.
const TROUBLES: usize = 64;
/// The engine is not alive when it has not answered for so long.
const DEAD: Duration = Duration::from_secs(30);
/// When the program stops, workers may go on for so long; the rest is sent at the next start.
const LAST: Duration = Duration::from_secs(2);

enum Command {
    Own(Own),
    Stop,
}

/// The thread.
pub struct Notifier {
    commands: mpsc::Sender<Command>,
    board: Shown,
    thread: JoinHandle<()>,
}

impl Notifier {
    /// Opens the channels and starts to tell; none where no route is configured.
    ///
    /// # Errors
    ///
    /// A channel cannot be opened, or the desk.
    pub fn start(
        folder: &Path,
        ways: Vec<Way>,
        speaker: Speaker,
        standing: Arc<Mutex<Standing>>,
        say: Say,
    ) -> Result<Option<Self>> {
        if ways.is_empty() {
            return Ok(None);
        }
        // What is past when they are first configured is told to nobody, and what comes from now on is.
        let mut desk = Desk::open(folder)?;
        let cursor = desk.open_outbox()?;
        let mut senders = Vec::new();
        for way in &ways {
            senders.push(way.open()?);
        }
        let (commands, inbox) = mpsc::channel(TROUBLES);
        let board: Shown = Arc::default();
        let shown = Arc::clone(&board);
        let thread = thread::Builder::new().name("notify".to_owned()).spawn(move || {
            let lanes: Vec<Rc<Lane>> = ways.iter().map(|way| Rc::new(Lane::new(way))).collect();
            let desk = Rc::new(RefCell::new(desk));
            let pump = Pump {
                cursor,
                filters: ways
                    .iter()
                    .map(|way| (way.route.name.clone(), way.filter.clone()))
                    .collect(),
                dispatcher: Dispatcher::new(
                    ways.iter().map(|way| way.route.clone()).collect(),
                    BTreeMap::new(),
                ),
                is_stale: true,
                is_failing: false,
                pulse: (0, Instant::now()),
                written: BTreeMap::new(),
                desk: Rc::clone(&desk),
                lanes,
                speaker,
                standing,
                board: shown,
                say,
            };
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            match runtime {
                Ok(runtime) => {
                    let local = LocalSet::new();
                    for (lane, sender) in pump.lanes.iter().zip(senders) {
                        local.spawn_local(Rc::clone(lane).work(sender, Rc::clone(&desk), say));
                    }
                    runtime.block_on(local.run_until(pump.run(inbox)));
                    drop(local);
                    runtime.shutdown_background();
                }
                Err(error) => say.error(format!("nobody can be told of anything: {error}")),
            }
        });
        let thread = thread.context("the thread that tells people")?;
        Ok(Some(Self {
            commands,
            board,
            thread,
        }))
    }

    /// Tells of a trouble of the program itself, or its end. One that finds no room is left out.
    pub fn own(&self, own: Own) {
        let _ = self.commands.try_send(Command::Own(own));
    }

    /// How routes stand.
    pub fn board(&self) -> Shown {
        Arc::clone(&self.board)
    }

    /// Decides on what is left and ends. It blocks, for a few seconds at most.
    pub fn stop(self) {
        let Self { commands, thread, .. } = self;
        // Where there is no room, that the sender is gone says the same.
        let _ = commands.try_send(Command::Stop);
        drop(commands);
        let _ = thread.join();
    }
}

/// Reads, decides, keeps.
struct Pump {
    cursor: u64,
    filters: BTreeMap<String, Option<AnomalyFilter>>,
    dispatcher: Dispatcher,
    /// The states in memory are not those on the disk.
    is_stale: bool,
    is_failing: bool,
    /// Beats of the engine, and since when there are so many.
    pulse: (u64, Instant),
    /// The states as they were last written.
    written: BTreeMap<String, String>,
    desk: Rc<RefCell<Desk>>,
    lanes: Vec<Rc<Lane>>,
    speaker: Speaker,
    standing: Arc<Mutex<Standing>>,
    board: Shown,
    say: Say,
}

impl Pump {
    async fn run(mut self, mut inbox: mpsc::Receiver<Command>) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let mut troubles = Vec::new();
            let mut stops = false;
            tokio::select! {
                command = inbox.recv() => match command {
                    Some(Command::Own(own)) => troubles.push(own),
                    Some(Command::Stop) | None => stops = true,
                },
                _ = look.tick() => {}
            }
            for lane in &self.lanes {
                troubles.append(&mut lane.troubles.borrow_mut());
            }
            while self.turn(std::mem::take(&mut troubles)) {
                // Workers send meanwhile.
                tokio::task::yield_now().await;
            }
            self.publish();
            if stops {
                break;
            }
        }
        let idle = async {
            for lane in &self.lanes {
                lane.idle(&self.desk).await;
            }
        };
        let _ = tokio::time::timeout(LAST, idle).await;
        self.publish();
    }

    /// Decides on what is new; whether there is more.
    fn turn(&mut self, troubles: Vec<Own>) -> bool {
        match self.attempt(troubles) {
            Ok(more) => {
                if std::mem::take(&mut self.is_failing) {
                    self.say.info("messages are decided on again");
                }
                more
            }
            Err(error) => {
                if !std::mem::replace(&mut self.is_failing, true) {
                    self.say
                        .error(format!("nobody is told of what is new for now: {error}"));
                }
                self.is_stale = true;
                false
            }
        }
    }

    fn attempt(&mut self, troubles: Vec<Own>) -> Result<bool, DeskError> {
        let at = now();
        if self.is_stale {
            self.load(at)?;
        }
        let entries = self.desk.borrow().since(self.cursor, LINES)?;
        let mut decisions = Vec::new();
        for entry in &entries {
            // One that was forgotten meanwhile took its lines with it.
            let Some(kept) = self.desk.borrow().anomaly(entry.anomaly, at)? else {
                continue;
            };
            let passes = |route: &str| {
                let filter = self.filters.get(route).and_then(Option::as_ref);
                filter.is_none_or(|filter| filter.matches(&kept.facts))
            };
            let input = Input {
                entry,
                facts: &(&kept.facts).into(),
                silenced: kept.silence.is_some(),
                passes: &passes,
            };
            decisions.extend(self.dispatcher.step(&input, at));
        }
        let more = entries.len() == LINES;
        if !more {
            decisions.extend(self.tick(at));
        }
        let is_news = !entries.is_empty() || !troubles.is_empty();
        for own in &troubles {
            decisions.extend(self.dispatcher.own(own, at));
        }
        let messages: Vec<Message> = decisions
            .into_iter()
            .map(|decision| Message::of(decision, &self.speaker, |id| self.brief(id, at)))
            .collect();
        let (fleeting, lasting): (Vec<Message>, Vec<Message>) = messages
            .into_iter()
            .partition(|message| message.phase.is_fleeting());
        if is_news || !lasting.is_empty() {
            let newest = entries.last().map_or(self.cursor, |entry| entry.seq);
            if let Err(error) = self.keep(&lasting, newest, at) {
                // Where nothing can be written any more, that itself is told all the same.
                let own = |message: &Message| matches!(message.phase, Phase::Trouble | Phase::Well);
                self.pass(lasting.into_iter().filter(own).collect());
                return Err(error);
            }
        }
        self.pass(fleeting);
        Ok(more)
    }

    /// Goes on where the newest transaction left off.
    fn load(&mut self, at: Timestamp) -> Result<(), DeskError> {
        let mut desk = self.desk.borrow_mut();
        self.cursor = desk.open_outbox()?;
        let routes = self.dispatcher.routes().to_vec();
        let names: Vec<String> = routes.iter().map(|route| route.name.clone()).collect();
        self.written = desk.route_states(&names, at)?;
        let mut states: BTreeMap<String, RouteState> = BTreeMap::new();
        for (name, text) in &self.written {
            match serde_json::from_str(text) {
                Ok(state) => drop(states.insert(name.clone(), state)),
                Err(error) => self.say.error(format!("route `{name}` begins anew: {error}")),
            }
        }
        self.dispatcher = Dispatcher::new(routes, states);
        self.is_stale = false;
        Ok(())
    }

    fn tick(&mut self, at: Timestamp) -> Vec<crate::dispatch::Decision> {
        let beats = self
            .standing
            .lock()
            .map(|standing| standing.beats)
            .unwrap_or_default();
        if beats != self.pulse.0 {
            self.pulse = (beats, Instant::now());
        }
        let desk = Rc::clone(&self.desk);
        let silenced = move |id: AnomalyId| {
            let kept = desk.borrow().anomaly(id, at);
            kept.is_ok_and(|kept| kept.is_some_and(|kept| kept.silence.is_some()))
        };
        self.dispatcher.tick(&Now {
            at,
            alive: self.pulse.1.elapsed() < DEAD,
            silenced: &silenced,
        })
    }

    fn brief(&self, id: AnomalyId, at: Timestamp) -> Option<Brief> {
        let kept = self.desk.borrow().anomaly(id, at).ok().flatten()?;
        match Brief::read(&kept.json) {
            Ok(brief) => Some(brief),
            Err(error) => {
                self.say.error(format!(
                    "anomaly {id} is told of without its particulars: {error}"
                ));
                None
            }
        }
    }

    /// Writes what was decided, and wakes those who send it.
    fn keep(&mut self, messages: &[Message], newest: u64, at: Timestamp) -> Result<(), DeskError> {
        let mut decided = Decided {
            cursor: (self.cursor, newest),
            ..Decided::default()
        };
        for (name, state) in self.dispatcher.states() {
            let text = text(state);
            if self.written.get(name) != Some(&text) {
                decided.states.push((name.clone(), text));
            }
        }
        for message in messages {
            decided.letters.push(Letter {
                message: message.id.clone(),
                route: message.route.clone(),
                phase: message.phase.name(),
                severity: message.severity,
                body: text(message),
            });
        }
        let limit = |route: &str| {
            let lane = self.lanes.iter().find(|lane| lane.name == route);
            Limits {
                waiting: lane.map_or(u64::MAX, |lane| lane.queue),
            }
        };
        self.desk.borrow_mut().decide(&decided, limit, at)?;
        self.cursor = newest;
        self.written.extend(decided.states);
        for message in messages {
            let lanes = self.lanes.iter().filter(|lane| lane.name == message.route);
            lanes.for_each(|lane| lane.wake.notify_one());
        }
        Ok(())
    }

    /// Hands over what is not kept.
    fn pass(&self, messages: Vec<Message>) {
        for message in messages {
            if let Some(lane) = self.lanes.iter().find(|lane| lane.name == message.route) {
                lane.pass(message);
            }
        }
    }

    fn publish(&self) {
        let tallies = self.desk.borrow().tallies().unwrap_or_default();
        let Ok(mut board) = self.board.lock() else { return };
        for lane in &self.lanes {
            let state = self.dispatcher.states().get(&lane.name);
            let shown = RouteBoard {
                account: state.map(|state| state.account).unwrap_or_default(),
                held: state.map_or(0, RouteState::held),
                tally: tallies.get(&lane.name).copied().unwrap_or_default(),
                failing: lane.failing.borrow().as_ref().map(|(_, why)| why.clone()),
            };
            board.insert(lane.name.clone(), shown);
        }
    }
}

/// Plain data has a text.
fn text(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
