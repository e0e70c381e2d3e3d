//! The API as its clients meet it: a real daemon, a real replay, real HTTP.
#![allow(clippy::unwrap_used)]

#[path = "common/daemon.rs"]
#[allow(dead_code)]
mod daemon;
#[path = "common/program.rs"]
#[allow(dead_code)]
mod program;
#[path = "common/web.rs"]
#[allow(dead_code)]
mod web;

use daemon::{Daemon, Home, netflow5, send};
use program::Ran;
use serde_json::{Value, json};
use std::process::Command;
use std::time::{Duration, Instant};
use tidemark::store::access::Role;
use tidemark::web::auth::table::{Need, TABLE};
use web::{Client, Listener};

/// Everything on ports the kernel chooses.
const CONFIG: &str = "[listen]\nudp = [\"127.0.0.1:0\"]\ntcp = []\n[state]\ndir = \"state\"\nevery = \"1s\"\n\
                      [store]\nevery = \"1s\"\n[web]\nlisten = \"127.0.0.1:0\"\n";
const PATIENCE: Duration = Duration::from_secs(60);

/// A daemon with a dashboard, and a client of it.
fn served(home: &Home) -> (Daemon, Client) {
    let mut daemon = home.start();
    let client = Client::of(&mut daemon);
    (daemon, client)
}

/// Runs `tidemark users`.
fn users(home: &Home, arguments: &[&str], input: &str) -> Ran {
    let state = home.path("state");
    let arguments = [&["users"], arguments, &["--state", program::text(&state)]].concat();
    program::run_with_input(&arguments, input.as_bytes()).exits(0)
}

/// Makes kim an administrator.
fn add_kim(home: &Home) {
    users(
        home,
        &["add", "kim", "--role", "admin"],
        "correct horse battery\n",
    );
}

/// A token of a role.
fn token(home: &Home, role: &str) -> String {
    let ran = users(home, &["token", role, "--role", role], "");
    ran.stdout.trim().to_owned()
}

/// Asks until an answer is as wanted.
#[track_caller]
fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if let Some(found) = ask() {
            return found;
        }
        std::thread::yield_now();
    }
    panic!("in vain: {what}");
}

/// A path with something in its places.
fn filled(route: &str) -> String {
    let places = [
        ("{id}", "0123456789abcdef"),
        ("{ip}", "10.0.0.1"),
        ("{name}", "nobody"),
        ("{token}", "x"),
    ];
    let numbered = ["silences", "measures", "tokens", "shares"];
    let route = match numbered
        .iter()
        .any(|name| route.contains(&format!("/{name}/{{id}}")))
    {
        true => route.replace("{id}", "999"),
        false => route.to_owned(),
    };
    places
        .iter()
        .fold(route, |path, (place, value)| path.replace(place, value))
}

#[test]
fn what_is_received_is_counted_shown_and_can_be_asked_for() {
    let home = Home::new(CONFIG);
    let mut daemon = home.start();
    let to = daemon.listens();
    let client = Client::of(&mut daemon);
    daemon.says(&["ready"]);
    send(to, &(0..100).map(netflow5).collect::<Vec<_>>());
    eventually("100 messages", || {
        let status = client.json("/api/v1/status");
        (status["counters"]["messages"] == 100 && status["exporters"] == 1).then_some(())
    });
    let exporters = eventually("an exporter", || {
        let exporters = client.json("/api/v1/exporters");
        (exporters["items"][0]["records"] == 100).then_some(exporters)
    });
    assert_eq!(exporters["items"][0]["address"], "127.0.0.1");
    eventually("stored flows", || {
        let answer = client.json("/api/v1/query?by=dst_port&metrics=flows,bytes&filter=proto+tcp&since=-1h");
        (answer["rows"][0]["flows"] == 100 && answer["rows"][0]["dst_port"] == 443).then_some(())
    });
    let csv = client.get("/api/v1/query?by=dst_port&metrics=flows&format=csv");
    assert!(
        csv.text.starts_with("row,dst_port,flows\nrow,443,100"),
        "{}",
        csv.text
    );
    let flows = client.json("/api/v1/flows?limit=60");
    assert_eq!(flows["items"].as_array().unwrap().len(), 60);
    assert_eq!(flows["items"][0]["src_ip"], "192.0.2.1");
    let rest = client.json(&format!(
        "/api/v1/flows?limit=60&cursor={}",
        flows["next"].as_str().unwrap()
    ));
    assert_eq!(rest["items"].as_array().unwrap().len(), 40);
    assert_eq!(rest["next"], Value::Null);
    let host = client.json("/api/v1/hosts/10.0.0.1");
    assert_eq!(host["address"], "10.0.0.1");
    daemon.stops();
}

