//! The archive: every flow record, in files that anybody can read.
//!
//! One thread [appends](Archive::append) and [flushes](Archive::flush): rows go to a row log, and are durable when a
//! flush has returned. Another, the [`Keeper`], makes a sealed file of each full log, puts small files together and
//! gives up old ones. Readers take a [`Snapshot`], in which every row is once, whatever happens meanwhile. Rows are
//! numbered by a position without gaps. A fault of the disk stops storing until the disk works again; what a flush
//! has acknowledged is never lost by it. A damaged file is set aside, and nothing ends because of it.

pub mod columns;
mod compaction;
mod folder;
mod keeper;
mod log_file;
pub mod query;
mod replay;
mod retention;
mod row;
mod row_log;
mod sealed;
mod segment;
mod snapshot;
mod state;
mod status;
mod stored;
mod tail;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use thiserror::Error;

pub use self::keeper::Keeper;
pub use self::replay::{Replay, ReplayedFlows};
pub use self::sealed::FileError;
pub use self::snapshot::{ArchiveFile, Snapshot};
pub use self::status::ArchiveStatus;

use self::folder::HOUR_MS;
use self::log_file::LogFile;
use self::retention::RetentionClock;
use self::row_log::Frame;
use self::segment::{ActiveSegment, Segment, range_of};
pub use self::state::Seals;
use self::state::{MOST_WAITING, SEGMENT_ROWS, SealedLog, State};
use self::tail::Tail;
use crate::model::time_range::TimeRange;
use crate::server::collector::batch::FlowBatch;

/// A segment that is younger and smaller than this is not closed because an hour is over, so that no clock and no
/// import makes files of a few rows.
const YOUNGEST: Duration = Duration::from_mins(1);
const FEWEST_ROWS: u64 = 65_536;

/// How the archive is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Its folder.
    pub folder: PathBuf,
    /// Flows are kept for so many seconds; `None` for good.
    pub keep_s: Option<u64>,
    /// Sealed files take at most so many bytes; `None` without bound.
    pub keep_bytes: Option<u64>,
    /// So many bytes are left free on the disk.
    pub min_free_bytes: u64,
}

