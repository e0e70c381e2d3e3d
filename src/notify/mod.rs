//! L4: how messages leave the house: the forms that receivers want, and the ways to them.
//!
//! A channel is a file: what it makes of a [`Message`] is a pure function beside what sends it. Everything that leaves has a time
//! limit and verified TLS; what comes back is [`Outcome`]: sent, again later, or never. Credentials are read when a channel is
//! opened, from a file or the environment, and are printed nowhere ([`Secret`]).

pub mod alertmanager;
mod brief;
mod channel;
pub mod counters;
mod http;
pub mod json_lines;
pub mod mail;
pub mod mattermost;
mod message;
pub mod pagerduty;
mod sample;
pub mod script;
mod secret;
mod sender;
mod siem;
pub mod slack;
mod stream;
pub mod syslog;
pub mod telegram;
mod tls;
pub mod webhook;
mod words;

pub use brief::{Brief, Pairs, Part};
pub use channel::{Address, Channel, ChannelError, Credential, Kind, Outcome};
pub use http::Method;
pub use message::{Message, Sender as Speaker};
pub use sample::sample;
pub use secret::{Secret, public_part};
pub use sender::Sender;
