//! The stable JSON API. Field names are those of the types in [`crate::model`].

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;

use crate::model::exporter::Exporter;
use crate::model::frame::Snapshot;
use crate::model::status::Status;
use crate::server::context::Context;

/// Routes below `/api/v1`.
pub fn router() -> Router<Arc<Context>> {
    Router::new()
        .route("/api/v1/status", get(status))
        .route("/api/v1/exporters", get(exporters))
        .route("/api/v1/live", get(live))
        .route("/api/v1/cities", get(cities))
}

/// The state of the process.
async fn status(State(context): State<Arc<Context>>) -> Json<Status> {
    Json(context.status())
}

/// Every exporter with its templates.
async fn exporters(State(context): State<Arc<Context>>) -> Json<Vec<Exporter>> {
    Json(context.exporters())
}

/// The unfiltered live view: totals since the start, the last minute, tops, newest flows.
async fn live(State(context): State<Arc<Context>>) -> Json<Snapshot> {
    Json(context.snapshot())
}

#[derive(Deserialize)]
struct CityQuery {
    /// How many, at most 5,000; 2,000 if not said.
    limit: Option<usize>,
}

/// Cities by how many addresses the database puts there: labels of the map.
async fn cities(State(context): State<Arc<Context>>, Query(query): Query<CityQuery>) -> Response {
    let cities = context.cities(query.limit.unwrap_or(2_000));
    ([(header::CACHE_CONTROL, "private, max-age=300")], Json(cities)).into_response()
}
