//! The replay as a file: a video of the range, a picture of the moment, the flow records.

use std::time::Duration;

use leptos::leptos_dom::helpers::set_timeout;
use leptos::prelude::*;
use leptos::task::spawn_local;
use send_wrapper::SendWrapper;

use super::Replay;
use super::compare::{COUNTING, Side};
use super::speed::{FITS, Pace, Speed};
use crate::browser::film::{Caption, FilmFault, FilmSize, Pane, ShadeLegend};
use crate::browser::recorder::{self, Recording};
use crate::components::colour_legend::LegendEntry;
use crate::components::heatmap::legend::Explained;
use crate::components::heatmap::rows::{metric_label, short};
use crate::model::time_words;
use crate::model::{quantity, time};
use crate::pages::api_link::flow_files;
use crate::pages::health::Health;

/// How long the end of the range is shown: the last arcs land, and one can read the totals.
const ENDING: Duration = Duration::from_secs(2);
/// Shades that a legend in a film has room for; of more, every second is named.
const MOST_STEPS: usize = 9;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing is recorded.
    Idle,
    /// The speed is being set.
    Winding,
    /// The range plays before the camera.
    Recording,
    /// The end is shown.
    Ending,
    /// The file is made.
    Saving,
}

/// A film of a replay. Copies are the same.
#[derive(Clone, Copy)]
struct Film {
    replay: Replay,
    /// What is written on the replay's map, and on the map beside it.
    captions: [Callback<(), Caption>; 2],
    state: RwSignal<State>,
    /// What came of it, for people.
    told: RwSignal<String>,
    bytes: RwSignal<u64>,
    size: RwSignal<usize>,
    seconds: RwSignal<u32>,
    /// The speed to go back to.
    earlier: StoredValue<Option<Speed>>,
    // A local value would be dropped on another thread on the server, and panic there.
    recording: StoredValue<Option<SendWrapper<Recording>>>,
}

impl Film {
    /// The speed at which the film has the length that was chosen.
    fn speed(self) -> Speed {
        Speed { pace: Pace::Fit(self.seconds.get_untracked()), is_backward: false }
    }

    fn enter(self, state: State) {
        self.state.set(state);
        self.replay.is_filmed.set(state != State::Idle);
    }

    fn film_size(self) -> FilmSize {
        let (size, _) = FilmSize::ALL.get(self.size.get_untracked()).copied().unwrap_or(FilmSize::ALL[0]);
        size
    }

    fn begin(self) {
        if !recorder::can_record() {
            self.told.set(FilmFault::NoWebM.told().to_owned());
            return;
        }
        let chosen = self.replay.chosen;
        self.told.set(String::new());
        self.earlier.set_value(Some(chosen.speed.get_untracked()));
        self.replay.player.pause();
        self.enter(State::Winding);
        chosen.set_speed(self.speed());
    }

    /// Now that the speed is set: from the beginning, before the camera.
    fn roll(self) {
        let Replay { chosen, player, .. } = self.replay;
        player.map.clear();
        player.stand_at(player.range().from_ms);
        let on_visible = move |is_visible: bool| if is_visible { player.play() } else { player.pause() };
        match recorder::record(self.panes(), self.film_size(), on_visible) {
            Ok(recording) => {
                self.recording.set_value(Some(SendWrapper::new(recording)));
                self.bytes.set(0);
                self.enter(State::Recording);
                player.play();
                chosen.play();
            }
            Err(fault) => self.end(fault.told().to_owned()),
        }
    }

    /// Follows the replay while it is recorded.
    fn follow(self) {
        let Replay { chosen, player, .. } = self.replay;
        Effect::new(move |_| {
            if self.state.get() == State::Winding && chosen.speed.get() == self.speed() {
                untrack(|| self.roll());
            }
        });
        Effect::new(move |_| {
            let (clock_ms, is_at_end) = (player.feed.clock_ms.get(), player.feed.is_at_end.get());
            if self.state.get_untracked() != State::Recording {
                return;
            }
            let bytes = self.recording.with_value(|recording| recording.as_ref().map(|film| film.bytes()));
            if bytes.is_some_and(|bytes| bytes != self.bytes.get_untracked()) {
                self.bytes.set(bytes.unwrap_or_default());
            }
            if is_at_end && clock_ms >= player.range().to_ms {
                self.enter(State::Ending);
                set_timeout(
                    move || {
                        if self.state.try_get_untracked() == Some(State::Ending) {
                            self.save();
                        }
                    },
                    ENDING,
                );
            }
        });
        on_cleanup(move || {
            self.recording.try_update_value(Option::take);
        });
    }

