//! The language of `when`: what must hold beside a rule's test.
//!
//! ```text
//! condition = both { "or" both }
//! both      = factor { "and" factor }
//! factor    = "not" factor | "(" condition ")" | atom
//! atom      = number "of" number "intervals"
//!           | "top" dimension ( "joins" | "leaves" )
//!           | metric ( "above" | "below" ) [ number "x" ] "baseline"
//!           | metric [ "/" metric ] ( ">" | ">=" | "<" | "<=" ) number
//! ```

use crate::filter::{nearest, parse_amount};
use crate::model::{Condition, Dimension, Metric, Than, When};
use std::ops::Range;
use winnow::ascii::multispace0;
use winnow::combinator::{alt, repeat};
use winnow::token::{any, take_while};
use winnow::{LocatingSlice, ModalResult, Parser};

/// The longest condition, in bytes.
const LONGEST: usize = 4096;
/// The deepest nesting.
const DEEPEST: usize = 32;

/// What is wrong with a condition, and where in its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) span: Range<usize>,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

type Result<T> = std::result::Result<T, Problem>;

/// Reads a condition; `metrics` and `dimensions` are those it may speak of.
pub(super) fn parse(text: &str, metrics: &[Metric], dimensions: &[Dimension]) -> Result<When> {
    let mut parser = Words {
        tokens: tokens(text),
        at: 0,
        end: text.len(),
        depth: 0,
        metrics,
        dimensions,
    };
    if text.len() > LONGEST {
        return Err(parser.problem(format!("longer than {LONGEST} bytes")));
    }
    let condition = parser.either()?;
    if parser.peek().is_some() {
        return Err(parser.expected("`and`, `or` or the end"));
    }
    Ok(When {
        text: text.to_owned(),
        condition,
    })
}

/// A word or sign, and where it stands.
type Token<'a> = (&'a str, Range<usize>);

/// Cuts a text into words, numbers and signs; what is none of these is a sign of its own.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let one = (multispace0, token.with_span()).map(|(_, token)| token);
    let mut all = repeat(0.., one);
    all.parse_next(&mut LocatingSlice::new(text)).unwrap_or_default()
}

fn token<'t>(input: &mut LocatingSlice<&'t str>) -> ModalResult<&'t str> {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    alt((take_while(1.., part), ">=", "<=", any.take())).parse_next(input)
}

struct Words<'a> {
    tokens: Vec<Token<'a>>,
    at: usize,
    end: usize,
    depth: usize,
    metrics: &'a [Metric],
    dimensions: &'a [Dimension],
}

