//! What `tidemark run` stands on: listeners, Exporters, interfaces, state, output, the user it becomes.

use super::section::{Entry, Result, Section};
use super::{HOUR, SECOND, count, networks, path};
use crate::collect;
use crate::model::Prefix;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Ports on which export is usually sent: NetFlow and IPFIX on the first three, sFlow on the last. Any may come on any.
const PORTS: [u16; 4] = [2055, 4739, 9995, 6343];
const DAY: Duration = Duration::from_secs(86_400);

/// Where flow export is received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// UDP addresses; `[::]` receives IPv4 too.
    pub udp: Vec<SocketAddr>,
    /// TCP addresses, for IPFIX.
    pub tcp: Vec<SocketAddr>,
    /// Sockets per UDP address, each with a thread; 1 to 64. The kernel spreads Exporters over them.
    pub sockets: usize,
    /// Octets of receive buffer asked of the kernel for each UDP socket; 64 KiB to 1 GiB.
    pub buffer: u64,
    /// Networks from which export is accepted; empty for all.
    pub accept: Vec<Prefix>,
    /// Most TCP connections at a time.
    pub connections: usize,
}

/// What is known of one Exporter, or of all of a network, beforehand. The first that fits an address is the one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exporter {
    /// Its address, or its network.
    pub address: Prefix,
    /// What people call it; empty for nothing.
    pub name: String,
    /// What it is for, such as `border`; empty for nothing.
    pub role: String,
    /// Which of its records count.
    pub count: Count,
    /// The only interfaces (ifIndex) whose records count; none for all.
    pub interfaces: Option<Vec<u32>>,
    /// One in how many packets it looks at, where it does not say so itself.
    pub sampling: Option<u32>,
}

/// Which records count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// All of them.
    All,
    /// Those of flows that came in (flowDirection 0), or that say no direction.
    Ingress,
    /// None: another Exporter sees the same traffic.
    None,
}

impl Count {
    pub(super) const KNOWN: [(&'static str, Self); 3] = [
        ("all", Self::All),
        ("ingress", Self::Ingress),
        ("none", Self::None),
    ];
}

/// One interface to capture from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub interface: String,
    /// Only packets that pass this filter of libpcap (`man pcap-filter`).
    pub filter: Option<String>,
    /// Octets kept of each packet; 64 to 262,144.
    pub snaplen: u32,
    /// Octets of the kernel's buffer; 1 MiB to 1 GiB.
    pub buffer: u64,
    /// See packets that are for others, too.
    pub promiscuous: bool,
}

/// Where what was learned is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// The folder; by default what systemd gives, else `tidemark-data` where the program was started.
    pub dir: Option<PathBuf>,
    /// How often it is saved; 1 s to 30 s.
    pub every: Duration,
}

/// Who the program becomes once its sockets and devices are open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunAs {
    /// User, by name or number.
    pub user: Option<String>,
    /// Group, by name or number; by default the user's.
    pub group: Option<String>,
}

/// Where anomalies are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sink {
    /// A file to append to; none for standard output, which is written `-`.
    pub anomalies: Option<PathBuf>,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            udp: PORTS.map(everywhere).to_vec(),
            tcp: vec![everywhere(4739)],
            sockets: 1,
            buffer: 32 << 20,
            accept: Vec::new(),
            connections: 64,
        }
    }
}

impl Default for State {
    fn default() -> Self {
        Self {
            dir: None,
            every: SECOND * 20,
        }
    }
}

fn everywhere(port: u16) -> SocketAddr {
    SocketAddr::from(([0u16; 8], port))
}

pub(super) fn listen(mut section: Section<'_>) -> Result<Listen> {
    let standard = Listen::default();
    let listen = Listen {
        udp: section.or("udp", standard.udp, addresses)?,
        tcp: section.or("tcp", standard.tcp, addresses)?,
        sockets: section.or("sockets", standard.sockets, |e| few(e, 1..=64))?,
        buffer: section.or("buffer", standard.buffer, |e| e.amount(1 << 16..=1 << 30))?,
        accept: section.or("accept", standard.accept, networks)?,
        connections: section.or("connections", standard.connections, |e| few(e, 1..=65_536))?,
    };
    section.finish().map(|()| listen)
}