    /// Ends the recording, and saves what there is.
    fn save(self) {
        if self.state.get_untracked() == State::Winding {
            self.cancel();
            return;
        }
        let Some(recording) = self.recording.try_update_value(Option::take).flatten() else { return };
        self.replay.player.pause();
        self.enter(State::Saving);
        let name = format!("{}.webm", self.file_name());
        spawn_local(async move {
            let saved = recording.take().finish(name.clone()).await;
            let told = match saved {
                Ok(bytes) => format!("Saved {name}, {}.", quantity::bytes(bytes)),
                Err(fault) => fault.told().to_owned(),
            };
            if !self.state.is_disposed() {
                self.end(told);
            }
        });
    }

    fn cancel(self) {
        self.recording.try_update_value(Option::take);
        self.replay.player.pause();
        self.end("The recording was thrown away.".to_owned());
    }

    fn end(self, told: String) {
        self.enter(State::Idle);
        self.told.set(told);
        if let Some(speed) = self.earlier.try_update_value(Option::take).flatten() {
            self.replay.chosen.set_speed(speed);
        }
    }

    fn picture(self) {
        let name = format!("{}.png", self.file_name());
        let told = match recorder::picture(&name, self.panes(), self.film_size()) {
            Ok(()) => format!("Saved {name}."),
            Err(fault) => fault.told().to_owned(),
        };
        self.told.set(told);
    }

    /// `meridian-replay-2026-11-23-1400`, of the moment.
    fn file_name(self) -> String {
        let clock = time::date_and_time(self.replay.player.feed.clock_ms.get_untracked());
        let clock: String = clock.chars().filter(|letter| *letter != ':').take(15).collect();
        format!("meridian-replay-{}", clock.replace(' ', "-"))
    }

    /// The map, and beside it that of the other range if there is one.
    fn panes(self) -> Vec<Pane> {
        let [first, second] = self.captions;
        let first = Pane { map: self.replay.map, caption: first };
        let side = self.replay.beside.get_untracked().filter(|_| !self.replay.chosen.is_over.get_untracked());
        let second = side.map(|side: Side| Pane { map: side.map, caption: second });
        [first].into_iter().chain(second).collect()
    }

