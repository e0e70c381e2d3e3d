//! `tidemark notify`: routes tried out.

use super::args::{Notify, NotifyCommand};
use super::{DONE, FAILED, Usage};
use crate::app::ways::{speaker, try_out, ways};
use crate::app::{Setup, read_config};
use crate::model::units::printable;
use anyhow::Result;
use std::path::Path;

/// Runs the command; the exit status.
pub(super) fn run(args: &Notify) -> Result<u8> {
    match &args.command {
        NotifyCommand::Test { route, config } => test(route.as_deref(), config),
    }
}

fn test(route: Option<&str>, config: &Path) -> Result<u8> {
    let setup = Setup::new(read_config(Some(config))?)?;
    let speaker = speaker(&setup.config);
    let all = ways(&setup);
    let asked: Vec<_> = all
        .iter()
        .filter(|way| route.is_none_or(|route| route == way.route.name))
        .collect();
    if asked.is_empty() {
        let names: Vec<&str> = all.iter().map(|way| way.route.name.as_str()).collect();
        let words = match (route, names.is_empty()) {
            (_, true) => "no route is configured".to_owned(),
            (Some(route), false) => format!("there is no route `{route}`; there are {}", names.join(", ")),
            (None, false) => String::new(),
        };
        return Err(Usage(words).into());
    }
    let mut status = DONE;
    for way in asked {
        let said = match try_out(way, &speaker) {
            Ok(said) => said,
            Err(error) => {
                status = FAILED;
                format!("{error:#}")
            }
        };
        let (name, kind) = (&way.route.name, way.channel.kind.name());
        println!("{name} ({kind}): {}", printable(&said));
    }
    Ok(status)
}
