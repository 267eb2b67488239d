//! The lines of an answer, as the chart draws and the table lists them.

use super::question::Answer;
use super::view::View;
use crate::components::charts::collected::Collected;
use crate::components::charts::time_axis::TimeAxis;
use crate::model::history::{AddressesOverTime, Amount, Key, Line, Metric, Series};
use crate::model::time_range::TimeRange;
use crate::model::time_words::Now;
use crate::model::traffic::Traffic;

/// A side of the axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Above: the only one, or inbound.
    Above,
    /// Below: outbound.
    Below,
}

impl Side {
    /// The sides that a table or a chart has.
    pub const fn all(has_both: bool) -> &'static [Self] {
        if has_both { &[Self::Above, Self::Below] } else { &[Self::Above] }
    }
}

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
    /// The distinct addresses above and below, where they were counted.
    pub addresses: [Option<AddressesOverTime>; 2],
}

/// The lines of an answer over time, and everything around them.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesRows {
    /// The axis of time.
    pub axis: TimeAxis,
    /// What was collected of it.
    pub collected: Collected,
    /// What is measured.
    pub metric: Metric,
    /// The rows, most first, the rest last. Nobody counts the addresses of a rest: then there is none.
    pub rows: Vec<Row>,
    /// All flows of the answer, each once.
    pub total: Row,
}

impl SeriesRows {
    /// The rows of series that were asked for with a view; `None` of another answer.
    pub fn of(answer: &Answer, view: &View, range: TimeRange, now: Now) -> Option<Self> {
        let Answer::Series { above, below, .. } = answer else { return None };
        Some(Self::of_series(above, below.as_deref(), view, range, now, 0))
    }

    /// The rows of the period before, moved to where those of this one are.
    pub fn of_previous(answer: &Answer, view: &View, range: TimeRange, now: Now) -> Option<Self> {
        let Answer::Series { previous, .. } = answer else { return None };
        let [above, below @ ..] = previous.as_slice() else { return None };
        Some(Self::of_series(above, below.first(), view, range, now, range.length_ms()))
    }

    fn of_series(
        above: &Series,
        below: Option<&Series>,
        view: &View,
        range: TimeRange,
        now: Now,
        moved_ms: i64,
    ) -> Self {
        let metric = view.metric;
        let axis = TimeAxis {
            range,
            start_ms: above.start_ms.saturating_add(moved_ms),
            step_ms: above.step_ms.max(1),
            steps: above.total.len(),
            zone_ms: i64::from(now.offset_minutes) * 60_000,
        };
        let gaps: Vec<TimeRange> = above.source.gaps.iter().map(|gap| gap.later(moved_ms)).collect();
        let has_flows =
            |series: &Series, step: usize| series.total.get(step).is_some_and(|all| !all.is_none());
        let collected = Collected::of(&axis, &gaps, |step| {
            has_flows(above, step) || below.is_some_and(|below| has_flows(below, step))
        });
        let is_rest = |line: &Line| !view.by.is_empty() && line.keys.is_empty();
        let mut rows: Vec<Row> = Vec::new();
        for line in &above.lines {
            rows.push(Row {
                keys: line.keys.clone(),
                is_rest: is_rest(line),
                above: line.points.clone(),
                addresses: [line.addresses.clone(), None],
                ..Row::default()
            });
        }
        if let Some(below) = below {
            // Both sides have the same lines, unless flows came in between.
            for line in &below.lines {
                let position = rows.iter().position(|row| row.keys == line.keys).unwrap_or(rows.len());
                if position == rows.len() {
                    rows.push(Row { keys: line.keys.clone(), is_rest: is_rest(line), ..Row::default() });
                }
                if let Some(row) = rows.get_mut(position) {
                    row.below.clone_from(&line.points);
                    row.addresses[1].clone_from(&line.addresses);
                }
            }
            for row in &mut rows {
                row.above.resize(axis.steps, Traffic::NONE);
                row.below.resize(axis.steps, Traffic::NONE);
            }
        }
        rows.retain(|row| !(row.is_rest && metric == Metric::Addresses));
        rows.sort_by_key(|row| row.is_rest);
        let total = Row {
            above: above.total.clone(),
            below: below.map(|below| below.total.clone()).unwrap_or_default(),
            addresses: [above.addresses.clone(), below.and_then(|below| below.addresses.clone())],
            ..Row::default()
        };
        Self { axis, collected, metric, rows, total }
    }

    /// True when sampling makes a difference.
    pub fn is_scaled(&self) -> bool {
        self.metric != Metric::Addresses && (sum(&self.total.above) + sum(&self.total.below)).is_scaled()
    }
}

impl Row {
    /// The traffic of each step of a side.
    pub fn traffic(&self, side: Side) -> &[Traffic] {
        match side {
            Side::Above => &self.above,
            Side::Below => &self.below,
        }
    }

    /// The distinct addresses of a side, where they were counted.
    pub fn addresses(&self, side: Side) -> Option<&AddressesOverTime> {
        let [above, below] = &self.addresses;
        match side {
            Side::Above => above.as_ref(),
            Side::Below => below.as_ref(),
        }
    }

    /// The figure of each step of a side: bytes and packets scaled by sampling.
    pub fn figures(&self, side: Side, metric: Metric) -> Vec<u64> {
        match self.addresses(side).filter(|_| metric == Metric::Addresses) {
            Some(addresses) => addresses.steps.iter().map(|step| step.count).collect(),
            None => self.traffic(side).iter().map(|point| of(*point, metric)).collect(),
        }
    }

