//! An answer that follows the server while something in it is on its way.

use std::time::Duration;

use leptos::leptos_dom::helpers::set_interval_with_handle;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::api::error::ApiError;
use crate::browser::{clock, page};

/// How often the server is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pace {
    /// Something changes any moment.
    Fast,
    /// Something changes by itself, and not soon.
    Slow,
}

impl Pace {
    const fn period(self) -> Duration {
        match self {
            Self::Fast => Duration::from_secs(2),
            Self::Slow => Duration::from_secs(30),
        }
    }
}

/// The latest answer.
pub struct Refresh<T: Send + Sync + 'static> {
    /// What the server last said.
    pub latest: RwSignal<T>,
    /// Why it could not be asked last.
    pub fault: RwSignal<Option<ApiError>>,
    ask: Callback<()>,
}

impl<T: Clone + PartialEq + Send + Sync + 'static> Refresh<T> {
    /// Begins with an answer; the server is asked again as often as `pace` says at a moment, in milliseconds since 1970.
    pub fn new<Answer>(
        first: T,
        pace: impl Fn(&T, i64) -> Option<Pace> + Send + Sync + 'static,
        fetch: impl Fn() -> Answer + Send + Sync + Clone + 'static,
    ) -> Self
    where
        Answer: Future<Output = Result<T, ApiError>> + 'static,
    {
        let latest = RwSignal::new(first);
        let fault = RwSignal::new(None);
        let ask = Callback::new(move |()| {
            let fetch = fetch.clone();
            spawn_local(async move {
                // What did not change is not set: menus that are open stay open.
                match fetch().await {
                    Ok(answer) => {
                        fault.try_set(None);
                        if latest.try_with_untracked(|before| *before != answer) == Some(true) {
                            latest.try_set(answer);
                        }
                    }
                    Err(error) => drop(fault.try_set(Some(error))),
                }
            });
        });
        // What is far off comes near while nothing else changes.
        let now_ms = RwSignal::new(clock::now().ms);
        let pace = Memo::new(move |_| latest.with(|latest| pace(latest, now_ms.get())));
        Effect::new(move |_| {
            if let Some(pace) = pace.get()
                && let Ok(interval) = set_interval_with_handle(
                    move || {
                        now_ms.try_set(clock::now().ms);
                        if page::is_visible() {
                            ask.run(());
                        }
                    },
                    pace.period(),
                )
            {
                on_cleanup(move || interval.clear());
            }
        });
        Self { latest, fault, ask }
    }

    /// Asks again each time that this number grows.
    pub fn after(&self, done: Signal<usize>) {
        let ask = self.ask;
        Effect::new(move |before: Option<usize>| {
            let now = done.get();
            if before.is_some_and(|before| before != now) {
                ask.run(());
            }
            now
        });
    }
}
