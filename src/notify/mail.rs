//! Mail over SMTP, as text and as HTML; messages about the same thing form a thread.
//!
//! The first message of a key has the Message-ID that later ones refer to (RFC 5322, 3.6.4), so every mail program shows them
//! together, also when they were sent by different runs of the program.

use super::channel::{Credential, Outcome};
use super::http::chain;
use super::message::Message;
use super::words;
use crate::dispatch::Phase;
use hmac::digest::Digest;
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use std::time::{Duration, SystemTime};

/// One server and whom it is to reach.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the way is kept private.
    pub security: Security,
    /// Who writes.
    pub from: Mailbox,
    /// Who reads.
    pub to: Vec<Mailbox>,
    /// Who logs in, where somebody must.
    pub user: Option<String>,
    /// With which password.
    pub password: Option<Credential>,
}

/// How the way to the server is kept private.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Security {
    /// Plain until `STARTTLS`, which must succeed (RFC 3207).
    #[default]
    StartTls,
    /// From the first octet (RFC 8314).
    Tls,
    /// Not at all: only to this machine itself.
    None,
}

impl Security {
    /// Names in the configuration.
    pub const KNOWN: [(&'static str, Self); 3] = [
        ("starttls", Self::StartTls),
        ("tls", Self::Tls),
        ("none", Self::None),
    ];
}

/// A way to the server.
pub(super) type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// Makes the way; nothing is sent yet.
pub(super) fn transport(
    settings: &Settings,
    password: Option<&super::secret::Secret>,
    ca: Option<&[u8]>,
    timeout: Duration,
) -> Result<Transport, String> {
    let parameters = || {
        let mut builder = TlsParameters::builder(settings.host.clone());
        if let Some(pem) = ca {
            builder = builder.certificate_store(CertificateStore::None);
            for certificate in Certificate::from_pem(pem).into_iter() {
                builder = builder.add_root_certificate(certificate);
            }
        }
        builder.build_rustls().map_err(|error| error.to_string())
    };
    let tls = match settings.security {
        Security::StartTls => Tls::Required(parameters()?),
        Security::Tls => Tls::Wrapper(parameters()?),
        Security::None => Tls::None,
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host)
        .port(settings.port)
        .tls(tls)
        .timeout(Some(timeout));
    if let (Some(user), Some(password)) = (&settings.user, password) {
        builder = builder.credentials(Credentials::new(user.clone(), password.reveal().to_owned()));
    }
    let domain = settings.from.email.domain();
    Ok(builder.hello_name(ClientId::Domain(domain.to_owned())).build())
}

/// A Message-ID made of what names a message or its thread for ever.
fn message_id(name: &str, domain: &str) -> String {
    let digest = sha2::Sha256::digest(name.as_bytes());
    let digest: String = digest
        .iter()
        .take(16)
        .map(|octet| format!("{octet:02x}"))
        .collect();
    format!("<{digest}@{domain}>")
}

/// The mail; none for what is for machines.
pub(super) fn compose(message: &Message, settings: &Settings) -> Result<Option<lettre::Message>, String> {
    if message.phase == Phase::Refresh {
        return Ok(None);
    }
    let domain = settings.from.email.domain();
    let thread = message_id(&message.key, domain);
    let begins = matches!(
        message.phase,
        Phase::Opened | Phase::Group | Phase::Digest | Phase::Trouble
    );
    let own = if begins {
        thread.clone()
    } else {
        message_id(&message.id, domain)
    };
    let at = Duration::from_secs(u64::try_from(message.at.as_secs()).unwrap_or(0));
    let mut builder = lettre::Message::builder()
        .from(settings.from.clone())
        .subject(subject(message))
        .date(SystemTime::UNIX_EPOCH + at)
        .message_id(Some(own));
    for to in &settings.to {
        builder = builder.to(to.clone());
    }
    if !begins {
        builder = builder.in_reply_to(thread.clone()).references(thread);
    }
    // RFC 3834: no machine should answer this one.
    builder = builder.header(AutoSubmitted).header(Precedence);
    let body = MultiPart::alternative_plain_html(words::text(message), words::page(message));
    builder
        .multipart(body)
        .map(Some)
        .map_err(|error| error.to_string())
}

/// The line that people see in a list: the gravity first.
fn subject(message: &Message) -> String {
    let sign = match message.phase {
        Phase::Closed | Phase::Well => "resolved",
        Phase::Heartbeat => "alive",
        Phase::Test => "test",
        Phase::Digest => "digest",
        _ => message.severity.name(),
    };
    super::pagerduty::cut(&format!("[tidemark {sign}] {}", message.title()), 200)
}

macro_rules! fixed_header {
    ($name:ident, $header:literal, $value:literal) => {
        #[derive(Clone)]
        struct $name;
        impl lettre::message::header::Header for $name {
            fn name() -> lettre::message::header::HeaderName {
                lettre::message::header::HeaderName::new_from_ascii_str($header)
            }
            fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
                Ok(Self)
            }
            fn display(&self) -> lettre::message::header::HeaderValue {
                lettre::message::header::HeaderValue::new(Self::name(), $value.to_owned())
            }
        }
    };
}
fixed_header!(AutoSubmitted, "Auto-Submitted", "auto-generated");
fixed_header!(Precedence, "Precedence", "bulk");

/// Sends it.
pub(super) async fn send(transport: &Transport, mail: lettre::Message) -> Outcome {
    match transport.send(mail).await {
        Ok(response) => Outcome::Sent(response.message().collect::<Vec<_>>().join(" ")),
        // 5yz is for good, except for what a person can put right: who we are, and where the server stands.
        Err(error) if error.is_permanent() && !is_ours(&error) => Outcome::Never(chain(&error)),
        Err(error) => Outcome::again(chain(&error)),
    }
}

/// Log-in refused (530 to 538): the password may be put right.
fn is_ours(error: &lettre::transport::smtp::Error) -> bool {
    error.status().is_some_and(|code| {
        let code: u16 = code.into();
        (530..=538).contains(&code)
    })
}
