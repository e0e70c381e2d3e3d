//! The API keeps to its own description: Schemathesis asks whatever the description allows and forbids, and looks at what comes
//! back. And who may is decided by the clock that is passed in.
#![allow(clippy::unwrap_used)]

#[path = "common/daemon.rs"]
#[allow(dead_code)]
mod daemon;
#[path = "common/web.rs"]
#[allow(dead_code)]
mod web;

use daemon::Home;
use serde_json::json;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tidemark::app::serve::Finished;
use tidemark::app::{Setup, read_config};
use tidemark::engine::Engine;
use tidemark::model::Timestamp;
use tidemark::report::Summary;
use tidemark::store::access::{Access, Role};
use tidemark::store::desk::Desk;
use tidemark::web::auth::password;
use tidemark::web::{Server, Terms};
use web::Client;

#[test]
fn whatever_the_description_allows_or_forbids_is_answered_as_it_says() {
    let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/python/bin/schemathesis");
    if !tool.exists() {
        eprintln!(
            "skipped: Schemathesis is not installed in target/python; `make test` installs it where it can"
        );
        return;
    }
    let home = Home::new(
        "[listen]\nudp = [\"127.0.0.1:0\"]\ntcp = []\n[state]\ndir = \"state\"\n[web]\nlisten = \"127.0.0.1:0\"\n",
    );
    let mut daemon = home.start();
    let base = Client::of(&mut daemon).base;
    // Users and tokens would lock the door behind the tool; listening never ends.
    let out = "/(events|users|tokens|oidc|session)";
    let ran = Command::new(tool)
        .args(["run", &format!("{base}/openapi.json"), "--url", &base])
        .args([
            "--exclude-path-regex",
            out,
            "--phases",
            "examples,coverage,fuzzing",
        ])
        .args([
            "--max-examples",
            "5",
            "--seed",
            "1",
            "--generation-database",
            "none",
        ])
        .args([
            "--checks",
            "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
        ])
        .current_dir(home.folder())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}");
    daemon.stops();
}

/// A server over a replay of nothing, with a user, whose clock is set by hand.
fn served(folder: &Path, clock: &Arc<AtomicI64>) -> (Server, Client) {
    let setup = Setup::new(read_config(None).unwrap()).unwrap();
    let engine = Engine::new(setup.engine(None, String::new()), setup.origins.clone(), 1).unwrap();
    let finished = Finished::new(setup, engine, Vec::new(), Summary::default(), None);
    let access = Access::open(folder).unwrap();
    let hash = password::hash("correct horse battery").unwrap();
    access
        .add_user("kim", Role::Viewer, &hash, Timestamp::from_secs(0))
        .unwrap();
    let now = Arc::clone(clock);
    let terms = Terms {
        tls: None,
        behind_proxy: vec!["127.0.0.1/32".parse().unwrap()],
        public_url: None,
        session: Duration::from_secs(1000),
        idle: Duration::from_secs(100),
        provider: None,
        clock: Arc::new(move || Timestamp::from_secs(now.load(Ordering::Relaxed))),
        log: Arc::new(|words| eprintln!("{words}")),
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let desk = Desk::open(folder).unwrap();
    let server = Server::start(listener, Arc::new(finished), terms, access, desk).unwrap();
    (server, Client::new(&base))
}

#[test]
fn a_session_ends_when_it_is_idle_and_when_it_is_old() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), Arc::new(AtomicI64::new(1_000_000)));
    let (server, nobody) = served(folder.path(), &clock);
    let log_in = || {
        let answer = nobody.post(
            "/api/v1/session",
            &json!({ "user": "kim", "password": "correct horse battery" }),
        );
        let cookie = answer.header("set-cookie");
        nobody.with("cookie", cookie.split(';').next().unwrap())
    };
    let kim = log_in();
    let is_in = |client: &Client, after: i64| {
        clock.fetch_add(after, Ordering::Relaxed);
        client.get("/api/v1/status").status == 200
    };
    assert!(is_in(&kim, 0) && is_in(&kim, 99) && is_in(&kim, 99));
    assert!(!is_in(&kim, 100), "idle for too long");
    assert!(!is_in(&kim, -100), "what has ended stays so");
    let kim = log_in();
    assert!((0..11).all(|_| is_in(&kim, 90)), "in use");
    assert!(!is_in(&kim, 10), "too old, however much it is used");
    server.stop().unwrap();
}

#[test]
fn behind_a_proxy_with_https_cookies_are_bound_to_the_host_and_never_sent_in_the_clear() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), Arc::new(AtomicI64::new(1_000_000)));
    let (server, nobody) = served(folder.path(), &clock);
    let mut proxied = nobody.with("x-forwarded-proto", "https");
    proxied
        .headers
        .push(("x-forwarded-for", "203.0.113.7".to_owned()));
    let right = json!({ "user": "kim", "password": "correct horse battery" });
    let cookie = proxied.post("/api/v1/session", &right).header("set-cookie");
    assert!(
        cookie.starts_with("__Host-tidemark=") && cookie.contains("; Secure"),
        "{cookie}"
    );
    let access = Access::open(folder.path()).unwrap();
    assert_eq!(access.traces(None, 1).unwrap()[0].origin, "203.0.113.7");
    // Wrong passwords from one address make it wait, and no other.
    let wrong = |user: u32| json!({ "user": format!("u{user}"), "password": "wrong password" });
    let refused = (0..8).map(|user| proxied.post("/api/v1/session", &wrong(user)).status);
    assert!(refused.last().unwrap() == 429);
    assert_eq!(nobody.post("/api/v1/session", &right).status, 200);
    server.stop().unwrap();
}
