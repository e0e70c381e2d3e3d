//! What must be true of every page: well-formed, self-contained, complete, and safe to open.

use super::*;
use crate::report::fixture;

/// Elements that have no end tag (HTML, "void elements").
const VOID: [&str; 3] = ["meta", "br", "link"];

/// Panics unless start and end tags are balanced; gives back all attribute text of the tags.
fn tags(page: &str) -> Vec<String> {
    let body = page.split("</style>").nth(1).unwrap();
    let head = page.split("<style>").next().unwrap();
    let (mut open, mut seen) = (Vec::new(), Vec::new());
    let text = format!("{head}{body}").replace("<!DOCTYPE html>", "");
    for piece in text.split('<').skip(1) {
        let (tag, _) = piece
            .split_once('>')
            .unwrap_or_else(|| panic!("no end of tag: {piece}"));
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "closed in the wrong order");
        } else {
            let name = tag.split_whitespace().next().unwrap();
            if !VOID.contains(&name) {
                open.push(name.to_owned());
            }
            assert!(
                tag.matches(" class=").count() < 2,
                "the second class is lost: {tag}"
            );
            seen.push(tag.to_owned());
        }
    }
    assert!(open.is_empty(), "never closed: {open:?}");
    seen
}

fn assert_self_contained(page: &str) {
    for forbidden in [
        "http:",
        "https:",
        "url(",
        "@import",
        "<script",
        "<link",
        "<img",
        "<iframe",
        "src=",
        "javascript:",
    ] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
}

#[test]
fn the_page_is_well_formed_complete_and_self_contained() {
    let anomalies = fixture::anomalies();
    let page = render(&anomalies, &fixture::summary());
    let tags = tags(&page);
    assert_self_contained(&page);
    for anomaly in &anomalies {
        assert_eq!(page.matches(&format!("id=\"anomaly-{}\"", anomaly.id)).count(), 1);
    }
    let ids: Vec<_> = tags
        .iter()
        .filter_map(|t| t.split(" id=\"").nth(1)?.split('"').next())
        .collect();
    let links: Vec<_> = tags
        .iter()
        .filter_map(|t| t.split("href=\"#").nth(1)?.split('"').next())
        .collect();
    assert_eq!(links.len(), 4);
    assert!(links.iter().all(|link| ids.contains(link)));
    let mut unique = ids.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), ids.len(), "an id is used twice");
    assert!(page.contains("pool.minexmr.example") && page.contains("undecodable packets"));
}

#[test]
fn every_drawing_and_table_can_be_read_aloud() {
    let tags = tags(&render(&fixture::anomalies(), &fixture::summary()));
    for svg in tags.iter().filter(|t| t.starts_with("svg")) {
        assert!(
            svg.contains("role=\"img\"") && svg.contains("aria-label=\""),
            "{svg}"
        );
    }
    for cell in tags.iter().filter(|t| t.starts_with("th ") || *t == "th") {
        assert!(cell.contains("scope="), "{cell}");
    }
    let levels: Vec<_> = tags
        .iter()
        .filter_map(|t| t.strip_prefix('h')?.chars().next()?.to_digit(10))
        .collect();
    assert_eq!(levels[0], 1);
    assert!(
        levels.windows(2).all(|w| w[1] <= w[0] + 1 || w[1] == 4),
        "a heading level is skipped: {levels:?}"
    );
}

#[test]
fn hostile_names_are_only_text() {
    let evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u{202e}";
    let mut anomalies = fixture::anomalies();
    for anomaly in &mut anomalies {
        for text in [
            &mut anomaly.text,
            &mut anomaly.rule,
            &mut anomaly.reproduce,
            &mut anomaly.unit,
        ] {
            *text = evil.into();
        }
        anomaly.next = vec![evil.into()];
        anomaly.false_causes = vec![evil.into()];
        anomaly.detail = Some(evil.into());
        anomaly.technique = Some(evil.into());
        anomaly.data_quality = crate::model::DataQuality {
            grade: "poor",
            notes: vec![evil.into()],
        };
        for contributor in anomaly.contributors.values_mut().flatten() {
            contributor.name = Some(evil.into());
        }
        for profile in &mut anomaly.profiles {
            for list in [
                &mut profile.names,
                &mut profile.services,
                &mut profile.uses,
                &mut profile.questions,
            ] {
                *list = vec![evil.into()];
            }
            profile.peers[0].name = Some(evil.into());
        }
    }
    let mut summary = fixture::summary();
    for list in [&mut summary.files, &mut summary.faults, &mut summary.blind] {
        *list = vec![evil.into()];
    }
    for text in [
        &mut summary.version,
        &mut summary.threshold,
        &mut summary.configuration,
    ] {
        *text = evil.into();
    }
    summary.dropped.insert(evil.into(), 1);
    summary.watched[0].dimensions = evil.into();
    summary.memory[0].table = evil.into();
    let page = render(&anomalies, &summary);
    let tags = tags(&page);
    assert!(!page.contains('\u{202e}'));
    assert!(
        tags.iter()
            .all(|t| !t.starts_with("script") && !t.starts_with("img"))
    );
}

#[test]
fn nothing_found_says_over_what_and_what_to_do() {
    let page = render(&[], &fixture::summary());
    tags(&page);
    assert!(page.contains("200 intervals of 8,412 series were judged") && page.contains("--learn"));
    let page = render(&[], &Summary::default());
    tags(&page);
    assert!(page.contains("Nothing was read") && page.contains("Nothing could be judged"));
}

#[test]
fn a_flood_of_anomalies_is_all_there_and_stays_small() {
    let one = fixture::anomalies().remove(2);
    let many: Vec<Anomaly> = (0..2_000_u64)
        .map(|n| Anomaly {
            id: crate::model::AnomalyId(n),
            incident: crate::model::IncidentId(if n < 500 { 0 } else { n }),
            ..one.clone()
        })
        .collect();
    let page = render(&many, &fixture::summary());
    tags(&page);
    for anomaly in &many {
        assert!(
            page.contains(&format!("id=\"anomaly-{}\"", anomaly.id)),
            "{}",
            anomaly.id
        );
    }
    assert!(page.len() < 16_000_000, "{}", page.len());
}
