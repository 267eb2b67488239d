//! The stable JSON API. Field names are those of the types in [`crate::model`]; [`openapi`] describes it.

mod events;
mod fault;
mod history;
mod openapi;
mod query;
mod reports;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use utoipa::IntoParams;

use self::fault::Fault;
use self::query::Parameters;
use crate::model::exporter::Exporter;
use crate::model::frame::Snapshot;
use crate::model::place::City;
use crate::model::status::Status;
use crate::server::context::Context;

/// Routes below `/api/v1`. Each path stands in [`openapi::document`], too.
pub fn router() -> Router<Arc<Context>> {
    Router::new()
        .route("/api/v1/status", get(status))
        .route("/api/v1/exporters", get(exporters))
        .route("/api/v1/live", get(live))
        .route("/api/v1/cities", get(cities))
        .route("/api/v1/heatmap", get(history::heatmap))
        .route("/api/v1/series", get(history::series))
        .route("/api/v1/top", get(history::top))
        .route("/api/v1/flows", get(history::flows))
        .route("/api/v1/events", get(events::events))
        .route("/api/v1/history", get(history::status))
        .route("/api/v1/reports", get(reports::list).post(reports::order))
        .route("/api/v1/reports/{id}", get(reports::one).delete(reports::remove))
        .route("/api/v1/reports/{id}/pdf", get(reports::pdf))
        .route("/api/v1/openapi.json", get(openapi::page))
}

/// The state of the process.
#[utoipa::path(get, path = "/api/v1/status", tag = "now", responses((status = 200, body = Status)))]
async fn status(State(context): State<Arc<Context>>) -> Json<Status> {
    Json(context.status())
}

/// Every exporter with its templates.
#[utoipa::path(get, path = "/api/v1/exporters", tag = "now", responses((status = 200, body = Vec<Exporter>)))]
async fn exporters(State(context): State<Arc<Context>>) -> Json<Vec<Exporter>> {
    Json(context.exporters())
}

/// The unfiltered live view: totals since the start, the last minute, tops, newest flows.
#[utoipa::path(get, path = "/api/v1/live", tag = "now", responses((status = 200, body = Snapshot)))]
async fn live(State(context): State<Arc<Context>>) -> Json<Snapshot> {
    Json(context.snapshot())
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct CityQuery {
    /// How many, at most 5,000; 2,000 if not said.
    limit: Option<usize>,
}

/// Cities by how many addresses the database puts there: labels of the map.
#[utoipa::path(
    get, path = "/api/v1/cities", tag = "now", params(CityQuery),
    responses((status = 200, body = Vec<City>), (status = 400, body = Fault))
)]
async fn cities(State(context): State<Arc<Context>>, Parameters(query): Parameters<CityQuery>) -> Response {
    let cities = context.cities(query.limit.unwrap_or(2_000));
    ([(header::CACHE_CONTROL, "private, max-age=300")], Json(cities)).into_response()
}
