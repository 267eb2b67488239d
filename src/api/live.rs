//! What the live page shows before its stream is open, and the labels of its map.

use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

use super::error::ApiError;
use crate::model::frame::Snapshot;
use crate::model::place::City;

/// Where the unfiltered live view stands.
#[server(prefix = "/api/page", endpoint = "snapshot", input = GetUrl)]
pub async fn fetch_snapshot() -> Result<Snapshot, ApiError> {
    let context =
        use_context::<std::sync::Arc<crate::server::context::Context>>().ok_or(ApiError::Internal)?;
    Ok(context.snapshot())
}

/// The cities with the most addresses, as labels of the map, at most `most` of them.
#[server(prefix = "/api/page", endpoint = "cities", input = GetUrl)]
pub async fn fetch_cities(most: usize) -> Result<Vec<City>, ApiError> {
    /// The most that one request gets.
    const MOST_CITIES: usize = 5_000;

    let context =
        use_context::<std::sync::Arc<crate::server::context::Context>>().ok_or(ApiError::Internal)?;
    Ok(context.cities(most.min(MOST_CITIES)))
}
