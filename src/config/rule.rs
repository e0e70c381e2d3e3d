//! One `[[rule]]` table to a checked rule.

use super::gates::{self, Context};
use super::section::{Entry, Result, Section};
use super::{DAY, SECOND};
use crate::aggregate::Grouping;
use crate::filter::Filter;
use crate::model::{Dimension, Kind, Limit, Metric, Pattern, Rule, Severity, Test};

/// A rule, whether it is switched on, and where its name stands.
pub(super) struct ReadRule<'a> {
    pub(super) rule: Rule,
    pub(super) enabled: bool,
    pub(super) name: Entry<'a>,
}

/// The tests by name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Baseline,
    Limit,
    Sequential,
    Scan,
    NewHost,
    Pattern(Pattern),
}

const FORMS: [(&str, Form); 10] = [
    ("baseline", Form::Baseline),
    ("limit", Form::Limit),
    ("sequential", Form::Sequential),
    ("scan", Form::Scan),
    ("new-host", Form::NewHost),
    (Pattern::Beacon.name(), Form::Pattern(Pattern::Beacon)),
    (Pattern::Tunnel.name(), Form::Pattern(Pattern::Tunnel)),
    (Pattern::Mining.name(), Form::Pattern(Pattern::Mining)),
    (Pattern::NewService.name(), Form::Pattern(Pattern::NewService)),
    (Pattern::Failover.name(), Form::Pattern(Pattern::Failover)),
];

const DIRECTIONS: [(&str, (bool, bool)); 3] = [
    ("above", (true, false)),
    ("below", (false, true)),
    ("both", (true, true)),
];

/// Reads and checks one rule.
pub(super) fn read<'a>(mut table: Section<'a>, context: &Context) -> Result<ReadRule<'a>> {
    let name = table.need("name")?;
    let form = table.need("test")?.choice("a test", &FORMS)?;
    let dimensions = table.or("dimensions", form.dimensions(), |entry| dimensions(entry, form))?;
    let metric = metric(&mut table, form)?;
    let test = test(&mut table, form)?;
    let gates = gates::read(&mut table, context, &dimensions, test)?;
    let rule = Rule {
        name: rule_name(&name)?,
        description: table.need("description")?.line()?,
        filter: table.maybe("filter", filter)?,
        dimensions,
        metric,
        test,
        floor: table.or("floor", 0.0, floor)?,
        severity: table.or("severity", Severity::Low, Entry::severity)?,
        kind: table.or("kind", usual_kind(test), |entry| {
            entry.choice("a kind of anomaly", &Kind::ALL.map(|kind| (kind.name(), kind)))
        })?,
        technique: table.maybe("technique", technique)?,
        next: table.or("next", Vec::new(), Entry::lines)?,
        false_causes: table.or("false_causes", Vec::new(), Entry::lines)?,
        gates,
    };
    let enabled = table.or("enabled", true, Entry::flag)?;
    table.finish()?;
    Ok(ReadRule { rule, enabled, name })
}

impl Form {
    fn name(self) -> &'static str {
        FORMS
            .iter()
            .find(|(_, form)| *form == self)
            .map_or("", |(name, _)| name)
    }

    /// What it groups by when nothing is said.
    fn dimensions(self) -> Vec<Dimension> {
        match self {
            Self::Scan => vec![Dimension::SrcIp],
            Self::NewHost => vec![Dimension::Host],
            Self::Pattern(pattern) => pattern.dimensions().to_vec(),
            _ => Vec::new(),
        }
    }
}

fn rule_name(entry: &Entry<'_>) -> Result<String> {
    let name = entry.line()?;
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.len() <= 64 && name.chars().all(allowed) {
        Ok(name)
    } else {
        Err(entry.error("a name has lower-case letters, digits and hyphens, at most 64"))
    }
}

fn dimensions(entry: &Entry<'_>, form: Form) -> Result<Vec<Dimension>> {
    let names = Dimension::ALL.map(|dimension| (dimension.name(), dimension));
    let mut found = Vec::new();
    for part in entry.list()? {
        let dimension = part.choice("a dimension", &names)?;
        if found.contains(&dimension) {
            return Err(part.error(format!("`{dimension}` is named twice")));
        }
        found.push(dimension);
        Grouping::new(&found).map_err(|error| part.error(error.to_string()))?;
    }
    let fixed = form.dimensions();
    if !fixed.is_empty() && found != fixed {
        let only: Vec<String> = fixed.iter().map(|dimension| format!("\"{dimension}\"")).collect();
        return Err(entry.error(format!(
            "the test `{}` takes dimensions = [{}]",
            form.name(),
            only.join(", ")
        )));
    }
    Ok(found)
}

fn metric(table: &mut Section<'_>, form: Form) -> Result<Metric> {
    let names = Metric::ALL.map(|metric| (metric.name(), metric));
    let fixed = match form {
        Form::Scan => Some(Metric::Failed),
        Form::NewHost => Some(Metric::Sources),
        Form::Pattern(pattern) => Some(pattern.metric()),
        _ => None,
    };
    if let Some(fixed) = fixed {
        let entry = table.get("metric");
        let said = entry
            .as_ref()
            .map(|entry| entry.choice("a metric", &names))
            .transpose()?;
        return match (entry, said) {
            (Some(entry), Some(said)) if said != fixed => {
                Err(entry.error(format!("the test `{}` measures `{fixed}`", form.name())))
            }
            _ => Ok(fixed),
        };
    }
    let entry = table.need("metric")?;
    let metric = entry.choice("a metric", &names)?;
    if form == Form::Sequential && metric == Metric::Bytes {
        let error = entry.error("the test `sequential` is for counts of events, not for bytes");
        return Err(error.hint("use packets or flows, or the test `baseline`".to_owned()));
    }
    Ok(metric)
}

