//! `tidemark query`: Flow Records grouped, measured and ranked.

use super::args::{Query, QueryFormat};
use super::moment::{present, range};
use super::{DONE, FAILED, Usage};
use crate::app::{Output, Setup, Walk, read_config, stored, terminal_width, wants_color};
use crate::filter::Filter;
use crate::model::{Columns, Field, FlowRecord, Timestamp};
use crate::query::{MOST_ROWS, Order, Request, Statistic};
use crate::report::{self, Style};
use crate::store::flows::{FlowStore, MemoryStore};
use anyhow::Result;
use std::io;

/// Records of a batch.
const BATCH: usize = 1 << 16;

/// Runs the command; the exit status.
pub(super) fn run(args: &Query, quiet: bool, verbose: bool) -> Result<u8> {
    let request = request(args, present()).map_err(Usage)?;
    let setup = Setup::new(read_config(args.config.as_deref())?)?;
    setup
        .blind
        .iter()
        .for_each(|words| eprintln!("tidemark: {words}"));
    let mut walk = Walk::new(quiet, verbose);
    let answer = if args.files.is_empty() {
        walk.readable = true;
        stored::open(args.store.as_deref(), &setup.config)?.query(&request)?
    } else {
        read(args, &request, &setup, &mut walk, quiet)?.query(&request)?
    };
    if let Some(trouble) = &answer.trouble {
        eprintln!(
            "tidemark: {} files cannot be read, the first: {trouble}",
            answer.read.unreadable
        );
    }
    let mut out = Output::create(args.output.as_deref())?;
    let style = Style {
        color: wants_color(args.output.is_some()),
        width: terminal_width(),
    };
    report::query::write(&mut out, &request, &answer, format(args.format), style)?;
    out.finish()?;
    Ok(if walk.readable { DONE } else { FAILED })
}

fn format(format: QueryFormat) -> report::QueryFormat {
    match format {
        QueryFormat::Text => report::QueryFormat::Text,
        QueryFormat::Json => report::QueryFormat::Json,
        QueryFormat::Csv => report::QueryFormat::Csv,
    }
}

/// What the arguments ask for.
fn request(args: &Query, now: Timestamp) -> Result<Request, String> {
    let statistic: Statistic = args.statistic.parse().map_err(|e| format!("-s: {e}"))?;
    let filter = args.filter.as_deref().map(Filter::parse).transpose();
    let filter = filter.map_err(|e| format!("-f: {e}"))?.unwrap_or_default();
    let [since, until] = range(args.since.as_deref(), args.until.as_deref(), now)?;
    let request = Request {
        filter,
        since,
        until,
        every: args.every,
        // As in nfdump.
        top: if args.number == 0 { MOST_ROWS } else { args.number },
        order: args.order.as_deref().map(order).transpose()?,
        previous: args.previous,
        raw: args.raw,
        memory: usize::try_from(args.memory).unwrap_or(usize::MAX),
        ..Request::new(statistic.by, statistic.measures)
    };
    request.check().map_err(|e| e.to_string())?;
    Ok(request)
}

/// `bytes`, `bytes:asc`, and `bytes:a` and `bytes:p` as nfdump has them.
fn order(text: &str) -> Result<Order, String> {
    let (name, direction) = text.split_once(':').unwrap_or((text, "desc"));
    let ascending = match direction {
        "asc" | "a" => true,
        "desc" | "d" => false,
        other => {
            return Err(format!(
                "--order: `{other}` is no direction, expected `asc` or `desc`"
            ));
        }
    };
    let measure = name.parse().map_err(|e| format!("--order: {e}"))?;
    Ok(Order { measure, ascending })
}

/// The records of the files, as far as the request looks at them.
fn read(args: &Query, request: &Request, setup: &Setup, walk: &mut Walk, quiet: bool) -> Result<MemoryStore> {
    let mut reading = Reading {
        store: MemoryStore::new(request.memory),
        fields: request.fields(),
        waiting: Vec::new(),
    };
    let holding = args.read_as.holding(&args.files, quiet)?;
    walk.run_any(&args.files, setup, holding, &mut |record, received| {
        reading.take(record, received)
    })?;
    reading.store_waiting()?;
    Ok(reading.store)
}

/// Records on their way into memory.
struct Reading {
    store: MemoryStore,
    fields: Vec<Field>,
    waiting: Vec<(FlowRecord, Timestamp)>,
}

impl Reading {
    fn take(&mut self, record: &FlowRecord, received: Timestamp) -> io::Result<()> {
        self.waiting.push((record.clone(), received));
        if self.waiting.len() >= BATCH {
            return self.store_waiting();
        }
        Ok(())
    }

    fn store_waiting(&mut self) -> io::Result<()> {
        let records = self.waiting.iter().map(|(record, received)| (record, *received));
        let columns = Columns::of_fields(records, &self.fields);
        self.waiting.clear();
        self.store.write(&columns).map_err(io::Error::other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Measure;

    #[test]
    fn orders_have_a_direction() {
        let said = |text| order(text).map(|order| (order.measure, order.ascending));
        assert_eq!(said("bytes"), Ok((Measure::Bytes, false)));
        assert_eq!(said("pps:asc"), Ok((Measure::PacketRate, true)));
        assert!(said("bytes:up").unwrap_err().contains("`asc` or `desc`"));
        assert!(said("bites").unwrap_err().contains("did you mean `bytes`?"));
    }
}
