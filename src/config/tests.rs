//! What the configuration promises: what is read, what is refused and how, and that it prints back.

use super::*;
use crate::filter::Filter;
use crate::model::{Dimension, Kind, Limit, Metric, Severity, Test};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn read(text: &str) -> Config {
    Config::parse(text, "tidemark.toml").unwrap_or_else(|error| panic!("{error}"))
}

fn refused(text: &str) -> String {
    Config::parse(text, "tidemark.toml").unwrap_err().to_string()
}

const RULE: &str = "
[[rule]]
name = \"mine\"
description = \"One of mine.\"
filter = \"dst port 443 and request\"
dimensions = [\"dst_ip\", \"dst_port\"]
metric = \"flows\"
test = \"limit\"
limit = 600
per = \"1m\"
floor = \"1k\"
severity = \"critical\"
technique = \"T1498\"
next = [\"Look \\\"there\\\".\"]
";

#[test]
fn nothing_said_means_the_defaults() {
    let mut config = read("");
    config.file = String::new();
    assert_eq!(config, Config::default());
    assert_eq!(Config::default().internal(), Networks::default());
}

#[test]
fn every_key_is_read() {
    let config = read(
        r#"
        networks = ["192.0.2.0/24", "2001:db8::/32"]
        interval = "5m"
        tick = "15s"
        lateness = "90s"
        learn = "1d"
        false_alarms_per_day = 0.5
        memory_limit = "64MiB"
        [geoip]
        as = "asn.mmdb"
        country = "/srv/country.mmdb"
        [metering]
        active_timeout = "1h"
        idle_timeout = "30s"
        cache_limit = 5000
        answer_timeout = "500ms"
        [decapsulate]
        gre = true
        ip_in_ip = true
        vxlan = true
        gtp_u = true
        [rules]
        builtin = true
        disable = ["syn-flood"]
        files = ["my.toml"]
        [profile]
        questions_per_host = 8
        hosts = 100
        "#,
    );
    let seconds = |s| Duration::from_secs(s);
    assert_eq!((config.interval, config.tick), (seconds(300), seconds(15)));
    assert_eq!((config.lateness, config.learn), (seconds(90), seconds(86_400)));
    assert_eq!(
        (config.memory_limit, config.false_alarms_per_day),
        (64 << 20, 0.5)
    );
    assert_eq!(config.networks.len(), 2);
    assert_eq!(config.metering.answer_timeout, Duration::from_millis(500));
    assert_eq!(config.metering.cache_limit, 5000);
    let d = config.decapsulate;
    assert!(d.gre && d.ip_in_ip && d.vxlan && d.gtp_u);
    assert_eq!(config.profile.hosts, 100);
    assert_eq!(config.geoip.as_db, Some("asn.mmdb".into()));
}

#[test]
fn paths_are_beside_the_configuration() {
    let config = Config::parse("", "/etc/tidemark/tidemark.toml").unwrap();
    assert_eq!(
        config.resolve(Path::new("a.mmdb")),
        Path::new("/etc/tidemark/a.mmdb")
    );
    assert_eq!(config.resolve(Path::new("/srv/a.mmdb")), Path::new("/srv/a.mmdb"));
    assert_eq!(
        Config::default().resolve(Path::new("a.mmdb")),
        Path::new("a.mmdb")
    );
}

#[test]
fn a_shorter_interval_gets_a_tick_that_divides_it() {
    for (interval, tick) in [
        ("10s", 10),
        ("15s", 5),
        ("20s", 10),
        ("1m", 10),
        ("1h", 10),
        ("16s", 8),
    ] {
        assert_eq!(
            read(&format!("interval = \"{interval}\"")).tick.as_secs(),
            tick,
            "{interval}"
        );
    }
}

#[test]
fn a_rule_is_read_as_written() {
    let config = read(RULE);
    let [rule] = config.rule.as_slice() else { panic!() };
    assert_eq!(rule.dimensions, [Dimension::DstIp, Dimension::DstPort]);
    assert_eq!(rule.metric, Metric::Flows);
    let limit = Limit {
        value: 600.0,
        per: Duration::from_secs(60),
        warn_at: 0.7,
    };
    assert_eq!(rule.test, Test::Limit(limit));
    assert_eq!(
        (rule.floor, rule.severity, rule.kind),
        (1000.0, Severity::Critical, Kind::RateLimit)
    );
    assert_eq!(rule.next, ["Look \"there\"."]);
}

/// Texts and all of what is said about them.
const MISTAKES: &[(&str, &str)] = &[
        (
            "# ours\nintervall = \"60s\"",
            "tidemark.toml:2:1: `intervall`: unknown key
  2 | intervall = \"60s\"
    | ^^^^^^^^^
  hint: did you mean `interval`?",
        ),
        (
            "[metering]\nidle = \"15s\"",
            "tidemark.toml:2:1: `metering.idle`: unknown key
  2 | idle = \"15s\"
    | ^^^^
  hint: known here: active_timeout, idle_timeout, cache_limit, answer_timeout",
        ),
        (
            "interval = \"70s\"",
            "tidemark.toml:1:12: `interval`: 1m 10s does not divide a day evenly
  1 | interval = \"70s\"
    |            ^^^^^
  hint: 10s, 15s, 20s, 30s, 1m, 5m, 10m, 15m and 1h do",
        ),
        (
            "interval = 60",
            "tidemark.toml:1:12: `interval`: expected a duration in quotes such as \"90s\", \"5m\" or \"1h30m\", \
             found a number
  1 | interval = 60
    |            ^^",
        ),
        (
            "interval = \"5s\"",
            "tidemark.toml:1:12: `interval`: 5s is not between 10s and 1h
  1 | interval = \"5s\"
    |            ^^^^",
        ),
        (
            "tick = \"7s\"",
            "tidemark.toml:1:8: `tick`: 7s does not divide the interval of 1m into whole seconds
  1 | tick = \"7s\"
    |        ^^^^",
        ),
        (
            "networks = [\"10.0.0.0/8\",\n  \"10.0.0.0/40\"]",
            "tidemark.toml:2:3: `networks`: prefix length `40` is not a number from 0 to 32
  2 |   \"10.0.0.0/40\"]
    |   ^^^^^^^^^^^^^",
        ),
        (
            "memory_limit = \"1GX\"",
            "tidemark.toml:1:16: `memory_limit`: `1GX` has an unknown unit, expected k, M, G, T, Ki, Mi, Gi or Ti
  1 | memory_limit = \"1GX\"
    |                ^^^^^",
        ),
        (
            "[rules]\ndisable = [\"syn-flod\"]",
            "tidemark.toml:2:12: `rules.disable`: there is no built-in rule `syn-flod`
  2 | disable = [\"syn-flod\"]
    |            ^^^^^^^^^^
  hint: did you mean `syn-flood`?",
        ),
        (
            "[geoip]\nas = false",
            "tidemark.toml:2:6: `geoip.as`: expected text in quotes, found true or false
  2 | as = false
    |      ^^^^^",
        ),
        (
            "metering = 3",
            "tidemark.toml:1:12: `metering`: expected a table, found a number
  1 | metering = 3
    |            ^",
        ),
];

#[test]
fn errors_name_file_line_column_key_and_what_to_do() {
    for &(text, expected) in MISTAKES {
        assert_eq!(refused(text), expected, "{text}");
    }
}

#[test]
fn text_that_is_no_toml_is_refused_where_it_stops_being_toml() {
    let error = Config::parse("interval = \"60s\"\ntick = = 3\n", "x.toml").unwrap_err();
    assert_eq!(error.line_and_column().map(|(line, _)| line), Some(2), "{error}");
    let error = Config::parse("interval = \"60s\"\ninterval = \"60s\"\n", "x.toml").unwrap_err();
    assert_eq!(error.line_and_column().map(|(line, _)| line), Some(2), "{error}");
}

#[test]
fn a_filter_error_points_into_the_filter() {
    let text = RULE.replace("dst port 443 and request", "dst port 443 and dst_prot 80");
    assert_eq!(
        refused(&text),
        "tidemark.toml:5:28: `rule.filter`: unknown word `dst_prot`, expected a condition; did you mean `dst_port`?
  5 | filter = \"dst port 443 and dst_prot 80\"
    |                            ^^^^^^^^"
    );
    let text = RULE.replace("\"dst port 443 and request\"", "'''\n  tcp\n  and prot 80\n'''");
    assert_eq!(
        refused(&text),
        "tidemark.toml:7:7: `rule.filter`: unknown word `prot`, expected a condition; did you mean `proto`?
  7 |   and prot 80
    |       ^^^^"
    );
    let text = RULE.replace("dst port 443 and request", "flags S");
    assert!(refused(&text).contains("rules look at conversations, which have no flags"));
}

/// What is replaced in the good rule, by what, and a part of what is said.
const BAD_RULES: &[(&str, &str, &str)] = &[
    ("name = \"mine\"\n", "", ":2:1: `rule`: `rule.name` is missing"),
    (
        "\"mine\"",
        "\"My rule\"",
        ":3:8: `rule.name`: a name has lower-case letters",
    ),
    (
        "\"limit\"",
        "\"limitt\"",
        ":8:8: `rule.test`: `limitt` is not a test",
    ),
    (
        "\"limit\"",
        "\"scan\"",
        "`rule.dimensions`: the test `scan` takes dimensions = [\"src_ip\"]",
    ),
    (
        "\"limit\"",
        "\"baseline\"",
        ":9:9: `rule.limit`: belongs to the test `limit`, this rule has `baseline`",
    ),
    ("limit = 600", "limit = 0", ":9:9: `rule.limit`: must be above 0"),
    ("limit = 600\n", "", "`rule`: `rule.limit` is missing"),
    (
        "per = \"1m\"",
        "per = \"1m\"\nwarn_at = 1.5",
        "`rule.warn_at`: must be above 0 and at most 1",
    ),
    (
        "per = \"1m\"",
        "direction = \"both\"",
        "`rule.direction`: belongs to the test `baseline`",
    ),
    (
        "\"dst_port\"]",
        "\"dst_prt\"]",
        ":6:25: `rule.dimensions`: `dst_prt` is not a dimension",
    ),
    (
        "\"dst_port\"]",
        "\"dst_ip\"]",
        ":6:25: `rule.dimensions`: `dst_ip` is named twice",
    ),
    (
        "\"dst_port\"]",
        "\"src_ip\", \"host\"]",
        "at most two of src_ip, dst_ip, host and networks can be combined",
    ),
    (
        "\"flows\"",
        "\"flow\"",
        ":7:10: `rule.metric`: `flow` is not a metric",
    ),
    ("\"T1498\"", "\"T149\"", "`T149` is no ATT&CK technique"),
    ("\"critical\"", "\"hihg\"", "did you mean `high`?"),
    (
        "floor = \"1k\"",
        "floor = -1",
        "`rule.floor`: must not be negative",
    ),
    ("floor = \"1k\"", "flor = 1", "did you mean `floor`?"),
    (
        "\"mine\"",
        "\"scan\"",
        "the name `scan` is taken by a rule in rules/scans.toml",
    ),
];

#[test]
fn rules_that_make_no_sense_are_refused_at_the_key() {
    for &(from, to, expected) in BAD_RULES {
        let text = RULE.replacen(from, to, 1);
        assert_ne!(text, RULE, "{from}");
        let error = refused(&text);
        assert!(error.contains(expected), "{to}\n{error}\n{expected}");
    }
    let twice = format!("{RULE}{RULE}");
    assert!(refused(&twice).contains("the name `mine` is taken by a rule in tidemark.toml"));
    let bytes = RULE
        .replace("\"limit\"\nlimit = 600\nper = \"1m\"", "\"sequential\"")
        .replace("\"flows\"", "\"bytes\"");
    assert!(refused(&bytes).contains("for counts of events, not for bytes"));
}

#[test]
fn rules_of_all_places_are_one_set() {
    let config = read(&format!(
        "[rules]\ndisable = [\"scan\"]\nfiles = [\"more.toml\"]\n{RULE}"
    ));
    let more = RULE.replace("\"mine\"", "\"scan\"");
    let rules = config.all_rules(|path| {
        assert_eq!(path, Path::new("more.toml"));
        Ok(more.clone())
    });
    let names: Vec<String> = rules.unwrap().into_iter().map(|rule| rule.name).collect();
    assert_eq!(names.len(), builtin_rules().len() + 1);
    assert_eq!(names.iter().filter(|name| *name == "scan").count(), 1);
    assert_eq!(names.last().map(String::as_str), Some("mine"));

    let error = config.all_rules(|_| Ok(RULE.to_owned())).unwrap_err().to_string();
    assert!(
        error.starts_with("more.toml:3:8: `rule.name`: the name `mine` is taken by a rule in tidemark.toml")
    );
    let error = config
        .all_rules(|_| Err(std::io::ErrorKind::NotFound.into()))
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "tidemark.toml: `rules.files`: the rule file more.toml cannot be read: entity not found"
    );
    let none = read("[rules]\nbuiltin = false")
        .all_rules(|_| Ok(String::new()))
        .unwrap();
    assert!(none.is_empty());
}

#[test]
fn a_rule_switched_off_is_not_used_but_checked() {
    let off = RULE.replace("limit = 600", "limit = 600\nenabled = false");
    assert!(read(&off).rule.is_empty());
    assert!(refused(&off.replace("600", "0")).contains("must be above 0"));
}

#[test]
fn every_built_in_rule_file_can_be_read() {
    let rules = rules::builtin().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(rules, builtin_rules());
    assert!((12..=80).contains(&rules.len()), "{}", rules.len());
    let names: BTreeSet<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names.len(), rules.len());
    for rule in &rules {
        assert!(rule.floor > 0.0, "{}: no floor", rule.name);
        assert!(
            !rule.next.is_empty() && !rule.false_causes.is_empty(),
            "{}",
            rule.name
        );
        let filter = rule.filter.as_deref().unwrap_or_default();
        // What a filter says of counts would depend on how traffic is cut into ticks.
        assert!(!Filter::parse(filter).unwrap().needs().counts, "{}", rule.name);
    }
}

#[test]
fn no_file_in_the_rules_folder_is_forgotten() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let found: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| format!("rules/{}", entry.unwrap().file_name().display()))
        .filter(|name| name.ends_with(".toml"))
        .collect();
    let built_in: BTreeSet<String> = rules::BUILTIN
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    assert_eq!(found, built_in);
}

