//! The lines of the table and what the map and the card say: every country with its figures, its share and its change.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::scale::Change;
use crate::model::countries::country;
use crate::model::history::{Amount, Distinct, Heatmap, Metric};
use crate::model::place::CountryCode;
use crate::model::quantity;

/// What the figures are compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compare {
    /// Nothing.
    #[default]
    Nothing,
    /// The same figure in the period before, as long as this one.
    Previous,
    /// The share of another figure: where a country's part of the one is not its part of the other.
    Metric(Metric),
}

impl Compare {
    /// The word in the address; empty for nothing.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Previous => "previous",
            Self::Metric(metric) => metric.name(),
        }
    }

    /// Reads that word, for a map of a metric; comparing a metric with itself is comparing nothing.
    pub fn parse(text: &str, metric: Metric) -> Self {
        match text {
            "previous" => Self::Previous,
            text => Metric::parse(text).filter(|other| *other != metric).map_or(Self::Nothing, Self::Metric),
        }
    }
}

/// What the rows are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// The country's name.
    Country,
    /// A figure.
    Metric(Metric),
    /// The change.
    Change,
}

impl Column {
    /// The word in the address.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Country => "country",
            Self::Metric(metric) => metric.name(),
            Self::Change => "change",
        }
    }

    /// Reads that word.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "country" => Some(Self::Country),
            "change" => Some(Self::Change),
            text => Metric::parse(text).map(Self::Metric),
        }
    }

    /// True when it begins with the smallest unless somebody wants otherwise.
    pub fn ascends(self) -> bool {
        self == Self::Country
    }
}

/// A country's line.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The country; `None` for addresses that no database knows.
    pub country: Option<CountryCode>,
    /// Its name.
    pub name: String,
    /// Its figures.
    pub amount: Amount,
    /// Against what it is compared with; `None` without a comparison.
    pub change: Option<Change>,
}

/// Every country of the answer, and those that only the period before has, most first.
pub fn rows(now: &Heatmap, before: Option<&Heatmap>, metric: Metric, compare: Compare) -> Vec<Row> {
    let mut earlier: HashMap<Option<CountryCode>, Amount> = before
        .filter(|_| compare == Compare::Previous)
        .map(|before| before.countries.iter().map(|entry| (entry.country, entry.amount)).collect())
        .unwrap_or_default();
    let mut rows: Vec<Row> = now
        .countries
        .iter()
        .map(|entry| {
            let was = earlier.remove(&entry.country).unwrap_or_default();
            let change = match compare {
                Compare::Nothing => None,
                Compare::Previous => before.and_then(|_| Change::of(was.of(metric), entry.amount.of(metric))),
                Compare::Metric(other) => Change::of_shares(
                    (entry.amount.of(other), now.total.of(other)),
                    (entry.amount.of(metric), now.total.of(metric)),
                ),
            };
            Row { country: entry.country, name: name(entry.country), amount: entry.amount, change }
        })
        .collect();
    rows.extend(earlier.into_iter().map(|(country, was)| Row {
        country,
        name: name(country),
        amount: Amount { addresses: was.addresses.map(|_| Distinct::exact(0)), ..Amount::default() },
        change: Change::of(was.of(metric), 0),
    }));
    sort(&mut rows, Column::Metric(metric), false);
    rows
}

/// Sorts the rows; equals by name.
pub fn sort(rows: &mut [Row], column: Column, ascending: bool) {
    rows.sort_by(|one, other| {
        let order = match column {
            Column::Country => one.name.cmp(&other.name),
            Column::Metric(metric) => one.amount.of(metric).cmp(&other.amount.of(metric)),
            Column::Change => factor(one).partial_cmp(&factor(other)).unwrap_or(Ordering::Equal),
        };
        let order = if ascending { order } else { order.reverse() };
        order.then_with(|| one.name.cmp(&other.name))
    });
}

fn factor(row: &Row) -> f64 {
    row.change.map_or(-1.0, |change| change.factor)
}

/// What a country is called; `EU` and the like, which are no countries, keep their code.
pub fn name(country_code: Option<CountryCode>) -> String {
    country_code.map_or_else(
        || "unknown country".to_owned(),
        |code| country(code).map_or_else(|| code.to_string(), |entry| entry.name.to_owned()),
    )
}

/// True when the map has a place to colour.
pub fn is_on_map(country_code: Option<CountryCode>) -> bool {
    country_code.and_then(country).is_some()
}

