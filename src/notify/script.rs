//! A program that gets the message as JSON on its standard input. No shell reads anything of it.

use super::channel::Outcome;
use super::message::Message;
use crate::dispatch::Phase;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

/// Octets kept of what it says.
const SAID: u64 = 2048;
/// `EX_DATAERR` of sysexits.h: it will never take this message.
const NEVER: i32 = 65;

/// A program.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Where it is started.
    pub folder: Option<PathBuf>,
}

/// What it gets; none for what is for machines that forget.
pub(super) fn input(message: &Message) -> Option<Vec<u8>> {
    let value = super::webhook::context(message);
    (message.phase != Phase::Refresh).then(|| format!("{value}\n").into_bytes())
}

/// Runs it. When its time is over, it and everything it started are killed.
pub(super) async fn send(input: Vec<u8>, settings: &Settings, timeout: Duration) -> Outcome {
    let Some((program, arguments)) = settings.command.split_first() else {
        return Outcome::Never("there is no command".to_owned());
    };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .env(
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        )
        .env("LANG", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    if let Some(folder) = &settings.folder {
        command.current_dir(folder);
    }
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return Outcome::again(format!("{program}: {error}")),
    };
    let group = child
        .id()
        .and_then(|id| i32::try_from(id).ok())
        .map(Pid::from_raw);
    let ended = tokio::time::timeout(timeout, talk(&mut child, input)).await;
    if ended.is_err() {
        group.map(|group| killpg(group, Signal::SIGKILL));
        let _ = child.wait().await;
    }
    match ended {
        Err(_) => Outcome::again(format!(
            "{program}: not done after {} s, killed",
            timeout.as_secs_f64()
        )),
        Ok(Err(error)) => Outcome::again(format!("{program}: {error}")),
        Ok(Ok((status, _))) if status.success() => Outcome::Sent(format!("{program}: {status}")),
        Ok(Ok((status, said))) => {
            let why = format!("{program}: {status}: {}", said.trim());
            if status.code() == Some(NEVER) {
                Outcome::Never(why)
            } else {
                Outcome::again(why)
            }
        }
    }
}

async fn talk(child: &mut Child, input: Vec<u8>) -> std::io::Result<(std::process::ExitStatus, String)> {
    let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
    let write = async {
        if let Some(mut stdin) = stdin {
            // One that does not care what it is told may end without reading it.
            let _ = stdin.write_all(&input).await;
        }
    };
    let read = async {
        let mut said = Vec::new();
        if let Some(mut stderr) = stderr {
            let _ = (&mut stderr).take(SAID).read_to_end(&mut said).await;
            // What it says beyond that is read and forgotten, or it would wait for us for ever.
            let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
        }
        String::from_utf8_lossy(&said).into_owned()
    };
    let (status, (), said) = tokio::join!(child.wait(), write, read);
    Ok((status?, said))
}
