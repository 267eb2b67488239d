//! Reports and schedules.
//!
//! The actions are plain forms as well (`ActionForm`): without WASM they lead to the page that shows what came of them.

use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

use super::error::ApiError;
use crate::model::report::{Period, ReportList, ReportPage, Section};

/// All reports and schedules.
#[server(prefix = "/api/page", endpoint = "reports", input = GetUrl)]
pub async fn fetch_reports() -> Result<ReportList, ApiError> {
    let context =
        use_context::<std::sync::Arc<crate::server::context::Context>>().ok_or(ApiError::Internal)?;
    Ok(context.reports().list().await?)
}

/// One report; an error of kind `Invalid` when there is none of this name.
#[server(prefix = "/api/page", endpoint = "report", input = GetUrl)]
pub async fn fetch_report(id: String) -> Result<ReportPage, ApiError> {
    let context =
        use_context::<std::sync::Arc<crate::server::context::Context>>().ok_or(ApiError::Internal)?;
    let response = use_context::<leptos_axum::ResponseOptions>();
    let page = context.reports().page(&id).await.map_err(ApiError::from);
    if let (Err(ApiError::Invalid(_)), Some(response)) = (&page, response) {
        response.set_status(axum::http::StatusCode::NOT_FOUND);
    }
    page
}

/// Asks for a report of any range: RFC 3339 or words (`last month`, `2026-10`, `-7d`) in the zone. Returns its name and
/// leads to its page.
#[server(prefix = "/api/page", endpoint = "order_report")]
pub async fn order_report(
    from: String,
    to: String,
    zone: String,
    title: String,
    filter: String,
    #[server(default)] sections: Vec<Section>,
) -> Result<String, ApiError> {
    use crate::server::reports::Order;

    let context =
        use_context::<std::sync::Arc<crate::server::context::Context>>().ok_or(ApiError::Internal)?;
    let id = context.reports().order(&Order { from, to, zone, title, filter, sections }).await?;
    leptos_axum::redirect(&format!("/reports/{id}"));
    Ok(id)
}

/// Makes a report anew, from what is kept now. Leads to its page.
#[server(prefix = "/api/page", endpoint = "remake_report")]
pub async fn remake_report(id: String) -> Result<(), ApiError> {
    let context =
        use_context::<std::sync::Arc<crate::server::context::Context>>().ok_or(ApiError::Internal)?;
    context.reports().remake(&id).await?;
    leptos_axum::redirect(&format!("/reports/{id}"));
    Ok(())
}

/// Sends a report again to those who did not get it. Leads to its page.
#[server(prefix = "/api/page", endpoint = "resend_report")]
pub async fn resend_report(id: String) -> Result<(), ApiError> {
    let context =
        use_context::<std::sync::Arc<crate::server::context::Context>>().ok_or(ApiError::Internal)?;
    context.reports().resend(&id).await?;
    leptos_axum::redirect(&format!("/reports/{id}"));
    Ok(())
}

/// Removes a report. Leads to the list.
#[server(prefix = "/api/page", endpoint = "remove_report")]
pub async fn remove_report(id: String) -> Result<(), ApiError> {
    let context =
        use_context::<std::sync::Arc<crate::server::context::Context>>().ok_or(ApiError::Internal)?;
    context.reports().remove(&id).await?;
    leptos_axum::redirect("/reports");
    Ok(())
}

/// Adds a schedule; `cron` empty for a while after the end of each period, `email` addresses separated by commas. Leads to the list.
#[server(prefix = "/api/page", endpoint = "add_schedule")]
pub async fn add_schedule(
    name: String,
    period: Period,
    cron: String,
    zone: String,
    title: String,
    filter: String,
    email: String,
    webhook: String,
    #[server(default)] sections: Vec<Section>,
) -> Result<(), ApiError> {
    use crate::model::report::Schedule;

    let context =
        use_context::<std::sync::Arc<crate::server::context::Context>>().ok_or(ApiError::Internal)?;
    let email = email.split(',').map(str::to_owned).collect();
    let schedule = Schedule { name, period, cron, zone, title, filter, sections, email, webhook };
    context.reports().add_schedule(schedule).await?;
    leptos_axum::redirect("/reports");
    Ok(())
}

/// Removes a schedule that was added on the page; its reports stay. Leads to the list.
#[server(prefix = "/api/page", endpoint = "remove_schedule")]
pub async fn remove_schedule(name: String) -> Result<(), ApiError> {
    let context =
        use_context::<std::sync::Arc<crate::server::context::Context>>().ok_or(ApiError::Internal)?;
    context.reports().remove_schedule(&name).await?;
    leptos_axum::redirect("/reports");
    Ok(())
}
