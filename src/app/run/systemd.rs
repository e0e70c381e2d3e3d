//! What systemd is told (sd_notify(3)); nothing where it did not start us.

use sd_notify::{NotifyState, notify};

/// Tells systemd, and remembers whether the engine is alive.
#[derive(Debug)]
pub struct Systemd {
    watched: bool,
    beats: u64,
}

impl Systemd {
    /// Finds out whether systemd watches us.
    pub fn new() -> Self {
        Self {
            watched: sd_notify::watchdog_enabled().is_some(),
            beats: 0,
        }
    }

    /// We receive.
    pub fn ready(&self) {
        tell(&[NotifyState::Ready]);
    }

    /// We read our configuration anew; [`Systemd::ready`] ends it.
    pub fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => tell(&[NotifyState::Reloading, now]),
            Err(_) => tell(&[NotifyState::Reloading]),
        }
    }

    /// We stop.
    pub fn stopping(&self) {
        tell(&[NotifyState::Stopping]);
    }

    /// How we stand, for `systemctl status`.
    pub fn status(&self, words: &str) {
        tell(&[NotifyState::Status(words)]);
    }

    /// The engine has answered so many times: where it has not since the last time, the watchdog is left to bark.
    pub fn alive(&mut self, beats: u64) {
        if self.watched && beats != self.beats {
            self.beats = beats;
            tell(&[NotifyState::Watchdog]);
        }
    }
}

/// Without systemd there is nobody to tell.
fn tell(state: &[NotifyState<'_>]) {
    let _ = notify(state);
}
