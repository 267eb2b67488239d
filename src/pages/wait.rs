//! A question on its way: whether it takes long, how far it is, and how it is given up.

use std::time::Duration;

use leptos::leptos_dom::helpers::{set_interval_with_handle, set_timeout};
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::api::history::fetch_progress;
use crate::browser::page;
use crate::model::history::Progress;

/// A shorter wait is not mentioned.
const PATIENCE: Duration = Duration::from_millis(300);
/// How often the server is asked how far it is.
const POLL: Duration = Duration::from_millis(400);

/// The latest question that was asked.
#[derive(Clone, Copy)]
pub struct Wait {
    /// True while an answer is waited for.
    pub is_waiting: RwSignal<bool>,
    /// True once it takes long enough to be mentioned.
    pub is_slow: RwSignal<bool>,
    /// How far the server is.
    pub progress: RwSignal<Progress>,
    /// True when the user gave the latest question up.
    pub is_cancelled: RwSignal<bool>,
    request: StoredValue<Option<ActionAbortHandle>>,
    id: StoredValue<u64>,
}

impl Wait {
    /// Nothing asked yet.
    pub fn idle() -> Self {
        let wait = Self {
            is_waiting: RwSignal::new(false),
            is_slow: RwSignal::new(false),
            progress: RwSignal::new(Progress::default()),
            is_cancelled: RwSignal::new(false),
            request: StoredValue::new(None),
            id: StoredValue::new(0),
        };
        Effect::new(move |_| {
            if wait.is_slow.get()
                && let Ok(interval) = set_interval_with_handle(move || wait.poll(), POLL)
            {
                on_cleanup(move || interval.clear());
            }
        });
        wait
    }

    /// Asks, with the number that the server calls the question by. A former question is given up.
    pub fn begin(self, ask: impl FnOnce(u64) -> ActionAbortHandle) {
        let id = u64::try_from(page::now_ms()).unwrap_or(0).max(self.id.get_value() + 1);
        self.id.set_value(id);
        self.is_cancelled.set(false);
        self.is_waiting.set(true);
        self.progress.set(Progress::default());
        // Taking the place of a former request gives that one up.
        self.request.set_value(Some(ask(id)));
        set_timeout(move || self.mention(id), PATIENCE);
    }

    /// The answer to the question of this number is there: true when it is the one that is waited for.
    pub fn end(self, id: u64) -> bool {
        let is_the_latest = self.id.try_get_value() == Some(id);
        if is_the_latest {
            self.is_waiting.set(false);
            self.is_slow.set(false);
        }
        is_the_latest
    }

    /// Nothing is waited for any more.
    pub fn stop(self) {
        self.request.set_value(None);
        self.is_waiting.set(false);
        self.is_slow.set(false);
    }

    /// Gives the question up, as the user wishes.
    pub fn cancel(self) {
        self.stop();
        self.is_cancelled.set(true);
    }

    fn mention(self, id: u64) {
        let is_the_same = self.id.try_get_value() == Some(id);
        if is_the_same && self.is_waiting.try_get_untracked() == Some(true) {
            self.is_slow.set(true);
        }
    }

    fn poll(self) {
        let Some(id) = self.id.try_get_value() else { return };
        spawn_local(async move {
            // Not known is no harm: the answer will come.
            if let Ok(progress) = fetch_progress(id).await {
                self.progress.try_set(progress);
            }
        });
    }
}
