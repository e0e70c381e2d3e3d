//! The values of conditions: addresses, numbers, lists, amounts with units, flags.

use super::expr::{Addresses, Amount, Compare, Expr, Numbers, Side};
use super::grammar::{Parser, Result};
use super::lexer::Token;
use super::parser::Qualifier;
use super::units::{scaled, span};
use super::words;
use crate::model::{Country, Prefix};

/// The field a condition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// `ip`, which may still turn out to be an address.
    Family,
    Address,
    Protocol,
    Port,
    PortRange,
    As,
    Country,
    Internal,
    External,
    Flags,
    Vlan,
    IcmpType,
    IcmpCode,
    Exporter,
    InIf,
    OutIf,
    Interface,
}

impl Field {
    pub(super) fn named(word: &str) -> Option<Self> {
        Some(match word {
            "ip" => Self::Family,
            "host" | "net" => Self::Address,
            "proto" | "protocol" => Self::Protocol,
            "port" => Self::Port,
            "portrange" => Self::PortRange,
            "as" | "asn" => Self::As,
            "country" => Self::Country,
            "internal" => Self::Internal,
            "external" => Self::External,
            "flags" | "tcp_flags" => Self::Flags,
            "vlan" => Self::Vlan,
            "icmp_type" | "icmp-type" => Self::IcmpType,
            "icmp_code" | "icmp-code" => Self::IcmpCode,
            "exporter" => Self::Exporter,
            "in_if" => Self::InIf,
            "out_if" => Self::OutIf,
            "if" => Self::Interface,
            _ => return None,
        })
    }

    /// Whether `src` and `dst` mean something before it.
    pub(super) const fn has_sides(self) -> bool {
        use Field::{Address, As, Country, External, Internal, Port, PortRange};
        matches!(
            self,
            Address | Port | PortRange | As | Country | Internal | External
        )
    }

    pub(super) const fn takes_operand(self) -> bool {
        !matches!(self, Self::Internal | Self::External | Self::Family)
    }

    /// Whether a word alone could be a value of this field.
    pub(super) fn resembles(self, word: &str) -> bool {
        match self {
            Self::Port | Self::PortRange => {
                word.starts_with(|c: char| c.is_ascii_digit()) || words::service(word).is_some()
            }
            Self::Country => word.len() == 2 || word == "unknown",
            Self::Flags | Self::Family | Self::Internal | Self::External => false,
            _ => word.starts_with(|c: char| c.is_ascii_digit()) || word.starts_with("as"),
        }
    }

    /// The largest value of a number.
    const fn most(self) -> u32 {
        match self {
            Self::As | Self::InIf | Self::OutIf | Self::Interface => u32::MAX,
            Self::Protocol | Self::IcmpType | Self::IcmpCode => 0xff,
            _ => 0xffff,
        }
    }

    const fn noun(self) -> &'static str {
        match self {
            Self::Protocol => "a protocol",
            Self::Port | Self::PortRange => "a port",
            Self::As => "an AS number",
            Self::Vlan => "a VLAN",
            Self::IcmpType => "an ICMP type",
            Self::InIf | Self::OutIf | Self::Interface => "an interface number",
            _ => "an ICMP code",
        }
    }
}

/// A range of numbers, sorted or not.
type Span = (u32, u32);

