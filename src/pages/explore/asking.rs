//! One question at a time, and what is shown meanwhile.

use leptos::prelude::*;

use super::question::{Answer, Question};
use super::view::View;
use crate::api::error::ApiError;
use crate::model::time_range::TimeRange;
use crate::model::time_words::{Now, TimeWords};
use crate::pages::wait::Wait;

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
    /// The next answer.
    pub wait: Wait,
    /// True while somebody reads or chooses: then an answer is not renewed only because time goes on.
    pub hold: RwSignal<bool>,
    again: Trigger,
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
            wait: Wait::idle(),
            hold: RwSignal::new(false),
            again: Trigger::new(),
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
            self.again.track();
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
                self.wait.stop();
                self.shown.update(|shown| {
                    if let Some((shown, _)) = shown {
                        *shown = asked;
                    }
                });
                return;
            }
            self.fault.set(None);
            self.wait.begin(|id| action.dispatch((asked, id)));
        });
    }

    /// Asks the latest question once more.
    pub fn retry(self) {
        self.again.notify();
    }

    fn take(self, asked: Asked, answer: Result<Answer, ApiError>, id: u64) {
        if !self.wait.end(id) {
            return;
        }
        match answer {
            Ok(answer) => {
                self.fault.set(None);
                self.shown.set(Some((asked, answer)));
            }
            Err(fault) => self.fault.set(Some(fault)),
        }
    }
}
