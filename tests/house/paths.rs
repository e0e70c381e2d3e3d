//! The paths a file names (`use` trees and paths in expressions), resolved to whole ones.

use crate::text::{Source, Token, ahead};
use std::collections::{BTreeMap, BTreeSet};

/// One path as a file names it.
#[derive(Debug, PartialEq)]
pub struct Named {
    /// Whole: begins with `crate` or with the name of another crate; ends with `*` for a glob.
    pub path: Vec<String>,
    /// Offset of its first word.
    pub at: usize,
}

/// Every path of at least two segments in `source`, imports first.
pub fn named(source: &Source) -> Vec<Named> {
    let tokens = source.tokens();
    let homes = modules(source, &tokens);
    let mut found = Vec::new();
    let mut aliases = BTreeMap::new();
    let mut imported = BTreeSet::new();
    for i in (0..tokens.len()).filter(|&i| tokens[i].text == "use") {
        // `use<'a>` captures lifetimes and imports nothing.
        if ahead(&tokens, i + 1, 1) != ["<"] {
            let mut tree = UseTree {
                tokens: &tokens,
                home: &homes[i],
                found: &mut found,
                aliases: &mut aliases,
            };
            let end = tree.read(i + 1, &[]);
            imported.extend(i..end);
        }
    }
    for i in (0..tokens.len()).filter(|i| !imported.contains(i) && begins_path(&tokens, *i)) {
        let words = words_of(&tokens, i);
        if words.len() > 1 {
            let path = whole(words, &homes[i], &aliases);
            found.push(Named {
                path,
                at: tokens[i].at,
            });
        }
    }
    found
}

/// For each token the module it stands in, from the root of the crate.
fn modules(source: &Source, tokens: &[Token]) -> Vec<Vec<String>> {
    let mut home: Vec<String> = home_of(&source.path);
    let (mut depth, mut opened) = (0, Vec::new());
    let mut homes = Vec::with_capacity(tokens.len());
    for (i, token) in tokens.iter().enumerate() {
        homes.push(home.clone());
        match token.text {
            "{" => {
                depth += 1;
                if i >= 2 && tokens[i - 2].text == "mod" {
                    home.push(tokens[i - 1].text.to_string());
                    opened.push(depth);
                }
            }
            "}" => {
                if opened.last() == Some(&depth) {
                    opened.pop();
                    home.pop();
                }
                depth -= 1;
            }
            _ => {}
        }
    }
    homes
}

/// `src/meter/cache.rs` is `meter::cache`; `src/meter/mod.rs` and `src/meter.rs` are `meter`.
fn home_of(path: &str) -> Vec<String> {
    let inner = path.trim_start_matches("src/").trim_end_matches(".rs");
    let mut home: Vec<_> = inner.split('/').map(str::to_string).collect();
    if matches!(home.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        home.pop();
    }
    home
}

/// Reads one `use` declaration.
struct UseTree<'a> {
    tokens: &'a [Token<'a>],
    home: &'a [String],
    found: &'a mut Vec<Named>,
    aliases: &'a mut BTreeMap<String, Vec<String>>,
}

impl UseTree<'_> {
    /// Reads the tree that begins at `i` below `prefix`; returns the index of what follows it.
    fn read(&mut self, mut i: usize, prefix: &[String]) -> usize {
        let start = i;
        let mut path = prefix.to_vec();
        loop {
            match self.tokens.get(i).map(|t| t.text) {
                Some("{") => return self.group(i + 1, &path),
                Some("::") => i += 1,
                Some("as") => {
                    self.leaf(start, path, ahead(self.tokens, i + 1, 1).first().copied());
                    return i + 2;
                }
                Some("," | "}" | ";") | None => {
                    self.leaf(start, path, None);
                    return i;
                }
                Some(word) => {
                    path.push(word.to_string());
                    i += 1;
                }
            }
        }
    }

    /// Reads `a, b::c, ...}` from `i` on.
    fn group(&mut self, mut i: usize, prefix: &[String]) -> usize {
        while let Some(token) = self.tokens.get(i) {
            match token.text {
                "}" => return i + 1,
                "," => i += 1,
                _ => i = self.read(i, prefix),
            }
        }
        i
    }

    fn leaf(&mut self, start: usize, mut path: Vec<String>, alias: Option<&str>) {
        if path.len() > 1 && path.last().is_some_and(|s| s == "self") {
            path.pop();
        }
        let path = whole(path, self.home, &BTreeMap::new());
        if let Some(name) = alias.map(str::to_string).or(path.last().cloned()) {
            self.aliases.insert(name, path.clone());
        }
        let at = self.tokens.get(start).map_or(0, |t| t.at);
        self.found.push(Named { path, at });
    }
}

/// Whether a path that is no `use` tree begins at `i`: a word not reached through `.` or `::`.
fn begins_path(tokens: &[Token], i: usize) -> bool {
    let before = |n: usize| i.checked_sub(n).map_or("", |i| tokens[i].text);
    let joined = before(1) == "::" && (before(2) == ">" || i >= 2 && tokens[i - 2].is_word());
    tokens[i].is_word() && before(1) != "." && !joined
}

/// The words of the path that begins at `i`.
fn words_of(tokens: &[Token], i: usize) -> Vec<String> {
    let mut words = vec![tokens[i].text.to_string()];
    let mut next = i + 1;
    while ahead(tokens, next, 1) == ["::"] && tokens.get(next + 1).is_some_and(Token::is_word) {
        words.push(tokens[next + 1].text.to_string());
        next += 2;
    }
    words
}

/// Makes a path whole: `self`, `super`, imported names, and the two other names of the standard library.
fn whole(mut path: Vec<String>, home: &[String], aliases: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let ups = path.iter().take_while(|s| *s == "super" || *s == "self").count();
    if ups > 0 {
        let supers = path[..ups].iter().filter(|s| *s == "super").count();
        let kept = home.len().saturating_sub(supers);
        let rest = path.split_off(ups);
        return [vec!["crate".to_string()], home[..kept].to_vec(), rest].concat();
    }
    if let Some(known) = path.first().and_then(|first| aliases.get(first)) {
        path.splice(..1, known.iter().cloned());
    }
    if let Some(first) = path.first_mut() {
        match first.as_str() {
            "core" | "alloc" => *first = "std".to_string(),
            "tidemark" => *first = "crate".to_string(),
            _ => {}
        }
    }
    path
}

/// The paths of a file as text.
#[cfg(test)]
fn spelled(path: &str, code: &str) -> Vec<String> {
    named(&Source::new(path, code))
        .iter()
        .map(|n| n.path.join("::"))
        .collect()
}

#[test]
fn use_trees_are_flattened_and_names_resolved() {
    let code = "use std::{fs as disk, collections::{self, HashMap}, time::*};\nuse super::{super::wire, *};\n\
                fn f() { disk::read(x); collections::HashSet::new(); ::core::mem::swap(); a.b::<C>(); }";
    assert_eq!(
        spelled("src/meter/cache.rs", code),
        [
            "std::fs",
            "std::collections",
            "std::collections::HashMap",
            "std::time::*",
            "crate::wire",
            "crate::meter::*",
            "std::fs::read",
            "std::collections::HashSet::new",
            "std::mem::swap",
        ]
    );
}

#[test]
fn super_knows_how_deep_it_stands() {
    let code = "mod inner { fn f() { super::g(); super::super::h(); } } fn i() { super::j(); self::k(); }";
    assert_eq!(
        spelled("src/meter.rs", code),
        ["crate::meter::g", "crate::h", "crate::j", "crate::meter::k"]
    );
}
