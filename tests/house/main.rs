//! Keeps the house rules of ARCHITECTURE.md by reading the source tree as text.
//!
//! Each promise below is one test over the real tree. Beside each checker stands a test that feeds it a breach, so
//! that no promise can pass by looking away.

mod layers;
mod papers;
mod paths;
mod purity;
mod shape;
mod text;
mod tree;

use text::Source;
use tree::Tree;

/// One breach of a rule: where, and what to do about it.
#[derive(Debug, PartialEq)]
struct Breach {
    file: String,
    /// Counted from 1.
    line: usize,
    what: String,
}

impl Breach {
    fn new(file: &str, line: usize, what: impl Into<String>) -> Self {
        Self {
            file: file.to_string(),
            line,
            what: what.into(),
        }
    }
}

/// Fails with one line for each breach, in the `file:line: what` form that editors jump to.
#[track_caller]
fn none(promise: &str, breaches: Vec<Breach>) {
    let lines: Vec<_> = breaches
        .iter()
        .map(|b| format!("{}:{}: {}", b.file, b.line, b.what))
        .collect();
    assert!(lines.is_empty(), "{promise}\n{}\n", lines.join("\n"));
}

/// Runs `check` over every Rust file under `src/`.
fn over_sources(check: impl Fn(&Source) -> Vec<Breach>) -> Vec<Breach> {
    Tree::here().sources("src/").iter().flat_map(check).collect()
}

#[test]
fn imports_only_go_down() {
    none(
        "a room may use its own modules and lower layers, nothing else",
        over_sources(layers::check),
    );
}

#[test]
fn pure_layers_have_no_clock_file_socket_thread_chance_or_panic() {
    none(
        "L0-L3 are pure: pass in what they need, return what they found",
        over_sources(purity::check),
    );
}

#[test]
fn no_test_sleeps() {
    let tree = Tree::here();
    let files = tree.sources("src/").into_iter().chain(tree.sources("tests/"));
    none(
        "a test that needs to sleep has found a clock in the wrong layer",
        files.flat_map(|file| purity::sleeping_tests(&file)).collect(),
    );
}

#[test]
fn no_file_is_over_400_lines_before_its_tests() {
    none("split by reason, not by size", over_sources(shape::long_file));
}

#[test]
fn no_function_is_over_70_lines() {
    none(
        "name the parts and call them",
        over_sources(shape::long_functions),
    );
}

#[test]
fn every_source_file_says_first_why_it_exists() {
    let files = Tree::here().sources("");
    none(
        "the first line of a file is `//! ...`",
        files.iter().flat_map(shape::no_opening_line).collect(),
    );
}

#[test]
fn unsafe_appears_nowhere() {
    let tree = Tree::here();
    let mut breaches = over_sources(shape::unsafe_word);
    breaches.extend(shape::unsafe_not_forbidden(&tree.text("Cargo.toml")));
    none("`unsafe` is forbidden, in words too", breaches);
}

#[test]
fn the_architecture_page_names_every_source_file_and_no_other() {
    let tree = Tree::here();
    none(
        "ARCHITECTURE.md is the map of src/",
        papers::map_of_the_house(&tree.text("ARCHITECTURE.md"), &tree.files),
    );
}

#[test]
fn every_dependency_says_why_it_is_there() {
    none(
        "a comment stands above every dependency in Cargo.toml",
        papers::unexplained_dependencies(&Tree::here().text("Cargo.toml")),
    );
}

#[test]
fn no_path_of_one_machine_stands_in_the_repository() {
    let tree = Tree::here();
    let texts = tree.files.iter().filter_map(|f| Some((f, tree.text_of(f)?)));
    none(
        "name things relative to the root of the repository",
        texts
            .flat_map(|(file, text)| papers::machine_paths(file, &text))
            .collect(),
    );
}

#[test]
fn nothing_large_is_tracked_outside_captures() {
    let tree = Tree::here();
    let sizes = tree.files.iter().map(|f| (f.as_str(), tree.size(f)));
    none(
        "large files belong in captures/, or nowhere",
        papers::large_files(sizes),
    );
}

#[test]
fn every_page_of_the_guide_is_in_its_contents() {
    let tree = Tree::here();
    let summary = "docs/src/SUMMARY.md";
    none(
        "a page of the guide is listed in its contents",
        papers::pages_left_out(summary, &tree.text(summary), &tree.files),
    );
}

#[test]
fn every_link_in_the_papers_leads_somewhere() {
    let tree = Tree::here();
    let pages = tree.files.iter().filter(|f| f.ends_with(".md"));
    none(
        "links between pages are relative and lead to a file that exists",
        pages
            .flat_map(|page| papers::dead_links(page, &tree.text(page), &tree.files))
            .collect(),
    );
}
