//! What a rule says beside its test, kept on scripted traffic: minutes of datagrams in, anomalies and counts out.

use super::*;
use crate::model::{
    Calendar, Dimension, Direction, Exception, Gates, Grace, Held, Holiday, Hours, Kind, Limit, LinkType,
    Metric, Networks, Prefix, Rule, Test, When, Window,
};
use crate::model::{Condition, Than};
use jiff::civil::time;
use jiff::tz::TimeZone;

/// No minute.
const NEVER: [i64; 0] = [];
/// Monday 2026-03-02, 08:00 UTC.
pub(super) const START: i64 = 1_772_438_400;

/// Datagrams of one minute: from whom, to which host of ours, how many, over how many flows, how long each is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Burst {
    from: [u8; 4],
    to: u8,
    packets: u32,
    flows: u16,
    length: u16,
}

/// `packets` short datagrams of one flow.
pub(super) const fn burst(from: [u8; 4], packets: u32) -> Burst {
    Burst {
        from,
        to: 5,
        packets,
        flows: 1,
        length: 28,
    }
}

pub(super) const NEIGHBOUR: [u8; 4] = [10, 20, 0, 9];
pub(super) const BACKUP: [u8; 4] = [10, 20, 0, 10];
const STRANGER: [u8; 4] = [198, 51, 100, 1];

/// More than 100 packets a minute toward one host.
pub(super) fn many_packets() -> Rule {
    Rule {
        name: "many-packets".to_owned(),
        metric: Metric::Packets,
        test: Test::Limit(Limit {
            value: 100.0,
            per: Duration::from_secs(60),
            warn_at: 1.0,
        }),
        ..test_data::rule()
    }
}

/// Packets toward one host against what is usual.
pub(super) fn unusual_packets() -> Rule {
    Rule {
        name: "unusual-packets".to_owned(),
        metric: Metric::Packets,
        test: Test::Baseline {
            above: true,
            below: true,
        },
        floor: 20.0,
        ..test_data::rule()
    }
}

fn when(rule: Rule, condition: Condition) -> Rule {
    let text = "as below".to_owned();
    let when = Some(When { text, condition });
    Rule {
        gates: Gates { when, ..rule.gates },
        ..rule
    }
}

fn gated(rule: Rule, gates: Gates) -> Rule {
    Rule { gates, ..rule }
}

/// An engine that has seen nothing.
pub(super) fn engine(config: Config) -> Engine {
    let networks: Vec<Prefix> = vec!["10.20.0.0/16".parse().unwrap()];
    let origins = Arc::new(Origins::new(Networks::new(&networks)));
    Engine::new(config, origins, 1).unwrap()
}

/// Plays minutes from `start` on.
fn play_from(start: i64, config: Config, minutes: &[Vec<Burst>]) -> Engine {
    let mut engine = engine(config);
    feed(&mut engine, start, minutes);
    engine.finish();
    engine
}

/// Shows an engine what happens in minutes from `start` on.
pub(super) fn feed(engine: &mut Engine, start: i64, minutes: &[Vec<Burst>]) {
    for (minute, bursts) in minutes.iter().enumerate() {
        let begin = Timestamp::from_secs(start + 60 * minute as i64);
        let mut frames = Vec::new();
        for burst in bursts {
            for n in 0..burst.packets {
                let at =
                    begin + Duration::from_nanos(59_000_000_000 / u64::from(burst.packets) * u64::from(n));
                frames.push((at, octets(burst, n)));
            }
        }
        frames.sort();
        for (at, octets) in &frames {
            let raw = RawPacket {
                at: *at,
                link: LinkType(101),
                octets,
                original_length: octets.len() as u32,
            };
            engine.observe(&raw).unwrap();
        }
    }
}

fn play(rule: Rule, minutes: &[Vec<Burst>]) -> Engine {
    let config = Config {
        rules: vec![rule],
        ..Config::default()
    };
    play_from(START, config, minutes)
}

