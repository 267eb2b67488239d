//! The range that a page shows, kept in its address as `from` and `to`.

use std::time::Duration;

use leptos::prelude::*;

use super::clock::Clock;
use crate::browser::url_state::UrlState;
use crate::model::time_range::TimeRange;
use crate::model::time_words::TimeWords;

/// How long a range that ends now stands still, in seconds: a two-thousandth of it, within these bounds.
const PERIODS_S: (i64, i64) = (10, 300);

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
        clock.tick_every(Memo::new(move |_| {
            words.with(TimeWords::is_live).then(|| period(range.get().length_ms()))
        }));
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

/// In whole tens of seconds, so that it seldom changes while a range grows.
fn period(length_ms: i64) -> Duration {
    let seconds = (length_ms / 2_000_000).clamp(PERIODS_S.0, PERIODS_S.1) / 10 * 10;
    Duration::from_secs(u64::try_from(seconds).unwrap_or(10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_range_moves_on_every_ten_seconds_and_a_long_one_at_most_every_five_minutes() {
        let seconds = |hours: i64| period(hours * 3_600_000).as_secs();
        assert_eq!([0, 1, 6, 24, 720].map(seconds), [10, 10, 10, 40, 300]);
    }
}
