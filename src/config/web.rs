//! Where the dashboard and its API listen, and who may come in from where.

use super::print::quoted;
use super::section::{Entry, Result, Section};
use super::values::span;
use super::{SECOND, networks, path};
use crate::model::Prefix;
use crate::store::access::Role;
use std::fmt::{self, Formatter};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

/// The dashboard and its API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Web {
    /// Whether `tidemark run` serves them.
    pub enabled: bool,
    /// The address; [`Web::DEFAULT`] where none is said, and then it is no failure that somebody else listens there.
    pub listen: Option<SocketAddr>,
    /// Certificates and key, for HTTPS.
    pub tls: Option<Tls>,
    /// Proxies that are believed what they say of the client (`X-Forwarded-For`, `X-Forwarded-Proto`).
    pub behind_proxy: Vec<Prefix>,
    /// How browsers reach it, such as `https://tidemark.example.org`; without, as they say themselves.
    pub public_url: Option<String>,
    /// A log-in is good for so long; 5 min to 30 d.
    pub session: Duration,
    /// A log-in that is not used for so long has ended; 1 min to 30 d.
    pub idle: Duration,
    /// Who else vouches for people.
    pub oidc: Option<Oidc>,
}

/// Files in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The server's certificate and those between it and an authority.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// A provider of identities (OpenID Connect Core 1.0).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oidc {
    /// Its URL, as in its tokens.
    pub issuer: String,
    /// What it knows us as.
    pub client_id: String,
    /// File with the secret it shares with us; none for a public client.
    pub client_secret: Option<PathBuf>,
    /// What is asked for beside `openid`.
    pub scopes: Vec<String>,
    /// The claim that says who somebody is.
    pub name_claim: String,
    /// The claim that says what somebody may: text or a list of texts.
    pub role_claim: String,
    /// Values of that claim, by the role they give.
    pub roles: Vec<(Role, Vec<String>)>,
    /// What others may; none to refuse them.
    pub others: Option<Role>,
}

impl Web {
    /// Only who is on this machine.
    pub const DEFAULT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8088);

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listen.unwrap_or(Self::DEFAULT)
    }

    /// Whether only who is on this machine can reach it.
    pub fn is_local(&self) -> bool {
        self.address().ip().is_loopback()
    }

    /// Why it must not start, if it must not: beyond this machine nobody may come in without being known, and no password
    /// may be read on the way.
    pub fn refusal(&self, known: bool) -> Option<String> {
        let address = self.address();
        if !self.is_local() && self.tls.is_none() && self.behind_proxy.is_empty() {
            return Some(format!(
                "`web.listen` is {address}, which others can reach, and what they send could be read on the way: give \
                 `web.tls` a certificate and key, or name the proxy in front that has them in `web.behind_proxy`, or \
                 listen on 127.0.0.1"
            ));
        }
        if !(self.is_local() && self.behind_proxy.is_empty() || known || self.oidc.is_some()) {
            return Some(format!(
                "`web.listen` is {address}, which others can reach, and there are no users: add one with `tidemark users \
                 add NAME --role admin`, or set up `web.oidc`, or listen on 127.0.0.1"
            ));
        }
        None
    }
}

impl Default for Web {
    fn default() -> Self {
        Self {
            enabled: true,
            listen: None,
            tls: None,
            behind_proxy: Vec::new(),
            public_url: None,
            session: DAY / 2,
            idle: SECOND * 3600,
            oidc: None,
        }
    }
}

pub(super) fn read(mut section: Section<'_>) -> Result<Web> {
    let standard = Web::default();
    let web = Web {
        enabled: section.or("enabled", standard.enabled, Entry::flag)?,
        listen: section.maybe("listen", address)?,
        tls: section.maybe("tls", |entry| tls(entry.section()?))?,
        behind_proxy: section.or("behind_proxy", Vec::new(), networks)?,
        public_url: section.maybe("public_url", url)?,
        session: section.or("session", standard.session, |e| {
            e.duration(SECOND * 300..=DAY * 30)
        })?,
        idle: section.or("idle", standard.idle, |e| e.duration(SECOND * 60..=DAY * 30))?,
        oidc: section.maybe("oidc", |entry| oidc(entry.section()?))?,
    };
    if web.oidc.is_some() && web.public_url.is_none() {
        let words = "`web.oidc` needs `web.public_url`: the provider sends browsers back to it";
        return Err(section.error(words.to_owned()));
    }
    section.finish().map(|()| web)
}

