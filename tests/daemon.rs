//! The daemon as its machine meets it: started, fed, told to reload, stopped, killed, started again.
#![allow(clippy::unwrap_used)]

#[path = "common/daemon.rs"]
#[allow(dead_code)]
mod daemon;
#[path = "common/net.rs"]
mod net;

use daemon::{Daemon, Home, netflow5, send};
use net::{Net, may, not_ip, replayed};
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::Duration;

/// Listens on a port the kernel chooses and keeps its state in its own folder.
const CONFIG: &str =
    "[listen]\nudp = [\"127.0.0.1:0\"]\ntcp = []\n[state]\ndir = \"state\"\nevery = \"1s\"\n";

#[test]
fn datagrams_are_counted_and_the_last_line_is_the_summary() {
    let home = Home::new(CONFIG);
    let mut daemon = home.start();
    let to = daemon.listens();
    daemon.says(&["ready"]);
    send(to, &(0..100).map(netflow5).collect::<Vec<_>>());
    assert_eq!(daemon.counts("received", 100), 100);
    let summary = daemon.stops();
    assert_eq!(summary["files"][0], format!("udp://{to}"));
    assert!(home.state().exists(), "what was learned is saved at the end");
}

#[test]
fn a_daemon_that_is_killed_carries_on_with_what_it_saved() {
    let home = Home::new(CONFIG);
    let mut daemon = home.start();
    daemon.says(&["learning begins"]);
    daemon.says(&["state saved"]);
    daemon.signal("KILL");
    assert!(!daemon.ends().0.success());
    let mut again = home.start();
    again.says(&["state of", "taken over"]);
    again.stops();
}

#[test]
fn a_daemon_told_to_stop_while_it_starts_stops_in_order() {
    let home = Home::new(CONFIG);
    let mut daemon = home.start();
    // Its first line: the state is not read yet, no thread runs.
    daemon.says(&["listening"]);
    daemon.stops();
    assert!(home.state().exists(), "what there is is saved");
}

#[test]
fn a_torn_state_is_refused_put_aside_and_learning_begins_afresh() {
    let home = Home::new(CONFIG);
    home.start().says(&["state saved"]);
    let whole = std::fs::read(home.state()).unwrap();
    std::fs::write(home.state(), &whole[..whole.len() / 2]).unwrap();
    let mut daemon = home.start();
    daemon.says(&["error", "is not used", "torn", "put aside", "begins afresh"]);
    daemon.says(&["ready"]);
    assert!(home.path("state/baselines.tidemark.refused").exists());
    let summary = daemon.stops();
    assert!(summary["blind"][0].as_str().unwrap().contains("torn"));
}

#[test]
fn a_reload_takes_a_good_configuration_and_refuses_a_bad_one_by_line_and_key() {
    let home = Home::new(CONFIG);
    let mut daemon = home.start();
    daemon.says(&["ready"]);
    home.configure(&format!("{CONFIG}\n[rules]\nbuiltin = fals\n"));
    daemon.signal("HUP");
    daemon.says(&["error", "the old configuration stays in use", "tidemark.toml:9"]);
    home.configure(&format!("{CONFIG}\n[rules]\nbuiltinn = false\n"));
    daemon.signal("HUP");
    daemon.says(&[
        "error",
        "tidemark.toml:9:1",
        "`rules.builtinn`",
        "did you mean `builtin`?",
    ]);
    home.configure(&format!("{CONFIG}\n[rules]\nbuiltin = false\n"));
    daemon.signal("HUP");
    daemon.says(&["configuration reloaded: 0 rules"]);
    daemon.stops();
}

#[test]
fn a_bad_configuration_and_a_taken_port_are_told_apart_by_exit_status() {
    let home = Home::new("[listen]\nudpp = []\n");
    let mut daemon = home.start();
    let (status, _) = daemon.ends();
    assert_eq!(status.code(), Some(2));
    assert!(
        daemon.said[0].contains("tidemark.toml:2:1: `listen.udpp`"),
        "{:?}",
        daemon.said
    );
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    home.configure(&CONFIG.replace("127.0.0.1:0", &format!("127.0.0.1:{port}")));
    let mut daemon = home.start();
    assert_eq!(daemon.ends().0.code(), Some(1));
    let said = daemon.said.join("\n");
    assert!(
        said.contains(&format!(
            "cannot listen for flow export on 127.0.0.1:{port} (UDP)"
        )),
        "{said}"
    );
}

