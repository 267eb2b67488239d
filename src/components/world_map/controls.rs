//! The map's buttons.

use leptos::prelude::*;

/// What a button asks of the map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// One doubling closer.
    ZoomIn,
    /// One doubling farther.
    ZoomOut,
    /// The whole world.
    Reset,
    /// From flat map to globe, or back.
    Turn,
}

/// Zoom in, zoom out, whole world, globe.
#[component]
pub(super) fn MapControls(
    /// False while there is nothing to control.
    is_alive: Signal<bool>,
    /// True while the globe is shown.
    is_globe: Signal<bool>,
    /// A button was pressed.
    on_order: Callback<Order>,
) -> impl IntoView {
    let button = move |order: Order, label: &'static str, title: &'static str, path: &'static str| {
        let pressed = move || (order == Order::Turn).then(|| if is_globe.get() { "true" } else { "false" });
        view! {
            <button
                class="world-map__button"
                type="button"
                aria-label=label
                aria-pressed=pressed
                title=title
                disabled=move || !is_alive.get()
                on:click=move |_| on_order.run(order)
            >
                <svg viewBox="0 0 20 20" aria-hidden="true">
                    <path d=path></path>
                </svg>
            </button>
        }
    };
    view! {
        <div class="world-map__controls" role="group" aria-label="Map controls">
            {button(Order::ZoomIn, "Zoom in", "Zoom in (+)", "M10 4v12M4 10h12")}
            {button(Order::ZoomOut, "Zoom out", "Zoom out (−)", "M4 10h12")}
            {button(
                Order::Reset,
                "Show the whole world",
                "Show the whole world (0)",
                "M4 8V4h4M12 4h4v4M16 12v4h-4M8 16H4v-4",
            )}
            {button(
                Order::Turn,
                "Globe",
                "Flat map or globe (G)",
                "M3 10a7 7 0 1 0 14 0a7 7 0 1 0-14 0h14M10 3c5 4 5 10 0 14M10 3c-5 4-5 10 0 14",
            )}
        </div>
    }
}
