//! What the address of the heatmap says: range, filter, metric, sides, scale, comparison, order.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::browser::url_state::UrlState;
use crate::components::filter_bar::FilterFault;
use crate::components::heatmap::choice::Choosable;
use crate::components::heatmap::country_table::Sorting;
use crate::components::heatmap::rows::{Column, Compare, metric_label};
use crate::components::heatmap::scale::Scale;
use crate::components::replay_link::replay_href;
use crate::components::time_range::ChosenTime;
use crate::model::history::{Metric, Sides};
use crate::model::place::CountryCode;
use crate::model::time_range::TimeRange;
use crate::model::time_words::TimeWords;

/// What the server is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// When.
    pub range: TimeRange,
    /// Which flows.
    pub filter: String,
    /// Which way they go.
    pub sides: Sides,
    /// Whether the period before is wanted too.
    pub with_previous: bool,
}

/// The address, read.
#[derive(Clone, Copy)]
pub struct Chosen {
    /// The address.
    pub url: UrlState,
    /// The range.
    pub time: ChosenTime,
    /// The filter in its canonical spelling; the last good one while the address has a faulty one.
    pub filter: Memo<String>,
    /// What is wrong with the filter of the address.
    pub filter_fault: Memo<Option<FilterFault>>,
    /// What is measured.
    pub metric: Memo<Metric>,
    /// Which way flows go.
    pub sides: Memo<Sides>,
    /// How figures become colours.
    pub scale: Memo<Scale>,
    /// What is compared.
    pub compare: Memo<Compare>,
    /// What the table is sorted by.
    pub column: Memo<Column>,
    /// True when the smallest is first.
    pub ascending: Memo<bool>,
    /// What to ask the server for.
    pub asked: Memo<Asked>,
}

impl Chosen {
    /// Follows the address of the page that calls this while it is made.
    pub fn here() -> Self {
        let url = UrlState::here();
        let time = ChosenTime::new(url, TimeWords::new("-24h", "now"));
        let checked = Memo::new(move |_| FilterFault::check(&url.read("filter").unwrap_or_default()));
        let filter = Memo::new(move |earlier: Option<&String>| {
            checked.get().unwrap_or_else(|_| earlier.cloned().unwrap_or_default())
        });
        let metric =
            Memo::new(move |_| url.read("metric").and_then(|word| Metric::parse(&word)).unwrap_or_default());
        let sides = Memo::new(move |_| url.read("sides").map(|word| sides_of(&word)).unwrap_or_default());
        let compare =
            Memo::new(move |_| Compare::parse(&url.read("compare").unwrap_or_default(), metric.get()));
        let sorted = move || url.read("sort").and_then(|word| Column::parse(&word));
        let column = Memo::new(move |_| match sorted() {
            Some(Column::Change) if compare.get() == Compare::Nothing => Column::Metric(metric.get()),
            Some(column) => column,
            None => Column::Metric(metric.get()),
        });
        let ascending = Memo::new(move |_| match url.read("order").as_deref() {
            Some("ascending") => true,
            Some("descending") => false,
            _ => column.get().ascends(),
        });
        let with_previous = Memo::new(move |_| compare.get() == Compare::Previous);
        Self {
            url,
            time,
            filter,
            filter_fault: Memo::new(move |_| checked.get().err()),
            metric,
            sides,
            scale: Memo::new(move |_| {
                url.read("scale").and_then(|word| Scale::parse(&word)).unwrap_or_default()
            }),
            compare,
            column,
            ascending,
            asked: Memo::new(move |_| Asked {
                range: time.range.get(),
                filter: filter.get(),
                sides: sides.get(),
                with_previous: with_previous.get(),
            }),
        }
    }

    /// The order of the table, with its links.
    pub fn sorting(self) -> Sorting {
        Sorting {
            column: self.column.into(),
            ascending: self.ascending.into(),
            href: Callback::new(move |(column, ascending): (Column, bool)| {
                let order = if ascending { "ascending" } else { "descending" };
                self.url.url(&[("sort", column.name()), ("order", order)])
            }),
        }
    }

    /// The address of a country's page, with everything else as it is.
    pub fn country_href(self) -> Callback<Option<CountryCode>, String> {
        Callback::new(move |code: Option<CountryCode>| {
            let code = code.map_or_else(|| "unknown".to_owned(), |code| code.to_string());
            format!("/heatmap/{code}{}", self.query())
        })
    }

    /// The query of the address with its question mark; empty when there is none.
    pub fn query(self) -> String {
        let url = self.url.url(&[]);
        url.split_once('?').map(|(_, query)| format!("?{query}")).unwrap_or_default()
    }

