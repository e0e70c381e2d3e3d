//! Where results go: standard output or a file that appears whole or not at all.

use anyhow::{Context, Result};
use std::fs::{self, File};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Somewhere to write results.
pub struct Output {
    out: Box<dyn Write>,
    /// A file under a temporary name, and its own.
    file: Option<(PathBuf, PathBuf)>,
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Output")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

impl Output {
    /// The file at `path`, or standard output.
    ///
    /// # Errors
    ///
    /// The file cannot be created.
    pub fn create(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else {
            return Ok(Self {
                out: Box::new(BufWriter::new(io::stdout().lock())),
                file: None,
            });
        };
        // A device or pipe is written as it is; renaming onto it would replace it.
        let special = fs::metadata(path).is_ok_and(|meta| !meta.is_file());
        let target = if special { path.to_owned() } else { beside(path) };
        let file = File::create(&target).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self {
            out: Box::new(BufWriter::with_capacity(1 << 16, file)),
            file: (!special).then(|| (target, path.to_owned())),
        })
    }

    /// Writes what is left; a file gets its name.
    ///
    /// # Errors
    ///
    /// Something could not be written.
    pub fn finish(mut self) -> Result<()> {
        self.out.flush()?;
        if let Some((temporary, path)) = self.file.take() {
            fs::rename(&temporary, &path).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // Not finished: half a report is worse than none.
        if let Some((temporary, _)) = &self.file {
            let _ = fs::remove_file(temporary);
        }
    }
}

impl Write for Output {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.out.write(octets)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    path.with_file_name(name)
}

/// Whether text may be coloured: a terminal is reading, and NO_COLOR (no-color.org) is not set.
pub fn wants_color(to_file: bool) -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !to_file && !refused && io::stdout().is_terminal()
}

/// Columns of the terminal that reads standard output; 100 when none does.
pub fn terminal_width() -> usize {
    terminal_size::terminal_size_of(io::stdout()).map_or(100, |(width, _)| usize::from(width.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        let mut output = Output::create(Some(&path)).unwrap();
        output.write_all(b"half").unwrap();
        drop(output);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let mut output = Output::create(Some(&path)).unwrap();
        output.write_all(b"whole").unwrap();
        output.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
    }

    #[test]
    fn a_device_stays_a_device() {
        let mut output = Output::create(Some(Path::new("/dev/null"))).unwrap();
        output.write_all(b"gone").unwrap();
        output.finish().unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
