//! What both languages of filters have in common: conditions in either are combined with the same words, and what cannot be
//! read is told in the same ones.
//!
//! ```text
//! filter = [ either ]
//! either = both { ("or" | "||") both }
//! both   = factor { ("and" | "&&") factor }
//! factor = ("not" | "!") factor | "(" either ")" | condition
//! ```

use super::error::FilterError;
use super::expr::Compare;
use super::lexer::{Placed, Token};
use super::{MAX_DEPTH, MAX_LENGTH};
use std::ops::Range;

pub(super) type Result<T> = std::result::Result<T, FilterError>;

/// A language: what is combined, and how its conditions read.
pub(super) trait Language: Sized {
    /// What a condition takes over from the one before it.
    type Implied: Default;

    /// What an empty text says.
    const EVERYTHING: Self;

    /// The pieces of `text`.
    fn tokens(text: &str) -> Result<Vec<Placed<'_>>>;
    /// Reads one condition.
    fn condition(parser: &mut Parser<'_, Self>) -> Result<Self>;
    /// One of these at least; there is one.
    fn or(parts: Vec<Self>) -> Self;
    /// All of these; there is one.
    fn and(parts: Vec<Self>) -> Self;
    /// The contrary.
    fn not(part: Self) -> Self;
}

/// Reads a whole filter.
pub(super) fn parse<L: Language>(text: &str) -> Result<L> {
    if text.len() > MAX_LENGTH {
        let problem = format!("the filter is longer than {MAX_LENGTH} bytes");
        return Err(FilterError::new(text, MAX_LENGTH..MAX_LENGTH, problem));
    }
    let mut parser = Parser {
        text,
        tokens: L::tokens(text)?,
        at: 0,
        depth: 0,
        implied: L::Implied::default(),
    };
    if parser.tokens.is_empty() {
        return Ok(L::EVERYTHING);
    }
    let all = parser.either()?;
    match parser.peek() {
        None => Ok(all),
        Some(Token::Sign(")")) => Err(parser.problem("this `)` closes nothing")),
        Some(_) => Err(parser.unexpected("`and`, `or` or the end")),
    }
}

/// A text that is being read, and the place reached.
pub(super) struct Parser<'t, L: Language> {
    text: &'t str,
    tokens: Vec<Placed<'t>>,
    at: usize,
    depth: usize,
    pub(super) implied: L::Implied,
}

impl<'t, L: Language> Parser<'t, L> {
    pub(super) fn peek(&self) -> Option<Token<'t>> {
        self.tokens.get(self.at).map(|(token, _)| *token)
    }

    /// The next token as a word in lower case, empty when it is none.
    pub(super) fn peek_word(&self) -> String {
        match self.peek() {
            Some(Token::Word(word)) => word.to_lowercase(),
            _ => String::new(),
        }
    }

    /// Whether the next token is the word or sign `wanted`.
    pub(super) fn is_next(&self, wanted: &str) -> bool {
        self.peek().is_some_and(|token| token.is(wanted))
    }

    /// Whether the token after the next is the word or sign `wanted`.
    pub(super) fn follows(&self, wanted: &str) -> bool {
        let after = self.tokens.get(self.at + 1);
        after.is_some_and(|(token, _)| token.is(wanted))
    }

    /// Takes the next token if it is the word or sign `wanted`.
    pub(super) fn take(&mut self, wanted: &str) -> bool {
        let found = self.is_next(wanted);
        self.at += usize::from(found);
        found
    }

    pub(super) fn skip(&mut self) {
        self.at += 1;
    }

    /// The place of the next token; the end of the text after the last.
    pub(super) fn span(&self) -> Range<usize> {
        let end = self.text.len()..self.text.len();
        self.tokens.get(self.at).map_or(end, |(_, span)| span.clone())
    }

    /// A problem with the next token.
    pub(super) fn problem(&self, problem: impl Into<String>) -> FilterError {
        self.problem_at(self.span(), problem)
    }

    /// A problem at another place.
    pub(super) fn problem_at(&self, span: Range<usize>, problem: impl Into<String>) -> FilterError {
        FilterError::new(self.text, span, problem.into())
    }

    /// The next token is none that may stand here.
    pub(super) fn unexpected(&self, expected: &'static str) -> FilterError {
        let problem = match self.peek() {
            None => "the filter ends here".to_owned(),
            Some(Token::Word(word) | Token::Quoted(word)) => format!("unexpected `{word}`"),
            Some(Token::Sign(sign)) => format!("unexpected `{sign}`"),
            Some(Token::Strange(character)) => format!("unexpected `{character}`"),
        };
        self.problem(problem).expected(expected)
    }

    /// Takes the sign of a comparison, if there is one.
    pub(super) fn compare(&mut self) -> Option<Compare> {
        let compare = match self.peek() {
            Some(Token::Sign(">")) => Compare::More,
            Some(Token::Sign("<")) => Compare::Less,
            Some(Token::Sign(">=")) => Compare::AtLeast,
            Some(Token::Sign("<=")) => Compare::AtMost,
            Some(Token::Sign("=")) => Compare::Equal,
            Some(Token::Sign("!=")) => Compare::Unequal,
            _ => return None,
        };
        self.skip();
        Some(compare)
    }

    fn either(&mut self) -> Result<L> {
        let mut parts = vec![self.both()?];
        while self.take("or") {
            parts.push(self.both()?);
        }
        Ok(L::or(parts))
    }

    fn both(&mut self) -> Result<L> {
        let mut parts = vec![self.factor()?];
        while self.take("and") {
            parts.push(self.factor()?);
        }
        Ok(L::and(parts))
    }

    fn factor(&mut self) -> Result<L> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.problem(format!("nested deeper than {MAX_DEPTH}")));
        }
        let factor = if self.take("not") {
            L::not(self.factor()?)
        } else if self.is_next("(") {
            self.group()?
        } else {
            L::condition(self)?
        };
        self.depth -= 1;
        Ok(factor)
    }

    /// `( either )`; the error of a missing `)` points at the `(` it belongs to when the text ends.
    pub(super) fn group(&mut self) -> Result<L> {
        let opening = self.span();
        self.skip();
        let inside = self.either()?;
        if self.take(")") {
            return Ok(inside);
        }
        Err(match self.peek() {
            None => self.problem_at(opening, "this `(` is never closed"),
            Some(_) => self.unexpected("`and`, `or` or `)`"),
        })
    }
}
