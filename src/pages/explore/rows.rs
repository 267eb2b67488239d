//! The lines of an answer, as the chart draws and the table lists them.

use super::question::Answer;
use super::view::View;
use crate::components::charts::time_axis::TimeAxis;
use crate::model::history::{Amount, Key, Line, Metric, Series};
use crate::model::time_range::TimeRange;
use crate::model::time_words::Now;
use crate::model::traffic::Traffic;

/// A line with both of its sides.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// Its values, in the order of the dimensions; empty for the rest, and for everything.
    pub keys: Vec<Key>,
    /// True for what is in no other row.
    pub is_rest: bool,
    /// The traffic of each step that is drawn above the axis.
    pub above: Vec<Traffic>,
    /// The traffic of each step that is drawn below it; empty when there is one side.
    pub below: Vec<Traffic>,
}

/// The lines of an answer over time, and everything around them.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesRows {
    /// The axis of time.
    pub axis: TimeAxis,
    /// What is measured: never distinct addresses.
    pub metric: Metric,
    /// The rows, most first, the rest last.
    pub rows: Vec<Row>,
    /// All flows of the answer, each once.
    pub total: Row,
}

impl SeriesRows {
    /// The rows of series that were asked for with a view; `None` of another answer.
    pub fn of(answer: &Answer, view: &View, range: TimeRange, now: Now) -> Option<Self> {
        let Answer::Series { above, below, .. } = answer else { return None };
        Some(Self::of_series(above, below.as_ref(), view, range, now))
    }

    /// The rows of the period before.
    pub fn of_previous(answer: &Answer, view: &View, range: TimeRange, now: Now) -> Option<Self> {
        let Answer::Series { previous, .. } = answer else { return None };
        let [above, below @ ..] = previous.as_slice() else { return None };
        let everything = View { rows: u32::MAX, ..view.clone() };
        Some(Self::of_series(above, below.first(), &everything, range.previous(), now))
    }

    fn of_series(above: &Series, below: Option<&Series>, view: &View, range: TimeRange, now: Now) -> Self {
        let metric = if view.metric == Metric::Addresses { Metric::Flows } else { view.metric };
        let axis = TimeAxis {
            range,
            start_ms: above.start_ms,
            step_ms: above.step_ms.max(1),
            steps: above.total.len(),
            zone_ms: i64::from(now.offset_minutes) * 60_000,
        };
        let mut rows: Vec<Row> = Vec::new();
        let mut rest = Row { is_rest: true, ..Row::default() };
        let is_grouped = !view.by.is_empty();
        for line in &above.lines {
            if is_grouped && line.keys.is_empty() {
                add(&mut rest.above, &line.points);
            } else {
                rows.push(Row { keys: line.keys.clone(), above: line.points.clone(), ..Row::default() });
            }
        }
        if let Some(below) = below {
            add_below(&mut rows, &mut rest, &below.lines, is_grouped);
            for row in &mut rows {
                row.above.resize(axis.steps, Traffic::NONE);
                row.below.resize(axis.steps, Traffic::NONE);
            }
        }
        rows.sort_by_key(|row| std::cmp::Reverse(row.amount(metric)));
        let most = usize::try_from(view.rows).unwrap_or(usize::MAX);
        for row in rows.drain(most.min(rows.len())..) {
            add(&mut rest.above, &row.above);
            add(&mut rest.below, &row.below);
        }
        if !sum(&rest.above).is_none() || !sum(&rest.below).is_none() {
            rest.above.resize(axis.steps, Traffic::NONE);
            if below.is_some() {
                rest.below.resize(axis.steps, Traffic::NONE);
            }
            rows.push(rest);
        }
        let total = Row {
            above: above.total.clone(),
            below: below.map(|below| below.total.clone()).unwrap_or_default(),
            ..Row::default()
        };
        Self { axis, metric, rows, total }
    }

    /// True when sampling makes a difference.
    pub fn is_scaled(&self) -> bool {
        (sum(&self.total.above) + sum(&self.total.below)).is_scaled()
    }
}

impl Row {
    /// All of it, in a metric.
    pub fn amount(&self, metric: Metric) -> u64 {
        of(sum(&self.above), metric).saturating_add(of(sum(&self.below), metric))
    }
}

