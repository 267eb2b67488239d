//! A question as the tiers understand it.

use crate::model::filter::Filter;
use crate::model::history::{Dimension, Metric};
use crate::model::time_range::TimeRange;

/// Sums of the flows that pass a filter, by group and maybe by step of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// When the flows were received.
    pub range: TimeRange,
    /// Which of them.
    pub filter: Filter,
    /// What they are grouped by; empty for one group.
    pub dimensions: Vec<Dimension>,
    /// Length of a step, milliseconds; `None` for one step of the whole range. Steps begin at multiples of it.
    pub step_ms: Option<i64>,
    /// Whether the distinct outside addresses are wanted.
    pub addresses: bool,
    /// Only the groups with most are wanted, and how many there are; `None` for all groups. Not with `step_ms`.
    pub most: Option<Most>,
}

/// How many groups are wanted, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Most {
    /// What they are ranked by; bytes and packets scaled by sampling.
    pub metric: Metric,
    /// How many at most.
    pub groups: usize,
}
