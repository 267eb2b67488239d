//! The filter box: applied by Enter, with the fault under it where there is one, and a chip for each term.
//!
//! A real form: without WASM it loads the page with the filter in its address.

use std::str::FromStr;

use leptos::ev::SubmitEvent;
use leptos::prelude::*;

use super::metric_switch::HiddenFields;
use crate::model::filter::Filter;
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
    /// Called with a filter to apply; empty for all flows.
    on_filter: Callback<String>,
) -> impl IntoView {
    let first = fault.with_untracked(|fault| fault.as_ref().map(|fault| fault.filter.clone()));
    let first = first.unwrap_or_else(|| filter.get_untracked());
    let draft = RwSignal::new(first.clone());
    Effect::new(move |earlier: Option<()>| {
        let applied = filter.get();
        if earlier.is_some() {
            draft.set(applied);
        }
    });
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        on_filter.run(draft.get_untracked().trim().to_owned());
    };
    let chips =
        Memo::new(move |_| filter.with(|filter| terms(filter).into_iter().enumerate().collect::<Vec<_>>()));
    view! {
        <form class="filter-bar" method="get" role="search" on:submit=submit>
            <HiddenFields others/>
            <div class="filter-bar__row">
                <svg class="filter-bar__sign" viewBox="0 0 24 24" width="16" height="16" aria-hidden="true">
                    <path d="M3 5h18l-7 8v6l-4 2v-8z" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linejoin="round"></path>
                </svg>
                <label class="visually-hidden" for="filter">"Filter"</label>
                <input
                    class="filter-bar__text"
                    id="filter"
                    name="filter"
                    type="text"
                    placeholder="Filter, e.g. country = DE and dst.port in (443, 8443)"
                    autocomplete="off"
                    autocapitalize="off"
                    spellcheck="false"
                    value=first
                    prop:value=move || draft.get()
                    aria-invalid=move || fault.with(Option::is_some).then_some("true")
                    aria-describedby="filter-fault"
                    on:input=move |event| draft.set(event_target_value(&event))
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
            </div>
            <div id="filter-fault" class="filter-bar__fault" role="alert">
                {move || fault.get().map(|fault| {
                    let pointer = fault.carets().map(|carets| {
                        view! { <pre class="filter-bar__pointer">{format!("{}\n{carets}", fault.filter)}</pre> }
                    });
                    view! { {pointer} <p>{fault.message}</p> }
                })}
            </div>
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
        </form>
    }
    .into_any()
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