/// What can go wrong.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// The folder cannot be made or read.
    #[error("the archive in {} cannot be opened", path.display())]
    Open {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process has it.
    #[error("another Meridian uses the archive in {}: stop it, or give this one another data folder", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// Flows were not taken; they are counted as lost.
    #[error("{lost} flows are not stored: {reason}")]
    NotStored {
        /// How many.
        lost: u64,
        /// For people: why, and what to do.
        reason: String,
    },
    /// The row log cannot be written. What it has taken waits in memory, and the next flush tries again.
    #[error("the row log cannot be written")]
    Log(#[source] io::Error),
    /// A row cannot be encoded.
    #[error("a row of the archive cannot be encoded")]
    Encode,
}

/// The archive of one folder.
#[derive(Debug)]
pub struct Archive {
    settings: Settings,
    /// Held as long as the archive is open.
    _lock: File,
    /// Taken before `state`, by the one who appends.
    log: Mutex<LogFile>,
    state: Mutex<State>,
    /// Never taken while `state` is held.
    tail: Mutex<Tail>,
    /// Rung when the keeper has something to do.
    bell: Condvar,
}

impl Archive {
    /// Opens the archive, and makes its folder if there is none. Rows in logs become segments that wait to be sealed;
    /// what a crash cut off at the end of a log is dropped and counted.
    pub fn open(settings: Settings, now_ms: i64) -> Result<Self, ArchiveError> {
        let failed = |source: io::Error| ArchiveError::Open { path: settings.folder.clone(), source };
        fs::create_dir_all(&settings.folder).map_err(failed)?;
        let lock = File::create(settings.folder.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                return Err(ArchiveError::InUse { path: settings.folder.clone() });
            }
            Err(fs::TryLockError::Error(error)) => return Err(failed(error)),
        }
        let found = folder::scan(&settings.folder).map_err(failed)?;
        let mut state = State {
            active: ActiveSegment::new(0),
            active_since: None,
            waiting: VecDeque::new(),
            sealed_logs: Vec::new(),
            damaged: found.damaged,
            durable: 0,
            covered: 0,
            retention_clock: RetentionClock::new(
                found.files.iter().map(|file| file.range.to_ms).max(),
                now_ms,
                Instant::now(),
            ),
            files: found.files,
            stored: 0,
            lost: 0,
            lost_at_crash: 0,
            seals: Seals::default(),
            log_fault: None,
            seal_fault: None,
            space_fault: None,
            start_notices: Vec::new(),
            is_stopping: false,
        };
        let sealed_before = state.files.iter().map(|file| file.end_position()).max().unwrap_or(0);
        let mut next = sealed_before;
        let mut empty = Vec::new();
        for log in found.logs {
            let end = state.take_log(&log, sealed_before);
            next = next.max(end);
            if end == log.first_position {
                empty.push(log.path);
            }
        }
        state.active = ActiveSegment::new(next);
        state.durable = next;
        let mut log = LogFile::new(folder::log_path(&settings.folder, next));
        // A disk that is full now may have room later: then storing begins.
        state.log_fault = log.write(&[]).err().map(|error| log_fault(&log, &error));
        // Only now: the name of an empty one may be all that says which position is next.
        for path in empty.into_iter().filter(|path| *path != log.path) {
            fs::remove_file(path).map_err(failed)?;
        }
        let log = Mutex::new(log);
        Ok(Self {
            settings,
            _lock: lock,
            log,
            state: Mutex::new(state),
            tail: Mutex::default(),
            bell: Condvar::new(),
        })
    }

    /// Takes the flows of a batch; the position after the last of them. They are durable when a flush has returned a
    /// position that is not before it. Never waits for a seal. For one thread.
    pub fn append(&self, batch: &FlowBatch) -> Result<u64, ArchiveError> {
        let mut log = lock(&self.log);
        let Some(first) = batch.flows.first() else { return Ok(lock(&self.state).active.end_position()) };
        let is_over = {
            let state = lock(&self.state);
            (state.is_old() || state.active.rows() >= FEWEST_ROWS)
                && state.has_another_hour(first.record.received_ms)
        };
        if is_over {
            // A fault is kept in the state, and refuses below.
            drop(self.rotate(&mut log));
        }
        let (frames, position, is_full) = {
            let mut state = lock(&self.state);
            if let Some(reason) = state.refusal() {
                let lost = batch.flows.len() as u64;
                state.lost = state.lost.saturating_add(lost);
                return Err(ArchiveError::NotStored { lost, reason });
            }
            state.active_since.get_or_insert_with(Instant::now);
            state.active.append(batch).map_err(|_| ArchiveError::Encode)?;
            let is_full = state.active.rows() >= SEGMENT_ROWS;
            (state.frames_from(log.next_frame()), state.active.end_position(), is_full)
        };
        if !frames.is_empty()
            && let Err(error) = log.write(&frames)
        {
            lock(&self.state).log_fault = Some(log_fault(&log, &error));
        } else if is_full {
            drop(self.rotate(&mut log));
        }
        Ok(position)
    }

    /// The position after the last row that was taken.
    pub fn end_position(&self) -> u64 {
        lock(&self.state).active.end_position()
    }

    /// Brings what was appended to the disk; rows before the position that it returns are durable. After an error
    /// everything waits in memory, nothing more is taken, and the next call tries again. Call it at most once a
    /// second, from the thread that appends.
    pub fn flush(&self, now_ms: i64) -> Result<u64, ArchiveError> {
        let mut log = lock(&self.log);
        let position = self.write_out(&mut log)?;
        let is_over = {
            let state = lock(&self.state);
            state.is_old() && state.has_another_hour(now_ms)
        };
        if is_over {
            self.rotate(&mut log)?;
        }
        Ok(position)
    }

    /// Writes and syncs all rows of the active segment.
    fn write_out(&self, log: &mut LogFile) -> Result<u64, ArchiveError> {
        let (frames, position) = {
            let mut state = lock(&self.state);
            state.active.close_frame().map_err(|_| ArchiveError::Encode)?;
            (state.frames_from(log.next_frame()), state.active.end_position())
        };
        let written = log.write(&frames).and_then(|()| log.sync());
        let mut state = lock(&self.state);
        if let Err(error) = written {
            state.log_fault = Some(log_fault(log, &error));
            return Err(ArchiveError::Log(error));
        }
        state.log_fault = None;
        state.stored = state.stored.saturating_add(position.saturating_sub(state.durable));
        state.durable = position;
        Ok(position)
    }

    /// Closes the active segment and begins another, unless too many wait.
    fn rotate(&self, log: &mut LogFile) -> Result<(), ArchiveError> {
        if lock(&self.state).waiting.len() >= MOST_WAITING {
            return Ok(());
        }
        let next = self.write_out(log)?;
        let mut new = LogFile::new(folder::log_path(&self.settings.folder, next));
        // The new file has to be there before the old one may go: its name is the position to go on with.
        if let Err(error) = new.write(&[]) {
            lock(&self.state).log_fault = Some(log_fault(&new, &error));
            return Err(ArchiveError::Log(error));
        }
        *log = new;
        let mut state = lock(&self.state);
        let full = std::mem::replace(&mut state.active, ActiveSegment::new(next));
        state.active_since = None;
        state.waiting.push_back(Arc::new(full.segment));
        self.bell.notify_all();
        Ok(())
    }

    /// All flows of a range, each once; the files of it stay readable as long as it is held.
    pub fn snapshot(&self, range: TimeRange) -> Snapshot {
        let mut snapshot = Snapshot::default();
        let chunks = {
            let state = lock(&self.state);
            let overlaps = |other: TimeRange| other.intersection(range).is_some();
            snapshot.files.extend(state.files.iter().filter(|file| overlaps(file.range)).cloned());
            snapshot.files.sort_by_key(|file| file.range.from_ms);
            snapshot.damaged = state.damaged.iter().filter(|file| overlaps(file.range)).count();
            let mut chunks: Vec<Vec<Frame>> =
                state.waiting.iter().flat_map(|segment| segment.chunks()).map(<[Frame]>::to_vec).collect();
            chunks.extend(state.active.segment.chunks().map(<[Frame]>::to_vec));
            match state.active.pending_frame() {
                Ok(Some(frame)) if frame.begins_chunk => chunks.push(vec![frame]),
                Ok(Some(frame)) => chunks.last_mut().into_iter().for_each(|chunk| chunk.push(frame.clone())),
                Ok(None) => {}
                Err(_) => snapshot.damaged += 1,
            }
            chunks.retain(|chunk| range_of(chunk).is_some_and(overlaps));
            chunks
        };
        let mut tail = lock(&self.tail);
        for chunk in chunks {
            match tail.batch(&chunk) {
                Ok(batch) => snapshot.tail.push(batch),
                Err(error) => {
                    tracing::error!("rows of the tail cannot be read: {error}");
                    snapshot.damaged += 1;
                }
            }
        }
        drop(tail);
        snapshot
    }

    /// The flows from a position on, in the order of positions as far as that is kept.
    pub fn rows_from(&self, position: u64) -> Replay {
        Replay::new(&lock(&self.state), position)
    }

    /// Says that the rollups hold all rows before a position: logs of sealed rows before it are not needed for
    /// [`rows_from`](Self::rows_from) any more. A position that the archive has not reached, because a damaged log lost
    /// its rows, is where the next row is counted from.
    pub fn covered(&self, position: u64) -> Result<(), ArchiveError> {
        let mut log = lock(&self.log);
        let is_ahead = {
            let mut state = lock(&self.state);
            state.covered = state.covered.max(position);
            state.active.end_position() < position
        };
        if is_ahead {
            self.write_out(&mut log)?;
            let mut new = LogFile::new(folder::log_path(&self.settings.folder, position));
            new.write(&[]).map_err(ArchiveError::Log)?;
            *log = new;
            let mut state = lock(&self.state);
            let old = std::mem::replace(&mut state.active, ActiveSegment::new(position));
            state.durable = position;
            if old.rows() > 0 {
                state.waiting.push_back(Arc::new(old.segment));
            }
        }
        Ok(())
    }

    /// Renames a file that turned out to be damaged while it was read, and tells of it.
    pub fn set_aside(&self, file: &ArchiveFile, reason: &str) {
        let mut state = lock(&self.state);
        if !state.files.iter().any(|known| known.path == file.path) {
            return;
        }
        tracing::error!("{} is damaged: {reason}", file.path.display());
        state.files.retain(|known| known.path != file.path);
        match folder::set_aside(&file.path) {
            Ok(path) => state.damaged.push(folder::DamagedFile { path, range: file.range }),
            Err(error) => {
                tracing::error!("{} cannot be renamed: {error}", file.path.display());
                state.damaged.push(folder::DamagedFile { path: file.path.clone(), range: file.range });
            }
        }
    }
}

