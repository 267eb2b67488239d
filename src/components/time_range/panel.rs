//! The opened picker: presets, a field for words, fields for date and time.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;

use crate::components::metric_switch::HiddenFields;
use crate::model::time_range::TimeRange;
use crate::model::time_words::{self, MAX_CHARACTERS, Now, TimeWords};

/// The ranges that are one click away.
const PRESETS: [(&str, &str, &str); 12] = [
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

/// The choices.
#[component]
pub(super) fn Panel(
    words: Signal<TimeWords>,
    range: Signal<TimeRange>,
    now: Signal<Now>,
    extent: Signal<Option<TimeRange>>,
    others: Signal<Vec<(String, String)>>,
    on_choose: Callback<TimeWords>,
) -> impl IntoView {
    let presets = PRESETS.map(|(name, from, to)| {
        let preset = TimeWords::new(from, to);
        let value = preset.text();
        let is_chosen = words;
        let chosen = preset.clone();
        view! {
            <button
                type="submit"
                name="from"
                value=value
                class="time-range__preset"
                aria-pressed=move || if is_chosen.with(|words| *words == chosen) { "true" } else { "false" }
                on:click=move |event| {
                    event.prevent_default();
                    on_choose.run(preset.clone());
                }
            >
                {name}
            </button>
            " "
        }
    });
    let kept = move || {
        extent.get().map(|extent| {
            let (now, range) = (now.get(), range.get());
            let begin = time_words::moment(extent.from_ms, now);
            let is_older = range.from_ms < extent.from_ms;
            format!(
                "Flows are kept from {begin} on{}",
                if is_older { ": this range begins before." } else { "." }
            )
        })
    };
    view! {
        <div class="time-range__panel">
            <form class="time-range__presets" method="get" aria-label="Usual ranges">
                <HiddenFields others/>
                {presets.into_iter().collect_view()}
            </form>
            <div class="time-range__forms">
                <InWords now others on_choose/>
                <ByFields range now others on_choose/>
                <p class="time-range__hint">
                    {move || format!("Times are in {}", time_words::zone(now.get()))}
                    {move || if now.get().offset_minutes == 0 { ". " } else { ", as this browser's are now. " }}
                    {kept}
                </p>
            </div>
        </div>
    }
    .into_any()
}

/// A field for a range in words, with what is understood below it.
#[component]
fn InWords(
    now: Signal<Now>,
    others: Signal<Vec<(String, String)>>,
    on_choose: Callback<TimeWords>,
) -> impl IntoView {
    let draft = RwSignal::new(String::new());
    let understood = Memo::new(move |_| {
        draft.with(|draft| (!draft.trim().is_empty()).then(|| TimeWords::parse(draft, now.get())))
    });
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if let Some(Ok(words)) = understood.get_untracked() {
            draft.set(String::new());
            on_choose.run(words);
        }
    };
    let is_fault = move || understood.with(|understood| matches!(understood, Some(Err(_))));
    view! {
        <form class="time-range__form" method="get" on:submit=submit>
            <HiddenFields others/>
            <label class="field time-range__words">
                <span>"In words"</span>
                <input
                    name="from"
                    type="text"
                    placeholder="last 90 minutes"
                    autocomplete="off"
                    autocapitalize="off"
                    spellcheck="false"
                    maxlength=MAX_CHARACTERS
                    aria-invalid=move || is_fault().then_some("true")
                    aria-describedby="time-range-understood"
                    prop:value=move || draft.get()
                    on:input=move |event| draft.set(event_target_value(&event))
                />
            </label>
            <button type="submit" class="button">"Go"</button>
            <p
                id="time-range-understood"
                class="time-range__understood"
                class:time-range__understood--fault=is_fault
                role="status"
            >
                {move || match understood.get() {
                    None => "Such as since Monday, last week, 20 Nov 14:00 – 16:00, October".to_owned(),
                    Some(Err(message)) => message,
                    Some(Ok(words)) => said(&words, now.get()),
                }}
            </p>
        </form>
    }
}

/// The range of words in figures.
fn said(words: &TimeWords, now: Now) -> String {
    words.resolve(now).map_or_else(
        |message| message,
        |range| {
            let length = time_words::length(range.length_ms());
            format!("{} {}: {length}", time_words::range(range, now), time_words::zone(now))
        },
    )
}

/// Fields for date and time of both ends.
#[component]
fn ByFields(
    range: Signal<TimeRange>,
    now: Signal<Now>,
    others: Signal<Vec<(String, String)>>,
    on_choose: Callback<TimeWords>,
) -> impl IntoView {
    let shown = Memo::new(move |_| {
        let (range, now) = (range.get(), now.get());
        (time_words::field_value(range.from_ms, now), time_words::field_value(range.to_ms, now))
    });
    let (from, to) = (RwSignal::new(shown.get_untracked().0), RwSignal::new(shown.get_untracked().1));
    let fault = RwSignal::new(None::<String>);
    Effect::new(move |earlier: Option<()>| {
        let (begin, end) = shown.get();
        if earlier.is_some() {
            from.set(begin);
            to.set(end);
            fault.set(None);
        }
    });
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let read = (from.get_untracked(), to.get_untracked());
        match TimeWords::read(Some(&read.0), Some(&read.1), now.get_untracked()) {
            Ok(Some(words)) if !read.0.is_empty() && !read.1.is_empty() => {
                fault.set(None);
                on_choose.run(words);
            }
            Ok(_) => fault.set(Some("Fill in both: date and time.".to_owned())),
            Err(message) => fault.set(Some(message)),
        }
    };
    view! {
        <form class="time-range__form" method="get" on:submit=submit>
            <HiddenFields others/>
            <label class="field">
                <span>"From"</span>
                <input
                    name="from"
                    type="datetime-local"
                    required
                    value=from.get_untracked()
                    prop:value=move || from.get()
                    on:input=move |event| from.set(event_target_value(&event))
                />
            </label>
            <label class="field">
                <span>"To"</span>
                <input
                    name="to"
                    type="datetime-local"
                    required
                    value=to.get_untracked()
                    prop:value=move || to.get()
                    on:input=move |event| to.set(event_target_value(&event))
                />
            </label>
            <button type="submit" class="button">"Go"</button>
            <p class="time-range__understood time-range__understood--fault" role="alert">{move || fault.get()}</p>
        </form>
    }
}
