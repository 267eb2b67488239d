//! The events as a list: the accessible form of the signs.

use leptos::html::Details;
use leptos::prelude::*;

use super::marker::{class_of, icon};
use crate::components::disclosure::close_when_left;
use crate::model::history::Event;
use crate::model::quantity;
use crate::model::time_words::{self, Now};

/// An event: when, what it is, and ways to it.
#[component]
pub(super) fn EventRow(
    /// It.
    event: Event,
    /// Clock and zone.
    now: Signal<Now>,
    /// The moment that is shown.
    clock_ms: Signal<i64>,
    /// Called with the moment to go to.
    on_seek: Callback<i64>,
    /// Called with a term for the filter.
    on_term: Callback<String>,
) -> impl IntoView {
    let (when, moment) = (event.range, event.range.from_ms);
    let is_passed = move || clock_ms.get() >= moment;
    let term = event.filter.clone();
    view! {
        <li class="timeline__event" class:timeline__event--passed=is_passed>
            <button type="button" class="timeline__event-go" title="Go there" on:click=move |_| on_seek.run(moment)>
                <span class=class_of(event.kind) aria-hidden="true">{icon(event.kind)}</span>
                <span class="timeline__event-when">{move || time_words::range(when, now.get())} " "</span>
                <span class="timeline__event-kind">{event.kind.label()} " "</span>
                <span>{event.text} " "</span>
            </button>
            " "
            {(!term.is_empty()).then(|| view! {
                <button
                    type="button"
                    class="timeline__event-only"
                    title=format!("Only: {term}")
                    on:click=move |_| on_term.run(term.clone())
                >
                    "Only this"
                </button>
            })}
        </li>
    }
}

/// The list, folded away.
#[component]
pub(super) fn EventList(
    /// What happened, in the order of time.
    events: Signal<Vec<Event>>,
    /// Events that had no room in the answer.
    left_out: Signal<u64>,
    /// Clock and zone.
    now: Signal<Now>,
    /// The moment that is shown.
    clock_ms: Signal<i64>,
    /// Called with the moment to go to.
    on_seek: Callback<i64>,
    /// Called with a term for the filter.
    on_term: Callback<String>,
) -> impl IntoView {
    let details = NodeRef::<Details>::new();
    close_when_left(details);
    let count = Memo::new(move |_| events.with(Vec::len));
    let title = move || match (count.get(), left_out.get()) {
        (0, _) => "No events".to_owned(),
        (count, 0) => quantity::counted(count as u64, "event"),
        (count, left) => format!("{count} events, {} more left out", quantity::count(left)),
    };
    let row = move |event: Event| view! { <EventRow event now clock_ms on_seek on_term/> };
    view! {
        <details class="timeline__events" node_ref=details>
            <summary class="button">{title}</summary>
            <div class="timeline__panel">
                <p class="timeline__rule">
                    "A burst has at least three times the flows, or the bytes, of the time around it. New is a country or an AS that "
                    "the whole history had not seen before; in its first hour nothing counts as new."
                </p>
                <ul class="timeline__event-list">{move || events.get().into_iter().map(row).collect_view()}</ul>
            </div>
        </details>
    }
}