#[test]
fn who_may_not_send_is_counted_and_dropped() {
    let home = Home::new(&CONFIG.replace("tcp = []", "tcp = []\naccept = [\"192.0.2.0/24\"]"));
    let mut daemon = home.start();
    let to = daemon.listens();
    send(to, &[netflow5(1), netflow5(2)]);
    daemon.counts("refused", 2);
    let summary = daemon.stops();
    assert_eq!(summary["dropped"]["refused"], 2);
}

#[test]
fn ipfix_streams_are_taken_in_and_what_is_none_is_closed_with_words() {
    let home = Home::new(&CONFIG.replace("tcp = []", "tcp = [\"127.0.0.1:0\"]"));
    let mut daemon = home.start();
    let line = daemon.says(&["listening for flow export on", "(TCP)"]);
    let address = line
        .split(" on ")
        .nth(1)
        .unwrap()
        .split(' ')
        .next()
        .unwrap()
        .to_owned();
    daemon.says(&["ready"]);
    let mut good = TcpStream::connect(&address).unwrap();
    let message = [&[0, 10, 0, 16][..], &[0; 12]].concat();
    good.write_all(&message.repeat(3)).unwrap();
    daemon.counts("received", 3);
    let mut bad = TcpStream::connect(&address).unwrap();
    bad.write_all(b"GET / HTTP/1.1\r\nHost: example\r\n\r\n").unwrap();
    daemon.says(&[
        "warn",
        "connection of 127.0.0.1",
        "ends: octet 0 of the stream",
        "no IPFIX message",
    ]);
    let summary = daemon.stops();
    assert_eq!(summary["dropped"]["connections_closed"], 1);
}

#[test]
fn several_sockets_share_one_port_and_lose_nothing() {
    let home = Home::new(&CONFIG.replace("tcp = []", "tcp = []\nsockets = 4"));
    let mut daemon = home.start();
    let to = daemon.listens();
    daemon.says(&["ready"]);
    for _ in 0..20 {
        send(to, &(0..50).map(netflow5).collect::<Vec<_>>());
    }
    assert_eq!(daemon.counts("received", 1000), 1000);
    daemon.stops();
}

#[test]
fn what_the_kernel_drops_is_counted_and_said_and_the_sum_is_what_was_sent() {
    let home = Home::new(&CONFIG.replace("tcp = []", "tcp = []\nbuffer = \"64KiB\""));
    let mut daemon = home.start();
    let to = daemon.listens();
    daemon.says(&["ready"]);
    daemon.signal("STOP");
    send(to, &(0..2000).map(netflow5).collect::<Vec<_>>());
    daemon.signal("CONT");
    daemon.says(&["warn", "were dropped: its buffer was full"]);
    let count = |line: &str, name: &str| {
        let rest = line.split(&format!(" {name}=")).nth(1).unwrap();
        rest.split(' ').next().unwrap().parse::<u64>().unwrap()
    };
    loop {
        let line = daemon.says(&["statistics:"]);
        if count(&line, "received") + count(&line, "kernel_drops") == 2000 {
            break;
        }
    }
    let summary = daemon.stops();
    assert!(
        summary["dropped"]["kernel_drops"].as_u64().unwrap() > 0,
        "{summary}"
    );
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let home = Home::new(CONFIG);
    let mut daemon = home.start();
    daemon.says(&["ready"]);
    // Both wait for it when it goes on.
    for signal in ["STOP", "INT", "TERM", "CONT"] {
        daemon.signal(signal);
    }
    daemon.says(&["stopped at once, at the second signal"]);
    assert_eq!(daemon.ends().0.code(), Some(1));
}

#[test]
fn systemd_is_told_when_it_is_ready_reloads_lives_and_stops() {
    let home = Home::new(CONFIG);
    let socket = UnixDatagram::bind(home.path("notify")).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let told = |words: &str| {
        let mut octets = [0; 1024];
        loop {
            let length = socket.recv(&mut octets).unwrap();
            let message = String::from_utf8_lossy(&octets[..length]).into_owned();
            if message.contains(words) {
                return message;
            }
        }
    };
    let mut command = home.command();
    command
        .env("NOTIFY_SOCKET", home.path("notify"))
        .env("WATCHDOG_USEC", "60000000");
    let mut daemon = Daemon::start(command);
    told("READY=1");
    told("WATCHDOG=1");
    told("STATUS=");
    daemon.signal("HUP");
    assert!(told("RELOADING=1").contains("MONOTONIC_USEC="));
    told("READY=1");
    daemon.signal("TERM");
    told("STOPPING=1");
    assert!(daemon.ends().0.success());
}

