//! From columns to the pages of one row group.
//!
//! Coded columns become a dictionary page and pages of codes; amounts and times become differences
//! (DELTA_BINARY_PACKED), which the library writes.

use super::hybrid;
use super::schema::{is_delta, is_optional};
use crate::model::{Column, Columns, Country, Field, FieldKind, Ip};
use parquet::basic::{Compression, Encoding, PageType, ZstdLevel};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::{ByteArray, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, SerializedRowGroupWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Write;

/// Rows of a data page: what is read of a column at least.
pub(super) const PAGE: usize = 1 << 15;
/// How hard zstd tries.
const LEVEL: i32 = 1;

/// Adds all fields of `columns` as one row group.
pub(super) fn row_group<W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    columns: &Columns,
    descriptions: &[ColumnDescPtr],
) -> Result<()> {
    for (field, description) in Field::ALL.iter().zip(descriptions) {
        let nothing = Column::Constant(0);
        let column = columns.get(*field).unwrap_or(&nothing);
        match column {
            Column::Plain(values) if is_delta(*field) => delta(group, values)?,
            column => append(group, *field, column, columns.rows(), description.clone())?,
        }
    }
    Ok(())
}

fn delta<W: Write + Send>(group: &mut SerializedRowGroupWriter<'_, W>, values: &[i64]) -> Result<()> {
    let mut writer = group
        .next_column()?
        .ok_or_else(|| ParquetError::General("more fields than columns".to_owned()))?;
    writer.typed::<Int64Type>().write_batch(values, None, None)?;
    writer.close()
}

fn append<W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    field: Field,
    column: &Column,
    rows: usize,
    description: ColumnDescPtr,
) -> Result<()> {
    let chunk = match field.kind() {
        FieldKind::Truth => truths(column, rows),
        _ => coded(field, column, rows),
    };
    let (octets, close) = chunk.write(description, rows)?;
    group.append_column(&bytes::Bytes::from(octets), close)
}

/// What becomes a column chunk.
struct Chunk {
    dictionary: Option<(Vec<u8>, usize)>,
    /// Octets and number of values, nulls included.
    pages: Vec<(Vec<u8>, usize)>,
    encoding: Encoding,
    statistics: Option<Statistics>,
}

impl Chunk {
    /// The chunk's octets and what the file's footer says of it. Offsets are those in the octets.
    fn write(self, description: ColumnDescPtr, rows: usize) -> Result<(Vec<u8>, ColumnCloseResult)> {
        let pressed = self.pressed();
        let codec = if pressed.is_some() {
            Compression::ZSTD(ZstdLevel::try_new(LEVEL)?)
        } else {
            Compression::UNCOMPRESSED
        };
        let mut sink = TrackedWrite::new(Vec::new());
        let mut writer = SerializedPageWriter::new(&mut sink);
        let (mut whole, mut data_at) = (0, None);
        for (index, page) in self.all().enumerate() {
            let size = page.0.len();
            let octets = pressed.as_ref().and_then(|p| p.get(index)).unwrap_or(page.0);
            let spec = writer.write_page(CompressedPage::new(self.page(octets, page), size))?;
            whole += spec.uncompressed_size;
            if spec.page_type == PageType::DATA_PAGE {
                data_at.get_or_insert(spec.offset as i64);
            }
        }
        let octets = sink.into_inner()?;
        let has_dictionary = self.dictionary.is_some();
        let mut encodings = vec![Encoding::RLE, self.encoding];
        if has_dictionary {
            encodings.push(Encoding::PLAIN);
        }
        let mut metadata = ColumnChunkMetaData::builder(description)
            .set_compression(codec)
            .set_encodings(encodings)
            .set_total_compressed_size(octets.len() as i64)
            .set_total_uncompressed_size(whole as i64)
            .set_num_values(rows as i64)
            .set_data_page_offset(data_at.unwrap_or(0))
            .set_dictionary_page_offset(has_dictionary.then_some(0));
        if let Some(statistics) = self.statistics {
            metadata = metadata.set_statistics(statistics);
        }
        let close = ColumnCloseResult {
            bytes_written: octets.len() as u64,
            rows_written: rows as u64,
            metadata: metadata.build()?,
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        };
        Ok((octets, close))
    }

