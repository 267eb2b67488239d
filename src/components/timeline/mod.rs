//! A stretch of the past with a playhead: bars over time, gaps in collection, events.
//!
//! Dragging moves the playhead and says so at each move; with Shift, or after the button *Choose a part*, it chooses a part
//! instead. Arrow keys move by a bar, Page Up and Down by ten, Home and End to the ends, with Shift they choose a part
//! that Enter goes to. The component keeps nothing: clock and range come from the page.

mod event_list;
mod marker;
mod playhead;

use leptos::prelude::*;

use self::event_list::EventList;
use self::marker::{Marker, MarkerLane};
use self::playhead::{Playhead, Reading};
use super::brush::{bars, bars_path, gaps, share};
use super::charts::time_axis::TimeAxis;
use super::metric_switch;
use crate::model::history::{Event, Metric, Series};
use crate::model::time_range::TimeRange;
use crate::model::time_words::{self, Now};

/// A gap this wide, as a part of the whole, has room for its name.
const NAMED_GAP: f64 = 0.15;
/// A gap is drawn no narrower than this.
const LEAST_GAP: f64 = 0.002;

/// The timeline.
#[component]
pub fn Timeline(
    /// What is drawn: the totals of the series; `None` while they are on their way.
    #[prop(into)]
    series: Signal<Option<Series>>,
    /// Which figure the bars have; distinct addresses cannot be drawn and show flows.
    #[prop(into)]
    metric: Signal<Metric>,
    /// The range that the whole width stands for.
    #[prop(into)]
    range: Signal<TimeRange>,
    /// The clock and the zone, for the labels.
    #[prop(into)]
    now: Signal<Now>,
    /// What happened in the range.
    #[prop(into)]
    events: Signal<Vec<Event>>,
    /// Events that had no room in the answer.
    #[prop(into)]
    left_out: Signal<u64>,
    /// Where the playhead is, milliseconds since 1970.
    #[prop(into)]
    clock_ms: Signal<i64>,
    /// Set by the timeline: true while the playhead is being dragged.
    is_held: RwSignal<bool>,
    /// Called with the moment that was chosen, while the playhead is dragged with each.
    on_seek: Callback<i64>,
    /// Called with the part that was chosen.
    on_zoom: Callback<TimeRange>,
    /// Called with a filter term of an event.
    on_term: Callback<String>,
) -> impl IntoView {
    let drawn = Signal::derive(move || match metric.get() {
        Metric::Addresses => Metric::Flows,
        other => other,
    });
    let bars = Memo::new(move |_| {
        series.with(|series| {
            series.as_ref().map(|series| bars(series, drawn.get(), range.get())).unwrap_or_default()
        })
    });
    let gaps = Memo::new(move |_| {
        series.with(|series| series.as_ref().map(|series| gaps(series, range.get())).unwrap_or_default())
    });
    let head = Playhead::new(bars, range, clock_ms, is_held, on_seek, on_zoom);
    let pointed = RwSignal::new(None::<Marker>);
    let readout = move || {
        let now = now.get();
        if let Some(marker) = pointed.get() {
            return marker.told(now);
        }
        let reading = Reading { gaps: gaps.get(), metric: drawn.get(), now };
        head.readout(&reading)
    };
    let ticks = Memo::new(move |_| axis(range.get(), now.get()).ticks());
    let is_waiting = move || series.with(Option::is_none);
    let at = move || share(clock_ms.get(), range.get());
    view! {
        <section class="timeline" aria-label="Timeline">
            <div class="timeline__head">
                <p class="timeline__readout">{readout}</p>
                <EventList events left_out now clock_ms on_seek on_term/>
                <button
                    type="button"
                    class="button"
                    title="The next drag chooses a part of the timeline, which then fills it; so does a drag with Shift"
                    aria-pressed=move || if head.is_choosing.get() { "true" } else { "false" }
                    on:click=move |_| head.is_choosing.update(|choosing| *choosing = !*choosing)
                >
                    "Choose a part"
                </button>
            </div>
            <MarkerLane events range pointed now clock_ms on_seek on_term/>
            <div
                class="timeline__stage"
                class:timeline__stage--waiting=is_waiting
                class:timeline__stage--choosing=move || head.is_choosing.get()
                data-plot
                role="slider"
                tabindex="0"
                aria-label=move || format!("Moment, on bars of {} over time", metric_switch::label(drawn.get()).to_lowercase())
                aria-valuemin=move || range.get().from_ms.to_string()
                aria-valuemax=move || range.get().to_ms.to_string()
                aria-valuenow=move || clock_ms.get().to_string()
                aria-valuetext=move || time_words::moment(clock_ms.get(), now.get())
                on:pointerdown=move |event| head.begin(&event)
                on:pointermove=move |event| head.follow(&event)
                on:pointerup=move |_| head.finish()
                on:pointercancel=move |_| head.forget()
                on:pointerleave=move |_| head.leave()
                on:blur=move |_| head.forget()
                on:keydown=move |event| head.press(&event)
            >
                <svg class="timeline__bars" viewBox="0 0 1000 100" preserveAspectRatio="none" aria-hidden="true">
                    <path class="brush__bar" d=move || bars.with(|bars| bars_path(bars))></path>
                </svg>
                <svg class="timeline__drawing" width="100%" height="100%" aria-hidden="true">
                    <defs>
                        <pattern id="timeline-hatch" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
                            <line class="timeline__hatch" x1="2" x2="2" y1="0" y2="8"></line>
                        </pattern>
                    </defs>
                    {move || gaps.get().into_iter().map(gap).collect_view()}
                    <rect class="timeline__passed" x="0%" y="0%" width=move || percent(at()) height="100%"></rect>
                    {move || head.chosen.get().map(|(begin, end, _)| view! {
                        <rect class="timeline__part" x=percent(begin) y="0%" width=percent(end - begin) height="100%"></rect>
                    })}
                    {move || head.pointed_share().map(percent).map(|x| view! {
                        <line class="timeline__pointer" x1=x.clone() x2=x y1="0%" y2="100%"></line>
                    })}
                    <line class="timeline__head-line" x1=move || percent(at()) x2=move || percent(at()) y1="0%" y2="100%"></line>
                    <circle class="timeline__head-knob" cx=move || percent(at()) cy="0" r="5"></circle>
                </svg>
            </div>
            <svg class="timeline__times" width="100%" height="16" aria-hidden="true">
                {move || ticks.get().into_iter().map(|tick| view! {
                    <text
                        class=if tick.is_minor { "timeline__time timeline__time--minor" } else { "timeline__time" }
                        x=percent(tick.share)
                        y="12"
                        text-anchor="middle"
                    >
                        {tick.text}
                    </text>
                }).collect_view()}
            </svg>
        </section>
    }
    .into_any()
}

/// The axis of the labels.
fn axis(range: TimeRange, now: Now) -> TimeAxis {
    TimeAxis {
        range,
        start_ms: range.from_ms,
        step_ms: range.length_ms().max(1),
        steps: 1,
        zone_ms: i64::from(now.offset_minutes) * 60_000,
    }
}

/// A stretch in which nothing was collected, with its name where there is room.
fn gap((begin, end): (f64, f64)) -> AnyView {
    let width = (end - begin).max(LEAST_GAP);
    let name = (width > NAMED_GAP).then(|| {
        view! {
            <text class="timeline__gap-name" x=percent(f64::midpoint(begin, end)) y="55%" text-anchor="middle">
                "nothing collected"
            </text>
        }
    });
    view! {
        <rect class="timeline__gap" x=percent(begin) y="0%" width=percent(width) height="100%" fill="url(#timeline-hatch)"></rect>
        {name}
    }
    .into_any()
}

fn percent(share: f64) -> String {
    format!("{:.3}%", share * 100.0)
}