fn octets(burst: &Burst, n: u32) -> Vec<u8> {
    let mut packet = vec![0; usize::from(burst.length)];
    packet[..10].copy_from_slice(&[0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17]);
    packet[2..4].copy_from_slice(&burst.length.to_be_bytes());
    packet[12..16].copy_from_slice(&burst.from);
    packet[16..20].copy_from_slice(&[10, 20, 0, burst.to]);
    let port = 40_000 + (n % u32::from(burst.flows)) as u16;
    packet[20..22].copy_from_slice(&port.to_be_bytes());
    packet[22..24].copy_from_slice(&53u16.to_be_bytes());
    packet[24..26].copy_from_slice(&(burst.length - 20).to_be_bytes());
    packet
}

/// `quiet` minutes of ordinary traffic, then `then`, then five more ordinary ones.
fn after(quiet: usize, then: &[Vec<Burst>]) -> Vec<Vec<Burst>> {
    let ordinary = vec![burst(NEIGHBOUR, 30)];
    let mut minutes = vec![ordinary.clone(); quiet];
    minutes.extend(then.iter().cloned());
    minutes.extend(vec![ordinary; 5]);
    minutes
}

/// The minutes in which anomalies of traffic began.
pub(super) fn fired(engine: &Engine) -> Vec<i64> {
    let all = engine.anomalies().into_iter();
    let all = all.filter(|a| a.kind != Kind::DataQuality);
    let mut minutes: Vec<i64> = all.map(|a| (a.started_at.as_secs() - START) / 60).collect();
    minutes.sort_unstable();
    minutes
}

/// What the first rule was kept from.
pub(super) fn held(engine: &Engine) -> Held {
    engine.rule_accounts()[0].held
}

fn compare(metric: Metric, per: Option<Metric>, than: Than, value: f64) -> Condition {
    Condition::Compare {
        metric,
        per,
        than,
        value,
    }
}

/// Plays a case that must fire in a minute and one that must not, which is then counted as held by conditions.
fn fires_and_not(rule: &Rule, right: &[Vec<Burst>], at: i64, wrong: &[Vec<Burst>]) {
    let right = play(rule.clone(), right);
    assert_eq!(fired(&right), [at], "must fire: {:?}", right.rule_accounts());
    assert_eq!((right.rule_accounts()[0].fired, held(&right).conditions), (1, 0));
    let wrong = play(rule.clone(), wrong);
    assert_eq!(fired(&wrong), NEVER, "must not fire: {:?}", wrong.rule_accounts());
    assert_eq!((wrong.rule_accounts()[0].fired, held(&wrong).conditions), (0, 1));
}

#[test]
fn a_floor_on_another_metric_must_be_reached() {
    let rule = when(
        many_packets(),
        compare(Metric::Bytes, None, Than::AtLeast, 50_000.0),
    );
    let long = Burst {
        length: 500,
        ..burst(STRANGER, 200)
    };
    fires_and_not(
        &rule,
        &after(3, &[vec![long]]),
        3,
        &after(3, &[vec![burst(STRANGER, 200)]]),
    );
}

#[test]
fn a_ratio_of_two_metrics_is_asked_when_the_interval_is_over() {
    let rule = when(
        many_packets(),
        compare(Metric::Bytes, Some(Metric::Packets), Than::Less, 100.0),
    );
    let long = Burst {
        length: 500,
        ..burst(STRANGER, 200)
    };
    let short = after(3, &[vec![burst(STRANGER, 200)]]);
    fires_and_not(&rule, &short, 3, &after(3, &[vec![long]]));
    let detected = |rule: Rule| play(rule, &short).anomalies()[0].detected_at.as_secs() - START;
    assert!(
        detected(many_packets()) < 240,
        "without a condition it is found early"
    );
    assert_eq!(detected(rule), 240);
}

