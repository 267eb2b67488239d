//! The badge that says whether what the page shows is alive.
//!
//! Its state is announced to screen readers when it changes; the age beside it is not.

use leptos::prelude::*;

use crate::components::setup_guide::QuickStart;
use crate::model::quantity;
use crate::model::status::Listener;

/// What the badge says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadgeState {
    /// Data arrive; the last ones are so old, in tenths of a second below ten seconds, else in seconds.
    Live {
        /// Age in milliseconds, rounded down as shown.
        age_ms: i64,
    },
    /// The connection is lost and tried again.
    Reconnecting {
        /// Seconds since it was lost.
        since_s: i64,
    },
    /// The user holds the page.
    Paused,
    /// Nothing came, or nothing for long.
    NoData {
        /// Age of the last data in milliseconds, rounded to seconds; `None` when there never were any.
        age_ms: Option<i64>,
    },
}

impl BadgeState {
    /// Live, with the age rounded to what is shown, so that equal texts are equal states.
    pub fn live(age_ms: i64) -> Self {
        let step = if age_ms < 10_000 { 100 } else { 1000 };
        Self::Live { age_ms: age_ms.max(0) / step * step }
    }

    /// No data since so many milliseconds, or ever.
    pub fn no_data(age_ms: Option<i64>) -> Self {
        Self::NoData { age_ms: age_ms.map(|age_ms| age_ms / 1000 * 1000) }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Live { .. } => "LIVE",
            Self::Reconnecting { .. } => "RECONNECTING",
            Self::Paused => "PAUSED",
            Self::NoData { .. } => "NO DATA",
        }
    }

    const fn class(self) -> &'static str {
        match self {
            Self::Live { .. } => "badge badge--live",
            Self::Reconnecting { .. } => "badge badge--reconnecting",
            Self::Paused => "badge badge--paused",
            Self::NoData { .. } => "badge badge--no-data",
        }
    }

    fn detail(self) -> String {
        match self {
            Self::Live { age_ms } | Self::NoData { age_ms: Some(age_ms) } => quantity::age(age_ms),
            Self::Reconnecting { since_s } => {
                quantity::count(u64::try_from(since_s).unwrap_or(0)) + "\u{202f}s"
            }
            Self::Paused | Self::NoData { age_ms: None } => String::new(),
        }
    }
}

/// The badge, and beside NO DATA how to get some.
#[component]
pub fn Badge(
    /// What it says.
    state: Signal<BadgeState>,
    /// True while the built-in demo exporter runs.
    is_demo: Signal<bool>,
    /// The sockets that wait for export datagrams.
    listeners: Signal<Vec<Listener>>,
) -> impl IntoView {
    let word = Memo::new(move |_| state.get().word());
    let class = Memo::new(move |_| state.get().class());
    let is_empty = Memo::new(move |_| matches!(state.get(), BadgeState::NoData { .. }));
    let badge = move || {
        view! {
            <span class=class title="Age of the latest export datagram, by the server's clock">
                <span class="badge__dot" aria-hidden="true"></span>
                <span class="badge__word" role="status">{word}</span>
                " "
                <span class="badge__age">{move || state.get().detail()}</span>
            </span>
        }
    };
    view! {
        <div class="badge-group">
            <Show when=move || is_demo.get()>
                <span class="badge badge--demo" title="The built-in demo exporter sends synthetic flows">
                    "DEMO"
                </span>
                " "
            </Show>
            {badge}
            <Show when=move || is_empty.get()>
                <details class="badge-help">
                    <summary>"Get some"</summary>
                    <div class="badge-help__text">
                        <QuickStart listeners/>
                    </div>
                </details>
            </Show>
        </div>
    }
    .into_any()
}
