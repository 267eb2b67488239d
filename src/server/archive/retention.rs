//! Gives up the oldest hours: by age, by bytes, and for room on the disk.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::folder::HOUR_MS;
use super::snapshot::ArchiveFile;
use super::{Archive, lock};
use crate::model::time_range::TimeRange;

/// A clock that jumps ahead expires at most so much more than what has passed.
const FASTEST: i64 = 24;
/// For room on the disk nothing is given up that is younger than this before the newest flow.
const ALWAYS_KEPT_MS: i64 = 24 * HOUR_MS;

/// The moment that ages are told by: it follows the system's clock, but goes ahead at most [`FASTEST`] times as fast
/// as time passes. So a clock that is years ahead for an hour costs the flows of one day, not all.
#[derive(Clone, Copy, Debug)]
pub(super) struct RetentionClock {
    now_ms: i64,
    at: Instant,
}

impl RetentionClock {
    /// Begins where the newest flow was received, or now, what is earlier.
    pub(super) fn new(newest_ms: Option<i64>, now_ms: i64, at: Instant) -> Self {
        Self { now_ms: newest_ms.map_or(now_ms, |newest| newest.min(now_ms)), at }
    }

    fn advance(&mut self, now_ms: i64, at: Instant) -> i64 {
        let passed = i64::try_from(at.saturating_duration_since(self.at).as_millis()).unwrap_or(i64::MAX);
        self.now_ms = now_ms.min(self.now_ms.saturating_add(passed.saturating_mul(FASTEST)));
        self.at = at;
        self.now_ms
    }
}

impl Archive {
    /// Gives up what is too old or too much.
    pub(super) fn retain(&self, now_ms: i64, at: Instant) {
        let free = free_bytes(&self.settings.folder);
        let mut given_up = Vec::new();
        {
            let mut state = lock(&self.state);
            let clock_ms = state.retention_clock.advance(now_ms, at);
            if let Some(keep_s) = self.settings.keep_s {
                let keep_ms = i64::try_from(keep_s.saturating_mul(1_000)).unwrap_or(i64::MAX);
                let oldest_ms = clock_ms.saturating_sub(keep_ms);
                given_up.extend(state.files.extract_if(.., |file| file.range.to_ms <= oldest_ms));
            }
            if let Some(keep_bytes) = self.settings.keep_bytes {
                let mut bytes: u64 = state.files.iter().map(|file| file.bytes).sum();
                while bytes > keep_bytes
                    && let Some(hour) = oldest_hour(&state.files)
                {
                    let before = given_up.len();
                    given_up.extend(state.files.extract_if(.., |file| file.path.parent() == Some(&hour)));
                    let freed: u64 = given_up.iter().skip(before).map(|file| file.bytes).sum();
                    bytes = bytes.saturating_sub(freed);
                }
            }
            let is_short = free.is_some_and(|free| free < self.settings.min_free_bytes);
            // One hour a round: whoever needs the room for a moment only does not cost the whole past.
            let newest = state.files.iter().map(|file| file.range.to_ms).max().unwrap_or(i64::MIN);
            let spare =
                state.files.iter().filter(|file| file.range.to_ms <= newest.saturating_sub(ALWAYS_KEPT_MS));
            let spare = spare
                .min_by_key(|file| file.range.from_ms)
                .and_then(|file| Some(file.path.parent()?.to_owned()));
            state.space_fault = match (is_short, spare) {
                (false, _) => None,
                (true, Some(hour)) => {
                    given_up.extend(state.files.extract_if(.., |file| file.path.parent() == Some(&hour)));
                    None
                }
                (true, None) => Some(format!(
                    "Flows are not stored, because only {} MB are free on the disk of {} (history.min_free_bytes keeps {} MB free): make room there.",
                    free.unwrap_or(0) / 1_000_000,
                    self.settings.folder.display(),
                    self.settings.min_free_bytes / 1_000_000,
                )),
            };
        }
        for file in given_up {
            file.give_up();
        }
    }
}

fn oldest_hour(files: &[Arc<ArchiveFile>]) -> Option<PathBuf> {
    let oldest = files.iter().min_by_key(|file| file.range.from_ms)?;
    Some(oldest.path.parent()?.to_owned())
}

/// Free bytes of the disk that a folder is on, for this process; `None` if the system does not say.
pub(super) fn free_bytes(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Bytes that a day adds, by the files of the last day; `None` while they span less than an hour.
pub(super) fn bytes_per_day(files: &[Arc<ArchiveFile>]) -> Option<u64> {
    let newest = files.iter().map(|file| file.range.to_ms).max()?;
    let day = TimeRange::new(newest.saturating_sub(24 * HOUR_MS), newest)?;
    let of_the_day = || files.iter().filter(|file| day.contains(file.range.from_ms));
    let from = of_the_day().map(|file| file.range.from_ms).min()?;
    let span = u128::try_from(newest.saturating_sub(from))
        .ok()
        .filter(|span| *span >= u128::from(HOUR_MS.unsigned_abs()))?;
    let bytes: u64 = of_the_day().map(|file| file.bytes).sum();
    u64::try_from(u128::from(bytes) * u128::from(24 * HOUR_MS.unsigned_abs()) / span).ok()
}
