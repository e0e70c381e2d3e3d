//! A client of the API: what is asked and what came back, without a page in between.

use super::daemon::Daemon;
use reqwest::{Method, Response, StatusCode, header};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

/// No answer takes longer on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asks one server.
pub struct Client {
    runtime: tokio::runtime::Runtime,
    http: reqwest::Client,
    pub base: String,
    /// Headers of every request.
    pub headers: Vec<(&'static str, String)>,
}

/// What came back.
pub struct Answer {
    pub status: StatusCode,
    pub headers: header::HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The name of the error.
    pub fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap().to_owned()
    }

    pub fn header(&self, name: &str) -> String {
        let values = self.headers.get_all(name).iter();
        let values: Vec<&str> = values.map(|value| value.to_str().unwrap()).collect();
        values.join("\n")
    }
}

impl Client {
    pub fn new(base: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap(),
            http: reqwest::Client::builder()
                .timeout(PATIENCE)
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap(),
            base: base.to_owned(),
            headers: Vec::new(),
        }
    }

    /// Asks the dashboard that a program says it serves.
    pub fn of(daemon: &mut Daemon) -> Self {
        let line = daemon.says(&["dashboard and API on "]);
        let rest = line.split("dashboard and API on ").nth(1).unwrap();
        Self::new(rest.split([';', ' ']).next().unwrap())
    }

    /// The same server with other credentials.
    pub fn with(&self, name: &'static str, value: &str) -> Self {
        Self {
            headers: vec![(name, value.to_owned())],
            ..Self::new(&self.base)
        }
    }

    pub fn bearer(&self, token: &str) -> Self {
        self.with("authorization", &format!("Bearer {token}"))
    }

    pub fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        self.runtime.block_on(async {
            let response: Response = request.send().await.unwrap();
            Answer {
                status: response.status(),
                headers: response.headers().clone(),
                text: response.text().await.unwrap(),
            }
        })
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, None)
    }

    /// The JSON of a request that must succeed.
    #[track_caller]
    pub fn json(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        answer.json()
    }

    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask("POST", path, Some(body))
    }
}

/// Somebody who listens for events.
pub struct Listener {
    lines: BufReader<TcpStream>,
}

impl Listener {
    /// Listens; `base` is `http://` and an address.
    pub fn new(base: &str) -> Self {
        let address = base.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = format!("GET /api/v1/events HTTP/1.1\r\nhost: {address}\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut listener = Self {
            lines: BufReader::new(stream),
        };
        while !listener.line().unwrap().trim().is_empty() {}
        listener
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.lines.read_line(&mut line).ok()?;
        (read > 0).then_some(line)
    }

    /// The data of the next event of that name; none when the stream ended.
    pub fn next(&mut self, event: &str) -> Option<Value> {
        loop {
            if self.line()?.trim() == format!("event: {event}") {
                let data = self.line()?;
                let data = data.trim().strip_prefix("data: ").unwrap();
                return Some(serde_json::from_str(data).unwrap());
            }
        }
    }

    /// Waits until the server ends the stream.
    pub fn ends(mut self) {
        while self.line().is_some() {}
    }
}
