//! `/explore`: any question about the past, as chart, table and flow records.
//!
//! Everything that is chosen is in the address, and everything that chooses is a link or a form: the page works without
//! WASM, prints, and a link shows the same. With WASM the former answer stays until the new one is there.

mod asking;
mod cell;
mod exports;
mod flow_list;
mod question;
mod results;
mod rows;
mod series_table;
mod top_table;
mod view;

use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_query_map;

use self::asking::{Asked, Asking};
use self::cell::refined;
use self::question::{Answer, Question, first_answer};
use self::results::{Choices, Results};
use self::view::{Chart, View, Ways};
use crate::api::error::ApiError;
use crate::api::history::fetch_history_status;
use crate::browser::page;
use crate::browser::url_state::UrlState;
use crate::components::charts::crosshair::Crosshair;
use crate::components::dimension_picker::DimensionPicker;
use crate::components::filter_bar::{FilterBar, FilterFault};
use crate::components::metric_switch::MetricSwitch;
use crate::components::progress_line::ProgressLine;
use crate::components::time_range::{ChosenTime, TimeRangePicker};
use crate::model::history::{Dimension, Metric};
use crate::model::time_range::TimeRange;
use crate::model::time_words::TimeWords;
use crate::pages::host_names::HostNames;

/// What the page shows before anything is chosen.
const FIRST: (&str, &str) = ("-6h", "now");

/// Everything that the address says.
#[derive(Clone, Copy)]
struct Controls {
    url: UrlState,
    time: ChosenTime,
    view: Memo<View>,
    filter: Memo<Result<String, FilterFault>>,
    asked: Memo<Option<Asked>>,
}

impl Controls {
    fn new() -> Self {
        let url = UrlState::here();
        let query = use_query_map();
        let time = ChosenTime::new(url, TimeWords::new(FIRST.0, FIRST.1));
        let view = Memo::new(move |_| query.with(View::read));
        let filter = Memo::new(move |_| FilterFault::check(&url.read("filter").unwrap_or_default()));
        let asked = Memo::new(move |_| {
            let filter = filter.get().ok()?;
            let (view, range) = (view.get(), time.range.get());
            let question = Question::of(&view, range, &filter);
            Some(Asked { question, view, words: time.words.get(), range, now: time.clock.now(), filter })
        });
        Self { url, time, view, filter, asked }
    }
}

/// The page.
#[component]
pub fn ExplorePage() -> impl IntoView {
    let controls = Controls::new();
    let asked = controls.asked.get_untracked();
    let question = asked.as_ref().map(|asked| asked.question.clone());
    let first = Resource::new_blocking(|| (), move |()| first_answer(question.clone()));
    view! {
        <Title text="Explore · Meridian"/>
        <Meta name="description" content="Any question about past traffic: charts, tables and flow records"/>
        <main id="content" class="page page--wide explore">
            <h1 class="visually-hidden">"Explore past traffic"</h1>
            <Suspense>
                {move || {
                    let asked = asked.clone();
                    Suspend::new(async move {
                        let answer = first.await;
                        view! { <Explorer controls asked answer/> }
                    })
                }}
            </Suspense>
        </main>
    }
    .into_any()
}

