//! The structure of the language: how conditions are combined and how each begins.
//!
//! ```text
//! filter    = [ either ]
//! either    = both { ("or" | "||") both }
//! both      = factor { ("and" | "&&") factor }
//! factor    = ("not" | "!") factor | "(" either ")" | condition
//! condition = word | amount compare number | [ protocol ] [ side ] field operand | operand
//! ```

use super::error::FilterError;
use super::expr::{Amount, Expr, Numbers, Outcome, Side};
use super::lexer::{Placed, Token, tokens};
use super::operand::Field;
use super::{MAX_DEPTH, MAX_LENGTH, words};
use crate::model::Role;
use std::ops::Range;

pub(super) type Result<T> = std::result::Result<T, FilterError>;

/// What a value alone is taken to be: the qualifiers of the condition before it.
#[derive(Clone, Copy)]
pub(super) struct Qualifier {
    pub(super) protocol: Option<u8>,
    pub(super) side: Side,
    pub(super) field: Field,
}

/// Reads a whole filter.
pub(super) fn parse(text: &str) -> Result<Expr> {
    if text.len() > MAX_LENGTH {
        let problem = format!("the filter is longer than {MAX_LENGTH} bytes");
        return Err(FilterError::new(text, MAX_LENGTH..MAX_LENGTH, problem));
    }
    let mut parser = Parser {
        text,
        tokens: tokens(text)?,
        at: 0,
        depth: 0,
        implied: None,
    };
    if parser.tokens.is_empty() {
        return Ok(Expr::Any);
    }
    let expr = parser.either()?;
    match parser.peek() {
        None => Ok(expr),
        Some(Token::Sign(")")) => Err(parser.problem("this `)` closes nothing")),
        Some(_) => Err(parser.unexpected("`and`, `or` or the end")),
    }
}

pub(super) struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Placed<'t>>,
    at: usize,
    depth: usize,
    implied: Option<Qualifier>,
}

impl<'t> Parser<'t> {
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

    /// Whether the token after the next opens a list.
    pub(super) fn bracket_follows(&self) -> bool {
        matches!(self.tokens.get(self.at + 1), Some((Token::Sign("["), _)))
    }

    /// Whether the token after the next is this word.
    fn word_follows(&self, wanted: &str) -> bool {
        let after = self.tokens.get(self.at + 1).map(|(token, _)| *token);
        matches!(after, Some(Token::Word(word)) if word.eq_ignore_ascii_case(wanted))
    }

    /// Takes the next token if it is the word or sign `wanted`.
    pub(super) fn take(&mut self, wanted: &str) -> bool {
        let found = match self.peek() {
            Some(Token::Word(word)) => word.eq_ignore_ascii_case(wanted),
            Some(Token::Sign(sign)) => sign == wanted,
            _ => false,
        };
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
        FilterError::new(self.text, self.span(), problem.into())
    }

