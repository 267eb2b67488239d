//! Who exports flows to us.

use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

use super::error::ApiError;
use crate::model::exporter::Exporter;

/// Every exporter known, by its number.
#[server(prefix = "/api/page", endpoint = "exporters", input = GetUrl)]
pub async fn fetch_exporters() -> Result<Vec<Exporter>, ApiError> {
    let context =
        use_context::<std::sync::Arc<crate::server::context::Context>>().ok_or(ApiError::Internal)?;
    Ok(context.exporters())
}
