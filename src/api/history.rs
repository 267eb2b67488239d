//! The past: heatmaps, series, top lists, flow lists.
//!
//! `id` is a number that the asker chooses for a question, so that it can ask for its progress meanwhile; 0 when it
//! will not. A request that is given up stops the work on it.

use leptos::prelude::*;
use leptos::server_fn::codec::{GetUrl, Json};

use super::error::ApiError;
use crate::model::history::{
    FlowPage, FlowsQuestion, Heatmap, HeatmapQuestion, HistoryStatus, Key, Progress, Series, SeriesQuestion,
    Top, TopQuestion,
};

/// Traffic by country.
#[server(prefix = "/api/page", endpoint = "heatmap", input = Json)]
pub async fn fetch_heatmap(question: HeatmapQuestion, id: u64) -> Result<Heatmap, ApiError> {
    let context =
        use_context::<std::sync::Arc<crate::server::context::Context>>().ok_or(ApiError::Internal)?;
    Ok(context.history().heatmap(&question, id).await?)
}

/// Traffic over time.
#[server(prefix = "/api/page", endpoint = "series", input = Json)]
pub async fn fetch_series(question: SeriesQuestion, id: u64) -> Result<Series, ApiError> {
    let context =
        use_context::<std::sync::Arc<crate::server::context::Context>>().ok_or(ApiError::Internal)?;
    Ok(context.history().series(&question, id, &context.naming()).await?)
}

/// The groups with most.
#[server(prefix = "/api/page", endpoint = "top", input = Json)]
pub async fn fetch_top(question: TopQuestion, id: u64) -> Result<Top, ApiError> {
    let context =
        use_context::<std::sync::Arc<crate::server::context::Context>>().ok_or(ApiError::Internal)?;
    Ok(context.history().top(&question, id, &context.naming()).await?)
}

/// A page of flow records.
#[server(prefix = "/api/page", endpoint = "flows", input = Json)]
pub async fn fetch_flows(question: FlowsQuestion, id: u64) -> Result<FlowPage, ApiError> {
    let context =
        use_context::<std::sync::Arc<crate::server::context::Context>>().ok_or(ApiError::Internal)?;
    Ok(context.history().flows(&question, id).await?)
}

/// What is kept.
#[server(prefix = "/api/page", endpoint = "history_status", input = GetUrl)]
pub async fn fetch_history_status() -> Result<HistoryStatus, ApiError> {
    let context =
        use_context::<std::sync::Arc<crate::server::context::Context>>().ok_or(ApiError::Internal)?;
    Ok(context.history_status())
}

/// How far the answer to a question is.
#[server(prefix = "/api/page", endpoint = "progress", input = GetUrl)]
pub async fn fetch_progress(id: u64) -> Result<Progress, ApiError> {
    let context =
        use_context::<std::sync::Arc<crate::server::context::Context>>().ok_or(ApiError::Internal)?;
    Ok(context.history().progress(id))
}

/// Values of a field of the filter language, such as `country` or `src.as`, that begin with `prefix`, or whose name
/// has a word that does: at most 20, those with most traffic lately first. A value is as the filter compares with it.
#[server(prefix = "/api/page", endpoint = "suggestions", input = Json)]
pub async fn fetch_suggestions(field: String, prefix: String) -> Result<Vec<Key>, ApiError> {
    let context =
        use_context::<std::sync::Arc<crate::server::context::Context>>().ok_or(ApiError::Internal)?;
    let now_ms = crate::server::collector::socket::now_us() / 1_000;
    Ok(context.history().suggestions(&field, &prefix, now_ms, &context.naming()).await?)
}
