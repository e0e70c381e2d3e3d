//! A channel that is open: its credentials read, its client made. One message at a time.

use super::channel::{Address, Channel, ChannelError, Credential, Kind, Outcome};
use super::message::Message;
use super::secret::Secret;
use super::{
    alertmanager, counters, http, json_lines, mail, mattermost, pagerduty, script, slack, syslog, telegram,
    tls, webhook,
};
use crate::model::Timestamp;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A channel that is open.
pub struct Sender {
    kind: Kind,
    timeout: Duration,
    secrets: Vec<Secret>,
    client: Option<reqwest::Client>,
    mail: Option<mail::Transport>,
    tls: Option<Arc<rustls::ClientConfig>>,
    sums: Arc<Mutex<counters::Sums>>,
    /// What still blocks a thread, because a file or a name server hangs: no second one is begun.
    stuck: Option<tokio::task::JoinHandle<Outcome>>,
}

/// Reads a credential; the text of a file is given by `read`.
fn reveal(
    credential: &Credential,
    read: &dyn Fn(&Path) -> std::io::Result<String>,
) -> Result<Secret, String> {
    let text = match credential {
        Credential::File(path) => read(path).map_err(|error| format!("{}: {error}", path.display()))?,
        Credential::Env(name) => {
            std::env::var(name).map_err(|_| format!("the environment has no variable {name}"))?
        }
    };
    let secret = Secret::new(text.lines().next().unwrap_or_default());
    let place = match credential {
        Credential::File(path) => path.display().to_string(),
        Credential::Env(name) => name.clone(),
    };
    match secret.reveal() {
        "" => Err(format!("{place}: there is nothing in it")),
        _ => Ok(secret),
    }
}

impl Sender {
    /// Opens a channel.
    ///
    /// # Errors
    ///
    /// A credential, a file of certificates or an address cannot be used.
    pub fn open(
        channel: &Channel,
        read: &dyn Fn(&Path) -> std::io::Result<String>,
    ) -> Result<Self, ChannelError> {
        Self::of(channel, read).map_err(|what| ChannelError {
            channel: channel.name.clone(),
            what,
        })
    }

    fn of(channel: &Channel, read: &dyn Fn(&Path) -> std::io::Result<String>) -> Result<Self, String> {
        let secrets = secrets(&channel.kind, read)?;
        let mut sender = Self {
            kind: channel.kind.clone(),
            timeout: channel.timeout,
            client: None,
            mail: None,
            tls: None,
            sums: Arc::default(),
            stuck: None,
            secrets,
        };
        let ca = channel.ca_file.as_deref();
        match &channel.kind {
            Kind::Mail(settings) => {
                let pem = ca.map(|path| read(path).map_err(|error| format!("{}: {error}", path.display())));
                let pem = pem.transpose()?;
                let password = sender.secrets.first();
                let pem = pem.as_ref().map(String::as_bytes);
                sender.mail = Some(mail::transport(settings, password, pem, channel.timeout)?);
            }
            Kind::Syslog(settings) if settings.transport == syslog::Transport::Tls => {
                sender.tls = Some(tls::config(ca)?);
            }
            Kind::Syslog(_) | Kind::Lines(_) | Kind::Counters(_) | Kind::Script(_) => {}
            _ => {
                let proxy = channel.proxy.as_deref();
                sender.client = Some(http::client(tls::config(ca)?, proxy, channel.timeout)?);
            }
        }
        Ok(sender)
    }

    /// Sends one message, within the channel's time.
    pub async fn send(&mut self, message: &Message, now: Timestamp) -> Outcome {
        let outcome = self.attempt(message, now).await;
        // An address that stands in the configuration is no secret, and its host is to be read.
        let plain = usize::from(matches!(address(&self.kind), Some(Address::Plain(_))));
        let secrets: Vec<&Secret> = self.secrets.iter().skip(plain).collect();
        outcome.hiding(&secrets)
    }

    async fn attempt(&mut self, message: &Message, now: Timestamp) -> Outcome {
        match &self.kind {
            Kind::Mail(settings) => match (mail::compose(message, settings), &self.mail) {
                (Ok(Some(mail)), Some(transport)) => {
                    let sent = tokio::time::timeout(self.timeout, mail::send(transport, mail)).await;
                    sent.unwrap_or_else(|_| self.late())
                }
                (Ok(_), _) => Outcome::Nothing,
                (Err(why), _) => Outcome::Never(why),
            },
            Kind::Script(settings) => match script::input(message) {
                Some(input) => script::send(input, settings, self.timeout).await,
                None => Outcome::Nothing,
            },
            Kind::Syslog(_) | Kind::Lines(_) | Kind::Counters(_) => self.block(message).await,
            _ => match (self.request(message, now), &self.client) {
                (Ok(Some(request)), Some(client)) => {
                    let sent = tokio::time::timeout(self.timeout, http::send(client, request)).await;
                    sent.unwrap_or_else(|_| self.late())
                }
                (Ok(_), _) => Outcome::Nothing,
                (Err(why), _) => Outcome::Never(why),
            },
        }
    }