    /// The explorer with this range, metric and filter; `term` is added to the filter.
    pub fn explore_href(self, term: &str) -> String {
        let words = self.time.words.get();
        let mut query = leptos_router::params::ParamsMap::new();
        query.insert("from", words.from);
        query.insert("to", words.to);
        query.insert("filter", all_of(&[&self.filter.get(), sides_term(self.sides.get()), term]));
        query.insert("metric", self.metric.get().name().to_owned());
        format!("/explore{}", query.to_query_string())
    }

    /// The replay of this range and filter, with the countries coloured by the metric; `term` is added to the filter.
    pub fn replay_href(self, term: &str) -> String {
        let sides = match self.sides.get() {
            Sides::Both => "",
            sides => sides_term(sides),
        };
        let filter = all_of(&[&self.filter.get(), sides, term]);
        let href = replay_href(&self.time.words.get(), &filter, "");
        format!("{href}&heat={}", self.metric.get().name())
    }

    /// The switch between the sides.
    pub fn sides_choice(self) -> Signal<Vec<Choosable>> {
        let option = move |sides, name, meaning, word| Choosable {
            name,
            meaning,
            href: self.url.url(&[("sides", word)]),
            is_chosen: self.sides.get() == sides,
        };
        Memo::new(move |_| {
            vec![
                option(
                    Sides::Both,
                    "Both",
                    "Inbound, outbound and transit; internal flows have no country outside",
                    "",
                ),
                option(
                    Sides::Inbound,
                    "Inbound",
                    "From outside to a home network",
                    sides_word(Sides::Inbound),
                ),
                option(
                    Sides::Outbound,
                    "Outbound",
                    "From a home network to the outside",
                    sides_word(Sides::Outbound),
                ),
            ]
        })
        .into()
    }

    /// The switch between the scales.
    pub fn scale_choice(self) -> Signal<Vec<Choosable>> {
        Memo::new(move |_| {
            let option = |scale: Scale| Choosable {
                name: scale.label(),
                meaning: scale.meaning(),
                href: self.url.url(&[("scale", scale.name())]),
                is_chosen: self.scale.get() == scale,
            };
            Scale::ALL.map(option).to_vec()
        })
        .into()
    }

    /// The switch between the comparisons: nothing, the period before, and the other metrics.
    pub fn compare_choice(self) -> Signal<Vec<Choosable>> {
        Memo::new(move |_| {
            let metric = self.metric.get();
            let option = |compare: Compare, name, meaning| Choosable {
                name,
                meaning,
                href: self.url.url(&[("compare", compare.name())]),
                is_chosen: self.compare.get() == compare,
            };
            let others = Metric::ALL.into_iter().filter(|other| *other != metric);
            let meaning = "Where a country's part of the one is not its part of the other: many flows is not many bytes";
            let others = others.map(|other| option(Compare::Metric(other), metric_label(other), meaning));
            let first = [
                option(Compare::Nothing, "Nothing", "The figures themselves"),
                option(Compare::Previous, "Period before", "The change since the period before, as long as this one"),
            ];
            first.into_iter().chain(others).collect()
        })
        .into()
    }
}

fn sides_of(word: &str) -> Sides {
    [Sides::Inbound, Sides::Outbound].into_iter().find(|sides| sides_word(*sides) == word).unwrap_or_default()
}

/// The word of links and of the API.
pub const fn sides_word(sides: Sides) -> &'static str {
    match sides {
        Sides::Inbound => "inbound",
        Sides::Outbound => "outbound",
        Sides::Both => "both",
    }
}

/// The filter term of the sides, for questions that know no sides. Internal flows have no outside.
pub const fn sides_term(sides: Sides) -> &'static str {
    match sides {
        Sides::Inbound => "direction = inbound",
        Sides::Outbound => "direction = outbound",
        Sides::Both => "direction in (inbound, outbound, transit)",
    }
}

/// The filter that demands all of these; empty ones demand nothing.
pub fn all_of(filters: &[&str]) -> String {
    let filters: Vec<&str> = filters.iter().copied().filter(|filter| !filter.is_empty()).collect();
    match filters.as_slice() {
        [one] => (*one).to_owned(),
        many => many.iter().map(|filter| format!("({filter})")).collect::<Vec<_>>().join(" and "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::filter::Filter;

    #[test]
    fn every_filter_that_the_page_puts_together_is_understood() {
        for sides in [Sides::Inbound, Sides::Outbound, Sides::Both] {
            for filter in ["", "port = 53 or port = 443"] {
                for country in ["", "outside.country = unknown", "outside.country = \"DE\""] {
                    let all = all_of(&[filter, sides_term(sides), country]);
                    assert!(all.parse::<Filter>().is_ok(), "{all}");
                }
            }
        }
        assert_eq!(all_of(&["", ""]), "");
    }
}
