//! What the address of the replay says: range, filter, speed, moment, what is coloured, what is compared.

use leptos::prelude::*;

use super::speed::Speed;
use crate::browser::url_state::UrlState;
use crate::components::colour_legend::ColourBy;
use crate::components::filter_bar::FilterFault;
use crate::components::time_range::ChosenTime;
use crate::model::history::Metric;
use crate::model::time_range::TimeRange;
use crate::model::time_words::{self, Now, TimeWords};
use crate::pages::moments::BAR_METRICS;

/// The address, read. Copies are the same.
#[derive(Clone, Copy)]
pub struct Chosen {
    /// The address.
    pub url: UrlState,
    /// The range in words, and the page's clock.
    pub time: ChosenTime,
    /// The range; it stands still until other words are chosen, also when it ended now.
    pub range: Memo<TimeRange>,
    /// The filter in its canonical spelling; the last good one while the address has a faulty one.
    pub filter: Memo<String>,
    /// What is wrong with the filter of the address.
    pub filter_fault: Memo<Option<FilterFault>>,
    /// How fast, and which way.
    pub speed: Memo<Speed>,
    /// The same in recorded seconds in a second, negative backwards.
    pub times: Memo<f64>,
    /// The moment at which it stands; `None` when it plays.
    pub at_ms: Memo<Option<i64>>,
    /// How long the stretch is that the picture of that moment shows, milliseconds, if the address says.
    pub picture_ms: Memo<Option<i64>>,
    /// True when it begins again at its end.
    pub is_looped: Memo<bool>,
    /// What the bars over time measure, of the range and of the whole history.
    pub bars: Memo<Metric>,
    /// What colours the countries below the arcs.
    pub heat: Memo<Option<Metric>>,
    /// What the arcs' colours say.
    pub colour_by: Memo<ColourBy>,
    /// True when a second range is over the first, on one map; false when it is beside it.
    pub is_over: Memo<bool>,
}

impl Chosen {
    /// Follows the address of the page that calls this while it is made.
    pub fn here() -> Self {
        let url = UrlState::here();
        let time = ChosenTime::new(url, TimeWords::new("-1h", "now"));
        let range = Memo::new(move |_| {
            time.words.track();
            time.range.get_untracked()
        });
        let checked = Memo::new(move |_| FilterFault::check(&url.read("filter").unwrap_or_default()));
        let filter = Memo::new(move |earlier: Option<&String>| {
            checked.get().unwrap_or_else(|_| earlier.cloned().unwrap_or_default())
        });
        let speed =
            Memo::new(move |_| url.read("speed").and_then(|word| Speed::parse(&word)).unwrap_or_default());
        Self {
            url,
            time,
            range,
            filter,
            filter_fault: Memo::new(move |_| checked.get().err()),
            speed,
            times: Memo::new(move |_| speed.get().of(range.get())),
            at_ms: Memo::new(move |_| {
                let range = range.get();
                let at_ms = url.read("at").and_then(|text| time_words::parse_rfc3339(&text))?;
                Some(at_ms.clamp(range.from_ms, range.to_ms))
            }),
            picture_ms: Memo::new(move |_| url.read("picture").and_then(|text| text.parse().ok())),
            is_looped: Memo::new(move |_| url.read("loop").is_some()),
            bars: Memo::new(move |_| read_bars(url.read("metric"))),
            heat: Memo::new(move |_| url.read("heat").and_then(|word| Metric::parse(&word))),
            colour_by: Memo::new(move |_| {
                url.read("colour").and_then(|word| ColourBy::parse(&word)).unwrap_or_default()
            }),
            is_over: Memo::new(move |_| url.read("over").is_some()),
        }
    }

    /// The page's clock and zone.
    pub fn now(self) -> Signal<Now> {
        Signal::derive(move || self.time.clock.now())
    }

    /// Goes to other words, and plays them from their beginning.
    pub fn choose(self) -> Callback<TimeWords> {
        Callback::new(move |words: TimeWords| {
            self.time.clock.tick();
            self.url.push(&[("from", &words.from), ("to", &words.to), ("at", ""), ("picture", "")]);
        })
    }

    /// Goes to a range that was drawn; a moment within it stays.
    pub fn choose_range(self) -> Callback<TimeRange> {
        Callback::new(move |range: TimeRange| {
            let words = TimeWords::of(range);
            let at = self.at_ms.get_untracked().filter(|at_ms| (range.from_ms..=range.to_ms).contains(at_ms));
            let at = at.map(time_words::rfc3339).unwrap_or_default();
            self.url.push(&[("from", &words.from), ("to", &words.to), ("at", &at), ("picture", "")]);
        })
    }

    /// Says where the replay stands and how much its picture shows, so that the address is a link to this picture; its range
    /// no longer moves.
    pub fn stand_at(self, clock_ms: i64, picture_ms: Option<i64>) {
        let words = TimeWords::of(self.range.get_untracked());
        let at = time_words::rfc3339(clock_ms);
        let picture = picture_ms.filter(|length_ms| *length_ms > 0).map(|length_ms| length_ms.to_string());
        let picture = picture.unwrap_or_default();
        self.url.replace(&[("from", &words.from), ("to", &words.to), ("at", &at), ("picture", &picture)]);
    }

    /// Says that the replay plays.
    pub fn play(self) {
        self.url.replace(&[("at", ""), ("picture", "")]);
    }

    /// Lets the bars over time measure something else.
    pub fn measure(self) -> Callback<Metric> {
        Callback::new(move |metric: Metric| {
            let word = if metric == Metric::default() { "" } else { metric.name() };
            self.url.replace(&[("metric", word)]);
        })
    }

    /// Changes the speed.
    pub fn set_speed(self, speed: Speed) {
        let name = if speed == Speed::default() { String::new() } else { speed.name() };
        self.url.replace(&[("speed", &name)]);
    }
}

/// What bars measure by the word of an address: bytes unless it is one that bars can measure.
fn read_bars(word: Option<String>) -> Metric {
    let metric = word.and_then(|word| Metric::parse(&word));
    metric.filter(|metric| BAR_METRICS.contains(metric)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_measure_flows_or_bytes_whatever_an_address_says() {
        let read = |word: &str| read_bars(Some(word.to_owned()));
        assert_eq!((read("flows"), read("bytes")), (Metric::Flows, Metric::Bytes));
        assert_eq!(
            (read("addresses"), read("octets"), read_bars(None)),
            (Metric::Bytes, Metric::Bytes, Metric::Bytes)
        );
    }
}
