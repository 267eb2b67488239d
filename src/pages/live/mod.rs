//! `/`: the live map, with everything beside it.
//!
//! Rendered on the server from the latest snapshot, so that totals, tops and newest flows are there before any
//! WASM runs; then the stream takes over. Filter, colours and the map's view live in the address.

mod address;
mod feed;
mod session;
mod tops;

use std::collections::HashMap;
use std::time::Duration;

use leptos::leptos_dom::helpers::debounce;
use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_navigate, use_query_map};

use self::address::LiveAddress;
use self::feed::LiveFeed;
use self::session::Session;
use super::health::Health;
use super::on_map::{canonical, cities, home_networks, selected_country, term_of};
use super::suggestions::value_source;
use crate::api::first_render::at_first_render;
use crate::api::home::SetHome;
use crate::api::live::fetch_snapshot;
use crate::browser::page;
use crate::browser::url_state::UrlState;
use crate::components::colour_legend::ColourLegend;
use crate::components::filter_bar::{FilterBar, FilterFault};
use crate::components::flow_table::FlowTable;
use crate::components::home_form::{HomeDraft, HomePrompt};
use crate::components::pause_button::PauseButton;
use crate::components::rates::Rates;
use crate::components::rewind::Rewind;
use crate::components::setup_guide::QuickStart;
use crate::components::top_list::TopList;
use crate::components::totals::{LatencyPanel, TotalsPanel};
use crate::components::world_map::paint::Paint;
use crate::components::world_map::{CardLine, MapFeed, MapTarget, WorldMap};
use crate::model::filter_terms::with_term;
use crate::model::place::{CountryCode, Precision};
use crate::model::traffic::Traffic;
use crate::model::{countries, quantity};

/// How long the map has to stand still before its view goes into the address.
const ADDRESS_DELAY: Duration = Duration::from_millis(400);

/// The page.
#[component]
pub fn LivePage() -> impl IntoView {
    let health = expect_context::<Health>();
    let query = use_query_map();
    let first = query.with_untracked(LiveAddress::read);
    let (first_filter, first_fault) = match FilterFault::check(&first.filter) {
        Ok(filter) => (filter, None),
        Err(fault) => (String::new(), Some(fault)),
    };
    // The server's snapshot is of all flows: with a filter the figures come with the stream.
    let snapshot = at_first_render(fetch_snapshot).filter(|_| first_filter.is_empty());

    let filter = RwSignal::new(first_filter);
    let fault = RwSignal::new(first_fault);
    let colour_by = RwSignal::new(first.colour_by);
    let view = RwSignal::new(first.view);
    let feed = LiveFeed::new(snapshot);
    let map = MapFeed::new();
    let session = Session::new(feed, map, colour_by, fault);
    session.run(filter, health);

    let others = UrlState::here().others(&["filter"]);
    let navigate = use_navigate();
    let on_filter = Callback::new(move |text: String| match FilterFault::check(&text) {
        Ok(text) => {
            fault.set(None);
            if filter.get_untracked() != text {
                filter.set(text.clone());
                let address = LiveAddress {
                    filter: text,
                    colour_by: colour_by.get_untracked(),
                    view: view.get_untracked(),
                };
                navigate(&address.url(), NavigateOptions { scroll: false, ..NavigateOptions::default() });
            }
        }
        Err(wrong) => fault.set(Some(wrong)),
    });
    let on_term = Callback::new(move |term: String| {
        on_filter.run(with_term(&filter.get_untracked(), &canonical(&term)));
    });
    // Back and forward in the history change the query alone.
    Effect::new(move |_| {
        if let Ok(wanted) = FilterFault::check(&query.with(LiveAddress::read).filter)
            && wanted != filter.get_untracked()
        {
            fault.set(None);
            filter.set(wanted);
        }
    });
    let mut show_address = debounce(ADDRESS_DELAY, move |url: String| {
        if !filter.is_disposed() {
            page::replace_address(&url);
        }
    });
    Effect::new(move |earlier: Option<()>| {
        let address = LiveAddress { filter: filter.get(), colour_by: colour_by.get(), view: view.get() };
        if earlier.is_some() {
            show_address(address.url());
        }
    });

    let action = ServerAction::<SetHome>::new();
    Effect::new(move |_| {
        if let Some(Ok(())) = action.value().get() {
            health.refresh();
        }
    });
    let homes = home_networks(health);
    let home_is_unset = Memo::new(move |_| {
        let status = health.status.get();
        status.is_some_and(|status| {
            status.home_can_be_set
                && status.home_networks.iter().any(|network| network.place.precision == Precision::HomeUnset)
        })
    });
    let draft = HomeDraft::new(None);
    let on_select = Callback::new(move |target: MapTarget| {
        if draft.is_picking.get_untracked() {
            pick(draft, &target);
        } else if let Some(term) = term_of(&target, &homes.get_untracked()) {
            on_term.run(term);
        }
    });

    view! {
        <Title text="Live · Meridian"/>
        <Meta name="description" content="Network traffic live on a world map, within milliseconds of its export"/>
        <main id="content" class="live">
            <h1 class="visually-hidden">"Live network traffic"</h1>
            <section class="live__map" aria-label="World map of live flows">
                <WorldMap
                    feed=map
                    homes
                    cities=cities()
                    paint=Signal::stored(Paint::default())
                    facts=facts(feed)
                    selected=selected_country(filter.into())
                    on_select
                    view
                />
                <div class="live__over">
                    <div class="live__bar">
                        <FilterBar filter fault others values=value_source() on_filter/>
                        <Rewind href=Callback::new(move |minutes| {
                            let (filter, colour_by, view) = (filter.get(), colour_by.get(), view.get());
                            LiveAddress { filter, colour_by, view }.rewound(minutes)
                        })/>
                        <PauseButton
                            is_paused=feed.is_paused
                            passed=feed.passed
                            on_pause=session.on_pause(health)
                        />
                    </div>
                    <Show when=move || home_is_unset.get()>
                        <HomePrompt draft action/>
                    </Show>
                </div>
                <ColourLegend colour_by entries=session.legend() totals=feed.totals.into() on_term/>
                <noscript>
                    <p class="live__noscript">
                        "This is how things stood when the page was loaded. Live arcs and filters need JavaScript."
                    </p>
                </noscript>
            </section>
            <aside class="live__side" aria-label="Figures">
                <Rates now=Signal::derive(move || feed.second.with(|second| second.as_ref().map(|second| second.traffic))) series=feed.series.into()/>
                <TotalsPanel totals=feed.totals.into() since_ms=feed.since_ms.into() on_term/>
                <LatencyPanel
                    p50_us=Signal::derive(move || feed.second.with(|second| second.as_ref().and_then(|second| second.latency_p50_us)))
                    p99_us=Signal::derive(move || feed.second.with(|second| second.as_ref().and_then(|second| second.latency_p99_us)))
                    times_skipped=Signal::derive(move || feed.second.with(|second| second.as_ref().map_or(0, |second| second.times_skipped)))
                />
                <TopList title="Countries" covers=tops::covers(feed) entries=tops::countries(feed) on_term/>
                <TopList title="Networks (AS)" covers=tops::covers(feed) entries=tops::systems(feed) on_term/>
                <TopList title="Ports" covers=tops::covers(feed) entries=tops::ports(feed) on_term/>
            </aside>
            <NewestFlows feed filter health on_term/>
        </main>
    }
    .into_any()
}

