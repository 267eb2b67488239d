//! What the heatmap asks the server, and what it gets.

use serde::{Deserialize, Serialize};

use super::chosen::{Asked, all_of, sides_term};
use crate::api::error::ApiError;
use crate::api::history::{fetch_heatmap, fetch_history_status, fetch_series};
use crate::model::history::{Heatmap, HeatmapQuestion, Metric, Series, SeriesQuestion};
use crate::model::time_range::TimeRange;

/// Cities on the map, at most.
const PLACES: u32 = 1_000;
/// Bars of the histogram, about.
pub const POINTS: u32 = 150;

/// The answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Every country in the range.
    pub heatmap: Heatmap,
    /// Every country in the period before, where that was wanted.
    pub before: Option<Heatmap>,
    /// All of it over time.
    pub series: Series,
    /// From the oldest to the newest that is kept; `None` when nothing is.
    pub extent: Option<TimeRange>,
}

/// Asks; `id` is what the server calls the questions.
pub async fn ask(asked: Asked, id: u64) -> Result<Answer, ApiError> {
    let question = HeatmapQuestion {
        range: asked.range,
        filter: asked.filter.clone(),
        sides: asked.sides,
        addresses: true,
        places: PLACES,
    };
    let heatmap = fetch_heatmap(question.clone(), id).await?;
    let before = if asked.with_previous {
        let question = HeatmapQuestion { range: asked.range.previous(), places: 0, ..question };
        Some(fetch_heatmap(question, id).await?)
    } else {
        None
    };
    let series = fetch_series(series_question(&asked, ""), id).await?;
    Ok(Answer { heatmap, before, series, extent: fetch_extent().await? })
}

/// The question for all of it over time; `term` is added to the filter.
pub fn series_question(asked: &Asked, term: &str) -> SeriesQuestion {
    SeriesQuestion {
        range: asked.range,
        filter: all_of(&[&asked.filter, sides_term(asked.sides), term]),
        dimensions: Vec::new(),
        metric: Metric::Bytes,
        lines: 1,
        points: POINTS,
        lines_of: None,
    }
}

/// From the oldest to the newest that is kept.
pub async fn fetch_extent() -> Result<Option<TimeRange>, ApiError> {
    let ranges = fetch_history_status().await?.tiers.into_iter().filter_map(|tier| tier.range);
    Ok(ranges.reduce(|one, other| TimeRange {
        from_ms: one.from_ms.min(other.from_ms),
        to_ms: one.to_ms.max(other.to_ms),
    }))
}
