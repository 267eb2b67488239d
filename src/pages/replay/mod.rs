//! `/replay`: a stretch of the past on the live page's map, on the clock of the one who watches.
//!
//! Rendered on the server with what there is in the range, for those without WASM; in the browser the stream plays it.
//! The address holds range, filter, speed and colours, and while it stands still the moment and how long the stretch of its
//! picture is: so a picture is a link.

mod answer;
mod chosen;
mod compare;
mod feed;
mod film;
mod heat;
mod lists;
mod player;
mod shell;
mod speed;

use std::time::Duration;

use leptos::ev::{KeyboardEvent, keydown};
use leptos::leptos_dom::helpers::{debounce, window_event_listener};
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_query_map;

use self::answer::{Answer, Asked, ask};
pub use self::chosen::Chosen;
use self::compare::{AgainstSwitch, Beside, COUNTING, Second, Shared, Side, against, legend_over};
pub use self::feed::ReplayFeed;
use self::film::FilmExport;
use self::heat::Heat;
use self::lists::{ArcTable, Drawer, Lists};
pub use self::player::{Player, Question};
use self::shell::{EmptyNote, Legends, WithoutScript};
use self::speed::{FITS, Pace, Speed, TIMES, times_told};
use super::health::Health;
use super::heatmap::follow::Follow;
use super::moments::HistoryOverview;
use super::on_map::{
    canonical, cities, home_networks, read_view, selected_country, term_of, view_parameters,
};
use super::suggestions::value_source;
use crate::api::error::ApiError;
use crate::api::history::{fetch_events, fetch_heatmap};
use crate::browser::connection::Connection;
use crate::components::colour_legend::{ColourBy, ColourLegend, LegendEntry};
use crate::components::filter_bar::{FilterBar, FilterFault};
use crate::components::heatmap::legend::{Explained, Legend};
use crate::components::metric_switch;
use crate::components::player_bar::{PlayerBar, Press, SpeedOption};
use crate::components::time_range::TimeRangePicker;
use crate::components::timeline::Timeline;
use crate::components::world_map::{CardLine, MapHandle, MapTarget, WorldMap};
use crate::model::filter_terms::with_term;
use crate::model::history::{CountryAmount, Events, EventsQuestion, HeatmapQuestion, Metric, Sides};
use crate::model::replay::Moment;
use crate::model::time_words;
use crate::model::{countries, quantity};

/// How long the map has to stand still before its view goes into the address.
const ADDRESS_DELAY: Duration = Duration::from_millis(400);

/// The page.
#[component]
pub fn ReplayPage() -> impl IntoView {
    let chosen = Chosen::here();
    let asked = Memo::new(move |_| Asked { range: chosen.range.get(), filter: chosen.filter.get() });
    let first_asked = asked.get_untracked();
    let question = first_asked.clone();
    let first = Resource::new(|| (), move |()| ask(question.clone(), 0));
    view! {
        <Title text="Replay · Meridian"/>
        <Meta name="description" content="Recorded network traffic, played on a world map"/>
        <main id="content" class="replay">
            <h1 class="visually-hidden">"Replay of recorded traffic"</h1>
            <Suspense fallback=|| view! { <p class="replay__waiting" role="status">"Asking the server …"</p> }>
                {move || {
                    let first_asked = first_asked.clone();
                    Suspend::new(async move {
                        view! { <Theatre chosen asked first_asked first=first.await/> }
                    })
                }}
            </Suspense>
        </main>
    }
    .into_any()
}

/// Everything that the parts of the page share. Copies are the same.
#[derive(Clone, Copy)]
pub struct Replay {
    /// What the address says.
    pub chosen: Chosen,
    /// The replay.
    pub player: Player,
    /// The range over time, and what is kept.
    pub answer: Follow<Answer>,
    /// The colours below the arcs.
    pub heat: Heat,
    /// What the arcs' colours say.
    pub colour_by: RwSignal<ColourBy>,
    /// The map itself, to be filmed.
    pub map: MapHandle,
    /// A second range, if one is shown.
    pub beside: RwSignal<Option<Side>>,
    /// True while a film of it is made: then it ends at its end.
    pub is_filmed: RwSignal<bool>,
}

