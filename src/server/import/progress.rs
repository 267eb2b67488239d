//! How far an import is, on standard error, when that is a terminal.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often it is drawn.
const INTERVAL: Duration = Duration::from_millis(100);

/// A bar of the bytes of all files, with flows per second. Shows nothing where nobody looks.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    read: Arc<AtomicU64>,
    started: Instant,
    drawn: Instant,
}

impl Progress {
    /// Of these files; `read` is how many bytes of them have been read.
    pub fn new(files: &[PathBuf], read: Arc<AtomicU64>) -> Self {
        let lengths: Option<u64> = files
            .iter()
            .map(|file| {
                std::fs::metadata(file).ok().filter(std::fs::Metadata::is_file).map(|data| data.len())
            })
            .sum();
        let bar = ProgressBar::with_draw_target(lengths, ProgressDrawTarget::stderr());
        let template = if lengths.is_some() {
            "{bar:30} {percent:>3} %  {bytes} of {total_bytes}  {msg}  {eta} left"
        } else {
            "{spinner} {bytes}  {msg}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        let now = Instant::now();
        Self { bar, read, started: now, drawn: now }
    }

    /// Draws, if it is time to.
    pub fn update(&mut self, flows: u64) {
        if self.bar.is_hidden() || self.drawn.elapsed() < INTERVAL {
            return;
        }
        self.drawn = Instant::now();
        let speed = super::summary::per_second(flows, self.started.elapsed().as_secs_f64());
        self.bar.set_position(self.read.load(Ordering::Relaxed));
        self.bar.set_message(format!("{speed:.0} flows/s"));
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
