//! What the archive knows, behind one lock that is only held for moments.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::folder::DamagedFile;
use super::retention::RetentionClock;
use super::segment::{ActiveSegment, Segment};
use super::snapshot::ArchiveFile;

/// A segment is sealed when it has so many rows.
pub(super) const SEGMENT_ROWS: u64 = 1 << 20;
/// So many segments may wait to be sealed; then nothing more is taken.
pub(super) const MOST_WAITING: usize = 2;

/// A log file whose rows are in sealed files. It has their order.
#[derive(Clone, Debug)]
pub(super) struct SealedLog {
    pub path: PathBuf,
    pub first_position: u64,
    pub end_position: u64,
}

/// Segments that became sealed files since the process started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seals {
    /// How many.
    pub files: u64,
    /// Their flows.
    pub rows: u64,
    /// How long that took in all.
    pub took: Duration,
}

#[derive(Debug)]
pub(super) struct State {
    pub active: ActiveSegment,
    /// When the active segment got its first row.
    pub active_since: Option<Instant>,
    /// To be sealed, oldest first.
    pub waiting: VecDeque<Arc<Segment>>,
    pub sealed_logs: Vec<SealedLog>,
    /// By position.
    pub files: Vec<Arc<ArchiveFile>>,
    pub damaged: Vec<DamagedFile>,
    /// Rows before it are on disk.
    pub durable: u64,
    /// Rows before it are counted in the rollups.
    pub covered: u64,
    pub retention_clock: RetentionClock,
    pub stored: u64,
    pub lost: u64,
    pub lost_at_crash: u64,
    pub seals: Seals,
    /// Why the log cannot be written.
    pub log_fault: Option<String>,
    /// Why nothing can be sealed.
    pub seal_fault: Option<String>,
    /// Why there is too little room.
    pub space_fault: Option<String>,
    /// What the start found.
    pub start_notices: Vec<String>,
    pub is_stopping: bool,
}

impl State {
    /// Why nothing can be taken at the moment.
    pub(super) fn refusal(&self) -> Option<String> {
        let full = || {
            let is_full = self.active.rows() >= SEGMENT_ROWS && self.waiting.len() >= MOST_WAITING;
            is_full.then(|| {
                "Flows come faster than this disk takes them, so some are not stored: use a faster disk, or have exporters sample."
                    .to_owned()
            })
        };
        self.log_fault
            .clone()
            .or_else(|| self.space_fault.clone())
            .or_else(|| self.seal_fault.clone().filter(|_| full().is_some()))
            .or_else(full)
    }
}
