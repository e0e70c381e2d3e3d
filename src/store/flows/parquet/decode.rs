//! From the pages of a row group to columns.
//!
//! A column of codes stays one: its dictionary is read once, whatever the number of rows. Columns of differences are
//! read by the library. Only the pages that hold rows somebody wants are unpacked.

use super::encode::PAGE;
use super::hybrid;
use super::schema::is_optional;
use crate::model::{Column, Field, FieldKind, Ip};
use crate::store::flows::coding::Pool;
use parquet::basic::Encoding;
use parquet::column::page::{Page, PageReader};
use parquet::column::reader::{ColumnReader, get_typed_column_reader};
use parquet::data_type::Int64Type;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::RowGroupReader;
use parquet::schema::types::ColumnDescPtr;
use std::ops::Range;

/// Column `index` of a row group, which holds `field`. What lies outside of `wanted`, ranges of rows in order, may be
/// anything.
pub(super) fn column(
    group: &dyn RowGroupReader,
    index: usize,
    field: Field,
    wanted: &[Range<usize>],
    pool: &mut Pool,
) -> Result<Column> {
    let rows = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
    let chunk = group.metadata().column(index);
    let is_coded = chunk.dictionary_page_offset().is_some();
    if field.kind() == FieldKind::Truth {
        return truths(&mut *group.get_column_page_reader(index)?, rows, pool);
    }
    if is_coded || is_optional(field) {
        return coded(
            &mut *group.get_column_page_reader(index)?,
            field,
            rows,
            wanted,
            pool,
        );
    }
    delta(group.get_column_reader(index)?, rows, wanted, pool.numbers())
}

fn delta(reader: ColumnReader, rows: usize, wanted: &[Range<usize>], mut values: Vec<i64>) -> Result<Column> {
    let mut reader = get_typed_column_reader::<Int64Type>(reader);
    values.reserve(rows);
    for range in wanted {
        let gap = range.start.saturating_sub(values.len());
        reader.skip_records(gap)?;
        values.resize(values.len() + gap, 0);
        let mut left = range.end.min(rows).saturating_sub(values.len());
        while left > 0 {
            let (read, _, _) = reader.read_records(left, None, None, &mut values)?;
            if read == 0 {
                return Err(damaged("a column ends early"));
            }
            left -= read;
        }
    }
    values.resize(rows, 0);
    Ok(Column::Plain(values))
}

fn truths(pages: &mut dyn PageReader, rows: usize, pool: &mut Pool) -> Result<Column> {
    let mut codes = pool.codes();
    codes.reserve(rows);
    while let Some(page) = pages.get_next_page()? {
        let octets = page.buffer();
        let count = page.num_values() as usize;
        if octets.len() * 8 < count || codes.len() + count > rows {
            return Err(damaged("a page holds less or more than it says"));
        }
        codes.extend((0..count).map(|row| u32::from(octets[row / 8] >> (row % 8) & 1)));
    }
    let values = vec![0, 1];
    whole(rows, codes, values)
}

fn coded(
    pages: &mut dyn PageReader,
    field: Field,
    rows: usize,
    wanted: &[Range<usize>],
    pool: &mut Pool,
) -> Result<Column> {
    let mut values = Vec::new();
    let mut codes = pool.codes();
    codes.reserve(rows);
    let mut nulls = false;
    while let Some(next) = pages.peek_next_page()? {
        let count = next.num_rows.or(next.num_levels).unwrap_or(PAGE);
        let (start, end) = (codes.len(), codes.len() + count);
        let is_wanted = wanted.iter().any(|range| range.start < end && start < range.end);
        if !next.is_dict && end > rows {
            return Err(damaged("a page holds more rows than its row group"));
        }
        if !next.is_dict && !is_wanted {
            pages.skip_next_page()?;
            codes.resize(end, 0);
            continue;
        }
        let Some(page) = pages.get_next_page()? else { break };
        match page {
            Page::DictionaryPage { buf, num_values, .. } => {
                values = dictionary(&buf, num_values as usize, field)?;
                if let ([only], false) = (values.as_slice(), is_optional(field)) {
                    pool.take_codes(codes);
                    return Ok(Column::Constant(*only));
                }
            }
            Page::DataPage {
                buf,
                num_values,
                encoding,
                ..
            } => {
                if num_values as usize > rows - codes.len() {
                    return Err(damaged("a page holds more rows than its row group"));
                }
                let null = values.len() as u32;
                nulls |= data(
                    &buf,
                    num_values as usize,
                    encoding,
                    is_optional(field),
                    null,
                    &mut codes,
                )?;
            }
            Page::DataPageV2 { .. } => return Err(damaged("a page of version 2, which we do not write")),
        }
    }
    if nulls || values.is_empty() {
        values.push(0);
    }
    whole(rows, codes, values)
}