    /// The octets of all pages, the dictionary first, with how many values they hold and whether they are data.
    fn all(&self) -> impl Iterator<Item = (&Vec<u8>, usize, bool)> {
        let dictionary = self
            .dictionary
            .iter()
            .map(|(octets, values)| (octets, *values, false));
        let data = self.pages.iter().map(|(octets, values)| (octets, *values, true));
        dictionary.chain(data)
    }

    /// All pages compressed, if that saves a fifth.
    fn pressed(&self) -> Option<Vec<Vec<u8>>> {
        let size: usize = self.all().map(|page| page.0.len()).sum();
        if size < 512 {
            return None;
        }
        let mut compressor = zstd::bulk::Compressor::new(LEVEL).ok()?;
        let pages: Option<Vec<_>> = self.all().map(|page| compressor.compress(page.0).ok()).collect();
        pages.filter(|pages| pages.iter().map(Vec::len).sum::<usize>() * 5 <= size * 4)
    }

    fn page(&self, octets: &[u8], (_, values, is_data): (&Vec<u8>, usize, bool)) -> Page {
        let buf = bytes::Bytes::copy_from_slice(octets);
        let num_values = values as u32;
        if is_data {
            Page::DataPage {
                buf,
                num_values,
                encoding: self.encoding,
                def_level_encoding: Encoding::RLE,
                rep_level_encoding: Encoding::RLE,
                statistics: None,
            }
        } else {
            Page::DictionaryPage {
                buf,
                num_values,
                encoding: Encoding::PLAIN,
                is_sorted: false,
            }
        }
    }
}

/// Truths as single bits.
fn truths(column: &Column, rows: usize) -> Chunk {
    let pages = (0..rows).step_by(PAGE).map(|start| {
        let count = PAGE.min(rows - start);
        let mut octets = vec![0; count.div_ceil(8)];
        for row in 0..count {
            octets[row / 8] |= u8::from(column.get(start + row) != 0) << (row % 8);
        }
        (octets, count)
    });
    Chunk {
        dictionary: None,
        pages: pages.collect(),
        encoding: Encoding::PLAIN,
        statistics: None,
    }
}

/// Codes and the dictionary they point into; 0 of an optional field is null.
fn coded(field: Field, column: &Column, rows: usize) -> Chunk {
    // Where all is alike, so are the pages: the first stands for all of its length.
    let is_alike = matches!(column, Column::Constant(_)) && rows > PAGE;
    let (codes, values) = codes_of(column, if is_alike { PAGE } else { rows });
    let null = is_optional(field)
        .then(|| values.iter().position(|value| *value == 0))
        .flatten();
    let mut known = values.into_owned();
    null.map(|null| known.remove(null));
    let mut nulls = 0;
    let pages = codes.chunks(PAGE).map(|codes| {
        let (octets, missing) = page(codes, null, is_optional(field), known.len());
        nulls += missing;
        (octets, codes.len())
    });
    let mut pages: Vec<(Vec<u8>, usize)> = pages.collect();
    if let (true, Some(first)) = (is_alike, pages.first().cloned()) {
        pages.resize(rows / PAGE, first);
        let rest = rows % PAGE;
        if rest > 0 {
            let (octets, _) = page(&codes[..rest], null, is_optional(field), known.len());
            pages.push((octets, rest));
        }
        nulls = if null.is_some() { rows as u64 } else { 0 };
    }
    Chunk {
        pages,
        statistics: statistics(field, &known, nulls),
        dictionary: (!known.is_empty()).then(|| (dictionary(field, &known), known.len())),
        encoding: if known.is_empty() {
            Encoding::PLAIN
        } else {
            Encoding::RLE_DICTIONARY
        },
    }
}

