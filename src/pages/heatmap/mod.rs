//! `/heatmap`: the world coloured by flows, bytes, packets or distinct addresses, with the same figures as a table.
//!
//! Rendered on the server with its figures, so that it prints and works without WASM: every choice is a link or a
//! form, and the address holds them all. In the browser the answer follows the address, and the clock while the
//! range ends now; what is on the screen stays until the next answer is there.

mod answer;
mod chosen;
mod country;
mod export;
pub(super) mod follow;

use std::collections::HashMap;

use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;

use self::answer::{Answer, ask};
use self::chosen::{Asked, Chosen};
pub use self::country::CountryPage;
use self::export::export_menu;
use self::follow::Follow;
use super::health::Health;
use super::suggestions::value_source;
use crate::api::error::ApiError;
use crate::components::brush::Brush;
use crate::components::filter_bar::FilterBar;
use crate::components::heatmap::choice::Choice;
use crate::components::heatmap::country_table::CountryTable;
use crate::components::heatmap::legend::{Explained, Legend, off_the_map};
use crate::components::heatmap::rows::{
    Compare, Row, certainty, full, is_on_map, metric_label, rows, short, sort,
};
use crate::components::heatmap::scale::{Classes, MOST_CLASSES};
use crate::components::heatmap::source_line::SourceLine;
use crate::components::metric_switch::MetricSwitch;
use crate::components::progress_line::ProgressLine;
use crate::components::setup_guide::QuickStart;
use crate::components::time_range::TimeRangePicker;
use crate::components::world_map::paint::{Dot, Paint};
use crate::components::world_map::{CardLine, MapFeed, MapTarget, MapView, WorldMap};
use crate::model::filter::equality;
use crate::model::history::{Amount, Metric};
use crate::model::place::{City, CountryCode};
use crate::model::quantity;
use crate::model::time_range::TimeRange;

/// The page.
#[component]
pub fn HeatmapPage() -> impl IntoView {
    let chosen = Chosen::here();
    let asked = chosen.asked.get_untracked();
    let question = asked.clone();
    let first = Resource::new(|| (), move |()| ask(question.clone(), 0));
    view! {
        <Title text="Heatmap · Meridian"/>
        <Meta name="description" content="The world coloured by the traffic exchanged with each country"/>
        <main id="content" class="heatmap">
            <h1 class="visually-hidden">"Traffic by country"</h1>
            <Suspense fallback=|| view! { <Waiting/> }>
                {move || {
                    let asked = asked.clone();
                    Suspend::new(async move { view! { <Atlas chosen asked first=first.await/> } })
                }}
            </Suspense>
        </main>
    }
    .into_any()
}

/// What stands here before there is any answer.
#[component]
pub(super) fn Waiting() -> impl IntoView {
    view! { <p class="heatmap__waiting" role="status">"Asking the server …"</p> }
}

/// Everything that the page derives of the answer and the address.
#[derive(Clone, Copy)]
pub(super) struct Shown {
    chosen: Chosen,
    answer: Follow<Answer>,
    rows: Memo<Vec<Row>>,
    paint: Memo<Paint>,
    explained: Memo<Explained>,
    total: Memo<Amount>,
}

impl Shown {
    fn of(chosen: &Chosen, answer: Follow<Answer>) -> Self {
        let chosen = *chosen;
        let latest = answer.latest;
        let rows = Memo::new(move |_| {
            let (metric, compare) = (chosen.metric.get(), chosen.compare.get());
            let mut rows = latest.with(|answer| {
                let answer = answer.as_ref();
                answer
                    .map(|answer| rows(&answer.heatmap, answer.before.as_ref(), metric, compare))
                    .unwrap_or_default()
            });
            sort(&mut rows, chosen.column.get(), chosen.ascending.get());
            rows
        });
        let classes = Memo::new(move |_| {
            let metric = chosen.metric.get();
            rows.with(|rows| {
                let figures =
                    rows.iter().filter(|row| is_on_map(row.country)).map(|row| row.amount.of(metric));
                Classes::of(chosen.scale.get(), figures)
            })
        });
        let paint = Memo::new(move |_| {
            let metric = chosen.metric.get();
            let countries = rows.with(|rows| classes.with(|classes| shades(rows, classes, metric)));
            let dots =
                latest.with(|answer| answer.as_ref().map(|answer| dots(answer, metric)).unwrap_or_default());
            Paint { countries, dots }
        });
        let explained = Memo::new(move |_| {
            let metric = chosen.metric.get();
            match chosen.compare.get() {
                Compare::Nothing => Explained::Figures {
                    metric,
                    classes: classes.with(|classes| classes.classes().to_vec()),
                    meaning: chosen.scale.get().meaning(),
                },
                Compare::Previous => Explained::Change {
                    title: format!("{}: change since the period before", metric_label(metric)),
                },
                Compare::Metric(other) => Explained::Shares {
                    title: format!(
                        "Share of {} as a multiple of the share of {}",
                        metric_label(metric),
                        metric_label(other)
                    ),
                },
            }
        });
        let total = Memo::new(move |_| {
            latest.with(|answer| answer.as_ref().map(|answer| answer.heatmap.total).unwrap_or_default())
        });
        Self { chosen, answer, rows, paint, explained, total }
    }