    fn late(&self) -> Outcome {
        Outcome::again(format!("no answer within {} s", self.timeout.as_secs_f64()))
    }

    fn request(&self, message: &Message, now: Timestamp) -> Result<Option<http::Request>, String> {
        let secret = |n: usize| self.secrets.get(n).ok_or("a credential is missing");
        let (url, second) = (secret(0)?, self.secrets.get(1));
        Ok(match &self.kind {
            Kind::PagerDuty(_) => pagerduty::request(message, url, secret(1)?),
            Kind::Slack(_) => slack::request(message, url),
            Kind::Mattermost(settings) => mattermost::request(message, settings, url),
            Kind::Telegram(settings) => telegram::request(message, settings, url, secret(1)?),
            Kind::Alertmanager(settings) => alertmanager::request(message, settings, url, second, now),
            Kind::Webhook(settings) => {
                let mut rest = self.secrets.iter().skip(1).cloned();
                let keys = webhook::Keys {
                    url: url.clone(),
                    authorization: settings.authorization.as_ref().and_then(|_| rest.next()),
                    secret: settings.secret.as_ref().and_then(|_| rest.next()),
                };
                webhook::request(message, settings, &keys, now)?
            }
            _ => None,
        })
    }

    /// What can only be done by waiting is done in another thread; where that hangs, nothing else waits for it.
    async fn block(&mut self, message: &Message) -> Outcome {
        if self.stuck.as_ref().is_some_and(|stuck| !stuck.is_finished()) {
            return Outcome::again("the message before still hangs");
        }
        let (timeout, tls, sums) = (self.timeout, self.tls.clone(), Arc::clone(&self.sums));
        let (kind, message) = (self.kind.clone(), message.clone());
        let mut task = tokio::task::spawn_blocking(move || match &kind {
            Kind::Syslog(settings) => match syslog::line(&message, settings) {
                Some(line) => syslog::send(&line, settings, tls, timeout),
                None => Outcome::Nothing,
            },
            Kind::Lines(settings) => append(&message, settings),
            Kind::Counters(settings) => match sums.lock() {
                Ok(mut sums) => counters::send(&message, settings, &mut sums, timeout),
                Err(_) => Outcome::Nothing,
            },
            _ => Outcome::Nothing,
        });
        match tokio::time::timeout(self.timeout, &mut task).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => Outcome::again(error),
            Err(_) => {
                self.stuck = Some(task);
                self.late()
            }
        }
    }
}

/// The address of a channel, which is the first of its credentials.
const fn address(kind: &Kind) -> Option<&Address> {
    match kind {
        Kind::PagerDuty(one) => Some(&one.url),
        Kind::Telegram(one) => Some(&one.url),
        Kind::Alertmanager(one) => Some(&one.url),
        Kind::Webhook(one) => Some(&one.url),
        _ => None,
    }
}

/// The credentials of a channel, its address first.
fn secrets(kind: &Kind, read: &dyn Fn(&Path) -> std::io::Result<String>) -> Result<Vec<Secret>, String> {
    let address = |address: &Address| match address {
        Address::Plain(url) => Ok(Secret::new(url)),
        Address::Hidden(credential) => reveal(credential, read),
    };
    let reveal = |credential: &Credential| reveal(credential, read);
    Ok(match kind {
        Kind::PagerDuty(one) => vec![address(&one.url)?, reveal(&one.key)?],
        Kind::Slack(one) => vec![reveal(&one.url)?],
        Kind::Mattermost(one) => vec![reveal(&one.url)?],
        Kind::Telegram(one) => vec![address(&one.url)?, reveal(&one.token)?],
        Kind::Alertmanager(one) => {
            let rest = one.authorization.iter().map(reveal);
            std::iter::once(address(&one.url))
                .chain(rest)
                .collect::<Result<_, _>>()?
        }
        Kind::Webhook(one) => {
            let rest = one.authorization.iter().chain(&one.secret).map(reveal);
            std::iter::once(address(&one.url))
                .chain(rest)
                .collect::<Result<_, _>>()?
        }
        Kind::Mail(one) => one.password.iter().map(reveal).collect::<Result<_, _>>()?,
        Kind::Syslog(_) | Kind::Lines(_) | Kind::Counters(_) | Kind::Script(_) => Vec::new(),
    })
}

/// Appends a line, whole. The file is opened anew each time, so it may be renamed at any.
fn append(message: &Message, settings: &json_lines::Settings) -> Outcome {
    let Some(line) = json_lines::line(message, settings.shape) else {
        return Outcome::Nothing;
    };
    let written = match &settings.path {
        None => {
            let mut out = std::io::stdout().lock();
            out.write_all(line.as_bytes()).and_then(|()| out.flush())
        }
        Some(path) => std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .and_then(|mut file| file.write_all(line.as_bytes())),
    };
    let name = settings
        .path
        .as_ref()
        .map_or("standard output".into(), |path| path.display().to_string());
    match written {
        Ok(()) => Outcome::Sent(format!("{} octets to {name}", line.len())),
        Err(error) => Outcome::again(format!("{name}: {error}")),
    }
}
