//! Reports: the list, one of them as JSON or PDF, a new one.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::ToSchema;

use super::fault::Fault;
use crate::model::report::{ReportEntry, ReportList, ReportPage, ReportState, Section};
use crate::server::context::Context;
use crate::server::reports::Order;

/// The largest body of a request, bytes.
const MOST_BODY: usize = 64 << 10;

/// A report that is asked for.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ReportOrder {
    /// Beginning: RFC 3339, or words such as `last month`, `2026-10` or `-7d`, in the zone.
    pub from: String,
    /// End, likewise. Without it, the end of the stretch that `from` names.
    pub to: String,
    /// IANA name of the time zone. Without it, the one of the configuration.
    pub zone: String,
    /// The heading. Without it, the one of the configuration.
    pub title: String,
    /// Which flows, in the filter language. Without it, all.
    pub filter: String,
    /// What it has. Without it, everything.
    pub sections: Vec<Section>,
}

/// All reports and schedules.
#[utoipa::path(
    get, path = "/api/v1/reports", tag = "reports",
    responses((status = 200, body = ReportList), (status = 503, body = Fault))
)]
pub async fn list(State(context): State<Arc<Context>>) -> Result<Json<ReportList>, Fault> {
    Ok(Json(context.reports().list().await?))
}

/// Asks for a report of any range; it is made as soon as its turn comes. The body is JSON, at most 64 KiB.
#[utoipa::path(
    post, path = "/api/v1/reports", tag = "reports", request_body = ReportOrder,
    responses(
        (status = 202, body = ReportEntry, description = "It is noted; the header `location` says where it will be."),
        (status = 400, body = Fault), (status = 413, body = Fault), (status = 503, body = Fault)
    )
)]
pub async fn order(State(context): State<Arc<Context>>, body: Bytes) -> Result<Response, Fault> {
    if body.len() > MOST_BODY {
        return Err(Fault::too_large("Send at most 64 KiB."));
    }
    let ReportOrder { from, to, zone, title, filter, sections } = serde_json::from_slice(&body)
        .map_err(|error| Fault::invalid(format!("The body cannot be read: {error}.")))?;
    let id = context.reports().order(&Order { from, to, zone, title, filter, sections }).await?;
    let entry = context.reports().page(&id).await?.entry;
    let location = [(header::LOCATION, format!("/api/v1/reports/{id}"))];
    Ok((StatusCode::ACCEPTED, location, Json(entry)).into_response())
}

/// A report, and what it says as soon as it is made.
#[utoipa::path(
    get, path = "/api/v1/reports/{id}", tag = "reports", params(("id" = String, Path, description = "Its name.")),
    responses((status = 200, body = ReportPage), (status = 404, body = Fault), (status = 503, body = Fault))
)]
pub async fn one(
    State(context): State<Arc<Context>>,
    Path(id): Path<String>,
) -> Result<Json<ReportPage>, Fault> {
    Ok(Json(found(&context, &id).await?))
}

/// Removes a report.
#[utoipa::path(
    delete, path = "/api/v1/reports/{id}", tag = "reports", params(("id" = String, Path, description = "Its name.")),
    responses((status = 204), (status = 404, body = Fault), (status = 503, body = Fault))
)]
pub async fn remove(
    State(context): State<Arc<Context>>,
    Path(id): Path<String>,
) -> Result<StatusCode, Fault> {
    context.reports().remove(&id).await.map_err(Fault::not_found)?;
    Ok(StatusCode::NO_CONTENT)
}

/// A report as PDF.
#[utoipa::path(
    get, path = "/api/v1/reports/{id}/pdf", tag = "reports", params(("id" = String, Path, description = "Its name.")),
    responses(
        (status = 200, description = "The PDF.", content_type = "application/pdf"),
        (status = 404, body = Fault), (status = 503, body = Fault)
    )
)]
pub async fn pdf(State(context): State<Arc<Context>>, Path(id): Path<String>) -> Result<Response, Fault> {
    let pdf = context.reports().pdf(&id).await.map_err(Fault::not_found)?;
    let pdf = pdf.map_err(|entry| match entry.state {
        ReportState::Failed { reason, next_ms: None } => {
            Fault::missing(format!("The report could not be made, and is not tried again: {reason}"))
        }
        ReportState::Failed { reason, .. } => {
            Fault::unavailable(format!("The report is not made yet, and is tried again: {reason}"))
        }
        _ => Fault::unavailable("The report is not made yet: ask again later."),
    })?;
    let headers = [
        (header::CONTENT_TYPE, "application/pdf".to_owned()),
        // Names of reports are letters, digits and `-`.
        (header::CONTENT_DISPOSITION, format!("inline; filename=\"{id}.pdf\"")),
        (header::CACHE_CONTROL, "private, no-cache".to_owned()),
    ];
    Ok((headers, pdf).into_response())
}

async fn found(context: &Context, id: &str) -> Result<ReportPage, Fault> {
    context.reports().page(id).await.map_err(Fault::not_found)
}