    /// What the card says of a country or a city.
    fn facts(self) -> Callback<MapTarget, Vec<CardLine>> {
        Callback::new(move |target: MapTarget| match target {
            MapTarget::Country(code) => self
                .rows
                .with(|rows| rows.iter().find(|row| row.country == Some(code)).cloned())
                .map_or_else(none, |row| self.lines_of(&row.amount, Some(&row))),
            MapTarget::City(place) => {
                let amount = self.answer.latest.with(|answer| {
                    let places = &answer.as_ref()?.heatmap.places;
                    places.iter().find(|entry| entry.place == place).map(|entry| entry.amount)
                });
                amount.map_or_else(none, |amount| self.lines_of(&amount, None))
            }
            MapTarget::Home(_) => Vec::new(),
        })
    }

    fn lines_of(self, amount: &Amount, row: Option<&Row>) -> Vec<CardLine> {
        let main = self.chosen.metric.get();
        let total = self.total.get();
        let line = |metric: Metric| {
            let figure = amount.of(metric);
            let known = certainty(amount, metric);
            let value = match (metric, amount.addresses) {
                (Metric::Addresses, None) => known,
                (Metric::Addresses, Some(_)) => format!("{} ({known})", quantity::count(figure)),
                _ => format!("{} ({})", quantity::count(figure), quantity::percent(figure, total.of(metric))),
            };
            CardLine { label: metric_label(metric).to_owned(), value, is_main: metric == main }
        };
        let mut lines = Metric::ALL.map(line).to_vec();
        let change = row.and_then(|row| row.change);
        match (change, self.chosen.compare.get()) {
            (Some(change), Compare::Previous) => lines.push(CardLine {
                label: "Since the period before".to_owned(),
                value: change.percent(),
                is_main: true,
            }),
            (Some(change), Compare::Metric(other)) => lines.push(CardLine {
                label: format!("Share ÷ share of {}", metric_label(other)),
                value: change.times(),
                is_main: true,
            }),
            _ => {}
        }
        lines
    }

    /// The names of the cities with most, as labels of the map.
    fn cities(self) -> Signal<Vec<City>> {
        let metric = self.chosen.metric;
        Memo::new(move |_| {
            self.answer.latest.with(|answer| {
                let places = answer.iter().flat_map(|answer| &answer.heatmap.places);
                places
                    .map(|entry| City {
                        place: entry.place.clone(),
                        addresses: entry.amount.of(metric.get()),
                    })
                    .collect()
            })
        })
        .into()
    }

    /// Countries that have no place on the map, as a sentence.
    fn off_the_map(self) -> String {
        let metric = self.chosen.metric.get();
        let figures: Vec<(String, u64)> = self.rows.with(|rows| {
            let rows = rows.iter().filter(|row| !is_on_map(row.country) && row.amount.of(metric) > 0);
            rows.map(|row| (row.name.clone(), row.amount.of(metric))).collect()
        });
        off_the_map(&figures, metric, self.total.with(|total| total.of(metric)))
    }

    /// What the dots mean, while there are any.
    fn dots_told(self, view: MapView) -> Option<String> {
        let metric = self.chosen.metric.get();
        let is_shown = self.paint.with(|paint| paint.dots_shown(&view) > 0.0);
        let most = self.answer.latest.with(|answer| {
            let places = answer.iter().flat_map(|answer| &answer.heatmap.places);
            places.map(|entry| entry.amount.of(metric)).max()
        });
        most.filter(|_| is_shown).map(|most| {
            format!(
                "Dots: cities by estimate; area by {}, the largest {}",
                metric_label(metric),
                short(metric, most)
            )
        })
    }

    fn is_empty(self) -> Memo<bool> {
        Memo::new(move |_| {
            self.answer
                .latest
                .with(|answer| answer.as_ref().is_some_and(|answer| answer.heatmap.countries.is_empty()))
        })
    }
}

fn none() -> Vec<CardLine> {
    vec![CardLine::plain("No traffic in this range".to_owned())]
}

