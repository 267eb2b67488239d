//! What the replay asks the history besides the stream: its range over time, and what is kept.

use serde::{Deserialize, Serialize};

use crate::api::error::ApiError;
use crate::api::history::{fetch_history_status, fetch_series};
use crate::model::history::{Metric, Series, SeriesQuestion};
use crate::model::time_range::TimeRange;
use crate::model::traffic::Traffic;

/// Bars of the histogram, about.
const POINTS: u32 = 300;

/// What the server is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// When.
    pub range: TimeRange,
    /// Which flows.
    pub filter: String,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// All of it over time.
    pub series: Series,
    /// From the oldest to the newest that is kept; `None` when nothing is.
    pub extent: Option<TimeRange>,
}

impl Answer {
    /// All of the range.
    pub fn total(&self) -> Traffic {
        self.series.total.iter().fold(Traffic::NONE, |sum, step| sum + *step)
    }
}

/// Asks.
pub async fn ask(asked: Asked, id: u64) -> Result<Answer, ApiError> {
    let question = SeriesQuestion {
        range: asked.range,
        filter: asked.filter,
        dimensions: Vec::new(),
        metric: Metric::Bytes,
        lines: 1,
        points: POINTS,
        lines_of: None,
    };
    let series = fetch_series(question, id).await?;
    let ranges = fetch_history_status().await?.tiers.into_iter().filter_map(|tier| tier.range);
    let extent = ranges.reduce(|one, other| TimeRange {
        from_ms: one.from_ms.min(other.from_ms),
        to_ms: one.to_ms.max(other.to_ms),
    });
    Ok(Answer { series, extent })
}
