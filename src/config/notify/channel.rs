//! `[notify.channel.NAME]`: the ways out. No key holds a credential; `*_file` and `*_env` say where one is.

use super::super::section::{Entry, Result, Section};
use super::super::{HOUR, SECOND, path};
use crate::notify::{
    Address, Channel, Credential, Kind, Method, Speaker, alertmanager, counters, json_lines, mail,
    mattermost, pagerduty, script, slack, syslog, telegram, webhook,
};
use std::net::IpAddr;

/// Reads all channels, in the order of the file.
pub(super) fn all(section: Section<'_>) -> Result<Vec<Channel>> {
    let entries = section.into_entries().into_iter();
    entries.map(|(name, entry)| channel(name, &entry)).collect()
}

/// What a channel can be, by name.
#[derive(Clone, Copy)]
enum Is {
    PagerDuty,
    Slack,
    Mattermost,
    Telegram,
    Webhook,
    Alertmanager,
    Mail,
    Syslog,
    File,
    StatsD,
    Graphite,
    Script,
}

const KNOWN: [(&str, Is); 12] = [
    ("pagerduty", Is::PagerDuty),
    ("slack", Is::Slack),
    ("mattermost", Is::Mattermost),
    ("telegram", Is::Telegram),
    ("webhook", Is::Webhook),
    ("alertmanager", Is::Alertmanager),
    ("mail", Is::Mail),
    ("syslog", Is::Syslog),
    ("file", Is::File),
    ("statsd", Is::StatsD),
    ("graphite", Is::Graphite),
    ("script", Is::Script),
];

fn channel(name: String, entry: &Entry<'_>) -> Result<Channel> {
    super::sound_name(entry, &name)?;
    let mut table = entry.section()?;
    let channel = Channel {
        name,
        kind: kind(&mut table)?,
        timeout: table.or("timeout", SECOND * 10, |e| e.duration(SECOND / 10..=SECOND * 300))?,
        ca_file: table.maybe("ca_file", path)?,
        proxy: table.maybe("proxy", url)?,
    };
    table.finish().map(|()| channel)
}

fn kind(table: &mut Section<'_>) -> Result<Kind> {
    let is = table.need("type")?.choice("a type of channel", &KNOWN)?;
    Ok(match is {
        Is::PagerDuty => Kind::PagerDuty(pagerduty::Settings {
            url: address(table, Some(pagerduty::URL))?,
            key: need(table, "key_file", "key_env")?,
        }),
        Is::Slack => Kind::Slack(slack::Settings {
            url: need(table, "url_file", "url_env")?,
        }),
        Is::Mattermost => Kind::Mattermost(mattermost::Settings {
            url: need(table, "url_file", "url_env")?,
            channel: table.maybe("channel", Entry::line)?,
        }),
        Is::Telegram => Kind::Telegram(telegram::Settings {
            url: address(table, Some(telegram::URL))?,
            token: need(table, "token_file", "token_env")?,
            chat: table.need("chat")?.line()?,
        }),
        Is::Webhook => Kind::Webhook(hook(table)?),
        Is::Alertmanager => Kind::Alertmanager(alertmanager::Settings {
            url: address(table, None)?,
            authorization: credential(table, "authorization_file", "authorization_env")?,
            lasts: table.or("lasts", SECOND * 300, |e| e.duration(SECOND * 10..=HOUR * 24))?,
            labels: table.or("labels", Vec::new(), pairs)?,
        }),
        Is::Mail => Kind::Mail(letter(table)?),
        Is::Syslog => Kind::Syslog(log(table)?),
        Is::File => Kind::Lines(json_lines::Settings {
            path: Some(table.need("path")?.line()?)
                .filter(|path| path != "-")
                .map(Into::into),
            shape: table.or("shape", json_lines::Shape::Plain, |e| {
                e.choice("a shape", &json_lines::Shape::KNOWN)
            })?,
        }),
        Is::StatsD => Kind::Counters(numbers(table, counters::Protocol::StatsD)?),
        Is::Graphite => Kind::Counters(numbers(table, counters::Protocol::Graphite)?),
        Is::Script => Kind::Script(program(table)?),
    })
}