fn addresses(entry: &Entry<'_>) -> Result<Vec<SocketAddr>> {
    let address = |entry: &Entry<'_>| {
        let text = entry.text()?;
        text.parse::<SocketAddr>().map_err(|_| {
            let error = entry.error(format!("`{text}` is not an address with a port"));
            error.hint("\"0.0.0.0:2055\", \"[::]:2055\" and \"192.0.2.1:2055\" are".to_owned())
        })
    };
    entry.list()?.iter().map(address).collect()
}

fn few(entry: &Entry<'_>, range: std::ops::RangeInclusive<u64>) -> Result<usize> {
    Ok(entry.amount(range)? as usize)
}

pub(super) fn exporters(entry: &Entry<'_>) -> Result<Vec<Exporter>> {
    entry.list()?.iter().map(exporter).collect()
}

fn exporter(entry: &Entry<'_>) -> Result<Exporter> {
    let mut section = entry.section()?;
    let address = section.need("address")?;
    let prefix = address.text()?.parse::<Prefix>();
    let prefix = prefix.map_err(|error| address.error(error.to_string()))?;
    let text = |section: &mut Section<'_>, key| section.or(key, String::new(), Entry::line);
    let sampling = |entry: &Entry<'_>| match entry.amount(1..=u64::from(u32::MAX)) {
        Ok(_) if prefix.first() != prefix.last() => {
            Err(entry.error("needs the address of one exporter, not a network"))
        }
        amount => amount.map(|amount| amount as u32),
    };
    let exporter = Exporter {
        address: prefix,
        name: text(&mut section, "name")?,
        role: text(&mut section, "role")?,
        count: section.or("count", Count::All, |e| e.choice("what can count", &Count::KNOWN))?,
        interfaces: section.maybe("interfaces", indices)?,
        sampling: section.maybe("sampling", sampling)?,
    };
    section.finish().map(|()| exporter)
}

fn indices(entry: &Entry<'_>) -> Result<Vec<u32>> {
    let index = |entry: &Entry<'_>| Ok(entry.amount(0..=u64::from(u32::MAX))? as u32);
    entry.list()?.iter().map(index).collect()
}

pub(super) fn captures(entry: &Entry<'_>) -> Result<Vec<Interface>> {
    entry.list()?.iter().map(capture).collect()
}

fn capture(entry: &Entry<'_>) -> Result<Interface> {
    let mut section = entry.section()?;
    let capture = Interface {
        interface: section.need("interface")?.line()?,
        filter: section.maybe("filter", Entry::line)?,
        snaplen: section.or("snaplen", 2048, |e| Ok(e.amount(64..=262_144)? as u32))?,
        buffer: section.or("buffer", 64 << 20, |e| e.amount(1 << 20..=1 << 30))?,
        promiscuous: section.or("promiscuous", true, Entry::flag)?,
    };
    section.finish().map(|()| capture)
}

pub(super) fn state(mut section: Section<'_>) -> Result<State> {
    let state = State {
        dir: section.maybe("dir", path)?,
        every: section.or("every", State::default().every, |e| {
            e.duration(SECOND..=SECOND * 30)
        })?,
    };
    section.finish().map(|()| state)
}

pub(super) fn run_as(mut section: Section<'_>) -> Result<RunAs> {
    let run = RunAs {
        user: section.maybe("user", Entry::line)?,
        group: section.maybe("group", Entry::line)?,
    };
    section.finish().map(|()| run)
}

pub(super) fn sink(mut section: Section<'_>) -> Result<Sink> {
    let sink = Sink {
        anomalies: section
            .maybe("anomalies", path)?
            .filter(|path| path.as_os_str() != "-"),
    };
    section.finish().map(|()| sink)
}