#[test]
fn another_metric_must_be_above_its_own_baseline_or_below() {
    let sources = |n: u8| {
        (0..n)
            .map(|i| burst([198, 51, 100, i], 200 / u32::from(n)))
            .collect::<Vec<_>>()
    };
    let above = |factor| Condition::Baseline {
        metric: Metric::Sources,
        above: true,
        factor,
    };
    let (many, one) = (after(30, &[sources(40)]), after(30, &[sources(1)]));
    fires_and_not(&when(many_packets(), above(None)), &many, 30, &one);
    fires_and_not(
        &when(many_packets(), above(Some(5.0))),
        &many,
        30,
        &after(30, &[sources(2)]),
    );
    let below = Condition::Baseline {
        metric: Metric::Flows,
        above: false,
        factor: Some(0.5),
    };
    let flows = |flows, packets| Burst {
        flows,
        ..burst(NEIGHBOUR, packets)
    };
    let fewer = |then| {
        [
            vec![vec![flows(40, 40)]; 30],
            vec![vec![then]],
            vec![vec![flows(40, 40)]; 5],
        ]
        .concat()
    };
    fires_and_not(
        &when(many_packets(), below),
        &fewer(flows(5, 200)),
        30,
        &fewer(flows(40, 200)),
    );
}

#[test]
fn the_one_that_brings_the_most_must_have_come_up() {
    let rule = when(
        many_packets(),
        Condition::Top {
            dimension: Dimension::SrcIp,
            joins: true,
        },
    );
    let (new, known) = (vec![burst(STRANGER, 200)], vec![burst(NEIGHBOUR, 200)]);
    fires_and_not(&rule, &after(10, &[new]), 10, &after(10, &[known]));
}

#[test]
fn the_one_that_brought_the_most_must_have_gone() {
    let rule = when(
        many_packets(),
        Condition::Top {
            dimension: Dimension::SrcIp,
            joins: false,
        },
    );
    let (gone, there) = (
        vec![burst(BACKUP, 200)],
        vec![burst(BACKUP, 200), burst(NEIGHBOUR, 1)],
    );
    fires_and_not(&rule, &after(10, &[gone]), 10, &after(10, &[there]));
}

#[test]
fn a_rule_waits_until_so_many_of_the_newest_intervals_deviated() {
    let lasts = Condition::Lasts { least: 2, of: 3 };
    let (much, little) = (vec![burst(STRANGER, 200)], vec![burst(NEIGHBOUR, 30)]);
    let twice = after(3, &[much.clone(), little.clone(), much.clone()]);
    let once = after(3, &[much.clone(), little.clone(), little]);
    let rule = when(many_packets(), lasts.clone());
    let engine = play(rule.clone(), &twice);
    assert_eq!(fired(&engine), [3], "it began with the first of them");
    assert_eq!((engine.anomalies()[0].detected_at.as_secs() - START) / 60, 5);
    assert_eq!(fired(&play(rule.clone(), &once)), NEVER);
    // What deviated long before has nothing to do with it.
    let later = [once, after(10, &[much.clone(), much.clone()])].concat();
    assert_eq!(fired(&play(rule, &later)), [21]);
    // A baseline must not get used to what is waited for.
    let rule = when(unusual_packets(), lasts);
    let five = after(40, &vec![much.clone(); 5]);
    assert_eq!(fired(&play(rule.clone(), &five)), [40]);
    assert_eq!(fired(&play(rule, &after(40, &[much]))), NEVER);
}

#[test]
fn conditions_combine() {
    let bytes = |than, value| compare(Metric::Bytes, None, than, value);
    let both = Condition::All(vec![bytes(Than::More, 1000.0), bytes(Than::Less, 10_000.0)]);
    let either = Condition::Any(vec![bytes(Than::Less, 1000.0), bytes(Than::More, 10_000.0)]);
    let minutes = after(3, &[vec![burst(STRANGER, 200)]]);
    for (condition, fires) in [(both, true), (either, false)] {
        let opposite = Condition::Not(Box::new(condition.clone()));
        let found = |condition| fired(&play(when(many_packets(), condition), &minutes)).len();
        assert_eq!(found(condition), usize::from(fires));
        assert_eq!(found(opposite), usize::from(!fires));
    }
}