impl Parser<'_, Expr> {
    /// The value after the qualifiers and the test both make.
    pub(super) fn operand(&mut self, qualifier: Qualifier) -> Result<Expr> {
        let side = qualifier.side;
        let test = match qualifier.field {
            Field::Internal => Expr::Internal(side, true),
            Field::External => Expr::Internal(side, false),
            Field::Address | Field::Family => self.addresses(|set| Expr::Address(side, set))?,
            Field::Exporter => self.addresses(Expr::Exporter)?,
            Field::Country => self.countries(side)?,
            Field::Flags => self.flags()?,
            field => self.numbers(side, field)?,
        };
        let Some(number) = qualifier.protocol else {
            return Ok(test);
        };
        let number = u32::from(number);
        Ok(Expr::all(vec![
            Expr::Protocol(Numbers::new(vec![(number, number)])),
            test,
        ]))
    }

    /// `=`, `!=` or nothing; true for `!=`.
    fn negated(&mut self) -> bool {
        let negated = self.take("!=");
        if !negated {
            self.take("=");
        }
        negated
    }

    /// One value, or `in` and a list of them in brackets, separated by blanks or commas.
    fn values<T>(&mut self, one: impl Fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        // `in` without a list may still be India's code.
        let list = self.is_next("[") || (self.is_next("in") && self.follows("["));
        if !list {
            return one(self).map(|value| vec![value]);
        }
        self.take("in");
        self.take("[");
        let mut values = Vec::new();
        while !self.take("]") {
            if self.peek().is_none() || (values.is_empty() && self.is_next(",")) {
                return Err(self.unexpected("a value or `]`"));
            }
            values.push(one(self)?);
            self.take(",");
        }
        if values.is_empty() {
            return Err(self
                .unexpected("a list that is not empty")
                .hint("`[]` matches nothing".to_owned()));
        }
        Ok(values)
    }

    fn word(&mut self, expected: &'static str) -> Result<String> {
        match self.peek() {
            Some(Token::Word(word)) => Ok(word.to_owned()),
            _ => Err(self.unexpected(expected)),
        }
    }

    fn addresses(&mut self, test: impl FnOnce(Addresses) -> Expr) -> Result<Expr> {
        let negated = self.negated();
        let prefixes = self.values(|parser| {
            let word = parser.word("an address or prefix")?;
            let prefix = prefix(&word).map_err(|problem| parser.problem(problem))?;
            parser.skip();
            Ok(prefix)
        })?;
        Ok(unless(negated, test(Addresses::new(prefixes))))
    }

    fn countries(&mut self, side: Side) -> Result<Expr> {
        let negated = self.negated();
        let mut countries = self.values(|parser| {
            let word = parser.word("a country code")?;
            let country = country(&word).ok_or_else(|| {
                let error = parser.problem(format!("`{word}` is no country code"));
                error.expected("two letters of ISO 3166 such as `DE`, or `unknown`")
            })?;
            parser.skip();
            Ok(country)
        })?;
        countries.sort_unstable();
        countries.dedup();
        Ok(unless(negated, Expr::Country(side, countries)))
    }

    fn flags(&mut self) -> Result<Expr> {
        self.take("=");
        let word = self.word("TCP flags out of `CEUAPRSF`")?;
        let bit = |letter: char| "FSRPAUEC".find(letter.to_ascii_uppercase());
        let bits: Option<Vec<usize>> = word.chars().map(bit).collect();
        let bits = bits.ok_or_else(|| {
            let error = self.problem(format!("`{word}` are no TCP flags"));
            error.expected("letters out of `CEUAPRSF`, such as `S` or `SA`")
        })?;
        self.skip();
        Ok(Expr::Flags(bits.into_iter().fold(0, |mask, bit| mask | 1 << bit)))
    }

    fn numbers(&mut self, side: Side, field: Field) -> Result<Expr> {
        let compare = self.compare().unwrap_or(Compare::Equal);
        if matches!(compare, Compare::Equal | Compare::Unequal) {
            let ranges = self.values(|parser| parser.range(field))?;
            return Ok(set(
                side,
                field,
                Numbers::new(ranges),
                compare == Compare::Unequal,
            ));
        }
        let place = self.span();
        let (number, last) = self.range(field)?;
        let set_of = Numbers::compared(compare, number, field.most());
        if number != last || set_of.ranges().is_empty() {
            let problem = format!("nothing is {compare} this");
            let problem = if number == last {
                problem
            } else {
                format!("`{compare}` takes one number")
            };
            return Err(self.problem_at(place, problem));
        }
        Ok(set(side, field, set_of, false))
    }

    /// A number, a name for one, or `first-last`.
    fn range(&mut self, field: Field) -> Result<Span> {
        let word = self.word(field.noun())?.to_lowercase();
        let number = |text: &str| named_number(field, text);
        let range = number(&word).map(|only| (only, only)).or_else(|| {
            let (first, last) = word.split_once('-')?;
            Some((number(first)?, number(last)?))
        });
        let Some((first, last)) = range else {
            let error = self.problem(format!("`{word}` is not {}", field.noun()));
            let names = words::protocol_names().filter(|_| field == Field::Protocol);
            return Err(error.did_you_mean(words::nearest(&word, names)));
        };
        if first > field.most() || last > field.most() {
            let problem = format!(
                "`{word}` is more than {}, the largest for {}",
                field.most(),
                field.noun()
            );
            return Err(self.problem(problem));
        }
        if first > last {
            return Err(self.problem(format!("the range `{word}` is the wrong way round")));
        }
        self.skip();
        Ok((first, last))
    }

    /// What an amount is compared with; without a sign it is equality, as in nfdump.
    pub(super) fn amount(&mut self, amount: Amount) -> Result<Expr> {
        let compare = self.compare().unwrap_or(Compare::Equal);
        let word = self.word("`>`, `<`, `=` and a number")?;
        let value = if amount == Amount::Duration {
            span(&word)
        } else {
            scaled(&word)
        };
        let value = value.map_err(|problem| self.problem(problem))?;
        self.skip();
        Ok(Expr::Amount(amount, compare, value))
    }
}

