//! An answer that follows its question: the first is in the page, later ones replace it without a flicker.

use std::future::Future;

use leptos::prelude::*;

use crate::api::error::ApiError;
use crate::pages::wait::Wait;

/// The latest answer, and how the next one is doing.
pub struct Follow<A: 'static> {
    /// The latest answer; it stays while the next one is on its way, and when that fails.
    pub latest: RwSignal<Option<A>>,
    /// Why the latest question has no answer.
    pub fault: RwSignal<Option<ApiError>>,
    /// The next answer.
    pub wait: Wait,
    /// Asks the same once more.
    again: Trigger,
}

impl<A> Clone for Follow<A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for Follow<A> {}

impl<A: Send + Sync + 'static> Follow<A> {
    /// Begins with the answer to `answered`, and asks whenever the question is another one; the number is what the
    /// server calls the question when it is asked for its progress.
    pub fn new<Q, Answer>(
        first: Result<A, ApiError>,
        answered: Q,
        question: Memo<Q>,
        ask: impl Fn(Q, u64) -> Answer + Send + Sync + 'static,
    ) -> Self
    where
        Q: Clone + PartialEq + Send + Sync + 'static,
        Answer: Future<Output = Result<A, ApiError>> + Send + 'static,
    {
        let is_late = matches!(first, Err(ApiError::Slow));
        let (first, fault) = match first {
            Ok(first) => (Some(first), None),
            Err(fault) => (None, Some(fault)),
        };
        let follow = Self {
            latest: RwSignal::new(first),
            fault: RwSignal::new(fault),
            wait: Wait::idle(),
            again: Trigger::new(),
        };
        let action = Action::new(move |(asked, id): &(Q, u64)| {
            let (answer, id) = (ask(asked.clone(), *id), *id);
            async move {
                let answer = answer.await;
                follow.take(answer, id);
            }
        });
        Effect::new(move |earlier: Option<()>| {
            follow.again.track();
            let asked = question.get();
            if earlier.is_none() && asked == answered && !is_late {
                return;
            }
            follow.fault.set(None);
            follow.wait.begin(|id| action.dispatch((asked, id)));
        });
        follow
    }

    /// Asks once more.
    pub fn retry(self) {
        self.again.notify();
    }

    fn take(self, answer: Result<A, ApiError>, id: u64) {
        if !self.wait.end(id) {
            return;
        }
        match answer {
            Ok(answer) => {
                self.fault.set(None);
                self.latest.set(Some(answer));
            }
            Err(fault) => self.fault.set(Some(fault)),
        }
    }
}