impl<'a> Words<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.tokens.get(self.at).map(|(text, _)| *text)
    }

    fn next(&mut self) -> Option<&'a str> {
        self.at += 1;
        self.tokens.get(self.at - 1).map(|(text, _)| *text)
    }

    /// Takes `word` if it comes next.
    fn takes(&mut self, word: &str) -> bool {
        let here = self.peek() == Some(word);
        self.at += usize::from(here);
        here
    }

    fn need(&mut self, word: &str, what: &str) -> Result<()> {
        if self.takes(word) {
            Ok(())
        } else {
            Err(self.expected(what))
        }
    }

    /// Something is wrong with what comes next.
    fn problem(&self, message: String) -> Problem {
        let span = self.tokens.get(self.at).map(|(_, span)| span.clone());
        Problem {
            span: span.unwrap_or(self.end..self.end),
            message,
            hint: None,
        }
    }

    fn expected(&self, what: &str) -> Problem {
        match self.peek() {
            Some(found) => self.problem(format!("expected {what}, found `{found}`")),
            None => self.problem(format!("expected {what}, but the condition ends here")),
        }
    }

    /// One of several names comes next.
    fn name<T: Copy>(&mut self, what: &str, known: &[(&'static str, T)]) -> Result<T> {
        let found = self.peek().unwrap_or_default();
        if let Some((_, value)) = known.iter().find(|(name, _)| *name == found) {
            self.at += 1;
            return Ok(*value);
        }
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        let hint = match nearest(found, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known are {}", names.join(", ")),
        };
        Err(Problem {
            hint: Some(hint),
            ..self.expected(what)
        })
    }

    fn either(&mut self) -> Result<Condition> {
        let mut parts = vec![self.both()?];
        while self.takes("or") {
            parts.push(self.both()?);
        }
        Ok(joined(parts, Condition::Any))
    }

    fn both(&mut self) -> Result<Condition> {
        let mut parts = vec![self.factor()?];
        while self.takes("and") {
            parts.push(self.factor()?);
        }
        Ok(joined(parts, Condition::All))
    }

    fn factor(&mut self) -> Result<Condition> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.problem(format!("nested deeper than {DEEPEST}")));
        }
        let factor = if self.takes("not") {
            Condition::Not(Box::new(self.factor()?))
        } else if self.takes("(") {
            let inner = self.either()?;
            self.need(")", "`)`")?;
            inner
        } else {
            self.atom()?
        };
        self.depth -= 1;
        Ok(factor)
    }

    fn atom(&mut self) -> Result<Condition> {
        if self.takes("top") {
            let dimensions: Vec<_> = self.dimensions.iter().map(|d| (d.name(), *d)).collect();
            let dimension = self.name("a dimension to rank by", &dimensions)?;
            let joins = self.name("`joins` or `leaves`", &[("joins", true), ("leaves", false)])?;
            return Ok(Condition::Top { dimension, joins });
        }
        if self
            .peek()
            .is_some_and(|word| word.starts_with(|c: char| c.is_ascii_digit()))
        {
            return self.lasts();
        }
        let metrics: Vec<_> = self.metrics.iter().map(|m| (m.name(), *m)).collect();
        let metric = self.name("a metric", &metrics)?;
        if matches!(self.peek(), Some("above" | "below")) {
            return self.baseline(metric);
        }
        let per = match self.takes("/") {
            true => Some(self.name("a metric", &metrics)?),
            false => None,
        };
        let signs = [
            (">", Than::More),
            (">=", Than::AtLeast),
            ("<", Than::Less),
            ("<=", Than::AtMost),
        ];
        let what = match per {
            None => "`/`, `above`, `below`, `>`, `>=`, `<` or `<=`",
            Some(_) => "`>`, `>=`, `<` or `<=`",
        };
        let Some((_, than)) = signs.into_iter().find(|(sign, _)| self.peek() == Some(sign)) else {
            return Err(self.expected(what));
        };
        self.at += 1;
        Ok(Condition::Compare {
            metric,
            per,
            than,
            value: self.number("a number such as `300`, `0.5` or `2M`")?,
        })
    }

    fn baseline(&mut self, metric: Metric) -> Result<Condition> {
        let above = self.next() == Some("above");
        let factor = match self.peek() {
            Some("baseline") => None,
            _ => {
                let factor = self.factor_of_baseline()?;
                self.need("x", "`x`")?;
                Some(factor)
            }
        };
        self.need("baseline", "`baseline`")?;
        Ok(Condition::Baseline {
            metric,
            above,
            factor,
        })
    }

    /// `3` before ` x`, or `3x` in one word, which is cut in two.
    fn factor_of_baseline(&mut self) -> Result<f64> {
        if let Some((text, span)) = self.tokens.get_mut(self.at)
            && let Some(number) = text.strip_suffix('x').filter(|number| !number.is_empty())
        {
            let middle = span.end - 1;
            let rest = ("x", middle..span.end);
            (*text, *span) = (number, span.start..middle);
            self.tokens.insert(self.at + 1, rest);
        }
        self.number("`baseline`, or a number and `x`")
    }

    fn lasts(&mut self) -> Result<Condition> {
        let least = self.small("how many intervals, 1 to 32")?;
        self.need("of", "`of`: `2 of 3 intervals`, or a metric to compare")?;
        let at = self.at;
        let of = self.small("of how many intervals, 1 to 32")?;
        if least > of {
            self.at = at;
            return Err(self.problem(format!("{least} of {of} can never be")));
        }
        self.need("intervals", "`intervals`")?;
        Ok(Condition::Lasts { least, of })
    }

    fn small(&mut self, what: &str) -> Result<u8> {
        let number = self.peek().and_then(|text| text.parse().ok());
        let number = number.filter(|number| (1..=32).contains(number));
        let number = number.ok_or_else(|| self.expected(what))?;
        self.at += 1;
        Ok(number)
    }

    fn number(&mut self, what: &str) -> Result<f64> {
        let text = self.peek().unwrap_or_default();
        let is_number = text.starts_with(|c: char| c.is_ascii_digit() || c == '.');
        let plain = text.parse().ok().filter(|_| is_number);
        let number = plain.or_else(|| parse_amount(text).ok().map(|amount| amount as f64));
        let number = number.filter(|number: &f64| number.is_finite());
        let number = number.ok_or_else(|| self.expected(what))?;
        self.at += 1;
        Ok(number)
    }
}