#[test]
fn errors_say_what_is_wrong_where_and_what_to_change() {
    let home = Home::new(CONFIG);
    let (daemon, client) = served(&home);
    for (path, status, code, words) in [
        ("/api/v1/query?by=src_iq", 400, "bad-by", "did you mean `src_ip`"),
        ("/api/v1/query?filter=dst+prot+80", 400, "bad-filter", "expected"),
        ("/api/v1/query?since=soon", 400, "bad-since", "2h ago"),
        ("/api/v1/query?top=0", 400, "bad-top", "from 1 to"),
        ("/api/v1/query?colour=red", 400, "bad-parameter", "colour"),
        ("/api/v1/flows?cursor=7", 400, "bad-cursor", "`next`"),
        ("/api/v1/anomalies?severity=purple", 400, "bad-filter", "purple"),
        ("/api/v1/anomalies/xyz", 400, "bad-id", "16 hexadecimal"),
        (
            "/api/v1/anomalies/0123456789abcdef",
            404,
            "not-found",
            "no such anomaly",
        ),
        ("/api/v1/hosts/nobody", 400, "bad-ip", "`nobody`"),
        ("/api/v1/nothing", 404, "not-found", "/openapi.json"),
        ("/assets/none.js", 404, "not-found", "no such file"),
    ] {
        let answer = client.get(path);
        assert_eq!(answer.status, status, "{path}: {}", answer.text);
        assert_eq!(answer.code(), code, "{path}");
        assert!(answer.text.contains(words), "{path}: {}", answer.text);
    }
    let wrong = client.get("/api/v1/query?filter=dst+prot+80").json();
    assert_eq!(wrong["error"]["at"], json!({ "start": 4, "end": 8 }));
    let answer = client.ask("PUT", "/api/v1/status", None);
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (405, "wrong-method")
    );
    assert!(answer.header("allow").contains("GET"), "{:?}", answer.headers);
    let filter = client.json("/api/v1/filter?text=severity+%3E%3D+h&kind=anomalies");
    assert_eq!(filter["completions"][0]["text"], "high");
    daemon.stops();
}

#[test]
fn nothing_answers_without_credentials_once_there_are_users_and_each_role_may_what_the_table_says() {
    let home = Home::new(CONFIG);
    add_kim(&home);
    let tokens = Role::ALL.map(|role| (role, token(&home, role.name())));
    let (daemon, nobody) = served(&home);
    let admin = nobody.bearer(&tokens[2].1);
    let described = admin.json("/openapi.json");
    let described = described["paths"].as_object().unwrap().iter();
    let described = described.flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().keys();
        methods.map(move |method| (method.to_uppercase(), path.clone()))
    });
    let mut all: Vec<(String, String)> = described.collect();
    let undescribed = [
        ("GET", "/metrics"),
        ("GET", "/openapi.json"),
        ("GET", "/share/{token}"),
    ];
    all.extend(undescribed.map(|(method, path)| (method.to_owned(), path.to_owned())));
    assert!(all.len() > 30, "{all:?}");
    for (method, path) in &all {
        let line = TABLE.iter().find(|(m, p, _)| m == method && p == path);
        let (.., need) = line.unwrap_or_else(|| panic!("{method} {path} stands in no line of the table"));
        if path.ends_with("/events") || path.contains("/oidc/") {
            assert!(nobody.get(&filled(path)).status.as_u16() >= 400, "{path}");
            continue;
        }
        let body = (method == "POST").then(|| json!({}));
        let status = |client: &Client| client.ask(method, &filled(path), body.as_ref()).status.as_u16();
        match need {
            Need::Nothing => assert!(status(&nobody) != 403, "{method} {path}"),
            Need::Role(role) => {
                assert_eq!(status(&nobody), 401, "{method} {path} without credentials");
                assert_eq!(
                    status(&nobody.bearer("tm_0")),
                    401,
                    "{method} {path} with a wrong token"
                );
                for (has, token) in &tokens {
                    let refused = status(&nobody.bearer(token)) == 403;
                    assert_eq!(refused, has < role, "{method} {path} as {has}");
                }
            }
        }
    }
    assert_eq!(all.len(), TABLE.len());
    let page = nobody.get("/incidents/somewhere");
    assert_eq!(page.status, 200, "the page itself is for everybody");
    assert!(!page.text.contains("open anomalies"), "but nothing stands in it");
    daemon.stops();
}

