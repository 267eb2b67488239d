//! A second range beside the replay, or over it, as long as the first and on the same clock: today against last week.
//!
//! It has a stream of its own. It stands where the first stands and plays as fast; when it is off by more than one sees, it
//! is set right. Beside each other, both maps show the same part of the world; over each other, on one map, each range has a
//! colour.

use leptos::prelude::*;

use super::film::{moment_told, passed};
use super::heat::Heat;
use super::player::{Player, Question};
use super::{Chosen, Replay};
use crate::browser::film::Caption;
use crate::browser::page;
use crate::components::colour_legend::LegendEntry;
use crate::components::world_map::{CardLine, MapHandle, MapTarget, MapView, WorldMap};
use crate::model::history::CountryAmount;
use crate::model::place::{City, CountryCode, HomeNetwork};
use crate::model::quantity;
use crate::model::time_range::TimeRange;
use crate::model::time_words::{self, TimeWords};
use crate::model::traffic::Traffic;

/// What is said in place of figures that are not known yet.
pub const COUNTING: &str = "being counted …";
/// How far the second may be behind or ahead of the first, milliseconds of those who watch.
const TOLERANCE_MS: f64 = 400.0;
/// How far, so that their totals can be compared while they play: two frames.
const AGREEMENT_MS: f64 = 80.0;
/// Shortest time between two corrections, milliseconds.
const CORRECTION_MS: i64 = 2_000;
const DAY_MS: i64 = 86_400_000;
/// The colours of the first and the second range on one map.
const TINTS: [u8; 2] = [0, 1];

/// One of two replays, and its map. Copies are the same.
#[derive(Clone, Copy)]
pub struct Side {
    /// The replay.
    pub player: Player,
    /// Its map.
    pub map: MapHandle,
}

impl Side {
    /// What a film says of it.
    pub fn caption(self, replay: Replay) -> Caption {
        let feed = self.player.feed;
        let range = self.player.range();
        let (date, clock) = moment_told(replay, feed.clock_ms.get());
        Caption {
            title: vec![time_words::range(range, replay.chosen.time.clock.now())],
            date,
            clock,
            figures: vec![total_told(feed.totals.get().map(|totals| totals.all))],
            passed: passed(feed.clock_ms.get(), range.from_ms, range.to_ms),
            ..Caption::default()
        }
    }
}

/// Where the second range begins: `against` of the address, as RFC 3339 or in words; or what to write instead.
pub fn against(chosen: Chosen) -> Memo<Result<Option<i64>, String>> {
    Memo::new(move |_| {
        let Some(text) = chosen.url.read("against").filter(|text| !text.is_empty()) else { return Ok(None) };
        if let Some(ms) = time_words::parse_rfc3339(&text) {
            return Ok(Some(ms));
        }
        let now = chosen.time.clock.now();
        let words = TimeWords::read(Some(&text), Some("now"), now)?;
        words.map(|words| words.resolve(now).map(|range| range.from_ms)).transpose()
    })
}

/// How a second range is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Second {
    /// Where it begins, milliseconds since 1970.
    pub from_ms: i64,
    /// True when it is over the first, on one map.
    pub is_over: bool,
}

impl Second {
    /// The second range, if there is one.
    pub fn of(chosen: Chosen, against: Memo<Result<Option<i64>, String>>) -> Memo<Option<Self>> {
        Memo::new(move |_| {
            let from_ms = against.get().ok().flatten()?;
            Some(Self { from_ms, is_over: chosen.is_over.get() })
        })
    }

    /// The colour of the first range while the second is over it.
    pub fn tint(second: Memo<Option<Self>>) -> Signal<Option<u8>> {
        Signal::derive(move || second.get().filter(|second| second.is_over).map(|_| TINTS[0]))
    }
}

/// What the colours of two ranges on one map say; nothing while there is one range, or two maps.
pub(super) fn legend_over(replay: Replay) -> Option<Vec<LegendEntry>> {
    let second = replay.beside.get().filter(|_| replay.chosen.is_over.get())?;
    let now = replay.chosen.time.clock.now();
    let line = |player: Player, colour: u8| LegendEntry {
        colour,
        name: time_words::range(player.range(), now),
        traffic: player.feed.totals.get().map(|totals| totals.all),
        term: String::new(),
    };
    Some(vec![line(replay.player, TINTS[0]), line(second.player, TINTS[1])])
}

