//! `/heatmap/DE`: one country: its figures, over time, and who and what they are of.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use serde::{Deserialize, Serialize};

use super::answer::{fetch_extent, series_question};
use super::chosen::{Asked, Chosen, all_of, sides_term};
use super::follow::Follow;
use super::{Fault, FilterControl, OverTime, RangeControl, Waiting};
use crate::api::error::ApiError;
use crate::api::history::{fetch_heatmap, fetch_series, fetch_top};
use crate::components::heatmap::choice::Choice;
use crate::components::heatmap::group_table::GroupTable;
use crate::components::heatmap::rows::{certainty, full, metric_label, name, short};
use crate::components::heatmap::source_line::SourceLine;
use crate::components::metric_switch::MetricSwitch;
use crate::model::history::{Amount, Dimension, Heatmap, HeatmapQuestion, Metric, Series, Top, TopQuestion};
use crate::model::place::CountryCode;
use crate::model::quantity;
use crate::model::time_range::TimeRange;
use crate::pages::host_names::HostNames;

/// Lines of a list.
const ROWS: u32 = 12;
/// The dimension of addresses, which may have names.
const ADDRESSES: &str = "outside.address";
/// What the lists are by: title and dimension.
const LISTS: [(&str, &str); 4] = [
    ("Cities (by estimate)", "outside.city"),
    ("Networks (AS)", "outside.as"),
    ("Addresses", ADDRESSES),
    ("Services", "service"),
];

/// What is asked for a country.
#[derive(Clone, Debug, PartialEq)]
struct AskedOf {
    country: Option<CountryCode>,
    asked: Asked,
    metric: Metric,
}

/// What is known of a country.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct CountryAnswer {
    heatmap: Heatmap,
    series: Series,
    tops: Vec<Top>,
    extent: Option<TimeRange>,
}

async fn ask(of: AskedOf, id: u64) -> Result<CountryAnswer, ApiError> {
    let term = term(of.country);
    let AskedOf { asked, metric, .. } = of;
    let question = HeatmapQuestion {
        range: asked.range,
        filter: asked.filter.clone(),
        sides: asked.sides,
        addresses: true,
        places: 0,
    };
    let heatmap = fetch_heatmap(question, id).await?;
    let series = fetch_series(series_question(&asked, &term), id).await?;
    let mut tops = Vec::new();
    for (_, dimension) in LISTS {
        let dimension = Dimension::parse(dimension).map_err(ApiError::Invalid)?;
        let question = TopQuestion {
            range: asked.range,
            filter: all_of(&[&asked.filter, sides_term(asked.sides), &term]),
            dimensions: vec![dimension],
            metric,
            rows: ROWS,
            addresses: false,
        };
        tops.push(fetch_top(question, id).await?);
    }
    Ok(CountryAnswer { heatmap, series, tops, extent: fetch_extent().await? })
}

/// The filter term of a country.
fn term(country: Option<CountryCode>) -> String {
    country.map_or_else(
        || "outside.country = unknown".to_owned(),
        |code| format!("outside.country = \"{code}\""),
    )
}

/// The page.
#[component]
pub fn CountryPage() -> impl IntoView {
    let params = use_params_map();
    let chosen = Chosen::here();
    let country = Memo::new(move |_| {
        params.with(|params| params.get("country")).and_then(|code| CountryCode::parse(&code))
    });
    let question = Memo::new(move |_| AskedOf {
        country: country.get(),
        asked: Asked { with_previous: false, ..chosen.asked.get() },
        metric: chosen.metric.get(),
    });
    let asked = question.get_untracked();
    let first_question = asked.clone();
    let first = Resource::new(|| (), move |()| ask(first_question.clone(), 0));
    let title = move || name(country.get());
    view! {
        <Title text=move || format!("{} · Heatmap · Meridian", title())/>
        <main id="content" class="country-page page">
            <p class="country-page__back">
                <a href=move || format!("/heatmap{}", chosen.query())>"‹ All countries"</a>
            </p>
            <h1>{title}</h1>
            <Suspense fallback=|| view! { <Waiting/> }>
                {move || {
                    let asked = asked.clone();
                    Suspend::new(async move {
                        let answer = Follow::new(first.await, asked, question, ask);
                        view! { <Portrait chosen country answer/> }
                    })
                }}
            </Suspense>
        </main>
    }
    .into_any()
}

