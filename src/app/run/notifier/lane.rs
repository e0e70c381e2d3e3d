//! One route's worker: its messages in order, one at a time, again and again until the receiver has them.

use super::super::say::Say;
use crate::app::ways::Way;
use crate::dispatch::{Own, pause};
use crate::input::batch::now;
use crate::model::{Severity, Timestamp};
use crate::notify::{Message, Outcome, Sender};
use crate::store::desk::{Desk, DeskError, Waiting};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::Notify;

/// Messages that are not kept, and wait; more than what is told again at a time.
const FLEETING: usize = 600;
/// Nobody sleeps longer: the clock may be set meanwhile.
const NAP: Duration = Duration::from_secs(5);
/// A due time farther ahead was made before the clock was set back.
const FARTHEST: Duration = Duration::from_secs(2 * 3600);
/// A receiver that fails for so long is a trouble that other routes tell of.
const TROUBLE: Duration = Duration::from_secs(300);

/// A route, as its worker sees it.
pub(super) struct Lane {
    pub(super) name: String,
    pub(super) queue: u64,
    give_up: Duration,
    fleeting: RefCell<VecDeque<Message>>,
    pub(super) wake: Notify,
    /// Since when every attempt failed, and why the newest did.
    pub(super) failing: RefCell<Option<(Timestamp, String)>>,
    /// What other routes should tell of this one.
    pub(super) troubles: RefCell<Vec<Own>>,
    told: RefCell<bool>,
    /// A message was given up since the newest that was sent.
    lost: RefCell<bool>,
}

impl Lane {
    pub(super) fn new(way: &Way) -> Self {
        Self {
            name: way.route.name.clone(),
            queue: way.queue,
            give_up: way.give_up,
            fleeting: RefCell::default(),
            wake: Notify::new(),
            failing: RefCell::default(),
            troubles: RefCell::default(),
            told: RefCell::default(),
            lost: RefCell::default(),
        }
    }

    /// Takes a message that is not kept; of too many the oldest goes.
    pub(super) fn pass(&self, message: Message) {
        let mut fleeting = self.fleeting.borrow_mut();
        if fleeting.len() >= FLEETING {
            fleeting.pop_front();
        }
        fleeting.push_back(message);
        self.wake.notify_one();
    }

    /// Sends for ever.
    pub(super) async fn work(self: Rc<Self>, mut sender: Sender, desk: Rc<RefCell<Desk>>, say: Say) {
        loop {
            let message = self.fleeting.borrow_mut().pop_front();
            if let Some(message) = message {
                let outcome = sender.send(&message, now()).await;
                self.saw(&outcome, say);
                if matches!(outcome, Outcome::Again { .. }) {
                    // The next ones would wait for the same receiver, and are told anew soon.
                    self.fleeting.borrow_mut().clear();
                }
                continue;
            }
            let next = desk.borrow().next_letter(&self.name);
            let nap = match next {
                Ok(Some(letter)) => match wait(&letter, now()) {
                    Duration::ZERO => match self.deliver(&letter, &mut sender, &desk, say).await {
                        Ok(()) => continue,
                        // The same message comes again, under the same name.
                        Err(_) => NAP / 5,
                    },
                    wait => wait.min(NAP),
                },
                Ok(None) => NAP,
                Err(_) => NAP / 5,
            };
            let _ = tokio::time::timeout(nap, self.wake.notified()).await;
        }
    }

    async fn deliver(
        &self,
        letter: &Waiting,
        sender: &mut Sender,
        desk: &RefCell<Desk>,
        say: Say,
    ) -> Result<(), DeskError> {
        let outcome = match serde_json::from_str::<Message>(&letter.body) {
            Ok(message) => sender.send(&message, now()).await,
            Err(error) => Outcome::Never(format!("it cannot be read: {error}")),
        };
        self.saw(&outcome, say);
        let (at, mut desk) = (now(), desk.borrow_mut());
        match outcome {
            Outcome::Sent(_) | Outcome::Nothing => desk.letter_sent(&self.name, letter.id, at),
            Outcome::Again { why, .. } if at.since(letter.made_at) >= self.give_up => {
                self.given_up(letter, &why, say);
                desk.letter_given_up(&self.name, letter.id, &why, at)
            }
            Outcome::Again { why, after } => {
                let due = at + pause(&letter.message, letter.attempts.saturating_add(1), after);
                desk.letter_failed(&self.name, letter.id, due, &why)
            }
            Outcome::Never(why) => {
                self.given_up(letter, &why, say);
                desk.letter_given_up(&self.name, letter.id, &why, at)
            }
        }
    }

    /// A message is lost to this receiver: never without a word.
    fn given_up(&self, letter: &Waiting, why: &str, say: Say) {
        let words = format!(
            "route `{}`: message {} is given up: {why}",
            self.name, letter.message
        );
        say.error(&words);
        if letter.severity >= Severity::High as u8 {
            self.lost.replace(true);
            self.trouble("given-up", words, false);
        }
    }

    /// Says when a receiver begins to fail, and when it is well again.
    fn saw(&self, outcome: &Outcome, say: Say) {
        let mut failing = self.failing.borrow_mut();
        match outcome {
            Outcome::Again { why, .. } => {
                let since = failing.as_ref().map_or_else(now, |(since, _)| *since);
                if failing.is_none() {
                    say.warn(format!("route `{}` fails, and is tried again: {why}", self.name));
                }
                *failing = Some((since, why.clone()));
                if now().since(since) >= TROUBLE && !self.told.replace(true) {
                    self.trouble(
                        "route",
                        format!("route `{}` has failed for five minutes: {why}", self.name),
                        false,
                    );
                }
            }
            Outcome::Sent(_) | Outcome::Never(_) => {
                if failing.take().is_some() {
                    say.info(format!("route `{}` is well again", self.name));
                }
                if self.told.replace(false) {
                    self.trouble("route", format!("route `{}` is well again", self.name), true);
                }
            }
            Outcome::Nothing => {}
        }
        if matches!(outcome, Outcome::Sent(_)) && self.lost.replace(false) {
            self.trouble("given-up", format!("route `{}` delivers again", self.name), true);
        }
    }

    fn trouble(&self, what: &str, text: String, is_over: bool) {
        self.troubles.borrow_mut().push(Own {
            name: format!("{what}-{}", self.name),
            text,
            severity: Severity::High,
            is_over,
        });
    }

    /// Waits until nothing is left that could be sent now.
    pub(super) async fn idle(&self, desk: &RefCell<Desk>) {
        loop {
            let next = desk.borrow().next_letter(&self.name);
            let is_due = next.is_ok_and(|next| next.is_some_and(|letter| wait(&letter, now()).is_zero()));
            if !is_due {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// How long a message is not to be sent yet.
fn wait(letter: &Waiting, at: Timestamp) -> Duration {
    let wait = letter.due.since(at);
    if wait > FARTHEST { Duration::ZERO } else { wait }
}
