//! What filters ask of services: the parts that can be answered once for all conversations of one service.

use super::Filter;
use super::expr::{Expr, Numbers};
use std::collections::BTreeSet;

impl Filter {
    /// Whether it asks only for role, protocol, port, and which ends are internal: what conversations of one service
    /// have in common.
    pub fn is_about_services(&self) -> bool {
        self.expr.is_about_services()
    }

    /// A filter of that kind which lets through whatever this one does, and perhaps more.
    #[must_use]
    pub fn about_services(&self) -> Self {
        let expr = match &self.expr {
            Expr::All(parts) => {
                let kept = parts.iter().filter(|part| part.is_about_services());
                Expr::all(kept.cloned().collect())
            }
            expr if expr.is_about_services() => expr.clone(),
            _ => Expr::Any,
        };
        Self {
            text: expr.to_string(),
            expr,
        }
    }

    /// The ports from each of which on up to the next its answer is the same, other things being equal.
    pub fn port_bounds(&self) -> BTreeSet<u16> {
        let mut bounds = BTreeSet::new();
        self.expr.port_bounds(&mut bounds);
        bounds
    }
}

impl Expr {
    fn is_about_services(&self) -> bool {
        match self {
            Self::All(parts) | Self::OneOf(parts) => parts.iter().all(Self::is_about_services),
            Self::Not(part) => part.is_about_services(),
            Self::Any
            | Self::Protocol(_)
            | Self::Port(..)
            | Self::Internal(..)
            | Self::Role(_)
            | Self::IcmpType(_)
            | Self::IcmpCode(_) => true,
            _ => false,
        }
    }

    fn port_bounds(&self, bounds: &mut BTreeSet<u16>) {
        match self {
            Self::All(parts) | Self::OneOf(parts) => parts.iter().for_each(|part| part.port_bounds(bounds)),
            Self::Not(part) => part.port_bounds(bounds),
            Self::Port(_, numbers) => bounds.extend(numbers.bounds()),
            _ => {}
        }
    }
}

impl Numbers {
    /// Where ranges begin, and where what follows them does.
    fn bounds(&self) -> impl Iterator<Item = u16> {
        let edges = self
            .ranges()
            .iter()
            .flat_map(|&(first, last)| [first, last.saturating_add(1)]);
        edges.filter_map(|port| u16::try_from(port).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(text: &str) -> Filter {
        Filter::parse(text).unwrap()
    }

    #[test]
    fn the_part_about_services_is_what_remains_without_addresses_and_their_like() {
        for (text, part) in [
            (
                "dst internal and src as > 0 and request",
                "dst internal and request",
            ),
            ("src host 10.0.0.1 and tcp", "tcp"),
            ("tcp and dst port 80", "tcp and dst port 80"),
            ("src host 10.0.0.1 or tcp", "any"),
            ("any", "any"),
        ] {
            assert_eq!(filter(text).about_services(), filter(part), "{text}");
        }
    }

    #[test]
    fn ports_between_two_bounds_are_not_told_apart() {
        let bounds = |text: &str| filter(text).port_bounds().into_iter().collect::<Vec<u16>>();
        assert_eq!(
            bounds("tcp and (port in [53 80-90] or not src port 7)"),
            [7, 8, 53, 54, 80, 91]
        );
        assert_eq!(bounds("dst port > 1024"), [1025]);
        assert_eq!(bounds("tcp and dst internal"), [0u16; 0]);
    }
}
