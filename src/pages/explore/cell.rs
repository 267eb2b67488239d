//! Values as cells of a table: what they are called, and how they are chosen for the filter.
//!
//! A click adds the value to the filter, a click with Alt or on the sign beside it leaves it out. Tables listen once for
//! all of their cells, by the attributes `data-term` and `data-not`.

use std::str::FromStr;

use leptos::ev::MouseEvent;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::web_sys;

use super::asking::Asked;
use super::exports::flow_filter;
use crate::components::replay_link::replay_href;
use crate::model::filter::{Field, Filter};
use crate::model::filter_terms::{terms, with_term};
use crate::model::history::{Dimension, Key};
use crate::pages::host_names::HostNames;

/// The cells of a group's values, the first with the swatch of its line.
pub fn key_cells(asked: &Asked, keys: &[Key], colour: Option<&str>, host_names: HostNames) -> AnyView {
    let by = asked.view.by.as_slice();
    if by.is_empty() {
        let swatch = colour.map(swatch);
        return view! { <th scope="row">{swatch} " all flows"</th> }.into_any();
    }
    let cell = |(position, (dimension, key)): (usize, (&Dimension, &Key))| {
        let swatch = colour.filter(|_| position == 0).map(swatch);
        let replay = (position + 1 == by.len()).then(|| replay_link(asked, keys));
        view! {
            <th scope="row" class="explore-table__key">
                {swatch} " " {value_cell(*dimension, key, host_names)} " " {replay}
            </th>
        }
    };
    by.iter().zip(keys).enumerate().map(cell).collect_view().into_any()
}

/// The way to the replay of a group.
fn replay_link(asked: &Asked, keys: &[Key]) -> AnyView {
    let terms = asked.view.by.iter().zip(keys).filter_map(|(dimension, key)| dimension.term(&key.value));
    let filter = terms.fold(flow_filter(asked), |filter, term| refined(&filter, &term, false));
    let names: Vec<String> =
        asked.view.by.iter().zip(keys).map(|(dimension, key)| name_alone(*dimension, key)).collect();
    let title = format!("Replay {}", names.join(" · "));
    let href = replay_href(&asked.words, &filter, "");
    view! { <a class="choice__replay" href=href title=title.clone() aria-label=title>"▶\u{fe0e}"</a> }
        .into_any()
}

/// The heads of these cells.
pub fn key_heads(by: &[Dimension]) -> AnyView {
    if by.is_empty() {
        return view! { <th scope="col">"Flows"</th> }.into_any();
    }
    by.iter().map(|dimension| view! { <th scope="col">{dimension.label()}</th> }).collect_view().into_any()
}

fn swatch(colour: &str) -> AnyView {
    view! { <span class=format!("swatch {colour}") aria-hidden="true"></span> }.into_any()
}

/// A value of a dimension: its name, and the value itself where that says more.
fn value_cell(dimension: Dimension, key: &Key, host_names: HostNames) -> AnyView {
    let (name, note) = names(key);
    match dimension.term(&key.value) {
        // The address stays what is read first; what it is called may come later.
        Some(term) if dimension.is_address() => {
            view! { {choice(&term, key.value.clone(), String::new())} {host_names.shown(&key.value)} }
                .into_any()
        }
        Some(term) => choice(&term, name, note),
        None => view! { {name} " " <span class="explore-table__note">{note}</span> }.into_any(),
    }
}

/// What a value is called, and beside it the value where that is something else.
pub fn names(key: &Key) -> (String, String) {
    // `Lyon, France` says all that `Lyon, FR` does.
    let stem = |text: &str| text.split(',').next().unwrap_or_default().to_lowercase();
    let is_same = stem(&key.label) == stem(&key.value);
    match (key.label.as_str(), key.value.as_str()) {
        ("", "") => ("unknown".to_owned(), String::new()),
        ("", value) => (value.to_owned(), String::new()),
        (label, _) if is_same => (label.to_owned(), String::new()),
        (label, value) => (label.to_owned(), value.to_owned()),
    }
}

/// What a value is called where nothing stands beside it: with the value, where several have the same name.
pub fn name_alone(dimension: Dimension, key: &Key) -> String {
    let (name, note) = names(key);
    match dimension {
        Dimension::Field(Field::Service | Field::Interface(_)) if !note.is_empty() => {
            format!("{name} {note}")
        }
        _ => name,
    }
}

/// A text that adds a term to the filter, with the sign that leaves it out.
pub fn choice(term: &str, name: String, note: String) -> AnyView {
    let leave_out = format!("Leave out: {term}");
    view! {
        <span class="choice">
            <button type="button" class="choice__add" data-term=term.to_owned() title=format!("Only: {term} (with Alt: leave out)")>
                {name + " "}
                <span class="explore-table__note">{note}</span>
            </button>
            <button type="button" class="choice__not" data-not=term.to_owned() title=leave_out.clone() aria-label=leave_out>"≠"</button>
        </span>
    }
    .into_any()
}

/// The term that a click in a table means, and whether flows with it are to be left out.
pub fn chosen(event: &MouseEvent) -> Option<(String, bool)> {
    let target = event.target()?.dyn_into::<web_sys::Element>().ok()?;
    let button = target.closest("[data-term],[data-not]").ok().flatten()?;
    match button.get_attribute("data-not") {
        Some(term) => Some((term, true)),
        None => Some((button.get_attribute("data-term")?, event.alt_key())),
    }
}

/// The filter with a term required, or left out; unchanged when it says so already.
pub fn refined(filter: &str, term: &str, is_left_out: bool) -> String {
    let canonical =
        |text: &str| Filter::from_str(text).map_or_else(|_| text.to_owned(), |filter| filter.to_string());
    let added = if is_left_out { vec![canonical(&format!("not ({term})"))] } else { terms(&canonical(term)) };
    let refined = added.iter().fold(canonical(filter), |filter, term| with_term(&filter, term));
    canonical(&refined)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_added_once_and_left_out_once() {
        let once = refined("", "outside.country = \"DE\"", false);
        assert_eq!(refined(&once, "outside.country = DE", false), once);
        let without = refined(&once, "service = 443 and protocol = tcp", true);
        assert_eq!(refined(&without, "service = 443 and protocol = tcp", true), without);
        assert!(without.parse::<Filter>().is_ok());
        let both = refined(&once, "service = 443 and protocol = tcp", false);
        assert_eq!(refined(&both, "protocol = tcp", false), both);
        assert_eq!(terms(&both).len(), 3);
    }

    #[test]
    fn a_value_is_shown_beside_its_name_only_where_it_says_more() {
        let key = |value: &str, label: &str| names(&Key { value: value.to_owned(), label: label.to_owned() });
        assert_eq!(key("15169", "Google LLC"), ("Google LLC".to_owned(), "15169".to_owned()));
        let https = Key { value: "443/udp".to_owned(), label: "https".to_owned() };
        assert_eq!(name_alone(Dimension::Field(Field::Service), &https), "https 443/udp");
        assert_eq!(key("tcp", "TCP"), ("TCP".to_owned(), String::new()));
        assert_eq!(key("AR", "Argentina"), ("Argentina".to_owned(), "AR".to_owned()));
        assert_eq!(key("Lyon, FR", "Lyon, France"), ("Lyon, France".to_owned(), String::new()));
        assert_eq!(key("192.0.2.1", ""), ("192.0.2.1".to_owned(), String::new()));
    }
}
