//! Scenarios in plain text: what happens on the left, what is told on the right.

use super::*;
use crate::model::{
    Act, AnomalyId, Calendar, Entry, Hours, IncidentId, Severity, Timestamp, Verdict, Window,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub(super) const SECOND: Duration = Duration::from_secs(1);
/// 2026-03-02 08:00 UTC, a Monday.
pub(super) const BEGIN: i64 = 1_772_438_400;

pub(super) fn at(second: u64) -> Timestamp {
    Timestamp::from_secs(BEGIN) + SECOND * second as u32
}

pub(super) fn severity(text: &str) -> Severity {
    match text {
        "low" => Severity::Low,
        "high" => Severity::High,
        "critical" => Severity::Critical,
        other => panic!("no severity: {other}"),
    }
}

/// Plays lines of `SECOND ACT ANOMALY[.INCIDENT] [SEVERITY] [RULE]`, and ticks every second between them.
pub(super) struct Play {
    pub(super) desk: Dispatcher,
    pub(super) told: Vec<Decision>,
    second: u64,
    seq: u64,
    known: BTreeMap<u64, Facts>,
    silenced: BTreeSet<u64>,
}

impl Play {
    pub(super) fn of(routes: Vec<Route>) -> Self {
        Self {
            desk: Dispatcher::new(routes, BTreeMap::new()),
            told: Vec::new(),
            second: 0,
            seq: 0,
            known: BTreeMap::new(),
            silenced: BTreeSet::new(),
        }
    }

    pub(super) fn until(&mut self, second: u64) {
        while self.second < second {
            self.second += 1;
            let silenced = |id: AnomalyId| self.silenced.contains(&id.0);
            let now = Now {
                at: at(self.second),
                alive: true,
                silenced: &silenced,
            };
            self.told.extend(self.desk.tick(&now));
        }
    }

    pub(super) fn line(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        self.until(words[0].parse().unwrap());
        let (id, incident) = words[2].split_once('.').unwrap_or((words[2], words[2]));
        let id: u64 = id.parse().unwrap_or(0);
        let word = |n: usize| words.get(n).copied();
        match words[1] {
            "silence" => drop(self.silenced.insert(id)),
            "speak" => drop(self.silenced.remove(&id)),
            "trouble" | "well" => {
                let own = Own {
                    name: words[2].to_owned(),
                    text: format!("{} is nearly full", words[2]),
                    severity: Severity::High,
                    is_over: words[1] == "well",
                };
                self.told.extend(self.desk.own(&own, at(self.second)));
            }
            // States survive a restart as text.
            "restart" => {
                let text = serde_json::to_string(self.desk.states()).unwrap();
                let routes = self.desk.routes().to_vec();
                self.desk = Dispatcher::new(routes, serde_json::from_str(&text).unwrap());
            }
            act => {
                let facts = self.known.entry(id).or_insert_with(|| Facts {
                    id: AnomalyId(id),
                    incident: IncidentId(incident.parse().unwrap()),
                    rule: word(4).unwrap_or("scan").to_owned(),
                    kind: "scan-horizontal".to_owned(),
                    severity: Severity::Low,
                    shadow: word(5) == Some("shadow"),
                });
                if let Some(text) = word(3).filter(|_| matches!(act, "opened" | "escalated" | "reopened")) {
                    facts.severity = severity(text);
                }
                let facts = facts.clone();
                self.take(act, &facts);
            }
        }
    }

    fn take(&mut self, act: &str, facts: &Facts) {
        self.seq += 1;
        let severity = facts.severity;
        let entry = Entry {
            seq: self.seq,
            at: at(self.second),
            by: "kim".to_owned(),
            anomaly: facts.id,
            act: match act {
                "opened" => Act::Opened { severity },
                "escalated" => Act::Escalated { severity },
                "reopened" => Act::Reopened,
                "updated" => Act::Updated,
                "closed" => Act::Closed { ended_at: None },
                "acknowledged" => Act::Acknowledged { note: None },
                "unacknowledged" => Act::Unacknowledged,
                "judged" => Act::Judged {
                    verdict: Verdict::False,
                    until: None,
                    why: None,
                },
                other => panic!("no act: {other}"),
            },
        };
        let input = Input {
            entry: &entry,
            facts,
            silenced: self.silenced.contains(&facts.id.0),
            passes: &|_| true,
        };
        self.told.extend(self.desk.step(&input, at(self.second)));
    }

    /// What was told, a line each.
    fn lines(&self) -> Vec<String> {
        let line = |d: &Decision| {
            let second = d.at.since(at(0)).as_secs();
            let key = d
                .key
                .replace("0000000000000000", "0")
                .replace("000000000000000", "");
            let ids: Vec<String> = d.anomalies.iter().map(|id| id.0.to_string()).collect();
            let many = if d.counts.anomalies > 1 {
                format!(" of {}", d.counts.anomalies)
            } else {
                String::new()
            };
            let line = format!(
                "{second} {} {} {key} {}{many}",
                d.route,
                d.phase.name(),
                ids.join(",")
            );
            line.trim_end().to_owned()
        };
        self.told.iter().map(line).collect()
    }
}

#[track_caller]
pub(super) fn plays(routes: Vec<Route>, script: &str, until: u64, expected: &str) -> Play {
    let mut play = Play::of(routes);
    let lines = |text: &str| {
        let lines = text.lines().map(|line| line.trim().to_owned());
        lines.filter(|line| !line.is_empty()).collect::<Vec<_>>()
    };
    lines(script).iter().for_each(|line| play.line(line));
    play.until(until);
    assert_eq!(play.lines(), lines(expected));
    for (name, state) in play.desk.states() {
        assert_eq!(
            state.account.offered,
            state.account.known(state.waiting()),
            "{name}: {:?}",
            state.account
        );
    }
    play
}

pub(super) fn route(name: &str, least: Severity) -> Route {
    Route::new(name, least)
}

fn budget(messages: u32) -> Option<Budget> {
    Some(Budget {
        messages,
        per: SECOND * 600,
        wait: SECOND * 30,
    })
}

/// A pager that escalates to a phone, mail, and a log with a digest: a team's three severities.
fn team() -> Vec<Route> {
    let pager = Route {
        escalation: Some(Escalation {
            after: SECOND * 300,
            to: "phone".to_owned(),
            times: 2,
            least: Severity::Critical,
        }),
        ..route("pager", Severity::Critical)
    };
    let phone = Route {
        is_last_resort: true,
        ..route("phone", Severity::Low)
    };
    let mail = Route {
        digest: Some(Digest {
            due: Due::Every(SECOND * 3600),
            least: Severity::Low,
        }),
        ..route("mail", Severity::High)
    };
    vec![pager, phone, mail]
}

#[test]
fn critical_pages_and_escalates_high_mails_low_is_in_the_digest() {
    plays(
        team(),
        "10 opened 1 critical
         20 opened 2 high
         30 opened 3 low
         40 opened 4 low",
        4000,
        "10 pager opened incident-1 1
         10 mail opened incident-1 1
         20 mail opened incident-2 2
         310 phone reminder incident-1 1
         610 phone reminder incident-1 1
         3600 mail digest digest-3 3,4 of 2",
    );
}

#[test]
fn an_acknowledgement_or_a_verdict_or_the_end_stops_the_escalation() {
    for act in ["acknowledged", "judged", "closed"] {
        let told = Play::of(team());
        let mut play = told;
        for line in ["10 opened 1 critical", &format!("200 {act} 1"), "900 restart -"] {
            play.line(line);
        }
        assert!(
            play.told.iter().all(|d| d.phase != Phase::Reminder),
            "{act}: {:?}",
            play.lines()
        );
    }
}

#[test]
fn who_gives_it_back_starts_the_escalation_anew() {
    plays(
        team(),
        "10 opened 1 critical
         100 acknowledged 1
         1000 unacknowledged 1
         1400 closed 1",
        2000,
        "10 pager opened incident-1 1
         10 mail opened incident-1 1
         100 pager acknowledged incident-1 1
         100 mail acknowledged incident-1 1
         1000 pager unacknowledged incident-1 1
         1000 mail unacknowledged incident-1 1
         1300 phone reminder incident-1 1
         1400 pager closed incident-1 1
         1400 phone closed incident-1 1
         1400 mail closed incident-1 1",
    );
}

#[test]
fn anomalies_of_an_incident_join_what_was_told_and_end_it_together() {
    plays(
        vec![route("chat", Severity::Low)],
        "1 opened 1.1 high
         2 opened 2.1 high
         3 opened 3.1 critical
         4 closed 1.1
         5 closed 3.1
         6 closed 2.1
         7 reopened 2.1 high",
        10,
        "1 chat opened incident-1 1
         3 chat escalated incident-1 3 of 3
         6 chat closed incident-1 3 of 3
         7 chat opened incident-1 2",
    );
}

#[test]
fn by_anomaly_each_is_told_by_itself() {
    let chat = Route {
        by: By::Anomaly,
        ..route("chat", Severity::Low)
    };
    plays(
        vec![chat],
        "1 opened 1.1 high
         2 opened 2.1 high
         3 closed 1.1",
        10,
        "1 chat opened anomaly-1 1
         2 chat opened anomaly-2 2
         3 chat closed anomaly-1 1",
    );
}

#[test]
fn above_the_budget_one_message_counts_what_is_held_back_the_gravest_first() {
    let chat = Route {
        budget: budget(3),
        ..route("chat", Severity::Low)
    };
    let play = plays(
        vec![chat],
        "1 opened 1 low
         2 opened 2 low
         3 opened 3 low
         4 opened 4 critical
         5 opened 5 high
         5 restart -
         40 opened 6 low
         700 closed 1
         701 closed 3
         702 closed 4
         703 closed 5",
        800,
        "1 chat opened incident-1 1
         2 chat opened incident-2 2
         33 chat group group-3 4,5,3 of 3
         601 chat group group-4 6
         700 chat closed incident-1 1
         703 chat closed group-3 4 of 3",
    );
    let account = play.desk.states()["chat"].account;
    assert_eq!((account.told, account.grouped), (2, 4));
}

#[test]
fn a_budget_of_one_tells_the_first_and_counts_the_rest() {
    let chat = Route {
        budget: budget(1),
        ..route("chat", Severity::Low)
    };
    plays(
        vec![chat],
        "1 opened 1 low
         2 opened 2 low
         3 opened 3 low",
        700,
        "1 chat opened incident-1 1
         601 chat group group-2 2,3 of 2",
    );
}

#[test]
fn silenced_shadowed_and_foreign_are_not_told_and_counted() {
    let chat = Route {
        rules: vec!["scan".to_owned()],
        ..route("chat", Severity::High)
    };
    let play = plays(
        vec![chat],
        "1 silence 1
         1 opened 1 critical
         2 opened 2 critical scan shadow
         3 opened 3 critical beacon
         4 opened 4 low
         5 escalated 4 critical
         6 closed 1
         6 closed 2
         6 closed 3
         6 closed 4",
        10,
        "5 chat escalated incident-4 4
         6 chat closed incident-4 4",
    );
    let account = play.desk.states()["chat"].account;
    assert_eq!((account.silenced, account.shadowed, account.passed), (1, 1, 2));
}

#[test]
fn in_a_quiet_time_only_what_is_critical_is_told_at_once() {
    let night = Calendar {
        name: "night".to_owned(),
        zone: jiff::tz::TimeZone::UTC,
        week: None,
        holidays: vec![],
        windows: vec![Window::Once(at(0), at(1000))],
    };
    let chat = Route {
        quiet: vec![night],
        ..route("chat", Severity::Low)
    };
    plays(
        vec![chat],
        "1 opened 1 high
         2 opened 2 critical
         900 opened 3 low",
        1100,
        "2 chat opened incident-2 2
         1000 chat group group-2 1,3 of 2",
    );
}

#[test]
fn a_route_speaks_in_its_hours_and_the_digest_has_the_rest() {
    let office = Calendar {
        name: "office".to_owned(),
        zone: jiff::tz::TimeZone::UTC,
        week: Some(Hours {
            days: [true; 7],
            hours: vec![(jiff::civil::time(9, 0, 0, 0), jiff::civil::time(10, 0, 0, 0))],
        }),
        holidays: vec![],
        windows: vec![],
    };
    let due = Due::At(jiff::civil::time(9, 30, 0, 0), None, jiff::tz::TimeZone::UTC);
    let desk = Route {
        during: vec![office.clone()],
        digest: Some(Digest {
            due,
            least: Severity::High,
        }),
        ..route("desk", Severity::Low)
    };
    let night = Route {
        outside: vec![office],
        ..route("night", Severity::Low)
    };
    plays(
        vec![desk, night],
        "10 opened 1 high
         11 opened 2 low
         3700 opened 3 low",
        6000,
        "10 night opened incident-1 1
         11 night opened incident-2 2
         3700 desk opened incident-3 3
         5400 desk digest digest-2 1",
    );
}

#[test]
fn the_programs_own_troubles_are_told_once_and_so_is_their_end() {
    let chat = Route {
        own: true,
        heartbeat: Some(SECOND * 60),
        ..route("chat", Severity::High)
    };
    plays(
        vec![chat, route("other", Severity::Low)],
        "10 trouble disk
         20 trouble disk
         30 well disk
         31 well disk",
        130,
        "1 chat heartbeat heartbeat
         10 chat trouble own-disk
         30 chat well own-disk
         61 chat heartbeat heartbeat
         121 chat heartbeat heartbeat",
    );
}

#[test]
fn what_is_open_is_told_again_to_receivers_that_forget() {
    let alerts = Route {
        by: By::Anomaly,
        refresh: Some(SECOND * 60),
        ..route("alerts", Severity::Low)
    };
    plays(
        vec![alerts],
        "10 opened 1 low
         130 closed 1",
        200,
        "10 alerts opened anomaly-1 1
         61 alerts refresh anomaly-1 1
         121 alerts refresh anomaly-1 1
         130 alerts closed anomaly-1 1",
    );
}

#[test]
fn a_clock_that_is_set_back_closes_no_route() {
    let chat = Route {
        budget: budget(2),
        ..route("chat", Severity::Low)
    };
    let mut play = Play::of(vec![chat]);
    play.line("5000 opened 1 low");
    play.second = 0;
    play.line("1 opened 2 low");
    assert_eq!(play.told.len(), 2, "{:?}", play.lines());
}
