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
    /// An operator or bracket, in its usual spelling.
    Sign(&'static str),
    /// A character no token begins with.
    Strange(char),
}

/// A token and its place in bytes.
pub(super) type Placed<'t> = (Token<'t>, Range<usize>);

/// All tokens of `text`, or an error at the first character that begins none.
pub(super) fn tokens(text: &str) -> Result<Vec<Placed<'_>>, FilterError> {
    let one = (blank, token.with_span()).map(|((), placed)| placed);
    let mut all = (repeat(0.., one), blank).map(|(all, ()): (Vec<Placed<'_>>, ())| all);
    let found = all.parse_next(&mut LocatingSlice::new(text)).unwrap_or_default();
    match found.iter().find(|(token, _)| matches!(token, Token::Strange(_))) {
        Some((Token::Strange(character), span)) => {
            let problem = format!("`{}` is no part of the language", character.escape_debug());
            Err(FilterError::new(text, span.clone(), problem))
        }
        _ => Ok(found),
    }
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