/// A coded column, if all is there: codes are looked up without another thought later.
fn whole(rows: usize, codes: Vec<u32>, values: Vec<u128>) -> Result<Column> {
    let most = codes.iter().copied().fold(0, u32::max);
    if codes.len() != rows || most as usize >= values.len() {
        return Err(damaged("a column does not fit its dictionary or its rows"));
    }
    Ok(match values.as_slice() {
        [only] => Column::Constant(*only),
        _ => Column::Coded { codes, values },
    })
}

/// Adds the codes of a data page; `null` stands for what is missing. Whether anything is.
fn data(
    octets: &[u8],
    count: usize,
    encoding: Encoding,
    optional: bool,
    null: u32,
    codes: &mut Vec<u32>,
) -> Result<bool> {
    let early = || damaged("a page ends early");
    let mut octets = octets;
    let mut present = Vec::new();
    let mut there = count;
    if optional {
        let (length, rest) = octets.split_first_chunk().ok_or_else(early)?;
        let length = u32::from_le_bytes(*length) as usize;
        let levels = rest.get(..length).ok_or_else(early)?;
        hybrid::decode(levels, 1, count, &mut present).ok_or_else(early)?;
        there = present.iter().filter(|level| **level == 1).count();
        octets = &rest[length..];
    }
    let start = codes.len();
    if there > 0 {
        if encoding != Encoding::RLE_DICTIONARY && encoding != Encoding::PLAIN_DICTIONARY {
            return Err(damaged("a page has no codes"));
        }
        let (width, octets) = octets.split_first().ok_or_else(early)?;
        hybrid::decode(octets, u32::from(*width), there, codes).ok_or_else(early)?;
    }
    if there == count {
        return Ok(false);
    }
    let mut given = codes.split_off(start).into_iter();
    codes.extend(present.iter().map(|level| match level {
        1 => given.next().unwrap_or(null),
        _ => null,
    }));
    Ok(true)
}

fn dictionary(mut octets: &[u8], count: usize, field: Field) -> Result<Vec<u128>> {
    let early = || damaged("a dictionary ends early");
    let mut values = Vec::with_capacity(count.min(octets.len()));
    for _ in 0..count {
        let value = match field.kind() {
            FieldKind::Address | FieldKind::Country | FieldKind::Word => {
                let (length, rest) = octets.split_first_chunk().ok_or_else(early)?;
                let length = u32::from_le_bytes(*length) as usize;
                let text = rest.get(..length).ok_or_else(early)?;
                octets = &rest[length..];
                read_text(field, text)
                    .ok_or_else(|| damaged("a dictionary holds what is no value of its field"))?
            }
            _ => {
                let (number, rest) = octets.split_first_chunk().ok_or_else(early)?;
                octets = rest;
                i64::from_le_bytes(*number) as u128
            }
        };
        values.push(value);
    }
    Ok(values)
}

fn read_text(field: Field, text: &[u8]) -> Option<u128> {
    match field.kind() {
        FieldKind::Address => match address(text) {
            Some(bits) => Some(Ip::v4(bits).bits()),
            None => std::str::from_utf8(text).ok()?.parse().ok().map(Ip::bits),
        },
        FieldKind::Country => text.try_into().ok().map(|code| u16::from_be_bytes(code).into()),
        _ => {
            let words = field.words();
            words
                .iter()
                .position(|word| word.as_bytes() == text)
                .map(|code| code as u128)
        }
    }
}

/// An IPv4 address in dotted decimals; anything else is left to the standard library, which takes five times as long.
fn address(text: &[u8]) -> Option<u32> {
    let (mut bits, mut part, mut dots) = (0u32, 0u32, 0);
    for octet in text {
        match octet {
            b'.' => {
                bits = bits << 8 | part;
                part = 0;
                dots += 1;
            }
            b'0'..=b'9' => part = part * 10 + u32::from(octet - b'0'),
            _ => return None,
        }
        if part > 255 || dots > 3 {
            return None;
        }
    }
    (dots == 3 && text.len() >= 7).then_some(bits << 8 | part)
}

fn damaged(what: &str) -> ParquetError {
    ParquetError::General(what.to_owned())
}

/// Descriptions of all columns of a file, if they are ours in our order.
pub(super) fn fields(columns: &[ColumnDescPtr]) -> Vec<Option<usize>> {
    let place = |field: &Field| columns.iter().position(|column| column.name() == field.name());
    Field::ALL.iter().map(place).collect()
}
