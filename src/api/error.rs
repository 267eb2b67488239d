//! The one error that crosses from the server to a page.
//!
//! It says what a user can act on. What went wrong inside is logged on the server and never sent.

use leptos::server_fn::codec::JsonEncoding;
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use serde::{Deserialize, Serialize};

use crate::model::filter::FilterError;

/// Why a page did not get what it asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApiError {
    /// What was sent cannot be used; the text says what to send instead.
    #[error("{0}")]
    Invalid(String),
    /// A filter that cannot be read: where the fault is, and what to write instead.
    #[error("{0}")]
    Filter(FilterError),
    /// It cannot be had at the moment; the text says why and what to do.
    #[error("{0}")]
    Unavailable(String),
    /// It takes longer than a page waits that is opened; the browser asks again.
    #[error(
        "The answer takes longer than a few seconds. With JavaScript this page goes on asking, and shows how far the answer is; without it, choose a shorter range."
    )]
    Slow,
    /// It is not allowed here; the text says why and where it is.
    #[error("{0}")]
    Refused(String),
    /// The server did not answer, or not in time.
    #[error("The server cannot be reached. Is Meridian running, and the network up?")]
    Unreachable,
    /// Something failed inside the server.
    #[error("The server could not do this. Its log says why.")]
    Internal,
}

impl FromServerFnError for ApiError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Request(_) => Self::Unreachable,
            ServerFnErrorErr::Args(_) | ServerFnErrorErr::MissingArg(_) => {
                Self::Invalid("A value is missing or is not a number.".to_owned())
            }
            _ => Self::Internal,
        }
    }
}
