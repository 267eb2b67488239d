//! What the page shows, as its address says it.

use leptos_router::params::ParamsMap;

use crate::components::charts::time_chart::Form;
use crate::model::filter::{End, Field};
use crate::model::history::{Dimension, Metric, Sides, TopQuestion};

/// How an answer is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Chart {
    /// Lines on each other.
    #[default]
    Stacked,
    /// Lines.
    Lines,
    /// Parts of the whole.
    Shares,
    /// A small chart for each line.
    Grid,
    /// Boxes and ribbons.
    Sankey,
    /// Figures only.
    Table,
    /// The flow records.
    Flows,
}

impl Chart {
    /// Every kind, in the order of the page.
    pub const ALL: [Self; 7] =
        [Self::Stacked, Self::Lines, Self::Shares, Self::Grid, Self::Sankey, Self::Table, Self::Flows];

    /// The word of links.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stacked => "stacked",
            Self::Lines => "lines",
            Self::Shares => "shares",
            Self::Grid => "grid",
            Self::Sankey => "sankey",
            Self::Table => "table",
            Self::Flows => "flows",
        }
    }

    /// What the page calls it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Stacked => "Stacked",
            Self::Lines => "Lines",
            Self::Shares => "100 %",
            Self::Grid => "Grid",
            Self::Sankey => "Sankey",
            Self::Table => "Table",
            Self::Flows => "Flow records",
        }
    }

    /// How lines stand, where it has any.
    const fn form(self) -> Option<Form> {
        match self {
            Self::Stacked => Some(Form::Stacked),
            Self::Lines | Self::Grid => Some(Form::Lines),
            Self::Shares => Some(Form::Shares),
            Self::Sankey | Self::Table | Self::Flows => None,
        }
    }
}

/// Which flows count, and where they are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ways {
    /// One direction, or all of them together.
    Only(Sides),
    /// Inbound above the axis, outbound below it.
    Mirrored,
}

impl Default for Ways {
    fn default() -> Self {
        Self::Only(Sides::Both)
    }
}

impl Ways {
    /// Every choice, in the order of the page.
    pub const ALL: [Self; 4] =
        [Self::Only(Sides::Both), Self::Only(Sides::Inbound), Self::Only(Sides::Outbound), Self::Mirrored];

    /// The word of links.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Only(Sides::Both) => "both",
            Self::Only(Sides::Inbound) => "inbound",
            Self::Only(Sides::Outbound) => "outbound",
            Self::Mirrored => "mirrored",
        }
    }

    /// What the page calls it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Only(Sides::Both) => "all flows",
            Self::Only(Sides::Inbound) => "inbound",
            Self::Only(Sides::Outbound) => "outbound",
            Self::Mirrored => "in ↑ out ↓",
        }
    }
}

/// All that the page keeps in its address besides range and filter.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// What flows are grouped by, at most [`TopQuestion::MOST_DIMENSIONS`], none twice.
    pub by: Vec<Dimension>,
    /// What is measured.
    pub metric: Metric,
    /// How it is shown.
    pub chart: Chart,
    /// How many groups are shown, one of [`View::ROWS`].
    pub rows: u32,
    /// Which flows count.
    pub ways: Ways,
    /// True for rates, false for the amounts of each step.
    pub is_rate: bool,
    /// True when the period before is drawn as well.
    pub has_previous: bool,
    /// True when flow records are shown with all of their columns.
    pub has_all_columns: bool,
    /// The page of flow records that is shown; empty for the first.
    pub after: String,
    /// What of the address was not understood, for people.
    pub faults: Vec<String>,
}

impl Default for View {
    fn default() -> Self {
        Self {
            by: vec![Dimension::Field(Field::Country(End::Outside))],
            metric: Metric::default(),
            chart: Chart::default(),
            rows: 10,
            ways: Ways::default(),
            is_rate: true,
            has_previous: false,
            has_all_columns: false,
            after: String::new(),
            faults: Vec::new(),
        }
    }
}

impl View {
    /// How many groups can be shown.
    pub const ROWS: [u32; 4] = [5, 10, 20, 50];

