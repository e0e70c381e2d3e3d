//! The words of requests: names of dimensions and metrics, those of nfdump too, and what was meant by others.

use super::by::{By, End, Pair, wide};
use super::measure::Measure;
use crate::filter::nearest;
use crate::model::Field;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// Names that nfdump has for dimensions, and other short ones.
const ALIASES: [(&str, By); 43] = [
    ("srcip", By::Field(Field::SrcIp)),
    ("dstip", By::Field(Field::DstIp)),
    ("srcport", By::Field(Field::SrcPort)),
    ("dstport", By::Field(Field::DstPort)),
    ("proto", By::Field(Field::Protocol)),
    ("srcas", By::Field(Field::SrcAs)),
    ("dstas", By::Field(Field::DstAs)),
    ("inif", By::Field(Field::InIf)),
    ("outif", By::Field(Field::OutIf)),
    ("srcvlan", By::Field(Field::Vlan)),
    ("srctos", By::Field(Field::Tos)),
    ("srcmask", By::Field(Field::SrcMask)),
    ("dstmask", By::Field(Field::DstMask)),
    ("srcgeo", By::Field(Field::SrcCountry)),
    ("dstgeo", By::Field(Field::DstCountry)),
    ("nhip", By::Field(Field::NextHop)),
    ("nexthop", By::Field(Field::NextHop)),
    ("router", By::Field(Field::Exporter)),
    ("exip", By::Field(Field::Exporter)),
    ("flags", By::Field(Field::TcpFlags)),
    ("dir", By::Field(Field::FlowDirection)),
    ("nsrcip", By::Field(Field::NatSrcIp)),
    ("ndstip", By::Field(Field::NatDstIp)),
    ("nsrcport", By::Field(Field::NatSrcPort)),
    ("ndstport", By::Field(Field::NatDstPort)),
    ("mpls1", By::Field(Field::MplsLabel)),
    ("ip", By::Either(Pair::Ip)),
    ("port", By::Either(Pair::Port)),
    ("as", By::Either(Pair::As)),
    ("country", By::Either(Pair::Country)),
    ("geo", By::Either(Pair::Country)),
    ("if", By::Either(Pair::Interface)),
    ("host", By::Host),
    ("service", By::Service),
    ("src_net24", By::Net(End::Src, 24, 64)),
    ("src_net16", By::Net(End::Src, 16, 48)),
    ("dst_net24", By::Net(End::Dst, 24, 64)),
    ("dst_net16", By::Net(End::Dst, 16, 48)),
    ("net24", By::Net(End::Either, 24, 64)),
    ("net16", By::Net(End::Either, 16, 48)),
    ("srcnet", By::Net(End::Src, 24, 64)),
    ("dstnet", By::Net(End::Dst, 24, 64)),
    ("net", By::Net(End::Either, 24, 64)),
];

/// What of a request cannot be read, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WordError {
    text: String,
    span: Range<usize>,
    problem: String,
    hint: Option<String>,
}

impl WordError {
    fn new(text: &str, span: Range<usize>, problem: String) -> Self {
        Self {
            text: text.to_owned(),
            span,
            problem,
            hint: None,
        }
    }

    fn hint(self, hint: Option<String>) -> Self {
        Self { hint, ..self }
    }
}

impl fmt::Display for WordError {
    /// What is wrong, the text with a caret under the place, and what was meant.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let before = self
            .text
            .get(..self.span.start)
            .unwrap_or_default()
            .chars()
            .count();
        let marked = self
            .text
            .get(self.span.clone())
            .unwrap_or_default()
            .chars()
            .count();
        write!(f, "{}\n  {}\n  {}", self.problem, self.text, " ".repeat(before))?;
        write!(f, "{}", "^".repeat(marked.max(1)))?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "\n{hint}"))
    }
}

impl std::error::Error for WordError {}

/// What `-s` asks for: dimensions and metrics.
///
/// ```
/// use tidemark::query::{Measure, Statistic};
/// let statistic: Statistic = "srcip,dst_port/bytes,flows".parse().unwrap();
/// assert_eq!(statistic.by.len(), 2);
/// assert_eq!(statistic.measures, [Measure::Bytes, Measure::Flows]);
/// assert_eq!(statistic.to_string(), "src_ip,dst_port/bytes,flows");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statistic {
    /// What flows are grouped by.
    pub by: Vec<By>,
    /// What is measured.
    pub measures: Vec<Measure>,
}