#[test]
fn somebody_logs_in_with_a_cookie_no_script_can_read_and_proves_every_change() {
    let home = Home::new(CONFIG);
    add_kim(&home);
    let (daemon, nobody) = served(&home);
    let me = nobody.json("/api/v1/session");
    assert_eq!((&me["user"], &me["open"]), (&Value::Null, &json!(false)));
    let wrong = nobody.post("/api/v1/session", &json!({ "user": "kim", "password": "wrong" }));
    let unknown = nobody.post("/api/v1/session", &json!({ "user": "lee", "password": "wrong" }));
    assert_eq!((wrong.status.as_u16(), &wrong.text), (401, &unknown.text));
    let right = json!({ "user": "kim", "password": "correct horse battery" });
    let answer = nobody.post("/api/v1/session", &right);
    assert_eq!(answer.status, 200, "{}", answer.text);
    let cookie = answer.header("set-cookie");
    for part in [
        "tidemark=",
        "HttpOnly",
        "SameSite=Strict",
        "Path=/",
        "Max-Age=43200",
    ] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let csrf = answer.json()["csrf"].as_str().unwrap().to_owned();
    let mut kim = nobody.with("cookie", cookie.split(';').next().unwrap());
    assert_eq!(kim.json("/api/v1/session")["user"], "kim");
    let new = json!({ "name": "lee", "role": "viewer", "password": "battery staple" });
    let unproven = kim.post("/api/v1/users", &new);
    assert_eq!(
        (unproven.status.as_u16(), unproven.code().as_str()),
        (403, "csrf")
    );
    kim.headers.push(("x-csrf-token", csrf));
    assert_eq!(kim.post("/api/v1/users", &new).status, 201);
    assert_eq!(kim.ask("DELETE", "/api/v1/users/kim", None).status, 409);
    let trail = kim.json("/api/v1/audit");
    let told: Vec<String> = trail["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| {
            format!(
                "{} {} {}",
                line["who"].as_str().unwrap(),
                line["what"].as_str().unwrap(),
                line["outcome"].as_str().unwrap()
            )
        })
        .collect();
    for line in [
        "kim POST /api/v1/users: lee as viewer done",
        "kim POST /api/v1/users refused (403)",
        "- POST /api/v1/session: as kim refused (401)",
        "command line users add kim as admin done",
    ] {
        assert!(told.iter().any(|known| known == line), "{line}: {told:#?}");
    }
    assert!(!trail.to_string().contains("horse"));
    kim.headers.push(("origin", "http://evil.example".to_owned()));
    assert_eq!(kim.post("/api/v1/users", &new).code(), "foreign-origin");
    kim.headers.pop();
    assert_eq!(kim.ask("DELETE", "/api/v1/session", None).status, 204);
    assert_eq!(kim.get("/api/v1/status").status, 401);
    daemon.stops();
}

#[test]
fn log_ins_that_fail_too_often_have_to_wait() {
    let home = Home::new(CONFIG);
    add_kim(&home);
    let (daemon, nobody) = served(&home);
    let wrong = json!({ "user": "kim", "password": "wrong password" });
    let mut tries = (0..8).map(|_| nobody.post("/api/v1/session", &wrong));
    let refused = tries.find(|answer| answer.status == 429).unwrap();
    assert_eq!(refused.code(), "too-often");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    daemon.stops();
}

#[test]
fn without_users_only_this_machine_is_answered_whatever_name_a_page_gives_it() {
    let home = Home::new(CONFIG);
    let (daemon, client) = served(&home);
    assert_eq!(client.json("/api/v1/session")["open"], true);
    let renamed = client.with("host", "evil.example").get("/api/v1/status");
    assert_eq!(
        (renamed.status.as_u16(), renamed.code().as_str()),
        (421, "foreign-host")
    );
    let foreign = client.with("sec-fetch-site", "cross-site");
    let answer = foreign.post("/api/v1/shares", &json!({ "name": "x" }));
    assert_eq!(answer.code(), "foreign-origin");
    let page = client.get("/");
    assert!(
        page.header("content-security-policy")
            .contains("default-src 'none'")
    );
    assert_eq!(page.header("x-frame-options"), "DENY");
    daemon.stops();
}

