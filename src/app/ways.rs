//! From a configuration to ways out: routes with their calendars, channels with their paths, and who speaks.

use crate::app::Setup;
use crate::config::{self, Config};
use crate::dispatch::Route;
use crate::filter::AnomalyFilter;
use crate::model::Calendar;
use crate::notify::{Channel, ChannelError, Credential, Kind, Message, Sender, Speaker};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A route with everything that sending needs.
#[derive(Clone, Debug)]
pub struct Way {
    /// Who is told what, and when.
    pub route: Route,
    /// Only anomalies that pass it.
    pub filter: Option<AnomalyFilter>,
    /// Through which channel.
    pub channel: Channel,
    /// Messages that may wait.
    pub queue: u64,
    /// A message that could not be sent for so long is given up.
    pub give_up: Duration,
}

impl Way {
    /// Opens its channel.
    ///
    /// # Errors
    ///
    /// A credential, a file of certificates or an address cannot be used.
    pub fn open(&self) -> Result<Sender, ChannelError> {
        Sender::open(&self.channel, &|path: &Path| std::fs::read_to_string(path))
    }
}

/// Who speaks: the name that is configured, or that of this machine; links go where `[notify]` or else `[web]` says that people reach
/// the dashboard.
pub fn speaker(config: &Config) -> Speaker {
    let machine = || {
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let name = name.trim().to_owned();
        if name.is_empty() {
            "tidemark".to_owned()
        } else {
            name
        }
    };
    let url = config
        .notify
        .public_url
        .as_ref()
        .or(config.web.public_url.as_ref());
    Speaker {
        name: config.notify.name.clone().unwrap_or_else(machine),
        url: url.map(|url| url.trim_end_matches('/').to_owned()),
    }
}

/// All ways of a configuration.
pub fn ways(setup: &Setup) -> Vec<Way> {
    let notify = &setup.config.notify;
    let way = |one: &config::Way| {
        let channel = notify
            .channels
            .iter()
            .find(|channel| channel.name == one.channel)?;
        let calendars = |names: &[String]| -> Vec<Calendar> {
            let all = setup.calendars.iter();
            all.filter(|calendar| names.contains(&calendar.name))
                .cloned()
                .collect()
        };
        let route = Route {
            during: calendars(&one.during),
            outside: calendars(&one.outside),
            quiet: calendars(&one.quiet),
            ..one.route.clone()
        };
        Some(Way {
            route,
            filter: one.filter.clone(),
            channel: resolved(channel, &setup.config),
            queue: one.queue,
            give_up: one.give_up,
        })
    };
    notify.routes.iter().filter_map(way).collect()
}

/// A channel whose relative paths are those of the configuration file's folder.
fn resolved(channel: &Channel, config: &Config) -> Channel {
    let mut channel = channel.clone();
    let resolve = |path: &mut PathBuf| *path = config.resolve(path);
    channel.ca_file.iter_mut().for_each(resolve);
    for credential in channel.kind.credentials_mut() {
        if let Credential::File(path) = credential {
            resolve(path);
        }
    }
    match &mut channel.kind {
        Kind::Lines(settings) => settings.path.iter_mut().for_each(resolve),
        Kind::Script(settings) => settings.folder.iter_mut().for_each(resolve),
        _ => {}
    }
    channel
}

/// Sends a message that tries out a route; what the receiver said, in words.
///
/// # Errors
///
/// The channel cannot be opened, or the receiver did not take it.
pub fn try_out(way: &Way, speaker: &Speaker) -> anyhow::Result<String> {
    use crate::notify::Outcome;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let at = crate::input::batch::now();
    let message = Message::test(&way.route.name, speaker, at);
    let mut sender = way.open()?;
    let outcome = runtime.block_on(sender.send(&message, at));
    runtime.shutdown_background();
    match outcome {
        Outcome::Sent(answer) => Ok(format!("sent: {answer}")),
        Outcome::Nothing => Ok("this channel has no word for a test".to_owned()),
        Outcome::Again { why, .. } => anyhow::bail!("not sent, would be tried again: {why}"),
        Outcome::Never(why) => anyhow::bail!("refused for good: {why}"),
    }
}
