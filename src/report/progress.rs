//! A progress bar on standard error while files are read; nothing at all when that is no terminal.

use crate::model::units::{bytes, count};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// So often is the bar drawn a second.
const FRAMES: u8 = 8;

/// A progress bar under way.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    /// When the words beside the bar were last renewed, since its start.
    said: Duration,
}

impl Progress {
    /// A bar for `total` octets to read, a spinner when that is unknown; hidden when `quiet` or when standard error
    /// is no terminal.
    pub fn new(total: Option<u64>, quiet: bool) -> Self {
        let target = if quiet {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr_with_hz(FRAMES)
        };
        Self::to(target, total)
    }

    fn to(target: ProgressDrawTarget, total: Option<u64>) -> Self {
        let (bar, template) = match total {
            Some(total) => (
                ProgressBar::with_draw_target(Some(total), target),
                "{percent:>3} % {bar:28.cyan/black.bright} {decimal_bytes}/{decimal_total_bytes}  {msg}  {eta} left",
            ),
            None => (
                ProgressBar::with_draw_target(None, target),
                "{spinner} {decimal_bytes}  {msg}  {elapsed}",
            ),
        };
        // The templates are constants; were one wrong, the default style would still show progress.
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("━━─"));
        Self {
            bar,
            said: Duration::ZERO,
        }
    }

    /// Says how far reading has come: octets of the files and packets, both since the start.
    pub fn update(&mut self, read_bytes: u64, packets: u64) {
        if self.bar.is_hidden() {
            return;
        }
        let elapsed = self.bar.elapsed();
        if elapsed.saturating_sub(self.said) >= Duration::from_secs(1) / u32::from(FRAMES) {
            self.said = elapsed;
            self.bar.set_message(rates(read_bytes, packets, elapsed));
        }
        self.bar.set_position(read_bytes);
    }

    /// Writes lines above the bar, without disturbing it; nothing when the bar is hidden: then the caller must.
    ///
    /// Returns whether `line` was written.
    pub fn line(&self, line: &str) -> bool {
        let shown = !self.bar.is_hidden();
        if shown {
            self.bar.println(line);
        }
        shown
    }

    /// Takes the bar off the screen; what was read is said in the summary.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}

/// Packets and octets a second, on average since the start.
fn rates(read_bytes: u64, packets: u64, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64().max(1e-3);
    format!(
        "{} packets/s  {}/s",
        count(packets as f64 / seconds),
        bytes(read_bytes as f64 / seconds)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use indicatif::TermLike;
    use std::io;
    use std::sync::{Arc, Mutex};

    /// A terminal that remembers what it was told to show, line by line, and when it was cleared.
    #[derive(Clone, Debug, Default)]
    struct Recorder(Arc<Mutex<String>>);

    impl TermLike for Recorder {
        fn width(&self) -> u16 {
            100
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write_str(text)
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.0.lock().unwrap().push_str(text);
            Ok(())
        }
        fn clear_line(&self) -> io::Result<()> {
            self.0.lock().unwrap().push_str("<cleared>");
            Ok(())
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn rates_are_averages_since_the_start() {
        assert_eq!(
            rates(640_000_000, 3_000_000, Duration::from_secs(4)),
            "750 k packets/s  160 MB/s"
        );
        assert_eq!(rates(0, 0, Duration::ZERO), "0 packets/s  0 B/s");
    }

    #[test]
    fn a_bar_shows_share_and_amounts_and_goes_away_at_the_end() {
        let terminal = Recorder::default();
        let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
        let mut progress = Progress::to(target, Some(2_000_000));
        progress.update(500_000, 1_000);
        progress.bar.force_draw();
        let shown = terminal.0.lock().unwrap().clone();
        assert!(
            shown.contains(" 25 %") && shown.contains("500.00 kB/2.00 MB"),
            "{shown}"
        );
        progress.finish();
        let shown = terminal.0.lock().unwrap().clone();
        assert!(shown.trim_end().ends_with("<cleared>"), "{shown}");
    }

    #[test]
    fn a_quiet_bar_writes_nothing() {
        let mut progress = Progress::new(Some(10), true);
        progress.update(5, 1);
        assert!(!progress.line("text"));
        progress.finish();
    }
}
