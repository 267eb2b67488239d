//! A question that takes long: how far it is, a way to give it up, and that it was given up.

use leptos::prelude::*;

use crate::model::history::Progress;
use crate::model::quantity;

/// The line; nothing while no question takes long.
#[component]
pub fn ProgressLine(
    /// True while a question takes long.
    #[prop(into)]
    is_slow: Signal<bool>,
    /// How far it is.
    #[prop(into)]
    progress: Signal<Progress>,
    /// True when the latest question was given up.
    #[prop(into)]
    is_cancelled: Signal<bool>,
    /// Called when the question is to be given up.
    on_cancel: Callback<()>,
    /// Called when it is to be asked again.
    on_again: Callback<()>,
) -> impl IntoView {
    let share = move || {
        let progress = progress.get();
        (progress.total > 0).then(|| quantity::per_mille(progress.done, progress.total))
    };
    view! {
        <div class="progress-line" role="status">
            <Show when=move || is_slow.get()>
                <progress max="1000" value=share aria-label="Progress of the answer"></progress>
                " "
                <span>
                    {move || match share() {
                        Some(share) => format!("Reading the past: {}\u{202f}% ", share / 10),
                        None => "Reading the past … ".to_owned(),
                    }}
                </span>
                <button type="button" class="button" on:click=move |_| on_cancel.run(())>"Cancel"</button>
            </Show>
            <Show when=move || is_cancelled.get()>
                <span>"Cancelled. What is shown, if anything, answers the question before. "</span>
                <button type="button" class="button" on:click=move |_| on_again.run(())>"Ask again"</button>
            </Show>
        </div>
    }
    .into_any()
}
