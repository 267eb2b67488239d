//! How the process is.

use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

use super::error::ApiError;
use crate::model::status::Status;

/// The state of the whole process now.
#[server(prefix = "/api/page", endpoint = "status", input = GetUrl)]
pub async fn fetch_status() -> Result<Status, ApiError> {
    let context =
        use_context::<std::sync::Arc<crate::server::context::Context>>().ok_or(ApiError::Internal)?;
    Ok(context.status())
}
