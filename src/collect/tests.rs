//! Promises of the Collecting Process.
