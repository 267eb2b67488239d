//! The past: heatmaps, series, top lists, flow records.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};

use super::fault::Fault;
use super::query::{FlowsQuery, Format, HeatmapQuery, Parameters, SeriesQuery, TopQuery};
use crate::model::history::{FlowPage, Heatmap, HistoryStatus, Series, Top};
use crate::server::collector::socket;
use crate::server::context::Context;
use crate::server::history::table::{self, Table};

fn now_ms() -> i64 {
    socket::now_us() / 1_000
}

fn csv(table: Table) -> Response {
    ([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], table.into_text()).into_response()
}

/// Traffic by country of the outside end.
#[utoipa::path(
    get, path = "/api/v1/heatmap", tag = "history", params(HeatmapQuery),
    responses((status = 200, body = Heatmap), (status = 400, body = Fault), (status = 503, body = Fault))
)]
pub async fn heatmap(
    State(context): State<Arc<Context>>,
    Parameters(query): Parameters<HeatmapQuery>,
) -> Result<Response, Fault> {
    let heatmap = context.history().heatmap(&query.question(now_ms())?, 0).await?;
    Ok(match query.format {
        Format::Json => Json(heatmap).into_response(),
        Format::Csv => csv(table::heatmap(&heatmap)),
    })
}

/// Traffic over time, in all or by groups.
#[utoipa::path(
    get, path = "/api/v1/series", tag = "history", params(SeriesQuery),
    responses((status = 200, body = Series), (status = 400, body = Fault), (status = 503, body = Fault))
)]
pub async fn series(
    State(context): State<Arc<Context>>,
    Parameters(query): Parameters<SeriesQuery>,
) -> Result<Response, Fault> {
    let question = query.question(now_ms())?;
    let series = context.history().series(&question, 0, &context.naming()).await?;
    Ok(match query.format {
        Format::Json => Json(series).into_response(),
        Format::Csv => csv(table::series(&series, &question.dimensions)),
    })
}

/// The groups with most.
#[utoipa::path(
    get, path = "/api/v1/top", tag = "history", params(TopQuery),
    responses((status = 200, body = Top), (status = 400, body = Fault), (status = 503, body = Fault))
)]
pub async fn top(
    State(context): State<Arc<Context>>,
    Parameters(query): Parameters<TopQuery>,
) -> Result<Response, Fault> {
    let question = query.question(now_ms())?;
    let top = context.history().top(&question, 0, &context.naming()).await?;
    Ok(match query.format {
        Format::Json => Json(top).into_response(),
        Format::Csv => csv(table::top(&top, &question.dimensions)),
    })
}

/// Flow records, newest first.
#[utoipa::path(
    get, path = "/api/v1/flows", tag = "history", params(FlowsQuery),
    responses((status = 200, body = FlowPage), (status = 400, body = Fault), (status = 503, body = Fault))
)]
pub async fn flows(
    State(context): State<Arc<Context>>,
    Parameters(query): Parameters<FlowsQuery>,
) -> Result<Response, Fault> {
    let page = context.history().flows(&query.question(now_ms())?, 0).await?;
    Ok(match query.format {
        Format::Json => Json(page).into_response(),
        Format::Csv => {
            let next = [(HeaderName::from_static("meridian-next"), page.next.clone())];
            (next, csv(table::flows(table::flow_names(), &page.flows))).into_response()
        }
    })
}

/// What is kept of the past.
#[utoipa::path(
    get, path = "/api/v1/history", tag = "history",
    responses((status = 200, body = HistoryStatus))
)]
pub async fn status(State(context): State<Arc<Context>>) -> Json<HistoryStatus> {
    Json(context.history_status())
}
