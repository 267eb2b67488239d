//! An answer that follows its question: the first is in the page, later ones replace it without a flicker.

use std::future::Future;

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::api::error::ApiError;

/// The latest answer, and how the next one is doing.
pub struct Follow<A: 'static> {
    /// The latest answer; it stays while the next one is on its way, and when that fails.
    pub latest: RwSignal<Option<A>>,
    /// Why the latest question has no answer.
    pub fault: RwSignal<Option<ApiError>>,
    /// True while an answer is on its way.
    pub is_asking: RwSignal<bool>,
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
    /// Begins with the answer to `answered`, and asks whenever the question is another one.
    pub fn new<Q, Answer>(
        first: Result<A, ApiError>,
        answered: Q,
        question: Memo<Q>,
        ask: impl Fn(Q) -> Answer + 'static,
    ) -> Self
    where
        Q: Clone + PartialEq + Send + Sync + 'static,
        Answer: Future<Output = Result<A, ApiError>> + 'static,
    {
        let (first, fault) = match first {
            Ok(first) => (Some(first), None),
            Err(fault) => (None, Some(fault)),
        };
        let follow = Self {
            latest: RwSignal::new(first),
            fault: RwSignal::new(fault),
            is_asking: RwSignal::new(false),
            again: Trigger::new(),
        };
        Effect::new(move |earlier: Option<()>| {
            follow.again.track();
            let asked = question.get();
            if earlier.is_none() && asked == answered {
                return;
            }
            follow.is_asking.set(true);
            let answer = ask(asked.clone());
            spawn_local(async move {
                let answer = answer.await;
                // The page may be gone by now, or asks for something else.
                if question.try_get_untracked().as_ref() == Some(&asked) {
                    follow.take(answer);
                }
            });
        });
        follow
    }

    /// Asks once more.
    pub fn retry(self) {
        self.again.notify();
    }

    fn take(self, answer: Result<A, ApiError>) {
        self.is_asking.set(false);
        match answer {
            Ok(answer) => {
                self.fault.set(None);
                self.latest.set(Some(answer));
            }
            Err(fault) => self.fault.set(Some(fault)),
        }
    }
}