    /// Reads the query; what is missing is as at first, what makes no sense as well, and is told.
    pub fn read(query: &ParamsMap) -> Self {
        let mut view = Self::default();
        let word = |name| query.get(name).filter(|word| !word.is_empty());
        if let Some(names) = word("by") {
            view.by.clear();
            for name in names.split(',').map(str::trim).filter(|name| !name.is_empty() && *name != "none") {
                match Dimension::parse(name) {
                    Ok(dimension) if view.by.contains(&dimension) => {}
                    Ok(dimension) if view.by.len() < TopQuestion::MOST_DIMENSIONS => view.by.push(dimension),
                    Ok(_) => view.faults.push(format!(
                        "More than {} dimensions: {name} is left out.",
                        TopQuestion::MOST_DIMENSIONS
                    )),
                    Err(fault) => view.faults.push(format!("Group by: {fault}.")),
                }
            }
        }
        if let Some(word) = word("metric") {
            match Metric::parse(&word) {
                Some(metric) => view.metric = metric,
                None => view
                    .faults
                    .push(format!("There is no metric {word}: write flows, bytes, packets or addresses.")),
            }
        }
        if let Some(word) = word("chart") {
            match Chart::ALL.into_iter().find(|chart| chart.name() == word) {
                Some(chart) => view.chart = chart,
                None => view.faults.push(format!(
                    "There is no chart {word}: write stacked, lines, shares, grid, sankey, table or flows."
                )),
            }
        }
        if let Some(word) = word("rows") {
            match word.parse().ok().filter(|rows| Self::ROWS.contains(rows)) {
                Some(rows) => view.rows = rows,
                None => view.faults.push(format!("The number of rows is {word}: write 5, 10, 20 or 50.")),
            }
        }
        if let Some(word) = word("sides") {
            match Ways::ALL.into_iter().find(|ways| ways.name() == word) {
                Some(ways) => view.ways = ways,
                None => view
                    .faults
                    .push(format!("There are no sides {word}: write both, inbound, outbound or mirrored.")),
            }
        }
        view.is_rate = word("unit").as_deref() != Some("total");
        view.has_previous = word("previous").as_deref() == Some("yes");
        view.has_all_columns = word("columns").as_deref() == Some("all");
        view.after = word("after").unwrap_or_default();
        view
    }

    /// The value of `by` for these dimensions.
    pub fn by_text(dimensions: &[Dimension]) -> String {
        if dimensions.is_empty() {
            return "none".to_owned();
        }
        dimensions.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    }

    /// True when the answer is a list of groups without time.
    pub fn is_top(&self) -> bool {
        let is_counted =
            self.metric == Metric::Addresses && self.chart == Chart::Table && !self.by.is_empty();
        self.chart == Chart::Sankey || is_counted
    }

    /// How lines stand, where there are any. Distinct addresses of groups do not add up: they are lines side by side.
    pub fn form(&self) -> Option<Form> {
        let form = self.chart.form()?;
        let is_counted = self.metric == Metric::Addresses && !self.by.is_empty();
        Some(if is_counted { Form::Lines } else { form })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> View {
        let mut query = ParamsMap::new();
        for (name, value) in pairs {
            query.insert((*name).to_owned(), (*value).to_owned());
        }
        View::read(&query)
    }

    #[test]
    fn a_bare_address_is_the_first_view() {
        assert_eq!(read(&[]), View::default());
    }

    #[test]
    fn an_address_says_all_that_is_shown() {
        let view = read(&[
            ("by", "src.as,service"),
            ("metric", "packets"),
            ("chart", "grid"),
            ("rows", "20"),
            ("sides", "mirrored"),
            ("unit", "total"),
            ("previous", "yes"),
        ]);
        assert_eq!(View::by_text(&view.by), "src.as,service");
        assert_eq!((view.metric, view.chart, view.rows), (Metric::Packets, Chart::Grid, 20));
        assert_eq!((view.ways, view.is_rate, view.has_previous), (Ways::Mirrored, false, true));
        assert!(view.faults.is_empty());
        assert!(read(&[("by", "none")]).by.is_empty());
    }

    #[test]
    fn what_is_not_understood_is_told_and_the_rest_holds() {
        let view =
            read(&[("by", "contry,service,service"), ("chart", "pie"), ("rows", "7"), ("metric", "flows")]);
        assert_eq!(View::by_text(&view.by), "service");
        assert_eq!((view.metric, view.chart, view.rows), (Metric::Flows, Chart::Stacked, 10));
        assert_eq!(view.faults.len(), 3);
        let many = read(&[("by", "src.as,dst.as,service,protocol,vlan")]);
        assert_eq!((many.by.len(), many.faults.len()), (4, 1));
    }
}
