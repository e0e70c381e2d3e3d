//! Text to tokens with their places; the only part that looks at single characters.

use super::FilterError;
use std::ops::Range;
use winnow::ascii::{multispace1, till_line_ending};
use winnow::combinator::{alt, repeat};
use winnow::token::{any, take_while};
use winnow::{LocatingSlice, ModalResult, Parser};

/// The smallest piece that means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'t> {
    /// A word, number, address, prefix or range.
    Word(&'t str),
    /// What stands between quotation marks, where the language has them.
    Quoted(&'t str),
    /// An operator or bracket, in its usual spelling.
    Sign(&'static str),
    /// A character no token begins with.
    Strange(char),
}

impl Token<'_> {
    /// Whether it is this word, in any case, or this sign.
    pub(super) fn is(self, wanted: &str) -> bool {
        match self {
            Self::Word(word) => word.eq_ignore_ascii_case(wanted),
            Self::Sign(sign) => sign == wanted,
            Self::Quoted(_) | Self::Strange(_) => false,
        }
    }
}

/// A token and its place in bytes.
pub(super) type Placed<'t> = (Token<'t>, Range<usize>);

/// All tokens of `text`, or an error at the first character that begins none.
pub(super) fn tokens(text: &str) -> Result<Vec<Placed<'_>>, FilterError> {
    let found = tokens_of(text).into_iter();
    found.map(|placed| known(text, 0, placed)).collect()
}

/// As [`tokens`], in the language of filters over anomalies: words may hold `*`, `@` and `+`, and texts stand in quotation
/// marks.
pub(super) fn tokens_with_texts(text: &str) -> Result<Vec<Placed<'_>>, FilterError> {
    let mut all = Vec::new();
    let mut at = 0;
    for (i, piece) in text.split('"').enumerate() {
        let end = at + piece.len();
        if i % 2 == 1 {
            if end == text.len() {
                let problem = "this `\"` is never closed".to_owned();
                return Err(FilterError::new(text, at - 1..at, problem));
            }
            all.push((Token::Quoted(piece), at - 1..end + 1));
        } else {
            for placed in joined(piece, tokens_of(piece)) {
                all.push(known(text, at, placed)?);
            }
        }
        at = end + 1;
    }
    Ok(all)
}

/// A token of the piece of `text` that begins at byte `at`, with its place in the whole of it; an error where it is none.
fn known<'t>(text: &str, at: usize, (token, span): Placed<'t>) -> Result<Placed<'t>, FilterError> {
    let span = at + span.start..at + span.end;
    match token {
        Token::Strange(character) => {
            let problem = format!("`{}` is no part of the language", character.escape_debug());
            Err(FilterError::new(text, span, problem))
        }
        token => Ok((token, span)),
    }
}

/// Joins words with the characters between them that only names and patterns have.
fn joined<'t>(text: &'t str, tokens: Vec<Placed<'t>>) -> Vec<Placed<'t>> {
    let mut all: Vec<Placed<'t>> = Vec::with_capacity(tokens.len());
    for (token, span) in tokens {
        let part = matches!(token, Token::Word(_) | Token::Strange('*' | '@' | '+'));
        let before = all
            .last_mut()
            .filter(|(last, place)| part && place.end == span.start && matches!(last, Token::Word(_)));
        if let Some(before) = before {
            before.1.end = span.end;
            before.0 = Token::Word(text.get(before.1.clone()).unwrap_or_default());
        } else if part {
            all.push((Token::Word(text.get(span.clone()).unwrap_or_default()), span));
        } else {
            all.push((token, span));
        }
    }
    all
}

fn tokens_of(text: &str) -> Vec<Placed<'_>> {
    let one = (blank, token.with_span()).map(|((), placed)| placed);
    let mut all = (repeat(0.., one), blank).map(|(all, ()): (Vec<Placed<'_>>, ())| all);
    all.parse_next(&mut LocatingSlice::new(text)).unwrap_or_default()
}

/// White space and comments.
fn blank(input: &mut LocatingSlice<&str>) -> ModalResult<()> {
    repeat(0.., alt((multispace1.void(), ('#', till_line_ending).void()))).parse_next(input)
}

fn token<'t>(input: &mut LocatingSlice<&'t str>) -> ModalResult<Token<'t>> {
    let comparison = alt((
        alt((">=", "=>")).value(">="),
        alt(("<=", "=<")).value("<="),
        alt(("!=", "<>")).value("!="),
        alt(("==", "=")).value("="),
        ">".value(">"),
        "<".value("<"),
    ));
    let logic = alt(("&&".value("and"), "||".value("or"), "!".value("not")));
    let brackets = alt((
        "(".value("("),
        ")".value(")"),
        "[".value("["),
        "]".value("]"),
        ",".value(","),
    ));
    let sign = alt((comparison, logic, brackets));
    // `:` for IPv6, `/` for prefixes, `-` for ranges and service names, `_` for the one-word qualifiers.
    let word = take_while(1.., |c: char| c.is_alphanumeric() || "_.:/-".contains(c));
    alt((
        sign.map(Token::Sign),
        word.map(Token::Word),
        any.map(Token::Strange),
    ))
    .parse_next(input)
}