/// The test of a number field. `!=` asks for a number that is there and differs, of either side.
fn set(side: Side, field: Field, numbers: Numbers, negated: bool) -> Expr {
    let test = |numbers| match field {
        Field::Protocol => Expr::Protocol(numbers),
        Field::As => Expr::As(side, numbers),
        Field::Vlan => Expr::Vlan(numbers),
        Field::IcmpType => Expr::IcmpType(numbers),
        Field::IcmpCode => Expr::IcmpCode(numbers),
        Field::InIf => Expr::Interface(Side::Src, numbers),
        Field::OutIf => Expr::Interface(Side::Dst, numbers),
        Field::Interface => Expr::Interface(Side::Either, numbers),
        _ => Expr::Port(side, numbers),
    };
    let always_there = matches!(field, Field::Protocol | Field::As);
    match (negated, always_there) {
        (false, _) => test(numbers),
        (true, true) => unless(true, test(numbers)),
        (true, false) => {
            let there = test(Numbers::new(vec![(0, field.most())]));
            Expr::all(vec![there, unless(true, test(numbers))])
        }
    }
}

fn unless(negated: bool, test: Expr) -> Expr {
    if negated { Expr::Not(Box::new(test)) } else { test }
}

fn named_number(field: Field, text: &str) -> Option<u32> {
    let digits = |text: &str| {
        let all = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        // More digits than fit are a number all the same, only too large a one.
        all.then(|| text.parse().unwrap_or(u32::MAX))
    };
    match field {
        Field::Port | Field::PortRange => digits(text).or_else(|| words::service(text).map(u32::from)),
        Field::Protocol => digits(text).or_else(|| words::protocol(text).map(u32::from)),
        Field::As if text == "unknown" => Some(0),
        Field::As => text.strip_prefix("as").unwrap_or(text).parse().ok(),
        _ => digits(text),
    }
}

/// `10.0.0.1`, `10.0.0.0/8`, `10/8`, `2001:db8::/32`.
fn prefix(word: &str) -> std::result::Result<Prefix, String> {
    let whole = match word.split_once('/') {
        // tcpdump and nfdump let trailing zero octets of an IPv4 prefix be left out.
        Some((octets, length)) if !octets.contains(':') => {
            let missing = 3_usize.saturating_sub(octets.matches('.').count());
            format!("{octets}{}/{length}", ".0".repeat(missing))
        }
        _ => word.to_owned(),
    };
    match whole.parse::<Prefix>() {
        Ok(prefix) => Ok(prefix),
        Err(_) if !word.contains('/') => Err(format!("`{word}` is not an IP address")),
        Err(crate::model::PrefixError::Address(_)) => Err(format!("`{word}` is not a prefix")),
        Err(error) => Err(error.to_string()),
    }
}

fn country(word: &str) -> Option<Country> {
    if word.eq_ignore_ascii_case("unknown") {
        return Some(Country::default());
    }
    let code: [u8; 2] = word.as_bytes().try_into().ok()?;
    code.iter()
        .all(u8::is_ascii_alphabetic)
        .then(|| Country(code.map(|letter| letter.to_ascii_uppercase())))
}
