//! How the archive is.

use super::retention::{bytes_per_day, free_bytes};
use super::segment::{Segment, range_between};
use super::{Archive, Seals, lock};
use crate::model::history::{Tier, TierStatus};
use crate::model::time_range::TimeRange;

/// What the archive has, and what is wrong with it.
#[derive(Clone, Debug, PartialEq)]
pub struct ArchiveStatus {
    /// What is kept, row log and all.
    pub tier: TierStatus,
    /// False while flows are not taken; `notices` say why.
    pub is_storing: bool,
    /// Flows that are on disk, since the process started.
    pub stored: u64,
    /// Flows that were not taken, since the process started.
    pub lost: u64,
    /// Flows that the process before had begun to write when it ended without notice.
    pub lost_at_crash: u64,
    /// What was sealed since the process started.
    pub seals: Seals,
    /// Bytes that a day adds; `None` while less than an hour is known.
    pub bytes_per_day: Option<u64>,
    /// Free bytes of the disk.
    pub free_bytes: u64,
    /// For people: what is wrong and what to do.
    pub notices: Vec<String>,
}

impl Archive {
    /// From when on all flows are kept, milliseconds since 1970; `None` when none was ever given up.
    pub fn kept_from_ms(&self) -> Option<i64> {
        let state = lock(&self.state);
        let waiting = || state.waiting.iter().map(AsRef::as_ref);
        let positions = state.files.iter().map(|file| file.first_position);
        let positions = positions.chain(waiting().map(|segment| segment.first_position));
        if positions.chain([state.active.segment.first_position]).min() == Some(0) {
            return None;
        }
        let ranges = state.files.iter().map(|file| file.range).chain(waiting().filter_map(Segment::range));
        let oldest = ranges.map(|range| range.from_ms).chain(state.active.first_received_ms()).min();
        Some(oldest.unwrap_or(i64::MAX))
    }

    /// How many files cannot be read because they are damaged.
    pub fn damaged(&self) -> usize {
        lock(&self.state).damaged.len()
    }

    /// When the flows of each file, and of what is in no file yet, were received, and how many there are: those that have
    /// something of a range.
    pub fn extents(&self, range: TimeRange) -> Vec<(TimeRange, u64)> {
        let state = lock(&self.state);
        let segments = state.waiting.iter().map(AsRef::as_ref).chain([&state.active.segment]);
        let segments = segments.filter_map(|segment| Some((segment.range()?, segment.rows())));
        let files = state.files.iter().map(|file| (file.range, file.rows));
        files.chain(segments).filter(|(extent, _)| extent.intersection(range).is_some()).collect()
    }

    /// How it is at this moment. Asks the disk for its free bytes.
    pub fn status(&self) -> ArchiveStatus {
        let free_bytes = free_bytes(&self.settings.folder).unwrap_or(0);
        let state = lock(&self.state);
        let segments = || state.waiting.iter().map(AsRef::as_ref).chain([&state.active.segment]);
        let ranges = state.files.iter().map(|file| file.range).chain(segments().filter_map(Segment::range));
        let range = ranges.reduce(|sum, range| {
            range_between(sum.from_ms.min(range.from_ms), sum.to_ms.max(range.to_ms).saturating_sub(1))
        });
        let logged: u64 = segments().map(Segment::rows).sum();
        let log_bytes: usize = segments().flat_map(|one| &one.frames).map(|frame| frame.bytes.len()).sum();
        let refusal = state.refusal();
        let mut notices = state.start_notices.clone();
        notices.extend(refusal.clone());
        notices.extend(state.seal_fault.clone().filter(|fault| refusal.as_ref() != Some(fault)));
        notices.extend(state.damaged.iter().map(|file| {
            format!(
                "A file of the archive is damaged and is left out; its flows are missing in answers. It is kept as {}: delete it when you do not need it.",
                file.path.display()
            )
        }));
        ArchiveStatus {
            tier: TierStatus {
                tier: Tier::Archive,
                range,
                rows: logged + state.files.iter().map(|file| file.rows).sum::<u64>(),
                bytes: log_bytes as u64 + state.files.iter().map(|file| file.bytes).sum::<u64>(),
                keep_s: self.settings.keep_s,
                keep_bytes: self.settings.keep_bytes,
            },
            is_storing: refusal.is_none(),
            stored: state.stored,
            lost: state.lost,
            lost_at_crash: state.lost_at_crash,
            seals: state.seals,
            bytes_per_day: bytes_per_day(&state.files),
            free_bytes,
            notices,
        }
    }
}
