//! The menu of the filter box: saved filters, those used before, and how a filter is written.

use leptos::ev::SubmitEvent;
use leptos::html::Details;
use leptos::prelude::*;

use super::help::FilterHelp;
use crate::browser::storage;
use crate::components::disclosure::{close, close_when_left};
use crate::model::filter_shelf::{FilterShelf, MOST_NAME};

/// Where the browser keeps the filters.
const STORED: &str = "meridian-filters";

/// The filters that this browser keeps: empty on the server and at first, then what was kept.
pub(super) fn shelf() -> RwSignal<FilterShelf> {
    let shelf = RwSignal::new(FilterShelf::default());
    Effect::new(move |_| {
        if let Some(kept) = storage::read(STORED) {
            shelf.set(FilterShelf::read(&kept));
        }
    });
    shelf
}

/// Changes what is kept. Another tab may have changed it meanwhile, so it is read again first.
pub(super) fn change(shelf: RwSignal<FilterShelf>, change: impl FnOnce(&mut FilterShelf)) {
    let mut kept = storage::read(STORED).map(|kept| FilterShelf::read(&kept)).unwrap_or_default();
    change(&mut kept);
    // Where nothing may be kept it lasts as long as the page.
    storage::write(STORED, &kept.written());
    shelf.set(kept);
}

/// The menu.
#[component]
pub(super) fn FilterMenu(
    shelf: RwSignal<FilterShelf>,
    /// The filter that applies now.
    filter: Signal<String>,
    /// Called with a filter to apply.
    on_filter: Callback<String>,
) -> impl IntoView {
    let details = NodeRef::<Details>::new();
    close_when_left(details);
    let on_choose = Callback::new(move |filter: String| {
        if let Some(details) = details.get_untracked() {
            close(&details);
        }
        on_filter.run(filter);
    });
    let saved = move || shelf.with(|shelf| shelf.saved.clone());
    let recent = move || shelf.with(|shelf| shelf.recent.clone());
    view! {
        <details class="filter-menu" node_ref=details>
            <summary class="filter-menu__summary" title="Saved filters, and how to write one">
                <svg viewBox="0 0 24 24" width="16" height="16" aria-hidden="true">
                    <path d="M3 5h18l-7 8v6l-4 2v-8z" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linejoin="round"></path>
                </svg>
                <span class="visually-hidden">"Saved filters and help"</span>
            </summary>
            <div class="filter-menu__panel">
                <SaveForm shelf filter/>
                <Show when=move || shelf.with(|shelf| !shelf.saved.is_empty())>
                    <h3>"Saved"</h3>
                    <ul class="filter-menu__list">
                        <For each=saved key=|saved| saved.clone() let:saved>
                            <li class="filter-menu__item">
                                <FilterButton name=saved.name.clone() filter=saved.filter.clone() on_choose/>
                                <button
                                    type="button"
                                    class="filter-menu__forget"
                                    aria-label=format!("Forget {}", saved.name)
                                    title="Forget it"
                                    on:click=move |_| change(shelf, |shelf| shelf.forget(&saved.name))
                                >
                                    "×"
                                </button>
                            </li>
                        </For>
                    </ul>
                </Show>
                <Show when=move || shelf.with(|shelf| !shelf.recent.is_empty())>
                    <h3>"Used before"</h3>
                    <ul class="filter-menu__list">
                        <For each=recent key=Clone::clone let:used>
                            <li class="filter-menu__item"><FilterButton name=String::new() filter=used on_choose/></li>
                        </For>
                    </ul>
                </Show>
                <FilterHelp/>
            </div>
        </details>
    }
    .into_any()
}

#[component]
fn FilterButton(name: String, filter: String, on_choose: Callback<String>) -> impl IntoView {
    let chosen = filter.clone();
    let has_name = !name.is_empty();
    view! {
        <button type="button" class="filter-menu__filter" on:click=move |_| on_choose.run(chosen.clone())>
            {has_name.then(|| view! { <b>{name}</b> " " })}
            <code>{filter}</code>
        </button>
        " "
    }
}

#[component]
fn SaveForm(shelf: RwSignal<FilterShelf>, filter: Signal<String>) -> impl IntoView {
    let name = RwSignal::new(String::new());
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        change(shelf, |shelf| shelf.save(&name.get_untracked(), &filter.get_untracked()));
        name.set(String::new());
    };
    let cannot = move || filter.with(String::is_empty);
    view! {
        <form class="filter-menu__save" on:submit=submit>
            <label class="field">
                <span>{move || if cannot() { "Apply a filter first to save it" } else { "Save this filter as" }}</span>
                <input
                    type="text"
                    required
                    maxlength=MOST_NAME
                    placeholder="a name"
                    autocomplete="off"
                    disabled=cannot
                    prop:value=move || name.get()
                    on:input=move |event| name.set(event_target_value(&event))
                />
            </label>
            <button type="submit" class="button" disabled=cannot>"Save"</button>
        </form>
    }
}