    /// A problem at another place.
    pub(super) fn problem_at(&self, span: Range<usize>, problem: String) -> FilterError {
        FilterError::new(self.text, span, problem)
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

    fn either(&mut self) -> Result<Expr> {
        let mut parts = vec![self.both()?];
        while self.take("or") {
            parts.push(self.both()?);
        }
        Ok(Expr::one_of(parts))
    }

    fn both(&mut self) -> Result<Expr> {
        let mut parts = vec![self.factor()?];
        while self.take("and") {
            parts.push(self.factor()?);
        }
        Ok(Expr::all(parts))
    }

    fn factor(&mut self) -> Result<Expr> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.problem(format!("nested deeper than {MAX_DEPTH}")));
        }
        let expr = if self.take("not") {
            Expr::Not(Box::new(self.factor()?))
        } else if self.peek() == Some(Token::Sign("(")) {
            self.group()?
        } else {
            self.condition()?
        };
        self.depth -= 1;
        Ok(expr)
    }

    /// `( either )`; the error of a missing `)` points at the `(` it belongs to when the text ends.
    fn group(&mut self) -> Result<Expr> {
        let opening = self.span();
        self.skip();
        let expr = self.either()?;
        if self.take(")") {
            return Ok(expr);
        }
        Err(match self.peek() {
            None => FilterError::new(self.text, opening, "this `(` is never closed".to_owned()),
            Some(_) => self.unexpected("`and`, `or` or `)`"),
        })
    }

    fn condition(&mut self) -> Result<Expr> {
        let word = match self.peek() {
            Some(Token::Word(_)) => self.peek_word(),
            _ => return Err(self.unexpected("a condition")),
        };
        if let Some((side, field)) = self.head(&word)? {
            return self.qualified(None, side, field);
        }
        if let Some(amount) = amount(&word) {
            self.implied = None;
            self.skip();
            return self.amount(amount);
        }
        if let Some(number) = words::protocol(&word) {
            self.skip();
            return self.protocol(number);
        }
        if let Some(expr) = plain(&word) {
            self.implied = None;
            self.skip();
            return Ok(expr);
        }
        self.bare(&word)
    }

    /// Takes the qualifiers at the head of a condition, if that is what `word` begins.
    fn head(&mut self, word: &str) -> Result<Option<(Side, Field)>> {
        if let Some((side, field)) = joined(word) {
            self.skip();
            return Ok(Some((side, field)));
        }
        if matches!(word, "src" | "dst") {
            let side = self.side(word);
            return self.sided().map(|field| Some((side, field)));
        }
        // `in if 3` and `out if 3`, as nfdump has them.
        let joint = match word {
            "in" => Some(Field::InIf),
            "out" => Some(Field::OutIf),
            _ => None,
        };
        if let Some(field) = joint.filter(|_| self.word_follows("if")) {
            self.at += 2;
            return Ok(Some((Side::Either, field)));
        }
        let field = Field::named(word);
        self.at += usize::from(field.is_some());
        Ok(field.map(|field| (Side::Either, field)))
    }

    /// Takes `src`, `dst`, `src or dst` or `src and dst`.
    fn side(&mut self, first: &str) -> Side {
        self.skip();
        let second = if first == "src" { "dst" } else { "src" };
        let next = self.tokens.get(self.at + 1).map(|(token, _)| *token);
        let follows = matches!(next, Some(Token::Word(word)) if word.eq_ignore_ascii_case(second));
        let joint = |parser: &Self, word: &str| {
            follows
                && match parser.peek() {
                    Some(Token::Word(found)) => found.eq_ignore_ascii_case(word),
                    Some(Token::Sign(found)) => found == word,
                    _ => false,
                }
        };
        let side = match (joint(self, "or"), joint(self, "and")) {
            (true, _) => Side::Either,
            (_, true) => Side::Both,
            _ if first == "src" => return Side::Src,
            _ => return Side::Dst,
        };
        self.at += 2;
        side
    }

    /// Takes the field after a side; an address may follow directly.
    fn sided(&mut self) -> Result<Field> {
        let word = self.peek_word();
        let field = match word.as_str() {
            "ip" => Some(Field::Address),
            other => Field::named(other).filter(|field| field.has_sides()),
        };
        if let Some(field) = field {
            self.skip();
            return Ok(field);
        }
        if word.contains(['.', ':', '/']) {
            return Ok(Field::Address);
        }
        let error = self.unexpected("`host`, `net`, `port`, `as`, `country`, `internal` or `external`");
        Err(error.did_you_mean(words::nearest(&word, words::SIDED)))
    }

    /// A condition whose qualifiers are taken.
    fn qualified(&mut self, protocol: Option<u8>, side: Side, field: Field) -> Result<Expr> {
        if field == Field::Family {
            return self.family();
        }
        let qualifier = Qualifier {
            protocol,
            side,
            field,
        };
        self.implied = field.takes_operand().then_some(qualifier);
        if field.takes_operand() && self.peek() == Some(Token::Sign("(")) {
            return self.group();
        }
        self.operand(qualifier)
    }

    /// After `ip`: an address or list, the start of another condition on IPv4, or the family alone.
    fn family(&mut self) -> Result<Expr> {
        let word = self.peek_word();
        let lists = word == "in" || word.contains(['.', ':', '/']);
        if lists || matches!(self.peek(), Some(Token::Sign("=" | "!="))) {
            return self.qualified(None, Side::Either, Field::Address);
        }
        self.after(Expr::Family(false), None)
    }

    /// After a protocol: `udp dst port 53` is both, `udp` alone is itself.
    fn protocol(&mut self, number: u8) -> Result<Expr> {
        let test = Expr::Protocol(Numbers::new(vec![(u32::from(number), u32::from(number))]));
        self.after(test, Some(number))
    }

    /// `test` and the qualified condition that follows without an `and`, if there is one.
    fn after(&mut self, test: Expr, protocol: Option<u8>) -> Result<Expr> {
        let word = self.peek_word();
        let continues = matches!(
            word.as_str(),
            "src" | "dst" | "host" | "net" | "port" | "portrange"
        ) || joined(&word).is_some();
        if !continues {
            self.implied = None;
            return Ok(test);
        }
        let (side, field) = self
            .head(&word)?
            .ok_or_else(|| self.unexpected("`host`, `net` or `port`"))?;
        // The operand adds the protocol itself, so that `udp port 53 or 123` means UDP in both.
        let rest = self.qualified(protocol, side, field)?;
        Ok(if protocol.is_some() {
            rest
        } else {
            Expr::all(vec![test, rest])
        })
    }

    /// A value without qualifiers: an address says what it is, anything else is what the value before it was.
    fn bare(&mut self, word: &str) -> Result<Expr> {
        let address = word.contains(['.', ':', '/']) && !word.contains('_');
        let implied = self
            .implied
            .filter(|implied| matches!(implied.field, Field::Address | Field::Exporter) == address);
        if let Some(qualifier) = implied.filter(|qualifier| address || qualifier.field.resembles(word)) {
            return self.operand(qualifier);
        }
        if address {
            return self.qualified(None, Side::Either, Field::Address);
        }
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            let error = self.problem(format!("`{word}` alone says nothing"));
            return Err(error.hint(format!("write `port {word}` or `as {word}`")));
        }
        let error = self
            .problem(format!("unknown word `{word}`"))
            .expected("a condition");
        Err(error.did_you_mean(words::nearest(word, words::CONDITIONS)))
    }
}