fn address(entry: &Entry<'_>) -> Result<SocketAddr> {
    let text = entry.text()?;
    text.parse().map_err(|_| {
        let error = entry.error(format!("`{text}` is not an address with a port"));
        error.hint("\"127.0.0.1:8088\" and \"[::]:8443\" are".to_owned())
    })
}

/// A scheme and a host; what follows would only be cut off.
fn url(entry: &Entry<'_>) -> Result<String> {
    let text = entry.line()?;
    let rest = ["https://", "http://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    match rest.map(|rest| rest.trim_end_matches('/')) {
        Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']) => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err(entry
            .error(format!("`{text}` is not where browsers find a server"))
            .hint("\"https://tidemark.example.org\" is".to_owned())),
    }
}

fn tls(mut section: Section<'_>) -> Result<Tls> {
    let tls = Tls {
        cert: path(&section.need("cert")?)?,
        key: path(&section.need("key")?)?,
    };
    section.finish().map(|()| tls)
}

fn oidc(mut section: Section<'_>) -> Result<Oidc> {
    let issuer = section.need("issuer")?.line()?;
    let client_id = section.need("client_id")?.line()?;
    let mut roles = Vec::new();
    for role in Role::ALL {
        if let Some(values) = section.maybe(role.name(), Entry::lines)? {
            roles.push((role, values));
        }
    }
    let known = Role::ALL.map(|role| (role.name(), role));
    let oidc = Oidc {
        issuer,
        client_id,
        client_secret: section.maybe("client_secret", path)?,
        scopes: section.or("scopes", vec!["profile".to_owned()], Entry::lines)?,
        name_claim: section.or("name_claim", "preferred_username".to_owned(), Entry::line)?,
        role_claim: section.or("role_claim", "groups".to_owned(), Entry::line)?,
        roles,
        others: section.maybe("others", |e| e.choice("a role", &known))?,
    };
    section.finish().map(|()| oidc)
}

/// Writes the section as it is read.
pub(super) fn print(web: &Web, f: &mut Formatter<'_>) -> fmt::Result {
    writeln!(f, "\n[web]\nenabled = {}", web.enabled)?;
    match web.listen {
        Some(address) => writeln!(f, "listen = \"{address}\"")?,
        None => writeln!(f, "# listen = \"{}\"", Web::DEFAULT)?,
    }
    if let Some(Tls { cert, key }) = &web.tls {
        let [cert, key] = [cert, key].map(|path| quoted(path.display()));
        writeln!(f, "tls = {{ cert = {cert}, key = {key} }}")?;
    }
    writeln!(f, "behind_proxy = {}", super::print::list(&web.behind_proxy))?;
    if let Some(url) = &web.public_url {
        writeln!(f, "public_url = {}", quoted(url))?;
    }
    writeln!(f, "session = \"{}\"", span(web.session))?;
    writeln!(f, "idle = \"{}\"", span(web.idle))?;
    web.oidc.as_ref().map_or(Ok(()), |oidc| print_oidc(oidc, f))
}