/// The shade of each country that has one.
fn shades(rows: &[Row], classes: &Classes, metric: Metric) -> HashMap<CountryCode, u8> {
    let compared = rows.iter().any(|row| row.change.is_some());
    let shade = |row: &Row| {
        let code = row.country.filter(|code| is_on_map(Some(*code)))?;
        let shade = if compared { row.change?.shade() } else { classes.shade(row.amount.of(metric))? };
        Some((code, shade))
    };
    rows.iter().filter_map(shade).collect()
}

/// A dot for each place with coordinates, the largest first.
fn dots(answer: &Answer, metric: Metric) -> Vec<Dot> {
    let places = || answer.heatmap.places.iter().filter(|entry| entry.place.precision.has_coordinates());
    let most = places().map(|entry| entry.amount.of(metric)).max().unwrap_or(0);
    let mut dots: Vec<Dot> = places()
        .filter(|entry| entry.amount.of(metric) > 0)
        .map(|entry| Dot {
            place: entry.place.clone(),
            shade: u8::try_from(MOST_CLASSES - 1).unwrap_or_default(),
            area: part(entry.amount.of(metric), most),
        })
        .collect();
    dots.sort_by(|one, other| other.area.total_cmp(&one.area));
    dots
}

#[expect(clippy::cast_precision_loss, reason = "an area on a screen")]
fn part(figure: u64, whole: u64) -> f64 {
    figure as f64 / whole.max(1) as f64
}

/// Controls, map, table, histogram.
#[component]
fn Atlas(chosen: Chosen, asked: Asked, first: Result<Answer, ApiError>) -> impl IntoView {
    let answer = Follow::new(first, asked, chosen.asked, ask);
    let shown = Shown::of(&chosen, answer);
    let pointed = RwSignal::new(None::<CountryCode>);
    let view = RwSignal::new(MapView::default());
    let navigate = use_navigate();
    let on_select = Callback::new(move |target: MapTarget| {
        let path = untrack(|| match target {
            MapTarget::Country(code) => Some(chosen.country_href().run(Some(code))),
            MapTarget::City(place) => {
                city_term(&place.city, place.country).map(|term| chosen.explore_href(&term))
            }
            MapTarget::Home(_) => None,
        });
        if let Some(path) = path {
            navigate(&path, NavigateOptions::default());
        }
    });
    view! {
        <ChosenBar chosen answer shown/>
        <section class="heatmap__map" aria-label="Map" aria-busy=move || answer.wait.is_waiting.get().to_string()>
            <WorldMap
                feed=MapFeed::new()
                homes=Signal::stored(Vec::new())
                cities=shown.cities()
                paint=shown.paint.into()
                facts=shown.facts()
                selected=pointed.into()
                on_select
                view
            />
            <EmptyNote shown/>
            <div class="heatmap__explain">
                <Legend explained=shown.explained.into()/>
                <p class="heatmap__dots">{move || shown.dots_told(view.get())}</p>
                <p class="heatmap__off">{move || Some(shown.off_the_map()).filter(|told| !told.is_empty())}</p>
            </div>
        </section>
        <section class="heatmap__table" aria-label="Countries">
            <Show
                when=move || answer.latest.with(Option::is_some)
                fallback=|| view! { <p class="heatmap__waiting">"There is no answer yet."</p> }
            >
                <CountryTable
                    rows=shown.rows.into()
                    total=shown.total.into()
                    metric=chosen.metric.into()
                    compare=chosen.compare.into()
                    sorting=chosen.sorting()
                    href=chosen.country_href()
                    on_point=Callback::new(move |country| pointed.set(country))
                />
            </Show>
        </section>
        <section class="heatmap__time" aria-label="Over time">
            <OverTime chosen series=Signal::derive(move || answer.latest.with(|answer| answer.as_ref().map(|answer| answer.series.clone())))/>
            <Show when=move || answer.latest.with(Option::is_some)>
                <SourceLine source=Signal::derive(move || {
                    answer.latest.with(|answer| answer.as_ref().map(|answer| answer.heatmap.source.clone())).unwrap_or_else(no_source)
                })/>
            </Show>
        </section>
    }
}

fn no_source() -> crate::model::history::Source {
    crate::model::history::Source {
        tiers: Vec::new(),
        range: TimeRange { from_ms: 0, to_ms: 0 },
        is_complete: true,
        note: String::new(),
        gaps: Vec::new(),
        took_ms: 0,
    }
}

fn city_term(city: &str, country: Option<CountryCode>) -> Option<String> {
    let city = equality("outside.city", city)?;
    Some(country.map_or_else(|| city.clone(), |code| format!("{city} and outside.country = \"{code}\"")))
}

