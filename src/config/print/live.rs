//! The sections of `tidemark run` as TOML text.

use super::super::values::{size, span};
use super::super::{Config, Count, Exporter, Interface, Store};
use super::{list, quoted};
use crate::store::flows::Tier;
use std::fmt::{self, Formatter};

pub(super) fn tables(config: &Config, f: &mut Formatter<'_>) -> fmt::Result {
    let listen = &config.listen;
    writeln!(f, "\n[listen]")?;
    writeln!(f, "udp = {}", list(&listen.udp))?;
    writeln!(f, "tcp = {}", list(&listen.tcp))?;
    writeln!(f, "sockets = {}", listen.sockets)?;
    writeln!(f, "buffer = \"{}\"", size(listen.buffer))?;
    writeln!(f, "accept = {}", list(&listen.accept))?;
    writeln!(f, "connections = {}", listen.connections)?;
    collecting(config, f)?;
    writeln!(f, "\n[state]")?;
    if let Some(dir) = &config.state.dir {
        writeln!(f, "dir = {}", quoted(dir.display()))?;
    }
    writeln!(f, "every = \"{}\"", span(config.state.every))?;
    stored(&config.store, f)?;
    let anomalies = config.output.anomalies.as_ref();
    let anomalies = anomalies.map_or_else(|| "-".to_owned(), |path| path.display().to_string());
    writeln!(f, "\n[output]\nanomalies = {}", quoted(anomalies))?;
    writeln!(f, "\n[run]")?;
    for (key, name) in [("user", &config.run.user), ("group", &config.run.group)] {
        if let Some(name) = name {
            writeln!(f, "{key} = {}", quoted(name))?;
        }
    }
    config.exporters.iter().try_for_each(|rule| exporter(f, rule))?;
    config.captures.iter().try_for_each(|one| capture(f, one))
}

fn stored(store: &Store, f: &mut Formatter<'_>) -> fmt::Result {
    writeln!(f, "\n[store]\nflows = {}", store.flows)?;
    if let Some(dir) = &store.dir {
        writeln!(f, "dir = {}", quoted(dir.display()))?;
    }
    writeln!(f, "every = \"{}\"", span(store.every))?;
    writeln!(f, "min_free = \"{}\"", size(store.keeping.min_free))?;
    for (tier, keep) in Tier::ALL.into_iter().zip(store.keeping.tiers) {
        let [age, octets] = [span(keep.age), size(keep.size)];
        writeln!(f, "{} = {{ age = \"{age}\", size = \"{octets}\" }}", tier.name())?;
    }
    Ok(())
}

fn collecting(config: &Config, f: &mut Formatter<'_>) -> fmt::Result {
    let collect = &config.collect;
    writeln!(f, "\n[collect]")?;
    for (key, number) in [
        ("exporter_limit", collect.exporter_limit),
        ("template_limit", collect.template_limit),
        ("field_limit", collect.field_limit),
    ] {
        writeln!(f, "{key} = {number}")?;
    }
    writeln!(f, "waiting_limit = \"{}\"", size(collect.waiting_limit as u64))?;
    for (key, duration) in [
        ("template_lifetime", collect.template_lifetime),
        ("skew", collect.skew),
        ("longest_flow", collect.longest_flow),
        ("silence", collect.silence),
        ("lateness", collect.lateness),
    ] {
        writeln!(f, "{key} = \"{}\"", span(duration))?;
    }
    Ok(())
}

fn exporter(f: &mut Formatter<'_>, rule: &Exporter) -> fmt::Result {
    writeln!(f, "\n[[exporter]]\naddress = \"{}\"", rule.address)?;
    for (key, text) in [("name", &rule.name), ("role", &rule.role)] {
        if !text.is_empty() {
            writeln!(f, "{key} = {}", quoted(text))?;
        }
    }
    let known = Count::KNOWN.into_iter().find(|(_, count)| *count == rule.count);
    writeln!(f, "count = \"{}\"", known.map_or("all", |(name, _)| name))?;
    if let Some(interfaces) = &rule.interfaces {
        writeln!(f, "interfaces = {interfaces:?}")?;
    }
    rule.sampling
        .map_or(Ok(()), |sampling| writeln!(f, "sampling = {sampling}"))
}

fn capture(f: &mut Formatter<'_>, capture: &Interface) -> fmt::Result {
    writeln!(f, "\n[[capture]]\ninterface = {}", quoted(&capture.interface))?;
    if let Some(filter) = &capture.filter {
        writeln!(f, "filter = {}", quoted(filter))?;
    }
    writeln!(f, "snaplen = {}", capture.snaplen)?;
    writeln!(f, "buffer = \"{}\"", size(capture.buffer))?;
    writeln!(f, "promiscuous = {}", capture.promiscuous)
}
