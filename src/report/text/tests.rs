//! The text report as a whole, compared with what a person approved.

use super::*;
use crate::report::fixture;

fn render(anomalies: &[Anomaly], summary: &Summary, style: Style) -> String {
    let mut out = Vec::new();
    write(&mut out, anomalies, summary, style).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn the_report_reads_as_approved() {
    let text = render(&fixture::anomalies(), &fixture::summary(), Style::default());
    for (n, (got, want)) in text.lines().zip(include_str!("golden.txt").lines()).enumerate() {
        assert_eq!(got, want, "line {}", n + 1);
    }
    assert_eq!(text.len(), include_str!("golden.txt").len());
}

#[test]
fn no_line_is_wider_than_the_terminal_but_what_must_be_copied_whole() {
    for width in [72, 80, 100, 120] {
        let style = Style { color: false, width };
        for line in render(&fixture::anomalies(), &fixture::summary(), style).lines() {
            let is_command = line.trim_start().starts_with("show ");
            assert!(is_command || canvas::columns(line) <= width, "{width}: {line}");
            assert_eq!(line.trim_end(), line);
        }
    }
}

#[test]
fn colour_changes_nothing_but_the_colour() {
    let style = |color| Style { color, width: 100 };
    let plain = render(&fixture::anomalies(), &fixture::summary(), style(false));
    let coloured = render(&fixture::anomalies(), &fixture::summary(), style(true));
    assert!(!plain.contains('\x1b'));
    let mut bare = String::new();
    for (i, part) in coloured.split('\x1b').enumerate() {
        bare.push_str(if i == 0 {
            part
        } else {
            part.split_once('m').unwrap().1
        });
    }
    assert_eq!(bare, plain);
}

#[test]
fn no_anomalies_says_over_what() {
    let text = render(&[], &fixture::summary(), Style::default());
    assert!(text.starts_with(
        "No anomalies.\n200 intervals of 8,412 series were judged in 2026-03-10 13:00 – 16:20 UTC. Until\n13:20 it only"
    ), "{text}");
    let text = render(&[], &Summary::default(), Style::default());
    assert!(text.starts_with("No anomalies.\nNothing was read"), "{text}");
}

#[test]
fn names_from_the_network_cannot_steer_the_terminal() {
    let mut hostile = fixture::anomalies().remove(5);
    let evil = "a\x1b]0;owned\x07\r\n\u{202e}b";
    hostile.text = evil.into();
    hostile.rule = evil.into();
    hostile.profiles[0].questions = vec![evil.into()];
    hostile.profiles[0].names = vec![evil.into()];
    hostile.profiles[0].peers[0].name = Some(evil.into());
    let mut summary = fixture::summary();
    summary.faults = vec![evil.into()];
    summary.files = vec![evil.into()];
    let text = render(&[hostile], &summary, Style::default());
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text}");
    assert!(!text.contains('\u{202e}'));
}
