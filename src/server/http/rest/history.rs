//! The past: heatmaps, series, top lists, flow records.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::fault::Fault;
use super::query::{Asked, Flows, FlowsFormat, FlowsQuery, Format, HeatmapQuery, SeriesQuery, TopQuery};
use crate::model::history::{FlowPage, Heatmap, HistoryStatus, Series, Top};
use crate::server::collector::socket;
use crate::server::context::Context;
use crate::server::history::download::FileFormat;
use crate::server::history::table::{self, Table};

fn now_ms() -> i64 {
    socket::now_us() / 1_000
}

const CSV: &str = "text/csv; charset=utf-8";

fn csv(table: Table) -> Response {
    ([(header::CONTENT_TYPE, CSV)], table.into_text()).into_response()
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

/// Flow records: pages of the newest first, or all of them, oldest first, as a CSV or Parquet file.
#[utoipa::path(
    get, path = "/api/v1/flows", tag = "history", params(Flows, FlowsQuery),
    responses((status = 200, body = FlowPage), (status = 400, body = Fault), (status = 503, body = Fault))
)]
pub async fn flows(State(context): State<Arc<Context>>, query: Asked<FlowsQuery>) -> Result<Response, Fault> {
    if let Some(format) = query.own.file() {
        return file(&context, &query, format).await;
    }
    let question = query.question(now_ms())?;
    let page = context.history().flows(&question, 0, &context.naming()).await?;
    Ok(match query.own.format {
        FlowsFormat::Csv => {
            let next = [(HeaderName::from_static("meridian-next"), page.next.clone())];
            (next, csv(table::flows(table::flow_names(), &page.flows))).into_response()
        }
        _ => Json(page).into_response(),
    })
}

async fn file(context: &Context, query: &Asked<FlowsQuery>, format: FileFormat) -> Result<Response, Fault> {
    if !query.own.after.is_empty() {
        return Err(Fault::invalid(
            "A Parquet file has no pages: leave out `after`, and narrow `from` and `to`.",
        ));
    }
    let range = query.flows.range(now_ms())?;
    let most = query.own.rows.map_or(u64::MAX, u64::from);
    let download = context.history().download(format, range, &query.flows.filter, most).await?;
    let mut parts = download.parts;
    // Whoever compresses it asks once more after its end.
    let body = futures_util::stream::poll_fn(move |context| parts.poll_recv(context));
    let (content_type, disposition) = match format {
        FileFormat::Parquet => {
            ("application/vnd.apache.parquet", "attachment; filename=\"meridian-flows.parquet\"")
        }
        FileFormat::Csv => (CSV, "attachment; filename=\"meridian-flows.csv\""),
    };
    let is_kept = if download.has_expired { "false" } else { "true" };
    let mut response = (
        [
            (header::CONTENT_TYPE, content_type),
            (header::CONTENT_DISPOSITION, disposition),
            (HeaderName::from_static("meridian-is-complete"), is_kept),
        ],
        Body::from_stream(body),
    )
        .into_response();
    if format == FileFormat::Parquet {
        // It is compressed inside.
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("identity"));
    }
    Ok(response)
}

/// What is kept of the past.
#[utoipa::path(
    get, path = "/api/v1/history", tag = "history",
    responses((status = 200, body = HistoryStatus))
)]
pub async fn status(State(context): State<Arc<Context>>) -> Json<HistoryStatus> {
    Json(context.history_status())
}
