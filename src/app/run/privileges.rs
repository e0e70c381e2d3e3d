//! Gives up what is needed only to open sockets and devices.

use crate::cli::Usage;
use crate::config::RunAs;
use anyhow::{Context, Result, bail};
use nix::sys::prctl;
use nix::unistd::{Gid, Group, Uid, User, chown, getgid, getuid, setgid, setgroups, setuid};
use std::fs;
use std::path::Path;

/// Who the program is to become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    user: Uid,
    group: Gid,
    name: String,
}

impl Identity {
    /// Looks up who is configured; none where nobody is.
    ///
    /// # Errors
    ///
    /// [`Usage`]: there is no such user or group, or it is root, or we are not root and cannot become anyone else.
    pub fn of(run: &RunAs) -> Result<Option<Self>> {
        let Some(name) = &run.user else {
            return match &run.group {
                Some(_) => Err(Usage("`run.group` needs `run.user`".to_owned()).into()),
                None => Ok(None),
            };
        };
        let (user, own) = user(name)?;
        let group = run.group.as_deref().map(group).transpose()?.unwrap_or(own);
        let wanted = Self {
            user,
            group,
            name: name.clone(),
        };
        if user.is_root() {
            return Err(Usage("`run.user`: root is what it is to become another from".to_owned()).into());
        }
        if !getuid().is_root() && getuid() != user {
            return Err(Usage(format!("`run.user`: only root can become {name}")).into());
        }
        Ok(Some(wanted))
    }

    /// Gives a file or folder to whom the program becomes, with what is in it.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub fn own(&self, path: &Path) -> Result<()> {
        if getuid() == self.user {
            return Ok(());
        }
        let give = |path: &Path| {
            chown(path, Some(self.user), Some(self.group))
                .with_context(|| format!("cannot give {} to {}", path.display(), self.name))
        };
        give(path)?;
        if path.is_dir() {
            for entry in fs::read_dir(path)? {
                let path = entry?.path();
                // A link would lead elsewhere, and give away what it leads to.
                if path.symlink_metadata()?.is_file() {
                    give(&path)?;
                }
            }
        }
        Ok(())
    }

    /// Becomes that user, for good; what was said in the log.
    ///
    /// # Errors
    ///
    /// It cannot, or could go back.
    pub fn assume(&self) -> Result<String> {
        if getuid().is_root() {
            setgroups(&[self.group]).context("cannot give up supplementary groups")?;
            setgid(self.group).with_context(|| format!("cannot become group {}", self.group))?;
            setuid(self.user).with_context(|| format!("cannot become {}", self.name))?;
        }
        prctl::set_no_new_privs().context("cannot give up gaining privileges")?;
        if setuid(Uid::from_raw(0)).is_ok() || setgid(Gid::from_raw(0)).is_ok() {
            bail!("privileges were given up and could be regained: this is no safe place to run");
        }
        Ok(format!(
            "privileges given up: running as {} (uid {}, gid {}), no way back",
            self.name,
            getuid(),
            getgid()
        ))
    }
}

fn user(name: &str) -> Result<(Uid, Gid)> {
    if let Ok(number) = name.parse::<u32>() {
        let known = User::from_uid(Uid::from_raw(number)).ok().flatten();
        let group = known.map_or(Gid::from_raw(number), |user| user.gid);
        return Ok((Uid::from_raw(number), group));
    }
    match User::from_name(name) {
        Ok(Some(user)) => Ok((user.uid, user.gid)),
        Ok(None) => Err(Usage(format!("`run.user`: there is no user {name}")).into()),
        Err(error) => Err(Usage(format!("`run.user`: {name} cannot be looked up: {error}")).into()),
    }
}

fn group(name: &str) -> Result<Gid> {
    if let Ok(number) = name.parse::<u32>() {
        return Ok(Gid::from_raw(number));
    }
    match Group::from_name(name) {
        Ok(Some(group)) => Ok(group.gid),
        Ok(None) => Err(Usage(format!("`run.group`: there is no group {name}")).into()),
        Err(error) => Err(Usage(format!("`run.group`: {name} cannot be looked up: {error}")).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(user: Option<&str>, group: Option<&str>) -> String {
        let run = RunAs {
            user: user.map(str::to_owned),
            group: group.map(str::to_owned),
        };
        let error = Identity::of(&run).unwrap_err();
        assert!(error.is::<Usage>());
        error.to_string()
    }

    #[test]
    fn nobody_configured_is_nobody_to_become() {
        assert_eq!(Identity::of(&RunAs::default()).unwrap(), None);
    }

    #[test]
    fn who_cannot_be_become_is_refused_in_words() {
        assert!(refused(Some("no-such-user"), None).contains("there is no user no-such-user"));
        assert!(refused(None, Some("games")).contains("needs `run.user`"));
        assert!(refused(Some("0"), None).contains("root"));
    }
}