#[test]
fn the_effective_configuration_reads_back_as_the_same() {
    let mut all = read(RULE);
    all.rule.extend(builtin_rules().into_iter().map(|mut rule| {
        rule.name.push_str("-of-mine");
        rule
    }));
    for config in [read(""), read(RULE), all] {
        assert_eq!(read(&config.to_string()), config, "{config}");
    }
}

fn seconds(range: std::ops::RangeInclusive<u64>) -> impl Strategy<Value = Duration> {
    range.prop_map(Duration::from_secs)
}

prop_compose! {
    fn configuration()(
        interval in prop::sample::select(vec![10_u64, 15, 20, 30, 60, 90, 120, 300, 600, 900, 3600]),
        lateness in (0..=3_600_000_u64).prop_map(Duration::from_millis),
        learn in seconds(0..=86_400 * 30),
        false_alarms_per_day in (1..=100_000_u32).prop_map(|n| f64::from(n) / 100.0),
        memory_limit in (1_u64 << 24)..=(1 << 44),
        timeouts in (seconds(1..=3600), seconds(1..=3600)),
        cache_limit in 1000..=1_000_000_000_usize,
        flags in any::<[bool; 5]>(),
        path in prop::option::of("[a-z \\\\\"'#/é]{1,12}"),
        prefixes in prop::collection::vec((any::<u32>(), 0..=32_u8), 0..4),
        filter in prop::sample::select(vec!["tcp", "port 80 # \"web\"\nor\tport 443", "country 'x"]),
        text in "[^\\p{C}\\p{Zs}]{1,20}",
    ) -> Config {
        let standard = Config::default();
        let mut rule = read(RULE).rule.remove(0);
        rule.description = text;
        rule.filter = Some(filter.to_owned()).filter(|filter| Filter::parse(filter).is_ok());
        Config {
            file: "tidemark.toml".to_owned(),
            networks: prefixes.into_iter()
                .map(|(bits, length)| Prefix::new(crate::model::Ip::v4(bits), length)).collect(),
            interval: Duration::from_secs(interval),
            tick: Duration::from_secs(5),
            lateness,
            learn,
            false_alarms_per_day,
            memory_limit,
            metering: Metering {
                active_timeout: timeouts.0, idle_timeout: timeouts.1, cache_limit, ..standard.metering
            },
            decapsulate: Decapsulate { gre: flags[0], ip_in_ip: flags[1], vxlan: flags[2], gtp_u: flags[3] },
            rules: RuleChoice { builtin: flags[4], ..standard.rules },
            geoip: GeoIp {
                as_db: path.filter(|path| !path.trim().is_empty()).map(PathBuf::from),
                country: None,
            },
            rule: vec![rule],
            ..standard
        }
    }
}

proptest! {
    #[test]
    fn any_configuration_printed_reads_back_as_the_same(config in configuration()) {
        let text = config.to_string();
        let read = Config::parse(&text, "tidemark.toml").map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert_eq!(read, config, "{}", text);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[a-z_\\[\\]=\".0-9\n ]{0,80}") {
        if let Err(error) = Config::parse(&text, "x.toml") {
            prop_assert!(error.to_string().starts_with("x.toml"));
        }
    }

    #[test]
    fn durations_and_sizes_read_back(millis in 0..=86_400_000_000_u64, octets in any::<u64>()) {
        let duration = Duration::from_millis(millis);
        prop_assert_eq!(values::duration(&values::span(duration)), Ok(duration));
        prop_assert_eq!(crate::filter::parse_amount(&values::size(octets)), Ok(octets));
    }
}
