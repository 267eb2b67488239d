//! A list of the most, with bars: countries, autonomous systems, ports.

use leptos::prelude::*;

use super::share_bar::ShareBar;

/// One entry of a list of tops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopEntry {
    /// What it is.
    pub name: String,
    /// A short word beside the name, may be empty.
    pub note: String,
    /// Its amount as shown, scaled by sampling where that is known.
    pub amount: String,
    /// Its figures in full, for the hover text.
    pub figures: String,
    /// Length of its bar, in parts per thousand of the longest.
    pub share: u16,
    /// The filter term that it stands for; empty when it cannot be filtered by.
    pub term: String,
}

/// The list. Its rows stay where they are while their contents change, so that a focused row keeps the focus.
#[component]
pub fn TopList(
    /// What is listed.
    title: &'static str,
    /// What the amounts cover.
    #[prop(into)]
    covers: Signal<String>,
    /// What is said when there are none.
    #[prop(into, default = "Nothing in the last minute.".into())]
    empty: Signal<&'static str>,
    /// The entries, most first.
    #[prop(into)]
    entries: Signal<Vec<TopEntry>>,
    /// Called with the term of an entry that was chosen.
    on_term: Callback<String>,
) -> impl IntoView {
    let length = Memo::new(move |_| entries.with(Vec::len));
    view! {
        <section class="top-list panel">
            <h2 class="panel__title">{title} " " <span class="panel__note">{covers}</span></h2>
            <Show when=move || length.get() == 0>
                <p class="panel__empty">{empty}</p>
            </Show>
            <ol class="top-list__entries">
                <For each=move || 0..length.get() key=|position| *position let:position>
                    <Entry entry=Memo::new(move |_| entries.with(|entries| entries.get(position).cloned())) on_term/>
                </For>
            </ol>
        </section>
    }
    .into_any()
}

#[component]
fn Entry(entry: Memo<Option<TopEntry>>, on_term: Callback<String>) -> impl IntoView {
    let part = move |of: fn(&TopEntry) -> String| {
        move || entry.with(|entry| entry.as_ref().map(of).unwrap_or_default())
    };
    let share = Signal::derive(move || entry.with(|entry| entry.as_ref().map_or(0, |entry| entry.share)));
    let term = part(|entry| entry.term.clone());
    view! {
        <li class="top-list__entry" title=part(|entry| entry.figures.clone())>
            <button
                type="button"
                class="top-list__button"
                disabled=move || term().is_empty()
                on:click=move |_| on_term.run(term())
            >
                <span class="top-list__name">
                    // Chromium's accessible names leave out a space that is a text of its own.
                    {part(|entry| format!("{} ", entry.name))}
                    <span class="top-list__note">{part(|entry| entry.note.clone())}</span>
                </span>
                " "
                <span class="top-list__amount">{part(|entry| entry.amount.clone())}</span>
                <ShareBar share/>
            </button>
            " "
        </li>
    }
}