pub(super) fn collecting(mut section: Section<'_>) -> Result<collect::Config> {
    let standard = collect::Config::default();
    let collect = collect::Config {
        exporter_limit: section.or("exporter_limit", standard.exporter_limit, |e| count(e, 1))?,
        template_limit: section.or("template_limit", standard.template_limit, |e| count(e, 1))?,
        field_limit: section.or("field_limit", standard.field_limit, |e| count(e, 1))?,
        template_lifetime: section.or("template_lifetime", standard.template_lifetime, |e| {
            e.duration(Duration::ZERO..=DAY * 7)
        })?,
        waiting_limit: section.or("waiting_limit", standard.waiting_limit, |e| count(e, 0))?,
        skew: section.or("skew", standard.skew, |e| e.duration(SECOND..=DAY))?,
        longest_flow: section.or("longest_flow", standard.longest_flow, |e| {
            e.duration(SECOND..=DAY * 7)
        })?,
        silence: section.or("silence", standard.silence, |e| {
            e.duration(SECOND * 10..=HOUR * 24)
        })?,
        lateness: section.or("lateness", standard.lateness, |e| {
            e.duration(Duration::ZERO..=HOUR)
        })?,
        ..standard
    };
    section.finish().map(|()| collect)
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    const LIVE: &str = r#"
        [listen]
        udp = ["127.0.0.1:2055", "[2001:db8::1]:6343"]
        tcp = []
        sockets = 4
        buffer = "8MiB"
        accept = ["192.0.2.0/24", "2001:db8::/32"]
        [collect]
        skew = "30s"
        waiting_limit = "1MiB"
        lateness = "31m"
        [[exporter]]
        address = "192.0.2.1"
        name = "edge"
        count = "ingress"
        interfaces = [1, 7]
        sampling = 1000
        [[exporter]]
        address = "198.51.100.0/24"
        role = "inside"
        count = "none"
        [[capture]]
        interface = "eth0"
        filter = "not port 22"
        [state]
        dir = "learned"
        every = "5s"
        [output]
        anomalies = "found.json"
        [run]
        user = "tidemark"
    "#;

    fn read(text: &str) -> Config {
        Config::parse(text, "tidemark.toml").unwrap()
    }

    #[test]
    fn everything_live_is_read_and_prints_back_as_the_same() {
        let config = read(LIVE);
        assert_eq!(config.listen.udp.len(), 2);
        assert_eq!((config.listen.sockets, config.listen.buffer), (4, 8 << 20));
        let edge = &config.exporters[0];
        assert_eq!((edge.count, edge.sampling), (Count::Ingress, Some(1000)));
        assert_eq!(edge.interfaces, Some(vec![1, 7]));
        assert_eq!(config.exporters[1].count, Count::None);
        assert!(config.captures[0].promiscuous);
        assert_eq!(config.collect.lateness, SECOND * 60 * 31);
        assert_eq!(config.state.every, SECOND * 5);
        assert_eq!(config.output.anomalies, Some("found.json".into()));
        assert_eq!(read(&config.to_string()), config, "{config}");
    }

    #[test]
    fn a_dash_is_standard_output() {
        assert_eq!(read("[output]\nanomalies = \"-\"").output, Sink::default());
    }

    #[test]
    fn what_cannot_be_is_refused_with_line_and_key() {
        for (text, line, key) in [
            ("[listen]\nudp = [\"localhost:2055\"]", 2, "listen.udp"),
            ("[listen]\n\nsockets = 0", 3, "listen.sockets"),
            ("[listen]\naccept = [\"10.0.0.0/40\"]", 2, "listen.accept"),
            ("[[exporter]]\nname = \"x\"", 1, "exporter"),
            (
                "[[exporter]]\naddress = \"192.0.2.1\"\ncount = \"egress\"",
                3,
                "exporter.count",
            ),
            (
                "[[capture]]\ninterface = \"eth0\"\nsnaplen = 1",
                3,
                "capture.snaplen",
            ),
            ("[collect]\nlateness = \"2h\"", 2, "collect.lateness"),
            ("[state]\nevery = \"5m\"", 2, "state.every"),
            ("[run]\nuid = 5", 2, "run.uid"),
        ] {
            let error = Config::parse(text, "x.toml").unwrap_err();
            assert_eq!(
                error.line_and_column().map(|(line, _)| line),
                Some(line),
                "{error}"
            );
            assert!(error.to_string().contains(&format!("`{key}`")), "{error}");
        }
    }
}