/// The switch: against what.
#[component]
pub(super) fn AgainstSwitch(chosen: Chosen, against: Memo<Result<Option<i64>, String>>) -> impl IntoView {
    let offers = Memo::new(move |_| {
        let range = chosen.range.get();
        let length = range.length_ms();
        let before = |ms: i64| time_words::rfc3339(range.from_ms.saturating_sub(ms));
        let mut offers =
            vec![(String::new(), "nothing".to_owned()), (before(length), "the time before".to_owned())];
        for (ms, name) in [(DAY_MS, "a day before"), (7 * DAY_MS, "a week before")] {
            if ms != length {
                offers.push((before(ms), name.to_owned()));
            }
        }
        if let Ok(Some(from_ms)) = against.get() {
            let word = time_words::rfc3339(from_ms);
            if offers.iter().all(|(offered, _)| *offered != word) {
                offers.push((word, time_words::moment(from_ms, chosen.time.clock.now())));
            }
        }
        offers
    });
    let now = Memo::new(move |_| against.get().ok().flatten().map(time_words::rfc3339).unwrap_or_default());
    view! {
        <label class="player-bar__speed">
            <span class="player-bar__label">"Beside "</span>
            <select
                prop:value=move || now.get()
                on:change=move |event| chosen.url.push(&[("against", &event_target_value(&event))])
            >
                {move || offers.get().into_iter().map(|(word, name)| {
                    let own = word.clone();
                    let is_chosen = move || now.with(|now| *now == own);
                    view! { <option value=word selected=is_chosen>{name}</option> }
                }).collect_view()}
            </select>
        </label>
        <Show when=move || against.with(|against| matches!(against, Ok(Some(_))))>
            <button
                type="button"
                class="player-bar__choice"
                aria-pressed=move || if chosen.is_over.get() { "true" } else { "false" }
                title="Both ranges over each other, a colour each; else a map for each"
                on:click=move |_| {
                    let word = if chosen.is_over.get_untracked() { "" } else { "1" };
                    chosen.url.replace(&[("over", word)]);
                }
            >
                "On one map"
            </button>
        </Show>
        <p class="replay__fault" role="status">
            {move || against.get().err().map(|fault| format!("against: {fault}"))}
        </p>
    }
    .into_any()
}

/// What the maps share.
#[derive(Clone, Copy)]
pub(super) struct Shared {
    pub homes: Signal<Vec<HomeNetwork>>,
    pub cities: Signal<Vec<City>>,
    pub selected: Signal<Option<CountryCode>>,
    pub on_select: Callback<MapTarget>,
    pub view: RwSignal<MapView>,
    /// The figures of the first range, so that a colour means the same on both maps.
    pub figures: Signal<Option<Vec<CountryAmount>>>,
}

/// The second range, with its figures and how they differ.
#[component]
pub(super) fn Beside(replay: Replay, second: Second, shared: Shared) -> impl IntoView {
    let Replay { chosen, player: first, .. } = replay;
    let Second { from_ms, is_over } = second;
    let question = Memo::new(move |_| {
        let length = chosen.range.get().length_ms();
        Question {
            range: TimeRange { from_ms, to_ms: from_ms.saturating_add(length) },
            filter: chosen.filter.get(),
            by_country: chosen.heat.get().is_some(),
        }
    });
    let place = move |clock_ms: i64| clock_ms - first.range().from_ms + from_ms;
    let at_ms = place(first.feed.clock_ms.get_untracked());
    let tint = is_over.then_some(TINTS[1]);
    let second = Player::new(
        question,
        chosen.times.into(),
        replay.colour_by.into(),
        Signal::stored(tint),
        Some(at_ms),
    );
    let second = if is_over { second.over(first) } else { second };
    second.is_paused.set(is_still(first));
    second.run(Callback::new(|_| ()));
    follow(first, second, chosen.times.into(), place);
    let side = Side { player: second, map: MapHandle::new() };
    replay.beside.set(Some(side));
    on_cleanup(move || {
        replay.beside.try_set(None);
        if is_over {
            first.map.over().leave();
        }
    });
    let heat = Heat::new(second.feed, chosen.heat, shared.figures);
    let facts = Callback::new(move |target| match target {
        MapTarget::Country(_) if second.feed.is_counting.get() => vec![CardLine::plain(COUNTING.to_owned())],
        MapTarget::Country(code) => vec![CardLine::plain(so_far(second, code))],
        MapTarget::City(_) | MapTarget::Home(_) => Vec::new(),
    });
    let moment = move || moment_told(replay, second.feed.clock_ms.get());
    let totals = move |player: Player| player.feed.totals.get().map(|totals| totals.all);
    let difference = move || {
        let off_ms = place(first.feed.clock_ms.get()) - second.feed.clock_ms.get();
        let is_still = first.is_paused.get() || first.is_dragged.get() || !first.feed.is_playing.get();
        let are_together = is_within(off_ms, chosen.times.get(), if is_still { 0.0 } else { AGREEMENT_MS });
        totals(first).zip(totals(second)).filter(|_| are_together).map(|(one, other)| differs(one, other))
    };
    let fault = move || second.fault.get().map(|fault| fault.message);
    let map = (!is_over).then(|| {
        view! {
            <WorldMap
                feed=second.map
                homes=shared.homes
                cities=shared.cities
                paint=heat.paint.into()
                facts
                selected=shared.selected
                on_select=shared.on_select
                view=shared.view
                handle=side.map
            />
        }
    });
    view! {
        <div class="replay__beside" class:replay__beside--over=is_over>
            {map}
            <section class="replay__beside-figures" aria-label="The range beside">
                <h2>{move || time_words::range(question.get().range, chosen.time.clock.now())}</h2>
                <p class="replay__beside-clock">{move || { let (day, clock) = moment(); format!("{day} {clock}") }}</p>
                <p>{move || total_told(totals(second))}</p>
                <p class="replay__beside-difference">{difference}</p>
                <p class="replay__fault" role="status">{fault}</p>
            </section>
        </div>
    }
    .into_any()
}

