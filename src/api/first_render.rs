//! Data that is in the page from the first byte.
//!
//! The server renders with the answer and writes it into the page; the browser, while it takes the page over,
//! reads the same answer back, so both render the same HTML. Later, when the browser opens a page by itself,
//! there is no answer yet and the page asks for it.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use leptos::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::ApiError;

/// What `fetch` answers at the first render of this page; `None` when the browser opened it, or it failed.
///
/// The server function has to answer without waiting, as all of ours do: they read what is in memory.
pub fn at_first_render<T, Answer>(fetch: impl FnOnce() -> Answer) -> Option<T>
where
    T: Serialize + DeserializeOwned + 'static,
    Answer: Future<Output = Result<T, ApiError>>,
{
    SharedValue::new(|| if is_server() { at_once(fetch()) } else { None }).into_inner()
}

fn at_once<T>(answer: impl Future<Output = Result<T, ApiError>>) -> Option<T> {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(answer).poll(&mut context) {
        Poll::Ready(Ok(value)) => Some(value),
        Poll::Ready(Err(_)) | Poll::Pending => None,
    }
}
