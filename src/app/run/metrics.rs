//! What Prometheus scrapes: every counter of the daemon by the field's naming, a snapshot at each scrape.
//!
//! Names begin with `tidemark_`, units stand last, counters end in `_total`. Labels are what people configured or what sends
//! to us: exporters, rules, routes, receivers; their number is bounded where they come from.

use super::clerk::Counts;
use super::notifier::Board;
use super::worker::Worker;
use crate::collect::Account;
use crate::model::Severity;
use crate::web::Sheet;
use std::sync::atomic::Ordering;

/// What the engine's thread knows.
pub fn of_worker(sheet: &mut Sheet, worker: &Worker) {
    of_process(sheet, worker);
    of_receivers(sheet, worker);
    of_stages(sheet, worker);
    of_exporters(sheet, worker);
    of_rules(sheet, worker);
    of_store(sheet, worker);
}

fn of_process(sheet: &mut Sheet, worker: &Worker) {
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    sheet.gauge(
        "tidemark_build_info",
        "1, with the version of the program.",
        &version,
        1.0,
    );
    let seconds = worker.began.elapsed().as_secs_f64();
    sheet.gauge("tidemark_uptime_seconds", "Time since the start.", &[], seconds);
    let standing = worker.standing_now();
    let help = "Anomalies that go on, those in shadow left out.";
    for (severity, count) in Severity::ALL.into_iter().zip(standing.severities) {
        sheet.gauge(
            "tidemark_anomalies_open",
            help,
            &[("severity", severity.name())],
            count as f64,
        );
    }
    let help = "Times something was warned of before it ran out.";
    let warnings = worker.warnings.load(Ordering::Relaxed);
    sheet.count("tidemark_early_warnings_total", help, &[], warnings);
}

fn of_receivers(sheet: &mut Sheet, worker: &Worker) {
    for (what, count) in worker.received() {
        let (name, help) = match what {
            "received" => (
                "tidemark_receiver_messages_total",
                "Datagrams, messages or frames received.",
            ),
            "octets" => ("tidemark_receiver_bytes_total", "Octets received."),
            "waits" => (
                "tidemark_receiver_waits_total",
                "Times a receiver waited for the engine.",
            ),
            _ => (
                "tidemark_receiver_dropped_total",
                "What was dropped before it could be read.",
            ),
        };
        match name {
            "tidemark_receiver_dropped_total" => sheet.count(name, help, &[("reason", what)], count),
            _ => sheet.count(name, help, &[], count),
        }
    }
}

fn of_stages(sheet: &mut Sheet, worker: &Worker) {
    let (front, judge) = (worker.engine.front_stats(), worker.engine.judge_stats());
    let help = "What each stage took in, by what it is.";
    for (stage, unit, count) in [
        ("meter", "packets", front.meter.packets),
        ("meter", "bytes", front.meter.bytes),
        ("meter", "records", front.meter.records),
        ("collect", "messages", front.export.messages),
        ("collect", "records", front.export.records),
        ("collect", "bytes", front.export.bytes),
        ("judge", "intervals", judge.intervals),
        ("judge", "conversations", judge.conversations),
    ] {
        sheet.count(
            "tidemark_stage_processed_total",
            help,
            &[("stage", stage), ("unit", unit)],
            count,
        );
    }
    let help = "What each stage gave up for lack of room or because it came late, by what it is.";
    for (stage, reason, count) in [
        ("meter", "evicted", front.meter.evicted),
        ("meter", "late_packets", front.meter.late_packets),
        ("meter", "fragments", front.meter.fragments_dropped),
        ("collect", "late_records", front.export.late_records),
        ("collect", "uncounted", front.export.uncounted),
        ("aggregate", "folded", front.folded),
        ("aggregate", "refused", front.refused),
        ("names", "dropped", front.names_dropped),
        ("judge", "entities", judge.entities_refused),
        ("judge", "baselines", judge.baselines_refused),
        ("judge", "anomalies", judge.anomalies_refused),
        ("judge", "conditions", judge.waiting_refused),
    ] {
        sheet.count(
            "tidemark_stage_given_up_total",
            help,
            &[("stage", stage), ("reason", reason)],
            count,
        );
    }
    let help = "Intervals that data is missing from.";
    sheet.count(
        "tidemark_intervals_marked_total",
        help,
        &[],
        judge.marked_intervals,
    );
    let memory = (front.memory + judge.memory) as f64;
    sheet.gauge("tidemark_memory_bytes", "Octets the tables take.", &[], memory);
    let limit = worker.setup.config.memory_limit as f64;
    sheet.gauge("tidemark_memory_limit_bytes", "Octets they may take.", &[], limit);
    for view in &judge.watched {
        let label = [("view", view.view.as_str())];
        let (entities, series) = (view.entities as f64, view.series as f64);
        sheet.gauge("tidemark_view_entities", "Entities remembered.", &label, entities);
        sheet.gauge("tidemark_view_series", "Series with a baseline.", &label, series);
    }
}

