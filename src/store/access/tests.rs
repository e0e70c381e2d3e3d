//! Who may is kept, counted and let go.

use super::*;
use crate::model::Timestamp;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(1_700_000_000 + seconds)
}

fn access() -> Access {
    Access::in_memory().unwrap()
}

fn session(seen: i64) -> Session {
    Session {
        user: "kim".to_owned(),
        role: Role::Analyst,
        local: true,
        began_at: at(0),
        seen_at: at(seen),
    }
}

#[test]
fn the_file_is_for_its_owner_only_whatever_it_was_before() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let mode = || {
        let file = std::fs::metadata(folder.path().join(FILE)).unwrap();
        file.permissions().mode() & 0o777
    };
    Access::open(folder.path()).unwrap();
    assert_eq!(mode(), 0o600);
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(folder.path().join(FILE), open).unwrap();
    let access = Access::open(folder.path()).unwrap();
    assert_eq!(mode(), 0o600);
    access.add_user("kim", Role::Admin, "x", at(0)).unwrap();
    assert!(Access::open(folder.path()).unwrap().has_users().unwrap());
}

#[test]
fn a_name_is_taken_once_and_says_nothing_strange() {
    let access = access();
    access.add_user("kim", Role::Viewer, "x", at(0)).unwrap();
    for (name, why) in [
        ("kim", "already"),
        ("", "no name"),
        ("a b", "no name"),
        ("a\u{1b}", "no name"),
    ] {
        let error = access.add_user(name, Role::Admin, "y", at(0)).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
    assert_eq!(
        access.password("kim").unwrap(),
        Some(("x".to_owned(), Role::Viewer))
    );
    assert_eq!(access.password("lee").unwrap(), None);
}

type Change = fn(&Access) -> Result<(), AccessError>;

#[test]
fn another_password_another_role_and_removal_end_the_sessions_of_that_user_alone() {
    let changes: [Change; 3] = [
        |access| access.set_password("kim", "z"),
        |access| access.set_role("kim", Role::Admin),
        |access| access.remove_user("kim"),
    ];
    for change in changes {
        let access = access();
        access.add_user("kim", Role::Viewer, "x", at(0)).unwrap();
        access.begin_session("one", &session(0)).unwrap();
        let other = Session {
            user: "lee".to_owned(),
            ..session(0)
        };
        access.begin_session("two", &other).unwrap();
        change(&access).unwrap();
        assert_eq!(access.session("one").unwrap(), None);
        assert!(access.session("two").unwrap().is_some());
    }
    assert!(access().remove_user("nobody").is_err());
}

#[test]
fn sessions_end_by_age_and_by_idleness() {
    let access = access();
    access.begin_session("old", &session(50)).unwrap();
    access
        .begin_session(
            "idle",
            &Session {
                began_at: at(90),
                ..session(90)
            },
        )
        .unwrap();
    access
        .begin_session(
            "good",
            &Session {
                began_at: at(90),
                ..session(99)
            },
        )
        .unwrap();
    access
        .forget_sessions(at(100), Duration::from_secs(60), Duration::from_secs(10))
        .unwrap();
    let left: Vec<&str> = ["old", "idle", "good"]
        .into_iter()
        .filter(|hash| access.session(hash).unwrap().is_some())
        .collect();
    assert_eq!(left, ["good"]);
}

#[test]
fn a_token_is_good_until_it_expires_and_a_link_is_no_token() {
    let access = access();
    let token = Token {
        id: 0,
        name: "grafana".to_owned(),
        role: Role::Viewer,
        made_by: "kim".to_owned(),
        made_at: at(0),
        expires_at: Some(at(10)),
    };
    let id = access.add_token(&token, "h", false).unwrap();
    assert!(access.token("h", false, at(9)).unwrap().is_some());
    assert!(access.token("h", false, at(10)).unwrap().is_none());
    assert!(access.token("h", true, at(9)).unwrap().is_none());
    assert!(!access.remove_token(id, true).unwrap());
    assert!(access.remove_token(id, false).unwrap());
}

#[test]
fn the_trail_is_bounded_and_what_stands_in_it_is_one_line() {
    let access = access();
    for n in 0..5 {
        let trace = Trace {
            at: at(n),
            who: "kim".to_owned(),
            what: format!("{n}\u{1b}[31m{}", "x".repeat(1000)),
            ..Trace::default()
        };
        access.trace(&trace).unwrap();
    }
    let newest = access.traces(None, 2).unwrap();
    assert_eq!(newest.iter().map(|t| t.seq).collect::<Vec<_>>(), [5, 4]);
    assert_eq!(access.traces(Some(2), 9).unwrap().len(), 1);
    assert!(newest[0].what.chars().count() == 300 && !newest[0].what.contains('\u{1b}'));
}
