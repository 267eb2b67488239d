//! What stands there without a picture: nothing kept, nothing in the range, or no WASM to play it.

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