impl State {
    /// Takes a log that the start found, whose rows should begin at a position; the position after it.
    fn take_log(&mut self, log: &folder::FoundLog, sealed_before: u64) -> u64 {
        let read = File::open(&log.path).and_then(|file| row_log::read_file(file, log.first_position));
        let read = match read {
            Ok(read) => read,
            Err(error) => {
                let path = log.path.display();
                tracing::error!("{path} cannot be read: {error}");
                self.start_notices.push(format!(
                    "{path} cannot be read ({error}), and its flows are missing in answers: mend the disk, then start Meridian again."
                ));
                // More than it can hold, so that no position is given twice.
                return log.first_position.saturating_add(2 * SEGMENT_ROWS);
            }
        };
        if read.torn_bytes > 0 {
            self.lost_at_crash = self.lost_at_crash.saturating_add(read.torn_rows);
            self.start_notices.push(format!(
                "The end of {} was cut off when Meridian was stopped without notice: {} flows that were not on disk yet are lost.",
                log.path.display(),
                read.torn_rows
            ));
        }
        let segment = Segment { first_position: log.first_position, frames: read.frames };
        let end_position = segment.end_position();
        if segment.frames.is_empty() {
            return end_position;
        }
        if end_position <= sealed_before {
            let (path, first_position) = (log.path.clone(), log.first_position);
            self.sealed_logs.push(SealedLog { path, first_position, end_position });
        } else {
            self.waiting.push_back(Arc::new(segment));
        }
        end_position
    }

    /// Whether a moment is in another hour than the active segment.
    fn has_another_hour(&self, moment_ms: i64) -> bool {
        let hour = |moment: i64| moment.div_euclid(HOUR_MS);
        self.active.first_received_ms().is_some_and(|first| hour(first) != hour(moment_ms))
    }

    /// Whether the active segment has been open for so long that it may be closed with few rows.
    fn is_old(&self) -> bool {
        self.active_since.is_some_and(|since| since.elapsed() >= YOUNGEST)
    }

    fn frames_from(&self, frame: usize) -> Vec<Frame> {
        self.active.segment.frames.get(frame..).unwrap_or_default().to_vec()
    }
}

fn log_fault(log: &LogFile, error: &io::Error) -> String {
    format!(
        "Flows are not stored, because {} cannot be written ({error}): make room on that disk, or mend it.",
        log.path.display()
    )
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
