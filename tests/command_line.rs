//! The program as a shell, a script and a cron job meet it: exit statuses, streams, files, words about bad input.
#![allow(clippy::unwrap_used)]

mod common;

use common::program::{self, Ran, command, run, text};
use common::{CONFIG, samples};
use serde_json::Value as Json;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use tidemark::config::Config;
use tidemark::drill::Scenario;
use tidemark::input::{OutputFile, PcapWriter, Precision};
use tidemark::model::{LinkType, Timestamp};

/// A capture in a folder of its own.
struct Sample {
    folder: TempDir,
    capture: PathBuf,
}

impl Sample {
    /// A vertical scan in a quarter of an hour: one `high` anomaly, which needs no history.
    fn with_scan() -> Self {
        Self::of(Scenario::ScanVertical, 15)
    }

    fn of(scenario: Scenario, minutes: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let capture = folder.path().join("drill.pcap");
        common::write_capture(&common::plan(scenario, 1, minutes), &capture);
        Self { folder, capture }
    }

    fn capture(&self) -> &str {
        text(&self.capture)
    }

    /// A path in the same folder.
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file in the same folder.
    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        text(&path).to_owned()
    }
}

/// Replays with JSON lines.
fn replay(arguments: &[&str]) -> Ran {
    run(&[&["replay", "-q", "--format", "json"], arguments].concat())
}

/// How many anomalies name the scan; others of the same incident may stand beside it.
fn scans(ran: &Ran) -> usize {
    let found = ran.objects("anomaly");
    let scans = found
        .iter()
        .filter(|a| a["kind"] == "scan-vertical" && a["entity"]["src_ip"] == "198.19.208.146");
    scans.count()
}

// Exit statuses and streams.

#[test]
fn a_replay_that_finds_something_exits_0_unless_asked_otherwise() {
    let sample = Sample::with_scan();
    let ran = replay(&[sample.capture()]).exits(0);
    assert_eq!(scans(&ran), 1, "{}", ran.stdout);
    let found = ran.objects("anomaly");
    assert!(
        found.iter().all(|a| a["severity"] != "critical"),
        "{}",
        ran.stdout
    );
    assert_eq!(ran.summary()["anomalies"], found.len());
}

#[test]
fn fail_on_exits_3_for_its_severity_and_above_only() {
    let sample = Sample::with_scan();
    for (severity, status) in [("low", 3), ("high", 3), ("critical", 0)] {
        let ran = replay(&[sample.capture(), "--fail-on", severity]).exits(status);
        assert_eq!(
            ran.objects("summary").len(),
            1,
            "the report is written all the same"
        );
    }
}

#[test]
fn nothing_readable_exits_1_and_names_the_file() {
    let sample = Sample::with_scan();
    let junk = sample.file("junk.pcap", [7; 100]);
    let missing = sample.path("missing.pcap");
    for command in ["replay", "flows"] {
        run(&[command, &junk]).exits(1).says(&["junk.pcap"]);
        run(&[command, text(&missing)])
            .exits(1)
            .says(&["missing.pcap", "no such file"]);
    }
}

#[test]
fn bad_usage_exits_2_and_says_what_would_do() {
    for (arguments, words) in [
        (&["replay"][..], &["FILE"][..]),
        (
            &["replay", "x", "--speed", "fast"],
            &["--speed", "`max` or a number above 0"],
        ),
        (&["replay", "x", "--speed", "0"], &["--speed"]),
        (&["replay", "x", "--speed=-1"], &["--speed"]),
        (&["replay", "x", "--speed", "inf"], &["--speed"]),
        (
            &["replay", "x", "--fail-on", "grave"],
            &["--fail-on", "low, high or critical"],
        ),
        (&["replay", "x", "--learn", "soon"], &["--learn", "20m"]),
        (&["replay", "x", "--format", "xml"], &["--format", "json"]),
        (
            &["flows", "x", "--since", "noon"],
            &["--since", "2026-03-02T08:40:00Z"],
        ),
        (
            &["drill", "meteor", "-w", "x"],
            &["meteor", "rate-limit", "quiet"],
        ),
        (&["drill", "quiet"], &["-w"]),
        (&["anchor"], &["anchor"]),
    ] {
        let ran = run(arguments).exits(2).says(words);
        assert_eq!(ran.stdout, "", "words go to standard error: {arguments:?}");
    }
}

