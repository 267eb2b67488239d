//! Who had most.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::dimension::Dimension;
use super::source::{Amount, Key, Metric, Source};
use crate::model::time_range::TimeRange;

/// Asks for the keys with most.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TopQuestion {
    /// When.
    pub range: TimeRange,
    /// Which flows, in the filter language; empty for all.
    pub filter: String,
    /// What they are grouped by, 1 to [`TopQuestion::MOST_DIMENSIONS`].
    pub dimensions: Vec<Dimension>,
    /// What they are ranked by.
    pub metric: Metric,
    /// How many rows, 1 to [`TopQuestion::MOST_ROWS`].
    pub rows: u32,
    /// Whether distinct addresses are wanted even if they are not ranked by.
    pub addresses: bool,
}

impl TopQuestion {
    /// The most dimensions.
    pub const MOST_DIMENSIONS: usize = 4;
    /// The most rows.
    pub const MOST_ROWS: u32 = 1_000;
}

/// One group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TopRow {
    /// Its values, in the order of the dimensions.
    pub keys: Vec<Key>,
    /// What it had.
    pub amount: Amount,
}

/// The groups that had most. Of a dimension of the outside end a transit flow is in two groups, unless they are equal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Top {
    /// The rows, most first; of equals the smaller key first.
    pub rows: Vec<TopRow>,
    /// How many groups there are in all; `None` when the sums do not know.
    pub groups: Option<u64>,
    /// All flows of the question, each once.
    pub total: Amount,
    /// What it was made of.
    pub source: Source,
}
