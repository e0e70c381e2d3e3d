//! The two ends of many flows: their addresses in order, where these belong, and the order of rows that follows.

use super::coding::{Coder, Pool, follow};
use crate::model::{Column, Columns, Field, Ip, Origin};

/// The fields of one end of a flow.
pub(super) struct EndFields {
    ip: Field,
    asn: Field,
    country: Field,
    internal: Field,
}

pub(super) const SRC: EndFields = EndFields {
    ip: Field::SrcIp,
    asn: Field::SrcAs,
    country: Field::SrcCountry,
    internal: Field::SrcInternal,
};
pub(super) const DST: EndFields = EndFields {
    ip: Field::DstIp,
    asn: Field::DstAs,
    country: Field::DstCountry,
    internal: Field::DstInternal,
};

/// The sources, or the destinations, of many rows: codes into the addresses that occur, which are in order.
pub(super) struct Ends {
    codes: Vec<u32>,
    values: Vec<u128>,
}

impl Ends {
    pub(super) fn of(addresses: impl ExactSizeIterator<Item = u128>, pool: &mut Pool) -> Self {
        let rows = addresses.len();
        let mut coder = Coder::new(rows, pool);
        addresses.for_each(|address| coder.push(address));
        let (mut codes, values) = coder.parts();
        let mut sorted: Vec<u32> = (0..values.len() as u32).collect();
        sorted.sort_unstable_by_key(|at| values[*at as usize]);
        let mut ranks = vec![0; values.len()];
        for (rank, at) in sorted.iter().enumerate() {
            ranks[*at as usize] = rank as u32;
        }
        codes.iter_mut().for_each(|code| *code = ranks[*code as usize]);
        Self {
            codes,
            values: sorted.iter().map(|at| values[*at as usize]).collect(),
        }
    }

    /// Rows in the order of these addresses; of equal ones the order stays (a counting sort).
    pub(super) fn sort(&self, order: Vec<u32>, pool: &mut Pool) -> Vec<u32> {
        let mut starts = vec![0u32; self.values.len() + 1];
        self.codes.iter().for_each(|code| starts[*code as usize + 1] += 1);
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut sorted = pool.codes();
        sorted.resize(order.len(), 0);
        for row in &order {
            let place = &mut starts[self.codes[*row as usize] as usize];
            sorted[*place as usize] = *row;
            *place += 1;
        }
        pool.take_codes(order);
        sorted
    }

    pub(super) fn put(
        self,
        columns: &mut Columns,
        order: &[u32],
        origin: &impl Fn(Ip) -> Origin,
        fields: EndFields,
        pool: &mut Pool,
    ) {
        let origins: Vec<Origin> = self
            .values
            .iter()
            .map(|bits| origin(Ip::from_bits(*bits)))
            .collect();
        let mut codes = pool.codes();
        codes.extend(order.iter().map(|row| self.codes[*row as usize]));
        let mut by_address = |value: &dyn Fn(&Origin) -> u128| follow(&codes, &origins, value, pool);
        columns.set(fields.asn, by_address(&|origin| origin.asn.into()));
        columns.set(
            fields.country,
            by_address(&|origin| u16::from_be_bytes(origin.country.0).into()),
        );
        columns.set(fields.internal, by_address(&|origin| origin.internal.into()));
        pool.take_codes(self.codes);
        let values = self.values;
        columns.set(fields.ip, Column::Coded { codes, values });
    }
}
