//! The daemon as its machine meets it: started, fed, told to reload, stopped, killed, started again.
#![allow(clippy::unwrap_used)]

#[path = "common/daemon.rs"]
mod daemon;

use daemon::{Home, netflow5, send};

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
    assert_eq!(daemon.counts("datagrams", 100), 100);
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
