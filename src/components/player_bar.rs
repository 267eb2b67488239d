//! The controls of a replay: play, step, loop, way and speed, and the clock.

use leptos::prelude::*;

/// What a control asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Press {
    /// Play, or stand still.
    Toggle,
    /// A step back (negative) or on; a large one is ten small ones.
    Step(i8),
    /// To where the range begins.
    First,
    /// To where it ends.
    Last,
    /// The other way round.
    Turn,
    /// Begin again at the end, or not.
    Loop,
    /// Faster (true) or slower.
    Faster(bool),
    /// Show the keys, or not.
    Help,
}

impl Press {
    /// What a key asks for; `None` for keys that are not the player's.
    pub fn of_key(key: &str, has_shift: bool) -> Option<Self> {
        let step = if has_shift { 10 } else { 1 };
        Some(match key {
            " " | "k" | "K" => Self::Toggle,
            "ArrowLeft" => Self::Step(-step),
            "ArrowRight" => Self::Step(step),
            "Home" => Self::First,
            "End" => Self::Last,
            "r" | "R" => Self::Turn,
            "l" | "L" => Self::Loop,
            "." | ">" => Self::Faster(true),
            "," | "<" => Self::Faster(false),
            "?" => Self::Help,
            _ => return None,
        })
    }
}

/// Keys and what they do, for people.
const KEYS: [(&str, &str); 8] = [
    ("Space, K", "play or stand still"),
    ("← →", "a step back or on: what plays in a second"),
    ("Shift ← →", "ten steps"),
    ("Home, End", "to the beginning or the end of the range"),
    ("R", "play the other way round"),
    ("L", "begin again at the end"),
    (", and .", "slower and faster"),
    ("?", "these keys"),
];

/// One of the speeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpeedOption {
    /// The word of the address.
    pub name: String,
    /// What it is called.
    pub label: String,
}

/// The bar.
#[component]
pub fn PlayerBar(
    /// False when it stands still.
    is_playing: Signal<bool>,
    /// True when it plays backwards.
    is_backward: Signal<bool>,
    /// True when it begins again at its end.
    is_looped: Signal<bool>,
    /// Date and time of the clock, as text.
    clock: Signal<(String, String)>,
    /// The same as RFC 3339.
    moment: Signal<String>,
    /// The zone of both.
    zone: Signal<String>,
    /// How long a step is, in words.
    step: Signal<String>,
    /// The speeds; one of them is `speed`.
    speeds: Signal<Vec<SpeedOption>>,
    /// The speed now, by its word.
    speed: Signal<String>,
    /// What there is to say about the speed.
    pace: Signal<String>,
    /// True while the keys are shown.
    has_help: Signal<bool>,
    /// Called for every control.
    on_press: Callback<Press>,
    /// Called with the word of a speed.
    on_speed: Callback<String>,
    /// More controls, at the end.
    children: Children,
) -> impl IntoView {
    let button = move |press: Press, label: Signal<String>, path: Signal<&'static str>| {
        view! {
            <button
                type="button"
                class="player-bar__button"
                aria-label=move || label.get()
                title=move || label.get()
                on:click=move |_| on_press.run(press)
            >
                <svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true">
                    <path d=move || path.get() fill="currentColor"></path>
                </svg>
            </button>
        }
    };
    let still = |text: &'static str| Signal::stored(text.to_owned());
    let switch = move |press: Press, is_on: Signal<bool>, label: &'static str, path: &'static str| {
        view! {
            <button
                type="button"
                class="player-bar__button"
                aria-label=label
                title=label
                aria-pressed=move || if is_on.get() { "true" } else { "false" }
                on:click=move |_| on_press.run(press)
            >
                <svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true">
                    <path d=path fill="none" stroke="currentColor" stroke-width="2"></path>
                </svg>
            </button>
        }
    };
    let play_label = Signal::derive(move || {
        if is_playing.get() { "Stand still (space)" } else { "Play (space)" }.to_owned()
    });
    let play_path =
        Signal::derive(
            move || if is_playing.get() { "M6 4h4v16H6zM14 4h4v16h-4z" } else { "M7 4l13 8-13 8z" },
        );
    let options = move || {
        speeds
            .get()
            .into_iter()
            .map(|option| {
                let name = option.name.clone();
                let is_chosen = move || speed.with(|speed| *speed == name);
                view! { <option value=option.name selected=is_chosen>{option.label}</option> }
            })
            .collect_view()
    };
    view! {
        <div class="player-bar" role="group" aria-label="Replay">
            <div class="player-bar__buttons">
                {button(Press::First, still("To the beginning (Home)"), Signal::stored("M5 5h2v14H5zM20 5v14L9 12z"))}
                {button(
                    Press::Step(-1),
                    Signal::derive(move || format!("A step back: {} (←)", step.get())),
                    Signal::stored("M17 5h2v14h-2zM14 5v14L4 12z"),
                )}
                {button(Press::Toggle, play_label, play_path)}
                {button(
                    Press::Step(1),
                    Signal::derive(move || format!("A step on: {} (→)", step.get())),
                    Signal::stored("M5 5h2v14H5zM10 5l10 7-10 7z"),
                )}
                {button(Press::Last, still("To the end (End)"), Signal::stored("M17 5h2v14h-2zM4 5l11 7-11 7z"))}
                {switch(Press::Turn, is_backward, "Backwards (R)", "M20 12H6M12 5l-7 7 7 7")}
                {switch(Press::Loop, is_looped, "Begin again at the end (L)", "M4 11V9a3 3 0 0 1 3-3h12M16 3l3 3-3 3M20 13v2a3 3 0 0 1-3 3H5M8 21l-3-3 3-3")}
            </div>
            <p class="player-bar__clock" aria-label="The moment that is shown">
                <time datetime=move || moment.get()>
                    <span class="player-bar__date">{move || clock.get().0}</span>
                    " "
                    <span class="player-bar__time">{move || clock.get().1}</span>
                </time>
                " "
                <span class="player-bar__zone">{move || zone.get()}</span>
            </p>
            <label class="player-bar__speed">
                <span class="player-bar__label">"Speed "</span>
                <select
                    prop:value=move || speed.get()
                    on:change=move |event| on_speed.run(event_target_value(&event))
                >
                    {options}
                </select>
            </label>
            <p class="player-bar__pace" role="status">{move || pace.get()}</p>
            {children()}
            <button
                type="button"
                class="player-bar__button player-bar__help"
                aria-label="Keys (?)"
                title="Keys (?)"
                aria-expanded=move || if has_help.get() { "true" } else { "false" }
                on:click=move |_| on_press.run(Press::Help)
            >
                "?"
            </button>
            <Show when=move || has_help.get()>
                <dl class="player-bar__keys">
                    {KEYS.map(|(key, meaning)| view! {
                        <div><dt>{key} " "</dt><dd>{meaning} " "</dd></div>
                    }).collect_view()}
                </dl>
            </Show>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_that_the_help_names_does_something() {
        for key in [" ", "k", "ArrowLeft", "ArrowRight", "Home", "End", "r", "l", ",", ".", "?"] {
            assert!(Press::of_key(key, false).is_some(), "{key}");
        }
        assert_eq!(Press::of_key("ArrowLeft", true), Some(Press::Step(-10)));
        assert_eq!(Press::of_key("a", false), None);
    }
}
