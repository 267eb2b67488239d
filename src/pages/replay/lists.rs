//! The figures beside the map as of the moment, and the tables below it.

use leptos::prelude::*;

use super::feed::ReplayFeed;
use crate::components::flow_table::FlowTable;
use crate::components::top_list::{TopEntry, TopList};
use crate::components::tops::{by_what, of_countries, of_ports, of_systems};
use crate::components::totals::TotalsPanel;
use crate::model::frame::Frame;
use crate::model::history::{Source, Tier};
use crate::model::place::{Place, Precision};
use crate::model::replay::SoFar;
use crate::model::time_range::TimeRange;
use crate::model::{countries, quantity, time_words};

/// Arcs that the table lists, at most.
const MOST_ARCS: usize = 500;

/// Totals and tops.
#[component]
pub(super) fn Lists(range: Memo<TimeRange>, feed: ReplayFeed, on_term: Callback<String>) -> impl IntoView {
    let entries = move |of: fn(&SoFar) -> Vec<TopEntry>| -> Signal<Vec<TopEntry>> {
        Memo::new(move |_| feed.so_far.with(|so_far| so_far.as_ref().map(of).unwrap_or_default())).into()
    };
    let covers: Signal<String> = Memo::new(move |_| {
        let by = feed.so_far.with(|so_far| {
            so_far.as_ref().map_or("by bytes", |so_far| {
                by_what(&so_far.top_countries, &so_far.top_as, &so_far.top_ports)
            })
        });
        if feed.is_counting.get() { format!("{by}, being counted …") } else { format!("{by}, so far") }
    })
    .into();
    let empty = Signal::derive(move || {
        if feed.is_counting.get() { "Being counted …" } else { "Nothing up to this moment." }
    });
    let addresses = move || {
        if feed.is_counting.get() {
            return None;
        }
        let distinct = feed.so_far.with(|so_far| so_far.as_ref().and_then(|so_far| so_far.all.addresses))?;
        let mark = if distinct.is_exact() { "" } else { "about " };
        Some(format!("{mark}{} distinct addresses outside", quantity::count(distinct.count)))
    };
    view! {
        <aside
            class="replay__side"
            aria-label="Figures up to this moment"
            aria-busy=move || feed.is_counting.get().to_string()
        >
            <TotalsPanel
                totals=feed.totals.into()
                since_ms=Signal::derive(move || Some(range.get().from_ms))
                is_counting=feed.is_counting
                on_term
            />
            <p class="replay__addresses">{addresses}</p>
            <PlayedFrom feed/>
            <TopList title="Countries" covers empty entries=entries(|so_far| of_countries(&so_far.top_countries)) on_term/>
            <TopList title="Networks (AS)" covers empty entries=entries(|so_far| of_systems(&so_far.top_as)) on_term/>
            <TopList title="Ports" covers empty entries=entries(|so_far| of_ports(&so_far.top_ports)) on_term/>
        </aside>
    }
}

/// What is played: flow records or sums, and what is missing.
#[component]
fn PlayedFrom(feed: ReplayFeed) -> impl IntoView {
    let told = move || feed.source.with(|source| source.as_ref().map(played_from).unwrap_or_default());
    let is_whole = move || feed.source.with(|source| source.as_ref().is_none_or(|source| source.is_complete));
    view! {
        <p class="source-line replay__source" class:source-line--incomplete=move || !is_whole() role="status">
            {told}
        </p>
    }
}

fn played_from(source: &Source) -> String {
    let tiers: Vec<&str> = source.tiers.iter().map(|tier| tier.name()).collect();
    let played = match source.tiers.as_slice() {
        [] => "Nothing is kept of this range".to_owned(),
        [Tier::Archive] => "Played from flow records".to_owned(),
        _ => format!("Played from {}", tiers.join(" and ")),
    };
    let gaps = source.gaps_told();
    let note = match (source.is_complete, source.note.as_str()) {
        (true, "") => String::new(),
        (true, note) => format!(" · {note}"),
        (false, "") => " · not complete: the figures are too low".to_owned(),
        (false, note) => format!(" · not complete, the figures are too low: {note}"),
    };
    format!("{played}{gaps}{note}")
}

