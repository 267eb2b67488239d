//! What is kept of the past.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::source::Tier;
use crate::model::time_range::TimeRange;

/// What one tier keeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TierStatus {
    /// The tier.
    pub tier: Tier,
    /// From the oldest to the newest; `None` when it is empty.
    pub range: Option<TimeRange>,
    /// Flow records of the archive, rows of the others.
    pub rows: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// Kept for so many seconds; `None` for good.
    pub keep_s: Option<u64>,
    /// Kept up to so many bytes; `None` without bound.
    pub keep_bytes: Option<u64>,
}

/// What the disk will hold, by the growth of the last days.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Forecast {
    /// Bytes that a day adds.
    pub bytes_per_day: u64,
    /// Days that the archive will reach back once it is full or old flows expire.
    pub archive_days: f64,
    /// Bytes that everything will take then.
    pub bytes: u64,
    /// When the disk is full, milliseconds since 1970; `None` when the retention holds before.
    pub disk_full_ms: Option<i64>,
}

/// How the history is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HistoryStatus {
    /// False when nothing is stored at the moment; `notices` say why.
    pub is_storing: bool,
    /// Flow records that are on disk since the process started.
    pub stored: u64,
    /// Flow records that were lost before they were on disk, since the process started: no room in the queue, or no
    /// disk.
    pub lost: u64,
    /// Flow records that the process before this one had taken and not stored when it ended without notice.
    pub lost_at_crash: u64,
    /// Each tier, finest first.
    pub tiers: Vec<TierStatus>,
    /// What is to be expected; `None` while less than an hour is known.
    pub forecast: Option<Forecast>,
    /// Free bytes of the disk.
    pub free_bytes: u64,
    /// For people: what is wrong and what to do.
    pub notices: Vec<String>,
}
