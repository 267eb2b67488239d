//! The pointer on the server, where there is none.

use leptos::web_sys::PointerEvent;

/// Is nowhere.
pub fn share_of(_event: &PointerEvent) -> Option<f64> {
    None
}

/// Does nothing.
pub fn capture(_event: &PointerEvent) {}
