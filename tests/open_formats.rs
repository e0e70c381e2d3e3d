//! Stored flows belong to whoever stores them: DuckDB reads the files as they are, and finds what we find.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tidemark::model::{Field, Timestamp};
use tidemark::query::{By, Figure, Measure, Request};
use tidemark::store::flows::{Caretaker, FlowStore, Keeping, ParquetStore, Retention};

/// Python with DuckDB, as `scripts/setup` makes it.
fn python() -> Option<PathBuf> {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/python/bin/python");
    if python.exists() {
        return Some(python);
    }
    eprintln!("skipped: DuckDB is not installed in target/python; `make test` installs it where it can");
    None
}

/// The rows that DuckDB answers a query with, a line each, columns separated by blanks.
fn duckdb(python: &Path, query: &str) -> Vec<String> {
    let program = "import duckdb, sys\nfor row in duckdb.sql(sys.argv[1]).fetchall(): print(*row)";
    let ran = Command::new(python)
        .args(["-c", program, query])
        .output()
        .unwrap();
    assert!(
        ran.status.success(),
        "{query}: {}",
        String::from_utf8_lossy(&ran.stderr)
    );
    String::from_utf8(ran.stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

/// A capture's flows, stored.
fn stored(capture: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ran = Command::new(env!("CARGO_BIN_EXE_tidemark"))
        .arg("replay")
        .arg(root.join("captures").join(capture))
        .arg("-c")
        .arg(root.join("captures/tidemark.toml"))
        .args(["--quiet", "--format", "json", "-o", "/dev/null", "--keep"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    folder
}

#[test]
fn duckdb_finds_the_same_top_talkers_in_the_same_files() {
    let Some(python) = python() else { return };
    let folder = stored("load-spike.pcap.zst");
    let files = format!("'{}/tier=raw/**/*.parquet'", folder.path().display());
    let theirs = duckdb(
        &python,
        &format!(
            "select src_ip, dst_port, sum(bytes)::bigint, sum(packets)::bigint, count(*) from {files} \
             group by all order by 3 desc, 1, 2 limit 20"
        ),
    );
    let mut request = Request::new(
        vec![By::Field(Field::SrcIp), By::Field(Field::DstPort)],
        vec![Measure::Bytes, Measure::Packets, Measure::Flows],
    );
    request.top = 20;
    let answer = ParquetStore::new(folder.path(), 2).query(&request).unwrap();
    let whole = |figure: &Figure| match figure {
        Figure::Whole(amount) => amount.to_string(),
        other => panic!("{other:?}"),
    };
    let ours: Vec<String> = answer
        .rows
        .iter()
        .map(|row| {
            let key = row.key.iter().map(ToString::to_string);
            key.chain(row.figures.iter().map(whole))
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect();
    assert_eq!(ours.len(), 20);
    assert_eq!(ours, theirs);
}

#[test]
fn duckdb_knows_times_words_truths_and_what_is_missing_for_what_they_are() {
    let Some(python) = python() else { return };
    let folder = stored("fan-in.pcap.zst");
    let files = format!("'{}/tier=raw/**/*.parquet'", folder.path().display());
    let types = duckdb(
        &python,
        &format!("select column_name, column_type from (describe select * from {files})"),
    );
    for column in [
        "start TIMESTAMP WITH TIME ZONE",
        "src_ip VARCHAR",
        "bytes BIGINT",
        "handshake VARCHAR",
        "initiator BOOLEAN",
        "exporter VARCHAR",
        "date DATE",
    ] {
        assert!(types.iter().any(|known| known == column), "{column}: {types:?}");
    }
    let count = |condition: &str| -> u64 {
        duckdb(
            &python,
            &format!("select count(*) from {files} where {condition}"),
        )[0]
        .parse()
        .unwrap()
    };
    let all = count("true");
    assert!(all > 1_000);
    assert_eq!(
        count("start <= \"end\" and \"end\" <= received + interval 1 second"),
        all
    );
    assert_eq!(count("exporter is null and in_if = 0"), all, "metered here");
    assert!(count("handshake = 'answered' and initiator") > 0);
    assert!(count("src_internal and not dst_internal") + count("src_internal and dst_internal") > 0);
    assert_eq!(count("src_as = 0 or src_as > 0"), all);
}

#[test]
fn sums_of_a_minute_tell_the_same_to_others_too() {
    let Some(python) = python() else { return };
    let folder = stored("load-spike.pcap.zst");
    let ever = Retention {
        age: Duration::from_secs(1 << 32),
        size: u64::MAX,
    };
    let keeping = Keeping {
        tiers: [ever; 4],
        min_free: 0,
    };
    let later = Timestamp::from_secs(4_000_000_000);
    let mut caretaker = Caretaker::new(folder.path(), keeping);
    caretaker.look_after(later).unwrap();
    let total = |tier: &str| {
        let files = format!("'{}/tier={tier}/**/*.parquet'", folder.path().display());
        duckdb(
            &python,
            &format!("select sum(bytes)::bigint, sum(packets)::bigint, sum(flows)::bigint from {files}"),
        )
    };
    assert_eq!(total("raw").len(), 1);
    for tier in ["1m", "5m", "1h"] {
        assert_eq!(total(tier), total("raw"), "{tier}");
    }
}