impl FromStr for Statistic {
    type Err = WordError;

    /// `DIMS/METRICS`, each a list with commas; metrics may also follow each other after slashes, as in nfdump. Without
    /// metrics these are bytes, packets and flows; `all` or nothing before the slash groups all in one.
    fn from_str(text: &str) -> Result<Self, WordError> {
        let (dimensions, metrics) = parts(text);
        let mut by = Vec::new();
        for (at, word) in words(text, dimensions.clone(), &[',']) {
            match word {
                "all" | "any" | "" if dimensions.len() == word.len() => {}
                "record" => by.extend(By::RECORD),
                _ => by.push(dimension(text, at, word)?),
            }
        }
        let mut measures = Vec::new();
        for (at, word) in words(text, metrics, &[',', '/']) {
            measures.push(measure(text, at, word)?);
        }
        if measures.is_empty() {
            measures = Measure::USUAL.to_vec();
        }
        Ok(Self { by, measures })
    }
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by: Vec<_> = self.by.iter().map(By::to_string).collect();
        let measures: Vec<_> = self.measures.iter().map(Measure::to_string).collect();
        write!(f, "{}/{}", by.join(","), measures.join(","))
    }
}

/// Where dimensions and metrics stand: before and after the first slash that no prefix length follows.
fn parts(text: &str) -> (Range<usize>, Range<usize>) {
    let length = |at: usize| {
        text.get(at + 1..)
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    match text.match_indices('/').find(|(at, _)| !length(*at)) {
        Some((at, _)) => (0..at, at + 1..text.len()),
        None => (0..text.len(), text.len()..text.len()),
    }
}

/// The words of a part of a text with their places; none in an empty part at the end.
fn words<'t>(text: &'t str, part: Range<usize>, between: &[char]) -> Vec<(usize, &'t str)> {
    let within = text.get(part.clone()).unwrap_or_default();
    if within.is_empty() && part.start >= text.len() {
        return Vec::new();
    }
    let place = |word: &'t str| (word.as_ptr() as usize - text.as_ptr() as usize, word);
    within.split(between).map(|word| place(word.trim())).collect()
}

fn dimension(text: &str, at: usize, word: &str) -> Result<By, WordError> {
    let lower = word.to_lowercase();
    if let Some(by) = named(&lower) {
        return Ok(by);
    }
    if let Some((head, lengths)) = lower.split_once('/') {
        return network(head, lengths).map_err(|problem| WordError::new(text, at..at + word.len(), problem));
    }
    let names = ALIASES
        .iter()
        .map(|(name, _)| *name)
        .chain(fields().map(Field::name));
    let hint = if Measure::named(&lower).is_some() {
        Some(format!(
            "`{lower}` is a metric, which stands after a slash: `src_ip/{lower}`"
        ))
    } else {
        nearest(&lower, names).map(|name| format!("did you mean `{name}`?"))
    };
    let problem = match word {
        "" => "a dimension is missing here".to_owned(),
        _ => format!("`{word}` is no dimension"),
    };
    Err(WordError::new(text, at..at + word.len(), problem).hint(hint))
}

fn named(word: &str) -> Option<By> {
    let alias = ALIASES.iter().find(|(name, _)| *name == word).map(|(_, by)| *by);
    alias.or_else(|| fields().find(|field| field.name() == word).map(By::Field))
}

fn fields() -> impl Iterator<Item = Field> {
    Field::ALL
        .iter()
        .copied()
        .filter(|field| By::is_groupable(*field))
}

/// `src_net/20`, `dst_net/20/48`, `srcip/24`: the networks of an address.
fn network(head: &str, lengths: &str) -> Result<By, String> {
    let end = match head {
        "src_net" | "srcnet" | "src_ip" | "srcip" | "srcip4" => End::Src,
        "dst_net" | "dstnet" | "dst_ip" | "dstip" | "dstip4" => End::Dst,
        "net" | "ip" => End::Either,
        _ => {
            return Err(format!(
                "`{head}` has no prefix length; `src_net`, `dst_net` and `net` have one"
            ));
        }
    };
    let (v4, v6) = lengths
        .split_once('/')
        .map_or((lengths, None), |(v4, v6)| (v4, Some(v6)));
    let number = |text: &str, most: u8| {
        let number = text.parse().ok().filter(|length| *length <= most);
        number.ok_or_else(|| format!("prefix length `{text}` is not a number from 0 to {most}"))
    };
    let v4 = number(v4, 32)?;
    let v6 = v6.map_or(Ok(wide(v4)), |v6| number(v6, 128))?;
    Ok(By::Net(end, v4, v6))
}