/// Controls and answer, once it is known what the server rendered.
#[component]
fn Explorer(
    controls: Controls,
    asked: Option<Asked>,
    answer: Option<Result<Answer, ApiError>>,
) -> impl IntoView {
    let Controls { url, time, view, filter, .. } = controls;
    let asking = Asking::new(asked, answer);
    asking.follow(controls.asked);
    let typed_fault = RwSignal::new(None);
    let shown_filter = Memo::new(move |_| filter.get().unwrap_or_default());
    Effect::new(move |_| {
        filter.track();
        typed_fault.set(None);
    });
    let fault = Signal::derive(move || typed_fault.get().or_else(|| filter.get().err()));
    let on_filter = Callback::new(move |text: String| match FilterFault::check(&text) {
        Ok(filter) => {
            typed_fault.set(None);
            url.push(&[("filter", &filter), ("after", "")]);
        }
        Err(wrong) => typed_fault.set(Some(wrong)),
    });
    let on_term = Callback::new(move |(term, is_left_out): (String, bool)| {
        on_filter.run(refined(&shown_filter.get_untracked(), &term, is_left_out));
    });
    let zooms = RwSignal::new(0_u32);
    let on_zoom = Callback::new(move |range: TimeRange| {
        // Whole seconds make an address that can be read.
        let from_ms = range.from_ms.div_euclid(1_000) * 1_000;
        let to_ms = range.to_ms.saturating_add(999).div_euclid(1_000) * 1_000;
        if let Some(range) = TimeRange::new(from_ms, to_ms) {
            let words = TimeWords::of(range);
            zooms.update(|zooms| *zooms += 1);
            url.push(&[("from", &words.from), ("to", &words.to), ("after", "")]);
        }
    });
    let on_back = Callback::new(move |()| {
        if zooms.get_untracked() > 0 {
            zooms.update(|zooms| *zooms -= 1);
            page::back();
        }
    });
    let names = HostNames::none();
    names.follow(move || {
        asking.shown.with(|shown| match shown {
            Some((asked, answer)) => answer.addresses(&asked.view.by),
            None => Vec::new(),
        })
    });
    let choices = Choices {
        names,
        crosshair: Crosshair::new(on_zoom, on_back),
        highlighted: RwSignal::new(None),
        on_term,
        url,
    };
    view! {
        <div class="explore__controls">
            <div class="explore__bar">
                <FilterBar filter=shown_filter fault others=url.others(&["filter", "after"]) on_filter/>
                <Range controls/>
            </div>
            <div class="explore__choices">
                // Flow records are neither grouped nor measured.
                <Show when=move || view.with(|view| view.chart != Chart::Flows)>
                    <DimensionPicker
                        chosen=Signal::derive(move || view.with(|view| view.by.clone()))
                        url=Callback::new(move |by: Vec<Dimension>| url.url(&[("by", &View::by_text(&by))]))
                    />
                    <MetricSwitch
                        metric=Signal::derive(move || view.with(|view| view.metric))
                        others=url.others(&["metric"])
                        on_metric=Callback::new(move |metric: Metric| url.push(&[("metric", metric.name())]))
                    />
                </Show>
                <Options view url/>
            </div>
            <div class="explore__charts">
                <nav class="choice-bar" aria-label="How the answer is shown">
                    {Chart::ALL.map(|chart| option_link(
                        chart.label(),
                        move || view.with(|view| view.chart == chart),
                        move || url.url(&[("chart", chart.name()), ("after", "")]),
                    )).into_iter().collect_view()}
                </nav>
                <Show when=move || zooms.get().gt(&0)>
                    <button type="button" class="button" on:click=move |_| on_back.run(())>"Zoom back out"</button>
                </Show>
            </div>
            {move || view.with(|view| view.faults.iter().map(|fault| {
                view! { <p class="explore__fault" role="alert">{fault.clone()}</p> }
            }).collect_view())}
        </div>
        <Waiting asking has_filter=Signal::derive(move || filter.with(Result::is_ok)) time/>
        <Results asking choices/>
    }
    .into_any()
}

/// The range of time.
#[component]
fn Range(controls: Controls) -> impl IntoView {
    let Controls { url, time, .. } = controls;
    let extent = RwSignal::new(None);
    Effect::new(move |_| {
        leptos::task::spawn_local(async move {
            // Without it the picker does not say how far back it goes, and nothing else is missing.
            if let Ok(status) = fetch_history_status().await {
                let ranges = || status.tiers.iter().filter_map(|tier| tier.range);
                let from = ranges().map(|range| range.from_ms).min();
                let to = ranges().map(|range| range.to_ms).max();
                extent.try_set(from.zip(to).and_then(|(from, to)| TimeRange::new(from, to)));
            }
        });
    });
    view! {
        <TimeRangePicker
            words=time.words
            range=time.range
            now=Signal::derive(move || time.clock.now())
            extent
            fault=time.fault
            others=url.others(&["from", "to", "after"])
            on_choose=time.choose()
        />
    }
}

