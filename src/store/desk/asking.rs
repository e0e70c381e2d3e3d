//! Questions to the desk: which anomalies and incidents, in pages.

use super::rows::{KEPT, Kept, count, kept, key};
use super::{Desk, Result};
use crate::filter::AnomalyFilter;
use crate::model::{AnomalyId, IncidentId, Severity, Timestamp};
use rusqlite::{OptionalExtension, params};

/// Which anomalies are asked for. The newest come first: by when they were detected, then by id.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Filter over anomalies.
    pub filter: Option<AnomalyFilter>,
    /// How they stand; none for both.
    pub phase: Option<Phase>,
    /// Detected from this instant on.
    pub since: Option<Timestamp>,
    /// Detected before this instant.
    pub until: Option<Timestamp>,
    /// Only those after this one in the list.
    pub after: Option<Cursor>,
    /// Those of rules in shadow too.
    pub shadow: bool,
    /// At most so many.
    pub limit: usize,
    /// The time at which silences are asked about.
    pub now: Timestamp,
}

/// How an anomaly stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It goes on.
    Open,
    /// It is over.
    Closed,
}

/// A place in the list: the anomaly after which it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// When that was detected.
    pub detected_at: Timestamp,
    /// Its id.
    pub id: AnomalyId,
}

/// Anomalies with one cause, in few words.
#[derive(Clone, Debug, PartialEq)]
pub struct IncidentLine {
    /// Names it.
    pub id: IncidentId,
    /// The gravest of its anomalies.
    pub severity: Severity,
    /// Its anomalies that match, the one to read first at the front, then the gravest and the newest.
    pub anomalies: Vec<Kept>,
}

impl Ask {
    /// All anomalies, a hundred at a time.
    pub const fn all(now: Timestamp) -> Self {
        Self {
            filter: None,
            phase: None,
            since: None,
            until: None,
            after: None,
            shadow: true,
            limit: 100,
            now,
        }
    }
}

impl Kept {
    /// The place after this one.
    pub const fn cursor(&self) -> Cursor {
        Cursor {
            detected_at: self.facts.detected_at,
            id: self.facts.id,
        }
    }

    /// Whether it is the one to read first of its incident.
    pub fn is_headline(&self) -> bool {
        self.json.contains("\"headline\":true")
    }
}

impl Desk {
    /// The anomalies asked for, the newest first.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn anomalies(&self, ask: &Ask) -> Result<Vec<Kept>> {
        let silenced = self.silencer(ask.now)?;
        let sql = format!(
            "SELECT {KEPT} FROM anomalies
            WHERE detected_at >= ?1 AND detected_at < ?2 AND (?3 IS NULL OR open = ?3) AND (?4 OR shadow = 0)
                AND (detected_at, id) < (?5, ?6)
            ORDER BY detected_at DESC, id DESC"
        );
        let nanos = |time: Option<Timestamp>, other: i64| time.map_or(other, Timestamp::as_nanos);
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut found = statement.query(params![
            nanos(ask.since, i64::MIN),
            nanos(ask.until, i64::MAX),
            ask.phase.map(|phase| phase == Phase::Open),
            ask.shadow,
            nanos(ask.after.map(|after| after.detected_at), i64::MAX),
            ask.after.map_or(i64::MAX, |after| key(after.id)),
        ])?;
        let mut anomalies = Vec::new();
        while let Some(row) = found.next()? {
            if anomalies.len() >= ask.limit {
                break;
            }
            let one = kept(row, &silenced)?;
            if ask
                .filter
                .as_ref()
                .is_none_or(|filter| filter.matches(&one.facts))
            {
                anomalies.push(one);
            }
        }
        Ok(anomalies)
    }

    /// One anomaly; none where it is not known.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn anomaly(&self, id: AnomalyId, now: Timestamp) -> Result<Option<Kept>> {
        let silenced = self.silencer(now)?;
        let sql = format!("SELECT {KEPT} FROM anomalies WHERE id = ?1");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut found = statement.query([key(id)])?;
        found.next()?.map(|row| kept(row, &silenced)).transpose()
    }

    /// All anomalies of an incident, the one to read first at the front.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn incident(&self, id: IncidentId, now: Timestamp) -> Result<Option<IncidentLine>> {
        let silenced = self.silencer(now)?;
        let sql = format!("SELECT {KEPT} FROM anomalies WHERE incident = ?1");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut found = statement.query([id.0.cast_signed()])?;
        let mut anomalies = Vec::new();
        while let Some(row) = found.next()? {
            anomalies.push(kept(row, &silenced)?);
        }
        Ok(gather(anomalies).pop())
    }

    /// The incidents of the anomalies asked for; the limit is one of anomalies. The newest first.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn incidents(&self, ask: &Ask) -> Result<Vec<IncidentLine>> {
        self.anomalies(ask).map(gather)
    }

    /// How many anomalies are open, by severity, those in shadow left out.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn open_by_severity(&self) -> Result<[u64; 3]> {
        let sql = "SELECT count(*) FROM anomalies WHERE open = 1 AND shadow = 0 AND severity = ?1";
        let mut counts = [0; 3];
        for (slot, severity) in counts.iter_mut().zip(Severity::ALL) {
            let found = self
                .connection
                .query_row(sql, [severity as i64], |row| count(row, 0));
            *slot = found.optional()?.unwrap_or_default();
        }
        Ok(counts)
    }
}

/// Puts anomalies of one incident together, in the order in which the first of each comes.
fn gather(anomalies: Vec<Kept>) -> Vec<IncidentLine> {
    let mut places = std::collections::HashMap::new();
    let mut incidents: Vec<IncidentLine> = Vec::new();
    for one in anomalies {
        let place = *places.entry(one.facts.incident).or_insert_with(|| {
            incidents.push(IncidentLine {
                id: one.facts.incident,
                severity: Severity::Low,
                anomalies: Vec::new(),
            });
            incidents.len() - 1
        });
        if let Some(incident) = incidents.get_mut(place) {
            incident.severity = incident.severity.max(one.life.severity);
            incident.anomalies.push(one);
        }
    }
    for incident in &mut incidents {
        let first = |kept: &Kept| (kept.is_headline(), kept.life.severity, kept.facts.detected_at);
        incident
            .anomalies
            .sort_by_key(|kept| std::cmp::Reverse(first(kept)));
    }
    incidents
}
