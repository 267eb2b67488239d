//! The filter box: what can be written is offered while one types, Enter applies it, the fault stands under it where
//! there is one, and a chip for each term.
//!
//! A real form: without WASM it loads the page with the filter in its address.

mod completer;
mod help;
mod shelf;

use std::str::FromStr;

use leptos::ev::{KeyboardEvent, SubmitEvent};
use leptos::html::Input;
use leptos::prelude::*;

pub use self::completer::{Asked, ValueSource};
use self::completer::{Completer, Entry, option_id};
use self::shelf::{FilterMenu, change, shelf};
use super::metric_switch::HiddenFields;
use crate::model::filter::{Filter, MAX_CHARACTERS};
use crate::model::filter_terms::{terms, without_term};

/// Why a filter was not applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterFault {
    /// The filter as typed.
    pub filter: String,
    /// What is wrong and what to write instead.
    pub message: String,
    /// Where the fault begins, in characters from 0, and how many characters it has; `None` for all of it.
    pub place: Option<(usize, usize)>,
}

impl FilterFault {
    /// The filter in its canonical spelling, or what is wrong with it.
    pub fn check(text: &str) -> Result<String, Self> {
        match Filter::from_str(text) {
            Ok(filter) => Ok(filter.to_string()),
            Err(error) => Err(Self {
                filter: text.to_owned(),
                message: error.message,
                place: usize::try_from(error.position).ok().zip(usize::try_from(error.length).ok()),
            }),
        }
    }

    /// A line that has carets below the faulty characters, and blanks before.
    fn carets(&self) -> Option<String> {
        let (position, length) = self.place?;
        let room = self.filter.chars().count();
        let begin = position.min(room);
        let length = length.clamp(1, (room - begin).max(1));
        Some(format!("{}{}", " ".repeat(begin), "^".repeat(length)))
    }
}

/// The filter box.
#[component]
pub fn FilterBar(
    /// The filter that applies now.
    #[prop(into)]
    filter: Signal<String>,
    /// Why the last one was not applied.
    #[prop(into)]
    fault: Signal<Option<FilterFault>>,
    /// The other parameters of the address, which the form keeps.
    #[prop(into, optional)]
    others: Signal<Vec<(String, String)>>,
    /// Where values of fields come from.
    #[prop(optional)]
    values: Option<ValueSource>,
    /// Called with a filter to apply; empty for all flows.
    on_filter: Callback<String>,
) -> impl IntoView {
    let first = fault.with_untracked(|fault| fault.as_ref().map(|fault| fault.filter.clone()));
    let first = first.unwrap_or_else(|| filter.get_untracked());
    let shelf = shelf();
    let input = NodeRef::<Input>::new();
    let completer = Completer::new(first.clone(), input, shelf, values);
    let Completer { draft, is_open, active, entries, .. } = completer;
    Effect::new(move |earlier: Option<()>| {
        let applied = filter.get();
        if earlier.is_some() {
            change(shelf, |shelf| shelf.used(&applied));
            draft.set(applied);
        }
    });
    let apply = move || {
        is_open.set(false);
        on_filter.run(draft.get_untracked().trim().to_owned());
    };
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        apply();
    };
    let take = move |entry: &Entry| {
        if completer.accept(entry) {
            apply();
        }
    };
    let on_key = move |event: KeyboardEvent| {
        let is_shown = is_open.get_untracked() && entries.with_untracked(|entries| !entries.is_empty());
        let is_plain = !(event.ctrl_key() || event.alt_key() || event.meta_key() || event.shift_key());
        match event.key().as_str() {
            "ArrowDown" | "ArrowUp" if is_plain => {
                event.prevent_default();
                if is_shown {
                    completer.step(if event.key() == "ArrowDown" { 1 } else { -1 });
                } else {
                    completer.follow_input();
                    is_open.set(true);
                }
            }
            "Enter" if is_shown => {
                if let Some(entry) = completer.active_entry() {
                    event.prevent_default();
                    take(&entry);
                }
            }
            "Tab" if is_shown && is_plain => {
                if let Some(entry) = completer.tab_entry() {
                    event.prevent_default();
                    take(&entry);
                }
            }
            "Escape" if is_shown => {
                event.prevent_default();
                is_open.set(false);
            }
            "Escape" => draft.set(filter.get_untracked()),
            _ => {}
        }
    };
    let is_shown = Memo::new(move |_| entries.with(|entries| !entries.is_empty()));
    view! {
        <div class="filter-bar" role="search">
            <FilterMenu shelf filter on_filter/>
            <form class="filter-bar__form" method="get" on:submit=submit>
                <HiddenFields others/>
                <label class="visually-hidden" for="filter">"Filter"</label>
                <input
                    class="filter-bar__text"
                    id="filter"
                    name="filter"
                    type="text"
                    role="combobox"
                    placeholder="Filter, e.g. country = DE and dst.port in (443, 8443)"
                    autocomplete="off"
                    autocapitalize="off"
                    spellcheck="false"
                    maxlength=MAX_CHARACTERS
                    node_ref=input
                    value=first
                    prop:value=move || draft.get()
                    aria-autocomplete="list"
                    aria-controls="filter-options"
                    aria-expanded=move || if is_shown.get() { "true" } else { "false" }
                    aria-activedescendant=move || active.get().map(option_id)
                    aria-invalid=move || fault.with(Option::is_some).then_some("true")
                    aria-describedby="filter-fault"
                    on:input=move |_| {
                        completer.follow_input();
                        is_open.set(true);
                    }
                    on:click=move |_| {
                        completer.follow_input();
                        is_open.set(true);
                    }
                    on:keyup=move |event| {
                        if matches!(event.key().as_str(), "ArrowLeft" | "ArrowRight" | "Home" | "End") {
                            completer.follow_input();
                        }
                    }
                    on:keydown=on_key
                    on:blur=move |_| is_open.set(false)
                />
                <Show when=move || !draft.with(String::is_empty)>
                    <button
                        type="button"
                        class="filter-bar__clear"
                        aria-label="Clear the filter"
                        on:click=move |_| {
                            draft.set(String::new());
                            on_filter.run(String::new());
                        }
                    >
                        "×"
                    </button>
                </Show>
                <button type="submit" class="filter-bar__apply">"Apply"</button>
            </form>
            <Options entries active on_take=Callback::new(move |entry: Entry| take(&entry))/>
            <FaultNote fault/>
            <Chips filter on_filter/>
        </div>
    }
    .into_any()
}

