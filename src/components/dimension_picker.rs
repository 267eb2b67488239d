//! What flows are grouped by: a chip for each dimension, and a menu to add one.
//!
//! Chips and entries are links, so that all of it works without WASM and every choice is a step in the history.

use leptos::prelude::*;

use super::disclosure::{close, close_when_left};
use crate::model::history::{Dimension, TopQuestion};

/// The picker.
#[component]
pub fn DimensionPicker(
    /// What flows are grouped by.
    #[prop(into)]
    chosen: Signal<Vec<Dimension>>,
    /// The address of the page with other dimensions.
    url: Callback<Vec<Dimension>, String>,
) -> impl IntoView {
    let menu = NodeRef::<leptos::html::Details>::new();
    close_when_left(menu);
    let wanted = RwSignal::new(String::new());
    // A choice was made: the menu has done its work.
    Effect::new(move |earlier: Option<()>| {
        chosen.track();
        if earlier.is_some() {
            if let Some(menu) = menu.get_untracked() {
                close(&menu);
            }
            wanted.set(String::new());
        }
    });
    let chips = move || {
        let all = chosen.get();
        let chip = |(position, dimension): (usize, &Dimension)| {
            let mut others = all.clone();
            others.remove(position);
            let label = dimension.label();
            view! {
                <li class="dimension-chip">
                    {label.clone()}
                    " "
                    <a
                        class="dimension-chip__remove"
                        href=url.run(others)
                        aria-label=format!("Do not group by {label}")
                        title="Take it away"
                    >
                        "×"
                    </a>
                </li>
            }
        };
        all.iter().enumerate().map(chip).collect_view()
    };
    let is_full = move || chosen.with(Vec::len) >= TopQuestion::MOST_DIMENSIONS;
    view! {
        <div class="dimension-picker">
            <span class="dimension-picker__title" id="dimensions">"Group by"</span>
            <ul class="dimension-picker__chips" aria-labelledby="dimensions">
                {chips}
                <Show when=move || chosen.with(Vec::is_empty)>
                    <li class="dimension-picker__none">"nothing: all flows together"</li>
                </Show>
            </ul>
            <Show when=move || !is_full()>
                <details class="menu" node_ref=menu>
                    <summary class="button">"Add …"</summary>
                    <div class="menu__body">
                        <label class="visually-hidden" for="dimension-search">"Find a dimension"</label>
                        <input
                            id="dimension-search"
                            class="menu__search"
                            type="search"
                            placeholder="Find: country, port, AS …"
                            autocomplete="off"
                            prop:value=move || wanted.get()
                            on:input=move |event| wanted.set(event_target_value(&event))
                        />
                        {move || groups(&chosen.get(), &wanted.get(), url)}
                    </div>
                </details>
            </Show>
        </div>
    }
    .into_any()
}

/// The entries that have every word of what is looked for in their name, by subject.
fn groups(chosen: &[Dimension], wanted: &str, url: Callback<Vec<Dimension>, String>) -> AnyView {
    let groups = Dimension::offered().into_iter().filter_map(|(subject, meaning, dimensions)| {
        let found = dimensions.into_iter().filter(|dimension| !chosen.contains(dimension));
        let found: Vec<_> = found.filter(|dimension| is_meant(*dimension, wanted)).collect();
        let entry = |dimension: Dimension| {
            let mut all = chosen.to_vec();
            all.push(dimension);
            view! { <li><a class="menu__entry" href=url.run(all)>{dimension.label()}</a></li> }
        };
        (!found.is_empty()).then(|| {
            view! {
                <section class="menu__group">
                    <h3 title=meaning>{subject}</h3>
                    <ul>{found.into_iter().map(entry).collect_view()}</ul>
                </section>
            }
        })
    });
    let groups: Vec<_> = groups.collect();
    if groups.is_empty() {
        return view! { <p class="menu__none">"There is no such dimension."</p> }.into_any();
    }
    groups.collect_view().into_any()
}

fn is_meant(dimension: Dimension, wanted: &str) -> bool {
    let name = format!("{} {dimension}", dimension.label()).to_lowercase();
    wanted.to_lowercase().split_whitespace().all(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dimension_is_found_by_words_of_its_name() {
        let country = Dimension::parse("outside.country").unwrap();
        assert!(["", "country", "COUN out", "outside.c"].iter().all(|wanted| is_meant(country, wanted)));
        assert!(!is_meant(country, "city"));
    }
}
