//! The chosen theme on the server: what the request's cookie says, so that the first paint has it.

use axum::http::header::COOKIE as COOKIE_HEADER;
use axum::http::request::Parts;
use leptos::prelude::use_context;

use crate::model::theme::{COOKIE, Theme};

/// The theme the user chose; `None` follows the system.
pub fn chosen() -> Option<Theme> {
    let request = use_context::<Parts>()?;
    request
        .headers
        .get_all(COOKIE_HEADER)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .and_then(|(_, value)| Theme::parse(value))
}

/// The default look.
pub fn shown() -> Theme {
    chosen().unwrap_or_default()
}

/// Does nothing: only a browser chooses.
pub fn choose(_theme: Option<Theme>) {}