fn of_exporters(sheet: &mut Sheet, worker: &Worker) {
    for (exporter, account) in worker.engine.accounts() {
        let exporter = exporter.to_string();
        let own = [("exporter", exporter.as_str())];
        for (name, help, count) in [
            (
                "tidemark_exporter_messages_total",
                "Messages taken in.",
                account.messages,
            ),
            (
                "tidemark_exporter_bytes_total",
                "Octets of messages.",
                account.octets,
            ),
            (
                "tidemark_exporter_records_total",
                "Flow Records decoded.",
                account.records,
            ),
            (
                "tidemark_exporter_lost_total",
                "Messages or records lost, by sequence numbers.",
                account.lost,
            ),
            (
                "tidemark_exporter_faults_total",
                "Messages, Sets or samples that could not be read.",
                account.faults,
            ),
            (
                "tidemark_exporter_restarts_total",
                "Times the exporter began anew.",
                account.restarts,
            ),
            (
                "tidemark_exporter_untemplated_total",
                "Sets whose Template was not known.",
                account.untemplated,
            ),
            (
                "tidemark_exporter_skewed_total",
                "Records placed at their arrival: its clock is off.",
                account.skewed,
            ),
        ] {
            sheet.count(name, help, &own, count);
        }
        gauges_of(sheet, &own, &account);
    }
}

fn gauges_of(sheet: &mut Sheet, own: &[(&str, &str)], account: &Account) {
    let last = account.last_seen.map_or(0.0, |at| at.as_secs_f64());
    let offset = account.clock_offset as f64 / 1e9;
    for (name, help, value) in [
        (
            "tidemark_exporter_templates",
            "Templates in use.",
            account.templates as f64,
        ),
        (
            "tidemark_exporter_sampling_rate",
            "One in so many packets is seen.",
            f64::from(account.sampling_rate),
        ),
        (
            "tidemark_exporter_last_seen_timestamp_seconds",
            "Arrival of its newest message.",
            last,
        ),
        (
            "tidemark_exporter_clock_offset_seconds",
            "Arrival less export time; negative: its clock is ahead.",
            offset,
        ),
        (
            "tidemark_exporter_lateness_seconds",
            "Longest time from a flow's end to its record.",
            account.lateness as f64 / 1e9,
        ),
    ] {
        sheet.gauge(name, help, own, value);
    }
}

fn of_rules(sheet: &mut Sheet, worker: &Worker) {
    let open = worker.engine.open_by_rule();
    for account in worker.engine.rule_accounts() {
        let rule = account.rule.as_str();
        let own = [("rule", rule)];
        sheet.count(
            "tidemark_rule_anomalies_total",
            "Anomalies it opened.",
            &own,
            account.fired,
        );
        sheet.count(
            "tidemark_rule_shadowed_total",
            "Anomalies it opened in shadow.",
            &own,
            account.shadowed,
        );
        sheet.count("tidemark_rule_tests_total", "Tests it made.", &own, account.tests);
        let help = "False alarms that its thresholds allow for these tests.";
        sheet.gauge(
            "tidemark_rule_promised_false_alarms",
            help,
            &own,
            account.promised,
        );
        let count = open.get(rule).copied().unwrap_or(0) as f64;
        sheet.gauge(
            "tidemark_rule_anomalies_open",
            "Anomalies of it that go on.",
            &own,
            count,
        );
        let held = account.held;
        for (reason, count) in [
            ("conditions", held.conditions),
            ("grace", held.grace),
            ("calendar", held.calendar),
            ("exceptions", held.exceptions),
            ("measures", held.measures),
            ("learning", held.learning),
        ] {
            let labels = [("rule", rule), ("reason", reason)];
            let help = "Anomalies it would have opened, by what held them back.";
            sheet.count("tidemark_rule_held_total", help, &labels, count);
        }
    }
}

