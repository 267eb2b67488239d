//! The most of a country by something: cities, networks, addresses, services; each line leads to the explorer.

use leptos::prelude::*;

use super::rows::{full, short};
use crate::components::share_bar::ShareBar;
use crate::model::history::{Metric, Top};
use crate::model::quantity;

/// The table.
#[component]
pub fn GroupTable(
    /// What is listed.
    title: &'static str,
    /// The answer; `None` while it is on its way.
    top: Signal<Option<Top>>,
    /// What it is ranked by.
    metric: Signal<Metric>,
    /// Where a line leads: by its position and its value.
    href: Callback<String, String>,
) -> impl IntoView {
    let length = Memo::new(move |_| top.with(|top| top.as_ref().map(|top| top.rows.len())));
    let groups = move || {
        top.with(|top| {
            let groups = top.as_ref()?.groups?;
            (groups > top.as_ref()?.rows.len() as u64)
                .then(|| format!("of {} in all", quantity::count(groups)))
        })
    };
    view! {
        <section class="group-table panel">
            <h2 class="panel__title">{title} " " <span class="panel__note">{groups}</span></h2>
            <Show when=move || length.get() == Some(0)>
                <p class="panel__empty">"None in this range."</p>
            </Show>
            <Show when=move || length.get().is_none()>
                <p class="panel__empty">"Asking the server …"</p>
            </Show>
            <ol class="top-list__entries">
                <For each=move || 0..length.get().unwrap_or(0) key=|position| *position let:position>
                    <Entry top metric position href/>
                </For>
            </ol>
        </section>
    }
    .into_any()
}

#[component]
fn Entry(
    top: Signal<Option<Top>>,
    metric: Signal<Metric>,
    position: usize,
    href: Callback<String, String>,
) -> impl IntoView {
    let row =
        Memo::new(move |_| top.with(|top| top.as_ref().and_then(|top| top.rows.get(position).cloned())));
    let key =
        move || row.with(|row| row.as_ref().and_then(|row| row.keys.first().cloned()).unwrap_or_default());
    let figure = move || row.with(|row| row.as_ref().map_or(0, |row| row.amount.of(metric.get())));
    let most = move || {
        top.with(|top| {
            top.as_ref().and_then(|top| top.rows.first()).map_or(0, |row| row.amount.of(metric.get()))
        })
    };
    let name = move || {
        let key = key();
        let name = if key.label.is_empty() { key.value } else { key.label };
        format!("{name} ")
    };
    let note = move || {
        let key = key();
        // Of a city the label has the country's name, and its code says nothing new.
        let is_told = key.value.split_once(", ").is_some_and(|(city, _)| key.label.starts_with(city));
        if key.label.is_empty() || key.label == key.value || is_told { String::new() } else { key.value }
    };
    view! {
        <li class="top-list__entry" title=move || format!("{}: {}", key().value, full(metric.get(), figure()))>
            <a class="top-list__button group-table__link" href=move || href.run(key().value)>
                <span class="top-list__name">
                    {name}
                    <span class="top-list__note">{note}</span>
                </span>
                " "
                <span class="top-list__amount">{move || short(metric.get(), figure())}</span>
                <ShareBar share=Signal::derive(move || quantity::per_mille(figure(), most()))/>
            </a>
            " "
        </li>
    }
}
