//! What L0-L3 must not hold: clocks, files, sockets, threads, environment, chance, printing and panics.

use crate::Breach;
use crate::layers;
use crate::paths;
use crate::text::{Source, Token, ahead};

/// Paths that pure code must not name, and why.
const IMPURE: [(&str, &str); 25] = [
    ("std::time::Instant", "a clock; take `at: Timestamp`"),
    ("std::time::SystemTime", "a clock; take `at: Timestamp`"),
    ("jiff::Timestamp::now", "a clock; take `at: Timestamp`"),
    ("jiff::Zoned::now", "a clock; take `at: Timestamp`"),
    (
        "jiff::tz::TimeZone::system",
        "reads the environment; take the zone",
    ),
    ("std::fs", "a file; take octets"),
    ("std::io::stdin", "a file; take octets"),
    ("std::io::stdout", "printing; return text"),
    ("std::io::stderr", "printing; return text"),
    ("maxminddb::Reader::open_readfile", "a file; take octets"),
    ("maxminddb::Reader::open_mmap", "a file; take octets"),
    ("std::net::TcpStream", "a socket"),
    ("std::net::TcpListener", "a socket"),
    ("std::net::UdpSocket", "a socket"),
    ("std::os", "the operating system"),
    ("std::process", "the operating system"),
    ("std::thread", "a thread; the caller decides"),
    ("std::sync::mpsc", "a thread's channel; return values"),
    ("std::env", "the environment; take a value"),
    (
        "std::collections::HashMap",
        "unseeded; use hashbrown with a given seed, or BTreeMap",
    ),
    (
        "std::collections::HashSet",
        "unseeded; use hashbrown with a given seed, or BTreeSet",
    ),
    ("std::hash::RandomState", "unseeded; take the seed"),
    (
        "foldhash::fast::RandomState",
        "unseeded; use `FixedState` or `SeedableRandomState`",
    ),
    (
        "foldhash::quality::RandomState",
        "unseeded; use `FixedState` or `SeedableRandomState`",
    ),
    ("tokio", "threads, sockets and clocks"),
];

/// Modules whose contents are reached under other names too.
const ALSO: [(&str, &str); 2] = [
    (
        "std::collections::hash_map",
        "unseeded; use hashbrown with a given seed, or BTreeMap",
    ),
    (
        "std::collections::hash_set",
        "unseeded; use hashbrown with a given seed, or BTreeSet",
    ),
];

/// Macros that print or panic.
const LOUD: [&str; 9] = [
    "print",
    "println",
    "eprint",
    "eprintln",
    "dbg",
    "panic",
    "todo",
    "unimplemented",
    "unreachable",
];

/// Methods that panic.
const PANICKING: [&str; 4] = ["unwrap", "expect", "unwrap_err", "expect_err"];

/// Names everything impure in a file of L0-L3, outside its tests.
pub fn check(source: &Source) -> Vec<Breach> {
    if layers::floor(layers::room(&source.path)).is_none_or(|floor| floor > layers::PURE) {
        return vec![];
    }
    let mut found = impure_paths(source);
    found.extend(loud_calls(source));
    found.retain(|(at, _)| !source.is_test(*at));
    found.sort();
    found.dedup_by_key(|(at, _)| *at);
    let breach = |(at, what)| Breach::new(&source.path, source.line(at), what);
    found.into_iter().map(breach).collect()
}

fn impure_paths(source: &Source) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for named in paths::named(source) {
        let path = named.path.join("::");
        if let Some((_, why)) = IMPURE
            .iter()
            .chain(&ALSO)
            .find(|(impure, _)| reaches(&path, impure))
        {
            found.push((named.at, format!("`{path}` is {why}")));
        }
    }
    found
}