/// The newest flows before the moment, and `children` beside them; it can be folded away.
#[component]
pub(super) fn Drawer(feed: ReplayFeed, on_term: Callback<String>, children: Children) -> impl IntoView {
    let is_folded = RwSignal::new(false);
    let class = move || if is_folded.get() { "live__drawer live__drawer--folded" } else { "live__drawer" };
    let note = move || match (feed.is_playing.get(), feed.hold_rows.get()) {
        (true, true) => "held while you look",
        (true, false) => "a sample while it plays",
        _ => "the newest before this moment",
    };
    view! {
        <section class=class aria-labelledby="replayed-title">
            <div class="live__drawer-head">
                <h2 id="replayed-title" class="panel__title">
                    "Flows "
                    <span class="panel__note">{note}</span>
                </h2>
                <button
                    type="button"
                    class="live__fold"
                    aria-expanded=move || if is_folded.get() { "false" } else { "true" }
                    aria-label="Table of flows"
                    on:click=move |_| is_folded.update(|is_folded| *is_folded = !*is_folded)
                >
                    <svg viewBox="0 0 24 24" width="16" height="16" aria-hidden="true">
                        <path d="M5 9l7 7 7-7" fill="none" stroke="currentColor" stroke-width="2"></path>
                    </svg>
                </button>
            </div>
            <div class="replay__tables">
                <FlowTable rows=feed.rows hold=feed.hold_rows on_term/>
                {children()}
            </div>
        </section>
    }
}

/// The arcs of a still picture as a table: what the map shows, for those who do not see it.
#[component]
pub(super) fn ArcTable(feed: ReplayFeed) -> impl IntoView {
    let rows = move || {
        feed.picture.get().map(|frame| {
            let rows = frame.arcs.iter().take(MOST_ARCS).map(|arc| {
                let end = |index| place_of(&frame, index).map(place_told).unwrap_or_default();
                let code = |index| place_of(&frame, index).map(code_of);
                view! {
                    <tr title=quantity::in_full(arc.traffic) data-from=code(arc.from) data-to=code(arc.to)>
                        <td>{end(arc.from)}</td>
                        " "
                        <td>{end(arc.to)}</td>
                        " "
                        <td class="flow-table__number">{quantity::count(arc.traffic.flows)}</td>
                        " "
                        <td class="flow-table__number">{quantity::bytes(arc.traffic.scaled_bytes)}</td>
                    </tr>
                }
            });
            rows.collect_view()
        })
    };
    let told = move || {
        let picture = feed.picture.get()?;
        let number = picture.arcs.len();
        let stretch = time_words::length(feed.picture_ms.get());
        let arcs = if number == 1 { "1 arc".to_owned() } else { format!("{number} arcs") };
        Some(format!("{arcs} on the map, for the {stretch} before this moment"))
    };
    view! {
        <Show when=move || feed.picture.with(Option::is_some)>
            <details
                class="replay__arcs"
                data-ms=move || feed.picture_ms.get().to_string()
                data-moment=move || feed.picture.with(|frame| frame.as_ref().map(|frame| frame.clock_ms.to_string()))
            >
                <summary>{told}</summary>
                <table class="data-table">
                    <thead>
                        <tr><th scope="col">"From"</th><th scope="col">"To"</th><th scope="col">"Flows"</th><th scope="col">"Bytes"</th></tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </details>
        </Show>
    }
}

fn place_of(frame: &Frame, index: u32) -> Option<&Place> {
    usize::try_from(index).ok().and_then(|index| frame.places.get(index))
}

/// The country's code, or `home`.
fn code_of(place: &Place) -> String {
    match place.precision {
        Precision::Home | Precision::HomeUnset => "home".to_owned(),
        _ => place.country.map(|code| code.to_string()).unwrap_or_default(),
    }
}

fn place_told(place: &Place) -> String {
    let country = place.country.and_then(countries::country).map(|entry| entry.name);
    match (place.precision, place.city.as_str(), country) {
        (Precision::HomeUnset, ..) => "home (place not set)".to_owned(),
        (_, "", Some(country)) => country.to_owned(),
        (_, "", None) => "unknown place".to_owned(),
        (_, city, Some(country)) => format!("{city}, {country}"),
        (_, city, None) => city.to_owned(),
    }
}
