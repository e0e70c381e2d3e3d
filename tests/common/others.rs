//! Programs of others, run as anybody would run them where they are installed.

use std::process::Command;

/// Whether all these programs are installed; says so when not.
pub fn have(programs: &[&str]) -> bool {
    let found = |program: &&str| {
        let found = Command::new("sh")
            .args(["-c", &format!("command -v {program}")])
            .output();
        found.is_ok_and(|found| found.status.success())
    };
    let have = programs.iter().all(found);
    if !have {
        eprintln!("skipped: needs {}", programs.join(", "));
    }
    have
}

/// Runs a program to its end; what it said on both outputs.
#[track_caller]
pub fn run(program: &str, arguments: &[&str]) -> String {
    let ran = Command::new(program).args(arguments).output().unwrap();
    let said = [ran.stdout, ran.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(ran.status.success(), "{program}: {said}");
    said
}
