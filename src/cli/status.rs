//! `tidemark status`: how the daemon is, in the form of a monitoring plugin: one line, performance data, an exit status of 0
//! (OK), 1 (WARNING), 2 (CRITICAL) or 3 (UNKNOWN), as Nagios, Icinga and their like run it.

use super::args::Status;
use super::moment;
use crate::app::desk;
use crate::app::vital::{STALE, Vital};
use crate::model::Timestamp;
use crate::model::units::{duration, printable};
use anyhow::Result;

/// Something is used up from this share on.
const NEARLY: f64 = 0.7;
const FULL: f64 = 0.95;

/// How grave something is; the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Grade {
    Ok = 0,
    Warning = 1,
    Critical = 2,
    Unknown = 3,
}

impl Grade {
    const fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// Runs the command; the exit status.
pub(super) fn run(args: &Status) -> Result<u8> {
    let read = desk::folder(args.state.as_deref(), args.config.as_deref())
        .and_then(|folder| Ok((Vital::read(&folder)?, folder)));
    let (grade, line) = match read {
        Ok((Some(vital), _)) => {
            let found = findings(&vital, args, moment::present());
            let grade = found.iter().map(|(grade, _)| *grade).max().unwrap_or(Grade::Ok);
            (grade, told(&vital, &found))
        }
        Ok((None, folder)) => {
            let words = format!("no daemon ever ran with the state in {}", folder.display());
            (Grade::Unknown, words)
        }
        Err(error) => (Grade::Unknown, format!("{error:#}")),
    };
    println!("TIDEMARK {} - {}", grade.name(), printable(&line));
    Ok(grade as u8)
}

/// Everything that is not well, a few words each.
fn findings(vital: &Vital, args: &Status, now: Timestamp) -> Vec<(Grade, String)> {
    let mut found = Vec::new();
    if vital.stopped {
        found.push((Grade::Critical, format!("stopped {}", vital.at)));
    } else if now.since(vital.at) > STALE {
        found.push((Grade::Critical, format!("no sign of life since {}", vital.at)));
    } else if vital.at.since(vital.answered_at) > STALE {
        let since = duration(vital.at.since(vital.answered_at));
        found.push((
            Grade::Critical,
            format!("the engine has not answered for {since}"),
        ));
    }
    let open = |severity: &str| vital.open.get(severity).copied().unwrap_or(0);
    for (severity, least, grade) in [
        ("critical", args.critical, Grade::Critical),
        ("high", args.warning, Grade::Warning),
    ] {
        let count = open(severity);
        if count > 0 && count >= least {
            found.push((grade, format!("{count} {severity} anomalies open")));
        }
    }
    for (what, share) in &vital.used {
        let grade = match *share {
            share if share >= FULL => Grade::Critical,
            share if share >= NEARLY => Grade::Warning,
            _ => continue,
        };
        found.push((grade, format!("{what} {:.0} % used", share * 100.0)));
    }
    for (route, why) in &vital.failing {
        found.push((Grade::Warning, format!("route {route} fails: {why}")));
    }
    found
}

/// The line after the grade.
fn told(vital: &Vital, found: &[(Grade, String)]) -> String {
    let mut words: Vec<&str> = found.iter().map(|(_, words)| words.as_str()).collect();
    let well = format!(
        "{} anomalies open, {} exporters",
        vital.open.values().sum::<u64>(),
        vital.counters.get("exporters").copied().unwrap_or(0)
    );
    words.push(&well);
    let open = vital
        .open
        .iter()
        .map(|(severity, count)| format!("open_{severity}={count}"));
    let counters = vital
        .counters
        .iter()
        .map(|(name, count)| format!("{name}={count}c"));
    let used = vital
        .used
        .iter()
        .map(|(what, share)| format!("'{what}'={:.1}%", share * 100.0));
    let data: Vec<String> = open.chain(counters).chain(used).collect();
    // A bar stands between the words and the data, and nowhere else.
    format!("{} | {}", words.join("; ").replace('|', "/"), data.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    fn well() -> Vital {
        Vital {
            at: at(1000),
            answered_at: at(999),
            open: [
                ("low".to_owned(), 3),
                ("high".to_owned(), 0),
                ("critical".to_owned(), 0),
            ]
            .into(),
            counters: [("exporters".to_owned(), 2)].into(),
            used: [("memory limit".to_owned(), 0.25)].into(),
            ..Vital::default()
        }
    }

    fn graded(vital: &Vital, now: i64) -> String {
        let args = Status {
            state: None,
            config: None,
            warning: 1,
            critical: 1,
        };
        let found = findings(vital, &args, at(now));
        let grade = found.iter().map(|(grade, _)| *grade).max().unwrap_or(Grade::Ok);
        format!("{} {}", grade.name(), told(vital, &found))
    }

    #[test]
    fn a_daemon_that_is_well_says_so_with_its_numbers() {
        assert_eq!(
            graded(&well(), 1010),
            "OK 3 anomalies open, 2 exporters | open_critical=0 open_high=0 open_low=3 exporters=2c 'memory limit'=25.0%"
        );
    }

    #[test]
    fn what_is_not_well_decides_the_grade() {
        let with = |change: fn(&mut Vital)| {
            let mut vital = well();
            change(&mut vital);
            graded(&vital, 1010)
        };
        for (line, words) in [
            (
                graded(&well(), 1061),
                "CRITICAL no sign of life since 1970-01-01T00:16:40Z",
            ),
            (with(|v| v.stopped = true), "CRITICAL stopped"),
            (
                with(|v| v.answered_at = at(900)),
                "CRITICAL the engine has not answered",
            ),
            (
                with(|v| _ = v.open.insert("critical".to_owned(), 1)),
                "CRITICAL 1 critical anomalies open",
            ),
            (
                with(|v| _ = v.open.insert("high".to_owned(), 2)),
                "WARNING 2 high anomalies open",
            ),
            (
                with(|v| _ = v.used.insert("disk".to_owned(), 0.8)),
                "WARNING disk 80 % used",
            ),
            (
                with(|v| _ = v.used.insert("disk".to_owned(), 0.96)),
                "CRITICAL disk 96 % used",
            ),
            (
                with(|v| _ = v.failing.insert("mail".to_owned(), "refused | twice".to_owned())),
                "WARNING route mail fails: refused / twice; 3 anomalies open",
            ),
        ] {
            assert!(line.starts_with(words), "{line}");
        }
    }
}