#[test]
fn nothing_opens_in_the_grace_after_the_start_and_what_lasts_longer_opens_then() {
    let grace = |minutes: u64| Gates {
        grace: Grace {
            tidemark: Duration::from_secs(60 * minutes),
            ..Grace::default()
        },
        ..Gates::default()
    };
    let much = vec![burst(STRANGER, 600)];
    let once = after(4, std::slice::from_ref(&much));
    let rule = |minutes| gated(many_packets(), grace(minutes));
    let engine = play(rule(10), &once);
    assert_eq!((fired(&engine), held(&engine).grace), (vec![], 1));
    assert_eq!(fired(&play(rule(3), &once)), [4]);
    let engine = play(rule(10), &after(4, &vec![much; 10]));
    assert_eq!((fired(&engine), held(&engine).grace), (vec![10], 1));
}

#[test]
fn a_host_that_is_back_from_a_long_silence_has_its_grace() {
    let rule = gated(
        many_packets(),
        Gates {
            grace: Grace {
                host: Duration::from_secs(5 * 60),
                ..Grace::default()
            },
            ..Gates::default()
        },
    );
    let other = Burst {
        to: 6,
        ..burst(NEIGHBOUR, 30)
    };
    // Host 5 speaks for five minutes, is silent for some, and is back with a burst that comes later or at once.
    let back = |silent: usize, later: usize| {
        let mut minutes = vec![vec![burst(NEIGHBOUR, 30), other]; 5];
        minutes.extend(vec![vec![other]; silent]);
        minutes.extend(vec![vec![burst(NEIGHBOUR, 30), other]; later]);
        minutes.push(vec![burst(STRANGER, 200), other]);
        minutes.push(vec![other]);
        let engine = play(rule.clone(), &minutes);
        (fired(&engine), held(&engine).grace)
    };
    assert_eq!(back(40, 0), (vec![], 1));
    assert_eq!(back(40, 4), (vec![], 1));
    assert_eq!(back(40, 5), (vec![50], 0));
    assert_eq!(back(20, 0), (vec![25], 0));
}

/// Eight to six on weekdays where clocks go by Central European time, by the rule in POSIX form.
fn office() -> Calendar {
    Calendar {
        name: "office".into(),
        zone: TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap(),
        week: Some(Hours {
            days: [true, true, true, true, true, false, false],
            hours: vec![(time(8, 0, 0, 0), time(18, 0, 0, 0))],
        }),
        holidays: vec![],
        windows: vec![],
    }
}

/// Whether a rule of these gates fires at an instant.
fn fires_at(calendar: Calendar, quiet: bool, gates: &Gates, at: &str) -> bool {
    let at: jiff::Timestamp = at.parse().unwrap();
    let config = Config {
        rules: vec![gated(many_packets(), gates.clone())],
        quiet: if quiet {
            vec![calendar.name.clone()]
        } else {
            vec![]
        },
        calendars: vec![calendar],
        ..Config::default()
    };
    let engine = play_from(
        at.as_second() - 180,
        config,
        &after(3, &[vec![burst(STRANGER, 200)]]),
    );
    let fires = !engine.anomalies().is_empty();
    assert_eq!(held(&engine).calendar, u64::from(!fires));
    fires
}

