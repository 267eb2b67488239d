//! The range that a page shows, kept in its address as `from` and `to`.

use leptos::prelude::*;

use super::clock::Clock;
use crate::browser::url_state::UrlState;
use crate::model::time_range::TimeRange;
use crate::model::time_words::TimeWords;

/// The chosen range of a page.
#[derive(Clone, Copy)]
pub struct ChosenTime {
    /// The words; those of the page's first view while the address has none, or none that are understood.
    pub words: Memo<TimeWords>,
    /// What the words mean now.
    pub range: Memo<TimeRange>,
    /// Why the words of the address are not understood.
    pub fault: Memo<Option<String>>,
    /// The page's clock.
    pub clock: Clock,
    url: UrlState,
}

impl ChosenTime {
    /// Follows the address of the page; `first` is what it shows without `from` and `to`. A range that ends now moves on by
    /// itself.
    pub fn new(url: UrlState, first: TimeWords) -> Self {
        let clock = Clock::at_first_render();
        let read = Memo::new(move |_| {
            let (from, to) = (url.read("from"), url.read("to"));
            TimeWords::read(from.as_deref(), to.as_deref(), clock.now())
        });
        let words = Memo::new(move |_| read.get().ok().flatten().unwrap_or_else(|| first.clone()));
        let fault = Memo::new(move |_| read.get().err());
        let range = Memo::new(move |_| {
            let now = clock.now();
            // Words that were read do resolve; the last hour stands for what cannot be.
            words
                .get()
                .resolve(now)
                .unwrap_or(TimeRange { from_ms: now.ms.saturating_sub(3_600_000), to_ms: now.ms })
        });
        clock.tick_while(Signal::derive(move || words.with(TimeWords::is_live)));
        Self { words, range, fault, clock, url }
    }

    /// Goes to other words, with a step in the history. What ends now begins with a look at the clock.
    pub fn choose(self) -> Callback<TimeWords> {
        Callback::new(move |words: TimeWords| {
            self.clock.tick();
            self.url.push(&[("from", &words.from), ("to", &words.to)]);
        })
    }

    /// Goes to a range, such as one that was drawn on a histogram.
    pub fn choose_range(self) -> Callback<TimeRange> {
        Callback::new(move |range| self.choose().run(TimeWords::of(range)))
    }
}
