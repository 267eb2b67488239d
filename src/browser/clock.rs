//! The browser's clock and zone.

use js_sys::Date;
use leptos::leptos_dom::helpers::document;
use wasm_bindgen::JsCast;

use super::zone_cookie;
use crate::model::time_words::Now;

/// What the clock says, and how far this zone is ahead of UTC now.
#[expect(
    clippy::cast_possible_truncation,
    reason = "whole milliseconds far below 2^53, and minutes of a day"
)]
pub fn now() -> Now {
    let offset_minutes = -(Date::new_0().get_timezone_offset() as i32);
    Now { ms: Date::now() as i64, offset_minutes }
}

/// Tells the server this zone from the next request on, so that it renders the same times.
pub fn remember_zone(now: Now) {
    if let Some(document) = document().dyn_ref::<web_sys::HtmlDocument>() {
        let cookie = zone_cookie::written(now.offset_minutes);
        // Refused only where cookies are off: then the server goes on in UTC.
        drop(document.set_cookie(&format!("{cookie}; Max-Age=31536000; Path=/; SameSite=Lax")));
    }
}
