//! Some of the records of a batch of columns as a batch of their own.

use super::{Column, Columns, Field};

impl Columns {
    /// The records `rows`, in that order. Coded columns keep their values, also those that none of the records has.
    #[must_use]
    pub fn pick(&self, rows: &[u32]) -> Self {
        let mut picked = Self::new(rows.len());
        for &field in Field::ALL {
            let column = match self.get(field) {
                None => continue,
                Some(Column::Constant(value)) => Column::Constant(*value),
                Some(Column::Plain(all)) => Column::Plain(each(rows, all)),
                Some(Column::Coded { codes, values }) => Column::Coded {
                    codes: each(rows, codes),
                    values: values.clone(),
                },
            };
            picked.set(field, column);
        }
        picked
    }

    /// The same records with these fields only.
    #[must_use]
    pub fn only(&self, fields: &[Field]) -> Self {
        let mut only = Self::new(self.rows());
        for &field in fields {
            if let Some(column) = self.get(field) {
                only.set(field, column.clone());
            }
        }
        only
    }
}

fn each<T: Copy + Default>(rows: &[u32], all: &[T]) -> Vec<T> {
    let value = |row: &u32| all.get(*row as usize).copied().unwrap_or_default();
    rows.iter().map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picked_records_are_those_they_were() {
        let mut columns = Columns::new(4);
        columns.set(Field::Bytes, Column::Plain(vec![1, 2, 3, 4]));
        columns.set(
            Field::SrcPort,
            Column::Coded {
                codes: vec![0, 1, 1, 0],
                values: vec![80, 443],
            },
        );
        columns.set(Field::Protocol, Column::Constant(6));
        let picked = columns.pick(&[3, 1]);
        assert_eq!(picked.record(0), columns.record(3));
        assert_eq!(picked.record(1), columns.record(1));
        let only = columns.only(&[Field::Bytes, Field::Tos]);
        assert_eq!((only.rows(), only.word(Field::Bytes, 2)), (4, 3));
        assert_eq!(only.get(Field::Protocol), None);
    }
}
