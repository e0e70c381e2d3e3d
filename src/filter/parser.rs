//! The structure of the language of filters over traffic: how each condition begins; [`grammar`](super::grammar) has how
//! they are combined.
//!
//! ```text
//! condition = word | amount compare number | [ protocol ] [ side ] field operand | operand
//! ```

use super::expr::{Amount, Expr, Numbers, Outcome, Side};
use super::grammar::{Language, Parser, Result};
use super::lexer::{self, Placed, Token};
use super::operand::Field;
use super::words;
use crate::model::Role;

/// What a value alone is taken to be: the qualifiers of the condition before it.
#[derive(Clone, Copy)]
pub(super) struct Qualifier {
    pub(super) protocol: Option<u8>,
    pub(super) side: Side,
    pub(super) field: Field,
}

impl Language for Expr {
    type Implied = Option<Qualifier>;

    const EVERYTHING: Self = Self::Any;

    fn tokens(text: &str) -> Result<Vec<Placed<'_>>> {
        lexer::tokens(text)
    }

    fn condition(parser: &mut Parser<'_, Self>) -> Result<Self> {
        parser.condition()
    }

    fn or(parts: Vec<Self>) -> Self {
        Self::one_of(parts)
    }

    fn and(parts: Vec<Self>) -> Self {
        Self::all(parts)
    }

    fn not(part: Self) -> Self {
        Self::Not(Box::new(part))
    }
}

impl Parser<'_, Expr> {
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
        if let Some(field) = joint.filter(|_| self.follows("if")) {
            self.skip();
            self.skip();
            return Ok(Some((Side::Either, field)));
        }
        let field = Field::named(word);
        if field.is_some() {
            self.skip();
        }
        Ok(field.map(|field| (Side::Either, field)))
    }

    /// Takes `src`, `dst`, `src or dst` or `src and dst`.
    fn side(&mut self, first: &str) -> Side {
        self.skip();
        let second = if first == "src" { "dst" } else { "src" };
        let joint = |word: &str| self.is_next(word) && self.follows(second);
        let side = match (joint("or"), joint("and")) {
            (true, _) => Side::Either,
            (_, true) => Side::Both,
            _ if first == "src" => return Side::Src,
            _ => return Side::Dst,
        };
        self.skip();
        self.skip();
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
        if field.takes_operand() && self.is_next("(") {
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
