//! Traffic over time.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::dimension::Dimension;
use super::source::{Distinct, Key, Metric, Source};
use crate::model::time_range::TimeRange;
use crate::model::traffic::Traffic;

/// Asks for traffic over time, in all or by groups.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeriesQuestion {
    /// When.
    pub range: TimeRange,
    /// Which flows, in the filter language; empty for all.
    pub filter: String,
    /// What lines there are, 0 to [`TopQuestion::MOST_DIMENSIONS`](super::TopQuestion::MOST_DIMENSIONS); none is one
    /// line of everything.
    pub dimensions: Vec<Dimension>,
    /// What the lines are chosen by; with `addresses` the distinct addresses of each step are counted as well.
    pub metric: Metric,
    /// How many lines, 1 to [`SeriesQuestion::MOST_LINES`]; the rest is in one more line without keys.
    pub lines: u32,
    /// About how many points, 1 to [`SeriesQuestion::MOST_POINTS`]; the step is the next round one.
    pub points: u32,
    /// Which flows choose the lines; `None` for those that are counted. So questions that are compared, such as both
    /// directions or two periods, have the same lines in the same order.
    pub lines_of: Option<LinesOf>,
}

/// Flows whose groups with most are the lines of a series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinesOf {
    /// When.
    pub range: TimeRange,
    /// Which flows, in the filter language; empty for all.
    pub filter: String,
}

impl SeriesQuestion {
    /// The most lines.
    pub const MOST_LINES: u32 = 50;
    /// The most points.
    pub const MOST_POINTS: u32 = 2_000;
    /// The most steps of all lines together in which distinct addresses are counted: lines × points.
    pub const MOST_ADDRESS_COUNTS: u32 = 10_000;
}

/// Distinct outside addresses over time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AddressesOverTime {
    /// Of each step.
    pub steps: Vec<Distinct>,
    /// Of all steps: less than their sum, for an address is in many.
    pub whole: Distinct,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Line {
    /// Its values, in the order of the dimensions; empty for everything, and for the rest.
    pub keys: Vec<Key>,
    /// The traffic of each step.
    pub points: Vec<Traffic>,
    /// Its distinct addresses; `None` when they were not asked for, and of the rest, which nobody counted.
    pub addresses: Option<AddressesOverTime>,
}

/// Traffic over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Series {
    /// Where the first step begins, milliseconds since 1970: a multiple of `step_ms`, maybe before the range.
    pub start_ms: i64,
    /// Length of a step, milliseconds.
    pub step_ms: i64,
    /// The lines, most first; the rest is last, if there is one.
    pub lines: Vec<Line>,
    /// All flows of the question, each once, in each step.
    pub total: Vec<Traffic>,
    /// The distinct addresses of all flows of the question; `None` when they were not asked for.
    pub addresses: Option<AddressesOverTime>,
    /// What it was made of.
    pub source: Source,
}
