//! Why a question has no answer.

use thiserror::Error;

use crate::model::filter::FilterError;

/// Why a question has no answer.
#[derive(Debug, Error)]
pub enum QuestionError {
    /// It cannot be answered as it is; the text says what to write instead.
    #[error("{0}")]
    Invalid(String),
    /// Its filter cannot be read.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// Nothing is kept, or too much is asked at once; the text says what to do.
    #[error("{0}")]
    Unavailable(String),
    /// Nobody waits for the answer any more.
    #[error("nobody waits for the answer any more")]
    Cancelled,
    /// What is kept could not be read.
    #[error("what is kept of the past could not be read")]
    Failed(#[source] anyhow::Error),
}
