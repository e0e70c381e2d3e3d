//! Exceptions: whether a deviation is of traffic that is excused.
//!
//! Excused traffic stays in the tables and baselines, so that an exception can come and go and nothing has to be learned
//! anew. It is looked at only when a rule would open an anomaly: either the exception names the entity itself, or what
//! the interval holds without the excused traffic must still be a deviation.

use super::super::evidence;
use super::super::gate::{Excuse, Gate};
use super::super::ledger::Finding;
use super::Judge;
use crate::aggregate::EntityKey;
use crate::filter::Filter;
use crate::model::{
    Conversation, ConversationKey, Counters, Dimension, Direction, FlowKey, Ip, Origin, Role, Test,
    Timestamp, Value,
};

impl Judge {
    /// Whether a finding is of excused traffic.
    pub(super) fn is_excused(&self, gate: &Gate, view: usize, key: &EntityKey, finding: &Finding) -> bool {
        let holds = |excuse: &&Excuse| {
            let at: Timestamp = finding.interval.start;
            excuse.until.is_none_or(|until| at < until)
        };
        let excuses = gate
            .excuses
            .iter()
            .filter_map(|&i| self.plan.gates.excuses.get(i));
        let filters: Vec<&Filter> = excuses.filter(holds).map(|excuse| &excuse.filter).collect();
        !filters.is_empty() && self.accounts_for(&filters, view, key, finding)
    }

    /// Whether traffic that one of `filters` is about accounts for a finding.
    pub(super) fn accounts_for(
        &self,
        filters: &[&Filter],
        view: usize,
        key: &EntityKey,
        finding: &Finding,
    ) -> bool {
        let excused = |row: &Conversation| filters.iter().any(|filter| filter.matches(row));
        // What the entity says must make the difference: `not host X` is about nobody in particular.
        let (itself, nobody) = (self.stand_ins(finding), blank());
        let names =
            |filter: &&&Filter| itself.iter().all(|row| filter.matches(row)) && !filter.matches(&nobody);
        if filters.iter().any(|filter| names(&filter)) {
            return true;
        }
        let Some(plan) = self.plan.views.get(view) else {
            return false;
        };
        let of_entity = |row: &&Conversation| {
            plan.grouping.keys(row).into_iter().flatten().any(|k| k == *key) && plan.passes(row)
        };
        match finding.direction {
            // What is missing cannot be seen, so only an exception of the entity itself excuses a dip.
            Direction::Below => false,
            Direction::New => {
                let mut rows = self.table.rows().iter().filter(of_entity).peekable();
                rows.peek().is_some() && rows.all(excused)
            }
            Direction::Above => {
                let rows = self.excused_rows().iter().filter(|row| excused(row));
                let taken = evidence::brought(finding.metric, rows.filter(of_entity));
                taken > 0.0 && !self.deviates_without(finding, taken)
            }
        }
    }

    /// The conversations of the present interval that any exception is about, found once a tick.
    fn excused_rows(&self) -> &[Conversation] {
        let configured = self.plan.gates.excuses.iter().map(|excuse| &excuse.filter);
        let steered = self
            .steering
            .measures
            .iter()
            .filter_map(|one| one.filter.as_ref());
        let filters: Vec<&Filter> = configured.chain(steered).collect();
        let any = |row: &&Conversation| filters.iter().any(|filter| filter.matches(*row));
        let found = || self.table.rows().iter().filter(any).copied().collect();
        self.gating.excused.get_or_init(found)
    }

    /// Whether an interval would still be a deviation with `taken` less in it.
    fn deviates_without(&self, finding: &Finding, taken: f64) -> bool {
        let Some(rule) = self.plan.rules.get(finding.rule) else {
            return false;
        };
        let (rest, worst) = (finding.deviation.observed - taken, &finding.deviation);
        let outside = rest > worst.upper;
        match rule.test {
            Test::Limit(_) => outside,
            _ => outside && rest - worst.expected >= rule.floor.max(f64::MIN_POSITIVE),
        }
    }

    /// Conversations of which nothing is known but what the entity says: a host may be on either side.
    fn stand_ins(&self, finding: &Finding) -> Vec<Conversation> {
        let sides: &[bool] = match finding.entity.get(Dimension::Host) {
            Some(_) => &[true, false],
            None => &[true],
        };
        sides
            .iter()
            .map(|&source| self.stand_in(finding, source))
            .collect()
    }

    fn stand_in(&self, finding: &Finding, source: bool) -> Conversation {
        let mut row = blank();
        for &(dimension, value) in &finding.entity.0 {
            match (dimension, value) {
                (Dimension::SrcIp, Value::Ip(ip)) => row.key.src = ip,
                (Dimension::DstIp, Value::Ip(ip)) => row.key.dst = ip,
                (Dimension::Host, Value::Ip(ip)) if source => row.key.src = ip,
                (Dimension::Host, Value::Ip(ip)) => row.key.dst = ip,
                (Dimension::SrcAs, Value::Number(asn)) => row.src_origin.asn = asn,
                (Dimension::DstAs, Value::Number(asn)) => row.dst_origin.asn = asn,
                (Dimension::SrcCountry, Value::Country(country)) => row.src_origin.country = country,
                (Dimension::DstCountry, Value::Country(country)) => row.dst_origin.country = country,
                (Dimension::DstPort, Value::Number(port)) => row.key.port = port as u16,
                (Dimension::SrcPort, Value::Number(port)) => {
                    (row.key.port, row.key.role) = (port as u16, Role::Reply);
                }
                (Dimension::Protocol, Value::Number(number)) => row.key.protocol = number as u8,
                _ => {}
            }
        }
        if row.key.port != 0 && row.key.protocol == 0 {
            row.key.protocol = FlowKey::TCP;
        }
        let known = |ip: Ip, said: Origin| {
            if ip == Ip::v4(0) {
                said
            } else {
                self.origins.origin(ip)
            }
        };
        row.src_origin = known(row.key.src, row.src_origin);
        row.dst_origin = known(row.key.dst, row.dst_origin);
        row
    }
}

/// A conversation of which nothing is known.
fn blank() -> Conversation {
    Conversation {
        key: ConversationKey {
            src: Ip::v4(0),
            dst: Ip::v4(0),
            port: 0,
            protocol: 0,
            role: Role::Request,
        },
        src_origin: Origin::default(),
        dst_origin: Origin::default(),
        counters: Counters::default(),
    }
}
