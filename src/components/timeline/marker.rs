//! Events above the bars: a sign for each, and one with a list for those that would overlap.

use leptos::ev;
use leptos::html::{Details, Div};
use leptos::leptos_dom::helpers::window_event_listener;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::web_sys::Node;

use super::event_list::EventRow;
use crate::components::brush::share;
use crate::components::disclosure::close_when_left;
use crate::model::history::{Event, EventKind};
use crate::model::time_range::TimeRange;
use crate::model::time_words::{self, Now};

/// From the middle of a sign to that of the next, at least, in heights of the lane: one with a count of three digits has room.
const APART: f64 = 1.6;
/// From the middle of a sign to either end of the lane, at least, in heights of the lane.
const EDGE: f64 = 0.5;
/// Names that a sign of several tells.
const MOST_NAMES: usize = 4;

/// A sign for one or several events.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Marker {
    /// Where it stands, 0 to 1 of the width.
    share: f64,
    /// The most striking kind of its events.
    kind: EventKind,
    /// From the first event's beginning to the last one's.
    range: TimeRange,
    /// What happened, in the order of time.
    events: Vec<Event>,
}

impl Marker {
    /// When, and what happened.
    pub(super) fn told(&self, now: Now) -> String {
        let when = if self.range.length_ms() > 1 {
            time_words::range(self.range, now)
        } else {
            time_words::moment(self.range.from_ms, now)
        };
        let more = self.events.len().saturating_sub(MOST_NAMES);
        let names: Vec<&str> = self.events.iter().take(MOST_NAMES).map(|event| event.text.as_str()).collect();
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        format!("{when}: {}{more}", names.join("; "))
    }
}

/// The signs of the events of a range, which are in the order of time, on a lane that is so many times as wide as it is
/// high.
fn markers(events: &[Event], range: TimeRange, width: f64) -> Vec<Marker> {
    let (apart, edge) = (APART / width, (EDGE / width).min(0.5));
    let mut markers: Vec<Marker> = Vec::new();
    let within = events.iter().filter(|event| event.range.intersection(range).is_some());
    for event in within {
        let at = share(event.range.from_ms, range).clamp(edge, 1.0 - edge);
        match markers.last_mut().filter(|last| at - last.share < apart) {
            Some(last) => {
                last.kind = last.kind.min(event.kind);
                last.range.to_ms = last.range.to_ms.max(event.range.to_ms);
                last.events.push(event.clone());
            }
            None => markers.push(Marker {
                share: at,
                kind: event.kind,
                range: TimeRange { from_ms: event.range.from_ms.max(range.from_ms), ..event.range },
                events: vec![event.clone()],
            }),
        }
    }
    markers
}

/// The class of a kind.
pub(super) const fn class_of(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Gap => "timeline__sign timeline__sign--gap",
        EventKind::Burst => "timeline__sign timeline__sign--burst",
        EventKind::NewCountry => "timeline__sign timeline__sign--country",
        EventKind::NewAs => "timeline__sign timeline__sign--as",
    }
}

/// The drawing of a kind, 16 by 16: shapes that differ without colours.
const fn drawing(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Gap => "M3 4h4v8H3zM9 4h4v8H9z",
        EventKind::Burst => "M8 2l6 12H2z",
        EventKind::NewCountry => "M8 2l6 6-6 6-6-6z",
        EventKind::NewAs => "M8 4a4 4 0 1 1 0 8 4 4 0 1 1 0-8z",
    }
}

