//! A filter over columns: predicate by predicate over all rows, and over the values of a coded column instead of its
//! rows. Passes the same records as [`Filter::matches`](super::Filter::matches).

use super::expr::{Amount, Compare, Expr, Numbers, Outcome, Side};
use super::subject::{has_ports, is_icmp};
use crate::model::{Column, Columns, Country, Field, FlowKey, Ip, Role, TcpFlags};

/// Which rows of a batch pass: a bit for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    rows: usize,
    words: Vec<u64>,
}

impl Selection {
    /// All rows, or none.
    fn of(rows: usize, all: bool) -> Self {
        let mut selection = Self {
            rows,
            words: vec![if all { u64::MAX } else { 0 }; rows.div_ceil(64)],
        };
        selection.trim();
        selection
    }

    /// The rows for which `f` holds.
    fn by(rows: usize, mut f: impl FnMut(usize) -> bool) -> Self {
        let word = |first: usize, f: &mut dyn FnMut(usize) -> bool| {
            let last = (first + 64).min(rows);
            (first..last).fold(0, |word, row| word | u64::from(f(row)) << (row - first))
        };
        let words = (0..rows).step_by(64).map(|first| word(first, &mut f)).collect();
        Self { rows, words }
    }

    /// Clears the bits beyond the last row.
    fn trim(&mut self) {
        let rest = self.rows % 64;
        if let (Some(last), true) = (self.words.last_mut(), rest > 0) {
            *last &= (1 << rest) - 1;
        }
    }

    fn with(mut self, other: &Self, join: impl Fn(u64, u64) -> u64) -> Self {
        for (word, more) in self.words.iter_mut().zip(&other.words) {
            *word = join(*word, *more);
        }
        self
    }

    fn and(self, other: &Self) -> Self {
        self.with(other, |a, b| a & b)
    }

    fn or(self, other: &Self) -> Self {
        self.with(other, |a, b| a | b)
    }

    fn not(mut self) -> Self {
        self.words.iter_mut().for_each(|word| *word = !*word);
        self.trim();
        self
    }

