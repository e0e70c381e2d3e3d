//! Notifications over HTTP by the running program: contracts kept, failures survived, storms bounded, nothing lost, no secret told.

#![allow(clippy::unwrap_used)]

#[path = "common/contract.rs"]
mod contract;
#[path = "common/daemon.rs"]
#[allow(dead_code)]
mod daemon;

use contract::breaches;
use daemon::Home;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tidemark::model::{Act, AnomalyId, Severity};
use tidemark::store::desk::What;

#[path = "common/receivers.rs"]
mod receivers;
use receivers::{Receiver, Reply, account, anomaly, config, desk, observe, over, secret, tally, until};

const KEY: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn pagerduty_and_slack_get_what_their_contracts_say_from_the_first_word_to_the_last() {
    let (pager, slack) = (Receiver::willing(), Receiver::willing());
    let home = Home::new(&config(&format!(
        "[notify.channel.pager]\ntype = \"pagerduty\"\nurl = \"{}\"\nkey_file = \"key\"\n\
         [notify.channel.chat]\ntype = \"slack\"\nurl_file = \"hook\"\n\
         [notify.route.pager]\nchannel = \"pager\"\nseverity = \"critical\"\nbudget = {{ messages = 2, wait = \"1s\" }}\n\
         [notify.route.chat]\nchannel = \"chat\"\n\
         on = [\"escalated\", \"acknowledged\", \"closed\", \"discussed\", \"updated\"]\n",
        pager.url("/v2/enqueue")
    )));
    secret(&home, "key", KEY);
    secret(&home, "hook", &slack.url("/services/T000/B000/XXXXsecretXXXX"));
    let mut running = home.start();
    running.says(&["ready"]);
    let mut desk = desk(&home);
    let one = anomaly(1, 1, Severity::High);
    observe(&mut desk, What::Opened, std::slice::from_ref(&one));
    // It is told as it stands when its line is read: the graver word would come first.
    slack.gets(1);
    let grave = tidemark::model::Anomaly {
        severity: Severity::Critical,
        ..one.clone()
    };
    observe(&mut desk, What::Escalated, std::slice::from_ref(&grave));
    pager.gets(1);
    let at = tidemark::input::batch::now();
    let note = Act::Acknowledged {
        note: Some("I <b>look</b> & see".to_owned()),
    };
    desk.act(at, "kim", &[AnomalyId(1)], &note).unwrap();
    pager.gets(2);
    observe(&mut desk, What::Closed, &[over(&grave)]);
    pager.gets(3);
    let many: Vec<_> = (10..15).map(|id| anomaly(id, id, Severity::Critical)).collect();
    observe(&mut desk, What::Opened, &many);
    let events = pager.gets(4);
    let posts = slack.gets(9);
    running.stops();

    for (name, schema, requests) in [
        (
            "pagerduty",
            include_str!("contracts/pagerduty-events-v2.json"),
            &events,
        ),
        (
            "slack",
            include_str!("contracts/slack-incoming-webhook.json"),
            &posts,
        ),
    ] {
        let schema: Json = serde_json::from_str(schema).unwrap();
        for request in requests {
            assert_eq!(
                breaches(&request.json(), &schema, name),
                [""; 0],
                "{}",
                request.body
            );
            assert_eq!(request.headers["content-type"], "application/json");
        }
    }
    let actions: Vec<String> = events
        .iter()
        .map(|e| e.json()["event_action"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(actions, ["trigger", "acknowledge", "resolve", "trigger"]);
    let keys: BTreeSet<String> = events[..3]
        .iter()
        .map(|e| e.json()["dedup_key"].to_string())
        .collect();
    assert_eq!(
        keys.len(),
        1,
        "one incident from its beginning to its end: {keys:?}"
    );
    let payload = &events[0].json()["payload"];
    assert_eq!(payload["severity"], "critical");
    assert_eq!(
        payload["custom_details"]["Where"],
        "src_ip 10.1.2.3, dst_port 445"
    );
    let details = payload["custom_details"].to_string();
    for words in ["340 flows per 60 s, expected 4.2", "198.51.100.9", "98 %"] {
        assert!(details.contains(words), "{words}: {details}");
    }
    let links = events[0].json()["links"].to_string();
    for words in [
        "https://tidemark.example.org/anomalies/0000000000000001",
        "/explore?filter=src%20host%2010.1.2.3%20and%20dst%20port%20445&since=",
    ] {
        assert!(links.contains(words), "{words}: {links}");
    }
    // The storm: two messages an hour, the first of which was the first incident's.
    assert!(
        events[3].json()["payload"]["summary"]
            .as_str()
            .unwrap()
            .starts_with("5 anomalies (5 critical) held back")
    );
    let said = posts.iter().map(|post| post.body.as_str()).collect::<String>();
    assert!(!said.contains("<b>") && said.contains("&lt;b&gt;look"), "{said}");
}

#[test]
fn mattermost_and_telegram_get_what_their_contracts_say_with_nothing_taken_for_markup() {
    let (mattermost, telegram) = (Receiver::willing(), Receiver::willing());
    let home = Home::new(&config(&format!(
        "[notify.channel.chat]\ntype = \"mattermost\"\nurl_file = \"hook\"\nchannel = \"noc\"\n\
         [notify.channel.bot]\ntype = \"telegram\"\nurl = \"{}\"\ntoken_file = \"token\"\nchat = \"@noc\"\n\
         [notify.route.chat]\nchannel = \"chat\"\n\
         [notify.route.bot]\nchannel = \"bot\"\n",
        telegram.url("")
    )));
    secret(&home, "hook", &mattermost.url("/hooks/XXXXsecretXXXX"));
    secret(&home, "token", "123456:secret");
    let mut running = home.start();
    running.says(&["ready"]);
    let mut desk = desk(&home);
    let one = tidemark::model::Anomaly {
        text: "a *bold* <b>claim</b> of [somebody](http://elsewhere) & more".to_owned(),
        ..anomaly(1, 1, Severity::Critical)
    };
    observe(&mut desk, What::Opened, std::slice::from_ref(&one));
    let (posts, messages) = (mattermost.gets(1), telegram.gets(1));
    observe(&mut desk, What::Closed, &[over(&one)]);
    let (over, well) = (mattermost.gets(2), telegram.gets(2));
    running.stops();

    for (name, schema, requests) in [
        (
            "mattermost",
            include_str!("contracts/mattermost-incoming-webhook.json"),
            &over,
        ),
        (
            "telegram",
            include_str!("contracts/telegram-send-message.json"),
            &well,
        ),
    ] {
        let schema: Json = serde_json::from_str(schema).unwrap();
        for request in requests {
            assert_eq!(
                breaches(&request.json(), &schema, name),
                [""; 0],
                "{}",
                request.body
            );
        }
    }
    assert!(posts[0].line.starts_with("POST /hooks/XXXXsecretXXXX "));
    assert!(
        messages[0]
            .line
            .starts_with("POST /bot123456:secret/sendMessage ")
    );
    let attachment = &posts[0].json()["attachments"][0];
    let text = attachment["text"].as_str().unwrap();
    assert!(
        text.contains(r"\*bold\*") && text.contains(r"\[somebody\]"),
        "{text}"
    );
    assert_ne!(attachment["color"], over[1].json()["attachments"][0]["color"]);
    let html = messages[0].json()["text"].as_str().unwrap().to_owned();
    assert!(
        html.contains("&lt;b&gt;claim&lt;/b&gt;") && html.contains("&amp; more"),
        "{html}"
    );
    // A pager at night: what is over makes no sound.
    assert_eq!(messages[0].json()["disable_notification"], false);
    assert_eq!(well[1].json()["disable_notification"], true);
}

#[test]
fn a_receiver_that_fails_is_asked_again_as_late_as_it_wants_and_gets_everything_in_order() {
    let receiver = Receiver::new(|number, _| match number {
        0 => Reply::Status(500, ""),
        1 => Reply::Close,
        2 => Reply::Status(429, "retry-after: 3\r\n"),
        3 => Reply::Hang,
        _ => Reply::Status(200, ""),
    });
    let home = Home::new(&config(&hook(&receiver, "timeout = \"1s\"\n", "")));
    let mut running = home.start();
    running.says(&["ready"]);
    let mut desk = desk(&home);
    observe(
        &mut desk,
        What::Opened,
        &[anomaly(1, 1, Severity::High), anomaly(2, 2, Severity::Low)],
    );
    let all = receiver.gets(6);
    until("everything is sent", || {
        (tally(&desk, "hook").sent == 2).then_some(())
    });
    running.stops();
    let ids: Vec<&str> = all
        .iter()
        .map(|one| one.headers["idempotency-key"].as_str())
        .collect();
    assert!(ids[..5].iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_ne!(ids[4], ids[5]);
    let waited = all[3].at.duration_since(all[2].at);
    assert!(
        waited >= Duration::from_secs(3),
        "it asked for three seconds: {waited:?}"
    );
    assert_eq!(tally(&desk, "hook").retried, 4);
}

#[test]
fn a_receiver_that_hangs_or_is_down_delays_no_other_and_keeps_a_bounded_queue() {
    let (hung, well) = (Receiver::new(|_, _| Reply::Hang), Receiver::willing());
    let rest = format!(
        "{}[notify.channel.hung]\ntype = \"webhook\"\nurl = \"{}\"\ntimeout = \"300s\"\n\
         [notify.channel.down]\ntype = \"webhook\"\nurl = \"http://127.0.0.1:1/\"\n\
         [notify.route.hung]\nchannel = \"hung\"\nqueue = 10\n[notify.route.down]\nchannel = \"down\"\nqueue = 10\n",
        hook(&well, "", ""),
        hung.url("/"),
    );
    let home = Home::new(&config(&rest));
    let mut running = home.start();
    running.says(&["ready"]);
    let mut desk = desk(&home);
    observe(&mut desk, What::Opened, &[anomaly(900, 900, Severity::Low)]);
    hung.gets(1);
    let began = Instant::now();
    let mut many: Vec<_> = (1..=50).map(|id| anomaly(id, id, Severity::Low)).collect();
    many.extend((51..=55).map(|id| anomaly(id, id, Severity::Critical)));
    observe(&mut desk, What::Opened, &many);
    well.gets(56);
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    for route in ["hung", "down"] {
        let tally = tally(&desk, route);
        assert_eq!((tally.waiting, tally.given_up), (10, 46), "{route}");
        let sql = "SELECT count(*) FROM outbox WHERE route = ?1 AND state = 'waiting' AND severity = 2";
        let grave: i64 = desk
            .connection()
            .query_row(sql, [route], |row| row.get(0))
            .unwrap();
        assert_eq!(grave, 5, "{route}: what is critical stays");
    }
    running.stops();
}

/// A webhook and a route of the same name.
fn hook(receiver: &Receiver, channel: &str, route: &str) -> String {
    format!(
        "[notify.channel.hook]\ntype = \"webhook\"\nurl = \"{}\"\n{channel}[notify.route.hook]\nchannel = \"hook\"\n{route}",
        receiver.url("/in")
    )
}

#[test]
fn a_signed_webhook_with_templates_is_a_ticket_whose_signature_anybody_can_check() {
    let receiver = Receiver::willing();
    let channel = r#"secret_file = "shared"
authorization_file = "auth"
headers = { "x-severity" = "{{ severity }}" }
body = '''{"fields": {"project": {"key": "NET"}, "issuetype": {"name": "Incident"},
  "summary": {{ title | tojson }}, "description": {{ text | tojson }}, "labels": ["tidemark", {{ first.rule | tojson }}]}}'''
"#;
    let home = Home::new(&config(&hook(&receiver, channel, "")));
    secret(&home, "shared", "a shared secret");
    secret(&home, "auth", "Basic dXNlcjp0b2tlbg==");
    let mut running = home.start();
    running.says(&["ready"]);
    observe(
        &mut desk(&home),
        What::Opened,
        &[anomaly(7, 7, Severity::Critical)],
    );
    let asked = receiver.gets(1).remove(0);
    running.stops();
    assert_eq!(asked.line, "POST /in HTTP/1.1");
    assert_eq!(asked.headers["x-severity"], "critical");
    assert_eq!(asked.headers["authorization"], "Basic dXNlcjp0b2tlbg==");
    let ticket = asked.json();
    assert_eq!(ticket["fields"]["labels"][1], "scan");
    assert!(ticket["fields"]["summary"].as_str().unwrap().contains("10.1.2.3"));
    let (time, mac) = asked.headers["x-tidemark-signature"].split_once(",v1=").unwrap();
    let signed = format!("{}.{}", time.strip_prefix("t=").unwrap(), asked.body);
    std::fs::write(home.path("signed"), signed).unwrap();
    let path = home.path("signed");
    let openssl = Command::new("openssl")
        .args([
            "dgst",
            "-sha256",
            "-hmac",
            "a shared secret",
            "-r",
            path.to_str().unwrap(),
        ])
        .output();
    let Ok(openssl) = openssl else {
        eprintln!("skipped: needs openssl");
        return;
    };
    let theirs = String::from_utf8(openssl.stdout).unwrap();
    assert_eq!(theirs.split(' ').next().unwrap(), mac);
}

#[test]
fn ten_thousand_anomalies_in_a_minute_are_at_most_the_budget_and_all_counted() {
    let receiver = Receiver::willing();
    let home = Home::new(&config(&hook(
        &receiver,
        "",
        "budget = { messages = 5, per = \"15s\", wait = \"2s\" }\n",
    )));
    let mut running = home.start();
    running.says(&["ready"]);
    let mut desk = desk(&home);
    let began = Instant::now();
    for batch in 0..20 {
        let ids = batch * 500 + 1..=batch * 500 + 500;
        let many: Vec<_> = ids
            .map(|id| {
                anomaly(
                    id,
                    id,
                    if id % 1000 == 0 {
                        Severity::Critical
                    } else {
                        Severity::Low
                    },
                )
            })
            .collect();
        observe(&mut desk, What::Opened, &many);
    }
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    until("all are decided on", || {
        (account(&mut desk, "hook", "offered") == 10_000).then_some(())
    });
    let told = || -> (u64, u64) {
        let messages = receiver.all();
        let count = |asked: &receivers::Asked| asked.json()["counts"]["anomalies"].as_u64().unwrap();
        let critical = |asked: &receivers::Asked| asked.json()["counts"]["by_severity"][2].as_u64().unwrap();
        (
            messages.iter().map(count).sum(),
            messages.iter().map(critical).sum(),
        )
    };
    until("all are in a message", || (told().0 == 10_000).then_some(()));
    assert_eq!(told().1, 10);
    let times: Vec<Instant> = receiver.all().iter().map(|asked| asked.at).collect();
    for (i, start) in times.iter().enumerate() {
        // A second for the way between decision and arrival.
        let within = times[i..]
            .iter()
            .filter(|at| at.duration_since(*start) < Duration::from_secs(14));
        assert!(within.count() <= 5, "{times:?}");
    }
    assert!(times.len() < 40, "{}", times.len());
    running.stops();
}

#[test]
fn killed_two_hundred_times_it_loses_no_message_and_doubles_none_that_can_be_told_apart() {
    let taken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&taken);
    let receiver = Receiver::new(move |_, _| match count.fetch_add(1, Ordering::Relaxed) % 41 {
        13 => Reply::Status(503, ""),
        29 => Reply::Close,
        _ => Reply::Status(200, ""),
    });
    let home = Home::new(&config(&hook(&receiver, "", "")));
    let mut desk = desk(&home);
    // The cursor is set by the first start: what came before it is told to nobody.
    let mut running = home.start();
    running.says(&["ready"]);
    let mut made = 0;
    for round in 0..200_u64 {
        let many: Vec<_> = (0..1 + round % 3)
            .map(|i| anomaly(made + i + 1, made + i + 1, Severity::High))
            .collect();
        made += many.len() as u64;
        let seen = receiver.all().len();
        observe(&mut desk, What::Opened, &many);
        match round % 4 {
            // At once, as soon as one is on its way, or some time later.
            0 => {}
            1 => drop(receiver.gets(seen + 1)),
            _ => std::thread::park_timeout(Duration::from_millis(round * 7 % 90)),
        }
        running.signal("KILL");
        running.ends();
        running = home.start();
        if round % 5 != 0 {
            running.says(&["ready"]);
        }
    }
    until("nothing waits any more", || {
        let all = account(&mut desk, "hook", "offered") == made;
        (all && tally(&desk, "hook").waiting == 0).then_some(())
    });
    running.stops();
    let mut ids: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
    for asked in receiver.all() {
        let json = asked.json();
        if json["phase"] == "opened" {
            let id: AnomalyId = json["first"]["id"].as_str().unwrap().parse().unwrap();
            ids.entry(id.0)
                .or_default()
                .insert(asked.headers["idempotency-key"].clone());
        }
    }
    assert_eq!(ids.len() as u64, made, "none is lost");
    let doubled: Vec<_> = ids.iter().filter(|(_, names)| names.len() > 1).collect();
    assert!(doubled.is_empty(), "told twice under two names: {doubled:?}");
}

#[test]
fn no_credential_is_printed_logged_or_kept_whatever_goes_wrong() {
    let refusing = Receiver::new(|_, _| Reply::Status(404, ""));
    let token = "123456:TOPSECRETTOKEN";
    let home = Home::new(&config(&format!(
        "[notify.channel.pager]\ntype = \"pagerduty\"\nurl = \"{0}\"\nkey_file = \"key\"\n\
         [notify.channel.chat]\ntype = \"slack\"\nurl_file = \"hook\"\n\
         [notify.channel.gone]\ntype = \"slack\"\nurl_file = \"gone\"\n\
         [notify.channel.bot]\ntype = \"telegram\"\nurl = \"{1}\"\ntoken_env = \"BOT_TOKEN\"\nchat = \"-1\"\n\
         [notify.route.a]\nchannel = \"pager\"\n[notify.route.b]\nchannel = \"chat\"\n\
         [notify.route.c]\nchannel = \"gone\"\n[notify.route.d]\nchannel = \"bot\"\n",
        refusing.url("/x"),
        refusing.url(""),
    )));
    secret(&home, "key", KEY);
    secret(&home, "hook", &refusing.url("/services/HOOKSECRET"));
    secret(&home, "gone", "http://127.0.0.1:1/services/GONESECRET");
    let mut command = home.command();
    command.env("BOT_TOKEN", token);
    let mut running = daemon::Daemon::start(command);
    running.says(&["ready"]);
    let mut desk = desk(&home);
    observe(&mut desk, What::Opened, &[anomaly(1, 1, Severity::Critical)]);
    for route in ["a", "b", "c", "d"] {
        until("it failed", || (tally(&desk, route).retried > 0).then_some(()));
    }
    running.signal("TERM");
    let (_, printed) = running.ends();
    let mut said = format!("{printed}{}", running.said.join("\n"));
    for command in [vec!["check", "-c"], vec!["notify", "test", "-c"]] {
        let ran = Command::new(env!("CARGO_BIN_EXE_tidemark"))
            .args(&command)
            .arg(home.path("tidemark.toml"))
            .env("BOT_TOKEN", token)
            .output()
            .unwrap();
        said += &String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat());
        // Nothing arrived.
        assert_eq!(
            ran.status.code(),
            Some(i32::from(command[0] == "notify")),
            "{said}"
        );
    }
    assert!(said.contains("404") && said.contains("127.0.0.1:1/***"), "{said}");
    for word in [KEY, "HOOKSECRET", "GONESECRET", "TOPSECRETTOKEN"] {
        assert!(!said.contains(word), "{word} in {said}");
        let kept = receivers::holds(&home.path("state"), word);
        assert!(kept.is_empty(), "{word} in {kept:?}");
    }
}

#[test]
fn other_routes_tell_of_one_that_gives_up_and_a_sign_of_life_comes_again_and_again() {
    let (refusing, told, alive) = (
        Receiver::new(|_, _| Reply::Status(400, "")),
        Receiver::willing(),
        Receiver::willing(),
    );
    let rest = format!(
        "{}[notify.channel.told]\ntype = \"webhook\"\nurl = \"{}\"\n[notify.channel.alive]\ntype = \"webhook\"\nmethod = \"get\"\n\
         url = \"{}\"\n[notify.route.told]\nchannel = \"told\"\nself = true\nseverity = \"high\"\n\
         [notify.route.alive]\nchannel = \"alive\"\nonly_escalated = true\nheartbeat = \"1s\"\n",
        hook(&refusing, "", ""),
        told.url("/"),
        alive.url("/ping"),
    );
    let home = Home::new(&config(&rest));
    let mut running = home.start();
    running.says(&["ready"]);
    let mut desk = desk(&home);
    observe(&mut desk, What::Opened, &[anomaly(1, 1, Severity::High)]);
    let all = told.gets(2);
    let trouble = all
        .iter()
        .map(|asked| asked.json())
        .find(|json| json["phase"] == "trouble")
        .unwrap();
    let words = trouble["title"].as_str().unwrap();
    assert!(
        words.contains("route `hook`") && words.contains("given up") && words.contains("400"),
        "{words}"
    );
    assert_eq!(tally(&desk, "hook").given_up, 1);
    let beats = alive.gets(3);
    assert!(
        beats
            .iter()
            .all(|beat| beat.line == "GET /ping HTTP/1.1" && beat.body.is_empty()),
        "{beats:?}"
    );
    running.stops();
    assert_eq!(
        tally(&desk, "alive").sent,
        0,
        "what is worth nothing when it is late is not kept"
    );
}