#[test]
fn a_rule_speaks_during_its_calendar_in_winter_and_summer() {
    let during = Gates {
        during: vec!["office".to_owned()],
        ..Gates::default()
    };
    let outside = Gates {
        outside: vec!["office".to_owned()],
        ..Gates::default()
    };
    // On both sides of both changes of 2026, half an hour after and before the office opens; a Saturday; Christmas.
    let instants = [
        ("2026-03-27T07:30:00Z", true),
        ("2026-03-27T06:30:00Z", false),
        ("2026-03-30T06:30:00Z", true),
        ("2026-03-30T05:30:00Z", false),
        ("2026-10-23T06:30:00Z", true),
        ("2026-10-26T06:30:00Z", false),
        ("2026-10-26T07:30:00Z", true),
        ("2026-10-24T08:30:00Z", false),
        ("2026-12-25T08:30:00Z", false),
    ];
    for (at, inside) in instants {
        let mut office = office();
        office.holidays = vec![Holiday::Yearly(12, 25)];
        assert_eq!(fires_at(office.clone(), false, &during, at), inside, "{at}");
        assert_eq!(fires_at(office, false, &outside, at), !inside, "{at}");
    }
}

#[test]
fn no_rule_speaks_in_a_maintenance_window() {
    let at = |secs| Timestamp::from_secs(START + secs);
    let maintenance = Calendar {
        week: None,
        windows: vec![Window::Once(at(-600), at(0))],
        ..office()
    };
    let fires = |at| fires_at(maintenance.clone(), true, &Gates::default(), at);
    assert!(!fires("2026-03-02T07:59:00Z"));
    assert!(fires("2026-03-02T08:00:00Z"));
}

fn except(filter: &str, until: Option<i64>) -> Gates {
    let exception = Exception {
        filter: filter.to_owned(),
        until: until.map(|minute| Timestamp::from_secs(START + 60 * minute)),
        why: "nightly backup".to_owned(),
        rules: vec![],
    };
    Gates {
        except: vec![exception],
        ..Gates::default()
    }
}

#[test]
fn excused_traffic_opens_nothing_and_hides_nothing_else() {
    let backup = burst(BACKUP, 300);
    let play = |gates: &Gates, bursts: &[Burst]| {
        let engine = play(
            gated(many_packets(), gates.clone()),
            &after(5, &[bursts.to_vec()]),
        );
        (fired(&engine), held(&engine).exceptions)
    };
    let gates = except("src host 10.20.0.10", None);
    assert_eq!(play(&gates, &[backup]), (vec![], 1));
    assert_eq!(play(&gates, &[burst(STRANGER, 300)]), (vec![5], 0));
    assert_eq!(play(&gates, &[backup, burst(STRANGER, 150)]), (vec![5], 0));
    assert_eq!(play(&gates, &[backup, burst(STRANGER, 50)]), (vec![], 1));
    // Until its time has come; the minute it ends in is outside.
    assert_eq!(
        play(&except("src host 10.20.0.10", Some(6)), &[backup]),
        (vec![], 1)
    );
    assert_eq!(
        play(&except("src host 10.20.0.10", Some(5)), &[backup]),
        (vec![5], 0)
    );
    // An exception may name the entity itself; one for everybody else names nobody.
    assert_eq!(play(&except("dst host 10.20.0.5", None), &[backup]), (vec![], 1));
    assert_eq!(play(&except("dst host 10.20.0.6", None), &[backup]), (vec![5], 0));
    assert_eq!(
        play(&except("not host 10.20.0.10", None), &[backup]),
        (vec![5], 0)
    );
}

#[test]
fn an_exception_for_all_is_for_the_rules_it_names() {
    let fires = |rules: &[&str]| {
        let exception = Exception {
            rules: rules.iter().map(|rule| (*rule).to_owned()).collect(),
            ..except("src host 10.20.0.10", None).except.remove(0)
        };
        let config = Config {
            rules: vec![many_packets()],
            exceptions: vec![exception],
            ..Config::default()
        };
        let engine = play_from(START, config, &after(5, &[vec![burst(BACKUP, 300)]]));
        fired(&engine) == [5]
    };
    assert!(!fires(&[]) && !fires(&["many-packets"]) && fires(&["another"]));
}