fn print_oidc(oidc: &Oidc, f: &mut Formatter<'_>) -> fmt::Result {
    writeln!(f, "\n[web.oidc]\nissuer = {}", quoted(&oidc.issuer))?;
    writeln!(f, "client_id = {}", quoted(&oidc.client_id))?;
    if let Some(secret) = &oidc.client_secret {
        writeln!(f, "client_secret = {}", quoted(secret.display()))?;
    }
    writeln!(f, "scopes = {}", super::print::list(&oidc.scopes))?;
    writeln!(f, "name_claim = {}", quoted(&oidc.name_claim))?;
    writeln!(f, "role_claim = {}", quoted(&oidc.role_claim))?;
    for (role, values) in &oidc.roles {
        writeln!(f, "{role} = {}", super::print::list(values))?;
    }
    oidc.others
        .map_or(Ok(()), |role| writeln!(f, "others = \"{role}\""))
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    fn web(text: &str) -> Web {
        Config::parse(text, "t.toml").unwrap().web
    }

    #[test]
    fn everything_of_the_dashboard_is_read_and_prints_back_as_the_same() {
        let text = r#"
            [web]
            listen = "[::]:8443"
            tls = { cert = "tls/cert.pem", key = "tls/key.pem" }
            behind_proxy = ["10.0.0.0/8"]
            public_url = "https://tidemark.example.org/"
            session = "8h"
            idle = "20m"
            [web.oidc]
            issuer = "https://id.example.org"
            client_id = "tidemark"
            client_secret = "oidc.secret"
            role_claim = "roles"
            admin = ["net-admins"]
            analyst = ["soc", "noc"]
            others = "viewer"
        "#;
        let config = Config::parse(text, "t.toml").unwrap();
        assert_eq!(
            config.web.public_url.as_deref(),
            Some("https://tidemark.example.org")
        );
        let oidc = config.web.oidc.as_ref().unwrap();
        assert_eq!(oidc.roles.len(), 2);
        assert_eq!(oidc.others, Some(Role::Viewer));
        let printed = Config::parse(&config.to_string(), "t.toml").unwrap();
        assert_eq!(printed, config, "{config}");
        assert_eq!(web(""), Web::default());
    }

    #[test]
    fn what_cannot_be_is_refused_by_key() {
        for (text, key) in [
            ("[web]\nlisten = \"8088\"", "web.listen"),
            ("[web]\ntls = { cert = \"a\" }", "web.tls"),
            ("[web]\npublic_url = \"tidemark\"", "web.public_url"),
            ("[web]\npublic_url = \"https://a/b\"", "web.public_url"),
            ("[web]\nidle = \"1s\"", "web.idle"),
            ("[web.oidc]\nissuer = \"https://a\"", "web.oidc"),
            (
                "[web.oidc]\nissuer = \"https://a\"\nclient_id = \"b\"\nothers = \"root\"",
                "web.oidc.others",
            ),
        ] {
            let error = Config::parse(text, "t.toml").unwrap_err().to_string();
            assert!(error.contains(&format!("`{key}")), "{error}");
        }
    }

    #[test]
    fn beyond_this_machine_encryption_and_users_are_needed() {
        const OPEN: &str = "[web]\nlisten = \"0.0.0.0:8088\"\n";
        const TLS: &str = "tls = { cert = \"c\", key = \"k\" }\n";
        let oidc = "public_url = \"https://t\"\n[web.oidc]\nissuer = \"https://a\"\nclient_id = \"b\"\n";
        for (text, known, refused) in [
            (String::new(), false, None),
            ("[web]\nlisten = \"[::1]:1\"".to_owned(), false, None),
            (OPEN.to_owned(), true, Some("`web.tls`")),
            (format!("{OPEN}{TLS}"), false, Some("`tidemark users add")),
            (format!("{OPEN}{TLS}"), true, None),
            (format!("{OPEN}{TLS}{oidc}"), false, None),
            (format!("{OPEN}behind_proxy = [\"10.0.0.1/32\"]"), true, None),
            // A proxy beside it lets others in, too.
            (
                "[web]\nbehind_proxy = [\"127.0.0.1/32\"]".to_owned(),
                false,
                Some("users"),
            ),
        ] {
            let said = web(&text).refusal(known);
            assert_eq!(said.is_some(), refused.is_some(), "{text}: {said:?}");
            assert!(said.is_none_or(|said| said.contains(refused.unwrap())));
        }
    }
}
