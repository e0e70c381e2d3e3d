//! The files of the repository, found the same way on a desk, in CI and from an unpacked archive.

use crate::text::{self, Source};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Folders that are made, not written; only needed where git cannot say it.
const MADE: [&str; 7] = [
    ".git",
    "target",
    "node_modules",
    "demo-out",
    "tidemark-data",
    "ui/dist",
    "docs/book",
];

/// The repository as it stands in the work tree.
pub struct Tree {
    root: PathBuf,
    /// Paths relative to the root with `/` between, sorted.
    pub files: Vec<String>,
}

impl Tree {
    /// The tree this test was compiled from.
    pub fn here() -> Self {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let mut files = tracked(&root).unwrap_or_else(|| walked(&root));
        files.retain(|f| root.join(f).is_file());
        files.sort();
        assert!(
            files.iter().any(|f| f == "src/lib.rs"),
            "found no sources under {}",
            root.display()
        );
        Self { root, files }
    }

    /// The text of a file that must exist.
    pub fn text(&self, file: &str) -> String {
        self.text_of(file)
            .unwrap_or_else(|| panic!("{file} is missing, or is no text"))
    }

    /// The text of a file, `None` where it is binary.
    pub fn text_of(&self, file: &str) -> Option<String> {
        let octets = std::fs::read(self.root.join(file)).ok()?;
        String::from_utf8(octets).ok().filter(|text| !text.contains('\0'))
    }

    /// Octets of a file.
    pub fn size(&self, file: &str) -> u64 {
        std::fs::metadata(self.root.join(file)).map_or(0, |m| m.len())
    }

    /// Every Rust file below `folder`, with its test code marked.
    pub fn sources(&self, folder: &str) -> Vec<Source> {
        let rust = self
            .files
            .iter()
            .filter(|f| f.starts_with(folder) && f.ends_with(".rs"));
        let mut sources: Vec<_> = rust.map(|f| Source::new(f, &self.text(f))).collect();
        let for_tests: BTreeSet<_> = sources.iter().flat_map(text::test_files).collect();
        for source in &mut sources {
            if for_tests.iter().any(|t| source.path.starts_with(t.as_str())) {
                source.mark_as_test();
            }
        }
        sources
    }
}

/// What git tracks, and what it would track if it were added now.
fn tracked(root: &Path) -> Option<Vec<String>> {
    let listing = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .ok()?;
    let names = String::from_utf8(listing.stdout).ok()?;
    let files: Vec<_> = names.split_terminator('\0').map(str::to_string).collect();
    (listing.status.success() && !files.is_empty()).then_some(files)
}

/// Every file below `root` outside the made folders.
fn walked(root: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let Some(name) = path.strip_prefix(root).ok().and_then(Path::to_str) else {
                continue;
            };
            if path.is_dir() && !MADE.contains(&name) {
                folders.push(path);
            } else if path.is_file() {
                files.push(name.to_string());
            }
        }
    }
    files
}

#[test]
fn without_git_the_same_sources_are_found() {
    let tree = Tree::here();
    let mut walked = walked(&tree.root);
    walked.retain(|f| f.starts_with("src/"));
    walked.sort();
    let tracked: Vec<_> = tree
        .files
        .iter()
        .filter(|f| f.starts_with("src/"))
        .cloned()
        .collect();
    assert_eq!(walked, tracked);
}
