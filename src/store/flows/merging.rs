//! Several batches of columns as one, sorted as those are that come from the wire.

use crate::model::{Column, Columns, Field};
use std::collections::HashMap;

/// All records of `batches`, sorted by source, destination and arrival.
pub(super) fn merged(batches: &[Columns]) -> Columns {
    let rows = batches.iter().map(Columns::rows).sum();
    let mut columns = Columns::new(rows);
    for &field in Field::ALL {
        columns.set(field, joined(batches, field));
    }
    let mut order: Vec<u32> = (0..rows as u32).collect();
    let key = |row: &u32| {
        let word = |field| columns.word(field, *row as usize);
        (
            word(Field::SrcIp),
            word(Field::DstIp),
            word(Field::Received) as i64,
        )
    };
    order.sort_by_cached_key(key);
    columns.pick(&order)
}

fn joined(batches: &[Columns], field: Field) -> Column {
    let column = |batch: &Columns| batch.get(field).cloned().unwrap_or(Column::Constant(0));
    let parts: Vec<Column> = batches.iter().map(column).collect();
    let is_plain = |column: &Column| matches!(column, Column::Plain(_));
    if parts.iter().any(is_plain) {
        let numbers = parts
            .iter()
            .zip(batches)
            .flat_map(|(column, batch)| (0..batch.rows()).map(|row| column.number(row)));
        return Column::Plain(numbers.collect());
    }
    let mut codes = Vec::new();
    let mut values = Vec::new();
    let mut known = HashMap::new();
    let mut code = |value: u128| {
        *known.entry(value).or_insert_with(|| {
            values.push(value);
            values.len() as u32 - 1
        })
    };
    for (column, batch) in parts.iter().zip(batches) {
        match column {
            Column::Constant(value) => codes.extend(std::iter::repeat_n(code(*value), batch.rows())),
            Column::Coded { codes: own, values } => {
                let map: Vec<u32> = values.iter().map(|value| code(*value)).collect();
                codes.extend(own.iter().map(|own| map.get(*own as usize).copied().unwrap_or(0)));
            }
            Column::Plain(_) => {}
        }
    }
    match values.as_slice() {
        [only] => Column::Constant(*only),
        _ => Column::Coded { codes, values },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FlowKey, FlowRecord, Ip, Origin, Timestamp};

    fn record(src: u32, dst: u32, bytes: u64) -> FlowRecord {
        FlowRecord {
            key: FlowKey {
                src: Ip::v4(src),
                dst: Ip::v4(dst),
                src_port: 1,
                dst_port: 2,
                protocol: 6,
            },
            start: Timestamp::from_secs(1),
            end: Timestamp::from_secs(2),
            packets: 1,
            bytes,
            dst_origin: Origin {
                asn: dst,
                ..Origin::default()
            },
            ..FlowRecord::unknown()
        }
    }

    #[test]
    fn all_records_are_there_in_order() {
        let at = Timestamp::from_secs;
        let [a, b, c, d] = [record(2, 1, 1), record(1, 9, 2), record(1, 3, 3), record(1, 3, 4)];
        let first = Columns::of([(&a, at(5)), (&d, at(9))]);
        let second = Columns::of([(&b, at(6)), (&c, at(7))]);
        let merged = merged(&[first, second]);
        let all: Vec<FlowRecord> = (0..merged.rows()).map(|row| merged.record(row)).collect();
        assert_eq!(all, [c, d, b, a]);
    }
}