/// The signs.
#[component]
pub(super) fn MarkerLane(
    /// What happened, in the order of time.
    events: Signal<Vec<Event>>,
    /// The range that the whole width stands for.
    range: Signal<TimeRange>,
    /// Set to the sign that is pointed at or has the focus.
    pointed: RwSignal<Option<Marker>>,
    /// Clock and zone.
    now: Signal<Now>,
    /// The moment that is shown.
    clock_ms: Signal<i64>,
    /// Called with the moment to go to.
    on_seek: Callback<i64>,
    /// Called with a term for the filter.
    on_term: Callback<String>,
) -> impl IntoView {
    let lane = NodeRef::<Div>::new();
    // Known in the browser only. The server's page may hold no styles of elements, and without scripts the signs lead nowhere.
    let width = RwSignal::new(None::<f64>);
    let measure = move || {
        if let Some(lane) = lane.get_untracked().filter(|lane| lane.client_height() > 0) {
            width.set(Some(f64::from(lane.client_width()) / f64::from(lane.client_height())));
        }
    };
    Effect::new(move |_| {
        events.track();
        measure();
        let listener = window_event_listener(ev::resize, move |_| measure());
        on_cleanup(move || listener.remove());
    });
    let markers = Memo::new(move |_| {
        let width = width.get()?;
        Some(events.with(|events| markers(events, range.get(), width)))
    });
    Effect::new(move |_| {
        markers.track();
        pointed.set(None);
    });
    let sign = move |marker: Marker| {
        if marker.events.len() > 1 {
            view! { <Group marker pointed now clock_ms on_seek on_term/> }.into_any()
        } else {
            view! { <Single marker pointed now on_seek/> }.into_any()
        }
    };
    view! {
        <div class="timeline__signs" role="group" aria-label="Events" node_ref=lane>
            {move || markers.get().map(|markers| markers.into_iter().map(sign).collect_view())}
        </div>
    }
}

/// The sign of one event; clicked, it is where the playhead goes.
#[component]
fn Single(
    marker: Marker,
    pointed: RwSignal<Option<Marker>>,
    now: Signal<Now>,
    on_seek: Callback<i64>,
) -> impl IntoView {
    let marker = StoredValue::new(marker);
    let (kind, share, moment) = marker.with_value(|marker| (marker.kind, marker.share, marker.range.from_ms));
    let point = move || pointed.set(Some(marker.get_value()));
    view! {
        <button
            type="button"
            class=format!("timeline__marker {}", class_of(kind))
            style:left=place(share)
            aria-label=move || marker.with_value(|marker| format!("Go to {}", marker.told(now.get())))
            on:pointerenter=move |_| point()
            on:pointerleave=move |_| pointed.set(None)
            on:focus=move |_| point()
            on:blur=move |_| pointed.set(None)
            on:click=move |_| on_seek.run(moment)
        >
            {icon(kind)}
        </button>
    }
}

/// The sign of several events, with their number. Their list opens for a pointer that is on it, and for a click or a key, which
/// go to the first of them, until it is left.
#[component]
fn Group(
    marker: Marker,
    pointed: RwSignal<Option<Marker>>,
    now: Signal<Now>,
    clock_ms: Signal<i64>,
    on_seek: Callback<i64>,
    on_term: Callback<String>,
) -> impl IntoView {
    let details = NodeRef::<Details>::new();
    close_when_left(details);
    let marker = StoredValue::new(marker);
    let (kind, share, moment) = marker.with_value(|marker| (marker.kind, marker.share, marker.range.from_ms));
    let events = marker.with_value(|marker| marker.events.clone());
    let count = events.len();
    let point = move || pointed.set(Some(marker.get_value()));
    // Open only as long as the pointer is there.
    let is_passing = StoredValue::new(false);
    let open = move |is_open: bool| {
        if let Some(details) = details.get_untracked() {
            details.set_open(is_open);
        }
    };
    let is_open = move || details.get_untracked().is_some_and(|details| details.open());
    let enter = move |event: ev::PointerEvent| {
        point();
        // A finger does not pass: it presses.
        if event.pointer_type() != "touch" && !is_open() {
            is_passing.set_value(true);
            open(true);
        }
    };
    let leave = move |_: ev::PointerEvent| {
        pointed.set(None);
        if is_passing.get_value() {
            is_passing.set_value(false);
            open(false);
        }
    };
    let press = move |event: ev::MouseEvent| {
        event.prevent_default();
        let stays_open = is_open() && !is_passing.get_value();
        is_passing.set_value(false);
        open(!stays_open);
        if !stays_open {
            on_seek.run(moment);
        }
    };
    let focus_out = move |event: ev::FocusEvent| {
        let to = event.related_target().and_then(|target| target.dyn_into::<Node>().ok());
        if to.is_some() && details.get_untracked().is_some_and(|details| !details.contains(to.as_ref())) {
            open(false);
        }
    };
    let rows = events.into_iter().map(|event| view! { <EventRow event now clock_ms on_seek on_term/> });
    view! {
        <details
            class="timeline__group"
            node_ref=details
            on:pointerenter=enter
            on:pointerleave=leave
            on:focusout=focus_out
        >
            <summary
                class=format!("timeline__marker {}", class_of(kind))
                style:left=place(share)
                aria-label=move || marker.with_value(|marker| format!("{count} events, {}", marker.told(now.get())))
                on:focus=move |_| point()
                on:blur=move |_| pointed.set(None)
                on:click=press
            >
                {icon(kind)}
                <span class="timeline__count">{count}</span>
            </summary>
            <div class="timeline__panel timeline__panel--group" style:left=panel_place(share)>
                <ul class="timeline__event-list">{rows.collect_view()}</ul>
            </div>
        </details>
    }
}

