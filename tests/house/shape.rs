//! The shape of files and functions: how they begin, how long they may be, and one word they must not contain.

use crate::Breach;
use crate::text::{Source, Token, closing};

/// Most lines of a file, its test code left out.
const FILE: usize = 400;

/// Most lines of a function, from `fn` to its closing brace.
const FUNCTION: usize = 70;

/// Names a file that is too long without its tests.
pub fn long_file(source: &Source) -> Vec<Breach> {
    let mut at = 0;
    let mut lines = 0;
    for line in source.raw.split_inclusive('\n') {
        lines += usize::from(!source.is_test(at));
        at += line.len();
    }
    let what = format!("{lines} lines before its tests, {FILE} are allowed");
    if lines > FILE {
        vec![Breach::new(&source.path, FILE + 1, what)]
    } else {
        vec![]
    }
}

/// Names every function that is too long, tests included.
pub fn long_functions(source: &Source) -> Vec<Breach> {
    let tokens = source.tokens();
    let mut breaches = Vec::new();
    for i in 0..tokens.len() {
        if tokens[i].text != "fn" || !tokens.get(i + 1).is_some_and(|name| name.is_word()) {
            continue;
        }
        let Some(end) = body_end(&tokens, i + 2) else {
            continue;
        };
        let (first, last) = (source.line(tokens[i].at), source.line(tokens[end - 1].at));
        let lines = last + 1 - first;
        if lines > FUNCTION {
            let what = format!(
                "`{}` has {lines} lines, {FUNCTION} are allowed",
                tokens[i + 1].text
            );
            breaches.push(Breach::new(&source.path, first, what));
        }
    }
    breaches
}

/// The index after the body of the function whose signature goes on at `i`; `None` for one without a body.
fn body_end(tokens: &[Token], mut i: usize) -> Option<usize> {
    loop {
        match tokens.get(i)?.text {
            "{" => return Some(closing(tokens, i)),
            ";" => return None,
            "(" | "[" => i = closing(tokens, i),
            _ => i += 1,
        }
    }
}

/// Names a file that does not open with its reason.
pub fn no_opening_line(source: &Source) -> Vec<Breach> {
    let reason = source
        .raw
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("//! "));
    if reason.is_some_and(|words| !words.trim().is_empty()) {
        return vec![];
    }
    vec![Breach::new(
        &source.path,
        1,
        "the first line is not `//! why this file exists`",
    )]
}

/// Names every line with the word `unsafe`, be it code, comment or text; a keyword of Content Security Policy is none.
pub fn unsafe_word(source: &Source) -> Vec<Breach> {
    let apart = |c: char| c != '_' && !c.is_alphanumeric();
    let lines = source.raw.lines().enumerate();
    lines
        .map(|(i, line)| (i, line.replace("'unsafe-inline'", "")))
        .filter(|(_, line)| line.split(apart).any(|word| word == "unsafe"))
        .map(|(i, _)| Breach::new(&source.path, i + 1, "the word `unsafe`"))
        .collect()
}

/// Says so when the manifest no longer forbids it.
pub fn unsafe_not_forbidden(manifest: &str) -> Option<Breach> {
    let forbidden = manifest
        .lines()
        .any(|line| line.replace(' ', "") == "unsafe_code=\"forbid\"");
    (!forbidden).then(|| Breach::new("Cargo.toml", 1, "the lint `unsafe_code = \"forbid\"` is gone"))
}

#[test]
fn a_file_is_measured_without_its_tests() {
    let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "\n".repeat(300));
    let file = |lines: usize| Source::new("src/x.rs", &format!("{}{tests}", "fn f() {}\n".repeat(lines)));
    assert_eq!(long_file(&file(FILE)), []);
    assert_eq!(long_file(&file(FILE + 1)).len(), 1);
}

#[test]
fn a_long_function_is_noticed_whatever_braces_its_text_holds() {
    let function = |lines: usize| {
        let body = "let a = (\"}\", '{', r#\"}\"#); // }\n".repeat(lines - 2);
        Source::new(
            "src/x.rs",
            &format!("\ntrait T {{ fn t(); }}\npub fn long<const N: usize>(x: [u8; 2]) -> u8 {{\n{body}}}\n"),
        )
    };
    assert_eq!(long_functions(&function(FUNCTION)), []);
    let breaches = long_functions(&function(FUNCTION + 1));
    assert_eq!((breaches.len(), breaches[0].line), (1, 3));
}

#[test]
fn a_file_without_a_reason_is_noticed() {
    for raw in ["", "use x;", "// no", "//! ", "\n//! late"] {
        assert_eq!(no_opening_line(&Source::new("src/x.rs", raw)).len(), 1, "{raw:?}");
    }
    assert_eq!(no_opening_line(&Source::new("src/x.rs", "//! Because.\n")), []);
}

#[test]
fn unsafe_is_noticed_as_a_word_only() {
    let raw = "//! x\nfn f() { unsafe { g() } }\n// unsafe\nconst A: &str = \"unsafe_code\";\n";
    let lines: Vec<_> = unsafe_word(&Source::new("src/x.rs", raw))
        .iter()
        .map(|b| b.line)
        .collect();
    assert_eq!(lines, [2, 3]);
    assert!(unsafe_not_forbidden("[lints.rust]\nunsafe_code = \"warn\"").is_some());
    assert!(unsafe_not_forbidden("[lints.rust]\nunsafe_code = \"forbid\"\n").is_none());
}
