//! The server's clock, and the zone that the browser told.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::header::COOKIE;
use axum::http::request::Parts;
use leptos::prelude::use_context;

use super::zone_cookie;
use crate::model::time_words::Now;

/// What the clock says, and the zone of the browser that asks; UTC before it told.
pub fn now() -> Now {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let cookies = use_context::<Parts>().into_iter().flat_map(|request| {
        let headers = request.headers.get_all(COOKIE).iter();
        headers.filter_map(|header| header.to_str().ok().map(str::to_owned)).collect::<Vec<_>>()
    });
    let offset_minutes = cookies.into_iter().find_map(|cookies| zone_cookie::read(&cookies)).unwrap_or(0);
    Now { ms: i64::try_from(since.as_millis()).unwrap_or(i64::MAX), offset_minutes }
}

/// Does nothing: the zone is the browser's.
pub fn remember_zone(_now: Now) {}
