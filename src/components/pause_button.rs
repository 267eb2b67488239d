//! Pause and resume, with what passed in between.

use leptos::prelude::*;

use crate::model::quantity;
use crate::model::traffic::Traffic;

/// The button, and beside it the counter while paused.
#[component]
pub fn PauseButton(
    /// True while the page stands still.
    #[prop(into)]
    is_paused: Signal<bool>,
    /// What passed since.
    #[prop(into)]
    passed: Signal<Traffic>,
    /// Called with what is wanted.
    on_pause: Callback<bool>,
) -> impl IntoView {
    view! {
        <div class="pause">
            <Show when=move || is_paused.get()>
                <p class="pause__passed" title=move || quantity::in_full(passed.get())>
                    <b>{move || quantity::count(passed.get().flows)}</b>
                    " flows, "
                    {move || quantity::bytes(passed.get().scaled_bytes)}
                    " passed since"
                </p>
            </Show>
            <button
                type="button"
                class="pause__button"
                title="Hold the map and the figures; nothing is lost"
                on:click=move |_| on_pause.run(!is_paused.get_untracked())
            >
                <svg viewBox="0 0 24 24" width="16" height="16" aria-hidden="true">
                    <path
                        fill="currentColor"
                        d=move || if is_paused.get() { "M7 4l13 8-13 8z" } else { "M6 4h4v16H6zM14 4h4v16h-4z" }
                    ></path>
                </svg>
                {move || if is_paused.get() { "Resume" } else { "Pause" }}
            </button>
        </div>
    }
    .into_any()
}