#[test]
fn a_dip_is_excused_where_the_exception_names_who_falls_silent() {
    let other = Burst {
        to: 6,
        ..burst(NEIGHBOUR, 60)
    };
    let mut minutes = vec![vec![burst(NEIGHBOUR, 60), other]; 60];
    minutes.extend(vec![vec![other]; 20]);
    let found = |gates: Gates| {
        let engine = play(gated(unusual_packets(), gates), &minutes);
        let all = engine.anomalies();
        assert!(all.iter().all(|a| a.direction == Direction::Below));
        all.len()
    };
    assert_eq!(found(Gates::default()), 1);
    assert_eq!(found(except("dst host 10.20.0.5", None)), 0);
    assert_eq!(found(except("src host 10.20.0.9", None)), 1);
}

#[test]
fn a_rule_in_shadow_is_judged_and_counted_and_changes_nothing_for_the_others() {
    let much = vec![burst(STRANGER, 400)];
    let minutes = after(40, &vec![much; 4]);
    let real = || unusual_packets();
    let shadow = |rule: Rule| {
        let gates = Gates {
            shadow: true,
            ..Gates::default()
        };
        let name = format!("shadow-{}", rule.name);
        gated(Rule { name, ..rule }, gates)
    };
    let run = |rules: Vec<Rule>| {
        let config = Config {
            rules,
            ..Config::default()
        };
        play_from(START, config, &minutes)
    };
    let alone = run(vec![real()]);
    let lower = Rule {
        floor: 1.0,
        dimensions: vec![Dimension::SrcIp],
        ..real()
    };
    let beside = run(vec![real(), shadow(many_packets()), shadow(lower)]);
    let (shadowed, others): (Vec<_>, Vec<_>) = beside.anomalies().into_iter().partition(|a| a.shadow);
    assert_eq!(others, alone.anomalies());
    assert_eq!(others.len(), 1);
    assert!(!shadowed.is_empty());
    assert!(shadowed.iter().all(|a| a.incident != others[0].incident));
    let accounts = beside.rule_accounts();
    assert_eq!(accounts[0], alone.rule_accounts()[0]);
    let shadows: u64 = accounts.iter().map(|a| a.shadowed).sum();
    assert_eq!((shadows, accounts[1].fired), (shadowed.len() as u64, 0));
}

#[test]
fn what_would_have_opened_while_it_only_learns_is_counted() {
    let config = Config {
        rules: vec![many_packets()],
        learn: Duration::from_secs(600),
        ..Config::default()
    };
    let engine = play_from(START, config, &after(4, &[vec![burst(STRANGER, 200)]]));
    assert_eq!((fired(&engine), held(&engine).learning), (vec![], 1));
}

#[test]
fn days_and_weeks_are_learned_by_the_clock_of_the_zone() {
    let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
    let judge = |zone: TimeZone| {
        let config = Config {
            rules: vec![unusual_packets()],
            zone,
            ..Config::default()
        };
        Judge::new(Arc::new(config), Arc::default(), 1).unwrap()
    };
    let shown = |zone: &TimeZone, at: &str| {
        let at: jiff::Timestamp = at.parse().unwrap();
        judge(zone.clone())
            .local(Timestamp::from_secs(at.as_second()))
            .to_string()
    };
    assert_eq!(shown(&zone, "2026-03-27T07:30:00Z"), "2026-03-27T08:30:00Z");
    assert_eq!(shown(&zone, "2026-03-30T06:30:00Z"), "2026-03-30T08:30:00Z");
    assert_eq!(
        shown(&TimeZone::UTC, "2026-03-30T06:30:00Z"),
        "2026-03-30T06:30:00Z"
    );
    // What was learned by another clock is not carried on.
    let minutes = after(30, &[]);
    let learned = play(unusual_packets(), &minutes).snapshot();
    let entities = |zone| {
        let mut judge = judge(zone);
        let copy = postcard::to_allocvec(&learned).unwrap();
        judge.restore(postcard::from_bytes(&copy).unwrap()).unwrap();
        judge.stats().watched[0].with_baselines
    };
    assert_eq!((entities(TimeZone::UTC), entities(zone)), (1, 0));
}

