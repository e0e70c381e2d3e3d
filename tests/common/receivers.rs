//! Receivers of notifications: an HTTP server that answers as a test wants, anomalies made up for the desk, and waiting without
//! sleeping.

#![allow(dead_code)]

use super::daemon::Home;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use tidemark::model::{
    Anomaly, AnomalyId, Contributor, Contributors, DataQuality, Deviation, Dimension, Direction, Entity,
    IncidentId, Kind, Metric, Severity, Value,
};
use tidemark::store::desk::{Desk, Tally, Told, What};

/// No promise takes longer on the slowest machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until something holds.
#[track_caller]
pub fn until<T>(what: &str, mut holds: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = holds() {
            return found;
        }
        assert!(Instant::now() < end, "it did not come to this: {what}");
        thread::park_timeout(Duration::from_millis(20));
    }
}

/// One request.
#[derive(Clone, Debug)]
pub struct Asked {
    pub line: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
    pub at: Instant,
}

impl Asked {
    #[track_caller]
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// What is answered.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A status and further header lines.
    Status(u16, &'static str),
    /// Nothing, as long as the other side waits.
    Hang,
    /// The connection is closed without a word.
    Close,
}

type Answer = dyn Fn(usize, &Asked) -> Reply + Send + Sync;

/// An HTTP server in the test.
pub struct Receiver {
    pub address: SocketAddr,
    asked: Arc<(Mutex<Vec<Asked>>, Condvar)>,
}

impl Receiver {
    /// Answers the request of a number, from 0, as `answer` says.
    pub fn new(answer: impl Fn(usize, &Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked: Arc<(Mutex<Vec<Asked>>, Condvar)> = Arc::default();
        let (seen, answer): (_, Arc<Answer>) = (Arc::clone(&asked), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                thread::spawn(move || serve(&stream, &seen, &*answer));
            }
        });
        Self { address, asked }
    }

