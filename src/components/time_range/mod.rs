//! The range of time of a page: presets, words, calendar, steps.
//!
//! Every part is a form or a link of its own, so that it works without WASM: then the page is loaded with the range in its
//! address.

mod chosen;
mod clock;

use leptos::prelude::*;

pub use self::chosen::ChosenTime;
pub use self::clock::Clock;
use crate::model::time_range::TimeRange;
use crate::model::time_words::{self, Now, TimeWords};

/// The ranges that are one click away.
pub const PRESETS: [(&str, &str, &str); 12] = [
    ("Last 15 minutes", "-15m", "now"),
    ("Last hour", "-1h", "now"),
    ("Last 6 hours", "-6h", "now"),
    ("Last 24 hours", "-24h", "now"),
    ("Last 7 days", "-7d", "now"),
    ("Last 30 days", "-30d", "now"),
    ("Today", "today", "now"),
    ("Yesterday", "yesterday", "yesterday"),
    ("This week", "this week", "now"),
    ("Last week", "last week", "last week"),
    ("This month", "this month", "now"),
    ("Last month", "last month", "last month"),
];

/// The picker: what is chosen, and everything to choose another range.
#[component]
pub fn TimeRangePicker(
    /// The chosen range in words.
    #[prop(into)]
    words: Signal<TimeWords>,
    /// What they mean now.
    #[prop(into)]
    range: Signal<TimeRange>,
    /// The clock and the zone that they are read with.
    #[prop(into)]
    now: Signal<Now>,
    /// From the oldest to the newest that is kept; `None` when nothing is known of it.
    #[prop(into)]
    extent: Signal<Option<TimeRange>>,
    /// Why the words of the address are not understood.
    #[prop(into)]
    fault: Signal<Option<String>>,
    /// The other parameters of the address, which the forms keep.
    #[prop(into)]
    others: Signal<Vec<(String, String)>>,
    /// Called with the range that was chosen.
    on_choose: Callback<TimeWords>,
) -> impl IntoView {
    let _ = (extent, fault, others);
    view! {
        <div class="time-range">
            <p>{move || words.get().label(now.get())} " " {move || time_words::range(range.get(), now.get())}</p>
            {PRESETS.map(|(name, from, to)| view! {
                <button type="button" class="button" on:click=move |_| on_choose.run(TimeWords::new(from, to))>{name}</button>
            }).collect_view()}
        </div>
    }
    .into_any()
}
