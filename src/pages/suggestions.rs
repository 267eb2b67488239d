//! Values of fields for a page's filter box.

use std::time::Duration;

use leptos::leptos_dom::helpers::debounce;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::api::history::fetch_suggestions;
use crate::components::filter_bar::{Asked, ValueSource};
use crate::model::history::Key;

/// How long typing has to rest before the server is asked.
const REST: Duration = Duration::from_millis(120);

/// Asks the server when typing rests. An answer that came too late for what is wanted now is dropped.
pub fn value_source() -> ValueSource {
    let wanted = RwSignal::new(None::<Asked>);
    let answer = RwSignal::new(None::<(Asked, Vec<Key>)>);
    let mut ask = debounce(REST, move |asked: Asked| {
        spawn_local(async move {
            let found = fetch_suggestions(asked.field.clone(), asked.prefix.clone()).await;
            let is_wanted = wanted.try_get_untracked().flatten().as_ref() == Some(&asked);
            // Without an answer one types the value oneself.
            if let (true, Ok(keys)) = (is_wanted, found) {
                answer.try_set(Some((asked, keys)));
            }
        });
    });
    Effect::new(move |_| {
        if let Some(asked) = wanted.get() {
            ask(asked);
        }
    });
    let ask = Callback::new(move |asked: Asked| {
        if wanted.with_untracked(|wanted| wanted.as_ref() != Some(&asked)) {
            wanted.set(Some(asked));
        }
    });
    ValueSource { ask, answer: answer.into() }
}