/// `src_port` and its like.
fn joined(word: &str) -> Option<(Side, Field)> {
    let (side, field) = word.split_once('_')?;
    let side = match side {
        "src" => Side::Src,
        "dst" => Side::Dst,
        _ => return None,
    };
    let field = if field == "ip" {
        Some(Field::Address)
    } else {
        Field::named(field)
    };
    field.filter(|field| field.has_sides()).map(|field| (side, field))
}

fn amount(word: &str) -> Option<Amount> {
    Some(match word {
        "packets" => Amount::Packets,
        "bytes" => Amount::Bytes,
        "flows" => Amount::Flows,
        "duration" => Amount::Duration,
        "bpp" => Amount::BytesPerPacket,
        "pps" => Amount::PacketRate,
        "bps" => Amount::BitRate,
        _ => return None,
    })
}

/// Words that are a condition by themselves.
fn plain(word: &str) -> Option<Expr> {
    Some(match word {
        "any" => Expr::Any,
        "ipv4" | "inet" => Expr::Family(false),
        "ipv6" | "ip6" | "inet6" => Expr::Family(true),
        "request" => Expr::Role(Role::Request),
        "reply" => Expr::Role(Role::Reply),
        "failed" => Expr::Outcome(Outcome::Failed),
        "answered" => Expr::Outcome(Outcome::Answered),
        "unsolicited" => Expr::Outcome(Outcome::Unsolicited),
        _ => return None,
    })
}
