//! One Parquet file: row groups of columns in, some columns of some row groups out.

use super::encode::{PAGE, row_group};
use super::schema::{is_delta, schema};
use super::decode;
use crate::model::{Column, Columns, Field};
use parquet::basic::{Compression, Encoding};
use parquet::errors::Result;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;
use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

/// Writes `groups`, each a row group, and gives the sink back. `meta` goes into the footer.
///
/// # Errors
///
/// The sink's.
pub fn write<W: Write + Send>(sink: W, groups: &[Columns], meta: &[(&str, String)]) -> Result<W> {
    let mut writer = SerializedFileWriter::new(sink, schema()?, Arc::new(properties()))?;
    let descriptions = writer.schema_descr().columns().to_vec();
    for columns in groups {
        let mut group = writer.next_row_group()?;
        row_group(&mut group, columns, &descriptions)?;
        group.close()?;
    }
    for (key, value) in meta {
        writer.append_key_value_metadata(parquet::file::metadata::KeyValue::new((*key).to_owned(), value.clone()));
    }
    writer.into_inner()
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
        let file = SerializedFileReader::new(file)?;
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
        Ok(Group { reader, rows, places: &self.places })
    }
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

    /// Reads `field` into `columns`; outside of `wanted` it may hold anything. A field the file does not have is 0.
    ///
    /// # Errors
    ///
    /// The file is damaged there, or cannot be read.
    pub fn read(&self, columns: &mut Columns, field: Field, wanted: &[Range<usize>]) -> Result<()> {
        let column = match self.places.get(field as usize).copied().flatten() {
            Some(index) => decode::column(&*self.reader, index, field, wanted)?,
            None => Column::Constant(0),
        };
        columns.set(field, column);
        Ok(())
    }
}
