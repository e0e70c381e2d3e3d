//! What stands beside the code: the map of the house, the manifest, the guide, and what is tracked at all.

use crate::Breach;

/// Most octets of a tracked file outside `captures/`.
const LARGE: u64 = 1 << 20;

/// Most dependencies that one comment may stand for.
const SHARED_COMMENT: usize = 4;

/// Folders that exist on one machine only.
const MACHINE: [&str; 5] = ["/work/", "/tmp/", "/root/", "/home/", "/Users/"];

/// Files that must name such folders, and why.
const MAY_NAME_THEM: [(&str, &str); 1] = [("tests/house/papers.rs", "this list")];

/// Names files under `src/` that the page leaves out, and Rust files it names that are not there.
pub fn map_of_the_house(page: &str, files: &[String]) -> Vec<Breach> {
    let named: Vec<(usize, &str)> = page
        .lines()
        .enumerate()
        .flat_map(|(i, line)| file_names(line).map(move |name| (i + 1, name)))
        .collect();
    let mut breaches = Vec::new();
    for file in files {
        let Some(inner) = file.strip_prefix("src/") else {
            continue;
        };
        if !named.iter().any(|(_, name)| *name == inner || name == file) {
            breaches.push(Breach::new(
                file,
                1,
                format!("not named in ARCHITECTURE.md; add `{inner}`"),
            ));
        }
    }
    for (line, name) in named {
        let there = files
            .iter()
            .any(|f| f == name || f.strip_prefix("src/") == Some(name));
        if name.ends_with(".rs") && !there {
            let what = format!("`{name}` does not exist, neither under src/ nor from the root");
            breaches.push(Breach::new("ARCHITECTURE.md", line, what));
        }
    }
    breaches
}

/// The words of a line that look like file names.
fn file_names(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_ascii_alphanumeric() && !"_-./".contains(c))
        .map(|word| word.trim_start_matches("./").trim_end_matches('.'))
        .filter(|word| word.contains('.'))
}

/// Names dependencies of the manifest that no comment explains.
pub fn unexplained_dependencies(manifest: &str) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut inside = false;
    // How many more dependencies the last comment may stand for.
    let mut left = 0;
    for (i, line) in manifest.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('#') {
            left = SHARED_COMMENT;
        } else if let Some(section) = line.strip_prefix('[') {
            let single = section.contains("dependencies.");
            inside = !single && section.trim_end_matches(']').ends_with("dependencies");
            if single && left == 0 {
                breaches.push(Breach::new(
                    "Cargo.toml",
                    i + 1,
                    "no comment above this dependency",
                ));
            }
            left = 0;
        } else if line.is_empty() {
            left = 0;
        } else if inside
            && line
                .split_once('=')
                .is_some_and(|(name, _)| is_crate_name(name.trim()))
        {
            if left == 0 {
                breaches.push(Breach::new(
                    "Cargo.toml",
                    i + 1,
                    format!("no comment above `{line}`"),
                ));
            }
            left = left.saturating_sub(1);
        }
    }
    breaches
}

fn is_crate_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

/// Names lines of a text that hold an absolute path of one machine.
pub fn machine_paths(file: &str, text: &str) -> Vec<Breach> {
    if MAY_NAME_THEM.iter().any(|(allowed, _)| *allowed == file) {
        return vec![];
    }
    let named = |line: &str| {
        MACHINE
            .into_iter()
            .find(|folder| stands_alone(line, folder.trim_end_matches('/')))
    };
    let lines = text.lines().enumerate();
    lines
        .filter_map(|(i, line)| {
            Some(Breach::new(
                file,
                i + 1,
                format!("`{}` is a path of one machine", named(line)?),
            ))
        })
        .collect()
}

/// Whether `folder` stands in `line` as the beginning of an absolute path.
fn stands_alone(line: &str, folder: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || "_-./".contains(c);
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + folder.len()..].chars().next();
        !before.is_some_and(|c| part(c) || c == '}') && after.is_none_or(|c| c == '/' || !part(c))
    })
}

/// Names tracked files above 1 MiB outside `captures/`.
pub fn large_files<'a>(sizes: impl Iterator<Item = (&'a str, u64)>) -> Vec<Breach> {
    sizes
        .filter(|(file, size)| *size > LARGE && !file.starts_with("captures/"))
        .map(|(file, size)| Breach::new(file, 1, format!("{size} octets")))
        .collect()
}

/// Names relative links of a Markdown page that lead to no file or folder of the repository.
pub fn dead_links(page: &str, text: &str, files: &[String]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut fenced = false;
    for (i, line) in text.lines().enumerate() {
        fenced ^= line.trim_start().starts_with("```");
        for link in links(line).filter(|_| !fenced) {
            let target = link.split('#').next().unwrap_or(link);
            if target.is_empty() || link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let path = joined(page, target);
            let folder = format!("{path}/");
            if !files.iter().any(|f| *f == path || f.starts_with(&folder)) {
                breaches.push(Breach::new(page, i + 1, format!("`{link}` leads nowhere")));
            }
        }
    }
    breaches
}

