//! `tidemark users`: who may use the dashboard and its API. Passwords never stand on the command line, where others on the
//! machine could read them.

use super::args::{Users, UsersCommand};
use super::moment::present;
use super::{DONE, Usage};
use crate::app::{read_config, stored};
use crate::store::access::{Access, Role, Token, Trace};
use crate::web::auth::{password, secret};
use anyhow::{Context, Result};
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;

/// Runs the command; the exit status.
pub(super) fn run(args: &Users) -> Result<u8> {
    let access = Access::open(&folder(args)?).map_err(|error| Usage(error.to_string()))?;
    let usage = |error: crate::store::access::AccessError| Usage(error.to_string());
    let done = match &args.command {
        UsersCommand::List => {
            list(&access)?;
            return Ok(DONE);
        }
        UsersCommand::Add { name, role } => {
            first_may_all(&access, *role)?;
            let hash = hashed()?;
            access.add_user(name, *role, &hash, present()).map_err(usage)?;
            format!("users add {name} as {role}")
        }
        UsersCommand::Passwd { name } => {
            access
                .password(name)?
                .with_context(|| format!("there is no user `{name}`"))?;
            access.set_password(name, &hashed()?).map_err(usage)?;
            format!("users passwd {name}")
        }
        UsersCommand::Role { name, role } => {
            access.set_role(name, *role).map_err(usage)?;
            format!("users role {name} {role}")
        }
        UsersCommand::Remove { name } => {
            access.remove_user(name).map_err(usage)?;
            format!("users remove {name}")
        }
        UsersCommand::Token { name, role, expires } => {
            let token = Token {
                id: 0,
                name: name.clone(),
                role: *role,
                made_by: "command line".to_owned(),
                made_at: present(),
                expires_at: expires.map(|length| present() + length),
            };
            let text = secret::make().map_err(|error| anyhow::anyhow!("{}", error.message()))?;
            let text = format!("{}{text}", secret::TOKEN);
            access
                .add_token(&token, &secret::hash(&text), false)
                .map_err(usage)?;
            println!("{text}");
            format!("users token {name} as {role}")
        }
        UsersCommand::RemoveToken { name } => {
            let tokens = access.tokens(false)?;
            let token = tokens.iter().find(|token| token.name == *name);
            let token = token.ok_or_else(|| Usage(format!("there is no token `{name}`")))?;
            access.remove_token(token.id, false)?;
            format!("users remove-token {name}")
        }
    };
    let trace = Trace {
        at: present(),
        who: "command line".to_owned(),
        origin: "-".to_owned(),
        what: done,
        outcome: "done".to_owned(),
        ..Trace::default()
    };
    access.trace(&trace)?;
    Ok(DONE)
}

fn folder(args: &Users) -> Result<PathBuf> {
    let folder = match &args.state {
        Some(folder) => folder.clone(),
        None => stored::state_folder(&read_config(args.config.as_deref())?),
    };
    std::fs::create_dir_all(&folder).with_context(|| format!("the state in {}", folder.display()))?;
    Ok(folder)
}

/// Once there is anybody, nobody comes in without being known: somebody must be able to let others in.
fn first_may_all(access: &Access, role: Role) -> Result<()> {
    if role != Role::Admin && !access.has_users()? {
        anyhow::bail!(Usage(
            "the first user must be an administrator: add `--role admin`".to_owned()
        ));
    }
    Ok(())
}

fn list(access: &Access) -> Result<()> {
    let mut out = io::stdout().lock();
    for user in access.users()? {
        writeln!(
            out,
            "user   {:8} {}  since {}",
            user.role, user.name, user.made_at
        )?;
    }
    for token in access.tokens(false)? {
        let until = token
            .expires_at
            .map_or_else(|| "for good".to_owned(), |at| format!("until {at}"));
        writeln!(
            out,
            "token  {:8} {}  {until}, made by {}",
            token.role, token.name, token.made_by
        )?;
    }
    Ok(())
}

/// The hash of a password that is asked for, twice on a terminal.
fn hashed() -> Result<String> {
    let password = ask("password: ")?;
    if io::stdin().is_terminal() && ask("again: ")? != password {
        anyhow::bail!(Usage("these are two different passwords".to_owned()));
    }
    Ok(password::hash(&password).map_err(|error| Usage(error.message().to_owned()))?)
}

/// Reads a line; a terminal does not show it.
fn ask(prompt: &str) -> Result<String> {
    let stdin = io::stdin();
    let silent = stdin.is_terminal().then(|| {
        eprint!("{prompt}");
        Silent::new()
    });
    let mut line = String::new();
    stdin.lock().read_line(&mut line)?;
    if silent.is_some() {
        eprintln!();
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// A terminal that shows nothing of what is typed, until it goes out of scope.
struct Silent(Option<nix::sys::termios::Termios>);

impl Silent {
    fn new() -> Self {
        use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};
        let before = tcgetattr(io::stdin()).ok();
        if let Some(mut quiet) = before.clone() {
            quiet.local_flags.remove(LocalFlags::ECHO);
            let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, &quiet);
        }
        Self(before)
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        use nix::sys::termios::{SetArg, tcsetattr};
        if let Some(before) = &self.0 {
            let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, before);
        }
    }
}