/// What a metric is called at the head of a column and on a switch.
pub const fn metric_label(metric: Metric) -> &'static str {
    match metric {
        Metric::Flows => "Flows",
        Metric::Bytes => "Bytes",
        Metric::Packets => "Packets",
        Metric::Addresses => "Distinct IPs",
    }
}

/// A figure of a metric in three digits.
pub fn short(metric: Metric, figure: u64) -> String {
    match metric {
        Metric::Bytes => quantity::bytes(figure),
        Metric::Flows | Metric::Packets | Metric::Addresses => quantity::short_count(figure),
    }
}

/// A figure of a metric to the last digit.
pub fn full(metric: Metric, figure: u64) -> String {
    match metric {
        Metric::Flows => quantity::counted(figure, "flow"),
        Metric::Bytes => quantity::counted(figure, "byte"),
        Metric::Packets => quantity::counted(figure, "packet"),
        Metric::Addresses if figure == 1 => "1 distinct IP".to_owned(),
        Metric::Addresses => format!("{} distinct IPs", quantity::count(figure)),
    }
}

/// How well a metric of an amount is known, for people: `exact`, `±1.6 %`, `not counted`; empty for what is always
/// exact.
pub fn certainty(amount: &Amount, metric: Metric) -> String {
    match (metric, amount.addresses) {
        (Metric::Addresses, None) => "not counted".to_owned(),
        (Metric::Addresses, Some(addresses)) if addresses.is_exact() => "exact".to_owned(),
        (Metric::Addresses, Some(addresses)) => {
            format!("±{:.1}\u{202f}%", addresses.error * 100.0)
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::history::{CountryAmount, Source};
    use crate::model::time_range::TimeRange;
    use crate::model::traffic::Traffic;

    fn amount(flows: u64, bytes: u64) -> Amount {
        let traffic = Traffic { flows, bytes, scaled_bytes: bytes, ..Traffic::NONE };
        Amount { traffic, addresses: Some(Distinct::exact(flows)) }
    }

    fn heatmap(countries: &[(&str, u64, u64)]) -> Heatmap {
        let total = countries.iter().fold((0, 0), |sum, entry| (sum.0 + entry.1, sum.1 + entry.2));
        Heatmap {
            countries: countries
                .iter()
                .map(|&(code, flows, bytes)| CountryAmount {
                    country: CountryCode::parse(code),
                    amount: amount(flows, bytes),
                })
                .collect(),
            places: Vec::new(),
            total: amount(total.0, total.1),
            source: Source {
                tiers: Vec::new(),
                range: TimeRange { from_ms: 0, to_ms: 1 },
                is_complete: true,
                note: String::new(),
                gaps: Vec::new(),
                took_ms: 0,
            },
        }
    }

    #[test]
    fn a_country_that_is_gone_is_still_a_line_and_one_that_came_is_new() {
        let (now, before) =
            (heatmap(&[("DE", 5, 50), ("FR", 2, 7)]), heatmap(&[("DE", 10, 25), ("US", 1, 1)]));
        let rows = rows(&now, Some(&before), Metric::Bytes, Compare::Previous);
        let told: Vec<_> = rows
            .iter()
            .map(|row| (row.name.as_str(), row.change.map(Change::percent).unwrap_or_default()))
            .collect();
        let percent = |text: &str| text.replace(' ', "\u{202f}");
        assert_eq!(
            told,
            [
                ("Germany", percent("+100 %")),
                ("France", "new".to_owned()),
                ("United States", percent("−100 %"))
            ]
        );
    }

    #[test]
    fn flows_and_bytes_disagree_about_the_heaviest_country() {
        let now = heatmap(&[("NL", 10, 9_000), ("DE", 90, 1_000)]);
        let mut rows = rows(&now, None, Metric::Bytes, Compare::Metric(Metric::Flows));
        assert_eq!(rows[0].name, "Netherlands");
        assert_eq!(rows[0].change.unwrap().times(), "9.0×");
        sort(&mut rows, Column::Metric(Metric::Flows), false);
        assert_eq!(rows[0].name, "Germany");
        sort(&mut rows, Column::Country, true);
        assert_eq!(rows[0].name, "Germany");
    }

    #[test]
    fn the_unknown_has_a_line_and_no_place_on_the_map() {
        let now = heatmap(&[("??", 1, 1), ("EU", 1, 1), ("DE", 1, 1)]);
        let rows = rows(&now, None, Metric::Flows, Compare::Nothing);
        let on_map: Vec<_> = rows.iter().map(|row| (row.name.as_str(), is_on_map(row.country))).collect();
        assert_eq!(on_map, [("EU", false), ("Germany", true), ("unknown country", false)]);
    }
}