    /// Whether no row passes.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// How many rows pass.
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether a row passes.
    pub fn contains(&self, row: usize) -> bool {
        self.words
            .get(row / 64)
            .is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    /// The rows that pass, in order; `None` where all do.
    pub fn rows(&self) -> Option<Vec<u32>> {
        let count = self.count();
        if count == self.rows {
            return None;
        }
        let mut rows = Vec::with_capacity(count);
        for (at, word) in self.words.iter().enumerate() {
            let mut word = *word;
            while word != 0 {
                rows.push(at as u32 * 64 + word.trailing_zeros());
                word &= word - 1;
            }
        }
        Some(rows)
    }
}

/// The rows of `columns` that pass `expr`. Depth is bounded by the parser.
pub(super) fn select(expr: &Expr, columns: &Columns) -> Selection {
    let rows = columns.rows();
    match expr {
        Expr::Any => Selection::of(rows, true),
        Expr::All(parts) => {
            let mut all = Selection::of(rows, true);
            for part in parts {
                if all.is_empty() {
                    break;
                }
                all = all.and(&select(part, columns));
            }
            all
        }
        Expr::OneOf(parts) => parts.iter().fold(Selection::of(rows, false), |any, part| {
            any.or(&select(part, columns))
        }),
        Expr::Not(part) => select(part, columns).not(),
        Expr::Amount(amount, compare, value) => amounts(columns, *amount, *compare, *value),
        leaf => leaf_of(leaf, columns),
    }
}

fn leaf_of(leaf: &Expr, columns: &Columns) -> Selection {
    let field = |field, holds: &dyn Fn(u128) -> bool| values(columns, field, holds);
    let sides = |side, [src, dst]: [Field; 2], holds: &dyn Fn(u128) -> bool| match side {
        Side::Src => field(src, holds),
        Side::Dst => field(dst, holds),
        Side::Either => field(src, holds).or(&field(dst, holds)),
        Side::Both => field(src, holds).and(&field(dst, holds)),
    };
    let within = |numbers: &Numbers, word: u128| u32::try_from(word).is_ok_and(|n| numbers.contains(n));
    let protocols = |is: fn(u8) -> bool| field(Field::Protocol, &|word| is(word as u8));
    match leaf {
        Expr::Family(v6) => field(Field::SrcIp, &|word| Ip::from_bits(word).is_v4() != *v6),
        Expr::Protocol(numbers) => field(Field::Protocol, &|word| within(numbers, word)),
        Expr::Address(side, set) => sides(*side, [Field::SrcIp, Field::DstIp], &|word| {
            set.contains(Ip::from_bits(word))
        }),
        Expr::Port(side, numbers) => sides(*side, [Field::SrcPort, Field::DstPort], &|word| {
            within(numbers, word)
        })
        .and(&protocols(has_ports)),
        Expr::As(side, numbers) => sides(*side, [Field::SrcAs, Field::DstAs], &|word| within(numbers, word)),
        Expr::Country(side, set) => sides(*side, [Field::SrcCountry, Field::DstCountry], &|word| {
            set.contains(&Country((word as u16).to_be_bytes()))
        }),
        Expr::Internal(side, inside) => sides(*side, [Field::SrcInternal, Field::DstInternal], &|word| {
            (word != 0) == *inside
        }),
        Expr::Flags(mask) => field(Field::TcpFlags, &|word| TcpFlags(word as u8).has(*mask))
            .and(&protocols(|protocol| protocol == FlowKey::TCP)),
        Expr::Vlan(numbers) => field(Field::Vlan, &|word| word != 0 && within(numbers, word)),
        Expr::IcmpType(numbers) => {
            field(Field::DstPort, &|word| within(numbers, word >> 8)).and(&protocols(is_icmp))
        }
        Expr::IcmpCode(numbers) => {
            field(Field::DstPort, &|word| within(numbers, word & 0xff)).and(&protocols(is_icmp))
        }
        Expr::Role(role) => field(Field::Initiator, &|word| (word != 0) == (*role == Role::Request)),
        Expr::Outcome(outcome) => field(Field::Handshake, &|word| is_outcome(word, *outcome)),
        Expr::Exporter(set) => field(Field::Exporter, &|word| {
            word != 0 && set.contains(Ip::from_bits(word))
        }),
        Expr::Interface(side, numbers) => {
            sides(*side, [Field::InIf, Field::OutIf], &|word| within(numbers, word))
                .and(&field(Field::Exporter, &|word| word != 0))
        }
        // Combinations and amounts have their own functions.
        _ => Selection::of(columns.rows(), false),
    }
}

/// Whether the code of a handshake is that of an outcome.
pub(super) fn is_outcome(word: u128, outcome: Outcome) -> bool {
    let word = Field::Handshake.words().get(word as usize).copied();
    match outcome {
        Outcome::Failed => matches!(word, Some("refused" | "unanswered")),
        Outcome::Answered => word == Some("answered"),
        Outcome::Unsolicited => word == Some("unsolicited"),
    }
}

/// The rows whose value of a field holds. Of a coded column each value is asked for once.
fn values(columns: &Columns, field: Field, holds: &dyn Fn(u128) -> bool) -> Selection {
    let rows = columns.rows();
    match columns.get(field) {
        None => Selection::of(rows, holds(0)),
        Some(Column::Constant(value)) => Selection::of(rows, holds(*value)),
        Some(Column::Plain(values)) => {
            let mut last = (0, holds(0));
            Selection::by(rows, |row| {
                let value = values.get(row).map_or(0, |value| *value as u128);
                if value != last.0 {
                    last = (value, holds(value));
                }
                last.1
            })
        }
        Some(Column::Coded { codes, values }) => {
            let held: Vec<bool> = values.iter().map(|value| holds(*value)).collect();
            if held.iter().all(|h| *h) || !held.contains(&true) {
                return Selection::of(rows, held.first().copied().unwrap_or(holds(0)));
            }
            let held_by = |code: &u32| held.get(*code as usize).copied().unwrap_or(false);
            Selection::by(rows, |row| codes.get(row).is_some_and(held_by))
        }
    }
}

/// The rows whose amount compares as said; as `eval::compares` has it.
fn amounts(columns: &Columns, amount: Amount, compare: Compare, value: u64) -> Selection {
    let count = |field| move |row| columns.word(field, row) as u64;
    let (packets, bytes) = (count(Field::Packets), count(Field::Bytes));
    let nanos = |row| {
        let time = |field| columns.word(field, row) as i64;
        let micros = i128::from(time(Field::End)) - i128::from(time(Field::Start));
        u64::try_from(micros.max(0) * 1000).unwrap_or(u64::MAX)
    };
    let plain = |field| {
        values(columns, field, &|word| {
            compare.holds(u128::from(word as u64), u128::from(value))
        })
    };
    match amount {
        Amount::Packets => plain(Field::Packets),
        Amount::Bytes => plain(Field::Bytes),
        Amount::Flows => plain(Field::Flows),
        Amount::Duration => Selection::by(columns.rows(), |row| {
            compare.holds(u128::from(nanos(row)), u128::from(value))
        }),
        Amount::BytesPerPacket | Amount::PacketRate | Amount::BitRate => {
            Selection::by(columns.rows(), |row| {
                amount.compares(compare, value, bytes(row), packets(row), nanos(row))
            })
        }
    }
}