/// One part as itself, several together.
fn joined(mut parts: Vec<Condition>, together: impl Fn(Vec<Condition>) -> Condition) -> Condition {
    match (parts.len(), parts.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            parts.extend(last);
            together(parts)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const METRICS: [Metric; 5] = [
        Metric::Bytes,
        Metric::Packets,
        Metric::Flows,
        Metric::Sources,
        Metric::Failed,
    ];

    fn read(text: &str) -> Result<Condition> {
        parse(text, &METRICS, &Dimension::ALL).map(|when| when.condition)
    }

    #[test]
    fn every_form_is_read() {
        let compare = |metric, per, than, value| Condition::Compare {
            metric,
            per,
            than,
            value,
        };
        let baseline = |above, factor| Condition::Baseline {
            metric: Metric::Sources,
            above,
            factor,
        };
        let forms = [
            ("flows >= 300", compare(Metric::Flows, None, Than::AtLeast, 300.0)),
            ("bytes<2M", compare(Metric::Bytes, None, Than::Less, 2e6)),
            (
                "bytes / packets < 100",
                compare(Metric::Bytes, Some(Metric::Packets), Than::Less, 100.0),
            ),
            (
                "failed/flows > 0.5",
                compare(Metric::Failed, Some(Metric::Flows), Than::More, 0.5),
            ),
            ("sources above baseline", baseline(true, None)),
            ("sources below 0.5 x baseline", baseline(false, Some(0.5))),
            ("sources above 3x baseline", baseline(true, Some(3.0))),
            (
                "top src_ip joins",
                Condition::Top {
                    dimension: Dimension::SrcIp,
                    joins: true,
                },
            ),
            ("2 of 3 intervals", Condition::Lasts { least: 2, of: 3 }),
        ];
        for (text, condition) in forms {
            assert_eq!(read(text), Ok(condition), "{text}");
        }
    }

    #[test]
    fn not_binds_tightest_then_and() {
        let lasts = |least| Condition::Lasts { least, of: 9 };
        let [a, b, c] = [1, 2, 3].map(lasts);
        let not = |condition: &Condition| Condition::Not(Box::new(condition.clone()));
        let [x, y, z] = ["1 of 9 intervals", "2 of 9 intervals", "3 of 9 intervals"];
        assert_eq!(
            read(&format!("{x} or not {y} and {z}")),
            Ok(Condition::Any(vec![
                a.clone(),
                Condition::All(vec![not(&b), c.clone()])
            ]))
        );
        assert_eq!(
            read(&format!("({x} or {y}) and not ({z})")),
            Ok(Condition::All(vec![Condition::Any(vec![a, b]), not(&c)]))
        );
    }

    #[test]
    fn what_is_wrong_is_named_where_it_stands() {
        let said = |text: &str| {
            let problem = read(text).unwrap_err();
            let hint = problem.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
            format!("{:?} {}{hint}", problem.span, problem.message)
        };
        assert_eq!(
            said("flows >= 3 and byts > 2"),
            "15..19 expected a metric, found `byts`; did you mean `bytes`?"
        );
        assert_eq!(
            said("flows >="),
            "8..8 expected a number such as `300`, `0.5` or `2M`, but the condition ends here"
        );
        assert_eq!(said("5 of 3 intervals"), "5..6 5 of 3 can never be");
        assert_eq!(
            said("top src_ip goes"),
            "11..15 expected `joins` or `leaves`, found `goes`; known are joins, leaves"
        );
        assert_eq!(
            said("flows above twice baseline"),
            "12..17 expected `baseline`, or a number and `x`, found `twice`"
        );
        assert_eq!(
            said("(flows > 1"),
            "10..10 expected `)`, but the condition ends here"
        );
        assert_eq!(
            said("flows = 1"),
            "6..7 expected `/`, `above`, `below`, `>`, `>=`, `<` or `<=`, found `=`"
        );
        assert_eq!(
            said("flows > 1 flows > 2"),
            "10..15 expected `and`, `or` or the end, found `flows`"
        );
        assert_eq!(
            said("flows > 1 and ü > 2"),
            "14..16 expected a metric, found `ü`; known are bytes, packets, flows, sources, failed"
        );
        assert!(said("").starts_with("0..0 expected a metric"));
        assert!(said(&"(".repeat(40)).contains("nested deeper than 32"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_brings_it_down(text in "([a-z0-9_.<>=/() ü]|flows|above|baseline|top|src_ip|of){0,60}") {
            if let Err(problem) = read(&text) {
                proptest::prop_assert!(text.get(problem.span).is_some(), "inside the text");
            }
        }
    }
}