/// A credential that may be missing.
fn credential(table: &mut Section<'_>, file: &'static str, env: &'static str) -> Result<Option<Credential>> {
    let from_file = table.maybe(file, path)?;
    let from_env = table.maybe(env, Entry::line)?;
    match (from_file, from_env) {
        (Some(_), Some(_)) => Err(table.error(format!("both `{file}` and `{env}`: only one can be meant"))),
        (Some(path), None) => Ok(Some(Credential::File(path))),
        (None, env) => Ok(env.map(Credential::Env)),
    }
}

fn need(table: &mut Section<'_>, file: &'static str, env: &'static str) -> Result<Credential> {
    let found = credential(table, file, env)?;
    found.ok_or_else(|| {
        table.error(format!(
            "needs `{file}` or `{env}`: credentials do not stand here"
        ))
    })
}

/// An address of HTTP without credentials.
pub(super) fn url(entry: &Entry<'_>) -> Result<String> {
    let text = entry.line()?;
    let rest = ["http://", "https://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    let Some(rest) = rest.filter(|rest| !rest.is_empty() && !rest.starts_with('/')) else {
        return Err(entry.error("expected an address that begins with http:// or https://"));
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(entry.error("a user or password does not stand here; use `url_file` or `url_env`"));
    }
    Ok(text)
}

/// `url`, `url_file` or `url_env`.
fn address(table: &mut Section<'_>, standard: Option<&str>) -> Result<Address> {
    let plain = table.maybe("url", url)?;
    let hidden = credential(table, "url_file", "url_env")?;
    match (plain, hidden, standard) {
        (Some(_), Some(_), _) => {
            Err(table.error("both `url` and where to find it: only one can be meant".to_owned()))
        }
        (Some(url), None, _) => Ok(Address::Plain(url)),
        (None, Some(hidden), _) => Ok(Address::Hidden(hidden)),
        (None, None, Some(standard)) => Ok(Address::Plain(standard.to_owned())),
        (None, None, None) => Err(table.error("needs `url`, `url_file` or `url_env`".to_owned())),
    }
}

/// A table of texts.
fn pairs(entry: &Entry<'_>) -> Result<Vec<(String, String)>> {
    let entries = entry.section()?.into_entries().into_iter();
    entries.map(|(name, entry)| Ok((name, entry.line()?))).collect()
}

fn hook(table: &mut Section<'_>) -> Result<webhook::Settings> {
    let headers = table.or("headers", Vec::new(), headers)?;
    let content_type = table.or("content_type", "application/json".to_owned(), Entry::line)?;
    let body = table.maybe("body", |entry| template(entry, content_type.ends_with("json")))?;
    Ok(webhook::Settings {
        url: address(table, None)?,
        method: table.or("method", Method::Post, |e| e.choice("a method", &Method::KNOWN))?,
        headers,
        authorization: credential(table, "authorization_file", "authorization_env")?,
        secret: credential(table, "secret_file", "secret_env")?,
        content_type,
        body,
    })
}

fn headers(entry: &Entry<'_>) -> Result<Vec<(String, String)>> {
    let headers = pairs(entry)?;
    for (name, value) in &headers {
        let token = |c: char| c.is_ascii_alphanumeric() || "-_.!#$%&'*+^`|~".contains(c);
        if name.is_empty() || !name.chars().all(token) {
            return Err(entry.error(format!("`{name}` is no name of a header")));
        }
        if name.eq_ignore_ascii_case("authorization") {
            return Err(
                entry.error("credentials do not stand here; use `authorization_file` or `authorization_env`")
            );
        }
        check(entry, value)?;
    }
    Ok(headers)
}