impl FromStr for By {
    type Err = WordError;
    fn from_str(word: &str) -> Result<Self, WordError> {
        dimension(word, 0, word)
    }
}

impl FromStr for Measure {
    type Err = WordError;
    fn from_str(word: &str) -> Result<Self, WordError> {
        measure(word, 0, word)
    }
}

fn measure(text: &str, at: usize, word: &str) -> Result<Measure, WordError> {
    let lower = word.to_lowercase();
    // nfdump's suffix for the direction of the order is heard by `--order`.
    if let Some(measure) = Measure::named(&lower) {
        return Ok(measure);
    }
    let names: Vec<String> = Measure::names().collect();
    let near = nearest(&lower, names.iter().map(String::as_str));
    let hint = match near {
        Some(name) => format!("did you mean `{name}`?"),
        None if named(&lower).is_some() => {
            format!("`{lower}` is a dimension; several are separated by commas, before the slash")
        }
        None => format!("known are {} and other percentiles", names.join(", ")),
    };
    let problem = match word {
        "" => "a metric is missing here".to_owned(),
        _ => format!("`{word}` is no metric"),
    };
    Err(WordError::new(text, at..at + word.len(), problem).hint(Some(hint)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Dimension;

    fn canonical(text: &str) -> String {
        text.parse::<Statistic>()
            .unwrap_or_else(|error| panic!("{error}"))
            .to_string()
    }

    #[test]
    fn familiar_words_mean_what_they_mean_elsewhere() {
        for (said, meant) in [
            ("srcip/bytes", "src_ip/bytes"),
            ("srcip", "src_ip/bytes,packets,flows"),
            (
                "record/packets",
                "src_ip,dst_ip,src_port,dst_port,protocol/packets",
            ),
            ("ip/flows/bps", "ip/flows,bps"),
            ("src_net24,DSTPORT/bytes", "src_net24,dst_port/bytes"),
            ("src_net/24/bytes", "src_net24/bytes"),
            (
                "srcip/20,proto/bytes,p95_bps",
                "src_net/20,protocol/bytes,p95_bps",
            ),
            ("dst_net/20/44", "dst_net/20/44/bytes,packets,flows"),
            ("all/flows", "/flows"),
            ("/flows", "/flows"),
        ] {
            assert_eq!(canonical(said), meant, "{said}");
            assert_eq!(canonical(meant), meant, "read back");
        }
    }

    #[test]
    fn every_dimension_of_rules_has_its_name_here() {
        for dimension in Dimension::ALL.into_iter().chain([Dimension::Exporter]) {
            assert_eq!(By::of(dimension).to_string(), dimension.name());
            assert_eq!(dimension.name().parse(), Ok(By::of(dimension)));
        }
    }

    #[test]
    fn an_error_shows_where_and_what_was_meant() {
        for (said, shown) in [
            (
                "src_ip,dst_prt/bytes",
                "`dst_prt` is no dimension\n  src_ip,dst_prt/bytes\n         ^^^^^^^\ndid you mean `dst_port`?",
            ),
            (
                "src_ip/bites",
                "`bites` is no metric\n  src_ip/bites\n         ^^^^^\ndid you mean `bytes`?",
            ),
            (
                "src_ip,/bytes",
                "a dimension is missing here\n  src_ip,/bytes\n         ^",
            ),
            (
                "bytes",
                "`bytes` is no dimension\n  bytes\n  ^^^^^\n`bytes` is a metric, which stands after a slash: `src_ip/bytes`",
            ),
            (
                "src_net/40",
                "prefix length `40` is not a number from 0 to 32\n  src_net/40\n  ^^^^^^^^^^",
            ),
        ] {
            assert_eq!(said.parse::<Statistic>().unwrap_err().to_string(), shown);
        }
    }
}
