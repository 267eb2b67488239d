//! What happened: gaps, bursts, what was never seen before.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::fault::Fault;
use super::query::{Asked, Flows, Nothing};
use crate::model::history::{Events, EventsQuestion};
use crate::server::collector::socket;
use crate::server::context::Context;

/// What happened: gaps in collection, bursts, countries and autonomous systems never seen before.
#[utoipa::path(
    get, path = "/api/v1/events", tag = "history", params(Flows),
    responses((status = 200, body = Events), (status = 400, body = Fault), (status = 503, body = Fault))
)]
pub async fn events(
    State(context): State<Arc<Context>>,
    query: Asked<Nothing>,
) -> Result<Json<Events>, Fault> {
    let range = query.flows.range(socket::now_us() / 1_000)?;
    let question = EventsQuestion { range, filter: query.flows.filter };
    Ok(Json(context.history().events(&question, 0, &context.naming()).await?))
}
