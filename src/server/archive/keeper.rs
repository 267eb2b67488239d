//! The thread that seals, puts together, and gives up.

use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{fs, io};

use super::compaction::write_sealed;
use super::row_log::Rows;
use super::sealed::FileError;
use super::segment::Segment;
use super::state::SealedLog;
use super::{Archive, folder, lock};

/// How often it looks whether there is something to do, and tries again what failed.
const ROUND: Duration = Duration::from_secs(5);
/// Logs of sealed rows are kept until the rollups have them, but not more than these.
const MOST_SEALED_LOGS: usize = 4;

/// The archive's own thread. It ends, and is awaited, when this is dropped; what is not sealed then is in the log.
#[derive(Debug)]
pub struct Keeper {
    archive: Arc<Archive>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Starts the thread.
    pub fn start(archive: Arc<Archive>) -> io::Result<Self> {
        let kept = Arc::clone(&archive);
        let thread = std::thread::Builder::new().name("archive".to_owned()).spawn(move || run(&kept))?;
        Ok(Self { archive, thread: Some(thread) })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        lock(&self.archive.state).is_stopping = true;
        self.archive.bell.notify_all();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread of the archive had ended with a panic");
        }
    }
}

fn run(archive: &Archive) {
    loop {
        let state = lock(&archive.state);
        let is_idle = state.waiting.is_empty() || state.seal_fault.is_some();
        let state = if is_idle && !state.is_stopping {
            archive.bell.wait_timeout(state, ROUND).unwrap_or_else(PoisonError::into_inner).0
        } else {
            state
        };
        if state.is_stopping {
            return;
        }
        drop(state);
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        archive.keep(i64::try_from(since.as_millis()).unwrap_or(i64::MAX), Instant::now());
    }
}

impl Archive {
    /// One round: seals what waits, removes logs that nobody needs, puts files together, gives up old ones.
    pub fn keep(&self, now_ms: i64, at: Instant) {
        loop {
            let waiting = lock(&self.state).waiting.front().cloned();
            let Some(segment) = waiting else { break };
            let sealed = self.seal(&segment);
            let mut state = lock(&self.state);
            let Err(error) = sealed else {
                state.seal_fault = None;
                continue;
            };
            let fault = format!(
                "Flows cannot be moved from the row log to {} ({error}): make room on that disk, or mend it.",
                self.settings.folder.display()
            );
            if state.seal_fault.as_ref() != Some(&fault) {
                tracing::error!("{fault}");
            }
            state.seal_fault = Some(fault);
            break;
        }
        let unsealed = {
            let state = lock(&self.state);
            state.waiting.front().map_or(state.active.segment.first_position, |first| first.first_position)
        };
        lock(&self.tail).forget(unsealed, at);
        self.remove_logs();
        if let Err(error) = self.compact(now_ms) {
            tracing::warn!("files of the archive cannot be put together: {error}");
        }
        self.retain(now_ms, at);
    }

    /// Makes a sealed file of a segment that waits.
    fn seal(&self, segment: &Arc<Segment>) -> Result<(), FileError> {
        let began = Instant::now();
        let range = segment.range().ok_or(FileError::Rows)?;
        let first_ms = segment.frames.first().map_or(range.from_ms, |frame| frame.oldest_ms);
        let hour = folder::hour_folder(&self.settings.folder, first_ms);
        folder::create_hour_folder(&self.settings.folder, &hour)?;
        let count = segment.rows();
        let path = hour.join(folder::sealed_name(segment.first_position, count, range));
        let rows = Rows::of(&segment.frames).map_err(|_| FileError::Rows)?;
        let file = write_sealed(path, &rows, segment.first_position, count, range)?;

        let mut state = lock(&self.state);
        state.seals.files += 1;
        state.seals.rows += count;
        state.seals.took += began.elapsed();
        state.files.push(Arc::new(file));
        state.files.sort_by_key(|file| file.first_position);
        state.waiting.retain(|waiting| !Arc::ptr_eq(waiting, segment));
        state.sealed_logs.push(SealedLog {
            path: folder::log_path(&self.settings.folder, segment.first_position),
            first_position: segment.first_position,
            end_position: segment.end_position(),
        });
        Ok(())
    }

    /// Removes the logs of sealed rows that the rollups have, and the oldest if there are too many.
    fn remove_logs(&self) {
        let mut state = lock(&self.state);
        let covered = state.covered;
        let mut unneeded: Vec<_> =
            state.sealed_logs.extract_if(.., |log| log.end_position <= covered).collect();
        let surplus = state.sealed_logs.len().saturating_sub(MOST_SEALED_LOGS);
        unneeded.extend(state.sealed_logs.drain(..surplus));
        drop(state);
        for log in unneeded {
            remove(&log.path);
        }
    }
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::warn!("{} cannot be removed: {error}", path.display());
    }
}
