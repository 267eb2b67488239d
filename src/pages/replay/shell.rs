//! What stands on the map beside its picture: the legends, or what is said without a picture, because nothing is kept, nothing is
//! in the range, or no WASM plays it.

use leptos::prelude::*;

use super::Follow;
use super::answer::Answer;
use crate::components::setup_guide::QuickStart;
use crate::model::time_words::TimeWords;
use crate::model::{quantity, time};
use crate::pages::health::Health;

/// What to do where there is nothing to play.
#[component]
pub(super) fn EmptyNote(answer: Follow<Answer>, health: Health) -> impl IntoView {
    let latest = answer.latest;
    let is_empty = Memo::new(move |_| {
        latest.with(|answer| answer.as_ref().is_some_and(|answer| answer.total().is_none()))
    });
    let has_any = Memo::new(move |_| {
        latest.with(|answer| answer.as_ref().is_some_and(|answer| answer.extent.is_some()))
    });
    let newest = move || {
        let extent = latest.with(|answer| answer.as_ref().and_then(|answer| answer.extent));
        extent.map(|extent| {
            let (from, to) = (time::date_and_time(extent.from_ms), time::date_and_time(extent.to_ms));
            format!("Flows are kept from {from} to {to}.")
        })
    };
    let fault = move || answer.fault.get().map(|fault| fault.to_string());
    view! {
        <Show when=move || is_empty.get()>
            <div class="replay__empty">
                <Show
                    when=move || has_any.get()
                    fallback=move || view! {
                        <h2>"No flow is kept yet"</h2>
                        <QuickStart listeners=health.listeners()/>
                    }
                >
                    <h2>"No flow passed in this range"</h2>
                    <p>"Choose another range, or take terms of the filter away. " {newest}</p>
                </Show>
            </div>
        </Show>
        <Show when=move || answer.fault.with(Option::is_some)>
            <div class="replay__empty" role="alert">
                <p>{fault}</p>
                <button type="button" class="button" on:click=move |_| answer.retry()>"Try again"</button>
            </div>
        </Show>
    }
}

/// The legends, at the foot of the map; they can be folded away from what they cover.
#[component]
pub(super) fn Legends(children: Children) -> impl IntoView {
    let is_folded = RwSignal::new(false);
    let title = move || if is_folded.get() { "Show the legends" } else { "Fold the legends away" };
    view! {
        <div class="replay__legends" class:replay__legends--folded=move || is_folded.get()>
            <button
                type="button"
                class="replay__fold"
                aria-expanded=move || if is_folded.get() { "false" } else { "true" }
                aria-label="Legends"
                title=title
                on:click=move |_| is_folded.update(|is_folded| *is_folded = !*is_folded)
            >
                <svg viewBox="0 0 24 24" width="16" height="16" aria-hidden="true">
                    <path d="M5 9l7 7 7-7" fill="none" stroke="currentColor" stroke-width="2"></path>
                </svg>
            </button>
            {children()}
        </div>
    }
    .into_any()
}

/// For those without WASM: what there is in the range, and where it can be seen.
#[component]
pub(super) fn WithoutScript(
    answer: Follow<Answer>,
    words: Memo<TimeWords>,
    filter: Memo<String>,
) -> impl IntoView {
    let told = answer.latest.with_untracked(|answer| {
        answer.as_ref().map(|answer| quantity::in_full(answer.total())).unwrap_or_default()
    });
    let query = |path: &str| {
        let words = words.get_untracked();
        let mut query = leptos_router::params::ParamsMap::new();
        query.insert("from", words.from);
        query.insert("to", words.to);
        let filter = filter.get_untracked();
        if !filter.is_empty() {
            query.insert("filter", filter);
        }
        format!("{path}{}", query.to_query_string())
    };
    view! {
        <noscript>
            <div class="replay__empty">
                <h2>"The replay needs JavaScript"</h2>
                <p>"In this range: " {told}</p>
                <p>
                    "The same range without it: "
                    <a href=query("/explore")>"explore the flows"</a>
                    " or "
                    <a href=query("/heatmap")>"see the heatmap"</a>
                    "."
                </p>
            </div>
        </noscript>
    }
}