/// Controls, figures, histogram, lists.
#[component]
fn Portrait(
    chosen: Chosen,
    country: Memo<Option<CountryCode>>,
    answer: Follow<CountryAnswer>,
) -> impl IntoView {
    let latest = answer.latest;
    let extent = Memo::new(move |_| latest.with(|answer| answer.as_ref().and_then(|answer| answer.extent)));
    let own = Memo::new(move |_| {
        latest.with(|answer| {
            let countries = &answer.as_ref()?.heatmap.countries;
            countries.iter().find(|entry| entry.country == country.get()).map(|entry| entry.amount)
        })
    });
    let total = Memo::new(move |_| {
        latest.with(|answer| answer.as_ref().map(|answer| answer.heatmap.total).unwrap_or_default())
    });
    let is_empty = Memo::new(move |_| own.get().is_none());
    let source = move || latest.with(|answer| answer.as_ref().map(|answer| answer.heatmap.source.clone()));
    let names = HostNames::none();
    names.follow(move || {
        latest.with(|answer| {
            let tops = answer.iter().flat_map(|answer| answer.tops.iter().zip(LISTS));
            let of_addresses = tops.filter(|(_, (_, dimension))| *dimension == ADDRESSES);
            let keys = of_addresses.flat_map(|(top, _)| top.rows.iter().flat_map(|row| &row.keys));
            keys.filter(|key| key.label.is_empty()).map(|key| key.value.clone()).collect()
        })
    });
    let lists = LISTS
        .into_iter()
        .enumerate()
        .map(|(position, (title, dimension))| {
            let top = Memo::new(move |_| {
                let top = latest.with(|answer| answer.as_ref()?.tops.get(position).cloned())?;
                Some(if dimension == ADDRESSES { named(top, names) } else { top })
            });
            let href = Callback::new(move |value: String| {
                let own = Dimension::parse(dimension).ok().and_then(|dimension| dimension.term(&value));
                chosen.explore_href(&all_of(&[&term(country.get()), &own.unwrap_or_default()]))
            });
            view! { <GroupTable title top=top.into() metric=chosen.metric.into() href/> }
        })
        .collect_view();
    view! {
        <div class="heatmap__bar">
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
                <a class="button" href=move || chosen.explore_href(&term(country.get()))>"Explore"</a>
                <a class="button" href=move || chosen.replay_href(&term(country.get()))>"Replay"</a>
            </div>
            <Fault answer/>
        </div>
        <Show when=move || is_empty.get() && latest.with(Option::is_some)>
            <p class="country-page__none">"No traffic with this country in this range. Choose a longer range, or take terms of the filter away."</p>
        </Show>
        <dl class="country-page__figures">
            {Metric::ALL
                .map(|metric| view! { <CountryFigure metric own total is_main=Signal::derive(move || chosen.metric.get() == metric)/> })
                .collect_view()}
        </dl>
        <section class="panel" aria-label="Over time">
            <OverTime chosen series=Signal::derive(move || latest.with(|answer| answer.as_ref().map(|answer| answer.series.clone())))/>
        </section>
        <div class="country-page__lists">{lists}</div>
        {move || source().map(|source| view! { <SourceLine source=Signal::stored(source)/> })}
    }
}

/// The list with the names that are known by now.
fn named(mut top: Top, names: HostNames) -> Top {
    for key in top.rows.iter_mut().flat_map(|row| &mut row.keys) {
        let name = names.of(&key.value);
        if !name.is_empty() {
            key.label = name;
        }
    }
    top
}

#[component]
fn CountryFigure(
    metric: Metric,
    own: Memo<Option<Amount>>,
    total: Memo<Amount>,
    is_main: Signal<bool>,
) -> impl IntoView {
    let amount = move || own.get().unwrap_or_default();
    let note = move || {
        let certain = own.get().map(|amount| certainty(&amount, metric)).unwrap_or_default();
        let share = quantity::percent(amount().of(metric), total.with(|total| total.of(metric)));
        if certain.is_empty() { format!("{share} of all") } else { format!("{certain}, {share} of all") }
    };
    view! {
        <div class="country-page__figure" class:country-page__figure--main=is_main>
            <dt>{metric_label(metric)} " "</dt>
            <dd>
                <data value=move || amount().of(metric).to_string() title=move || full(metric, amount().of(metric))>
                    {move || short(metric, amount().of(metric))}
                </data>
                " "
                <span class="country-page__note">{note} " "</span>
            </dd>
        </div>
    }
}
