//! Cables in a network namespace, for tests that are run by somebody who may make them.

use std::path::Path;
use std::process::Command;

/// Whether what a privileged test needs is there; says when it is not.
pub fn may(tools: &[&str]) -> bool {
    let root = Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|id| id.stdout == b"0\n");
    let has = |tool: &&str| {
        Command::new("sh")
            .args(["-c", &format!("command -v {tool}")])
            .output()
            .is_ok_and(|o| o.status.success())
    };
    let may = root && tools.iter().all(has);
    if !may {
        eprintln!("skipped: needs root and {}", tools.join(", "));
    }
    may
}

/// A network namespace with both ends of two cables in it, tap0 to tap1 and tap2 to tap3; gone when it goes out of scope.
pub struct Net(String);

impl Net {
    pub fn new(name: &str) -> Option<Self> {
        let net = Self(format!("tidemark-{name}-{}", std::process::id()));
        let made = ip(&format!("netns add {}", net.0))
            && (0..2).all(|n| net.cable(2 * n, 2 * n + 1))
            && ip(&format!("-n {} link set lo up", net.0));
        if !made {
            eprintln!("skipped: no network namespace can be made here");
        }
        made.then_some(net)
    }

    /// A cable between two interfaces that say nothing by themselves, as IPv6 would.
    fn cable(&self, one: u32, other: u32) -> bool {
        let inside = |words: &str| ip(&format!("-n {} link {words}", self.0));
        inside(&format!("add tap{one} type veth peer name tap{other}"))
            && [one, other]
                .iter()
                .all(|n| inside(&format!("set tap{n} addrgenmode none")) && inside(&format!("set tap{n} up")))
    }

    /// A command inside.
    pub fn command(&self, inner: &Command) -> Command {
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", &self.0])
            .arg(inner.get_program())
            .args(inner.get_args());
        command
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.0]).status();
    }
}

fn ip(arguments: &str) -> bool {
    let mut command = Command::new("ip");
    command.args(arguments.split(' '));
    command.status().is_ok_and(|status| status.success())
}

/// Sends the packets of a capture over a cable; how many.
#[track_caller]
pub fn replayed(net: &Net, interface: &str, capture: &Path, options: &[&str]) -> u64 {
    let mut replay = Command::new("tcpreplay");
    replay.args(["-q", "-i", interface]).args(options).arg(capture);
    let replay = net.command(&replay).output().unwrap();
    let said = String::from_utf8_lossy(&[replay.stdout, replay.stderr].concat()).into_owned();
    assert!(replay.status.success(), "{said}");
    let sent = said.lines().find(|line| line.contains("Successful packets:"));
    let sent = sent.unwrap().split_ascii_whitespace().last();
    sent.unwrap().parse().unwrap()
}

/// How many frames without IP a final summary tells of.
pub fn not_ip(summary: &serde_json::Value) -> u64 {
    summary["dropped"]["not_ip"].as_u64().unwrap_or(0)
}