fn is_still(player: Player) -> bool {
    player.is_paused.get_untracked() || player.is_dragged.get_untracked()
}

/// Keeps the second replay where the first is.
fn follow(first: Player, second: Player, times: Signal<f64>, place: impl Fn(i64) -> i64 + Copy + 'static) {
    Effect::new(move |_| {
        first.is_paused.track();
        first.is_dragged.track();
        let is_still = is_still(first);
        if is_still != second.is_paused.get_untracked() {
            if is_still { second.pause() } else { second.play() }
        }
    });
    let corrected_ms = StoredValue::new(0_i64);
    Effect::new(move |_| {
        let wanted_ms = place(first.feed.clock_ms.get());
        first.is_paused.track();
        let off_ms = wanted_ms - second.feed.clock_ms.get_untracked();
        if is_still(first) {
            if off_ms != 0 {
                second.seek(wanted_ms);
            }
            return;
        }
        let now_ms = page::now_ms();
        let is_off = !is_within(off_ms, times.get_untracked(), TOLERANCE_MS);
        if is_off && now_ms > corrected_ms.get_value() + CORRECTION_MS {
            corrected_ms.set_value(now_ms);
            second.seek(wanted_ms);
        }
    });
}

/// True when two moments are at most so many milliseconds of those who watch apart.
#[expect(clippy::cast_precision_loss, reason = "a comparison with a tolerance")]
fn is_within(off_ms: i64, times: f64, tolerance_ms: f64) -> bool {
    (off_ms as f64).abs() <= tolerance_ms * times.abs()
}

fn total_told(total: Option<Traffic>) -> String {
    total.map_or_else(|| COUNTING.to_owned(), told)
}

fn told(traffic: Traffic) -> String {
    format!("{} in {}", quantity::bytes(traffic.scaled_bytes), quantity::counted(traffic.flows, "flow"))
}

/// How the first range differs from the second, up to the same moment.
fn differs(one: Traffic, other: Traffic) -> String {
    if other.is_none() {
        return "Nothing has passed in the range beside".to_owned();
    }
    let flows = change(one.flows, other.flows);
    let bytes = change(one.scaled_bytes, other.scaled_bytes);
    format!("The first range has {bytes} bytes and {flows} flows")
}

/// `12 % more`; less than half a per cent is `as many`.
fn change(one: u64, other: u64) -> String {
    if other == 0 {
        return "as many".to_owned();
    }
    let per_cent = (u128::from(one) * 100 + u128::from(other) / 2) / u128::from(other);
    match per_cent {
        100 => "as many".to_owned(),
        less @ 0..100 => format!("{} % fewer", 100 - less),
        more => format!("{} % more", more - 100),
    }
}

fn so_far(player: Player, code: CountryCode) -> String {
    let found = player.feed.so_far.with(|so_far| {
        let so_far = so_far.as_ref()?;
        let all = so_far.countries.iter().find(|entry| entry.country == Some(code));
        let top = so_far.top_countries.iter().find(|entry| entry.country == Some(code));
        all.map(|entry| entry.amount.traffic).or(top.map(|entry| entry.traffic))
    });
    found.map_or_else(|| "not among the countries with most".to_owned(), told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_compared_at_the_same_moment_and_told_once_they_are_counted() {
        assert!(is_within(0, -600.0, 0.0) && !is_within(1, 600.0, 0.0), "still: the same millisecond");
        assert!(is_within(-48_000, -600.0, AGREEMENT_MS) && !is_within(48_001, 600.0, AGREEMENT_MS));
        assert_eq!(total_told(None), COUNTING);
        assert!(total_told(Some(Traffic::NONE)).contains("0 flows"));
    }

    #[test]
    fn a_difference_is_said_in_per_cent_of_the_second_range_and_nothing_is_not_divided_by() {
        assert_eq!(change(150, 100), "50 % more");
        assert_eq!(change(1, 3), "67 % fewer");
        assert_eq!(change(1_000, 1_001), "as many");
        assert_eq!(change(0, 0), "as many");
        assert_eq!(change(u64::MAX, 1), format!("{} % more", u128::from(u64::MAX) * 100 - 100));
    }
}