/// Filter, range, and every other choice.
#[component]
fn ChosenBar(chosen: Chosen, answer: Follow<Answer>, shown: Shown) -> impl IntoView {
    let extent =
        Memo::new(move |_| answer.latest.with(|answer| answer.as_ref().and_then(|answer| answer.extent)));
    view! {
        <header class="heatmap__bar">
            <div class="heatmap__line">
                <FilterControl chosen/>
                <RangeControl chosen extent=extent.into()/>
            </div>
            <div class="heatmap__line">
                <MetricSwitch
                    metric=chosen.metric
                    others=chosen.url.others(&["metric"])
                    on_metric=Callback::new(move |metric: Metric| chosen.url.push(&[("metric", metric.name())]))
                />
                <Choice label="Sides" options=chosen.sides_choice()/>
                <Choice label="Scale" options=chosen.scale_choice()/>
                <Choice label="Compare with" options=chosen.compare_choice()/>
                <a class="button" href=move || chosen.replay_href("")>"Replay"</a>
                {export_menu(&shown)}
            </div>
            <Fault answer/>
        </header>
    }
}

/// How the latest question is doing: how far it is, or why it has no answer, and a button to ask again.
#[component]
pub(super) fn Fault<A: Send + Sync + 'static>(answer: Follow<A>) -> impl IntoView {
    view! {
        <ProgressLine
            is_slow=answer.wait.is_slow
            progress=answer.wait.progress
            is_cancelled=answer.wait.is_cancelled
            on_cancel=Callback::new(move |()| answer.wait.cancel())
            on_again=Callback::new(move |()| answer.retry())
        />
        <div class="heatmap__fault" role="alert">
            {move || answer.fault.get().map(|fault| view! {
                <p>{fault.to_string()} " "</p>
                <button type="button" class="button" on:click=move |_| answer.retry()>"Try again"</button>
            })}
        </div>
    }
}

/// The filter of the address.
#[component]
pub(super) fn FilterControl(chosen: Chosen) -> impl IntoView {
    view! {
        <FilterBar
            filter=chosen.filter
            fault=chosen.filter_fault
            others=chosen.url.others(&["filter"])
            values=value_source()
            on_filter=Callback::new(move |filter: String| chosen.url.push(&[("filter", &filter)]))
        />
    }
}

/// The range of the address.
#[component]
pub(super) fn RangeControl(chosen: Chosen, extent: Signal<Option<TimeRange>>) -> impl IntoView {
    let time = chosen.time;
    view! {
        <TimeRangePicker
            words=time.words
            range=time.range
            now=Signal::derive(move || time.clock.now())
            extent
            fault=time.fault
            others=chosen.url.others(&["from", "to"])
            on_choose=time.choose()
        />
    }
}

/// The histogram: drag on it to choose a part.
#[component]
pub(super) fn OverTime(
    chosen: Chosen,
    series: Signal<Option<crate::model::history::Series>>,
) -> impl IntoView {
    let time = chosen.time;
    view! {
        <Brush
            series
            metric=chosen.metric
            range=time.range
            now=Signal::derive(move || time.clock.now())
            on_choose=time.choose_range()
        />
    }
}

/// What to do where nothing is shown.
#[component]
fn EmptyNote(shown: Shown) -> impl IntoView {
    let health = expect_context::<Health>();
    let is_empty = shown.is_empty();
    let has_any = Memo::new(move |_| {
        shown.answer.latest.with(|answer| answer.as_ref().is_some_and(|answer| answer.extent.is_some()))
    });
    let newest = move || {
        let answer = shown.answer.latest;
        let ends =
            answer.with(|answer| answer.as_ref().and_then(|answer| answer.extent).map(|range| range.to_ms));
        let ends = ends.map(crate::model::time::date_and_time);
        ends.map(|ends| format!("The newest flow that is kept is of {ends}."))
    };
    view! {
        <Show when=move || is_empty.get()>
            <div class="heatmap__empty">
                <Show
                    when=move || has_any.get()
                    fallback=move || view! {
                        <h2>"No flow is kept yet"</h2>
                        <QuickStart listeners=health.listeners()/>
                    }
                >
                    <h2>"No flow with an end outside in this range"</h2>
                    <p>"Choose a longer range, or take terms of the filter away. " {newest}</p>
                </Show>
            </div>
        </Show>
    }
}

/// The totals in a sentence, for a picture.
fn total_told(total: &Amount) -> String {
    let parts = Metric::ALL.map(|metric| {
        let certain = certainty(total, metric);
        let figure = full(metric, total.of(metric));
        if certain.is_empty() { figure } else { format!("{figure} ({certain})") }
    });
    parts.join(" · ")
}