    /// One that takes everything.
    pub fn willing() -> Self {
        Self::new(|_, _| Reply::Status(200, ""))
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn all(&self) -> Vec<Asked> {
        self.asked.0.lock().unwrap().clone()
    }

    /// Waits until there were so many requests; all of them.
    #[track_caller]
    pub fn gets(&self, least: usize) -> Vec<Asked> {
        let end = Instant::now() + PATIENCE;
        let mut asked = self.asked.0.lock().unwrap();
        while asked.len() < least {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{} requests of {least}: {asked:#?}", asked.len());
            asked = self.asked.1.wait_timeout(asked, left).unwrap().0;
        }
        asked.clone()
    }
}

fn serve(stream: &TcpStream, seen: &(Mutex<Vec<Asked>>, Condvar), answer: &Answer) {
    let mut reader = BufReader::new(stream);
    while let Some(asked) = read(&mut reader) {
        let number = {
            let mut all = seen.0.lock().unwrap();
            all.push(asked.clone());
            all.len() - 1
        };
        let reply = answer(number, &asked);
        seen.1.notify_all();
        let mut stream = stream;
        match reply {
            Reply::Status(status, headers) => {
                let head = format!("HTTP/1.1 {status} x\r\ncontent-length: 2\r\n{headers}\r\nok");
                if stream.write_all(head.as_bytes()).is_err() {
                    return;
                }
            }
            Reply::Hang => {
                // Until the other side gives up.
                let _ = stream.take(1).read(&mut [0]);
                return;
            }
            Reply::Close => return,
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|octets| *octets > 0)?;
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(':') else {
            break;
        };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length = headers
        .get("content-length")
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked {
        line: line.trim_end().to_owned(),
        headers,
        body: String::from_utf8(body).unwrap(),
        at: Instant::now(),
    })
}

/// A daemon's configuration without any input, and `rest`.
pub fn config(rest: &str) -> String {
    format!(
        "[listen]\nudp = [\"127.0.0.1:0\"]\ntcp = []\n[store]\nflows = false\n[state]\ndir = \"state\"\nevery = \"1s\"\n\
         [notify]\nname = \"test\"\npublic_url = \"https://tidemark.example.org/\"\n{rest}"
    )
}

/// The desk of a daemon at home.
pub fn desk(home: &Home) -> Desk {
    std::fs::create_dir_all(home.path("state")).unwrap();
    Desk::open(&home.path("state")).unwrap()
}

/// An anomaly made up.
pub fn anomaly(id: u64, incident: u64, severity: Severity) -> Anomaly {
    let now = tidemark::input::batch::now().floor(Duration::from_secs(1));
    let part = Contributor {
        value: Value::Ip("198.51.100.9".parse().unwrap()),
        name: Some("<b>evil</b>.example\u{1b}[31m".to_owned()),
        observed: 340.0,
        expected: 4.0,
        share: 0.98,
        usual: None,
    };
    Anomaly {
        id: AnomalyId(id),
        rule: "scan".to_owned(),
        kind: Kind::ScanHorizontal,
        severity,
        entity: Entity(vec![
            (Dimension::SrcIp, Value::Ip("10.1.2.3".parse().unwrap())),
            (Dimension::DstPort, Value::Number(445)),
        ]),
        metric: Metric::Flows,
        direction: Direction::Above,
        worst: Deviation {
            observed: 340.0,
            expected: 4.2,
            lower: 0.0,
            upper: 17.0,
            score: 49.0,
        },
        unit: "flows per 60 s".to_owned(),
        started_at: now - Duration::from_secs(60),
        detected_at: now,
        escalated_at: None,
        ended_at: None,
        incident: IncidentId(incident),
        headline: true,
        shadow: false,
        contributors: Contributors::from([(Dimension::DstIp, vec![part])]),
        data_quality: DataQuality {
            grade: "good",
            notes: Vec::new(),
        },
        text: "10.1.2.3 tried port 445 on 340 hosts in 1 min, 81 times the usual 4.2.".to_owned(),
        detail: None,
        reproduce: "tidemark flows FILE -f 'src host 10.1.2.3 and dst port 445'".to_owned(),
        technique: Some("T1046".to_owned()),
        next: vec!["Is 10.1.2.3 a scanner of ours?".to_owned()],
        false_causes: vec!["A vulnerability scanner.".to_owned()],
        profiles: Vec::new(),
        history: Vec::new(),
        interval: Duration::from_secs(60),
    }
}

/// Tells the desk of anomalies, as the detector does.
pub fn observe(desk: &mut Desk, what: What, anomalies: &[Anomaly]) {
    let json = |anomaly: &Anomaly| {
        let mut out = Vec::new();
        tidemark::report::json::anomaly(&mut out, anomaly).unwrap();
        String::from_utf8(out).unwrap()
    };
    let lines: Vec<String> = anomalies.iter().map(json).collect();
    let told: Vec<Told<'_>> = anomalies
        .iter()
        .zip(&lines)
        .map(|(anomaly, json)| Told {
            what,
            at: anomaly.detected_at,
            anomaly,
            json,
        })
        .collect();
    desk.observe(&told).unwrap();
}

/// The same anomaly, over.
pub fn over(anomaly: &Anomaly) -> Anomaly {
    Anomaly {
        ended_at: Some(tidemark::input::batch::now()),
        ..anomaly.clone()
    }
}

/// The tally of a route.
pub fn tally(desk: &Desk, route: &str) -> Tally {
    desk.tallies().unwrap().get(route).copied().unwrap_or_default()
}

/// A counter in the account of a route.
pub fn account(desk: &mut Desk, route: &str, counter: &str) -> u64 {
    let sql = "SELECT state FROM outbox_routes WHERE route = ?1";
    let state: String = desk
        .connection()
        .query_row(sql, [route], |row| row.get(0))
        .unwrap();
    let state: Json = serde_json::from_str(&state).unwrap();
    state["account"][counter].as_u64().unwrap_or(0)
}

/// Writes a credential to a file of the home; its name.
pub fn secret(home: &Home, name: &str, text: &str) -> String {
    std::fs::write(home.path(name), format!("{text}\n")).unwrap();
    name.to_owned()
}

/// Files of a folder that hold these words.
pub fn holds(folder: &Path, words: &str) -> Vec<String> {
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let holds = |path: &std::path::PathBuf| {
        let octets = std::fs::read(path).unwrap_or_default();
        octets
            .windows(words.len())
            .any(|window| window == words.as_bytes())
    };
    files
        .filter(holds)
        .map(|path| path.display().to_string())
        .collect()
}