/// Sums of both sides come together by their keys.
fn add_below(rows: &mut Vec<Row>, rest: &mut Row, lines: &[Line], is_grouped: bool) {
    for line in lines {
        if is_grouped && line.keys.is_empty() {
            add(&mut rest.below, &line.points);
        } else if let Some(row) = rows.iter_mut().find(|row| row.keys == line.keys) {
            row.below.clone_from(&line.points);
        } else {
            rows.push(Row { keys: line.keys.clone(), below: line.points.clone(), ..Row::default() });
        }
    }
}

fn add(points: &mut Vec<Traffic>, more: &[Traffic]) {
    points.resize(points.len().max(more.len()), Traffic::NONE);
    for (point, more) in points.iter_mut().zip(more) {
        *point += *more;
    }
}

/// What steps add up to.
pub fn sum(points: &[Traffic]) -> Traffic {
    points.iter().fold(Traffic::NONE, |sum, point| sum + *point)
}

/// The figure of a metric: bytes and packets scaled by sampling.
pub fn of(traffic: Traffic, metric: Metric) -> u64 {
    Amount { traffic, addresses: None }.of(metric)
}

/// The figure of each step.
pub fn figures(points: &[Traffic], metric: Metric) -> Vec<u64> {
    points.iter().map(|point| of(*point, metric)).collect()
}

/// The figure of a metric as it was exported.
pub const fn exported(traffic: Traffic, metric: Metric) -> u64 {
    match metric {
        Metric::Bytes => traffic.bytes,
        Metric::Packets => traffic.packets,
        Metric::Flows | Metric::Addresses => traffic.flows,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::history::Source;

    const RANGE: TimeRange = TimeRange { from_ms: 0, to_ms: 2_000 };

    fn traffic(bytes: u64) -> Traffic {
        Traffic { flows: 1, bytes, packets: 1, scaled_bytes: bytes, scaled_packets: 1, unknown_sampling: 0 }
    }

    fn series(lines: &[(&str, [u64; 2])], rest: Option<[u64; 2]>) -> Series {
        let points = |bytes: [u64; 2]| bytes.map(traffic).to_vec();
        let key = |value: &str| vec![Key { value: value.to_owned(), label: String::new() }];
        let mut all: Vec<Line> =
            lines.iter().map(|(value, bytes)| Line { keys: key(value), points: points(*bytes) }).collect();
        all.extend(rest.map(|bytes| Line { keys: Vec::new(), points: points(bytes) }));
        let total = all.iter().fold(Vec::new(), |mut total, line| {
            add(&mut total, &line.points);
            total
        });
        let source = Source {
            tiers: Vec::new(),
            range: RANGE,
            is_complete: true,
            note: String::new(),
            gaps: Vec::new(),
            took_ms: 0,
        };
        Series { start_ms: 0, step_ms: 1_000, lines: all, total, source }
    }

    #[test]
    fn both_sides_of_a_group_are_one_row_and_what_is_too_much_is_in_the_rest() {
        let above = series(&[("DE", [10, 10]), ("FR", [5, 5])], Some([1, 1]));
        let below = series(&[("FR", [50, 0]), ("JP", [2, 2])], None);
        let answer = Answer::Series { above, below: Some(below), previous: Vec::new() };
        let view = View { rows: 2, ..View::default() };
        let rows = SeriesRows::of(&answer, &view, RANGE, Now::default()).unwrap();
        let shown: Vec<_> = rows
            .rows
            .iter()
            .map(|row| (row.keys.first().map(|key| key.value.as_str()), row.amount(Metric::Bytes)))
            .collect();
        assert_eq!(shown, [(Some("FR"), 60), (Some("DE"), 20), (None, 6)]);
        assert!(rows.rows.last().unwrap().is_rest);
        let all: u64 = rows.rows.iter().map(|row| row.amount(Metric::Bytes)).sum();
        assert_eq!(all, rows.total.amount(Metric::Bytes));
    }

    #[test]
    fn without_groups_there_is_one_row_of_everything() {
        let mut everything = series(&[], Some([7, 8]));
        everything.total = everything.lines.first().unwrap().points.clone();
        let answer = Answer::Series { above: everything, below: None, previous: Vec::new() };
        let view = View { by: Vec::new(), ..View::default() };
        let rows = SeriesRows::of(&answer, &view, RANGE, Now::default()).unwrap();
        assert_eq!(rows.rows.len(), 1);
        assert!(!rows.rows.first().unwrap().is_rest);
        assert_eq!(figures(&rows.rows.first().unwrap().above, Metric::Bytes), [7, 8]);
    }
}