/// The drawing of a kind as an element.
pub(super) fn icon(kind: EventKind) -> AnyView {
    view! {
        <svg viewBox="0 0 16 16" width="12" height="12" aria-hidden="true">
            <path fill="currentColor" d=drawing(kind)></path>
        </svg>
    }
    .into_any()
}

fn place(share: f64) -> String {
    format!("{:.3}%", share * 100.0)
}

/// The left edge of a list that is 26 rem wide, or as wide as the lane: around its sign, within the lane.
fn panel_place(share: f64) -> String {
    format!("clamp(0px, {} - 13rem, 100% - min(26rem, 100%))", place(share))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::traffic::Traffic;

    const RANGE: TimeRange = TimeRange { from_ms: 0, to_ms: 1_000 };

    fn event(kind: EventKind, from_ms: i64, text: &str) -> Event {
        Event {
            kind,
            range: TimeRange { from_ms, to_ms: from_ms + 10 },
            key: None,
            text: text.to_owned(),
            filter: String::new(),
            traffic: Traffic::NONE,
        }
    }

    #[test]
    fn events_whose_signs_would_overlap_share_one_that_has_them_all() {
        let events = [
            event(EventKind::NewAs, 100, "one"),
            event(EventKind::Burst, 105, "two"),
            event(EventKind::NewCountry, 500, "three"),
            event(EventKind::Gap, 2_000, "elsewhere"),
        ];
        let shown = |width| {
            let markers = markers(&events, RANGE, width);
            let told = markers.iter().map(|marker| {
                let texts: Vec<&str> = marker.events.iter().map(|event| event.text.as_str()).collect();
                (marker.kind, texts.join(" "))
            });
            told.collect::<Vec<_>>()
        };
        let apart = [(EventKind::Burst, "one two".to_owned()), (EventKind::NewCountry, "three".to_owned())];
        assert_eq!(shown(45.0), apart);
        assert_eq!(shown(3.0), [(EventKind::Burst, "one two three".to_owned())]);
        assert_eq!(shown(1_000.0).len(), 3, "a lane that is wide enough has a sign for each");
    }

    #[test]
    fn hundreds_of_signs_never_overlap_each_other_nor_leave_the_lane_and_lose_no_event() {
        let kinds = EventKind::ALL.into_iter().cycle();
        let events: Vec<Event> =
            kinds.zip(0..300).map(|(kind, number)| event(kind, number * number / 90, "")).collect();
        for width in [0.5, 10.0, 15.0, 45.0, 200.0] {
            let markers = markers(&events, RANGE, width);
            let is_apart = |pair: &[Marker]| (pair[1].share - pair[0].share) * width >= APART - 1e-9;
            assert!(markers.windows(2).all(is_apart), "{width}");
            let edge = (EDGE / width).min(0.5);
            assert!(markers.iter().all(|marker| (edge..=1.0 - edge).contains(&marker.share)), "{width}");
            assert_eq!(markers.iter().map(|marker| marker.events.len()).sum::<usize>(), events.len());
        }
    }
}