    fn percent(self) -> u32 {
        let player = self.replay.player;
        percent(passed(player.feed.clock_ms.get(), player.range().from_ms, player.range().to_ms))
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100")]
fn percent(share: f64) -> u32 {
    (share * 100.0).round() as u32
}

/// How much of a range lies before a moment, 0 to 1.
#[expect(clippy::cast_precision_loss, reason = "a share")]
pub(super) fn passed(clock_ms: i64, from_ms: i64, to_ms: i64) -> f64 {
    let length = (to_ms - from_ms).max(1) as f64;
    ((clock_ms - from_ms) as f64 / length).clamp(0.0, 1.0)
}

/// What is written on the map of the replay.
fn caption(replay: Replay, health: Health) -> Caption {
    let Replay { chosen, player, heat, .. } = replay;
    let mut caption = Side { player, map: replay.map }.caption(replay);
    if let Some(second) = replay.beside.get().filter(|_| chosen.is_over.get()) {
        let words = second.caption(replay);
        caption
            .figures
            .extend(words.title.iter().zip(&words.figures).map(|(range, told)| format!("{range}: {told}")));
    }
    let entries: Vec<LegendEntry> = replay.legend();
    caption.arcs = entries.into_iter().map(|entry| (entry.colour, entry.name)).collect();
    let is_counting = player.feed.is_counting.get();
    caption.shades = heat.explained.get().and_then(|explained| shades(&explained, is_counting));
    let mut credits = vec!["Meridian", "Outlines: Natural Earth"];
    let needs = health
        .status
        .with(|status| status.as_ref().is_some_and(|status| status.geolocation.needs_db_ip_attribution()));
    if needs {
        credits.push("IP Geolocation by DB-IP");
    }
    caption.credits = credits.join(" · ");
    let filter = chosen.filter.get();
    caption.title.push(if filter.is_empty() { "All flows".to_owned() } else { filter });
    caption
}

fn shades(explained: &Explained, is_counting: bool) -> Option<ShadeLegend> {
    let Explained::Figures { metric, classes, .. } = explained else { return None };
    let stride = classes.len().div_ceil(MOST_STEPS).max(1);
    Some(ShadeLegend {
        title: format!(
            "{} by country, {}",
            metric_label(*metric),
            if is_counting { COUNTING } else { "so far" }
        ),
        steps: classes
            .iter()
            .step_by(stride)
            .map(|class| (class.shade, short(*metric, class.from)))
            .collect(),
        end: classes.last().map(|class| short(*metric, class.to)).unwrap_or_default(),
    })
}

/// The menu.
#[component]
pub(super) fn FilmExport(replay: Replay) -> impl IntoView {
    let health = expect_context::<Health>();
    let film = Film {
        replay,
        // Made here they live as long as the page; made by an effect, until it runs again.
        captions: [
            Callback::new(move |()| untrack(|| caption(replay, health))),
            Callback::new(move |()| {
                untrack(|| replay.beside.get().map(|side| side.caption(replay)).unwrap_or_default())
            }),
        ],
        state: RwSignal::new(State::Idle),
        told: RwSignal::new(String::new()),
        bytes: RwSignal::new(0),
        size: RwSignal::new(0),
        seconds: RwSignal::new(30),
        earlier: StoredValue::new(None),
        recording: StoredValue::new(None),
    };
    film.follow();
    let summary = move || match film.state.get() {
        State::Idle => "Export".to_owned(),
        State::Saving => "Saving …".to_owned(),
        State::Winding | State::Recording | State::Ending => format!("Recording {} %", film.percent()),
    };
    let sizes = FilmSize::ALL.into_iter().enumerate().map(|(index, (_, label))| {
        view! { <option value=index.to_string() selected=move || film.size.get() == index>{label}</option> }
    });
    let lengths = FITS.map(|seconds| {
        view! {
            <option value=seconds.to_string() selected=move || film.seconds.get() == seconds>
                {format!("{seconds} seconds")}
            </option>
        }
    });
    let number = |event: &leptos::ev::Event| event_target_value(event).parse::<u32>().ok();
    let is_idle = Memo::new(move |_| film.state.get() == State::Idle);
    let files = move || flow_files(replay.chosen.range.get(), &replay.chosen.filter.get());
    view! {
        <details class="export film">
            <summary class="button">{summary}</summary>
            <div class="export__files film__panel">
                <fieldset class="film__choices" disabled=move || !is_idle.get()>
                    <legend>"The replay as a video"</legend>
                    <label>
                        "Size "
                        <select on:change=move |event| {
                            let index = number(&event).and_then(|index| usize::try_from(index).ok());
                            film.size.set(index.unwrap_or_default());
                        }>{sizes.collect_view()}</select>
                    </label>
                    <label>
                        "Length of the range "
                        <select on:change=move |event| film.seconds.set(number(&event).unwrap_or(30))>
                            {lengths.collect_view()}
                        </select>
                    </label>
                    <div class="film__buttons">
                        <button type="button" class="button button--primary" on:click=move |_| film.begin()>
                            "Record WebM video"
                        </button>
                        " "
                        <button type="button" class="button" on:click=move |_| film.picture()>
                            "PNG of this moment"
                        </button>
                    </div>
                </fieldset>
                <Show when=move || !is_idle.get()>
                    <div class="film__progress">
                        <progress max="100" value=move || film.percent().to_string() aria-label="Recorded"></progress>
                        <p>
                            "The map shows what is recorded, as it will be. Keep this tab in front: behind others the \
                             recording rests. "
                            {move || (film.bytes.get() > 0).then(|| format!("{} so far.", quantity::bytes(film.bytes.get())))}
                        </p>
                        <div class="film__buttons">
                            <button type="button" class="button" on:click=move |_| film.save()>"Stop and save"</button>
                            " "
                            <button type="button" class="button" on:click=move |_| film.cancel()>"Cancel"</button>
                        </div>
                    </div>
                </Show>
                <p class="film__told" role="status">{move || film.told.get()}</p>
                <p class="film__links">
                    "Flow records of the range: " {files}
                </p>
                <noscript><p>"Videos and pictures need JavaScript; the links do not."</p></noscript>
            </div>
        </details>
    }
    .into_any()
}

/// The words of a moment: day, and time with zone.
pub(super) fn moment_told(replay: Replay, clock_ms: i64) -> (String, String) {
    let now = replay.chosen.time.clock.now();
    let is_slow = replay.chosen.times.get().abs() < 10.0;
    let (day, clock) = time_words::running(clock_ms, now, is_slow);
    (day, format!("{clock} {}", time_words::zone(now)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_passed_by_its_end_and_an_empty_one_is_no_division() {
        assert!(passed(150, 100, 200) > 0.49 && passed(150, 100, 200) < 0.51);
        assert!(passed(900, 100, 200) >= 1.0 && passed(0, 100, 200) <= 0.0);
        assert!(passed(100, 100, 100) <= 0.0);
    }
}
