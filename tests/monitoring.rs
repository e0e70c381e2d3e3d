//! What monitors see: a real Prometheus scrapes the daemon, promtool checks names and rules, `tidemark status` grades it.
#![allow(clippy::unwrap_used)]

#[path = "common/daemon.rs"]
#[allow(dead_code)]
mod daemon;
#[path = "common/parts.rs"]
mod parts;
#[path = "common/samples.rs"]
#[allow(dead_code)]
mod samples;
#[path = "common/web.rs"]
#[allow(dead_code)]
mod web;

use daemon::{Daemon, Home, netflow5, send, until};
use parts::have;
use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};
use web::Client;

const CONFIG: &str = r#"
[listen]
udp = ["127.0.0.1:0"]
tcp = []
[state]
dir = "state"
every = "1s"
[web]
listen = "127.0.0.1:0"
[notify.channel.lines]
type = "file"
path = "told.jsonl"
[notify.route.lines]
channel = "lines"
"#;

/// A file of the repository.
fn file(path: &str) -> String {
    std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// A daemon that has heard an exporter, and a client of its dashboard.
fn heard(home: &Home) -> (Daemon, Client) {
    let mut daemon = home.start();
    let to = daemon.listens();
    let client = Client::of(&mut daemon);
    send(to, &(0..100).map(netflow5).collect::<Vec<_>>());
    assert_eq!(daemon.counts("received", 100), 100);
    (daemon, client)
}

fn promtool(args: &[&str], input: &str) -> (bool, String) {
    let mut child = Command::new("promtool")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let ran = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
    (ran.status.success(), said)
}

/// The names of metrics in a text of Prometheus' format.
fn names(text: &str) -> BTreeSet<&str> {
    text.lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect()
}

#[test]
fn prometheus_scrapes_the_daemon_and_takes_the_rules() {
    if !have(&["promtool", "prometheus"]) {
        eprintln!("skipped: there is no Prometheus");
        return;
    }
    let home = Home::new(CONFIG);
    let (_daemon, client) = heard(&home);
    let text = client.get("/metrics").text;
    let (fine, said) = promtool(&["check", "metrics"], &text);
    assert!(fine && said.is_empty(), "{said}\n{text}");
    for name in ["exporter", "stage", "rule", "notify", "store", "receiver", "desk"] {
        let prefix = format!("tidemark_{name}_");
        assert!(
            names(&text).iter().any(|known| known.starts_with(&prefix)),
            "{name}: {text}"
        );
    }
    let rules = format!("{}/deploy/prometheus/alerts.yml", env!("CARGO_MANIFEST_DIR"));
    let (fine, said) = promtool(&["check", "rules", &rules], "");
    assert!(fine, "{said}");
    let target = client.base.strip_prefix("http://").unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let config = file("deploy/prometheus/scrape.yml")
        .replace("127.0.0.1:8088", target)
        .replace("15s", "1s");
    std::fs::write(
        home.path("prometheus.yml"),
        format!("rule_files: [\"{rules}\"]\n{config}"),
    )
    .unwrap();
    let mut prometheus = Command::new("prometheus")
        .arg(format!("--config.file={}", home.path("prometheus.yml").display()))
        .arg(format!("--storage.tsdb.path={}", home.path("tsdb").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let answer = |query: &str| {
        let args = ["query", "instant", &format!("http://127.0.0.1:{port}"), query];
        let (fine, said) = promtool(&args, "");
        (fine && said.contains("=>")).then_some(said)
    };
    let up = until(|| answer("up{job=\"tidemark\"} == 1"));
    let records = until(|| answer("tidemark_exporter_records_total >= 100"));
    prometheus.kill().unwrap();
    prometheus.wait().unwrap();
    assert!(
        up.contains(target) && records.contains("exporter=\"127.0.0.1\""),
        "{up}{records}"
    );
}

#[test]
fn alerts_and_panels_ask_only_for_what_is_told() {
    let home = Home::new(CONFIG);
    let (_daemon, client) = heard(&home);
    let text = client.get("/metrics").text;
    let told = names(&text);
    for path in ["deploy/prometheus/alerts.yml", "deploy/grafana/tidemark.json"] {
        let file = file(path);
        let words = file.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let asked: BTreeSet<&str> = words.filter(|word| word.starts_with("tidemark_")).collect();
        assert!(asked.len() > 5, "{path}");
        for name in asked {
            assert!(told.contains(name), "{path}: {name} is not among {told:?}");
        }
    }
}

#[test]
fn a_monitor_sees_whether_the_daemon_is_well_and_when_it_stopped() {
    let home = Home::new(CONFIG);
    let status = || {
        let ran = Command::new(env!("CARGO_BIN_EXE_tidemark"))
            .args(["status", "-c"])
            .arg(home.path("tidemark.toml"))
            .output()
            .unwrap();
        (ran.status.code(), String::from_utf8(ran.stdout).unwrap())
    };
    let (code, line) = status();
    assert!(
        code == Some(3) && line.starts_with("TIDEMARK UNKNOWN - no daemon ever ran"),
        "{line}"
    );
    let (daemon, _client) = heard(&home);
    until(|| status().1.contains("1 exporters").then_some(()));
    let (code, line) = status();
    // A disk that is nearly full is this machine's own trouble.
    let graded = [(Some(0), "OK"), (Some(1), "WARNING"), (Some(2), "CRITICAL")];
    let (_, name) = graded.into_iter().find(|(known, _)| *known == code).unwrap();
    assert!(line.starts_with(&format!("TIDEMARK {name} - ")), "{line}");
    assert!(name == "OK" || line.contains("% used"), "{line}");
    assert!(
        line.contains(" | open_critical=0") && line.lines().count() == 1,
        "{line}"
    );
    daemon.stops();
    let (code, line) = status();
    assert!(
        code == Some(2) && line.starts_with("TIDEMARK CRITICAL - stopped"),
        "{line}"
    );
}