/// A data page, and how many of its values are null.
fn page(codes: &[u32], null: Option<usize>, optional: bool, known: usize) -> (Vec<u8>, u64) {
    let mut octets = Vec::with_capacity(codes.len() / 2);
    let width = hybrid::width(known);
    let Some(null) = null else {
        if optional {
            levels(&mut octets, &vec![1; codes.len()]);
        }
        octets.push(width as u8);
        hybrid::encode(&mut octets, codes, width);
        return (octets, 0);
    };
    let null = null as u32;
    let present: Vec<u32> = codes.iter().map(|code| u32::from(*code != null)).collect();
    levels(&mut octets, &present);
    let shifted = codes
        .iter()
        .filter(|code| **code != null)
        .map(|code| code - u32::from(*code > null));
    let shifted: Vec<u32> = shifted.collect();
    if known > 0 {
        octets.push(width as u8);
        hybrid::encode(&mut octets, &shifted, width);
    }
    (octets, (codes.len() - shifted.len()) as u64)
}

/// Definition levels with their length before them (data page v1).
fn levels(octets: &mut Vec<u8>, present: &[u32]) {
    octets.extend_from_slice(&[0; 4]);
    hybrid::encode(octets, present, 1);
    let length = (octets.len() - 4) as u32;
    octets[..4].copy_from_slice(&length.to_le_bytes());
}

/// The codes and values of any column.
fn codes_of(column: &Column, rows: usize) -> (Cow<'_, [u32]>, Cow<'_, [u128]>) {
    match column {
        Column::Constant(value) => (vec![0; rows].into(), vec![*value].into()),
        Column::Coded { codes, values } => (codes.into(), values.into()),
        Column::Plain(plain) => {
            let mut known = HashMap::new();
            let mut values = Vec::new();
            let codes = plain.iter().map(|value| {
                *known.entry(*value).or_insert_with(|| {
                    values.push(*value as u128);
                    values.len() as u32 - 1
                })
            });
            (codes.collect(), values.into())
        }
    }
}

/// The dictionary page: values one after another, text with its length before it.
fn dictionary(field: Field, values: &[u128]) -> Vec<u8> {
    let mut octets = Vec::with_capacity(values.len() * 16);
    for value in values {
        if is_text(field) {
            octets.extend_from_slice(&[0; 4]);
            let start = octets.len();
            write_text(&mut octets, field, *value);
            let length = (octets.len() - start) as u32;
            octets[start - 4..start].copy_from_slice(&length.to_le_bytes());
        } else {
            octets.extend_from_slice(&(*value as i64).to_le_bytes());
        }
    }
    octets
}

/// Smallest and largest value and how many are missing, for those who skip what cannot match.
fn statistics(field: Field, values: &[u128], nulls: u64) -> Option<Statistics> {
    if !is_text(field) {
        let numbers = || values.iter().map(|value| *value as i64);
        let (min, max) = (numbers().min(), numbers().max());
        return Some(Statistics::int64(min, max, None, Some(nulls), false));
    }
    // Text is ordered as text: all of it would have to be compared. What has one value has both ends.
    let only = match values {
        [only] => {
            let mut octets = Vec::new();
            write_text(&mut octets, field, *only);
            Some(ByteArray::from(octets))
        }
        _ => None,
    };
    Some(Statistics::byte_array(
        only.clone(),
        only,
        None,
        Some(nulls),
        false,
    ))
}

const fn is_text(field: Field) -> bool {
    matches!(
        field.kind(),
        FieldKind::Address | FieldKind::Country | FieldKind::Word
    )
}

fn write_text(octets: &mut Vec<u8>, field: Field, value: u128) {
    match field.kind() {
        FieldKind::Address => Ip::from_bits(value).write(octets),
        FieldKind::Country => octets.extend(Country((value as u16).to_be_bytes()).0),
        _ => {
            let word = field.words().get(value as usize).copied();
            octets.extend_from_slice(word.unwrap_or_default().as_bytes());
        }
    }
}
