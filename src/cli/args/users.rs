//! The arguments of `tidemark users`.

use crate::store::access::Role;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `tidemark users`.
#[derive(Debug, Args)]
pub struct Users {
    /// What to do.
    #[command(subcommand)]
    pub command: UsersCommand,
    /// Configuration that names the folder of the state.
    #[arg(long, short, value_name = "CONFIG", global = true)]
    pub config: Option<PathBuf>,
    /// The folder of the state, instead of the configuration's.
    #[arg(long, value_name = "DIR", global = true)]
    pub state: Option<PathBuf>,
}

/// What can be done with users.
#[derive(Debug, Subcommand)]
pub enum UsersCommand {
    /// Add somebody; the password is asked for, or read from standard input.
    Add {
        /// What they log in as.
        #[arg(value_name = "NAME")]
        name: String,
        /// What they may: viewer sees, analyst also decides about anomalies, admin also decides who may.
        #[arg(long, value_name = "viewer|analyst|admin", default_value = "viewer")]
        role: Role,
    },
    /// Give somebody another password; their sessions end.
    Passwd {
        /// Who.
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Give somebody another role; their sessions end.
    Role {
        /// Who.
        #[arg(value_name = "NAME")]
        name: String,
        /// What they may from now on.
        #[arg(value_name = "viewer|analyst|admin")]
        role: Role,
    },
    /// List users and tokens.
    List,
    /// Remove somebody; their sessions end.
    Remove {
        /// Who.
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Make a token for a program and print it; it is not shown again.
    Token {
        /// What it is called.
        #[arg(value_name = "NAME")]
        name: String,
        /// What its bearer may.
        #[arg(long, value_name = "viewer|analyst|admin", default_value = "viewer")]
        role: Role,
        /// For how long it is good, such as `90d`; for good if not said.
        #[arg(long, value_name = "DURATION", value_parser = crate::query::length)]
        expires: Option<std::time::Duration>,
    },
    /// Remove a token.
    RemoveToken {
        /// Its name.
        #[arg(value_name = "NAME")]
        name: String,
    },
}