/// What is wrong with the filter that was not applied.
#[component]
fn FaultNote(fault: Signal<Option<FilterFault>>) -> impl IntoView {
    view! {
        <div id="filter-fault" class="filter-bar__fault" role="alert">
            {move || fault.get().map(|fault| {
                let pointer = fault.carets().map(|carets| {
                    view! { <pre class="filter-bar__pointer">{format!("{}\n{carets}", fault.filter)}</pre> }
                });
                view! { {pointer} <p>{fault.message}</p> }
            })}
        </div>
    }
}

/// A chip for each term, where there are several.
#[component]
fn Chips(
    filter: Signal<String>,
    /// Called with the filter without the term that was taken away.
    on_filter: Callback<String>,
) -> impl IntoView {
    let chips =
        Memo::new(move |_| filter.with(|filter| terms(filter).into_iter().enumerate().collect::<Vec<_>>()));
    view! {
        <Show when=move || chips.with(Vec::len).gt(&1)>
            <ul class="filter-bar__chips" aria-label="Terms of the filter">
                <For
                    each=move || chips.get()
                    key=|chip| chip.clone()
                    let:chip
                >
                    <li>
                        <button
                            type="button"
                            class="filter-bar__chip"
                            title="Take this term away"
                            on:click=move |_| on_filter.run(without_term(&filter.get_untracked(), chip.0))
                        >
                            {chip.1}
                            <span class="filter-bar__cross" aria-hidden="true">"×"</span>
                        </button>
                    </li>
                </For>
            </ul>
        </Show>
    }
}

/// The list of what can be written here.
#[component]
fn Options(
    entries: Memo<Vec<Entry>>,
    active: RwSignal<Option<usize>>,
    /// Called with the entry that was chosen.
    on_take: Callback<Entry>,
) -> impl IntoView {
    let numbered = move || entries.get().into_iter().enumerate().collect::<Vec<_>>();
    view! {
        <ul
            id="filter-options"
            class="filter-bar__options"
            role="listbox"
            aria-label="What can be written here"
            hidden=move || entries.with(Vec::is_empty)
            // The box keeps the focus while somebody points at the list.
            on:mousedown=|event| event.prevent_default()
        >
            <For each=numbered key=Clone::clone let:option>
                <li
                    id=option_id(option.0)
                    class="filter-bar__option"
                    role="option"
                    aria-selected=move || if active.get() == Some(option.0) { "true" } else { "false" }
                    on:click={
                        let entry = option.1.clone();
                        move |_| on_take.run(entry.clone())
                    }
                >
                    <code class="filter-bar__word">{option.1.shown.clone()}</code>
                    " "
                    <span class="filter-bar__note">{option.1.note.clone()}</span>
                </li>
            </For>
        </ul>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carets(filter: &str, position: usize, length: usize) -> Option<String> {
        let fault = FilterFault {
            filter: filter.to_owned(),
            message: String::new(),
            place: Some((position, length)),
        };
        fault.carets()
    }

    #[test]
    fn the_carets_stand_below_the_faulty_characters() {
        assert_eq!(carets("port = x", 7, 1).as_deref(), Some("       ^"));
        assert_eq!(carets("söme = x", 0, 4).as_deref(), Some("^^^^"));
    }

    #[test]
    fn a_fault_at_the_end_has_a_caret_behind_the_text() {
        assert_eq!(carets("port =", 6, 0).as_deref(), Some("      ^"));
        assert_eq!(carets("port =", 99, 99).as_deref(), Some("      ^"));
    }
}