/// The choices that fit on a line: number of rows, sides, unit, period before.
#[component]
fn Options(view: Memo<View>, url: UrlState) -> impl IntoView {
    let rows = move || {
        let link = |rows: u32| {
            option_link(
                rows,
                move || view.with(|view| view.rows == rows),
                move || url.url(&[("rows", &rows.to_string())]),
            )
        };
        View::ROWS.map(link).into_iter().collect_view()
    };
    let ways = Ways::ALL.map(|ways| {
        option_link(
            ways.label(),
            move || view.with(|view| view.ways == ways),
            move || url.url(&[("sides", ways.name()), ("after", "")]),
        )
    });
    let has_series = move || view.with(|view| !view.is_top() && view.chart != Chart::Flows);
    let has_rate = move || has_series() && view.with(|view| view.metric != Metric::Addresses);
    let has_rows = move || view.with(|view| view.chart != Chart::Flows && !view.by.is_empty());
    let has_previous = move || view.with(|view| view.has_previous);
    let rate = move |is_rate: bool| {
        let name = move || match (view.with(|view| view.metric), is_rate) {
            (Metric::Bytes, true) => "bit/s",
            (Metric::Bytes, false) => "bytes",
            (_, true) => "per second",
            (_, false) => "per step",
        };
        option_link(
            name,
            move || view.with(|view| view.is_rate == is_rate),
            move || url.url(&[("unit", if is_rate { "" } else { "total" })]),
        )
    };
    view! {
        <Show when=has_rows>
            <nav class="choice-bar" aria-label="Number of rows">
                <span class="choice-bar__title">"Top"</span> " " {rows}
            </nav>
        </Show>
        <nav class="choice-bar" aria-label="Direction">{ways.into_iter().collect_view()}</nav>
        <Show when=has_rate>
            <nav class="choice-bar" aria-label="Unit">{rate(true)} {rate(false)}</nav>
        </Show>
        <Show when=has_series>
            <nav class="choice-bar" aria-label="Period before">
                {option_link(
                    "Period before",
                    has_previous,
                    move || url.url(&[("previous", if has_previous() { "" } else { "yes" })]),
                )}
            </nav>
        </Show>
    }
    .into_any()
}

/// A choice that is a link; the chosen one says so.
fn option_link<Name: IntoView + 'static>(
    name: Name,
    is_chosen: impl Fn() -> bool + Send + Sync + 'static,
    url: impl Fn() -> String + Send + Sync + 'static,
) -> AnyView {
    view! {
        <a class="choice-bar__choice" href=url aria-current=move || is_chosen().then_some("true")>{name}</a>
        " "
    }
    .into_any()
}

/// What is going on with the question: progress, cancelled, refused.
#[component]
fn Waiting(asking: Asking, has_filter: Signal<bool>, time: ChosenTime) -> impl IntoView {
    let wait = asking.wait;
    view! {
        <div class="explore__waiting">
            <ProgressLine
                is_slow=wait.is_slow
                progress=wait.progress
                is_cancelled=wait.is_cancelled
                on_cancel=Callback::new(move |()| wait.cancel())
                on_again=Callback::new(move |()| asking.retry())
            />
            <Show when=move || !has_filter.get()>
                <p class="explore__fault">"The filter above cannot be read: correct it to get an answer."</p>
            </Show>
            {move || asking.fault.get().map(|fault| view! {
                <p class="explore__fault" role="alert">
                    {fault.to_string()} " "
                    <button type="button" class="button" on:click=move |_| asking.retry()>"Try again"</button>
                </p>
            })}
            {move || time.fault.get().map(|fault| view! { <p class="explore__fault">{format!("Time: {fault}.")}</p> })}
        </div>
    }
    .into_any()
}
