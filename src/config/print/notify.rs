//! `[notify]` as TOML text. Where credentials are is printed; they themselves are not known here.

use super::super::notify::{Notify, Way};
use super::super::values::span;
use super::{list, quoted};
use crate::dispatch::{Budget, By, Due, On};
use crate::model::WEEKDAYS;
use crate::notify::{Address, Channel, Credential, Kind, json_lines, mail, syslog, webhook};
use std::fmt::{self, Formatter};
use std::path::Path;

pub(super) fn section(f: &mut Formatter<'_>, notify: &Notify) -> fmt::Result {
    writeln!(f, "\n[notify]")?;
    maybe(f, "name", notify.name.as_deref())?;
    maybe(f, "public_url", notify.public_url.as_deref())?;
    notify.channels.iter().try_for_each(|one| channel(f, one))?;
    notify.routes.iter().try_for_each(|one| route(f, one))
}

fn maybe(f: &mut Formatter<'_>, key: &str, text: Option<&str>) -> fmt::Result {
    text.map_or(Ok(()), |text| writeln!(f, "{key} = {}", quoted(text)))
}

fn file(f: &mut Formatter<'_>, key: &str, path: Option<&Path>) -> fmt::Result {
    path.map_or(Ok(()), |path| writeln!(f, "{key} = {}", quoted(path.display())))
}

fn credential(f: &mut Formatter<'_>, key: &str, credential: Option<&Credential>) -> fmt::Result {
    match credential {
        None => Ok(()),
        Some(Credential::File(path)) => writeln!(f, "{key}_file = {}", quoted(path.display())),
        Some(Credential::Env(name)) => writeln!(f, "{key}_env = {}", quoted(name)),
    }
}

fn address(f: &mut Formatter<'_>, address: &Address) -> fmt::Result {
    match address {
        Address::Plain(url) => writeln!(f, "url = {}", quoted(url)),
        Address::Hidden(hidden) => credential(f, "url", Some(hidden)),
    }
}

fn pairs(f: &mut Formatter<'_>, key: &str, pairs: &[(String, String)]) -> fmt::Result {
    if pairs.is_empty() {
        return Ok(());
    }
    let pairs = pairs
        .iter()
        .map(|(name, text)| format!("{} = {}", quoted(name), quoted(text)));
    writeln!(f, "{key} = {{ {} }}", pairs.collect::<Vec<_>>().join(", "))
}

