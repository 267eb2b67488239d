//! What the page asks the server, and what it gets.

use leptos::prelude::is_server;
use serde::{Deserialize, Serialize};

use super::view::{Chart, View, Ways};
use crate::api::error::ApiError;
use crate::api::history::{fetch_flows, fetch_series, fetch_top};
use crate::model::filter_terms::with_term;
use crate::model::history::{
    Dimension, FlowPage, FlowsQuestion, Key, LinesOf, Metric, Series, SeriesQuestion, Sides, Top, TopQuestion,
};
use crate::model::time_range::TimeRange;

/// Points of a chart of the whole width.
const POINTS: u32 = 160;
/// Points of one of many small charts.
const GRID_POINTS: u32 = 80;
/// Groups that a Sankey diagram is made of.
const SANKEY_GROUPS: u32 = 1_000;
/// Flow records of a page.
const FLOWS_OF_A_PAGE: u32 = 100;

/// Everything that one picture needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Question {
    /// Lines over time.
    Series {
        /// What is drawn above the axis.
        above: SeriesQuestion,
        /// What is drawn below it.
        below: Option<SeriesQuestion>,
        /// The period before of the same, above and below.
        previous: Vec<SeriesQuestion>,
    },
    /// Groups without time.
    Top(TopQuestion),
    /// Flow records.
    Flows(FlowsQuestion),
}

/// What the server said to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// Lines over time.
    Series {
        /// What is drawn above the axis.
        above: Series,
        /// What is drawn below it.
        below: Option<Box<Series>>,
        /// The period before of the same, above and below.
        previous: Vec<Series>,
    },
    /// Groups without time.
    Top(Top),
    /// Flow records.
    Flows(FlowPage),
}

impl Answer {
    /// The keys of every row and line.
    fn keys(&self) -> Vec<&[Key]> {
        match self {
            Self::Series { above, below, .. } => {
                let lines = std::iter::once(above).chain(below.as_deref()).flat_map(|series| &series.lines);
                lines.map(|line| line.keys.as_slice()).collect()
            }
            Self::Top(top) => top.rows.iter().map(|row| row.keys.as_slice()).collect(),
            Self::Flows(_) => Vec::new(),
        }
    }

    /// What is an address in the answer, by its dimensions, maybe twice.
    pub fn addresses(&self, by: &[Dimension]) -> Vec<String> {
        if let Self::Flows(page) = self {
            let ends = page.flows.iter().flat_map(|flow| [flow.source.address, flow.destination.address]);
            return ends.map(|address| address.to_string()).collect();
        }
        let named = |keys: &[Key]| {
            let pairs = by.iter().zip(keys).filter(|(dimension, _)| dimension.is_address());
            pairs.map(|(_, key)| key.value.clone()).collect::<Vec<_>>()
        };
        self.keys().into_iter().flat_map(named).collect()
    }

    /// The names of addresses that came with the answer.
    pub fn host_names(&self, by: &[Dimension]) -> Vec<&Key> {
        if let Self::Flows(page) = self {
            return page.hosts.iter().collect();
        }
        let pairs = self.keys().into_iter().flat_map(|keys| by.iter().zip(keys));
        pairs.filter(|(dimension, _)| dimension.is_address()).map(|(_, key)| key).collect()
    }
}

