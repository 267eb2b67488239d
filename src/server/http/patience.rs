//! How long a page waits for its answers while it is being opened.

use std::future::Future;
use std::time::Duration;

use axum::http::request::Parts;
use leptos::prelude::use_context;

use crate::api::error::ApiError;
use crate::server::history::error::QuestionError;

/// Longer than this nobody looks at an empty window.
const PATIENCE: Duration = Duration::from_secs(5);
/// Where browsers ask.
const ASKED_BY_BROWSERS: &str = "/api/";

/// The answer to a question. While a page is being opened it is given up after a few seconds, because the browser can
/// show how far it is, and cancel it.
pub async fn while_opening<T>(answer: impl Future<Output = Result<T, QuestionError>>) -> Result<T, ApiError> {
    let is_asked =
        use_context::<Parts>().is_some_and(|parts| parts.uri.path().starts_with(ASKED_BY_BROWSERS));
    if is_asked {
        return Ok(answer.await?);
    }
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(ApiError::Slow),
    }
}
