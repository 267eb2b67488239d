//! The past: heatmaps, series, top lists, flow records.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};

use super::fault::Fault;
use super::query::{Asked, Flows, FlowsFormat, FlowsQuery, Format, HeatmapQuery, SeriesQuery, TopQuery};
use crate::model::history::{FlowPage, FlowsQuestion, Heatmap, HistoryStatus, Series, Top};
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
    get, path = "/api/v1/heatmap", tag = "history", params(Flows, HeatmapQuery),
    responses((status = 200, body = Heatmap), (status = 400, body = Fault), (status = 503, body = Fault))
)]
pub async fn heatmap(
    State(context): State<Arc<Context>>,
    query: Asked<HeatmapQuery>,
) -> Result<Response, Fault> {
    let heatmap = context.history().heatmap(&query.question(now_ms())?, 0).await?;
    Ok(match query.own.format {
        Format::Json => Json(heatmap).into_response(),
        Format::Csv => csv(table::heatmap(&heatmap)),
    })
}

/// Traffic over time, in all or by groups.
#[utoipa::path(
    get, path = "/api/v1/series", tag = "history", params(Flows, SeriesQuery),
    responses((status = 200, body = Series), (status = 400, body = Fault), (status = 503, body = Fault))
)]
pub async fn series(
    State(context): State<Arc<Context>>,
    query: Asked<SeriesQuery>,
) -> Result<Response, Fault> {
    let question = query.question(now_ms())?;
    let series = context.history().series(&question, 0, &context.naming()).await?;
    Ok(match query.own.format {
        Format::Json => Json(series).into_response(),
        Format::Csv => csv(table::series(&series, &question.dimensions)),
    })
}

/// The groups with most.
#[utoipa::path(
    get, path = "/api/v1/top", tag = "history", params(Flows, TopQuery),
    responses((status = 200, body = Top), (status = 400, body = Fault), (status = 503, body = Fault))
)]
pub async fn top(State(context): State<Arc<Context>>, query: Asked<TopQuery>) -> Result<Response, Fault> {
    let question = query.question(now_ms())?;
    let top = context.history().top(&question, 0, &context.naming()).await?;
    Ok(match query.own.format {
        Format::Json => Json(top).into_response(),
        Format::Csv => csv(table::top(&top, &question.dimensions)),
    })
}

/// Flow records: pages of the newest first, or all of them as a Parquet file.
#[utoipa::path(
    get, path = "/api/v1/flows", tag = "history", params(Flows, FlowsQuery),
    responses((status = 200, body = FlowPage), (status = 400, body = Fault), (status = 503, body = Fault))
)]
pub async fn flows(State(context): State<Arc<Context>>, query: Asked<FlowsQuery>) -> Result<Response, Fault> {
    let question = query.question(now_ms())?;
    if query.own.format == FlowsFormat::Parquet {
        return parquet(&context, &query, &question).await;
    }
    let page = context.history().flows(&question, 0, &context.naming()).await?;
    Ok(match query.own.format {
        FlowsFormat::Csv => {
            let next = [(HeaderName::from_static("meridian-next"), page.next.clone())];
            (next, csv(table::flows(table::flow_names(), &page.flows))).into_response()
        }
        _ => Json(page).into_response(),
    })
}

async fn parquet(
    context: &Context,
    query: &Asked<FlowsQuery>,
    question: &FlowsQuestion,
) -> Result<Response, Fault> {
    if !question.after.is_empty() {
        return Err(Fault::invalid(
            "A Parquet file has no pages: leave out `after`, and narrow `from` and `to`.",
        ));
    }
    let most = query.own.rows.map_or(u64::MAX, u64::from);
    let parts = context.history().parquet(question.range, &question.filter, most).await?;
    let body = futures_util::stream::unfold(parts, async |mut parts| {
        let part = parts.recv().await?;
        Some((part, parts))
    });
    let headers = [
        (header::CONTENT_TYPE, "application/vnd.apache.parquet"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"meridian-flows.parquet\""),
        // It is compressed inside.
        (header::CONTENT_ENCODING, "identity"),
    ];
    Ok((headers, Body::from_stream(body)).into_response())
}

/// What is kept of the past.
#[utoipa::path(
    get, path = "/api/v1/history", tag = "history",
    responses((status = 200, body = HistoryStatus))
)]
pub async fn status(State(context): State<Arc<Context>>) -> Json<HistoryStatus> {
    Json(context.history_status())
}