#[test]
fn a_calendar_that_is_not_there_is_named() {
    let gates = Gates {
        during: vec!["office".to_owned()],
        ..Gates::default()
    };
    let config = Config {
        rules: vec![gated(many_packets(), gates)],
        ..Config::default()
    };
    let refused = Engine::new(config, Arc::default(), 1).unwrap_err().to_string();
    assert_eq!(refused, "rule `many-packets`: there is no calendar `office`");
}

/// NetFlow v5 with one record: when, milliseconds since the exporter started, number, and packets toward host 5.
fn netflow(at: i64, uptime: u32, sequence: u32, packets: u32) -> Vec<u8> {
    let mut out = [5u16.to_be_bytes(), 1u16.to_be_bytes()].concat();
    for word in [uptime, at as u32, 0, sequence, 0] {
        out.extend(word.to_be_bytes());
    }
    out.extend(STRANGER);
    out.extend([10, 20, 0, 5]);
    out.extend([0; 8]);
    for word in [packets, packets * 60, uptime, uptime] {
        out.extend(word.to_be_bytes());
    }
    out.extend([0x9c, 0x40, 0, 53, 0, 0, 17, 0]);
    out.extend([0; 8]);
    out
}

#[test]
fn an_exporter_that_began_anew_has_its_grace_unless_it_is_a_small_one() {
    let gates = Gates {
        grace: Grace {
            exporter: Duration::from_secs(5 * 60),
            ..Grace::default()
        },
        ..Gates::default()
    };
    // A large exporter tells every ten seconds, a small one every five minutes; one of them begins anew after twenty
    // minutes. Much comes so many minutes later.
    let run = |small: bool, later: i64| {
        let config = Config {
            rules: vec![gated(many_packets(), gates.clone())],
            collecting: crate::collect::Config {
                lateness: Duration::from_secs(10),
                ..Default::default()
            },
            ..Config::default()
        };
        let mut engine = Engine::new(config, Arc::default(), 1).unwrap();
        for n in 0..360 {
            let seconds = 10 * n;
            let peak = seconds == 60 * (20 + later) + 20;
            for (exporter, tells) in [(false, true), (true, n % 30 == 0)] {
                let began = if exporter == small && seconds >= 1200 {
                    1200
                } else {
                    -10_000
                };
                let uptime = (seconds - began) as u32 * 1000 + 1;
                let packets = if peak && !exporter { 300 } else { 1 };
                let octets = netflow(
                    START + seconds,
                    uptime,
                    if exporter { n / 30 } else { n } as u32,
                    packets,
                );
                if tells {
                    engine.collect(&ExportMessage {
                        at: Timestamp::from_secs(START + seconds),
                        exporter: Ip::v4(0xc000_0201 + u32::from(exporter)),
                        source_port: 5000,
                        collector_port: 2055,
                        transport: crate::model::Transport::Udp,
                        octets: &octets,
                    });
                }
            }
        }
        engine.finish();
        (fired(&engine), held(&engine).grace)
    };
    assert_eq!(run(false, 2), (vec![], 1));
    assert_eq!(run(false, 8), (vec![28], 0));
    assert_eq!(run(true, 2), (vec![22], 0));
}

