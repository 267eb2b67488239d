//! Where home is.

use leptos::prelude::*;

use super::error::ApiError;
use crate::model::place::HomeLocation;

/// Sets where the default home networks are; kept over restarts.
///
/// Refused when the configuration says where home is.
#[server(prefix = "/api/page", endpoint = "home")]
pub async fn set_home(home: HomeLocation) -> Result<(), ApiError> {
    use crate::server::context::SetHomeError;

    let context =
        use_context::<std::sync::Arc<crate::server::context::Context>>().ok_or(ApiError::Internal)?;
    context.set_home(&home).map_err(|error| match error {
        SetHomeError::Invalid(fault) => ApiError::Invalid(fault.to_owned()),
        SetHomeError::Configured => {
            ApiError::Refused("The configuration says where home is: change it in meridian.toml.".to_owned())
        }
        SetHomeError::NotSaved(_) => ApiError::Internal,
    })
}
