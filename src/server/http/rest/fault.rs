//! Why the API did not answer.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::error::ApiError;
use crate::server::history::error::QuestionError;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Fault {
    /// For people: what is wrong and what to send instead.
    pub message: String,
    /// Where the fault in the filter begins, in characters from 0; `null` when it is not in the filter.
    pub position: Option<u32>,
    /// The status of the response.
    #[serde(skip)]
    status: u16,
}

impl Fault {
    /// What was sent cannot be used.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::with(StatusCode::BAD_REQUEST, message)
    }

    /// What was sent is too much.
    pub(super) fn too_large(message: impl Into<String>) -> Self {
        Self::with(StatusCode::PAYLOAD_TOO_LARGE, message)
    }

    /// It cannot be had yet.
    pub(super) fn unavailable(message: impl Into<String>) -> Self {
        Self::with(StatusCode::SERVICE_UNAVAILABLE, message)
    }

    /// It is not there.
    pub(super) fn missing(message: impl Into<String>) -> Self {
        Self::with(StatusCode::NOT_FOUND, message)
    }

    /// Why something that has a name is not there: an error about the name says so.
    pub(super) fn not_found(error: QuestionError) -> Self {
        match error {
            QuestionError::Invalid(message) => Self::missing(message),
            error => error.into(),
        }
    }

    fn with(status: StatusCode, message: impl Into<String>) -> Self {
        Self { message: message.into(), position: None, status: status.as_u16() }
    }
}

impl From<QuestionError> for Fault {
    fn from(error: QuestionError) -> Self {
        let error = ApiError::from(error);
        let (status, position) = match &error {
            ApiError::Invalid(_) => (StatusCode::BAD_REQUEST, None),
            ApiError::Filter(fault) => (StatusCode::BAD_REQUEST, Some(fault.position)),
            ApiError::Refused(_) => (StatusCode::FORBIDDEN, None),
            ApiError::Unavailable(_) | ApiError::Unreachable | ApiError::Slow => {
                (StatusCode::SERVICE_UNAVAILABLE, None)
            }
            ApiError::Internal => (StatusCode::INTERNAL_SERVER_ERROR, None),
        };
        Self { message: error.to_string(), position, status: status.as_u16() }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(self)).into_response()
    }
}
