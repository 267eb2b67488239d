//! Where the pointer is in a chart.

use leptos::web_sys::PointerEvent;
use wasm_bindgen::JsCast;
use web_sys::Element;

/// The marked element that an event happened in.
fn element_of(event: &PointerEvent) -> Option<Element> {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok())?;
    target.closest("[data-plot]").ok().flatten()
}

/// Where the pointer is in the element marked `data-plot`: 0 at its left edge to 1 at its right.
pub fn share_of(event: &PointerEvent) -> Option<f64> {
    let bounds = element_of(event)?.get_bounding_client_rect();
    let offset = f64::from(event.client_x()) - bounds.left();
    (bounds.width() > 0.0).then(|| (offset / bounds.width()).clamp(0.0, 1.0))
}

/// Lets the marked element follow the pointer beyond its edges until the button is released.
pub fn capture(event: &PointerEvent) {
    if let Some(element) = element_of(event) {
        // Without it a drag ends at the edge, which is no harm.
        drop(element.set_pointer_capture(event.pointer_id()));
    }
}