/// The name of a value among those known.
fn name<T: PartialEq>(known: &[(&'static str, T)], value: &T) -> &'static str {
    known
        .iter()
        .find(|(_, one)| one == value)
        .map_or("", |(name, _)| name)
}

fn channel(f: &mut Formatter<'_>, channel: &Channel) -> fmt::Result {
    writeln!(
        f,
        "\n[notify.channel.{}]\ntype = \"{}\"",
        channel.name,
        channel.kind.name()
    )?;
    match &channel.kind {
        Kind::PagerDuty(one) => {
            address(f, &one.url)?;
            credential(f, "key", Some(&one.key))?;
        }
        Kind::Slack(one) => credential(f, "url", Some(&one.url))?,
        Kind::Mattermost(one) => {
            credential(f, "url", Some(&one.url))?;
            maybe(f, "channel", one.channel.as_deref())?;
        }
        Kind::Telegram(one) => {
            address(f, &one.url)?;
            credential(f, "token", Some(&one.token))?;
            maybe(f, "chat", Some(&one.chat))?;
        }
        Kind::Webhook(one) => hook(f, one)?,
        Kind::Alertmanager(one) => {
            address(f, &one.url)?;
            credential(f, "authorization", one.authorization.as_ref())?;
            writeln!(f, "lasts = \"{}\"", span(one.lasts))?;
            pairs(f, "labels", &one.labels)?;
        }
        Kind::Mail(one) => letter(f, one)?,
        Kind::Syslog(one) => {
            writeln!(f, "to = {}", quoted(&one.to))?;
            writeln!(
                f,
                "transport = \"{}\"",
                name(&syslog::Transport::KNOWN, &one.transport)
            )?;
            writeln!(f, "facility = \"{}\"", name(&syslog::FACILITIES, &one.facility))?;
            writeln!(f, "format = \"{}\"", name(&syslog::Format::KNOWN, &one.format))?;
            writeln!(f, "app = {}", quoted(&one.app))?;
        }
        Kind::Lines(one) => {
            let path = one
                .path
                .as_ref()
                .map_or("-".into(), |path| path.display().to_string());
            writeln!(f, "path = {}", quoted(path))?;
            writeln!(f, "shape = \"{}\"", name(&json_lines::Shape::KNOWN, &one.shape))?;
        }
        Kind::Counters(one) => {
            writeln!(f, "to = {}\nprefix = {}", quoted(&one.to), quoted(&one.prefix))?;
        }
        Kind::Script(one) => {
            writeln!(f, "command = {}", list(&one.command))?;
            file(f, "folder", one.folder.as_deref())?;
        }
    }
    writeln!(f, "timeout = \"{}\"", span(channel.timeout))?;
    file(f, "ca_file", channel.ca_file.as_deref())?;
    maybe(f, "proxy", channel.proxy.as_deref())
}

fn hook(f: &mut Formatter<'_>, hook: &webhook::Settings) -> fmt::Result {
    address(f, &hook.url)?;
    writeln!(
        f,
        "method = \"{}\"",
        name(&crate::notify::Method::KNOWN, &hook.method)
    )?;
    pairs(f, "headers", &hook.headers)?;
    credential(f, "authorization", hook.authorization.as_ref())?;
    credential(f, "secret", hook.secret.as_ref())?;
    writeln!(f, "content_type = {}", quoted(&hook.content_type))?;
    maybe(f, "body", hook.body.as_deref())
}

fn letter(f: &mut Formatter<'_>, mail: &mail::Settings) -> fmt::Result {
    writeln!(f, "host = {}\nport = {}", quoted(&mail.host), mail.port)?;
    writeln!(
        f,
        "security = \"{}\"",
        name(&mail::Security::KNOWN, &mail.security)
    )?;
    writeln!(f, "from = {}\nto = {}", quoted(&mail.from), list(&mail.to))?;
    maybe(f, "user", mail.user.as_deref())?;
    credential(f, "password", mail.password.as_ref())
}

fn route(f: &mut Formatter<'_>, way: &Way) -> fmt::Result {
    let route = &way.route;
    writeln!(
        f,
        "\n[notify.route.{}]\nchannel = {}",
        route.name,
        quoted(&way.channel)
    )?;
    writeln!(f, "severity = \"{}\"", route.least.name())?;
    maybe(f, "filter", way.filter.as_ref().map(|filter| filter.text()))?;
    writeln!(
        f,
        "rules = {}\nkinds = {}",
        list(&route.rules),
        list(&route.kinds)
    )?;
    for (key, names) in [
        ("during", &way.during),
        ("outside", &way.outside),
        ("quiet", &way.quiet),
    ] {
        writeln!(f, "{key} = {}", list(names))?;
    }
    writeln!(f, "on = {}", list(on(&route.on)))?;
    let by = if route.by == By::Incident {
        "incident"
    } else {
        "anomaly"
    };
    writeln!(f, "by = \"{by}\"")?;
    match &route.budget {
        None => writeln!(f, "budget = false")?,
        Some(Budget { messages, per, wait }) => {
            let [per, wait] = [per, wait].map(|one| span(*one));
            writeln!(
                f,
                "budget = {{ messages = {messages}, per = \"{per}\", wait = \"{wait}\" }}"
            )?;
        }
    }
    if let Some(digest) = &route.digest {
        let due = match &digest.due {
            Due::Every(every) => format!("every = \"{}\"", span(*every)),
            Due::At(time, None, _) => format!("at = \"{}\"", time.strftime("%H:%M:%S")),
            Due::At(time, Some(day), _) => {
                format!("at = \"{} {}\"", name(&WEEKDAYS, day), time.strftime("%H:%M:%S"))
            }
        };
        writeln!(f, "digest = {{ {due}, severity = \"{}\" }}", digest.least.name())?;
    }
    if let Some(one) = &route.escalation {
        let (after, to, least) = (span(one.after), quoted(&one.to), one.least.name());
        let times = one.times;
        writeln!(
            f,
            "escalate = {{ after = \"{after}\", to = {to}, times = {times}, severity = \"{least}\" }}"
        )?;
    }
    writeln!(
        f,
        "only_escalated = {}\nself = {}",
        route.is_last_resort, route.own
    )?;
    for (key, every) in [("heartbeat", route.heartbeat), ("refresh", route.refresh)] {
        every.map_or(Ok(()), |every| writeln!(f, "{key} = \"{}\"", span(every)))?;
    }
    writeln!(f, "queue = {}\ngive_up = \"{}\"", way.queue, span(way.give_up))
}

fn on(on: &On) -> Vec<&'static str> {
    let all = [
        ("updated", on.updated),
        ("escalated", on.escalated),
        ("acknowledged", on.acknowledged),
        ("discussed", on.discussed),
        ("closed", on.closed),
    ];
    all.into_iter()
        .filter(|(_, is_on)| *is_on)
        .map(|(name, _)| name)
        .collect()
}
