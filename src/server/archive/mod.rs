//! The archive: every flow record, in files that anybody can read.

pub mod columns;
pub mod query;
mod row;
mod snapshot;

use std::sync::Mutex;

pub use snapshot::{ArchiveFile, Snapshot};

use crate::model::time_range::TimeRange;

/// The archive of one folder.
#[derive(Debug, Default)]
pub struct Archive {
    all: Mutex<Snapshot>,
}

impl Archive {
    /// All flows of a range, each once; the files of it stay readable as long as it is held.
    pub fn snapshot(&self, range: TimeRange) -> Snapshot {
        let mut snapshot = self.all.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        snapshot.files.retain(|file| file.range.intersection(range).is_some());
        snapshot
    }

    /// Renames a file that turned out to be damaged while it was read, and tells of it.
    pub fn set_aside(&self, file: &ArchiveFile, reason: &str) {
        tracing::error!("{} is damaged ({reason})", file.path.display());
        let mut all = self.all.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        all.files.retain(|known| known.path != file.path);
        all.damaged += 1;
    }
}
