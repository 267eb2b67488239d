//! One question at a time: what is shown meanwhile, how far it is, and how it is given up.

use std::time::Duration;

use leptos::leptos_dom::helpers::{set_interval_with_handle, set_timeout};
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::question::{Answer, Question};
use super::view::View;
use crate::api::error::ApiError;
use crate::api::history::fetch_progress;
use crate::browser::page;
use crate::model::history::Progress;
use crate::model::time_range::TimeRange;
use crate::model::time_words::{Now, TimeWords};

/// A shorter wait is not mentioned.
const PATIENCE: Duration = Duration::from_millis(300);
/// How often the server is asked how far it is.
const POLL: Duration = Duration::from_millis(400);

/// All that a question depends on, as it was when it was asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// The question.
    pub question: Question,
    /// How the answer is shown.
    pub view: View,
    /// When, in words.
    pub words: TimeWords,
    /// When.
    pub range: TimeRange,
    /// The clock and the zone.
    pub now: Now,
    /// The filter in its canonical spelling.
    pub filter: String,
}

impl Asked {
    fn is_same_but_for_the_time(&self, other: &Self) -> bool {
        self.words == other.words && self.view == other.view && self.filter == other.filter
    }
}

/// What is shown, and what is being asked.
#[derive(Clone, Copy)]
pub struct Asking {
    /// What is shown: the latest answer and what it answers.
    pub shown: RwSignal<Option<(Asked, Answer)>>,
    /// Why the latest question has no answer.
    pub fault: RwSignal<Option<ApiError>>,
    /// True while an answer is waited for.
    pub is_waiting: RwSignal<bool>,
    /// True once it takes long enough to be mentioned.
    pub is_slow: RwSignal<bool>,
    /// How far the server is.
    pub progress: RwSignal<Progress>,
    /// True while somebody reads or chooses: then an answer is not renewed only because time goes on.
    pub hold: RwSignal<bool>,
    /// True when the user gave the latest question up.
    pub is_cancelled: RwSignal<bool>,
    request: StoredValue<Option<ActionAbortHandle>>,
    id: StoredValue<u64>,
}

impl Asking {
    /// Begins with what the server rendered the page with.
    pub fn new(asked: Option<Asked>, first: Option<Result<Answer, ApiError>>) -> Self {
        let (shown, fault) = match (asked, first) {
            (Some(asked), Some(Ok(answer))) => (Some((asked, answer)), None),
            (_, Some(Err(fault))) => (None, Some(fault)),
            _ => (None, None),
        };
        Self {
            shown: RwSignal::new(shown),
            fault: RwSignal::new(fault),
            is_waiting: RwSignal::new(false),
            is_slow: RwSignal::new(false),
            progress: RwSignal::new(Progress::default()),
            hold: RwSignal::new(false),
            is_cancelled: RwSignal::new(false),
            request: StoredValue::new(None),
            id: StoredValue::new(0),
        }
    }

    /// Asks whenever the question changes. A former question is given up, its answer stays until the new one is there.
    pub fn follow(self, asked: Memo<Option<Asked>>) {
        let action = Action::new(move |(asked, id): &(Asked, u64)| {
            let (asked, id) = (asked.clone(), *id);
            async move {
                let answer = asked.question.clone().ask(id).await;
                self.take(asked, answer, id);
            }
        });
        Effect::new(move |_| {
            let Some(asked) = asked.get() else { return };
            let is_only_later = self.shown.with_untracked(|shown| {
                shown.as_ref().is_some_and(|(shown, _)| shown.is_same_but_for_the_time(&asked))
            });
            if self.hold.get() && is_only_later {
                return;
            }
            let is_there = self.shown.with_untracked(|shown| {
                shown.as_ref().is_some_and(|(shown, _)| shown.question == asked.question)
            });
            if is_there {
                // The same figures, shown in another way.
                self.stop();
                self.shown.update(|shown| {
                    if let Some((shown, _)) = shown {
                        *shown = asked;
                    }
                });
                return;
            }
            let id = self.next_id();
            self.is_cancelled.set(false);
            self.is_waiting.set(true);
            self.progress.set(Progress::default());
            // Taking the place of a former request gives that one up.
            self.request.set_value(Some(action.dispatch((asked, id))));
            set_timeout(move || self.mention(id), PATIENCE);
        });
        let poll = move || {
            let id = self.id.try_get_value().unwrap_or(0);
            if self.is_slow.try_get_untracked() == Some(true) {
                spawn_local(async move {
                    // Not known is no harm: the answer will come.
                    if let Ok(progress) = fetch_progress(id).await {
                        self.progress.try_set(progress);
                    }
                });
            }
        };
        Effect::new(move |_| {
            if self.is_slow.get()
                && let Ok(interval) = set_interval_with_handle(poll, POLL)
            {
                on_cleanup(move || interval.clear());
            }
        });
    }

    /// Gives the question up; what was shown before stays.
    pub fn cancel(self) {
        self.stop();
        self.is_cancelled.set(true);
    }

    fn stop(self) {
        self.request.set_value(None);
        self.is_waiting.set(false);
        self.is_slow.set(false);
    }

    fn next_id(self) -> u64 {
        let id = u64::try_from(page::now_ms()).unwrap_or(0).max(self.id.get_value() + 1);
        self.id.set_value(id);
        id
    }

    fn mention(self, id: u64) {
        let is_the_same = self.id.try_get_value() == Some(id);
        if is_the_same && self.is_waiting.try_get_untracked() == Some(true) {
            self.is_slow.set(true);
        }
    }

    fn take(self, asked: Asked, answer: Result<Answer, ApiError>, id: u64) {
        if self.id.try_get_value() != Some(id) {
            return;
        }
        self.is_waiting.set(false);
        self.is_slow.set(false);
        match answer {
            Ok(answer) => {
                self.fault.set(None);
                self.shown.set(Some((asked, answer)));
            }
            Err(fault) => self.fault.set(Some(fault)),
        }
    }
}
