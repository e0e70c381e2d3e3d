//! `tidemark drill`: the traffic of an incident as a capture, and the truth about it beside.

use super::args::Drill;
use super::{DONE, Usage};
use crate::drill::{Plan, Scenario, frames, truth};
use crate::input::{OutputFile, PcapWriter, Precision};
use crate::model::LinkType;
use crate::model::units;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

const ETHERNET: LinkType = LinkType(1);

/// Runs the command; the exit status.
pub(super) fn run(args: &Drill, quiet: bool) -> Result<u8> {
    if args.scenario == "list" {
        for scenario in Scenario::ALL {
            println!("{:16} {}", scenario.to_string(), scenario.description());
        }
        return Ok(DONE);
    }
    let scenario: Scenario = args.scenario.parse().map_err(|e| Usage(format!("{e}")))?;
    let path = args
        .write
        .as_deref()
        .ok_or_else(|| Usage("-w FILE says where to write the capture".to_owned()))?;
    let plan = plan(args, scenario)?;
    let packets = write(&plan, path).with_context(|| format!("cannot write {}", path.display()))?;
    let beside = truth_path(path);
    let text = serde_json::to_string_pretty(&truth(&plan))?;
    fs::write(&beside, text + "\n").with_context(|| format!("cannot write {}", beside.display()))?;
    if !quiet {
        eprintln!(
            "{}: {} packets of {scenario}; what is wrong in it stands in {}",
            path.display(),
            units::grouped(packets),
            beside.display()
        );
    }
    Ok(DONE)
}

fn plan(args: &Drill, scenario: Scenario) -> Result<Plan> {
    let mut plan = Plan::new(scenario, args.seed);
    plan.duration = args.duration.unwrap_or(plan.duration);
    plan.start = args.start.unwrap_or(plan.start);
    plan.snap = args.snap.unwrap_or(plan.snap);
    plan.scale = args.scale;
    if !(plan.scale > 0.0 && plan.scale <= 1000.0) {
        return Err(Usage("--scale is a number above 0 and at most 1000".to_owned()).into());
    }
    Ok(plan)
}

/// Small captures are kept and passed around; a long one had better be done soon.
fn level(plan: &Plan) -> i32 {
    if plan.duration <= Duration::from_secs(2 * 3600) {
        19
    } else {
        3
    }
}

fn write(plan: &Plan, path: &Path) -> std::io::Result<u64> {
    let mut capture = PcapWriter::new(
        OutputFile::create(path, level(plan))?,
        Precision::Micros,
        ETHERNET,
        plan.snap as u32,
    )?;
    let mut traffic = frames(plan);
    let mut packets = 0;
    while let Some(frame) = traffic.next_frame() {
        capture.write(frame.at, frame.octets, frame.original_length)?;
        packets += 1;
    }
    capture.finish()?.finish()?;
    Ok(packets)
}

/// `x.pcap.zst` has its truth in `x.pcap.zst.truth.json`.
fn truth_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".truth.json");
    path.with_file_name(name)
}