/// Names pages of the guide that its table of contents, `summary`, does not lead to: nobody would find them.
pub fn pages_left_out(summary: &str, text: &str, files: &[String]) -> Vec<Breach> {
    let folder = summary.trim_end_matches("SUMMARY.md");
    let listed: Vec<String> = text
        .lines()
        .flat_map(links)
        .map(|link| joined(summary, link))
        .collect();
    let pages = files
        .iter()
        .filter(|file| file.starts_with(folder) && file.ends_with(".md") && *file != summary);
    pages
        .filter(|page| !listed.contains(page))
        .map(|page| Breach::new(summary, 1, format!("{page} is not listed")))
        .collect()
}

/// The targets of `[text](target)` in a line.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', ' ']).next())
}

/// `target` as seen from the folder of `page`, without `.` and `..`.
fn joined(page: &str, target: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// The lines `breaches` stand on.
#[cfg(test)]
fn lines(breaches: Vec<Breach>) -> Vec<usize> {
    breaches.iter().map(|b| b.line).collect()
}

#[cfg(test)]
fn names(files: &[&str]) -> Vec<String> {
    files.iter().map(|f| f.to_string()).collect()
}

#[test]
fn a_file_left_off_the_map_and_a_name_without_a_file_are_noticed() {
    let files = names(&[
        "src/lib.rs",
        "src/wire/dns.rs",
        "src/wire/mod.rs",
        "src/page.css",
        "tests/house/main.rs",
    ]);
    let whole = "`lib.rs`, [dns](src/wire/dns.rs) and wire/mod.rs.\npage.css, tests/house/main.rs, v1.2";
    assert_eq!(map_of_the_house(whole, &files), []);
    let breaches = map_of_the_house("lib.rs\nwire/mod.rs page.css my_wire/dns.rs", &files);
    let at: Vec<_> = breaches.iter().map(|b| (b.file.as_str(), b.line)).collect();
    assert_eq!(at, [("src/wire/dns.rs", 1), ("ARCHITECTURE.md", 2)]);
}

#[test]
fn a_dependency_without_a_comment_is_noticed() {
    let manifest = "[package]\nname = \"x\"\n[dependencies]\na = \"1\"\n# Why b.\nb = { version = \"1\" }\nc = \"1\"\n\n\
                    d.workspace = true\n[target.'cfg(unix)'.dependencies]\ne = \"1\"\n[dependencies.f]\nversion = \"1\"\n\
                    # Why g.\n[dev-dependencies.g]\nversion = \"1\"\n[features]\nh = []\n";
    assert_eq!(lines(unexplained_dependencies(manifest)), [4, 9, 11, 12]);
    let many = format!(
        "[dependencies]\n# All.\n{}",
        "x = \"1\"\n".repeat(SHARED_COMMENT + 1)
    );
    assert_eq!(lines(unexplained_dependencies(&many)), [2 + SHARED_COMMENT + 1]);
}

#[test]
fn a_path_of_one_machine_is_noticed() {
    for folder in MACHINE {
        for line in [
            format!("see {folder}x"),
            format!("\"{folder}\""),
            format!("(={folder})"),
        ] {
            assert_eq!(machine_paths("README.md", &line).len(), 1, "{line}");
        }
        for line in [
            format!("https://example.org{folder}x"),
            format!("a{folder}"),
            format!("$D{folder}"),
            "/workers/1".into(),
        ] {
            assert_eq!(machine_paths("README.md", &line), [], "{line}");
        }
    }
    assert_eq!(machine_paths("README.md", "cd /work").len(), 1);
}

#[test]
fn a_large_file_outside_captures_is_noticed() {
    let sizes = [
        ("a.bin", LARGE + 1),
        ("b.bin", LARGE),
        ("captures/c.pcap.zst", 5 * LARGE),
    ];
    assert_eq!(large_files(sizes.into_iter()).len(), 1);
}

#[test]
fn a_dead_link_is_noticed() {
    let files = names(&["docs/src/a.md", "docs/src/sub/b.md", "rules/x.toml"]);
    let page = "[a](../a.md#here) [b](b.md) [r](../../../rules) [w](https://example.org/x) [h](#there)\n\
                [dead](c.md) [dead](../../a.md)\n```\n[not](a-link.md)\n```\n";
    assert_eq!(lines(dead_links("docs/src/sub/b.md", page, &files)), [2, 2]);
}

#[test]
fn a_page_that_the_contents_do_not_list_is_noticed() {
    let files = names(&[
        "docs/src/SUMMARY.md",
        "docs/src/a.md",
        "docs/src/sub/b.md",
        "README.md",
    ]);
    let left_out = |text| pages_left_out("docs/src/SUMMARY.md", text, &files).len();
    assert_eq!(left_out("- [A](a.md)\n  - [B](sub/b.md)\n"), 0);
    assert_eq!(left_out("- [A](a.md)\n"), 1);
    assert_eq!(left_out(""), 2);
}
