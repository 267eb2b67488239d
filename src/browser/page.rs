//! The browser's page: clock, address, visibility and position.

use js_sys::{Date, Function, Promise, Reflect};
use leptos::leptos_dom::helpers::window;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Element, KeyboardEvent, Position, VisibilityState};

/// The browser's clock, milliseconds since 1970.
#[expect(clippy::cast_possible_truncation, reason = "whole milliseconds far below 2^53")]
pub fn now_ms() -> i64 {
    Date::now() as i64
}

/// False while the tab is in the background.
pub fn is_visible() -> bool {
    window().document().is_none_or(|page| page.visibility_state() == VisibilityState::Visible)
}

/// True for a key that belongs to what has the focus: a field, or a button that is pressed with it.
pub fn takes_keys(event: &KeyboardEvent) -> bool {
    let Some(focused) = event.target().and_then(|target| target.dyn_into::<Element>().ok()) else {
        return false;
    };
    let owns = |selector| focused.closest(selector).is_ok_and(|found| found.is_some());
    let presses = matches!(event.key().as_str(), " " | "Enter");
    owns("input, textarea, select") || (presses && owns("button, a, summary"))
}

/// Name or address of the host that the page came from, without its port.
pub fn host() -> Option<String> {
    window().location().hostname().ok().filter(|host| !host.is_empty())
}

/// Shows `url` in the address bar without a step in the history.
pub fn replace_address(url: &str) {
    if let Ok(history) = window().history() {
        // Refused only when called hundreds of times a second; the next change brings it up to date.
        drop(history.replace_state_with_url(&JsValue::NULL, "", Some(url)));
    }
}

/// Goes back in the history, as the browser's button does.
pub fn back() {
    if let Ok(history) = window().history() {
        // Without a history there is nothing to go back to.
        drop(history.back());
    }
}

/// Puts a text on the clipboard; false where the browser does not allow it, as on plain http.
pub async fn copy(text: &str) -> bool {
    let promise = write_text(text);
    match promise {
        Ok(promise) => JsFuture::from(promise).await.is_ok(),
        Err(_) => false,
    }
}

/// There is no clipboard at all where the page did not come safely, so it is looked up.
fn write_text(text: &str) -> Result<Promise, JsValue> {
    let clipboard = Reflect::get(&window().navigator(), &JsValue::from_str("clipboard"))?;
    let write: Function = Reflect::get(&clipboard, &JsValue::from_str("writeText"))?.dyn_into()?;
    write.call1(&clipboard, &JsValue::from_str(text))?.dyn_into()
}

/// Asks the browser where it is, with the user's consent: `(latitude, longitude)` in degrees, or why not.
pub fn ask_position(answer: impl FnOnce(Result<(f64, f64), &'static str>) + Clone + 'static) {
    let Ok(geolocation) = window().navigator().geolocation() else {
        answer(Err("This browser does not tell positions (it does so on https or localhost only)."));
        return;
    };
    let refused = answer.clone();
    let on_position = Closure::once_into_js(move |position: Position| {
        let place = position.coords();
        answer(Ok((place.latitude(), place.longitude())));
    });
    let on_error = Closure::once_into_js(move |_: JsValue| {
        refused(Err("The browser did not tell its position: type it instead."));
    });
    // Answers by one of the two, and both are freed by the browser's garbage collector.
    drop(geolocation.get_current_position_with_error_callback(
        on_position.unchecked_ref(),
        Some(on_error.unchecked_ref()),
    ));
}