/// The table of newest flows, which can be folded away.
#[component]
fn NewestFlows(
    feed: LiveFeed,
    filter: RwSignal<String>,
    health: Health,
    on_term: Callback<String>,
) -> impl IntoView {
    let is_folded = RwSignal::new(false);
    let class = move || if is_folded.get() { "live__drawer live__drawer--folded" } else { "live__drawer" };
    let is_empty = Memo::new(move |_| feed.rows.with(Vec::is_empty));
    let has_flows = Memo::new(move |_| {
        health.status.with(|status| status.as_ref().is_none_or(|status| !status.traffic.is_none()))
    });
    view! {
        <section class=class aria-labelledby="newest-title">
            <div class="live__drawer-head">
                <h2 id="newest-title" class="panel__title">
                    "Newest flows "
                    <span class="panel__note">
                        {move || if feed.hold_rows.get() { "held while you look" } else { "a sample of at most 50" }}
                    </span>
                </h2>
                <button
                    type="button"
                    class="live__fold"
                    aria-expanded=move || if is_folded.get() { "false" } else { "true" }
                    aria-label="Table of the newest flows"
                    on:click=move |_| is_folded.update(|is_folded| *is_folded = !*is_folded)
                >
                    <svg viewBox="0 0 24 24" width="16" height="16" aria-hidden="true">
                        <path d="M5 9l7 7 7-7" fill="none" stroke="currentColor" stroke-width="2"></path>
                    </svg>
                </button>
            </div>
            <Show when=move || is_empty.get()>
                <div class="live__empty">
                    <Show
                        when=move || has_flows.get() || !filter.with(String::is_empty)
                        fallback=move || view! { <QuickStart listeners=health.listeners()/> }
                    >
                        <p>
                            {move || if filter.with(String::is_empty) {
                                "Waiting for the next flow …"
                            } else {
                                "No flow has passed this filter yet."
                            }}
                        </p>
                    </Show>
                </div>
            </Show>
            <FlowTable rows=feed.rows hold=feed.hold_rows on_term/>
        </section>
    }
    .into_any()
}

/// What the map's card says: the traffic of the country in the last minute.
fn facts(feed: LiveFeed) -> Callback<MapTarget, Vec<CardLine>> {
    let figures = country_figures(feed);
    Callback::new(move |target| {
        let (code, is_city) = match target {
            MapTarget::Country(code) => (Some(code), false),
            MapTarget::City(place) => (place.country, true),
            MapTarget::Home(_) => (None, false),
        };
        let Some(code) = code else { return Vec::new() };
        let name = countries::country(code).map_or_else(|| code.to_string(), |entry| entry.name.to_owned());
        let label = if is_city { format!("All of {name}:") } else { String::new() };
        let traffic = figures.with(|figures| figures.get(&code).copied());
        let value = traffic.filter(|traffic| !traffic.is_none()).map_or_else(
            || "no traffic so far".to_owned(),
            |traffic| {
                let flows = quantity::counted(traffic.flows, "flow");
                format!("{} in {flows}", quantity::bytes(traffic.scaled_bytes))
            },
        );
        vec![CardLine { label, value, is_main: false }]
    })
}

/// Traffic of the top countries of the last minute.
fn country_figures(feed: LiveFeed) -> Memo<HashMap<CountryCode, Traffic>> {
    Memo::new(move |_| {
        feed.second.with(|second| {
            let countries = second.iter().flat_map(|second| &second.top_countries);
            countries.filter_map(|top| top.country.map(|country| (country, top.traffic))).collect()
        })
    })
}

/// Fills in the home form with what was clicked on the map.
fn pick(draft: HomeDraft, target: &MapTarget) {
    match target {
        MapTarget::City(place) => {
            draft.fill(&place.city, f64::from(place.latitude), f64::from(place.longitude));
        }
        MapTarget::Country(code) => {
            if let Some(country) = countries::country(*code) {
                draft.fill(country.name, f64::from(country.latitude), f64::from(country.longitude));
            }
        }
        MapTarget::Home(_) => {}
    }
}
