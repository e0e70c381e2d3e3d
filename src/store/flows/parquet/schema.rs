//! How fields of Flow Records stand in Parquet files: types that every reader of Parquet knows.
//!
//! Addresses, countries and words are text, times are microseconds in UTC, counts and numbers signed integers of 64
//! bits. What is not known (no exporter, no country, no reverse direction) is null; only a count, a port or an AS of 0
//! is a value.

use crate::model::{Field, FieldKind};
use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::errors::Result;
use parquet::schema::types::{Type, TypePtr};
use std::sync::Arc;

/// Whether 0 means that the field is not known, and is stored as null.
pub(super) const fn is_optional(field: Field) -> bool {
    use Field as F;
    match field.kind() {
        FieldKind::Address => !matches!(field, F::SrcIp | F::DstIp),
        FieldKind::Country => true,
        FieldKind::Word => matches!(field, F::FlowDirection),
        _ => matches!(
            field,
            F::ReversePackets | F::ReverseBytes | F::ReverseTcpFlags | F::NatSrcPort | F::NatDstPort
        ),
    }
}

/// Whether values are stored as differences rather than codes: they are many and close to one another.
pub(super) const fn is_delta(field: Field) -> bool {
    matches!(
        field,
        Field::Start | Field::End | Field::Received | Field::Packets | Field::Bytes | Field::SrcPort
    )
}

/// The schema of a file: all fields in order.
pub(super) fn schema() -> Result<TypePtr> {
    let fields: Result<Vec<TypePtr>> = Field::ALL.iter().map(|field| column(*field)).collect();
    Ok(Arc::new(
        Type::group_type_builder("flow").with_fields(fields?).build()?,
    ))
}

fn column(field: Field) -> Result<TypePtr> {
    let (physical, logical) = match field.kind() {
        FieldKind::Time => (
            Physical::INT64,
            Some(LogicalType::timestamp(true, TimeUnit::MICROS)),
        ),
        FieldKind::Count | FieldKind::Number => (Physical::INT64, None),
        FieldKind::Address | FieldKind::Country | FieldKind::Word => {
            (Physical::BYTE_ARRAY, Some(LogicalType::String))
        }
        FieldKind::Truth => (Physical::BOOLEAN, None),
    };
    let repetition = if is_optional(field) {
        Repetition::OPTIONAL
    } else {
        Repetition::REQUIRED
    };
    let column = Type::primitive_type_builder(field.name(), physical)
        .with_repetition(repetition)
        .with_logical_type(logical)
        .build()?;
    Ok(Arc::new(column))
}