fn of_store(sheet: &mut Sheet, worker: &Worker) {
    let Some(overseer) = &worker.overseer else { return };
    let counters = overseer.counters();
    for (name, help, counter) in [
        (
            "tidemark_store_records_total",
            "Flow Records in files that are whole.",
            &counters.stored,
        ),
        (
            "tidemark_store_given_up_total",
            "Flow Records not stored: the disk was slow or full.",
            &counters.given_up,
        ),
        ("tidemark_store_files_total", "Files written.", &counters.files),
        (
            "tidemark_store_bytes_total",
            "Octets of files written.",
            &counters.bytes,
        ),
        (
            "tidemark_store_errors_total",
            "Things that went wrong while storing.",
            &counters.errors,
        ),
    ] {
        sheet.count(name, help, &[], counter.load(Ordering::Relaxed));
    }
}

/// What the clerk counts.
pub fn of_clerk(sheet: &mut Sheet, counts: &Counts) {
    let read = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    let help = "Lines of history written to the desk.";
    sheet.count("tidemark_desk_lines_total", help, &[], read(&counts.lines));
    let help = "Times the desk could not be written.";
    sheet.count("tidemark_desk_failures_total", help, &[], read(&counts.failures));
    let help = "Words about anomalies that were given up.";
    sheet.count("tidemark_desk_given_up_total", help, &[], read(&counts.given_up));
    let help = "Words about anomalies that wait to be written.";
    sheet.gauge("tidemark_desk_waiting", help, &[], read(&counts.waiting) as f64);
}

/// How the routes stand.
pub fn of_routes(sheet: &mut Sheet, board: &Board) {
    for (route, shown) in board {
        let own = [("route", route.as_str())];
        let (account, tally) = (&shown.account, &shown.tally);
        for (name, help, count) in [
            (
                "tidemark_notify_sent_total",
                "Messages that the receiver took.",
                tally.sent,
            ),
            (
                "tidemark_notify_retried_total",
                "Attempts that failed and are made again.",
                tally.retried,
            ),
            (
                "tidemark_notify_given_up_total",
                "Messages given up.",
                tally.given_up,
            ),
            (
                "tidemark_notify_anomalies_total",
                "Anomalies that opened.",
                account.offered,
            ),
            (
                "tidemark_notify_silenced_total",
                "Anomalies silenced by people.",
                account.silenced,
            ),
            (
                "tidemark_notify_grouped_total",
                "Anomalies held back and counted by a message.",
                account.grouped,
            ),
            (
                "tidemark_notify_reminders_total",
                "Messages because nobody acknowledged in time.",
                account.reminders,
            ),
        ] {
            sheet.count(name, help, &own, count);
        }
        for (name, help, value) in [
            (
                "tidemark_notify_waiting",
                "Messages that wait.",
                tally.waiting as f64,
            ),
            (
                "tidemark_notify_held",
                "Anomalies held back that are in no message yet.",
                shown.held as f64,
            ),
            (
                "tidemark_notify_failing",
                "1 while the newest attempt failed.",
                f64::from(u8::from(shown.failing.is_some())),
            ),
        ] {
            sheet.gauge(name, help, &own, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::notifier::RouteBoard;
    use super::*;

    #[test]
    fn what_is_told_is_text_that_prometheus_reads() {
        let mut sheet = Sheet::default();
        of_clerk(&mut sheet, &Counts::default());
        let board = [("on \"call\"\n".to_owned(), RouteBoard::default())];
        of_routes(&mut sheet, &board.into());
        let text = sheet.text().unwrap();
        assert!(
            text.contains("# TYPE tidemark_desk_lines_total counter\ntidemark_desk_lines_total 0\n"),
            "{text}"
        );
        assert!(
            text.contains("tidemark_notify_sent_total{route=\"on \\\"call\\\"\\n\"} 0\n"),
            "{text}"
        );
        assert!(
            text.lines()
                .all(|line| line.starts_with("# ") || line.starts_with("tidemark_"))
        );
    }
}