    /// All of a side: distinct addresses of the whole range, of everything else the sum of the steps.
    pub fn amount_of(&self, side: Side, metric: Metric) -> u64 {
        let addresses = self.addresses(side).map(|addresses| addresses.whole);
        Amount { traffic: sum(self.traffic(side)), addresses }.of(metric)
    }

    /// All of both sides; an address that is on both counts twice.
    pub fn amount(&self, metric: Metric) -> u64 {
        self.amount_of(Side::Above, metric).saturating_add(self.amount_of(Side::Below, metric))
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
    use crate::model::history::{Distinct, Source};

    const RANGE: TimeRange = TimeRange { from_ms: 0, to_ms: 2_000 };

    fn traffic(bytes: u64) -> Traffic {
        Traffic { flows: 1, bytes, packets: 1, scaled_bytes: bytes, scaled_packets: 1, unknown_sampling: 0 }
    }

    fn series(lines: &[(&str, [u64; 2])], rest: Option<[u64; 2]>) -> Series {
        let points = |bytes: [u64; 2]| bytes.map(traffic).to_vec();
        let line = |value: Option<&str>, bytes| Line {
            keys: value
                .map(|value| Key { value: value.to_owned(), label: String::new() })
                .into_iter()
                .collect(),
            points: points(bytes),
            addresses: None,
        };
        let mut all: Vec<Line> = lines.iter().map(|(value, bytes)| line(Some(value), *bytes)).collect();
        all.extend(rest.map(|bytes| line(None, bytes)));
        let total =
            (0..2).map(|step| sum(&all.iter().map(|line| line.points[step]).collect::<Vec<_>>())).collect();
        let source = Source {
            tiers: Vec::new(),
            range: RANGE,
            is_complete: true,
            note: String::new(),
            gaps: Vec::new(),
            took_ms: 0,
        };
        Series { start_ms: 0, step_ms: 1_000, lines: all, total, addresses: None, source }
    }

    fn shown(rows: &SeriesRows) -> Vec<(&str, u64)> {
        let named = rows
            .rows
            .iter()
            .map(|row| (row.keys.first().map_or("", |key| key.value.as_str()), row.amount(rows.metric)));
        named.collect()
    }

    #[test]
    fn both_sides_of_a_group_are_one_row_and_the_rest_is_last() {
        let above = series(&[("FR", [5, 5]), ("DE", [10, 10])], Some([1, 1]));
        let below = series(&[("FR", [50, 0]), ("DE", [0, 0]), ("JP", [2, 2])], Some([3, 4]));
        let answer = Answer::Series { above, below: Some(Box::new(below)), previous: Vec::new() };
        let rows = SeriesRows::of(&answer, &View::default(), RANGE, Now::default()).unwrap();
        assert_eq!(shown(&rows), [("FR", 60), ("DE", 20), ("JP", 4), ("", 9)]);
        assert!(rows.rows.last().unwrap().is_rest);
        let all: u64 = rows.rows.iter().map(|row| row.amount(Metric::Bytes)).sum();
        assert_eq!(all, rows.total.amount(Metric::Bytes));
    }

    #[test]
    fn the_period_before_is_moved_with_its_gaps_to_where_this_one_is() {
        let now = TimeRange { from_ms: 2_000, to_ms: 4_000 };
        let above = Series { start_ms: 2_000, ..series(&[("DE", [10, 10])], None) };
        let mut before = series(&[("DE", [0, 7])], None);
        before.total = vec![Traffic::NONE, traffic(7)];
        before.source.gaps = vec![TimeRange { from_ms: 0, to_ms: 1_000 }];
        let answer = Answer::Series { above, below: None, previous: vec![before] };
        let rows = SeriesRows::of_previous(&answer, &View::default(), now, Now::default()).unwrap();
        assert_eq!((rows.axis.range, rows.axis.start_ms), (now, 2_000));
        assert_eq!([0, 1].map(|step| rows.collected.has(step)), [false, true]);
        let rows = SeriesRows::of(&answer, &View::default(), now, Now::default()).unwrap();
        assert_eq!(rows.collected.steps(), 2);
    }

    #[test]
    fn without_groups_there_is_one_row_of_everything() {
        let mut everything = series(&[], Some([7, 8]));
        everything.total.clone_from(&everything.lines[0].points);
        let answer = Answer::Series { above: everything, below: None, previous: Vec::new() };
        let view = View { by: Vec::new(), ..View::default() };
        let rows = SeriesRows::of(&answer, &view, RANGE, Now::default()).unwrap();
        assert_eq!(rows.rows.len(), 1);
        assert!(!rows.rows[0].is_rest);
        assert_eq!(rows.rows[0].figures(Side::Above, Metric::Bytes), [7, 8]);
    }

    #[test]
    fn addresses_of_a_range_are_not_the_sum_of_its_steps_and_a_rest_has_none() {
        let mut counted = series(&[("DE", [10, 10])], Some([1, 1]));
        let steps = vec![Distinct::exact(3), Distinct::exact(4)];
        counted.lines[0].addresses = Some(AddressesOverTime { steps, whole: Distinct::exact(5) });
        let answer = Answer::Series { above: counted, below: None, previous: Vec::new() };
        let view = View { metric: Metric::Addresses, ..View::default() };
        let rows = SeriesRows::of(&answer, &view, RANGE, Now::default()).unwrap();
        assert_eq!(shown(&rows), [("DE", 5)]);
        assert_eq!(rows.rows[0].figures(Side::Above, Metric::Addresses), [3, 4]);
    }
}