/// Map, lists, player.
#[component]
fn Theatre(
    chosen: Chosen,
    asked: Memo<Asked>,
    first_asked: Asked,
    first: Result<Answer, ApiError>,
) -> impl IntoView {
    let health = expect_context::<Health>();
    let answer = Follow::new(first, first_asked, asked, ask);
    let question = Memo::new(move |_| Question {
        range: chosen.range.get(),
        filter: chosen.filter.get(),
        by_country: chosen.heat.get().is_some(),
    });
    let colour_by = RwSignal::new(chosen.colour_by.get_untracked());
    let against = against(chosen);
    let second = Second::of(chosen, against);
    let at_ms = chosen.at_ms.get_untracked();
    let player = Player::new(question, chosen.times.into(), colour_by.into(), Second::tint(second), at_ms);
    player.show_first(chosen.picture_ms.get_untracked());
    let feed = player.feed;
    let figures = figures_of_range(&chosen);
    let heat = Heat::new(feed, chosen.heat, figures);
    let replay = Replay {
        chosen,
        player,
        answer,
        heat,
        colour_by,
        map: MapHandle::new(),
        beside: RwSignal::new(None),
        is_filmed: RwSignal::new(false),
    };
    provide_context(replay);
    player.run(Callback::new(move |moment: Moment| replay.follow(&moment)));
    replay.follow_address();
    Effect::new(move |_| {
        let connection = player.connection.get();
        if connection != Connection::Starting {
            health.connection_is(connection);
        }
    });
    health.stream_is_open(true);
    on_cleanup(move || health.stream_is_open(false));

    let view = RwSignal::new(use_query_map().with_untracked(read_view));
    let mut show_view = debounce(ADDRESS_DELAY, move |parameters: [(&'static str, String); 4]| {
        if !view.is_disposed() {
            chosen.url.replace(&parameters.each_ref().map(|(name, value)| (*name, value.as_str())));
        }
    });
    Effect::new(move |earlier: Option<()>| {
        let view = view.get();
        if earlier.is_some() {
            show_view(view_parameters(view));
        }
    });
    let homes = home_networks(health);
    let on_filter = Callback::new(move |filter: String| chosen.url.push(&[("filter", &filter)]));
    let on_term = Callback::new(move |term: String| {
        let filter = with_term(&chosen.filter.get_untracked(), &canonical(&term));
        if let Ok(filter) = FilterFault::check(&filter) {
            on_filter.run(filter);
        }
    });
    let on_select = Callback::new(move |target: MapTarget| {
        if let Some(term) = term_of(&target, &homes.get_untracked()) {
            on_term.run(term);
        }
    });
    let events = events_of_range(asked);
    let fault = Memo::new(move |_| player.fault.get().or_else(|| chosen.filter_fault.get()));
    let legend = Memo::new(move |_| replay.legend());
    let shared = Shared {
        homes,
        cities: cities(),
        selected: selected_country(chosen.filter.into()),
        on_select,
        view,
        figures,
    };
    let has_two_maps = move || second.get().is_some_and(|second| !second.is_over);
    view! {
        <section class="replay__map" aria-label="World map of recorded flows">
            <div class="replay__maps" class:replay__maps--two=has_two_maps>
                <WorldMap
                    feed=player.map
                    homes
                    cities=shared.cities
                    paint=heat.paint.into()
                    facts=facts(feed)
                    selected=shared.selected
                    on_select
                    view
                    handle=replay.map
                />
                {move || second.get().map(|second| view! { <Beside replay second shared/> })}
            </div>
            <div class="replay__over">
                <FilterBar
                    filter=chosen.filter
                    fault
                    others=chosen.url.others(&["filter"])
                    values=value_source()
                    on_filter
                />
                <TimeRangePicker
                    words=chosen.time.words
                    range=chosen.range
                    now=chosen.now()
                    extent=Signal::derive(move || answer.latest.with(|answer| answer.as_ref().and_then(|answer| answer.extent)))
                    fault=chosen.time.fault
                    others=chosen.url.others(&["from", "to", "at", "picture"])
                    on_choose=chosen.choose()
                />
            </div>
            <EmptyNote answer health/>
            <WithoutScript answer words=chosen.time.words filter=chosen.filter/>
            <Legends>
                <ColourLegend
                    colour_by
                    entries=legend
                    totals=feed.totals.into()
                    on_term
                    is_given=Signal::derive(move || second.get().is_some_and(|second| second.is_over))
                />
                <Show when=move || heat.explained.with(Option::is_some)>
                    <div class="replay__heat">
                        <Legend explained=Signal::derive(move || heat.explained.get().unwrap_or(Explained::Change { title: String::new() }))/>
                    </div>
                </Show>
            </Legends>
        </section>
        <section class="replay__player" aria-label="Player">
            <HistoryOverview
                extent=Signal::derive(move || answer.latest.with(|answer| answer.as_ref().and_then(|answer| answer.extent)))
                filter=chosen.filter
                metric=chosen.bars
                others=chosen.url.others(&["metric"])
                on_metric=chosen.measure()
                shown=chosen.range
                now=chosen.now()
                on_choose=chosen.choose_range()
            />
            <Timeline
                series=Signal::derive(move || answer.latest.with(|answer| answer.as_ref().map(|answer| answer.series.clone())))
                metric=chosen.bars
                range=chosen.range
                now=chosen.now()
                events=Signal::derive(move || events.with(|events| events.as_ref().map(|events| events.events.clone()).unwrap_or_default()))
                left_out=Signal::derive(move || events.with(|events| events.as_ref().map_or(0, |events| events.left_out)))
                clock_ms=feed.clock_ms
                is_held=player.is_dragged
                on_seek=Callback::new(move |at_ms| replay.seek(at_ms))
                on_zoom=chosen.choose_range()
                on_term
            />
            <Controls replay against/>
        </section>
        <Lists range=chosen.range feed on_term/>
        <Drawer feed on_term>
            <ArcTable feed/>
        </Drawer>
    }
}

impl Replay {
    /// What the arcs' colours say.
    fn legend(self) -> Vec<LegendEntry> {
        if let Some(ranges) = legend_over(self) {
            return ranges;
        }
        let feed = self.player.feed;
        let (totals, is_counting) = (feed.totals.get(), feed.is_counting.get());
        let by = self.colour_by.get();
        let mut entries = feed.so_far.with(|so_far| {
            let top_as = so_far.as_ref().map(|so_far| so_far.top_as.as_slice()).unwrap_or_default();
            self.player.colouring.with_value(|colouring| colouring.legend(by, totals.as_ref(), top_as))
        });
        if is_counting && by == ColourBy::AutonomousSystem {
            for entry in &mut entries {
                entry.traffic = None;
            }
        }
        entries
    }

    /// Keeps the address at the moment while it stands still, and begins again where that is wanted.
    fn follow(self, moment: &Moment) {
        let Self { player, chosen, .. } = self;
        if player.is_dragged.get_untracked() || moment.is_playing {
            return;
        }
        if moment.is_at_end && !player.is_paused.get_untracked() {
            if begins_again(chosen.is_looped.get_untracked(), self.is_filmed.get_untracked()) {
                player.play();
                return;
            }
            player.is_paused.set(true);
        }
        let picture_ms =
            moment.picture.as_ref().map(|picture| picture.picture_ms).filter(|length| *length > 0);
        let is_told = chosen.at_ms.get_untracked() == Some(moment.clock_ms)
            && (picture_ms.is_none() || chosen.picture_ms.get_untracked() == picture_ms);
        if player.is_paused.get_untracked() && !is_told {
            chosen.stand_at(moment.clock_ms, picture_ms);
        }
    }

    /// Goes where the address says: back and forward change it, too. Colours go the other way.
    fn follow_address(self) {
        let Self { player, chosen, colour_by, .. } = self;
        Effect::new(move |earlier: Option<()>| {
            let at_ms = chosen.at_ms.get();
            match at_ms {
                _ if earlier.is_none() => {}
                Some(at_ms) if at_ms != player.feed.clock_ms.get_untracked() => player.stand_at(at_ms),
                None if player.is_paused.get_untracked() => player.play(),
                Some(_) | None => {}
            }
        });
        // What was answered while the drag went on could not be told yet.
        Effect::new(move |was_dragged: Option<bool>| {
            let is_dragged = player.is_dragged.get();
            if was_dragged == Some(true) && !is_dragged && player.is_paused.get_untracked() {
                chosen.stand_at(player.feed.clock_ms.get_untracked(), player.shown_ms());
            }
            is_dragged
        });
        Effect::new(move |earlier: Option<()>| {
            let by = colour_by.get();
            if earlier.is_some() {
                let word = if by == ColourBy::default() { "" } else { by.name() };
                chosen.url.replace(&[("colour", word)]);
            }
        });
    }

    fn seek(self, at_ms: i64) {
        self.player.seek(at_ms);
    }

    /// What a step is: what plays in a second, in whole milliseconds.
    #[expect(clippy::cast_possible_truncation, reason = "at most a million seconds")]
    fn step_ms(self) -> i64 {
        ((self.chosen.times.get().abs() * 1000.0).round() as i64).max(1)
    }

    fn press(self, press: Press, has_help: RwSignal<bool>) {
        let Self { player, chosen, .. } = self;
        let range = player.range();
        match press {
            Press::Toggle => {
                player.toggle();
                if !player.is_paused.get_untracked() {
                    chosen.play();
                }
            }
            Press::Step(steps) => {
                let by = untrack(|| self.step_ms()).saturating_mul(i64::from(steps));
                player.stand_at(player.feed.clock_ms.get_untracked().saturating_add(by));
            }
            Press::First => self.seek(range.from_ms),
            Press::Last => self.seek(range.to_ms),
            Press::Turn => {
                let speed = chosen.speed.get_untracked();
                chosen.set_speed(Speed { is_backward: !speed.is_backward, ..speed });
            }
            Press::Loop => {
                let word = if chosen.is_looped.get_untracked() { "" } else { "1" };
                chosen.url.replace(&[("loop", word)]);
            }
            Press::Faster(is_faster) => {
                chosen.set_speed(chosen.speed.get_untracked().next(range, is_faster));
            }
            Press::Help => has_help.update(|has_help| *has_help = !*has_help),
        }
    }
}

/// Whether it plays from its beginning when it has come to its end. A film of what goes round would never end.
const fn begins_again(is_looped: bool, is_filmed: bool) -> bool {
    is_looped && !is_filmed
}

/// The bar below the timeline, and its keys.
#[component]
fn Controls(replay: Replay, against: Memo<Result<Option<i64>, String>>) -> impl IntoView {
    let Replay { chosen, player, .. } = replay;
    let feed = player.feed;
    let has_help = RwSignal::new(false);
    let press = Callback::new(move |press| replay.press(press, has_help));
    Effect::new(move |_| {
        let listener = window_event_listener(keydown, move |event: KeyboardEvent| {
            if event.default_prevented() || event.ctrl_key() || event.meta_key() || event.alt_key() {
                return;
            }
            if let Some(wanted) = Press::of_key(&event.key(), event.shift_key())
                && !crate::browser::page::takes_keys(&event)
            {
                event.prevent_default();
                press.run(wanted);
            }
        });
        on_cleanup(move || listener.remove());
    });
    let clock = Memo::new(move |_| {
        let is_slow = chosen.times.get().abs() < 10.0 || !feed.is_playing.get();
        time_words::running(feed.clock_ms.get(), chosen.time.clock.now(), is_slow)
    });
    let speeds = Memo::new(move |_| {
        let paces = FITS.map(Pace::Fit).into_iter().chain(TIMES.map(Pace::Times));
        let now = chosen.speed.get().pace;
        let mut paces: Vec<Pace> = paces.collect();
        if !paces.contains(&now) {
            paces.push(now);
        }
        paces
            .into_iter()
            .map(|pace| SpeedOption { name: pace.name(), label: pace.label() })
            .collect::<Vec<_>>()
    });
    let pace = Memo::new(move |_| {
        let asked = chosen.times.get();
        let pace = feed.pace.get().abs();
        let told = match chosen.speed.get().pace {
            Pace::Fit(_) => times_told(asked.abs()),
            Pace::Times(_) => String::new(),
        };
        if feed.is_playing.get() && pace > 0.0 && pace < asked.abs() * 0.8 {
            format!("{} of {}: the history cannot be read as fast", times_told(pace), times_told(asked.abs()))
        } else {
            told
        }
    });
    let heats = [None].into_iter().chain(Metric::ALL.map(Some)).map(move |metric: Option<Metric>| {
        let word = metric.map_or("", Metric::name);
        let label = metric.map_or("Off", metric_switch::label);
        let is_chosen = move || chosen.heat.get() == metric;
        view! { <option value=word selected=is_chosen>{label}</option> }
    });
    view! {
        <PlayerBar
            is_playing=Signal::derive(move || !player.is_paused.get())
            is_backward=Signal::derive(move || chosen.speed.get().is_backward)
            is_looped=chosen.is_looped.into()
            clock=clock.into()
            moment=Signal::derive(move || time_words::rfc3339(feed.clock_ms.get()))
            zone=Signal::derive(move || time_words::zone(chosen.time.clock.now()))
            step=Signal::derive(move || time_words::length(replay.step_ms()))
            speeds=speeds.into()
            speed=Signal::derive(move || chosen.speed.get().pace.name())
            pace=pace.into()
            has_help=has_help.into()
            on_press=press
            on_speed=Callback::new(move |word: String| {
                if let Some(pace) = Pace::parse(&word) {
                    chosen.set_speed(Speed { pace, ..chosen.speed.get_untracked() });
                }
            })
        >
            <label class="player-bar__speed" title="Colours countries by what has passed so far">
                <span class="player-bar__label">"Heatmap "</span>
                <select
                    prop:value=move || chosen.heat.get().map_or("", Metric::name)
                    on:change=move |event| chosen.url.replace(&[("heat", &event_target_value(&event))])
                >
                    {heats.collect_view()}
                </select>
            </label>
            <AgainstSwitch chosen against/>
            <FilmExport replay/>
        </PlayerBar>
    }
}

/// What happened in the range; asked for by the browser, since nothing on the page has to wait for it.
fn events_of_range(asked: Memo<Asked>) -> RwSignal<Option<Events>> {
    let events = RwSignal::new(None);
    Effect::new(move |_| {
        events.set(None);
        let of = asked.get();
        spawn_local(async move {
            let question = EventsQuestion { range: of.range, filter: of.filter.clone() };
            // Without an answer the timeline has no signs, and nothing else is missing.
            let answer = fetch_events(question, 0).await;
            if asked.try_get_untracked() == Some(of) {
                events.set(answer.ok());
            }
        });
    });
    events
}

/// The figures of the whole range by country, for the scale of the heatmap; asked for by the browser while it is on.
fn figures_of_range(chosen: &Chosen) -> Signal<Option<Vec<CountryAmount>>> {
    let figures = RwSignal::new(None);
    let Chosen { heat, range, filter, .. } = *chosen;
    let question = Memo::new(move |_| {
        heat.get().map(|_| HeatmapQuestion {
            range: range.get(),
            filter: filter.get(),
            sides: Sides::Both,
            addresses: true,
            places: 0,
        })
    });
    Effect::new(move |_| {
        figures.set(None);
        let Some(asked) = question.get() else { return };
        spawn_local(async move {
            // Without an answer the scale is that of the moment.
            let answer = fetch_heatmap(asked.clone(), 0).await;
            if question.try_get_untracked() == Some(Some(asked)) {
                figures.set(answer.ok().map(|heatmap| heatmap.countries));
            }
        });
    });
    figures.into()
}

/// What the map's card says: what a country had up to the moment.
fn facts(feed: ReplayFeed) -> Callback<MapTarget, Vec<CardLine>> {
    Callback::new(move |target| {
        let (code, is_city) = match target {
            MapTarget::Country(code) => (Some(code), false),
            MapTarget::City(place) => (place.country, true),
            MapTarget::Home(_) => (None, false),
        };
        let Some(code) = code else { return Vec::new() };
        let name = countries::country(code).map_or_else(|| code.to_string(), |entry| entry.name.to_owned());
        let label = if is_city { format!("All of {name}, so far:") } else { "So far:".to_owned() };
        if feed.is_counting.get() {
            return vec![CardLine { label, value: COUNTING.to_owned(), is_main: false }];
        }
        let found = feed.so_far.with(|so_far| {
            let so_far = so_far.as_ref()?;
            let all = so_far.countries.iter().find(|entry| entry.country == Some(code));
            let top = so_far.top_countries.iter().find(|entry| entry.country == Some(code));
            Some((
                all.map(|entry| entry.amount.traffic).or(top.map(|entry| entry.traffic)),
                all.and_then(|entry| entry.amount.addresses),
                !so_far.countries.is_empty() || so_far.top_countries.len() < crate::model::frame::TOP_ENTRIES,
            ))
        });
        let value = match found {
            Some((Some(traffic), addresses, _)) => {
                let flows = quantity::counted(traffic.flows, "flow");
                let told = format!("{} in {flows}", quantity::bytes(traffic.scaled_bytes));
                addresses.map_or(told.clone(), |distinct| {
                    let mark = if distinct.is_exact() { "" } else { "about " };
                    format!("{told}, {mark}{} addresses", quantity::count(distinct.count))
                })
            }
            Some((None, _, true)) => "no traffic".to_owned(),
            _ => "not among the countries with most".to_owned(),
        };
        vec![CardLine { label, value, is_main: false }]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_begins_again_unless_it_is_filmed() {
        assert!(begins_again(true, false) && !begins_again(true, true) && !begins_again(false, false));
    }
}
