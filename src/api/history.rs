//! The past: heatmaps, series, top lists, flow lists, events.
//!
//! `id` is a number that the asker chooses for a question, so that it can ask for its progress meanwhile; 0 when it
//! will not. A request that is given up stops the work on it. A page that is opened waits a few seconds for an answer;
//! then it is sent without it, and its browser asks.

use std::net::IpAddr;

use leptos::prelude::*;
use leptos::server_fn::codec::{GetUrl, Json};

use super::error::ApiError;
use crate::model::history::{
    Events, EventsQuestion, FlowPage, FlowsQuestion, Heatmap, HeatmapQuestion, HistoryStatus, Key, Progress,
    Series, SeriesQuestion, Top, TopQuestion,
};

/// Traffic by country.
#[server(prefix = "/api/page", endpoint = "heatmap", input = Json)]
pub async fn fetch_heatmap(question: HeatmapQuestion, id: u64) -> Result<Heatmap, ApiError> {
    let context =
        use_context::<std::sync::Arc<crate::server::context::Context>>().ok_or(ApiError::Internal)?;
    crate::server::http::patience::while_opening(context.history().heatmap(&question, id)).await
}

/// Traffic over time.
#[server(prefix = "/api/page", endpoint = "series", input = Json)]
pub async fn fetch_series(question: SeriesQuestion, id: u64) -> Result<Series, ApiError> {
    let context =
        use_context::<std::sync::Arc<crate::server::context::Context>>().ok_or(ApiError::Internal)?;
    crate::server::http::patience::while_opening(context.history().series(&question, id, &context.naming()))
        .await
}

/// The groups with most.
#[server(prefix = "/api/page", endpoint = "top", input = Json)]
pub async fn fetch_top(question: TopQuestion, id: u64) -> Result<Top, ApiError> {
    let context =
        use_context::<std::sync::Arc<crate::server::context::Context>>().ok_or(ApiError::Internal)?;
    crate::server::http::patience::while_opening(context.history().top(&question, id, &context.naming()))
        .await
}

/// A page of flow records.
#[server(prefix = "/api/page", endpoint = "flows", input = Json)]
pub async fn fetch_flows(question: FlowsQuestion, id: u64) -> Result<FlowPage, ApiError> {
    let context =
        use_context::<std::sync::Arc<crate::server::context::Context>>().ok_or(ApiError::Internal)?;
    crate::server::http::patience::while_opening(context.history().flows(&question, id, &context.naming()))
        .await
}

/// Names of at most 250 addresses by reverse DNS, after two seconds at most; `None` where the configuration does not
/// let them be asked for. The label is empty of an address without a name; what is not answered yet is missing.
#[server(prefix = "/api/page", endpoint = "host_names", input = Json)]
pub async fn fetch_host_names(addresses: Vec<IpAddr>) -> Result<Option<Vec<Key>>, ApiError> {
    const MOST: usize = 250;
    let context =
        use_context::<std::sync::Arc<crate::server::context::Context>>().ok_or(ApiError::Internal)?;
    if addresses.len() > MOST {
        return Err(ApiError::Invalid(format!("Ask for the names of at most {MOST} addresses at once.")));
    }
    let Some(names) = context.host_names() else { return Ok(None) };
    Ok(Some(names.wait_for(&addresses, std::time::Duration::from_secs(2)).await))
}

/// What happened: gaps in collection, bursts, countries and autonomous systems never seen before.
#[server(prefix = "/api/page", endpoint = "events", input = Json)]
pub async fn fetch_events(question: EventsQuestion, id: u64) -> Result<Events, ApiError> {
    let context =
        use_context::<std::sync::Arc<crate::server::context::Context>>().ok_or(ApiError::Internal)?;
    Ok(context.history().events(&question, id, &context.naming()).await?)
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
