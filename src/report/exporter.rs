//! How one exporter did, for the footnote under a report: what it sent, what is missing, how its clock stands.

use super::when::optional_rfc3339;
use crate::model::units::{duration, grouped, printable, share};
use crate::model::{Ip, Timestamp};
use serde::Serialize;
use std::time::Duration;

/// What is said of one exporter; serialises in this order. Counted since its first message, over restarts that kept
/// the state.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Exporter {
    /// Where its messages came from.
    pub address: Ip,
    /// Its name in the configuration; none where it has none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Messages taken in.
    pub messages: u64,
    /// Octets of them.
    pub octets: u64,
    /// Flow Records decoded.
    pub records: u64,
    /// Data Records that are no flows.
    pub options: u64,
    /// Messages or records (what its sequence numbers count) that never came.
    pub lost: u64,
    /// Those that came, of the same unit.
    pub sequenced: u64,
    /// Messages out of order or repeated.
    pub reordered: u64,
    /// Times its sequence began anew.
    pub restarts: u64,
    /// Sets of data that came before their Template.
    pub untemplated: u64,
    /// Of those, Sets that could be decoded later.
    pub recovered: u64,
    /// Of those, Sets given up for lack of room or time.
    pub given_up: u64,
    /// Templates in use.
    pub templates: u64,
    /// Messages, Sets or samples that could not be read.
    pub faults: u64,
    /// Records whose times were corrected.
    pub corrected: u64,
    /// Records placed at their arrival because its clock is off.
    pub skewed: u64,
    /// Records that came when part of their time was judged already.
    pub late_records: u64,
    /// One in how many packets its records stand for; 0 and 1 for all.
    pub sampling_rate: u32,
    /// Seconds its clock is behind ours; negative when it is ahead.
    pub clock_offset_seconds: f64,
    /// Longest time between a flow's end and the arrival of its record of late, seconds.
    pub lateness_seconds: f64,
    /// Arrival of its first message.
    #[serde(serialize_with = "optional_rfc3339")]
    pub first_seen: Option<Timestamp>,
    /// Arrival of its newest message.
    #[serde(serialize_with = "optional_rfc3339")]
    pub last_seen: Option<Timestamp>,
}

impl Exporter {
    /// Its name with its address, or its address alone.
    pub fn title(&self) -> String {
        match self.name.as_str() {
            "" => self.address.to_string(),
            name => format!("{} ({})", printable(name), self.address),
        }
    }

    /// Share of what its sequence numbers count that never came, 0 to 1.
    pub fn loss(&self) -> f64 {
        let sent = self.lost + self.sequenced;
        if sent == 0 {
            0.0
        } else {
            self.lost as f64 / sent as f64
        }
    }

    /// What stands out, in a few words; what is as it should be is left out.
    pub fn remarks(&self) -> String {
        let mut remarks = Vec::new();
        if self.sampling_rate > 1 {
            remarks.push(format!("sampled 1:{}", grouped(self.sampling_rate.into())));
        }
        if self.lost > 0 {
            remarks.push(format!("{} lost", share(self.loss())));
        }
        let missing = self.untemplated.saturating_sub(self.recovered);
        let counts = [
            (missing, "sets without template"),
            (self.faults, "unreadable"),
            (self.corrected, "times corrected"),
            (self.skewed, "placed at arrival"),
            (self.late_records, "records late"),
            (self.restarts, "restarts"),
        ];
        let some = counts.into_iter().filter(|(count, _)| *count > 0);
        remarks.extend(some.map(|(count, what)| format!("{} {what}", grouped(count))));
        // A second is within what networks and rounding do to a clock.
        if self.clock_offset_seconds.abs() >= 1.0 {
            let off = duration(Duration::from_secs_f64(self.clock_offset_seconds.abs().min(1e12)));
            let way = if self.clock_offset_seconds > 0.0 {
                "behind"
            } else {
                "ahead"
            };
            remarks.push(format!("clock {off} {way}"));
        }
        remarks.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exporter_that_does_well_needs_no_words_and_one_that_does_not_gets_them() {
        let well = Exporter {
            address: "192.0.2.9".parse().unwrap(),
            sequenced: 100,
            untemplated: 3,
            recovered: 3,
            clock_offset_seconds: 0.4,
            ..Exporter::default()
        };
        assert_eq!(
            (well.title(), well.remarks()),
            ("192.0.2.9".to_owned(), String::new())
        );
        let badly = Exporter {
            name: "border".to_owned(),
            sampling_rate: 1000,
            lost: 25,
            sequenced: 75,
            untemplated: 5,
            late_records: 1200,
            clock_offset_seconds: -90.0,
            ..well
        };
        assert_eq!(badly.title(), "border (192.0.2.9)");
        assert_eq!(
            badly.remarks(),
            "sampled 1:1,000, 25 % lost, 2 sets without template, 1,200 records late, clock 1 min 30 s ahead"
        );
    }
}
