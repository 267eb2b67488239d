//! The range of time of a page: presets, words, fields, steps.
//!
//! Every part is a form of its own whose `from` holds a whole range, so that it works without WASM: then the page is
//! loaded with the range in its address.

mod chosen;
mod clock;
mod panel;

use leptos::html::Details;
use leptos::prelude::*;

pub use self::chosen::ChosenTime;
pub use self::clock::Clock;
use self::panel::Panel;
use super::disclosure::{close, close_when_left};
use super::metric_switch::HiddenFields;
use crate::model::time_range::TimeRange;
use crate::model::time_words::{self, Now, TimeWords};

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
    let details = NodeRef::<Details>::new();
    close_when_left(details);
    let on_panel = Callback::new(move |words| {
        if let Some(details) = details.get_untracked() {
            close(&details);
        }
        on_choose.run(words);
    });
    let length = Memo::new(move |_| time_words::length(range.get().length_ms()));
    let earlier = Memo::new(move |_| Some(words.get().earlier(now.get())));
    let later = Memo::new(move |_| words.get().later(now.get()));
    let wider = Memo::new(move |_| Some(words.get().zoomed_out(now.get())));
    let is_live = Memo::new(move |_| words.with(TimeWords::is_live));
    let toggled = Memo::new(move |_| {
        let (words, now) = (words.get(), now.get());
        Some(if is_live.get() { words.fixed(now) } else { words.until_now(now) })
    });
    let shown = Memo::new(move |_| time_words::range(range.get(), now.get()));
    let label = Memo::new(move |_| words.get().label(now.get()));
    view! {
        <div class="time-range" role="group" aria-label="Range of time">
            <div class="time-range__bar">
                <Step
                    to=earlier
                    others
                    on_choose
                    label=Signal::derive(move || format!("Earlier by {}", length.get()))
                    path="M14 5l-7 7 7 7"
                />
                <details class="time-range__choice" node_ref=details>
                    <summary class="time-range__summary">
                        <svg viewBox="0 0 24 24" width="16" height="16" aria-hidden="true">
                            <g fill="none" stroke="currentColor" stroke-width="1.75">
                                <circle cx="12" cy="12" r="9"></circle>
                                <path d="M12 7v5l3.5 2"></path>
                            </g>
                        </svg>
                        <span class="visually-hidden">"Choose the range of time, now "</span>
                        <span class="time-range__label">{move || label.get()}</span>
                    </summary>
                    <Panel words range now extent others on_choose=on_panel/>
                </details>
                <Step
                    to=later
                    others
                    on_choose
                    label=Signal::derive(move || format!("Later by {}", length.get()))
                    path="M10 5l7 7-7 7"
                />
                <Step
                    to=wider
                    others
                    on_choose
                    label=Signal::derive(|| "Zoom out: twice as long".to_owned())
                    path="M4 10h12M20 20l-4.6-4.6M10 10m-7 0a7 7 0 1 0 14 0a7 7 0 1 0-14 0"
                />
                <form class="time-range__step" method="get">
                    <HiddenFields others/>
                    <button
                        type="submit"
                        name="from"
                        value=move || text_of(toggled)
                        class="time-range__live"
                        aria-pressed=move || if is_live.get() { "true" } else { "false" }
                        title="Ends now, and goes on with the clock"
                        on:click=move |event| {
                            event.prevent_default();
                            if let Some(words) = toggled.get_untracked() {
                                on_choose.run(words);
                            }
                        }
                    >
                        <span class="time-range__dot" aria-hidden="true"></span>
                        "Live"
                    </button>
                </form>
            </div>
            <p class="time-range__shown" title=move || exactly(range.get(), now.get())>
                {move || shown.get()} " "
                <span class="time-range__zone">{move || time_words::zone(now.get())}</span>
            </p>
            <p class="time-range__fault" role="alert">{move || fault.get()}</p>
        </div>
    }
    .into_any()
}

/// A button that leads to another range, where there is one.
#[component]
fn Step(
    to: Memo<Option<TimeWords>>,
    others: Signal<Vec<(String, String)>>,
    on_choose: Callback<TimeWords>,
    label: Signal<String>,
    path: &'static str,
) -> impl IntoView {
    view! {
        <form class="time-range__step" method="get">
            <HiddenFields others/>
            <button
                type="submit"
                name="from"
                value=move || text_of(to)
                class="time-range__button"
                aria-label=move || label.get()
                title=move || label.get()
                disabled=move || to.with(Option::is_none)
                on:click=move |event| {
                    event.prevent_default();
                    if let Some(words) = to.get_untracked() {
                        on_choose.run(words);
                    }
                }
            >
                <svg viewBox="0 0 24 24" width="16" height="16" aria-hidden="true">
                    <path d=path fill="none" stroke="currentColor" stroke-width="2"></path>
                </svg>
            </button>
        </form>
    }
}

fn text_of(words: Memo<Option<TimeWords>>) -> String {
    words.with(|words| words.as_ref().map(TimeWords::text).unwrap_or_default())
}

fn exactly(range: TimeRange, now: Now) -> String {
    let (from, to) = (time_words::moment(range.from_ms, now), time_words::moment(range.to_ms, now));
    format!("{from} – {to} {}: {}", time_words::zone(now), time_words::length(range.length_ms()))
}
