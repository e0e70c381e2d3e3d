//! Parquet files of Flow Records: written whole, read by column.

mod decode;
mod encode;
mod file;
mod hybrid;
mod schema;

pub use file::{Group, Reader, Writer};
