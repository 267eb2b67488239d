//! Events above the bars: a sign for each, one for several that stand too close.

use leptos::prelude::*;

use crate::components::brush::share;
use crate::model::history::{Event, EventKind};
use crate::model::time_range::TimeRange;
use crate::model::time_words::{self, Now};

/// Events closer than this, as a part of the width, share a sign.
const APART: f64 = 0.012;
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
    /// What happened, each.
    texts: Vec<String>,
}

impl Marker {
    /// When, and what happened.
    pub(super) fn told(&self, now: Now) -> String {
        let when = if self.range.length_ms() > 1 {
            time_words::range(self.range, now)
        } else {
            time_words::moment(self.range.from_ms, now)
        };
        let more = self.texts.len().saturating_sub(MOST_NAMES);
        let what = self.texts.iter().take(MOST_NAMES).cloned().collect::<Vec<_>>().join("; ");
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        format!("{when}: {what}{more}")
    }
}

/// The signs of the events of a range, which are in the order of time.
pub(super) fn markers(events: &[Event], range: TimeRange) -> Vec<Marker> {
    let mut markers: Vec<Marker> = Vec::new();
    let within = events.iter().filter(|event| event.range.intersection(range).is_some());
    for event in within {
        let at = share(event.range.from_ms, range);
        match markers.last_mut().filter(|last| at - last.share < APART) {
            Some(last) => {
                last.kind = last.kind.min(event.kind);
                last.range.to_ms = last.range.to_ms.max(event.range.to_ms);
                last.texts.push(event.text.clone());
            }
            None => markers.push(Marker {
                share: at,
                kind: event.kind,
                range: TimeRange { from_ms: event.range.from_ms.max(range.from_ms), ..event.range },
                texts: vec![event.text.clone()],
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
pub(super) const fn drawing(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Gap => "M3 4h4v8H3zM9 4h4v8H9z",
        EventKind::Burst => "M8 2l6 12H2z",
        EventKind::NewCountry => "M8 2l6 6-6 6-6-6z",
        EventKind::NewAs => "M8 4a4 4 0 1 1 0 8 4 4 0 1 1 0-8z",
    }
}

/// The signs; one that is clicked is where the playhead goes.
#[component]
pub(super) fn MarkerLane(
    /// What there is.
    markers: Memo<Vec<Marker>>,
    /// Set to the sign that is pointed at or has the focus.
    pointed: RwSignal<Option<Marker>>,
    /// Clock and zone.
    now: Signal<Now>,
    /// Called with the moment to go to.
    on_seek: Callback<i64>,
) -> impl IntoView {
    Effect::new(move |_| {
        markers.track();
        pointed.set(None);
    });
    let sign = move |marker: Marker| {
        let moment = marker.range.from_ms;
        let (hovered, focused) = (marker.clone(), marker.clone());
        let label = {
            let marker = marker.clone();
            move || format!("Go to {}", marker.told(now.get()))
        };
        let count = marker.texts.len();
        view! {
            <button
                type="button"
                class=class_of(marker.kind)
                style:left=format!("{:.3}%", marker.share * 100.0)
                aria-label=label
                on:pointerenter=move |_| pointed.set(Some(hovered.clone()))
                on:pointerleave=move |_| pointed.set(None)
                on:focus=move |_| pointed.set(Some(focused.clone()))
                on:blur=move |_| pointed.set(None)
                on:click=move |_| on_seek.run(moment)
            >
                <svg viewBox="0 0 16 16" width="12" height="12" aria-hidden="true">
                    <path fill="currentColor" d=drawing(marker.kind)></path>
                </svg>
                {(count > 1).then(|| view! { <span class="timeline__count">{count}</span> })}
            </button>
        }
    };
    // The server's page may hold no styles of elements, and without scripts the signs lead nowhere.
    let is_alive = RwSignal::new(false);
    Effect::new(move |_| is_alive.set(true));
    view! {
        <div class="timeline__signs" role="group" aria-label="Events">
            {move || is_alive.get().then(|| markers.get().into_iter().map(sign).collect_view())}
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::traffic::Traffic;

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
    fn events_that_stand_too_close_share_a_sign_that_tells_them_all() {
        let events = [
            event(EventKind::NewAs, 100, "one"),
            event(EventKind::Burst, 105, "two"),
            event(EventKind::NewCountry, 500, "three"),
            event(EventKind::Gap, 2_000, "elsewhere"),
        ];
        let markers = markers(&events, TimeRange { from_ms: 0, to_ms: 1_000 });
        let shown: Vec<_> = markers.iter().map(|marker| (marker.kind, marker.texts.join(" "))).collect();
        assert_eq!(
            shown,
            [(EventKind::Burst, "one two".to_owned()), (EventKind::NewCountry, "three".to_owned())]
        );
    }
}
