//! Promises of reading.
