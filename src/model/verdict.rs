//! What people say of anomalies.

use serde::{Deserialize, Serialize};

/// What a person says of an anomaly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It was what it was reported for.
    Attack,
    /// Nothing was out of the ordinary: a false alarm.
    False,
    /// Out of the ordinary, and known beforehand: a backup, a test.
    Expected,
    /// Out of the ordinary, and to stay.
    NewNormal,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Attack, Self::False, Self::Expected, Self::NewNormal];

    /// The name on the command line and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Attack => "attack",
            Self::False => "false",
            Self::Expected => "expected",
            Self::NewNormal => "new-normal",
        }
    }
}

/// How many anomalies got which verdict; of several on one anomaly the newest counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Verdicts {
    /// [`Verdict::Attack`].
    pub attack: u64,
    /// [`Verdict::False`].
    #[serde(rename = "false")]
    pub false_alarm: u64,
    /// [`Verdict::Expected`].
    pub expected: u64,
    /// [`Verdict::NewNormal`].
    pub new_normal: u64,
}

impl Verdicts {
    /// Counts one.
    pub fn add(&mut self, verdict: Verdict) {
        self.add_many(verdict, 1);
    }

    /// Counts several of one kind.
    pub fn add_many(&mut self, verdict: Verdict, count: u64) {
        *match verdict {
            Verdict::Attack => &mut self.attack,
            Verdict::False => &mut self.false_alarm,
            Verdict::Expected => &mut self.expected,
            Verdict::NewNormal => &mut self.new_normal,
        } += count;
    }

    /// Counts what others counted.
    pub fn merge(&mut self, other: &Self) {
        self.attack += other.attack;
        self.false_alarm += other.false_alarm;
        self.expected += other.expected;
        self.new_normal += other.new_normal;
    }

    /// All of them.
    pub const fn total(&self) -> u64 {
        self.attack + self.false_alarm + self.expected + self.new_normal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict_is_counted_under_its_own_name() {
        for verdict in Verdict::ALL {
            let mut counts = Verdicts::default();
            counts.add(verdict);
            let written = serde_json::to_value(counts).unwrap();
            assert_eq!(written[verdict.name().replace('-', "_")], 1, "{written}");
            assert_eq!(counts.total(), 1);
        }
    }
}