#[test]
fn help_and_version_go_to_standard_output() {
    let ran = run(&["--version"]).exits(0);
    assert_eq!(ran.stdout, format!("tidemark {}\n", env!("CARGO_PKG_VERSION")));
    for command in ["replay", "flows", "drill", "check", "rules", "judge"] {
        let ran = run(&[command, "--help"]).exits(0);
        assert!(ran.stdout.contains("Usage: tidemark") && ran.stderr.is_empty());
    }
}

#[test]
fn quiet_says_nothing_while_all_is_well() {
    let sample = Sample::with_scan();
    for arguments in [
        &["replay", "-q"][..],
        &["flows", "-q"],
        &["replay", "--quiet", "--format", "html"],
    ] {
        let ran = run(&[arguments, &[sample.capture()]].concat()).exits(0);
        assert_eq!(ran.stderr, "", "{arguments:?}");
        assert!(!ran.stdout.is_empty());
    }
    let drill = sample.path("other.pcap");
    let ran = run(&["drill", "quiet", "--duration", "1m", "-q", "-w", text(&drill)]).exits(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
}

#[test]
fn a_reader_that_has_had_enough_is_no_error() {
    let sample = Sample::of(Scenario::Quiet, 60);
    let mut child = command(&["flows", "--format", "json", sample.capture()])
        .spawn()
        .unwrap();
    let mut first = [0; 100];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    // The pipe is closed now, long before the last of some twenty thousand lines.
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn no_escape_codes_reach_a_pipe_or_a_file() {
    let sample = Sample::with_scan();
    let out = sample.path("report.txt");
    for arguments in [&["replay"][..], &["flows"], &["replay", "--format", "json"]] {
        let ran = run(&[arguments, &[sample.capture()]].concat()).exits(0);
        assert!(
            !ran.stdout.contains('\x1b') && !ran.stderr.contains('\x1b'),
            "{arguments:?}"
        );
    }
    run(&["replay", sample.capture(), "-o", text(&out)]).exits(0);
    assert!(!fs::read_to_string(&out).unwrap().contains('\x1b'));
}

#[test]
fn a_terminal_is_given_colours_unless_no_color_is_set() {
    let sample = Sample::with_scan();
    let shell = format!(
        "'{}' replay -q '{}'",
        env!("CARGO_BIN_EXE_tidemark"),
        sample.capture()
    );
    let on_terminal = |no_color: &str| {
        // script(1) lends its command a terminal.
        let mut script = Command::new("script");
        script.args(["-q", "-e", "-c", &shell, "/dev/null"]);
        script.env("NO_COLOR", no_color).env("TERM", "xterm");
        script.stdin(std::process::Stdio::null());
        script.output().ok()
    };
    let (Some(with), Some(without)) = (on_terminal(""), on_terminal("1")) else {
        println!("SKIPPED: script(1) is not here");
        return;
    };
    let [with, without] = [with, without].map(|output| String::from_utf8(output.stdout).unwrap());
    assert!(with.contains("\x1b[") && with.contains("scan"), "{with}");
    assert!(!without.contains('\x1b') && without.contains("scan"), "{without}");
}

#[test]
fn an_output_file_appears_whole_or_stays_as_it_was() {
    let sample = Sample::with_scan();
    let out = sample.file("report.json", "yesterday's");
    run(&["replay", text(&sample.path("missing.pcap")), "-o", &out]).exits(1);
    assert_eq!(fs::read_to_string(&out).unwrap(), "yesterday's");
    let ran = replay(&[sample.capture(), "-o", &out]).exits(0);
    assert_eq!(ran.stdout, "", "it goes to the file only");
    assert!(fs::read_to_string(&out).unwrap().contains("scan-vertical"));
    let mut names: Vec<_> = common::files_below(sample.folder.path());
    names.retain(|path| path != &sample.capture && path != Path::new(&out));
    assert!(names.is_empty(), "nothing is left lying about: {names:?}");
}

#[test]
fn an_output_that_cannot_be_written_is_named() {
    let sample = Sample::with_scan();
    let out = sample.path("no/such/folder/report.txt");
    run(&["replay", sample.capture(), "-o", text(&out)])
        .exits(1)
        .says(&["no/such/folder/report.txt", "cannot write"]);
}

#[test]
fn the_page_is_one_file_that_loads_nothing() {
    let sample = Sample::with_scan();
    let page = run(&["replay", "--format", "html", sample.capture()])
        .exits(0)
        .stdout;
    assert!(page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>"));
    for loads in ["<script src", "<link", "<img src=\"http", "@import", "url(http"] {
        assert!(!page.contains(loads), "{loads}");
    }
    assert!(page.contains("<svg") && page.contains("198.19.208.146"));
}

// Configuration, filters and rules.

#[test]
fn check_prints_a_configuration_that_reads_back_as_itself() {
    for arguments in [&["check"][..], &["check", "-c", CONFIG]] {
        let first = run(arguments).exits(0).stdout;
        let config = Config::parse(&first, "captures/printed.toml").unwrap();
        assert!(first.starts_with(&config.to_string()), "{first}");
    }
}

#[test]
fn a_bad_configuration_names_line_and_key() {
    let sample = Sample::with_scan();
    for (content, words) in [
        (
            "networks = [\"10.0.0.0/8\"]\nintervall = \"60s\"\n",
            [":2:1", "intervall", "`interval`"],
        ),
        ("interval = \"61s\"\n", [":1:12", "`interval`", "divide a day"]),
        (
            "\n\nnetworks = [\"10.0.0.0/33\"]\n",
            [":3:", "networks", "10.0.0.0/33"],
        ),
        ("[geoip]\nas = 7\n", [":2:", "as", "geoip"]),
        ("learn = \n", [":1:", "learn", "bad.toml"]),
    ] {
        let path = sample.file("bad.toml", content);
        for arguments in [
            &["check", "-c", &path][..],
            &["replay", sample.capture(), "-c", &path],
        ] {
            let ran = run(arguments).exits(2).says(&words).says(&["bad.toml"]);
            assert_eq!(ran.stdout, "");
        }
    }
}

#[test]
fn a_missing_configuration_is_named() {
    run(&["check", "-c", "no/such.toml"])
        .exits(2)
        .says(&["no/such.toml"]);
}

#[test]
fn a_bad_filter_is_pointed_at() {
    let sample = Sample::with_scan();
    for command in ["replay", "flows"] {
        let ran = run(&[command, sample.capture(), "-f", "dst port https and src"]).exits(2);
        let lines: Vec<_> = ran.stderr.lines().collect();
        let shown = lines
            .iter()
            .position(|l| l.contains("dst port https and src"))
            .unwrap();
        assert!(lines[shown + 1].trim_start().starts_with('^'), "{}", ran.stderr);
    }
    let ran = run(&["flows", sample.capture(), "-f", "port 443 and prot tcp"]).exits(2);
    let lines: Vec<_> = ran.stderr.lines().collect();
    let shown = lines
        .iter()
        .position(|l| l.contains("port 443 and prot"))
        .unwrap();
    let column = lines[shown].find("prot tcp").unwrap();
    assert_eq!(lines[shown + 1].find('^'), Some(column), "{}", ran.stderr);
}

#[test]
fn a_filter_leaves_the_rest_out_of_sight() {
    let sample = Sample::with_scan();
    let ran = replay(&[sample.capture(), "-f", "not host 10.20.10.25"]).exits(0);
    assert!(ran.objects("anomaly").is_empty(), "{}", ran.stdout);
    let ran = replay(&[sample.capture(), "-f", "dst host 10.20.10.25"]).exits(0);
    assert_eq!(scans(&ran), 1, "{}", ran.stdout);
    let flows = run(&[
        "flows",
        "--format",
        "json",
        sample.capture(),
        "-f",
        "src host 198.19.208.146",
    ]);
    let flows = flows.exits(0).stdout;
    assert!(flows.lines().count() >= 900);
    assert!(
        flows
            .lines()
            .all(|line| line.contains("\"src_ip\":\"198.19.208.146\""))
    );
}

#[test]
fn the_rules_in_use_are_listed_with_those_of_the_configuration() {
    let builtin = run(&["rules", "list"]).exits(0).stdout;
    for name in ["syn-flood", "scan", "stranger", "host-bytes-in"] {
        assert!(builtin.lines().any(|line| line.starts_with(name)), "{builtin}");
    }
    let ours = run(&["rules", "list", "-c", CONFIG]).exits(0).stdout;
    assert_eq!(ours.lines().count(), builtin.lines().count() + 1);
    assert!(
        ours.lines()
            .any(|line| line.starts_with("quota ") && line.contains("limit"))
    );
}

#[test]
fn every_file_of_rules_is_sound() {
    let rules = fs::read_dir("rules").unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> = rules
        .filter(|p| p.extension().is_some_and(|e| e == "toml"))
        .collect();
    assert!(!files.is_empty());
    for file in files {
        let ran = run(&["rules", "check", text(&file)]).exits(0);
        assert!(ran.stdout.contains("all sound"), "{}", ran.stdout);
    }
}

/// Two rules about the drill of a fan-in: one that its condition lets through, and one that it does not.
const FAN_IN_RULES: &str = r#"
[[rule]]
name = "many-sources"
description = "Many sources at once."
filter = "dst internal and request"
dimensions = ["dst_ip", "dst_port"]
metric = "flows"
test = "limit"
limit = 100
when = "sources >= 40"

[[rule]]
name = "few-sources"
description = "Much from few."
filter = "dst internal and request"
dimensions = ["dst_ip", "dst_port"]
metric = "flows"
test = "limit"
limit = 100
when = "sources < 2 and top dst_ip joins"
shadow = true
"#;

#[test]
fn rules_are_tested_against_a_capture_and_say_what_fired() {
    let sample = Sample::with_scan();
    let rules = sample.file("mine.toml", FAN_IN_RULES.replace(" and top dst_ip joins", ""));
    let base = [
        "rules",
        "test",
        "captures/fan-in.pcap.zst",
        "--rules",
        &rules,
        "-c",
        CONFIG,
        "-q",
    ];
    let with = |more: &[&str]| run(&[&base[..], more].concat());
    let text = with(&[]).exits(0).stdout;
    assert!(text.contains("many-sources: fired 1"), "{text}");
    assert!(text.contains("few-sources: nothing fired; held back "), "{text}");
    assert!(text.contains("port 14999"), "{text}");
    with(&["--must-fire", "many-sources", "--must-not-fire", "few-sources"]).exits(0);
    with(&["--must-not-fire", "many-sources"])
        .exits(3)
        .says(&["`many-sources` fired and must not"]);
    with(&["--must-fire", "few-sources"])
        .exits(3)
        .says(&["`few-sources` did not fire and must"]);
    with(&["--must-fire", "another"]).exits(2).says(&["another"]);
    let lines = with(&["--format", "json"]).exits(0).stdout;
    let lines: Vec<Json> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let types: Vec<&str> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["anomaly", "rule", "rule"]);
    assert_eq!(
        (&lines[1]["name"], &lines[1]["fired"]),
        (&Json::from("many-sources"), &Json::from(1))
    );
    assert!(lines[2]["held"]["conditions"].as_u64().unwrap() > 0 && lines[2]["shadow"] == true);
}

#[test]
fn a_condition_that_cannot_be_asked_is_named_with_its_place() {
    let sample = Sample::with_scan();
    let rules = sample.file("mine.toml", FAN_IN_RULES);
    run(&["rules", "check", &rules])
        .exits(2)
        .says(&["mine.toml:20:29", "rule.when", "dst_ip"]);
}

#[test]
fn a_review_of_rules_needs_a_state_and_shows_what_they_did() {
    let sample = Sample::with_scan();
    let state = text(&sample.path("state")).to_owned();
    run(&["rules", "list", "--state", &state])
        .exits(2)
        .says(&["no state"]);
    run(&[
        "replay",
        "captures/fan-in.pcap.zst",
        "-c",
        CONFIG,
        "--state",
        &state,
        "-q",
    ])
    .exits(0);
    let review = run(&["rules", "list", "-c", CONFIG, "--state", &state])
        .exits(0)
        .stdout;
    let listed = run(&["rules", "list", "-c", CONFIG]).exits(0).stdout;
    assert_eq!(review.lines().count(), listed.lines().count() + 1);
    let fired: Vec<&str> = review.lines().nth(1).unwrap().split_whitespace().collect();
    assert_ne!(fired[1], "0", "the noisiest first: {review}");
}

#[test]
fn a_rule_in_shadow_is_shown_and_does_not_set_the_exit_status() {
    let sample = Sample::with_scan();
    let fails = |rules: &str| {
        let config = sample.file(
            "t.toml",
            format!("networks = [\"10.20.0.0/16\"]\n[rules]\nbuiltin = false\n{rules}"),
        );
        run(&[
            "replay",
            "captures/fan-in.pcap.zst",
            "-c",
            &config,
            "-q",
            "--fail-on",
            "low",
        ])
    };
    let real = FAN_IN_RULES.replace(" and top dst_ip joins", "");
    let shadow = real.replacen("when = ", "shadow = true\nwhen = ", 1);
    fails(&real).exits(3);
    let text = fails(&shadow).exits(0).stdout;
    assert!(
        text.contains("No anomalies.")
            && text.contains("In shadow, told to nobody: 1 incident of 1 anomaly."),
        "{text}"
    );
    assert!(text.contains("Incident 1 (shadow)"), "{text}");
}

#[test]
fn every_rule_of_the_guide_can_be_copied() {
    let guide = fs::read_to_string("docs/src/rules.md").unwrap();
    let blocks = guide.split("```toml\n").skip(1);
    let blocks: Vec<&str> = blocks.map(|block| block.split("```").next().unwrap()).collect();
    let calendars = blocks
        .iter()
        .find(|block| block.contains("[calendar.office]"))
        .unwrap();
    // A file of holidays is the reader's own.
    let calendars = calendars
        .lines()
        .filter(|line| !line.starts_with("holiday_files"));
    let calendars: Vec<&str> = calendars.collect();
    let rules = blocks
        .iter()
        .filter(|block| block.contains("[[rule]]\nname = ") && !block.contains("[calendar"));
    let rules: Vec<&str> = rules.copied().collect();
    assert!(rules.len() >= 7, "{}", rules.len());
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: String| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        text(&path).to_owned()
    };
    let config = file("t.toml", calendars.join("\n"));
    let rules = file(
        "rules.toml",
        rules
            .join("\n")
            .replace("name = \"host-bytes-in\"", "name = \"copied\""),
    );
    run(&["check", "-c", &config]).exits(0);
    run(&["rules", "check", &rules, "-c", &config]).exits(0);
}

#[test]
fn a_bad_rule_names_line_and_key() {
    let sample = Sample::with_scan();
    let good = "[[rule]]\nname = \"x\"\ndescription = \"X.\"\ndimensions = [\"dst_ip\"]\nmetric = \"flows\"\n\
                test = \"sequential\"\nfloor = 1\nseverity = \"low\"\nkind = \"flood\"\n";
    let path = sample.file("rules.toml", good);
    run(&["rules", "check", &path]).exits(0);
    for (from, to, words) in [
        ("\"flows\"", "\"flow\"", [":5:", "metric", "flow"]),
        ("\"low\"", "\"grave\"", [":8:", "severity", "grave"]),
        ("\"dst_ip\"", "\"dst\"", [":4:", "dimensions", "dst"]),
        ("floor = 1", "flor = 1", [":7:", "flor", "floor"]),
        (
            "name = \"x\"",
            "name = \"x\"\nfilter = \"dst prot 1\"",
            [":3:", "filter", "prot"],
        ),
    ] {
        let path = sample.file("rules.toml", good.replace(from, to));
        run(&["rules", "check", &path])
            .exits(2)
            .says(&words)
            .says(&["rules.toml"]);
    }
}

// Databases.

/// Replays with a configuration whose AS database is `database`.
fn with_database(sample: &Sample, database: &str) -> Ran {
    let networks = "networks = [\"10.20.0.0/16\"]\n";
    let config = sample.file("config.toml", format!("{networks}[geoip]\nas = \"{database}\"\n"));
    run(&["replay", "-c", &config, "--format", "json", sample.capture()])
}

#[test]
fn a_missing_or_broken_database_is_said_and_the_rest_works() {
    let sample = Sample::with_scan();
    sample.file("broken.mmdb", [0x4d; 5000]);
    let whole = fs::read("geoip/documentation-asn.mmdb").unwrap();
    sample.file("cut.mmdb", &whole[..whole.len() / 2]);
    for database in ["missing.mmdb", "broken.mmdb", "cut.mmdb"] {
        let ran = with_database(&sample, database).exits(0).says(&[database]);
        assert_eq!(scans(&ran), 1, "{database}");
        let blind = ran.summary()["blind"].to_string();
        assert!(
            blind.contains(database) && blind.contains("not grouped by AS"),
            "{blind}"
        );
    }
}

#[test]
fn the_damaged_databases_of_others_cost_only_themselves() {
    let Some(folder) = common::evaluation("mmdb/broken") else {
        return;
    };
    let sample = Sample::of(Scenario::Quiet, 1);
    for file in common::files_below(&folder) {
        let file = fs::canonicalize(file).unwrap();
        let ran = with_database(&sample, text(&file)).exits(0);
        assert_eq!(ran.objects("summary").len(), 1, "{}", file.display());
    }
}

// Learning.

#[test]
fn while_it_learns_nothing_is_reported() {
    let sample = Sample::with_scan();
    let ran = replay(&[sample.capture(), "--learn", "1h"]).exits(0);
    assert!(ran.objects("anomaly").is_empty(), "{}", ran.stdout);
    assert_eq!(ran.summary()["learned_until"], "2026-03-02T09:00:00.002295Z");
    let ran = replay(&[sample.capture(), "--learn", "5m"]).exits(0);
    assert_eq!(scans(&ran), 1, "after that it is");
}

/// The hour of the fan-in, cut in two a minute before the incident.
fn before_and_after(sample: &Sample) -> [String; 2] {
    let records = samples::records(&sample.capture);
    let cut = (39 * 60 + 1_772_438_400) * 1_000_000;
    let [before, after] = [sample.path("before.pcap"), sample.path("after.pcap")];
    samples::write_pcap(&before, records.iter().filter(|r| r.micros < cut), false, false);
    samples::write_pcap(&after, records.iter().filter(|r| r.micros >= cut), false, false);
    [before, after].map(|path| text(&path).to_owned())
}

#[test]
fn kept_baselines_find_at_once_what_deviates() {
    let sample = Sample::of(Scenario::FanIn, 60);
    let [before, after] = before_and_after(&sample);
    let state = sample.path("state");
    let arguments = ["-c", CONFIG, "--state", text(&state)];
    let first = replay(&[&[before.as_str()], &arguments[..]].concat()).exits(0);
    assert!(first.objects("anomaly").is_empty(), "{}", first.stdout);
    let second = replay(&[&[after.as_str()], &arguments[..]].concat()).exits(0);
    let found = second.objects("anomaly");
    let at_once = found.iter().any(|a| {
        a["entity"] == serde_json::json!({"dst_ip": "10.20.10.40", "dst_port": 14999})
            && a["detected_at"].as_str().unwrap() <= "2026-03-02T08:42:08Z"
    });
    assert!(at_once, "{}", second.stdout);
    let strangers = found.iter().filter(|a| a["kind"] == "stranger").count();
    assert_eq!(
        strangers, 0,
        "hosts met in the first half are known\n{}",
        second.stdout
    );
}

#[test]
fn a_torn_state_is_said_and_learning_begins_afresh() {
    let sample = Sample::of(Scenario::ScanVertical, 15);
    let state = sample.path("state");
    let arguments = [sample.capture(), "--state", text(&state)];
    let want = replay(&arguments).exits(0);
    let baselines = || {
        let mut files = common::files_below(&state);
        files.retain(|file| file.to_string_lossy().contains("baselines"));
        files
    };
    let file = baselines().remove(0);
    let whole = fs::read(&file).unwrap();
    for torn in [
        &whole[..whole.len() / 2],
        &whole[..10],
        b"",
        &[b"x", &whole[..]].concat()[..],
    ] {
        fs::write(&file, torn).unwrap();
        let ran = replay(&arguments).exits(0).says(&["state", "not used", "afresh"]);
        assert_eq!(common::comparable(&ran.stdout), common::comparable(&want.stdout));
        assert!(ran.summary()["blind"].to_string().contains("afresh"));
        assert_eq!(baselines().len(), 1, "and a whole one is written again");
        replay(&arguments).exits(0);
    }
}

#[test]
fn a_state_of_another_interval_is_not_used() {
    let sample = Sample::with_scan();
    let state = sample.path("state");
    let config = sample.file("other.toml", "interval = \"5m\"\n");
    replay(&[sample.capture(), "--state", text(&state)]).exits(0);
    replay(&[sample.capture(), "--state", text(&state), "-c", &config])
        .exits(0)
        .says(&["state", "not used", "interval"]);
}

// Bad captures.

#[test]
fn an_unreadable_file_among_good_ones_costs_only_itself() {
    let sample = Sample::with_scan();
    let junk = sample.file("junk.pcap", "no capture at all, whatever its name says");
    let missing = sample.path("missing.pcap");
    let want = replay(&[sample.capture()]).exits(0);
    let ran = replay(&[&junk, sample.capture(), text(&missing)]).exits(0);
    assert_eq!(common::comparable(&ran.stdout), common::comparable(&want.stdout));
    let ran = ran.says(&["junk.pcap", "missing.pcap: byte 0: no such file"]);
    assert_eq!(ran.summary()["dropped"]["unreadable"], 2);
    assert_eq!(ran.summary()["faults"].as_array().unwrap().len(), 2);
}

#[test]
fn a_truncated_capture_is_used_up_to_the_cut_and_the_cut_is_named() {
    let sample = Sample::with_scan();
    let records = samples::records(&sample.capture);
    let whole = fs::read(&sample.capture).unwrap();
    // In the middle of the last record: header 16, some of its octets there.
    let last = records.last().unwrap().octets.len() + 16;
    let cut = sample.file("cut.pcap", &whole[..whole.len() - last + 20]);
    let named = format!("cut.pcap: byte {}:", whole.len() - last);
    let ran = replay(&[&cut]).exits(0).says(&[&named]);
    assert_eq!(scans(&ran), 1);
    assert_eq!(ran.summary()["dropped"]["truncated"], 1);
    let not_ip = ran.summary()["dropped"]["not_ip"].as_u64().unwrap_or(0);
    assert_eq!(ran.summary()["packets"], records.len() as u64 - 1 - not_ip);
    assert!(ran.summary()["faults"][0].as_str().unwrap().contains(&named));
    run(&["flows", &cut]).exits(0).says(&[&named]);
}

#[test]
fn a_truncated_compressed_capture_is_used_up_to_the_cut() {
    let sample = Sample::with_scan();
    let path = sample.path("whole.pcap.gz");
    samples::gzip(&sample.capture, &path);
    let whole = fs::read(&path).unwrap();
    let cut = sample.file("cut.pcap.gz", &whole[..whole.len() * 9 / 10]);
    let ran = replay(&[&cut]).exits(0).says(&["cut.pcap.gz: byte "]);
    assert_eq!(ran.summary()["dropped"]["truncated"], 1);
    assert!(ran.summary()["packets"].as_u64().unwrap() > 1000);
}

#[test]
fn a_hostile_record_length_is_named_and_bounded() {
    let sample = Sample::of(Scenario::Quiet, 1);
    let mut octets = fs::read(&sample.capture).unwrap();
    // The captured length of the second record.
    let second = 24 + 16 + samples::records(&sample.capture)[0].octets.len();
    octets[second + 8..second + 12].copy_from_slice(&u32::MAX.to_le_bytes());
    let path = sample.file("hostile.pcap", octets);
    let ran = replay(&[&path])
        .exits(0)
        .says(&[&format!("hostile.pcap: byte {second}:")]);
    assert!(ran.summary()["packets"].as_u64().unwrap() >= 1);
}

// Drills.

#[test]
fn drill_list_names_every_scenario_with_a_sentence() {
    let listed = run(&["drill", "list"]).exits(0).stdout;
    assert_eq!(listed.lines().count(), Scenario::ALL.len());
    for (line, scenario) in listed.lines().zip(Scenario::ALL) {
        assert!(line.starts_with(scenario.name()) && line.ends_with(scenario.description()));
    }
}

#[test]
fn a_drill_is_the_same_to_the_last_octet_and_leaves_its_truth_beside() {
    let sample = Sample::of(Scenario::Quiet, 1);
    let paths = ["a.pcap", "b.pcap"].map(|name| sample.path(name));
    for path in &paths {
        let arguments = [
            "drill",
            "fan-in",
            "-w",
            text(path),
            "--duration",
            "5m",
            "--seed",
            "7",
        ];
        run(&arguments)
            .exits(0)
            .says(&["packets of fan-in", ".truth.json"]);
    }
    assert_eq!(fs::read(&paths[0]).unwrap(), fs::read(&paths[1]).unwrap());
    let truth = fs::read_to_string(sample.path("a.pcap.truth.json")).unwrap();
    let truth: serde_json::Value = serde_json::from_str(&truth).unwrap();
    assert_eq!((&truth["kind"], &truth["seed"]), (&"fan-in".into(), &7.into()));
    assert_eq!(truth["victims"], serde_json::json!(["10.20.10.40"]));
}

#[test]
fn standard_input_can_be_named_once_among_files() {
    let sample = Sample::with_scan();
    let octets = fs::read(&sample.capture).unwrap();
    let ran = program::run_with_input(&["replay", "-", "-q", "--format", "json"], &octets).exits(0);
    assert_eq!(ran.summary()["files"], serde_json::json!(["-"]));
    let junk = program::run_with_input(&["replay", "-"], b"no capture").exits(1);
    junk.says(&["-: byte 0"]);
}

// Captured flow export.

/// Frames of Ethernet from 192.0.2.9, port 40000, to a collector's `port`: UDP with each payload.
fn export_capture(path: &Path, port: u16, payloads: &[&[u8]]) {
    let frame = |payload: &&[u8]| {
        let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0];
        frame.extend((28 + payload.len() as u16).to_be_bytes());
        frame.extend([0, 1, 0, 0, 64, 17, 0, 0, 192, 0, 2, 9, 192, 0, 2, 1, 0x9c, 0x40]);
        frame.extend(port.to_be_bytes());
        frame.extend((8 + payload.len() as u16).to_be_bytes());
        frame.extend([0, 0]);
        frame.extend_from_slice(payload);
        frame
    };
    let out = OutputFile::create(path, 3).unwrap();
    let mut writer = PcapWriter::new(out, Precision::Micros, LinkType(1), 0).unwrap();
    for (second, frame) in payloads.iter().map(frame).enumerate() {
        let at = Timestamp::from_secs(1_772_438_400 + second as i64);
        writer.write(at, &frame, frame.len() as u32).unwrap();
    }
    writer.finish().unwrap().finish().unwrap();
}

