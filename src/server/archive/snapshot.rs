//! What a reader of the archive gets: files that stay, and the tail beside them.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{fs, io};

use arrow::array::RecordBatch;

use super::folder;
use crate::model::time_range::TimeRange;

/// A sealed file. It is readable as long as somebody holds it: one that retention or compaction has given up is
/// removed when the last holder lets go.
#[derive(Debug)]
pub struct ArchiveFile {
    /// Where it is.
    pub path: PathBuf,
    /// From the first to the last moment that a flow in it was received.
    pub range: TimeRange,
    /// How many flows it has.
    pub rows: u64,
    /// Position of the first of them. The others follow without a gap, but stand in the order of addresses.
    pub first_position: u64,
    /// Its size.
    pub bytes: u64,
    is_given_up: AtomicBool,
}

impl ArchiveFile {
    /// A file that is there.
    pub const fn new(path: PathBuf, range: TimeRange, rows: u64, first_position: u64, bytes: u64) -> Self {
        Self { path, range, rows, first_position, bytes, is_given_up: AtomicBool::new(false) }
    }

    /// The position after its last flow.
    pub const fn end_position(&self) -> u64 {
        self.first_position.saturating_add(self.rows)
    }

    /// Lets it be removed when nobody holds it any more.
    pub(super) fn give_up(&self) {
        self.is_given_up.store(true, Ordering::Relaxed);
    }
}

impl Drop for ArchiveFile {
    fn drop(&mut self) {
        if !self.is_given_up.load(Ordering::Relaxed) {
            return;
        }
        let removed = fs::remove_file(&self.path);
        if let Err(error) = removed
            && error.kind() != io::ErrorKind::NotFound
        {
            let path = self.path.display();
            tracing::warn!("{path} cannot be removed ({error}); it is tried again at the next start");
        }
        if let Some(hour) = self.path.parent() {
            folder::remove_if_empty(hour);
        }
    }
}

/// All that the archive has at one moment: every flow once, in a file or in the tail.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The sealed files that have flows of the range, oldest first; flows outside of it, too.
    pub files: Vec<Arc<ArchiveFile>>,
    /// What is in no file yet, with all columns of the schema; flows outside of the range, too.
    pub tail: Vec<RecordBatch>,
    /// How many files of the range cannot be read because they are damaged.
    pub damaged: usize,
}
