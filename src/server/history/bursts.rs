//! Bursts: steps of a series far above the steps around them. The rule stands at [`Events`](crate::model::history::Events).

use std::ops::Range;

use crate::model::traffic::Traffic;

/// Steps on each side that a step is compared with.
const AROUND: usize = 24;
/// With less steps than this around it, nothing stands out of anything.
const LEAST_AROUND: usize = 8;
/// A burst has at least so many times what is usual.
const TIMES: f64 = 3.0;
/// A burst is above the median by at least so many times the spread.
const SPREADS: f64 = 6.0;
/// What makes the median of distances the standard deviation of a normal distribution.
const NORMAL: f64 = 1.4826;
/// Less flows are no burst.
const LEAST_FLOWS: u64 = 20;
/// The most that are named.
pub(super) const MOST: usize = 20;

/// A stretch of steps far above the steps around it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Burst {
    /// The steps.
    pub(super) steps: Range<usize>,
    /// All of it.
    pub(super) traffic: Traffic,
    /// How many times what is usual its largest step has, in flows; `None` when its flows are not far above, infinite when
    /// nothing is usual.
    pub(super) flows: Option<f64>,
    /// The same in bytes.
    pub(super) bytes: Option<f64>,
}

impl Burst {
    /// How far it stands out.
    fn height(&self) -> f64 {
        self.flows.unwrap_or(0.0).max(self.bytes.unwrap_or(0.0))
    }
}

/// The bursts of a series by time, at most [`MOST`], and how many more there are. A step of which nothing is known is
/// `None`.
pub(super) fn bursts(points: &[Option<Traffic>]) -> (Vec<Burst>, usize) {
    let figures = |of: fn(&Traffic) -> u64| -> Vec<Option<f64>> {
        points.iter().map(|point| point.as_ref().map(|point| number(of(point)))).collect()
    };
    let (flows, bytes) = (figures(|traffic| traffic.flows), figures(|traffic| traffic.scaled_bytes));
    let mut found: Vec<Burst> = Vec::new();
    for (step, point) in points.iter().enumerate() {
        let Some(point) = point else { continue };
        let heights = (stands_out(&flows, step), stands_out(&bytes, step));
        if heights == (None, None) {
            continue;
        }
        match found.last_mut().filter(|last| last.steps.end == step) {
            Some(last) => {
                last.steps.end += 1;
                last.traffic += *point;
                last.flows = larger(last.flows, heights.0);
                last.bytes = larger(last.bytes, heights.1);
            }
            None => found.push(Burst {
                steps: step..step + 1,
                traffic: *point,
                flows: heights.0,
                bytes: heights.1,
            }),
        }
    }
    found.retain(|burst| burst.traffic.flows >= LEAST_FLOWS);
    found.sort_by(|one, other| other.height().total_cmp(&one.height()));
    let left_out = found.len().saturating_sub(MOST);
    found.truncate(MOST);
    found.sort_by_key(|burst| burst.steps.start);
    (found, left_out)
}

/// How many times what is usual a step has, when that makes it a burst.
fn stands_out(figures: &[Option<f64>], step: usize) -> Option<f64> {
    let figure = figures.get(step).copied().flatten()?;
    let begin = step.saturating_sub(AROUND);
    let around = figures.iter().enumerate().skip(begin).take(step - begin + 1 + AROUND);
    let mut around: Vec<f64> =
        around.filter(|(at, _)| *at != step).filter_map(|(_, figure)| *figure).collect();
    if around.len() < LEAST_AROUND {
        return None;
    }
    let mean = around.iter().sum::<f64>() / number(around.len() as u64);
    let median = median(&mut around)?;
    let mut distances: Vec<f64> = around.iter().map(|figure| (figure - median).abs()).collect();
    let spread = self::median(&mut distances)? * NORMAL;
    let usual = median.max(mean);
    let is_burst = figure > 0.0 && figure >= TIMES * usual && figure >= median + SPREADS * spread;
    is_burst.then_some(if usual > 0.0 { figure / usual } else { f64::INFINITY })
}

fn median(figures: &mut [f64]) -> Option<f64> {
    let middle = figures.len() / 2;
    (middle < figures.len()).then(|| *figures.select_nth_unstable_by(middle, f64::total_cmp).1)
}

fn larger(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.max(other)),
        (one, other) => one.or(other),
    }
}

#[expect(clippy::cast_precision_loss, reason = "what stands out does so by more than a rounding")]
const fn number(figure: u64) -> f64 {
    figure as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(flows: u64, bytes: u64) -> Option<Traffic> {
        let traffic = Traffic { flows, scaled_bytes: bytes, bytes, ..Traffic::NONE };
        (!traffic.is_none()).then_some(traffic)
    }

    /// Traffic that goes up and down by a fifth.
    fn usual(steps: u64) -> Vec<Option<Traffic>> {
        (0..steps).map(|step| point(100 + step * 7 % 21, 50_000 + step * 997 % 10_000)).collect()
    }

    #[test]
    fn steps_in_a_row_are_one_burst_and_many_flows_need_not_be_many_bytes() {
        let mut points = usual(120);
        points[40] = point(1_000, 60_000);
        points[41] = point(900, 55_000);
        points[80] = point(110, 900_000);
        let (found, left_out) = bursts(&points);
        let stretches: Vec<_> = found.iter().map(|burst| burst.steps.clone()).collect();
        assert_eq!((stretches, left_out), (vec![40..42, 80..81], 0));
        assert_eq!((found[0].traffic.flows, found[0].bytes), (1_900, None));
        assert!(found[0].flows.unwrap() > 7.0 && found[1].flows.is_none() && found[1].bytes.unwrap() > 12.0);
    }

    #[test]
    fn usual_traffic_a_rise_that_stays_and_a_gap_are_no_bursts() {
        assert_eq!(bursts(&usual(300)), (Vec::new(), 0));
        let mut rise = usual(100);
        rise.extend(usual(100).into_iter().map(|point| {
            point.map(|point| Traffic {
                flows: point.flows * 2,
                scaled_bytes: point.scaled_bytes * 2,
                ..point
            })
        }));
        assert_eq!(bursts(&rise), (Vec::new(), 0));
        let mut gap = usual(100);
        gap[30..60].fill(None);
        assert_eq!(bursts(&gap), (Vec::new(), 0));
        assert_eq!(bursts(&usual(5)), (Vec::new(), 0));
    }

    #[test]
    fn a_few_flows_in_silence_are_no_burst_and_many_are() {
        let mut points = vec![Some(Traffic::NONE); 60];
        points[10] = point(3, 9_000_000);
        points[30] = point(500, 20_000);
        let (found, _) = bursts(&points);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].steps, 30..31);
        assert!(found[0].flows.unwrap() > 1_000.0);
    }

    #[test]
    fn only_those_that_stand_out_most_are_named() {
        let mut points = usual(2_000);
        for (step, point_at) in points.iter_mut().enumerate().filter(|(step, _)| step % 60 == 30) {
            *point_at = point(1_000 + step as u64, 50_000);
        }
        let (found, left_out) = bursts(&points);
        assert_eq!((found.len(), left_out), (MOST, 33 - MOST));
        assert!(found[0].steps.start > 600);
    }
}