#[test]
fn a_shared_link_shows_the_status_and_nothing_else() {
    let home = Home::new(CONFIG);
    add_kim(&home);
    let analyst = token(&home, "analyst");
    let (daemon, nobody) = served(&home);
    let analyst = nobody.bearer(&analyst);
    let made = analyst.post(
        "/api/v1/shares",
        &json!({ "name": "wall", "until": "2199-01-01" }),
    );
    assert_eq!(made.status, 201, "{}", made.text);
    let secret = made.json()["secret"].as_str().unwrap().to_owned();
    let view = nobody.get(&format!("/share/{secret}"));
    assert_eq!(view.status, 200);
    assert!(view.text.contains("open anomalies"), "{}", view.text);
    assert_eq!(nobody.bearer(&secret).get("/api/v1/status").status, 401);
    let id = made.json()["id"].as_i64().unwrap();
    assert_eq!(
        analyst
            .ask("DELETE", &format!("/api/v1/shares/{id}"), None)
            .status,
        204
    );
    assert_eq!(nobody.get(&format!("/share/{secret}")).status, 404);
    daemon.stops();
}

#[test]
fn beyond_this_machine_it_does_not_start_without_encryption_and_users() {
    for (lines, words) in [
        ("listen = \"0.0.0.0:0\"", "`web.tls`"),
        (
            "listen = \"0.0.0.0:0\"\nbehind_proxy = [\"127.0.0.1/32\"]",
            "`tidemark users add NAME --role admin`",
        ),
    ] {
        let home = Home::new(&CONFIG.replace("listen = \"127.0.0.1:0\"\n", &format!("{lines}\n")));
        let mut daemon = home.start();
        let (status, _) = daemon.ends();
        let said = daemon.said.join("\n");
        assert_eq!(status.code(), Some(2), "{said}");
        assert!(said.contains("`web.listen`") && said.contains(words), "{said}");
    }
}

#[test]
fn a_taken_usual_port_costs_the_dashboard_and_not_the_detector() {
    let usual = std::net::TcpListener::bind("127.0.0.1:8088");
    let home = Home::new(&CONFIG.replace("[web]\nlisten = \"127.0.0.1:0\"\n", ""));
    let mut daemon = home.start();
    // Somebody else on this machine may have taken it before.
    daemon.says(&["no dashboard: somebody else listens on 127.0.0.1:8088"]);
    daemon.says(&["ready"]);
    daemon.stops();
    drop(usual);
}

#[test]
fn who_listens_is_let_go_when_it_stops() {
    let home = Home::new(CONFIG);
    let (daemon, client) = served(&home);
    let mut listener = Listener::new(&client.base);
    assert_eq!(listener.next("status").unwrap()["replay"], false);
    let began = Instant::now();
    daemon.stops();
    listener.ends();
    assert!(began.elapsed() < Duration::from_secs(30));
}

/// A replay of a drill capture in the dashboard.
fn replayed(home: &Home, capture: &str) -> (Daemon, Client) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidemark"));
    command
        .arg("replay")
        .arg(format!("{}/captures/{capture}", env!("CARGO_MANIFEST_DIR")))
        .arg("-q")
        .args(["-o", home.path("out").to_str().unwrap(), "--serve=127.0.0.1:0"]);
    let mut daemon = Daemon::start(command);
    let client = Client::of(&mut daemon);
    (daemon, client)
}