/// An sFlow datagram, agent 10.0.0.9, with one packet from 198.51.100.1 port 40000 to 192.0.2.80 port 443, one in 512.
fn sflow() -> Vec<u8> {
    let packet = [1500, 6, 0xc633_6401, 0xc000_0250, 40_000, 443, 0x10, 0];
    let sample = [1, 72, 1, 7, 512, 0, 0, 7, 8, 1, 3, 32];
    let words = [&[5, 1, 0x0a00_0009, 0, 1, 1000, 1][..], &sample, &packet].concat();
    words.iter().flat_map(|word: &u32| word.to_be_bytes()).collect()
}

#[test]
fn captured_export_is_decoded_and_says_who_exported_it() {
    let sample = Sample::with_scan();
    let path = sample.path("export.pcap");
    export_capture(&path, 6343, &[&sflow(), &sflow()[..60]]);
    let ran = run(&["flows", text(&path), "--format", "json"]).exits(0).says(&[
        "the datagrams are flow export",
        "export.pcap: byte 190: exporter 192.0.2.9 domain 0: octet 60: the datagram ends inside a sample",
    ]);
    let flow: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (&flow["src_ip"], &flow["bytes"], &flow["sampling_rate"]),
        (&"198.51.100.1".into(), &1500.into(), &512.into())
    );
    assert_eq!(
        (&flow["exporter"], &flow["agent"], &flow["in_if"]),
        (&"192.0.2.9".into(), &"10.0.0.9".into(), &7.into())
    );
    let metered = run(&["flows", text(&path), "--as", "packets", "--format", "csv"]).exits(0);
    assert!(
        metered.stdout.contains("192.0.2.9,192.0.2.1,40000,6343,17,2,"),
        "{}",
        metered.stdout
    );
}

#[test]
fn captured_packets_stay_packets_and_hold_no_export() {
    let sample = Sample::with_scan();
    let ran = run(&["flows", sample.capture(), "-n", "3"]).exits(0);
    assert!(!ran.stderr.contains("export"), "{}", ran.stderr);
    let asked = run(&["flows", sample.capture(), "--as", "export", "--format", "json"]);
    let asked = asked.exits(0).says(&["drill.pcap: no flow export is in it"]);
    assert_eq!(asked.stdout, "");
}
