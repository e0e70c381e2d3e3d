//! Runs the built program as a daemon: what it says is awaited, never slept for.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// No promise takes longer on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder for a daemon: configuration, state, output.
pub struct Home {
    folder: TempDir,
}

impl Home {
    pub fn new(config: &str) -> Self {
        let home = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        home.configure(config);
        home
    }

    pub fn configure(&self, config: &str) {
        std::fs::write(self.path("tidemark.toml"), config).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn state(&self) -> PathBuf {
        self.path("state/baselines.tidemark")
    }

    /// The command that starts it.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidemark"));
        command
            .arg("-v")
            .arg("run")
            .arg("-c")
            .arg(self.path("tidemark.toml"));
        command
    }

    pub fn start(&self) -> Daemon {
        Daemon::start(self.command())
    }
}

/// Asks until there is an answer.
#[track_caller]
pub fn until<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "nothing came of it");
    }
}

/// What comes out of a pipe, line by line.
fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (to, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if to.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// A running daemon; killed when it goes out of scope.
pub struct Daemon {
    child: Child,
    words: Receiver<String>,
    printed: Receiver<String>,
    /// Everything it said so far.
    pub said: Vec<String>,
}

impl Daemon {
    pub fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let words = lines(child.stderr.take().unwrap());
        let printed = lines(child.stdout.take().unwrap());
        Self {
            child,
            words,
            printed,
            said: Vec::new(),
        }
    }

    /// Waits until it says a line with all these words; the line.
    #[track_caller]
    pub fn says(&mut self, words: &[&str]) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(line) = self.words.recv_timeout(left) else {
                panic!("{words:?} was not said:\n{}", self.said.join("\n"));
            };
            self.said.push(line.clone());
            if words.iter().all(|word| line.contains(word)) {
                return line;
            }
        }
    }

    /// Takes in what it says for so long.
    pub fn talks_for(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while let Ok(line) = self
            .words
            .recv_timeout(until.saturating_duration_since(Instant::now()))
        {
            self.said.push(line);
        }
    }

    /// Waits until it listens; where.
    #[track_caller]
    pub fn listens(&mut self) -> SocketAddr {
        let line = self.says(&["listening for flow export on", "(UDP)"]);
        let address = line.split(" on ").nth(1).unwrap().split(' ').next().unwrap();
        address.parse().unwrap()
    }

    /// Waits until a line of statistics shows at least so many of something.
    #[track_caller]
    pub fn counts(&mut self, name: &str, least: u64) -> u64 {
        self.counts_sum(&[name], least)
    }

    /// Waits until a line of statistics shows at least so many of several things together.
    #[track_caller]
    pub fn counts_sum(&mut self, names: &[&str], least: u64) -> u64 {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            let line = self.says(&["statistics:"]);
            let count = |name: &&str| {
                let count = line.split(&format!(" {name}=")).nth(1).unwrap();
                count.split(' ').next().unwrap().parse::<u64>().unwrap()
            };
            let sum = names.iter().map(count).sum();
            if sum >= least {
                return sum;
            }
        }
        panic!("{names:?} did not reach {least}:\n{}", self.said.join("\n"));
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.id().to_string())
            .status();
        assert!(status.unwrap().success());
    }

    /// Waits until it has ended; its status and what it printed that was not awaited.
    pub fn ends(&mut self) -> (ExitStatus, String) {
        let printed = self.printed.iter().map(|line| line + "\n").collect();
        let status = self.child.wait().unwrap();
        self.said.extend(self.words.iter());
        (status, printed)
    }

    /// Waits until it prints a line with all these words; the line.
    #[track_caller]
    pub fn prints(&mut self, words: &[&str]) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(line) = self.printed.recv_timeout(left) else {
                panic!("{words:?} was not printed:\n{}", self.said.join("\n"));
            };
            if words.iter().all(|word| line.contains(word)) {
                return line;
            }
        }
    }

    /// Stops it in order; the summary it printed last.
    #[track_caller]
    pub fn stops(mut self) -> serde_json::Value {
        self.signal("TERM");
        let (status, printed) = self.ends();
        assert!(status.success(), "{status}: {}", self.said.join("\n"));
        let last = printed.lines().last().unwrap();
        let summary: serde_json::Value = serde_json::from_str(last).unwrap();
        assert_eq!(summary["type"], "summary");
        summary
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends datagrams to a daemon.
pub fn send(to: SocketAddr, datagrams: &[Vec<u8>]) {
    let any = if to.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" };
    let socket = UdpSocket::bind(any).unwrap();
    for datagram in datagrams {
        socket.send_to(datagram, to).unwrap();
    }
}

/// A NetFlow v5 message of one flow.
pub fn netflow5(sequence: u32) -> Vec<u8> {
    let seconds = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs() as u32;
    let mut message = Vec::new();
    message.extend([0, 5, 0, 1]);
    for number in [3_600_000, seconds, 0, sequence] {
        message.extend(number.to_be_bytes());
    }
    message.extend([0; 4]);
    message.extend([192, 0, 2, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 2]);
    for number in [10_u32, 1000, 3_599_000, 3_600_000] {
        message.extend(number.to_be_bytes());
    }
    message.extend([0x9c, 0x40, 0x01, 0xbb, 0, 0x1b, 6, 0]);
    message.extend([0; 8]);
    message
}
