//! Text to conditions over anomalies; places and words of errors are those of filters over traffic.

use super::Tree;
use super::terms::Term;
use crate::filter::grammar::{Language, Parser, Result};
use crate::filter::lexer::{Placed, Token, tokens_with_texts};
use crate::filter::{Compare, nearest, words};
use crate::model::{Direction, Kind, Metric, Severity, Verdict};
use std::str::FromStr;

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

impl Language for Tree {
    type Implied = ();

    const EVERYTHING: Self = Self::Term(Term::Any);

    fn tokens(text: &str) -> Result<Vec<Placed<'_>>> {
        tokens_with_texts(text)
    }

    fn condition(parser: &mut Parser<'_, Self>) -> Result<Self> {
        parser.term().map(Self::Term)
    }

    fn or(parts: Vec<Self>) -> Self {
        one_or(parts, Self::OneOf)
    }

    fn and(parts: Vec<Self>) -> Self {
        one_or(parts, Self::All)
    }

    fn not(part: Self) -> Self {
        Self::Not(Box::new(part))
    }
}

impl Parser<'_, Tree> {
    fn term(&mut self) -> Result<Term> {
        let Some(Token::Word(word)) = self.peek() else {
            return Err(self.unexpected("a condition"));
        };
        let word = word.to_lowercase();
        if !WORDS.contains(&word.as_str()) {
            let error = self.problem(format!("`{word}` begins no condition"));
            return Err(error.did_you_mean(nearest(&word, WORDS)));
        }
        self.skip();
        Ok(match word.as_str() {
            "open" => Term::Open(true),
            "closed" => Term::Open(false),
            "acknowledged" => Term::Acknowledged,
            "silenced" => Term::Silenced,
            "shadow" => Term::Shadow,
            "severity" => Term::Severity(
                self.comparison(),
                self.known(&Severity::ALL, Severity::name, "a severity")?,
            ),
            "score" => Term::Score(self.comparison(), self.value("a score")?),
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

    fn comparison(&mut self) -> Compare {
        self.compare().unwrap_or(Compare::Equal)
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
                return Err(self.problem_at(opening, "this `[` is never closed"));
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
                self.skip();
                Ok(word.to_owned())
            }
            _ => Err(self.unexpected(expected)),
        }
    }

    /// The next word as a value that reads itself.
    fn value<T: FromStr>(&mut self, expected: &'static str) -> Result<T> {
        let place = self.span();
        let word = self.words(expected)?;
        word.parse()
            .map_err(|_| self.problem_at(place, format!("`{word}` is not {expected}")))
    }

    fn port(&mut self) -> Result<u16> {
        let service = self.peek().and_then(|token| match token {
            Token::Word(word) => words::service(&word.to_lowercase()),
            _ => None,
        });
        match service {
            Some(port) => {
                self.skip();
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
        let place = self.span();
        let word = self.words(expected)?.to_lowercase();
        all.iter().copied().find(|&one| name(one) == word).ok_or_else(|| {
            let error = self.problem_at(place, format!("`{word}` is not {expected}"));
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
