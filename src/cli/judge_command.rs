//! `tidemark judge`: opens the series, hands it to the judge, and draws what it said.

use super::args::Judge;
use super::judge::{self, Judged};
use super::{DONE, Usage};
use crate::report::figure::{Figure, Sample};
use crate::report::words;
use anyhow::{Context, Result};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;

/// Runs the command; the exit status.
pub(super) fn run(args: &Judge) -> Result<u8> {
    if args.false_alarms_per_week.is_nan() || args.false_alarms_per_week <= 0.0 {
        return Err(Usage("--false-alarms-per-week is a number above 0".to_owned()).into());
    }
    if args.series.as_os_str() == "-" {
        return judge(args, io::stdin().lock(), "standard input");
    }
    let name = args.series.display().to_string();
    let file = File::open(&args.series).with_context(|| name.clone())?;
    judge(args, BufReader::new(file), &name)
}

fn judge(args: &Judge, input: impl BufRead, name: &str) -> Result<u8> {
    let options = judge::Options {
        false_alarms_per_week: args.false_alarms_per_week,
        ..Default::default()
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let mut samples = Vec::new();
    let mut see = |judged: &Judged| {
        if args.chart.is_some() {
            samples.push(judge::sample(judged));
        }
    };
    let summary =
        judge::run_and_show(input, &mut out, &options, &mut see).with_context(|| name.to_owned())?;
    out.flush()?;
    if let Some(path) = &args.chart {
        draw(path, name, &summary, &samples)?;
    }
    Ok(DONE)
}

fn draw(path: &Path, name: &str, summary: &judge::Summary, samples: &[Sample]) -> Result<()> {
    let found = match summary.anomalies {
        0 => "no anomaly".to_owned(),
        n => words::anomalies(n as usize),
    };
    let figure = Figure {
        title: &format!("{name}: {found} in {} intervals", summary.rows),
        unit: "value",
        step: summary.step,
        threshold: summary.threshold,
        samples,
    };
    fs::write(path, figure.svg()).with_context(|| path.display().to_string())
}
