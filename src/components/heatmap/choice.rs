//! A choice of a few, as links: it works without WASM, and the address keeps it.

use leptos::prelude::*;

/// One of the choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choosable {
    /// What it is called.
    pub name: &'static str,
    /// What it means, for a hover text.
    pub meaning: &'static str,
    /// The address with it.
    pub href: String,
    /// True when it is chosen now.
    pub is_chosen: bool,
}

/// The choice.
#[component]
pub fn Choice(
    /// What is chosen.
    label: &'static str,
    /// The options; always as many.
    options: Signal<Vec<Choosable>>,
) -> impl IntoView {
    let length = options.with_untracked(Vec::len);
    let option = move |position: usize| {
        let part = move |of: fn(&Choosable) -> String| {
            move || options.with(|options| options.get(position).map(of).unwrap_or_default())
        };
        let is_chosen = move || {
            options
                .with(|options| options.get(position).is_some_and(|option| option.is_chosen))
                .then_some("true")
        };
        view! {
            <a
                class="choice__option"
                href=part(|option| option.href.clone())
                title=part(|option| option.meaning.to_owned())
                aria-current=is_chosen
                data-noscroll
            >
                {part(|option| option.name.to_owned())}
            </a>
            " "
        }
    };
    view! {
        <div class="choice" role="group" aria-label=label>
            <span class="choice__label" aria-hidden="true">{label}</span>
            <span class="choice__options">{(0..length).map(option).collect_view()}</span>
        </div>
    }
    .into_any()
}
