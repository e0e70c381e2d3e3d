//! One Parquet file: row groups of columns in, some columns of some row groups out.

use super::decode;
use super::encode::{PAGE, row_group};
use super::schema::{is_delta, schema};
use crate::model::{Column, Columns, Field};
use crate::store::flows::coding::Pool;
use parquet::basic::{Compression, Encoding};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::file::statistics::Statistics;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnDescPtr, ColumnPath};
use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Rows of a row group at most, far above what is written.
const MOST_ROWS: i64 = 1 << 24;

/// A file that is being written, row group by row group.
pub struct Writer<W: Write + Send> {
    file: SerializedFileWriter<W>,
    columns: Vec<ColumnDescPtr>,
}

impl<W: Write + Send> Writer<W> {
    /// Begins one.
    ///
    /// # Errors
    ///
    /// The sink's.
    pub fn new(sink: W) -> Result<Self> {
        let file = SerializedFileWriter::new(sink, schema()?, Arc::new(properties()))?;
        let columns = file.schema_descr().columns().to_vec();
        Ok(Self { file, columns })
    }

    /// Adds `columns` as a row group; none for no rows.
    ///
    /// # Errors
    ///
    /// The sink's.
    pub fn add(&mut self, columns: &Columns) -> Result<()> {
        if columns.rows() == 0 {
            return Ok(());
        }
        let mut group = self.file.next_row_group()?;
        row_group(&mut group, columns, &self.columns)?;
        group.close().map(|_| ())
    }

    /// Writes the footer, and gives the sink back.
    ///
    /// # Errors
    ///
    /// The sink's.
    pub fn finish(self) -> Result<W> {
        self.file.into_inner()
    }
}

fn properties() -> WriterProperties {
    let deltas = Field::ALL.iter().filter(|field| is_delta(**field));
    let builder = WriterProperties::builder()
        .set_created_by(concat!("tidemark ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::UNCOMPRESSED)
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_data_page_row_count_limit(PAGE)
        .set_write_batch_size(PAGE);
    deltas
        .fold(builder, |builder, field| {
            builder.set_column_encoding(ColumnPath::from(field.name()), Encoding::DELTA_BINARY_PACKED)
        })
        .build()
}

/// A file that is open.
pub struct Reader {
    file: SerializedFileReader<File>,
    places: Vec<Option<usize>>,
}

impl Reader {
    /// Reads the footer of `file`.
    ///
    /// # Errors
    ///
    /// It is no Parquet file, or not a whole one.
    pub fn open(file: File) -> Result<Self> {
        let length = file.metadata()?.len();
        let file = caught(|| SerializedFileReader::new(file))?;
        check(file.metadata(), length)?;
        let places = decode::fields(file.metadata().file_metadata().schema_descr().columns());
        Ok(Self { file, places })
    }

    /// How many row groups.
    pub fn groups(&self) -> usize {
        self.file.num_row_groups()
    }

    /// One of them.
    ///
    /// # Errors
    ///
    /// There is none of that number.
    pub fn group(&self, index: usize) -> Result<Group<'_>> {
        let reader = self.file.get_row_group(index)?;
        let rows = usize::try_from(reader.metadata().num_rows()).unwrap_or(0);
        Ok(Group {
            reader,
            rows,
            places: &self.places,
        })
    }
}

/// What `read` gives. The library panics on some damaged pages; a file that is torn must cost only itself.
fn caught<T>(read: impl FnOnce() -> Result<T>) -> Result<T> {
    let outcome = catch_unwind(AssertUnwindSafe(read));
    outcome.unwrap_or_else(|_| {
        Err(ParquetError::General(
            "it is damaged where the footer is not".to_owned(),
        ))
    })
}

/// Whether row groups and column chunks can be what the footer says, in a file of `length` octets: the library takes
/// sizes and places as they stand.
fn check(metadata: &ParquetMetaData, length: u64) -> Result<()> {
    let damaged = || ParquetError::General("the footer names places or sizes that cannot be".to_owned());
    for group in metadata.row_groups() {
        if !(0..=MOST_ROWS).contains(&group.num_rows()) {
            return Err(damaged());
        }
        for chunk in group.columns() {
            let start = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
            let end = start.checked_add(chunk.compressed_size());
            let fits = end.is_some_and(|end| end as u64 <= length && end >= start);
            if start < 0 || chunk.data_page_offset() < 0 || !fits {
                return Err(damaged());
            }
        }
    }
    Ok(())
}

/// A row group that is open.
pub struct Group<'a> {
    reader: Box<dyn RowGroupReader + 'a>,
    rows: usize,
    places: &'a [Option<usize>],
}