fn template(entry: &Entry<'_>, is_json: bool) -> Result<String> {
    let text = entry.text()?;
    check(entry, text)?;
    let made = webhook::check(text, &crate::notify::sample(&Speaker::default())).unwrap_or_default();
    match serde_json::from_str::<serde_json::Value>(&made) {
        Err(error) if is_json => {
            let error = entry.error(format!("what the template makes is no JSON: {error}"));
            Err(error.hint("`{{ title | tojson }}` puts quotes around text and makes it safe".to_owned()))
        }
        _ => Ok(text.to_owned()),
    }
}

/// A template is tried out when it is read, not when somebody should have been woken.
fn check(entry: &Entry<'_>, template: &str) -> Result<()> {
    webhook::check(template, &crate::notify::sample(&Speaker::default()))
        .map(drop)
        .map_err(|error| entry.error(error))
}

fn letter(table: &mut Section<'_>) -> Result<mail::Settings> {
    let mailbox = |entry: &Entry<'_>| {
        let parsed = entry.line()?.parse();
        parsed.map_err(|error| entry.error(format!("no address of mail: {error}")))
    };
    let security = table.or("security", mail::Security::StartTls, |e| {
        e.choice("a way to keep mail private", &mail::Security::KNOWN)
    })?;
    let port = match security {
        mail::Security::StartTls => 587,
        mail::Security::Tls => 465,
        mail::Security::None => 25,
    };
    let entry = table.need("host")?;
    let host = entry.line()?;
    let loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if security == mail::Security::None && !loopback {
        return Err(
            entry.error("mail without TLS goes only to this machine itself (localhost, 127.0.0.1, ::1)")
        );
    }
    let to = table.need("to")?;
    let to = match to.text() {
        Ok(_) => vec![mailbox(&to)?],
        Err(_) => to.list()?.iter().map(mailbox).collect::<Result<Vec<_>>>()?,
    };
    if to.is_empty() {
        return Err(table.error("nobody is to get this mail: `to` is empty".to_owned()));
    }
    let settings = mail::Settings {
        host,
        port: table.or("port", port, |e| Ok(e.amount(1..=65_535)? as u16))?,
        security,
        from: mailbox(&table.need("from")?)?,
        to,
        user: table.maybe("user", Entry::line)?,
        password: credential(table, "password_file", "password_env")?,
    };
    if settings.user.is_some() != settings.password.is_some() {
        return Err(table.error("`user` and `password_file` or `password_env` go together".to_owned()));
    }
    Ok(settings)
}

/// `host:port`.
fn place(entry: &Entry<'_>) -> Result<String> {
    let text = entry.line()?;
    let port = text.rsplit_once(':').filter(|(host, _)| !host.is_empty());
    match port
        .and_then(|(_, port)| port.parse::<u16>().ok())
        .filter(|port| *port > 0)
    {
        Some(_) => Ok(text),
        None => Err(entry.error("expected a host with a port, such as \"log.example.org:514\"")),
    }
}

fn log(table: &mut Section<'_>) -> Result<syslog::Settings> {
    Ok(syslog::Settings {
        to: place(&table.need("to")?)?,
        transport: table.or("transport", syslog::Transport::Udp, |e| {
            e.choice("a transport", &syslog::Transport::KNOWN)
        })?,
        facility: table.or("facility", 16, |e| e.choice("a facility", &syslog::FACILITIES))?,
        format: table.or("format", syslog::Format::Text, |e| {
            e.choice("a format", &syslog::Format::KNOWN)
        })?,
        app: table.or("app", "tidemark".to_owned(), Entry::line)?,
    })
}

fn numbers(table: &mut Section<'_>, protocol: counters::Protocol) -> Result<counters::Settings> {
    Ok(counters::Settings {
        to: place(&table.need("to")?)?,
        protocol,
        prefix: table.or("prefix", "tidemark".to_owned(), Entry::line)?,
    })
}

fn program(table: &mut Section<'_>) -> Result<script::Settings> {
    let entry = table.need("command")?;
    let command = entry.lines()?;
    if command.is_empty() {
        return Err(
            entry.error("expected a program and its arguments, such as [\"/usr/local/bin/page\", \"--now\"]")
        );
    }
    Ok(script::Settings {
        command,
        folder: table.maybe("folder", path)?,
    })
}
