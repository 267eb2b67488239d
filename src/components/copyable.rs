//! Text to copy: a button does it, and one click into the text selects all of it.

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::browser::page;

/// The text with its button.
#[component]
pub fn Copyable(
    /// What is copied.
    #[prop(into)]
    text: Signal<String>,
) -> impl IntoView {
    let outcome = RwSignal::new(None::<bool>);
    let copy = move |_| {
        spawn_local(async move {
            let is_copied = page::copy(&text.get_untracked()).await;
            outcome.try_set(Some(is_copied));
        });
    };
    let label = move || match outcome.get() {
        None => "Copy",
        Some(true) => "Copied",
        // Browsers allow it on https and localhost only.
        Some(false) => "Select it",
    };
    view! {
        <div class="copyable">
            <pre class="copyable__text" tabindex="0"><code>{text}</code></pre>
            " "
            <button type="button" class="copyable__button" on:click=copy>{label}</button>
        </div>
    }
    .into_any()
}
