//! Text to conditions over anomalies; places and words of errors are those of filters over traffic.

use super::Tree;
use super::terms::Term;
use crate::filter::error::FilterError;
use crate::filter::lexer::{Placed, Token, tokens_with_texts};
use crate::filter::{Compare, MAX_DEPTH, MAX_LENGTH, nearest, words};
use crate::model::{Direction, Kind, Metric, Severity, Verdict};
use std::ops::Range;
use std::str::FromStr;

type Result<T> = std::result::Result<T, FilterError>;

/// The words conditions begin with.
pub(in crate::filter) const WORDS: [&str; 23] = [
    "any",
    "severity",
    "rule",
    "kind",
    "metric",
    "direction",
    "host",
    "net",
    "as",
    "port",
    "exporter",
    "name",
    "text",
    "score",
    "open",
    "closed",
    "acknowledged",
    "silenced",
    "shadow",
    "assignee",
    "verdict",
    "id",
    "incident",
];

/// Reads a whole filter.
pub(super) fn parse(text: &str) -> Result<Tree> {
    if text.len() > MAX_LENGTH {
        let problem = format!("the filter is longer than {MAX_LENGTH} bytes");
        return Err(FilterError::new(text, MAX_LENGTH..MAX_LENGTH, problem));
    }
    let mut parser = Parser {
        text,
        tokens: tokens_with_texts(text)?,
        at: 0,
        depth: 0,
    };
    if parser.tokens.is_empty() {
        return Ok(Tree::Term(Term::Any));
    }
    let tree = parser.either()?;
    match parser.peek() {
        None => Ok(tree),
        Some(Token::Sign(")")) => Err(parser.problem("this `)` closes nothing")),
        Some(_) => Err(parser.unexpected("`and`, `or` or the end")),
    }
}

struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Placed<'t>>,
    at: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<Token<'t>> {
        self.tokens.get(self.at).map(|(token, _)| *token)
    }

    fn span(&self) -> Range<usize> {
        let end = self.text.len()..self.text.len();
        self.tokens.get(self.at).map_or(end, |(_, span)| span.clone())
    }

    fn problem(&self, problem: impl Into<String>) -> FilterError {
        FilterError::new(self.text, self.span(), problem.into())
    }

    fn unexpected(&self, expected: &'static str) -> FilterError {
        let problem = match self.peek() {
            None => "the filter ends here".to_owned(),
            Some(Token::Word(word) | Token::Quoted(word)) => format!("unexpected `{word}`"),
            Some(Token::Sign(sign)) => format!("unexpected `{sign}`"),
            Some(Token::Strange(character)) => format!("unexpected `{character}`"),
        };
        self.problem(problem).expected(expected)
    }

    /// Takes the next token if it is the word or sign `wanted`.
    fn take(&mut self, wanted: &str) -> bool {
        let found = match self.peek() {
            Some(Token::Word(word)) => word.eq_ignore_ascii_case(wanted),
            Some(Token::Sign(sign)) => sign == wanted,
            _ => false,
        };
        self.at += usize::from(found);
        found
    }

    fn either(&mut self) -> Result<Tree> {
        let mut parts = vec![self.both()?];
        while self.take("or") {
            parts.push(self.both()?);
        }
        Ok(one_or(parts, Tree::OneOf))
    }

    fn both(&mut self) -> Result<Tree> {
        let mut parts = vec![self.factor()?];
        while self.take("and") {
            parts.push(self.factor()?);
        }
        Ok(one_or(parts, Tree::All))
    }

    fn factor(&mut self) -> Result<Tree> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.problem(format!("nested deeper than {MAX_DEPTH}")));
        }
        let opening = self.span();
        let tree = if self.take("not") {
            Tree::Not(Box::new(self.factor()?))
        } else if self.take("(") {
            let tree = self.either()?;
            if !self.take(")") {
                return Err(match self.peek() {
                    None => FilterError::new(self.text, opening, "this `(` is never closed".to_owned()),
                    Some(_) => self.unexpected("`and`, `or` or `)`"),
                });
            }
            tree
        } else {
            Tree::Term(self.term()?)
        };
        self.depth -= 1;
        Ok(tree)
    }

    fn term(&mut self) -> Result<Term> {
        let Some(Token::Word(word)) = self.peek() else {
            return Err(self.unexpected("a condition"));
        };
        let word = word.to_lowercase();
        if !WORDS.contains(&word.as_str()) {
            let error = self.problem(format!("`{word}` begins no condition"));
            return Err(error.did_you_mean(nearest(&word, WORDS)));
        }
        self.at += 1;
        Ok(match word.as_str() {
            "open" => Term::Open(true),
            "closed" => Term::Open(false),
            "acknowledged" => Term::Acknowledged,
            "silenced" => Term::Silenced,
            "shadow" => Term::Shadow,
            "severity" => Term::Severity(
                self.compare(),
                self.known(&Severity::ALL, Severity::name, "a severity")?,
            ),
            "score" => Term::Score(self.compare(), self.value("a score")?),
            "rule" => Term::Rule(self.list(|parser| parser.words("a rule's name"))?),
            "kind" => Term::Kind(self.list(|parser| parser.pattern(&Kind::ALL, Kind::name, "a kind"))?),
            "metric" => Term::Metric(self.list(|p| p.pattern(&Metric::ALL, Metric::name, "a metric"))?),
            "direction" => {
                Term::Direction(self.list(|p| p.pattern(&Direction::ALL, Direction::name, "a direction"))?)
            }
            "host" | "net" => Term::Address(self.list(|parser| parser.value("an address or prefix"))?),
            "exporter" => Term::Exporter(self.list(|parser| parser.value("an address or prefix"))?),
            "as" => Term::As(self.list(|parser| parser.value("an AS number"))?),
            "port" => Term::Port(self.list(Self::port)?),
            "name" => Term::Name(self.list(|parser| parser.words("a name").map(|name| name.to_lowercase()))?),
            "text" => Term::Text(self.words("words in quotation marks")?.to_lowercase()),
            "assignee" => Term::Assignee(Some(self.words("a person's name")?).filter(|name| name != "none")),
            "verdict" if self.take("none") => Term::Verdict(None),
            "verdict" => Term::Verdict(Some(self.known(&Verdict::ALL, Verdict::name, "a verdict")?)),
            "id" => Term::Id(self.value("an id of 16 hexadecimal digits")?),
            "incident" => Term::Incident(self.value("an id of 16 hexadecimal digits")?),
            _ => Term::Any,
        })
    }

    fn compare(&mut self) -> Compare {
        let signs = [
            (">=", Compare::AtLeast),
            ("<=", Compare::AtMost),
            ("!=", Compare::Unequal),
            ("=", Compare::Equal),
            (">", Compare::More),
            ("<", Compare::Less),
        ];
        let found = signs.into_iter().find(|(sign, _)| self.take(sign));
        found.map_or(Compare::Equal, |(_, compare)| compare)
    }

    /// One value, or several in brackets after `in` or `=`.
    fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let _ = self.take("=") || self.take("in");
        let opening = self.span();
        if !self.take("[") {
            return Ok(vec![read(self)?]);
        }
        let mut values = Vec::new();
        while !self.take("]") {
            if self.peek().is_none() {
                return Err(FilterError::new(
                    self.text,
                    opening,
                    "this `[` is never closed".to_owned(),
                ));
            }
            values.push(read(self)?);
            self.take(",");
        }
        Ok(values)
    }

    /// The next word or quoted text.
    fn words(&mut self, expected: &'static str) -> Result<String> {
        let _ = self.take("=");
        match self.peek() {
            Some(Token::Word(word) | Token::Quoted(word)) => {
                self.at += 1;
                Ok(word.to_owned())
            }
            _ => Err(self.unexpected(expected)),
        }
    }

    /// The next word as a value that reads itself.
    fn value<T: FromStr>(&mut self, expected: &'static str) -> Result<T> {
        let place = self.at;
        let word = self.words(expected)?;
        word.parse().map_err(|_| {
            self.at = place;
            self.problem(format!("`{word}` is not {expected}"))
        })
    }

    fn port(&mut self) -> Result<u16> {
        let service = self.peek().and_then(|token| match token {
            Token::Word(word) => words::service(&word.to_lowercase()),
            _ => None,
        });
        match service {
            Some(port) => {
                self.at += 1;
                Ok(port)
            }
            None => self.value("a port"),
        }
    }

    /// The next word as one of `all`.
    fn known<T: Copy>(
        &mut self,
        all: &[T],
        name: fn(T) -> &'static str,
        expected: &'static str,
    ) -> Result<T> {
        let place = self.at;
        let word = self.words(expected)?.to_lowercase();
        all.iter().copied().find(|&one| name(one) == word).ok_or_else(|| {
            self.at = place;
            let error = self.problem(format!("`{word}` is not {expected}"));
            let names = all.iter().map(|&one| name(one));
            match nearest(&word, names.clone()) {
                Some(near) => error.did_you_mean(Some(near)),
                None => error.hint(format!("known here: {}", names.collect::<Vec<_>>().join(", "))),
            }
        })
    }

    /// The next word as the name of one of `all`, or as a pattern of such names.
    fn pattern<T: Copy>(
        &mut self,
        all: &[T],
        name: fn(T) -> &'static str,
        expected: &'static str,
    ) -> Result<String> {
        match self.peek() {
            Some(Token::Word(word)) if word.contains('*') => self.words(expected),
            _ => self.known(all, name, expected).map(|one| name(one).to_owned()),
        }
    }
}

fn one_or(mut parts: Vec<Tree>, several: fn(Vec<Tree>) -> Tree) -> Tree {
    match parts.len() {
        1 => parts.remove(0),
        _ => several(parts),
    }
}