#[test]
fn an_interface_is_captured_by_somebody_who_may_no_longer_open_it() {
    if !may(&["ip", "tcpreplay"]) {
        return;
    }
    let Some(net) = Net::new("live") else { return };
    let home = Home::new(&format!(
        "{CONFIG}[[capture]]\ninterface = \"tap1\"\nfilter = \"ip or ip6\"\n[run]\nuser = \"nobody\"\n"
    ));
    std::fs::set_permissions(home.folder(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let drill = Command::new(env!("CARGO_BIN_EXE_tidemark"))
        .args(["drill", "quiet", "--duration", "1m", "-w"])
        .arg(home.path("drill.pcap"))
        .status();
    assert!(drill.unwrap().success());
    let mut daemon = Daemon::start(net.command(&home.command()));
    daemon.says(&["capturing from tap1"]);
    daemon.says(&["privileges given up: running as nobody", "no way back"]);
    daemon.says(&["ready"]);
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.id())).unwrap();
    let capabilities = status.lines().find(|line| line.starts_with("CapEff:")).unwrap();
    assert!(capabilities.ends_with("0000000000000000"), "{status}");
    let sent = replayed(&net, "tap0", &home.path("drill.pcap"), &["-t"]);
    assert!(sent > 100, "{sent}");
    daemon.counts("packets", sent);
    daemon.says(&["state saved"]);
    let summary = daemon.stops();
    assert_eq!(summary["files"][1], "tap1");
    assert_eq!(
        summary["packets"].as_u64().unwrap() + not_ip(&summary),
        sent,
        "{summary}"
    );
}

#[test]
fn the_example_configuration_is_one() {
    let checked = Command::new(env!("CARGO_BIN_EXE_tidemark"))
        .args(["check", "-c", "deploy/tidemark.example.toml"])
        .output()
        .unwrap();
    assert!(
        checked.status.success(),
        "{}",
        String::from_utf8_lossy(&checked.stderr)
    );
    let text = String::from_utf8(checked.stdout).unwrap();
    assert!(
        text.contains("name = \"edge-1\"\nrole = \"border\"\ncount = \"ingress\""),
        "{text}"
    );
}

/// More than ten packets a minute toward one port.
const LIMITED: &str = r#"
[collect]
lateness = "1s"
[rules]
builtin = false
[[rule]]
name = "too-many"
description = "More packets than one port may get."
dimensions = ["dst_port"]
metric = "packets"
test = "limit"
limit = 10
per = "1m"
severity = "critical"
"#;

#[test]
fn what_is_found_is_on_the_desk_and_what_people_say_is_heeded_at_once() {
    let home = Home::new(&format!("tick = \"1s\"\nlateness = \"1s\"\n{CONFIG}{LIMITED}"));
    let mut daemon = home.start();
    let to = daemon.listens();
    daemon.says(&["ready"]);
    let state = home.path("state");
    let ask = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidemark"));
        command
            .arg("anomalies")
            .args(args)
            .args(["--by", "kim", "--state"])
            .arg(&state);
        let ran = command.output().unwrap();
        String::from_utf8(ran.stdout).unwrap()
    };
    let found = daemon::until(|| {
        send(to, &(0..50).map(netflow5).collect::<Vec<_>>());
        let line = ask(&["list", "--open", "-f", "rule too-many"]);
        line.split_whitespace().next().map(str::to_owned)
    });
    // What still deviates after a restart is the same anomaly, and is not said to have opened once more.
    daemon.stops();
    let mut daemon = home.start();
    let to = daemon.listens();
    daemon.says(&["1 anomalies of an earlier run are open"]);
    send(to, &(0..50).map(netflow5).collect::<Vec<_>>());
    daemon.prints(&["\"opened\"", &found]);
    assert_eq!(ask(&["show", &found]).matches("opened, critical").count(), 1);
    ask(&["verdict", &found, "expected", "--why", "a test"]);
    daemon::until(|| ask(&["show", &found]).contains("opens nothing").then_some(()));
    daemon.says(&["measures in force: 1"]);
    daemon.stops();
    let shown = ask(&["show", &found]);
    assert!(
        shown.contains("opened, critical") && shown.contains("judged expected: a test"),
        "{shown}"
    );
}
