//! Notifications at receivers of others: Alertmanager, rsyslog, a mail server with STARTTLS, programs and files.

#![allow(clippy::unwrap_used)]

#[path = "common/daemon.rs"]
#[allow(dead_code)]
mod daemon;
#[path = "common/parts.rs"]
mod parts;
#[path = "common/receivers.rs"]
mod receivers;
#[path = "common/samples.rs"]
#[allow(dead_code)]
mod samples;

use daemon::Home;
use parts::{have, run};
use receivers::{anomaly, config, desk, observe, over, secret, tally, until};
use serde_json::Value as Json;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tidemark::model::{Anomaly, Severity};
use tidemark::store::desk::What;

/// A program of others; killed when it goes out of scope.
struct Other(Child);

impl Other {
    fn start(command: &mut Command) -> Self {
        Self(
            command
                .stdin(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap(),
        )
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that was free a moment ago, for TCP and UDP.
fn port() -> u16 {
    let free = || {
        let tcp = TcpListener::bind("127.0.0.1:0").ok()?;
        let port = tcp.local_addr().ok()?.port();
        UdpSocket::bind(("127.0.0.1", port)).ok().map(|_| port)
    };
    until("a free port", free)
}

/// A JSON document by HTTP.
fn get(port: u16, path: &str) -> Option<Json> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nhost: localhost\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
}

#[test]
fn an_alert_appears_at_alertmanager_is_updated_grows_graver_and_is_resolved() {
    if !have(&["prometheus-alertmanager"]) {
        return;
    }
    let port = port();
    let home = Home::new(&config(&format!(
        "[notify.channel.am]\ntype = \"alertmanager\"\nurl = \"http://127.0.0.1:{port}/\"\nlasts = \"30s\"\n\
         labels = {{ site = \"lab\" }}\n\
         [notify.route.am]\nchannel = \"am\"\nrefresh = \"5s\"\nheartbeat = \"1s\"\nself = true\n"
    )));
    std::fs::write(
        home.path("am.yml"),
        "route: {receiver: none}\nreceivers: [{name: none}]\n",
    )
    .unwrap();
    let _manager = Other::start(
        Command::new("prometheus-alertmanager")
            .arg(format!("--config.file={}", home.path("am.yml").display()))
            .arg(format!("--storage.path={}", home.path("am").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--cluster.listen-address=")
            .stdout(Stdio::null()),
    );
    until("Alertmanager is there", || get(port, "/api/v2/status"));
    let mut running = home.start();
    running.says(&["ready"]);
    let alert = |name: &'static str, severity: &'static str| {
        move || {
            let alerts = get(port, "/api/v2/alerts?active=true")?;
            let is = |alert: &&Json| {
                alert["labels"]["alertname"] == name && alert["labels"]["severity"] == severity
            };
            alerts.as_array()?.iter().find(is).cloned()
        }
    };
    until("the sign of life", alert("TidemarkAlive", "none"));
    let mut desk = desk(&home);
    let one = anomaly(1, 1, Severity::High);
    observe(&mut desk, What::Opened, std::slice::from_ref(&one));
    let first = until("the alert", alert("TidemarkAnomaly", "high"));
    let labels = &first["labels"];
    assert_eq!(
        [
            &labels["src_ip"],
            &labels["dst_port"],
            &labels["rule"],
            &labels["site"],
            &labels["instance"]
        ],
        ["10.1.2.3", "445", "scan", "lab", "test"]
    );
    assert_eq!(first["annotations"]["description"], one.text);
    assert_eq!(
        first["generatorURL"],
        "https://tidemark.example.org/anomalies/0000000000000001"
    );
    until("it is told again before it is forgotten", || {
        let now = alert("TidemarkAnomaly", "high")()?;
        (now["endsAt"] != first["endsAt"]).then_some(())
    });
    let grave = Anomaly {
        severity: Severity::Critical,
        ..one
    };
    observe(&mut desk, What::Escalated, std::slice::from_ref(&grave));
    until("it is graver", alert("TidemarkAnomaly", "critical"));
    until("and no longer what it was", || {
        alert("TidemarkAnomaly", "high")().is_none().then_some(())
    });
    observe(&mut desk, What::Closed, &[over(&grave)]);
    until("it is resolved", || {
        alert("TidemarkAnomaly", "critical")().is_none().then_some(())
    });
    running.stops();
}

/// What rsyslog writes of each message it understood.
const RSYSLOG: &str = r#"global(workDirectory="FOLDER")
module(load="imudp") module(load="imtcp")
template(name="parsed" type="list" option.jsonf="on") {
  property(outname="severity" name="syslogseverity-text" format="jsonf")
  property(outname="facility" name="syslogfacility-text" format="jsonf")
  property(outname="host" name="hostname" format="jsonf")
  property(outname="app" name="app-name" format="jsonf")
  property(outname="msgid" name="msgid" format="jsonf")
  property(outname="data" name="structured-data" format="jsonf")
  property(outname="msg" name="msg" format="jsonf")
}
ruleset(name="all") { action(type="omfile" file="FOLDER/lines" template="parsed") }
input(type="imudp" address="127.0.0.1" port="PORT" ruleset="all")
input(type="imtcp" address="127.0.0.1" port="PORT" ruleset="all")
"#;

#[test]
fn lines_arrive_at_rsyslog_over_udp_and_tcp_and_parse_as_syslog_cef_and_leef() {
    if !have(&["rsyslogd"]) {
        return;
    }
    let port = port();
    let channel = |name: &str, transport: &str, format: &str| {
        format!(
            "[notify.channel.{name}]\ntype = \"syslog\"\nto = \"127.0.0.1:{port}\"\ntransport = \"{transport}\"\n\
             format = \"{format}\"\napp = \"{name}\"\n[notify.route.{name}]\nchannel = \"{name}\"\n"
        )
    };
    let home = Home::new(&config(&format!(
        "{}{}{}",
        channel("text", "udp", "text"),
        channel("cef", "tcp", "cef"),
        channel("leef", "tcp", "leef")
    )));
    let conf = RSYSLOG
        .replace("FOLDER", home.folder().to_str().unwrap())
        .replace("PORT", &port.to_string());
    std::fs::write(home.path("rsyslog.conf"), conf).unwrap();
    let _rsyslog = Other::start(
        Command::new("rsyslogd")
            .args(["-n", "-f", home.path("rsyslog.conf").to_str().unwrap()])
            .args(["-i", home.path("rsyslog.pid").to_str().unwrap()])
            .stdout(Stdio::null()),
    );
    until("rsyslog is there", || {
        TcpStream::connect(("127.0.0.1", port)).ok()
    });
    let mut running = home.start();
    running.says(&["ready"]);
    let mut desk = desk(&home);
    observe(&mut desk, What::Opened, &[anomaly(1, 1, Severity::Critical)]);
    let lines = until("three lines", || {
        let text = std::fs::read_to_string(home.path("lines")).ok()?;
        let lines: Vec<Json> = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        (lines.len() >= 3).then_some(lines)
    });
    running.stops();
    let of = |app: &str| {
        lines
            .iter()
            .find(|line| line["app"] == app)
            .unwrap_or_else(|| panic!("{app}: {lines:?}"))
    };
    for app in ["text", "cef", "leef"] {
        let line = of(app);
        assert_eq!(
            [
                &line["severity"],
                &line["facility"],
                &line["host"],
                &line["msgid"]
            ],
            ["crit", "local0", "test", "opened"],
            "{line}"
        );
    }
    let data = of("text")["data"].as_str().unwrap();
    assert!(
        data.starts_with("[tidemark@32473 ") && data.contains("anomaly=\"0000000000000001\""),
        "{data}"
    );
    let text = of("text")["msg"].as_str().unwrap();
    assert!(
        text.contains("340 flows per 60 s, expected 4.2") && !text.contains('\u{1b}'),
        "{text}"
    );
    let cef = of("cef")["msg"].as_str().unwrap().trim();
    let parts: Vec<&str> = cef.splitn(8, '|').collect();
    assert_eq!(
        (parts.len(), parts[0], parts[4], parts[6]),
        (8, "CEF:0", "scan", "10"),
        "{cef}"
    );
    for field in ["src=10.1.2.3 ", "dpt=445 ", "act=opened ", "cfp1=340 "] {
        assert!(parts[7].contains(field), "{field}: {cef}");
    }
    let leef = of("leef")["msg"].as_str().unwrap();
    assert!(leef.trim().starts_with("LEEF:2.0|Tidemark|Tidemark|"), "{leef}");
    assert!(
        leef.contains("src=10.1.2.3") && leef.contains("dstPort=445"),
        "{leef}"
    );
}

/// A certificate for `localhost` and the authority behind it: `ca.pem`, `leaf.pem`, `leaf.key` in a folder.
fn certificates(folder: &Path) {
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let openssl = |arguments: &str| {
        let arguments: Vec<String> = arguments
            .split(' ')
            .map(|word| {
                if word.contains('.') {
                    path(word)
                } else {
                    word.to_owned()
                }
            })
            .collect();
        run(
            "openssl",
            &arguments.iter().map(String::as_str).collect::<Vec<_>>(),
        );
    };
    std::fs::write(
        folder.join("leaf.ext"),
        "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n",
    )
    .unwrap();
    openssl("req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=test -days 2");
    openssl("req -newkey rsa:2048 -nodes -keyout leaf.key -out leaf.csr -subj /CN=localhost");
    openssl(
        "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile leaf.ext -out leaf.pem",
    );
}

/// A mail server of others, with certificates and a password in `home`; none where it is not installed.
fn mail_server(home: &Home, security: &str, port: u16) -> Option<Other> {
    let python = Path::new("target/python/bin/python");
    let has = python.exists() && {
        let tried = Command::new(python)
            .args(["-c", "import aiosmtpd"])
            .stderr(Stdio::null())
            .status();
        tried.is_ok_and(|status| status.success())
    };
    if !has || !have(&["openssl"]) {
        eprintln!("skipped: needs aiosmtpd in target/python; scripts/setup test installs it");
        return None;
    }
    secret(home, "password", "correct horse");
    certificates(home.folder());
    std::fs::create_dir(home.path("mails")).unwrap();
    let mut server = Other(
        Command::new(python)
            .args(["tests/common/smtp.py", security, &port.to_string()])
            .args([home.path("leaf.pem"), home.path("leaf.key"), home.path("mails")])
            .args(["tidemark", "correct horse"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut line = String::new();
    BufReader::new(server.0.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line, "ready\n");
    Some(server)
}

#[test]
fn mail_arrives_over_tls_from_the_first_octet_on() {
    let port = port();
    let home = Home::new(&config(&format!(
        "[notify.channel.mail]\ntype = \"mail\"\nhost = \"localhost\"\nport = {port}\nsecurity = \"tls\"\n\
         from = \"tidemark@example.org\"\nto = [\"noc@example.org\"]\nuser = \"tidemark\"\n\
         password_file = \"password\"\nca_file = \"ca.pem\"\n[notify.route.mail]\nchannel = \"mail\"\n"
    )));
    let Some(_server) = mail_server(&home, "tls", port) else {
        return;
    };
    let tried = Command::new(env!("CARGO_BIN_EXE_tidemark"))
        .args(["notify", "test", "mail", "-c"])
        .arg(home.path("tidemark.toml"))
        .output()
        .unwrap();
    assert!(tried.status.success(), "{tried:?}");
    let mail: Json =
        serde_json::from_str(&std::fs::read_to_string(home.path("mails/1.json")).unwrap()).unwrap();
    assert_eq!((&mail["tls"], &mail["user"]), (&true.into(), &true.into()));
}

#[test]
fn mail_arrives_over_starttls_as_a_person_reads_it_in_one_thread_and_not_at_a_stranger() {
    let port = port();
    let channel = |name: &str, ca: &str| {
        format!(
            "[notify.channel.{name}]\ntype = \"mail\"\nhost = \"localhost\"\nport = {port}\n\
             from = \"Tidemark <tidemark@example.org>\"\nto = [\"Kim <kim@example.org>\", \"noc@example.org\"]\n\
             user = \"tidemark\"\npassword_file = \"password\"\n{ca}[notify.route.{name}]\nchannel = \"{name}\"\n"
        )
    };
    let home = Home::new(&config(&channel("mail", "ca_file = \"ca.pem\"\n")));
    let Some(_server) = mail_server(&home, "starttls", port) else {
        return;
    };
    let mut running = home.start();
    running.says(&["ready"]);
    let mut desk = desk(&home);
    let one = anomaly(1, 1, Severity::High);
    observe(&mut desk, What::Opened, std::slice::from_ref(&one));
    let mail = |number: usize| {
        let path = home.path(&format!("mails/{number}.json"));
        let read = || serde_json::from_str::<Json>(&std::fs::read_to_string(&path).ok()?).ok();
        until("a mail", read)
    };
    let first = mail(1);
    observe(&mut desk, What::Closed, &[over(&one)]);
    let second = mail(2);
    running.stops();
    assert_eq!(
        (&first["tls"], &first["user"], &first["auto"]),
        (&true.into(), &true.into(), &"auto-generated".into())
    );
    assert_eq!(
        first["to"],
        serde_json::json!(["kim@example.org", "noc@example.org"])
    );
    assert_eq!(
        first["subject"],
        "[tidemark high] scan-horizontal at src_ip 10.1.2.3, dst_port 445: 340 flows per 60 s, expected 4.2"
    );
    assert!(
        second["subject"]
            .as_str()
            .unwrap()
            .starts_with("[tidemark resolved] Over after "),
        "{second}"
    );
    assert_eq!(second["references"], first["message_id"]);
    assert_ne!(second["message_id"], first["message_id"]);
    let plain = first["plain"].as_str().unwrap();
    for words in [
        &one.text as &str,
        "Observed:   340 flows per 60 s, expected 4.2; usually 0 to 17",
        "dst_ip 198.51.100.9",
        "- Is 10.1.2.3 a scanner of ours?",
        "https://tidemark.example.org/anomalies/0000000000000001",
    ] {
        assert!(plain.contains(words), "{words}: {plain}");
    }
    let html = first["html"].as_str().unwrap();
    assert!(
        html.contains("&lt;b&gt;evil&lt;/b&gt;") && !html.contains("<b>evil"),
        "{html}"
    );
    assert!(!html.contains("src=") && !html.contains('\u{1b}'), "{html}");
    // Without the authority's certificate it is a stranger, and gets neither the password nor the mail.
    home.configure(&config(&channel("mail", "")));
    let tried = Command::new(env!("CARGO_BIN_EXE_tidemark"))
        .args(["notify", "test", "mail", "-c"])
        .arg(home.path("tidemark.toml"))
        .output()
        .unwrap();
    let said = String::from_utf8(tried.stdout).unwrap();
    assert!(
        tried.status.code() == Some(1) && said.to_lowercase().contains("certificate"),
        "{said}"
    );
    assert_eq!(std::fs::read_dir(home.path("mails")).unwrap().count(), 2);
}

#[test]
fn programs_files_and_counters_get_every_message_and_one_that_hangs_is_killed() {
    let counters = UdpSocket::bind("127.0.0.1:0").unwrap();
    counters.set_read_timeout(Some(receivers::PATIENCE)).unwrap();
    let address = counters.local_addr().unwrap();
    let home = Home::new(&config(&format!(
        "[notify.channel.script]\ntype = \"script\"\ncommand = [\"/bin/sh\", \"-c\", \"cat >> got\"]\nfolder = \".\"\n\
         [notify.channel.slow]\ntype = \"script\"\ntimeout = \"300ms\"\nfolder = \".\"\n\
         command = [\"/bin/sh\", \"-c\", \"echo $$ >> pids; sleep 1000 & wait\"]\n\
         [notify.channel.eve]\ntype = \"file\"\npath = \"eve.json\"\nshape = \"eve\"\n\
         [notify.channel.ecs]\ntype = \"file\"\npath = \"ecs.json\"\nshape = \"ecs\"\n\
         [notify.channel.statsd]\ntype = \"statsd\"\nto = \"{address}\"\n\
         [notify.route.script]\nchannel = \"script\"\n[notify.route.slow]\nchannel = \"slow\"\n\
         [notify.route.eve]\nchannel = \"eve\"\n[notify.route.ecs]\nchannel = \"ecs\"\n\
         [notify.route.statsd]\nchannel = \"statsd\"\n"
    )));
    let mut running = home.start();
    running.says(&["ready"]);
    let mut desk = desk(&home);
    observe(&mut desk, What::Opened, &[anomaly(1, 1, Severity::Critical)]);
    for route in ["script", "eve", "ecs", "statsd"] {
        until(route, || (tally(&desk, route).sent == 1).then_some(()));
    }
    until("it is killed, and tried again", || {
        (tally(&desk, "slow").retried >= 1).then_some(())
    });
    let mut octets = [0; 1000];
    let length = counters.recv(&mut octets).unwrap();
    let counted = String::from_utf8_lossy(&octets[..length]).into_owned();
    assert_eq!(
        counted,
        "tidemark.messages.opened:1|c\ntidemark.anomalies.scan.opened:1|c\ntidemark.severity.critical.opened:1|c"
    );
    let read = |name: &str| -> Json {
        serde_json::from_str(&std::fs::read_to_string(home.path(name)).unwrap()).unwrap()
    };
    let script = read("got");
    assert_eq!(
        (&script["phase"], &script["first"]["id"]),
        (&"opened".into(), &"0000000000000001".into())
    );
    let eve = read("eve.json");
    assert_eq!(
        (&eve["event_type"], &eve["src_ip"], &eve["dest_port"]),
        (&"alert".into(), &"10.1.2.3".into(), &445.into())
    );
    assert_eq!(
        (&eve["alert"]["severity"], &eve["alert"]["category"]),
        (&1.into(), &"scan-horizontal".into())
    );
    let ecs = read("ecs.json");
    assert_eq!(
        (&ecs["event"]["kind"], &ecs["source"]["ip"]),
        (&"alert".into(), &"10.1.2.3".into())
    );
    assert_eq!(
        (&ecs["rule"]["name"], &ecs["threat"]["technique"]["id"][0]),
        (&"scan".into(), &"T1046".into())
    );
    running.stops();
    let pids = std::fs::read_to_string(home.path("pids")).unwrap();
    let group = pids.lines().next().unwrap();
    // The program and what it started.
    until("nothing of it is left", || {
        let left = Command::new("pgrep").args(["-g", group]).output().unwrap().stdout;
        left.is_empty().then_some(())
    });
}

#[test]
fn graphite_gets_sums_in_its_plaintext_protocol() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let home = Home::new(&config(&format!(
        "[notify.channel.graphite]\ntype = \"graphite\"\nto = \"{}\"\nprefix = \"net.tidemark\"\n\
         [notify.route.graphite]\nchannel = \"graphite\"\n",
        listener.local_addr().unwrap()
    )));
    let mut running = home.start();
    running.says(&["ready"]);
    let mut desk = desk(&home);
    let mut sums = Vec::new();
    for id in 1..=2 {
        observe(&mut desk, What::Opened, &[anomaly(id, id, Severity::High)]);
        let mut text = String::new();
        listener.accept().unwrap().0.read_to_string(&mut text).unwrap();
        let fields = |line: &str| -> Vec<String> { line.split(' ').map(str::to_owned).collect() };
        for line in text.lines().map(fields) {
            let [name, sum, seconds] = line.as_slice() else {
                panic!("{line:?}");
            };
            assert!(seconds.parse::<u64>().unwrap() > 1_700_000_000, "{seconds}");
            sums.push(format!("{name} {sum}"));
        }
    }
    running.stops();
    let of = |sum: u32| {
        ["messages.opened", "anomalies.scan.opened", "severity.high.opened"]
            .map(|name| format!("net.tidemark.{name} {sum}"))
    };
    assert_eq!(sums, [of(1), of(2)].concat());
}
