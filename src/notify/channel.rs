//! What a channel is: where messages go, with which credentials, and what came of one.

use super::secret::Secret;
use super::{
    alertmanager, counters, json_lines, mail, mattermost, pagerduty, script, slack, syslog, telegram, webhook,
};
use std::path::PathBuf;
use std::time::Duration;

/// Where a credential comes from. It never stands in the configuration itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// The first line of a file.
    File(PathBuf),
    /// A variable of the environment.
    Env(String),
}

/// An address: in the configuration, or where credentials are because it is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// As it is.
    Plain(String),
    /// Somewhere safe.
    Hidden(Credential),
}

/// A way out.
#[derive(Clone, Debug, PartialEq)]
pub struct Channel {
    /// Its name.
    pub name: String,
    /// What it speaks.
    pub kind: Kind,
    /// One message may take so long, everything included.
    pub timeout: Duration,
    /// Certificates (PEM) that are trusted instead of those of the system.
    pub ca_file: Option<PathBuf>,
    /// A proxy for HTTP; none is ever taken from the environment.
    pub proxy: Option<String>,
}

/// What a channel speaks.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// PagerDuty Events v2.
    PagerDuty(pagerduty::Settings),
    /// Slack's incoming webhooks.
    Slack(slack::Settings),
    /// Mattermost's incoming webhooks.
    Mattermost(mattermost::Settings),
    /// Telegram's bots.
    Telegram(telegram::Settings),
    /// HTTP as anybody wants it.
    Webhook(webhook::Settings),
    /// Prometheus' Alertmanager, API v2.
    Alertmanager(alertmanager::Settings),
    /// Mail.
    Mail(mail::Settings),
    /// Syslog, with CEF or LEEF in it where wanted.
    Syslog(syslog::Settings),
    /// A file of JSON lines.
    Lines(json_lines::Settings),
    /// Counters of StatsD or Graphite.
    Counters(counters::Settings),
    /// A program.
    Script(script::Settings),
}

impl Kind {
    /// Its name in the configuration.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::PagerDuty(_) => "pagerduty",
            Self::Slack(_) => "slack",
            Self::Mattermost(_) => "mattermost",
            Self::Telegram(_) => "telegram",
            Self::Webhook(_) => "webhook",
            Self::Alertmanager(_) => "alertmanager",
            Self::Mail(_) => "mail",
            Self::Syslog(_) => "syslog",
            Self::Lines(_) => "file",
            Self::Counters(settings) => settings.protocol.name(),
            Self::Script(_) => "script",
        }
    }
}

impl Address {
    fn credential_mut(&mut self) -> Option<&mut Credential> {
        match self {
            Self::Plain(_) => None,
            Self::Hidden(credential) => Some(credential),
        }
    }
}

impl Kind {
    /// Every credential it needs.
    pub fn credentials_mut(&mut self) -> Vec<&mut Credential> {
        let mut all = Vec::new();
        match self {
            Self::PagerDuty(one) => {
                all.extend(one.url.credential_mut());
                all.push(&mut one.key);
            }
            Self::Slack(one) => all.push(&mut one.url),
            Self::Mattermost(one) => all.push(&mut one.url),
            Self::Telegram(one) => {
                all.extend(one.url.credential_mut());
                all.push(&mut one.token);
            }
            Self::Webhook(one) => {
                all.extend(one.url.credential_mut());
                all.extend(one.authorization.iter_mut().chain(&mut one.secret));
            }
            Self::Alertmanager(one) => {
                all.extend(one.url.credential_mut());
                all.extend(&mut one.authorization);
            }
            Self::Mail(one) => all.extend(&mut one.password),
            Self::Syslog(_) | Self::Lines(_) | Self::Counters(_) | Self::Script(_) => {}
        }
        all
    }
}

/// What came of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver has it; what it answered.
    Sent(String),
    /// Try again, not before the time the receiver asked for.
    Again {
        /// Why.
        why: String,
        /// What the receiver asked for.
        after: Option<Duration>,
    },
    /// The receiver will never take this one.
    Never(String),
    /// This channel has no word for it: there is nothing to send.
    Nothing,
}

impl Outcome {
    /// Try again.
    pub(super) fn again(why: impl std::fmt::Display) -> Self {
        Self::Again {
            why: why.to_string(),
            after: None,
        }
    }

    /// The same without credentials in its words.
    pub(super) fn hiding(self, secrets: &[&Secret]) -> Self {
        let hide = |text: String| secrets.iter().fold(text, |text, secret| secret.hide(&text));
        match self {
            Self::Sent(answer) => Self::Sent(hide(answer)),
            Self::Again { why, after } => Self::Again {
                why: hide(why),
                after,
            },
            Self::Never(why) => Self::Never(hide(why)),
            Self::Nothing => Self::Nothing,
        }
    }
}

/// Why a channel cannot be opened, or a credential not be had.
#[derive(Debug, thiserror::Error)]
#[error("channel `{channel}`: {what}")]
pub struct ChannelError {
    /// Which channel.
    pub channel: String,
    /// What is wrong; without credentials.
    pub what: String,
}
