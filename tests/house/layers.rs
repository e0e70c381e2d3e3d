//! Imports only go down: which room stands on which floor, and who may call whom.

use crate::Breach;
use crate::paths;
use crate::text::Source;

/// The house, ground floor first. A new room gets its floor here and its line in ARCHITECTURE.md.
const HOUSE: [&[&str]; 6] = [
    &["model"],
    &["wire"],
    &[
        "meter",
        "collect",
        "enrich",
        "filter",
        "aggregate",
        "detect",
        "anomaly",
        "drill",
        "life",
        "dispatch",
    ],
    &["engine", "query"],
    &["input", "store", "notify", "report", "web"],
    &["cli", "app", "config", "main"],
];

/// The top floor, where rooms know each other.
const TOP: usize = HOUSE.len() - 1;

/// The highest floor that is pure.
pub const PURE: usize = 3;

/// The room a file belongs to: the first folder or file name below `src/`.
pub fn room(path: &str) -> &str {
    let inner = path.trim_start_matches("src/");
    inner.split('/').next().unwrap_or(inner).trim_end_matches(".rs")
}

/// The floor of a room.
pub fn floor(room: &str) -> Option<usize> {
    HOUSE.iter().position(|rooms| rooms.contains(&room))
}

/// Whether code of `from` may name things of `to`. Tests may also use their neighbours, to make their input.
fn allowed(from: &str, to: &str, in_test: bool) -> bool {
    let (Some(here), Some(there)) = (floor(from), floor(to)) else {
        return false;
    };
    let neighbours =
        here == there && (in_test || here == TOP || matches!((from, to), ("web" | "notify", "store")));
    from == to || there < here || neighbours
}

/// Names every import that goes sideways, up, or nowhere known.
pub fn check(source: &Source) -> Vec<Breach> {
    let from = room(&source.path);
    if from == "lib" {
        return vec![];
    }
    if floor(from).is_none() {
        let what = format!("the room `{from}` has no floor: give it one in tests/house/layers.rs");
        return vec![Breach::new(&source.path, 1, what)];
    }
    let mut breaches = Vec::new();
    for named in paths::named(source) {
        let [first, to, ..] = &named.path[..] else {
            continue;
        };
        if first == "crate" && !allowed(from, to, source.is_test(named.at)) {
            let what = format!("`{}`: {}", named.path.join("::"), why(from, to));
            breaches.push(Breach::new(&source.path, source.line(named.at), what));
        }
    }
    breaches
}

fn why(from: &str, to: &str) -> String {
    match (floor(from), floor(to)) {
        (Some(here), Some(there)) if here == there => {
            format!("`{from}` and `{to}` are strangers on L{here}; let a higher layer join them")
        }
        (Some(here), Some(there)) => {
            format!("`{from}` is on L{here} and must not look up to `{to}` on L{there}")
        }
        _ => format!("`{to}` is no room of the house; name the room, not a re-export"),
    }
}

/// What `check` says of `code` in the file `path`.
#[cfg(test)]
fn said(path: &str, code: &str) -> Vec<usize> {
    check(&Source::new(path, code)).iter().map(|b| b.line).collect()
}

#[test]
fn looking_up_or_sideways_is_noticed_however_it_is_written() {
    for line in [
        "use crate::engine::Judge;",
        "use crate::{model::Ip, filter};",
        "use super::super::detect::Score;",
        "fn f(x: crate::report::Html) {}",
        "use crate::aggregate as a;",
        "use tidemark::cli;",
        "use crate::*;",
        "use crate::Ip;",
        "pub use crate::unheard_of::X;",
    ] {
        assert_eq!(
            said("src/meter/cache.rs", &format!("//! x\n{line}")),
            [2],
            "{line}"
        );
    }
}

#[test]
fn looking_down_or_within_the_room_is_fine() {
    let code = "use crate::model::Ip; use crate::wire; use crate::meter::key; use super::key::Key; use self::x::Y;\n\
                // use crate::engine;\nconst A: &str = \"crate::engine::B\"; pub(crate) fn f() { std::mem::drop(1) }";
    assert_eq!(said("src/meter/cache.rs", code), [0; 0]);
    assert_eq!(said("src/web/mod.rs", "use crate::store;"), [0; 0]);
    assert_eq!(said("src/main.rs", "use tidemark::{app, cli};"), [0; 0]);
    assert_eq!(said("src/lib.rs", "pub use crate::model::Ip;"), [0; 0]);
}

#[test]
fn edges_are_strangers_too() {
    assert_eq!(said("src/report/mod.rs", "use crate::input;"), [1]);
    assert_eq!(said("src/store.rs", "use crate::web;"), [1]);
    assert_eq!(said("src/input.rs", "use crate::config::Config;"), [1]);
}

#[test]
fn tests_may_use_neighbours_but_not_look_up() {
    let code = "#[cfg(test)]\nmod tests {\nuse crate::drill;\nuse crate::engine;\nuse super::*;\n}";
    assert_eq!(said("src/meter/mod.rs", code), [4]);
}

#[test]
fn a_room_without_a_floor_is_noticed() {
    assert_eq!(said("src/attic/mod.rs", ""), [1]);
}