#[test]
fn a_replay_is_shown_explored_and_decided_upon() {
    let home = Home::new(CONFIG);
    let (mut daemon, client) = replayed(&home, "fan-in.pcap.zst");
    let incidents = client.json("/api/v1/incidents?state=all");
    let incident = &incidents["items"][0];
    assert!(incident["anomalies"].as_u64().unwrap() >= 2, "{incident}");
    let whole = client.json(&format!("/api/v1/incidents/{}", incident["id"].as_str().unwrap()));
    assert_eq!(whole["items"][0]["headline"], true);
    let id = whole["items"][0]["id"].as_str().unwrap().to_owned();
    let one = client.json(&format!("/api/v1/anomalies/{id}"));
    assert_eq!(one["type"], "anomaly");
    assert!(!one["related"].as_array().unwrap().is_empty());
    let explorer = &one["explorer"];
    let query = format!(
        "/api/v1/query?by=src_ip&filter={}&since={}&until={}",
        explorer["filter"].as_str().unwrap().replace(' ', "+"),
        explorer["since"].as_str().unwrap(),
        explorer["until"].as_str().unwrap()
    );
    assert!(
        !client.json(&query)["rows"].as_array().unwrap().is_empty(),
        "{query}"
    );
    let report = client.get(&format!("/api/v1/anomalies/{id}/report"));
    assert!(
        report.text.starts_with("<!DOCTYPE html>")
            && report.header("content-security-policy").contains("sandbox")
    );

    let mut listener = Listener::new(&client.base);
    let act = |act: Value| client.post("/api/v1/acts", &json!({ "ids": [id], "act": act }));
    let done = act(json!({ "act": "acknowledged", "note": "known" }));
    assert_eq!(done.status, 200, "{}", done.text);
    let told = listener.next("anomaly").unwrap();
    assert_eq!((&told["id"], &told["what"]), (&json!(id), &json!("acknowledged")));
    assert_eq!(told["life"]["acknowledged"]["note"], "known");
    assert_eq!(
        act(json!({ "act": "retracted" })).status,
        409,
        "nothing was said of it"
    );
    assert_eq!(act(json!({ "act": "closed" })).status, 400);
    assert_eq!(
        act(json!({ "act": "judged", "verdict": "expected", "until": "8h", "why": "a test" })).status,
        200
    );
    let history = client.json(&format!("/api/v1/anomalies/{id}/history"));
    let acts: Vec<&str> = history["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["act"].as_str().unwrap())
        .collect();
    assert_eq!(acts.first(), Some(&"opened"));
    assert_eq!(acts[acts.len() - 2..], ["acknowledged", "judged"]);
    let measures = client.json("/api/v1/measures");
    assert_eq!(measures["items"][0]["anomaly"], json!(id));
    let found = client.json("/api/v1/anomalies?filter=verdict+expected+and+acknowledged");
    assert_eq!(found["items"][0]["id"], json!(id));
    assert_eq!(found["items"].as_array().unwrap().len(), 1);

    let silence = json!({ "filter": format!("id {id}"), "for": "2h", "why": "a test" });
    let made = client.post("/api/v1/silences", &silence);
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(client.json("/api/v1/silences")["items"][0]["active"], true);
    let path = format!("/api/v1/silences/{}", made.json()["id"]);
    assert_eq!(client.ask("DELETE", &path, None).status, 204);
    assert_eq!(client.ask("DELETE", &path, None).status, 404);

    let overview = client.json("/api/v1/overview");
    assert!(
        overview["traffic"]["bytes"]
            .as_array()
            .unwrap()
            .iter()
            .any(|p| p["observed"].as_f64() > Some(0.0))
    );
    let hosts = client.json("/api/v1/hosts?search=10.20.10.");
    assert!(!hosts["items"].as_array().unwrap().is_empty());
    let host = client.json("/api/v1/hosts/10.20.10.40");
    assert_eq!(host["baselines"][0]["by_hour"].as_array().unwrap().len(), 168);
    daemon.signal("INT");
    assert!(daemon.ends().0.success());
}

#[test]
fn pages_of_anomalies_follow_each_other_without_gap_or_repetition() {
    let home = Home::new(CONFIG);
    let (mut daemon, client) = replayed(&home, "fan-in.pcap.zst");
    let ids = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap().iter();
        items.map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    };
    let all = ids(&client.json("/api/v1/anomalies?limit=1000"));
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.json(&format!("/api/v1/anomalies?limit=1{cursor}"));
        seen.extend(ids(&page));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert!(all.len() >= 2);
    assert_eq!(seen, all);
    let gravest = client.json("/api/v1/anomalies?sort=severity");
    assert_eq!(ids(&gravest).len(), all.len());
    daemon.signal("TERM");
    assert!(daemon.ends().0.success());
}
