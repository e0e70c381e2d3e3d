//! L5: what each subcommand does.

pub mod judge;
