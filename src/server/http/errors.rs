//! What of a failure may be told.

use crate::api::error::ApiError;
use crate::server::history::error::QuestionError;

impl From<QuestionError> for ApiError {
    /// What a page may know; what went wrong inside is logged here.
    fn from(error: QuestionError) -> Self {
        match error {
            QuestionError::Invalid(text) => Self::Invalid(text),
            QuestionError::Filter(error) => Self::Filter(error),
            QuestionError::Unavailable(text) => Self::Unavailable(text),
            QuestionError::Cancelled => Self::Unavailable("The question was given up.".to_owned()),
            QuestionError::Failed(cause) => {
                tracing::error!("the history could not be read: {cause:#}");
                Self::Internal
            }
        }
    }
}