impl Question {
    /// What a view needs to know, for a filter that can be read.
    pub fn of(view: &View, range: TimeRange, filter: &str) -> Self {
        let filter_of = |sides| match sides {
            Sides::Both => filter.to_owned(),
            Sides::Inbound => with_term(filter, "direction = inbound"),
            Sides::Outbound => with_term(filter, "direction = outbound"),
        };
        let side = match view.ways {
            Ways::Only(sides) => sides,
            Ways::Mirrored => Sides::Both,
        };
        if view.chart == Chart::Flows {
            return Self::Flows(FlowsQuestion {
                range,
                filter: filter_of(side),
                rows: FLOWS_OF_A_PAGE,
                after: view.after.clone(),
            });
        }
        if view.is_top() && !view.by.is_empty() {
            return Self::Top(TopQuestion {
                range,
                filter: filter_of(side),
                dimensions: view.by.clone(),
                metric: view.metric,
                rows: if view.chart == Chart::Sankey { SANKEY_GROUPS } else { view.rows },
                addresses: view.metric == Metric::Addresses,
            });
        }
        // Whatever is drawn together has the lines of this range and of all that is drawn of it.
        let lines_of = LinesOf {
            range,
            filter: match view.ways {
                Ways::Only(sides) => filter_of(sides),
                Ways::Mirrored => with_term(filter, "direction in (inbound, outbound)"),
            },
        };
        let series = |sides| SeriesQuestion {
            range,
            filter: filter_of(sides),
            dimensions: view.by.clone(),
            metric: view.metric,
            lines: view.rows,
            points: if view.chart == Chart::Grid { GRID_POINTS } else { POINTS },
            lines_of: (view.ways == Ways::Mirrored).then(|| lines_of.clone()),
        };
        let (above, below) = match view.ways {
            Ways::Only(sides) => (series(sides), None),
            Ways::Mirrored => (series(Sides::Inbound), Some(series(Sides::Outbound))),
        };
        let is_drawn = view.has_previous && matches!(view.chart, Chart::Stacked | Chart::Lines | Chart::Grid);
        let before = |question: &SeriesQuestion| SeriesQuestion {
            range: range.previous(),
            lines_of: Some(lines_of.clone()),
            ..question.clone()
        };
        let previous =
            if is_drawn { Some(&above).into_iter().chain(&below).map(before).collect() } else { Vec::new() };
        Self::Series { above, below, previous }
    }

    /// Asks the server; `id` is what it calls the question when it is asked for its progress.
    pub async fn ask(self, id: u64) -> Result<Answer, ApiError> {
        match self {
            Self::Series { above, below, previous } => {
                let above = fetch_series(above, id).await?;
                let below = match below {
                    Some(below) => Some(Box::new(fetch_series(below, id).await?)),
                    None => None,
                };
                let mut before = Vec::new();
                for question in previous {
                    before.push(fetch_series(question, id).await?);
                }
                Ok(Answer::Series { above, below, previous: before })
            }
            Self::Top(question) => Ok(Answer::Top(fetch_top(question, id).await?)),
            Self::Flows(question) => Ok(Answer::Flows(fetch_flows(question, id).await?)),
        }
    }
}

/// What the server renders the page with; nothing where the browser opens the page by itself and asks then.
pub async fn first_answer(question: Option<Question>) -> Option<Result<Answer, ApiError>> {
    match question {
        Some(question) if is_server() => Some(question.ask(0).await),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANGE: TimeRange = TimeRange { from_ms: 3_600_000, to_ms: 7_200_000 };

    #[test]
    fn both_sides_are_two_questions_that_differ_in_the_direction() {
        let view = View { ways: Ways::Mirrored, has_previous: true, ..View::default() };
        let Question::Series { above, below, previous } = Question::of(&view, RANGE, "service = 443") else {
            panic!("a chart over time asks for series")
        };
        assert_eq!(above.filter, "service = 443 and direction = inbound");
        assert_eq!(below.as_ref().unwrap().filter, "service = 443 and direction = outbound");
        let ranges: Vec<_> = previous.iter().map(|question| question.range).collect();
        assert_eq!(ranges, [RANGE.previous(), RANGE.previous()]);
        let all = [Some(&above), below.as_ref()].into_iter().flatten().chain(&previous);
        let lines_of: Vec<_> = all.map(|question| question.lines_of.clone().unwrap()).collect();
        assert_eq!(lines_of.len(), 4);
        assert!(lines_of.iter().all(|of| of.range == RANGE && of.filter.ends_with("(inbound, outbound)")));
    }

    #[test]
    fn distinct_addresses_are_counted_over_time_and_in_a_table_of_the_whole_range() {
        let view = View { metric: Metric::Addresses, ..View::default() };
        let is_series = |view: &View| match Question::of(view, RANGE, "") {
            Question::Series { above, .. } => above.metric == Metric::Addresses,
            _ => false,
        };
        assert!(is_series(&view));
        let table = View { chart: Chart::Table, ..view };
        assert!(
            matches!(Question::of(&table, RANGE, ""), Question::Top(top) if top.addresses && top.rows == 10)
        );
        assert!(is_series(&View { by: Vec::new(), ..table }));
        let most = View { rows: 50, chart: Chart::Lines, metric: Metric::Addresses, ..View::default() };
        let Question::Series { above, .. } = Question::of(&most, RANGE, "") else { panic!("series") };
        assert!(above.lines * above.points <= SeriesQuestion::MOST_ADDRESS_COUNTS);
    }
}