/// Whether `path` is `impure`, lies inside it, or is a glob that brings it in.
fn reaches(path: &str, impure: &str) -> bool {
    let inside = |path: &str, outer: &str| {
        path.strip_prefix(outer)
            .is_some_and(|r| r.is_empty() || r.starts_with("::"))
    };
    inside(path, impure) || path.strip_suffix("::*").is_some_and(|stem| inside(impure, stem))
}

fn loud_calls(source: &Source) -> Vec<(usize, String)> {
    let tokens = source.tokens();
    let loud = |i: usize| {
        let name = tokens[i].text;
        let what = match &ahead(&tokens, i + 1, 2)[..] {
            ["!", next] if LOUD.contains(&name) && *next != "=" => format!("`{name}!` prints or panics"),
            ["(" | ")" | ",", ..] if PANICKING.contains(&name) && reached(&tokens, i) => {
                format!("`{name}` panics; return the error, or give a default")
            }
            _ => return None,
        };
        Some((tokens[i].at, what))
    };
    (0..tokens.len()).filter_map(loud).collect()
}

/// Whether the word at `i` is a method or an associated function.
fn reached(tokens: &[Token], i: usize) -> bool {
    i > 0 && matches!(tokens[i - 1].text, "." | "::")
}

/// Names every `sleep` in the tests of a file; all of a file under `tests/` is test.
pub fn sleeping_tests(source: &Source) -> Vec<Breach> {
    let tokens = source.tokens();
    let all = source.path.starts_with("tests/");
    (0..tokens.len())
        .filter(|&i| ahead(&tokens, i, 2) == ["sleep", "("] && (all || source.is_test(tokens[i].at)))
        .map(|i| Breach::new(&source.path, source.line(tokens[i].at), "a test sleeps"))
        .collect()
}

#[test]
fn every_impurity_is_noticed_in_pure_layers_only() {
    let mut lines: Vec<String> = IMPURE
        .iter()
        .chain(&ALSO)
        .map(|(path, _)| format!("use {path};"))
        .collect();
    lines.extend(LOUD.map(|name| format!("fn f() {{ {name}!(\"x\"); }}")));
    lines.extend(PANICKING.map(|name| format!("fn f() {{ g().{name}(); }}")));
    lines.extend(
        [
            "use std::{fmt, thread};",
            "use std::time::{Duration, Instant};",
            "use std::time::*;",
            "use std::*;",
            "use std::collections; type A = collections::HashMap<u8, u8>;",
            "fn f() { std::thread::spawn(g); }",
            "fn f() { let x: Option<u8> = y; x\n.unwrap (); }",
            "fn f() { g.map(Result::unwrap); }",
            "use jiff::Zoned; fn f() { Zoned::now(); }",
        ]
        .map(str::to_string),
    );
    for line in lines {
        assert_eq!(check(&Source::new("src/engine/x.rs", &line)).len(), 1, "{line}");
        assert_eq!(
            check(&Source::new("src/input/x.rs", &line)).len(),
            0,
            "L4 may: {line}"
        );
    }
}

#[test]
fn pure_code_and_its_tests_pass() {
    let code = "//! `std::fs` and println! are only spoken of.\nuse std::time::Duration;\nuse std::collections::BTreeMap;\n\
                use std::net::IpAddr;\nuse hashbrown::HashMap;\nfn f() { g.unwrap_or(\"panic!()\"); a.expectation(); }\n\
                fn h() { if panic != 1 { expect(2) } }\n\
                #[cfg(test)]\nmod tests { use std::fs; #[test] fn t() { println!(\"{}\", fs::read(x).unwrap()); } }";
    assert_eq!(check(&Source::new("src/wire/x.rs", code)), []);
}

#[test]
fn a_sleeping_test_is_noticed() {
    let code = "fn pace() { std::thread::sleep(t); }\n#[cfg(test)]\nmod tests { fn f() { sleep(t); } }";
    assert_eq!(sleeping_tests(&Source::new("src/app.rs", code)).len(), 1);
    assert_eq!(sleeping_tests(&Source::new("tests/app.rs", code)).len(), 2);
}