#[test]
fn the_grace_of_an_exporter_is_for_what_it_tells_of() {
    let gates = Gates {
        grace: Grace {
            exporter: Duration::from_secs(5 * 60),
            ..Grace::default()
        },
        ..Gates::default()
    };
    let config = Config {
        rules: vec![gated(many_packets(), gates)],
        collecting: crate::collect::Config {
            lateness: Duration::from_secs(10),
            ..Default::default()
        },
        ..Config::default()
    };
    let mut engine = Engine::new(config, Arc::default(), 1).unwrap();
    // Two exporters as large as each other tell of a host each; the first begins anew after twenty minutes. Both hosts
    // get much two minutes later.
    for n in 0..180i64 {
        let seconds = 10 * n;
        for exporter in [0u8, 1] {
            let anew = exporter == 0 && seconds >= 1200;
            let uptime = (seconds - if anew { 1200 } else { -10_000 }) as u32 * 1000 + 1;
            let packets = if seconds == 60 * 22 + 20 { 300 } else { 1 };
            let mut octets = netflow(START + seconds, uptime, n as u32, packets);
            // The destination of the record (24 octets of header, 4 of source).
            octets[31] = 5 + exporter;
            engine.collect(&ExportMessage {
                at: Timestamp::from_secs(START + seconds),
                exporter: Ip::v4(0xc000_0201 + u32::from(exporter)),
                source_port: 5000,
                collector_port: 2055,
                transport: crate::model::Transport::Udp,
                octets: &octets,
            });
        }
    }
    engine.finish();
    let found: Vec<Ip> = engine
        .anomalies()
        .iter()
        .flat_map(|a| a.entity.addresses())
        .collect();
    assert_eq!(
        (found, held(&engine).grace),
        (vec!["10.20.0.6".parse().unwrap()], 1)
    );
}

/// What a rule finds in a drill of half an hour.
fn drilled(scenario: crate::drill::Scenario, rule: Rule) -> Engine {
    let networks: Vec<Prefix> = vec!["10.20.0.0/16".parse().unwrap()];
    let config = Config {
        rules: vec![rule],
        ..Config::default()
    };
    let mut engine = Engine::new(config, Arc::new(Origins::new(Networks::new(&networks))), 1).unwrap();
    super::test_data::feed(&mut engine, scenario, 60, 0..0);
    engine
}

#[test]
fn a_scan_may_have_conditions_asked_at_once_or_at_the_close() {
    let scan = Rule {
        name: "scan".to_owned(),
        dimensions: vec![Dimension::SrcIp],
        metric: Metric::Failed,
        test: Test::Scan,
        ..test_data::rule()
    };
    let found = |rule: Rule| {
        let engine = drilled(crate::drill::Scenario::ScanHorizontal, rule);
        (engine.anomalies().len(), held(&engine).conditions)
    };
    let (alone, none) = found(scan.clone());
    assert!(alone > 0 && none == 0);
    let wide = |least| compare(Metric::Destinations, None, Than::AtLeast, least);
    assert_eq!(found(when(scan.clone(), wide(10.0))), (alone, 0));
    assert_eq!(found(when(scan.clone(), wide(1e9))).0, 0);
    let mostly = |least| compare(Metric::Failed, Some(Metric::Flows), Than::More, least);
    assert_eq!(found(when(scan.clone(), mostly(0.5))), (alone, 0));
    let (never, counted) = found(when(scan, mostly(1.5)));
    assert!(never == 0 && counted > 0);
}

#[test]
fn a_new_host_may_be_excused() {
    let rule = Rule {
        name: "stranger".to_owned(),
        dimensions: vec![Dimension::Host],
        metric: Metric::Sources,
        test: Test::NewHost,
        ..test_data::rule()
    };
    let scenario = crate::drill::Scenario::Stranger;
    let engine = drilled(scenario, rule.clone());
    let all = engine.anomalies();
    let hosts: Vec<Ip> = all.iter().flat_map(|a| a.entity.addresses()).collect();
    assert!(!hosts.is_empty());
    let names: Vec<String> = hosts.iter().map(|host| format!("host {host}")).collect();
    let excused = drilled(scenario, gated(rule, except(&names.join(" or "), None)));
    assert_eq!(excused.anomalies(), []);
    assert_eq!(held(&excused).exceptions, all.len() as u64);
}
