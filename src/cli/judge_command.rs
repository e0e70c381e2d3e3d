//! `tidemark judge`: opens the series and hands it to the judge.

use super::args::Judge;
use super::{DONE, Usage, judge};
use anyhow::{Context, Result};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};

/// Runs the command; the exit status.
pub(super) fn run(args: &Judge) -> Result<u8> {
    if args.false_alarms_per_week.is_nan() || args.false_alarms_per_week <= 0.0 {
        return Err(Usage("--false-alarms-per-week is a number above 0".to_owned()).into());
    }
    let options = judge::Options {
        false_alarms_per_week: args.false_alarms_per_week,
        ..Default::default()
    };
    let mut out = BufWriter::new(io::stdout().lock());
    if args.series.as_os_str() == "-" {
        judge::run(io::stdin().lock(), &mut out, &options)?;
    } else {
        let file = File::open(&args.series).with_context(|| args.series.display().to_string())?;
        judge::run(BufReader::new(file), &mut out, &options)
            .with_context(|| args.series.display().to_string())?;
    }
    out.flush()?;
    Ok(DONE)
}