/// The test with its own keys; those of other tests are refused.
fn test(table: &mut Section<'_>, form: Form) -> Result<Test> {
    let belongs = [
        ("direction", Form::Baseline),
        ("limit", Form::Limit),
        ("per", Form::Limit),
        ("warn_at", Form::Limit),
    ];
    for (key, owner) in belongs {
        if let Some(entry) = table.get(key).filter(|_| owner != form) {
            let message = format!(
                "belongs to the test `{}`, this rule has `{}`",
                owner.name(),
                form.name()
            );
            return Err(entry.error(message));
        }
    }
    Ok(match form {
        Form::Baseline => {
            let choose = |entry: &Entry<'_>| entry.choice("a direction", &DIRECTIONS);
            let (above, below) = table.or("direction", (true, false), choose)?;
            Test::Baseline { above, below }
        }
        Form::Limit => Test::Limit(Limit {
            value: positive(&table.need("limit")?)?,
            per: table.or("per", SECOND * 60, |entry| entry.duration(SECOND..=DAY))?,
            warn_at: table.or("warn_at", 0.7, share)?,
        }),
        Form::Sequential => Test::Sequential,
        Form::Scan => Test::Scan,
        Form::NewHost => Test::NewHost,
        Form::Pattern(pattern) => Test::Pattern(pattern),
    })
}

/// A number, or text with a unit.
fn floor(entry: &Entry<'_>) -> Result<f64> {
    let number = match entry.text() {
        Ok(text) => crate::filter::parse_amount(text).map_err(|message| entry.error(message))? as f64,
        Err(_) => entry.number()?,
    };
    if number >= 0.0 {
        Ok(number)
    } else {
        Err(entry.error("must not be negative"))
    }
}

fn positive(entry: &Entry<'_>) -> Result<f64> {
    let number = floor(entry)?;
    if number > 0.0 {
        Ok(number)
    } else {
        Err(entry.error("must be above 0"))
    }
}

fn share(entry: &Entry<'_>) -> Result<f64> {
    let number = entry.number()?;
    if number > 0.0 && number <= 1.0 {
        Ok(number)
    } else {
        Err(entry.error("must be above 0 and at most 1"))
    }
}

fn technique(entry: &Entry<'_>) -> Result<String> {
    let text = entry.line()?;
    let digits = |part: &str, count: usize| part.len() == count && part.bytes().all(|b| b.is_ascii_digit());
    let (technique, sub) = text.split_once('.').unwrap_or((&text, "000"));
    let sound = technique
        .strip_prefix('T')
        .is_some_and(|number| digits(number, 4))
        && digits(sub, 3);
    if sound {
        Ok(text)
    } else {
        Err(entry.error(format!(
            "`{text}` is no ATT&CK technique such as `T1046` or `T1498.001`"
        )))
    }
}

/// The filter as written, once it is known to parse and to ask only what conversations have.
pub(super) fn filter(entry: &Entry<'_>) -> Result<String> {
    let text = entry.text()?;
    let filter = Filter::parse(text).map_err(|error| {
        let span = inside(entry, text, error.span());
        entry.error_at(span, error.message())
    })?;
    let needs = filter.needs();
    if needs.counts {
        let error = entry.error("a rule's filter chooses conversations, not how much of them was seen");
        return Err(error.hint("`metric` and `floor` say how much".to_owned()));
    }
    match needs.lacking_in_conversations().as_slice() {
        [] => Ok(text.to_owned()),
        lacking => Err(entry.error(format!(
            "rules look at conversations, which have no {}",
            lacking.join(" and no ")
        ))),
    }
}

/// Where in the file a place inside a text is: exactly, unless the text is written with escapes.
pub(super) fn inside(entry: &Entry<'_>, text: &str, place: std::ops::Range<usize>) -> std::ops::Range<usize> {
    let whole = entry.span();
    let written = entry.source.text.get(whole.clone()).unwrap_or_default();
    match written.find(text).filter(|_| !text.is_empty()) {
        Some(offset) => {
            let start = whole.start + offset;
            start + place.start..start + place.end
        }
        None => whole,
    }
}

/// What an anomaly is called when the rule does not say.
pub(super) fn usual_kind(test: Test) -> Kind {
    match test {
        Test::Baseline { above: false, .. } => Kind::Dip,
        Test::Baseline { .. } => Kind::LoadSpike,
        Test::Limit(_) => Kind::RateLimit,
        Test::Sequential => Kind::Flood,
        Test::Scan => Kind::ScanHorizontal,
        Test::NewHost => Kind::Stranger,
        Test::Pattern(pattern) => pattern.kind(),
    }
}

/// The name of a test and its own keys, for printing.
pub fn test_name(test: Test) -> &'static str {
    let form = match test {
        Test::Baseline { .. } => Form::Baseline,
        Test::Limit(_) => Form::Limit,
        Test::Sequential => Form::Sequential,
        Test::Scan => Form::Scan,
        Test::NewHost => Form::NewHost,
        Test::Pattern(pattern) => Form::Pattern(pattern),
    };
    form.name()
}

/// The name of a direction.
pub(super) fn direction_name(above: bool, below: bool) -> &'static str {
    DIRECTIONS
        .iter()
        .find(|(_, sides)| *sides == (above, below))
        .map_or("above", |(name, _)| name)
}