impl Group<'_> {
    /// How many rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The smallest and the largest value of a field, where the footer says them: counts, numbers and times.
    pub fn bounds(&self, field: Field) -> Option<[u128; 2]> {
        let index = self.places.get(field as usize).copied().flatten()?;
        match self.reader.metadata().column(index).statistics()? {
            Statistics::Int64(values) => Some([*values.min_opt()? as u128, *values.max_opt()? as u128]),
            _ => None,
        }
    }

    /// Reads `field` into `columns`, in room of `pool`; outside of `wanted` it may hold anything. A field the file does not have is 0.
    ///
    /// # Errors
    ///
    /// The file is damaged there, or cannot be read.
    pub fn read(
        &self,
        columns: &mut Columns,
        field: Field,
        wanted: &[Range<usize>],
        pool: &mut Pool,
    ) -> Result<()> {
        let column = match self.places.get(field as usize).copied().flatten() {
            Some(index) => caught(|| decode::column(&*self.reader, index, field, wanted, pool))?,
            None => Column::Constant(0),
        };
        columns.set(field, column);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::flows::test_data::{columns, records};
    use proptest::prelude::*;
    use std::io::Seek;

    fn written(groups: &[Columns]) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new()).unwrap();
        groups.iter().for_each(|columns| writer.add(columns).unwrap());
        writer.finish().unwrap()
    }

    fn opened(octets: &[u8]) -> Result<Reader> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(octets).unwrap();
        file.rewind().unwrap();
        Reader::open(file)
    }

    fn read(reader: &Reader, index: usize, wanted: &[Range<usize>]) -> Result<Columns> {
        let group = reader.group(index)?;
        let mut columns = Columns::new(group.rows());
        for field in Field::ALL {
            group.read(&mut columns, *field, wanted, &mut Pool::default())?;
        }
        Ok(columns)
    }

    #[test]
    fn records_come_back_from_the_file_with_every_field() {
        let first = columns(&records(1, 5_000));
        // Several pages, and a group without any exporter.
        let second = columns(&records(2, 3 * PAGE + 7));
        let reader = opened(&written(&[first.clone(), second.clone()])).unwrap();
        assert_eq!(reader.groups(), 2);
        for (index, columns) in [first, second].iter().enumerate() {
            let back = read(&reader, index, std::slice::from_ref(&(0..columns.rows()))).unwrap();
            for row in 0..columns.rows() {
                assert_eq!(back.record(row), columns.record(row));
                assert_eq!(back.received(row), columns.received(row));
            }
        }
    }

    #[test]
    fn rows_that_are_wanted_are_right_wherever_they_lie() {
        let all = columns(&records(3, 4 * PAGE));
        let reader = opened(&written(std::slice::from_ref(&all))).unwrap();
        let wanted = [5..6, PAGE - 1..PAGE + 2, 3 * PAGE + 9..3 * PAGE + 40];
        let back = read(&reader, 0, &wanted).unwrap();
        for row in wanted.into_iter().flatten() {
            assert_eq!(back.record(row), all.record(row), "{row}");
        }
    }

    #[test]
    fn the_footer_knows_between_what_a_column_lies() {
        let all = columns(&records(4, 1_000));
        let reader = opened(&written(std::slice::from_ref(&all))).unwrap();
        let group = reader.group(0).unwrap();
        for field in [Field::Start, Field::Bytes, Field::DstPort, Field::Vlan] {
            let values = || (0..all.rows()).map(|row| all.word(field, row));
            let bounds = [values().min().unwrap(), values().max().unwrap()];
            assert_eq!(group.bounds(field), Some(bounds), "{field:?}");
        }
        assert_eq!(group.bounds(Field::SrcIp), None);
    }

    #[test]
    fn no_rows_are_no_group() {
        let reader = opened(&written(&[columns(&[]), columns(&records(1, 1)), columns(&[])])).unwrap();
        assert_eq!(reader.groups(), 1);
        assert_eq!(read(&reader, 0, &[]).unwrap().rows(), 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        #[test]
        fn a_damaged_file_is_refused_or_read_and_never_worse(at in 0usize..20_000, octet: u8, cut in proptest::option::of(0usize..20_000)) {
            let mut octets = written(&[columns(&records(5, 200))]);
            let place = at % octets.len();
            octets[place] ^= octet;
            if let Some(cut) = cut {
                octets.truncate(cut % octets.len());
            }
            if let Ok(reader) = opened(&octets) {
                for index in 0..reader.groups() {
                    let _ = read(&reader, index, std::slice::from_ref(&(0..200)));
                }
            }
        }
    }
}
